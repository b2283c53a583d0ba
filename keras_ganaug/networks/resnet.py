"""Residual networks, as SNGAN with a projection discriminator has them.

Reference: Miyato et al. 2018; Miyato and Koyama 2018; Gulrajani et al. 2017 for the blocks.
"""

import itertools

import keras

from keras_ganaug import layers
from keras_ganaug.networks import common


def generator(image_shape, num_classes=None, latent_dim=128, width=32, seed=None):
    """A residual generator with class-conditional batch normalisation.

    Args:
        image_shape: (height, width, channels), any.
        num_classes: Number of classes, or None for an unconditional network. Defaults to None.
        latent_dim: Length of the latent vector. Defaults to 128.
        width: Channels at full resolution; they double with each halving, up to 8 times. Defaults to 32.
        seed: Seed of the initial weights, or None. Defaults to None.

    Returns a Keras model from float32 latents (batch, latent_dim), and int32 labels (batch,) where there are classes,
    to float32 images (batch, *image_shape) in [-1, 1].
    """
    initializers = common.Initializers(seed)
    channels = common.widths(width, image_shape)
    grid = common.seed_grid(image_shape)
    latents, labels = common.latents_and_labels(latent_dim, num_classes)

    def conv(x, filters, size=3):
        return keras.layers.Conv2D(filters, size, padding="same", kernel_initializer=initializers())(x)

    def norm_relu(x):
        return keras.layers.ReLU()(common.conditional_norm(x, labels, num_classes))

    def block(x, filters):
        # A 1×1 convolution and the repetition of pixels commute: the convolution goes first, on a quarter of the pixels.
        shortcut = layers.Upsample()(conv(x, filters, 1))
        x = layers.UpsampleConv2D(filters, kernel_initializer=initializers())(norm_relu(x))
        x = conv(norm_relu(x), filters)
        return keras.layers.Add()([x, shortcut])

    x = keras.layers.Dense(grid[0] * grid[1] * channels[-1], kernel_initializer=initializers())(latents)
    x = keras.layers.Reshape((*grid, channels[-1]))(x)
    for filters in reversed(channels[:-1]):
        x = block(x, filters)
    return common.model(latents, labels, common.to_image(norm_relu(x), image_shape, initializers()), "generator")


def discriminator(image_shape, num_classes=None, width=32, seed=None):
    """A residual projection discriminator with spectral normalisation in every layer.

    Args:
        image_shape: (height, width, channels), any.
        num_classes: Number of classes, or None for an unconditional network. Defaults to None.
        width: Channels at full resolution; they double with each halving, up to 8 times. Defaults to 32.
        seed: Seed of the initial weights, or None. Defaults to None.

    Returns a Keras model from float32 images (batch, *image_shape) in [-1, 1], and int32 labels (batch,) where there
    are classes, to float32 logits (batch, 1).
    """
    initializers = common.Initializers(seed)
    channels = common.widths(width, image_shape)
    images, labels = common.images_and_labels(image_shape, num_classes)

    def conv(x, filters, size=3):
        return layers.SpectralNormalization(
            keras.layers.Conv2D(filters, size, padding="same", kernel_initializer=initializers())
        )(x)

    def block(x, narrow, filters, first):
        """Halves the resolution; the convolution at full resolution stays narrow."""
        pool = keras.layers.AveragePooling2D(2, padding="same")
        shortcut = conv(pool(x), filters, 1)
        x = conv(x if first else keras.layers.ReLU()(x), narrow)
        x = conv(keras.layers.ReLU()(x), filters)
        return keras.layers.Add()([pool(x), shortcut])

    x = images
    for n, (narrow, filters) in enumerate(itertools.pairwise(channels)):
        x = block(x, narrow, filters, first=n == 0)
    # One block at the last resolution.
    y = conv(keras.layers.ReLU()(x) if len(channels) > 1 else x, channels[-1])
    y = conv(keras.layers.ReLU()(y), channels[-1])
    x = keras.layers.Add()([y, x if len(channels) > 1 else conv(x, channels[-1], 1)])
    x = keras.layers.ReLU()(x)
    features = common.sum_pooling(x)
    return common.model(
        images, labels, common.projection_logit(features, labels, num_classes, initializers), "discriminator"
    )
