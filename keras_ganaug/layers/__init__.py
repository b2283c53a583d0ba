"""Keras layers that GANs are built from: one layer, one file."""

from keras_ganaug.layers.conditional_batch_normalization import ConditionalBatchNormalization
from keras_ganaug.layers.one_hot import OneHot
from keras_ganaug.layers.projection import Projection
from keras_ganaug.layers.spectral_normalization import SpectralNormalization
from keras_ganaug.layers.upsample import Upsample
from keras_ganaug.layers.upsample_conv import UpsampleConv2D

__all__ = ["ConditionalBatchNormalization", "OneHot", "Projection", "SpectralNormalization", "Upsample", "UpsampleConv2D"]
