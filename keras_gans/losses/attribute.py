"""Losses of attribute translation: an image gets attributes that it did not have.

Attributes are 0 or 1, of any numeric dtype, shape `(batch, attributes)`: those of a
real image, att, and those wanted of its translation x' = G(x, att'). Other values are
refused where data come in, not here.

`keras_gans.models.StarGAN` and `ACLGAN` say how they add up.
"""

import functools

import keras
from keras import ops

from keras_gans.checks import boolean, one_of, positive_float, require
from keras_gans.losses.common import (
    Loss,
    abstract,
    check_same_shape,
    compatible,
    loss_pair,
)

# For each form, the loss of outputs that ought to say real, and fake.
_FORMS = {
    "least_squares": (lambda output: ops.square(output - 1.0), ops.square),
    "wasserstein": (ops.negative, lambda output: output),
}


class AttributeLoss(Loss):
    """Base of the attribute losses: a GAN for each attribute, in one discriminator.

    The discriminator has one output for each attribute, which tells real images with
    that attribute from images that were translated to have it. Where an attribute is 0,
    its output has no part in the loss, and no gradient, even if it overflows.

    The values of a sample are summed over its attributes, as in the paper, so they grow
    with the number of attributes.

    Args:
        form: `"least_squares"` (LSGAN, without its ½), by default, or `"wasserstein"`,
            which has no lower bound by itself, see `AttributeDiscriminatorLoss`.
        with_complement: Boolean, whether the absence of an attribute is learned like
            one of its own. The discriminator then has two outputs for each attribute:
            first all for [att], then all for [1 - att]. Defaults to `False`, the paper.
        scale: Positive float, a constant factor of the loss. Defaults to 1.

    Reference:
        Cho and Yoon, section 3, see `keras_gans.models.ACLGAN`.
    """

    def __init__(
        self, form="least_squares", with_complement=False, scale=1.0, *args, **kwargs
    ):
        super().__init__(*args, **kwargs)
        self.form = one_of("form", form, tuple(_FORMS))
        self.with_complement = boolean("with_complement", with_complement)
        self.scale = positive_float("scale", scale)

    def call(self, attributes, output):
        raise abstract(self, "call", "AttributeDiscriminatorLoss")

    def as_real(self, attributes, output):
        """Returns `(batch,)`, the loss of outputs that ought to say real."""
        return self.scale * self._dot(attributes, output, _FORMS[self.form][0])

    def as_fake(self, attributes, output):
        """Returns `(batch,)`, the loss of outputs that ought to say fake."""
        return self.scale * self._dot(attributes, output, _FORMS[self.form][1])

    def score(self, attributes, output):
        """Returns `(batch,)`, D(x) · att, as the Wasserstein form reads the outputs."""
        return self._dot(attributes, output, lambda output: output)

    def _dot(self, attributes, output, elementwise):
        for name, tensor in (("attributes", attributes), ("output", output)):
            _check_is_tensor(name, tensor)
        _check_rank_of_attributes(attributes)
        if self.with_complement:
            attributes = ops.concatenate([attributes, 1.0 - attributes], axis=1)
        rank, columns = len(output.shape), (output.shape[0], output.shape[-1])
        require(
            rank >= 2 and compatible(attributes.shape, columns),
            "The discriminator must give each sample one output for each attribute"
            f"{' and one for its absence' if self.with_complement else ''}, shape "
            f"(batch, ..., {attributes.shape[1]})",
            samples=attributes.shape[0],
            shape=tuple(output.shape),
        )
        of_patches = attributes
        for _ in range(rank - 2):
            of_patches = ops.expand_dims(of_patches, 1)
        # Chosen before the square: zero times infinity would be no zero, here and in
        # the gradient.
        output = ops.where(ops.equal(of_patches, 0), 0.0, output)
        values = ops.mean(elementwise(output), axis=tuple(range(1, rank - 1)))
        return ops.sum(attributes * values, axis=1)


@keras.saving.register_keras_serializable(package="keras_gans")
class AttributeDiscriminatorLoss(AttributeLoss):
    """Attribute loss of the discriminator, with the arguments of `AttributeLoss`.

        least squares:  (D(x) - 1)² · att + D(x')² · att'
        Wasserstein:    -D(x) · att + D(x') · att'

    A real image without an attribute, and a translation that was not to have it, leave
    that attribute's output alone.

    Least squares have a lower bound by themselves. The Wasserstein form has one under
    two conditions, which `keras_gans.models.ACLGAN` meets:

    - The attributes wanted of translations are those of the real images, in another
      order. Else an attribute is more frequent on one side, and the loss falls with a
      constant that is added to its output.
    - `GradientPenalty` sees D(x̂) · att', the sum that the loss reads, on lines between
      a translation and a real image *with the attributes that it was to have*. The mean
      of the outputs does not tell how far two of them are apart, and lines to other
      images do not connect what an output has to compare.

    The loss with a penalty of weight λ is then at least -E[d + d² / 4λ], where d is the
    distance of the two images.

    ```python
    target = ops.roll(attributes, -1, axis=0)  # those of the next image
    fake = generator([images, target])
    penalty = keras_gans.losses.GradientPenalty()(
        lambda x: discriminator_loss.score(target, discriminator(x))[:, None],
        ops.roll(images, -1, axis=0),
        fake,
    )
    ```

    Call arguments:
        attributes: Pair (attributes of the real images, attributes that the translated
            images were to have), each a tensor `(batch, attributes)` of 0 and 1.
        outputs: Pair (output for real images, output for translated images), of shape
            `(batch, attributes)`, or `(batch, height, width, attributes)`, of which the
            patches are averaged. With the complement there are twice as many channels.

    Example:

    ```python
    discriminator_loss, generator_loss = keras_gans.losses.attribute_loss_pair()
    fake = generator([images, target])
    real_output, fake_output = discriminator(images), discriminator(fake)
    d_loss = discriminator_loss((attributes, target), (real_output, fake_output))
    g_loss = generator_loss(target, fake_output)
    ```
    """

    def call(self, attributes, outputs):
        for name, pair in (("attributes", attributes), ("outputs", outputs)):
            require(
                isinstance(pair, (tuple, list)) and len(pair) == 2,
                f"`{name}` must be a pair: `loss((real_attributes, target_attributes), "
                f"(real_output, fake_output))`. Received: {_kind(pair)}",
                TypeError,
            )
            for tensor in pair:
                _check_is_tensor(name, tensor, "two tensors")
        real_attributes, target_attributes = attributes
        real_output, fake_output = outputs
        check_same_shape(real_output=real_output, fake_output=fake_output)
        real_loss = self.as_real(real_attributes, real_output)
        return real_loss + self.as_fake(target_attributes, fake_output)


@keras.saving.register_keras_serializable(package="keras_gans")
class AttributeGeneratorLoss(AttributeLoss):
    """Attribute loss of the generator, with the arguments of `AttributeLoss`.

        least squares:  (D(x') - 1)² · att'
        Wasserstein:    -D(x') · att'

    Call arguments:
        attributes: Attributes that the translated images were to have, a tensor
            `(batch, attributes)` of 0 and 1.
        output: Discriminator's output for the translated images, of a shape as for
            `AttributeDiscriminatorLoss`.
    """

    def call(self, attributes, output):
        return self.as_real(attributes, output)


@keras.saving.register_keras_serializable(package="keras_gans")
class AttributeClassificationLoss(Loss):
    """Cross entropy of attributes, StarGAN's classification loss.

        -Σ att log s(logit) + (1 - att) log(1 - s(logit))

    `s` is the sigmoid, and the sum runs over the attributes, as in the authors' code;
    `keras.losses.BinaryCrossentropy` has the mean, which is smaller by their number.

    Call arguments:
        attributes: Tensor of shape `(batch, attributes)` of 0 and 1: those of real
            images for the discriminator, the wanted ones for the generator.
        logits: What the discriminator says about the same images, of the same shape.

    Reference:
        Choi et al., eqs. 2 and 3, see `keras_gans.models.StarGAN`.
    """

    def call(self, attributes, logits):
        for name, tensor in (("attributes", attributes), ("logits", logits)):
            _check_is_tensor(name, tensor)
        _check_rank_of_attributes(attributes)
        check_same_shape(attributes=attributes, logits=logits)
        values = ops.binary_crossentropy(attributes, logits, from_logits=True)
        return ops.sum(values, axis=1)


def attribute_loss_pair(identifier="least_squares", with_complement=False):
    """Returns `(discriminator_loss, generator_loss)` for the name of a form or a pair.

    Args:
        identifier: `"least_squares"` or `"wasserstein"`, or a pair
            `(discriminator_loss, generator_loss)` of `keras.losses.Loss` objects that
            are called as `AttributeDiscriminatorLoss` and `AttributeGeneratorLoss` are.
        with_complement: Boolean, whether the discriminator has outputs for the absence
            of attributes too. The losses of a pair must agree.
    """
    kinds = AttributeDiscriminatorLoss, AttributeGeneratorLoss
    by_name = {
        form: [functools.partial(kind, form, with_complement) for kind in kinds]
        for form in _FORMS
    }
    pair = loss_pair("attribute_loss", identifier, by_name)
    for loss, opposite in zip(pair, reversed(kinds), strict=True):
        require(
            not isinstance(loss, opposite),
            "Argument `attribute_loss` must be the discriminator's loss first and the "
            "generator's second",
            attribute_loss=identifier,
        )
        # A loss of someone else's, without the attribute, is taken on trust.
        complement = getattr(loss, "with_complement", with_complement)
        require(
            complement == with_complement,
            "Argument `attribute_loss` must fit the discriminator, which has "
            f"{'two outputs' if with_complement else 'one output'} for each attribute",
            attribute_loss=type(loss).__name__,
            with_complement=complement,
        )
    return pair


def _kind(value):
    if hasattr(value, "shape"):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"a {type(value).__name__} of {len(value)}"


def _check_is_tensor(name, value, what="one tensor"):
    # Keras has made tensors of all leaves: a list of lists is one of scalars by now.
    require(
        hasattr(value, "shape"),
        f"`{name}` must be {what}; make arrays of lists. Received: {_kind(value)}",
        TypeError,
    )


def _check_rank_of_attributes(attributes):
    require(
        len(attributes.shape) == 2,
        "Attributes must have the shape (batch, attributes)",
        shape=tuple(attributes.shape),
    )
