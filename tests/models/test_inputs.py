"""What `fit` refuses, warns of and takes, on the smallest models."""

import functools
import json
import warnings

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gans import make_arrays, make_data, make_model, smallest_translators

from keras_gans import data, models, presets
from keras_gans.networks import dcgan_discriminator, dcgan_generator

EAGERLY = {"run_eagerly": True}
LABELS = np.arange(8) % 3


def images(low=-1.0, high=1.0, channels=1, samples=4):
    random = np.random.default_rng(0)
    return random.uniform(low, high, (samples, 16, 16, channels)).astype("float32")


def image_gan():
    keras.utils.set_random_seed(0)
    model = models.GAN(dcgan_generator(4, 16, width=4), dcgan_discriminator(16, 1, 4))
    model.compile(**EAGERLY)
    return model


def cyclegan(model_class=models.CycleGAN, **networks):
    model = model_class(**{**smallest_translators((3, 3)), **networks}, pool_size=0)
    model.compile(**EAGERLY)
    return model


def batches(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays).batch(2)


def generator(*arrays):
    for start in range(0, len(arrays[0]), 2):
        yield tuple(array[start : start + 2] for array in arrays)


KINDS = {"arrays": lambda x, y: (x, y), "dataset": batches, "generator": generator}


@functools.cache
def shared_cyclegan():
    return cyclegan()


def fit_cyclegan(kind, x, y):
    given = KINDS[kind](x, y)
    given = given if isinstance(given, tuple) else (given,)
    shared_cyclegan().fit(*given, batch_size=2 if kind == "arrays" else None, verbose=0)


@pytest.mark.parametrize("kind", KINDS)
def test_values_that_are_no_images(kind):
    x = images(channels=3, samples=2)
    for y, error, must in (
        ((x * 127 + 128).astype("uint8"), TypeError, "Data `y`.*uint8 from.*/ 127.5"),
        (x * 127 + 128, ValueError, "Data `y` must be images in .-1, 1.* to 25"),
        (np.where(x > 0.99, np.nan, x), ValueError, "Data `y` must be finite"),
    ):
        with pytest.raises(error, match=must):
            fit_cyclegan(kind, x, y)
    for y, message in (
        (images(0, 1, 3, 2), "Data `y`: all values are in .0, 1.*2 \\* images - 1"),
        (x * 1.05, "`numpy.clip"),
    ):
        with pytest.warns(UserWarning, match=message):
            fit_cyclegan(kind, x, y)


@pytest.mark.parametrize("kind", KINDS)
def test_values_that_are_right_are_taken_without_a_word(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings(
            "ignore", "`shuffle=True` was passed|Your input ran out"
        )
        fit_cyclegan(kind, *[images(channels=3, samples=2)] * 2)


def test_points_may_lie_anywhere():
    model = make_model("gan", compile_arguments=EAGERLY)
    points = 100 * np.abs(make_arrays("gan"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings(
            "ignore", "`shuffle=True` was passed|Your input ran out"
        )
        model.fit(points, verbose=0)
    points[3] = np.inf
    with pytest.raises(ValueError, match="must be finite"):
        model.fit(points, verbose=0)


@pytest.mark.parametrize(("name", "steps"), [
    pytest.param("gan", 1, marks=pytest.mark.slow),
    ("gan", 2),
    pytest.param("wgan_gp", 4, marks=pytest.mark.slow),
])  # fmt: skip
def test_the_check_loses_and_changes_no_batch(name, steps):
    trained = []
    for checked in (True, False):
        options = {"n_critic": 2} if name == "wgan_gp" else {}
        compile_arguments = {"steps_per_execution": steps}
        model = make_model(name, None, compile_arguments, **options)
        if not checked:
            # `fit` takes data with a position for data of `keras_gans.data`.
            model.check_batch = None
            model._check_arrays = lambda x, y: True
        seen = []

        def once():
            for batch in make_data(name, 5).as_numpy_iterator():
                seen.append(batch)
                yield batch

        stream = tf.data.Dataset.from_generator(
            once, output_signature=make_data(name).element_spec
        )
        model.fit(stream, verbose=0)
        assert len(seen) == 5  # And the generator was started once.
        trained.append(contracts.values_of(model.training_state()))
        function = model.train_function
        model.fit(stream, verbose=0)
        assert model.train_function is function
    contracts.assert_same_values(*trained)


def test_data_of_keras_gans_are_not_looked_at(monkeypatch):
    model = image_gan()
    monkeypatch.setattr(model, "check_batch", None)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 1), "uint8")
    model.fit(data.generation(pixels, batch_size=2), verbose=0)
    with pytest.raises(TypeError):
        model.fit(batches(images()).map(lambda x: x), verbose=0)


def test_evaluate_looks_at_arrays():
    with pytest.raises(TypeError, match="uint8"):
        image_gan().evaluate(np.zeros((2, 16, 16, 1), "uint8"), verbose=0)


@pytest.mark.parametrize("kind", KINDS)
def test_attributes_are_zero_and_one(kind):
    model = presets.stargan(["a", "b"], size=8, width=2, residual_blocks=0)
    x = images(channels=3)[:, :8, :8]
    signs = np.array([[-1, 1], [1, -1], [1, 1], [-1, -1]], "float32")
    for wrong, must in (
        (signs, r"0 and 1; `\(attributes \+ 1\) / 2` converts -1 and 1"),
        (signs.astype("int8"), r"0 and 1; `\(attributes \+ 1\) / 2`"),
        (np.abs(signs) / 2, r"0 and 1\. Received: values=\[0.5\]"),
    ):
        given = KINDS[kind](x, wrong)
        given = given if isinstance(given, tuple) else (given,)
        with pytest.raises(ValueError, match=must):
            model.fit(*given, batch_size=2 if kind == "arrays" else None, verbose=0)
    assert model.iterations == 0


def test_labels():
    model = make_model("conditional_gan", compile_arguments=EAGERLY)
    points, labels = make_arrays("conditional_gan", 1)
    model.fit(points, labels[:, None], batch_size=8, verbose=0)
    for wrong, error, must in (
        (np.array(list("abcdefgh")), TypeError, "integers.*numpy.unique"),
        (np.array(list("abcdefgh"), object), TypeError, "integers.*numpy.unique"),
        (np.eye(3, dtype="int32")[labels], ValueError, "argmax.*one-hot"),
        (labels + 1, ValueError, "must lie in"),
    ):
        with pytest.raises(error, match=must):
            model.fit(points, wrong, batch_size=8, verbose=0)
    for wrong in (np.eye(3, dtype="int32")[labels], labels + 1):
        with pytest.raises(ValueError, match="argmax|must lie in"):
            model.fit(batches(points, wrong), verbose=0)
        with pytest.raises(ValueError, match="argmax|must lie in"):
            model.fit(generator(points, wrong), verbose=0)


def test_weights_of_samples_are_refused_wherever_they_are_given():
    model = make_model("gan", compile_arguments=EAGERLY)
    points, weights = make_arrays("gan", 1), np.ones(8)
    triples = batches(points, points, weights)
    for use in (
        lambda: model.fit(points, sample_weight=weights),
        lambda: model.fit(points, class_weight={0: 1.0}),
        lambda: model.fit(triples),
        lambda: model.fit(generator(points, points, weights)),
        lambda: model.fit(points, validation_data=(points, points, weights)),
        lambda: model.fit(points, validation_data=triples),
        lambda: model.evaluate(points, sample_weight=weights),
        lambda: model.train_on_batch(points, sample_weight=weights),
        lambda: model.train_on_batch(points, class_weight={0: 1.0}),
        lambda: model.test_on_batch(points, sample_weight=weights),
        lambda: model.evaluate(triples),
    ):
        with pytest.raises(ValueError, match="GAN takes no `(sample|class)_weight`"):
            use()
    assert model.iterations == 0


class Batches(keras.utils.PyDataset):
    """Batches of one size, and a smaller last one."""

    def __init__(self, array, size, **kwargs):
        super().__init__(**kwargs)
        self.array, self.size = array, size

    def __len__(self):
        return -(-len(self.array) // self.size)

    def __getitem__(self, index):
        return self.array[index * self.size : (index + 1) * self.size]


class WithExtra(models.CycleGAN):
    def compute_losses(self, x, y, training):
        losses = super().compute_losses(x, y, training)
        return losses | {"extra": losses["cycle_loss"]}


class WithNamedExtra(WithExtra):
    loss_names = (*models.CycleGAN.loss_names, "extra")


def test_a_further_loss_of_a_subclass():
    x = images(channels=3)
    with pytest.raises(ValueError, match="'extra'.*`loss_names = "):
        cyclegan(WithExtra).fit(x, x, batch_size=2, verbose=0)
    logs = cyclegan(WithNamedExtra).fit(x, x, batch_size=2, verbose=0).history
    assert logs["extra"] == logs["cycle_loss"]


class Painter(keras.Model):
    def build(self, shape):
        self.convolution = keras.layers.Conv2D(3, 3, padding="same")
        self.convolution.build(shape)
        self.built = True

    def call(self, inputs):
        return self.convolution(inputs)


def test_a_subclassed_network_needs_an_input():
    painter = Painter()
    painter.build((None, None, None, 3))
    with pytest.raises(ValueError, match="`generator_xy`.*keras.Model.inputs"):
        cyclegan(generator_xy=painter)
    with pytest.raises(ValueError, match="`generator` must be a model that knows"):
        models.Pix2Pix(painter, smallest_translators()["discriminator_y"])
    inputs = keras.Input((None, None, 3))
    model = cyclegan(generator_xy=keras.Model(inputs, painter(inputs)))
    model.fit(images(channels=3), images(channels=3), batch_size=2, verbose=0)


def first(images, labels):
    return images


def test_datasets_without_shapes_or_with_labels():
    x, model = images(channels=3), cyclegan()
    pairs = batches(x, LABELS[:4])
    zipped = tf.data.Dataset.zip((pairs, pairs))
    for train in (
        lambda: model.fit(zipped, verbose=0),
        lambda: model.fit(x, x, validation_data=zipped, verbose=0),
        lambda: model.evaluate(tf.data.Dataset.zip((pairs, pairs.map(first)))),
    ):
        with pytest.raises(ValueError, match="`x` must be one batch.*leave the labels"):
            train()
    with pytest.raises(ValueError, match="Data must be one batch.*leave the labels"):
        image_gan().fit(zipped, verbose=0)
    assert model.iterations == 0
    types = tf.float32, tf.float32
    with pytest.raises(ValueError, match="`x` must tell its shape.*output_signature"):
        model.fit(tf.data.Dataset.from_generator(lambda: [(x, x)], types), verbose=0)
    with pytest.raises(ValueError, match="Data must tell its shape"):
        image_gan().fit(
            tf.data.Dataset.from_generator(lambda: [x], tf.float32), verbose=0
        )


def unknown_length(points):
    """Returns the same batches as data whose end only iterating tells."""
    batches = tf.data.Dataset.from_tensor_slices(points).batch(4)
    return {
        "batches": batches,
        "filtered": batches.filter(lambda batch: True),
        "generator": ((batch,) for batch in batches.as_numpy_iterator()),
        "PyDataset": Batches(points, 4),
    }


def main():
    strategy, results = contracts.two_replicas(), {}
    points = make_arrays("wgan", 1)  # 8 of them
    for name, given in unknown_length(make_arrays("gan", 2)).items():
        with strategy.scope():
            model = make_model("gan")
        # Of a step on nothing, averages would tell.
        tested = model.evaluate(given, verbose=0) if name == "filtered" else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logs = model.fit(given, shuffle=False, verbose=0).history
        means = [logs[name][0] for name in sorted(logs)]
        results[f"of {name}"] = [model.iterations, means, tested]
    with strategy.scope():
        model = make_model("gan")
    known = unknown_length(make_arrays("gan", 2))["batches"]
    results["tested"] = model.evaluate(known, verbose=0)
    unknown = tf.data.Dataset.from_tensor_slices(points).batch(4)
    cases = {
        "arrays, last batch": lambda model: model.fit(points[:5], batch_size=4),
        "arrays, few": lambda model: model.fit(points, batch_size=1),
        "dataset of ones": lambda model: model.fit(unknown.rebatch(1)),
        "dataset, last batch": lambda model: model.fit(
            unknown.unbatch().take(5).batch(4)
        ),
        "PyDataset of ones": lambda model: model.fit(Batches(points, 1)),
        "PyDataset, last batch": lambda model: model.fit(Batches(points[:5], 4)),
        "generator, last batch": lambda model: model.fit(generator(points[:5])),
        "NaN": lambda model: model.fit(unknown.map(lambda x: x * np.nan)),
        "even": lambda model: model.fit(unknown),
        "smaller last batch": lambda model: model.fit(points[:6], batch_size=4),
    }
    for name, use in cases.items():
        with strategy.scope():
            model = make_model("wgan", n_critic=5)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results[name] = sorted(use(model).history)
        except ValueError as error:
            results[name] = str(error)
    print(json.dumps(results))


@pytest.mark.slow
def test_no_replica_is_left_without_images():
    results = contracts.run_python(
        f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')"
    )
    iterations, means, _ = results.pop("of batches")
    assert iterations == 4
    *_, tested = results["of filtered"]
    assert tested == pytest.approx(results.pop("tested"), rel=1e-5)
    for name in ("filtered", "generator", "PyDataset"):
        found = results.pop(f"of {name}")
        assert found[0] == 4, name
        assert found[1] == pytest.approx(means, rel=1e-5), name
    for name in ("even", "smaller last batch"):
        # No update of the generator, so no loss of it.
        assert results.pop(name) == ["discriminator_loss"]
    assert "must be finite" in results.pop("NaN")
    for name, error in results.items():
        assert "each of the 2 replicas" in error, name


if __name__ == "__main__":
    main()
