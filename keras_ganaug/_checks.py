"""Argument checks. Each error names the argument, what was expected and what was received."""

import contextlib
import os
import re
from collections.abc import Collection, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _files, _replicas

_OUR_ERROR = "keras_ganaug: "


def assertion(condition: tf.Tensor, message: str, *values: Any) -> tf.Operation:
    """An operation that fails with a message and the values if the condition does not hold. XLA omits it."""
    return tf.debugging.Assert(condition, [f"{_OUR_ERROR}{message}. Received: ", *values], summarize=20)


# What TensorFlow raises in the other workers if one ends, depending on what they are doing.
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


def readable(error: BaseException) -> Exception | None:
    """Recovers the original error of an `assertion`, or of a check in a batch generator. None for any other error."""
    text = str(error)
    if _OUR_ERROR not in text:
        # TensorFlow runs Python generators in a graph node. Keras 2 passes all of them to it.
        raised = re.search(r"^\s*(ValueError|TypeError): (`.*Received: .*)$", text, re.MULTILINE)
        return raised and {"ValueError": ValueError, "TypeError": TypeError}[raised[1]](raised[2])
    message, received, values = text.split(_OUR_ERROR, 1)[1].partition("Received: ")
    values = re.sub(r"[\[\]'\"]", " ", re.split(r"\n\t|\[\[{{", values)[0])
    return ValueError(re.sub(r"\\(['\"])", r"\1", message) + received + " ".join(values.split()))


@contextlib.contextmanager
def readable_errors():
    """Within the context, errors of `assertion` are raised as the original exception. That of a lost worker is explained."""
    try:
        yield
    except _LOST as error:
        if not _replicas.other_workers():
            raise
        reason = str(error)[max(str(error).find("Collective ops is aborted"), 0) :].splitlines()[:2]
        raise RuntimeError(
            "The training ended because another worker has ended or cannot be reached. Start all workers again: with a "
            "callback that backs up the training, it goes on from the last backup. "
            f"Received: {type(error).__name__}: {' '.join(reason)}"
        ) from error
    except tf.errors.InvalidArgumentError as error:
        meant = readable(error)
        if meant is None:
            raise
        raise meant from None


def dense(**values: Any) -> list:
    """Converts the values to tensors. The first value must not be None."""
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


def array(value: Any, name: str) -> np.ndarray:
    """Converts the value to one NumPy array of numbers."""
    try:
        made = np.asarray(value)
        if made.dtype == object:  # such as numbers in a pandas object column
            made = np.asarray(made.tolist())
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"`{name}` must be one array. Received: {error}") from error
    if made.dtype.kind not in "biuf":
        raise TypeError(f"`{name}` must be an array of numbers. Received: dtype {made.dtype}")
    return made


def _checked(value, name, right, expected, error=ValueError):
    """Returns the value if it is valid. Otherwise raises an error that says what was expected."""
    if not right:
        raise error(f"`{name}` must be {expected}. Received: {name}={value!r}")
    return value


def _is(value, kind):
    """Whether a value is a number of this kind. A bool is not."""
    return isinstance(value, kind) and not isinstance(value, bool)


def boolean(value: Any, name: str) -> bool:
    return bool(_checked(value, name, isinstance(value, (bool, np.bool_)), "True or False"))


def path(value: Any, name: str = "path") -> str | os.PathLike:
    return _checked(value, name, isinstance(value, (str, os.PathLike)) and bool(str(value).strip()), "a path", TypeError)


def new_folder(path: Any, name: str = "path") -> None:
    """Checks the path of a folder that will be written. Creates nothing."""
    is_path = isinstance(path, (str, os.PathLike)) and bool(str(path).strip())
    _checked(path, name, is_path, "the path of a folder to write", TypeError)
    try:
        is_file = _files.is_file(path)
    except (tf.errors.OpError, OSError) as error:  # such as an unknown file system
        raise ValueError(f"`{name}` must be a folder that can be written. Received: {str(path)!r}: {error}") from error
    if is_file:
        raise ValueError(f"`{name}` must be the path of a folder to write. Received: {str(path)!r}, which is a file")
    if _files.is_remote(path):
        return
    nearest = os.path.abspath(path)
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest) or not os.access(nearest, os.W_OK | os.X_OK):
        why = "is not writable" if os.path.isdir(nearest) else "is not a folder"
        raise ValueError(f"`{name}` must be a folder that can be written. Received: {str(path)!r}, and {nearest!r} {why}")


def fraction(value: Any, name: str = "fraction") -> float:
    return float(_checked(value, name, _is(value, Real) and 0.0 <= value <= 1.0, "a number from 0 to 1"))


def non_negative(value: Any, name: str) -> float:
    right = _is(value, Real) and 0.0 <= value < float("inf")
    return float(_checked(value, name, right, "a finite number of at least 0"))


def positive(value: Any, name: str) -> float:
    return float(_checked(value, name, _is(value, Real) and 0.0 < value < float("inf"), "a finite number above 0"))


def non_negative_int(value: Any, name: str) -> int:
    return int(_checked(value, name, _is(value, Integral) and value >= 0, "an integer of at least 0"))


def positive_int(value: Any, name: str) -> int:
    return int(_checked(value, name, _is(value, Integral) and value >= 1, "a positive integer"))


def truncation(value: Any) -> float:
    right = _is(value, Real) and 0.0 < value <= 1.0
    return float(_checked(value, "truncation", right, "a number above 0 and at most 1"))


def band(value: Any, name: str = "band") -> tuple[float, float]:
    """A pair (lowest, highest) of different probabilities."""
    pair = tuple(value) if isinstance(value, (list, tuple, np.ndarray)) else (value,)
    right = len(pair) == 2 and fraction(pair[0], name) < fraction(pair[1], name)
    _checked(value, name, right, "(lowest, highest), from 0 to 1")
    return float(pair[0]), float(pair[1])


def seed(value: Any, name: str = "seed") -> int | tuple[int, int] | None:
    if (
        isinstance(value, (tuple, list, np.ndarray))
        and np.shape(value) == (2,)
        and all(_is(part, Integral) for part in value)
    ):
        return int(value[0]), int(value[1])
    _checked(value, name, value is None or _is(value, Integral), "None, an integer or a pair of integers", TypeError)
    return value if value is None else int(value)


def image_shape(value: Any) -> tuple[int, int, int]:
    value = tuple(value) if isinstance(value, tf.TensorShape) else value
    right = isinstance(value, (tuple, list)) and len(value) == 3 and all(_is(size, Integral) and size > 0 for size in value)
    _checked(value, "image_shape", right, "(height, width, channels), three positive integers")
    return int(value[0]), int(value[1]), int(value[2])


def value_range(value: Any) -> tuple[float, float]:
    value = tuple(value) if isinstance(value, (list, np.ndarray)) else value
    pair = isinstance(value, tuple) and len(value) == 2 and all(_is(v, Real) and abs(v) < float("inf") for v in value)
    expected = "a pair (lowest, highest) of finite numbers, the lowest first, such as (0, 255)"
    _checked(value, "value_range", pair and value[0] < value[1], expected)
    return float(value[0]), float(value[1])


def one_of(value: Any, choices: Collection[str], name: str) -> str:
    return _checked(value, name, isinstance(value, str) and value in choices, f"one of {sorted(choices)}")


def images_shape(shape: Any, expected: Sequence[int], name: str = "images") -> None:
    """Checks the static shape of a batch of images against (height, width, channels)."""
    shape, wanted = tf.TensorShape(shape), f"(batch, {', '.join(map(str, expected))})"
    if shape.rank is None:
        raise ValueError(
            f"`{name}` must have a known shape {wanted}: give the dataset an `output_signature`, or call `set_shape`. "
            "Received: a tensor of unknown rank"
        )
    if shape.rank in (3, len(expected)):
        raise ValueError(
            f"`{name}` must be a batch of images of shape {wanted}; these look unbatched: "
            f"call `dataset.batch(batch_size)` first. Received: shape={tuple(shape)}"
        )
    if not shape.is_compatible_with((None, *expected)):
        raise ValueError(f"`{name}` must have the shape {wanted}. Received: shape={tuple(shape)}")


def images_dtype(dtype: Any, name: str = "images") -> None:
    """Checks that images are of a real dtype."""
    dtype = tf.as_dtype(dtype)
    if not (dtype.is_integer or dtype.is_floating or dtype.is_bool):
        raise TypeError(f"`{name}` must be of a real dtype. Received: dtype {dtype.name}")
