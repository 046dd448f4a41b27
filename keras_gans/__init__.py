"""keras_gans: adversarial image translation and generation with Keras."""

import os

# TensorFlow leaves its oneDNN kernels off on x86 processors without AVX-512 VNNI,
# where they nearly double the speed of small convolutions. The switch is read once,
# when TensorFlow is first imported; a value that the user has set stays.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# All of it at once, so that Keras knows every class when it loads a `.keras` file.
from keras_gans import (  # noqa: E402
    callbacks,
    constraints,
    data,
    export,
    layers,
    losses,
    metrics,
    models,
    networks,
    presets,
    schedules,
)
from keras_gans.version import __version__  # noqa: E402
