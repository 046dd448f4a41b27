"""Exported models for others: found under a folder, and served over HTTP."""

from keras_gans.serving.catalog import Catalog, ExportedModel, find
