"""CGAN."""

import keras

from keras_ganaug import networks
from keras_ganaug.models.gan import GAN


@keras.saving.register_keras_serializable(package="keras_ganaug")
class CGAN(GAN):
    """A GAN in which both players get the class as an input.

    The one-hot label is concatenated to the latents, and to each pixel of the discriminator's input.

    Reference: Mirza and Osindero 2014, Conditional Generative Adversarial Nets.

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.CGAN(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> gan.generate([0, 1, 2], seed=7).shape
    (3, 8, 8, 1)
    """

    def build_discriminator(self):
        return networks.dcgan.discriminator(**self.discriminator_arguments, normalization="batch", label_use="join")
