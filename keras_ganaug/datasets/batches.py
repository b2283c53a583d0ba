"""Training data for `GAN.fit` besides arrays and `tf.data`: lists, and objects that yield batches."""

import itertools

import numpy as np
import tensorflow as tf

_WAY = "tf.data.Dataset.from_generator(function, output_signature=...)"


def readable(x):
    """Converts training data to a `tf.data.Dataset`, or to something that NumPy can convert to one array.

    Raises:
        ValueError, TypeError: If neither is possible.
    """
    if isinstance(x, tf.data.Dataset) or hasattr(x, "__array__"):
        return x
    if isinstance(x, (list, tuple)):
        return _stacked(x)
    if hasattr(x, "__next__"):
        raise TypeError(
            "`x` must be readable again in each epoch, but an iterator can be read only once: give a tf.data.Dataset, "
            f"such as {_WAY} with the function that makes the iterator. Received: x of type {type(x)}"
        )
    by_index = hasattr(x, "__getitem__") and hasattr(x, "__len__") and not isinstance(x, (dict, str, bytes))
    if not by_index and (not hasattr(x, "__iter__") or isinstance(x, (dict, str, bytes))):
        raise TypeError(
            "`x` must be a batched tf.data.Dataset, an array of images, or an object that yields batches, such as a "
            f"keras.utils.PyDataset. Received: x of type {type(x)}"
        )
    return _from_batches(x, by_index)


def _stacked(images):
    """Stacks a list of images into one array."""
    try:
        parts = [np.asarray(image) for image in images]
    except ValueError as error:
        raise TypeError(f"`x` must be one array of images: np.array(images). Received: a {type(images).__name__}") from error
    shapes = sorted({part.shape for part in parts})
    if len(shapes) > 1 or not parts or parts[0].ndim != 3:
        raise TypeError(
            "`x` must be one array of images, or a list of images of the same shape (height, width, channels), which "
            "np.array(images) can stack. "
            f"Received: a {type(images).__name__} of {len(parts)}, of shapes {shapes[:4]}"
        )
    return np.stack(parts)


def _from_batches(x, by_index):
    """A dataset of an object's batches. If the object knows its number of batches, so does the dataset."""
    try:
        number = len(x)
    except (TypeError, NotImplementedError, AttributeError):
        number = None

    def batches():
        if not by_index:
            yield from map(_element, x)
            return
        position = 0
        while number is None or position < number:
            yield _element(x[position])
            position += 1
        if hasattr(x, "on_epoch_end"):
            x.on_epoch_end()

    if number == 0:
        raise ValueError("The training data must contain at least one batch. Received: an `x` of length 0")
    first = _element(x[0]) if by_index else next(map(_element, x), None)
    if first is None:
        raise ValueError("The training data must contain at least one batch. Received: an `x` without one")
    signature = tf.nest.map_structure(lambda part: tf.TensorSpec((None, *part.shape[1:]), part.dtype), first)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    if number is None and not by_index:
        return dataset
    cardinality = tf.data.INFINITE_CARDINALITY if number is None else number
    return dataset.apply(tf.data.experimental.assert_cardinality(cardinality))


def _element(batch):
    """Converts a batch to NumPy arrays, in the structure of `tf.data.Dataset` elements."""
    if isinstance(batch, dict):
        return {name: _array(part) for name, part in batch.items() if part is not None}
    if isinstance(batch, (tuple, list)):
        return tuple(_array(part) for part in itertools.takewhile(lambda part: part is not None, batch))
    return _array(batch)


def _array(part):
    if isinstance(part, dict):  # for several attributes
        return {name: _array(each) for name, each in part.items()}
    if hasattr(part, "detach"):  # a torch tensor
        part = part.detach().cpu()
    array = np.asarray(part)
    if array.dtype == object:
        raise TypeError(f"`x` must give batches of (images, labels), two arrays. Received: a {type(part).__name__}")
    return array
