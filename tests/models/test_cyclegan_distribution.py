"""CycleGAN on two replicas, in a process of its own that has two logical devices."""

import json
import tempfile

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.models import CycleGAN
from keras_gans.networks import digit_discriminator, digit_generator

# All of them need the process that trains.
pytestmark = pytest.mark.slow


def make_model(pool_size=0, **compile_arguments):
    keras.utils.set_random_seed(0)
    # Batch statistics of all replicas together, and statistics of a single image.
    generator = {"width": 4, "residual_blocks": 0, "normalization": "batch"}
    discriminator = {"width": 4, "size": 16, "normalization": "instance"}
    model = CycleGAN(
        generator_xy=digit_generator(1, 3, **generator),
        generator_yx=digit_generator(3, 1, **generator),
        discriminator_x=digit_discriminator(1, **discriminator),
        discriminator_y=digit_discriminator(3, **discriminator),
        pool_size=pool_size,
        seed=0,
    )
    # With Keras's epsilon, the first step of Adam turns rounding errors of a gradient
    # near zero into whole steps.
    model.compile(
        keras.optimizers.Adam(1e-3, beta_1=0.5, epsilon=1e-3),
        keras.optimizers.Adam(1e-3, beta_1=0.5, epsilon=1e-3),
        **compile_arguments,
    )
    return model


def make_data():
    generator = np.random.default_rng(0)
    x = generator.uniform(-1, 1, (12, 16, 16, 1)).astype("float32")
    y = generator.uniform(-1, 1, (12, 16, 16, 3)).astype("float32")
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(4, drop_remainder=True)


def pool_on_replicas(strategy):
    """Trains with a pool, saves and loads, and tells what is in it."""
    with strategy.scope():
        model = make_model(pool_size=3, run_eagerly=True)
    pool, data = model.pool_y, make_data()
    x, _ = next(data.as_numpy_iterator())
    fakes = make_model().generator_xy(x, training=True).numpy()
    contracts.train(model, data.take(1))
    # Each replica has its half of the batch.
    halves = [copy.numpy()[:2] for copy in pool.images.value.values]
    error = float(np.abs(np.concatenate(halves) - fakes).max())
    contracts.train(model, data.skip(1))
    copies = [value.numpy() for value in pool.images.value.values]
    with tempfile.TemporaryDirectory() as directory:
        model.save(f"{directory}/model.keras")
        with strategy.scope():
            loaded = keras.saving.load_model(f"{directory}/model.keras")
    return {
        "count": int(pool.count.numpy()),
        "iterations": model.iterations,
        "replicas": len(copies),
        "error_of_first_images": error,
        "restored": np.array_equal(loaded.pool_y.images.numpy(), copies[0]),
        "different_images": len(np.unique(np.concatenate(copies), axis=0)),
        "outside_the_scope": refused(model),
    }


def refused(model):
    try:
        model.compile()
    except ValueError as error:
        return str(error)


def main():
    strategy = contracts.two_replicas()
    results = {
        "differences": contracts.replicas_minus_one(strategy, make_model, make_data()),
        "pool": pool_on_replicas(strategy),
    }
    print(json.dumps(results))


@pytest.fixture(scope="module")
def results():
    return contracts.run_python(
        f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')"
    )


def test_two_replicas_equal_one(results):
    assert results["differences"]["weights"] < 1e-5
    assert results["differences"]["logs"] < 1e-5


def test_each_replica_has_a_pool(results):
    pool = results["pool"]
    assert pool["replicas"] == 2
    assert pool["error_of_first_images"] < 1e-5
    assert pool["restored"] and pool["different_images"] == 6
    assert pool["count"] == pool["iterations"] == 3


def test_compiling_outside_the_scope_is_refused(results):
    assert "`with strategy.scope():`" in results["pool"]["outside_the_scope"]


if __name__ == "__main__":
    main()
