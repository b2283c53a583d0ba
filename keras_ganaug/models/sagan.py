"""SAGAN: self-attention in both networks."""

import keras

from keras_ganaug import networks
from keras_ganaug.models.gan import GAN


@keras.saving.register_keras_serializable(package="keras_ganaug")
class SAGAN(GAN):
    """A GAN that can relate distant parts of an image, by self-attention in both networks.

    Both networks are spectrally normalised. The loss is the hinge loss. The discriminator learns four times as fast as the
    generator (two time scales), with one update each.

    References: Zhang et al. 2019, Self-Attention Generative Adversarial Networks; Heusel et al. 2017 (two time scales).

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.SAGAN(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> gan.generate([0, 1, 2], seed=7).shape
    (3, 8, 8, 1)
    """

    def paper_settings(self):
        return {
            **super().paper_settings(),
            "g_optimizer": keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9),
            "d_optimizer": keras.optimizers.Adam(4e-4, beta_1=0.0, beta_2=0.9),
            "loss": "hinge",
        }

    def build_generator(self):
        return networks.resnet.generator(**self.generator_arguments, spectral=True, attention=True)

    def build_discriminator(self):
        return networks.resnet.discriminator(**self.discriminator_arguments, attention=True)
