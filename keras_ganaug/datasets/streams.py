"""The stream of real batches: what `GAN.fit` is given, checked and made static in shape.

Every batch has the same, static size, so that a training step is traced and compiled once: a smaller last batch is
filled up with the first images of the next epoch.
"""

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _labels, _pipelines, _random, _replicas, _watch
from keras_ganaug.models import training_watch


def split(element, num_classes):
    """The images and labels of an element; labels are None for an unconditional model."""
    images, labels = element, None
    if isinstance(element, dict):
        if "images" not in element or (num_classes is not None and "labels" not in element):
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
    if isinstance(labels, (dict, tuple)):
        raise ValueError(f"`labels` must be one tensor. Received: a {type(labels).__name__} of tensors")
    if num_classes is not None and labels is None:
        raise ValueError(
            f"`labels` must be given to a conditional GAN (num_classes={num_classes}): `fit(x, y)`, or a dataset of "
            "(images, labels). Received: images alone"
        )
    return images, labels if num_classes is not None else None


def labels_to_indices(labels, num_classes):
    """Labels of any form as int32 (batch,)."""
    labels = tf.convert_to_tensor(labels)
    _labels.check(labels, num_classes)
    return _labels.class_of(labels)


def _check_batch(images, labels, gan):
    """Checks one concrete batch, or whole arrays."""
    _checks.images_shape(images.shape, gan.image_shape)
    _checks.images_dtype(images.dtype)
    if not len(images):
        raise ValueError("The training data must hold at least one image. Received: 0 images")
    lowest, highest = float(images.min()), float(images.max())
    low, high = gan.value_range
    slack = 1e-3 * (high - low)
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        raise ValueError("`images` must be finite. Received: NaN or infinite values")
    if lowest < low - slack or highest > high + slack:
        raise ValueError(
            f"`images` must lie in value_range={gan.value_range}. Received: values from {lowest:g} to {highest:g}; "
            f"construct the {type(gan).__name__} with the `value_range` of your images"
        )
    _watch.ScaleWatch(gan.value_range, f"construct the {type(gan).__name__}").look(images)
    if labels is not None:
        labels = tf.convert_to_tensor(labels)
        _labels.check(labels, gan.num_classes)
        if len(labels) != len(images):
            raise ValueError(f"`images` and `labels` must be equally many. Received: {len(images)} and {len(labels)}")
        _labels.check_values(labels, gan.num_classes)


def _numpy(tensor, name):
    try:
        array = None if tensor is None else np.asarray(tensor)
        if array is not None and array.dtype == object:  # numbers in the boxes of pandas, say
            array = np.asarray(array.tolist())
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"`{name}` must be one array. Received: {error}") from error
    if array is not None and array.dtype.kind not in "biuf":
        raise TypeError(f"`{name}` must be an array of numbers. Received: dtype {array.dtype}")
    return array


def arrays(x, y, gan):
    """Images and labels, checked, as NumPy arrays; labels are int32 class indices, or None for an unconditional model."""
    x, y = _numpy(x, "images"), _numpy(y, "labels")
    _, y = split((x, y), gan.num_classes)
    _check_batch(x, y, gan)
    return x, None if y is None else labels_to_indices(y, gan.num_classes).numpy()


def from_arrays(x, y, gan, batch_size, shuffle, class_balanced, class_names=None):
    """A stream over arrays, and the steps of one epoch.

    The order of epoch e follows from the model's seed and e alone, and the stream begins where the model's step counter
    stands: training that is interrupted and resumed sees the same batches as training that was not.
    """
    x, y = arrays(x, y, gan)
    if y is not None:
        training_watch.warn_of_unseen(gan, gan.training_record.unseen_with(y), class_names, stacklevel=4)
    num_images = len(x)
    replicas = gan.distribute_strategy.num_replicas_in_sync
    batch_size = min(batch_size or 64, max(num_images // replicas * replicas, replicas))
    _replicas.check_batch_size(batch_size, gan)
    rows_per_step = batch_size * gan.d_steps
    steps_per_epoch = -(-num_images // rows_per_step)
    order_seed = _random.fold(_random.as_seed(gan.seed), 0x5EED)
    if class_balanced:
        by_class = np.argsort(y, kind="stable")
        counts = np.bincount(y, minlength=gan.num_classes)
        present = np.flatnonzero(counts)
        starts = (np.cumsum(counts) - counts)[present]

    def order(epoch):
        seed = _random.fold(order_seed, epoch)
        if class_balanced:
            # Classes in turn from a random first one; within a class a uniform draw.
            chosen = (tf.range(num_images) + _random.integers([1], seed, 0, len(present))) % len(present)
            position = _random.uniform([num_images], _random.fold(seed, 1))
            size = tf.gather(counts[present], chosen)
            within = tf.minimum(tf.cast(position * tf.cast(size, tf.float32), tf.int64), size - 1)
            return tf.gather(by_class, tf.gather(starts, chosen) + within)
        if shuffle:
            return tf.cast(_random.permutation(num_images, seed), tf.int64)
        return tf.range(num_images, dtype=tf.int64)

    def rows_from_now_on(_):
        # Asked when the iterator starts: by then a callback may have restored the model.
        first_row = tf.numpy_function(lambda: gan.step.numpy() * rows_per_step, [], tf.int64)
        epochs = tf.data.Dataset.range(tf.ensure_shape(first_row, []) // num_images, np.iinfo(np.int64).max)
        rows = epochs.flat_map(lambda epoch: tf.data.Dataset.from_tensor_slices(order(epoch)))
        return rows.skip(first_row % num_images)

    rows = tf.data.Dataset.range(1).flat_map(rows_from_now_on).batch(rows_per_step, drop_remainder=True)
    with tf.device("CPU:0"):
        x, y = tf.constant(x), None if y is None else tf.constant(y)

    def take(indices):
        images = tf.gather(x, indices)
        return images if y is None else (images, tf.gather(y, indices))

    return _pipelines.untuned(rows.map(take, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)), steps_per_epoch


def from_dataset(dataset, gan, steps_per_epoch, class_balanced, class_names=None):
    """A stream over a batched dataset, and the steps of one epoch (None if only the end of the data tells)."""
    _checks.images_shape(split(dataset.element_spec, gan.num_classes)[0].shape, gan.image_shape)
    cardinality = int(dataset.cardinality())
    if cardinality == tf.data.INFINITE_CARDINALITY and steps_per_epoch is None:
        raise ValueError("`steps_per_epoch` must be given for an infinite dataset. Received: steps_per_epoch=None")
    if class_balanced:
        if cardinality == tf.data.INFINITE_CARDINALITY:
            raise ValueError(
                "`class_balanced=True` needs a finite dataset, which is read into memory. Received: an infinite one"
            )
        batches = [split(element, gan.num_classes) for element in dataset.as_numpy_iterator()]
        if not batches:
            raise ValueError("The training data must hold at least one batch. Received: an empty dataset")
        x, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return from_arrays(x, y, gan, len(batches[0][0]), True, True, class_names)
    first = next(iter(dataset.take(1).as_numpy_iterator()), None)
    if first is None:
        raise ValueError("The training data must hold at least one batch. Received: an empty dataset")
    images, labels = split(first, gan.num_classes)
    _check_batch(images, labels, gan)
    _replicas.check_batch_size(len(images), gan)
    rows_per_step = len(images) * gan.d_steps
    if cardinality >= 0:
        if steps_per_epoch is None:
            steps_per_epoch = -(-cardinality // gan.d_steps)
    filled = cardinality == tf.data.UNKNOWN_CARDINALITY and steps_per_epoch is None and rows_per_step > 1
    if cardinality >= 0 or (cardinality == tf.data.UNKNOWN_CARDINALITY and steps_per_epoch is not None):
        dataset = dataset.repeat()

    low, high = gan.value_range
    slack = 1e-3 * (high - low)

    def check(*element):
        images, labels = split(element[0] if len(element) == 1 else element, gan.num_classes)
        pixels = tf.cast(images, tf.float32)
        inside = tf.reduce_all((pixels >= low - slack) & (pixels <= high + slack))
        message = f"`images` must lie in value_range={gan.value_range}, lowest and highest"
        checks = [_checks.assertion(inside, message, tf.reduce_min(pixels), tf.reduce_max(pixels))]
        if labels is None:
            with tf.control_dependencies(checks):
                return tf.identity(images)
        indices, labels = labels_to_indices(labels, gan.num_classes), tf.convert_to_tensor(labels)
        checks.append(_labels.assertion(labels, gan.num_classes))
        with tf.control_dependencies(checks):
            return tf.identity(images), tf.identity(indices)

    dataset = dataset.map(check, num_parallel_calls=tf.data.AUTOTUNE)
    if filled:
        # The end of the data fills its last step up with images from their beginning.
        dataset = dataset.concatenate(dataset.repeat().rebatch(rows_per_step - 1).take(1))
    return dataset.rebatch(rows_per_step, drop_remainder=True).prefetch(2), steps_per_epoch
