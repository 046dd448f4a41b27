"""ACL-GAN's networks that grow: from a few pixels to full size, both ends together."""

import functools

import keras
from keras import layers, ops

from keras_gans.arguments import arguments_of
from keras_gans.checks import require
from keras_gans.layers import InstanceNormalization, ReflectionPadding2D
from keras_gans.networks.attribute import initialized
from keras_gans.networks.common import check_counts

_SLOPE = 0.01


class GrowingNetwork(keras.Model):
    """Base class of networks that start with small images and grow.

    Images go in, and come out, at full size in every stage: what is inside works on
    them averaged down to the size of the stage. So nothing around the network changes
    while it grows. Stage 0 is `start_size`, and each further one has twice the size of
    the one before. A new stage is faded in: what it adds is mixed with what the stage
    before would have made, more and more.

    All weights are there from the start. `progress` tells how far the network has
    grown: n in stage n, and in between while stage n + 1 is being faded in. It is a
    weight, so that checkpoints and files keep it. Set it with `grow`.

    Args:
        size: Integer, height and width of the images.
        start_size: Integer, those of the first stage; `size` divided by a power of two.
        **kwargs: `name` and so on of `keras.Model`.

    Attributes:
        stages: Integer, how many stages there are.
        stage: Integer, the stage that is computed, the one being faded in included.
        images_seen: Integer weight, for `keras_gans.callbacks.Growth`.
    """

    def __init__(self, size, start_size, **kwargs):
        super().__init__(**kwargs)
        factor, rest = divmod(size, start_size)
        require(
            not rest and factor >= 1 and not factor & (factor - 1),
            "Argument `size` must be `start_size` times a power of two",
            size=size,
            start_size=start_size,
        )
        self.size, self.start_size = size, start_size
        self.stages = factor.bit_length()
        self.stage = 0
        shared = {"trainable": False, "aggregation": "only_first_replica"}
        weight = functools.partial(self.add_weight, (), "zeros", **shared)
        self.progress = weight("float32", name="progress")
        self.images_seen = weight("int64", name="images_seen")

    def grow(self, progress):
        """Sets how far the network has grown.

        Args:
            progress: Float between 0 and `stages - 1`. What is traced for one stage is
                not for the next: `keras_gans.callbacks.Growth` sees to that in `fit`.

        Returns:
            Boolean, whether it is in another stage now.
        """
        must = f"Argument `progress` must be between 0 and {self.stages - 1}"
        require(0 <= progress <= self.stages - 1, must, progress=progress)
        before = self.stage
        self.progress.assign(progress)
        # The first image of a fade already needs the next stage.
        self.stage = int(-(-progress // 1))
        return self.stage != before

    def fade(self, old, new):
        """Mixes what two stages make while the later one is faded in."""
        share = ops.clip(self.progress - (self.stage - 1), 0.0, 1.0)
        share = ops.cast(share, old.dtype)
        return old + share * (new - old)

    @property
    def computed_variables(self):
        """The trainable weights that the stage computes with, and no others."""
        layers = self.layers_of(self.stage)
        if self.stage:
            # What it is mixed with while it is being faded in.
            layers += self.ends_of(self.stage - 1)
        return [weight for layer in layers for weight in layer.trainable_variables]

    def call(self, inputs, training=False):
        return self.compute(inputs, self.stage, self.fade)

    def plain(self):
        """Returns the full-grown network as a Functional model with the same weights.

        One that still grows is refused with a `ValueError`.
        """
        progress, last = float(self.progress), self.stages - 1
        require(
            progress >= last,
            "A network that still grows is not a plain one. It has come to "
            f"{progress:.2f} of {last}: train longer, or set `grow({last})`",
        )
        inputs = self.make_inputs()
        outputs = self.compute(inputs, self.stages - 1, lambda old, new: new)
        return keras.Model(inputs, outputs, name=self.name)

    def build(self, input_shape=None):
        self.built = True  # The constructor has made all weights.

    def _built_by(self, inputs):
        """Makes the weights of all stages, and remembers the shapes."""
        for stage in range(self.stages):
            self.stage = stage
            outputs = self(inputs)
        self.stage = 0
        self.input_shape = keras.tree.map_structure(lambda x: x.shape, inputs)
        self.output_shape = keras.tree.map_structure(lambda x: x.shape, outputs)

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self.grow(float(self.progress))

    def get_config(self):
        return arguments_of(self)


@keras.saving.register_keras_serializable(package="keras_gans")
class GrowingGenerator(GrowingNetwork):
    """ACL-GAN's generator, whose encoder and decoder grow together.

    In stage s, of r pixels, with `f(s)` filters, twice as many in each stage below:

        framed image averaged to r,
          attributes                      (B, r,   r,   channels + attributes)
        c3s1-f(s)                         (B, r,   r,   f(s))     norm, ReLU
        c4s2, s times                     (B, start, start, f(0)) norm, ReLU
        R f(0), as often as asked         (B, start, start, f(0))
        repeated 2x2, c3s1, s times       (B, r,   r,   f(s))     norm, ReLU
        c3s1-(channels + 1)               (B, r,   r,   channels + 1)
        repeated to full size, unframed   tanh for the segment, sigmoid for the mask

    Mask and segment are laid over the image at its full size, so that it stays sharp
    where it is not changed, whatever the stage.

    The paper names bidirectional growing and does not describe it; this follows
    progressive growing of GANs, with an encoder that mirrors the decoder.

    Args:
        attributes: Positive integer, the number of attributes.
        size: Integer, height and width of the images.
        start_size: Integer, those of the first stage, `16` by default.
        channels, residual_blocks, mask, frame: As for `aclgan_generator`, but the frame
            is a multiple of `size / start_size`.
        width: Positive integer, filters at full size, `64` by default. Twice as many in
            each stage below, but at most `4 * width`.

    Call arguments:
        inputs: `[images, attributes]`, as `aclgan_generator` takes them, of one size.

    Returns:
        `[translation, mask, segment]` at full size, or the translation alone without a
        mask, as `aclgan_generator` gives them.

    Reference:
        - Cho and Yoon, see `keras_gans.models.ACLGAN`.
        - Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs for Improved
          Quality, Stability, and Variation", 2017, https://arxiv.org/abs/1710.10196
    """

    def __init__(
        self,
        attributes,
        size=128,
        start_size=16,
        channels=3,
        width=64,
        residual_blocks=6,
        mask=True,
        frame=8,
        name="generator",
    ):
        super().__init__(size, start_size, name=name)
        check_counts(frame=frame)
        require(
            frame % (size // start_size) == 0,
            f"Argument `frame` must be 0 or a multiple of {size // start_size}, because"
            f" the first stage is {start_size} pixels of {size}",
            frame=frame,
        )
        self.attributes, self.channels, self.width = attributes, channels, width
        self.residual_blocks, self.mask, self.frame = residual_blocks, mask, frame
        self.framing = ReflectionPadding2D(frame, name="frame")
        last = self.stages - 1
        filters = [width * min(4, 2 ** (last - stage)) for stage in range(self.stages)]
        self.from_image, self.to_image, self.down, self.up = [], [], [None], [None]
        for stage, count in enumerate(filters):
            name = f"stage_{stage}"
            inputs = channels + attributes
            self.from_image.append(_block(inputs, count, 3, f"{name}_from_image"))
            arguments = count, channels + mask, 3, f"{name}_to_image"
            self.to_image.append(initialized(layers.Conv2D, *arguments))
            if stage:
                below = filters[stage - 1]
                self.down.append(_block(count, below, 4, f"{name}_down", strides=2))
                self.up.append(_block(below, count, 3, f"{name}_up"))
        self.residuals = [
            (
                _block(filters[0], filters[0], 3, f"residual_{index}_1"),
                _block(filters[0], filters[0], 3, f"residual_{index}_2", False),
            )
            for index in range(1, residual_blocks + 1)
        ]
        self._built_by(self.make_inputs())

    def make_inputs(self):
        return [
            keras.Input((self.size, self.size, self.channels), name="images"),
            keras.Input((self.attributes,), name="attributes"),
        ]

    def ends_of(self, stage):
        return [*self.from_image[stage], self.to_image[stage]]

    def layers_of(self, stage):
        found = self.ends_of(stage)
        for level in range(1, stage + 1):
            found += self.down[level] + self.up[level]
        blocks = [block for pair in self.residuals for block in pair]
        return found + [layer for block in blocks for layer in block]

    def compute(self, inputs, stage, fade):
        images, attributes = inputs
        factor = self.size // (self.start_size * 2**stage)

        def read(stage, images):
            ones = ops.ones_like(images[..., :1])
            planes = ops.expand_dims(attributes, (1, 2)) * ones
            x = ops.concatenate([images, planes], axis=-1)
            return _apply(self.from_image[stage], x)

        # 1. Down, beginning at the size of the stage.
        framed = self.framing(images) if self.frame else images
        small = _averaged(framed, factor)
        x = read(stage, small)
        if stage:
            x = _apply(self.down[stage], x)
            x = fade(read(stage - 1, _averaged(small, 2)), x)
        for below in range(stage - 1, 0, -1):
            x = _apply(self.down[below], x)
        for first, second in self.residuals:
            x = x + _apply(second, _apply(first, x))
        # 2. Up again.
        for above in range(1, stage):
            x = _apply(self.up[above], _repeated(x, 2))
        if stage:
            old = _repeated(self.to_image[stage - 1](x), 2)
            new = self.to_image[stage](_apply(self.up[stage], _repeated(x, 2)))
            x = fade(old, new)
        else:
            x = self.to_image[0](x)
        x = ops.cast(_repeated(x, factor), "float32")
        if self.frame:
            x = x[:, self.frame : -self.frame, self.frame : -self.frame]
        segment = ops.tanh(x[..., : self.channels])
        if not self.mask:
            return segment
        mask = ops.sigmoid(x[..., self.channels :])
        images = ops.cast(images, "float32")
        return [images + mask * (segment - images), mask, segment]


@keras.saving.register_keras_serializable(package="keras_gans")
class GrowingDiscriminator(GrowingNetwork):
    """ACL-GAN's discriminator, which grows with its generator.

    In stage s, of r pixels, with `f(s)` filters, twice as many in each stage below:

        image averaged to r   (B, r,     r,     channels)
        c1s1-f(s)             (B, r,     r,     f(s))     LeakyReLU
        c4s2, s times         (B, start, start, f(0))     LeakyReLU
        c4s2, down to         (B, 2,     2,     ...)      LeakyReLU
        c2s1-outputs, no pad  (B, outputs)

    Args:
        attributes: Positive integer, the number of attributes.
        size: Integer, height and width of the images.
        start_size: Integer, those of the first stage, a power of two of at least 4.
            `16` by default.
        width: Positive integer, filters at full size, `64` by default; twice as many
            after each halving.
        with_complement: Boolean, as for `aclgan_discriminator`.

    Call arguments:
        images: Float tensor of shape `(batch, size, size, channels)` in [-1, 1].

    Returns:
        Float32 tensor of shape `(batch, attributes)`, or `(batch, 2 * attributes)`.
    """

    def __init__(
        self,
        attributes,
        size=128,
        start_size=16,
        channels=3,
        width=64,
        with_complement=False,
        name="discriminator",
    ):
        super().__init__(size, start_size, name=name)
        require(
            start_size >= 4 and not start_size & (start_size - 1),
            "Argument `start_size` must be a power of two of at least 4",
            start_size=start_size,
        )
        self.attributes, self.channels, self.width = attributes, channels, width
        self.with_complement = with_complement
        last = self.stages - 1
        self.from_image, self.down = [], [None]
        for stage in range(self.stages):
            count, name = width * 2 ** (last - stage), f"stage_{stage}"
            arguments = channels, count, 1, f"{name}_from_image"
            self.from_image.append(initialized(layers.Conv2D, *arguments))
            if stage:
                self.down.append(_halving(count, f"{name}_down"))
        self.trunk, count = [], width * 2**last
        for index in range(start_size.bit_length() - 2):
            self.trunk.append(_halving(count, f"trunk_{index}"))
            count *= 2
        outputs = attributes * (2 if with_complement else 1)
        arguments = count, outputs, 2, "last"
        self.last = initialized(layers.Conv2D, *arguments, padding="valid")
        self._built_by(self.make_inputs())

    def make_inputs(self):
        return keras.Input((self.size, self.size, self.channels), name="images")

    def ends_of(self, stage):
        return [self.from_image[stage]]

    def layers_of(self, stage):
        down = self.down[1 : stage + 1]
        return [*self.ends_of(stage), *down, *self.trunk, self.last]

    def compute(self, images, stage, fade):
        def active(layer, x):
            return ops.leaky_relu(layer(x), _SLOPE)

        small = _averaged(images, self.size // (self.start_size * 2**stage))
        x = active(self.from_image[stage], small)
        if stage:
            x = active(self.down[stage], x)
            x = fade(active(self.from_image[stage - 1], _averaged(small, 2)), x)
        for below in range(stage - 1, 0, -1):
            x = active(self.down[below], x)
        for layer in self.trunk:
            x = active(layer, x)
        x = self.last(x)
        return ops.cast(ops.reshape(x, (-1, x.shape[-1])), "float32")


def _block(inputs, filters, size, name, activated=True, **options):
    """Layers of a block: convolution, instance normalization, and perhaps ReLU."""
    options["use_bias"] = False
    block = [
        initialized(layers.Conv2D, inputs, filters, size, name, **options),
        InstanceNormalization(name=f"{name}_normalization"),
    ]
    return block + [layers.ReLU(name=f"{name}_activation")] * activated


def _halving(channels, name):
    return initialized(layers.Conv2D, channels, 2 * channels, 4, name, strides=2)


def _apply(block, x):
    for layer in block:
        x = layer(x)
    return x


def _averaged(images, factor):
    if factor == 1:
        return images
    return ops.average_pool(images, factor, data_format="channels_last")


def _repeated(x, factor):
    if factor == 1:
        return x
    return ops.repeat(ops.repeat(x, factor, axis=1), factor, axis=2)
