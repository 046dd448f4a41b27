"""The base of EBGAN and BEGAN, whose discriminators are auto-encoders."""

from keras_gans.checks import require
from keras_gans.losses.common import compatible
from keras_gans.models.generative_model import GenerativeModel
from keras_gans.models.structure import shapes_of


class EnergyModel(GenerativeModel):
    """Base class of models whose discriminator is an auto-encoder.

    The energy of a sample is the error of its reconstruction. Penalties are about the
    slope of logits and are refused.

    Args:
        **kwargs: As for `GenerativeModel`, but the `discriminator` returns the
            reconstruction of its input, or `[reconstruction, code]`.
    """

    discriminator_outputs = "energies"

    def find_penalty(self, penalty):
        require(
            penalty is None,
            "Argument `penalty` must be None: penalties are about the slope of logits, "
            "and the discriminator is an auto-encoder",
            penalty=penalty,
        )

    def energies(self, samples, training=True):
        """Returns two lists with a tensor for each of a list of batches.

        They are the energies `(batch,)`, and the codes `(batch, code_dim)`, or None
        where the auto-encoder does not give codes.
        """
        outputs = self.call_together(self.discriminator, samples, training)
        outputs = [
            output if isinstance(output, (tuple, list)) else [output]
            for output in outputs
        ]
        energies = [
            self.energy(sample, output[0])
            for sample, output in zip(samples, outputs, strict=True)
        ]
        return energies, [output[1] if len(output) > 1 else None for output in outputs]

    def discriminator_losses(self, real, fake, labels=None, training=True):
        energies, _ = self.energies([real, fake], training)
        return {"discriminator_loss": self.adversarial_loss[0](*energies)}

    def generator_losses(self, real, fake, labels=None, training=True):
        # Losses on energies do not look at those of real samples.
        (energy,), _ = self.energies([fake], training)
        loss = self.adversarial_loss[1](energy, energy)
        return self.with_edge_loss({"generator_loss": loss}, real, fake)

    def _check_discriminator_output(self):
        (samples,) = shapes_of(self.discriminator.input_shape)
        outputs = shapes_of(self.discriminator.output_shape)
        require(
            len(outputs) <= 2 and compatible(outputs[0], samples),
            "Argument `discriminator` must be an auto-encoder, whose first output is a "
            f"reconstruction of the shape of its samples, {samples}",
            outputs=outputs,
        )
