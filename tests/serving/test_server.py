"""Every family is served over TensorFlow Serving's protocol, and nothing upsets it."""

import base64
import concurrent.futures
import io
import json
import os
import pathlib
import socket
import sys
import threading
import time
import types

import numpy as np
import pytest
import requests
import small_exports
import small_server
import tensorflow as tf
from PIL import Image
from small_exports import decode_png, image_file, pictures
from small_server import b64, check_refusal, file_of, fuzz, post

from keras_gans import cli, export, serving
from keras_gans.data.images import decode_image
from keras_gans.serving.server import Limits, accept_all

ROOT = pathlib.Path(__file__).parents[2]
FACES = pictures(3, 2, small_exports.FACE_SIZE, small_exports.FACE_SIZE)
WANTED = np.float32([[1, 0, 1], [0, 1, 0]])
LATENT = np.random.default_rng(1).normal(size=(2, 5)).astype("float32")
HINTS = pictures(4, 2)
STYLE = np.random.default_rng(2).normal(size=(2, 8)).astype("float32")
MODELS = {
    "translator": small_exports.cyclegan,
    "styles": small_exports.style_cyclegan,
    "generator": lambda: small_exports.gan(classes=4),
    "colorizer": small_exports.colorizer,
    "editor": small_exports.editor,
}
# A signature of pixels or numbers, one of files, and the inputs of the first.
CALLS = [
    ("translator", "serving_default", "serving_bytes", {"images": pictures(1, 2)}),
    ("translator", "reverse", "reverse_bytes", {"images": pictures(3, 2)}),
    (
        "generator",
        "serving_default",
        "serving_bytes",
        {"latent": LATENT, "labels": np.int32([3, 0])},
    ),
    (
        "colorizer",
        "serving_default",
        "serving_bytes",
        {"line_art": pictures(1, 2), "hints": HINTS},
    ),
    (
        "editor",
        "serving_default",
        "mask_bytes",
        {"images": FACES, "attributes": WANTED},
    ),
    ("editor", "attributes", "attributes_bytes", {"images": FACES}),
    ("styles", "serving_default", "serving_bytes", {"images": pictures(1, 2)}),
    ("styles", "reverse", "reverse_bytes", {"images": pictures(3, 2)}),
    ("styles", "style", "style_bytes", {"images": pictures(1, 2), "style": STYLE}),
    (
        "styles",
        "reference",
        "reference_bytes",
        {"images": pictures(1, 2), "reference": pictures(3, 2, seed=1)},
    ),
    ("styles", "encode_style", "encode_style_bytes", {"images": pictures(3, 2)}),
    (
        "digits",  # An export of an earlier version, without `style_bytes`.
        "reference",
        "reference_bytes",
        {"images": pictures(3, 2), "reference": pictures(3, 2, seed=1)},
    ),
    ("digits", "style", None, {"images": pictures(3, 2), "style": STYLE}),
]
# Families within a family, which no code here tells apart.
FURTHER_MODELS = {
    "one way": small_exports.pix2pix,
    "no classes": small_exports.gan,
    "no mask": lambda: small_exports.editor("stargan"),
}
FURTHER_CALLS = [
    ("one way", "serving_default", "serving_bytes", {"images": pictures(1, 2)}),
    ("no classes", "serving_default", "serving_bytes", {"latent": LATENT}),
    (
        "no mask",
        "serving_default",
        "serving_bytes",
        {"images": FACES, "attributes": WANTED},
    ),
    ("no mask", "attributes", "attributes_bytes", {"images": FACES}),
]
LIMITS = {
    "max_body_bytes": 2**20,
    "max_batch_size": 8,
    "max_pixels": 20_000,
    "max_requests": 16,
}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    for name, make in MODELS.items():
        export.save(make(), root / name, metadata={"note": name})
    catalog = serving.find(root)
    digits = serving.find(ROOT / "saved_models").models["digits"]
    catalog.models["digits"] = digits
    return catalog


@pytest.fixture(scope="module")
def url(catalog):
    with small_server.running(catalog, **LIMITS) as url:
        yield url


@pytest.fixture(scope="module")
def loaded(url, catalog):
    """Loads each model once more, as whoever needs no server would."""
    return {
        name: tf.saved_model.load(os.fspath(catalog.latest(name).path))
        for name in catalog.models
    }


def files_of(inputs, signature):
    """Replaces pixels by image files, under their names in the signatures of files."""
    is_reference = signature == "encode_style_bytes"
    names = {"images": "reference_bytes" if is_reference else "image_bytes"}
    return {
        names.get(name, f"{name}_bytes"): [b64(image_file(image)) for image in value]
        for name, value in inputs.items()
        if value.dtype == np.uint8
    } | {k: v.tolist() for k, v in inputs.items() if v.dtype != np.uint8}


def rows_of(columns):
    rows = zip(*columns.values(), strict=True)
    rows = [dict(zip(columns, row)) for row in rows]
    return [row[[*columns][0]] for row in rows] if len(columns) == 1 else rows


def pixels_of(values):
    assert all([*value] == ["b64"] for value in values)
    return np.stack([decode_png(base64.b64decode(value["b64"])) for value in values])


def same(received, wanted):
    np.testing.assert_array_equal(np.asarray(received, wanted.dtype), wanted)


def check_call(url, loaded, name, signature, of_files, inputs):
    """Asks in both formats, with pixels and files; the SavedModel is what is right."""
    outputs = loaded.signatures[signature](**inputs)
    expected = {key: value.numpy() for key, value in outputs.items()}
    columns = {key: value.tolist() for key, value in inputs.items()}
    as_rows = post(url, name, signature_name=signature, instances=rows_of(columns))
    as_columns = post(url, name, signature_name=signature, inputs=columns)
    assert [*as_rows] == ["predictions"] and [*as_columns] == ["outputs"]
    if len(expected) == 1:  # Its name is dropped.
        (wanted,) = expected.values()
        same(as_rows["predictions"], wanted)
        same(as_columns["outputs"], wanted)
    else:
        for key, wanted in expected.items():
            same([row[key] for row in as_rows["predictions"]], wanted)
            same(as_columns["outputs"][key], wanted)
    if of_files is None:
        return

    files = files_of(inputs, of_files)
    as_rows = post(url, name, signature_name=of_files, instances=rows_of(files))
    if len(expected) > 1:
        for key, of_file in (("images", "image_bytes"), ("masks", "mask_bytes")):
            received = pixels_of([row[of_file] for row in as_rows["predictions"]])
            same(received, expected[key])
    elif wanted.dtype == np.uint8:
        same(pixels_of(as_rows["predictions"]), wanted)
    else:
        same(as_rows["predictions"], wanted)


@pytest.mark.parametrize("name, signature, of_files, inputs", CALLS)
def test_every_family(url, loaded, name, signature, of_files, inputs):
    check_call(url, loaded[name], name, signature, of_files, inputs)


@pytest.mark.slow
def test_further_families(tmp_path):
    for name, make in FURTHER_MODELS.items():
        export.save(make(), tmp_path / name)
    catalog = serving.find(tmp_path)
    with small_server.running(catalog, **LIMITS) as url:
        for name, *call in FURTHER_CALLS:
            loaded = tf.saved_model.load(os.fspath(catalog.latest(name).path))
            check_call(url, loaded, name, *call)


def test_files_of_several_sizes_and_no_hints(url, loaded):
    images = [pictures(1, 1, *size)[0] for size in ((16, 24), (8, 8))]
    files = [b64(image_file(image)) for image in images]
    reply = post(url, signature_name="serving_bytes", instances=files)
    translate = loaded["translator"].signatures["serving_default"]
    for image, file in zip(images, reply["predictions"], strict=True):
        expected = translate(images=image[np.newaxis])["images"]
        np.testing.assert_array_equal(pixels_of([file]), expected)
    line_art = {"line_art_bytes": files[0], "hints_bytes": ""}
    reply = post(url, "colorizer", signature_name="serving_bytes", instances=[line_art])
    colorize = loaded["colorizer"].signatures["serving_default"]
    none = np.zeros((1, 16, 24, 4), "uint8")
    expected = colorize(line_art=images[0][np.newaxis], hints=none)["images"]
    np.testing.assert_array_equal(pixels_of(reply["predictions"]), expected)


def test_photos_that_lie_on_their_side(url):
    """As the command line and the demo, which read files by `decode_image`."""
    image = pictures(3, 1, 8, 12)[0]
    for orientation in (1, 3, 6):
        exif = Image.Exif()
        exif[0x0112] = orientation
        photo = image_file(image, "JPEG", quality=95, exif=exif)
        upright = decode_image(photo)
        assert upright.shape == ((12, 8, 3) if orientation == 6 else (8, 12, 3))
        body = {"signature_name": "reverse_bytes", "instances": [b64(photo)]}
        received = pixels_of(post(url, **body)["predictions"])
        body["instances"] = [b64(image_file(upright))]
        wanted = pixels_of(post(url, **body)["predictions"])
        if orientation == 1:  # TensorFlow decodes it, and may round otherwise.
            assert np.abs(received.astype(int) - wanted).max() < 20
        else:
            np.testing.assert_array_equal(received, wanted)
    status, sentence = refusal(url, file_of(photo[:-40]))
    assert status == 400 and "truncated" in sentence


def test_what_can_be_asked_about_models(url):
    names = [*MODELS, "digits"]
    assert sorted(requests.get(url).json()["models"]) == sorted(names)
    status = requests.get(f"{url}/digits").json()["model_version_status"]
    assert [each["version"] for each in status] == ["2", "1"]
    assert {each["state"] for each in status} == {"AVAILABLE"}
    ok = {"error_code": "OK", "error_message": ""}
    assert all(each["status"] == ok for each in status)
    (one,) = requests.get(f"{url}/digits/versions/1").json()["model_version_status"]
    assert one["version"] == "1"
    metadata = requests.get(f"{url}/digits/metadata").json()
    assert metadata["model_spec"]["version"] == "2"
    definitions = metadata["metadata"]["signature_def"]["signature_def"]
    images = definitions["serving_default"]["inputs"]["images"]
    assert images["dtype"] == "DT_UINT8"
    assert [side["size"] for side in images["tensor_shape"]["dim"]][-1] == "3"
    old = requests.get(f"{url}/digits/versions/1/metadata").json()
    assert "style" not in old["metadata"]["signature_def"]["signature_def"]
    post(url, "digits/versions/1", instances=pictures(3, 1).tolist())
    root = url.removesuffix("/v1/models")
    assert requests.get(f"{root}/healthz").status_code == 200
    metrics = requests.get(f"{root}/metrics").text
    sample = 'keras_gans_requests_total{model="digits",status="200",version="1"}'
    assert sample in metrics and "keras_gans_batch_rows_bucket" in metrics


# What is refused --------------------------------------------------------------------


def one_pixel(value):
    return {"instances": [[[[value]] * 4] * 4]}


def gif_of_many_frames():
    frames = [Image.new("L", (64, 64), level) for level in range(20)]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    return stream.getvalue()


PNG = image_file(pictures(1, 1)[0])
BOMB = image_file(np.zeros((4000, 4000, 1), "uint8"))
WEBP = image_file(pictures(3, 1)[0], "WEBP")
REFUSED = {
    "no JSON": (b"{", "not valid JSON"),
    "no object": ([], "must be a JSON object"),
    "NaN": (b'{"instances": [[[[NaN]]]]}', "not valid JSON"),
    "deep": (b'{"instances": ' + b"[" * 200_000, "not valid JSON"),
    "deeper than the rank": ({"instances": [[[[[1]]]]]}, "nested deeper"),
    "neither": ({}, "either `instances` or `inputs`"),
    "both": ({"instances": [1], "inputs": [1]}, "either `instances` or `inputs`"),
    "empty": ({"instances": []}, "at least one value"),
    "no list": ({"instances": 3}, "at least one value"),
    "signature": ({"signature_name": "x", "instances": [1]}, "must be one of: reverse"),
    "no name": ({"signature_name": [1], "instances": [1]}, "must be one of: reverse"),
    "other name": ({"instances": [{"x": 1}]}, "an object with `images`"),
    "no such column": ({"inputs": {"x": [1]}}, "`inputs` must have `images`"),
    "ragged": ({"instances": [[[[1]], [[1], [2]]]]}, "differ in length"),
    "depths": ({"instances": [[[[1], 1]]]}, "differ in depth"),
    "rank": (
        {"instances": [1, 2]},
        r"shape (batch, height, width, 1); its shape is (2)",
    ),
    "channels": ({"instances": [[[[1, 2]]]]}, "its shape is (1, 1, 1, 2)"),
    "no pixels": ({"instances": [[[]]]}, "its shape is (1, 1, 0)"),
    "string": (one_pixel("1"), "there is a string in it"),
    "boolean": (one_pixel(True), "there is a boolean in it"),
    "null": (one_pixel(None), "there is null in it"),
    "object": (one_pixel({"b64": ""}), "there is an object in it"),
    "fraction": (one_pixel(1.5), "whole numbers in [0, 255]"),
    "256": (one_pixel(256), "whole numbers in [0, 255]"),
    "huge": (one_pixel(2**63), "whole numbers in [0, 255]"),
    "size": ({"instances": [[[[1]] * 3] * 3]}, "must be multiples of 4."),
    "many rows": ({"instances": [[[[1]]]] * 9}, "at most 8 rows"),
    "many pixels": ({"instances": [[[[1]] * 200] * 200]}, "at most 20000 pixels"),
    "large": (b" " * (2**20 + 1), "at most 1048576 bytes"),
    "no base64": (
        {"signature_name": "serving_bytes", "instances": [{"b64": "?"}]},
        "index 0, which is not in base64",
    ),
    "number for a file": (
        {"signature_name": "serving_bytes", "instances": [7]},
        "index 0, which is none",
    ),
    "no file": (file_of(b""), "PNG or JPEG or BMP or GIF"),
    "no image": (file_of(b"no image"), "PNG or JPEG or BMP or GIF"),
    "WebP": (file_of(WEBP), "PNG or JPEG or BMP or GIF"),
    "cut header": (file_of(PNG[:20]), "truncated or corrupt"),
    "cut image": (file_of(PNG[:-40]), "Invalid PNG data"),
    "bomb": (file_of(BOMB), "16000000 pixels are more than 20000"),
    "GIF bomb": (file_of(gif_of_many_frames()), "pixels are more than 20000"),
    "image's size": (file_of(image_file(pictures(1, 1, 6, 6)[0])), "multiples of 4"),
}


def refusal(url, body, name="translator"):
    """Returns the status and the sentence with which a request is refused."""
    body = body if isinstance(body, bytes) else json.dumps(body)
    reply = requests.post(f"{url}/{name}:predict", data=body, timeout=60)
    return check_refusal(reply)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(url, name):
    body, wanted = REFUSED[name]
    status, sentence = refusal(url, body)
    assert status == (413 if name == "large" else 400) and wanted in sentence


@pytest.mark.parametrize("name, body, wanted", [
    ("generator", {"instances": [{"latent": [1e39] * 5, "labels": 0}]}, "finite"),
    ("generator", {"instances": [{"latent": [0] * 5, "labels": 4}]}, "lie in [0, 4)."),
    ("generator", {"instances": [{"latent": [0] * 5}]}, "`labels` and `latent`"),
    ("generator", {"inputs": {"latent": [[0] * 5], "labels": [0, 1]}}, "as many `la"),
    ("generator", {"inputs": [[0] * 5]}, "an object with `labels` and `latent`"),
    ("digits", {"signature_name": "style", "inputs": {"style": [[0] * 8] * 3,
     "images": pictures(3, 2).tolist()}}, "The model cannot take this"),
])  # fmt: skip
def test_refused_by_other_families(url, name, body, wanted):
    status, sentence = refusal(url, body, name)
    assert status == 400 and wanted in sentence


def test_no_such_model_version_path_or_method(url):
    for path in ("nobody:predict", "digits/versions/9:predict"):
        status, sentence = refusal(
            url, {"instances": [1]}, path.removesuffix(":predict")
        )
        assert status == 404 and "there are: " in sentence
    assert refusal(url, {}, "..%2fmodels%2fdigits") == (404, "Not Found.")
    assert requests.get(f"{url}/nobody").status_code == 404
    assert requests.get(f"{url}/digits:predict").status_code == 404
    wrong = requests.delete(f"{url}/digits")
    assert check_refusal(wrong) == (405, "Method Not Allowed.")
    assert requests.post(f"{url}/digits:classify", json={}).status_code == 405


def test_bodies_without_a_length(url):
    body = (b" " * 2**16 for _ in range(2**6))
    reply = requests.post(f"{url}/translator:predict", data=body, timeout=60)
    assert check_refusal(reply)[0] == 413


def test_too_many_at_once(catalog):
    one = types.SimpleNamespace(models={"digits": dict(catalog.models["digits"])})
    one.load = lambda: serving.Catalog.load(one)
    with small_server.running(one, max_requests=1) as url:
        start, host = threading.Event(), url.split("/")[2]

        def slow_body():
            yield b"{"
            start.wait(30)
            yield b"}"

        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            slow = thread.submit(
                requests.post, f"http://{host}/v1/models/digits:predict", slow_body()
            )
            metrics = f"http://{host}/metrics"
            while "in_progress 1.0" not in requests.get(metrics).text:
                time.sleep(0.05)
            reply = requests.post(f"{url}/digits:predict", json={})
            start.set()
            assert check_refusal(reply)[0] == 429
            assert reply.headers["Retry-After"] == "1"
            assert slow.result().status_code == 400
        assert refusal(url, {}, "digits")[0] == 400  # There is room again.


def test_a_client_that_leaves(url, capfd):
    host, port = url.split("/")[2].split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = b"POST /v1/models/digits:predict HTTP/1.1\r\nHost: x\r\n"
        connection.sendall(head + b"Content-Length: 1000\r\n\r\n{")
    post(url, "digits", instances=pictures(3, 1).tolist())
    assert "Traceback" not in capfd.readouterr().err


def test_the_command_says_what_is_wrong(tmp_path, monkeypatch, capsys):
    def said(*arguments):
        assert cli.main(["serve", *map(str, arguments)]) == 1
        return capsys.readouterr().err

    assert "no exported model in" in said(tmp_path, "--port", 0)
    assert "--port must be in [0, 65535]" in said(tmp_path, "--port", 65536)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = f"Port {port} of 127.0.0.1 is in use"
        assert message in (err := said(tmp_path, "--port", port))
        assert "give another --port" in err and "Errno" not in err
    assert "give another --host" in said(tmp_path, "--host", "999.1.1.1")
    monkeypatch.delitem(sys.modules, "keras_gans.serving.server")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    wanted = "needs the package uvicorn: pip install 'keras_gans[serve]'"
    assert wanted in said(tmp_path)


def test_limits_are_positive_integers():
    with pytest.raises(ValueError, match="Argument `max_pixels` must be a positive"):
        Limits(max_pixels=0)
    with pytest.raises(TypeError, match="Argument `max_requests` must be a positive"):
        Limits(max_requests=1.5)


# Many requests ----------------------------------------------------------------------


def from_threads(url, count, threads=8):
    """Sends requests from threads; returns the highest number of rows in a batch."""
    images = pictures(1, 8)
    files = [b64(image_file(image)) for image in images]
    alone = [
        pixels_of(
            post(url, signature_name="serving_bytes", instances=[file])["predictions"]
        )
        for file in files
    ]
    local = threading.local()

    def ask(number):
        if not hasattr(local, "session"):
            local.session = requests.Session()
        body = {"signature_name": "serving_bytes", "instances": [files[number % 8]]}
        reply = local.session.post(f"{url}/translator:predict", json=body, timeout=60)
        assert reply.status_code == 200, reply.text
        received = pixels_of(reply.json()["predictions"])
        difference = np.abs(received.astype(int) - alone[number % 8])
        assert difference.max() <= 1  # Other batches may end in other last bits.

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(ask, range(count)):
            pass


def test_requests_from_threads(url):
    from_threads(url, 100)


@pytest.mark.slow
def test_ten_thousand_requests_from_threads(url):
    from_threads(url, 10_000)


def test_fuzzed_requests(url):
    fuzz(url, 40)


def test_connections_that_wait_are_taken():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        clients = [socket.create_connection(listening.getsockname()) for _ in range(3)]
        taken = list(accept_all(listening))
        assert [one.getpeername() for one in taken] == [
            client.getsockname() for client in clients
        ]
        assert not any(one.getblocking() for one in taken)
        for one in clients + taken:
            one.close()
