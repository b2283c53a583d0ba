"""R3GAN."""

import keras

from keras_ganaug import networks, penalties
from keras_ganaug.models.gan import GAN


@keras.saving.register_keras_serializable(package="keras_ganaug")
class R3GAN(GAN):
    """A GAN without the usual tricks: a relativistic loss with two gradient penalties, and plain modern networks.

    The relativistic loss compares each generated image with a real one of the same class, so no mode of the data is left
    out. R1 and R2, the squared gradients at real and at generated images, make training converge. The networks are residual
    ones without normalisation (`networks.resnext`), with one block at each resolution in place of the paper's two.

    The settings are those that the paper starts with on CIFAR-10. There the learning rate falls to 5e-5, γ to a tenth, and
    `beta_2` rises to 0.99. γ should be larger for larger images: 2 for 64×64, 150 for 256×256 (FFHQ).

    Reference: Huang, Gokaslan, Kuleshov and Tompkin 2024, The GAN is dead; long live the GAN! A Modern Baseline GAN.

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.R3GAN(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> gan.compile(penalties=[kga.penalties.R1(2.0), kga.penalties.R2(2.0)])
    >>> gan.generate([0, 1, 2], seed=7).shape
    (3, 8, 8, 1)
    """

    default_latent_dim = 64

    def paper_settings(self):
        return {
            **super().paper_settings(),
            "g_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9),
            "d_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9),
            "loss": "relativistic",
            "penalties": (penalties.R1(0.05), penalties.R2(0.05)),
        }

    def build_generator(self):
        return networks.resnext.generator(**self.generator_arguments)

    def build_discriminator(self):
        return networks.resnext.discriminator(**self.discriminator_arguments)
