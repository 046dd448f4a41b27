"""How the package starts: at once as a command, quietly, and complete in Python."""

import os
import subprocess
import sys

import keras
import pytest
import tensorflow as tf

import keras_gans
from keras_gans import cli, startup
from keras_gans.models.graph_optimizer import computed_as_written

COMMAND = [sys.executable, "-m", "keras_gans.cli"]
# Of the console script, which must be lazy as well.
SCRIPT = (
    "import sys; sys.argv[0] = '/bin/keras-gans'; from keras_gans.cli import main; "
    "sys.exit(main())"
)
# Ends a program with what it has imported.
SHOW_IMPORTS = (
    "import atexit, sys; atexit.register(lambda: print('IMPORTED', *("
    "{'tensorflow', 'keras', 'numpy', 'matplotlib'} & sys.modules.keys())));"
)


def run(*command, **environment):
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith("TF_CPP_")
        },
        "CUDA_VISIBLE_DEVICES": "-1",
        **environment,
    }
    return subprocess.run(
        [str(part) for part in command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


# As a command ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, status",
    [
        (["--version"], 0),
        (["--help"], 0),
        (["train", "--help"], 0),
        (["colorize", "--help"], 0),
        (["trian"], 2),
        (["train", "--stepz", "3"], 2),
    ],
    ids=str,
)
def test_what_needs_no_tensorflow_does_not_wait_for_it(arguments, status):
    done = run(sys.executable, "-c", SHOW_IMPORTS + SCRIPT, *arguments)
    assert done.returncode == status
    assert done.stdout.endswith("IMPORTED\n"), done.stdout
    assert len((done.stdout + done.stderr).splitlines()) > 1


def test_python_m_is_lazy():
    done = run(sys.executable, "-X", "importtime", *COMMAND[1:], "--version")
    assert done.stdout == f"keras-gans {keras_gans.__version__}\n"
    assert "keras_gans.cli" in done.stderr and "tensorflow" not in done.stderr


@pytest.mark.slow
def test_lazy_package_is_complete_when_it_is_used():
    """What is asked of the package registers every class."""
    names = [
        name
        for name in keras.saving.get_custom_objects()
        if name.startswith("keras_gans>") and not name.endswith("Test")
    ]
    done = run(
        sys.executable,
        "-c",
        "import sys; sys.argv[0] = 'keras-gans'; import keras_gans;"
        "assert 'keras' not in sys.modules; keras_gans.schedules;"
        "import keras; print(*keras.saving.get_custom_objects())",
    )
    assert len(names) > 50
    assert set(names) <= set(done.stdout.split()), done.stderr


def test_lazy_package_has_no_other_attributes():
    done = run(
        sys.executable,
        "-c",
        "import sys; sys.argv[0] = 'keras-gans'; import keras_gans; keras_gans.nothing",
    )
    assert "module 'keras_gans' has no attribute 'nothing'" in done.stderr


@pytest.mark.parametrize(
    "first, original, expected",
    [
        ("/usr/bin/keras-gans", [], True),
        ("keras-gans.exe", [], True),
        ("-m", ["python", "-m", "keras_gans.cli", "train"], True),
        ("-m", ["python", "-m", "pytest", "keras_gans.cli"], False),
        ("train.py", ["python", "train.py"], False),
        ("keras-gans.py", ["python", "keras-gans.py"], False),
        ("", ["python"], False),
    ],
)
def test_only_the_command_is_lazy(monkeypatch, first, original, expected):
    monkeypatch.setattr(sys, "argv", [first])
    monkeypatch.setattr(sys, "orig_argv", original)
    assert startup.is_command() is expected


# In Python ---------------------------------------------------------------------------


@pytest.mark.slow
def test_keras_file_loads_after_the_import_alone_and_nothing_is_said(tmp_path):
    inputs = keras.Input((8, 8, 2))
    outputs = keras_gans.layers.InstanceNormalization()(inputs)
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")
    done = run(
        sys.executable,
        "-c",
        "import sys; import keras_gans; import keras;"
        "print(keras.saving.load_model(sys.argv[1]).count_params());"
        "import os; print('TF_CPP_MIN_LOG_LEVEL' in os.environ)",
        tmp_path / "model.keras",
    )
    assert (done.stdout, done.stderr) == ("4\nFalse\n", "")


# What TensorFlow says ----------------------------------------------------------------

TENSORFLOW = """
import os
def say(text):
    os.write(2, text.encode())
say("WARNING: All log messages before absl::InitializeLog() is called are written\\n")
say("I0000 00:00:1795754893.879289    4347 port.cc:153] oneDNN is on.\\n")
say("2026-01-01 10:00:00.123: W tensorflow/core/x.cc:7] and so on\\n")
"""


def import_fake(folder, end, **environment):
    (folder / "tensorflow.py").write_text(TENSORFLOW + end)
    return run(
        sys.executable,
        "-c",
        "import keras_gans",
        PYTHONPATH=os.pathsep.join([str(folder), *sys.path]),
        **environment,
    )


def test_what_was_held_back_is_shown_if_the_import_fails(tmp_path):
    done = import_fake(tmp_path, "raise ImportError('no such library')")
    assert done.returncode == 1
    assert "oneDNN is on" in done.stderr and "no such library" in done.stderr
    done = import_fake(tmp_path, "os.abort()")
    assert done.returncode != 0
    assert "oneDNN is on" in done.stderr and "and so on" in done.stderr


def hold_back(capfd, monkeypatch, *lines):
    for name in [name for name in os.environ if name.startswith("TF_CPP_")]:
        monkeypatch.delenv(name)
    with startup._held_back():
        for line in lines:
            os.write(2, f"{line}\n".encode())
    assert "TF_CPP_MIN_LOG_LEVEL" not in os.environ
    return capfd.readouterr().err


CHATTER = [
    "WARNING: All log messages before absl::InitializeLog() is called are written",
    "I0000 00:00:1795754893.879289    4347 port.cc:153] oneDNN is on.",
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild",
    "2026-01-01 10:00:00.123: W tensorflow/core/x.cc:7] and so on",
]


def test_lines_of_others_are_shown(capfd, monkeypatch):
    text = hold_back(capfd, monkeypatch, *CHATTER, "DeprecationWarning: mine", "E")
    assert text == "DeprecationWarning: mine\nE\n"


def test_a_gpu_that_cannot_be_used_is_spoken_of(capfd, monkeypatch):
    warning = "W0000 00:00:17.1 12 gpu_device.cc:1] Cannot dlopen some GPU libraries."
    text = hold_back(capfd, monkeypatch, *CHATTER, warning)
    assert text.splitlines() == [*CHATTER, warning]


@pytest.mark.parametrize("name", ["TF_CPP_MIN_LOG_LEVEL", "TF_CPP_VMODULE"])
def test_the_users_own_setting_wins(capfd, monkeypatch, name):
    monkeypatch.setenv(name, "0")
    with startup._held_back():
        os.write(2, b"I0000 00:00:1.1 12 x.cc:1] x\n")
        assert os.environ[name] == "0"
    assert capfd.readouterr().err == "I0000 00:00:1.1 12 x.cc:1] x\n"


@pytest.mark.slow
def test_no_pass_of_the_graph_optimizer_fails():
    """Convolution, bias, LeakyReLU and its gradient: at a level that shows all."""
    done = run(
        sys.executable,
        "-c",
        """
import numpy as np
import tensorflow as tf
from keras_gans import presets
from keras_gans.experiments.gan_monitor import probe_gradient
images = np.zeros((4, 32, 32, 3), "float32")
for preset in (presets.digits, presets.cyclegan, presets.pix2pix):
    preset(size=32, width=4).fit(images, images, batch_size=2, verbose=0)
presets.wgan_gp(size=32, width=4, n_critic=1).fit(images[..., :1], verbose=0)
presets.digit_lab(x_channels=3, width=4).fit(images, images, batch_size=2, verbose=0)
batches = tf.data.Dataset.from_tensors(images[..., :1])
probe_gradient(presets.gan(size=32, width=4), batches, 1)
print(tf.config.optimizer.get_experimental_options())
""",
        TF_CPP_MIN_LOG_LEVEL="0",
    )
    assert done.returncode == 0, done.stderr
    assert "TF_ENABLE_ONEDNN_OPTS" in done.stderr  # It was not held back.
    assert "remapper failed" not in done.stderr
    # All other functions have the passes.
    assert "remapping" not in done.stdout and "arithmetic" not in done.stdout


def test_passes_are_left_out_where_they_do_harm_and_the_user_did_not_decide():
    options = tf.config.optimizer
    arithmetic = []

    def function(iterator):
        given = options.get_experimental_options()
        arithmetic.append(given.get("arithmetic_optimization", "default"))
        return given.get("remapping", "default")

    def network(*layers):
        return keras.Sequential([keras.Input((8, 8, 1)), *layers])

    convolution, leaky = keras.layers.Conv2D(2, 3), keras.layers.LeakyReLU()
    without_bias = keras.layers.Conv2D(2, 3, use_bias=False)
    dense = network(keras.layers.Dense(2))
    first = keras.layers.Conv2D(2, 3, activation="leaky_relu")
    for networks, expected in (
        ([dense, network(first, convolution, leaky)], False),
        ([network(first, keras.layers.Conv2D(2, 3, activation="leaky_relu"))], False),
        # It does not fail at the first one, nor without a bias or this activation.
        ([network(first)], "default"),
        ([network(first, without_bias, leaky)], "default"),
        ([network(first, convolution, keras.layers.ReLU())], "default"),
        ([network(keras.layers.Dense(2), leaky)], "default"),
    ):
        assert computed_as_written(function, networks)(None) == expected
        assert function(None) == "default"
        assert arithmetic[-2:] == [False, "default"]
    options.set_experimental_options({"remapping": True})
    try:
        wrapped = computed_as_written(function, [network(first, convolution, leaky)])
        assert wrapped(None) is True and function(None) is True
    finally:
        options.set_experimental_options({"remapping": None})


# Settings of Keras and TensorFlow ----------------------------------------------------


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_is_refused_in_one_sentence(backend):
    done = run(*COMMAND, "train", KERAS_BACKEND=backend)
    assert done.returncode == 1
    assert done.stderr.startswith("keras-gans train: keras_gans trains with TensorFlow")
    assert f"backend='{backend}'" in done.stderr and done.stderr.count("\n") == 1


def test_channels_first_is_refused():
    keras.config.set_image_data_format("channels_first")
    try:
        # By itself, and at the import.
        for check in (startup.check_settings, startup.load):
            with pytest.raises(ImportError, match="format='channels_first'"):
                check()
    finally:
        keras.config.set_image_data_format("channels_last")
    startup.check_settings()


def test_graph_mode_is_refused(monkeypatch):
    monkeypatch.setattr(
        tf.compat.v1, "executing_eagerly_outside_functions", lambda: False
    )
    with pytest.raises(ImportError, match="disable_eager_execution"):
        startup.check_settings()


# Errors ------------------------------------------------------------------------------


def our_check():
    from keras_gans.layers import ImagePool

    ImagePool(pool_size=-3)


def our_bug():
    cli.options.positive(None)


def a_library():
    int("x")


def a_layer():
    keras.layers.Dense(3)(keras.ops.zeros(()))


@pytest.mark.parametrize("function", [our_bug, a_library, a_layer])
def test_the_line_names_the_kind_and_where_to_look(monkeypatch, capsys, function):
    assert main(monkeypatch, function) == 1
    text = capsys.readouterr().err
    kind = "TypeError" if function is our_bug else "ValueError"
    assert text.startswith(f"keras-gans export: {kind}: ")
    assert text.endswith(" (--traceback shows where.)\n")


def test_a_check_says_all_there_is_to_say(monkeypatch, capsys):
    assert main(monkeypatch, our_check) == 1
    assert "--traceback" not in capsys.readouterr().err
    with pytest.raises(ValueError, match="pool_size=-3"):
        main(monkeypatch, our_check, "--traceback")


def test_ctrl_c(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    assert main(monkeypatch, interrupt) == 130
    assert capsys.readouterr().err == "\nStopped.\n"


def main(monkeypatch, function, *arguments):
    monkeypatch.setattr(cli, "_load", function)
    return cli.main(["export", "run", "folder", *arguments])
