"""Shared parts of all families of networks: resolutions, inputs, outputs and seeded initial weights."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from keras_ganaug import conditions, layers

Shape = tuple[int, int, int]
Classes = int | Mapping[str, int] | None


class Layers:
    """Makes layers whose initial weights all follow from one seed.

    Args:
        seed: Integer; with None the initial weights depend on Keras's global state.
        spectral: Whether layers are spectrally normalised by default. Defaults to False.
    """

    def __init__(self, seed: int | None, spectral: bool = False):
        self.spectral = spectral
        self._seeds: Iterator[int | None] = itertools.repeat(None)
        if seed is not None:
            self._seeds = (int(np.random.SeedSequence([seed, n]).generate_state(1)[0]) for n in itertools.count())

    def seed(self) -> int | None:
        """The next seed."""
        return next(self._seeds)

    def __call__(self, kind: type, *args: Any, spectral: bool | None = None, **options: Any) -> keras.layers.Layer:
        """Makes a layer of this class with these arguments."""
        layer = kind(*args, kernel_initializer=keras.initializers.GlorotUniform(seed=self.seed()), **options)
        normalized = self.spectral if spectral is None else spectral
        return layers.SpectralNormalization(layer, dtype=layer.dtype_policy) if normalized else layer

    def conv(self, filters: int, size: int = 3, **options: Any) -> keras.layers.Layer:
        return self(keras.layers.Conv2D, filters, size, padding="same", **options)

    def dense(self, units: int, **options: Any) -> keras.layers.Layer:
        return self(keras.layers.Dense, units, dtype="float32", **options)

    def embedding(self, units: int, sizes: tuple[int, ...]) -> keras.layers.Layer:
        """A dense layer for one-hot rows of these sizes. With several attributes, their embeddings are summed."""
        return self.dense(units, use_bias=False)


def doublings(image_shape, smallest=4, most=6):
    """How often the seed grid is doubled: as often as the shorter side allows a grid of at least `smallest`."""
    shorter = min(image_shape[:2])
    return max(n for n in range(most + 1) if n == 0 or shorter >= smallest * 2**n)


def seed_grid(image_shape):
    """Height and width of the grid whose doublings reach the image size, or slightly exceed it."""
    return tuple(-(-size // 2 ** doublings(image_shape)) for size in image_shape[:2])


def widths(base, image_shape, most=8):
    """Channels at each resolution, from the image itself down to the seed grid."""
    return [base * min(2**n, most) for n in range(doublings(image_shape) + 1)]


def latents_and_labels(latent_dim, num_classes):
    """The generator's symbolic inputs. Labels are None without classes."""
    return _inputs((latent_dim,), "latents", conditions.of(num_classes))


def images_and_labels(image_shape, num_classes):
    """The discriminator's symbolic inputs. Labels are None without classes."""
    return _inputs(image_shape, "images", conditions.of(num_classes))


def _inputs(shape, name, condition):
    labels = keras.Input(condition.label_shape, dtype="int32", name="labels") if condition.conditional else None
    return keras.Input(shape, name=name), labels


def model(inputs, labels, outputs, name):
    return keras.Model(inputs if labels is None else [inputs, labels], outputs, name=name)


def conditional_norm(x, labels=None, num_classes=None):
    """Batch normalisation, with a scale and offset per class if there are classes."""
    norm = layers.ConditionalBatchNormalization(None if labels is None else num_classes)
    return norm(x if labels is None else [x, labels])


def first_features(x, image_shape, channels, make):
    """The dense layer from latents to the features of the seed grid."""
    height, width = seed_grid(image_shape)
    x = make(keras.layers.Dense, height * width * channels, spectral=False)(x)
    return keras.layers.Reshape((height, width, channels))(x)


def to_image(x, image_shape, make):
    """The last convolution, the crop to the exact size, and tanh."""
    return as_image(make.conv(image_shape[-1], spectral=False)(x), image_shape)


def as_image(x, image_shape, activation="tanh", name="images"):
    """Crops to the exact size, and applies the activation in float32.

    It crops at the bottom and the right, since halving an image also starts at its upper left corner. In this way the pixels
    of a coarse grid match between generated images and downsampled real ones.
    """
    below, right = x.shape[1] - image_shape[0], x.shape[2] - image_shape[1]
    if below or right:
        x = keras.layers.Cropping2D(((0, below), (0, right)))(x)
    return keras.layers.Activation(activation, dtype="float32", name=name)(x)


def pooling(x, normalization):
    """The discriminator's features of an image in float32, from its features at each position.

    Takes their sum over the positions if spectral normalisation bounds the layers above, otherwise their mean. After batch
    normalisation it flattens them, as in DCGAN, since the mean of a whole batch would be the same for any images.
    """
    if normalization == "batch":
        return keras.layers.Flatten(dtype="float32")(x)
    positions = x.shape[1] * x.shape[2]
    x = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
    return keras.layers.Rescaling(float(positions), dtype="float32")(x) if normalization == "spectral" else x


def join(x, labels, num_classes):
    """Concatenates labels to features as one-hot rows, or as one-hot channels at every position."""
    if labels is None:
        return x
    one_hot = layers.OneHot(num_classes)(labels)
    if len(x.shape) == 4:
        one_hot = keras.layers.Reshape((1, 1, one_hot.shape[-1]))(one_hot)
        one_hot = keras.layers.UpSampling2D(tuple(x.shape[1:3]))(one_hot)
    return keras.layers.Concatenate()([x, one_hot])


def discriminator_of_parts(images, labels, features, num_classes, to_outputs):
    """Builds a discriminator from symbolic images (and labels), the features of the images, and a head.

    With classes it consists of two models, the layers "features" and "head". Then `features_and_head` can compute the
    features once, and use them with several labels or other heads. `to_outputs(features, labels)` builds the head.
    """
    if labels is None:
        return model(images, None, to_outputs(features, None), "discriminator")
    to_features = keras.Model(images, features, name="features")
    given = keras.Input(features.shape[1:], name="features")
    head = keras.Model([given, labels], to_outputs(given, labels), name="head")
    images, labels = images_and_labels(images.shape[1:], num_classes)
    return model(images, labels, head([to_features(images), labels]), "discriminator")


def projection_discriminator(images, labels, features, num_classes, make):
    """A `discriminator_of_parts` whose output is a logit, plus a projection on the class if there are classes."""

    def to_logit(features, labels):
        logit = make.dense(1)(features)
        if labels is None:
            return logit
        one_hot = layers.OneHot(num_classes, dtype="float32")(labels)
        embeddings = make.embedding(features.shape[-1], conditions.of(num_classes).sizes)(one_hot)
        return layers.Projection(dtype="float32", name="logits")([logit, features, embeddings])

    return discriminator_of_parts(images, labels, features, num_classes, to_logit)


def embedding_discriminator(images, labels, features, num_classes, make):
    """A `discriminator_of_parts` with three outputs: a logit, the cosines of image and classes, and the image's unit vector.

    Each attribute has a unit vector of its own, as long as the features. Its cosines and the vectors are concatenated.
    """

    def to_outputs(features, labels):
        logit = make.dense(1)(features)
        if labels is None:
            return logit
        vectors, cosines = [], []
        for size in conditions.of(num_classes).sizes:
            vectors.append(keras.layers.UnitNormalization(dtype="float32")(make.dense(features.shape[-1])(features)))
            cosines.append(make(layers.Cosines, size, spectral=False, dtype="float32")(vectors[-1]))
        if len(vectors) == 1:
            return [logit, *cosines, *vectors]
        return [logit, *(keras.layers.Concatenate(dtype="float32")(each) for each in (cosines, vectors))]

    return discriminator_of_parts(images, labels, features, num_classes, to_outputs)


def features_and_head(discriminator):
    """The two models of a `discriminator_of_parts`. None for any other network, even one with layers of these names."""
    parts = [layer for layer in discriminator.layers if not isinstance(layer, keras.layers.InputLayer)]
    if [part.name for part in parts] != ["features", "head"] or not all(isinstance(part, keras.Model) for part in parts):
        return None
    ranks = [[len(given.shape) for given in part.inputs] for part in parts]
    return tuple(parts) if ranks[0] == [4] and len(ranks[1]) == 2 and ranks[1][0] in (2, 4) and ranks[1][1] <= 2 else None


def discriminate(discriminator, images, inputs):
    """A function from labels to the discriminator's outputs for these images with these labels.

    A `discriminator_of_parts` computes the features of the images only once. For any other discriminator, `inputs(images,
    labels)` returns its inputs.
    """
    parts = features_and_head(discriminator)
    if parts is None:
        return lambda labels: discriminator(inputs(images, labels), training=True)
    to_features, head = parts
    features = to_features(images, training=True)
    return lambda labels: head([features, labels], training=True)
