"""Instance normalization, and the choice of normalization that networks share."""

import keras
from keras import ops

from keras_gans.layers.batch_normalization import BatchNormalization


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
    returns `beta` there, whatever the input was.

    Args:
        epsilon: Positive float added to the variance, `1e-5` by default.
        center: Boolean, whether to add a trained offset `beta` per channel. `True`
            by default.
        scale: Boolean, whether to multiply by a trained factor `gamma` per channel.
            `True` by default. The original CycleGAN uses neither (`center=False,
            scale=False`).
        beta_initializer: Keras initializer of `beta`, `"zeros"` by default.
        gamma_initializer: Keras initializer of `gamma`, `"ones"` by default.
        beta_regularizer: Optional Keras regularizer of `beta`.
        gamma_regularizer: Optional Keras regularizer of `gamma`.
        beta_constraint: Optional Keras constraint of `beta`.
        gamma_constraint: Optional Keras constraint of `gamma`.
        **kwargs: `name`, `dtype` and the other arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)` (any number of
            spatial axes from one on), any range of values.

    Returns:
        Tensor of the shape of the input in the compute dtype of the layer. The
        statistics are taken in float32 under float16 and bfloat16.

    Raises:
        ValueError: If `epsilon` is not positive, or if the input has fewer than three
            axes or an unknown number of channels.

    Example:

    ```python
    layer = InstanceNormalization()
    outputs = layer(keras.random.normal((2, 32, 32, 3)))
    ```

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
        if not epsilon > 0:
            raise ValueError(
                "Argument `epsilon` must be a positive float. "
                f"Received: epsilon={epsilon}"
            )
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
        if len(input_shape) < 3 or input_shape[-1] is None:
            raise ValueError(
                "InstanceNormalization expects an input of shape (batch, height, "
                "width, channels) with a known number of channels. "
                f"Received: input_shape={tuple(input_shape)}"
            )
        for name, is_used in (("gamma", self.scale), ("beta", self.center)):
            if is_used:
                weight = self.add_weight(
                    name=name,
                    shape=(input_shape[-1],),
                    initializer=getattr(self, f"{name}_initializer"),
                    regularizer=getattr(self, f"{name}_regularizer"),
                    constraint=getattr(self, f"{name}_constraint"),
                    # In float32, for the float32 arithmetic of `call`.
                    autocast=False,
                )
                setattr(self, name, weight)

    def call(self, inputs):
        # float16 squares overflow beyond 256 and bfloat16 sums lose small addends.
        x = inputs
        if self.compute_dtype in ("float16", "bfloat16"):
            x = ops.cast(x, "float32")
        spatial_axes = list(range(1, len(x.shape) - 1))
        mean, variance = ops.moments(x, axes=spatial_axes, keepdims=True)
        # Folding everything into one factor and one offset per sample and channel
        # leaves a single multiply-add to do on the large tensor.
        factor = ops.rsqrt(variance + self.epsilon)
        if self.gamma is not None:
            factor = factor * ops.cast(self.gamma, factor.dtype)
        offset = -mean * factor
        if self.beta is not None:
            offset = offset + ops.cast(self.beta, offset.dtype)
        return ops.cast(x * factor + offset, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = {
            **super().get_config(),
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
        }
        for kind in ("initializer", "regularizer", "constraint"):
            serialize = getattr(keras, f"{kind}s").serialize
            for name in (f"beta_{kind}", f"gamma_{kind}"):
                config[name] = serialize(getattr(self, name))
        return config


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

    Raises:
        ValueError: If `normalization` is none of the three.
    """
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
    elif normalization == "instance":
        layer = InstanceNormalization(
            center=affine, scale=affine, gamma_initializer=gamma_initializer, name=name
        )
    else:
        raise ValueError(
            'Argument `normalization` must be "batch", "instance" or None. '
            f"Received: normalization={normalization!r}"
        )
    return layer(x)
