"""What setup.cfg cannot say: all trained models are installed, folder by folder."""

import pathlib

import setuptools

models = pathlib.Path("saved_models")
setuptools.setup(
    data_files=[
        (f"share/keras_gans/{folder.as_posix()}", files)
        for folder in (models, *sorted(models.rglob("*")))
        if folder.is_dir()
        and (files := [str(path) for path in folder.iterdir() if path.is_file()])
    ]
)
