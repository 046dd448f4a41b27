"""Losses of attribute translation against their formulas, sample by sample."""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from keras_gans import losses
from keras_gans.losses import (
    AttributeClassificationLoss,
    AttributeDiscriminatorLoss,
    AttributeGeneratorLoss,
    GradientPenalty,
    attribute_loss_pair,
)

FORMS = ("least_squares", "wasserstein")
each_form = pytest.mark.parametrize("form", FORMS)
each_way = pytest.mark.parametrize("with_complement", [False, True])
PAIR = (AttributeDiscriminatorLoss, AttributeGeneratorLoss)
each_side = pytest.mark.parametrize("loss_class", PAIR)


def batch(patches=(), with_complement=False, count=3, size=5):
    """Attributes of real images and those wanted, and outputs for either, float64."""
    random = np.random.default_rng(count)
    attributes = random.integers(0, 2, (2, size, count)).astype("float64")
    channels = count * (2 if with_complement else 1)
    outputs = random.normal(0.0, 2.0, (2, size, *patches, channels))
    return attributes, outputs


def by_hand(form, attributes, outputs, with_complement=False):
    """Both losses of each sample, written out for one output after the other."""
    real_terms, fake_terms = {
        "least_squares": (lambda d: (d - 1) ** 2, lambda d: d**2),
        "wasserstein": (lambda d: -d, lambda d: d),
    }[form]
    discriminator, generator = [], []
    for real_att, att, real, fake in zip(*attributes, *outputs, strict=True):
        of_discriminator = of_generator = 0.0
        for index in range(real.shape[-1]):
            has, wants = (
                which[index] if index < len(att) else 1 - which[index - len(att)]
                for which in (real_att, att)
            )
            if has:
                of_discriminator += real_terms(real[..., index]).mean()
            if wants:
                of_discriminator += fake_terms(fake[..., index]).mean()
                of_generator += real_terms(fake[..., index]).mean()
        discriminator.append(of_discriminator)
        generator.append(of_generator)
    return np.array(discriminator), np.array(generator)


def call(loss, attributes, outputs):
    """Either loss, with the arguments that its side of the pair takes."""
    if isinstance(loss, AttributeGeneratorLoss):
        return loss(attributes[1], outputs[1])
    return loss(tuple(attributes), tuple(outputs))


def gradients_of(loss, attributes, outputs):
    outputs = [tf.constant(output, tf.float32) for output in outputs]
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        value = call(loss, attributes, outputs)
    gradients = tape.gradient(value, outputs, unconnected_gradients="zero")
    return [gradient.numpy() for gradient in gradients]


@each_form
@each_way
@pytest.mark.parametrize("patches", [(), (2, 4)])
def test_equals_formula(form, with_complement, patches):
    attributes, outputs = batch(patches, with_complement)
    expected = by_hand(form, attributes, outputs, with_complement)
    for loss_class, each in zip(PAIR, expected, strict=True):
        for scale in (1.0, 0.5):

            def loss(reduction):
                loss = loss_class(form, with_complement, scale, reduction)
                return lambda *arguments: call(loss, *arguments)

            contracts.loss_of_samples_is(loss, scale * each, attributes, outputs)


def test_golden_numbers():
    # Two samples, three attributes; worked out on paper.
    attributes = [[[1, 0, 1], [0, 1, 0]], [[0, 1, 1], [0, 0, 0]]]
    outputs = [
        np.array([[0.5, 9.0, 2.0], [7.0, -1.0, 8.0]]),
        np.array([[6.0, 3.0, -1.0], [4.0, 5.0, 6.0]]),
    ]
    attributes = [np.array(part) for part in attributes]
    for form, discriminator, generator in (
        # 0.25 + 1 + 9 + 1 and 4 + 0; 4 + 4 and nothing wanted, nothing learned.
        ("least_squares", [11.25, 4.0], [8.0, 0.0]),
        # -0.5 - 2 + 3 - 1 and 1 + 0; -3 + 1 and nothing.
        ("wasserstein", [-0.5, 1.0], [-2.0, 0.0]),
    ):
        for loss_class, expected in zip(PAIR, (discriminator, generator), strict=True):
            received = call(loss_class(form, reduction=None), attributes, outputs)
            np.testing.assert_array_equal(received, expected)


def test_complement_comes_last():
    # One attribute: the first output is about those that have it, the second about
    # those that do not.
    attributes = np.array([[[1.0], [0.0]], [[0.0], [1.0]]])
    outputs = np.array([[[3.0, 10.0], [20.0, 5.0]], [[30.0, 7.0], [11.0, 40.0]]])
    for loss_class, expected in zip(PAIR, ([-3 + 7, -5 + 11], [-7, -11]), strict=True):
        loss = loss_class("wasserstein", with_complement=True, reduction=None)
        np.testing.assert_array_equal(call(loss, attributes, outputs), expected)


class OneAttribute:
    """An attribute loss as an adversarial one, for one attribute that all have."""

    def __init__(self, loss):
        self.loss = loss

    def __call__(self, real_output, fake_output):
        outputs = [tf.convert_to_tensor(part) for part in (real_output, fake_output)]
        if len(outputs[0].shape) == 1:
            outputs = [output[:, None] for output in outputs]
        attributes = [tf.ones((tf.shape(output)[0], 1)) for output in outputs]
        return call(self.loss, attributes, outputs)


# Form, side, scale, the formula of the plain GAN, and TF-GAN's golden number of it.
SINGLE = {
    "least_squares_discriminator": (
        AttributeDiscriminatorLoss, {"form": "least_squares", "scale": 0.5},
        lambda real, fake: 0.5 * (real - 1) ** 2 + 0.5 * fake**2, 41.73375),
    "least_squares_generator": (
        AttributeGeneratorLoss, {"form": "least_squares", "scale": 0.5},
        lambda real, fake: 0.5 * (fake - 1) ** 2, 17.69625),
    "wasserstein_discriminator": (
        AttributeDiscriminatorLoss, {"form": "wasserstein"},
        lambda real, fake: fake - real, 0.225),
    "wasserstein_generator": (
        AttributeGeneratorLoss, {"form": "wasserstein"},
        lambda real, fake: -fake, -3.125),
}  # fmt: skip


@pytest.mark.parametrize("case", SINGLE)
def test_single_attribute_is_an_adversarial_loss(case):
    loss_class, arguments, formula, golden = SINGLE[case]

    def make_loss(**kwargs):
        return OneAttribute(loss_class(**arguments, **kwargs))

    contracts.loss_equals_formula(make_loss, formula, golden)
    contracts.loss_gradient_equals_differences(make_loss, formula)
    contracts.loss_takes_sixteen_bits(make_loss, formula)
    contracts.loss_is_finite_for_extreme_outputs(make_loss)


@each_form
@each_way
@each_side
@pytest.mark.parametrize("patches", [(), (2, 2)])
def test_gradient_is_the_closed_form(loss_class, form, with_complement, patches):
    attributes, outputs = batch(patches, with_complement)
    received = gradients_of(loss_class(form, with_complement), attributes, outputs)
    if with_complement:
        attributes = np.concatenate([attributes, 1 - attributes], axis=-1)
    real, fake = outputs
    targets = (0, 1) if loss_class is AttributeGeneratorLoss else (1, 0)
    slopes = {
        "least_squares": (2 * (real - 1), 2 * (fake - targets[1])),
        "wasserstein": (-np.ones_like(real), np.ones_like(fake) * (1 - 2 * targets[1])),
    }[form]
    number = 5 * int(np.prod(patches))
    for index, (gradient, slope) in enumerate(zip(received, slopes, strict=True)):
        present = attributes[index].reshape(5, *(1 for _ in patches), -1)
        present = np.broadcast_to(present, slope.shape)
        if loss_class is AttributeGeneratorLoss and index == 0:
            present = 0 * present  # it does not look at real images
        np.testing.assert_allclose(gradient, present * slope / number, rtol=1e-5)
        # Nothing at all where the attribute is 0, and something elsewhere.
        assert (gradient[present == 0] == 0).all()
        assert (gradient[present == 1] != 0).all()


@each_way
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64"])
def test_any_dtype_of_attributes(with_complement, dtype):
    attributes, outputs = batch(with_complement=with_complement)
    for loss_class in PAIR:
        loss = loss_class(with_complement=with_complement)
        expected = call(loss, attributes, outputs)
        for given in (attributes.astype(dtype), tf.cast(attributes, dtype)):
            value = call(loss, tf.unstack(given), outputs)
            np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_sizes_unknown_to_the_graph(jit_compile):
    attributes, outputs = batch((2, 4), with_complement=True)
    expected = by_hand("least_squares", attributes, outputs, with_complement=True)
    for count in (3, None):
        vectors = tf.TensorSpec((None, count), "float64")
        patches = tf.TensorSpec((None, None, None, count and 2 * count), "float64")
        for loss, signature, each in zip(
            attribute_loss_pair(with_complement=True),
            ([(vectors, vectors), (patches, patches)], [vectors, patches]),
            expected,
        ):
            traced = tf.function(
                loss, input_signature=signature, jit_compile=jit_compile
            )
            value = call_traced(traced, loss, attributes, outputs)
            np.testing.assert_allclose(value, each.mean(), rtol=1e-5)


def call_traced(traced, loss, attributes, outputs):
    attributes, outputs = tf.unstack(attributes), tf.unstack(outputs)
    if isinstance(loss, AttributeGeneratorLoss):
        return traced(attributes[1], outputs[1])
    return traced(tuple(attributes), tuple(outputs))


@each_side
def test_configuration(loss_class):
    original = loss_class("wasserstein", True, 3, None, "both", "bfloat16")
    assert contracts.round_trip(original).get_config() == {
        "form": "wasserstein",
        "with_complement": True,
        "scale": 3.0,
        "reduction": None,
        "name": "both",
        "dtype": "bfloat16",
    }
    again = contracts.round_trip(loss_class())
    assert (again.form, again.scale) == ("least_squares", 1.0)
    assert again.with_complement is False
    assert again.dtype == "float32"
    attributes, outputs = batch()
    np.testing.assert_array_equal(
        call(again, attributes, outputs), call(loss_class(), attributes, outputs)
    )


@each_side
def test_wrong_arguments(loss_class):
    for wrong in ("hinge", None):
        with pytest.raises(ValueError, match="`form` must be 'least_squares' or"):
            loss_class(wrong)
    for wrong in (1, "sum", None):
        with pytest.raises(TypeError, match="`with_complement` must be True or"):
            loss_class(with_complement=wrong)
    with pytest.raises(ValueError, match="`scale` must be greater than zero"):
        loss_class(scale=0)
    with pytest.raises(TypeError, match="`scale` must be a number"):
        loss_class(scale="1")


@each_side
def test_wrong_shapes(loss_class):
    (_, attributes), (_, output) = batch((2, 2))
    wrong_channels = r"one output for each attribute, shape \(batch, ..., 3\)"
    for wrong, message in (
        (output[..., :1], wrong_channels),
        (output[..., :2], wrong_channels),
        (np.concatenate([output, output], -1), wrong_channels),
        (output[:1], wrong_channels),
        (output[:, 0, 0, 0], wrong_channels),
    ):
        with pytest.raises(ValueError, match=message):
            call(loss_class(), [attributes] * 2, [wrong] * 2)
    with pytest.raises(ValueError, match=r"and one for its absence, .*\.\.\., 6\)"):
        call(loss_class(with_complement=True), [attributes] * 2, [output] * 2)
    for wrong in (attributes[0], attributes[..., None]):
        with pytest.raises(ValueError, match=r"the shape \(batch, attributes\)"):
            call(loss_class(), [wrong] * 2, [output] * 2)
    # The same in a graph, when it is traced.
    with pytest.raises(ValueError, match=wrong_channels):
        tf.function(lambda: call(loss_class(), [attributes] * 2, [output[:1]] * 2))()


def test_wrong_calls():
    attributes, outputs = batch()
    loss = AttributeDiscriminatorLoss()
    for wrong in (
        (attributes[0], tuple(outputs)),
        (tuple(attributes), outputs[0]),
        (tuple(attributes), (outputs[0],)),
        (tuple(attributes), outputs),
        (outputs[0], outputs[1]),  # as the adversarial losses are called
    ):
        with pytest.raises(TypeError, match="must be a pair: `loss..real_attributes, "):
            loss(*wrong)
    with pytest.raises(ValueError, match="must have the same shape"):
        loss(tuple(attributes), (outputs[0], outputs[1][:3]))
    with pytest.raises(TypeError, match="`attributes` must be two tensors; make array"):
        loss(([[1, 0, 1]] * 5, [[1, 0, 1]] * 5), tuple(outputs))
    loss = AttributeGeneratorLoss()
    for wrong in (tuple(attributes), attributes[0].tolist()):
        with pytest.raises(TypeError, match="`attributes` must be one tensor"):
            loss(wrong, outputs[0])
    with pytest.raises(TypeError, match="`output` must be one tensor"):
        loss(attributes[0], tuple(outputs))
    with pytest.raises(TypeError, match="is abstract.*`AttributeDiscriminator"):
        losses.AttributeLoss()(attributes[0], outputs[0])


def test_pairs():
    for form in FORMS:
        for with_complement in (False, True):
            pair = attribute_loss_pair(form, with_complement)
            assert tuple(type(loss) for loss in pair) == PAIR
            for loss in pair:
                assert (loss.form, loss.with_complement) == (form, with_complement)
                assert loss.scale == 1.0
            assert attribute_loss_pair(list(pair), with_complement) == pair
            outputs = "one output" if with_complement else "two outputs"
            with pytest.raises(ValueError, match=f"{outputs} for each attribute"):
                attribute_loss_pair(pair, not with_complement)
    assert attribute_loss_pair()[0].form == "least_squares"
    with pytest.raises(ValueError, match="discriminator's loss first"):
        attribute_loss_pair(pair[::-1], True)
    # Losses of someone else's are taken on trust.
    pair = (keras.losses.MeanSquaredError(), keras.losses.MeanAbsoluteError())
    assert attribute_loss_pair(pair) == pair
    with pytest.raises(ValueError, match="must be one of .'least_squares', 'wassers"):
        attribute_loss_pair("hinge")
    for wrong in (None, pair[0], [pair[0]], ("least_squares", "wasserstein")):
        with pytest.raises(TypeError, match="a pair .discriminator_loss, generator_"):
            attribute_loss_pair(wrong)


def linear_critic(w):
    """D(x) = x w, with as many outputs as `w` has columns."""
    return lambda x: tf.reshape(x, (tf.shape(x)[0], -1)) @ w


@pytest.mark.parametrize("shape", [(6, 4), (6, 2, 1, 2)])
def test_penalty_is_on_the_mean_output(shape):
    random = np.random.default_rng(1)
    w = tf.Variable(random.normal(size=(4, 3)), dtype=tf.float32)
    real, fake = random.normal(size=(2, *shape))
    with tf.GradientTape() as tape:
        value = GradientPenalty(3.0)(linear_critic(w), real, fake)
    mean = w.numpy().astype("float64").mean(1)
    norm = np.linalg.norm(mean)
    np.testing.assert_allclose(value, 3 * (norm - 1) ** 2, rtol=1e-5)
    # Each output has a third of the gradient that the mean has.
    expected = np.repeat((6 * (norm - 1) * mean / norm / 3)[:, None], 3, axis=1)
    np.testing.assert_allclose(tape.gradient(value, w), expected, rtol=1e-4)


def test_what_the_mean_leaves_free():
    # Real images have the attribute that they show; translations do not yet.
    x = np.array([[1.0, 0.0], [-1.0, 0.0]], "float32")
    attributes = np.array([[1.0, 0.0], [0.0, 1.0]], "float32")
    blank = np.zeros((2, 2), "float32")
    loss = AttributeDiscriminatorLoss("wasserstein")
    free, bounded, values = [], [], []
    for size in (1.0, 10.0, 100.0):
        # Two outputs that differ by their sign, but for the slope of the mean.
        critic = linear_critic(tf.constant([[size, -size], [1.0, 1.0]]))

        def score(x):
            return loss.score(attributes, critic(x))[:, None]

        free.append(float(GradientPenalty()(critic, x, blank)))
        bounded.append(float(GradientPenalty()(score, x, blank)))
        values.append(float(loss((attributes, attributes), (critic(x), critic(blank)))))
    np.testing.assert_allclose(values, [-1.0, -10.0, -100.0])
    np.testing.assert_allclose(free, 0.0, atol=1e-6)
    expected = [10 * (np.hypot(size, 1) - 1) ** 2 for size in (1.0, 10.0, 100.0)]
    np.testing.assert_allclose(bounded, expected, rtol=1e-5)


@each_form
@pytest.mark.parametrize("jit_compile", [False, True])
def test_an_absent_attribute_is_nothing_whatever_its_output(form, jit_compile):
    attributes, outputs = batch((2, 4), with_complement=True)
    expected = by_hand(form, attributes, outputs, with_complement=True)
    present = np.concatenate([attributes, 1 - attributes], axis=-1)[:, :, None, None]
    present = np.broadcast_to(present, outputs.shape).astype(bool)
    wild = np.resize([1e20, -3e38, np.inf, np.nan, 1.0], outputs.shape)
    outputs = tf.cast(np.where(present, outputs, wild), "float32")
    for loss_class, each in zip(PAIR, expected, strict=True):
        loss = loss_class(form, with_complement=True)

        @tf.function(jit_compile=jit_compile)
        def value_and_gradient(outputs):
            with tf.GradientTape() as tape:
                tape.watch(outputs)
                value = call(loss, tf.unstack(attributes), tf.unstack(outputs))
            return value, tape.gradient(value, outputs)

        value, gradient = value_and_gradient(outputs)
        np.testing.assert_allclose(value, each.mean(), rtol=1e-5)
        assert np.isfinite(gradient).all() and not np.any(gradient[~present])


def test_score_is_what_the_wasserstein_form_reads():
    for with_complement in (False, True):
        attributes, outputs = batch((2, 4), with_complement)
        expected = by_hand("wasserstein", attributes, outputs, with_complement)[1]
        for form in FORMS:
            # Without the scale: it is for a penalty, which has a weight of its own.
            loss = AttributeDiscriminatorLoss(form, with_complement, scale=3.0)
            score = loss.score(attributes[1], tf.constant(outputs[1]))
            np.testing.assert_allclose(score, -expected, rtol=1e-6)


def test_classification_equals_formula():
    (attributes, _), (logits, _) = batch(count=4)
    probability = special.expit(logits)
    terms = attributes * np.log(probability)
    terms += (1 - attributes) * np.log(1 - probability)
    for given in (attributes, attributes.astype("int32")):
        contracts.loss_of_samples_is(
            AttributeClassificationLoss, -terms.sum(1), given, logits
        )
    mean = keras.losses.BinaryCrossentropy(from_logits=True)(attributes, logits)
    np.testing.assert_allclose(
        AttributeClassificationLoss()(attributes, logits), 4 * mean, rtol=1e-6
    )

    logits = tf.constant(logits, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = AttributeClassificationLoss()(attributes, logits)
    np.testing.assert_allclose(
        tape.gradient(value, logits), (probability - attributes) / 5, rtol=1e-4
    )


@pytest.mark.parametrize("jit_compile", [False, True])
def test_classification_of_extreme_logits(jit_compile):
    attributes = tf.constant([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    logits = tf.constant([[1e4, -1e4], [-1e4, 1e4], [20.0, -20.0]])

    @tf.function(jit_compile=jit_compile)
    def value_and_gradient(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = AttributeClassificationLoss(reduction=None)(attributes, logits)
        return value, tape.gradient(value, logits)

    value, gradient = value_and_gradient(logits)
    # A confident answer keeps its small loss, where a difference of rounded
    # numbers would leave none.
    np.testing.assert_allclose(value, [0.0, 2e4, 2 * np.exp(-20)], rtol=1e-4)
    np.testing.assert_allclose(
        gradient, [[0.0, 0.0], [-1.0, 1.0], [0.0, 0.0]], atol=1e-6
    )


def test_classification_precision_and_configuration():
    (attributes, _), (logits, _) = batch()
    for dtype, tolerance in (("float16", 5e-3), ("bfloat16", 3e-2)):
        rounded = tf.cast(logits, dtype)
        exact = tf.cast(rounded, "float64").numpy()
        expected = (np.logaddexp(0, exact) - attributes * exact).sum(1).mean()
        value = AttributeClassificationLoss()(attributes, rounded)
        assert value.dtype == "float32"
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        value = AttributeClassificationLoss(dtype=dtype)(attributes, rounded)
        assert value.dtype == dtype
        np.testing.assert_allclose(float(value), expected, rtol=tolerance)
    again = contracts.round_trip(AttributeClassificationLoss("sum", "cls", "bfloat16"))
    assert (again.reduction, again.name, again.dtype) == ("sum", "cls", "bfloat16")


def test_classification_refuses_wrong_arguments():
    (attributes, _), (logits, _) = batch()
    for wrong in (logits[:, :1], logits[:1], logits[:, None]):
        with pytest.raises(ValueError, match="must have the same shape"):
            AttributeClassificationLoss()(attributes, wrong)
    with pytest.raises(ValueError, match=r"the shape \(batch, attributes\)"):
        AttributeClassificationLoss()(attributes[0], logits[0])
    with pytest.raises(TypeError, match="`attributes` must be one tensor"):
        AttributeClassificationLoss()(attributes.tolist(), logits)
    with pytest.raises(TypeError, match="`logits` must be one tensor"):
        AttributeClassificationLoss()(attributes, (logits, logits))
