"""Exported models are found and described, and what leads out of the root is not."""

import json
import os
import pathlib
import shutil

import pytest

from keras_gans import export, serving
from keras_gans.serving.catalog import Tensor

SAVED_MODELS = pathlib.Path(__file__).parents[2] / "saved_models"
DIGITS = SAVED_MODELS / "digits" / "2"


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "models"
    shutil.copytree(DIGITS, root / "digits" / "1")
    return root


def reason(root, path):
    """Returns why the only version of a folder is left out."""
    catalog = serving.find(root)
    assert catalog.models == {} and [*catalog.refused] == [path]
    return catalog.refused[path]


def test_the_models_of_the_package():
    catalog = serving.find(SAVED_MODELS)
    assert not catalog.refused
    versions = catalog.models["digits"]
    assert [*versions] == [1, 2]
    newest = catalog.latest("digits")
    assert newest is versions[2] and newest.path == DIGITS
    assert (newest.name, newest.version, newest.kind) == ("digits", 2, "translation")
    assert {"style", "reference"} <= newest.signatures.keys()
    assert not {"style", "reference"} & versions[1].signatures.keys()
    style = newest.signatures["style"]
    images = Tensor("uint8", (None, None, None, 3))
    assert style.inputs == {"images": images, "style": Tensor("float32", (None, 8))}
    assert style.outputs == {"images": images}
    dims = style.definition["inputs"]["style"]["tensor_shape"]["dim"]
    assert [side["size"] for side in dims] == ["-1", "8"]
    assert newest.signatures["serving_bytes"].inputs == {
        "image_bytes": Tensor("string", (None,))
    }
    assert export.load(newest.path).kind == newest.kind


def test_runs_and_the_folder_of_one_model(root):
    run = root / "my run"
    shutil.copytree(root / "digits", run / "export")
    (run / "run.json").write_text("{}")
    (root / "empty").mkdir()
    (root / "notes.txt").write_text("no model")
    shutil.copytree(root / "digits", root / ".export_half")
    catalog = serving.find(root)
    assert [*catalog.models] == ["digits", "my run"] and not catalog.refused
    assert catalog.latest("my run").path == run / "export" / "1"
    assert [*serving.find(root / "digits").models] == ["digits"]


def test_an_empty_folder_a_file_and_none(tmp_path):
    assert serving.find(tmp_path).models == {}
    with pytest.raises(FileNotFoundError, match="There is no folder '.*nowhere'"):
        serving.find(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="Give the folder"):
        serving.find(tmp_path / "file")


@pytest.mark.parametrize("what", ["model", "version", "variables", "file", "loop"])
def test_links_out_of_the_root_are_refused(root, tmp_path, what):
    outside = tmp_path / "outside"
    version = root / "digits" / "1"
    inside = {
        "model": root / "digits",
        "version": version,
        "variables": version / "variables",
        "file": version / "variables" / "variables.index",
        "loop": version / "fingerprint.pb",
    }[what]
    inside.rename(outside)
    inside.symlink_to("fingerprint.pb" if what == "loop" else outside)
    wanted = "levels of symbolic links" if what == "loop" else "leads out of the folder"
    assert wanted in reason(root, version)


def test_links_inside_of_the_root_are_followed(root, tmp_path):
    # As Kubernetes mounts folders.
    (root / "digits").rename(root / ".data")
    (root / "digits").symlink_to(".data")
    (tmp_path / "link").symlink_to(root)
    assert [*serving.find(tmp_path / "link").models] == ["digits"]


def test_what_is_no_export_is_refused(root):
    version = root / "digits" / "1"
    file = version / "saved_model.pb"
    content = file.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"no model"):
        file.write_bytes(damaged)
        assert "'saved_model.pb' cannot be read" in reason(root, version)
    file.write_bytes(content.replace(b"size_rule", b"some_rule"))
    assert "no SavedModel of `keras_gans.export.save`" in reason(root, version)
    file.unlink()
    assert "'saved_model.pb' cannot be read" in reason(root, version)


def test_every_model_of_the_package_has_a_card():
    for versions in serving.find(SAVED_MODELS).models.values():
        for model in versions.values():
            told = {"preset", "x", "y", "steps"} <= model.card["configuration"].keys()
            assert told and model.card["kind"] == model.kind
            assert model.card["signatures"].keys() == model.signatures.keys()
            for name, signature in model.signatures.items():
                for side in ("inputs", "outputs"):
                    described = model.card["signatures"][name][side]
                    tensors = getattr(signature, side)
                    assert described == {
                        key: {"dtype": tensor.dtype, "shape": [*tensor.shape]}
                        for key, tensor in tensors.items()
                    }


def test_cards(root):
    version = root / "digits" / "1"
    card = version / "model_card.json"
    card.unlink()  # As of versions before 0.4.
    assert serving.find(root).latest("digits").card is None
    card.write_text(json.dumps({"class": "StyleCycleGAN"}))
    assert serving.find(root).latest("digits").card == {"class": "StyleCycleGAN"}
    for broken in ("[]", "{", "[" * 100_000):
        card.write_text(broken)
        assert "'model_card.json' cannot be read" in reason(root, version)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read(root):
    (root / "digits").chmod(0)
    assert "cannot be read" in reason(root, root / "digits")
    (root / "digits").chmod(0o700)
