"""Presets: each has the settings of its source, and trains."""

import keras
import numpy as np
import pytest

from keras_gans import models, presets
from keras_gans.data import generation, unpaired
from keras_gans.layers import InstanceNormalization
from keras_gans.losses import (
    BoundaryEquilibriumDiscriminatorLoss,
    ChannelCompensatedL1,
    EnergyDiscriminatorLoss,
    LeastSquaresDiscriminatorLoss,
    LeastSquaresGeneratorLoss,
    MinimaxDiscriminatorLoss,
    NonSaturatingGeneratorLoss,
    R1Penalty,
    SemanticVGGLoss,
    WassersteinDiscriminatorLoss,
)

# The smallest images that the networks of each preset take.
SIZES = {
    presets.digits: 32,
    presets.digits_cyclegan: 32,
    presets.digit_lab: 32,
    presets.tensorflow_tutorial: 32,
    presets.cyclegan: 20,
}
by_preset = pytest.mark.parametrize("preset", SIZES, ids=lambda preset: preset.__name__)


@pytest.fixture(scope="module")
def build():
    """Builds each model once, for all tests that only look at it."""
    models = {}

    def build_once(preset):
        if preset not in models:
            models[preset] = preset(size=SIZES[preset], seed=0)
        return models[preset]

    return build_once


def networks(model):
    return [getattr(model, name) for name in model.network_names]


def layers(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


def assert_paper_s_adam(optimizer):
    assert type(optimizer) is keras.optimizers.Adam
    assert float(optimizer.learning_rate) == pytest.approx(2e-4)
    assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)


# All of them -----------------------------------------------------------------------


@pytest.mark.parametrize("preset", [
    # The others take as long, and have the same step.
    pytest.param(
        preset,
        id=preset.__name__,
        marks=() if preset is presets.digits else pytest.mark.slow,
    )
    for preset in SIZES
])  # fmt: skip
def test_trains(build, preset):
    model = build(preset)
    size = SIZES[preset]
    images = [
        np.random.default_rng(seed).integers(
            0, 256, (2, size, size, discriminator.input_shape[-1]), "uint8"
        )
        for seed, discriminator in enumerate(
            (model.discriminator_x, model.discriminator_y)
        )
    ]
    data = unpaired(*images, batch_size=1, steps_per_epoch=1)
    # Tracing these large networks takes longer than a step of them.
    model.run_eagerly = True
    before = [network.trainable_variables[0].numpy() for network in networks(model)]
    history = model.fit(data, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    for network, value in zip(networks(model), before, strict=True):
        assert (network.trainable_variables[0].numpy() != value).any()
    x, y = images
    assert model(x.astype("float32")).shape == y.shape
    assert model(y.astype("float32"), direction="yx").shape == x.shape


@pytest.mark.parametrize("preset", [
    presets.digits,
    pytest.param(presets.digit_lab, marks=pytest.mark.slow),
])  # fmt: skip
def test_weights_are_those_of_the_seed(preset):
    def weights(seed):
        model = preset(seed=seed)
        return [network.trainable_variables[0].numpy() for network in networks(model)]

    first, again, other = weights(0), weights(0), weights(1)
    for one, two, three in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one, two)
        assert (one != three).any()
    # G and F, D_X and D_Y do not start from the same numbers.
    assert first[0].flat[0] != first[1].flat[0]
    assert first[2].flat[0] != first[3].flat[0]


@by_preset
@pytest.mark.parametrize("channels", [(1, 1), (3, 1)])
def test_channels(preset, channels):
    model = preset(*channels, size=SIZES[preset], width=4)
    inputs = model.generator_xy.inputs[0]
    assert inputs.shape[-1] == channels[0]
    assert model.generator_xy.output_shape[-1] == channels[1]
    # Grey images have an identity loss, too.
    with_identity = (
        presets.digits,
        presets.digits_cyclegan,
        presets.tensorflow_tutorial,
    )
    assert any(model.identity_weight) == (preset in with_identity)


def test_losses_and_rates_are_said_by_name():
    model = presets.digit_lab(
        width=4,
        adversarial_loss="least_squares",
        generator_learning_rate=1e-3,
        jit_compile=False,
    )
    assert rates(model) == pytest.approx([1e-3, 2e-4])
    assert isinstance(model.adversarial_loss[0], LeastSquaresDiscriminatorLoss)
    assert model.jit_compile is False
    model = presets.digits(
        width=4, learning_rate=1e-3, cycle_weight=3, pool_size=2, ema_decay=0.5
    )
    assert rates(model) == pytest.approx([1e-3, 1e-3])
    assert (model.cycle_weight, model.pool_size, model.ema_decay) == ((3, 3), 2, 0.5)
    model = presets.gan(
        width=2,
        size=8,
        penalty="r1",
        penalty_weight=3.0,
        discriminator_normalization="none",
    )
    assert isinstance(model.penalty, R1Penalty) and model.penalty.weight == 3
    with pytest.raises(ValueError, match="`penalty_weight` goes with a `penalty`"):
        presets.gan(width=2, size=8, penalty_weight=3.0)


# The lab ---------------------------------------------------------------------------


def test_digit_lab(build):
    model = build(presets.digit_lab)
    assert model.generator_xy.input_shape[-1] == 1
    assert model.generator_xy.output_shape[-1] == 3
    for generator in (model.generator_xy, model.generator_yx):
        filters = [layer.filters for layer in layers(generator, keras.layers.Conv2D)]
        assert filters[:2] == [64, 128]
        assert len(layers(generator, keras.layers.Add)) == 2  # Residual blocks.
    for discriminator in (model.discriminator_x, model.discriminator_y):
        filters = [
            layer.filters for layer in layers(discriminator, keras.layers.Conv2D)
        ]
        assert filters == [64, 128, 256, 1]
        assert len(layers(discriminator, keras.layers.BatchNormalization)) == 2
        assert discriminator.output_shape == (None, 1)
    for network in networks(model):
        assert not layers(network, InstanceNormalization)
        slopes = {x.negative_slope for x in layers(network, keras.layers.LeakyReLU)}
        assert slopes == {0.05}
        for convolution in layers(
            network, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
        ):
            initializer = convolution.kernel_initializer
            assert isinstance(initializer, keras.initializers.GlorotUniform)
        (noise,) = layers(discriminator, keras.layers.GaussianNoise)
        assert noise.stddev == 0.3
    assert model.cycle_weight == (5, 5) and model.identity_weight == (0, 0)
    assert model.pool_size == 0
    discriminator_loss, generator_loss = model.adversarial_loss
    assert isinstance(discriminator_loss, MinimaxDiscriminatorLoss)
    assert isinstance(generator_loss, NonSaturatingGeneratorLoss)
    assert discriminator_loss.get_config().get("label_smoothing", 0) == 0
    for role in model.roles:
        assert_paper_s_adam(getattr(model, f"{role}_optimizer"))


def test_digit_lab_with_other_networks():
    model = presets.digit_lab(width=8, upsampling="resize", input_noise=0)
    for network in networks(model):
        assert layers(network, keras.layers.Conv2D)[0].filters == 8
        assert not layers(
            network, (keras.layers.Conv2DTranspose, keras.layers.GaussianNoise)
        )


def test_digit_lab_with_a_semantic_loss(build):
    pixels = keras.Input((32, 32, 3))
    features = keras.layers.Conv2D(2, 8, strides=8)(pixels)
    loss = SemanticVGGLoss(feature_extractor=keras.Model(pixels, features))
    weights = {"semantic_weight": 0.5, "semantic_translation_weight": 0.25}
    for name, value in weights.items():
        model = presets.digit_lab(width=4, semantic_loss=loss, **{name: value})
        assert model.semantic_loss is loss
        assert {name: getattr(model, name) for name in weights} == {
            **dict.fromkeys(weights, 0),
            name: value,
        }
        # The rest is the lab's.
        assert isinstance(model.adversarial_loss[1], NonSaturatingGeneratorLoss)
        with pytest.raises(ValueError, match="`semantic_loss` goes with"):
            presets.digit_lab(width=4, **{name: value})
    assert build(presets.digit_lab).semantic_loss is None
    with pytest.raises(ValueError, match="`semantic_loss` goes with"):
        presets.digit_lab(width=4, semantic_loss=loss)


# The tutorial ----------------------------------------------------------------------


def test_tensorflow_tutorial(build):
    model = build(presets.tensorflow_tutorial)
    for generator in (model.generator_xy, model.generator_yx):
        # 32 pixels are halved five times, down to one, which is normalized too.
        downs = layers(generator, keras.layers.Conv2D)
        assert [layer.filters for layer in downs] == [64, 128, 256, 512, 512]
        assert len(layers(generator, InstanceNormalization)) == 4 + 4
        assert {x.rate for x in layers(generator, keras.layers.Dropout)} == {0.5}
    for network in networks(model):
        slopes = {x.negative_slope for x in layers(network, keras.layers.LeakyReLU)}
        assert slopes == {0.3}
        for layer in layers(network, InstanceNormalization):
            assert len(layer.trainable_variables) == 2  # Affine.
    for discriminator in (model.discriminator_x, model.discriminator_y):
        strides = [x.strides[0] for x in layers(discriminator, keras.layers.Conv2D)]
        assert strides == [2, 2, 2, 1, 1]  # 70x70 patches.
    assert model.cycle_weight == (10, 10) and model.identity_weight == (5, 5)
    assert model.pool_size == 0
    discriminator_loss, generator_loss = model.adversarial_loss
    assert isinstance(discriminator_loss, MinimaxDiscriminatorLoss)
    assert discriminator_loss.get_config()["scale"] == 0.5
    assert isinstance(generator_loss, NonSaturatingGeneratorLoss)
    for role in model.roles:
        assert_paper_s_adam(getattr(model, f"{role}_optimizer"))


@pytest.mark.parametrize("size", [0, 2, 3, 48, 286])
def test_tensorflow_tutorial_needs_a_power_of_two(size):
    with pytest.raises(ValueError, match=f"a power of two of at least 4.*size={size}"):
        presets.tensorflow_tutorial(size=size)


# The paper -------------------------------------------------------------------------


def test_cyclegan(build):
    model = build(presets.cyclegan)
    for generator in (model.generator_xy, model.generator_yx):
        convolutions = layers(generator, keras.layers.Conv2D)
        assert [layer.filters for layer in convolutions[:3]] == [64, 128, 256]
        assert len(layers(generator, keras.layers.Add)) == 6
        assert not layers(generator, keras.layers.Dropout)
    for discriminator in (model.discriminator_x, model.discriminator_y):
        strides = [x.strides[0] for x in layers(discriminator, keras.layers.Conv2D)]
        assert strides == [2, 2, 2, 1, 1]  # 70x70 patches.
        slopes = {
            layer.negative_slope
            for layer in layers(discriminator, keras.layers.LeakyReLU)
        }
        assert slopes == {0.2}
    for network in networks(model):
        for layer in layers(network, InstanceNormalization):
            assert not layer.trainable_variables  # Not affine.
        for layer in layers(network, keras.layers.Conv2D):
            initializer = layer.kernel_initializer
            assert isinstance(initializer, keras.initializers.RandomNormal)
            assert (initializer.mean, initializer.stddev) == (0, 0.02)
    assert model.cycle_weight == (10, 10) and model.identity_weight == (0, 0)
    assert model.pool_size == 50
    discriminator_loss, generator_loss = model.adversarial_loss
    assert isinstance(discriminator_loss, LeastSquaresDiscriminatorLoss)
    assert isinstance(generator_loss, LeastSquaresGeneratorLoss)
    # The discriminator's loss is halved, the generator's is not: a fake judged 0
    # where 1 is wanted costs 1, a real and a fake image judged wrongly cost 1/2 each.
    one, zero = np.ones((1, 1), "float32"), np.zeros((1, 1), "float32")
    assert float(generator_loss(one, zero)) == 1
    assert float(discriminator_loss(zero, one)) == 1
    for role in model.roles:
        assert_paper_s_adam(getattr(model, f"{role}_optimizer"))


def test_cyclegan_s_variants(build):
    pixels = keras.Input((None, None, 3))
    features = keras.layers.Conv2D(2, 8, strides=8)(pixels)
    loss = SemanticVGGLoss(feature_extractor=keras.Model(pixels, features))
    small = {"size": 20, "width": 4, "residual_blocks": 2}
    model = presets.cyclegan(
        activation="leaky_relu",
        semantic_loss=loss,
        semantic_weight=0.5,
        ema_decay=0.9,
        **small,
    )
    assert model.semantic_loss is loss
    assert (model.semantic_weight, model.semantic_translation_weight) == (0.5, 0)
    assert model.ema_decay == 0.9
    for network in networks(model):
        assert layers(network, keras.layers.Conv2D)[0].filters == 4
    for generator in (model.generator_xy, model.generator_yx):
        assert len(layers(generator, keras.layers.Add)) == 2
        assert not layers(generator, keras.layers.ReLU)
        slopes = {
            layer.negative_slope for layer in layers(generator, keras.layers.LeakyReLU)
        }
        assert slopes == {0.01}
    with pytest.raises(ValueError, match="`semantic_loss` goes with"):
        presets.cyclegan(semantic_weight=0.5, **small)
    # None of it is the paper's.
    plain = build(presets.cyclegan)
    assert plain.semantic_loss is None and plain.ema_decay is None
    assert not layers(plain.generator_xy, keras.layers.LeakyReLU)


@pytest.mark.slow
def test_cyclegan_has_more_blocks_for_large_images():
    model = presets.cyclegan(size=256)
    for generator in (model.generator_xy, model.generator_yx):
        assert len(layers(generator, keras.layers.Add)) == 9


def test_cyclegan_s_rate_falls_in_the_second_half():
    model = presets.cyclegan(size=20, width=4, total_steps=61)
    optimizers = [getattr(model, f"{role}_optimizer") for role in model.roles]
    for optimizer in optimizers:
        for step, rate in ((0, 2e-4), (30, 2e-4), (61, 0), (70, 0)):
            optimizer.iterations.assign(step)
            assert float(optimizer.learning_rate) == pytest.approx(rate, abs=1e-10)
        assert optimizer.beta_1 == 0.5
    assert optimizers[0] is not optimizers[1]


def test_a_semantic_loss_by_name(tmp_path):
    pixels = keras.Input((None, None, 3))
    convolution = keras.layers.Conv2D(2, 3, name="first")(pixels)
    extractor = keras.Model(pixels, keras.layers.Conv2D(4, 3)(convolution))
    extractor.save(tmp_path / "extractor.keras")
    semantic = {
        "feature_extractor": str(tmp_path / "extractor.keras"),
        "feature_layers": ["first"],
    }
    small = {"size": 20, "width": 4, "residual_blocks": 1}
    model = presets.cyclegan(**semantic, semantic_weight=0.5, **small)
    loss = model.semantic_loss
    assert (loss.layers, loss.feature_extractor) == (
        ("first",),
        semantic["feature_extractor"],
    )
    assert model.semantic_weight == 0.5
    # Without a weight, images differ as much by this loss as by the cycle loss.
    images = np.random.default_rng(0).uniform(-1, 1, (5, 20, 20, 3)).astype("float32")
    model = presets.cyclegan(**semantic, example_images=images, **small)
    l1 = np.abs(images[:2] - images[2:4]).mean()
    difference = float(model.semantic_loss(images[:2], images[2:4]))
    np.testing.assert_allclose(model.semantic_weight * difference, 10 * l1, rtol=0.05)
    with pytest.raises(ValueError, match="`semantic_weight` must be given with"):
        presets.cyclegan(**semantic, **small)
    with pytest.raises(ValueError, match="`feature_layers` goes with"):
        presets.cyclegan(feature_layers=["first"], **small)


# Generation ------------------------------------------------------------------------

ADAM_OF_DCGAN = (keras.optimizers.Adam, 2e-4, {"beta_1": 0.5, "beta_2": 0.999})
# Class, optimizer, loss, and numbers: each paper's, but for the rates of WGAN, WGAN-GP
# and BEGAN and the balance of BEGAN, whose docstrings say why.
PAPERS = {
    presets.gan: (models.GAN, ADAM_OF_DCGAN, MinimaxDiscriminatorLoss, {}),
    presets.conditional_gan: (
        models.ConditionalGAN,
        ADAM_OF_DCGAN,
        MinimaxDiscriminatorLoss,
        {"classes": 10},
    ),
    presets.lsgan: (models.LSGAN, ADAM_OF_DCGAN, LeastSquaresDiscriminatorLoss, {}),
    presets.wgan: (
        models.WGAN,
        (keras.optimizers.RMSprop, 5e-4, {"momentum": 0.0}),
        WassersteinDiscriminatorLoss,
        {"n_critic": 5, "clip_limit": 0.01},
    ),
    presets.wgan_gp: (
        models.WGANGP,
        (keras.optimizers.Adam, 5e-4, {"beta_1": 0.0, "beta_2": 0.9}),
        WassersteinDiscriminatorLoss,
        {"n_critic": 5, "gradient_penalty_weight": 10.0},
    ),
    presets.ebgan: (
        models.EBGAN,
        ADAM_OF_DCGAN,
        EnergyDiscriminatorLoss,
        {"margin": 10.0, "pull_away_weight": 0.1},
    ),
    presets.began: (
        models.BEGAN,
        (keras.optimizers.Adam, 5e-4, {"beta_1": 0.9, "beta_2": 0.999}),
        BoundaryEquilibriumDiscriminatorLoss,
        {"gamma": 0.9, "k_rate": 0.05},
    ),
}


@pytest.mark.parametrize("preset", PAPERS, ids=lambda preset: preset.__name__)
def test_generation_has_its_settings_and_trains(preset):
    model_class, (optimizer_class, rate, numbers), loss, arguments = PAPERS[preset]
    # One of them at MNIST's size and in colour.
    size, channels = (28, 3) if preset is presets.lsgan else (32, 1)
    # Tracing the networks takes longer than some steps of them.
    model = preset(size=size, channels=channels, seed=0)
    model.run_eagerly = True
    assert type(model) is model_class
    for role in ("generator", "discriminator"):
        optimizer = getattr(model, f"{role}_optimizer")
        assert type(optimizer) is optimizer_class
        assert float(optimizer.learning_rate) == pytest.approx(rate)
        assert {name: getattr(optimizer, name) for name in numbers} == numbers
    assert type(model.adversarial_loss[0]) is loss
    assert {name: getattr(model, name) for name in arguments} == arguments
    assert model.latent_dim == 64

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (8, size, size, channels), "uint8")
    data = generation(
        (images, np.arange(8) + 2),
        batch_size=8,
        labels=preset is presets.conditional_gan,
        steps_per_epoch=model.batches(1),
    )
    before = [network.get_weights() for network in networks(model)]
    history = model.fit(data, verbose=0).history
    assert model.iterations == 1
    assert set(history) == set(model.loss_names)
    assert all(np.isfinite(values).all() for values in history.values())
    for network, values in zip(networks(model), before, strict=True):
        for variable, value in zip(network.weights, values, strict=True):
            # A critic's last offset is in both terms of its loss and cancels out.
            if variable.path == "logits/bias" and loss is WassersteinDiscriminatorLoss:
                continue
            assert (variable.numpy() != value).any(), variable.path
    made = model.generate(2, seed=0)
    assert made.shape == (2, size, size, channels) and np.abs(made).max() <= 1


def test_weights_of_generation_are_those_of_the_seed():
    def weights(seed):
        model = presets.gan(width=2, size=8, latent_dim=3, seed=seed)
        return model.generator.get_weights()[0], model.generate(1, seed=0)

    first, again, other = weights(0), weights(0), weights(1)
    for one, two, three in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one, two)
        assert (one != three).any()


def test_only_the_critic_of_wgan_gp_is_without_normalization():
    def normalizations(preset):
        discriminator = preset(width=2, size=16).discriminator
        kinds = (keras.layers.BatchNormalization, keras.layers.GroupNormalization)
        return len(layers(discriminator, kinds))

    assert normalizations(presets.wgan) == normalizations(presets.gan) == 1
    assert normalizations(presets.wgan_gp) == 0


# Paired translation ----------------------------------------------------------------


def unet_shape(generator):
    """Filters on the way down, and the layers that are normalized or drop values."""
    down = [layer for layer in generator.layers if layer.name.startswith("down_")]
    return (
        [layer.filters for layer in down if isinstance(layer, keras.layers.Conv2D)],
        [layer.name for layer in generator.layers if "normalization" in layer.name],
        [layer.name for layer in layers(generator, keras.layers.Dropout)],
    )


def test_pix2pix_is_the_paper_s():
    model = presets.pix2pix(source_channels=1, width=4, size=256, seed=0)
    assert type(model) is models.Pix2Pix
    filters, normalized, dropped = unet_shape(model.generator)
    # Eight times down, to a pixel that is not normalized, and at most 8 times wider.
    assert filters == [4, 8, 16, 32, 32, 32, 32, 32]
    assert "down_8_normalization" not in normalized and len(normalized) == 13
    assert dropped == [f"up_{level}_dropout" for level in (7, 6, 5)]
    assert model.generator.input_shape[-1] == 1
    assert model.discriminator.input_shape[-1] == 4
    assert layers(model.discriminator, keras.layers.BatchNormalization)
    discriminator_loss, generator_loss = model.adversarial_loss
    assert isinstance(discriminator_loss, MinimaxDiscriminatorLoss)
    assert discriminator_loss.scale == 0.5
    assert isinstance(generator_loss, NonSaturatingGeneratorLoss)
    assert isinstance(model.reconstruction_loss, keras.losses.MeanAbsoluteError)
    assert model.reconstruction_weight == 100
    for role in ("generator", "discriminator"):
        assert_paper_s_adam(getattr(model, f"{role}_optimizer"))


def test_colorizer_is_the_paper_s():
    model = presets.colorizer(size=64, width=4, seed=0)
    assert type(model) is models.Pix2PixColorizer
    assert model.generator.input_shape[-1] == 5
    assert model.discriminator.input_shape[-1] == 8
    assert isinstance(model.reconstruction_loss, ChannelCompensatedL1)
    # Hint colours and their mask, not the line art.
    assert model.generator.get_layer("hints_6").output.shape[-1] == 4
    without = presets.colorizer(size=64, width=4, hint_pooling=False)
    assert not [x for x in without.generator.layers if x.name.startswith("hints")]
    assert model.reconstruction_weight == 100
    for role in ("generator", "discriminator"):
        optimizer = getattr(model, f"{role}_optimizer")
        assert float(optimizer.learning_rate) == pytest.approx(1e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.9, 0.99)


@pytest.mark.parametrize("preset", [presets.pix2pix, presets.colorizer])
def test_options_of_paired_translation(preset):
    loss = keras.losses.MeanSquaredError()
    model = preset(
        size=96,
        width=2,
        normalization="instance",
        dropout=0.0,
        reconstruction_weight=7,
        ema_decay=0.9,
        reconstruction_loss=loss,
        adversarial_loss="least_squares",
        seed=3,
    )
    # 96 can be halved five times.
    assert unet_shape(model.generator)[0] == [2, 4, 8, 16, 16]
    for network in networks(model):
        assert layers(network, InstanceNormalization)
        assert not layers(network, keras.layers.BatchNormalization)
    assert not layers(model.generator, keras.layers.Dropout)
    assert model.reconstruction_loss is loss and model.reconstruction_weight == 7
    assert isinstance(model.adversarial_loss[0], LeastSquaresDiscriminatorLoss)
    assert (model.ema_decay, model.seed) == (0.9, 3)
    again, other = preset(size=24, width=2, seed=1), preset(size=24, width=2, seed=2)
    first = preset(size=24, width=2, seed=1).generator.trainable_variables[0].numpy()
    np.testing.assert_array_equal(first, again.generator.trainable_variables[0])
    assert (first != other.generator.trainable_variables[0].numpy()).any()
    for size in (16, 60):
        with pytest.raises(
            ValueError, match=f"at least 24 and a multiple of 8.*size={size}"
        ):
            preset(size=size)


# Attributes ------------------------------------------------------------------------

FACE = ("Smiling", "Black_Hair", "Blond_Hair")
SMALL_FACES = {"size": 16, "width": 4, "residual_blocks": 1}


def test_stargan_is_the_paper_s():
    model = presets.stargan(FACE, width=8)
    assert type(model) is models.StarGAN
    assert model.discriminator.input_shape == (None, 128, 128, 3)
    residuals = [name for name in names(model.generator) if name.endswith("_add")]
    assert len(residuals) == 6
    assert model.exclusive_groups == (("Black_Hair", "Blond_Hair"),)
    assert (model.n_critic, model.gradient_penalty_weight) == (5, 10)
    weights = (model.adversarial_weight, model.classification_weight)
    assert (*weights, model.reconstruction_weight) == (1, 1, 10)
    assert type(model.adversarial_loss[0]) is WassersteinDiscriminatorLoss
    assert rates(model) == pytest.approx([1e-4, 1e-4])
    other = presets.stargan(FACE, learning_rate=2e-3, **SMALL_FACES)
    assert rates(other) == pytest.approx([2e-3, 2e-3])


def rates(model):
    optimizers = model.generator_optimizer, model.discriminator_optimizer
    return [float(optimizer.learning_rate) for optimizer in optimizers]


def names(network):
    return [layer.name for layer in network.layers]


def test_acl_gan_and_its_parts():
    model = presets.aclgan(FACE, **SMALL_FACES)
    assert type(model) is models.ACLGAN
    assert model.has_mask and model.with_complement
    assert "frame" in names(model.generator)
    assert (model.attribute_weight, model.content_weight) == (1, 0.01)
    assert model.n_critic == 1
    # The discriminator learns twice as fast, unless it is said otherwise.
    assert rates(model) == pytest.approx([1e-4, 2e-4])
    other = presets.aclgan(
        FACE,
        learning_rate=2e-3,
        upsampling="resize",
        discriminator_width=3,
        **SMALL_FACES,
    )
    assert rates(other) == pytest.approx([2e-3, 4e-3])
    assert not layers(other.generator, keras.layers.Conv2DTranspose)
    assert layers(other.discriminator, keras.layers.Conv2D)[0].filters == 3
    plain = presets.aclgan(
        FACE,
        exclusive_groups=(),
        mask=False,
        frame=0,
        with_complement=False,
        gradient_penalty_weight=10,
        attribute_loss="wasserstein",
        **SMALL_FACES,
    )
    assert not plain.has_mask and not plain.with_complement
    assert "frame" not in names(plain.generator)
    assert plain.exclusive_groups == ()
    assert plain.attribute_loss[0].form == "wasserstein"


@pytest.mark.parametrize(
    "preset", [pytest.param(presets.stargan, marks=pytest.mark.slow), presets.aclgan]
)
def test_attributes_train_with_rates_that_fall_together(preset):
    model = preset(FACE, n_critic=2, total_steps=8, seed=0, **SMALL_FACES)
    model.run_eagerly = True
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (16, 16, 16, 3)).astype("float32")
    labels = np.eye(4, 3)[random.integers(0, 4, 16)].astype("float32")
    before = [network.get_weights() for network in networks(model)]
    model.fit(images, labels, batch_size=2, verbose=0)
    assert model.iterations == 4
    for role in ("generator", "discriminator"):
        optimizer = getattr(model, f"{role}_optimizer")
        assert float(optimizer.learning_rate) == 0
    for network, values in zip(networks(model), before, strict=True):
        moved = [
            (variable.numpy() != value).any()
            for variable, value in zip(network.weights, values, strict=True)
        ]
        assert all(moved)
    again = preset(FACE, n_critic=2, seed=0, **SMALL_FACES)
    for network, values in zip(networks(again), before, strict=True):
        for variable, value in zip(network.weights, values, strict=True):
            np.testing.assert_array_equal(variable, value)


def test_handwriting_is_drawn_in_grey_unless_x_has_colours():
    random = np.random.default_rng(0)
    y, colours = random.uniform(-1, 1, (2, 2, 32, 32, 3)).astype("float32")
    grey = np.repeat(colours[..., :1], 3, axis=-1)
    for options, expected in (
        ({}, True),
        ({"example_images": grey}, True),
        ({"example_images": colours}, False),
        ({"example_images": colours, "grey_x": True}, True),
        ({"grey_x": False}, False),
        ({"x_channels": 1}, True),
    ):
        model = presets.digits(width=4, seed=0, **options)
        drawn = np.asarray(model(y, direction="yx"))
        assert drawn.shape[-1] == options.get("x_channels", 3)
        assert (np.ptp(drawn, -1).max() < 1e-6) == expected
