"""Classifier scores of samples: GAN-test, and the classification accuracy score."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _random, _watch, networks
from keras_ganaug.metrics._inputs import checked_images, checked_labels, warn_of_scales
from keras_ganaug.metrics.classifier import endless_batches, train_classifier_on


class Score(NamedTuple):
    """An accuracy, overall and for each class."""

    accuracy: float
    """The share of all images that are classified correctly."""
    per_class: np.ndarray
    """The share for each class; NaN for a class without images."""
    balanced: float
    """The mean over the classes with images."""


def gan_test(classifier: keras.Model, images: np.ndarray, labels: Sequence[int], num_classes: int | None = None) -> Score:
    """How often a classifier trained on real images predicts the class that a sample was requested for.

    It is low if samples look wrong or belong to another class. It does not notice samples that all look alike.

    Reference: Shmelkov, Schmid and Alahari 2018, How good is my GAN?

    Args:
        classifier: Keras model from images to one logit or probability for each class.
        images: Samples, in the range that the classifier expects: real array of shape (n, height, width, channels).
        labels: The requested classes: integers of shape (n,).
        num_classes: Number of classes. Defaults to that of the classifier's outputs.

    Raises:
        ValueError: For images and labels that do not fit, or images that are not finite.
    """
    images = checked_images(images)
    logits = classifier.predict(images, batch_size=512, verbose=0)
    num_classes = logits.shape[-1] if num_classes is None else _checks.positive_int(num_classes, "num_classes")
    return score_of(logits.argmax(-1), checked_labels(images, labels, num_classes), num_classes)


def classification_accuracy_score(
    images: np.ndarray,
    labels: Sequence[int],
    test_images: np.ndarray,
    test_labels: Sequence[int],
    num_classes: int | None = None,
    build: Callable[[int], keras.Model] | None = None,
    value_range: tuple[float, float] = (0, 255),
    steps: int = 1000,
    batch_size: int = 128,
    seed: int = 0,
) -> Score:
    """The accuracy, on unseen real images, of a classifier that was trained only on samples.

    It is high only if samples look right, have the right class, and are as diverse as real images. It does not tell whether
    samples *together with* real images help. Use `AugmentationStudy` for that.

    Reference: Ravuri and Vinyals 2019, Classification Accuracy Score for Conditional Generative Models.

    Args:
        images, labels: Samples and the requested classes: arrays of shape (n, height, width, channels) and (n,).
        test_images, test_labels: Real images that the generator was not trained on, and their classes.
        num_classes: Number of classes. Defaults to the largest label plus 1.
        build: Maps a seed to an uncompiled Keras model from images to logits. Defaults to `networks.classifier`.
        value_range: (lowest, highest) value of the images, for the default model. Defaults to (0, 255).
        steps: Training steps. Defaults to 1000.
        batch_size: Batch size. Defaults to 128.
        seed: Integer, for the classifier and the order of the images. Defaults to 0.

    Raises:
        ValueError: For images and labels that do not fit, or images that are not finite. Images and test images that seem to
            be on different scales, or on another scale than `value_range`, give a warning.
    """
    images, test_images = checked_images(images), checked_images(test_images, "test_images")
    if images.shape[1:] != test_images.shape[1:]:
        raise ValueError(
            f"`test_images` must be of the shape of `images`, {images.shape[1:]}. Received: shape {test_images.shape[1:]}"
        )
    warn_of_scales(test_images=test_images, images=images)
    expected = checked_labels(test_images, test_labels, num_classes, "test_labels")
    highest = max(np.max(checked_labels(images, labels, num_classes)), np.max(expected))
    num_classes = int(highest) + 1 if num_classes is None else num_classes
    model = train_classifier(images, labels, num_classes, build, value_range, steps, batch_size, seed)
    return score_of(model.predict(test_images, batch_size=512, verbose=0).argmax(-1), expected, num_classes)


def score_of(predicted: np.ndarray, labels: np.ndarray, num_classes: int) -> Score:
    """The `Score` of predicted class indices."""
    right = np.asarray(predicted) == labels
    counts = np.bincount(labels, minlength=num_classes)
    with np.errstate(invalid="ignore"):
        per_class = np.bincount(labels, weights=right, minlength=num_classes) / np.where(counts, counts, np.nan)
    return Score(float(right.mean()), per_class, float(np.nanmean(per_class)))


def train_classifier(images, labels, num_classes=None, build=None, value_range=(0, 255), steps=1000, batch_size=128, seed=0):
    """Trains a classifier on arrays. See `classification_accuracy_score` for the arguments."""
    images = checked_images(images)
    num_classes = int(np.max(labels)) + 1 if num_classes is None else _checks.positive_int(num_classes, "num_classes")
    labels = checked_labels(images, labels, num_classes)
    steps, batch_size = _checks.positive_int(steps, "steps"), _checks.positive_int(batch_size, "batch_size")
    value_range, seed = _checks.value_range(value_range), _checks.non_negative_int(seed, "seed")
    with _random.preserved():
        if build is None:
            _watch.ScaleWatch(value_range, "call it").look(images)
            model = networks.classifier.classifier(images.shape[1:], num_classes, value_range=value_range, seed=seed)
        else:
            model = build(seed)
            _watch.warn_of_last_activation(model, images, "build")
        data = endless_batches(tf.data.Dataset.from_tensor_slices((images, labels)), seed, batch_size)
        return train_classifier_on(data, model, steps)
