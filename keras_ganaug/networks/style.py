"""The style-based generator: a mapping from latents to w, and a synthesis whose layers each take a style from w.

Its discriminator is `progressive.discriminator(..., growing=False, blur=True)`.

Reference: Karras et al. 2019, A Style-Based Generator Architecture for Generative Adversarial Networks.
"""

import keras
import tensorflow as tf

from keras_ganaug import layers
from keras_ganaug.networks import common
from keras_ganaug.networks.common import Classes, Shape
from keras_ganaug.networks.progressive import EqualizedLayers, lrelu


def num_layers(image_shape: Shape) -> int:
    """The number of synthesis layers that take a style: two at each resolution."""
    return 2 * (common.doublings(image_shape) + 1)


def seeds_of(latents: tf.Tensor) -> tf.Tensor:
    """The noise seed of each image, int32 (batch,), computed from its latents."""
    return layers.SeedOfLatents()(latents)


def mapping(
    latent_dim: int,
    num_classes: Classes = None,
    w_dim: int = 128,
    depth: int = 8,
    seed: int | None = None,
    lr_multiplier: float = 0.01,
) -> keras.Model:
    """Dense layers that map normalised latents, concatenated with the embedded label, to w.

    Args:
        latent_dim, num_classes, seed: See the module `networks`.
        w_dim: Length of w. Defaults to 128.
        depth: Number of dense layers. Defaults to 8.
        lr_multiplier: Learning rate of these layers, relative to the synthesis. With the paper's 0.01, the mapping hardly
            changes in a training of a few thousand steps. Defaults to 0.01.

    Returns a Keras model from `[latents, labels]` to float32 w (batch, w_dim).
    """
    make = EqualizedLayers(seed)
    latents, labels = common.latents_and_labels(latent_dim, num_classes)
    x = layers.PixelNormalization(dtype="float32")(latents)
    if num_classes is not None:
        embedding = make.dense(latent_dim, use_bias=False)(layers.OneHot(num_classes, dtype="float32")(labels))
        embedding = layers.PixelNormalization(dtype="float32")(embedding)
        x = keras.layers.Concatenate(dtype="float32")([x, embedding])
    for _ in range(depth):
        x = make.dense(w_dim, gain=2.0**0.5, lr_multiplier=lr_multiplier)(x)
        x = keras.layers.LeakyReLU(0.2, dtype="float32")(x)
    return common.model(latents, labels, x, "mapping")


def synthesis(image_shape: Shape, w_dim: int = 128, width: int = 32, seed: int | None = None) -> keras.Model:
    """Convolutions from a learned constant to images, each followed by noise and by AdaIN with the style of its own w.

    Upsampled features are blurred, which equals the paper's bilinear sampling.

    Args:
        image_shape, width, seed: See the module `networks`.
        w_dim: Length of w. Defaults to 128.

    Returns a Keras model from `[w, seeds]`, float32 (batch, num_layers, w_dim) and int32 (batch,), to images in [-1, 1].
    """
    make = EqualizedLayers(seed)
    channels = common.widths(width, image_shape)
    total = num_layers(image_shape)
    w = keras.Input((total, w_dim), name="w")
    seeds = keras.Input((), dtype="int32", name="seeds")

    def styled(x, index):
        """Adds noise, the activation, and the style of this layer."""
        x = lrelu(layers.NoiseInjection(index)([x, seeds]))
        own = keras.layers.Reshape((w_dim,))(keras.layers.Cropping1D((index, total - index - 1))(w))
        return layers.AdaIN(seed=make.seed())([x, own])

    x = styled(layers.LearnedConstant((*common.seed_grid(image_shape), channels[-1]))(w), 0)
    x = styled(make.conv(channels[-1])(x), 1)
    for n, filters in enumerate(reversed(channels[:-1]), start=1):
        x = make(layers.UpsampleConv2D, filters)(x)
        x = styled(layers.Blur()(x), 2 * n)
        x = styled(make.conv(filters)(x), 2 * n + 1)
    x = make.conv(image_shape[-1], 1, gain=1.0)(x)
    return keras.Model([w, seeds], common.as_image(x, image_shape), name="synthesis")


def generator(
    image_shape: Shape,
    num_classes: Classes = None,
    latent_dim: int = 128,
    width: int = 32,
    seed: int | None = None,
    depth: int = 8,
    lr_multiplier: float = 0.01,
) -> keras.Model:
    """Mapping and synthesis in one model, as its layers "mapping" and "synthesis".

    The noise of an image is computed from its latents, so the same latents give the same image.

    Args:
        image_shape, num_classes, latent_dim, width, seed: See the module `networks`. The length of w is `latent_dim`.
        depth, lr_multiplier: See `mapping`. Default to 8 and 0.01.
    """
    seeds = common.Layers(seed)
    latents, labels = common.latents_and_labels(latent_dim, num_classes)
    to_w = mapping(latent_dim, num_classes, latent_dim, depth, seeds.seed(), lr_multiplier)
    to_image = synthesis(image_shape, latent_dim, width, seeds.seed())
    w = to_w(latents if labels is None else [latents, labels])
    w = keras.layers.RepeatVector(num_layers(image_shape), dtype="float32")(w)
    return common.model(latents, labels, to_image([w, seeds_of(latents)]), "generator")
