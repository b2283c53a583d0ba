"""The base of all conditions, and the one without labels."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks


def sizes_of(num_classes: int | Sequence[int] | Mapping[str, int]) -> tuple[int, ...]:
    """The number of values of each attribute, of whatever says it."""
    if isinstance(num_classes, Mapping):
        return tuple(num_classes.values())
    return tuple(num_classes) if isinstance(num_classes, Sequence) else (num_classes,)


def encode(labels: tf.Tensor, sizes: tuple[int, ...], dtype: Any = "float32") -> tf.Tensor:
    """One-hot rows of int32 labels, (batch, sum(sizes)): those of several attributes lie side by side.

    Args:
        labels: (batch,) of one size, or (batch, k) of k sizes.
        sizes: Number of values of each attribute.
        dtype: Of the rows. Defaults to "float32".
    """
    if labels.shape.rank == 1:
        return tf.one_hot(labels, sizes[0], dtype=dtype)
    return tf.concat([tf.one_hot(labels[:, n], size, dtype=dtype) for n, size in enumerate(sizes)], axis=1)


def at_least_one(labels: tf.Tensor) -> tf.Tensor:
    """int32 labels, or one where there are none: not every convolution takes an empty batch."""
    if labels.shape[0]:
        return labels
    return tf.pad(labels, [[0, tf.maximum(0, 1 - tf.shape(labels)[0])], *[[0, 0]] * (labels.shape.rank - 1)])


class Condition:
    """What a generator is conditioned on.

    Attributes:
        num_classes: As the user gives it: None, an integer, or a mapping from attribute to number of values.
        sizes: The number of values of each attribute, a tuple: () without labels, (None,) where nothing tells the number.
        label_shape: Shape of the label of one image within the package: () or (k,).
        labels_pass: Whether labels of any kind pass through a batch untouched, since nothing depends on them.
        class_names: Names of the classes, a tuple; of several attributes a mapping from those with names to such a tuple;
            None where they have no names.
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
        """The condition in plain values, for JSON."""
        names = {"class_names": self.class_names} if self.class_names else {}
        return {"conditional": self.conditional, "num_classes": self.num_classes, **names}

    def named(self, class_names: Any) -> Condition:
        """Itself, with these names of its classes, which are checked; None leaves it as it is."""
        if class_names is not None:
            raise ValueError(f"`class_names` needs a model with classes. Received: class_names={class_names!r}")
        return self

    def learn_names(self, class_names: Any) -> None:
        """Takes the names that training data have, where it has none and they fit; warns where it has others."""
        had = self.class_names
        try:
            learnt = copy.copy(self).named(class_names).class_names
        except ValueError:  # of other classes than these
            return
        if had and learnt != had:
            warnings.warn(
                f"`class_names` of the model stay, and the training data have others: its labels may mean other classes. "
                f"Received: class_names={had}, and {learnt} in the data",
                stacklevel=4,
            )
        self.class_names = had or learnt

    def label_names(self, label: Any) -> tuple[str, ...]:
        """The name of an int32 label (*label_shape), of several attributes one of each: its number where it has no name."""
        return ()

    def inputs(self, first: Any, labels: Any) -> Any:
        """The inputs of a network: latents or images, with their labels if there are any."""
        return [first, labels] if self.conditional else first

    def zeros(self, number: Any) -> tf.Tensor:
        """Labels of 0, int32 (number, *label_shape): without labels only how many there are counts."""
        return tf.zeros([number, *self.label_shape], tf.int32)

    def arrays(self, labels: Any) -> Any:
        """Labels in the user's format as NumPy arrays of numbers."""
        return _checks.array(labels, "labels")

    def check(self, labels: Any) -> None:
        """Checks dtypes and shapes of labels in the user's format: tensors, arrays or `tf.TensorSpec`s."""

    def check_values(self, labels: Any) -> None:
        """Checks the values of concrete labels that have passed `check`."""

    def assertions(self, labels: Any) -> list:
        """Operations that fail where the values of labels are wrong; XLA leaves them out."""
        return []

    def indices(self, labels: Any) -> Any:
        """int32 class indices (batch, *label_shape) of labels in the user's format; None without labels."""
        return None

    def write(self, labels: Any, rows: tf.Tensor, classes: tf.Tensor, only_mixed: bool = False) -> Any:
        """Labels in their own format and dtype, with new classes in some rows.

        Args:
            labels: Labels in the user's format.
            rows: int32 (k,).
            classes: int32 (k, *label_shape).
            only_mixed: Whether rows that are of one class already stay as they are, bit by bit. Defaults to False.
        """
        raise NotImplementedError

    def to_generate(self, labels: Any) -> np.ndarray:
        """The labels that `generate` is given, checked, as an int32 array (n, *label_shape)."""
        raise NotImplementedError

    def draw(self, number: Any, seed: Any) -> tf.Tensor:
        """Labels drawn uniformly, int32 (number, *label_shape)."""
        return self.zeros(number)

    def mismatch(self, labels: tf.Tensor, seed: Any) -> tf.Tensor:
        """Other labels than these, drawn uniformly; of several attributes one differs."""
        raise NotImplementedError

    def groups(self, labels: Any) -> tf.Tensor:
        """A number for each image that tells apart different labels, int32 (batch,)."""
        return labels

    def by_attribute(self, logits: tf.Tensor, labels: tf.Tensor) -> list[tuple]:
        """Logits (batch, size) and labels (batch,) of each attribute, of logits (batch, sum(sizes)) and int32 labels."""
        columns = tf.unstack(labels, axis=1) if self.label_shape else [labels]
        return [*zip(tf.split(logits, list(self.sizes), axis=1), columns, strict=True)]

    def cross_entropy(self, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The mean cross-entropy of logits (batch, sum(sizes)) and int32 labels, summed over the attributes."""
        pairs = self.by_attribute(tf.cast(logits, tf.float32), labels)
        return tf.add_n([tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, x)) for x, y in pairs])

    # Which labels were in the training data.

    @property
    def seen_shape(self) -> tuple | None:
        """Shape of the table of what was seen; None without labels."""
        return None

    def seen_in(self, labels: tf.Tensor) -> tf.Tensor:
        """The table of these int32 labels: 1 for what is there, float32."""
        raise NotImplementedError

    def unseen(self, table: np.ndarray) -> tuple:
        """What a table says was not seen: class indices, or mappings from attribute to value."""
        return ()

    def extrapolates(self, labels: np.ndarray, unseen: tuple) -> list:
        """Which of these int32 labels hold something that was not seen, each once."""
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
    """Labels of any kind, which nothing depends on."""

    labels_pass = True

    @property
    def description(self) -> dict[str, Any]:
        return {**super().description, "labels": "any"}
