"""keras_gans: adversarial image translation and generation with Keras."""

import os

# TensorFlow leaves its oneDNN kernels off on x86 processors without AVX-512 VNNI,
# where they nearly double the speed of small convolutions. The switch is read once,
# when TensorFlow is first imported; a value that the user has set stays.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"
