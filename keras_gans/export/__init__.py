"""Models as SavedModels, with their pre- and post-processing inside."""

from keras_gans.export.colorizer import Colorizer
from keras_gans.export.editor import Editor
from keras_gans.export.formats import convert
from keras_gans.export.generator import Generator
from keras_gans.export.saved_model import load, save
from keras_gans.export.translator import Translator
