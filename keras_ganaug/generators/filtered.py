"""A generator of which a classifier picks the samples."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _images, _random, _watch
from keras_ganaug.generators.source import Source, resolve

_SAMPLES = 64  # that a classifier is tried with
_CLEARLY = 0.25  # more of them right, which is no chance
_USUAL_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))


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
        self.band, self.candidates = _checks.band(band), _checks.positive_int(candidates, "candidates")
        self.image_shape, self.num_classes, self.value_range = source.image_shape, source.num_classes, source.value_range
        self.source, self.classifier = source, classifier
        self.state = [source.state, [_compat.tf_variable(weight) for weight in classifier.weights]]
        self._check_classifier()

    @property
    def unseen_classes(self):
        return self.source.unseen_classes

    def _check_classifier(self):
        """Looks at what the classifier says of samples, which should be of the classes that they were asked for."""
        seen = [label for label in range(self.num_classes) if label not in self.unseen_classes] or [0]
        labels = np.resize(np.array(seen, np.int32), _SAMPLES)
        images = tf.cast(self.source.sample(tf.constant(labels), tf.constant([0, 0])), tf.float32)
        logits = self._logits(images).numpy()
        if logits.shape != (_SAMPLES, self.num_classes):
            raise ValueError(
                f"`classifier` must give {self.num_classes} logits for an image. Received: shape {logits.shape} "
                f"for {_SAMPLES} images"
            )
        if not np.isfinite(images).all():
            return  # which is told of the generator
        if np.isnan(logits).any():
            raise ValueError("`classifier` must give numbers. Received: NaN for a sample of the generator")
        _watch.warn_of_probabilities(logits, "classifier", stacklevel=4)

        def right(logits):
            return float((logits.argmax(1) == labels).mean())

        share, chance = right(logits), 1 / len(seen)
        for value_range in _USUAL_RANGES:
            if value_range == tuple(self.value_range):
                continue
            elsewhere = right(self._logits(_images.rescale(images, self.value_range, value_range)).numpy())
            if elsewhere - share > _CLEARLY:
                warnings.warn(
                    f"`classifier` must take images in the generator's value range, {self.value_range}, and looks made for "
                    f"{value_range}: put a Rescaling layer before it. Received: one that names {share:.0%} of "
                    f"{_SAMPLES} samples right, and {elsewhere:.0%} of them on that scale",
                    stacklevel=3,
                )
                return
        if len(seen) > 1 and share < chance + 2 * np.sqrt(chance * (1 - chance) / _SAMPLES):
            warnings.warn(
                f"`classifier` must know the classes of the generator's samples, images in {self.value_range}. Received: "
                f"one that names {share:.0%} of {_SAMPLES} samples right, where chance gives {chance:.0%}. It may be "
                "made for another scale, or one of the two is not trained",
                stacklevel=3,
            )

    def _logits(self, images):
        return tf.cast(self.classifier(images, training=False), tf.float32)

    def probabilities(self, images, labels):
        """The probability that the classifier gives each image's class, float32 (n,)."""
        return tf.gather(tf.nn.softmax(self._logits(images)), labels, batch_dims=1)

    def sample(self, labels, seed, truncation=1.0):
        n = tf.shape(labels)[0]
        tried, tried_off = None, None
        for candidate in range(self.candidates):
            images = self.source.sample(labels, _random.fold(seed, candidate), truncation)
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
