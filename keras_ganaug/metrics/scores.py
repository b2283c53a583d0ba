"""What classifiers say of samples: GAN-test, and the classification accuracy score."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _pipelines, _random, _watch, networks
from keras_ganaug.metrics._scale import tell_of_scales


class Score(NamedTuple):
    """An accuracy, in all and by class."""

    accuracy: float
    """The share that is named right, of all images."""
    per_class: np.ndarray
    """The share of each class; NaN for a class without images."""
    balanced: float
    """The mean over the classes that have images."""


def gan_test(classifier, images, labels, num_classes=None):
    """How often a classifier that was trained on real images names a sample as the class asked for.

    Low where samples look wrong or are of another class; blind to samples that are all alike.

    Reference: Shmelkov, Schmid and Alahari 2018, How good is my GAN?

    Args:
        classifier: Keras model from images to one logit or probability for each class.
        images: Samples, in the range that the classifier takes: real array of shape (n, height, width, channels).
        labels: The classes asked for: integers of shape (n,).
        num_classes: Number of classes. Defaults to that of the classifier's outputs.

    Returns a `Score`.

    Raises:
        ValueError: For images and labels that do not fit, or images that are not finite.
    """
    images = _images(images)
    logits = classifier.predict(images, batch_size=512, verbose=0)
    num_classes = logits.shape[-1] if num_classes is None else _checks.positive_int(num_classes, "num_classes")
    return score_of(logits.argmax(-1), _labels_of(images, labels, num_classes), num_classes)


def classification_accuracy_score(
    images,
    labels,
    test_images,
    test_labels,
    num_classes=None,
    build=None,
    value_range=(0, 255),
    steps=1000,
    batch_size=128,
    seed=0,
):
    """How well a classifier that was trained on samples alone does on real images it has not seen.

    High only if samples are right, of the right class, and as diverse as real images. It does not say whether samples
    *beside* real images help: only `AugmentationStudy` does.

    Reference: Ravuri and Vinyals 2019, Classification Accuracy Score for Conditional Generative Models.

    Args:
        images, labels: Samples and the classes asked for: arrays of shape (n, height, width, channels) and (n,).
        test_images, test_labels: Real images that the generator was not trained on, likewise.
        num_classes: Number of classes. Defaults to the largest label plus 1.
        build: Maps a seed to an uncompiled Keras model from images to logits. Defaults to `networks.classifier`.
        value_range: (lowest, highest) value of the images, for the default model. Defaults to (0, 255).
        steps: Training steps. Defaults to 1000.
        batch_size: Images of a step. Defaults to 128.
        seed: Integer, of the classifier and of the order of the images. Defaults to 0.

    Returns a `Score`.

    Raises:
        ValueError: For images and labels that do not fit, or images that are not finite. Images and test images that look
            scaled differently, or otherwise than `value_range` says, are warned of.
    """
    images, test_images = _images(images), _images(test_images, "test_images")
    if images.shape[1:] != test_images.shape[1:]:
        raise ValueError(
            f"`test_images` must be of the shape of `images`, {images.shape[1:]}. Received: shape {test_images.shape[1:]}"
        )
    tell_of_scales(test_images, images, ("test_images", "images"))
    labels, test_labels = _checks.class_indices(labels, None), _checks.class_indices(test_labels, None, "test_labels")
    if num_classes is None and len(labels):
        num_classes = int(max(np.max(labels), np.max(test_labels))) + 1
    test_labels = _labels_of(test_images, test_labels, num_classes, "test_labels")
    model = train_classifier(images, labels, num_classes, build, value_range, steps, batch_size, seed)
    return score_of(model.predict(test_images, batch_size=512, verbose=0).argmax(-1), test_labels, num_classes)


def score_of(named, labels, num_classes):
    """The `Score` of predicted class indices."""
    right = np.asarray(named) == labels
    counts = np.bincount(labels, minlength=num_classes)
    with np.errstate(invalid="ignore"):
        per_class = np.bincount(labels, weights=right, minlength=num_classes) / np.where(counts, counts, np.nan)
    return Score(float(right.mean()), per_class, float(np.nanmean(per_class)))


def train_classifier(images, labels, num_classes=None, build=None, value_range=(0, 255), steps=1000, batch_size=128, seed=0):
    """A classifier trained with Adam, at a rate of 2e-3 that decays to 0 along a cosine.

    Args:
        As of `classification_accuracy_score`.

    Returns the Keras model, from images to logits.
    """
    images = _images(images)
    num_classes = int(np.max(labels)) + 1 if num_classes is None else _checks.positive_int(num_classes, "num_classes")
    labels = _labels_of(images, labels, num_classes)
    steps, batch_size = _checks.positive_int(steps, "steps"), _checks.positive_int(batch_size, "batch_size")
    value_range, seed = _checks.value_range(value_range), _checks.non_negative_int(seed, "seed")
    with _random.preserved():
        if build is None:
            _watch.ScaleWatch(value_range, "call it").look(images)
            model = networks.classifier.classifier(images.shape[1:], num_classes, value_range=value_range, seed=seed)
        else:
            model = build(seed)
            _watch.warn_of_last_activation(model, images, "build")
        _compat.compile_classifier(
            model,
            optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images), seed=seed)
        data = data.repeat().batch(batch_size, drop_remainder=True).prefetch(2)
        model.fit(_pipelines.untuned(data), steps_per_epoch=steps, shuffle=False, verbose=0)
        return model


def _images(images, name="images"):
    images = np.asarray(images)
    if images.ndim != 4 or not len(images):
        raise ValueError(f"`{name}` must have the shape (n, height, width, channels). Received: shape {images.shape}")
    _watch.not_finite(images, name)
    return images


def _labels_of(images, labels, num_classes, name="labels"):
    labels = _checks.class_indices(labels, num_classes, name)
    if len(labels) != len(images):
        raise ValueError(f"`{name}` must be one class index for each image. Received: {len(labels)} for {len(images)}")
    return labels
