"""Networks that translate images: a residual encoder and decoder, and a discriminator of patches."""

import math
from collections.abc import Mapping

import keras

from keras_ganaug import _checks, conditions, layers
from keras_ganaug.networks import common
from keras_ganaug.networks.common import Shape

_HALVINGS = 2
_PATCHES = (5, 8, 18)  # pixels a side that a logit of the discriminator depends on, by how often the image is halved
Domains = int | Mapping[str, int]


def generator(
    image_shape: Shape, num_classes: Domains, latent_dim: int, width: int = 32, seed: int | None = None, blocks: int = 2
) -> keras.Model:
    """Maps images, latents and labels to images in [-1, 1].

    The image is halved twice, passes through residual blocks, and is upsampled again. Skip connections carry over the
    features in between, but not the image itself: a copy at full resolution would preserve its style. Each convolution is
    followed by group normalisation, with a scale and an offset computed from label and latents.

    Args:
        image_shape, num_classes, latent_dim, width, seed: See the module `networks`.
        blocks: Number of residual blocks. Defaults to 2.
    """
    make = common.Layers(seed)
    images = keras.Input(image_shape, name="sources")
    latents, labels = common.latents_and_labels(latent_dim, num_classes)
    style = keras.layers.Concatenate()([layers.OneHot(num_classes, dtype="float32")(labels), latents])
    style = make.dense(4 * width, activation="relu")(style)

    def styled(x, filters, size=3, strides=1):
        x = make.conv(filters, size, strides=strides, use_bias=False)(x)
        scale, offset = (make.dense(filters, bias_initializer=bias)(style) for bias in ("ones", "zeros"))
        return layers.AdaptiveGroupNormalization(math.gcd(8, filters))([x, scale, offset])

    def conv(x, *args, **options):
        return keras.layers.ReLU()(styled(x, *args, **options))

    x, across = conv(images, width), []
    for n in range(min(_HALVINGS, common.doublings(image_shape, smallest=2))):
        across.append(x)
        x = conv(x, width * 2 ** (n + 1), 4, strides=2)
    for _ in range(blocks):
        x = keras.layers.Add()([x, styled(conv(x, x.shape[-1]), x.shape[-1])])
    for n, other in reversed([*enumerate(across)]):
        x = layers.Upsample()(x)
        cut = [(0, size - wanted) for size, wanted in zip(x.shape[1:3], other.shape[1:3])]
        x = keras.layers.Cropping2D(cut)(x) if any(map(sum, cut)) else x
        x = conv(keras.layers.Concatenate()([x, other]) if n else x, other.shape[-1])
    return keras.Model([images, latents, labels], common.to_image(x, image_shape, make), name="generator")


def discriminator(
    image_shape: Shape, num_classes: Domains, width: int = 32, seed: int | None = None, label_use: str = "project"
) -> keras.Model:
    """Logits of overlapping patches of at most 18 × 18 pixels, and of two thirds of the image's shorter side.

    A patch shows the domain, but not all of the content. A discriminator of whole images would learn which content never
    occurs in a domain, and a translation would change the content. The sides of patches are 18, 8 or 5 pixels.

    Args:
        image_shape, num_classes, width, seed: See the module `networks`. The layers are spectrally normalised.
        label_use: "project": adds a projection on the label to the logit of each patch. "classify": does not use the labels,
            and adds a second output, the logits of the labels. Defaults to "project".
    """
    _checks.one_of(label_use, ("project", "classify"), "label_use")
    make = common.Layers(seed, spectral=True)
    images, labels = common.images_and_labels(image_shape, num_classes)
    x = images
    halvings = sum(3 * patch <= 2 * min(image_shape[:2]) for patch in _PATCHES[1:])
    for n in range(halvings):
        x = keras.layers.LeakyReLU(0.1)(make.conv(width * 2**n, 4, strides=2)(x))
    if not halvings:
        x = keras.layers.LeakyReLU(0.1)(make.conv(width, 3)(x))
    features = keras.layers.LeakyReLU(0.1)(make.conv(width * 2**halvings, 3)(x))
    features = keras.layers.Activation("linear", dtype="float32")(features)
    if label_use == "project":
        return common.projection_discriminator(images, labels, features, num_classes, make)
    total = sum(conditions.of(num_classes).sizes)

    def to_outputs(features, labels):
        pooled = keras.layers.GlobalAveragePooling2D(dtype="float32")(features)
        return [make.dense(1)(features), make.dense(total, spectral=False)(pooled)]

    return common.discriminator_of_parts(images, labels, features, num_classes, to_outputs)
