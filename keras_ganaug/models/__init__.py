"""GANs as Keras models, one module for each paper."""

from keras_ganaug.models.acgan import ACGAN
from keras_ganaug.models.began import BEGAN
from keras_ganaug.models.cgan import CGAN
from keras_ganaug.models.gan import GAN
from keras_ganaug.models.lsgan import LSGAN
from keras_ganaug.models.progressive_gan import ProgressiveGAN
from keras_ganaug.models.r3gan import R3GAN
from keras_ganaug.models.reacgan import ReACGAN
from keras_ganaug.models.sagan import SAGAN
from keras_ganaug.models.sngan import SNGAN
from keras_ganaug.models.stargan import StarGAN
from keras_ganaug.models.stylegan import StyleGAN
from keras_ganaug.models.tacgan import TACGAN
from keras_ganaug.models.wgan import WGAN
from keras_ganaug.models.wgan_gp import WGANGP

__all__ = [
    "ACGAN",
    "BEGAN",
    "CGAN",
    "GAN",
    "LSGAN",
    "R3GAN",
    "SAGAN",
    "SNGAN",
    "TACGAN",
    "WGAN",
    "WGANGP",
    "ProgressiveGAN",
    "ReACGAN",
    "StarGAN",
    "StyleGAN",
]
