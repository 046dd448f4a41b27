"""TensorBoard: `tensorboard --logdir RUN/tensorboard`."""

import json

import keras
import tensorflow as tf

from keras_gans.callbacks.pictures import tensorboard_pictures


class Tracker:
    """Writes event files; of a run that goes on, further ones with the next steps."""

    package = extra = "tensorboard"

    def __init__(self, directory, name, configuration, state):
        folder = directory / "tensorboard"
        self.callbacks = [keras.callbacks.TensorBoard(str(folder), write_graph=False)]
        self.picture = tensorboard_pictures(folder)
        text = json.dumps(configuration, indent=2).replace("\n", "\n    ")
        with tf.summary.create_file_writer(str(folder)).as_default(step=0) as writer:
            # A block of code in its Markdown.
            tf.summary.text("configuration", f"    {text}")
            writer.close()

    def end(self, finished):
        """Nothing is open: all is written as it comes."""
