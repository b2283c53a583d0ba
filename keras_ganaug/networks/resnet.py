"""Residual networks, as SNGAN with a projection discriminator and SAGAN have them.

Reference: Miyato et al. 2018; Miyato and Koyama 2018; Gulrajani et al. 2017 for the blocks; Zhang et al. 2019 for the
attention.
"""

import itertools

import keras

from keras_ganaug import layers
from keras_ganaug.networks import common


def generator(
    image_shape,
    num_classes=None,
    latent_dim=128,
    width=32,
    seed=None,
    spectral=False,
    attention=False,
    join_labels=True,
):
    """A residual generator. Labels are joined to the latents, and choose the scale and offset of the batch normalisation.

    Args:
        image_shape, num_classes, latent_dim, width, seed: As of all families.
        spectral: Whether the convolutions are spectrally normalised. Defaults to False.
        attention: Whether there is self-attention at half the resolution. Defaults to False.
        join_labels: Whether labels are joined to the latents. False is the paper's generator, which knows them by the batch
            normalisation alone and learns them more slowly. Defaults to True.
    """
    initializers = common.Initializers(seed)
    channels = common.widths(width, image_shape)
    latents, labels = common.latents_and_labels(latent_dim, num_classes)

    def normalized(layer):
        return layers.SpectralNormalization(layer) if spectral else layer

    def conv(x, filters, size=3):
        layer = keras.layers.Conv2D(filters, size, padding="same", kernel_initializer=initializers())
        return normalized(layer)(x)

    def norm_relu(x):
        return keras.layers.ReLU()(common.conditional_norm(x, labels, num_classes))

    def block(x, filters):
        # A 1×1 convolution and the repetition of pixels commute: the convolution goes first, on a quarter of the pixels.
        shortcut = layers.Upsample()(conv(x, filters, 1))
        x = normalized(layers.UpsampleConv2D(filters, kernel_initializer=initializers()))(norm_relu(x))
        x = conv(norm_relu(x), filters)
        return keras.layers.Add()([x, shortcut])

    x = common.join(latents, labels, num_classes) if join_labels else latents
    x = common.first_features(x, common.seed_grid(image_shape), channels[-1], initializers)
    for n, filters in reversed(list(enumerate(channels[:-1]))):
        if attention and n == 0:
            x = layers.SelfAttention(spectral, seed=initializers.seed())(x)
        x = block(x, filters)
    return common.model(latents, labels, common.to_image(norm_relu(x), image_shape, initializers()), "generator")


def discriminator(image_shape, num_classes=None, width=32, seed=None, spectral=True, attention=False):
    """A residual projection discriminator.

    Args:
        image_shape, num_classes, width, seed: As of all families.
        spectral: Whether every layer is spectrally normalised. Defaults to True.
        attention: Whether there is self-attention at half the resolution. Defaults to False.
    """
    initializers = common.Initializers(seed)
    channels = common.widths(width, image_shape)
    images, labels = common.images_and_labels(image_shape, num_classes)

    def conv(x, filters, size=3):
        layer = keras.layers.Conv2D(filters, size, padding="same", kernel_initializer=initializers())
        return (layers.SpectralNormalization(layer) if spectral else layer)(x)

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
        if attention and n == 0:
            x = layers.SelfAttention(spectral, seed=initializers.seed())(x)
    # One block at the last resolution.
    y = conv(keras.layers.ReLU()(x) if len(channels) > 1 else x, channels[-1])
    y = conv(keras.layers.ReLU()(y), channels[-1])
    x = keras.layers.Add()([y, x if len(channels) > 1 else conv(x, channels[-1], 1)])
    features = common.pooling(keras.layers.ReLU()(x), "spectral" if spectral else "none")
    dense = common.dense_layers(initializers, spectral)
    return common.projection_discriminator(images, labels, features, num_classes, dense)
