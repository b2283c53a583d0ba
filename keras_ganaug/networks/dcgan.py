"""Plain convolutional networks: DCGAN's generator, and the standard CNN with which SNGAN is compared.

Reference: Radford et al. 2016, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks; Miyato et al. 2018, table 3.
"""

import itertools

import keras

from keras_ganaug import layers
from keras_ganaug.networks import common


def generator(image_shape, num_classes=None, latent_dim=128, width=32, seed=None):
    """Transposed convolutions with class-conditional batch normalisation.

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

    def norm_relu(x):
        return keras.layers.ReLU()(common.conditional_norm(x, labels, num_classes))

    x = keras.layers.Dense(grid[0] * grid[1] * channels[-1], kernel_initializer=initializers())(latents)
    x = norm_relu(keras.layers.Reshape((*grid, channels[-1]))(x))
    for filters in reversed(channels[:-1]):
        up = keras.layers.Conv2DTranspose(filters, 4, strides=2, padding="same", kernel_initializer=initializers())
        x = norm_relu(up(x))
    return common.model(latents, labels, common.to_image(x, image_shape, initializers()), "generator")


def discriminator(image_shape, num_classes=None, width=32, seed=None):
    """Spectrally normalised convolutions, and a projection where there are classes.

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

    def conv(x, filters, size, strides=1):
        x = layers.SpectralNormalization(
            keras.layers.Conv2D(filters, size, strides, padding="same", kernel_initializer=initializers())
        )(x)
        return keras.layers.LeakyReLU(0.1)(x)

    x = conv(images, channels[0], 3)
    for _, filters in itertools.pairwise(channels):
        x = conv(conv(x, filters, 4, strides=2), filters, 3)
    features = common.sum_pooling(x)
    return common.model(
        images, labels, common.projection_logit(features, labels, num_classes, initializers), "discriminator"
    )
