"""The predict requests and replies of TensorFlow Serving's REST protocol, in JSON."""

import base64
import binascii
import dataclasses
import itertools
import math

import numpy as np
import orjson

from keras_gans.data.decoding import ImageError, decode_image, image_size, is_turned
from keras_gans.data.images import encode_png

# What TensorFlow decodes, and the graphs of exports do.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF")
_AXES = ("batch", "height", "width", "channels")
_JSON_NAMES = {dict: "an object", str: "a string", bool: "a boolean", list: "a list"}


class RequestError(ValueError):
    """A request that cannot be answered; the message says why in one sentence."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


@dataclasses.dataclass(frozen=True)
class PredictRequest:
    """What is to be computed.

    Attributes:
        signature: String, the name of a signature.
        inputs: Dict from names to arrays; files are a list of bytes.
        is_row_format: Whether the reply is to be in row format.
        rows: Number of rows if all inputs have as many, otherwise `None`.
        shapes: Tuple of the shapes of what is in a row, sizes of images included:
            requests of the same shapes can be answered in one batch.
        pixels: Number of pixels of all images.
    """

    signature: str
    inputs: dict
    is_row_format: bool
    rows: int | None
    shapes: tuple
    pixels: int


def read_request(body, signatures, max_batch_size, max_pixels):
    """Reads and checks the body of a predict request.

    Args:
        body: Bytes.
        signatures: Dict from names to `keras_gans.serving.catalog.Signature`.
        max_batch_size: Positive integer, the largest number of rows.
        max_pixels: Positive integer, the largest number of pixels of all images.

    Returns:
        A `PredictRequest`.

    Raises:
        RequestError: If it cannot be answered.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"The body is not valid JSON: {error}.") from None
    _require(isinstance(content, dict), "The body must be a JSON object.")
    name = content.get("signature_name") or "serving_default"
    known = ", ".join(signatures)
    must = f"`signature_name` must be one of: {known}."
    _require(isinstance(name, str) and name in signatures, must)
    is_row_format = "instances" in content
    must = "The body must have either `instances` or `inputs`."
    _require(is_row_format != ("inputs" in content), must)
    wanted = signatures[name].inputs
    read = _columns_of_rows if is_row_format else _columns
    columns = read(content["instances" if is_row_format else "inputs"], wanted)
    inputs, shapes, pixels = {}, [], 0
    for name_, tensor in wanted.items():
        reader = _files if tensor.dtype == "string" else _array
        value, shape, count = reader(name_, columns[name_], tensor, max_pixels)
        must = f"A request may have at most {max_batch_size} rows."
        _require(len(value) <= max_batch_size, must)
        inputs[name_] = value
        shapes.append(shape)
        pixels += count
    must = f"The images of a request may have at most {max_pixels} pixels together."
    _require(pixels <= max_pixels, must)
    lengths = set(map(len, inputs.values()))
    rows = lengths.pop() if len(lengths) == 1 else None
    return PredictRequest(name, inputs, is_row_format, rows, tuple(shapes), pixels)


def write_reply(outputs, is_row_format):
    """Returns the body of a reply, bytes.

    Args:
        outputs: Dict from names to arrays. Bytes, of names that end in `_bytes`, are
            written in base64.
        is_row_format: Whether to reply row by row.
    """
    values = {name: _json_value(name, array) for name, array in outputs.items()}
    if len(values) == 1:
        (values,) = values.values()
    elif is_row_format:
        rows = zip(*values.values(), strict=True)
        values = [dict(zip(values, row)) for row in rows]
    reply = {"predictions" if is_row_format else "outputs": values}
    return orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY)


def _require(condition, message):
    if not condition:
        raise RequestError(message)


def _json_value(name, array):
    if array.dtype != object:
        return np.ascontiguousarray(array)
    if name.endswith("_bytes"):
        return [{"b64": base64.b64encode(item).decode()} for item in array]
    return [item.decode(errors="replace") for item in array]


def _is_base64(value):
    return isinstance(value, dict) and [*value] == ["b64"]


def _columns_of_rows(rows, wanted):
    must = "`instances` must be a list of at least one value."
    _require(isinstance(rows, list) and rows, must)
    named = [isinstance(row, dict) and not _is_base64(row) for row in rows]
    if not any(named) and len(wanted) == 1:
        return dict.fromkeys(wanted, rows)
    names = " and ".join(f"`{name}`" for name in wanted)
    must = f"Every one of `instances` must be an object with {names}, and no other."
    _require(all(named) and all(row.keys() == wanted.keys() for row in rows), must)
    return {name: [row[name] for row in rows] for name in wanted}


def _columns(value, wanted):
    if not isinstance(value, dict) or _is_base64(value):
        names = " and ".join(f"`{name}`" for name in wanted)
        must = f"`inputs` must be an object with {names}."
        _require(len(wanted) == 1, must)
        return dict.fromkeys(wanted, value)
    for name in wanted:
        _require(name in value, f"`inputs` must have `{name}`.")
    return value


def _array(name, value, tensor, max_pixels):
    """Returns an array, the shape of its rows, and its number of pixels if any."""
    sides = zip(_AXES, tensor.shape)
    axes = [axis if side is None else f"{side}" for axis, side in sides]
    comma = "," if len(axes) == 1 else ""
    shape = f"({', '.join(axes)}{comma})"
    must = f"Input `{name}` must be numbers in nested lists of shape {shape}"
    # Level by level, at the speed of C. NumPy would take strings for numbers, and make
    # arrays of them that are much larger than the body.
    flat, shape = [value], []
    while (kinds := set(map(type, flat))) == {list}:
        _require(len(shape) < len(axes), f"{must}; it is nested deeper.")
        lengths = set(map(len, flat))
        _require(len(lengths) == 1, f"{must}; its lists differ in length.")
        shape += lengths
        flat = list(itertools.chain.from_iterable(flat))
    if list in kinds:
        raise RequestError(f"{must}; its lists differ in depth.")
    other = kinds - {int, float}
    if other:
        received = _JSON_NAMES.get(other.pop(), "null")
        raise RequestError(f"{must}; there is {received} in it.")
    is_right = len(shape) == len(axes) and all(
        side in (None, length) for side, length in zip(tensor.shape, shape)
    )
    received = ", ".join(map(str, shape))
    _require(is_right and flat, f"{must}; its shape is ({received}).")
    pixels = math.prod(shape[:3]) if len(shape) == 4 else 0
    array = _typed(name, flat, kinds, tensor.dtype).reshape(shape)
    return array, tuple(shape[1:]), pixels


def _typed(name, flat, kinds, dtype):
    if dtype == "float32":
        array = np.array(flat, "float64")
        largest = np.finfo("float32").max
        must = f"Input `{name}` must be finite numbers of 32 bits."
        _require(np.all(np.abs(array) <= largest), must)
        return array.astype("float32")
    limits = np.iinfo(dtype)
    must = f"Input `{name}` must be whole numbers in [{limits.min}, {limits.max}]."
    _require(kinds == {int}, must)
    _require(min(flat) >= limits.min and max(flat) <= limits.max, must)
    return np.array(flat, dtype)


def _files(name, value, tensor, max_pixels):
    """Returns a list of bytes, the sizes of the images, and the number of pixels."""
    must = f'Input `{name}` must be a list of image files, each {{"b64": "..."}}'
    _require(isinstance(value, list) and value, f"{must}.")
    files, sizes, pixels = [], set(), 0
    for at, item in enumerate(value):
        file = _file(item, f"{must}; see the one at index {at}")
        # Without hints, a file of hints is empty.
        if file or name != "hints_bytes":
            try:
                height, width, count = image_size(file, _FORMATS, max_pixels)
                pixels += count
                # Photos of phones lie on their side; the graphs take them as stored.
                # With too many pixels they are refused, and not decoded.
                if pixels <= max_pixels and is_turned(file):
                    image = decode_image(file, max_pixels=max_pixels)
                    file, (height, width) = encode_png(image), image.shape[:2]
            except ImageError as error:
                raise RequestError(f"Input `{name}`, index {at}: {error}.") from None
            sizes.add((height, width))
        files.append(file)
    return files, tuple(sorted(sizes)), pixels


def _file(item, must):
    if _is_base64(item):
        try:
            text = item["b64"].encode("ascii")
            # As TensorFlow Serving, without padding as well.
            return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
        except (AttributeError, UnicodeEncodeError, binascii.Error):
            raise RequestError(f"{must}, which is not in base64.") from None
    _require(isinstance(item, str), f"{must}, which is none.")
    return item.encode("utf-8", "surrogatepass")
