"""Keras layers for GANs and classifiers."""

from keras_ganaug.layers.adain import AdaIN
from keras_ganaug.layers.adaptive_group_normalization import AdaptiveGroupNormalization
from keras_ganaug.layers.blur import Blur
from keras_ganaug.layers.conditional_batch_normalization import ConditionalBatchNormalization
from keras_ganaug.layers.cosines import Cosines
from keras_ganaug.layers.equalized import Equalized
from keras_ganaug.layers.grouped_conv import GroupedConv2D
from keras_ganaug.layers.learned_constant import LearnedConstant
from keras_ganaug.layers.minibatch_stddev import MinibatchStdDev
from keras_ganaug.layers.mix_style import MixStyle
from keras_ganaug.layers.noise import NoiseInjection, SeedOfLatents
from keras_ganaug.layers.one_hot import OneHot
from keras_ganaug.layers.pixel_normalization import PixelNormalization
from keras_ganaug.layers.progress import FadeIn, Progress
from keras_ganaug.layers.projection import Projection
from keras_ganaug.layers.self_attention import SelfAttention
from keras_ganaug.layers.spectral_normalization import SpectralNormalization
from keras_ganaug.layers.upsample import Upsample
from keras_ganaug.layers.upsample_conv import UpsampleConv2D

__all__ = [
    "AdaIN",
    "AdaptiveGroupNormalization",
    "Blur",
    "ConditionalBatchNormalization",
    "Cosines",
    "Equalized",
    "FadeIn",
    "GroupedConv2D",
    "LearnedConstant",
    "MinibatchStdDev",
    "MixStyle",
    "NoiseInjection",
    "OneHot",
    "PixelNormalization",
    "Progress",
    "Projection",
    "SeedOfLatents",
    "SelfAttention",
    "SpectralNormalization",
    "Upsample",
    "UpsampleConv2D",
]
