"""Networks that grow: each resolution has an output and an input of its own, and fades in by a gate.

The graph holds all resolutions from the start, and a `Progress` layer's variable tells how many take part: nothing is
rebuilt or compiled again.

Reference: Karras et al. 2018, Progressive Growing of GANs for Improved Quality, Stability, and Variation.
"""

import itertools

import keras

from keras_ganaug import _checks, layers
from keras_ganaug.networks import common


class EqualizedLayers:
    """Makes layers with an equalised learning rate, each with a seed of its own."""

    def __init__(self, seed):
        self._initializers = common.Initializers(seed)

    def seed(self):
        return self._initializers.seed()

    def __call__(self, layer, **options):
        return layers.Equalized(layer, seed=self.seed(), dtype=layer.dtype_policy, **options)

    def conv(self, filters, size=3, **options):
        return self(keras.layers.Conv2D(filters, size, padding="same"), **options)

    def dense(self, units, gain=1.0, **options):
        return self(keras.layers.Dense(units, dtype="float32", **options), gain=gain)


def lrelu(x):
    return keras.layers.LeakyReLU(0.2)(x)


def generator(image_shape, num_classes=None, latent_dim=128, width=32, seed=None):
    """A generator that grows, with equalised layers and pixel normalisation. Labels are joined to the latents.

    The latents are taken as they are: `ProgressiveGAN` normalises them, as the paper's network does. Where the paper's
    output is linear this one's is tanh, so that images lie in [-1, 1].

    Args:
        image_shape, num_classes, latent_dim, width, seed: As of all families.
    """
    equalized = EqualizedLayers(seed)
    channels = common.widths(width, image_shape)
    grid = common.seed_grid(image_shape)
    latents, labels = common.latents_and_labels(latent_dim, num_classes)

    def lrelu_norm(x):
        return layers.PixelNormalization()(lrelu(x))

    def to_rgb(x):
        return equalized.conv(image_shape[-1], 1, gain=1.0)(x)

    x = common.join(latents, labels, num_classes)  # the GAN draws them on the sphere
    x = equalized(keras.layers.Dense(grid[0] * grid[1] * channels[-1]), gain=2.0**0.5 / 4)(x)
    x = lrelu_norm(keras.layers.Reshape((*grid, channels[-1]))(x))
    x = lrelu_norm(equalized.conv(channels[-1])(x))
    image = to_rgb(x)
    gates = layers.Progress(len(channels) - 1, name="progress")(latents) if len(channels) > 1 else None
    for level, filters in enumerate(reversed(channels[:-1])):
        x = lrelu_norm(equalized(layers.UpsampleConv2D(filters))(x))
        x = lrelu_norm(equalized.conv(filters)(x))
        image = layers.FadeIn(level)([layers.Upsample()(image), to_rgb(x), gates])
    return common.model(latents, labels, common.as_image(image, image_shape), "generator")


def discriminator(image_shape, num_classes=None, width=32, seed=None, growing=True, label_use="project", blur=False):
    """A discriminator with equalised layers and minibatch standard deviation.

    Args:
        image_shape, num_classes, width, seed: As of all families.
        growing: Whether it grows; if not, all resolutions take part from the start, and the image comes in at the highest
            alone. Defaults to True.
        label_use: What is done with labels. "project": a projection on the class is added to the logit. "join": they are
            joined to the image at each resolution, of which a Wasserstein critic makes more. "join_all": also to the
            features after each halving. Defaults to "project".
        blur: Whether features are blurred before each halving, as StyleGAN's are. Defaults to False.
    """
    _checks.one_of(label_use, ("project", "join", "join_all"), "label_use")
    equalized = EqualizedLayers(seed)
    channels = common.widths(width, image_shape)
    levels = len(channels) - 1
    images, labels = common.images_and_labels(image_shape, num_classes)

    def from_rgb(image, filters):
        x = common.join(image, labels, num_classes) if label_use != "project" else image
        return lrelu(equalized.conv(filters, 1)(x))

    def with_labels(features):
        return common.join(features, labels, num_classes) if label_use == "join_all" else features

    image, x = images, from_rgb(images, channels[0])
    gates = layers.Progress(levels, name="progress")(images) if growing and levels else None
    for n, (narrow, filters) in enumerate(itertools.pairwise(channels)):
        x = lrelu(equalized.conv(narrow)(with_labels(x) if n else x))
        x = layers.Blur()(x) if blur else x
        x = lrelu(equalized.conv(filters)(x))
        x = keras.layers.AveragePooling2D(2, padding="same")(x)
        if growing:
            image = keras.layers.AveragePooling2D(2, padding="same")(image)
            x = layers.FadeIn(levels - 1 - n)([from_rgb(image, filters), x, gates])
    x = layers.MinibatchStdDev()(x)
    x = lrelu(equalized.conv(channels[-1])(with_labels(x) if levels else x))
    x = equalized.dense(channels[-1], gain=2.0**0.5)(keras.layers.Flatten()(x))
    features = keras.layers.LeakyReLU(0.2, dtype="float32")(x)

    if label_use != "project":
        return common.model(images, labels, equalized.dense(1)(features), "discriminator")

    def embedding(units):  # as long as the kernel of the logit, whatever the number of classes
        return equalized.dense(units, gain=(num_classes / units) ** 0.5, use_bias=False)

    return common.projection_discriminator(images, labels, features, num_classes, equalized.dense, embedding)
