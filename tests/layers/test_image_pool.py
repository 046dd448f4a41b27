"""The image pool against the authors' sequential algorithm, and its state."""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import ImagePool


def images(count, start=1):
    """Images of one pixel value each, so that every one can be told apart."""
    values = np.arange(start, start + count, dtype="float32")
    return np.broadcast_to(values[:, None, None, None], (count, 2, 3, 1)).copy()


def values(batch):
    batch = np.array(batch)
    np.testing.assert_array_equal(batch, np.broadcast_to(batch[:, :1, :1], batch.shape))
    return batch[:, 0, 0, 0].tolist()


def draw(monkeypatch, places, coins):
    """Makes the next call of the pool use these random places and coins."""

    def randint(shape, minval, maxval, dtype, seed):
        assert tuple(shape) == (len(places),) and 0 <= min(places)
        assert (minval, dtype) == (0, "int32") and max(places) < maxval
        return tf.constant(places, dtype)

    def uniform(shape, seed):
        assert tuple(shape) == (len(coins),)
        return tf.constant(coins, "float32")

    monkeypatch.setattr(keras.random, "randint", randint)
    monkeypatch.setattr(keras.random, "uniform", uniform)


@pytest.mark.parametrize("pool_size, batches", [
    (4, [1] * 12),
    (4, [4] * 4),
    (5, [3, 3, 3, 3]),  # the second batch fills the pool and goes on
    (3, [8, 8, 8]),  # a batch larger than the pool
    (1, [2, 1, 3]),
    (7, [2, 6, 1, 9, 4]),
])  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_sequential_algorithm(monkeypatch, pool_size, batches, seed):
    generator = np.random.default_rng(seed)
    pool, reference = ImagePool(pool_size), contracts.SequentialPool(pool_size)
    start = 1
    for batch_size in batches:
        batch = images(batch_size, start)
        start += batch_size
        places = generator.integers(0, pool_size, batch_size).tolist()
        coins = generator.uniform(size=batch_size).tolist()
        draw(monkeypatch, places, coins)
        expected = reference.query(batch, places, coins)
        np.testing.assert_array_equal(pool(batch), expected)
        held = pool.images.numpy()[: int(pool.count)]
        np.testing.assert_array_equal(held, reference.images)
    assert int(pool.count) == pool_size


def test_by_hand(monkeypatch):
    pool = ImagePool(2)
    draw(monkeypatch, [1, 1, 1], [0.0, 0.0, 0.9])
    # Two images fill the pool and pass, whatever the coins; the third is not swapped.
    assert values(pool(images(3))) == [1, 2, 3]
    assert values(pool.images.numpy()) == [1, 2]
    # Image 4 takes the place of 2, image 5 passes, image 6 takes the place of 4.
    draw(monkeypatch, [1, 0, 1], [0.49, 0.5, 0.1])
    assert values(pool(images(3, start=4))) == [2, 5, 4]
    assert values(pool.images.numpy()) == [1, 6]


def test_about_half_comes_from_history():
    pool = ImagePool(50, seed=0)
    pool(images(50))
    fresh, ages = 0, []
    for step in range(40):
        batch = images(50, start=51 + 50 * step)
        own, returned = np.array(values(batch)), np.array(values(pool(batch)))
        fresh += np.sum(returned == own)
        ages.extend((own - returned)[returned != own])
    # 2,000 coins: 1,000 +- 3 standard deviations of 22.
    assert 930 < fresh < 1070
    # A stored image is swapped out with probability 1/100 for each image that
    # comes, so it stays for 100 images on the average.
    assert 85 < np.mean(ages) < 115
    assert len(set(values(pool.images.numpy()))) == 50


def test_same_seed_same_choices():
    def run(seed):
        pool = ImagePool(3, seed=seed)
        return [values(pool(images(4, start=4 * step))) for step in range(5)]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_pool_of_zero_is_the_identity():
    pool = ImagePool(0)
    batch = images(3)
    np.testing.assert_array_equal(pool(batch, training=True), batch)
    assert not pool.weights
    # No place for an image means no need for a known size.
    pool.build((None, None, None, 3))


def test_inference_leaves_the_pool_alone():
    pool = ImagePool(2, seed=0)
    pool(images(2), training=True)
    before = [variable.numpy() for variable in pool.variables]
    for start in (3, 6, 9):
        assert values(pool(images(2, start), training=False)) == [start, start + 1]
    for value, variable in zip(before, pool.variables, strict=True):
        np.testing.assert_array_equal(value, variable)
    # Training is what happens when nothing is said.
    pool(images(1, start=20))
    assert pool.variables[-1].numpy().tolist() != before[-1].tolist()


def test_no_gradient_flows_through():
    for pool_size, training in ((0, True), (2, True), (2, False)):
        x = tf.constant(images(3))
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(ImagePool(pool_size)(x, training=training))
        assert tape.gradient(value, x) is None


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("batch_size", [2, None])
def test_inside_a_graph(monkeypatch, jit_compile, batch_size):
    pool, reference = ImagePool(3), contracts.SequentialPool(3)
    pool.build((None, 2, 3, 1))

    # XLA has random numbers of its own, so these come from outside.
    @tf.function(jit_compile=jit_compile)
    def step(batch, places, coins):
        monkeypatch.setattr(keras.random, "randint", lambda *_, **__: places)
        monkeypatch.setattr(keras.random, "uniform", lambda *_, **__: coins)
        return pool(batch, training=True)

    step = step.get_concrete_function(
        tf.TensorSpec((batch_size, 2, 3, 1)),
        tf.TensorSpec((batch_size,), "int32"),
        tf.TensorSpec((batch_size,)),
    )
    generator = np.random.default_rng(0)
    for start in range(0, 20, 2):
        batch = images(2, start)
        places = generator.integers(0, 3, 2).astype("int32")
        coins = generator.uniform(size=2).astype("float32")
        expected = reference.query(batch, places, coins)
        returned = step(*(tf.constant(each) for each in (batch, places, coins)))
        np.testing.assert_array_equal(returned, expected)
        np.testing.assert_array_equal(
            pool.images.numpy()[: int(pool.count)], reference.images
        )


@pytest.mark.parametrize("jit_compile", [False, True])
def test_random_numbers_inside_a_graph(jit_compile):
    pool = ImagePool(20, seed=0)
    pool.build((None, 2, 3, 1))
    step = tf.function(lambda x: pool(x, training=True), jit_compile=jit_compile)
    step(tf.constant(images(20)))
    fresh = 0
    for start in range(100, 500, 20):
        batch = images(20, start)
        everything = sorted(values(pool.images.numpy()) + values(batch))
        returned = values(step(tf.constant(batch)))
        # An image is returned or kept, never both and never neither.
        assert sorted(values(pool.images.numpy()) + returned) == everything
        fresh += np.sum(np.array(returned) == values(batch))
    assert 170 < fresh < 230  # of 400 coins, 3 standard deviations of 10


def test_contract(tmp_path):
    contracts.check_layer(ImagePool(4, seed=7, name="history"), images(3), tmp_path)


class Owner(keras.Model):
    def __init__(self):
        super().__init__()
        self.pool = ImagePool(3)
        self.built = True


def test_unbuilt_pool_takes_up_saved_images(tmp_path):
    # Nothing builds a pool that is an attribute, until its owner sees images.
    first, second = Owner(), Owner()
    first.pool(images(2))
    first.save_weights(tmp_path / "model.weights.h5")
    second.load_weights(tmp_path / "model.weights.h5")
    pool = second.pool
    assert values(pool.images.numpy())[:2] == [1, 2]
    assert int(pool.count) == 2


def test_mixed_precision_keeps_images_in_float32():
    for policy in ("mixed_float16", "mixed_bfloat16"):
        pool = ImagePool(2, dtype=policy)
        batch = tf.cast(images(2), policy[6:])
        returned = pool(batch)
        assert returned.dtype == policy[6:]
        assert pool.images.dtype == "float32"
        assert values(tf.cast(returned, "float32")) == [1, 2]
        assert values(pool.images.numpy()) == [1, 2]
    # As CycleGAN uses it: stored in float32 under every policy.
    assert ImagePool(2, dtype="float32")(images(2)).dtype == "float32"


def test_wrong_arguments():
    with pytest.raises(ValueError, match="zero or a positive integer. .*pool_size=-3"):
        ImagePool(-3)
    for wrong in (2.0, "2", None, True):
        with pytest.raises(TypeError, match="`pool_size` must be zero or"):
            ImagePool(wrong)
    with pytest.raises(ValueError, match="one known size.*pool_size=0"):
        ImagePool(2).build((None, None, None, 3))
