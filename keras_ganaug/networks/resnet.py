"""Residual networks of SNGAN with a projection discriminator, of SAGAN, and of ReACGAN.

Reference: Miyato et al. 2018; Miyato and Koyama 2018; Gulrajani et al. 2017 for the blocks; Zhang et al. 2019 for the
attention.
"""

import itertools

import keras

from keras_ganaug import _checks, layers
from keras_ganaug.networks import common
from keras_ganaug.networks.common import Classes, Shape


def generator(
    image_shape: Shape,
    num_classes: Classes = None,
    latent_dim: int = 128,
    width: int = 32,
    seed: int | None = None,
    spectral: bool = False,
    attention: bool = False,
    join_labels: bool = True,
) -> keras.Model:
    """A residual generator. Labels are concatenated to the latents, and set the scale and offset of batch normalisation.

    Args:
        image_shape, num_classes, latent_dim, width, seed: See the module `networks`.
        spectral: Whether the convolutions are spectrally normalised. Defaults to False.
        attention: Whether to add self-attention at half the resolution. Defaults to False.
        join_labels: Whether to concatenate labels to the latents. False gives the paper's generator, which gets them only
            through batch normalisation and learns them more slowly. Defaults to True.
    """
    make = common.Layers(seed, spectral)
    *narrower, widest = common.widths(width, image_shape)
    latents, labels = common.latents_and_labels(latent_dim, num_classes)

    def norm_relu(x):
        return keras.layers.ReLU()(common.conditional_norm(x, labels, num_classes))

    def block(x, filters):
        # A 1×1 convolution and upsampling commute. The convolution comes first, on a quarter of the pixels.
        shortcut = layers.Upsample()(make.conv(filters, 1)(x))
        x = make(layers.UpsampleConv2D, filters)(norm_relu(x))
        return keras.layers.Add()([make.conv(filters)(norm_relu(x)), shortcut])

    x = common.join(latents, labels, num_classes) if join_labels else latents
    x = common.first_features(x, image_shape, widest, make)
    for n, filters in reversed(list(enumerate(narrower))):
        if attention and n == 0:
            x = layers.SelfAttention(spectral, seed=make.seed())(x)
        x = block(x, filters)
    return common.model(latents, labels, common.to_image(norm_relu(x), image_shape, make), "generator")


def discriminator(
    image_shape: Shape,
    num_classes: Classes = None,
    width: int = 32,
    seed: int | None = None,
    spectral: bool = True,
    attention: bool = False,
    label_use: str = "project",
) -> keras.Model:
    """A residual discriminator.

    Args:
        image_shape, num_classes, width, seed: See the module `networks`.
        spectral: Whether every layer is spectrally normalised. Defaults to True.
        attention: Whether to add self-attention at half the resolution. Defaults to False.
        label_use: How labels are used. "project": adds a projection on the class to the logit. "embed": does not use them,
            and adds two outputs, the cosines of image and classes, and the unit vector of the image (ReACGAN). Defaults to
            "project".
    """
    _checks.one_of(label_use, ("project", "embed"), "label_use")
    make = common.Layers(seed, spectral)
    channels = common.widths(width, image_shape)
    images, labels = common.images_and_labels(image_shape, num_classes)

    def block(x, narrow, filters, first):
        """Halves the resolution. The convolution at full resolution stays narrow."""
        pool = keras.layers.AveragePooling2D(2, padding="same")
        shortcut = make.conv(filters, 1)(pool(x))
        x = make.conv(narrow)(x if first else keras.layers.ReLU()(x))
        x = make.conv(filters)(keras.layers.ReLU()(x))
        return keras.layers.Add()([pool(x), shortcut])

    x = images
    for n, (narrow, filters) in enumerate(itertools.pairwise(channels)):
        x = block(x, narrow, filters, first=n == 0)
        if attention and n == 0:
            x = layers.SelfAttention(spectral, seed=make.seed())(x)
    # A final block at the last resolution.
    y = make.conv(channels[-1])(keras.layers.ReLU()(x) if len(channels) > 1 else x)
    y = make.conv(channels[-1])(keras.layers.ReLU()(y))
    x = keras.layers.Add()([y, x if len(channels) > 1 else make.conv(channels[-1], 1)(x)])
    features = common.pooling(keras.layers.ReLU()(x), "spectral" if spectral else "none")
    build = common.projection_discriminator if label_use == "project" else common.embedding_discriminator
    return build(images, labels, features, num_classes, make)
