"""The semantic loss against NumPy, with small networks and with VGG16."""

import functools

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.losses import SemanticVGGLoss, balanced_weight

layers = keras.layers


@pytest.fixture(autouse=True)
def float32_again():
    yield
    keras.config.set_dtype_policy("float32")


def random_images(count=3, height=6, width=4, channels=3, seed=0):
    shape = count, height, width, channels
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def make_extractor(channels=3):
    """Colours of each pixel, and of blocks of four: so small that NumPy has it, too."""
    inputs = keras.Input((None, None, channels))
    x = layers.Rescaling(1 / 127.5, -1.0)(inputs)
    x = layers.Conv2D(5, 1, activation="softplus", name="colours")(x)
    x = layers.AveragePooling2D(2, name="average")(x)
    model = keras.Model(inputs, layers.Conv2D(2, 1, name="blocks")(x))
    random = np.random.default_rng(1)
    for variable in model.weights:
        variable.assign(random.normal(0.0, 1.0, variable.shape))
    return model


def numpy_features(model, images, names=("blocks",)):
    """What `make_extractor` gives for images in [-1, 1], in float64."""
    kernel_1, bias_1, kernel_2, bias_2 = (w.astype("float64") for w in numbers(model))
    images = images.astype("float64")
    if images.shape[-1] < kernel_1.shape[2]:
        images = np.repeat(images, 3, axis=-1)
    colours = np.logaddexp(0.0, images @ kernel_1[0, 0] + bias_1)
    n, height, width, filters = colours.shape
    blocks = colours.reshape(n, height // 2, 2, width // 2, 2, filters).mean((2, 4))
    known = {"colours": colours, "blocks": blocks @ kernel_2[0, 0] + bias_2}
    return [known[name].reshape(n, -1) for name in names]


def numbers(model):
    return [variable.numpy() for variable in model.weights]


def numpy_loss(model, true, predicted, names=("blocks",), weights=None, distance="l2"):
    total = 0.0
    for weight, one, other in zip(
        weights or [1.0] * len(names),
        numpy_features(model, true, names),
        numpy_features(model, predicted, names),
        strict=True,
    ):
        squares = (one - other) ** 2
        value = np.sqrt(squares.sum(1)) if distance == "l2" else squares.mean(1)
        total = total + weight * value
    return total


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("distance", ["l2", "mean_squared"])
@pytest.mark.parametrize("names, weights", [
    (("blocks",), None),
    (("colours", "blocks"), None),
    (("blocks", "colours"), (3, 0.25)),
])  # fmt: skip
def test_equals_formula(channels, distance, names, weights):
    model = make_extractor()
    options = {
        "layers": names,
        "layer_weights": weights,
        "feature_extractor": model,
        "distance": distance,
    }
    true = random_images(channels=channels)
    predicted = random_images(channels=channels, seed=1)
    expected = numpy_loss(model, true, predicted, names, weights, distance)
    assert np.ptp(expected) > 0
    loss = functools.partial(SemanticVGGLoss, **options)
    contracts.loss_of_samples_is(loss, expected, true, predicted, rtol=1e-4)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_sizes_that_are_unknown_until_the_graph_runs(jit_compile):
    model = make_extractor()
    loss = SemanticVGGLoss(feature_extractor=model)
    spec = tf.TensorSpec((None, None, None, 1), "float32")
    traced = tf.function(loss, input_signature=[spec, spec], jit_compile=jit_compile)
    for size in (4, 6):
        true, predicted = (
            random_images(2, size, 8, 1, seed).astype("float32") for seed in (0, 1)
        )
        expected = numpy_loss(model, true, predicted).mean()
        np.testing.assert_allclose(traced(true, predicted), expected, rtol=1e-4)


@pytest.mark.parametrize("distance", ["l2", "mean_squared"])
def test_gradient_equals_differences(distance, step=1e-5):
    model = make_extractor()
    true, predicted = random_images(2, 2, 2), random_images(2, 2, 2, seed=1)
    names = ("colours", "blocks")
    loss = SemanticVGGLoss(names, feature_extractor=model, distance=distance)
    arguments = [tf.constant(images, "float32") for images in (true, predicted)]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        value = loss(*arguments)
    # The features of an image are constants.
    to_true, gradient = tape.gradient(value, arguments)
    assert to_true is None
    expected = np.empty_like(predicted)
    for place in np.ndindex(predicted.shape):
        around = [predicted.copy(), predicted.copy()]
        around[0][place] += step
        around[1][place] -= step
        above, below = (
            numpy_loss(model, true, images, names, distance=distance).mean()
            for images in around
        )
        expected[place] = (above - below) / (2 * step)
    assert np.abs(expected).min() > 1e-4
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("distance", ["l2", "mean_squared"])
def test_equal_images_have_a_finite_value_and_no_gradient(distance, jit_compile):
    loss = SemanticVGGLoss(
        feature_extractor=make_extractor(), distance=distance, reduction=None
    )

    @tf.function(jit_compile=jit_compile)
    def value_and_gradient(true, predicted):
        with tf.GradientTape() as tape:
            tape.watch(predicted)
            value = loss(true, predicted)
        return value, tape.gradient(value, predicted)

    true = tf.constant(random_images(2), "float32")
    # The first pair is equal, the second is not.
    value, gradient = value_and_gradient(true, tf.stack([true[0], -true[1]]))
    assert value[0] == 0.0 and not np.any(gradient[0])
    assert value[1] > 0.0 and np.all(np.isfinite(gradient[1])) and np.any(gradient[1])


def test_features_serve_in_place_of_images():
    loss = SemanticVGGLoss(("colours", "blocks"), feature_extractor=make_extractor())
    true, predicted = random_images(), random_images(seed=1)
    features = loss.features(true)
    assert [feature.shape for feature in features] == [(3, 6, 4, 5), (3, 3, 2, 2)]
    np.testing.assert_array_equal(loss(features, predicted), loss(true, predicted))
    with tf.GradientTape() as tape:
        tape.watch(features)
        value = loss(features, predicted)
    assert tape.gradient(value, features) == [None, None]
    # One image would be compared with all of them.
    with pytest.raises(ValueError, match="must have the same shape"):
        loss(loss.features(true[:1]), predicted)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bits_are_computed_in_float32(dtype):
    model = make_extractor()
    true, predicted = (tf.cast(random_images(seed=seed), dtype) for seed in (0, 1))
    expected = numpy_loss(
        model, *(tf.cast(images, "float64").numpy() for images in (true, predicted))
    )
    for policy in ("float32", f"mixed_{dtype}", dtype):
        keras.config.set_dtype_policy(policy)
        loss = SemanticVGGLoss(feature_extractor=model, reduction=None)
        value = loss(true, predicted)
        assert value.dtype == "float32"
        np.testing.assert_allclose(value, expected, rtol=1e-4)
        assert {feature.dtype for feature in loss.features(true)} == {tf.float32}


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_extractor_in_sixteen_bits_is_copied_in_float32(policy):
    keras.config.set_dtype_policy(policy)
    inner = make_extractor()
    nested = keras.Sequential([keras.Input((None, None, 3)), inner])
    keras.config.set_dtype_policy("float32")
    true, predicted = random_images(), random_images(seed=1)
    expected = numpy_loss(inner, true, predicted)
    for model in (inner, nested):
        value = SemanticVGGLoss(feature_extractor=model, reduction=None)(
            true, predicted
        )
        np.testing.assert_allclose(value, expected, rtol=1e-4)
    assert inner.get_layer("colours").compute_dtype == policy.removeprefix("mixed_")


# What its documentation asks for: pixels in [0, 255] are what an extractor takes.
PREPROCESSING = {
    "divided": lambda x: x / 255.0,
    "centered": lambda x: (x - 127.5) * (1 / 127.5),
    "vgg16": keras.applications.vgg16.preprocess_input,
    "mobilenet_v2": keras.applications.mobilenet_v2.preprocess_input,
    "torch": lambda x: keras.applications.imagenet_utils.preprocess_input(
        x, mode="torch"
    ),
    "reversed": lambda x: keras.ops.concatenate([x[..., ::-1]] * 2, -1)[..., :3],
    "resized": lambda x: keras.ops.image.resize(x, (8, 8)) / 255.0,
    "powers": lambda x: keras.ops.sqrt(keras.ops.abs(x) + 1.0) ** 1.5,
}


def make_preprocessing_extractor(preprocess):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 4, 3))
    convolution = layers.Conv2D(5, 2, activation="softplus")
    return keras.Model(inputs, convolution(preprocess(inputs)))


@pytest.mark.parametrize("preprocess", PREPROCESSING.values(), ids=PREPROCESSING)
def test_extractor_with_its_preprocessing_inside(preprocess):
    true, predicted = (random_images(seed=seed).astype("float32") for seed in (0, 1))
    for policy, tolerance in (("float32", 1e-4), ("mixed_float16", 0.1)):
        keras.config.set_dtype_policy(policy)
        model = make_preprocessing_extractor(preprocess)
        keras.config.set_dtype_policy("float32")
        one, other = (
            tf.cast(model((images + 1) * 127.5), "float32").numpy()
            for images in (true, predicted)
        )
        expected = np.sqrt(((one - other) ** 2).sum((1, 2, 3)))
        loss = SemanticVGGLoss(feature_extractor=model, reduction=None)
        value = loss(true, predicted)
        np.testing.assert_allclose(value, expected, rtol=tolerance)
        assert {layer.compute_dtype for layer in loss._network.layers} == {"float32"}
        again = contracts.round_trip(loss)
        np.testing.assert_array_equal(again(true, predicted), value)
        # The user's model can still be used, and cut.
        assert keras.Model(model.inputs, model.layers[-1].output).count_params()


def test_extractor_of_which_parts_are_shared():
    keras.utils.set_random_seed(0)
    shared = layers.Conv2D(3, 1, activation="tanh")
    inner = keras.Sequential([keras.Input((6, 4, 3)), shared])
    outer = keras.Sequential([keras.Input((6, 4, 3)), inner, layers.ReLU()])
    inputs = keras.Input((6, 4, 3))
    x = inner(inputs / 255.0)
    model = keras.Model(inputs, shared(x) + inner(x) + outer(x))
    true, predicted = (random_images(seed=seed).astype("float32") for seed in (0, 1))
    one, other = (model((x + 1) * 127.5).numpy() for x in (true, predicted))
    loss = SemanticVGGLoss(feature_extractor=model, reduction=None)
    expected = np.sqrt(((one - other) ** 2).sum((1, 2, 3)))
    np.testing.assert_allclose(loss(true, predicted), expected, rtol=1e-4)
    assert len(loss._network.weights) == len(model.weights) == 2


def test_extractor_of_grey_images():
    model = make_extractor(channels=1)
    true, predicted = random_images(channels=1), random_images(channels=1, seed=1)
    loss = SemanticVGGLoss(feature_extractor=model, reduction=None)
    expected = numpy_loss(model, true, predicted)
    np.testing.assert_allclose(loss(true, predicted), expected, rtol=1e-4)
    with pytest.raises(ValueError, match="takes images of 1 channels.*6, 4, 3"):
        loss(random_images(), random_images())


def test_extractor_from_a_file(tmp_path):
    model, path = make_extractor(), tmp_path / "extractor.keras"
    model.save(path)
    true, predicted = random_images(), random_images(seed=1)
    expected = SemanticVGGLoss(feature_extractor=model)(true, predicted)
    for extractor in (path, str(path)):
        loss = SemanticVGGLoss("blocks", feature_extractor=extractor)
        assert loss(true, predicted) == expected
        # The path is kept, and not the weights.
        again = contracts.round_trip(loss)
        assert again.get_config()["feature_extractor"] == str(path)
        assert tuple(again.layers) == ("blocks",)
        assert again(true, predicted) == expected
    with pytest.raises(FileNotFoundError, match="`feature_extractor`.*none.keras'"):
        SemanticVGGLoss(feature_extractor=tmp_path / "none.keras")
    with pytest.raises(FileNotFoundError, match=f"Did you mean {str(path)!r}"):
        SemanticVGGLoss(feature_extractor=tmp_path / "extracter.keras")


@pytest.mark.parametrize("distance", ["l2", "mean_squared"])
def test_extractor_and_its_weights_are_in_the_configuration(distance):
    model = make_extractor()
    loss = SemanticVGGLoss(
        ("colours", "blocks"), (2.0, 0.5), None, model, distance, None, "semantic"
    )
    true, predicted = random_images(), random_images(seed=1)
    expected = loss(true, predicted)
    model.set_weights([np.zeros_like(value) for value in numbers(model)])
    again = contracts.round_trip(loss)
    assert (again.name, again.reduction, again.distance) == ("semantic", None, distance)
    assert tuple(again.layer_weights) == (2.0, 0.5)
    np.testing.assert_array_equal(again(true, predicted), expected)
    np.testing.assert_array_equal(
        contracts.round_trip(again)(true, predicted), expected
    )


def test_extractor_is_frozen_and_the_user_s_is_left_as_it_is():
    random = np.random.default_rng(0)
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
        ]
    )
    for variable in model.weights:
        variable.assign(random.uniform(0.5, 1.5, variable.shape))
    before = numbers(model)
    true, predicted = (random_images(seed=seed).astype("float32") for seed in (0, 1))
    features = [model((images + 1) * 127.5).numpy() for images in (true, predicted)]
    loss = SemanticVGGLoss(feature_extractor=model, reduction=None)
    value = loss(true, predicted)
    # Moving statistics, and nothing dropped.
    expected = np.sqrt(((features[0] - features[1]) ** 2).sum((1, 2, 3)))
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    assert not loss._network.trainable_variables
    assert model.trainable and len(model.trainable_variables) == 4
    for one, other in zip(before, numbers(model), strict=True):
        np.testing.assert_array_equal(one, other)
    # Training it on does not change the loss.
    model.set_weights([2 * value for value in before])
    np.testing.assert_array_equal(loss(true, predicted), value)


def test_balanced_weight():
    model = make_extractor()
    images = random_images(6)
    distance = numpy_loss(model, images[:3], images[3:]).mean()
    exact = 7.0 * np.abs(images[:3] - images[3:]).mean() / distance
    weight = balanced_weight(SemanticVGGLoss(feature_extractor=model), images, 7.0)
    assert type(weight) is float and weight == float(f"{exact:.1e}")


def same_features():
    """An extractor that sees no difference between images."""
    pixels = keras.Input((None, None, 3))
    return keras.Model(pixels, layers.Rescaling(0.0)(pixels))


@pytest.mark.parametrize("images, extractor, message", [
    (random_images(0), make_extractor, "an even number of at least 2.*: 0 images"),
    (random_images(1), make_extractor, "an even number of at least 2.*: 1 image[.]"),
    (random_images(3), make_extractor, "an even number of at least 2.*: 3 images"),
    (np.zeros((4, 6, 4, 3)), make_extractor, "pairs that differ.*distances 0 and 0"),
    (np.full((2, 6, 4, 3), np.nan), make_extractor, "pairs that differ.*nan and nan"),
    (random_images(2), same_features, "pairs that differ.* and 0[.]"),
])  # fmt: skip
def test_images_that_balance_nothing(images, extractor, message):
    loss = SemanticVGGLoss(feature_extractor=extractor())
    with pytest.raises(ValueError, match=message) as caught:
        balanced_weight(loss, images)
    assert "`semantic_weight`, option --semantic-weight" in str(caught.value)


@pytest.mark.parametrize("weight, error", [(0, ValueError), ("10", TypeError)])
def test_a_weight_that_cannot_be_balanced(weight, error):
    loss = SemanticVGGLoss(feature_extractor=make_extractor())
    with pytest.raises(error, match="`weight` must be"):
        balanced_weight(loss, random_images(2), weight)


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory):
    """A VGG16 of random weights, and the file that they are in."""
    keras.utils.set_random_seed(0)
    model = keras.applications.VGG16(include_top=False, weights=None)
    path = tmp_path_factory.mktemp("vgg16") / "random.weights.h5"
    model.save_weights(path)
    return model, path


@pytest.mark.parametrize("height, width, channels", [(32, 32, 1), (33, 48, 3)])
def test_vgg16_and_its_own_preprocessing(vgg16, height, width, channels):
    model, path = vgg16
    names = ["block1_conv2", "block4_conv3"]
    images = random_images(2, height, width, channels)
    pixels = np.broadcast_to(127.5 * (images + 1), (2, height, width, 3))
    inputs = keras.applications.vgg16.preprocess_input(pixels.astype("float32"))
    outputs = [model.get_layer(name).output for name in names]
    expected = keras.Model(model.input, outputs)(inputs)
    keras.config.set_dtype_policy("mixed_float16")
    loss = SemanticVGGLoss(names, weights=path)
    for received, feature in zip(loss.features(images), expected, strict=True):
        assert received.dtype == "float32" and np.std(feature) > 0
        np.testing.assert_allclose(
            received, feature, rtol=1e-3, atol=1e-4 * np.std(feature)
        )
    # The default is one deep layer.
    loss = SemanticVGGLoss(weights=str(path), reduction=None)
    assert loss.layers == ("block4_conv3",)
    other = random_images(2, height, width, channels, seed=1)
    difference = loss.features(images)[0] - loss.features(other)[0]
    np.testing.assert_allclose(
        loss(images, other), np.sqrt(np.sum(difference**2, (1, 2, 3))), rtol=1e-4
    )


def test_vgg16_is_named_in_the_configuration(vgg16):
    _, path = vgg16
    loss = SemanticVGGLoss("block1_conv1", weights=path, distance="mean_squared")
    config = loss.get_config()
    assert config["weights"] == str(path) and config["feature_extractor"] is None
    images, other = random_images(2, 32, 32), random_images(2, 32, 32, seed=1)
    again = contracts.round_trip(loss)
    assert tuple(again.layers) == ("block1_conv1",)
    assert again(images, other) == loss(images, other)


@pytest.mark.parametrize("height, width", [(31, 64), (64, 31), (None, 16)])
def test_images_too_small_for_vgg16(vgg16, height, width):
    loss = SemanticVGGLoss("block1_conv1", weights=vgg16[1])
    with pytest.raises(ValueError, match="at least 32 pixels.*Received: shape"):
        loss.features(keras.Input((height, width, 3)))


def test_wrong_layers_of_vgg16(vgg16):
    message = "layers of 'vgg16'. Received: 'block4_conv_3'. .*mean 'block4_conv3'"
    with pytest.raises(ValueError, match=message):
        SemanticVGGLoss(["block1_conv1", "block4_conv_3"], weights=vgg16[1])


@pytest.mark.parametrize("arguments, error, message", [
    ({"distance": "l1"}, ValueError, "`distance` must be 'l2'.*='l1'"),
    ({"layers": "block"}, ValueError, "'block'. Did you mean 'blocks'"),
    ({"layers": []}, ValueError, r"`layers` must name at least one.*=\[\]"),
    ({"layers": 4}, TypeError, "`layers` must be the name of a layer or.*=4"),
    ({"layers": ["blocks", 4]}, TypeError, "`layers` must be the name of a layer"),
    ({"layer_weights": 1.0}, TypeError, "`layer_weights` must be a list.*=1.0"),
    ({"layer_weights": "1"}, TypeError, "`layer_weights` must be a list.*='1'"),
    ({"layer_weights": (1, 2)}, ValueError, "one weight for each of 1 layers"),
    ({"layer_weights": (0.0,)}, ValueError, "`layer_weights` must be greater than"),
    ({"layer_weights": ("1",)}, TypeError, "`layer_weights` must be a number"),
    ({"feature_extractor": 3}, TypeError, "`feature_extractor` must be a Funct.*=3"),
    ({"feature_extractor": keras.Sequential()}, TypeError, "with an `Input`"),
])  # fmt: skip
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        SemanticVGGLoss(**{"feature_extractor": make_extractor(), **arguments})


def test_extractor_that_does_not_take_images():
    points = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"must take images alone.*\(None, 4\)"):
        SemanticVGGLoss(feature_extractor=points)
    pair = [keras.Input((4, 4, 3)), keras.Input((4, 4, 3))]
    with pytest.raises(ValueError, match="must take images alone"):
        SemanticVGGLoss(feature_extractor=keras.Model(pair, layers.Add()(pair)))


@pytest.mark.parametrize("shape, message", [
    ((2, 4, 4, 4), "height, width, 1 or 3"),
    ((4, 4, 3), "height, width, 1 or 3"),
])  # fmt: skip
def test_wrong_images(shape, message):
    loss = SemanticVGGLoss(feature_extractor=make_extractor())
    with pytest.raises(ValueError, match=message):
        loss(np.zeros(shape), np.zeros(shape))
    with pytest.raises(ValueError, match="`y_true` and `y_pred` must have the same"):
        loss(np.zeros((2, 4, 4, 3)), np.zeros((2, 4, 4, 1)))
