"""Checks of the arguments of metrics. Each error names the argument."""

import math
import warnings

import numpy as np

from keras_ganaug import _checks, _watch
from keras_ganaug.conditions import class_indices


def checked_images(images, name="images", shape=("height", "width", "channels")):
    """Converts images to an array: at least one, all finite. In `shape`, names and None stand for any size."""
    images = np.asarray(images)
    fits = len(images.shape) == 1 + len(shape) and len(images) > 0
    if not fits or any(isinstance(want, int) and want != size for want, size in zip(shape, images.shape[1:], strict=True)):
        raise ValueError(f"`{name}` must have the shape (n, {', '.join(map(str, shape))}). Received: shape {images.shape}")
    _watch.not_finite(images, name)
    return images


def checked_labels(images, labels, num_classes, name="labels"):
    """Converts class indices to an int32 array, one for each image."""
    labels = class_indices(labels, num_classes, name)
    if len(labels) != len(images):
        raise ValueError(f"`{name}` must be one class index for each image. Received: {len(labels)} for {len(images)}")
    return labels


def feature_sets(**sets):
    """Converts sets of features, given by argument name, to float64 arrays with the same number of features."""
    arrays = {name: np.asarray(features, np.float64) for name, features in sets.items()}
    for name, features in arrays.items():
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"`{name}` must be of shape (n, d) with n of at least 2. Received: shape {features.shape}")
        if not np.isfinite(features).all():
            raise ValueError(f"`{name}` must be finite. Received: NaN or infinite values")
    numbers = [features.shape[1] for features in arrays.values()]
    if len(set(numbers)) > 1:
        names = " and ".join(f"`{name}`" for name in arrays)
        raise ValueError(f"{names} must have equally many features. Received: {numbers}")
    return [*arrays.values()]


def image_sets(shift, **sets):
    """Converts sets of features, or of images where `shift` is above 0, to float64 features (n, d)."""
    _checks.non_negative_int(shift, "shift")
    arrays = {name: np.asarray(values) for name, values in sets.items()}
    for name, values in arrays.items():
        if shift and values.ndim != 4:
            raise ValueError(
                f"`{name}` must be images of shape (n, height, width, channels) for a `shift` above 0. "
                f"Received: shape {values.shape}, shift={shift}"
            )
    if not shift:
        return feature_sets(**arrays)
    shapes = {values.shape[1:] for values in arrays.values()}
    if len(shapes) > 1:
        names = " and ".join(f"`{name}`" for name in arrays)
        raise ValueError(f"{names} must be images of one shape. Received: {sorted(shapes)}")
    return feature_sets(
        **{name: values.reshape(len(values), math.prod(values.shape[1:])) for name, values in arrays.items()}
    )


def warn_of_scales(stacklevel=3, **sets):
    """Warns if the second of two sets seems to be on another scale than the first. Returns whether it did."""
    spans = {name: (float(values.min()), float(values.max())) for name, values in sets.items()}
    first, second = sets
    low, high = spans[first]
    if low == high or _watch.other_scale(np.asarray(sets[second]), (low, high)) is None:
        return False
    received = " and ".join(f"`{name}` from {low:g} to {high:g}" for name, (low, high) in spans.items())
    warnings.warn(
        f"`{first}` and `{second}` look scaled differently, so the comparison measures the scale: bring both to the same "
        f"range. Received: {received}",
        stacklevel=stacklevel,
    )
    return True
