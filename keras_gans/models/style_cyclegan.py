"""CycleGAN between a plain domain and one whose images have a style."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_gans.checks import non_negative_float, require
from keras_gans.distribution import draw
from keras_gans.layers.style_pool import StylePool
from keras_gans.models.cyclegan import CycleGAN, as_input
from keras_gans.models.seeds import ReplicaSeedGenerator
from keras_gans.models.structure import shapes_of
from keras_gans.models.styles import (
    sample_styles,
    style_of_pixels,
    translate_in_styles,
)


@keras.saving.register_keras_serializable(package="keras_gans")
class StyleCycleGAN(CycleGAN):
    """Learns one translation F: Y → X and many G: (X, style) → Y, without pairs.

    A black and white digit cannot tell the colours it came from, so that of a plain
    CycleGAN one half, y → F(y) → G(F(y)), cannot close: it hides the colours in the
    digit, or all translations get the same. Here an encoder E reads them from y and
    its content F(y), as a style s = E(y, F(y)). With styles z of other images of Y the
    objective is

        L = L_GAN(G, D_Y, X, Y) + L_GAN(F, D_X, Y, X)
            + λ_x |F(G(x, z)) - x| + λ_y |G(F(y), s) - y|
            + μ_x |F(x) - x|       + μ_y |G(y, s) - y|
            + λ_z |E(G(x, z), x) - z| + λ_m M(s)

    so that x keeps its content in every style, y is known by content and style
    together, and a style is seen in what it makes. M = mean(m²) + mean((d - 1)²) of
    their mean m and deviation d over a batch gives styles a scale, because small ones
    would make λ_z's part small without being seen.

    Of Augmented CycleGAN it has the encoder of both images and the cycle through it,
    but X has no style; of MUNIT adaptive instance normalization and the loss of the
    style, but no latent content. Both draw z from N(0, I), and this model from the
    styles that real images had (`keras_gans.layers.StylePool`), in training those of
    the batch with a little noise: between light and dark digits lies a gap, which a
    normal distribution would fill with digits that cannot be read. E is trained
    together with the generators; no gradient of G goes through z.

    Args:
        generator_xy: Built `keras.Model` G from a list of images of X and styles,
            `(batch, style_dim)`, to images of Y; `keras_gans.networks.style_generator`.
        generator_yx: Built `keras.Model` F from images of Y to images of X.
        style_encoder: Built `keras.Model` E from a list of images of Y and their
            contents, images of X, to styles;
            `keras_gans.networks.style_encoder`.
        discriminator_x, discriminator_y: As for `CycleGAN`.
        cycle_weight: Non-negative float, or the pair (λ_x, λ_y). Defaults to (5, 2.5).
        cycle_margin: Float in [0, 0.5), the share of the width that λ_y's part leaves
            out on the left and on the right. A neighbour of a digit belongs to the
            place and not to the digit: where it need not come back, F can drop it.
            Defaults to 0.
        identity_weight: Non-negative float, or the pair (μ_x, μ_y). 0 skips the
            computation. Colours become grey for it where X is grey, as for `CycleGAN`.
            Defaults to 0.
        style_weight: Non-negative float, λ_z. Defaults to 1.
        style_moment_weight: Non-negative float, λ_m. Defaults to 0.1.
        style_noise: Non-negative float, the deviation of the noise on z in training, so
            that neighbours of a style make good pictures, too. Defaults to 0.1.
        pool_size, seed: As for `CycleGAN`, with no pool by default. The seed is also
            that of the noise.
        **kwargs: As for `CycleGAN`: `semantic_weight`, `semantic_translation_weight`
            and those of `AdversarialModel`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, channels)` in [-1, 1].
        direction: `"xy"`, the default, or `"yx"`.
        style: Optional float tensor of shape `(batch, style_dim)`. By default an image
            gets one of the pool, which depends on its pixels alone.

    Example:

    ```python
    data = keras_gans.data.unpaired(x, y, batch_size=32, size=32)
    model = keras_gans.models.StyleCycleGAN(
        style_generator(3, 3),
        digit_generator(3, 3, normalization="instance", upsampling="resize"),
        style_encoder(3),
        patch_discriminator(layers=1, normalization=None),
        patch_discriminator(layers=2, normalization=None),
    )
    model.compile()
    model.fit(data, epochs=8)
    variants = model.translate(digits, variants=8, seed=0)
    alike = model.translate(digits, reference=street_number)
    ```

    Reference:
        - Zhu et al., see `CycleGAN`.
        - Almahairi et al., "Augmented CycleGAN: Learning Many-to-Many Mappings from
          Unpaired Data", 2018, https://arxiv.org/abs/1802.10151
        - Huang et al., "Multimodal Unsupervised Image-to-Image Translation", 2018,
          https://arxiv.org/abs/1804.04732
    """

    roles = {
        "generator": ("generator_xy", "generator_yx", "style_encoder"),
        "discriminator": CycleGAN.roles["discriminator"],
    }
    network_names = roles["generator"] + roles["discriminator"]
    loss_names = (*CycleGAN.loss_names, "style_loss", "style_moment_loss")

    def __init__(
        self,
        generator_xy,
        generator_yx,
        style_encoder,
        discriminator_x,
        discriminator_y,
        cycle_weight=(5.0, 2.5),
        cycle_margin=0.0,
        identity_weight=0.0,
        style_weight=1.0,
        style_moment_weight=0.1,
        style_noise=0.1,
        pool_size=0,
        seed=None,
        **kwargs,
    ):
        super().__init__(
            generator_xy,
            generator_yx,
            discriminator_x,
            discriminator_y,
            cycle_weight=cycle_weight,
            identity_weight=identity_weight,
            pool_size=pool_size,
            seed=seed,
            further_networks={"style_encoder": style_encoder},
            **kwargs,
        )
        self.cycle_margin = non_negative_float("cycle_margin", cycle_margin)
        must = "Argument `cycle_margin` must be less than half of the width"
        require(self.cycle_margin < 0.5, must, cycle_margin=cycle_margin)
        self.style_weight = non_negative_float("style_weight", style_weight)
        self.style_moment_weight = non_negative_float(
            "style_moment_weight", style_moment_weight
        )
        self.style_noise = non_negative_float("style_noise", style_noise)
        self.style_pool = StylePool(
            self.style_dim, seed=seed, dtype="float32", name="style_pool"
        )
        self.seed_generator = ReplicaSeedGenerator(None if seed is None else seed + 2)

    def _check_channels(self):
        super()._check_channels()
        x = self.discriminator_x.input_shape[-1]
        y = self.discriminator_y.input_shape[-1]
        for name, what, expected in (
            ("generator_xy", "images of X and styles of", [x, self.style_dim]),
            ("style_encoder", "images of Y and images of X, of", [y, x]),
        ):
            shapes = shapes_of(getattr(self, name).input_shape)
            channels = [shape[-1] for shape in shapes]
            require(
                channels == expected,
                f"Argument `{name}` must take a list of {what} {expected} channels",
                channels=channels,
            )

    def build_state(self, element_spec):
        super().build_state(element_spec)
        sizes = {part.shape[0] for part in element_spec[:2]} - {None}
        require(
            len(sizes) < 2,
            "Batches of x and y must be equally long, because each x is drawn in the "
            "style of a y",
            sizes=sorted(sizes),
        )

    @property
    def style_dim(self):
        """Length of a style."""
        return self.style_encoder.output_shape[-1]

    def compile(self, *args, style_loss=None, **kwargs):
        """Configures training, as `CycleGAN.compile` does.

        Args:
            *args: Those of `CycleGAN.compile`.
            style_loss: `keras.losses.Loss` between the style of a translation and what
                E reads from it. Defaults to `keras.losses.MeanAbsoluteError()`.
            **kwargs: Those of `CycleGAN.compile`.
        """
        style_loss = style_loss or keras.losses.MeanAbsoluteError()
        super().compile(*args, style_loss=style_loss, **kwargs)

    # Translation -------------------------------------------------------------------

    def call(self, images, direction="xy", training=False, style=None):
        images = ops.convert_to_tensor(images)
        if direction == "yx":
            require(style is None, "Only direction 'xy' has a `style`")
            return super().call(images, direction, training)
        if style is None:
            style = style_of_pixels(images, self.style_pool.styles)
        return super().call([images, style], direction, training)

    def sample_style(self, count, seed=None):
        """Returns random styles, an array of shape `(count, style_dim)`.

        They are some that the images had which were trained last. An integer `seed`
        gives the same each time.
        """
        return sample_styles(self.style_pool.styles, count, seed)

    def encode_style(self, images):
        """Returns the styles of images of Y in [-1, 1], shape `(batch, style_dim)`."""
        images = ops.convert_to_tensor(images)
        content = super().call(images, "yx")
        return self.inference_network("style_encoder")([images, content])

    def translate(self, images, style=None, reference=None, seed=None, variants=1):
        """Translates X → Y in styles of your choice.

        Args:
            images: Images of X in [-1, 1], shape `(n, height, width, channels)`.
            style: Optional styles: `(style_dim,)` for all images, `(n, style_dim)` for
                one each, or with `variants` a pair of them, between which the variants
                go in equal steps.
            reference: In place of `style`, images of Y in [-1, 1] that have it: one
                image `(height, width, channels)`, `n` of them, or with `variants` a
                pair.
            seed: Optional integer, gives random styles that are the same each time, and
                the same for all images. By default each image has random styles of its
                own.
            variants: Positive integer, translations of each image. Defaults to 1.

        Returns:
            NumPy array of float32 in [-1, 1], `(n, height, width, channels)`, or with
            more than one variant `(n, variants, height, width, channels)`.
        """
        images = np.asarray(images)
        require(
            images.dtype.kind == "f",
            "Argument `images` must be floats in [-1, 1]; `keras_gans.pixels.to_floats`"
            " makes them of uint8",
            TypeError,
            dtype=str(images.dtype),
        )
        generator = self.inference_network("generator_xy")
        return translate_in_styles(
            lambda images, styles: generator([images, styles], training=False),
            self.encode_style,
            self.style_pool.styles,
            images.astype("float32"),
            *(style, reference, seed, variants),
        )

    # Training ----------------------------------------------------------------------

    def compute_losses(self, x, y, training):
        """Returns the dict of losses for one batch of each domain."""
        x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)
        # 1. What y is without its style, and its style.
        fake_x, *same_x = self.call_together(
            self.generator_yx,
            [y, as_input(x, like=y)] if self.identity_weight[0] else [y],
            training,
        )
        style_y = self.style_encoder([y, fake_x], training=training)
        self.style_pool(style_y, training=training)

        # 2. x in the styles of the batch, and y put together again.
        style = self._styles_for(x, style_y, training)
        inputs = [[x, style], [fake_x, style_y]]
        if self.identity_weight[1]:
            inputs.append([as_input(y, like=x), style_y])
        fake_y, cycled_y, *same_y = self.call_together(
            self.generator_xy, inputs, training
        )
        cycled_x = self.generator_yx(fake_y, training=training)
        style_of_fake = self.style_encoder([fake_y, x], training=training)

        # 3. Judge, and add up.
        style_loss = self.style_loss(style, style_of_fake)
        moment_loss = style_moment_loss(style_y)
        losses = self.add_up(
            *((x, y), (fake_x, fake_y), (cycled_x, cycled_y), (same_x, same_y)),
            training,
            (self.style_weight * style_loss, self.style_moment_weight * moment_loss),
        )
        return losses | {"style_loss": style_loss, "style_moment_loss": moment_loss}

    def cycle_losses(self, real, cycled):
        if not self.cycle_margin:
            return super().cycle_losses(real, cycled)
        width = ops.shape(real[1])[2]
        margin = ops.cast(self.cycle_margin * ops.cast(width, "float32"), "int32")
        pair_x, pair_y = zip(real, cycled, strict=True)
        middle = (part[:, :, margin : width - margin] for part in pair_y)
        return self.cycle_loss(*pair_x), self.cycle_loss(*middle)

    def _styles_for(self, x, style_y, training):
        """Returns a style for each x, which no gradient goes through."""
        if not training:
            return style_of_pixels(x, self.style_pool.styles)
        shape = ops.shape(style_y)
        noise = draw(keras.random.normal, shape, self.seed_generator)
        return ops.stop_gradient(style_y) + self.style_noise * noise


def style_moment_loss(styles):
    """Returns M of styles `(batch, style_dim)`, divided by the number of replicas."""
    mean = ops.mean(styles, axis=0)
    # The square root has no gradient at 0, in a batch of one.
    deviation = ops.sqrt(ops.var(styles, axis=0) + 1e-8)
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return (ops.mean(mean**2) + ops.mean((deviation - 1) ** 2)) / replicas
