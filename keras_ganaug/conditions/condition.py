"""The base class of conditions, and the condition without labels."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks


def sizes_of(num_classes: int | Sequence[int] | Mapping[str, int]) -> tuple[int, ...]:
    """The number of values of each attribute, from any form of `num_classes`."""
    if isinstance(num_classes, Mapping):
        return tuple(num_classes.values())
    return tuple(num_classes) if isinstance(num_classes, Sequence) else (num_classes,)


def encode(labels: tf.Tensor, sizes: tuple[int, ...], dtype: Any = "float32") -> tf.Tensor:
    """One-hot rows of int32 labels, (batch, sum(sizes)). Those of several attributes are concatenated.

    Args:
        labels: (batch,) for one size, or (batch, k) for k sizes.
        sizes: Number of values of each attribute.
        dtype: Dtype of the rows. Defaults to "float32".
    """
    if labels.shape.rank == 1:
        return tf.one_hot(labels, sizes[0], dtype=dtype)
    return tf.concat([tf.one_hot(labels[:, n], size, dtype=dtype) for n, size in enumerate(sizes)], axis=1)


def at_least_one(labels: tf.Tensor) -> tf.Tensor:
    """The int32 labels, or a single one if there are none, since not every convolution accepts an empty batch."""
    if labels.shape[0]:
        return labels
    return tf.pad(labels, [[0, tf.maximum(0, 1 - tf.shape(labels)[0])], *[[0, 0]] * (labels.shape.rank - 1)])


class Condition:
    """What a generator is conditioned on.

    Attributes:
        num_classes: As given by the user: None, an integer, or a mapping from attribute to number of values.
        sizes: Tuple with the number of values of each attribute: () without labels, (None,) if the number is unknown.
        label_shape: Internal shape of the label of one image: () or (k,).
        labels_pass: Whether labels of any kind pass through a batch unchanged, because nothing depends on them.
        class_names: Tuple with the names of the classes. With several attributes, a mapping from those with names to such a
            tuple. None without names.
    """

    num_classes: Any = None
    class_names: Any = None
    sizes: tuple = ()
    label_shape: tuple = ()
    labels_pass = False

    @property
    def conditional(self) -> bool:
        """Whether there are labels."""
        return bool(self.sizes)

    @property
    def description(self) -> dict[str, Any]:
        """The condition as plain values, for JSON."""
        names = {"class_names": self.class_names} if self.class_names else {}
        return {"conditional": self.conditional, "num_classes": self.num_classes, **names}

    def named(self, class_names: Any) -> Condition:
        """The condition with these class names, which are checked. None changes nothing."""
        if class_names is not None:
            raise ValueError(f"`class_names` needs a model with classes. Received: class_names={class_names!r}")
        return self

    def learn_names(self, class_names: Any) -> None:
        """Adopts the class names of training data if it has none and they fit. Warns if its own names differ."""
        had = self.class_names
        try:
            learnt = copy.copy(self).named(class_names).class_names
        except ValueError:  # they belong to other classes
            return
        if had and learnt != had:
            warnings.warn(
                "`class_names` of the model stay, but the training data have others, so the labels may mean other "
                f"classes. Received: class_names={had}, and {learnt} in the data",
                stacklevel=4,
            )
        self.class_names = had or learnt

    def label_names(self, label: Any) -> tuple[str, ...]:
        """The names for an int32 label (*label_shape), one for each attribute. A class without a name gives its number."""
        return ()

    def inputs(self, first: Any, labels: Any) -> Any:
        """The inputs of a network: latents or images, with labels if there are any."""
        return [first, labels] if self.conditional else first

    def zeros(self, number: Any) -> tf.Tensor:
        """Labels of 0, int32 (number, *label_shape). Without labels, only their number."""
        return tf.zeros([number, *self.label_shape], tf.int32)

    def arrays(self, labels: Any) -> Any:
        """Converts labels in the user's format to NumPy arrays of numbers."""
        return _checks.array(labels, "labels")

    def check(self, labels: Any) -> None:
        """Checks the dtypes and shapes of labels in the user's format: tensors, arrays or `tf.TensorSpec`s."""

    def check_values(self, labels: Any) -> None:
        """Checks the values of concrete labels, after `check`."""

    def assertions(self, labels: Any) -> list:
        """Operations that fail if the values of labels are wrong. XLA omits them."""
        return []

    def indices(self, labels: Any) -> Any:
        """Converts labels in the user's format to int32 class indices (batch, *label_shape). None without labels."""
        return None

    def write(self, labels: Any, rows: tf.Tensor, classes: tf.Tensor, only_mixed: bool = False) -> Any:
        """Writes new classes into some rows of labels. The format and the dtype do not change.

        Args:
            labels: Labels in the user's format.
            rows: int32 (k,).
            classes: int32 (k, *label_shape).
            only_mixed: Whether to leave rows with a single class unchanged, bit for bit. Defaults to False.
        """
        raise NotImplementedError

    def to_generate(self, labels: Any) -> np.ndarray:
        """Checks labels passed to `generate` and converts them to an int32 array (n, *label_shape)."""
        raise NotImplementedError

    def draw(self, number: Any, seed: Any) -> tf.Tensor:
        """Draws labels uniformly, int32 (number, *label_shape)."""
        return self.zeros(number)

    def mismatch(self, labels: tf.Tensor, seed: Any) -> tf.Tensor:
        """Draws labels that differ from the given ones, uniformly. With several attributes, one of them differs."""
        raise NotImplementedError

    def groups(self, labels: Any) -> tf.Tensor:
        """A number for each image, int32 (batch,), which is equal only for equal labels."""
        return labels

    def by_attribute(self, logits: tf.Tensor, labels: tf.Tensor) -> list[tuple]:
        """Splits logits (batch, sum(sizes)) and int32 labels into pairs (batch, size), (batch,), one for each attribute."""
        columns = tf.unstack(labels, axis=1) if self.label_shape else [labels]
        return [*zip(tf.split(logits, list(self.sizes), axis=1), columns, strict=True)]

    def cross_entropy(self, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The mean cross-entropy of logits (batch, sum(sizes)) and int32 labels, summed over the attributes."""
        pairs = self.by_attribute(tf.cast(logits, tf.float32), labels)
        return tf.add_n([tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, x)) for x, y in pairs])

    # Which labels were in the training data.

    @property
    def seen_shape(self) -> tuple | None:
        """Shape of the table of labels seen in training. None without labels."""
        return None

    def seen_in(self, labels: tf.Tensor) -> tf.Tensor:
        """The table for these int32 labels, float32: 1 where a label occurs."""
        raise NotImplementedError

    def unseen(self, table: np.ndarray) -> tuple:
        """The labels that a table lacks: class indices, or mappings from attribute to value."""
        return ()

    def extrapolates(self, labels: np.ndarray, unseen: tuple) -> list:
        """Those of the int32 labels that contain something unseen, without duplicates."""
        return sorted(set(np.unique(labels).tolist()) & set(unseen))


class Unconditional(Condition):
    """No labels."""

    def to_generate(self, labels: Any) -> np.ndarray:
        if isinstance(labels, bool) or not isinstance(labels, (int, np.integer)) or labels < 0:
            raise ValueError(
                "`labels` of an unconditional model is the number of images, an integer of at least 0. "
                f"Received: labels={labels!r}"
            )
        return np.zeros([labels], np.int32)


class AnyLabels(Unconditional):
    """Labels of any kind. Nothing depends on them."""

    labels_pass = True

    @property
    def description(self) -> dict[str, Any]:
        return {**super().description, "labels": "any"}
