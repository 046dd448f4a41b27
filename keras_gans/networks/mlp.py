"""Dense networks for points of the plane and other short vectors."""

import keras

from keras_gans.networks.common import check_positive


def mlp_generator(
    latent_dim=2, output_dim=2, width=128, layers=3, classes=None, name="generator"
):
    """Builds a generator of points: dense layers with ReLU and a linear output.

    With `classes`, each class has a trained vector that is joined to the latent. It
    has as many numbers as there are classes and starts as the one-hot code.

    Hidden kernels start from He's normal distribution, the last from Glorot's uniform
    one.

    Args:
        latent_dim: Positive integer, length of the latent, `2` by default.
        output_dim: Positive integer, coordinates of a point, `2` by default.
        width: Positive integer, units of a hidden layer, `128` by default.
        layers: Positive integer, the number of hidden layers, `3` by default.
        classes: Positive integer, the number of classes of a conditional generator,
            or `None` (the default) for an unconditional one.

    Returns:
        Functional `keras.Model` from the latent `(batch, latent_dim)` to points
        `(batch, output_dim)` of any range. With `classes` the input is a list
        `[latent, labels]`, the labels integers in [0, classes) of shape `(batch,)`.
    """
    check_positive(
        latent_dim=latent_dim, output_dim=output_dim, width=width, layers=layers
    )
    inputs, x = _inputs(latent_dim, classes, "latent")
    x = _hidden(x, width, layers, "hidden", 0.0)
    # Points leave in float32, also when the layers before compute in 16 bits.
    outputs = keras.layers.Dense(output_dim, dtype="float32", name="points")(x)
    return keras.Model(inputs, outputs, name=name)


def mlp_discriminator(
    input_dim=2,
    width=128,
    layers=3,
    classes=None,
    negative_slope=0.2,
    name="discriminator",
):
    """Builds a discriminator of points: dense layers to one logit per point.

    There is no normalization, so that it serves as a critic with a gradient penalty
    as well.

    Classes are joined to the points, and weights start, as in `mlp_generator`.

    Args:
        input_dim: Positive integer, coordinates of a point, `2` by default.
        width: Positive integer, units of a hidden layer, `128` by default.
        layers: Positive integer, the number of hidden layers, `3` by default.
        classes: Positive integer or `None`, as for `mlp_generator`.
        negative_slope: Float, slope of LeakyReLU below zero, `0.2` by default.

    Returns:
        Functional `keras.Model` from points `(batch, input_dim)` to logits
        `(batch, 1)`. With `classes` the input is a list `[points, labels]`, the labels
        as for `mlp_generator`.
    """
    check_positive(input_dim=input_dim, width=width, layers=layers)
    inputs, x = _inputs(input_dim, classes, "points")
    x = _hidden(x, width, layers, "hidden", negative_slope)
    # Logits leave in float32, also when the layers before compute in 16 bits.
    outputs = keras.layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def mlp_autoencoder(
    input_dim=2,
    width=128,
    layers=2,
    code_dim=2,
    negative_slope=0.2,
    name="discriminator",
):
    """Builds an auto-encoder of points, the discriminator of EBGAN and BEGAN.

    Encoder and decoder have dense layers with LeakyReLU; code and reconstruction are
    linear. A code as long as the point can carry every point, real or not. It is
    training against the generator's points that teaches this auto-encoder to
    reconstruct real ones only. A code of a single number leaves EBGAN's pull-away
    term without effect, since the cosine of two numbers is always 1 or -1.

    Hidden kernels start from He's normal distribution, the others from Glorot's
    uniform one.

    Args:
        input_dim: Positive integer, coordinates of a point, `2` by default.
        width: Positive integer, units of a hidden layer, `128` by default.
        layers: Positive integer, the number of hidden layers of the encoder, and of
            the decoder, `2` by default.
        code_dim: Positive integer, length of the code, `2` by default.
        negative_slope: Float, slope of LeakyReLU below zero, `0.2` by default.

    Returns:
        Functional `keras.Model` from points `(batch, input_dim)` to a list
        `[reconstruction, code]` of shapes `(batch, input_dim)` and
        `(batch, code_dim)`.
    """
    check_positive(input_dim=input_dim, width=width, layers=layers, code_dim=code_dim)
    inputs = keras.Input((input_dim,), name="points")
    x = _hidden(inputs, width, layers, "encoder", negative_slope)
    # Both outputs leave in float32, also when other layers compute in 16 bits.
    code = keras.layers.Dense(code_dim, dtype="float32", name="code")(x)
    x = _hidden(code, width, layers, "decoder", negative_slope)
    last = keras.layers.Dense(input_dim, dtype="float32", name="reconstruction")
    return keras.Model(inputs, [last(x), code], name=name)


def _inputs(dim, classes, input_name):
    """Returns the inputs of a network and the single vector that they make."""
    vectors = keras.Input((dim,), name=input_name)
    if classes is None:
        return vectors, vectors
    check_positive(classes=classes)
    labels = keras.Input((), dtype="int32", name="labels")
    embedding = keras.layers.Embedding(
        classes, classes, embeddings_initializer="identity", name="label_embedding"
    )(labels)
    x = keras.layers.Concatenate(name=f"{input_name}_and_label")([vectors, embedding])
    return [vectors, labels], x


def _hidden(x, width, layers, layer_name, negative_slope):
    """Applies the hidden layers; a slope of 0 makes LeakyReLU a ReLU."""
    for index in range(1, layers + 1):
        name = f"{layer_name}_{index}"
        x = keras.layers.Dense(width, kernel_initializer="he_normal", name=name)(x)
        x = keras.layers.LeakyReLU(negative_slope, name=f"{name}_activation")(x)
    return x
