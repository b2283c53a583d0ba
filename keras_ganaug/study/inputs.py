"""The data that a study is given."""

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, datasets


def as_arrays(data, name, num_classes=None):
    """Images and int class indices of whatever may be given as data, checked; `name` is for the errors."""
    if not isinstance(data, tf.data.Dataset) and (not isinstance(data, (tuple, list)) or len(data) != 2):
        raise TypeError(
            f"`{name}` must be a `tf.data.Dataset` of (image, label), or a pair of arrays. Received: {type(data).__name__}"
            + (f" of {len(data)}" if isinstance(data, (tuple, list)) else "")
        )
    images, labels = map(np.asarray, datasets.to_arrays(data) if isinstance(data, tf.data.Dataset) else data)
    if images.ndim != 4 or labels.shape != images.shape[:1] or not len(images):
        raise ValueError(
            f"`{name}` must be images of shape (n, height, width, channels) and n class indices, at least one. "
            f"Received: shapes {images.shape} and {labels.shape}"
        )
    return images, _checks.class_indices(labels, num_classes, name)
