"""A Gaussian mixture per class: the cheap baseline that a GAN must beat."""

from __future__ import annotations

import warnings
from statistics import NormalDist
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _extras, _random, _watch, conditions
from keras_ganaug.generators.generator import Generator

_IMAGES = 5  # minimum number of images for each Gaussian
_GAIN = 0.1  # gain in mean log-likelihood below which a fit ends: that of other images no longer rises
_REGULARISATION = 1e-3  # added to each variance, as a fraction of the mean variance of the components


class ClassMixture(Generator):
    """Fits a Gaussian mixture to the images of each class, in the space of their principal components.

    It is the cheap baseline that a GAN must beat: if its samples help a classifier as much, you need no GAN. The principal
    components come from the images of all classes together, the covariances are full, and samples are clipped to the value
    range. Details that the components leave out are missing from the samples, so they are smoother than real images.

    A class with few images gets fewer Gaussians: one for every 5 distinct images, at least one. A thousandth of the mean
    variance of the components is added to each variance. A class without images cannot be generated. You can use it wherever
    a generator is accepted. In a `.keras` file it is stored as a SavedModel, so the file loads only with `safe_mode=False`.
    Fitting needs scikit-learn, sampling only TensorFlow.

    Reference: Richardson and Weiss 2018, On GANs and GMMs.

    Args:
        images: Array of shape (n, height, width, channels), in `value_range`.
        labels: Class indices (n,).
        num_classes: Number of classes. Defaults to None: the highest class in `labels` plus 1.
        value_range: (lowest, highest) value of the images. Defaults to (0, 255).
        components: Number of principal components, or as many as there are. Defaults to 50.
        mixtures: Maximum number of Gaussians per class; 1 gives a single Gaussian. Defaults to 30.
        seed: Integer of at least 0, the seed of the fit. Defaults to 0.

    Raises:
        ValueError, TypeError: For an argument out of its range, or images and labels that do not fit.
        ImportError: If scikit-learn is not installed.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> from keras_ganaug.generators import ClassMixture
    >>> images = np.random.default_rng(0).integers(0, 256, [60, 8, 8, 1])
    >>> mixture = ClassMixture(images, np.arange(60) % 3, components=10, mixtures=2)
    >>> mixture.generate([0, 2], seed=1).shape
    (2, 8, 8, 1)
    >>> augment = kga.gan_augment(mixture, fraction=0.25, bank_size=60, seed=1)
    """

    def __init__(
        self,
        images: Any,
        labels: Any,
        num_classes: int | None = None,
        value_range: tuple[float, float] = (0, 255),
        components: int = 50,
        mixtures: int = 30,
        seed: int = 0,
    ):
        self.value_range = _checks.value_range(value_range)
        components, mixtures = _checks.positive_int(components, "components"), _checks.positive_int(mixtures, "mixtures")
        seed = _checks.non_negative_int(seed, "seed")
        size = None if num_classes is None else _checks.positive_int(num_classes, "num_classes")
        images, labels = _checks.array(images, "images"), conditions.class_indices(labels, size)
        if images.ndim != 4 or not len(images) or len(images) != len(labels):
            raise ValueError(
                "`images` must be an array of shape (n, height, width, channels) with at least one image, and a label for "
                "each. "
                f"Received: shape {images.shape} for {len(labels)} labels"
            )
        rows = images.reshape(len(images), -1).astype(np.float32)
        if not np.isfinite(rows).all() or not np.ptp(rows, axis=0).any():
            raise ValueError(
                f"`images` must be finite, and not all of them equal. Received: values from {rows.min():g} to {rows.max():g}"
            )
        _watch.ScaleWatch(self.value_range, "make the ClassMixture").look(images)
        self.condition = conditions.OneClass(int(labels.max()) + 1 if size is None else size)
        self.image_shape = tuple(images.shape[1:])
        self.missing_classes = tuple(np.setdiff1d(np.arange(self.num_classes), labels).tolist())
        self.unseen_classes = self.missing_classes
        decomposition, mixture = (_extras.load(f"sklearn.{name}", "ClassMixture") for name in ("decomposition", "mixture"))
        pca = decomposition.PCA(min(components, *rows.shape), random_state=_random.derived(seed))
        rows = pca.fit_transform(rows).astype(np.float64)
        scale = np.sqrt(pca.explained_variance_.mean())
        with _extras.load("threadpoolctl").threadpool_limits(1):  # for small matrices threads only wait for each other
            fits = [
                _fitted(rows[labels == label] / scale, mixtures, mixture.GaussianMixture, _random.derived(seed, label))
                for label in range(self.num_classes)
            ]
        tables = [
            np.stack([_padded(part, max(len(fit[0]) for fit in fits)) for part in parts])
            for parts in zip(*fits, strict=True)
        ]
        self.variables = [tf.constant(table, tf.float32) for table in (*tables, pca.components_ * scale, pca.mean_)]
        self.latent_dim = len(pca.components_) + 1

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        edges, *_, basis, _ = self.variables
        labels = self.existing(labels)
        number = tf.shape(labels)[0]
        position = _random.uniform([number], _random.fold(seed, 1))
        latents = _random.normal([number, len(basis)], _random.fold(seed, 0)) * truncation
        return self._made(labels, position, edges, latents)

    def from_latents(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Generates images from given latents. The last number of the latents chooses the Gaussian."""
        inverse = NormalDist().inv_cdf
        edges = np.vectorize(lambda edge: inverse(edge) if edge < 1 else np.inf)(self.variables[0].numpy())
        return self._made(labels, latents[:, -1], edges.astype(np.float32), latents[:, :-1])

    def _made(self, labels, position, edges, latents):
        """Images from the latents, with the Gaussians whose edges enclose the positions (n,)."""
        _, means, factors, basis, centre = self.variables
        place = tf.reduce_sum(tf.cast(position[:, None] >= tf.gather(edges, labels), tf.int32), axis=1)
        where = tf.stack([labels, place], axis=1)
        rows = tf.gather_nd(means, where) + tf.linalg.matvec(tf.gather_nd(factors, where), latents)
        return tf.clip_by_value(tf.reshape(rows @ basis + centre, [-1, *self.image_shape]), *self.value_range)


def _fitted(rows, mixtures, cls, seed):
    """A mixture as (upper edges of the cumulative weights, means, Cholesky factors of the covariances)."""
    size = rows.shape[1]
    mixtures = min(mixtures, len(np.unique(rows, axis=0)) // _IMAGES)
    if not len(rows):
        weights, means, covariances = np.ones(1), np.zeros([1, size]), np.eye(size)[None]
    elif mixtures <= 1:
        weights, means = np.ones(1), rows.mean(0, keepdims=True)
        covariances = ((rows - means).T @ (rows - means) / len(rows) + _REGULARISATION * np.eye(size))[None]
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a fit that has not converged
            fit = cls(mixtures, tol=_GAIN, reg_covar=_REGULARISATION, random_state=seed).fit(rows)
        weights, means, covariances = fit.weights_, fit.means_, fit.covariances_
    edges = np.append(np.cumsum(weights)[:-1], 2.0)  # nothing lies above the last
    return edges, means, np.linalg.cholesky(covariances)


def _padded(part, size):
    """Pads the rows of a mixture to `size` by repeating the last one."""
    return np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
