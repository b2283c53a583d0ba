"""Plain convolutional networks: DCGAN's generator, and the standard CNN with which SNGAN is compared.

Reference: Radford et al. 2016, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks; Miyato et al. 2018, table 3.
"""

import itertools

import keras

from keras_ganaug import _checks, layers
from keras_ganaug.networks import common


def generator(image_shape, num_classes=None, latent_dim=128, width=32, seed=None):
    """Transposed convolutions with batch normalisation. Labels are joined to the latents.

    Args:
        image_shape, num_classes, latent_dim, width, seed: As of all families.
    """
    initializers = common.Initializers(seed)
    channels = common.widths(width, image_shape)
    latents, labels = common.latents_and_labels(latent_dim, num_classes)

    def norm_relu(x):
        return keras.layers.ReLU()(common.conditional_norm(x, None, None))

    x = common.join(latents, labels, num_classes)
    x = norm_relu(common.first_features(x, common.seed_grid(image_shape), channels[-1], initializers))
    for filters in reversed(channels[:-1]):
        up = keras.layers.Conv2DTranspose(filters, 4, strides=2, padding="same", kernel_initializer=initializers())
        x = norm_relu(up(x))
    return common.model(latents, labels, common.to_image(x, image_shape, initializers()), "generator")


def discriminator(image_shape, num_classes=None, width=32, seed=None, normalization="spectral", label_use="project"):
    """Strided convolutions, and a logit from the features of all positions (`common.pooling`).

    Args:
        image_shape, num_classes, width, seed: As of all families.
        normalization: "spectral", "batch" (after each convolution but the first, as in DCGAN) or "none". Defaults to
            "spectral".
        label_use: What is done with labels. "project": a projection on the class is added to the logit. "join": they are
            joined to the image (CGAN). "join_all": also to the features after each halving, so that late layers can tell
            apart classes that are much alike. "classify": they are not looked at, and the model has a second output, the
            logits of the classes (ACGAN), by a layer that is never normalised: it has to be sure, not smooth.
            "classify_twice": a third one too, those of a twin classifier. Defaults to "project".
    """
    _checks.one_of(normalization, ("spectral", "batch", "none"), "normalization")
    classifiers = {"classify": 1, "classify_twice": 2}
    _checks.one_of(label_use, ("project", "join", "join_all", *classifiers), "label_use")
    spectral = normalization == "spectral"
    initializers = common.Initializers(seed)
    channels = common.widths(width, image_shape)
    images, labels = common.images_and_labels(image_shape, num_classes)

    def conv(x, filters, size, strides=1, norm=True):
        layer = keras.layers.Conv2D(filters, size, strides, padding="same", kernel_initializer=initializers())
        x = (layers.SpectralNormalization(layer) if spectral else layer)(x)
        if normalization == "batch" and norm:
            x = common.conditional_norm(x, None, None)
        return keras.layers.LeakyReLU(0.1)(x)

    x = common.join(images, labels, num_classes) if label_use in ("join", "join_all") else images
    x = conv(x, channels[0], 3, norm=False)
    for _, filters in itertools.pairwise(channels):
        x = conv(x, filters, 4, strides=2)
        x = conv(common.join(x, labels, num_classes) if label_use == "join_all" else x, filters, 3)
    features = common.pooling(x, normalization)
    dense = common.dense_layers(initializers, spectral)
    if label_use == "project":
        return common.projection_discriminator(images, labels, features, num_classes, dense)
    logits = dense(1)(features)
    if label_use in classifiers and num_classes is not None:
        dense = common.dense_layers(initializers, False)
        logits = [logits, *[dense(num_classes)(features) for _ in range(classifiers[label_use])]]
    return common.model(images, labels, logits, "discriminator")
