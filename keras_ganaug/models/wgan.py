"""WGAN."""

import keras

from keras_ganaug import networks, penalties
from keras_ganaug.models.gan import GAN


@keras.saving.register_keras_serializable(package="keras_ganaug")
class WGAN(GAN):
    """A GAN that minimises an estimate of the Wasserstein-1 distance from a critic with clipped weights.

    The critic makes five updates per generator update, with RMSProp. After each update all its weights are clipped to ±0.01.

    Reference: Arjovsky, Chintala and Bottou 2017, Wasserstein GAN.

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.WGAN(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> gan.compile()
    >>> gan.d_steps, gan.penalties[0].limit
    (5, 0.01)
    """

    def paper_settings(self):
        return {
            **super().paper_settings(),
            "g_optimizer": keras.optimizers.RMSprop(5e-5),
            "d_optimizer": keras.optimizers.RMSprop(5e-5),
            "loss": "wasserstein",
            "penalties": (penalties.WeightClipping(0.01),),
            "d_steps": 5,
        }

    def build_discriminator(self):
        return networks.dcgan.discriminator(**self.discriminator_arguments, normalization="batch", label_use="join_all")
