"""BEGAN's networks: a decoder as the generator, and an autoencoder as the discriminator.

Reference: Berthelot et al. 2017, BEGAN: Boundary Equilibrium Generative Adversarial Networks: figure 1, and the skip
connections of its section on the architecture.
"""

import keras

from keras_ganaug import layers
from keras_ganaug.networks import common


def _conv(x, filters, initializers, strides=1, activation="elu"):
    return keras.layers.Conv2D(
        filters, 3, strides, padding="same", activation=activation, kernel_initializer=initializers()
    )(x)


def _decoder(code, image_shape, width, initializers):
    """Features at full resolution: two convolutions at each, none of them wider than `width`.

    After each upsampling, what was made of the code at first joins the features anew, so that it reaches every resolution.
    """
    first = common.first_features(code, common.seed_grid(image_shape), width, initializers)
    x = _conv(_conv(first, width, initializers), width, initializers)
    for n in range(common.doublings(image_shape)):
        if n:
            first = layers.Upsample()(first)
        x = keras.layers.Concatenate()([x, first])  # and then upsampling, which is the same as the other way round
        x = layers.UpsampleConv2D(width, activation="elu", kernel_initializer=initializers())(x)
        x = _conv(x, width, initializers)
    return x


def generator(image_shape, num_classes=None, latent_dim=64, width=32, seed=None):
    """The decoder: convolutions with ELU, and nearest-neighbour upsampling. Labels are joined to the latents.

    Args:
        image_shape, num_classes, latent_dim, width, seed: As of all families, but the width is that of all resolutions.
    """
    initializers = common.Initializers(seed)
    latents, labels = common.latents_and_labels(latent_dim, num_classes)
    x = _decoder(common.join(latents, labels, num_classes), image_shape, width, initializers)
    return common.model(latents, labels, common.to_image(x, image_shape, initializers()), "generator")


def discriminator(image_shape, num_classes=None, width=32, seed=None, code_dim=64, group_size=None):
    """The autoencoder: its output is a reconstruction of its input. Labels are joined to the code.

    Args:
        image_shape, num_classes, width, seed: As of all families, but the encoder is wider by `width` with each halving.
        code_dim: Length of the code. Defaults to 64.
        group_size: Images of a class whose minibatch standard deviation is a feature of the code, so that it shows a lack of
            variety (Karras et al. 2018). Defaults to None: without it, as in BEGAN's paper.

    Returns a Keras model from images (and labels) to float32 reconstructions (batch, *image_shape).
    """
    initializers = common.Initializers(seed)
    images, labels = common.images_and_labels(image_shape, num_classes)
    x = _conv(images, width, initializers)
    for n in range(common.doublings(image_shape) + 1):
        x = _conv(x, width * (n + 1), initializers)
        if n < common.doublings(image_shape):
            x = _conv(x, width * (n + 2), initializers, strides=2)
    if group_size is not None:
        x = layers.MinibatchStdDev(group_size)(x)
    x = keras.layers.Dense(code_dim, kernel_initializer=initializers())(keras.layers.Flatten()(x))
    x = _decoder(common.join(x, labels, num_classes), image_shape, width, initializers)
    x = keras.layers.Conv2D(image_shape[-1], 3, padding="same", kernel_initializer=initializers())(x)
    x = common.as_image(x, image_shape, activation="linear", name="reconstructions")
    return common.model(images, labels, x, "discriminator")
