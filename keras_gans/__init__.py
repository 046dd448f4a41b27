"""keras_gans: adversarial image translation and generation with Keras."""

from keras_gans import startup
from keras_gans.version import __version__

if startup.is_command():
    # `--help` and spelling mistakes do not wait for TensorFlow: what is asked of the
    # package first loads all of it.
    def __getattr__(name):
        if name not in startup.SUBPACKAGES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        startup.load()
        return globals()[name]

else:
    startup.load()
