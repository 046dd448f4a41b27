"""What is built can be installed elsewhere, and starts there."""

import os
import pathlib
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile

import numpy as np
import pytest
from PIL import Image

import keras_gans

ROOT = pathlib.Path(__file__).resolve().parents[1]


def run(*command, cwd):
    # Not this checkout, which pytest has put first.
    environment = {
        key: value for key, value in os.environ.items() if key != "PYTHONPATH"
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_wheel_and_sdist_are_complete_and_the_wheel_starts(tmp_path):
    tracked = run("git", "ls-files", "keras_gans", "saved_models", cwd=ROOT).split()
    copy = tmp_path / "copy"
    run("git", "clone", "--quiet", ROOT, copy, cwd=tmp_path)
    build = ("-m", "build", "--no-isolation", "--outdir", tmp_path / "dist")
    run(sys.executable, *build, copy, cwd=tmp_path)
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with tarfile.open(sdist) as file:
        packed = {name.partition("/")[2] for name in file.getnames()}
    assert set(tracked) <= packed
    with zipfile.ZipFile(wheel) as file:
        packed = {
            name.partition("share/keras_gans/")[2] or name for name in file.namelist()
        }
    assert set(tracked) <= packed

    # An environment of its own, which lends what the package needs from this one.
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False)
    bin_folder = folder / ("Scripts" if os.name == "nt" else "bin")
    install = ("-m", "pip", "--python", bin_folder / "python", "install")
    run(sys.executable, *install, "--no-deps", "--no-index", wheel, cwd=tmp_path)
    (site,) = folder.glob("[Ll]ib/**/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    command = bin_folder / "keras-gans"
    version = run(command, "--version", cwd=tmp_path)
    assert version == f"keras-gans {keras_gans.__version__}\n"
    Image.fromarray(np.zeros((32, 32), "uint8")).save(tmp_path / "digit.png")
    run(command, "translate", "digit.png", "street.png", cwd=tmp_path)
    assert Image.open(tmp_path / "street.png").size == (32, 32)
