"""R3GAN's networks: residual networks of grouped convolutions in inverted bottlenecks, without any normalisation.

Each residual block widens its input by a 1×1 convolution, convolves it with a 3×3 kernel in groups, and narrows it again.
Its last convolution starts at zero, so that at first every block is the identity. In this way the networks need no
normalisation. The resolution changes by bilinear interpolation between the blocks.

Reference: Huang et al. 2024, The GAN is dead; long live the GAN! A Modern Baseline GAN. The initial weights are those of
Zhang et al. 2019, Fixup Initialization.
"""

import itertools
from typing import Any

import keras

from keras_ganaug import _checks, layers
from keras_ganaug.networks import common
from keras_ganaug.networks.common import Classes, Shape

_SLOPE = 0.2
_GAIN = (2.0 / (1.0 + _SLOPE**2)) ** 0.5  # a leaky ReLU then keeps the second moment of its input
_EXPANSION = 2


class ScaledLayers(common.Layers):
    """Makes layers whose initial weights are normal, with variance gain² / fan in, and all follow from one seed."""

    def __call__(self, kind: type, *args: Any, gain: float = 1.0, use_bias: bool = False, **options: Any):
        seed, initializer = self.seed(), "zeros"
        if gain:
            initializer = keras.initializers.VarianceScaling(gain**2, "fan_in", "untruncated_normal", seed=seed)
        return kind(*args, kernel_initializer=initializer, use_bias=use_bias, **options)

    def normal(self, stddev: float = 1.0) -> keras.initializers.Initializer:
        """An initializer of normal values."""
        return keras.initializers.RandomNormal(0.0, stddev, seed=self.seed())


def _group_size(channels, most):
    """The largest number of channels in a group, at most `most`, that divides them."""
    return max(size for size in range(1, most + 1) if channels % size == 0)


def _stage(x, blocks, group_size, gain, make):
    """Residual blocks at one resolution."""
    channels = x.shape[-1]
    wide = _EXPANSION * channels
    groups = wide // _group_size(wide, group_size)

    def lrelu(x):
        return keras.layers.LeakyReLU(_SLOPE)(x)

    for _ in range(blocks):
        y = lrelu(make.conv(wide, 1, gain=gain, use_bias=True)(x))
        y = make(layers.GroupedConv2D, wide, 3, padding="same", groups=groups, gain=gain, use_bias=True)(y)
        x = keras.layers.Add()([x, make.conv(channels, 1, gain=0.0)(lrelu(y))])
    return x


def _embedding(labels, num_classes, units, make, gain=1.0):
    """The embedding of labels in float32, a sum over the attributes."""
    return make.dense(units, gain=gain)(layers.OneHot(num_classes, dtype="float32")(labels))


def _made(channels, seed, blocks, group_size):
    """The maker of layers, and a function that adds the blocks of a resolution."""
    make = ScaledLayers(seed)
    blocks, group_size = _checks.positive_int(blocks, "blocks"), _checks.positive_int(group_size, "group_size")
    # A block has three layers: Fixup's exponent is 1 / (2 · 3 - 2).
    gain = _GAIN * (blocks * len(channels)) ** -0.25
    return make, lambda x: _stage(x, blocks, group_size, gain, make)


def generator(
    image_shape: Shape,
    num_classes: Classes = None,
    latent_dim: int = 64,
    width: int = 32,
    seed: int | None = None,
    blocks: int = 1,
    group_size: int = 16,
) -> keras.Model:
    """The generator. An embedding of the labels is concatenated to the latents.

    The first features are a learned image for each channel, scaled by the latents. The output activation is tanh, so that
    images lie in [-1, 1]; in the paper it is linear.

    Args:
        image_shape, num_classes, latent_dim, width, seed: See the module `networks`.
        blocks: Number of residual blocks at each resolution. The paper has 2. Defaults to 1.
        group_size: Number of channels in a group of the 3×3 convolutions. If it does not divide the channels, the next
            smaller number that does. Defaults to the paper's 16.
    """
    *narrower, widest = channels = common.widths(width, image_shape)
    make, stage = _made(channels, seed, blocks, group_size)
    latents, labels = common.latents_and_labels(latent_dim, num_classes)
    x = latents
    if labels is not None:
        x = keras.layers.Concatenate()([latents, _embedding(labels, num_classes, latent_dim, make)])
    scale = keras.layers.Reshape((1, 1, widest))(make(keras.layers.Dense, widest)(x))
    basis = layers.LearnedConstant((*common.seed_grid(image_shape), widest), make.normal())(latents)
    x = stage(keras.layers.Multiply()([basis, scale]))
    for filters in reversed(narrower):
        x = x if filters == x.shape[-1] else make.conv(filters, 1)(x)
        x = stage(layers.Blur()(layers.Upsample()(x)))
    return common.model(latents, labels, common.as_image(make.conv(image_shape[-1], 1)(x), image_shape), "generator")


def discriminator(
    image_shape: Shape,
    num_classes: Classes = None,
    width: int = 32,
    seed: int | None = None,
    blocks: int = 1,
    group_size: int = 16,
) -> keras.Model:
    """The discriminator, the mirror image of the generator. With classes, its logit is a projection on the class alone.

    Args:
        image_shape, num_classes, width, seed: See the module `networks`.
        blocks, group_size: See `generator`.
    """
    channels = common.widths(width, image_shape)
    make, stage = _made(channels, seed, blocks, group_size)
    images, labels = common.images_and_labels(image_shape, num_classes)
    x = stage(make.conv(channels[0], 1)(images))
    for narrow, filters in itertools.pairwise(channels):
        x = keras.layers.AveragePooling2D(2, padding="same")(layers.Blur()(x))
        x = stage(x if narrow == filters else make.conv(filters, 1)(x))
    height, width = x.shape[1:3]
    initializer = make.normal((height * width) ** -0.5)
    x = keras.layers.DepthwiseConv2D((height, width), use_bias=False, depthwise_initializer=initializer)(x)
    features = keras.layers.Flatten(dtype="float32")(x)

    def to_logit(features, labels):
        if labels is None:
            return make.dense(1)(features)
        units = channels[-1]
        embedding = _embedding(labels, num_classes, units, make, gain=units**-0.5)
        return keras.layers.Dot(1, dtype="float32")([make.dense(units)(features), embedding])

    return common.discriminator_of_parts(images, labels, features, num_classes, to_logit)
