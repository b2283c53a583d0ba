"""A bank of samples on the host, from which batches are filled without running the generator."""

import numpy as np
import tensorflow as tf

from keras_ganaug import _random, _watch
from keras_ganaug.generators import source as sources

_DEFAULT_IMAGES = 4096
_DEFAULT_BYTES = 256 * 2**20
_LEAST_PER_CLASS = 8


class SampleBank:
    """Samples of every class, generated once and gathered from then on.

    Args:
        source: The `Source`; its number of classes must be known.
        value_range: (lowest, highest) of the images to keep.
        truncation: Factor on the latents.
        seed: int32 seed.
        size: Images in all, at least one per class. Defaults to None: 4096, or as many as fit into 256 MiB, and at
            least 8 per class.

    Raises:
        ValueError: If an image is not finite.
    """

    def __init__(self, source, value_range, truncation, seed, size=None):
        self.source, self.value_range, self.truncation, self.seed = source, value_range, truncation, seed
        self.num_classes = source.num_classes if source.conditional else 1
        image_bytes = 4 * int(np.prod(source.image_shape))
        if size is None:
            size = max(min(_DEFAULT_IMAGES, _DEFAULT_BYTES // image_bytes), _LEAST_PER_CLASS * self.num_classes)
        self.per_class = max(size // self.num_classes, 1)
        self.generation = 0
        self._sampler = sources.Sampler(source, truncation, value_range)
        images = self._generate()
        with tf.init_scope(), tf.device("CPU:0"):
            self.images = tf.Variable(images, trainable=False, name="bank")

    def _generate(self):
        labels = np.repeat(np.arange(self.num_classes), self.per_class)
        seed = _random.fold(self.seed, self.generation)
        images = self._sampler(labels, seed)
        _watch.not_finite(images, "generator")
        return images

    def refresh(self):
        """Replaces all samples by new ones.

        Raises:
            ValueError: If one of them is not finite; the bank stays as it was.
        """
        self.generation += 1
        self.images.assign(self._generate())

    def draw(self, classes, seed):
        """Images of the given classes, int32 (k,): no image twice, unless a class has fewer than are asked for."""
        # From a random place in each class onwards: the n-th row of a class takes the n-th image from there.
        start = _random.integers([self.num_classes], seed, 0, self.per_class)
        k = tf.range(tf.shape(classes)[0])
        nth = tf.reduce_sum(tf.cast((classes[:, None] == classes[None]) & (k[None] < k[:, None]), tf.int32), axis=1)
        place = (tf.gather(start, classes) + nth) % self.per_class
        return tf.gather(self.images, classes * self.per_class + place)
