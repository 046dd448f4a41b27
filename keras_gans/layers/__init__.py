from keras_gans.layers.batch_normalization import BatchNormalization
from keras_gans.layers.hint_pooling import HintPooling
from keras_gans.layers.image_pool import ImagePool
from keras_gans.layers.instance_normalization import InstanceNormalization, normalize
from keras_gans.layers.random_colors import RandomColors
from keras_gans.layers.reflection_padding import ReflectionPadding2D
from keras_gans.layers.size_multiple import SizeMultiple, size_multiple

__all__ = [
    "BatchNormalization",
    "HintPooling",
    "ImagePool",
    "InstanceNormalization",
    "RandomColors",
    "ReflectionPadding2D",
    "SizeMultiple",
    "normalize",
    "size_multiple",
]
