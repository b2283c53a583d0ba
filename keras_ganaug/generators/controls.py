"""What may stand in the place of a generator: real images as an upper bound, and wrong labels as a control."""

import numpy as np
import tensorflow as tf

from keras_ganaug import _random
from keras_ganaug.generators.source import Source


class Pool(Source):
    """Real images in the place of a generator: draws from those of a class.

    Args:
        images: Array of shape (n, height, width, channels), in `value_range`.
        labels: Class indices (n,); each class must have an image.
        num_classes: Number of classes.
        value_range: (lowest, highest) value of the images.
    """

    conditional = True

    def __init__(self, images, labels, num_classes, value_range):
        order = np.argsort(labels, kind="stable")
        counts = np.bincount(labels, minlength=num_classes)
        if (counts == 0).any():
            missing = np.flatnonzero(counts == 0).tolist()
            raise ValueError(f"`labels` must have an image of each class. Received: none of the classes {missing}")
        self.image_shape, self.num_classes = tuple(images.shape[1:]), num_classes
        self.value_range = value_range
        with tf.device("CPU:0"):
            self.state = tf.constant(np.asarray(images)[order])
        self._counts, self._starts = tf.constant(counts, tf.int32), tf.constant(np.cumsum(counts) - counts, tf.int32)

    def sample(self, labels, seed, truncation=1.0):
        # The n-th image of a class is the n-th of a random order: none twice before all were there.
        n = tf.range(tf.shape(labels)[0])
        nth = tf.reduce_sum(tf.cast((labels[:, None] == labels[None]) & (n[None] < n[:, None]), tf.int32), axis=1)
        counts = tf.gather(self._counts, labels)
        start = tf.gather(_random.integers([self.num_classes], seed, 0, 2**30), labels)
        place = (start % counts + nth) % counts
        return tf.cast(tf.gather(self.state, tf.gather(self._starts, labels) + place), tf.float32)


class Shuffled(Source):
    """Another source, whose samples are of a wrong class: the control for what labels are worth.

    Args:
        source: The `Source`, with classes.
    """

    conditional = True

    def __init__(self, source):
        self._source = source
        self.state, self.image_shape = source.state, source.image_shape
        self.num_classes, self.value_range = source.num_classes, source.value_range

    @property
    def unseen_classes(self):
        return self._source.unseen_classes

    def sample(self, labels, seed, truncation=1.0):
        shift = _random.integers(tf.shape(labels), _random.fold(seed, 1), 1, self.num_classes)
        return self._source.sample((labels + shift) % self.num_classes, seed, truncation)
