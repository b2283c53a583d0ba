"""BEGAN's networks: a decoder as the generator, and an autoencoder as the discriminator.

Reference: Berthelot et al. 2017, BEGAN: Boundary Equilibrium Generative Adversarial Networks: figure 1, and the skip
connections of its section on the architecture.
"""

import keras

from keras_ganaug import layers
from keras_ganaug.networks import common
from keras_ganaug.networks.common import Classes, Shape


def _decoder(code, image_shape, width, make):
    """Features at full resolution, with two convolutions at each resolution, none wider than `width`.

    After each upsampling, the first features are concatenated again, so that the code reaches every resolution.
    """
    first = common.first_features(code, image_shape, width, make)
    x = make.conv(width, activation="elu")(first)
    x = make.conv(width, activation="elu")(x)
    for n in range(common.doublings(image_shape)):
        if n:
            first = layers.Upsample()(first)
        x = keras.layers.Concatenate()([x, first])  # concatenating before upsampling gives the same result as after it
        x = make(layers.UpsampleConv2D, width, activation="elu")(x)
        x = make.conv(width, activation="elu")(x)
    return x


def generator(
    image_shape: Shape, num_classes: Classes = None, latent_dim: int = 64, width: int = 32, seed: int | None = None
) -> keras.Model:
    """The decoder: convolutions with ELU and nearest-neighbour upsampling. Labels are concatenated to the latents.

    Args:
        image_shape, num_classes, latent_dim, width, seed: See the module `networks`, but all resolutions have this width.
    """
    make = common.Layers(seed)
    latents, labels = common.latents_and_labels(latent_dim, num_classes)
    x = _decoder(common.join(latents, labels, num_classes), image_shape, width, make)
    return common.model(latents, labels, common.to_image(x, image_shape, make), "generator")


def discriminator(
    image_shape: Shape,
    num_classes: Classes = None,
    width: int = 32,
    seed: int | None = None,
    code_dim: int = 64,
    group_size: int | None = None,
) -> keras.Model:
    """The autoencoder, which outputs a reconstruction of its input. Labels are concatenated to the code.

    Args:
        image_shape, num_classes, width, seed: See the module `networks`, but the encoder gets `width` more channels with
            each halving.
        code_dim: Length of the code. Defaults to 64.
        group_size: Group size of a minibatch standard deviation within classes, as a feature of the code, which detects low
            diversity (Karras et al. 2018). Defaults to None: none, as in BEGAN's paper.

    Returns a Keras model from images (and labels) to float32 reconstructions (batch, *image_shape).
    """
    make = common.Layers(seed)
    images, labels = common.images_and_labels(image_shape, num_classes)
    x = make.conv(width, activation="elu")(images)
    for n in range(common.doublings(image_shape) + 1):
        x = make.conv(width * (n + 1), activation="elu")(x)
        if n < common.doublings(image_shape):
            x = make.conv(width * (n + 2), strides=2, activation="elu")(x)
    if group_size is not None:
        x = layers.MinibatchStdDev(group_size)(x)
    x = make(keras.layers.Dense, code_dim)(keras.layers.Flatten()(x))
    x = _decoder(common.join(x, labels, num_classes), image_shape, width, make)
    x = common.as_image(make.conv(image_shape[-1])(x), image_shape, activation="linear", name="reconstructions")
    return common.model(images, labels, x, "discriminator")
