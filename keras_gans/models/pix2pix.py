"""pix2pix: translation learned from pairs of images, and a colorizer of line art."""

import warnings

import keras
from keras import ops

from keras_gans.checks import non_negative_float, require
from keras_gans.losses.adversarial import (
    MinimaxDiscriminatorLoss,
    NonSaturatingGeneratorLoss,
)
from keras_gans.losses.common import compatible, find_loss
from keras_gans.losses.pairs import adversarial_loss_pair
from keras_gans.losses.reconstruction import ChannelCompensatedL1
from keras_gans.models.adversarial_model import AdversarialModel
from keras_gans.models.inputs import check_images, check_is_batch
from keras_gans.models.seeds import ReplicaSeedGenerator
from keras_gans.models.structure import shapes_of, unpack_pair


@keras.saving.register_keras_serializable(package="keras_gans")
class Pix2Pix(AdversarialModel):
    """Learns a translation from pairs of images that belong together.

    The objective, with pairs of a source x and its target y and the weight λ:

        G* = arg min_G max_D  E[log D(x, y)] + E[log(1 - D(x, G(x)))]
                              + λ E[mean |y - G(x)|]

    The discriminator sees the source, too, and so judges whether the image fits it. It
    takes both as one image, the target's channels behind those of the source, so
    that a `patch_discriminator` of as many channels serves as it is.

    `compile()` without arguments trains the paper's setting: cross entropy, halved for
    the discriminator, with the generator maximizing log D(x, G(x)) in the place of
    minimizing log(1 - D(x, G(x))), and λ 100. The discriminator's update comes first,
    and the generator learns to deceive the discriminator that is the result. Both see
    the same generated images.

    The noise of the paper is the dropout in the generator. The authors leave it on when
    they translate, and normalize by the statistics of the test batch: that is
    `model.generator(images, training=True)`. The model itself is deterministic outside
    of training, and normalizes by the moving statistics.

    Args:
        generator: Built `keras.Model`, source images to target images in [-1, 1].
        discriminator: Built `keras.Model` from images with the channels of source and
            target to logits, flat or by patch.
        reconstruction_weight: Non-negative float, λ. Defaults to 100.
        seed: Optional integer, the seed of a penalty's random points.
        inference_dropout: No longer used; see above for noise in translations.
        **kwargs: As for `AdversarialModel`.

    Call arguments:
        source: Float tensor of shape `(batch, height, width, channels)` in [-1, 1], or
            a tuple of several of one size, which are joined along their channels (see
            `condition`).

    Example:

    ```python
    model = keras_gans.models.Pix2Pix(
        generator=unet_generator(normalization="batch", normalize_bottleneck=False),
        discriminator=patch_discriminator(channels=3 + 3, normalization="batch"),
    )
    model.compile()
    model.fit(data, epochs=200)  # of batches (source, target)
    images = model(source)
    ```

    Reference:
        Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional
        Adversarial Networks", 2016, https://arxiv.org/abs/1611.07004
    """

    export_kind = "translation"
    directions = {"xy": "generator"}
    unsaved_arguments = ("networks", "inference_dropout")
    loss_names = ("generator_loss", "discriminator_loss", "reconstruction_loss")

    def __init__(
        self,
        generator,
        discriminator,
        reconstruction_weight=100.0,
        seed=None,
        inference_dropout=False,
        **kwargs,
    ):
        super().__init__(
            networks={"generator": generator, "discriminator": discriminator}, **kwargs
        )
        self.reconstruction_weight = non_negative_float(
            "reconstruction_weight", reconstruction_weight
        )
        if inference_dropout:
            warnings.warn(
                "Argument `inference_dropout` is no longer used: a model translates "
                "without dropout. `model.generator(images, training=True)` translates "
                "with it.",
                DeprecationWarning,
                stacklevel=2,
            )
        self.seed = seed
        self.seed_generator = ReplicaSeedGenerator(seed)
        self._check_networks()

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss=None,
        reconstruction_loss=None,
        penalty=None,
        **kwargs,
    ):
        """Configures training, see `AdversarialModel`.

        Args:
            adversarial_loss: Name or pair of losses on logits. Defaults to the paper's
                `(MinimaxDiscriminatorLoss(scale=0.5), NonSaturatingGeneratorLoss())`;
                the name `"non_saturating"` stands for the same without the half.
            reconstruction_loss: `keras.losses.Loss` of (target, generated), such as
                `keras_gans.losses.ChannelCompensatedL1()`, `EdgeLoss()` or
                `SemanticVGGLoss()`, or several of them in a `WeightedSum`. Defaults to
                `keras.losses.MeanAbsoluteError()`.
            penalty: Penalty on the gradient towards source and target.
        """
        if reconstruction_loss is None:
            reconstruction_loss = keras.losses.MeanAbsoluteError()
        reconstruction_loss = find_loss("reconstruction_loss", reconstruction_loss)
        require(
            isinstance(reconstruction_loss, keras.losses.Loss),
            "Argument `reconstruction_loss` must be a `keras.losses.Loss`, such as "
            "`keras.losses.MeanAbsoluteError()`",
            TypeError,
            reconstruction_loss=reconstruction_loss,
        )
        if adversarial_loss is None:
            adversarial_loss = (
                MinimaxDiscriminatorLoss(scale=0.5),
                NonSaturatingGeneratorLoss(),
            )
        self.compile_roles(
            [generator_optimizer, discriminator_optimizer],
            {
                "adversarial_loss": adversarial_loss_pair(adversarial_loss),
                "reconstruction_loss": reconstruction_loss,
                "penalty": penalty,
            },
            **kwargs,
        )

    def condition(self, source):
        """Returns the images that both networks see of a source.

        They are the tensor `(batch, height, width, channels)` itself, or all those of a
        structure joined along their channels. Subclasses may override it, with
        operations of `keras.ops`.
        """
        parts = keras.tree.flatten(source)
        return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)

    def call(self, source, training=False):
        generator = self.generator if training else self.inference_network("generator")
        return generator(self.condition(source), training=training)

    def discriminate(self, condition, images, training):
        """Returns the discriminator's outputs for each of a list of batches."""
        pairs = self._pairs(condition, images)
        return self.call_together(self.discriminator, pairs, training)

    def _pairs(self, condition, images):
        return [ops.concatenate([condition, image], axis=-1) for image in images]

    def discriminator_losses(self, condition, target, generated, training):
        real, fake = self._pairs(condition, [target, generated])
        outputs = self.call_together(self.discriminator, [real, fake], training)
        penalty = self.penalty_of(self.discriminator, real, fake, training)
        return {"discriminator_loss": self.adversarial_loss[0](*outputs) + penalty}

    def generator_losses(self, condition, target, generated, training):
        adversarial_loss = self.deception_loss(
            lambda images: self.discriminate(condition, images, training),
            target,
            generated,
        )
        reconstruction_loss = self.reconstruction_loss(target, generated)
        return {
            "generator_loss": adversarial_loss
            + self.reconstruction_weight * reconstruction_loss,
            "reconstruction_loss": reconstruction_loss,
        }

    def train_step(self, data):
        source, target = self._unpack(data)
        condition = self.condition(source)
        # 1. Translate, once for both updates: the generator stays as it is until the
        #    last of them, and its dropout is the same in both.
        with self.recording("generator") as step:
            generated = self.generator(condition, training=True)
        images = condition, target, generated
        # 2. The discriminator learns to tell real pairs from translations.
        losses = self.minimize(
            "discriminator", lambda: self.discriminator_losses(*images, training=True)
        )
        # 3. The generator learns to deceive the discriminator as it is now.
        losses |= step.minimize(lambda: self.generator_losses(*images, training=True))
        return self.log(losses)

    def test_step(self, data):
        source, target = self._unpack(data)
        condition = self.condition(source)
        images = condition, target, self.generator(condition, training=False)
        return self.log(
            self.discriminator_losses(*images, training=False)
            | self.generator_losses(*images, training=False)
        )

    def check_batch(self, batch):
        source, target = self._unpack(batch)
        parts = keras.tree.flatten(source)
        for part in parts:
            # Masks and maps of classes are 0 and 1.
            is_pale_legal = len(parts) > 1 or part.shape[-1] not in (1, 3)
            check_images("Data `source`", part, is_pale_legal)
        check_images("Data `target`", target)

    def check_spec(self, element_spec):
        source, target = self._unpack(element_spec)
        for part in (*keras.tree.flatten(source), target):
            check_is_batch("source" if part is not target else "target", part)
        shapes = [tuple(part.shape) for part in keras.tree.flatten(source)]
        channels = self.generator.output_shape[-1]
        require(
            len(target.shape) == 4 and target.shape[-1] == channels,
            "Data `target` must be batches of images of shape (batch, height, width, "
            f"{channels}), as the generator makes them",
            shape=tuple(target.shape),
        )
        require(
            all(
                len(shape) == 4 and compatible(shape[:3], target.shape[:3])
                for shape in shapes
            ),
            "Data `source` must be batches of images of the height and width of their "
            "targets",
            shapes=shapes,
            target_shape=tuple(target.shape),
        )
        condition = self.condition(
            keras.tree.map_structure(
                lambda spec: keras.KerasTensor(spec.shape, spec.dtype.name), source
            )
        )
        channels = self.generator.input_shape[-1]
        require(
            condition.shape[-1] == channels,
            f"Data `source` must be batches of images of {channels} channels in all, "
            "as the generator takes them",
            shapes=shapes,
        )

    def _unpack(self, data):
        name = type(self).__name__
        return unpack_pair(data, f"{name} trains on pairs of batches (source, target)")

    def _check_networks(self):
        self.check_shapes_are_known()
        for name in self.network_names:
            shapes = shapes_of(getattr(self, name).input_shape)
            require(
                len(shapes) == 1 and len(shapes[0]) == 4,
                f"Argument `{name}` must be a network of one image, of shape (batch, "
                "height, width, channels)",
                inputs=shapes,
            )
        source = self.generator.input_shape[-1]
        target = self.generator.output_shape[-1]
        received = self.discriminator.input_shape[-1]
        require(
            received == source + target,
            f"Argument `discriminator` must see images of {source + target} channels: "
            f"the {source} of the generator's source and the {target} of its target",
            channels=received,
        )


@keras.saving.register_keras_serializable(package="keras_gans")
class Pix2PixColorizer(Pix2Pix):
    """Learns to colour line art, unaided or after a few colour hints.

    The objective of `Pix2Pix` with line art and hints, both made out of the target, as
    the source, and with an L1 in which the channel with the larger error counts more:

        G* = arg min_G max_D  L_GAN(G, D) + λ E[l_comp]

    `compile()` without arguments trains the paper's setting: `ChannelCompensatedL1`,
    λ 100, Adam (1e-4, β₁ 0.9, β₂ 0.99) for each network; its batches are of 4 images.
    The hint mask is an input of its own here, as in other colorizers, so that a grey
    hint differs from no hint. The paper's L_GAN (eq. 6) is E[-log D(x)] +
    E[-log D(G(y, z))], with the same sign in both terms and a D that sees the image
    alone. With that sign there is nothing to tell apart, so the losses here are
    pix2pix's, and so is the discriminator, which sees line art and hints as well.

    Args:
        generator: Built `keras.Model` from 5 channels (line art, three hint colours,
            hint mask) to images of 3 channels in [-1, 1].
        discriminator: Built `keras.Model` of images of 5 + 3 channels to logits.
        **kwargs: As for `Pix2Pix`.

    Call arguments:
        source: Tuple `(line_art, hint_colors, hint_mask)` of float tensors of shape
            `(batch, height, width, channels)` with 1, 3 and 1 channels. Line art is in
            [-1, 1], 1 for white paper and -1 for black lines; hint colours are in
            [-1, 1], and 0 where there is no hint; the mask is 1 where there is one,
            else 0.

    Reference:
        Kim and Lee, "Color Channel Compensating L1 Loss Algorithm" (in Korean), eq. 8.
    """

    export_kind = "colorization"
    source_channels = {"line_art": 1, "hint_colors": 3, "hint_mask": 1}

    def default_optimizer(self, role):
        return keras.optimizers.Adam(1e-4, beta_2=0.99)

    def compile(self, *args, reconstruction_loss=None, **kwargs):
        """Configures training, as `Pix2Pix.compile` does, with the defaults above."""
        kwargs["reconstruction_loss"] = reconstruction_loss or ChannelCompensatedL1()
        super().compile(*args, **kwargs)

    def condition(self, source):
        """Returns line art, hint colours and hint mask as images of 5 channels."""
        shapes = [tuple(part.shape) for part in keras.tree.flatten(source)]
        require(
            isinstance(source, (tuple, list))
            and [shape[-1] for shape in shapes] == [*self.source_channels.values()],
            "The source must be a tuple of the images (line_art, hint_colors, "
            "hint_mask) with 1, 3 and 1 channels",
            source=type(source).__name__,
            shapes=shapes,
        )
        return super().condition(source)

    def _check_networks(self):
        super()._check_networks()
        received = self.generator.input_shape[-1], self.generator.output_shape[-1]
        require(
            received == (sum(self.source_channels.values()), 3),
            "Argument `generator` must translate 5 channels (line art 1, hint colours "
            "3, hint mask 1) to 3",
            channels=received,
        )
