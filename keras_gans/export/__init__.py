"""Models as SavedModels, with their pre- and post-processing inside."""

from keras_gans.export.colorizer import Colorizer, export_colorizer, load_colorizer
from keras_gans.export.editor import Editor, export_editor, load_editor
from keras_gans.export.generator import Generator, export_generator, load_generator
from keras_gans.export.translator import Translator, export_translator, load_translator
