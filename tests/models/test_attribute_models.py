"""StarGAN and ACL-GAN against steps written out by hand, as Keras models, editing."""

import json

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from contracts import adams

from keras_gans import networks
from keras_gans.losses import (
    AttributeClassificationLoss,
    AttributeDiscriminatorLoss,
    GradientPenalty,
)
from keras_gans.models import ACLGAN, StarGAN

layers = keras.layers
EAGERLY = {"run_eagerly": True}
# Not in the order of the group, and the group is not at an end.
NAMES = ("Smiling", "Blond_Hair", "Black_Hair", "Brown_Hair", "Eyeglasses")
HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair")
COUNT = len(NAMES)
SIZE = 8
MODELS = {"stargan": StarGAN, "aclgan": ACLGAN}
both_models = pytest.mark.parametrize("kind", MODELS)


def make_networks(kind, with_complement=False, mask=True):
    """Few operations, for what takes its time over each of them."""
    keras.utils.set_random_seed(0)
    images = keras.Input((SIZE, SIZE, 3))
    attributes = keras.Input((COUNT,))
    planes = layers.Reshape((SIZE, SIZE, 1))(layers.Dense(SIZE**2)(attributes))
    x = layers.Concatenate()([images, planes])
    x = layers.Conv2D(4, 3, padding="same", activation="tanh")(x)
    segment = layers.Conv2D(3, 3, padding="same", activation="tanh", dtype="float32")(x)
    outputs = segment
    if kind == "aclgan" and mask:
        mask = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
        outputs = [images + mask * (segment - images), mask, segment]
    generator = keras.Model([images, attributes], outputs)

    images = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(4, 4, strides=4, activation="softplus")(images)
    patches = layers.Conv2D(1, 1, dtype="float32")(x)
    x = layers.Flatten()(x)
    several = 2 if with_complement else 1
    logits = layers.Dense(several * COUNT, dtype="float32")(x)
    outputs = [patches, logits] if kind == "stargan" else logits
    return {"generator": generator, "discriminator": keras.Model(images, outputs)}


def make_data(samples=6, batch_size=2):
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (samples, SIZE, SIZE, 3)).astype("float32")
    attributes = random.integers(0, 2, (samples, COUNT))
    # One hair colour, or none.
    attributes[:, 1:4] = np.eye(4, 3)[random.integers(0, 4, samples)]
    data = tf.data.Dataset.from_tensor_slices((images, attributes.astype("float32")))
    return data.batch(batch_size, drop_remainder=True)


def make_model(kind, compile_arguments=(), model_networks=None, **arguments):
    arguments = {"n_critic": 1, "exclusive_groups": [HAIR], "seed": 1, **arguments}
    model = MODELS[kind](
        **(model_networks or make_networks(kind)), attribute_names=NAMES, **arguments
    )
    model.compile(**dict(compile_arguments))
    return model


def images_and_attributes(samples=6):
    images, attributes = next(make_data(samples, samples).as_numpy_iterator())
    return images, attributes


def test_defaults_are_the_papers():
    model = MODELS["stargan"](**make_networks("stargan"), attribute_names=NAMES)
    model.compile()
    assert (model.adversarial_weight, model.classification_weight) == (1, 1)
    assert (model.reconstruction_weight, model.gradient_penalty_weight) == (10, 10)
    assert (model.n_critic, model.exclusive_groups) == (5, ())
    assert type(model.classification_loss) is AttributeClassificationLoss
    assert type(model.reconstruction_loss) is keras.losses.MeanAbsoluteError

    acl = MODELS["aclgan"](**make_networks("aclgan"), attribute_names=NAMES)
    acl.compile()
    assert (acl.attribute_weight, acl.content_weight) == (1, 0.01)
    assert (acl.gradient_penalty_weight, acl.n_critic) == (0, 1)
    assert type(acl.attribute_loss[0]) is AttributeDiscriminatorLoss
    assert acl.attribute_loss[0].form == "least_squares"
    assert not acl.with_complement and acl.has_mask and not model.has_mask
    for one in (model, acl):
        for role in one.roles:
            optimizer = one.optimizers[role]
            # ACL-GAN's discriminator has one update for each of the generator's.
            factor = 2 if one is acl and role == "discriminator" else 1
            np.testing.assert_allclose(optimizer.learning_rate, factor * 1e-4)
            assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)


class ByHand(contracts.ByHand):
    """The losses of the papers in plain TensorFlow."""

    def descend(self, index, tape, loss):
        variables = self.networks[index].trainable_variables
        self.apply(index, tape.gradient(loss, variables))

    def step(self, images, attributes, target, updates_generator):
        with tf.GradientTape() as tape:
            losses = self.discriminator_losses(images, attributes, target)
        self.descend(1, tape, losses["discriminator_loss"])
        if updates_generator:
            with tf.GradientTape() as tape:
                losses |= self.generator_losses(images, attributes, target)
            self.descend(0, tape, losses["generator_loss"])
        return losses


def penalty_at(critic, points):
    with tf.GradientTape() as tape:
        tape.watch(points)
        output = critic(points)
    gradients = tape.gradient(output, points)
    norms = tf.sqrt(tf.reduce_sum(gradients**2, (1, 2, 3)))
    return tf.reduce_mean((norms - 1) ** 2)


class StarGANByHand(ByHand):
    def classify(self, attributes, logits):
        values = tf.nn.sigmoid_cross_entropy_with_logits(attributes, logits)
        return tf.reduce_mean(tf.reduce_sum(values, 1))

    def discriminator_losses(self, images, attributes, target):
        generator, discriminator = self.networks
        fake = generator([images, target])
        (real_patches, logits), (patches, _) = map(discriminator, (images, fake))
        # Between both, in the middle, as the test has the model do it.
        penalty = penalty_at(
            lambda points: tf.reduce_mean(discriminator(points)[0], (1, 2, 3)),
            (images + fake) / 2,
        )
        adversarial = tf.reduce_mean(patches) - tf.reduce_mean(real_patches)
        classification = self.classify(attributes, logits)
        return {
            "discriminator_loss": 2 * (adversarial + 10 * penalty) + 3 * classification,
            "classification_loss": classification,
        }

    def generator_losses(self, images, attributes, target):
        generator, discriminator = self.networks
        fake = generator([images, target])
        patches, logits = discriminator(fake)
        classification = self.classify(target, logits)
        reconstruction = tf.reduce_mean(tf.abs(images - generator([fake, attributes])))
        return {
            "generator_loss": -2 * tf.reduce_mean(patches)
            + 3 * classification
            + 4 * reconstruction,
            "target_classification_loss": classification,
            "reconstruction_loss": reconstruction,
        }


class ACLGANByHand(ByHand):
    def discriminator_losses(self, images, attributes, target):
        generator, discriminator = self.networks
        fake, _, _ = generator([images, target])
        real_output, fake_output = discriminator(images), discriminator(fake)
        loss = (real_output - 1) ** 2 * attributes + fake_output**2 * target
        penalty = penalty_at(
            lambda points: tf.reduce_mean(discriminator(points), 1), (images + fake) / 2
        )
        loss = 2 * tf.reduce_mean(tf.reduce_sum(loss, 1)) + 5 * penalty
        return {"discriminator_loss": loss}

    def generator_losses(self, images, attributes, target):
        generator, discriminator = self.networks
        fake, _, _ = generator([images, target])
        loss = tf.reduce_sum((discriminator(fake) - 1) ** 2 * target, 1)
        content = tf.reduce_mean(tf.abs(images - fake))
        return {
            "generator_loss": 2 * tf.reduce_mean(loss) + 3 * content,
            "content_loss": content,
        }


WEIGHTS = {
    "stargan": {
        "adversarial_weight": 2.0,
        "classification_weight": 3.0,
        "reconstruction_weight": 4.0,
    },
    "aclgan": {
        "attribute_weight": 2.0,
        "content_weight": 3.0,
        "gradient_penalty_weight": 5.0,
    },
}


@both_models
def test_steps_equal_hand_written_ones(kind, monkeypatch):
    model = make_model(kind, {**adams(), **EAGERLY}, n_critic=2, **WEIGHTS[kind])
    model.draw_targets = lambda attributes, seed: 1 - attributes
    monkeypatch.setattr(
        type(model.penalty), "points", lambda self, real, fake, seed: (real + fake) / 2
    )
    by_hand = {"stargan": StarGANByHand, "aclgan": ACLGANByHand}[kind](model)
    for number, batch in enumerate(make_data(8), start=1):
        logs = contracts.train(model, tf.data.Dataset.from_tensors(batch))
        images, attributes = batch
        expected = by_hand.step(images, attributes, 1 - attributes, number % 2 == 0)
        for name, value in expected.items():
            np.testing.assert_allclose(logs[name], value, rtol=1e-4, err_msg=name)
    assert model.iterations == 2
    # 4 steps of 1e-2 have been made.
    by_hand.assert_close(model, 1e-5)


def test_the_wasserstein_form_and_the_complement():
    for with_complement in (False, True):
        model = make_model(
            "aclgan",
            {**EAGERLY, "attribute_loss": "wasserstein"},
            make_networks("aclgan", with_complement),
            gradient_penalty_weight=10,
        )
        assert model.with_complement == with_complement
        model.draw_targets = lambda attributes, seed: 1 - attributes
        model.penalty = lambda *_, **__: 0.0
        images, attributes = images_and_attributes(2)
        outputs, fake_outputs = (
            model.discriminator(x).numpy()
            for x in (images, model((images, 1 - attributes)))
        )
        target = 1 - attributes
        if with_complement:
            attributes = np.concatenate([attributes, target], 1)
            target = 1 - attributes
        expected = fake_outputs * target - outputs * attributes
        logs = contracts.train(model, make_data(2))
        np.testing.assert_allclose(
            logs["discriminator_loss"], expected.sum(1).mean(), rtol=1e-4
        )


@pytest.mark.parametrize("with_complement", [False, True])
def test_the_penalty_of_the_wasserstein_form(with_complement, monkeypatch):
    model = make_model(
        "aclgan",
        {**EAGERLY, "attribute_loss": "wasserstein"},
        make_networks("aclgan", with_complement),
        **WEIGHTS["aclgan"],
    )
    monkeypatch.setattr(
        type(model.penalty), "points", lambda self, real, fake, seed: (real + fake) / 2
    )
    images, attributes = images_and_attributes(4)
    # Each is to get the attributes of the next image.
    target = model.draw_targets(attributes, seed=0).numpy()
    np.testing.assert_array_equal(target, attributes[[1, 2, 3, 0]])
    fake = model((images, target))
    wanted, has = target, attributes
    if with_complement:
        wanted, has = (np.concatenate([part, 1 - part], 1) for part in (target, has))
    discriminator = model.discriminator
    loss = discriminator(fake) * wanted - discriminator(images) * has
    penalty = penalty_at(
        lambda points: tf.reduce_sum(discriminator(points) * wanted, 1),
        (images[[1, 2, 3, 0]] + fake) / 2,
    )
    expected = 2 * tf.reduce_mean(tf.reduce_sum(loss, 1)) + 5 * penalty
    losses = model.discriminator_losses(images, attributes, target, fake, True)
    np.testing.assert_allclose(losses["discriminator_loss"], expected, rtol=1e-5)


@pytest.mark.parametrize("with_complement", [False, True])
@pytest.mark.parametrize("patches", [False, True])
def test_the_wasserstein_form_has_a_lower_bound(with_complement, patches):
    images = keras.Input((SIZE, SIZE, 3))
    outputs = (2 if with_complement else 1) * COUNT
    last = layers.Conv2D(outputs, 4) if patches else layers.Dense(outputs)
    x = last(images if patches else layers.Flatten()(images))
    critics = {**make_networks("aclgan"), "discriminator": keras.Model(images, x)}
    model = make_model(
        "aclgan",
        {**EAGERLY, "attribute_loss": "wasserstein"},
        critics,
        gradient_penalty_weight=10,
    )
    images, attributes = images_and_attributes(64)
    target = model.draw_targets(attributes, seed=0)
    fake = model((images, target)).numpy()
    # The loss is that of pairs with the same attributes.
    distance = np.roll(images, -1, 0) - fake
    distance = np.sqrt((distance**2).sum((1, 2, 3)))
    bound = -np.mean(distance + distance**2 / 40)
    random = np.random.default_rng(0)
    kernel = random.normal(size=last.kernel.shape)
    # Two outputs that grow apart, whose mean stays.
    kernel[..., 1] = -kernel[..., 0]
    values = []
    for size in (0.01, 1.0, 1000.0):
        for bias in (np.zeros(outputs), random.normal(0, 1e6, outputs)):
            for sign in (1, -1):
                last.set_weights([sign * size * kernel, bias])
                losses = model.discriminator_losses(
                    images, attributes, target, fake, training=True
                )
                values.append(float(losses["discriminator_loss"]))
    # Sums of a million in float32 are off by a few.
    assert min(values) > bound - 5
    assert min(values) < 10


def test_stargan_permutes_the_attributes_of_the_batch():
    model = make_model("stargan")
    _, attributes = images_and_attributes(64)
    target = model.draw_targets(attributes, seed=model.seed_generator).numpy()
    assert (target != attributes).any()
    np.testing.assert_array_equal(
        sorted(map(tuple, target)), sorted(map(tuple, attributes))
    )
    again = model.draw_targets(attributes, seed=model.seed_generator).numpy()
    assert (target != again).any()


@pytest.mark.parametrize("probability", [0.2, 0.5, 1.0])
def test_acl_gan_flips_each_attribute_and_groups_together(probability):
    model = make_model("aclgan", flip_probability=probability)
    _, attributes = images_and_attributes(4000)
    target = model.draw_targets(attributes, seed=0).numpy()
    assert set(np.unique(target)) == {0, 1}
    changed = target != attributes
    for place in (0, 4):  # Smiling, Eyeglasses
        assert abs(changed[:, place].mean() - probability) < 0.03
    hair, wanted = attributes[:, 1:4], target[:, 1:4]
    # One colour at most, and none is wanted that is there already.
    assert abs(changed[:, 1:4].any(1).mean() - probability) < 0.03
    is_drawn = changed[:, 1:4].any(1)
    np.testing.assert_array_equal(wanted[is_drawn].sum(1), 1)
    np.testing.assert_array_equal(wanted[~is_drawn], hair[~is_drawn])
    # All others are as likely.
    for place in range(3):
        others = [other for other in range(3) if other != place]
        drawn = wanted[is_drawn & (hair[:, place] == 1)].mean(0)
        np.testing.assert_allclose(drawn[others], 0.5, atol=0.08)
        drawn = wanted[is_drawn & (hair.sum(1) == 0)].mean(0)
        np.testing.assert_allclose(drawn, 1 / 3, atol=0.1)
    # Flips do not depend on each other.
    if probability < 1:
        pair = changed[:, [0, 4]].astype(float)
        assert abs(np.corrcoef(pair.T)[0, 1]) < 0.06


def make_contract_model(kind, **arguments):
    return make_model(kind, {**adams(), **EAGERLY}, **arguments)


@pytest.mark.slow
def test_contract(tmp_path):
    contracts.check_model(
        lambda: make_contract_model("stargan"),
        make_data(samples=4),
        tmp_path,
        # Constants of a critic have no gradient.
        still={"discriminator": 1},
    )


def test_state_between_two_updates_is_saved(tmp_path):
    def make():
        # With a penalty, whose points are random.
        return make_contract_model("aclgan", n_critic=2, gradient_penalty_weight=3.0)

    model, data = make(), make_data()
    contracts.train(model, data)
    assert (model.iterations, int(model.critic_step)) == (1, 1)
    contracts.training_state_is_complete(model, data.take(1), make, tmp_path)
    contracts.saving_changes_nothing(model, data.take(1), tmp_path)
    contracts.evaluation_changes_nothing(make, data.take(1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "policy"), [("stargan", "mixed_float16"), ("aclgan", "mixed_bfloat16")]
)
def test_mixed_precision(kind, policy, tmp_path):
    contracts.check_mixed_precision(
        lambda: make_contract_model(kind), make_data(2), policy, tmp_path
    )


@pytest.mark.slow
@both_models
def test_eager_and_compiled_models_take_the_same_steps(kind):
    models = [
        make_model(kind, {**adams(), **arguments})
        for arguments in (EAGERLY, {"jit_compile": True})
    ]
    for model in models:
        # XLA draws other random numbers.
        model.draw_targets = lambda attributes, seed: 1 - attributes
        model.penalty = None
    data = make_data(4)
    expected, logs = (contracts.train(model, data) for model in models)
    assert logs == pytest.approx(expected, rel=1e-4)
    contracts.assert_close_weights(*models, 1e-5)


def main():
    strategy = contracts.two_replicas()

    def make(kind):
        arguments = {"gradient_penalty_weight": 3.0}
        model = make_model(kind, {**adams(), "jit_compile": False}, **arguments)
        # The same on all replicas.
        model.draw_targets = lambda attributes, seed: 1 - attributes
        GradientPenalty.points = lambda self, real, fake, seed: (real + fake) / 2
        return model

    results = {
        kind: contracts.replicas_minus_one(
            strategy, lambda kind=kind: make(kind), make_data(8, 4)
        )
        for kind in MODELS
    }
    print(json.dumps(results))


@pytest.mark.slow
def test_two_replicas_equal_one():
    results = contracts.run_python(
        f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')"
    )
    for differences in results.values():
        assert differences["weights"] < 1e-5
        assert differences["logs"] < 1e-4


@both_models
def test_the_average_translates_and_losses_are_of_the_trained(kind):
    model = make_contract_model(kind, ema_decay=0.9)
    data = make_data()
    contracts.train(model, data)
    images, attributes = images_and_attributes()
    translated, *_ = model.translate(images, attributes)
    np.testing.assert_array_equal(model((images, attributes)), translated)
    trained = model((images, attributes), training=True)
    assert np.abs(translated - trained).max() > 1e-3
    logs = model.evaluate(data, return_dict=True, verbose=0)
    model.averaged_generator.set_weights(
        [0 * value for value in model.averaged_generator.get_weights()]
    )
    assert model.evaluate(data, return_dict=True, verbose=0) == logs


@both_models
def test_the_toolkit_s_networks_fit(kind):
    generator, discriminator = (
        getattr(networks, f"{kind}_{role}") for role in ("generator", "discriminator")
    )
    model = make_model(
        kind,
        EAGERLY,
        {
            "generator": generator(COUNT, width=4, residual_blocks=1),
            "discriminator": discriminator(COUNT, size=16, width=4),
        },
    )
    images = np.zeros((2, 16, 16, 3), "float32")
    logs = contracts.train(
        model, tf.data.Dataset.from_tensors((images, np.eye(COUNT)[:2]))
    )
    assert all(np.isfinite(value) for value in logs.values())
    assert model.edit(images, add="Smiling").shape == images.shape


def painter(kind):
    """A generator that paints the wanted attributes, each into a column of pixels.

    A pixel of column k shows 1 with attribute k and -1 without.
    """
    images = keras.Input((SIZE, SIZE, 3))
    attributes = keras.Input((COUNT,))
    columns = 2.0 * attributes - 1.0
    columns = keras.ops.pad(columns, ((0, 0), (0, SIZE - COUNT)))
    mask = keras.ops.ones_like(images[..., :1]) * keras.ops.reshape(
        np.float32(np.arange(SIZE) < COUNT), (1, 1, SIZE, 1)
    )
    segment = keras.ops.ones_like(images) * keras.ops.reshape(columns, (-1, 1, SIZE, 1))
    translation = images + mask * (segment - images)
    outputs = [translation, mask, segment] if kind == "aclgan" else translation
    return keras.Model([images, attributes], outputs)


def painted(attributes, samples):
    images = np.zeros((samples, SIZE, SIZE, 3), "float32")
    images[:, :, :COUNT] = 2 * attributes[:, None, :, None] - 1
    return images


def reader():
    """A discriminator whose logits are the attributes that `painter` has painted."""
    images = keras.Input((SIZE, SIZE, 3))
    logits = keras.ops.mean(images[:, :, :COUNT], axis=(1, 3))
    patches = layers.Conv2D(1, SIZE)(images)
    return keras.Model(images, [patches, logits])


def make_painter(kind):
    model_networks = make_networks(kind)
    model_networks["generator"] = painter(kind)
    if kind == "stargan":
        model_networks["discriminator"] = reader()
    return make_model(kind, model_networks=model_networks)


@both_models
def test_edit_adds_and_removes_what_is_named(kind):
    model = make_painter(kind)
    #                   Smiling, Blond, Black, Brown, Eyeglasses
    before = np.float32([[0, 0, 1, 0, 1], [1, 0, 0, 0, 0], [1, 1, 0, 0, 1]])
    after = np.float32([[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 0, 0, 0]])
    images = painted(before, 3)
    edit = {"add": ["Smiling", "Blond_Hair"], "remove": "Eyeglasses"}
    # What they have is seen, or given.
    np.testing.assert_array_equal(model.predict_attributes(images), before)
    np.testing.assert_array_equal(model.edit(images, **edit), painted(after, 3))
    given = model.edit(images, **edit, attributes=1 - np.eye(COUNT)[:1].repeat(3, 0))
    np.testing.assert_array_equal(given, painted(np.float32([[1, 1, 0, 0, 0]] * 3), 3))
    # Nothing asked, nothing changed; removing a colour leaves none.
    np.testing.assert_array_equal(model.edit(images), images)
    removed = model.edit(images, remove=["Black_Hair", "Smiling"])
    np.testing.assert_array_equal(removed, painted(before * [0, 1, 0, 1, 1], 3))
    # One row for all.
    same = model.edit(images, add="Brown_Hair", attributes=before[0])
    np.testing.assert_array_equal(same, painted(np.float32([[0, 0, 0, 1, 1]] * 3), 3))


def test_edit_of_many_images_and_their_masks():
    model = make_painter("aclgan")
    random = np.random.default_rng(0)
    before = random.integers(0, 2, (150, COUNT)).astype("float32")
    before[:, 1:4] = np.eye(4, 3)[random.integers(0, 4, 150)]
    images = painted(before, 150)
    images[:, :, COUNT:] = random.uniform(-1, 1, (150, SIZE, SIZE - COUNT, 3))
    edited, mask, segment = model.edit(images, add="Smiling", return_mask=True)
    assert edited.shape == segment.shape == images.shape
    assert mask.shape == (150, SIZE, SIZE, 1)
    np.testing.assert_array_equal(edited[:, :, 1:], images[:, :, 1:])
    np.testing.assert_allclose(edited, mask * segment + (1 - mask) * images, atol=1e-6)


def test_of_a_group_stargan_sees_the_likeliest():
    model = make_painter("stargan")
    images = painted(np.float32([[0, 1, 1, 0, 0]]), 1)
    images[:, :, 1] *= 0.5
    np.testing.assert_array_equal(model.predict_attributes(images), [[0, 0, 1, 0, 0]])


@both_models
def test_wrong_edits(kind):
    model = make_painter(kind)
    images = painted(np.zeros((2, COUNT), "float32"), 2)
    for arguments, message in (
        ({"add": "Smilling"}, "`add` names.*'Smilling'. Did you mean 'Smiling'.*Brown"),
        ({"remove": ["Xyz"]}, "`remove` names.*'Xyz'. Known are Smiling"),
        ({"add": ["Black_Hair", "Blond_Hair"]}, "at most one of.*exclude each other"),
        ({"add": "Smiling", "remove": "Smiling"}, "must not share.*Smiling"),
        ({"attributes": np.zeros((2, 3))}, r"shape \(n, 5\).*shape=\(2, 3\)"),
        ({"attributes": np.full(COUNT, 0.5)}, "consist of 0 and 1"),
    ):
        with pytest.raises(ValueError, match=message):
            model.edit(images, **arguments)
    with pytest.raises(ValueError, match=r"\('n', 8, 8, 3\).*\(8, 8, 3\)"):
        model.edit(images[0])
    with pytest.raises(TypeError, match="floats in .*uint8"):
        model.edit(images.astype("uint8"))
    if kind == "stargan":
        with pytest.raises(ValueError, match="has no mask"):
            model.edit(images, return_mask=True)


@pytest.mark.parametrize("kind, arguments, error, message", [
    ("stargan", {"attribute_names": "Smiling"}, TypeError, "sequence of strings"),
    ("aclgan", {"attribute_names": NAMES[:2]}, ValueError, "2 attributes"),
    ("aclgan", {"attribute_names": ["a"] * 5}, ValueError, "different names"),
    ("stargan", {"exclusive_groups": [("a", "b")]}, ValueError, "only names of"),
    ("aclgan", {"exclusive_groups": [HAIR, HAIR]}, ValueError, "at most once"),
    ("stargan", {"n_critic": 0}, ValueError, "`n_critic` must be a positive"),
    ("stargan", {"classification_weight": -1}, ValueError, "classification_weight"),
    ("aclgan", {"content_weight": -1}, ValueError, "`content_weight`"),
    ("aclgan", {"flip_probability": 0}, ValueError, "greater than 0"),
    ("aclgan", {"flip_probability": 1.5}, ValueError, "at most 1"),
])  # fmt: skip
def test_wrong_arguments(kind, arguments, error, message):
    arguments = {"attribute_names": NAMES, **arguments}
    with pytest.raises(error, match=message):
        MODELS[kind](**make_networks(kind), **arguments)


def test_wrong_networks():
    star, acl = make_networks("stargan"), make_networks("aclgan")
    names = {"attribute_names": NAMES}
    with pytest.raises(ValueError, match=r"must return \[patches, logits\] with 5"):
        StarGAN(star["generator"], acl["discriminator"], **names)
    with pytest.raises(ValueError, match="translation alone"):
        StarGAN(acl["generator"], star["discriminator"], **names)
    with pytest.raises(ValueError, match="5 outputs, one for each attribute, or 10"):
        ACLGAN(acl["generator"], star["discriminator"], **names)
    with pytest.raises(ValueError, match=r"take \[images, attributes\] with 5"):
        ACLGAN(star["discriminator"], acl["discriminator"], **names)
    other = networks.aclgan_discriminator(COUNT, size=8, channels=1, width=2)
    with pytest.raises(ValueError, match="take the images of the generator"):
        ACLGAN(acl["generator"], other, **names)


def test_wasserstein_without_a_penalty_is_refused():
    with pytest.raises(ValueError, match="gradient_penalty_weight=10"):
        make_model("aclgan", {"attribute_loss": "wasserstein"})


@both_models
def test_wrong_data(kind):
    model = make_model(kind)
    images, attributes = images_and_attributes()
    for arrays, message in (
        ((images,), "batches \\(images, attributes\\)"),
        ((images[:, :4], attributes), "images of shape"),
        ((images, attributes[:, :2]), "one column for each of"),
    ):
        data = tf.data.Dataset.from_tensor_slices(
            arrays if len(arrays) > 1 else arrays[0]
        )
        with pytest.raises(ValueError, match=message):
            model.fit(data.batch(2), verbose=0)


if __name__ == "__main__":
    main()
