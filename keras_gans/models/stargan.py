"""StarGAN: one generator for several attributes, and a classifier to tell them."""

import keras
import numpy as np
from keras import ops

from keras_gans.checks import non_negative_float, require
from keras_gans.distribution import over_whole_batch
from keras_gans.losses.attribute import AttributeClassificationLoss
from keras_gans.losses.pairs import adversarial_loss_pair
from keras_gans.models.attribute_model import AttributeModel
from keras_gans.models.structure import shapes_of


@keras.saving.register_keras_serializable(package="keras_gans")
class StarGAN(AttributeModel):
    """Learns to give images attributes, by a discriminator that also classifies.

    With images x that have the attributes c, wanted attributes c', and the two outputs
    D_src and D_cls of the discriminator (eqs. 1 to 7):

        L_D = E[D_src(G(x, c'))] - E[D_src(x)] + λ_gp E[(‖∇D_src(x̂)‖₂ - 1)²]
              + λ_cls E[-log D_cls(c|x)]
        L_G = -E[D_src(G(x, c'))] + λ_cls E[-log D_cls(c'|G(x, c'))]
              + λ_rec E[mean |x - G(G(x, c'), c)|]

    The wanted attributes are those of the other images of the batch, in random order.
    Each batch is one update of the discriminator; every `n_critic`-th also updates the
    generator. The classification loss is summed over the attributes, the penalty is
    that of the mean over the patches. (The authors' code penalizes the gradient of
    their sum.)

    Args:
        generator: Built `keras.Model` from `[images, attributes]` to images in [-1, 1],
            `keras_gans.networks.stargan_generator`.
        discriminator: Built `keras.Model` from images to `[patches, logits]`,
            `keras_gans.networks.stargan_discriminator`.
        attribute_names, exclusive_groups: See `AttributeModel`; groups matter for
            `edit` alone.
        adversarial_weight: Non-negative float, the factor of the adversarial loss,
            penalty included. Defaults to 1.
        classification_weight: Non-negative float, λ_cls. Defaults to 1.
        reconstruction_weight: Non-negative float, λ_rec. Defaults to 10.
        gradient_penalty_weight: Non-negative float, λ_gp. Defaults to 10. Another
            penalty can be given to `compile`.
        n_critic: Positive integer, 5 by default.
        **kwargs: As for `AttributeModel`; `seed` is that of the penalty, too.

    Example:

    ```python
    data = keras_gans.data.attributes("faces", select=["Smiling", "Eyeglasses"])
    model = keras_gans.models.StarGAN(
        generator=stargan_generator(attributes=2),
        discriminator=stargan_discriminator(attributes=2, size=64),
        attribute_names=data.attribute_names,
    )
    model.compile()
    model.fit(data, epochs=20)
    images = model.edit(images, add="Smiling")
    ```

    Reference:
        Choi et al., "StarGAN: Unified Generative Adversarial Networks for Multi-Domain
        Image-to-Image Translation", 2018, https://arxiv.org/abs/1711.09020
    """

    loss_names = (
        "generator_loss",
        "discriminator_loss",
        "classification_loss",
        "target_classification_loss",
        "reconstruction_loss",
    )
    discriminator_classifies = True

    def __init__(
        self,
        generator,
        discriminator,
        attribute_names,
        exclusive_groups=(),
        adversarial_weight=1.0,
        classification_weight=1.0,
        reconstruction_weight=10.0,
        **kwargs,
    ):
        super().__init__(
            generator,
            discriminator,
            attribute_names,
            exclusive_groups,
            **kwargs,
        )
        for name, weight in (
            ("adversarial_weight", adversarial_weight),
            ("classification_weight", classification_weight),
            ("reconstruction_weight", reconstruction_weight),
        ):
            setattr(self, name, non_negative_float(name, weight))

    def default_optimizer(self, role):
        return keras.optimizers.Adam(1e-4, beta_1=0.5)

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss="wasserstein",
        classification_loss=None,
        reconstruction_loss=None,
        penalty=None,
        **kwargs,
    ):
        """Configures training, see `AdversarialModel`.

        Args:
            classification_loss: `keras.losses.Loss` of (attributes, logits). Defaults
                to `keras_gans.losses.AttributeClassificationLoss()`.
            reconstruction_loss: `keras.losses.Loss` of (image, reconstruction).
                Defaults to `keras.losses.MeanAbsoluteError()`.
        """
        self.compile_roles(
            [generator_optimizer, discriminator_optimizer],
            {
                "adversarial_loss": adversarial_loss_pair(adversarial_loss),
                "classification_loss": classification_loss
                or AttributeClassificationLoss(),
                "reconstruction_loss": reconstruction_loss
                or keras.losses.MeanAbsoluteError(),
                "penalty": penalty,
            },
            **kwargs,
        )

    def attributes_of(self, images, discriminator=None):
        """Tells which attributes a batch of images has, by the classifier.

        It is as in `AttributeModel`, but a `discriminator` may be asked in the place of
        the model's own. Of an exclusive group it is the likeliest attribute, if any is
        likelier than not.
        """
        discriminator = discriminator or self.discriminator
        _, logits = discriminator(images, training=False)
        units = np.eye(len(self.attribute_names), dtype="float32")
        attributes = ops.zeros_like(logits)
        for group in self.choices.places:
            of_group = ops.take(logits, group, axis=1)
            likeliest = ops.one_hot(ops.argmax(of_group, axis=1), len(group))
            is_likely = ops.max(of_group, axis=1, keepdims=True) > 0
            found = likeliest * ops.cast(is_likely, likeliest.dtype)
            attributes += ops.matmul(found, units[group])
        return attributes

    def draw_targets(self, attributes, seed):
        """Returns wanted attributes: those of the batch in random order."""
        return over_whole_batch(
            lambda whole: keras.random.shuffle(whole, axis=0, seed=seed),
            attributes,
            seed,
        )

    def discriminator_losses(self, images, attributes, target, translated, training):
        (real, logits), (fake, _) = self.call_together(
            self.discriminator, [images, translated], training
        )
        penalty = self.penalty_of(
            lambda points, training: self.discriminator(points, training=training)[0],
            images,
            translated,
            training,
        )
        adversarial_loss = self.adversarial_loss[0](real, fake) + penalty
        classification_loss = self.classification_loss(attributes, logits)
        return {
            "discriminator_loss": self.adversarial_weight * adversarial_loss
            + self.classification_weight * classification_loss,
            "classification_loss": classification_loss,
        }

    def generator_losses(self, images, attributes, target, translated, training):
        adversarial_loss = self.adversarial_loss[1]
        batches = [translated]
        if getattr(adversarial_loss, "uses_real_output", True):
            batches.append(images)
        outputs = self.call_together(self.discriminator, batches, training)
        (fake, logits), (real, _) = outputs[0], outputs[-1]
        classification_loss = self.classification_loss(target, logits)
        reconstruction_loss = self.reconstruction_loss(
            images, self.generator([translated, attributes], training=training)
        )
        return {
            "generator_loss": self.adversarial_weight * adversarial_loss(real, fake)
            + self.classification_weight * classification_loss
            + self.reconstruction_weight * reconstruction_loss,
            "target_classification_loss": classification_loss,
            "reconstruction_loss": reconstruction_loss,
        }

    def train_step(self, data):
        images, attributes = self.unpack(data)
        target = self.draw_targets(attributes, self.seed_generator)
        # 1. Translate, once for both updates.
        with self.recording("generator") as step:
            translated = self.generator([images, target], training=True)
        batch = images, attributes, target, translated
        # 2. The discriminator learns to tell images from translations, and which
        #    attributes an image has.
        losses = self.minimize(
            "discriminator", lambda: self.discriminator_losses(*batch, training=True)
        )
        # 3. After `n_critic` such steps the generator learns to deceive it, to be
        #    classified as wanted, and to find the way back.
        self.count_critic_step()
        if self.updates_generator:
            losses |= step.minimize(
                lambda: self.generator_losses(*batch, training=True)
            )
        return self.log(losses)

    def _check_networks(self):
        super()._check_networks()
        require(
            not self.has_mask,
            "Argument `generator` must return the translation alone; a mask is for "
            "`ACLGAN`",
        )
        outputs = shapes_of(self.discriminator.output_shape)
        expected = (None, len(self.attribute_names))
        require(
            len(outputs) == 2 and outputs[0][-1] == 1 and outputs[1] == expected,
            "Argument `discriminator` must return [patches, logits] with "
            f"{expected[1]} logits, one for each attribute",
            outputs=outputs,
        )
