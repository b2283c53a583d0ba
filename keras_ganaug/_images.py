"""Conversions of images between value ranges and dtypes."""

import tensorflow as tf

NETWORK_RANGE = (-1.0, 1.0)


def rescale(images, source, target):
    """Maps float images linearly from one range (lowest, highest) to another."""
    if source == target:
        return images
    scale = (target[1] - target[0]) / (source[1] - source[0])
    return images * scale + (target[0] - source[0] * scale)


def as_dtype(images, dtype, value_range):
    """Casts float images. Integers are rounded and clipped to the value range; bool compares with its middle."""
    dtype = tf.as_dtype(dtype)
    if dtype.is_bool:
        return images > 0.5 * (value_range[0] + value_range[1])
    if dtype.is_integer:
        # float32 cannot represent the limits of int32 exactly, but image ranges are far smaller.
        lowest, highest = max(value_range[0], dtype.min), min(value_range[1], dtype.max)
        images = tf.round(tf.clip_by_value(images, lowest, highest))
    return tf.cast(images, dtype)
