"""What all families of networks share: the pyramid of resolutions, inputs, outputs and seeded initial weights."""

import itertools

import keras
import numpy as np

from keras_ganaug import layers


class Initializers:
    """A series of kernel initialisers that one seed determines; without a seed Keras's global state does.

    Args:
        seed: Integer, or None.
    """

    def __init__(self, seed):
        self._seeds = itertools.repeat(None)
        if seed is not None:
            self._seeds = (int(np.random.SeedSequence([seed, n]).generate_state(1)[0]) for n in itertools.count())

    def __call__(self):
        return keras.initializers.GlorotUniform(seed=next(self._seeds))


def doublings(image_shape, smallest=4, most=6):
    """How often the seed grid is doubled: as often as the shorter side allows a grid of at least `smallest`."""
    shorter = min(image_shape[:2])
    return max(n for n in range(most + 1) if n == 0 or shorter >= smallest * 2**n)


def seed_grid(image_shape):
    """Height and width of the grid from which doublings reach the image, or slightly more than it."""
    return tuple(-(-size // 2 ** doublings(image_shape)) for size in image_shape[:2])


def widths(base, image_shape, most=8):
    """Channels at each resolution, from the image's own down to the seed grid."""
    return [base * min(2**n, most) for n in range(doublings(image_shape) + 1)]


def latents_and_labels(latent_dim, num_classes):
    """The generator's symbolic inputs; labels are None when there are no classes."""
    latents = keras.Input((latent_dim,), name="latents")
    return latents, None if num_classes is None else keras.Input((), dtype="int32", name="labels")


def images_and_labels(image_shape, num_classes):
    """The discriminator's symbolic inputs; labels are None when there are no classes."""
    images = keras.Input(image_shape, name="images")
    return images, None if num_classes is None else keras.Input((), dtype="int32", name="labels")


def model(inputs, labels, outputs, name):
    return keras.Model(inputs if labels is None else [inputs, labels], outputs, name=name)


def conditional_norm(x, labels, num_classes):
    """Batch normalisation, with a scale and offset per class where there are classes."""
    norm = layers.ConditionalBatchNormalization(num_classes)
    return norm(x if labels is None else [x, labels])


def to_image(x, image_shape, initializer):
    """The last convolution, tanh in float32, and the crop to the exact size."""
    height, width, channels = image_shape
    x = keras.layers.Conv2D(channels, 3, padding="same", kernel_initializer=initializer)(x)
    top, left = x.shape[1] - height, x.shape[2] - width
    if top or left:
        x = keras.layers.Cropping2D(((top // 2, top - top // 2), (left // 2, left - left // 2)))(x)
    return keras.layers.Activation("tanh", dtype="float32", name="images")(x)


def sum_pooling(x):
    """Sums over the positions, in float32: the discriminator's features of an image."""
    positions = x.shape[1] * x.shape[2]
    x = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
    return keras.layers.Rescaling(float(positions), dtype="float32", name="features")(x)


def projection_logit(features, labels, num_classes, initializers):
    """A spectrally normalised logit, plus the projection on the class where there are classes."""

    def dense(units, **options):
        return layers.SpectralNormalization(
            keras.layers.Dense(units, kernel_initializer=initializers(), dtype="float32", **options),
            dtype="float32",
        )

    logit = dense(1)(features)
    if labels is None:
        return logit
    one_hot = layers.OneHot(num_classes, dtype="float32")(labels)
    embeddings = dense(features.shape[-1], use_bias=False)(one_hot)
    return layers.Projection(dtype="float32", name="logits")([logit, features, embeddings])
