"""The auto-encoder that judges images in EBGAN and BEGAN, and BEGAN's generator."""

import keras
from keras import layers

from keras_gans.layers import normalize
from keras_gans.networks.common import activated, check_positive, doubling
from keras_gans.networks.dcgan import split_size


def autoencoder(
    size=32,
    channels=1,
    width=64,
    code_dim=64,
    activation="elu",
    normalization=None,
    upsampling="resize",
    output_activation="linear",
    name="discriminator",
):
    """Builds a convolutional auto-encoder, the discriminator of EBGAN and BEGAN.

    `up` repeats pixels 2x2 and has a 3x3 convolution behind. At the default size of 32:

        layer               output shape       followed by
        images              (B, 32, 32, channels)
        c4s2-w              (B, 16, 16, w)     activation
        c4s2-2w             (B,  8,  8, 2w)    norm, activation
        c4s2-4w             (B,  4,  4, 4w)    norm, activation
        dense               (B, code_dim)                            the code
        dense               (B,  4,  4, 4w)    norm, activation
        up-2w               (B,  8,  8, 2w)    norm, activation
        up-w                (B, 16, 16, w)     norm, activation
        up-channels         (B, 32, 32, channels)  output activation

    The defaults follow BEGAN: ELU, no normalization, repeated pixels and a linear
    code of 64 numbers. BEGAN has two 3x3 convolutions at every resolution, which
    costs several times as much. EBGAN's kind, strided and transposed 4x4 convolutions
    with batch normalization, is `activation="relu", normalization="batch",
    upsampling="transposed"`; its code is the last feature map of the encoder, while
    a dense layer leads to the code here.

    The reconstruction is linear by default. Most pixels of a digit are exactly -1 or
    1, which a tanh never reaches, and where it is saturated on the wrong side it
    passes no gradient on. The energy of an image is then unbounded: EBGAN's margin
    and BEGAN's balance keep the energy of generated images in check. A bounded one
    is `output_activation="tanh"`.

    Weights start from Glorot's (Xavier's) uniform distribution.

    Args:
        size: Height and width of the images, as for `dcgan_generator`.
        code_dim: Positive integer, length of the code, `64` by default.
        activation: Keras activation by name or as a function, `"elu"` by default.
        normalization: Of all layers but the first, the code and the last: `"batch"`,
            `"instance"` or `None` (the default).
        upsampling: `"resize"` (the default): every pixel is repeated 2x2 and a
            convolution c3s1 follows, which leaves no checkerboard pattern; or
            `"transposed"`, a transposed 4x4 convolution.
        output_activation: Keras activation of the reconstruction, `"linear"` by
            default.

    Returns:
        Functional `keras.Model` from images `(batch, size, size, channels)` to a list
        `[reconstruction, code]` of the shape of the images (around [-1, 1]) and
        `(batch, code_dim)`.

    Reference:
        See `keras_gans.models.EBGAN` and `BEGAN`.
    """
    check_positive(channels=channels, width=width, code_dim=code_dim)
    _, halvings = split_size(size)

    # 1. Encoder: the images become a code.
    inputs = x = keras.Input((size, size, channels), name="images")
    for index in range(1, halvings + 1):
        first, filters = index == 1, width * 2 ** (index - 1)
        use_bias = first or normalization is None
        options = {"use_bias": use_bias, "name": f"encoder_{index}"}
        x = layers.Conv2D(filters, 4, 2, "same", **options)(x)
        if not first:
            x = normalize(x, normalization, name=f"encoder_{index}_normalization")
        x = layers.Activation(activation, name=f"encoder_{index}_activation")(x)
    x = layers.Flatten(name="flatten")(x)
    # Codes and images leave in float32, also when other layers compute in 16 bits.
    code = layers.Dense(code_dim, dtype="float32", name="code")(x)

    # 2. Decoder: the code becomes images again.
    x = _decode(code, size, channels, width, activation, normalization, upsampling)
    reconstruction = activated(x, output_activation, "reconstruction")
    return keras.Model(inputs, [reconstruction, code], name=name)


def decoder_generator(
    latent_dim=64,
    size=32,
    channels=1,
    width=64,
    activation="elu",
    normalization=None,
    upsampling="resize",
    name="generator",
):
    """Builds a generator that is the decoder of `autoencoder`, as BEGAN has it.

    The layers are those from the code on, in the table of `autoencoder`; the weights
    are its own. The output is a tanh, which keeps the images in [-1, 1].

    Args:
        latent_dim: Positive integer, length of the latent, `64` by default.
        size, channels, width, activation, normalization, upsampling: As for
            `autoencoder`; the width is that before the last convolution.

    Returns:
        Functional `keras.Model` from the latent `(batch, latent_dim)` to images
        `(batch, size, size, channels)`.
    """
    check_positive(latent_dim=latent_dim, channels=channels, width=width)
    latent = keras.Input((latent_dim,), name="latent")
    x = _decode(latent, size, channels, width, activation, normalization, upsampling)
    outputs = activated(x, "tanh", "images")
    return keras.Model(latent, outputs, name=name)


def _decode(x, size, channels, width, activation, normalization, upsampling):
    """Applies the layers from a code to images, without the output activation."""
    larger = doubling(upsampling)
    start, doublings = split_size(size)
    filters = width * 2 ** (doublings - 1)
    use_bias = normalization is None
    x = layers.Dense(start**2 * filters, use_bias=use_bias, name="decoder_dense")(x)
    x = layers.Reshape((start, start, filters), name="decoder_reshape")(x)
    for index in range(1, doublings + 1):
        layer_name = f"decoder_{index}"
        x = normalize(x, normalization, name=f"{layer_name}_normalization")
        x = layers.Activation(activation, name=f"{layer_name}_activation")(x)
        last = index == doublings
        filters //= 2
        arguments = {"use_bias": last or use_bias, "name": layer_name}
        x = larger(channels if last else filters, **arguments)(x)
    return x
