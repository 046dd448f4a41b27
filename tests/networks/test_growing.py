"""Networks that grow: what each stage computes, fades, and the plain network."""

import keras
import numpy as np
import pytest

from keras_gans.networks import GrowingDiscriminator, GrowingGenerator

SIZE, START, COUNT = 32, 8, 2


def make(kind, **arguments):
    keras.utils.set_random_seed(0)
    small = {"size": SIZE, "start_size": START, "width": 4, **arguments}
    if kind == "generator":
        return GrowingGenerator(COUNT, residual_blocks=1, **small)
    return GrowingDiscriminator(COUNT, with_complement=True, **small)


both = pytest.mark.parametrize("kind", ["generator", "discriminator"])


def inputs(kind, samples=2):
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (samples, SIZE, SIZE, 3)).astype("float32")
    attributes = np.float32([[1, 0]] * samples)
    return [images, attributes] if kind == "generator" else images


def outputs(network, kind, x=None):
    made = network(inputs(kind) if x is None else x)
    return [part.numpy() for part in (made if kind == "generator" else [made])]


@both
def test_every_stage_has_images_of_full_size(kind):
    network = make(kind)
    assert network.stages == 3
    shapes = [(2, SIZE, SIZE, 3), (2, SIZE, SIZE, 1), (2, SIZE, SIZE, 3)]
    shapes = shapes if kind == "generator" else [(2, 2 * COUNT)]
    for progress in (0, 0.5, 1, 1.25, 2):
        network.grow(progress)
        assert [part.shape for part in outputs(network, kind)] == shapes


@pytest.mark.parametrize("stage", [
    pytest.param(0, marks=pytest.mark.slow),
    1,
    pytest.param(2, marks=pytest.mark.slow),
])  # fmt: skip
def test_a_stage_sees_and_makes_images_of_its_size(stage):
    generator, factor = make("generator", frame=0), 4 // 2**stage
    generator.grow(stage)
    images, attributes = inputs("generator")
    _, mask, segment = outputs(generator, "generator", [images, attributes])
    for part in (mask, segment):
        blocks = part.reshape(2, SIZE // factor, factor, SIZE // factor, factor, -1)
        assert np.ptp(blocks, axis=(2, 4)).max() == 0
        if factor > 1:
            assert np.ptp(blocks, axis=(1, 3)).max() > 1e-4
    # What the mean of a block does not show has no part in it.
    noise = np.random.default_rng(1).normal(0, 0.3, images.shape).astype("float32")
    blocks = noise.reshape(2, SIZE // factor, factor, SIZE // factor, factor, 3)
    noise = (blocks - blocks.mean((2, 4), keepdims=True)).reshape(images.shape)
    _, same_mask, same_segment = outputs(
        generator, "generator", [images + noise, attributes]
    )
    np.testing.assert_allclose(same_mask, mask, atol=1e-5)
    np.testing.assert_allclose(same_segment, segment, atol=1e-5)
    discriminator = make("discriminator")
    discriminator.grow(stage)
    np.testing.assert_allclose(
        discriminator(images + noise), discriminator(images), atol=1e-5
    )


def test_the_image_stays_sharp_in_every_stage():
    generator = make("generator")
    images, attributes = inputs("generator")
    translation, mask, segment = outputs(generator, "generator")
    np.testing.assert_allclose(
        translation, mask * segment + (1 - mask) * images, atol=1e-6
    )


@both
@pytest.mark.parametrize("stage", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_stage_is_faded_in(kind, stage):
    network = make(kind)

    def at(progress):
        network.grow(progress)
        return np.concatenate([part.ravel() for part in outputs(network, kind)])

    before, after = at(stage - 1), at(stage)
    # Hardly begun, it is the stage before; then it moves on, to the next.
    np.testing.assert_allclose(at(stage - 1 + 1e-6), before, atol=1e-4)
    distances = [
        np.abs(at(stage - 1 + share) - after).mean() for share in (0.25, 0.5, 0.75)
    ]
    assert np.abs(before - after).mean() > distances[0] > distances[1] > distances[2]


@both
def test_full_grown_it_is_a_plain_network(kind, tmp_path):
    network = make(kind)
    with pytest.raises(ValueError, match="0.00 of 2: train longer"):
        network.plain()
    network.grow(2)
    plain = network.plain()
    assert type(plain).__name__ == "Functional"
    x = inputs(kind)
    expected = outputs(network, kind)
    for one, other in zip(outputs(plain, kind, x), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    plain.save(tmp_path / "plain.keras")
    loaded = keras.saving.load_model(tmp_path / "plain.keras")
    for one, other in zip(outputs(loaded, kind, x), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    # Without what served the stages below.
    assert plain.count_params() < network.count_params()


@both
def test_saved_in_the_middle_of_a_fade(kind, tmp_path):
    network = make(kind)
    network.grow(0.3)
    network.images_seen.assign(77)
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert (loaded.stage, int(loaded.images_seen)) == (1, 77)
    for one, other in zip(outputs(loaded, kind), outputs(network, kind), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "kind", [pytest.param("generator", marks=pytest.mark.slow), "discriminator"]
)
def test_computed_variables_are_those_with_a_gradient(kind):
    import tensorflow as tf

    network = make(kind)
    for progress in (0, 0.5, 1, 1.5, 2):
        network.grow(progress)
        with tf.GradientTape() as tape:
            made = network(inputs(kind))
            total = sum(tf.reduce_sum(part**2) for part in tf.nest.flatten(made))
        gradients = tape.gradient(total, network.trainable_variables)
        reached = {
            id(variable)
            for variable, gradient in zip(network.trainable_variables, gradients)
            if gradient is not None
        }
        computed = [id(variable) for variable in network.computed_variables]
        assert len(computed) == len(set(computed)) and set(computed) == reached


@pytest.mark.slow
def test_the_frame_is_cut_off():
    images, attributes = inputs("generator")
    framed, plain = make("generator", frame=4), make("generator", frame=0)
    plain.set_weights(framed.get_weights())
    for network in (framed, plain):
        network.grow(2)
    _, mask, _ = framed([images, attributes])
    padding = ((0, 0), (4, 4), (4, 4), (0, 0))
    mirrored = np.pad(images, padding, "reflect")
    _, expected, _ = plain([mirrored, attributes])
    np.testing.assert_allclose(mask, expected[:, 4:-4, 4:-4], atol=1e-6)


@pytest.mark.parametrize("build, message", [
    (lambda: make("generator", size=24), "times a power of two.*size=24"),
    (lambda: make("generator", frame=6), "`frame` must be 0 or a multiple of 4"),
    (lambda: make("discriminator", start_size=2), "power of two of at least 4"),
    (lambda: make("generator").grow(2.5), "between 0 and 2.*2.5"),
])  # fmt: skip
def test_wrong_arguments(build, message):
    with pytest.raises(ValueError, match=message):
        build()
