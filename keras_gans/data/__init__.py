"""`tf.data` pipelines and the embedded digits, drawings and faces."""

from keras_gans.data.attributes import attributes, load_attributes
from keras_gans.data.colorization import colorization, draw_hints, extract_line_art
from keras_gans.data.embedded.digits import handwritten_digits, street_digits
from keras_gans.data.embedded.drawings import drawings
from keras_gans.data.embedded.faces import HAIR_COLORS, faces
from keras_gans.data.embedded.gaussians import (
    GaussianMixture,
    gaussian_grid,
    gaussian_ring,
)
from keras_gans.data.generation import generation
from keras_gans.data.paired import paired
from keras_gans.data.sources import load_images
from keras_gans.data.unpaired import unpaired
