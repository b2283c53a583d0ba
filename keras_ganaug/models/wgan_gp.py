"""WGAN-GP."""

import keras

from keras_ganaug import networks, penalties
from keras_ganaug.models.gan import GAN


@keras.saving.register_keras_serializable(package="keras_ganaug")
class WGANGP(GAN):
    """A Wasserstein GAN that keeps the critic's gradient norm near 1 by a penalty instead of weight clipping.

    The critic has no batch normalisation, which would make the gradient at one image depend on the others. It makes five
    updates per generator update.

    Reference: Gulrajani et al. 2017, Improved Training of Wasserstein GANs.

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.WGANGP(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> gan.compile()
    >>> gan.d_steps, gan.penalties[0].weight
    (5, 10.0)
    """

    def paper_settings(self):
        return {
            **super().paper_settings(),
            "g_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9),
            "d_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9),
            "loss": "wasserstein",
            "penalties": (penalties.GradientPenalty(10.0),),
            "d_steps": 5,
        }

    def build_generator(self):
        return networks.resnet.generator(**self.generator_arguments)

    def build_discriminator(self):
        return networks.dcgan.discriminator(**self.discriminator_arguments, normalization="none", label_use="join_all")
