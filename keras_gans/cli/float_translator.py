"""Translation in floats, by the Keras model itself."""

import tensorflow as tf

from keras_gans.checks import require
from keras_gans.cli.common import load_model, run_of, servable_path
from keras_gans.export import graph
from keras_gans.export.tiling import SharedMoments
from keras_gans.export.translator import condition_of, directions_of
from keras_gans.files import load_keras_file
from keras_gans.models.structure import shapes_of
from keras_gans.models.styles import sample_styles, style_of_pixels
from keras_gans.pixels import to_floats


def load_in_floats(path):
    """Loads the Keras model of a run or file, which an export is not."""
    if run := run_of(path):
        servable_path(path, "translate")  # Says which verb it is for.
        return FloatTranslator(load_keras_file(run.model_path()))
    require(
        not path.is_dir(),
        f"{path} is an exported model, which takes and returns 8 bits. --bits 16 and "
        "--whole-statistics need the folder of a run, or a .keras file",
    )
    load_model(path, "translate", "translation")  # Refuses models of another kind.
    return FloatTranslator(load_keras_file(path))


class FloatTranslator:
    """Translates floats in [-1, 1] in float32; else as `keras_gans.export.Translator`.

    Args:
        model: Keras model of translation.
    """

    def __init__(self, model):
        self._networks = {
            direction: _in_float32(graph.inference_network(model, name))
            for direction, name in directions_of(model).items()
        }
        self._condition = condition_of(model)
        self._model, self.directions = model, tuple(self._networks)
        shapes = {d: shapes_of(n.input_shape)[0] for d, n in self._networks.items()}
        self.input_sizes = {d: shape[1:3] for d, shape in shapes.items()}
        outputs = self._networks["xy"].output_shape
        self.channels = {"x": shapes["xy"][-1], "y": outputs[-1]}
        self.size_multiple = int(graph.size_rule(self._networks.values())[0])
        self.style_dim = None
        if hasattr(model, "style_encoder"):
            self.styles = model.style_pool.styles.numpy()
            self.style_dim = self.styles.shape[-1]

    def translate(self, images, direction="xy", style=None, seed=None, variants=1):
        """Translates a batch of images, uint8 or floats in [-1, 1], to floats."""
        images = tf.constant(_as_floats(images))
        if self.style_dim is None or direction != "xy":
            return self._call(direction, self._condition(images))
        count = len(images)
        if style is not None:
            styles = [tf.broadcast_to(style, (count, self.style_dim))]
        elif seed is None and variants == 1:
            styles = [style_of_pixels(images, self.styles)]
        else:
            # With a seed all images get the same.
            rows = 1 if seed is not None else count
            styles = sample_styles(self.styles, rows * variants, seed)
            styles = styles.reshape(rows, variants, -1).swapaxes(0, 1)
            styles = [tf.broadcast_to(s, (count, self.style_dim)) for s in styles]
        results = [self._call(direction, [images, style]) for style in styles]
        return results[0] if variants == 1 else tf.stack(results, axis=1).numpy()

    def encode_style(self, images):
        """Returns the styles of images of Y."""
        return self._model.encode_style(tf.constant(_as_floats(images)))

    def shared_moments(self, direction):
        """See `keras_gans.export.tiling.SharedMoments`."""
        return SharedMoments(self._networks[direction])

    def _call(self, direction, inputs):
        outputs = self._networks[direction](inputs, training=False)
        return tf.cast(outputs, tf.float32).numpy()


def _in_float32(network):
    """Lets a network that was trained in 16 bits compute in float32."""
    for layer in network._flatten_layers():
        if layer.compute_dtype != "float32":
            layer.dtype_policy = "float32"
    return network


def _as_floats(images):
    return to_floats(images) if images.dtype == "uint8" else images
