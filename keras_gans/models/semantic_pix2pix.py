"""pix2pix that is also asked to mean the same as its target."""

import keras

from keras_gans.checks import non_negative_float
from keras_gans.losses import SemanticVGGLoss
from keras_gans.models.pix2pix import Pix2Pix


@keras.saving.register_keras_serializable(package="keras_gans")
class SemanticPix2Pix(Pix2Pix):
    """Learns to translate an image into the one that belongs to it, as `Pix2Pix` does,
    and to give it the same features in a pretrained network V:

        L_G = L_GAN + λ E[|y - G(x)|] + λ_s E[‖V(y) - V(G(x))‖]

    The semantic CycleGAN study compares an image with its reconstruction in this way; a
    pair has its target to compare with. The combination is ours, no paper's.

    Args:
        *args: Those of `Pix2Pix`.
        semantic_weight: Non-negative float, λ_s. `keras_gans.losses.balanced_weight`
            finds one that makes the loss as large as L1.
        **kwargs: Those of `Pix2Pix`.

    Reference:
        - Isola et al., 2016, https://arxiv.org/abs/1611.07004
        - The semantic CycleGAN study (in Korean), its L_semantic.
    """

    loss_names = (*Pix2Pix.loss_names, "semantic_loss")

    def __init__(self, *args, semantic_weight=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.semantic_weight = non_negative_float("semantic_weight", semantic_weight)

    def compile(self, *args, semantic_loss=None, **kwargs):
        """Configures training, as `Pix2Pix.compile` does.

        Args:
            *args: Those of `Pix2Pix.compile`.
            semantic_loss: `keras.losses.Loss` of (target, generated). Defaults to
                `keras_gans.losses.SemanticVGGLoss()`.
            **kwargs: Those of `Pix2Pix.compile`.
        """
        semantic_loss = semantic_loss or SemanticVGGLoss()
        super().compile(*args, semantic_loss=semantic_loss, **kwargs)

    def generator_losses(self, condition, target, generated, training):
        losses = super().generator_losses(condition, target, generated, training)
        semantic_loss = self.semantic_loss(target, generated)
        total = losses["generator_loss"] + self.semantic_weight * semantic_loss
        return losses | {"generator_loss": total, "semantic_loss": semantic_loss}
