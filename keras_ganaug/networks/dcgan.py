"""Plain convolutional networks: DCGAN's generator, and the standard CNN of the SNGAN paper.

Reference: Radford et al. 2016, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks; Miyato et al. 2018, table 3.
"""

import itertools

import keras

from keras_ganaug import _checks, conditions
from keras_ganaug.networks import common
from keras_ganaug.networks.common import Classes, Shape


def generator(
    image_shape: Shape, num_classes: Classes = None, latent_dim: int = 128, width: int = 32, seed: int | None = None
) -> keras.Model:
    """Transposed convolutions with batch normalisation. Labels are concatenated to the latents.

    Args:
        image_shape, num_classes, latent_dim, width, seed: See the module `networks`.
    """
    make = common.Layers(seed)
    *narrower, widest = common.widths(width, image_shape)
    latents, labels = common.latents_and_labels(latent_dim, num_classes)
    x = common.first_features(common.join(latents, labels, num_classes), image_shape, widest, make)
    x = keras.layers.ReLU()(common.conditional_norm(x))
    for filters in reversed(narrower):
        x = make(keras.layers.Conv2DTranspose, filters, 4, strides=2, padding="same")(x)
        x = keras.layers.ReLU()(common.conditional_norm(x))
    return common.model(latents, labels, common.to_image(x, image_shape, make), "generator")


def discriminator(
    image_shape: Shape,
    num_classes: Classes = None,
    width: int = 32,
    seed: int | None = None,
    normalization: str = "spectral",
    label_use: str = "project",
) -> keras.Model:
    """Strided convolutions, and a logit from the features of all positions (`common.pooling`).

    Args:
        image_shape, num_classes, width, seed: See the module `networks`.
        normalization: "spectral", "batch" (after each convolution but the first, as in DCGAN) or "none". Defaults to
            "spectral".
        label_use: How labels are used. "project": adds a projection on the class to the logit. "join": concatenates them to
            the image (CGAN). "join_all": also concatenates them to the features after each halving, so that late layers can
            distinguish similar classes. "classify": does not use them, and adds a second output, the logits of the classes
            (ACGAN), from a layer that is never normalised, because it needs confidence, not smoothness. Defaults to
            "project".
    """
    _checks.one_of(normalization, ("spectral", "batch", "none"), "normalization")
    _checks.one_of(label_use, ("project", "join", "join_all", "classify"), "label_use")
    make = common.Layers(seed, spectral=normalization == "spectral")
    channels = common.widths(width, image_shape)
    images, labels = common.images_and_labels(image_shape, num_classes)

    def conv(x, filters, size, strides=1, norm=normalization == "batch"):
        x = make.conv(filters, size, strides=strides)(x)
        return keras.layers.LeakyReLU(0.1)(common.conditional_norm(x) if norm else x)

    x = common.join(images, labels, num_classes) if label_use in ("join", "join_all") else images
    x = conv(x, channels[0], 3, norm=False)
    for _, filters in itertools.pairwise(channels):
        x = conv(x, filters, 4, strides=2)
        x = conv(common.join(x, labels, num_classes) if label_use == "join_all" else x, filters, 3)
    features = common.pooling(x, normalization)
    if label_use.startswith("join"):
        return common.model(images, labels, make.dense(1)(features), "discriminator")
    if label_use == "project" or labels is None:
        return common.projection_discriminator(images, labels, features, num_classes, make)
    total = sum(conditions.of(num_classes).sizes)

    def to_outputs(features, labels):
        return [make.dense(1)(features), make.dense(total, spectral=False)(features)]

    return common.discriminator_of_parts(images, labels, features, num_classes, to_outputs)
