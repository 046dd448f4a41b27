"""The residual generator of CycleGAN."""

import keras
from keras import layers

from keras_gans.checks import one_of
from keras_gans.layers import ReflectionPadding2D, SizeMultiple
from keras_gans.networks.common import activated, check_counts
from keras_gans.networks.common import normal_kernel, normalized


def resnet_generator(
    input_channels=3,
    output_channels=3,
    width=64,
    residual_blocks=9,
    downsamplings=2,
    activation="relu",
    upsampling="transposed",
    normalization="instance",
    affine=False,
    name="generator",
):
    """Builds the generator of CycleGAN, after the style network of Johnson et al.

    In the notation of the paper, with two downsamplings:

        layer                output shape            followed by
        input                (B, H,   W,   input)
        c7s1-w               (B, H,   W,   w)        norm, activation
        d2w  (c3s2)          (B, H/2, W/2, 2w)       norm, activation
        d4w  (c3s2)          (B, H/4, W/4, 4w)       norm, activation
        R4w, as often as     (B, H/4, W/4, 4w)
          asked:               x + norm(c3s1-4w(activation(norm(c3s1-4w(x)))))
        u2w  (ct3s2)         (B, H/2, W/2, 2w)       norm, activation
        uw   (ct3s2)         (B, H,   W,   w)        norm, activation
        c7s1-output          (B, H,   W,   output)   tanh

    The paper takes six residual blocks for 128 pixels, nine for 256 and more. The 7x7
    convolutions and the residual blocks reflect the image at its border, the
    stride-2 ones pad with zeros.

    Weights start from a normal distribution of standard deviation 0.02. The authors'
    code gives every convolution a bias. Here there are 11,372,931 trained parameters
    with nine blocks; with the idle biases it would be the 11,378,179 of the original.

    Args:
        residual_blocks: Non-negative integer, `9` by default.
        downsamplings: Non-negative integer, how often the image is halved (and doubled
            again), `2` by default.
        activation: `"relu"` (the default), `"leaky_relu"` (with a slope of 0.01 for
            negative inputs, not the 0.2 of Keras), or any other Keras activation by
            name or as a function.
        upsampling: `"transposed"` (the default, a transposed convolution), or
            `"resize"`: every pixel is repeated 2x2 and a convolution c3s1 follows,
            which leaves no checkerboard pattern.
        normalization: `"instance"` (the default), `"batch"` or `None`.
        affine: Boolean, whether the normalization has a trained factor and offset per
            channel. `False` by default, as in the original.

    Returns:
        Functional `keras.Model` from `(batch, height, width, input_channels)` to
        `(batch, height, width, output_channels)`. Height and width are multiples of
        `2**downsamplings`, at least 8 (for two downsamplings).

    Reference:
        Zhu et al., see `keras_gans.models.CycleGAN`; Odena, Dumoulin and
        Olah, "Deconvolution and Checkerboard Artifacts", 2016,
        [doi:10.23915/distill.00003](https://doi.org/10.23915/distill.00003).
    """
    check_counts(residual_blocks=residual_blocks, downsamplings=downsamplings)
    one_of("upsampling", upsampling, ("transposed", "resize"))

    def convolution(x, filters, size, layer_name, strides=1, kind=layers.Conv2D):
        """Convolution and normalization; stride 1 pads by reflection."""
        if strides == 1:
            x = ReflectionPadding2D(size // 2, name=f"{layer_name}_padding")(x)
        padding, use_bias = "valid" if strides == 1 else "same", normalization is None
        options = {"kernel_initializer": normal_kernel(), "name": layer_name}
        x = kind(filters, size, strides, padding, use_bias=use_bias, **options)(x)
        return normalized(x, normalization, f"{layer_name}_normalization", affine)

    def block(x, filters, size, layer_name, **options):
        x = convolution(x, filters, size, layer_name, **options)
        layer_name = f"{layer_name}_activation"
        if activation == "leaky_relu":
            return layers.LeakyReLU(0.01, name=layer_name)(x)
        return layers.Activation(activation, name=layer_name)(x)

    inputs = keras.Input((None, None, input_channels), name="images")
    # A reflection by 3 needs 4 pixels, one by 1 in the residual blocks needs 2.
    x = SizeMultiple(
        2**downsamplings, minimum=max(4, 2 ** (downsamplings + 1)), name="size_multiple"
    )(inputs)

    x = block(x, width, 7, "first")

    for index in range(1, downsamplings + 1):
        x = block(x, width * 2**index, 3, f"downsampling_{index}", strides=2)

    for index in range(1, residual_blocks + 1):
        residual, shortcut = f"residual_{index}", x
        x = block(x, x.shape[-1], 3, f"{residual}_1")
        x = convolution(x, x.shape[-1], 3, f"{residual}_2")
        x = layers.Add(name=f"{residual}_add")([shortcut, x])

    for index in range(downsamplings, 0, -1):
        layer_name, filters = f"upsampling_{index}", width * 2 ** (index - 1)
        options = {"strides": 2, "kind": layers.Conv2DTranspose}
        if upsampling == "resize":
            # It repeats pixels, which XLA can differentiate on every device.
            x = layers.UpSampling2D(name=f"{layer_name}_resize")(x)
            options = {}
        x = block(x, filters, 3, layer_name, **options)

    x = ReflectionPadding2D(3, name="last_padding")(x)
    options = {"kernel_initializer": normal_kernel(), "name": "last"}
    x = layers.Conv2D(output_channels, 7, **options)(x)
    outputs = activated(x, "tanh", "translation")
    return keras.Model(inputs, outputs, name=name)
