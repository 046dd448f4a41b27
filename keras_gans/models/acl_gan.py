"""ACL-GAN: one GAN for each attribute, in one discriminator, and no way back."""

import keras
from keras import ops

from keras_gans.checks import non_negative_float, require
from keras_gans.distribution import draw, over_whole_batch
from keras_gans.losses.attribute import attribute_loss_pair
from keras_gans.models.attribute_model import AttributeModel
from keras_gans.models.structure import shapes_of


@keras.saving.register_keras_serializable(package="keras_gans")
class ACLGAN(AttributeModel):
    """Learns to give images attributes, by a discriminator with an output for each.

    With images x that have the attributes att, wanted attributes att' and translations
    x' = G(x, att'), where · is the dot product over the attributes (section 3):

        L_D = λ_att E[(D(x) - 1)² · att + D(x')² · att'] (+ penalty)
        L_G = λ_att E[(D(x') - 1)² · att'] + λ_con E[mean |x - x'|]

    or, in the Wasserstein form, which the paper mentions without a formula:

        L_D = λ_att E[-D(x) · att + D(x') · att'] + λ_gp E[(‖∇D(x̂) · att'‖₂ - 1)²]
        L_G = λ_att E[-D(x') · att'] + λ_con E[mean |x - x'|]

    The paper names its simplified content loss and gives no formula: it passes the
    generator once where StarGAN's reconstruction passes it twice, and is read here as
    the distance between an image and its own translation.

    Where an attribute is 0 nothing is learned, so an attribute can be given but not
    taken away. With a discriminator that has a second output for each attribute (the
    complement, as in the author's later code) its absence is learned like one more
    attribute; the loss follows the discriminator in this.

    The wanted attributes are those of the image, of which each is flipped with a
    probability of ½. Of an exclusive group another member takes the place. In the
    Wasserstein form they are those of the next image in the batch, and x̂ lies between
    x' and that image: so the loss has a lower bound, see
    `keras_gans.losses.AttributeDiscriminatorLoss`.

    Args:
        generator: Built `keras.Model` from `[images, attributes]` to images in [-1, 1],
            or to `[images, mask, segment]`: `keras_gans.networks.aclgan_generator`.
        discriminator: Built `keras.Model` from images to an output for each attribute,
            or two: `keras_gans.networks.aclgan_discriminator`.
        attribute_names, exclusive_groups: See `AttributeModel`.
        attribute_weight: Non-negative float, λ_att. Defaults to 1.
        content_weight: Non-negative float, λ_con. Defaults to 0.01; the paper names no
            weight. Far above λ_att the mask closes before anything is learned.
        gradient_penalty_weight: Non-negative float, the factor of a gradient penalty,
            which the Wasserstein form needs. Defaults to 0, none.
        flip_probability: Float in (0, 1], ½ by default. Without effect in the
            Wasserstein form.
        n_critic: Positive integer, updates of the discriminator for each of the
            generator. Defaults to 1.
        **kwargs: As for `AttributeModel`; `seed` is that of the penalty, too.

    Example:

    ```python
    data = keras_gans.data.attributes("faces", select=["Smiling", "Eyeglasses"])
    model = keras_gans.models.ACLGAN(
        generator=aclgan_generator(attributes=2),
        discriminator=aclgan_discriminator(2, size=64, with_complement=True),
        attribute_names=data.attribute_names,
    )
    model.compile()
    model.fit(data, epochs=20)
    images, mask, segment = model.edit(images, add="Smiling", return_mask=True)
    ```

    Reference:
        Cho and Yoon, "ACL-GAN: Image-to-Image translation GAN with enhanced learning
        and hyper-parameter searching speed using new loss function" (in Korean).
    """

    loss_names = ("generator_loss", "discriminator_loss", "content_loss")

    def __init__(
        self,
        generator,
        discriminator,
        attribute_names,
        exclusive_groups=(),
        attribute_weight=1.0,
        content_weight=0.01,
        gradient_penalty_weight=0.0,
        flip_probability=0.5,
        n_critic=1,
        **kwargs,
    ):
        super().__init__(
            generator,
            discriminator,
            attribute_names,
            exclusive_groups,
            gradient_penalty_weight=gradient_penalty_weight,
            n_critic=n_critic,
            **kwargs,
        )
        self.attribute_loss = None
        self.attribute_weight = non_negative_float("attribute_weight", attribute_weight)
        self.content_weight = non_negative_float("content_weight", content_weight)
        self.flip_probability = non_negative_float("flip_probability", flip_probability)
        require(
            0 < flip_probability <= 1,
            "Argument `flip_probability` must be greater than 0 and at most 1",
            flip_probability=flip_probability,
        )

    @property
    def with_complement(self):
        """Whether the discriminator learns the absence of attributes as well."""
        (outputs,) = shapes_of(self.discriminator.output_shape)
        return outputs[-1] == 2 * len(self.attribute_names)

    def default_optimizer(self, role):
        # StarGAN's; the paper names none. The discriminator must be ahead of the
        # generator, or that deceives it with coloured noise, but not far ahead, or the
        # mask stays closed. StarGAN's makes five updates for each of the generator.
        rate = {"generator": 1e-4, "discriminator": 2e-4}[role]
        return keras.optimizers.Adam(rate, beta_1=0.5)

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        attribute_loss="least_squares",
        content_loss=None,
        penalty=None,
        **kwargs,
    ):
        """Configures training, see `AdversarialModel`.

        Args:
            attribute_loss: `"least_squares"`, the paper's and the default,
                `"wasserstein"`, for which there must be a penalty, or a pair of losses,
                see `keras_gans.losses.attribute_loss_pair`.
            content_loss: `keras.losses.Loss` of (image, translation). Defaults to
                `keras.losses.MeanAbsoluteError()`.
            penalty: Penalty on the mean of the outputs; in the Wasserstein form on
                their sum over the wanted attributes. Only `GradientPenalty`, which
                `gradient_penalty_weight` stands for, gives that form its lower bound.
        """
        losses = attribute_loss_pair(attribute_loss, self.with_complement)
        penalty = self.find_penalty(penalty)
        is_wasserstein = "wasserstein" in [getattr(loss, "form", 0) for loss in losses]
        require(
            penalty is not None or not is_wasserstein,
            "Argument `attribute_loss` must not be 'wasserstein' without a gradient "
            "penalty, because the discriminator's loss has no lower bound then. Make "
            "the model with `gradient_penalty_weight=10`",
            attribute_loss=attribute_loss,
        )
        self.compile_roles(
            [generator_optimizer, discriminator_optimizer],
            {
                "attribute_loss": losses,
                "content_loss": content_loss or keras.losses.MeanAbsoluteError(),
                "penalty": penalty,
            },
            **kwargs,
        )

    @property
    def is_wasserstein(self):
        """Whether the discriminator learns by the Wasserstein form."""
        discriminator_loss = (self.attribute_loss or (None,))[0]
        return getattr(discriminator_loss, "form", None) == "wasserstein"

    def draw_targets(self, attributes, seed):
        """Returns wanted attributes: those of the images, some of them flipped; in the
        Wasserstein form those of the next image."""
        if self.is_wasserstein:
            return over_whole_batch(lambda whole: ops.roll(whole, -1, 0), attributes)
        count = len(self.attribute_names)
        shape = (ops.shape(attributes)[0], 2 * count)
        random = draw(keras.random.uniform, shape, seed)
        flips, scores = random[:, :count] < self.flip_probability, random[:, count:]
        targets = []
        for choice in self.choices.places:
            current = ops.take(attributes, choice, axis=1)
            if len(choice) == 1:
                other = 1.0 - current
            else:
                # A random one of those that the image does not have.
                scores_of_others = ops.take(scores, choice, axis=1) - 2.0 * current
                other = ops.one_hot(ops.argmax(scores_of_others, axis=1), len(choice))
            flip = ops.take(flips, choice[:1], axis=1)
            targets.append(ops.where(flip, other, current))
        order = [place for choice in self.choices.places for place in choice]
        back = [order.index(place) for place in range(count)]
        return ops.take(ops.concatenate(targets, axis=1), back, axis=1)

    def critic_of(self, target):
        """Returns what a penalty sees of the discriminator, a function of images: its
        outputs; in the Wasserstein form what the loss reads of them."""
        if not self.is_wasserstein:
            return self.discriminator

        def score(images, training):
            output = self.discriminator(images, training=training)
            return ops.expand_dims(self.attribute_loss[0].score(target, output), axis=1)

        return score

    def discriminator_losses(self, images, attributes, target, translated, training):
        outputs = self.call_together(self.discriminator, [images, translated], training)
        loss = self.attribute_loss[0]((attributes, target), outputs)
        if self.is_wasserstein:
            # Beside each translation is the image whose attributes it was to have.
            images = ops.roll(images, -1, axis=0)
        critic = self.critic_of(target)
        penalty = self.penalty_of(critic, images, translated, training)
        return {"discriminator_loss": self.attribute_weight * loss + penalty}

    def generator_losses(self, images, attributes, target, translated, training):
        output = self.discriminator(translated, training=training)
        attribute_loss = self.attribute_loss[1](target, output)
        content_loss = self.content_loss(images, translated)
        return {
            "generator_loss": self.attribute_weight * attribute_loss
            + self.content_weight * content_loss,
            "content_loss": content_loss,
        }

    def train_step(self, data):
        images, attributes = self.unpack(data)
        target = self.draw_targets(attributes, self.seed_generator)
        # 1. Translate, once for both updates.
        with self.recording("generator") as step:
            translated = self((images, target), training=True)
        batch = images, attributes, target, translated
        # 2. For each attribute the discriminator learns to tell images that have it
        #    from translations that were to have it.
        losses = self.minimize(
            "discriminator", lambda: self.discriminator_losses(*batch, training=True)
        )
        # 3. After `n_critic` such steps the generator learns to deceive it in each
        #    wanted attribute, and to change the image no more than that takes.
        self.count_critic_step()
        if self.updates_generator:
            losses |= step.minimize(
                lambda: self.generator_losses(*batch, training=True)
            )
        return self.log(losses)

    def _check_networks(self):
        super()._check_networks()
        outputs = shapes_of(self.discriminator.output_shape)
        count = len(self.attribute_names)
        require(
            len(outputs) == 1 and outputs[0][-1] in (count, 2 * count),
            f"Argument `discriminator` must return {count} outputs, one for each "
            f"attribute, or {2 * count} with the complement",
            outputs=outputs,
        )
