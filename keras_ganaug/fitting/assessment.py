"""Measures the quality of a generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_ganaug import _checks, metrics
from keras_ganaug.fitting import images
from keras_ganaug.generators.generator import as_generator
from keras_ganaug.metrics.scores import train_classifier

_FEWEST = 20  # held-out images that the test for copies needs
_COPIES = 0.01  # a p-value below which samples count as copies
_OPEN = 2 / 3  # a share of samples closer to training images above which a large p-value is no proof of the opposite
_ALIKE = 0.5  # share of the diversity of real images, below which samples count as alike
Pair = tuple[np.ndarray, Any]
"""Images and their class indices."""


class Quality(NamedTuple):
    """Measured quality of a generator. `print` shows sentences; `_asdict()` returns plain values for JSON."""

    gan_test: float | None
    """Share of samples that a classifier trained on real images assigns to the requested class. None without classes."""
    gan_test_by_class: dict[str, float]
    real_test: float | None
    """Accuracy of the same classifier on real images that it has not seen. None if none were held out."""
    diversity: float | None
    """Mean pixel distance between two samples of a class, relative to two real images; the mean over classes.

    None if no class has two different real images.
    """
    diversity_by_class: dict[str, float]
    nearer_to_training: float | None
    """Share of samples that are closer to a training image than to a held-out one: 0.5 if nothing is copied.

    None if fewer than 20 images were held out, or without scikit-learn.
    """
    p_value: float | None
    """Probability of such a share if nothing is copied."""
    held_out: int | None = None
    """Number of real images that the classifier has not seen. None in files of older versions."""

    def __str__(self) -> str:
        lines = []
        if self.gan_test is not None:
            of = "unseen real images" if self.held_out is None else f"{self.held_out:,} unseen real images"
            known = "" if self.real_test is None else f", and is right about {self.real_test:.0%} of {of}"
            lines.append(
                f"GAN-test: a classifier of real images assigns {self.gan_test:.0%} of the samples to the requested class"
                f"{known}.{_lowest(self.gan_test_by_class)}"
            )
            if self.gan_test < 0.75 * (self.real_test or 1.0):
                lines.append(
                    "  Many samples look wrong, or of another class: train longer (more minutes, in a new folder), or with "
                    "more images."
                )
        if self.diversity is None:
            lines.append("Diversity: not measured. This needs two different images of a class.")
        else:
            lines.append(
                f"Diversity: two samples of a class differ by {self.diversity:.0%} of what two real images do."
                f"{_lowest(self.diversity_by_class)}"
            )
        alike = [name for name, share in self.diversity_by_class.items() if share < _ALIKE]
        if alike:
            names = ", ".join(alike[:5])
            lines.append(f"  Samples of {names} look much alike: a longer training, or more images of these, would help.")
        if self.nearer_to_training is None or self.p_value is None:
            lines.append(
                f"Copies: not measured. This needs {_FEWEST} held-out images and scikit-learn "
                '(pip install "keras_ganaug[study]").'
            )
        else:
            found = "no sign of copies"
            if self.p_value < _COPIES:
                found = "copies of training images are among them"
            elif self.nearer_to_training > _OPEN:  # few different samples, which may be copies of few images
                found = "too few different samples to tell whether they are copies"
            lines.append(
                f"Copies: {self.nearer_to_training:.0%} of the samples are closer to a training image than to a held-out "
                f"one; 50% is expected if nothing was copied (p = {self.p_value:.2g}): {found}."
            )
        return "\n".join(lines)


def _lowest(by_class):
    if len(by_class) < 2:
        return ""
    name = min(by_class, key=by_class.__getitem__)
    return f" Lowest: {name}, {by_class[name]:.0%}."


def quality(
    generator: Any, train: Any, test: Any = None, samples: int = 1000, classifier_steps: int = 1000, seed: int = 0
) -> Quality:
    """Measures a generator's quality: whether samples look right, whether they are diverse, and whether they are copies.

    This trains a classifier on the real images. With several attributes, all measurements use the first one.

    References: Shmelkov, Schmid and Alahari 2018, How good is my GAN?

    Args:
        generator: A GAN, a generator, or the path of one, see `GANAugmentation`.
        train: The generator's training images: a dataset of (image, label), a pair of arrays, or an array of images. If it
            and the generator have class names, as from `datasets.from_directory`, classes are matched by name, otherwise by
            number. Classes without images are not measured.
        test: Real images in the same format that the generator has not seen. Defaults to None: a tenth of `train`, the same
            that `fit_for` holds out with this `seed`. If the generator was trained otherwise, it has seen these images, and
            copies cannot be detected.
        samples: Number of samples, the same for each class. Defaults to 1000.
        classifier_steps: Training steps of the classifier. Defaults to 1000.
        seed: Integer, for the samples, the split and the classifier. Defaults to 0.

    Returns a `Quality`; `print` it to see sentences.

    Raises:
        ValueError, TypeError: For images or labels that do not fit the generator, images of a class that it does not name,
            or an argument out of its range.

    Example:

    >>> import keras_ganaug as kga
    >>> train, test = kga.datasets.load("digits")
    >>> generator = kga.load_pretrained("digits")
    >>> result = kga.fitting.quality(generator, train, test, samples=100, classifier_steps=50)
    >>> 0.5 < result.gan_test <= 1, 0.5 < result.diversity < 1.5
    (True, True)
    """
    made = as_generator(generator)
    _checks.positive_int(samples, "samples"), _checks.positive_int(classifier_steps, "classifier_steps")
    seed = _checks.non_negative_int(seed, "seed")
    real = images.read(train, "train", made.condition)
    real, held = images.held_out(real, seed) if test is None else (real, images.read(test, "test", made.condition))
    return measured(made, real, held, samples, classifier_steps, seed)


def measured(made: Any, real: images.Images, held: images.Images, samples: int, steps: int, seed: int) -> Quality:
    """Like `quality`, for images that are already in memory."""
    condition = made.condition
    if tuple(real.images.shape[1:]) != tuple(made.image_shape):
        raise ValueError(
            f"`train` must be images of the shape that the generator makes, {tuple(made.image_shape)}. "
            f"Received: shape {real.images.shape[1:]}"
        )
    asked = np.zeros([samples], np.int32)
    if real.labels is not None:
        there = np.unique(real.labels, axis=0)
        asked = there[np.arange(samples) % len(there)]
    fake = made.generate(asked if condition.conditional else samples, seed=seed)
    size = condition.sizes[0] if condition.conditional else 1
    names = [
        condition.label_names([c, *[0] * len(condition.sizes[1:])] if condition.label_shape else c) for c in range(size)
    ]
    own = np.zeros(len(real.images), np.int32) if real.labels is None else _first(real.labels)
    pairs = (real.images, own), (held.images, _first(held.labels)), (fake, _first(asked))
    return of_samples(*pairs, [name[0] if name else "all" for name in names], made.value_range, steps, seed)


def of_samples(
    real: Pair, held: Pair, fake: Pair, names: Sequence[str], value_range: tuple[float, float], steps: int, seed: int
) -> Quality:
    """The quality of samples.

    Args:
        real, held, fake: Images and class indices, (n, height, width, channels) and (n,): the generator's training images,
            real images that it has not seen, which may be none, and its samples.
        names: The names of all classes.
        value_range: (lowest, highest) value of all images.
        steps: Training steps of the classifier.
        seed: Integer.
    """
    size, (images, labels) = len(names), fake
    by_class, accuracy, real_test = {}, None, None
    if size > 1:
        classifier = train_classifier(*real, size, value_range=value_range, steps=steps, batch_size=64, seed=seed)
        score = metrics.gan_test(classifier, images, labels, size)
        accuracy, by_class = score.accuracy, _by_class(names, score.per_class)
        if len(held[0]):
            real_test = metrics.gan_test(classifier, *held, size).accuracy
    of_fake = metrics.within_class_diversity(images, labels, size)
    of_real = metrics.within_class_diversity(*real, size)
    diversity = _by_class(names, of_fake / np.where(of_real > 0, of_real, np.nan))
    nearer, p_value = _copies(real[0], held[0], images, seed)
    mean = float(np.mean([*diversity.values()])) if diversity else None
    return Quality(accuracy, by_class, real_test, mean, diversity, nearer, p_value, len(held[0]))


def _first(labels):
    """Labels for the first attribute."""
    return labels if labels is None or labels.ndim == 1 else labels[:, 0]


def _by_class(names, values):
    return {name: float(value) for name, value in zip(names, values, strict=True) if np.isfinite(value)}


def _copies(training, held, fake, seed):
    """The share of samples closer to training images, and its p-value. (None, None) if it cannot be measured."""
    if len(held) < _FEWEST:
        return None, None
    try:
        found = metrics.memorization(training, held, fake, seed, shift=1)
    except ImportError:
        return None, None
    return found["nearer_to_training"], found["p_value"]
