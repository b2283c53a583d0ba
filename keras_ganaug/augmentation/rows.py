"""Rows of a batch: the classes that they get, and what is written into some of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _random
from keras_ganaug.generators.bank import occurrence


def rarest_classes(real: tf.Tensor, k: Any, classes: Any, seed: tf.Tensor) -> tf.Tensor:
    """`k` classes that make a batch as even as `k` images can, ties broken at random.

    Args:
        real: int32 (n,), the classes of the rows that stay.
        k: How many to choose.
        classes: int32 (m,), all classes; None where those of `real` are all.
        seed: int32 seed.

    Returns int32 (k,).
    """
    counted = real if classes is None else tf.convert_to_tensor(classes)
    counts = tf.reduce_sum(tf.cast(counted[:, None] == real[None], tf.float32), axis=1)
    if classes is None:  # each class once: where it first appears
        counts = tf.where(occurrence(real) > 0, np.float32(np.inf), counts)
    # A class with n images offers places at heights n, n + 1, ...; the k lowest places are taken.
    tie = _random.uniform(tf.shape(counts), seed)
    places = (counts + tie)[:, None] + tf.cast(tf.range(k), tf.float32)[None]
    lowest = tf.argsort(tf.reshape(places, [-1]))[:k]
    return tf.gather(counted, lowest // tf.maximum(k, 1))


def in_rows(chosen: tf.Tensor, new: Any, old: Any) -> Any:
    """A tensor with the rows of `new` where `chosen`, bool (batch,), is True, and of `old` elsewhere; None of None."""
    return None if new is None else tf.where(tf.reshape(chosen, [-1, *[1] * (new.shape.rank - 1)]), new, old)
