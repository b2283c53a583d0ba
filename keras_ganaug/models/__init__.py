"""GANs as Keras models: one paper, one file."""

from keras_ganaug.models.gan import GAN
from keras_ganaug.models.sngan import SNGAN

__all__ = ["GAN", "SNGAN"]
