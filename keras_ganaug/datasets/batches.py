"""What `GAN.fit` takes besides arrays and `tf.data`: lists, and objects that give batches."""

import itertools

import numpy as np
import tensorflow as tf

_WAY = "tf.data.Dataset.from_generator(function, output_signature=...)"


def readable(x):
    """The training data as a `tf.data.Dataset` or as something that NumPy takes for one array.

    Raises:
        ValueError, TypeError: If it can be made neither.
    """
    if isinstance(x, tf.data.Dataset) or hasattr(x, "__array__"):
        return x
    if isinstance(x, (list, tuple)):
        return _stacked(x)
    if hasattr(x, "__next__"):
        raise TypeError(
            f"`x` must be what can be read again in each epoch, and an iterator is read once: give a tf.data.Dataset, such "
            f"as {_WAY} with the function that makes the iterator. Received: x of type {type(x)}"
        )
    by_index = hasattr(x, "__getitem__") and hasattr(x, "__len__") and not isinstance(x, (dict, str, bytes))
    if not by_index and (not hasattr(x, "__iter__") or isinstance(x, (dict, str, bytes))):
        raise TypeError(
            "`x` must be a batched tf.data.Dataset, an array of images, or an object that gives batches, such as a "
            f"keras.utils.PyDataset. Received: x of type {type(x)}"
        )
    return _from_batches(x, by_index)


def _stacked(images):
    """One array from a list of images."""
    try:
        parts = [np.asarray(image) for image in images]
    except ValueError as error:
        raise TypeError(f"`x` must be one array of images: np.array(images). Received: a {type(images).__name__}") from error
    shapes = sorted({part.shape for part in parts})
    if len(shapes) > 1 or not parts or parts[0].ndim != 3:
        raise TypeError(
            "`x` must be one array of images, or a list of images of one shape (height, width, channels), which "
            f"np.array(images) makes one. Received: a {type(images).__name__} of {len(parts)}, of shapes {shapes[:4]}"
        )
    return np.stack(parts)


def _from_batches(x, by_index):
    """A dataset of the batches of an object; where it knows its number of batches, the dataset does too."""
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
        raise ValueError("The training data must hold at least one batch. Received: an `x` of length 0")
    first = _element(x[0]) if by_index else next(map(_element, x), None)
    if first is None:
        raise ValueError("The training data must hold at least one batch. Received: an `x` without one")
    signature = tf.nest.map_structure(lambda part: tf.TensorSpec((None, *part.shape[1:]), part.dtype), first)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    if number is None and not by_index:
        return dataset
    cardinality = tf.data.INFINITE_CARDINALITY if number is None else number
    return dataset.apply(tf.data.experimental.assert_cardinality(cardinality))


def _element(batch):
    """A batch as NumPy arrays, in the structure that elements of a `tf.data.Dataset` have."""
    if isinstance(batch, dict):
        return {name: _array(part) for name, part in batch.items() if part is not None}
    if isinstance(batch, (tuple, list)):
        return tuple(_array(part) for part in itertools.takewhile(lambda part: part is not None, batch))
    return _array(batch)


def _array(part):
    if isinstance(part, dict):  # of several attributes
        return {name: _array(each) for name, each in part.items()}
    if hasattr(part, "detach"):  # of torch
        part = part.detach().cpu()
    array = np.asarray(part)
    if array.dtype == object:
        raise TypeError(f"`x` must give batches of (images, labels), two arrays. Received: a {type(part).__name__}")
    return array
