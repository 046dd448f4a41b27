"""`tf.data` pipelines and the embedded digit domains."""

from keras_gans.data.digits import handwritten_digits, street_digits
from keras_gans.data.sources import load_images
from keras_gans.data.unpaired import unpaired
