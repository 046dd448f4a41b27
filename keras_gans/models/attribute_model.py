"""The base of StarGAN and ACL-GAN: images are translated to wanted attributes."""

import numpy as np
from keras import ops

from keras_gans.checks import non_negative_float, require
from keras_gans.losses.common import compatible
from keras_gans.losses.penalties import GradientPenalty
from keras_gans.models.attribute_choices import AttributeChoices
from keras_gans.models.critic_model import CriticModel
from keras_gans.models.inputs import (
    check_attributes,
    check_images,
    check_is_batch,
)
from keras_gans.models.seeds import ReplicaSeedGenerator
from keras_gans.models.structure import in_batches, shapes_of, unpack_pair

_BATCH = 64
_PAIRS = "Data must be batches (images, attributes)"


class AttributeModel(CriticModel):
    """Base class of models with one generator that edits attributes of images.

    It owns what StarGAN and ACL-GAN share: the names of the attributes and which of
    them exclude each other, `edit`, and checks of networks and data. A subclass writes
    `compile`, `train_step`, `draw_targets(attributes, seed)`, which returns the wanted
    attributes, and `discriminator_losses` and `generator_losses`, which take images,
    attributes, wanted attributes, translations and `training`.

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
        **kwargs: As for `AdversarialModel`.

    Call arguments:
        inputs: Pair `(images, attributes)`: images of shape
            `(batch, height, width, channels)` in [-1, 1], and the wanted attributes, 0
            or 1, of shape `(batch, attributes)`.
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
        """
        require(
            self.has_mask or not return_mask,
            "Argument `return_mask` must be False, because the generator has no mask",
            return_mask=return_mask,
        )
        images = self._check_images(images)
        target = self.choices.target_of(
            images, add, remove, attributes, self.predict_attributes
        )
        outputs = self.translate(images, target)
        return outputs if return_mask else outputs[0]

    def translate(self, images, attributes):
        """Translates images batch by batch, and tells all that the generator makes.

        The images are as for `edit`, the wanted attributes an array of 0 and 1 of shape
        `(n, attributes)`.

        Returns:
            Tuple of NumPy arrays of float32: `(translation, mask, segment)`, or
            `(translation,)` if the generator has no mask.
        """
        generator = self.inference_network("generator")
        attributes = np.asarray(attributes, "float32")
        return in_batches(
            lambda *inputs: generator(list(inputs), training=False),
            _BATCH,
            *(self._check_images(images), attributes),
        )

    def predict_attributes(self, images):
        """Tells which attributes images have, as `attributes_of` does for a batch."""
        return in_batches(self.attributes_of, _BATCH, self._check_images(images))[0]

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
        require(
            images.dtype.kind == "f",
            "Argument `images` must be floats in [-1, 1]",
            TypeError,
            dtype=images.dtype,
        )
        expected = shapes_of(self.generator.input_shape)[0]
        require(
            len(images) and compatible(images.shape, expected),
            f"Argument `images` must have the shape {('n', *expected[1:])}",
            shape=images.shape,
        )
        return images.astype("float32", copy=False)

    def default_penalty(self):
        weight = self.gradient_penalty_weight
        return GradientPenalty(weight) if weight else None

    def test_step(self, data):
        images, attributes = self.unpack(data)
        # Always the same targets: an evaluation leaves the random state alone.
        target = self.draw_targets(attributes, seed=0)
        # Losses are those of the weights that are trained, not of their averages.
        outputs = self.generator([images, target], training=False)
        translated = outputs[0] if self.has_mask else outputs
        batch = images, attributes, target, translated
        return self.log(
            self.discriminator_losses(*batch, training=False)
            | self.generator_losses(*batch, training=False)
        )

    def unpack(self, data):
        """Returns images and attributes of a batch, in float32."""
        images, attributes = unpack_pair(data, _PAIRS)
        return images, ops.cast(attributes, "float32")

    def check_batch(self, batch):
        images, attributes = unpack_pair(batch, _PAIRS)
        check_images("Data `images`", images)
        check_attributes(attributes)

    def check_spec(self, element_spec):
        images, attributes = unpack_pair(element_spec, _PAIRS)
        check_is_batch("images", images)
        check_is_batch("attributes", attributes)
        expected = shapes_of(self.discriminator.input_shape)[0]
        require(
            compatible(images.shape, expected),
            f"Data must have images of shape {('batch', *expected[1:])}, as the "
            "discriminator sees them",
            shape=tuple(images.shape),
        )
        require(
            compatible(attributes.shape, (None, len(self.attribute_names))),
            f"Data must have one column for each of {self.attribute_names}",
            shape=tuple(attributes.shape),
        )

    def _check_networks(self):
        self.check_shapes_are_known()
        inputs, count = shapes_of(self.generator.input_shape), len(self.attribute_names)
        require(
            [len(shape) for shape in inputs] == [4, 2] and inputs[1][1] == count,
            f"Argument `generator` must take [images, attributes] with {count} "
            "attributes, as many as there are names",
            inputs=inputs,
        )
        outputs = shapes_of(self.generator.output_shape)
        require(
            len(outputs) in (1, 3) and outputs[0][-1] == inputs[0][-1],
            "Argument `generator` must return the translation, or [translation, mask, "
            "segment]",
            outputs=outputs,
        )
        received = shapes_of(self.discriminator.input_shape)
        require(
            len(received) == 1 and compatible(received[0], inputs[0]),
            "Argument `discriminator` must take the images of the generator, of shape "
            f"{inputs[0]}",
            inputs=received,
        )
