"""The networks of StarGAN and ACL-GAN: what papers and code say about them."""

import keras
import numpy as np
import pytest

from keras_gans.layers import ResizeConv2D
from keras_gans.networks import (
    aclgan_discriminator,
    aclgan_generator,
    size_multiple,
    stargan_discriminator,
    stargan_generator,
)


def inputs(size=16, attributes=2, seed=0):
    random = np.random.default_rng(seed)
    images = random.uniform(-1, 1, (3, size, size, 3)).astype("float32")
    return images, random.integers(0, 2, (3, attributes)).astype("float32")


def copy_weights(source, target):
    for layer in target.layers:
        if layer.weights:
            layer.set_weights(source.get_layer(layer.name).get_weights())


@pytest.mark.slow
def test_parameters_of_the_papers_networks():
    # Convolutions of tables 4 and 5 without the biases that the code leaves out, and
    # factor and offset of each normalization.
    generator = 7 * 7 * 8 * 64 + 4 * 4 * 64 * 128 + 4 * 4 * 128 * 256
    generator += 12 * 3 * 3 * 256 * 256 + 4 * 4 * 256 * 128 + 4 * 4 * 128 * 64
    generator += 7 * 7 * 64 * 3
    generator += 2 * (64 + 128 + 256 + 12 * 256 + 128 + 64)
    assert stargan_generator(5).count_params() == generator == 8_430_528

    widths = [3, 64, 128, 256, 512, 1024, 2048]
    discriminator = sum(
        16 * before * after + after for before, after in zip(widths, widths[1:])
    )
    discriminator += 3 * 3 * 2048 + 2 * 2 * 2048 * 5
    assert stargan_discriminator(5).count_params() == discriminator == 44_762_048


def test_weights_start_as_in_pytorch():
    for network in (stargan_generator(2, width=8), aclgan_discriminator(2, width=8)):
        for layer in network.layers:
            if not isinstance(layer, keras.layers.Conv2D):
                continue
            height, width, one, other = layer.kernel.shape
            fan = one * height * width
            if isinstance(layer, keras.layers.Conv2DTranspose):
                fan = one * height * width  # its kernel has the outputs first
            bound = fan**-0.5
            assert np.abs(layer.kernel).max() <= bound
            np.testing.assert_allclose(np.std(layer.kernel), bound / 3**0.5, rtol=0.15)
            if layer.use_bias:
                assert 0 < np.abs(layer.bias).max() <= bound


def test_each_attribute_changes_the_translation():
    generator = stargan_generator(2, width=4, residual_blocks=1)
    images, _ = inputs()
    rows = np.float32([[0, 0], [1, 0], [0, 1]])
    outputs = generator([images[:1].repeat(3, 0), rows]).numpy()
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(outputs[one] - outputs[other]).max() > 1e-3


@pytest.mark.parametrize(
    "size, layers, patches",
    [(8, None, 2), (64, None, 2), (128, None, 2), (256, None, 4), (64, 6, 1)],
)
def test_patches_that_remain(size, layers, patches):
    discriminator = stargan_discriminator(3, size, width=2, layers=layers)
    assert discriminator.output_shape == [(None, patches, patches, 1), (None, 3)]
    with_one = aclgan_discriminator(3, size, width=2, layers=layers)
    assert with_one.output_shape == (None, 3)
    both = aclgan_discriminator(3, size, width=2, layers=layers, with_complement=True)
    assert both.output_shape == (None, 6)


def test_the_mask_lays_the_segment_over_the_image():
    generator = aclgan_generator(2, width=4, residual_blocks=1, frame=4)
    images, attributes = inputs()
    translation, mask, segment = (
        output.numpy() for output in generator([images, attributes])
    )
    assert mask.shape == (3, 16, 16, 1) and segment.shape == images.shape
    assert 0 < mask.min() < mask.max() < 1
    np.testing.assert_allclose(
        translation, mask * segment + (1 - mask) * images, atol=1e-6
    )


def test_without_mask_and_frame_it_is_stargan_s():
    images, attributes = inputs()
    ours = aclgan_generator(2, width=4, residual_blocks=1, mask=False, frame=0)
    stargan = stargan_generator(2, width=4, residual_blocks=1)
    copy_weights(stargan, ours)
    np.testing.assert_array_equal(
        ours([images, attributes]), stargan([images, attributes])
    )


@pytest.mark.parametrize("frame", [4, 8])
def test_the_frame_is_a_mirror_that_is_cut_off(frame):
    images, attributes = inputs()
    arguments = {"width": 4, "residual_blocks": 1, "mask": False}
    framed = aclgan_generator(2, frame=frame, **arguments)
    plain = aclgan_generator(2, frame=0, **arguments)
    copy_weights(framed, plain)
    padding = ((0, 0), (frame, frame), (frame, frame), (0, 0))
    mirrored = np.pad(images, padding, "reflect")
    expected = plain([mirrored, attributes]).numpy()[:, frame:-frame, frame:-frame]
    np.testing.assert_allclose(framed([images, attributes]), expected, atol=1e-6)


@pytest.mark.parametrize("build", [stargan_generator, aclgan_generator])
def test_upsampling_by_repeated_pixels(build):
    generator = build(2, width=4, residual_blocks=0, upsampling="resize")
    kinds = [type(layer) for layer in generator.layers]
    assert kinds.count(ResizeConv2D) == 2
    assert keras.layers.Conv2DTranspose not in kinds
    kernels = [
        layer.kernel.shape
        for layer in generator.layers
        if "upsampling" in layer.name
        if hasattr(layer, "kernel")
    ]
    assert kernels == [(3, 3, 16, 8), (3, 3, 8, 4)]
    images, attributes = inputs()
    outputs = generator([images, attributes])
    translation = outputs[0] if isinstance(outputs, list) else outputs
    assert translation.shape == images.shape


def test_sizes():
    assert size_multiple(aclgan_generator(1, width=2, residual_blocks=0)) == 4
    assert size_multiple(stargan_generator(1, width=2, downsamplings=3)) == 8
    generator = aclgan_generator(1, width=2, residual_blocks=0, frame=8)
    with pytest.raises(ValueError, match="at least 9"):
        generator([np.zeros((1, 8, 8, 3)), np.zeros((1, 1))])


@pytest.mark.parametrize("build, message", [
    (lambda: stargan_generator(0), "`attributes` must be a positive integer"),
    (lambda: aclgan_discriminator(True), "`attributes`.*True"),
    (lambda: stargan_generator(1, residual_blocks=-1), "`residual_blocks`.*-1"),
    (lambda: aclgan_generator(1, downsamplings=-1), "`downsamplings`.*-1"),
    (lambda: stargan_generator(1, upsampling="bilinear"), "`upsampling`.*bilinear"),
    (lambda: aclgan_generator(1, upsampling="bilinear"), "`upsampling`.*bilinear"),
    (lambda: aclgan_generator(1, frame=6), "`frame` must be 0 or a multiple of 4"),
    (lambda: aclgan_generator(1, frame=-4), "`frame`.*-4"),
    (lambda: stargan_discriminator(1, size=48), "power of two.*size=48"),
    (lambda: stargan_discriminator(1, size=4), "power of two.*size=4"),
    (lambda: aclgan_discriminator(1, size=16, layers=5), "1 and 4.*layers=5"),
])  # fmt: skip
def test_wrong_arguments(build, message):
    with pytest.raises(ValueError, match=message):
        build()
