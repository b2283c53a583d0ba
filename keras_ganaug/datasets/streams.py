"""The stream of real batches for `fit`: checks the training data, and gives batches of one static shape.

A training step is traced and compiled only once, since all batches have the same size: a smaller last batch is filled up
with the first images of the next epoch.
"""

from __future__ import annotations

import itertools
import weakref
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _pipelines, _random, _replicas, _watch
from keras_ganaug.datasets.batches import readable
from keras_ganaug.datasets.pairs import class_names_of
from keras_ganaug.datasets.rows import ArrayRows, Rows, collected, rows_of

_ORDER = 0x5EED  # separates the seed of the image order from other seeds


class Stream(NamedTuple):
    """The training data of a model."""

    dataset: tf.data.Dataset
    """Batches of images, or of (images, labels), endless or up to the end of the data."""
    steps_per_epoch: int | None
    """Training steps in one pass over the data. None if unknown in advance, or if the data are endless."""
    labels: np.ndarray | None = None
    """int32 labels of all images, if they are known in advance."""
    class_names: Any = None
    """The class names of the data, or None."""
    starts_at_step: bool = False
    """Whether an iterator starts at the images of the model's next step, not at the beginning of the data."""


def of(x: Any, y: Any, model: Any, batch_size: int | None, shuffle: bool, class_balanced: bool, endless: bool) -> Stream:
    """Makes the stream of `fit`, after checking its arguments. For `endless` see `from_dataset`."""
    shuffle, class_balanced = _checks.boolean(shuffle, "shuffle"), _checks.boolean(class_balanced, "class_balanced")
    if class_balanced and not model.condition.conditional:
        raise ValueError("`class_balanced` needs a model with classes. Received: class_balanced=True, num_classes=None")
    class_names = class_names_of(x)
    x = readable(x)
    if not isinstance(x, tf.data.Dataset):
        batch_size = None if batch_size is None else _checks.positive_int(batch_size, "batch_size")
        stream = from_arrays(x, y, model, batch_size, shuffle, class_balanced)
    elif y is not None or batch_size is not None:
        raise ValueError(
            "`y` and `batch_size` are for arrays; a dataset has its own. Received: "
            f"y {'given' if y is not None else 'None'}, batch_size={batch_size!r}"
        )
    elif class_balanced:
        stream = _balanced(x, model)
    else:
        stream = from_dataset(x, model, endless)
    return stream._replace(dataset=_replicas.dealt(stream.dataset, model), class_names=class_names)


def split(element: Any, condition: Any) -> tuple[Any, Any]:
    """Splits an element into images and labels. Labels are None for an unconditional model."""
    images, labels = element, None
    if isinstance(element, dict):
        if "images" not in element or (condition.conditional and "labels" not in element):
            raise ValueError(
                "Elements that are dicts must have the keys `images` and, for a conditional GAN, `labels`. "
                f"Received: the keys {sorted(element)}"
            )
        images, labels = element["images"], element.get("labels")
    elif isinstance(element, (tuple, list)):
        if not 1 <= len(element) <= 3:
            raise ValueError(
                "Elements of the training data must be `images`, (images, labels) or (images, labels, sample_weight). "
                f"Received: {len(element)} components"
            )
        images, labels = element[0], element[1] if len(element) > 1 else None
    if isinstance(images, (dict, tuple, list)):
        raise ValueError(f"`images` must be one tensor. Received: a {type(images).__name__} of tensors")
    if isinstance(labels, tuple) or (isinstance(labels, dict) and not condition.label_shape):
        raise ValueError(f"`labels` must be one tensor. Received: a {type(labels).__name__} of tensors")
    if condition.conditional and labels is None:
        raise ValueError(
            f"`labels` must be given to a conditional GAN (num_classes={condition.num_classes}): `fit(x, y)`, or a dataset "
            "of (images, labels). Received: images alone"
        )
    return images, labels if condition.conditional else None


def arrays(x: Any, y: Any, model: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Checks images and labels and converts them to NumPy arrays. Labels are int32, None for an unconditional model."""
    x, y = _checks.array(x, "images"), None if y is None else model.condition.arrays(y)
    _, y = split((x, y), model.condition)
    _check_batch(x, y, model)
    return x, None if y is None else model.condition.indices(y).numpy()


def _check_batch(images, labels, model, look=True):
    """Checks a concrete batch, or whole arrays. `look` is whether to warn about another scale."""
    _checks.images_shape(images.shape, model.image_shape)
    _checks.images_dtype(images.dtype)
    if not len(images):
        raise ValueError("The training data must contain at least one image. Received: 0 images")
    lowest, highest = float(images.min()), float(images.max())
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        raise ValueError("`images` must be finite. Received: NaN or infinite values")
    low, high = _limits(model)
    if lowest < low or highest > high:
        raise ValueError(
            f"`images` must lie in value_range={model.value_range}. Received: values from {lowest:g} to {highest:g}; "
            f"construct the {type(model).__name__} with the `value_range` of your images"
        )
    if look:
        _watch.ScaleWatch(model.value_range, f"construct the {type(model).__name__}").look(images)
    if labels is not None:
        model.condition.check(labels)
        for part in tf.nest.flatten(labels):
            if len(part) != len(images):
                raise ValueError(f"`images` and `labels` must be equally many. Received: {len(images)} and {len(part)}")
        model.condition.check_values(labels)


def _limits(model):
    """The lowest and highest value of training images, with a tolerance for rounding."""
    low, high = model.value_range
    return low - 1e-3 * (high - low), high + 1e-3 * (high - low)


def _inside(images, model):
    """Images of a stream, which are checked to be within the value range when TensorFlow runs."""
    low, high = _limits(model)
    pixels = tf.cast(images, tf.float32)
    inside = tf.reduce_all((pixels >= low) & (pixels <= high))
    message = f"`images` must lie in value_range={model.value_range}, lowest and highest"
    with tf.control_dependencies([_checks.assertion(inside, message, tf.reduce_min(pixels), tf.reduce_max(pixels))]):
        return tf.identity(images)


def from_arrays(x: Any, y: Any, model: Any, batch_size: int | None, shuffle: bool, class_balanced: bool) -> Stream:
    """Makes a stream from arrays."""
    x, y = arrays(x, y, model)
    return _from_rows(ArrayRows(x, y), y, model, batch_size, shuffle, class_balanced)


def _from_rows(
    rows: Rows, y: Any, model: Any, batch_size: int | None, shuffle: bool, class_balanced: bool, checked: bool = True
) -> Stream:
    """Makes a stream of rows with checked int32 labels. `checked` is whether the images are checked, too.

    The order of epoch e depends only on the model's seed and e. The stream starts at the model's step counter, so that
    resumed training sees the same batches as uninterrupted training.
    """
    num_images, replicas = len(rows), model.distribute_strategy.num_replicas_in_sync
    batch_size = min(batch_size or 64, max(num_images // replicas * replicas, replicas))
    _replicas.check_batch_size(batch_size, model)
    rows_per_step = batch_size * model.d_steps
    order_seed = _random.fold(_random.as_seed(model.seed), _ORDER)
    in_turn = _in_turn(model.condition.groups(y)) if class_balanced else None

    def order(epoch):
        seed = _random.fold(order_seed, epoch)
        if in_turn is not None:
            return in_turn(seed)
        return tf.cast(_random.permutation(num_images, seed), tf.int64) if shuffle else tf.range(num_images, dtype=tf.int64)

    of = weakref.ref(model)  # TensorFlow keeps the function that it calls for ever, and with it what that refers to

    def rows_from_now_on(_):
        # Evaluated when the iterator starts, since a callback may restore the model before that.
        first_row = tf.numpy_function(lambda: of().step.numpy() * rows_per_step, [], tf.int64)
        epochs = tf.data.Dataset.range(tf.ensure_shape(first_row, []) // num_images, np.iinfo(np.int64).max)
        ordered = epochs.flat_map(lambda epoch: tf.data.Dataset.from_tensor_slices(order(epoch)))
        return ordered.skip(first_row % num_images)

    dataset = rows.read(tf.data.Dataset.range(1).flat_map(rows_from_now_on), y, rows_per_step)
    if not checked:
        dataset = dataset.map(lambda images, labels: (_inside(images, model), labels), num_parallel_calls=tf.data.AUTOTUNE)
    return Stream(_pipelines.untuned(dataset.prefetch(2)), -(-num_images // rows_per_step), y, starts_at_step=True)


def _in_turn(groups):
    """A function from a seed to an order of the rows in which the groups alternate, starting from a random one."""
    groups = np.unique(groups, return_inverse=True)[1]
    by_group, counts = np.argsort(groups, kind="stable"), np.bincount(groups)
    starts, total = np.cumsum(counts) - counts, len(groups)

    def order(seed):
        chosen = (tf.range(total) + _random.integers([1], seed, 0, len(counts))) % len(counts)
        position = _random.uniform([total], _random.fold(seed, 1))  # a uniform draw within each group
        size = tf.gather(counts, chosen)
        within = tf.minimum(tf.cast(position * tf.cast(size, tf.float32), tf.int64), size - 1)
        return tf.gather(by_group, tf.gather(starts, chosen) + within)

    return order


def _balanced(dataset, model):
    """Makes a stream in which the classes alternate from a batched dataset.

    If the dataset carries its `Rows`, only the images that are drawn are read. Any other is read once: what does not fit
    into memory is written to a temporary file.
    """
    if int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise ValueError("`class_balanced=True` needs a finite dataset, which is read once. Received: an infinite one")
    size = 0

    def checked(element, look):
        nonlocal size
        images, labels = split(element, model.condition)
        labels = model.condition.arrays(labels)
        _check_batch(images, labels, model, look)
        size = size or len(images)
        return images, labels

    rows = rows_of(dataset)
    batches = dataset if rows is None else dataset.take(1)
    found = (checked(element, look=not number) for number, element in enumerate(batches.as_numpy_iterator()))
    first = next(found, None)
    if first is None:
        raise ValueError("The training data must contain at least one batch. Received: an empty dataset")
    if rows is None:
        rows = collected(itertools.chain([first], found))
        labels = rows.labels
    else:
        labels = model.condition.arrays(rows.labels)
        model.condition.check(labels)
        model.condition.check_values(labels)
    labels = model.condition.indices(labels).numpy()
    return _from_rows(rows, labels, model, size, True, True, checked=batches is dataset)


def from_dataset(dataset: tf.data.Dataset, model: Any, endless: bool) -> Stream:
    """Makes a stream from a batched dataset. `endless` means that `fit` sets the number of steps, not the data's length."""
    condition = model.condition
    _checks.images_shape(split(dataset.element_spec, condition)[0].shape, model.image_shape)
    cardinality = int(dataset.cardinality())
    if cardinality == tf.data.INFINITE_CARDINALITY and not endless:
        raise ValueError(
            "`steps` or `steps_per_epoch` must be given for an infinite dataset. Received: steps_per_epoch=None"
        )
    first = next(iter(dataset.take(1).as_numpy_iterator()), None)
    if first is None:
        raise ValueError("The training data must contain at least one batch. Received: an empty dataset")
    images, labels = split(first, condition)
    _check_batch(images, labels, model)
    _replicas.check_batch_size(len(images), model)
    rows_per_step = len(images) * model.d_steps
    unknown = cardinality == tf.data.UNKNOWN_CARDINALITY
    steps_per_epoch = -(-cardinality // model.d_steps) if cardinality >= 0 else None
    filled = unknown and not endless and rows_per_step > 1
    if cardinality >= 0 or (unknown and endless):
        dataset = dataset.repeat()

    def check(*element):
        images, labels = split(element[0] if len(element) == 1 else element, condition)
        images = _inside(images, model)
        if labels is None:
            return images
        condition.check(labels)
        with tf.control_dependencies(condition.assertions(labels)):
            return images, tf.identity(condition.indices(labels))

    dataset = dataset.map(check, num_parallel_calls=tf.data.AUTOTUNE)
    if filled:
        # The last step is filled up with images from the beginning.
        dataset = dataset.concatenate(dataset.repeat().rebatch(rows_per_step - 1).take(1))
    return Stream(dataset.rebatch(rows_per_step, drop_remainder=True).prefetch(2), steps_per_epoch)
