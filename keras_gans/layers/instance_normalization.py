"""Instance normalization, and the choice of normalization that networks share."""

import keras
from keras import ops

from keras_gans.checks import one_of, require
from keras_gans.layers.batch_normalization import (
    BatchNormalization,
    can_be_fused,
    fused_normalization,
)

# Batches of up to this many samples are normalized one by one, in half of the time.
FEW_SAMPLES = 8

# What can be chosen for the factor and the offset, and the module that knows it.
_KINDS = {
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
}


@keras.saving.register_keras_serializable(package="keras_gans")
class InstanceNormalization(keras.layers.Layer):
    """Normalizes every channel of every sample over its spatial axes.

    For each sample `b` and channel `c`, with the mean and variance taken over height
    and width alone:

        y = gamma_c * (x - mean_bc) / sqrt(variance_bc + epsilon) + beta_c

    Nothing is shared between the samples of a batch and nothing is accumulated, so
    training and inference are the same computation and the batch size does not
    matter. `keras.layers.GroupNormalization(groups=-1)` computes the same, but its
    configuration changes to the number of channels once it is built, and
    `groups=1` is layer normalization.

    A channel with a single pixel (height and width of 1) is its own mean: the layer
    returns `beta` there, whatever the input was. Statistics are taken in float32 under
    float16 and bfloat16.

    Args:
        epsilon: Positive float added to the variance, `1e-5` by default.
        center: Boolean, whether to add a trained offset `beta` per channel. `True`
            by default.
        scale: Boolean, whether to multiply by a trained factor `gamma` per channel.
            `True` by default. The original CycleGAN uses neither (`center=False,
            scale=False`).
        beta_initializer, gamma_initializer: Keras initializers, `"zeros"` and `"ones"`
            by default.
        beta_regularizer, gamma_regularizer: Optional Keras regularizers.
        beta_constraint, gamma_constraint: Optional Keras constraints.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)` (any number of
            spatial axes from one on), any range of values.

    Reference:
        Ulyanov, Vedaldi and Lempitsky, "Instance Normalization: The Missing
        Ingredient for Fast Stylization", 2016,
        [arXiv:1607.08022](https://arxiv.org/abs/1607.08022).
    """

    def __init__(
        self,
        epsilon=1e-5,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        require(epsilon > 0, "Argument `epsilon` must be positive", epsilon=epsilon)
        self.epsilon = float(epsilon)
        self.center = bool(center)
        self.scale = bool(scale)
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.beta_regularizer = keras.regularizers.get(beta_regularizer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.beta_constraint = keras.constraints.get(beta_constraint)
        self.gamma_constraint = keras.constraints.get(gamma_constraint)
        self.gamma = None
        self.beta = None

    def build(self, input_shape):
        require(
            len(input_shape) >= 3 and input_shape[-1] is not None,
            "InstanceNormalization expects an input of shape (batch, height, width, "
            "channels) with a known number of channels",
            input_shape=tuple(input_shape),
        )
        self.gamma = self._add("gamma", input_shape[-1]) if self.scale else None
        self.beta = self._add("beta", input_shape[-1]) if self.center else None

    def _add(self, name, channels):
        # autocast=False keeps both in float32 for the float32 arithmetic of `call`.
        options = {kind: getattr(self, f"{name}_{kind}") for kind in _KINDS}
        return self.add_weight((channels,), name=name, autocast=False, **options)

    def call(self, inputs):
        return self.normalize(inputs, self.gamma, self.beta)

    def normalize(self, inputs, gamma, beta):
        """Normalizes, with such a factor and offset.

        They are `None`, of shape `(channels,)`, or for each sample by itself of the
        shape of its mean: `(batch, 1, 1, channels)`.
        """
        if self._is_of_few_samples(inputs):
            # A sample alone is a batch whose channels have statistics of their own.
            batch = inputs.shape[0]
            samples = [
                fused_normalization(
                    *(sample, _of_sample(gamma, index), _of_sample(beta, index)),
                    self.epsilon,
                )[0]
                for index, sample in enumerate(
                    [inputs] if batch == 1 else ops.split(inputs, batch)
                )
            ]
            return samples[0] if batch == 1 else ops.concatenate(samples, 0)
        # float16 squares overflow beyond 256 and bfloat16 sums lose small addends.
        x = inputs
        if self.compute_dtype in ("float16", "bfloat16"):
            x = ops.cast(x, "float32")
        mean, variance = self.moments(x)
        # Folding everything into one factor and one offset per sample and channel
        # leaves a single multiply-add to do on the large tensor.
        factor = ops.rsqrt(variance + self.epsilon)
        if gamma is not None:
            factor = factor * ops.cast(gamma, factor.dtype)
        offset = -mean * factor
        if beta is not None:
            offset = offset + ops.cast(beta, offset.dtype)
        return ops.cast(x * factor + offset, self.compute_dtype)

    def _is_of_few_samples(self, inputs):
        batch, *spatial, _ = inputs.shape
        return (
            can_be_fused(inputs, self.compute_dtype)
            # Somebody may have given this layer other moments than its own.
            and "moments" not in vars(self)
            and batch is not None
            and 1 <= batch <= FEW_SAMPLES
            and spatial != [1, 1]
        )

    def moments(self, x):
        """Returns mean and variance of every sample and channel."""
        spatial_axes = list(range(1, len(x.shape) - 1))
        return ops.moments(x, axes=spatial_axes, keepdims=True)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = {
            **super().get_config(),
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
        }
        for kind, module in _KINDS.items():
            for name in (f"beta_{kind}", f"gamma_{kind}"):
                config[name] = module.serialize(getattr(self, name))
        return config


def _of_sample(affine, index):
    """Returns the factors or offsets of one sample, `(channels,)` or None."""
    if affine is None or len(affine.shape) == 1:
        return affine
    return ops.reshape(affine[index], (-1,))


def normalize(x, normalization, affine=True, gamma_initializer="ones", name=None):
    """Applies the normalization that a network was asked for.

    Args:
        x: Tensor of shape `(batch, height, width, channels)`.
        normalization: `"batch"`, `"instance"`, or `None` for no normalization.
        affine: Boolean, whether the normalization has a trained factor and offset
            per channel. `True` by default.
        gamma_initializer: Keras initializer of that factor, `"ones"` by default.
        name: Optional name of the layer.

    Returns:
        Tensor of the shape of `x`; `x` itself when `normalization` is `None`.
    """
    one_of("normalization", normalization, ("batch", "instance", None))
    if normalization is None:
        return x
    if normalization == "batch":
        layer = BatchNormalization(
            # The momentum and epsilon of the papers' own code. Keras's momentum of
            # 0.99 lags some hundred steps behind a network that moves all the time.
            momentum=0.9,
            epsilon=1e-5,
            center=affine,
            scale=affine,
            gamma_initializer=gamma_initializer,
            # Without it the moving statistics of several replicas drift apart. Only
            # TensorFlow has it; on a single device it costs nothing.
            synchronized=keras.backend.backend() == "tensorflow",
            name=name,
        )
    else:
        layer = InstanceNormalization(
            center=affine, scale=affine, gamma_initializer=gamma_initializer, name=name
        )
    return layer(x)
