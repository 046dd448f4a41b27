"""Layers that Keras lacks, and the choice of normalization that networks share.

They also take `name`, `dtype` and so on of `keras.layers.Layer`. All raise a
`TypeError` for an argument of another kind than its documentation names, and a
`ValueError` for one out of its range or an input that does not fit.
"""

from keras_gans.layers.adaptive_instance_normalization import (
    AdaptiveInstanceNormalization,
)
from keras_gans.layers.batch_normalization import BatchNormalization
from keras_gans.layers.dropout import Dropout
from keras_gans.layers.hint_pooling import HintPooling
from keras_gans.layers.image_pool import ImagePool
from keras_gans.layers.instance_normalization import InstanceNormalization, normalize
from keras_gans.layers.masked_means import MaskedMeans
from keras_gans.layers.random_colors import RandomColors
from keras_gans.layers.reflection_padding import ReflectionPadding2D
from keras_gans.layers.resize_conv import ResizeConv2D
from keras_gans.layers.size_multiple import SizeMultiple, size_multiple
from keras_gans.layers.style_pool import StylePool
