"""Warnings about input that is legal but surely a mistake, from checks of the first batches. Each is given once."""

import contextlib
import contextvars
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _compat

_MOST_LABELS = 256  # each of them is checked with one image
_told: contextvars.ContextVar[set | None] = contextvars.ContextVar("told", default=None)
_ENOUGH = 64  # outputs; half of the logits of an untrained classifier would be below 0
_EVERY = 256  # batches of a graph between two checks, since the data set may change


def other_scale(images: np.ndarray, value_range: tuple[float, float]) -> str | None:
    """Describes why images seem to be on another scale than their value range says. None if they fit."""
    if not images.size:
        return None
    lowest, highest = float(images.min()), float(images.max())
    low, high = value_range
    span, received = high - low, f"{lowest:g} to {highest:g}"
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        return f"span {received}: some are not finite numbers"
    if lowest == highest and low <= lowest <= high:
        return None
    # As after division by 255 or standardisation. Dark or uniformly grey images must not trigger this.
    size, dark = max(-lowest, highest), span < 256 and lowest >= 0.0 and highest > 1.0
    few = size < (0.06 if lowest < min(low, 0.0) else 0.02) * span and (low >= 0.0 or span > 10.0)
    if few and not (dark and not (images % 1).any()):
        return f"span {received}, a small part of value_range={value_range}"
    # Leaves half a span of room for the effect of other augmentations.
    if lowest < low - 0.5 * span or highest > high + 0.5 * span:
        return f"span {received}, far beyond value_range={value_range}"
    if lowest < low - 0.35 * span and highest < high - 0.3 * span:  # as after subtracting a mean
        return f"span {received}, far below value_range={value_range}"
    if low == -high and lowest >= 0.0:
        return f"span {received}, with none below 0, the middle of value_range={value_range}"
    return None


class ScaleWatch:
    """Warns once about images that seem to be on another scale than their value range says.

    Args:
        value_range: (lowest, highest).
        advice: What to do, for "If they are scaled differently, ADVICE with their `value_range`".
        of: What the images are called at the start of the sentence. Defaults to "The images".
    """

    def __init__(self, value_range: tuple[float, float], advice: str, of: str = "The images"):
        self.value_range, self.advice, self.of, self.told = value_range, advice, of, False

    def look(self, images: Any) -> None:
        """Checks concrete images."""
        images = np.asarray(images)
        seen = None if self.told else other_scale(images, self.value_range)
        if seen is not None:
            self.told = True
            way = f"If they are scaled differently, {self.advice} with their `value_range`."
            if not np.isfinite(images).all():
                way = "Remove such images: a network that sees one of them has NaN weights from then on."
            warnings.warn(f"{self.of} {seen}. {way}", stacklevel=3)


def in_first(look: Callable[[np.ndarray], None], values: tf.Tensor, number: Any) -> tf.Tensor:
    """An operation that calls the Python function `look` on a tensor when `number` is 0, and at every 256th after it.

    TensorFlow keeps `look` for ever, so it must hold nothing large.
    """

    def call(values):
        look(values)
        return np.int32(0)

    def looked():
        return tf.ensure_shape(tf.numpy_function(call, [values], tf.int32), [])

    return tf.cond(tf.equal(number % _EVERY, 0), looked, lambda: 0)


@contextlib.contextmanager
def telling_once() -> Iterator[None]:
    """Within the context, `first` is True only once for each thing. A nested context shares the record of the outer one."""
    token = _told.set(set() if _told.get() is None else _told.get())
    try:
        yield
    finally:
        _told.reset(token)


def first(what: str) -> bool:
    """Whether this is the first call for `what` within `telling_once`. Always True outside it."""
    told = _told.get()
    new = told is None or what not in told
    if told is not None:
        told.add(what)
    return new


def is_told(what: str) -> bool:
    """Whether `first` was called for `what` within `telling_once`."""
    return what in (_told.get() or ())


def warn_of_last_activation(model: keras.Model, images: np.ndarray, name: str) -> None:
    """Warns, before a classifier is trained, if it outputs probabilities instead of logits.

    Args:
        model: The classifier, freshly built.
        images: Some of its images.
        name: The argument that holds it or that built it.
    """
    outputs = np.asarray(model(images[:32].astype(np.float32), training=False))
    if is_told("activation"):
        return
    activation = last_activation(model)
    told = warn_of_probabilities(outputs, name, stacklevel=4)
    if activation is None and outputs.size >= _ENOUGH and ((outputs > 0) & (outputs < 1)).all():
        activation = "what looks like a sigmoid: all its outputs are above 0 and below 1"
    if not told and activation:
        told = True
        warnings.warn(
            f"`{name}` must give logits, since the loss applies the softmax: remove the last activation. "
            f"Received: a classifier that ends in {activation}",
            stacklevel=3,
        )
    if told:
        first("activation")


def last_activation(model: keras.Model) -> str | None:
    """Which of "sigmoid" and "softmax" a model ends in: "" for neither, None if its last layer cannot be found."""
    layer = _compat.output_layer(model)
    if layer is None:
        return None
    if isinstance(layer, keras.Model):
        return last_activation(layer)
    activation = getattr(layer, "activation", type(layer))
    name = getattr(activation, "__name__", type(activation).__name__)
    name = (layer.name if name == "TFOpLambda" else name).lower()  # a TensorFlow function in Keras 2
    return next((each for each in ("sigmoid", "softmax") if each in name and "log" not in name), "")


def look_like_probabilities(logits: Any) -> bool:
    """Whether each row is at least 0 and sums to 1, as after a softmax, although it should hold logits."""
    logits = np.asarray(logits, np.float64)
    rows = logits.ndim == 2 and logits.shape[1] > 1 and len(logits) > 0
    return rows and bool((logits >= 0).all() and (np.abs(logits.sum(1) - 1) < 1e-2).all())


def warn_of_probabilities(logits: Any, name: str, stacklevel: int = 3) -> bool:
    """Warns if a classifier outputs probabilities, (n, num_classes), instead of logits. Returns whether it did."""
    told = look_like_probabilities(logits)
    if told:
        warnings.warn(
            f"`{name}` must give logits, and these look like probabilities, which a second softmax makes nearly equal: "
            f"remove the last softmax. Received: {np.asarray(logits)[0].round(3).tolist()} for one image",
            stacklevel=stacklevel,
        )
    return told


def not_finite(images: Any, name: str) -> None:
    """Raises a ValueError that names the argument if the images it generates are not all finite."""
    images = np.asarray(images)
    if images.size and not np.isfinite(images).all():
        bad = int((~np.isfinite(images)).any(tuple(range(1, images.ndim))).sum())
        raise ValueError(
            f"`{name}` must give finite images: a GAN that diverged has NaN weights and is of no use. Received: {bad} of "
            f"{len(images)} images with NaN or infinite values"
        )


def check_generator(generator: Any, name: str = "generator") -> None:
    """Raises a ValueError that names the argument if a `Generator`'s weights, or a few of its images, are not finite."""
    variables = [value for value in tf.nest.flatten(generator.variables) if isinstance(value, tf.Variable)]
    weights = [value for value in variables if value.dtype.is_floating]
    with tf.init_scope():
        if weights and all(bool(tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(weight)))) for weight in weights):
            return
        sizes = [size or 1 for size in generator.condition.sizes] or [1]
        labels = np.arange(min(max(sizes), _MOST_LABELS))[:, None] % sizes
        labels = labels[~np.isin(labels[:, 0], generator.missing_classes)]
        labels = tf.constant(labels.reshape(-1, *generator.condition.label_shape), tf.int32)
        images = tf.fill([len(labels), *generator.image_shape], sum(generator.value_range) / 2)  # to be translated
        not_finite(generator.in_place_of(lambda: images, labels, tf.constant([0, 0])), name)
