"""Chooses the rows of a batch that become synthetic and their classes, and writes the samples into them.

Everything here is a pure function of the batch and a seed. The caller decides where the synthetic images come from.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _images, _random, _watch, conditions
from keras_ganaug.augmentation.batch_watch import BatchWatch
from keras_ganaug.augmentation.image_key import ImageKey
from keras_ganaug.augmentation.rows import count, in_rows, rarest_classes
from keras_ganaug.conditions import names, weights
from keras_ganaug.generators.generator import Generator


class Replacement:
    """Replaces a fraction of a batch by synthetic rows.

    Args:
        generator: A `Generator` with one attribute or none. It may be replaced later by an equivalent one.
        fraction, sampling_strategy, synthetic_weight, value_range, truncation, image_key: See `GANAugmentation`.
    """

    def __init__(
        self,
        generator: Generator,
        fraction: float,
        sampling_strategy: Any,
        synthetic_weight: float | None,
        value_range: Any,
        truncation: float,
        image_key: Any = None,
    ):
        self.generator, self.condition = generator, generator.condition
        self.fraction, self.truncation = _checks.fraction(fraction), _checks.truncation(truncation)
        self.strategy = sampling_strategy if isinstance(sampling_strategy, str) else "weights"
        given = names.by_index(sampling_strategy, generator.class_names, "sampling_strategy")
        self.class_weights = weights.class_weights(given, generator.num_classes)
        if generator.translates and self.truncation != 1.0:
            raise ValueError(f"`truncation` must be 1 for a generator that translates. Received: truncation={truncation!r}")
        if not self.condition.conditional and sampling_strategy != "keep":
            raise ValueError(
                '`sampling_strategy` must be "keep" for a generator without classes to choose from: one that is '
                "unconditional, or that translates. "
                f"Received: sampling_strategy={sampling_strategy!r}"
            )
        if self.class_weights is not None and self.condition.conditional:
            self.condition = conditions.OneClass(None)  # a batch may have more classes than the generator
        self.synthetic_weight = synthetic_weight
        if synthetic_weight is not None:
            self.synthetic_weight = _checks.non_negative(synthetic_weight, "synthetic_weight")
        self.value_range = generator.value_range if value_range is None else _checks.value_range(value_range)
        self.image_key = ImageKey(image_key)
        self.watch = BatchWatch(self.fraction, self.value_range)
        self.unseen: tuple = ()
        self.learn_unseen()

    def learn_unseen(self) -> None:
        """Finds the classes that the generator was never trained on, and warns about them once."""
        unseen, given = self.generator.unseen_classes, self.class_weights
        if unseen == self.unseen or not self.fraction:
            return
        wrong = [] if given is None else [c for c in unseen if c < len(given) and given[c]]
        if wrong:
            raise ValueError(
                "`sampling_strategy` must give weight to classes that the generator has seen in its training. "
                f"Received: weight for {weights.some(wrong)}, which it has not seen"
            )
        self.unseen = unseen
        if unseen and given is None:
            does = {
                "balance": '"balance" makes no images of them',
                "keep": '"keep" replaces rows of these classes only if there are not enough others, and never those '
                "that the generator cannot make at all",
            }[self.strategy]
            warnings.warn(
                f"`generator` has seen no image of the classes {weights.some(unseen)} in its training, so its samples of "
                f"them do not look like real images: {does}. Received: sampling_strategy={self.strategy!r}",
                stacklevel=4,
            )

    def tensors(self, inputs: Any, labels: Any, sample_weight: Any) -> list:
        """Converts the image among the inputs, the labels and the sample weights to tensors for `check`.

        Labels become None if they pass through unchanged.
        """
        self.learn_unseen()
        labels = None if self.condition.labels_pass else labels
        return _checks.dense(images=self.image_key.get(inputs), labels=labels, sample_weight=sample_weight)

    def check(self, images: tf.Tensor, labels: tf.Tensor | None, sample_weight: tf.Tensor | None) -> None:
        """Checks shapes and dtypes before any image is generated."""
        _checks.images_shape(images.shape, self.generator.image_shape)
        _checks.images_dtype(images.dtype)
        if labels is not None:
            self._check_labels(labels)
        elif self.condition.conditional and self.strategy != "weights":
            raise ValueError(
                f"`labels` must be given for a conditional generator with sampling_strategy={self.strategy!r}. "
                "Received: labels=None"
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

    def _check_labels(self, labels):
        if not self.condition.conditional:
            raise ValueError(
                "`labels` must be None for an unconditional generator: it cannot make images of a given class. Train a "
                "conditional GAN (`num_classes=...`), or one GAN for each class and augment its images with it, or leave "
                "the labels out first (`dataset.map(lambda images, labels: images)`). "
                f"Received: labels of shape {labels.shape}"
            )
        self.condition.check(labels)
        given, one_hot = self.class_weights, conditions.is_one_hot(labels)
        classes = len(given) if given is not None else self.generator.num_classes if self.strategy == "balance" else None
        holds = labels.dtype.max if labels.dtype.is_integer else 1 if labels.dtype.is_bool else np.inf
        if classes is not None and not one_hot and classes - 1 > holds:
            raise TypeError(
                f"`labels` must be of a dtype that holds the {classes} classes which `sampling_strategy` may choose. "
                f"Received: dtype {labels.dtype.name}"
            )
        if given is not None and one_hot and labels.shape[1] < len(given):
            raise ValueError(
                f"`sampling_strategy` must give weight only to columns that the labels have. "
                f"Received: {len(given)} weights for labels of shape {labels.shape}"
            )

    def checked(self, images: tf.Tensor, labels: tf.Tensor | None, number: Callable | None = None) -> tuple:
        """Checks the values of images and labels: at once if they are concrete, otherwise when the graph runs.

        Labels that do not exist raise an error, probable mistakes a warning. XLA omits both checks.

        Args:
            images: Tensor.
            labels: Tensor or None.
            number: Function without arguments that returns the number of batches so far, an integer scalar. Called only if
                needed. Defaults to None: images are checked elsewhere.
        """
        passing = labels if self.condition.labels_pass else None
        labels = None if self.condition.labels_pass else labels
        if tf.executing_eagerly():
            if labels is not None:
                self.condition.check_values(labels)
            self.watch.look(images)
            return images, passing if labels is None else labels
        if images.shape[0] is not None:
            self.watch.look_at_size(images.shape[0])
        done = []
        if not _compat.in_xla():
            if number is not None and not self.watch.is_settled:
                done.append(_watch.in_first(self.watch.look, images, number()))
            if labels is not None:
                done += self.condition.assertions(labels)
        with tf.control_dependencies(done):
            return tf.identity(images), passing if labels is None else tf.identity(labels)

    def _made(self, images, rows, classes, seed):
        """Generated images for these rows, float32 in `value_range`."""
        own, given = self.generator.value_range, self.value_range

        def replaced():
            chosen = conditions.at_least_one(tf.cast(tf.gather(images, rows), tf.float32))
            return _images.rescale(chosen, given, own)

        made = self.generator.in_place_of(replaced, classes, seed, self.truncation)
        return _images.rescale(tf.cast(made, tf.float32), own, given)

    def __call__(
        self, images: tf.Tensor, labels: Any, sample_weight: Any, seed: tf.Tensor, draw: Callable | None = None
    ) -> tuple:
        """Returns the batch with synthetic rows.

        Args:
            images: Tensor (batch, *image_shape) of any real dtype.
            labels: Tensor or None.
            sample_weight: Tensor or None.
            seed: int32 seed (2,).
            draw: Maps int32 classes (k,) and a seed to images in `value_range`, float32 or of the dtype of `images`.
                Defaults to None: the generator itself.

        Returns `(images, labels, sample_weight, is_synthetic)`, the last a bool tensor (batch,).
        """
        batch_size = tf.shape(images)[0] if images.shape[0] is None else int(images.shape[0])
        given = images, labels
        k = count(self.fraction, batch_size)
        if sample_weight is None and self.synthetic_weight is not None:
            sample_weight = tf.ones([batch_size])
        if isinstance(k, int) and k == 0:
            return images, labels, sample_weight, tf.zeros([batch_size], tf.bool)
        row_seed, class_seed, draw_seed = (_random.fold(seed, n) for n in range(3))
        order = _random.permutation(batch_size, row_seed)
        if self.unseen and self.strategy == "keep":
            order = self._seen_first(order, self.condition.indices(labels))
        rows = order[:k]
        if labels is None and self.class_weights is None:
            classes = tf.zeros([k], tf.int32)  # unconditional
        elif self.strategy == "keep":
            classes = tf.gather(self.condition.indices(labels), rows)
            labels = self.condition.write(labels, rows, classes, only_mixed=True)
        else:
            classes = self._choose(labels, order, k, batch_size, class_seed)
            labels = None if labels is None else self.condition.write(labels, rows, classes)
        classes = conditions.at_least_one(classes)
        makes = self.generator.makes(classes)
        if self.generator.missing_classes:  # their rows stay as they are
            classes = tf.where(makes, classes, self.generator.made_classes[0])
        synthetic = (draw(classes, draw_seed) if draw else self._made(images, rows, classes, draw_seed))[:k]
        if synthetic.dtype != images.dtype:
            synthetic = _images.as_dtype(synthetic, images.dtype, self.value_range)
        synthetic = tf.stop_gradient(synthetic)
        images = tf.tensor_scatter_nd_update(images, rows[:, None], synthetic)
        is_synthetic = tf.scatter_nd(rows[:, None], tf.cast(makes[:k], tf.int32), [batch_size]) > 0
        if self.generator.missing_classes:
            images, labels = (in_rows(is_synthetic, new, old) for new, old in zip((images, labels), given, strict=True))
        if self.synthetic_weight is not None:
            one = tf.ones([], sample_weight.dtype)
            factor = tf.where(is_synthetic, one * self.synthetic_weight, one)
            sample_weight *= tf.reshape(factor, [-1, *[1] * (sample_weight.shape.rank - 1)])
        return images, labels, sample_weight, is_synthetic

    def _choose(self, labels, order, k, batch_size, seed):
        """Chooses the classes of synthetic rows for strategies other than "keep"."""
        if self.class_weights is not None:
            # Stratified sampling: one uniform number in each of k equal parts of [0, 1) follows the weights most closely.
            position = (tf.cast(tf.range(k), tf.float32) + _random.uniform([k], seed)) / tf.cast(k, tf.float32)
            return tf.gather(weights.at(self.class_weights, position), _random.permutation(k, _random.fold(seed, 1)))
        classes = self.condition.indices(labels)
        num_classes = int(labels.shape[1]) if conditions.is_one_hot(labels) else self.generator.num_classes
        real = tf.gather(classes, order[k:])
        if num_classes is None and (not isinstance(batch_size, int) or k == batch_size):
            real = classes  # if all rows are replaced, choose among the classes of the batch
        return rarest_classes(real, k, None if num_classes is None else self._seen(num_classes), seed)

    def _seen(self, num_classes):
        """The classes that the generator was trained on, int32. All classes if there are none."""
        every = np.arange(num_classes, dtype=np.int32)
        seen = every[~np.isin(every, self.unseen)]
        return seen if len(seen) else every

    def _seen_first(self, order, classes):
        """Sorts the rows so that classes the generator was never trained on come last. The order is otherwise unchanged."""
        unseen = tf.reduce_any(tf.gather(classes, order)[:, None] == np.array(self.unseen, np.int32)[None], axis=1)
        return tf.gather(order, tf.argsort(tf.cast(unseen, tf.int32), stable=True))
