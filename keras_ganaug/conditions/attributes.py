"""Several attributes: labels hold one class index for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _random
from keras_ganaug.conditions import names
from keras_ganaug.conditions.condition import Condition, encode
from keras_ganaug.conditions.one_class import OneClass, class_indices


class Attributes(Condition):
    """Several attributes. Labels are a mapping from name to labels (see `OneClass`), or integers (batch, k) in its order.

    Args:
        num_classes: Mapping from the name of each attribute to its number of values.
        class_names: Mapping from attribute to the names of its values. Defaults to None: no names.
    """

    def __init__(self, num_classes: Mapping[str, int], class_names: Any = None):
        self.num_classes, self.sizes = dict(num_classes), tuple(num_classes.values())
        self.names, self.label_shape = tuple(num_classes), (len(num_classes),)
        self.named(class_names)

    def named(self, class_names: Any) -> Attributes:
        if class_names is not None:
            if not (isinstance(class_names, Mapping) and class_names and set(class_names) <= set(self.names)):
                raise ValueError(
                    f"`class_names` must be a mapping from attributes among {list(self.names)} to the names of their "
                    f"values. Received: class_names={class_names!r}"
                )
            made = {name: names.checked(each, self.num_classes[name], name) for name, each in class_names.items()}
            self.class_names = {name: made[name] for name in self.names if name in made}
        return self

    def label_names(self, label: Any) -> tuple[str, ...]:
        return tuple(self.attribute(name).label_names(value)[0] for name, value in zip(self.names, label, strict=True))

    def attribute(self, name: str) -> OneClass:
        """The condition of a single attribute."""
        return OneClass(self.num_classes[name], f"labels[{name!r}]", (self.class_names or {}).get(name))

    def _parts(self, labels):
        """The labels of each attribute, in any format, as pairs of its condition and its labels."""
        if isinstance(labels, Mapping):
            return [(self.attribute(name), labels[name]) for name in self.names]
        return [(self.attribute(name), labels[:, n]) for n, name in enumerate(self.names)]

    def _by_name(self, labels):
        """The labels. A pandas.DataFrame becomes a mapping."""
        columns = getattr(labels, "columns", ())
        if len(columns) and all(isinstance(name, str) for name in columns):
            return {name: labels[name] for name in columns}
        return labels

    def arrays(self, labels: Any) -> Any:
        labels = self._by_name(labels)
        if isinstance(labels, Mapping):
            return {name: _checks.array(part, f"labels[{name!r}]") for name, part in labels.items()}
        return super().arrays(labels)

    def check(self, labels: Any) -> None:
        expected = (
            f"`labels` must be a mapping from each of {list(self.names)} to class indices, or integers of shape "
            f"(batch, {len(self.names)}) in that order"
        )
        if isinstance(labels, Mapping):
            if set(labels) != set(self.names):
                raise ValueError(f"{expected}. Received: the keys {sorted(labels, key=str)}")
            for condition, part in self._parts(labels):
                condition.check(part)
            return
        shape, dtype = tf.TensorShape(labels.shape), tf.as_dtype(labels.dtype)
        if shape.rank != 2 or shape[1] != len(self.names) or not (dtype.is_integer or dtype.is_floating):
            raise ValueError(f"{expected}. Received: dtype {dtype.name}, shape {shape}")

    def check_values(self, labels: Any) -> None:
        for condition, part in self._parts(labels):
            condition.check_values(part)

    def assertions(self, labels: Any) -> list:
        return [each for condition, part in self._parts(labels) for each in condition.assertions(tf.convert_to_tensor(part))]

    def indices(self, labels: Any) -> Any:
        if not isinstance(labels, Mapping):
            labels = tf.convert_to_tensor(labels)
        return tf.stack([condition.indices(part) for condition, part in self._parts(labels)], axis=1)

    def write(self, labels: Any, rows: tf.Tensor, classes: tf.Tensor, only_mixed: bool = False) -> Any:
        parts = self._parts(labels)
        new = [condition.write(part, rows, classes[:, n], only_mixed) for n, (condition, part) in enumerate(parts)]
        return dict(zip(self.names, new)) if isinstance(labels, Mapping) else tf.stack(new, axis=1)

    def to_generate(self, labels: Any) -> np.ndarray:
        labels = self._by_name(labels)
        if isinstance(labels, Mapping):
            named = self.class_names or {}
            labels = {n: names.as_indices(part, named.get(n), f"labels[{n!r}]") for n, part in labels.items()}
        labels = self.arrays(labels)
        if not isinstance(labels, Mapping):
            labels = labels.reshape(0, len(self.names)).astype(np.int32) if labels.size == 0 else labels
            self.check(labels)
            labels = {name: labels[:, n] for n, name in enumerate(self.names)}
        self.check({name: np.atleast_1d(part) for name, part in labels.items()})
        lengths = {part.shape[0] for part in labels.values() if part.ndim}
        if len(lengths) > 1:
            raise ValueError(f"`labels` must be equally many for each attribute. Received: {sorted(lengths)}")
        number = next(iter(lengths), 1)  # a single value applies to all images
        labels = {name: np.broadcast_to(part, [number]) if not part.ndim else part for name, part in labels.items()}
        parts = [class_indices(labels[name], size, f"labels[{name!r}]") for name, size in self.num_classes.items()]
        return np.stack(parts, axis=1)

    def draw(self, number: Any, seed: Any) -> tf.Tensor:
        draws = [_random.integers([number], _random.fold(seed, n), 0, size) for n, size in enumerate(self.sizes)]
        return tf.stack(draws, axis=1)

    def mismatch(self, labels: tf.Tensor, seed: Any) -> tf.Tensor:
        number = tf.shape(labels)[0]
        several = [n for n, size in enumerate(self.sizes) if size > 1]
        which = tf.gather(several, _random.integers([number], _random.fold(seed, len(self.sizes)), 0, len(several)))
        shifts = [_random.integers([number], _random.fold(seed, n), 1, max(size, 2)) for n, size in enumerate(self.sizes)]
        shift = tf.stack(shifts, axis=1) * tf.one_hot(which, len(self.sizes), dtype=tf.int32)
        return (labels + shift) % tf.constant(self.sizes)

    def groups(self, labels: Any) -> tf.Tensor:
        bases = [size | 1 for size in self.sizes[:0:-1]]  # odd, so that no product overflows to 0 as an int32
        strides = np.cumprod([1, *bases], dtype=np.uint32)[::-1].astype(np.int32)
        return tf.reduce_sum(labels * strides, axis=1)

    @property
    def seen_shape(self) -> tuple | None:
        return (sum(self.sizes), sum(self.sizes))  # values that were seen together; on the diagonal, values seen at all

    def seen_in(self, labels: tf.Tensor) -> tf.Tensor:
        rows = encode(labels, self.sizes)
        return tf.cast(tf.matmul(rows, rows, transpose_a=True) > 0, tf.float32)

    def unseen(self, table: np.ndarray) -> tuple:
        values = [(n, value) for n, size in enumerate(self.sizes) for value in range(size)]
        table, found = np.asarray(table) > 0, []
        for (n, one), (m, other) in zip(*((values[i] for i in part) for part in np.nonzero(~table)), strict=True):
            single = n == m and one == other
            i, j = (values.index(each) for each in ((n, one), (m, other)))
            if single or (n < m and table[i, i] and table[j, j]):
                found.append({self.names[n]: one, self.names[m]: other})
        return tuple(sorted(found, key=len))

    def extrapolates(self, labels: np.ndarray, unseen: tuple) -> list:
        rows = [dict(zip(self.names, row, strict=True)) for row in np.unique(labels, axis=0).tolist()]
        return [row for row in rows if any(part.items() <= row.items() for part in unseen)]
