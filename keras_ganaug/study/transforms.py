"""The transforms of an arm's batches: shifts, mixtures of images, and layers of Keras."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _random


def shift(images, labels, seed, share=1 / 8):
    """Shifts each image by up to an eighth of its height and width. The border repeats the edge pixels."""
    height, width = images.shape[1:3]
    n = tf.shape(images)[0]
    offsets = []
    for part, size in enumerate((height, width)):
        most = max(round(share * size), 1)
        offsets.append(_random.integers([n, 1], _random.fold(seed, part), -most, most + 1))
    rows = tf.clip_by_value(tf.range(height)[None] + offsets[0], 0, height - 1)
    columns = tf.clip_by_value(tf.range(width)[None] + offsets[1], 0, width - 1)
    shifted = tf.gather(tf.gather(images, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)
    return shifted, labels


def flip(images, labels, seed):
    """Mirrors half of the images, left to right."""
    mirrored = _random.uniform([tf.shape(images)[0], 1, 1, 1], seed) < 0.5
    return tf.where(mirrored, images[:, :, ::-1], images), labels


def invert(images, labels, seed, value_range):
    """Inverts half of the images: the lowest value becomes the highest."""
    return tf.where(_half(images, seed), sum(value_range) - images, images), labels


def blur(images, labels, seed, widths=(0.1, 2.0)):
    """Blurs half of the images by a Gaussian whose standard deviation, in pixels, is uniform in this range."""
    width = _random.uniform([tf.shape(images)[0], 1, 1], _random.fold(seed, 1), *widths)
    blurred = images
    for axis, product in ((1, "nij,njwc->niwc"), (2, "nij,nhjc->nhic")):
        position = tf.range(images.shape[axis], dtype=tf.float32)
        weights = tf.nn.softmax(-(((position[:, None] - position[None]) / width) ** 2) / 2)  # of pixels in the image
        blurred = tf.einsum(product, weights, blurred)
    return tf.where(_half(images, _random.fold(seed, 0)), blurred, images), labels


def _half(images, seed):
    """True for each image with probability one half, bool (batch, 1, 1, 1)."""
    return _random.uniform([tf.shape(images)[0], 1, 1, 1], seed) < 0.5


def _others(images, seed):
    """Another image of the batch for each image, in a random order."""
    return tf.gather(images, _random.permutation(tf.shape(images)[0], seed))


def fourier(images, labels, seed, value_range, most=1.0):
    """Mixes the amplitudes of each image's Fourier transform with those of another image. The phases do not change.

    The result is (1 - λ) A + λ A', with λ uniform from 0 to `most` for each image (Xu et al. 2021, A Fourier-based Framework
    for Domain Generalization).
    """
    share = _random.uniform([tf.shape(images)[0], 1, 1, 1], _random.fold(seed, 1), 0.0, most)
    spectrum = tf.signal.rfft2d(tf.transpose(images, [0, 3, 1, 2]))
    amplitude = tf.abs(spectrum)
    amplitude += share * (_others(amplitude, _random.fold(seed, 0)) - amplitude)
    phase = tf.atan2(tf.math.imag(spectrum), tf.math.real(spectrum))
    mixed = tf.signal.irfft2d(tf.complex(amplitude * tf.cos(phase), amplitude * tf.sin(phase)), images.shape[1:3])
    return tf.clip_by_value(tf.transpose(mixed, [0, 2, 3, 1]), *value_range), labels


def histogram(images, labels, seed, value_range):
    """Gives the pixels of each image, channel by channel, the values with the same rank in another image.

    A value becomes the least value of the other image with at least the same share of pixels at or below it, so that equal
    pixels stay equal.
    """
    height, width, channels = images.shape[1:]
    flat = tf.reshape(tf.transpose(images, [0, 3, 1, 2]), [-1, channels, height * width])
    ordered = tf.sort(flat)
    rank = tf.searchsorted(ordered, flat, side="right") - 1
    matched = tf.gather(_others(ordered, seed), rank, batch_dims=2)
    matched = tf.transpose(tf.reshape(matched, [-1, channels, height, width]), [0, 2, 3, 1])
    return tf.clip_by_value(matched, *value_range), labels


def lisa(images, labels, seed, groups, alpha=2.0):
    """Mixes each image and its label with one of the same class and another style, or of the same style and another class.

    Each case has a probability of one half, with λ from Beta(α, α). If no other image of the batch fits, the image does not
    change (Yao et al. 2022, Improving Out-of-Distribution Robustness via Selective Augmentation). `groups` are int32 (batch,
    2): class and style.
    """
    n = tf.shape(images)[0]
    of_class, of_style = (groups[:, None, part] == groups[None, :, part] for part in (0, 1))
    within = _random.uniform([n, 1], _random.fold(seed, 0)) < 0.5
    fits = tf.where(within, of_class & ~of_style, of_style & ~of_class)
    other = tf.argmax(tf.where(fits, _random.uniform([n, n], _random.fold(seed, 1)), -1.0), axis=1)
    share = _random.beta([n, 1], alpha, _random.fold(seed, 2))
    share = tf.where(tf.reduce_any(fits, 1, keepdims=True), share, 1.0)

    def mixed(parts, share):
        return share * parts + (1 - share) * tf.gather(parts, other)

    return mixed(images, share[:, :, None, None]), mixed(labels, share)


class Transform:
    """A transform of batches: a function of (images, one-hot labels, seed) that returns both.

    Args:
        function: The function.
        mixes: Whether it mixes images, and their labels, with each other. Defaults to False.
        needs_groups: Whether it also takes the groups of the images, int32 (batch, 2): the class, and the style, a number
            for each combination of the other attributes' values. Synthetic images have a style of their own. Defaults to
            False.
    """

    def __init__(self, function: Callable[..., Any], mixes: bool = False, needs_groups: bool = False) -> None:
        self._function, self.mixes, self.needs_groups = function, mixes, needs_groups

    def prepare(self, seed: int, value_range: tuple[float, float]) -> Callable[..., Any]:
        """The function for one pipeline."""
        return self._function

    def missing(self, channels: int | None) -> str | None:
        """What it lacks, in words: a package that is not installed, or other images. None if nothing is missing."""
        return None


class _Ranged(Transform):
    """A function that also takes the `value_range` of the images."""

    def prepare(self, seed, value_range):
        return functools.partial(self._function, value_range=value_range)


class _KerasTransform(Transform):
    """A Keras layer on batches. Each pipeline gets a new one, so that the same seed gives the same draws."""

    def __init__(self, name, mixes=False, **options):
        self.name, self.options, self.mixes, self.needs_groups = name, options, mixes, False

    def layer(self, seed, value_range, **options):
        """The layer in float32, whatever the policy, since it processes pixels and labels of the data."""
        ranged = {"value_range": value_range} if self.name in ("RandAugment", "RandomErasing") else {}
        return getattr(keras.layers, self.name)(seed=seed, dtype="float32", **{**self.options, **options}, **ranged)

    def prepare(self, seed, value_range):
        layer = self.layer(seed, value_range)

        def transform(images, labels, seed):
            if not self.mixes:
                return layer(images, training=True), labels
            mixed = layer({"images": images, "labels": labels}, training=True)
            return mixed["images"], mixed["labels"]

        return transform

    def missing(self, channels):
        if self.name not in dir(keras.layers):
            return f"keras.layers.{self.name}, of a newer Keras than {keras.__version__}"
        if self.name == "RandAugment" and channels not in (None, 1, 3):
            return f"images of 1 or 3 channels, not of {channels}"
        return None


class _AugMix(_KerasTransform):
    """Mixes each image with three chains of one, two and three operations (Hendrycks et al. 2020, AugMix).

    It uses the operations of Keras's RandAugment, because Keras's AugMix, in a graph, chooses its operations only once. The
    weights of the chains are from Dirichlet(1, 1, 1), that of their mixture is uniform.
    """

    def prepare(self, seed, value_range):
        chains = [self.layer(_random.derived(seed, n), value_range, num_ops=n) for n in (1, 2, 3)]

        def transform(images, labels, seed):
            n = tf.shape(images)[0]
            weights = -tf.math.log(_random.uniform([3, n, 1, 1, 1], _random.fold(seed, 0)))
            chained = tf.stack([chain(images, training=True) for chain in chains])
            mixed = tf.reduce_sum(weights * chained, 0) / tf.reduce_sum(weights, 0)
            share = _random.uniform([n, 1, 1, 1], _random.fold(seed, 1))
            return tf.clip_by_value(images + share * (mixed - images), *value_range), labels

        return transform


TRANSFORMS = {
    "shift": shift,
    "flip": flip,
    "rand_augment": _KerasTransform("RandAugment"),
    "mixup": _KerasTransform("MixUp", mixes=True, alpha=0.2),
    "cutmix": _KerasTransform("CutMix", mixes=True),
    "random_erasing": _KerasTransform("RandomErasing"),
    "aug_mix": _AugMix("RandAugment", factor=0.3),
    "invert": _Ranged(invert),
    "blur": blur,
    "fourier": _Ranged(fourier),
    "histogram": _Ranged(histogram),
    "lisa": Transform(lisa, mixes=True, needs_groups=True),
}
"""The transforms of batches, by name."""


def as_transform(transform: Any) -> Transform:
    """The `Transform` with a name, or of a function."""
    transform = TRANSFORMS[transform] if isinstance(transform, str) else transform
    return transform if isinstance(transform, Transform) else Transform(transform)
