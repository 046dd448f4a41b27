"""Generator and discriminator of DCGAN, unconditional and conditional."""

import keras
from keras import layers

from keras_gans.checks import one_of, require
from keras_gans.networks.common import activated, check_positive, normal_gamma
from keras_gans.networks.common import normal_kernel, normalized


def dcgan_generator(
    latent_dim=100,
    size=32,
    channels=1,
    width=64,
    classes=None,
    label_dim=50,
    normalization="batch",
    name="generator",
):
    """Builds the generator of DCGAN: a dense layer and transposed convolutions.

    At the default size of 32:

        layer               output shape       followed by
        latent              (B, latent_dim)
        (embedding)         (B, latent_dim + label_dim)
        dense               (B,  4,  4, 4w)    norm, ReLU
        ct4s2-2w            (B,  8,  8, 2w)    norm, ReLU
        ct4s2-w             (B, 16, 16, w)     norm, ReLU
        ct4s2-channels      (B, 32, 32, channels)  tanh

    A size of `4 * 2**n` starts from 4x4 pixels and one of `7 * 2**n` (28, say) from
    7x7, in both cases with `width * 2**(n - 1)` filters, so that it mirrors
    `dcgan_discriminator`. The paper's network for 64 pixels is `size=64, width=128`.

    Kernels start from a normal distribution of standard deviation 0.02, the factors
    of the normalization from one around 1.

    With `classes`, each class has a trained vector of `label_dim` numbers that is
    joined to the latent. These numbers start from the standard normal distribution,
    of the size of the latent's, so that the label is heard from the first step on.
    (The ±0.05 of Keras would be drowned by the latent.)

    Args:
        latent_dim: Positive integer, length of the latent, `100` by default.
        size: Height and width of the images: `4 * 2**n` or `7 * 2**n` with `n` of at
            least 1, for example 28, 32 (the default) or 64.
        classes: Positive integer, the number of classes of a conditional generator,
            or `None` (the default) for an unconditional one.
        label_dim: Positive integer, length of a class's vector, `50` by default.
            Without `classes` it has no effect.
        normalization: `"batch"` (the default), `"layer"` (over height, width and
            channels), `"instance"` or `None`, which starts from almost grey images.

    Returns:
        Functional `keras.Model` from the latent `(batch, latent_dim)` to images
        `(batch, size, size, channels)`. With `classes` the input is a list
        `[latent, labels]`, the labels integers in [0, classes) of shape `(batch,)`.

    Example:

    ```python
    generator = dcgan_generator(latent_dim=64, size=28, classes=10)
    labels = keras.ops.convert_to_tensor([3, 7])
    images = generator([keras.random.normal((2, 64)), labels])
    ```

    Reference:
        Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep
        Convolutional Generative Adversarial Networks", 2015,
        https://arxiv.org/abs/1511.06434; with `classes`,
        Mirza and Osindero, see `keras_gans.models.ConditionalGAN`.
    """
    check_positive(
        latent_dim=latent_dim, channels=channels, width=width, label_dim=label_dim
    )
    start, doublings = split_size(size)
    use_bias = _needs_bias(normalization)

    latent = x = keras.Input((latent_dim,), name="latent")
    inputs = latent
    if classes is not None:
        labels, embedding = _embed_labels(classes, label_dim)
        x = layers.Concatenate(name="latent_and_label")([latent, embedding])
        inputs = [latent, labels]

    filters = width * 2 ** (doublings - 1)
    options = {"use_bias": use_bias, "kernel_initializer": normal_kernel()}
    x = layers.Dense(start * start * filters, name="dense", **options)(x)
    x = layers.Reshape((start, start, filters), name="reshape")(x)
    for index in range(1, doublings + 1):
        x = _normalize(x, normalization, name=f"normalization_{index}")
        x = layers.ReLU(name=f"activation_{index}")(x)
        last = index == doublings
        filters = channels if last else filters // 2
        options = {"kernel_initializer": normal_kernel(), "use_bias": last or use_bias}
        options["name"] = f"convolution_{index}"
        x = layers.Conv2DTranspose(filters, 4, 2, "same", **options)(x)
    outputs = activated(x, "tanh", "images")
    return keras.Model(inputs, outputs, name=name)


def dcgan_discriminator(
    size=32,
    channels=1,
    width=64,
    classes=None,
    label_dim=50,
    normalization="batch",
    negative_slope=0.2,
    name="discriminator",
):
    """Builds the discriminator of DCGAN: convolutions down to one logit per image.

    At the default size of 32:

        layer               output shape       followed by
        images              (B, 32, 32, channels)
        (embedding, dense)  (B, 32, 32, channels + 1)
        c4s2-w              (B, 16, 16, w)     LeakyReLU
        c4s2-2w             (B,  8,  8, 2w)    norm, LeakyReLU
        c4s2-4w             (B,  4,  4, 4w)    norm, LeakyReLU
        dense               (B, 1)

    The convolutions go down to 4x4 pixels for a size of `4 * 2**n` and to 7x7 for
    `7 * 2**n`, and mirror `dcgan_generator`.

    The gradient penalty of WGAN-GP is defined for each image alone. So its critic
    must not have batch normalization, which mixes the images of a batch; its paper
    recommends `"layer"` in the place: one mean and variance per image over height,
    width and channels, with a trained factor and offset per channel.

    Kernels start from a normal distribution of standard deviation 0.02, the factors
    of the normalization from one around 1. Without a normalization kernels start from
    He's normal distribution, as in the code of WGAN-GP: with 0.02, a critic's gradient
    would be some fifty times shorter than the 1 that its penalty asks for.

    Before layer normalization a convolution has its bias, which one mean for all
    channels does not take off.

    With `classes`, each class has a trained vector of `label_dim` numbers, and a dense
    layer makes it a map that is joined to the image as one more channel. Both start
    such that the map has a variance of 1, which is about the size of the image.

    Args:
        size: Height and width of the images, as for `dcgan_generator`.
        classes: Positive integer or `None`, as for `dcgan_generator`.
        label_dim: Positive integer, likewise.
        normalization: Of all convolutions but the first: `"batch"` (the default),
            `"layer"`, `"instance"` or `None`.
        negative_slope: Float, slope of LeakyReLU below zero, `0.2` by default.

    Returns:
        Functional `keras.Model` from images `(batch, size, size, channels)` to logits
        `(batch, 1)`. With `classes` the input is a list `[images, labels]`, the labels
        as for `dcgan_generator`.

    Reference:
        Radford, Metz and Chintala, as for `dcgan_generator`; Gulrajani et al., see
        `keras_gans.models.WGANGP`.
    """
    check_positive(channels=channels, width=width, label_dim=label_dim)
    _, halvings = split_size(size)
    use_bias = _needs_bias(normalization)

    inputs = x = images = keras.Input((size, size, channels), name="images")
    if classes is not None:
        labels, embedding = _embed_labels(classes, label_dim)
        # Keeps the variance of 1 that the vectors have; 0.02 would not.
        options = {"kernel_initializer": "lecun_normal", "name": "label_dense"}
        label_map = layers.Dense(size * size, **options)(embedding)
        label_map = layers.Reshape((size, size, 1), name="label_map")(label_map)
        x = layers.Concatenate(name="image_and_label")([images, label_map])
        inputs = [images, labels]

    for index in range(1, halvings + 1):
        first = index == 1
        start = {"kernel_initializer": _kernel_initializer(normalization)}
        options = {"use_bias": first or use_bias, "name": f"convolution_{index}"}
        filters = width * 2 ** (index - 1)
        x = layers.Conv2D(filters, 4, 2, "same", **options, **start)(x)
        if not first:
            x = _normalize(x, normalization, name=f"normalization_{index}")
        x = layers.LeakyReLU(negative_slope, name=f"activation_{index}")(x)
    x = layers.Flatten(name="flatten")(x)
    # Logits leave in float32, also when the layers before compute in 16 bits.
    start = {"kernel_initializer": _kernel_initializer(normalization)}
    outputs = layers.Dense(1, dtype="float32", name="logits", **start)(x)
    return keras.Model(inputs, outputs, name=name)


def split_size(size):
    """Returns the side of the first map of an image, 4 or 7, and how often it doubles.

    A size that is not `4 * 2**n` or `7 * 2**n` with `n` of at least 1 is refused.
    """
    check_positive(size=size)
    start = 7 if size % 7 == 0 else 4
    doublings = (size // start).bit_length() - 1
    require(
        doublings >= 1 and size == start * 2**doublings,
        "Argument `size` must be 4 * 2**n (8, 16, 32, 64, ...) or 7 * 2**n (14, 28, 56,"
        " ...). Pad or resize the images",
        size=size,
    )
    return start, doublings


def _embed_labels(classes, label_dim):
    """Returns the input of the labels and a vector of unit variance for each."""
    check_positive(classes=classes)
    labels = keras.Input((), dtype="int32", name="labels")
    options = {"embeddings_initializer": keras.initializers.RandomNormal(stddev=1.0)}
    embed = layers.Embedding(classes, label_dim, name="label_embedding", **options)
    return labels, embed(labels)


def _needs_bias(normalization):
    """Whether a bias before the normalization has an effect; checks the latter."""
    one_of("normalization", normalization, ("batch", "layer", "instance", None))
    return normalization in ("layer", None)


def _kernel_initializer(normalization):
    return keras.initializers.HeNormal() if normalization is None else normal_kernel()


def _normalize(x, normalization, name):
    if normalization == "layer":
        # A single group holds all channels: layer normalization. The layer of that
        # name would have a factor and an offset for every pixel of every channel.
        return layers.GroupNormalization(
            groups=1, epsilon=1e-5, gamma_initializer=normal_gamma(), name=name
        )(x)
    return normalized(x, normalization, name)
