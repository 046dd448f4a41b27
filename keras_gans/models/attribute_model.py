"""The base of StarGAN and ACL-GAN: images are translated to wanted attributes."""

import numpy as np
from keras import ops

from keras_gans.losses.common import non_negative_float
from keras_gans.losses.penalties import GradientPenalty
from keras_gans.models.attribute_choices import AttributeChoices
from keras_gans.models.critic_model import CriticModel
from keras_gans.models.seeds import ReplicaSeedGenerator
from keras_gans.models.structure import compatible, shapes_of, unpack_pair

_BATCH = 64
_PAIRS = "Data must be batches (images, attributes)"


class AttributeModel(CriticModel):
    """Base class of models with one generator that edits attributes of images.

    It owns what StarGAN and ACL-GAN share: the names of the attributes and which of
    them exclude each other, `edit`, and checks of networks and data. A subclass writes
    `compile`, the losses, `train_step` and `test_step`.

    Args:
        generator: Built `keras.Model` from `[images, attributes]` to the translation in
            [-1, 1], or to a list of the translation, its mask and its segment.
        discriminator: Built `keras.Model` of images.
        attribute_names: Sequence of strings, the names of the attributes in the order
            of the data.
        exclusive_groups: Sequence of groups of names of which an image has at most one,
            hair colours for example. Defaults to none.
        gradient_penalty_weight: Non-negative float, the factor of
            `keras_gans.losses.GradientPenalty`, the penalty of `compile` by default; 0
            for none.
        n_critic: Positive integer, updates of the discriminator for each of the
            generator.
        seed: Optional integer, the seed of the attributes that are drawn.
        **kwargs: `ema_decay`, `name` and so on of `AdversarialModel`.

    Call arguments:
        inputs: Pair `(images, attributes)`: images of shape
            `(batch, height, width, channels)` in [-1, 1], and the wanted attributes, 0
            or 1, of shape `(batch, attributes)`.

    Returns:
        The translated images in [-1, 1].
    """

    export_kind = "editing"
    # Which of the networks `attributes_of` asks.
    discriminator_classifies = False

    def __init__(
        self,
        generator,
        discriminator,
        attribute_names,
        exclusive_groups=(),
        gradient_penalty_weight=10.0,
        n_critic=5,
        seed=None,
        **kwargs,
    ):
        super().__init__(
            networks={"generator": generator, "discriminator": discriminator},
            n_critic=n_critic,
            **kwargs,
        )
        self.choices = AttributeChoices(attribute_names, exclusive_groups)
        self.attribute_names = self.choices.names
        self.exclusive_groups = self.choices.exclusive_groups
        self.gradient_penalty_weight = non_negative_float(
            "gradient_penalty_weight", gradient_penalty_weight
        )
        self.seed = seed
        self.seed_generator = ReplicaSeedGenerator(seed)
        self._check_networks()

    @property
    def has_mask(self):
        """Whether the generator tells where it changes an image."""
        return len(shapes_of(self.generator.output_shape)) == 3

    def call(self, inputs, training=False):
        generator = self.generator if training else self.inference_network("generator")
        images, attributes = inputs
        outputs = generator([images, attributes], training=training)
        return outputs[0] if self.has_mask else outputs

    # Editing -------------------------------------------------------------------------

    def edit(self, images, add=(), remove=(), attributes=None, return_mask=False):
        """Gives images attributes, or takes them away.

        What is neither added nor removed stays as `attributes` has it. Without that
        argument `predict_attributes` tells what the images have. An attribute that is
        added takes the place of the others in its exclusive group.

        Args:
            images: Float array or tensor of shape `(n, height, width, channels)` in
                [-1, 1].
            add: Name of an attribute or a sequence of names.
            remove: Likewise.
            attributes: Optional array of 0 and 1, the attributes that the images have,
                of shape `(n, attributes)`, or `(attributes,)` for all alike.
            return_mask: Boolean, whether to return the mask and the segment as well.

        Returns:
            NumPy array of float32 in [-1, 1] of the shape of `images`; with
            `return_mask` the tuple `(translation, mask, segment)`, where the mask is of
            shape `(n, height, width, 1)` in [0, 1].

        Raises:
            ValueError: If an attribute is unknown or both wanted and not, if the images
                or attributes are of another shape, or if the generator has no mask.
        """
        if return_mask and not self.has_mask:
            raise ValueError(
                "Argument `return_mask` must be False, because the generator has no "
                "mask. Received: return_mask=True"
            )
        images = self._check_images(images)
        target = self.choices.target_of(
            images, add, remove, attributes, self.predict_attributes
        )
        outputs = self.translate(images, target)
        return outputs if return_mask else outputs[0]

    def translate(self, images, attributes):
        """Translates images batch by batch, and tells all that the generator makes.

        Args:
            images: Float array or tensor of shape `(n, height, width, channels)` in
                [-1, 1].
            attributes: Array of 0 and 1 of shape `(n, attributes)`, the wanted ones.

        Returns:
            Tuple of NumPy arrays of float32: `(translation, mask, segment)`, or
            `(translation,)` if the generator has no mask.
        """
        generator = self.inference_network("generator")

        def translate_batch(*inputs):
            outputs = generator(list(inputs), training=False)
            return outputs if self.has_mask else [outputs]

        attributes = np.asarray(attributes, "float32")
        return in_batches(translate_batch, self._check_images(images), attributes)

    def predict_attributes(self, images):
        """Tells which attributes images have; see `attributes_of`.

        Args:
            images: Float array or tensor of shape `(n, height, width, channels)` in
                [-1, 1].

        Returns:
            NumPy array of float32, 0 and 1, of shape `(n, attributes)`.
        """
        (attributes,) = in_batches(
            lambda batch: [self.attributes_of(batch)], self._check_images(images)
        )
        return attributes

    def attributes_of(self, images, generator=None):
        """Tells which attributes a batch of images has: those to which the generator
        changes it least.

        Both losses ask for that: an image that already has what is wanted should stay
        as it is. One attribute after the other, or group, is given the value with the
        smallest mean |x - G(x, attributes)|; twice, as one may depend on another.

        Args:
            images: Float tensor of shape `(batch, height, width, channels)` in [-1, 1].
            generator: Network to ask in the place of the model's own.

        Returns:
            Float tensor of 0 and 1, of shape `(batch, attributes)`.
        """
        images = ops.cast(images, "float32")
        generator = generator or self.inference_network("generator")
        units = np.eye(len(self.attribute_names), dtype="float32")
        best = ops.zeros((ops.shape(images)[0], len(units)))
        for group in self.choices.places * 2:
            others = best * (1.0 - units[group].sum(axis=0))
            candidates = [others] + [others + units[place] for place in group]
            changes = []
            for candidate in candidates:
                outputs = generator([images, candidate], training=False)
                translated = outputs[0] if self.has_mask else outputs
                changes.append(ops.mean(ops.abs(translated - images), axis=(1, 2, 3)))
            chosen = ops.argmin(ops.stack(changes, axis=1), axis=1)
            chosen = ops.expand_dims(ops.one_hot(chosen, len(candidates)), -1)
            best = ops.sum(chosen * ops.stack(candidates, axis=1), axis=1)
        return best

    def _check_images(self, images):
        images = np.asarray(images)
        if images.dtype.kind != "f":
            raise TypeError(
                "Argument `images` must be floats in [-1, 1]. "
                f"Received: images of dtype {images.dtype}"
            )
        expected = shapes_of(self.generator.input_shape)[0]
        if not compatible(images.shape, expected) or not len(images):
            raise ValueError(
                f"Argument `images` must have the shape {('n', *expected[1:])}. "
                f"Received: images of shape {images.shape}"
            )
        return images.astype("float32", copy=False)

    # Losses --------------------------------------------------------------------------

    def default_penalty(self):
        weight = self.gradient_penalty_weight
        return GradientPenalty(weight) if weight else None

    # Data ----------------------------------------------------------------------------

    def unpack(self, data):
        """Returns images and attributes of a batch, in float32."""
        images, attributes = unpack_pair(data, _PAIRS)
        return images, ops.cast(attributes, "float32")

    def build_state(self, element_spec):
        images, attributes = unpack_pair(element_spec, _PAIRS)
        expected = shapes_of(self.discriminator.input_shape)[0]
        if not compatible(tuple(images.shape), expected):
            raise ValueError(
                f"Data must have images of shape {('batch', *expected[1:])}, as the "
                f"discriminator sees them. Received: shape {tuple(images.shape)}"
            )
        expected = (None, len(self.attribute_names))
        if not compatible(tuple(attributes.shape), expected):
            raise ValueError(
                f"Data must have one column for each of {self.attribute_names}. "
                f"Received: attributes of shape {tuple(attributes.shape)}"
            )

    # Configuration -------------------------------------------------------------------

    def get_config(self):
        return {
            **super().get_config(),
            "attribute_names": list(self.attribute_names),
            "exclusive_groups": [list(group) for group in self.exclusive_groups],
            "gradient_penalty_weight": self.gradient_penalty_weight,
            "seed": self.seed,
        }

    def _check_networks(self):
        inputs = shapes_of(self.generator.input_shape)
        if [len(shape) for shape in inputs] != [4, 2] or inputs[1][1] != len(
            self.attribute_names
        ):
            raise ValueError(
                "Argument `generator` must take [images, attributes] with "
                f"{len(self.attribute_names)} attributes, as many as there are names. "
                f"Received a network of inputs of shapes {inputs}."
            )
        outputs = shapes_of(self.generator.output_shape)
        if len(outputs) not in (1, 3) or outputs[0][-1] != inputs[0][-1]:
            raise ValueError(
                "Argument `generator` must return the translation, or [translation, "
                f"mask, segment]. Received a network of outputs of shapes {outputs}."
            )
        received = shapes_of(self.discriminator.input_shape)
        if len(received) != 1 or not compatible(received[0], inputs[0]):
            raise ValueError(
                "Argument `discriminator` must take the images of the generator, of "
                f"shape {inputs[0]}. Received a network of inputs {received}."
            )


def in_batches(function, *arrays):
    """Calls a function of batches, and returns the tuple of its joined outputs."""
    parts = [
        [
            ops.convert_to_numpy(output)
            for output in function(*(array[start : start + _BATCH] for array in arrays))
        ]
        for start in range(0, len(arrays[0]), _BATCH)
    ]
    return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))
