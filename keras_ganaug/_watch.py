"""What is legal but surely not meant: seen in the first batch of a pipeline or a training, in graphs too, and told once."""

import contextlib
import contextvars
import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _compat

_MOST_LABELS = 256  # of which an image each is looked at
_told = contextvars.ContextVar("told", default=None)
_ENOUGH = 64  # outputs, half of which would be below 0 if they were logits of a classifier that has learned nothing
_EVERY = 256  # batches of a graph from one look to the next: another data set may come


def other_scale(images, value_range):
    """What makes it look as if images were on another scale than their value range, in words; None if nothing does.

    Args:
        images: NumPy array of any real dtype.
        value_range: (lowest, highest).
    """
    if not images.size:
        return None
    lowest, highest = float(images.min()), float(images.max())
    low, high = value_range
    span, received = high - low, f"{lowest:g} to {highest:g}"
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        return f"span {received}: some are not finite numbers"
    if lowest == highest and low <= lowest <= high:
        return None
    # As after a division by 255 or a standardisation. Pictures that are dark, or all of one grey, are none of these.
    size, dark = max(-lowest, highest), span < 256 and lowest >= 0.0 and highest > 1.0
    few = size < (0.06 if lowest < min(low, 0.0) else 0.02) * span and (low >= 0.0 or span > 10.0)
    if few and not (dark and not (images % 1).any()):
        return f"span {received}, a small part of value_range={value_range}"
    # Half a span is room for what other augmentations do to an image.
    if lowest < low - 0.5 * span or highest > high + 0.5 * span:
        return f"span {received}, far beyond value_range={value_range}"
    if lowest < low - 0.35 * span and highest < high - 0.3 * span:  # as where a mean was taken away
        return f"span {received}, far below value_range={value_range}"
    if low == -high and lowest >= 0.0:
        return f"span {received}, with none below 0, the middle of value_range={value_range}"
    return None


class ScaleWatch:
    """Warns, once, of images that look scaled otherwise than their value range says.

    Args:
        value_range: (lowest, highest).
        advice: What to do, for "If they are scaled otherwise, ADVICE with their `value_range`".
        of: What the images are, at the beginning of the sentence. Defaults to "The images".
    """

    def __init__(self, value_range, advice, of="The images"):
        self.value_range, self.advice, self.of, self.told = value_range, advice, of, False

    def look(self, images):
        """Looks at concrete images."""
        if self.told:
            return
        images = np.asarray(images)
        seen = other_scale(images, self.value_range)
        if seen is not None:
            self.told = True
            way = f"If they are scaled otherwise, {self.advice} with their `value_range`."
            if not np.isfinite(images).all():
                way = "Leave such images out: a network that sees one of them is NaN after it."
            warnings.warn(f"{self.of} {seen}. {way}", stacklevel=3)

    def watched(self, images, number):
        """The images, at which Python looks where this is the first batch, and now and then after it.

        At once where they are concrete; in a graph when it runs, unless XLA compiles it, which cannot call Python.

        Args:
            images: Tensor.
            number: Batches so far: an integer scalar.
        """
        if tf.executing_eagerly():
            self.look(images.numpy())
            return images
        if self.told or _compat.in_xla():
            return images
        with tf.control_dependencies([in_first(self.look, images, number)]):
            return tf.identity(images)


def in_first(look, values, number):
    """An operation by which Python looks at a tensor where `number` is 0, and at every 256th number after it."""

    def call(values):
        look(values)
        return np.int32(0)

    def looked():
        return tf.ensure_shape(tf.numpy_function(call, [values], tf.int32), [])

    return tf.cond(tf.equal(number % _EVERY, 0), looked, lambda: 0)


@contextlib.contextmanager
def telling_once():
    """Within the context `first` is True once for each thing; a context within another shares what that has told."""
    if _told.get() is not None:
        yield
        return
    token = _told.set(set())
    try:
        yield
    finally:
        _told.reset(token)


def first(what):
    """Whether something was not yet told within `telling_once`, and is told now; always True outside it."""
    told = _told.get()
    if told is None:
        return True
    new = what not in told
    told.add(what)
    return new


def is_told(what):
    """Whether something was told within `telling_once`."""
    return what in (_told.get() or ())


def warn_of_last_activation(model, images, name):
    """Warns, before a classifier is trained, if it gives probabilities where logits are wanted.

    Args:
        model: The classifier, freshly built.
        images: Some of its images, a NumPy array.
        name: The argument that it is, or that made it.
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
            f"`{name}` must give logits, of which the loss takes the softmax: leave out the last activation. "
            f"Received: a classifier that ends in {activation}",
            stacklevel=3,
        )
    if told:
        first("activation")


def last_activation(model):
    """Which of "sigmoid" and "softmax" a model ends in: "" for neither, None if it does not tell."""
    layer = _compat.output_layer(model)
    if layer is None:
        return None
    if isinstance(layer, keras.Model):
        return last_activation(layer)
    activation = getattr(layer, "activation", None)
    name = type(layer).__name__ if activation is None else getattr(activation, "__name__", type(activation).__name__)
    if activation is None and name == "TFOpLambda":  # a function of TensorFlow's in Keras 2
        name = layer.name
    return next((known for known in ("sigmoid", "softmax") if known in name.lower() and "log" not in name.lower()), "")


def look_like_probabilities(logits):
    """Whether each row of what should be logits is at least 0 and sums to 1, as after a softmax."""
    logits = np.asarray(logits, np.float64)
    return (
        logits.ndim == 2
        and logits.shape[1] > 1
        and len(logits) > 0
        and bool((logits >= 0).all() and (np.abs(logits.sum(1) - 1) < 1e-2).all())
    )


def warn_of_probabilities(logits, name, stacklevel=3):
    """Warns if a classifier gives probabilities where logits are wanted. Returns whether it did.

    Args:
        logits: What it gives for some images: array (n, num_classes).
        name: The argument that it is, or that made it.
    """
    if not look_like_probabilities(logits):
        return False
    warnings.warn(
        f"`{name}` must give logits, and these look like probabilities, of which a softmax makes nearly equal ones: leave "
        f"out the last softmax. Received: {np.asarray(logits)[0].round(3).tolist()} for one image",
        stacklevel=stacklevel,
    )
    return True


def not_finite(images, name):
    """Raises a ValueError that names the argument if generated images are not all finite.

    Args:
        images: NumPy array.
        name: The argument that they come from.
    """
    images = np.asarray(images)
    if images.size and not np.isfinite(images).all():
        bad = int((~np.isfinite(images)).any(tuple(range(1, images.ndim))).sum())
        raise ValueError(
            f"`{name}` must give finite images: a GAN that diverged has weights that are not numbers, and is of no use. "
            f"Received: {bad} of {len(images)} images with NaN or infinite values"
        )


def check_generator(source, name="generator"):
    """Raises a ValueError that names the argument if a generator's weights, or else a few images, are not finite.

    Args:
        source: An object with `sample`, `state`, `conditional` and `num_classes`, as of `Source`.
        name: The argument that it is.
    """
    state = tf.nest.flatten(getattr(source, "state", None))
    weights = [value for value in state if isinstance(value, tf.Variable) and value.dtype.is_floating]
    with tf.init_scope():
        if weights and all(bool(tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(weight)))) for weight in weights):
            return
        classes = (source.num_classes or 1) if source.conditional else 1
        labels = tf.constant(np.arange(min(classes, _MOST_LABELS)), tf.int32)
        not_finite(source.sample(labels, tf.constant([0, 0]), 1.0), name)
