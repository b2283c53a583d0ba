"""LSGAN."""

import keras

from keras_ganaug import networks
from keras_ganaug.models.gan import GAN


@keras.saving.register_keras_serializable(package="keras_ganaug")
class LSGAN(GAN):
    """A GAN with least squares instead of cross-entropy, so that fakes far from the boundary still have a gradient.

    With classes, the label is concatenated to the latents and to the image. The paper, which has thousands of classes, first
    maps it to a short vector.

    Reference: Mao et al. 2017, Least Squares Generative Adversarial Networks, with the targets 0 and 1 of equation 9.

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.LSGAN(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> gan.compile()
    >>> gan.adversarial_loss is kga.losses.lsgan
    True
    """

    def paper_settings(self):
        return {**super().paper_settings(), "loss": "lsgan"}

    def build_discriminator(self):
        return networks.dcgan.discriminator(**self.discriminator_arguments, normalization="batch", label_use="join")
