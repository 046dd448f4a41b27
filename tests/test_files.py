import zipfile

import keras
import pytest

from keras_gans import export, files
from keras_gans.losses import SemanticVGGLoss


def test_a_failure_leaves_the_file_before(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    files.write_json(path, {"steps": 3})

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        files.write_json(str(path), {"steps": 4})
    assert files.read_json(path) == {"steps": 3}


def test_text_is_utf_8_with_its_own_line_ends(tmp_path):
    files.write_text(tmp_path / "a.txt", "größe 猫\n")
    assert (tmp_path / "a.txt").read_bytes() == "größe 猫\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_csv_of_rows_with_different_columns(tmp_path):
    rows = [{"iteration": 1, "loss": 0.5}, {"iteration": 2, "name": "fid, of 3"}]
    files.write_csv(tmp_path / "a.csv", rows)
    assert files.read_csv(tmp_path / "a.csv") == rows


def test_records_go_on_where_a_run_goes_on(tmp_path):
    records = files.Records(tmp_path / "history.csv")
    for iteration in (10, 20, 30):
        records.add(iteration, {"loss": 1 / iteration})
    again = files.Records(str(records.path))
    again.rewind(20)
    again.add(25, {"loss": 0.5, "epoch": 2})
    assert files.read_csv(records.path) == [
        {"iteration": 10, "loss": 0.1},
        {"iteration": 20, "loss": 0.05},
        {"iteration": 25, "loss": 0.5, "epoch": 2},
    ]
    again.rewind(0)
    assert again.rows == []


def test_files_that_are_no_models_are_told_by_one_sentence(tmp_path):
    good = tmp_path / "good.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(good)
    assert files.load_keras_file(good).output_shape == (None, 1)
    content, path = good.read_bytes(), tmp_path / "model.keras"
    with pytest.raises(FileNotFoundError, match="no file .*model.keras"):
        files.load_keras_file(path)

    def with_config(config):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", config)

    deep = '{"class_name": "Sequential", "config": {"layers": ['
    for write, must in (
        (lambda: path.write_bytes(b""), "is empty"),
        (lambda: path.write_bytes(content[: len(content) // 2]), "not a whole .keras"),
        (lambda: path.write_bytes(b"PNG" * 99), "not a whole .keras"),
        (lambda: with_config("{"), "not a whole .keras"),
        (lambda: with_config("3"), "not a whole .keras"),
        (lambda: with_config("[" * 100_000 + "]" * 100_000), "nested too deeply"),
        (
            lambda: with_config('{"a":' * 99_999 + "1" + "}" * 99_999),
            "nested too deeply",
        ),
        (lambda: with_config(deep * 9_999 + "]}}" * 9_999), "nested too deeply"),
    ):
        write()
        for load in (
            files.load_keras_file,
            export.load,
            lambda path: SemanticVGGLoss(feature_extractor=path),
        ):
            with pytest.raises(ValueError, match=must):
                load(path)
