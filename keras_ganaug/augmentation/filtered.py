"""A generator of which a classifier picks the samples."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _random
from keras_ganaug.augmentation.source import Source, resolve


class FilteredGenerator(Source):
    """Another generator's samples, those alone that a classifier is neither too unsure of nor too sure.

    For each image that is asked for, several are drawn, and the first is taken whose class the classifier gives a
    probability within the band; if there is none, the one nearest to the band. Samples of another class than asked for
    are so kept out, and with an upper edge below 1 those as well that a classifier learns nothing from. Use it wherever a
    generator goes: `GANAugmentation`, `gan_augment`, exports.

    The classifier should not have been trained on the images that a sample may copy: `study.cross_fitted_classifier` makes
    one of several, each trained on a part of the images.

    Reference: Azadi et al. 2019, Discriminator Rejection Sampling, for the principle.

    Args:
        generator: As of `GANAugmentation`, with classes.
        classifier: Keras model from float32 images in the generator's value range to logits (batch, num_classes).
        band: (lowest, highest) probability of the class asked for, from 0 to 1. Defaults to (0.3, 1.0).
        candidates: Samples that are drawn for each one asked for: the cost grows with them. Defaults to 4.

    Raises:
        ValueError, TypeError: For an argument out of its range, or a classifier that does not fit.

    Example:

    >>> import keras, keras_ganaug as kga
    >>> gan = kga.SNGAN(image_shape=(8, 8, 1), num_classes=2, seed=1)
    >>> classifier = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    >>> picked = kga.FilteredGenerator(gan, classifier, band=(0.5, 0.95))
    >>> augment = kga.gan_augment(picked, fraction=0.25, bank_size=64, seed=1)
    """

    conditional = True

    def __init__(self, generator, classifier, band=(0.3, 1.0), candidates=4):
        source = resolve(generator)
        if not source.conditional or source.num_classes is None:
            raise ValueError("`generator` must have classes that are known. Received: one without")
        if not isinstance(classifier, keras.Model):
            raise TypeError(f"`classifier` must be a Keras model. Received: classifier={classifier!r}")
        band = _checks.band(band)
        logits = np.asarray(classifier(np.zeros([1, *source.image_shape], np.float32)), np.float32)
        if logits.shape != (1, source.num_classes):
            raise ValueError(
                f"`classifier` must give {source.num_classes} logits for an image. Received: shape {logits.shape}"
            )
        if (logits >= 0).all() and abs(logits.sum() - 1) < 1e-3:
            warnings.warn(
                "`classifier` must give logits, and these look like probabilities, of which a softmax makes nearly equal "
                f"ones: take the layer before. Received: {logits[0].round(3).tolist()} for an image of zeros",
                stacklevel=2,
            )
        self.band, self.candidates = band, _checks.positive_int(candidates, "candidates")
        self.image_shape, self.num_classes, self.value_range = source.image_shape, source.num_classes, source.value_range
        self._source, self._classifier = source, classifier
        self.state = [source.state, [_compat.tf_variable(weight) for weight in classifier.weights]]

    def probabilities(self, images, labels):
        """The probability that the classifier gives each image's class, float32 (n,)."""
        logits = tf.cast(self._classifier(images, training=False), tf.float32)
        return tf.gather(tf.nn.softmax(logits), labels, batch_dims=1)

    def sample(self, labels, seed, truncation=1.0):
        n = tf.shape(labels)[0]
        tried, tried_off = None, None
        for candidate in range(self.candidates):
            images = self._source.sample(labels, _random.fold(seed, candidate), truncation)
            p = self.probabilities(images, labels)
            # How far outside the band; 0 within it.
            off = tf.maximum(tf.maximum(self.band[0] - p, p - self.band[1]), 0.0)
            if tried is None:
                tried, tried_off = images, off
                continue
            better = off < tried_off
            tried = tf.where(tf.reshape(better, [n, 1, 1, 1]), images, tried)
            tried_off = tf.where(better, off, tried_off)
        return tried
