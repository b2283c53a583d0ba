"""SNGAN with a projection discriminator."""

import keras

from keras_ganaug import networks
from keras_ganaug.models.gan import GAN


@keras.saving.register_keras_serializable(package="keras_ganaug")
class SNGAN(GAN):
    """A GAN with the hinge loss, whose discriminator is 1-Lipschitz through spectral normalisation.

    It has a residual generator, and the paper's standard CNN as the discriminator (`networks.resnet` has a residual one).
    Classes enter the discriminator through a projection, and the generator through conditional batch normalisation. They are
    also concatenated to the generator's latents, unlike in the papers.

    References: Miyato et al. 2018, Spectral Normalization for Generative Adversarial Networks; Miyato and Koyama 2018,
    cGANs with Projection Discriminator.

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.SNGAN(image_shape=(20, 12, 2), num_classes=3, seed=1)
    >>> gan.generate([0, 1, 2], seed=7).shape
    (3, 20, 12, 2)
    """

    def paper_settings(self):
        return {
            **super().paper_settings(),
            "g_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9),
            "d_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9),
            "loss": "hinge",
        }

    def build_generator(self):
        return networks.resnet.generator(**self.generator_arguments)

    def build_discriminator(self):
        return networks.dcgan.discriminator(**self.discriminator_arguments)
