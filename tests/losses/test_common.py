import keras
import pytest
from small_gans import smallest_translators

from keras_gans.losses.common import find_loss
from keras_gans.models import CycleGAN


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("mae", "MeanAbsoluteError"),
        ("mean_squared_error", "MeanSquaredError"),
        ("Huber", "Huber"),
        ("kl_divergence", "KLDivergence"),
        (keras.losses.mean_absolute_error, "MeanAbsoluteError"),
        (keras.losses.LogCosh, "LogCosh"),
        (keras.losses.serialize(keras.losses.LogCosh()), "LogCosh"),
    ],
)
def test_losses_that_keras_knows(given, name):
    assert type(find_loss("cycle_loss", given)) is getattr(keras.losses, name)


def test_other_losses_stay_and_wrong_names_are_told():
    for loss in (None, keras.losses.Huber(), (1, 2), len):
        assert find_loss("cycle_loss", loss) is loss
    with pytest.raises(ValueError, match="`cycle_loss` must be.*'mae' or 'mse'.*'l1'"):
        find_loss("cycle_loss", "l1")


def test_models_take_names(tmp_path):
    model = CycleGAN(**smallest_translators())
    model.compile(cycle_loss="mse", identity_loss="mean_absolute_error")
    assert type(model.cycle_loss) is keras.losses.MeanSquaredError
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.cycle_loss) is keras.losses.MeanSquaredError
    assert type(loaded.identity_loss) is keras.losses.MeanAbsoluteError
