"""Small models of every kind that is exported, and how their pixels are compared."""

import io

import keras
import numpy as np
from PIL import Image

from keras_gans import networks
from keras_gans.models import (
    ACLGAN,
    GAN,
    ConditionalGAN,
    CycleGAN,
    Pix2Pix,
    Pix2PixColorizer,
    StarGAN,
    StyleCycleGAN,
)

LATENT_DIM = 5
ATTRIBUTES = ("Smiling", "Black_Hair", "Blond_Hair")
HAIR = ATTRIBUTES[1:]
FACE_SIZE = 16


def trained(network, seed=0, scale=0.3):
    """Statistics and offsets as after training, so that it shows if they get lost."""
    random = np.random.default_rng(seed)
    for variable in network.weights:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(random.uniform(0.5, 2.0, variable.shape))
        elif variable.name in ("beta", "moving_mean", "bias"):
            variable.assign(random.normal(0.0, scale, variable.shape))
    return network


def cyclegan(normalization="batch", **arguments):
    keras.utils.set_random_seed(0)
    options = {"width": 8, "normalization": normalization, "residual_blocks": 1}
    return CycleGAN(
        generator_xy=trained(networks.digit_generator(1, 3, **options)),
        generator_yx=trained(networks.digit_generator(3, 1, **options)),
        discriminator_x=networks.digit_discriminator(1, width=4),
        discriminator_y=networks.digit_discriminator(3, width=4),
        **arguments,
    )


def style_cyclegan():
    keras.utils.set_random_seed(0)
    small = {"width": 4}
    generator = {**small, "residual_blocks": 0}
    return StyleCycleGAN(
        generator_xy=networks.style_generator(1, 3, **generator),
        generator_yx=networks.digit_generator(3, 1, **generator),
        discriminator_x=networks.digit_discriminator(1, **small),
        discriminator_y=networks.digit_discriminator(3, **small),
        style_encoder=networks.style_encoder(3, 1, **small),
    )


def unet(input_channels, output_channels=3, seed=0, normalization="batch"):
    generator = networks.unet_generator(
        input_channels, output_channels, width=4, depth=2, normalization=normalization
    )
    random = np.random.default_rng(seed)
    for variable in generator.weights:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(random.uniform(0.5, 2.0, variable.shape))
        else:
            variable.assign(random.normal(0.0, 0.2, variable.shape))
    return generator


def pix2pix(**arguments):
    discriminator = networks.patch_discriminator(channels=4, width=4, layers=1)
    return Pix2Pix(unet(1), discriminator, **arguments)


def colorizer(generator=None, **arguments):
    discriminator = networks.patch_discriminator(channels=8, width=4, layers=1)
    return Pix2PixColorizer(generator or unet(5), discriminator, **arguments)


def image_generator(classes=None, image_shape=(4, 6, 3), seed=0):
    """A dense layer, so that NumPy can compute it."""
    random = np.random.default_rng(seed)
    latent = keras.Input((LATENT_DIM,), name="latent")
    inputs, x = latent, latent
    if classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        embedding = keras.layers.Embedding(classes, 2, name="embedding")(labels)
        inputs, x = [latent, labels], keras.layers.Concatenate()([latent, embedding])
    x = keras.layers.Dropout(0.9)(x)  # Nothing is dropped in inference mode.
    x = keras.layers.Dense(int(np.prod(image_shape)), name="dense")(x)
    generator = keras.Model(inputs, keras.layers.Reshape(image_shape)(x))
    for variable in generator.weights:
        variable.assign(random.normal(0.0, 0.6, variable.shape))
    return generator


def gan(classes=None, **arguments):
    sample = keras.Input((4, 6, 3))
    logit = keras.layers.Dense(1)(keras.layers.Flatten()(sample))
    if classes is None:
        return GAN(image_generator(), keras.Model(sample, logit), **arguments)
    label = keras.Input((), dtype="int32")
    logit = logit + keras.layers.Embedding(classes, 1)(label)
    discriminator = keras.Model([sample, label], logit)
    arguments["classes"] = classes
    return ConditionalGAN(image_generator(classes), discriminator, **arguments)


def editor(name="aclgan", **arguments):
    keras.utils.set_random_seed(0)
    small = {"width": 4, "residual_blocks": 1}
    if name == "stargan":
        generator = networks.stargan_generator(3, **small)
        discriminator = networks.stargan_discriminator(3, FACE_SIZE, width=4)
        return StarGAN(generator, discriminator, ATTRIBUTES, [HAIR], **arguments)
    generator = networks.aclgan_generator(3, frame=4, **small)
    discriminator = networks.aclgan_discriminator(3, FACE_SIZE, width=4)
    return ACLGAN(generator, discriminator, ATTRIBUTES, [HAIR], **arguments)


# Pixels -----------------------------------------------------------------------------


def pictures(channels, batch=3, height=16, width=24, seed=0):
    shape = batch, height, width, channels
    return np.random.default_rng(seed).integers(0, 256, shape, "uint8")


def scaled(images):
    return images.astype("float32") / 127.5 - 1.0


def assert_same_pixels(received, levels):
    """Equal, except where a last bit of float32 decides between two grey levels."""
    assert received.dtype == np.uint8 and received.shape == levels.shape
    assert levels.std() > 10  # A picture, and not one even grey.
    difference = np.abs(received - np.clip(np.round(levels), 0, 255))
    between_two = np.abs(levels % 1 - 0.5) < 1e-3
    assert difference.max() <= 1 and difference[~between_two].max() == 0
    assert between_two.sum() <= 2 + 0.02 * between_two.size


def image_file(image, image_format="PNG", **options):
    stream = io.BytesIO()
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture.save(stream, image_format, **options)
    return stream.getvalue()


def decode_png(file):
    assert file.startswith(b"\x89PNG")
    image = np.array(Image.open(io.BytesIO(file)))
    return image[..., np.newaxis] if image.ndim == 2 else image
