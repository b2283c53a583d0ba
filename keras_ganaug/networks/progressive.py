"""Networks that grow: each resolution has its own output and input, and fades in through a gate.

The graph contains all resolutions from the start. The variable of a `Progress` layer sets how many are active, so nothing is
rebuilt or recompiled.

Reference: Karras et al. 2018, Progressive Growing of GANs for Improved Quality, Stability, and Variation.
"""

import itertools
from typing import Any

import keras

from keras_ganaug import _checks, layers
from keras_ganaug.networks import common
from keras_ganaug.networks.common import Classes, Shape


class EqualizedLayers(common.Layers):
    """Makes layers with an equalised learning rate, whose initial weights all follow from one seed."""

    def __call__(self, kind: type, *args: Any, gain: float = 2.0**0.5, lr_multiplier: float = 1.0, **options: Any):
        layer = kind(*args, **options)
        return layers.Equalized(layer, gain, lr_multiplier, seed=self.seed(), dtype=layer.dtype_policy)

    def dense(self, units, gain=1.0, **options):
        return super().dense(units, gain=gain, **options)

    def embedding(self, units, sizes):
        # The sum of the rows has the norm of the logit's kernel, whatever the number of classes.
        return self.dense(units, gain=(sum(sizes) / len(sizes) / units) ** 0.5, use_bias=False)


def lrelu(x: Any) -> Any:
    return keras.layers.LeakyReLU(0.2)(x)


def generator(
    image_shape: Shape, num_classes: Classes = None, latent_dim: int = 128, width: int = 32, seed: int | None = None
) -> keras.Model:
    """A growing generator with equalised layers and pixel normalisation. Labels are concatenated to the latents.

    It does not normalise the latents, as the paper's network does: `ProgressiveGAN` does so. The output activation is tanh,
    so that images lie in [-1, 1]; in the paper it is linear.

    Args:
        image_shape, num_classes, latent_dim, width, seed: See the module `networks`.
    """
    make = EqualizedLayers(seed)
    *narrower, widest = common.widths(width, image_shape)
    grid = common.seed_grid(image_shape)
    latents, labels = common.latents_and_labels(latent_dim, num_classes)

    def lrelu_norm(x):
        return layers.PixelNormalization()(lrelu(x))

    def to_rgb(x):
        return make.conv(image_shape[-1], 1, gain=1.0)(x)

    x = common.join(latents, labels, num_classes)  # the GAN draws latents on the sphere
    x = make(keras.layers.Dense, grid[0] * grid[1] * widest, gain=2.0**0.5 / 4)(x)
    x = lrelu_norm(keras.layers.Reshape((*grid, widest))(x))
    x = lrelu_norm(make.conv(widest)(x))
    image = to_rgb(x)
    gates = layers.Progress(len(narrower), name="progress")(latents) if narrower else None
    for level, filters in enumerate(reversed(narrower)):
        x = lrelu_norm(make(layers.UpsampleConv2D, filters)(x))
        x = lrelu_norm(make.conv(filters)(x))
        image = layers.FadeIn(level)([layers.Upsample()(image), to_rgb(x), gates])
    return common.model(latents, labels, common.as_image(image, image_shape), "generator")


def discriminator(
    image_shape: Shape,
    num_classes: Classes = None,
    width: int = 32,
    seed: int | None = None,
    growing: bool = True,
    label_use: str = "project",
    blur: bool = False,
) -> keras.Model:
    """A discriminator with equalised layers and minibatch standard deviation.

    Args:
        image_shape, num_classes, width, seed: See the module `networks`.
        growing: Whether it grows. If not, all resolutions are active from the start, and the image enters only at the
            highest one. Defaults to True.
        label_use: How labels are used. "project": adds a projection on the class to the logit. "join": concatenates them to
            the image at each resolution, which suits a Wasserstein critic better. "join_all": also concatenates them to the
            features after each halving. Defaults to "project".
        blur: Whether to blur features before each halving, as in StyleGAN. Defaults to False.
    """
    _checks.one_of(label_use, ("project", "join", "join_all"), "label_use")
    make = EqualizedLayers(seed)
    channels = common.widths(width, image_shape)
    levels = len(channels) - 1
    images, labels = common.images_and_labels(image_shape, num_classes)

    def from_rgb(image, filters):
        x = common.join(image, labels, num_classes) if label_use != "project" else image
        return lrelu(make.conv(filters, 1)(x))

    def with_labels(features):
        return common.join(features, labels, num_classes) if label_use == "join_all" else features

    image, x = images, from_rgb(images, channels[0])
    gates = layers.Progress(levels, name="progress")(images) if growing and levels else None
    for n, (narrow, filters) in enumerate(itertools.pairwise(channels)):
        x = lrelu(make.conv(narrow)(with_labels(x) if n else x))
        x = layers.Blur()(x) if blur else x
        x = lrelu(make.conv(filters)(x))
        x = keras.layers.AveragePooling2D(2, padding="same")(x)
        if growing:
            image = keras.layers.AveragePooling2D(2, padding="same")(image)
            x = layers.FadeIn(levels - 1 - n)([from_rgb(image, filters), x, gates])
    x = layers.MinibatchStdDev()(x)
    x = lrelu(make.conv(channels[-1])(with_labels(x) if levels else x))
    x = make.dense(channels[-1], gain=2.0**0.5)(keras.layers.Flatten()(x))
    features = keras.layers.LeakyReLU(0.2, dtype="float32")(x)
    if label_use != "project":
        return common.model(images, labels, make.dense(1)(features), "discriminator")
    return common.projection_discriminator(images, labels, features, num_classes, make)
