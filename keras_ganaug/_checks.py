"""Checks of arguments: each error names the argument, what was expected and what was received."""

import contextlib
import numbers
import os
import re

import numpy as np
import tensorflow as tf

from keras_ganaug import _files

_OUR_ERROR = "keras_ganaug: "


def assertion(condition, message, *values):
    """An operation that fails with a message and the values where the condition does not hold; XLA leaves it out."""
    return tf.debugging.Assert(condition, [f"{_OUR_ERROR}{message}. Received: ", *values], summarize=20)


def readable(error):
    """The error of an `assertion`, or of a check within a generator of batches, as it was meant; None for any other."""
    text = str(error)
    if _OUR_ERROR not in text:
        # TensorFlow runs generators of Python in a node of its graph: Keras 2 hands them all to it.
        raised = re.search(r"^\s*(ValueError|TypeError): (`.*Received: .*)$", text, re.MULTILINE)
        return raised and {"ValueError": ValueError, "TypeError": TypeError}[raised[1]](raised[2])
    lines = text.split(_OUR_ERROR, 1)[1].split("[[")[0].split("\n")
    return ValueError(" ".join(re.sub(r"[\[\]']", " ", line).strip() for line in lines if line.strip()).strip())


@contextlib.contextmanager
def readable_errors():
    """Within the context, errors of `assertion`s are raised as they were meant."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        meant = readable(error)
        if meant is None:
            raise
        raise meant from None


def dense(**values):
    """The values as tensors; the first of them must not be None."""
    tensors = []
    for number, (name, value) in enumerate(values.items()):
        composite = isinstance(value, (tf.SparseTensor, tf.RaggedTensor))
        if isinstance(value, (dict, tuple)) or composite or (value is None and number == 0):
            raise TypeError(f"`{name}` must be one dense tensor. Received: {type(value).__name__}")
        try:
            tensors.append(None if value is None else tf.convert_to_tensor(value))
        except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
            raise TypeError(f"`{name}` must be one dense tensor. Received: {type(value).__name__}, not one array") from error
    return tensors


def boolean(value, name):
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"`{name}` must be True or False. Received: {name}={value!r}")
    return bool(value)


def path(value, name="path"):
    if not isinstance(value, (str, os.PathLike)) or not str(value).strip():
        raise TypeError(f"`{name}` must be a path. Received: {name}={value!r}")
    return value


def new_folder(path, name="path"):
    """Checks the path of a folder that is to be written; makes nothing."""
    if not isinstance(path, (str, os.PathLike)) or not str(path).strip():
        raise TypeError(f"`{name}` must be the path of a folder to write. Received: {name}={path!r}")
    try:
        is_file = _files.is_file(path)
    except (tf.errors.OpError, OSError) as error:  # such as a file system that is not known
        raise ValueError(f"`{name}` must be a folder that can be written. Received: {str(path)!r}: {error}") from error
    if is_file:
        raise ValueError(f"`{name}` must be the path of a folder to write. Received: {str(path)!r}, which is a file")
    if _files.is_remote(path):
        return
    nearest = os.path.abspath(path)
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest) or not os.access(nearest, os.W_OK | os.X_OK):
        why = "may not be written" if os.path.isdir(nearest) else "is not a folder"
        raise ValueError(f"`{name}` must be a folder that can be written. Received: {str(path)!r}, and {nearest!r} {why}")


def fraction(value, name="fraction"):
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0.0 <= value <= 1.0:
        raise ValueError(f"`{name}` must be a number from 0 to 1. Received: {name}={value!r}")
    return float(value)


def non_negative(value, name):
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0.0 <= value < float("inf"):
        raise ValueError(f"`{name}` must be a finite number of at least 0. Received: {name}={value!r}")
    return float(value)


def positive(value, name):
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0.0 < value < float("inf"):
        raise ValueError(f"`{name}` must be a finite number above 0. Received: {name}={value!r}")
    return float(value)


def non_negative_int(value, name):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 0:
        raise ValueError(f"`{name}` must be an integer of at least 0. Received: {name}={value!r}")
    return int(value)


def positive_int(value, name):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
    return int(value)


def truncation(value):
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0.0 < value <= 1.0:
        raise ValueError(f"`truncation` must be a number above 0 and at most 1. Received: truncation={value!r}")
    return float(value)


def band(value, name="band"):
    """A pair (lowest, highest) of different probabilities."""
    pair = tuple(value) if isinstance(value, (list, tuple, np.ndarray)) else (value,)
    if len(pair) != 2 or not fraction(pair[0], name) < fraction(pair[1], name):
        raise ValueError(f"`{name}` must be (lowest, highest), from 0 to 1. Received: {name}={value!r}")
    return float(pair[0]), float(pair[1])


def seed(value, name="seed"):
    pair = isinstance(value, (tuple, list, np.ndarray)) and np.shape(value) == (2,)
    if pair and all(isinstance(part, numbers.Integral) for part in value):
        return tuple(int(part) for part in value)
    if isinstance(value, bool) or not (value is None or isinstance(value, numbers.Integral)):
        raise TypeError(f"`{name}` must be None, an integer or a pair of integers. Received: {name}={value!r}")
    return value if value is None else int(value)


def image_shape(value):
    value = tuple(value) if isinstance(value, tf.TensorShape) else value
    expected = "`image_shape` must be (height, width, channels), three positive integers"
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        raise ValueError(f"{expected}. Received: image_shape={value!r}")
    if not all(isinstance(size, numbers.Integral) and not isinstance(size, bool) and size > 0 for size in value):
        raise ValueError(f"{expected}. Received: image_shape={value!r}")
    return tuple(int(size) for size in value)


def value_range(value):
    value = tuple(value) if isinstance(value, (list, np.ndarray)) else value
    numbers_ = isinstance(value, tuple) and len(value) == 2
    numbers_ = numbers_ and all(isinstance(v, numbers.Real) and np.isfinite(v) for v in value)
    if not numbers_ or not value[0] < value[1]:
        raise ValueError(
            "`value_range` must be a pair (lowest, highest) of finite numbers, the lowest first, such as (0, 255). "
            f"Received: value_range={value!r}"
        )
    return (float(value[0]), float(value[1]))


def one_of(value, choices, name):
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"`{name}` must be one of {sorted(choices)}. Received: {name}={value!r}")
    return value


def images_shape(shape, expected, name="images"):
    """Checks the static shape of a batch of images against (height, width, channels)."""
    shape = tf.TensorShape(shape)
    if shape.rank is None:
        raise ValueError(
            f"`{name}` must have a known shape (batch, {', '.join(map(str, expected))}): give the dataset an "
            "`output_signature`, or call `set_shape`. Received: a tensor of unknown rank"
        )
    if shape.rank == 3 or (shape.rank is not None and shape.rank == len(expected)):
        raise ValueError(
            f"`{name}` must be a batch of images of shape (batch, {', '.join(map(str, expected))}); these look unbatched: "
            f"call `dataset.batch(batch_size)` first. Received: shape={tuple(shape)}"
        )
    if not shape.is_compatible_with((None, *expected)):
        raise ValueError(
            f"`{name}` must have the shape (batch, {', '.join(map(str, expected))}). Received: shape={tuple(shape)}"
        )


def images_dtype(dtype, name="images"):
    """Checks that images are of a real dtype."""
    dtype = tf.as_dtype(dtype)
    if not (dtype.is_integer or dtype.is_floating or dtype.is_bool):
        raise TypeError(f"`{name}` must be of a real dtype. Received: dtype {dtype.name}")


def class_indices(labels, num_classes, name="labels"):
    """Checks concrete labels and returns them as an int32 array of shape (n,)."""
    try:
        labels = np.asarray(labels)
    except ValueError:  # rows of different lengths
        labels = np.asarray(labels, object)
    labels = labels.astype(np.int32) if labels.shape == (0,) else labels
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"`{name}` must be a one-dimensional sequence of integer class indices. "
            f"Received: dtype {labels.dtype}, shape {labels.shape}"
        )
    wrong = labels[(labels < 0) | (labels >= (np.iinfo(np.int32).max if num_classes is None else num_classes))]
    if wrong.size:
        highest = "" if num_classes is None else f" to {num_classes - 1} (num_classes={num_classes})"
        raise ValueError(f"`{name}` must be class indices from 0{highest}. Received: {np.unique(wrong)[:5].tolist()}")
    return labels.astype(np.int32)
