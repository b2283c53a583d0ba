"""A warning when a class collapses."""

import warnings

import numpy as np

from keras_ganaug import _checks, _watch, metrics
from keras_ganaug.callbacks.gan_callback import GANCallback
from keras_ganaug.datasets import streams as training_data


class CollapseAlarm(GANCallback):
    """Watches the diversity of the samples within each class, relative to that of the real images.

    Diversity is the mean distance of two images of a class, in pixels; for a GAN without classes, of any two images. Logs
    the lowest of all classes as `diversity`, and warns of each class that falls below a threshold, once, until it recovers.

    Args:
        images: Real images in the GAN's `value_range`, array of shape (n, height, width, channels).
        labels: Their class indices, integers of shape (n,). None for a GAN without classes. Defaults to None.
        threshold: Share of the real diversity below which a class counts as collapsed, above 0 and below 1. Defaults to 0.5.
        stop: Whether to stop the training then. Defaults to False.
        every: Epochs from one look to the next, at least 1. Defaults to 1.
        samples: Images that are generated for each class, at least 2. Defaults to 32.

    Raises:
        ValueError: For a number out of its range, or images of which no class has two; when `fit` begins, for images and
            labels that do not fit the GAN. In training, for samples that are not finite.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> images, labels = np.random.randint(0, 256, [32, 8, 8, 1], "uint8"), np.arange(32) % 2
    >>> alarm = kga.callbacks.CollapseAlarm(images, labels, stop=True)  # gan.fit(..., callbacks=[alarm])
    """

    def __init__(self, images, labels=None, threshold=0.5, stop=False, every=1, samples=32):
        super().__init__()
        self.threshold = _checks.positive(threshold, "threshold")
        if threshold >= 1:
            raise ValueError(f"`threshold` must be below 1. Received: threshold={threshold!r}")
        self.stop, self.every = _checks.boolean(stop, "stop"), _checks.positive_int(every, "every")
        self.samples = _checks.positive_int(samples, "samples")
        if samples < 2:
            raise ValueError(f"`samples` must be at least 2, for a distance. Received: samples={samples!r}")
        if len(np.shape(images)) != 4:
            raise ValueError(
                f"`images` must be an array of shape (n, height, width, channels). Received: shape {np.shape(images)}"
            )
        self._conditional = labels is not None
        self.images, self.labels = images, np.asarray(labels) if self._conditional else np.zeros(len(images), int)
        if len(self.labels) != len(images):
            raise ValueError(f"`labels` must be one for each of {len(images)} images. Received: {len(self.labels)}")
        if len(images) == 0 or np.unique(self.labels, axis=0, return_counts=True)[1].max() < 2:
            raise ValueError(
                f"`images` must contain two of a class, for a distance. Received: {len(images)} images, no two of a class"
            )
        self._collapsed = set()

    def set_model(self, model):
        super().set_model(model)
        if self._conditional != (model.num_classes is not None):
            raise ValueError(
                f"`labels` must be given for a GAN with classes, and for no other. Received: labels "
                f"{'given' if self._conditional else 'None'}, num_classes={model.num_classes}"
            )
        images, labels = training_data.arrays(self.images, self.labels if self._conditional else None, model)
        self.num_classes = model.num_classes or 1
        labels = np.zeros(len(images), int) if labels is None else labels
        self._real = metrics.within_class_diversity(images, labels, self.num_classes)

    def diversity(self):
        """The share of the real diversity that each class's samples have; NaN for a class of fewer than two real images."""
        labels = np.repeat(np.flatnonzero(np.isfinite(self._real)), self.samples)
        images = self.model.generate(labels if self._conditional else len(labels), seed=0)
        _watch.not_finite(images, "generator")
        return metrics.within_class_diversity(images, labels, self.num_classes) / np.maximum(self._real, 1e-12)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        shares = self.diversity()
        if logs is not None:
            logs["diversity"] = float(np.nanmin(shares))
        now = {int(c) for c in np.flatnonzero(shares < self.threshold)}
        for c in sorted(now - self._collapsed):
            which = f"class {c}" if self._conditional else "the samples"
            warnings.warn(
                f"Epoch {epoch + 1}: {which} collapsed: two samples differ by {100 * shares[c]:.0f}% of what two real "
                f"images do (threshold {100 * self.threshold:.0f}%).",
                stacklevel=2,
            )
        self._collapsed = now
        if now and self.stop:
            self.model.stop_training = True
