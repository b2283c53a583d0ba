"""Warnings about the batches that an augmentation is given."""

import warnings
from typing import Any

from keras_ganaug import _watch
from keras_ganaug.augmentation.rows import count


class BatchWatch:
    """Warns once about a batch on another scale than `value_range`, and once if no row of a batch is replaced.

    It does not hold the generator: TensorFlow keeps what a graph calls in Python for ever.

    Args:
        fraction: Fraction of each batch that is replaced.
        value_range: (lowest, highest) value of the images.
    """

    def __init__(self, fraction: float, value_range: tuple[float, float]):
        self.fraction, self.scale = fraction, _watch.ScaleWatch(value_range, "make the augmentation")
        self._size_is_settled = False

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing more to look for."""
        return not self.fraction or (self.scale.told and self._size_is_settled)

    def look(self, images: Any) -> None:
        """Checks concrete images."""
        if len(images):
            self.scale.look(images)
            self.look_at_size(len(images))

    def look_at_size(self, batch_size: int) -> None:
        """Warns once if the first batch is so small that no row is replaced. Later ones may be smaller."""
        if self._size_is_settled or not self.fraction or not batch_size:
            return
        self._size_is_settled = True
        if not count(self.fraction, batch_size):
            warnings.warn(
                f"`fraction` of a batch rounds to no row, so nothing is augmented: {self.fraction:g} * {batch_size} rounds "
                f"to 0. Use larger batches, or a `fraction` above {0.5 / batch_size:g}. Received: "
                f"fraction={self.fraction:g} for batches of {batch_size}",
                stacklevel=3,
            )
