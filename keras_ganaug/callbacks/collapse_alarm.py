"""Warns when the samples of a class collapse."""

import copy
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_ganaug import _checks, metrics
from keras_ganaug.callbacks.gan_callback import GANCallback
from keras_ganaug.datasets import streams


class CollapseAlarm(GANCallback):
    """Monitors the diversity of samples within each class, relative to that of real images.

    Diversity is the mean pixel distance between two images of the same class. Without classes it is taken over any two
    images, with attributes over two images of the same combination. The callback logs the lowest diversity of all classes as
    `diversity`. It warns once about each class that falls below a threshold, and again after a recovery.

    Args:
        images: Real images in the GAN's `value_range`, array of shape (n, height, width, channels).
        labels: Their labels, in the format of `fit`. None for a GAN without classes. Defaults to None.
        threshold: Share of the real diversity below which a class counts as collapsed, above 0 and below 1. Defaults to 0.5.
        stop: Whether to stop the training when a class collapses. Defaults to False.
        every: Number of epochs between two checks, at least 1. Defaults to 1.
        samples: Number of images generated for each class, at least 2. Defaults to 32.

    Raises:
        ValueError: For a number out of its range, or if no class has two images. At the start of `fit`, for images and
            labels that do not fit the GAN. During training, for samples that are not finite.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> images, labels = np.random.randint(0, 256, [32, 8, 8, 1], "uint8"), np.arange(32) % 2
    >>> alarm = kga.callbacks.CollapseAlarm(images, labels, stop=True)  # gan.fit(..., callbacks=[alarm])
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: Any = None,
        threshold: float = 0.5,
        stop: bool = False,
        every: int = 1,
        samples: int = 32,
    ):
        super().__init__(every)
        self.threshold, self.stop = _checks.positive(threshold, "threshold"), _checks.boolean(stop, "stop")
        self.samples = _checks.positive_int(samples, "samples")
        if threshold >= 1:
            raise ValueError(f"`threshold` must be below 1. Received: threshold={threshold!r}")
        if samples < 2:
            raise ValueError(f"`samples` must be at least 2, to measure a distance. Received: samples={samples!r}")
        if len(np.shape(images)) != 4:
            raise ValueError(
                f"`images` must be an array of shape (n, height, width, channels). Received: shape {np.shape(images)}"
            )
        self.images, self.labels = images, labels
        parts = [*labels.values()] if isinstance(labels, Mapping) else [np.zeros(len(images)) if labels is None else labels]
        if any(len(part) != len(images) for part in parts):
            raise ValueError(f"`labels` must be one for each of {len(images)} images. Received: {[*map(len, parts)]}")
        if len(images) == 0 or np.unique(np.column_stack(parts), axis=0, return_counts=True)[1].max() < 2:
            raise ValueError(
                f"`images` must contain two of a class, to measure a distance. Received: {len(images)} images, no two of a "
                "class"
            )
        self._collapsed: set[int] = set()

    def set_model(self, model):
        super().set_model(model)
        images, labels = streams.arrays(self.images, self.labels, model)
        labels = np.zeros(len(images), np.int32) if labels is None else labels
        # All classes; with several attributes, only the combinations in the data.
        classes = labels if model.condition.label_shape else np.r_[np.arange(model.num_classes or 1), labels]
        self._classes, index = np.unique(classes, axis=0, return_inverse=True)
        self._real = metrics.within_class_diversity(images, index.ravel()[-len(images) :], len(self._classes))

    def diversity(self) -> np.ndarray:
        """The diversity of each class's samples as a share of the real one. NaN for classes without two images."""
        rows = np.repeat(np.flatnonzero(np.isfinite(self._real)), self.samples)
        images = self.model.generate(self._classes[rows] if self.model.condition.conditional else len(rows), seed=0)
        return metrics.within_class_diversity(images, rows, len(self._classes)) / np.maximum(self._real, 1e-12)

    def shares(self, class_names: Any = None) -> dict[str, float]:
        """`diversity` as a dict with names.

        Args:
            class_names: See `SampleGrid`. Defaults to None: those of the GAN, otherwise numbers.

        Returns a mapping from the name of a class, or the names of a combination of values, to its share. Without classes
        the key is "all".
        """
        condition = copy.copy(self.model.condition).named(class_names)
        names = [", ".join(condition.label_names(label)) or "all" for label in self._classes]
        return dict(zip(names, self.diversity().tolist()))

    def _name(self, label):
        condition = self.model.condition
        names = condition.label_names(label)
        if condition.label_shape:
            names = [f"{attribute} {name}" for attribute, name in zip(condition.num_classes, names)]
        return f"class {', '.join(names)}" if condition.conditional else "the samples"

    def on_epoch_end(self, epoch, logs=None):
        if not self.due(epoch):
            return
        shares = self.diversity()
        if logs is not None:
            logs["diversity"] = float(np.nanmin(shares))
        now = {int(c) for c in np.flatnonzero(shares < self.threshold)}
        for c in sorted(now - self._collapsed):
            warnings.warn(
                f"Epoch {epoch + 1}: {self._name(self._classes[c])} collapsed: two samples differ by {100 * shares[c]:.0f}% "
                f"of what two real images do (threshold {100 * self.threshold:.0f}%).",
                stacklevel=2,
            )
        self._collapsed = now
        if now and self.stop:
            self.model.stop_training = True
