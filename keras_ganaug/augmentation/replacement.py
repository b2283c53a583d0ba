"""Which rows of a batch become synthetic, of which class, and how they are written into it.

Everything here is a pure function of the batch and a seed; where the synthetic images come from is the caller's.
"""

import warnings
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _images, _labels, _random, _watch
from keras_ganaug.augmentation.image_key import ImageKey

_STRATEGIES = ("keep", "balance")


def class_weights(strategy, num_classes, name="sampling_strategy"):
    """A mapping or sequence of class weights as probabilities, float32 (num_classes,); None for a named strategy."""
    expected = (
        f"`{name}` must be one of {_STRATEGIES}, or a mapping from class index to weight, or a sequence of one "
        "weight per class: finite numbers of at least 0, not all of them 0"
    )
    if isinstance(strategy, str):
        if strategy not in _STRATEGIES:
            raise ValueError(f"{expected}. Received: {name}={strategy!r}")
        return None
    received = f"Received: {name}={strategy!r}" + (f" for {num_classes} classes" if num_classes else "")
    try:
        if isinstance(strategy, Mapping):
            pairs = {int(key): float(weight) for key, weight in strategy.items()}
            if any(isinstance(key, float) and key != int(key) for key in strategy):
                raise ValueError
            weights = np.zeros(num_classes or max(pairs) + 1)
            if min(pairs) < 0 or max(pairs) >= len(weights):
                raise ValueError
            weights[list(pairs)] = list(pairs.values())
        else:
            weights = np.asarray(strategy, np.float64)
            if weights.ndim != 1 or (num_classes is not None and len(weights) != num_classes):
                raise ValueError
    except (TypeError, ValueError, AttributeError):
        raise ValueError(f"{expected}. {received}") from None
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() <= 0:
        raise ValueError(f"{expected}. {received}")
    return (weights / weights.sum()).astype(np.float32)


def count(fraction, batch_size):
    """`round(fraction * batch_size)` as Python rounds: an integer, or a tensor if the batch size is one."""
    if isinstance(batch_size, int):
        return round(fraction * batch_size)
    return tf.cast(tf.round(tf.constant(fraction, tf.float64) * tf.cast(batch_size, tf.float64)), tf.int32)


def rarest_classes(kept, k, classes, seed):
    """`k` classes that make a batch as even as `k` images can, ties broken at random.

    Args:
        kept: int32 (n,), the classes of the rows that stay.
        k: How many to choose.
        classes: int32 (m,), the classes there are; None if not known: then those of `kept` are all.
        seed: int32 seed.

    Returns int32 (k,).
    """
    known, classes = classes is not None, kept if classes is None else tf.convert_to_tensor(classes)
    counts = tf.reduce_sum(tf.cast(classes[:, None] == kept[None], tf.float32), axis=1)
    if not known:  # each class once: where it first appears
        n = tf.range(tf.shape(kept)[0])
        repeated = tf.reduce_any((classes[:, None] == kept[None]) & (n[None] < n[:, None]), axis=1)
        counts = tf.where(repeated, np.float32(np.inf), counts)
    # A class with n images offers places at heights n, n + 1, ...; the k lowest places are taken.
    tie = _random.uniform(tf.shape(counts), seed)
    places = (counts + tie)[:, None] + tf.cast(tf.range(k), tf.float32)[None]
    lowest = tf.argsort(tf.reshape(places, [-1]))[:k]
    return tf.gather(classes, lowest // tf.maximum(k, 1))


class Replacement:
    """Replaces a fraction of a batch by synthetic rows.

    Args:
        source: The `Source`.
        fraction, sampling_strategy, synthetic_weight, value_range, image_key: As of `GANAugmentation`.
    """

    def __init__(self, source, fraction, sampling_strategy, synthetic_weight, value_range, image_key=None):
        self.image_shape, self.num_classes = source.image_shape, source.num_classes
        self.conditional = source.conditional
        self.fraction = _checks.fraction(fraction)
        self.strategy = sampling_strategy if isinstance(sampling_strategy, str) else "weights"
        self.class_weights = class_weights(sampling_strategy, source.num_classes)
        if not source.conditional and sampling_strategy != "keep":
            raise ValueError(
                '`sampling_strategy` must be "keep" for an unconditional generator, which has no classes to choose. '
                f"Received: sampling_strategy={sampling_strategy!r}"
            )
        self.synthetic_weight = None
        if synthetic_weight is not None:
            self.synthetic_weight = _checks.non_negative(synthetic_weight, "synthetic_weight")
        self.value_range = source.value_range if value_range is None else _checks.value_range(value_range)
        self.image_key = ImageKey(image_key)
        self.scale = _watch.ScaleWatch(self.value_range, "make the augmentation")
        self._has_replaced = self._told_of_no_rows = False
        self.unseen = ()
        self.learn_of(source)

    def learn_of(self, source):
        """Takes note of the classes of which the generator has seen no image, and warns of them, once."""
        if not self.conditional:
            return
        with tf.init_scope():
            unseen = tuple(int(c) for c in source.unseen_classes)
        if unseen == self.unseen or not self.fraction:
            return
        wrong = [
            c for c in unseen if self.class_weights is not None and c < len(self.class_weights) and self.class_weights[c]
        ]
        if wrong:
            raise ValueError(
                "`sampling_strategy` must give weight to classes that the generator has seen in its training. "
                f"Received: weight for {_some(wrong)}, of which it has seen no image"
            )
        self.unseen = unseen
        if unseen and self.class_weights is None:
            does = {
                "balance": '"balance" makes no images of them',
                "keep": '"keep" replaces rows of these classes only where there are not enough others',
            }[self.strategy]
            warnings.warn(
                f"`generator` has seen no image of the classes {_some(unseen)} in its training, so that its samples of them "
                f"are like no real image: {does}. Received: sampling_strategy={self.strategy!r}",
                stacklevel=4,
            )

    def check(self, images, labels, sample_weight):
        """Checks shapes and dtypes, which are known before any image is made."""
        _checks.images_shape(images.shape, self.image_shape)
        _checks.images_dtype(images.dtype)
        if labels is None:
            if self.conditional and self.strategy != "weights":
                raise ValueError(
                    f"`labels` must be given for a conditional generator with sampling_strategy={self.strategy!r}. "
                    "Received: labels=None"
                )
        elif not self.conditional:
            raise ValueError(
                "`labels` must be None for an unconditional generator: it cannot make an image of a given class. Train a "
                "conditional GAN (`num_classes=...`), or one GAN for each class and augment its images by it, or "
                "leave the labels out before (`dataset.map(lambda images, labels: images)`). "
                f"Received: labels of shape {labels.shape}"
            )
        else:
            _labels.check(labels, self.num_classes)
            weights = self.class_weights
            classes = len(weights) if weights is not None else self.num_classes if self.strategy == "balance" else None
            holds = labels.dtype.max if labels.dtype.is_integer else 1 if labels.dtype.is_bool else np.inf
            if classes is not None and not _labels.is_one_hot(labels) and classes - 1 > holds:
                raise TypeError(
                    f"`labels` must be of a dtype that holds the {classes} classes which `sampling_strategy` may choose. "
                    f"Received: dtype {labels.dtype.name}"
                )
            if weights is not None and _labels.is_one_hot(labels) and labels.shape[1] != len(weights):
                raise ValueError(
                    f"`sampling_strategy` must have one weight for each column of the labels. "
                    f"Received: {len(weights)} weights for labels of shape {labels.shape}"
                )
        if sample_weight is not None and self.synthetic_weight is not None and not sample_weight.dtype.is_floating:
            raise TypeError(
                "`sample_weight` must be of a float dtype to be scaled by `synthetic_weight`. "
                f"Received: dtype {sample_weight.dtype.name}"
            )
        for name, value in (("labels", labels), ("sample_weight", sample_weight)):
            if value is not None and not value.shape[:1].is_compatible_with(images.shape[:1]):
                raise ValueError(
                    f"`{name}` must have one row for each image. Received: shape {tuple(value.shape)} for images of shape "
                    f"{tuple(images.shape)}"
                )

    def check_values(self, images, labels):
        """Checks the values of a concrete batch: a label that there is not is an error, what is surely not meant a warning.

        Args:
            images: Eager tensor or array, or None.
            labels: Eager tensor or array, or None.
        """
        if labels is not None and self.conditional:
            _labels.check_values(labels, self.num_classes)
        if images is not None and len(images):
            self.look(images)

    def look(self, images):
        """Warns, once, of a concrete batch on another scale than `value_range`, and of one of which no row is replaced."""
        self.scale.look(images)
        self.look_at_size(len(images))

    def look_at_size(self, batch_size):
        """Warns, once, of batches so small that no row of them is replaced; a last batch may be smaller than the others."""
        if self.fraction and batch_size and not self._has_replaced and not self._told_of_no_rows:
            self._has_replaced = count(self.fraction, batch_size) > 0
            if not self._has_replaced:
                self._told_of_no_rows = True
                warnings.warn(
                    f"`fraction` of a batch rounds to no row, and nothing is augmented: {self.fraction:g} * {batch_size} "
                    f"rounds to 0. Make batches larger, or `fraction` larger than {0.5 / batch_size:g}. "
                    f"Received: fraction={self.fraction:g} for batches of {batch_size}",
                    stacklevel=3,
                )

    def checked(self, images, labels, number=None):
        """The images and labels, with their values checked: at once where they are concrete, else when the graph runs.

        XLA leaves that out.

        Args:
            images: Tensor.
            labels: Tensor or None.
            number: Maps nothing to the number of batches so far, an integer scalar; called only where it is needed. Defaults
                to None: images are looked at elsewhere.
        """
        if tf.executing_eagerly():
            self.check_values(images, labels)
            return images, labels
        if images.shape[0] is not None:
            self.look_at_size(images.shape[0])
        done = []
        if not _compat.in_xla():
            told = self.scale.told and (self._has_replaced or self._told_of_no_rows)
            if self.fraction and number is not None and not told:
                done.append(_watch.in_first(self.look, images, number()))
            if labels is not None and self.conditional and _labels.can_be_wrong(labels, self.num_classes):
                done.append(_labels.assertion(labels, self.num_classes))
        with tf.control_dependencies(done):
            return tf.identity(images), None if labels is None else tf.identity(labels)

    def __call__(self, images, labels, sample_weight, seed, draw):
        """The batch with synthetic rows.

        Args:
            images: Tensor (batch, *image_shape) of any real dtype.
            labels: Tensor or None.
            sample_weight: Tensor or None.
            seed: int32 seed (2,).
            draw: Maps int32 classes (k,) and a seed to float32 images in `value_range`.

        Returns `(images, labels, sample_weight, is_synthetic)`, the last a bool tensor (batch,).
        """
        batch_size = images.shape[0]
        batch_size = tf.shape(images)[0] if batch_size is None else int(batch_size)
        k = count(self.fraction, batch_size)
        weights = sample_weight
        if weights is None and self.synthetic_weight is not None:
            weights = tf.ones([batch_size])
        if isinstance(k, int) and k == 0:
            return images, labels, weights, tf.zeros([batch_size], tf.bool)
        row_seed, class_seed, draw_seed = (_random.fold(seed, n) for n in range(3))
        order = _random.permutation(batch_size, row_seed)
        if self.unseen and self.strategy == "keep":
            order = self._seen_first(order, _labels.class_of(labels))
        rows = order[:k]
        if labels is None and self.class_weights is None:
            classes = tf.zeros([k], tf.int32)  # unconditional
        elif self.strategy == "keep":
            classes = tf.gather(_labels.class_of(labels), rows)
            labels = _labels.write(labels, rows, classes, only_mixed=True)
        else:
            classes = self._choose(labels, order, k, batch_size, class_seed)
            labels = None if labels is None else _labels.write(labels, rows, classes)
        synthetic = draw(_labels.at_least_one(classes), draw_seed)[:k]
        synthetic = tf.stop_gradient(_images.as_dtype(synthetic, images.dtype, self.value_range))
        images = tf.tensor_scatter_nd_update(images, rows[:, None], synthetic)
        is_synthetic = tf.scatter_nd(rows[:, None], tf.ones_like(rows), [batch_size]) > 0
        if self.synthetic_weight is not None:
            factor = tf.where(is_synthetic, tf.cast(self.synthetic_weight, weights.dtype), tf.ones([], weights.dtype))
            weights *= tf.reshape(factor, [-1, *[1] * (weights.shape.rank - 1)])
        return images, labels, weights, is_synthetic

    def _choose(self, labels, order, k, batch_size, seed):
        """Classes of the synthetic rows where they are not those of the rows replaced."""
        if self.class_weights is not None:
            # One uniform number in each of k equal parts of [0, 1): as near to the weights as k draws can be.
            position = (tf.cast(tf.range(k), tf.float32) + _random.uniform([k], seed)) / tf.cast(k, tf.float32)
            edges = np.cumsum(self.class_weights)[:-1].astype(np.float32)
            classes = tf.reduce_sum(tf.cast(position[:, None] >= edges[None], tf.int32), axis=1)
            # A class of weight 0 has an empty interval: no position falls into it.
            return tf.gather(classes, _random.permutation(k, _random.fold(seed, 1)))
        classes = _labels.class_of(labels)
        num_classes = int(labels.shape[1]) if _labels.is_one_hot(labels) else self.num_classes
        kept = tf.gather(classes, order[k:])
        if num_classes is None and (not isinstance(batch_size, int) or k == batch_size):
            kept = classes  # if all rows are replaced the classes are still those of the batch
        there_are = None if num_classes is None else self._seen(num_classes)
        return rarest_classes(kept, k, there_are, seed)

    def _seen(self, num_classes):
        """The classes of which the generator has seen images, int32; all where it has seen none of them."""
        seen = np.setdiff1d(np.arange(num_classes, dtype=np.int32), self.unseen)
        return seen.astype(np.int32) if len(seen) else np.arange(num_classes, dtype=np.int32)

    def _seen_first(self, order, classes):
        """The rows in their order, but those of classes that the generator has not seen behind all others."""
        unseen = tf.reduce_any(tf.gather(classes, order)[:, None] == np.array(self.unseen, np.int32)[None], axis=1)
        return tf.gather(order, tf.argsort(tf.cast(unseen, tf.int32), stable=True))


def _some(classes):
    """Class indices in words, not too many of them."""
    classes = list(classes)
    return f"{classes[:20]}" + (f" and {len(classes) - 20} more" if len(classes) > 20 else "")
