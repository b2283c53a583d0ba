"""What is done to the batches of an arm: shifts, mixtures of images, what Keras has."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _random


def shift(images, labels, seed, share=1 / 8):
    """Each image shifted by up to an eighth of its height and of its width, the border filled with its own edge."""
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
    """Half of the images mirrored, left for right."""
    mirrored = _random.uniform([tf.shape(images)[0], 1, 1, 1], seed) < 0.5
    return tf.where(mirrored, images[:, :, ::-1], images), labels


def invert(images, labels, seed, value_range):
    """Half of the images inverted: what was lowest is highest."""
    return tf.where(_half(images, seed), sum(value_range) - images, images), labels


def blur(images, labels, seed, widths=(0.1, 2.0)):
    """Half of the images blurred by a Gaussian, its standard deviation uniform between these, in pixels."""
    width = _random.uniform([tf.shape(images)[0], 1, 1], _random.fold(seed, 1), *widths)
    blurred = images
    for axis, product in ((1, "nij,njwc->niwc"), (2, "nij,nhjc->nhic")):
        position = tf.range(images.shape[axis], dtype=tf.float32)
        weights = tf.nn.softmax(-(((position[:, None] - position[None]) / width) ** 2) / 2)  # of pixels within the image
        blurred = tf.einsum(product, weights, blurred)
    return tf.where(_half(images, _random.fold(seed, 0)), blurred, images), labels


def _half(images, seed):
    """True for each of the images with a probability of a half, bool (batch, 1, 1, 1)."""
    return _random.uniform([tf.shape(images)[0], 1, 1, 1], seed) < 0.5


def _others(images, seed):
    """For each image another of the batch, in a random order."""
    return tf.gather(images, _random.permutation(tf.shape(images)[0], seed))


def fourier(images, labels, seed, value_range, most=1.0):
    """The amplitudes of each image's Fourier transform mixed with those of another, its phases kept.

    By (1 - λ) A + λ A', λ uniform from 0 to `most` for each image (Xu et al. 2021, A Fourier-based Framework for Domain
    Generalization).
    """
    share = _random.uniform([tf.shape(images)[0], 1, 1, 1], _random.fold(seed, 1), 0.0, most)
    spectrum = tf.signal.rfft2d(tf.transpose(images, [0, 3, 1, 2]))
    amplitude = tf.abs(spectrum)
    amplitude += share * (_others(amplitude, _random.fold(seed, 0)) - amplitude)
    phase = tf.atan2(tf.math.imag(spectrum), tf.math.real(spectrum))
    mixed = tf.signal.irfft2d(tf.complex(amplitude * tf.cos(phase), amplitude * tf.sin(phase)), images.shape[1:3])
    return tf.clip_by_value(tf.transpose(mixed, [0, 2, 3, 1]), *value_range), labels


def histogram(images, labels, seed, value_range):
    """The pixels of each image, channel by channel, given the values that have the same rank in another image.

    A value becomes the least value of the other image with as large a share of its pixels at or below it, so that equal
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
    """Mixes each image, and its label, with one of its class and another style, or of its style and another class.

    Either with a probability of a half, by λ from Beta(α, α); an image to which no other of the batch fits stays as it is
    (Yao et al. 2022, Improving Out-of-Distribution Robustness via Selective Augmentation). `groups` are int32 (batch, 2):
    class and style.
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
    """What may be done to a batch: here a function of (images, one-hot labels, seed) that returns both.

    Args:
        function: The function.
        mixes: Whether it mixes images, and their labels, with each other. Defaults to False.
        needs_groups: Whether it takes the groups of the images too, int32 (batch, 2): the class, and the style, a number for
            each combination of the other attributes' values; synthetic images are a style of their own. Defaults to False.
    """

    def __init__(self, function: Callable[..., Any], mixes: bool = False, needs_groups: bool = False) -> None:
        self._function, self.mixes, self.needs_groups = function, mixes, needs_groups

    def prepare(self, seed: int, value_range: tuple[float, float]) -> Callable[..., Any]:
        """The function for one pipeline."""
        return self._function

    def missing(self, channels: int | None) -> str | None:
        """What it needs that is not installed, or other images, in words; None if nothing is missing."""
        return None


class _Ranged(Transform):
    """A function that takes the `value_range` of the images too."""

    def prepare(self, seed, value_range):
        return functools.partial(self._function, value_range=value_range)


class _KerasTransform(Transform):
    """A layer of Keras on batches: made anew for each pipeline, so that the same seed gives the same draws."""

    def __init__(self, name, mixes=False, **options):
        self.name, self.options, self.mixes, self.needs_groups = name, options, mixes, False

    def layer(self, seed, value_range, **options):
        """The layer, in float32 whatever the policy: these are the pixels of the data, and the labels."""
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
    """Each image mixed with three chains of one, two and three operations (Hendrycks et al. 2020, AugMix).

    Of the operations of Keras's RandAugment, since Keras's AugMix, in a graph, chooses its own but once. The weights of the
    chains are from Dirichlet(1, 1, 1), that of their mixture is uniform.
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
"""What may be done to a batch, by name."""


def as_transform(transform: Any) -> Transform:
    """The `Transform` of a name or a function."""
    transform = TRANSFORMS[transform] if isinstance(transform, str) else transform
    return transform if isinstance(transform, Transform) else Transform(transform)
