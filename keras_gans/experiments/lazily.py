"""Modules that are imported when something of them is used, and not before.

Help for the studies is read from their files, and should not wait for Keras.
"""

import importlib


class _Lazy:
    """Stands for a module, which is imported when something of it is used."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        return getattr(importlib.import_module(self._name), attribute)


keras, np, tf = map(_Lazy, ("keras", "numpy", "tensorflow"))
callbacks, data, export, losses, metrics = (
    _Lazy(f"keras_gans.{name}")
    for name in ("callbacks", "data", "export", "losses", "metrics")
)
models, networks, pixels, presets, schedules = (
    _Lazy(f"keras_gans.{name}")
    for name in ("models", "networks", "pixels", "presets", "schedules")
)
sources, generation = map(
    _Lazy, ("keras_gans.data.sources", "keras_gans.metrics.generation")
)
attribute_search, gan_monitor, runs, tables, verdicts = (
    _Lazy(f"keras_gans.experiments.{name}")
    for name in ("attribute_search", "gan_monitor", "runs", "tables", "verdicts")
)
