"""Helpers that choose classes for the rows of a batch and write into some of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _random
from keras_ganaug.generators.bank import occurrence


def count(fraction: float, batch_size: Any) -> Any:
    """`round(fraction * batch_size)` with Python's rounding. An integer, or a tensor if the batch size is a tensor."""
    if isinstance(batch_size, int):
        return round(fraction * batch_size)
    return tf.cast(tf.round(tf.constant(fraction, tf.float64) * tf.cast(batch_size, tf.float64)), tf.int32)


def rarest_classes(real: tf.Tensor, k: Any, classes: Any, seed: tf.Tensor) -> tf.Tensor:
    """Chooses `k` classes that make the batch as balanced as possible. Ties are broken at random.

    Args:
        real: int32 (n,), the classes of the rows that stay.
        k: Number of classes to choose.
        classes: int32 (m,), all classes; None if `real` contains all of them.
        seed: int32 seed.

    Returns int32 (k,).
    """
    counted = real if classes is None else tf.convert_to_tensor(classes)
    counts = tf.reduce_sum(tf.cast(counted[:, None] == real[None], tf.float32), axis=1)
    if classes is None:  # count each class once, where it first appears
        counts = tf.where(occurrence(real) > 0, np.float32(np.inf), counts)
    # Fills the lowest bars of a histogram: a class with n images offers places at n, n + 1, ...; take the k lowest.
    tie = _random.uniform(tf.shape(counts), seed)
    places = (counts + tie)[:, None] + tf.cast(tf.range(k), tf.float32)[None]
    lowest = tf.argsort(tf.reshape(places, [-1]))[:k]
    return tf.gather(counted, lowest // tf.maximum(k, 1))


def in_rows(chosen: tf.Tensor, new: Any, old: Any) -> Any:
    """Takes the rows of `new` where `chosen`, bool (batch,), is True, and those of `old` elsewhere. None of None."""
    return None if new is None else tf.where(tf.reshape(chosen, [-1, *[1] * (new.shape.rank - 1)]), new, old)
