"""What goes into the graphs of exports: weights, pixels, sizes and image files."""

import math

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import require
from keras_gans.layers import SizeMultiple
from keras_gans.models import AdversarialModel
from keras_gans.networks import size_multiple
from keras_gans.pixels import to_floats, to_levels

# Weights ----------------------------------------------------------------------------


def inference_network(model, name):
    """Returns the network that a model uses outside of training; a plain one."""
    if isinstance(model, AdversarialModel):
        network = model.inference_network(name)
    else:
        network = getattr(model, name)
    return network.plain() if hasattr(network, "plain") else network


def make_module(networks, weights_dtype, **rules):
    """Returns a `tf.Module` that owns the weights of networks and tells rules.

    Its dict `weights` holds those of each network as one vector. Each of `rules`, a
    constant or a dict of them, becomes a function without arguments.
    """
    module = tf.Module()
    # Only what hangs on the module is saved, and no Keras object does.
    module.weights = {
        name: _stored_weights(name, network, weights_dtype)
        for name, network in networks.items()
    }
    for name, value in rules.items():
        setattr(module, name, _constant_function(value))
    return module


def _stored_weights(name, network, weights_dtype):
    # A SavedModel spends two kilobytes on every variable, beside its numbers, more
    # than a small network has weights: hence one vector.
    values = []
    for variable in network.weights:
        with np.errstate(over="ignore"):  # Infinity is reported below.
            value = variable.value.numpy().astype(weights_dtype)
        require(
            np.all(np.isfinite(value)),
            f"Weight `{variable.path}` of `{name}` must hold finite numbers in "
            f"{weights_dtype}, the format in which it is stored. Export an earlier "
            'checkpoint, or with `weights_dtype="float32"`',
        )
        values.append(value.ravel())
    # Not trainable: the graph then carries nothing for gradients.
    return tf.Variable(np.concatenate(values), trainable=False, name="weights")


def _constant_function(value):
    @tf.function(input_signature=[])
    def constant():
        return tf.nest.map_structure(tf.constant, value)

    return constant


def stored(network, weights):
    """Lets a network compute, in this scope, with weights of `make_module`."""
    variables = network.weights
    sizes = [math.prod(variable.shape) for variable in variables]
    parts = tf.split(tf.cast(weights, tf.float32), sizes)
    mapping = []
    for variable, part in zip(variables, parts, strict=True):
        if len(variable.shape) != 1:  # Most are vectors already.
            part = tf.reshape(part, variable.shape)
        mapping.append((variable, tf.cast(part, variable.dtype)))
    return keras.StatelessScope(state_mapping=mapping)


def from_pixels(pixels, checks=()):
    """Returns pixels in [0, 255] as float32 in [-1, 1], once all checks have passed."""
    # Or the network could fail first, on another thread, and less clearly.
    with tf.control_dependencies(checks):
        return to_floats(pixels)


def as_pixels(images):
    """Returns images in [-1, 1] as uint8 in [0, 255]."""
    return tf.cast(to_levels(tf.cast(images, tf.float32)), tf.uint8)


def call_to_pixels(network, weights, inputs):
    """Calls a network of images in [-1, 1] with stored weights; returns uint8."""
    with stored(network, weights):
        images = network(inputs, training=False)
    return as_pixels(images)


def size_rule(networks):
    """Returns what height and width must be multiples of, and their minimum."""
    multiple = math.lcm(*map(size_multiple, networks))
    return np.array([multiple, max(map(_minimum_size, networks))], "int32")


def _minimum_size(network):
    layers = network._flatten_layers()
    minima = [layer.minimum for layer in layers if isinstance(layer, SizeMultiple)]
    return max(minima, default=1)


def size_checks(images, rule):
    """Returns the operations that refuse images of other sizes than `size_rule`'s."""
    multiple, minimum = rule
    size = tf.shape(images)[1:3]
    must = "Height and width of every image must be"
    least = f"{must} at least {minimum}; x is what was received."
    multiples = f"{must} multiples of {multiple}; x was received, y are those below."
    return [
        tf.debugging.assert_greater_equal(size, minimum, least),
        tf.debugging.assert_equal(size, size // multiple * multiple, multiples),
    ]


def files_function(call, shapes, others=(), decode=None, check=None, made=("image",)):
    """Returns the function of files that belongs to a function of pixels.

    It makes PNG files of files: in one batch if the images are of one size, otherwise
    one after the other.

    Args:
        call: Function of batches of images, one for each of `shapes`, and of `others`,
            that returns a dict of batches of images.
        shapes: Dict from the names of the inputs that are files to the shapes of their
            images, `None` where they are open.
        others: List of the `tf.TensorSpec` of further inputs, whose first axis is the
            batch, too.
        decode: Function of a tuple of files, one of each of `shapes`, that returns a
            tuple of their images, uint8 tensors of shape `(height, width, channels)`.
            Defaults to `decode_file`.
        check: Function of the inputs that returns an operation which refuses them.
            Defaults to `None`, none.
        made: Tuple of what comes out, `"image"` for the `images` that `call` returns.

    Returns:
        A `tf.function` of the inputs. It returns a dict of string tensors of shape
        `(batch,)`, `image_bytes` for `"image"`.
    """

    def decode_each(files):
        return tuple(map(decode_file, files, shapes.values(), shapes))

    # Or its graph would be stored three times.
    decode = tf.function(decode or decode_each)
    images = tuple(tf.TensorSpec(shape, tf.uint8) for shape in shapes.values())
    file = tf.TensorSpec((), tf.string)
    files_specs = [tf.TensorSpec((None,), tf.string, name) for name in shapes]

    @tf.function(input_signature=[*files_specs, *others])
    def call_with_files(*inputs):
        # Before `map_fn` says it worse.
        with tf.control_dependencies([check(*inputs)] if check else []):
            inputs = tuple(map(tf.identity, inputs))
        files, rest = inputs[: len(shapes)], inputs[len(shapes) :]

        def sizes_of(one):
            return tf.stack([tf.shape(image)[:2] for image in decode(one)])

        def files_of(outputs, encode):
            return {f"{name}_bytes": encode(outputs[f"{name}s"]) for name in made}

        def encode_all(images):
            return tf.map_fn(tf.io.encode_png, images, fn_output_signature=file)

        def together():
            decoded = tf.map_fn(decode, files, fn_output_signature=images)
            return files_of(call(*decoded, *rest), encode_all)

        def one_by_one():
            def make(row):
                parts = *decode(row[: len(shapes)]), *row[len(shapes) :]
                outputs = call(*(part[tf.newaxis] for part in parts))
                return files_of(outputs, lambda images: tf.io.encode_png(images[0]))

            signature = {f"{name}_bytes": file for name in made}
            return tf.map_fn(make, inputs, fn_output_signature=signature)

        sizes = tf.map_fn(sizes_of, files, fn_output_signature=tf.int32)
        # Of an empty batch, nothing tells the shape of the images.
        is_one_size = tf.reduce_all(sizes == sizes[:1]) & (tf.size(files[0]) > 0)
        return tf.cond(is_one_size, together, one_by_one)

    return call_with_files


def decode_file(image_bytes, shape, name="image_bytes"):
    """Decodes one file to the pixels that `keras_gans.data.decode_image` reads.

    Args:
        image_bytes: String tensor of shape `()`.
        shape: Shape of the image, with 1 or 3 channels, `None` where it is open.
        name: What error messages call the file.

    Returns:
        uint8 tensor of shape `(height, width, channels)`.
    """
    # TensorFlow takes the palette indices of a BMP file for grey values.
    is_bmp = tf.strings.regex_full_match(image_bytes, r"BM\C*")
    true_colour = r"BM\C{26}[\x18\x20]\x00\C*"
    is_true_colour = tf.strings.regex_full_match(image_bytes, true_colour)
    must = f"BMP files in `{name}` must have 24 or 32 bits per pixel. Save it as PNG."
    tf.debugging.assert_equal(is_bmp, is_true_colour, must)

    # The channels are always stated: with 0, TensorFlow aborts the whole process on
    # some files; 1 it refuses for several formats, so grey is computed below.
    def decode(decoded_channels):
        image = tf.io.decode_image(
            image_bytes, channels=decoded_channels, expand_animations=False
        )
        return tf.cast(tf.ensure_shape(image, (None, None, decoded_channels)), tf.int32)

    def decode_png():
        image = decode(4)
        colour, opacity = image[..., :3], image[..., 3:]
        return (colour * opacity + 255 * (255 - opacity) + 127) // 255

    image = tf.cond(is_png(image_bytes), decode_png, lambda: decode(3))
    if shape[-1] == 1:
        # 0.299, 0.587 and 0.114 in units of 1 / 65536, with rounding.
        weighted = image * tf.constant([19595, 38470, 7471])
        image = (tf.reduce_sum(weighted, axis=-1, keepdims=True) + 32768) // 65536
    return tf.ensure_shape(tf.cast(image, tf.uint8), shape)


def is_png(image_bytes):
    return tf.strings.regex_full_match(image_bytes, r"\CPNG\r\n\x1a\n\C*")
