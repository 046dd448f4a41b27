"""The base of models that generate samples from latent vectors."""

import keras
import numpy as np
from keras import ops

from keras_gans.checks import non_negative_float, one_of, positive_integer, require
from keras_gans.distribution import draw
from keras_gans.losses.common import compatible
from keras_gans.losses.edge import MeanEdgeLoss
from keras_gans.losses.pairs import adversarial_loss_pair
from keras_gans.models.adversarial_model import AdversarialModel
from keras_gans.models.inputs import (
    check_images,
    check_integer_labels,
    check_is_batch,
)
from keras_gans.models.seeds import ReplicaSeedGenerator
from keras_gans.models.structure import shapes_of

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
        edge_weight: Non-negative float, weight of an edge loss that is added to the
            generator's, the future work of the survey of the seven papers, and in none
            of them. Defaults to 0, none.
        **kwargs: `ema_decay`, `name` and so on of `AdversarialModel`.

    Call arguments:
        inputs: Latent vectors, float tensor of shape `(batch, latent_dim)`.

    Returns:
        Generated images in [-1, 1], shape `(batch, height, width, channels)`.
    """

    export_kind = "generation"
    unsaved_arguments = ("networks", "latent_dim", "classes")
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
        edge_weight=0.0,
        **kwargs,
    ):
        super().__init__(
            networks={"generator": generator, "discriminator": discriminator}, **kwargs
        )
        one_of("latent_distribution", latent_distribution, LATENT_DISTRIBUTIONS)
        self.latent_distribution = latent_distribution
        self.classes = classes
        self.seed = seed
        self.seed_generator = ReplicaSeedGenerator(seed)
        self.edge_weight = non_negative_float("edge_weight", edge_weight)
        if self.edge_weight:
            self._loss_trackers["edge_loss"] = keras.metrics.Mean(name="edge_loss")
        self._check_networks()
        self.latent_dim = shapes_of(generator.input_shape)[0][-1]
        require(
            latent_dim in (None, self.latent_dim),
            "Argument `latent_dim` must be the size of the latent vectors that the "
            f"generator takes, {self.latent_dim}",
            latent_dim=latent_dim,
        )

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss=None,
        penalty=None,
        edge_loss=None,
        **kwargs,
    ):
        """Configures training, see `AdversarialModel`.

        Args:
            edge_loss: `keras.losses.Loss` of (real, generated images), which do not
                belong together. Defaults to `keras_gans.losses.MeanEdgeLoss()`, of a
                model with an `edge_weight`.
        """
        require(
            edge_loss is None or self.edge_weight,
            "Argument `edge_loss` goes with an `edge_weight` of the model",
            edge_loss=edge_loss,
        )
        if self.edge_weight:
            edge_loss = edge_loss or MeanEdgeLoss()
        if adversarial_loss is None:
            adversarial_loss = self.default_adversarial_loss
        pair = adversarial_loss_pair(adversarial_loss, self.discriminator_outputs)
        self.compile_roles(
            [generator_optimizer, discriminator_optimizer],
            {"adversarial_loss": pair, "penalty": penalty, "edge_loss": edge_loss},
            **kwargs,
        )

    def sample_latent(self, count, seed=None):
        """Draws latent vectors `(count, latent_dim)`.

        With an integer as the seed they are the same at every call. By default it is
        the model's own generator, whose state is saved.
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
        """
        generator = self.inference_network("generator")

        def generate_batch(*inputs):
            return generator(self._generator_inputs(*inputs), training=False)

        parts = generate_in_batches(self, generate_batch, n, labels, seed)
        return np.concatenate([*parts])

    @staticmethod
    def _generator_inputs(latent, labels):
        return latent if labels is None else [latent, labels]

    def make_samples(self, samples, labels=None, training=True, seed=None):
        """Generates as many samples as there are in a batch of real ones."""
        latent = self.sample_latent(ops.shape(samples)[0], seed)
        return self.generator(self._generator_inputs(latent, labels), training=training)

    def discriminate(self, samples, labels=None, training=True):
        """Returns the discriminator's outputs for a list of batches, one for each.

        `labels` are those of each batch, for conditional models.
        """
        if labels is not None:
            samples = [[sample, labels] for sample in samples]
        return self.call_together(self.discriminator, samples, training)

    def discriminator_losses(self, real, fake, labels=None, training=True):
        """Returns the dict of the losses of the discriminator, its penalty included."""
        outputs = self.discriminate([real, fake], labels, training)
        penalty = self.penalty_of(
            lambda samples, training: self.discriminate([samples], labels, training)[0],
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
        return self.with_edge_loss({"generator_loss": loss}, real, fake)

    def with_edge_loss(self, losses, real, fake):
        """Returns losses, with the edge loss in the generator's where it has one."""
        if self.edge_weight:
            losses["edge_loss"] = self.edge_loss(real, fake)
            losses["generator_loss"] += self.edge_weight * losses["edge_loss"]
        return losses

    def test_step(self, data):
        real, labels = self.unpack(data)
        # Always the same latent vectors: an evaluation leaves the random state alone.
        fake = self.make_samples(real, labels, training=False, seed=0)
        return self.log(
            self.discriminator_losses(real, fake, labels, training=False)
            | self.generator_losses(real, fake, labels, training=False)
        )

    def unpack(self, data):
        """Returns `(samples, labels)` of a batch; labels are None if not wanted."""
        samples, labels = _unpack(data)
        return samples, (None if self.classes is None else ops.cast(labels, "int32"))

    def check_batch(self, batch):
        samples, labels = _unpack(batch)
        check_images("Data", samples)
        if self.classes is not None:
            check_integer_labels(labels, self.classes)

    def check_spec(self, element_spec):
        samples, _ = _unpack(element_spec)
        check_is_batch("", samples)
        expected = shapes_of(self.discriminator.input_shape)[0]
        require(
            compatible(samples.shape, expected),
            f"Data must be batches of samples of shape {('batch', *expected[1:])}, as "
            "the discriminator sees them",
            shape=tuple(samples.shape),
        )

    def _check_networks(self):
        self.check_shapes_are_known()
        latent = shapes_of(self.generator.input_shape)
        samples = shapes_of(self.discriminator.input_shape)
        inputs = 1 if self.classes is None else 2
        for name, shapes, what in (
            ("generator", latent, "latent vectors"),
            ("discriminator", samples, "samples"),
        ):
            wanted = f"{what} alone" if inputs == 1 else f"[{what}, labels]"
            require(
                len(shapes) == inputs,
                f"Argument `{name}` must be a network of {wanted}",
                inputs=len(shapes),
            )
        require(
            len(latent[0]) == 2 and latent[0][-1] is not None,
            "Argument `generator` must take latent vectors (batch, latent_dim)",
            input_shape=latent[0],
        )
        generated = self.generator.output_shape
        require(
            compatible(generated, samples[0]),
            "Argument `discriminator` must see what the generator makes, samples of "
            f"shape {generated}",
            input_shape=samples[0],
        )
        require(
            not self.edge_weight or len(generated) == 4,
            "Argument `edge_weight` must be 0 of a model of samples that are no images",
            edge_weight=self.edge_weight,
            samples=generated,
        )
        self._check_discriminator_output()

    def _check_discriminator_output(self):
        outputs = shapes_of(self.discriminator.output_shape)
        require(
            len(outputs) == 1 and len(outputs[0]) >= 2 and outputs[0][-1] == 1,
            "Argument `discriminator` must give logits, (batch, 1) or patch-shaped "
            "(batch, h, w, 1); auto-encoders are for `EBGAN` and `BEGAN`",
            outputs=outputs,
        )
        samples = shapes_of(self.discriminator.input_shape)[0]
        require(
            len(outputs[0]) != len(samples) or samples[1:] != outputs[0][1:],
            "Argument `discriminator` must give logits, and no outputs of the shape of "
            "its samples: that is an auto-encoder, as `EBGAN` and `BEGAN` want it",
            outputs=outputs,
        )


def draw_latent(distribution, shape, seed, dtype=None):
    """Draws latent vectors of one of `LATENT_DISTRIBUTIONS`."""
    if distribution == "uniform":
        limits = {"minval": -1.0, "maxval": 1.0}
        return draw(keras.random.uniform, shape, seed, dtype=dtype, **limits)
    return draw(keras.random.normal, shape, seed, dtype=dtype)


def generate_in_batches(model, generate_batch, n, labels, seed, places=None):
    """Generates samples from latent vectors; see `GenerativeModel.generate`.

    Args:
        model: Object with `classes` and `sample_latent(count, seed)`.
        generate_batch: Function of latent vectors and labels (or `None`).
        n, labels, seed: As for `GenerativeModel.generate`.
        places: Optional array of the numbers, below `n`, of those that are wanted.

    Yields:
        Arrays of samples.
    """
    n = positive_integer("n", n)
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0])
    labels = _labels_to_generate(model, n, labels)
    latent = model.sample_latent(n, seed)
    places = np.arange(n) if places is None else np.asarray(places)
    for start in range(0, len(places), _GENERATE_BATCH):
        part = places[start : start + _GENERATE_BATCH]
        of_part = (
            None if a is None else ops.take(a, part, 0) for a in (latent, labels)
        )
        yield ops.convert_to_numpy(generate_batch(*of_part))


def _labels_to_generate(model, n, labels):
    if model.classes is None:
        require(
            labels is None,
            f"{type(model).__name__} is not conditional and generates without `labels`",
            labels=labels,
        )
        return None
    labels = np.arange(n) % model.classes if labels is None else np.asarray(labels)
    if labels.ndim == 0:
        labels = np.full(n, labels)
    require(
        labels.shape == (n,) and labels.dtype.kind in "iu",
        f"Argument `labels` must be an integer or {n} integers. Received an array of "
        f"shape {labels.shape} and dtype {labels.dtype}",
    )
    check_integer_labels(labels, model.classes)
    return ops.convert_to_tensor(labels, "int32")


def _unpack(data):
    if isinstance(data, (tuple, list)):
        samples, labels, *_ = (*data, None)
        return samples, labels
    return data, None
