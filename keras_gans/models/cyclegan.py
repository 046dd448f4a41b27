"""CycleGAN: translation between two image domains without pairs."""

import keras
from keras import ops

from keras_gans.checks import non_negative_float, one_of, require
from keras_gans.layers.image_pool import ImagePool
from keras_gans.losses.adversarial import (
    LeastSquaresDiscriminatorLoss,
    LeastSquaresGeneratorLoss,
)
from keras_gans.losses.pairs import adversarial_loss_pair
from keras_gans.models.adversarial_model import AdversarialModel
from keras_gans.models.inputs import check_images, check_is_batch
from keras_gans.models.structure import shapes_of, unpack_pair
from keras_gans.pixels import LUMA

_PAIRS = (
    "CycleGAN trains on pairs of batches (x, y); `keras_gans.data.unpaired(x, y)` makes"
    " them"
)


@keras.saving.register_keras_serializable(package="keras_gans")
class CycleGAN(AdversarialModel):
    """Learns translations G: X → Y and F: Y → X from unpaired images.

    The objective, with discriminators D_X, D_Y and per-direction weights λ, μ:

        L = L_GAN(G, D_Y, X, Y) + L_GAN(F, D_X, Y, X)
            + λ_x |F(G(x)) - x| + λ_y |G(F(y)) - y|
            + μ_x |F(x) - x| + μ_y |G(y) - y|

    and, with a semantic loss in the features V of a pretrained network,

            + λ_2 ‖V(x) - V(F(G(x)))‖ + λ_2 ‖V(y) - V(G(F(y)))‖
            + λ_t ‖V(x) - V(G(x))‖ + λ_t ‖V(y) - V(F(y))‖

    `compile()` without arguments trains the paper's setting: least squares, one Adam
    (2e-4, β₁ 0.5) for both generators and one for both discriminators. As in the
    authors' code, the discriminator's loss is halved and the generator's is not.

    All four gradients of a step are taken at the same weights. That is the paper's
    alternation and not a change of it: generators come first there, discriminators
    see the fakes made before the generators' update, and are not used in between.

    Args:
        generator_xy, generator_yx: Built `keras.Model`s, G: X → Y and F: Y → X, images
            in [-1, 1] to images in [-1, 1].
        discriminator_x, discriminator_y: Built `keras.Model`s, images of X and of Y to
            logits, flat or by patch.
        cycle_weight: Non-negative float, or a pair of them: (x → y → x, y → x → y).
            Defaults to 10.
        identity_weight: Non-negative float, or a pair: (F(x) ≈ x, G(y) ≈ y). Absolute,
            not relative to `cycle_weight`. 0, the default, skips the computation. Where
            one domain is grey and the other coloured, a generator is shown the colours
            of its target domain as grey (luma), or its grey in three channels.
        semantic_weight: Non-negative float, λ_2, the weight of the semantic loss
            between images and their reconstructions. The paper does not state it, and
            its unit is the network's: `keras_gans.losses.balanced_weight` finds one.
            Defaults to 0, no semantic loss.
        semantic_translation_weight: Non-negative float, λ_t, the weight of the same
            loss between images and their translations, for domains that share what the
            feature network sees, digits say. Not in the paper; 0 by default.
        pool_size: Non-negative integer, generated images kept of each domain for the
            discriminators. 0 keeps none. Defaults to 50.
        seed: Optional integer, the seed of the image pools and of a penalty.
        further_networks: Optional dict of networks, those that a subclass has besides.
        **kwargs: As for `AdversarialModel`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, channels)` in [-1, 1].
        direction: `"xy"`, the default, or `"yx"`.

    Example:

    ```python
    data = keras_gans.data.unpaired(x, y, batch_size=1, size=256, load_size=286)
    model = keras_gans.models.CycleGAN(
        resnet_generator(),
        resnet_generator(),
        patch_discriminator(),
        patch_discriminator(),
    )
    model.compile()
    model.fit(data, epochs=200)
    paintings = model(photos)
    ```

    Reference:
        - Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent
          Adversarial Networks", 2017, https://arxiv.org/abs/1703.10593
        - The semantic loss: a study of CycleGAN with VGG16 features (in Korean).
    """

    export_kind = "translation"
    directions = {"xy": "generator_xy", "yx": "generator_yx"}
    roles = {
        "generator": ("generator_xy", "generator_yx"),
        "discriminator": ("discriminator_x", "discriminator_y"),
    }
    network_names = roles["generator"] + roles["discriminator"]
    unsaved_arguments = ("networks", "further_networks")
    loss_names = (
        "generator_loss",
        "discriminator_loss",
        "cycle_loss",
        "identity_loss",
        "semantic_loss",
    )

    def __init__(
        self,
        generator_xy,
        generator_yx,
        discriminator_x,
        discriminator_y,
        cycle_weight=10.0,
        identity_weight=0.0,
        semantic_weight=0.0,
        semantic_translation_weight=0.0,
        pool_size=50,
        seed=None,
        further_networks=None,
        **kwargs,
    ):
        super().__init__(
            networks={
                "generator_xy": generator_xy,
                "generator_yx": generator_yx,
                "discriminator_x": discriminator_x,
                "discriminator_y": discriminator_y,
                **(further_networks or {}),
            },
            **kwargs,
        )
        self.cycle_weight = _weight_pair("cycle_weight", cycle_weight)
        self.identity_weight = _weight_pair("identity_weight", identity_weight)
        self.semantic_weight = non_negative_float("semantic_weight", semantic_weight)
        self.semantic_translation_weight = non_negative_float(
            "semantic_translation_weight", semantic_translation_weight
        )
        self.pool_size = pool_size
        self.seed = seed
        self.pool_x = ImagePool(pool_size, seed, dtype="float32", name="pool_x")
        seed = None if seed is None else seed + 1
        self.pool_y = ImagePool(pool_size, seed, dtype="float32", name="pool_y")
        self._check_channels()
        # A loss that is not computed is not logged either.
        if not any(self.identity_weight):
            del self._loss_trackers["identity_loss"]
        if not self._has_semantic_loss:
            self._loss_trackers.pop("semantic_loss", None)

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss=None,
        cycle_loss=None,
        identity_loss=None,
        semantic_loss=None,
        penalty=None,
        **kwargs,
    ):
        """Configures training, see `AdversarialModel`.

        Args:
            adversarial_loss: Name or pair of losses on logits. Defaults to the paper's
                `(LeastSquaresDiscriminatorLoss(), LeastSquaresGeneratorLoss(scale=1))`.
            cycle_loss: `keras.losses.Loss` between an image and its reconstruction, or
                several of them in a `keras_gans.losses.WeightedSum`. Defaults to
                `keras.losses.MeanAbsoluteError()`.
            identity_loss: `keras.losses.Loss` between an image of a generator's target
                domain and its translation, same default.
            semantic_loss: `keras_gans.losses.SemanticVGGLoss`. Needed if, and only if,
                a semantic weight is not 0.
            penalty: Penalty of both discriminators, at the fakes that they are shown.
        """
        require(
            (semantic_loss is not None) == self._has_semantic_loss,
            "Argument `semantic_loss` goes with a `semantic_weight` or "
            "`semantic_translation_weight` of the model that is not 0",
            semantic_loss=semantic_loss,
            semantic_weight=self.semantic_weight,
            semantic_translation_weight=self.semantic_translation_weight,
        )
        require(
            semantic_loss is None or hasattr(semantic_loss, "features"),
            "Argument `semantic_loss` must be a `keras_gans.losses.SemanticVGGLoss`, "
            "with its method `features`",
            TypeError,
            semantic_loss=semantic_loss,
        )
        if adversarial_loss is None:
            adversarial_loss = (
                LeastSquaresDiscriminatorLoss(),
                LeastSquaresGeneratorLoss(scale=1.0),
            )
        self.compile_roles(
            [generator_optimizer, discriminator_optimizer],
            {
                "adversarial_loss": adversarial_loss_pair(adversarial_loss),
                "cycle_loss": cycle_loss or keras.losses.MeanAbsoluteError(),
                "identity_loss": identity_loss or keras.losses.MeanAbsoluteError(),
                "semantic_loss": semantic_loss,
                "penalty": penalty,
            },
            **kwargs,
        )

    def call(self, images, direction="xy", training=False):
        one_of("direction", direction, ("xy", "yx"))
        name = f"generator_{direction}"
        generator = getattr(self, name) if training else self.inference_network(name)
        return generator(images, training=training)

    @property
    def _has_semantic_loss(self):
        return self.semantic_weight > 0 or self.semantic_translation_weight > 0

    def compute_losses(self, x, y, training):
        """Returns the dict of losses for one batch of each domain."""
        # 1. Translate both ways and back. F goes first, so that G can take its two
        # inputs, x and F(y), in one call; identity images ride along.
        identity_x, identity_y = self.identity_weight
        fake_x, *same_x = self.call_together(
            self.generator_yx,
            [y, as_input(x, like=y)] if identity_x else [y],
            training,
        )
        fake_y, cycled_y, *same_y = self.call_together(
            self.generator_xy,
            [x, fake_x, as_input(y, like=x)] if identity_y else [x, fake_x],
            training,
        )
        cycled_x = self.generator_yx(fake_y, training=training)
        # 2. Judge, and add up.
        return self.add_up(
            (x, y), (fake_x, fake_y), (cycled_x, cycled_y), (same_x, same_y), training
        )

    def add_up(self, real, fake, cycled, same, training, further=()):
        """Returns the dict of losses of translations that are made.

        All come in pairs, those of domain X and of Y. In `same` are lists, with an
        image's translation by the generator of its own domain, or empty; `further` are
        terms that a subclass adds to the generators' loss.
        """
        x, y = real
        discriminator_loss_x, adversarial_loss_x = self._adversarial_losses(
            self.discriminator_x, self.pool_x, x, fake[0], training
        )
        discriminator_loss_y, adversarial_loss_y = self._adversarial_losses(
            self.discriminator_y, self.pool_y, y, fake[1], training
        )
        cycle_x, cycle_y = self.cycle_losses(real, cycled)
        losses = {
            "generator_loss": adversarial_loss_x
            + adversarial_loss_y
            + self.cycle_weight[0] * cycle_x
            + self.cycle_weight[1] * cycle_y,
            "discriminator_loss": discriminator_loss_x + discriminator_loss_y,
            "cycle_loss": cycle_x + cycle_y,
        }
        for term in further:
            losses["generator_loss"] += term
        same_x, same_y = same
        if same_x or same_y:
            identity_x, identity_y = self.identity_weight
            loss_x = self.identity_loss(x, same_x[0]) if same_x else 0.0
            loss_y = self.identity_loss(y, same_y[0]) if same_y else 0.0
            losses["generator_loss"] += identity_x * loss_x + identity_y * loss_y
            losses["identity_loss"] = loss_x + loss_y
        if self._has_semantic_loss:
            losses["semantic_loss"] = 0.0
            for images, *others in zip(real, cycled, reversed(fake), strict=True):
                loss, weighted = self._semantic_losses(images, *others)
                losses["generator_loss"] += weighted
                losses["semantic_loss"] += loss
        return losses

    def cycle_losses(self, real, cycled):
        """Returns how far the images of X and of Y are from what comes back."""
        return tuple(map(self.cycle_loss, real, cycled))

    def _semantic_losses(self, real, cycled, translated):
        """Returns the semantic loss of a direction, as it is and with its weights."""
        features = self.semantic_loss.features(real)
        loss = weighted = 0.0
        for weight, images in (
            (self.semantic_weight, cycled),
            (self.semantic_translation_weight, translated),
        ):
            if weight:
                distance = self.semantic_loss(features, images)
                loss += distance
                weighted += weight * distance
        return loss, weighted

    def _adversarial_losses(self, discriminator, pool, real, fake, training):
        """Returns the losses of a discriminator and of the generator that faces it."""
        fake_output, shown = discriminator(fake, training=training), fake
        if pool.pool_size == 0 or not training:
            # Both losses see the same fakes, so one pass over them serves both.
            real_output = discriminator(real, training=training)
            shown_output = fake_output
        else:
            shown = pool(fake, training=training)
            real_output, shown_output = self.call_together(
                discriminator, [real, shown], training
            )
        penalty = self.penalty_of(discriminator, real, shown, training)
        discriminator_loss, generator_loss = self.adversarial_loss
        return (
            discriminator_loss(real_output, shown_output) + penalty,
            generator_loss(real_output, fake_output),
        )

    def train_step(self, data):
        x, y = unpack_pair(data, _PAIRS)
        losses = self.minimize(
            ("generator", "discriminator"),
            lambda: self.compute_losses(x, y, training=True),
        )
        return self.log(losses)

    def test_step(self, data):
        x, y = unpack_pair(data, _PAIRS)
        return self.log(self.compute_losses(x, y, training=False))

    def check_batch(self, batch):
        for name, images in zip("xy", unpack_pair(batch, _PAIRS)):
            check_images(f"Data `{name}`", images)

    def check_spec(self, element_spec):
        for name, spec in zip("xy", unpack_pair(element_spec, _PAIRS), strict=True):
            check_is_batch(name, spec)
            channels = _channels(getattr(self, f"discriminator_{name}"))
            shape = tuple(spec.shape)
            require(
                len(shape) == 4 and shape[-1] == channels,
                f"Data `{name}` must be batches of images of shape (batch, height, "
                f"width, {channels}), as `discriminator_{name}` sees them",
                shape=shape,
            )

    def build_state(self, element_spec):
        super().build_state(element_spec)
        for name, pool, spec in zip("xy", (self.pool_x, self.pool_y), element_spec):
            shape = tuple(spec.shape)
            if not pool.built:
                pool.build(spec.shape)
            size = tuple(pool.images.shape[1:]) if pool.pool_size else shape[1:]
            require(
                size == shape[1:],
                f"Data `{name}` must keep the size of the images in the pool, {size}, "
                "that this model was trained with: make a new model with the same "
                "networks to train on another size",
                shape=shape,
            )

    def _check_channels(self):
        self.check_shapes_are_known()
        x, y = _channels(self.discriminator_x), _channels(self.discriminator_y)
        expected = {"generator_xy": (x, y), "generator_yx": (y, x)}
        for name, (source, target) in expected.items():
            generator = getattr(self, name)
            received = _channels(generator), generator.output_shape[-1]
            require(
                received == (source, target),
                f"Argument `{name}` must translate {source} channels to {target}, as "
                "`discriminator_x` and `discriminator_y` see them",
                channels=received,
            )
        require(
            x == y or {x, y} == {1, 3} or not any(self.identity_weight),
            "Argument `identity_weight` must be 0 when the domains differ in channels "
            "and are not grey and coloured, because a generator cannot take an image "
            "of its target domain then",
            identity_weight=list(self.identity_weight),
            channels=(x, y),
        )


def as_input(images, like):
    """Returns images in [-1, 1], grey or coloured, with the channels of others."""
    channels = like.shape[-1]
    if images.shape[-1] == channels:
        return images
    if channels == 3:
        return ops.repeat(images, 3, axis=-1)
    luma = ops.cast(LUMA, images.dtype)
    return ops.sum(images * luma, axis=-1, keepdims=True)


def _channels(network):
    return shapes_of(network.input_shape)[0][-1]


def _weight_pair(name, value):
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    must = (
        f"Argument `{name}` must be zero or a positive number, or a pair of them, one "
        "for each direction"
    )
    require(len(pair) == 2, must, **{name: value})
    return tuple(non_negative_float(name, weight) for weight in pair)
