"""What Keras's callbacks find at `model.optimizer`."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gans import make_arrays, make_model

from keras_gans.models.optimizers import RoleOptimizers, update_in_one_kernel

EAGERLY = {"run_eagerly": True}


def compiled(generator=1e-3, discriminator=4e-3):
    model = make_model("gan")
    model.compile(
        keras.optimizers.Adam(generator), keras.optimizers.SGD(discriminator), **EAGERLY
    )
    return model


def rates(model):
    return [float(one.learning_rate) for one in model.optimizers.values()]


def test_a_rate_acts_on_every_role_and_keeps_the_ratio():
    model = compiled()
    optimizer = model.optimizer
    assert float(optimizer.learning_rate) == np.float32(1e-3)
    optimizer.learning_rate = 1e-4
    np.testing.assert_allclose(rates(model), [1e-4, 4e-4], rtol=1e-6)
    # Out of a rate of 0, as a warm-up begins, comes the ratio that was.
    optimizer.learning_rate = np.float32(0)
    assert rates(model) == [0, 0]
    optimizer.learning_rate = 2e-3
    np.testing.assert_allclose(rates(model), [2e-3, 8e-3], rtol=1e-6)
    # What was set in one role alone is the new ratio.
    model.discriminator_optimizer.learning_rate = 1e-3
    optimizer.learning_rate *= 0.5
    np.testing.assert_allclose(rates(model), [1e-3, 5e-4], rtol=1e-6)
    # `assign` would change the generator alone.
    assert not hasattr(optimizer.learning_rate, "assign")


def test_callbacks_of_keras(tmp_path):
    model, points = compiled(), make_arrays("gan", 1)
    logs = model.fit(
        points,
        epochs=3,
        verbose=0,
        callbacks=[
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
            keras.callbacks.TensorBoard(tmp_path, write_steps_per_second=True),
        ],
        validation_data=(points, None),
    ).history
    np.testing.assert_allclose(logs["learning_rate"], [5e-4, 2.5e-4, 1.25e-4])
    np.testing.assert_allclose(rates(model), [1.25e-4, 5e-4], rtol=1e-6)
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="generator_loss", factor=0.1, patience=0, min_delta=1e3, mode="min"
    )
    model.fit(points, epochs=2, verbose=0, callbacks=[plateau])
    np.testing.assert_allclose(rates(model), [1.25e-5, 5e-5], rtol=1e-6)
    model.fit(
        points, verbose=0, callbacks=[keras.callbacks.BackupAndRestore(tmp_path / "b")]
    )
    assert int(model.optimizer.iterations) == model.iterations == 6


def test_schedules_are_not_overwritten():
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 10)
    model = compiled(discriminator=schedule)
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    with pytest.raises(TypeError, match="discriminator's.*`discriminator_optimizer="):
        model.fit(make_arrays("gan", 1), verbose=0, callbacks=[halve])
    assert rates(model)[0] == np.float32(1e-3)
    assert float(compiled(schedule).optimizer.learning_rate) == np.float32(1e-3)
    with pytest.raises(TypeError, match="`learning_rate` must be a number"):
        compiled().optimizer.learning_rate = schedule


def test_trackers_read_its_configuration():
    model = compiled()
    config = model.optimizer.get_config()
    assert config["learning_rate"] == pytest.approx(1e-3)
    assert config["discriminator_optimizer"]["class_name"] == "SGD"
    assert len(model.optimizer.variables) == sum(
        len(one.variables) for one in model.optimizers.values()
    )
    model.summary(print_fn=lambda *_, **__: None)
    with pytest.raises(AttributeError, match="`model.generator_optimizer`"):
        model.optimizer.apply
    with pytest.raises(AttributeError, match="`ema_decay`"):
        model.fit(
            make_arrays("gan", 1),
            verbose=0,
            callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=True)],
        )


def test_it_survives_saving_and_is_behind_a_loss_scale(tmp_path):
    model = compiled()
    model.optimizer.learning_rate = 1e-4
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer, RoleOptimizers)
    np.testing.assert_allclose(rates(loaded), [1e-4, 4e-4], rtol=1e-6)
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))
    model.compile(scaled, keras.optimizers.SGD(0.2), **EAGERLY)
    model.optimizer.learning_rate = 0.01
    np.testing.assert_allclose(rates(model), [0.01, 0.02], rtol=1e-6)


def updated(optimizer, gradients, in_one_kernel):
    """Returns the weights after updates, and the kinds of operations of an update."""
    variable = keras.Variable(np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3))
    optimizer.build([variable])
    if in_one_kernel:
        update_in_one_kernel(optimizer)
    apply = tf.function(lambda gradient: optimizer.apply([gradient]))
    for gradient in gradients:
        apply(gradient)
    graph = apply.get_concrete_function(gradients[0]).graph
    return np.array(variable), {op.type for op in graph.get_operations()}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-4, "weight_decay": 0.1},
        {"learning_rate": keras.optimizers.schedules.CosineDecay(1e-2, 10)},
        {"clipnorm": 0.1, "use_ema": True, "ema_overwrite_frequency": 3},
        {"gradient_accumulation_steps": 2},
    ],
    ids=lambda options: "-".join(options) or "default",
)
def test_adam_in_one_kernel_equals_that_of_keras(options):
    random = np.random.default_rng(0)
    gradients = [
        tf.constant(random.normal(0, 10.0**-step, (4, 3)), tf.float32)
        for step in range(7)
    ]
    adam = lambda: keras.optimizers.Adam(**{"learning_rate": 1e-2, **options})  # noqa
    fused, kinds = updated(adam(), gradients, True)
    composed, _ = updated(adam(), gradients, False)
    if "gradient_accumulation_steps" not in options:  # There it is inside a branch.
        assert "ResourceApplyAdam" in kinds
    np.testing.assert_allclose(fused, composed, atol=1e-6)
    assert np.abs(fused - np.linspace(-1, 1, 12).reshape(4, 3)).max() > 1e-3


def test_only_plain_adam_is_computed_by_the_kernel():
    class Mine(keras.optimizers.Adam):
        pass

    gradient = [tf.ones((4, 3))]
    for optimizer in (
        Mine(),
        keras.optimizers.Adam(amsgrad=True),
        keras.optimizers.RMSprop(),
    ):
        _, kinds = updated(optimizer, gradient, True)
        assert "ResourceApplyAdam" not in kinds
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    sparse = tf.IndexedSlices(tf.ones((1, 3)), tf.constant([2]), tf.constant([4, 3]))
    for optimizer, gradient in (
        (scaled, tf.ones((4, 3))),
        (keras.optimizers.Adam(1e-2), sparse),
    ):
        weights, _ = updated(optimizer, [gradient], True)
        start = np.linspace(-1, 1, 12).reshape(4, 3)
        assert np.any(weights[2] != start[2].astype("float32"))


def test_models_update_in_one_kernel():
    model = make_model("gan")
    update = model.generator_optimizer._distributed_tf_update_step
    assert "update_in_one_kernel" in update.__qualname__
