"""`tf.data` pipelines and the embedded digit domains."""

from keras_gans.data.digits import handwritten_digits, street_digits
from keras_gans.data.gaussians import GaussianMixture, gaussian_grid, gaussian_ring
from keras_gans.data.generation import generation
from keras_gans.data.sources import load_images
from keras_gans.data.unpaired import unpaired
