"""The base of models that generate samples from latent vectors."""

import warnings

import keras
import numpy as np
from keras import ops

from keras_gans.losses.pairs import adversarial_loss_pair
from keras_gans.models.adversarial_model import AdversarialModel
from keras_gans.models.seeds import ReplicaSeedGenerator
from keras_gans.models.structure import compatible, shapes_of

LATENT_DISTRIBUTIONS = ("uniform", "normal")
_GENERATE_BATCH = 256


class GenerativeModel(AdversarialModel):
    """Base class of models with one generator of latent vectors and one discriminator.

    It owns what the seven papers share: the latent distribution, drawn from a saved
    seed and differently on every replica; `generate`; `compile`; checks of networks and
    data; the losses of a discriminator that returns logits. A subclass names its
    paper's loss and writes `train_step`.

    Class attributes:
        default_adversarial_loss: What `adversarial_loss` is by default.
        discriminator_outputs: What the discriminator returns, `"logits"` or
            `"energies"`.

    Args:
        generator: Built `keras.Model` from latent vectors `(batch, latent_dim)` to
            samples: images in [-1, 1] or points.
        discriminator: Built `keras.Model` from samples to logits, `(batch, 1)` or
            patch-shaped, `(batch, h, w, 1)`, without an activation at the end.
        latent_distribution: `"uniform"` in [-1, 1], as in the first papers, or
            `"normal"`, the standard normal distribution. That is the default of WGAN
            and WGAN-GP, the former of all others.
        latent_dim: Optional positive integer that is compared with the generator's.
        seed: Optional integer, the seed of all latent vectors and penalties.
        classes: Optional integer, the number of classes of a conditional model.
        **kwargs: `ema_decay`, `name` and so on of `AdversarialModel`.

    Call arguments:
        inputs: Latent vectors, float tensor of shape `(batch, latent_dim)`.

    Returns:
        Generated images in [-1, 1], shape `(batch, height, width, channels)`.
    """

    export_kind = "generation"
    default_adversarial_loss = "non_saturating"
    discriminator_outputs = "logits"
    loss_names = ("discriminator_loss", "generator_loss")

    def __init__(
        self,
        generator,
        discriminator,
        latent_distribution="uniform",
        latent_dim=None,
        seed=None,
        classes=None,
        **kwargs,
    ):
        super().__init__(
            networks={"generator": generator, "discriminator": discriminator}, **kwargs
        )
        if latent_distribution not in LATENT_DISTRIBUTIONS:
            raise ValueError(
                f"Argument `latent_distribution` must be one of {LATENT_DISTRIBUTIONS}."
                f" Received: latent_distribution={latent_distribution!r}"
            )
        self.latent_distribution = latent_distribution
        self.classes = classes
        self.seed = seed
        self.seed_generator = ReplicaSeedGenerator(seed)
        self._check_networks()
        self.latent_dim = shapes_of(generator.input_shape)[0][-1]
        if latent_dim not in (None, self.latent_dim):
            raise ValueError(
                "Argument `latent_dim` must be the size of the latent vectors that the "
                f"generator takes, {self.latent_dim}. Received: latent_dim={latent_dim}"
            )

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss=None,
        penalty=None,
        **kwargs,
    ):
        """Configures training; every argument has the paper's default.

        Args:
            generator_optimizer: Optimizer or its name, `default_optimizer` by default:
                `Adam(2e-4, beta_1=0.5)`, DCGAN's, if the model says nothing else.
            discriminator_optimizer: Likewise.
            adversarial_loss: Name or pair of losses, see
                `keras_gans.losses.adversarial_loss_pair`; `default_adversarial_loss` by
                default.
            penalty: Penalty of the discriminator's gradient, or its name, see
                `keras_gans.losses.get_penalty`. Defaults to the paper's: none but for
                WGAN-GP.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` and
                `auto_scale_loss` of `keras.Model.compile`.
        """
        if adversarial_loss is None:
            adversarial_loss = self.default_adversarial_loss
        self.compile_roles(
            optimizers={
                "generator": generator_optimizer,
                "discriminator": discriminator_optimizer,
            },
            losses={
                "adversarial_loss": adversarial_loss_pair(
                    adversarial_loss, self.discriminator_outputs
                ),
                "penalty": penalty,
            },
            **kwargs,
        )

    # Sampling ------------------------------------------------------------------------

    def sample_latent(self, count, seed=None):
        """Draws latent vectors.

        Args:
            count: Integer or scalar tensor.
            seed: Integer for the same vectors at every call. By default the model's own
                generator, whose state is saved.

        Returns:
            Float tensor of shape `(count, latent_dim)`.
        """
        shape = (count, self.latent_dim)
        seed = self.seed_generator if seed is None else seed
        return draw_latent(self.latent_distribution, shape, seed)

    def call(self, inputs, training=False):
        generator = self.generator if training else self.inference_network("generator")
        return generator(inputs, training=training)

    def generate(self, n, labels=None, seed=None):
        """Generates samples. It does not touch the random state of the training.

        Args:
            n: Positive integer, the number of samples.
            labels: Integer or array of shape `(n,)` with the classes wanted, for
                conditional models. By default the classes in turn, 0, 1, 2, ...
            seed: Optional integer, gives the same samples for the same weights.

        Returns:
            NumPy array of float32, `(n, height, width, channels)` in [-1, 1] for
            images.

        Raises:
            ValueError: If `n` is not a positive integer, or `labels` do not fit.
        """
        generator = self.inference_network("generator")

        def generate_batch(*inputs):
            return generator(self._generator_inputs(*inputs), training=False)

        return generate_in_batches(self, generate_batch, n, labels, seed)

    @staticmethod
    def _generator_inputs(latent, labels):
        return latent if labels is None else [latent, labels]

    # Losses --------------------------------------------------------------------------

    def make_samples(self, samples, labels=None, training=True, seed=None):
        """Generates as many samples as there are in a batch of real ones."""
        latent = self.sample_latent(ops.shape(samples)[0], seed)
        return self.generator(self._generator_inputs(latent, labels), training=training)

    def discriminate(self, samples, labels=None, training=True):
        """Returns the discriminator's outputs for a list of batches, one for each.

        Args:
            samples: List of tensors, batches of samples.
            labels: Labels of each batch, for conditional models.
            training: Boolean.
        """
        if labels is not None:
            samples = [[sample, labels] for sample in samples]
        return self.call_together(self.discriminator, samples, training)

    def discriminator_losses(self, real, fake, labels=None, training=True):
        """Returns the dict of the losses of the discriminator, its penalty included."""
        outputs = self.discriminate([real, fake], labels, training)
        penalty = self.penalty_of(
            lambda samples: self.discriminate([samples], labels, training)[0],
            real,
            fake,
            training,
        )
        return {"discriminator_loss": self.adversarial_loss[0](*outputs) + penalty}

    def generator_losses(self, real, fake, labels=None, training=True):
        """Returns the dict of the losses of the generator."""
        loss = self.deception_loss(
            lambda samples: self.discriminate(samples, labels, training), real, fake
        )
        return {"generator_loss": loss}

    def discriminator_loss(self, *args, **kwargs):
        """Deprecated, see `discriminator_losses`."""
        _warn_of_new_name("discriminator_loss", "discriminator_losses")
        return self.discriminator_losses(*args, **kwargs)["discriminator_loss"]

    def generator_loss(self, *args, **kwargs):
        """Deprecated, see `generator_losses`."""
        _warn_of_new_name("generator_loss", "generator_losses")
        return self.generator_losses(*args, **kwargs)["generator_loss"]

    def test_step(self, data):
        real, labels = self.unpack(data)
        # Always the same latent vectors: an evaluation leaves the random state alone.
        fake = self.make_samples(real, labels, training=False, seed=0)
        return self.log(
            self.discriminator_losses(real, fake, labels, training=False)
            | self.generator_losses(real, fake, labels, training=False)
        )

    # Data ----------------------------------------------------------------------------

    def unpack(self, data):
        """Returns `(samples, labels)` of a batch; labels are None if not wanted."""
        samples, labels = _unpack(data)
        return samples, (None if self.classes is None else ops.cast(labels, "int32"))

    def build_state(self, element_spec):
        samples, _ = _unpack(element_spec)
        expected = shapes_of(self.discriminator.input_shape)[0]
        if not compatible(samples.shape, expected):
            raise ValueError(
                "Data must be batches of samples of shape "
                f"{('batch', *expected[1:])}, as the discriminator sees them. "
                f"Received batches of shape {tuple(samples.shape)}."
            )

    # Configuration -------------------------------------------------------------------

    def get_config(self):
        return {
            **super().get_config(),
            "latent_distribution": self.latent_distribution,
            "seed": self.seed,
        }

    def _check_networks(self):
        latent = shapes_of(self.generator.input_shape)
        samples = shapes_of(self.discriminator.input_shape)
        inputs = 1 if self.classes is None else 2
        for name, shapes, what in (
            ("generator", latent, "latent vectors"),
            ("discriminator", samples, "samples"),
        ):
            if len(shapes) != inputs:
                wanted = f"{what} alone" if inputs == 1 else f"[{what}, labels]"
                raise ValueError(
                    f"Argument `{name}` must be a network of {wanted}. "
                    f"Received a network of {len(shapes)} inputs."
                )
        if len(latent[0]) != 2 or latent[0][-1] is None:
            raise ValueError(
                "Argument `generator` must take latent vectors of shape (batch, "
                f"latent_dim). Received a network of inputs of shape {latent[0]}."
            )
        generated = self.generator.output_shape
        if not compatible(generated, samples[0]):
            raise ValueError(
                "Argument `discriminator` must see what the generator makes, samples "
                f"of shape {generated}. Received a network of samples of shape "
                f"{samples[0]}."
            )
        self._check_discriminator_output()

    def _check_discriminator_output(self):
        outputs = shapes_of(self.discriminator.output_shape)
        if len(outputs) != 1 or len(outputs[0]) < 2 or outputs[0][-1] != 1:
            raise ValueError(
                "Argument `discriminator` must give logits, (batch, 1) or patch-shaped "
                f"(batch, h, w, 1). Received a network with outputs {outputs}; "
                "auto-encoders are for `EBGAN` and `BEGAN`."
            )
        samples = shapes_of(self.discriminator.input_shape)[0]
        if len(outputs[0]) == len(samples) and samples[1:] == outputs[0][1:]:
            raise ValueError(
                "Argument `discriminator` must give logits. Received a network whose "
                f"outputs have the shape of its samples, {samples}: an auto-encoder, "
                "as `EBGAN` and `BEGAN` want it."
            )


def draw_latent(distribution, shape, seed, dtype=None):
    """Draws latent vectors of one of `LATENT_DISTRIBUTIONS`."""
    if distribution == "uniform":
        return keras.random.uniform(shape, -1.0, 1.0, dtype=dtype, seed=seed)
    return keras.random.normal(shape, dtype=dtype, seed=seed)


def generate_in_batches(model, generate_batch, n, labels, seed):
    """Generates samples from latent vectors; see `GenerativeModel.generate`.

    Args:
        model: Object with `classes` and `sample_latent(count, seed)`.
        generate_batch: Function of latent vectors and labels (or `None`).
        n, labels, seed: As for `GenerativeModel.generate`.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ValueError(f"Argument `n` must be a positive integer. Received: n={n!r}")
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0])
    labels = _labels_to_generate(model, n, labels)
    latent = model.sample_latent(int(n), seed)
    parts = []
    for start in range(0, n, _GENERATE_BATCH):
        part = slice(start, start + _GENERATE_BATCH)
        batch = generate_batch(latent[part], None if labels is None else labels[part])
        parts.append(ops.convert_to_numpy(batch))
    return np.concatenate(parts)


def _labels_to_generate(model, n, labels):
    if model.classes is None:
        if labels is not None:
            raise ValueError(
                f"{type(model).__name__} is not conditional and generates without "
                f"`labels`. Received: labels={labels!r}"
            )
        return None
    labels = np.arange(n) % model.classes if labels is None else np.asarray(labels)
    if labels.ndim == 0:
        labels = np.full(n, labels)
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"Argument `labels` must be an integer or {n} integers. Received an "
            f"array of shape {labels.shape} and dtype {labels.dtype}."
        )
    check_labels(labels, model.classes)
    return ops.convert_to_tensor(labels, "int32")


def check_labels(labels, classes):
    """Raises a `ValueError` unless all labels are in [0, classes)."""
    if len(labels) and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(
            f"Labels must lie in [0, {classes}), as the model has classes={classes}. "
            f"Received labels from {labels.min()} to {labels.max()}."
        )


def _unpack(data):
    if isinstance(data, (tuple, list)):
        samples, labels, *_ = (*data, None)
        return samples, labels
    return data, None


def _warn_of_new_name(old, new):
    warnings.warn(
        f"`{old}` has become `{new}`, which returns a dict.",
        DeprecationWarning,
        stacklevel=3,
    )
