"""Filters the samples of a generator by a classifier."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _images, _random, _watch
from keras_ganaug.generators.generator import Generator
from keras_ganaug.generators.keras_model import serialized, variables_of
from keras_ganaug.generators.translations import for_batches

_SAMPLES = 64  # number of samples to test a classifier with
_CLEARLY = 0.25  # gain in accuracy that is not due to chance
_USUAL_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))


class FilteredGenerator(Generator):
    """Wraps a generator and keeps only the samples that a classifier accepts.

    This is rejection sampling. For each image, several candidates are drawn. The first one is taken for which the
    classifier's probability of the requested class lies within the band. If there is none, the one closest to the band is
    taken. This removes samples that look like another class. With an upper edge below 1, it also removes those that the
    classifier is already sure about, from which it learns nothing. You can use it wherever a generator is accepted:
    `GANAugmentation`, `gan_augment`, exports.

    The classifier should not have been trained on the images that a sample may copy. `study.cross_fitted_classifier`
    averages several classifiers, each trained on a part of the images.

    Reference: Azadi et al. 2019, Discriminator Rejection Sampling, for the principle.

    Args:
        generator: See `GANAugmentation`. It must have classes.
        classifier: Keras model from float32 images in the generator's value range to logits (batch, num_classes).
        band: (lowest, highest) probability of the requested class, from 0 to 1. Defaults to (0.3, 1.0).
        candidates: Number of samples drawn for each image. The cost grows with it. Defaults to 4.
        label, attributes: See `GANAugmentation`.

    Raises:
        ValueError, TypeError: For an argument out of its range, or a classifier that does not fit.

    Example:

    >>> import keras, keras_ganaug as kga
    >>> gan = kga.SNGAN(image_shape=(8, 8, 1), num_classes=2, seed=1)
    >>> classifier = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    >>> picked = kga.FilteredGenerator(gan, classifier, band=(0.5, 0.95))
    >>> augment = kga.gan_augment(picked, fraction=0.25, bank_size=64, seed=1)
    """

    def __init__(
        self,
        generator: Any,
        classifier: keras.Model,
        band: Sequence[float] = (0.3, 1.0),
        candidates: int = 4,
        label: str | None = None,
        attributes: str | Mapping[str, Any] | None = None,
    ):
        self.generator = for_batches(generator, None, label, attributes)
        self.condition = self.generator.condition
        if self.num_classes is None:
            raise ValueError("`generator` must have classes, and a known number of them. Received: one without")
        if not isinstance(classifier, keras.Model):
            raise TypeError(f"`classifier` must be a Keras model. Received: classifier={classifier!r}")
        self.classifier = classifier
        self.band, self.candidates = _checks.band(band), _checks.positive_int(candidates, "candidates")
        self.image_shape, self.value_range = self.generator.image_shape, self.generator.value_range
        self.variables = [self.generator.variables, variables_of(classifier)]
        self.missing_classes = self.generator.missing_classes
        self._check_classifier()

    @property
    def unseen_classes(self) -> tuple:  # type: ignore[override]
        """The unseen classes of the wrapped generator."""
        return self.generator.unseen_classes

    def _check_classifier(self):
        """Tests the classifier on samples, whose classes it should recognise."""
        seen = [label for label in range(self.num_classes) if label not in self.unseen_classes]
        seen = seen or self.made_classes.tolist()
        labels = np.resize(np.array(seen, np.int32), _SAMPLES)
        images = tf.cast(self.generator.sample(tf.constant(labels), tf.constant([0, 0])), tf.float32)
        logits = self._logits(images).numpy()
        if logits.shape != (_SAMPLES, self.num_classes):
            raise ValueError(
                f"`classifier` must give {self.num_classes} logits for an image. Received: shape {logits.shape} "
                f"for {_SAMPLES} images"
            )
        if not np.isfinite(images).all():
            return  # the generator already warns about this
        if np.isnan(logits).any():
            raise ValueError("`classifier` must give numbers. Received: NaN for a sample of the generator")
        _watch.warn_of_probabilities(logits, "classifier", stacklevel=4)

        def accuracy(value_range):
            logits = self._logits(_images.rescale(images, self.value_range, value_range)).numpy()
            return float((logits.argmax(1) == labels).mean())

        share, chance = accuracy(self.value_range), 1 / len(seen)
        shares = {other: accuracy(other) for other in _USUAL_RANGES if other != tuple(self.value_range)}
        better = next((other for other, elsewhere in shares.items() if elsewhere - share > _CLEARLY), None)
        received = f"one that is right for {share:.0%} of {_SAMPLES} samples"
        if better is not None:
            warnings.warn(
                f"`classifier` must take images in the generator's value range, {self.value_range}, but seems to be made "
                f"for {better}: put a Rescaling layer before it. Received: {received}, and for {shares[better]:.0%} of "
                "them on that scale",
                stacklevel=3,
            )
        elif len(seen) > 1 and share < chance + 2 * np.sqrt(chance * (1 - chance) / _SAMPLES):
            warnings.warn(
                f"`classifier` must know the classes of the generator's samples, images in {self.value_range}. Received: "
                f"{received}, where chance gives {chance:.0%}. It may expect another scale, or one of the two is not "
                "trained",
                stacklevel=3,
            )

    def _logits(self, images):
        return tf.cast(self.classifier(images, training=False), tf.float32)

    def probabilities(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The classifier's probability of each image's class, float32 (n,)."""
        return tf.gather(tf.nn.softmax(self._logits(images)), labels, batch_dims=1)

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        seeds = [_random.fold(seed, candidate) for candidate in range(self.candidates)]
        return self._best(labels, (self.generator.sample(labels, seed, truncation) for seed in seeds))

    @property
    def latent_dim(self) -> int | None:  # type: ignore[override]
        """The latents of all candidates, concatenated."""
        return self.generator.latent_dim and self.candidates * self.generator.latent_dim

    def from_latents(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        parts = tf.split(latents, self.candidates, axis=1)
        return self._best(labels, (self.generator.from_latents(part, labels) for part in parts))

    def _best(self, labels, candidates):
        """For each row, the first image within the band, or else the one closest to it."""
        best, best_off = None, None
        for images in candidates:
            p = self.probabilities(images, labels)
            off = tf.maximum(tf.maximum(self.band[0] - p, p - self.band[1]), 0.0)  # distance from the band; 0 within it
            if best is None:
                best, best_off = images, off
                continue
            better = off < best_off
            best = tf.where(better[:, None, None, None], images, best)
            best_off = tf.where(better, off, best_off)
        return best

    def to_object(self) -> tuple[dict[str, Any], Any, Sequence[Generator]] | None:
        content = {"object": serialized(self.classifier), "band": self.band, "candidates": self.candidates}
        return content, variables_of(self.classifier), [self.generator]
