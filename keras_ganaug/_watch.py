"""What is legal but surely not meant: seen in the first batch of a pipeline or a training, in graphs too, and told once."""

import warnings

import numpy as np
import tensorflow as tf

from keras_ganaug import _compat

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
    if highest - lowest < 0.02 * span:
        return f"span {received}, a small part of value_range={value_range}"
    # Half a span is room for what other augmentations do to an image.
    if lowest < low - 0.5 * span or highest > high + 0.5 * span:
        return f"span {received}, far beyond value_range={value_range}"
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
        seen = other_scale(np.asarray(images), self.value_range)
        if seen is not None:
            self.told = True
            warnings.warn(
                f"{self.of} {seen}. If they are scaled otherwise, {self.advice} with their `value_range`.", stacklevel=3
            )

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
