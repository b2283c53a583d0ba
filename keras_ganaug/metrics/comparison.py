"""Computes all metrics of a set of samples, and names the features that they are based on."""

import numpy as np

from keras_ganaug.metrics._inputs import warn_of_scales
from keras_ganaug.metrics.distances import frechet_distance, kernel_distance
from keras_ganaug.metrics.features import Features
from keras_ganaug.metrics.manifold import precision_recall_density_coverage


def compare(
    real: np.ndarray, fake: np.ndarray, features: Features, k: int = 5, seed: int = 0
) -> dict[str, str | int | float]:
    """Compares samples with real images in the features of one network.

    Args:
        real: Real images, array of shape (n, height, width, channels), that the network was not trained on.
        fake: Generated images. Use the same number of images if you want to compare Fréchet distances with each other.
        features: A `Features` object from `classifier_features`, `features_of`, `random_features` or `inception_features`.
        k: See `precision_recall_density_coverage`. Defaults to 5.
        seed: See `kernel_distance`. Defaults to 0.

    Needs scikit-learn.

    Returns a dict: `features`, the stamp of the network; `real` and `fake`, the numbers of images; `frechet`, `kernel`,
    `precision`, `recall`, `density` and `coverage`.

    Raises:
        TypeError, ValueError: If `features` is not a `Features` object, or for images that do not fit or are not finite.
            Sets of images that seem to be on different scales, or on another scale than the network expects, give a warning.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug import metrics
    >>> real, fake = np.random.default_rng(0).integers(0, 256, [2, 50, 8, 8, 1])
    >>> result = metrics.compare(real, fake, metrics.random_features((8, 8, 1), seed=1))
    >>> list(result)
    ['features', 'real', 'fake', 'frechet', 'kernel', 'precision', 'recall', 'density', 'coverage']
    """
    if not isinstance(features, Features):
        raise TypeError(f"`features` must be a Features object, as metrics.random_features gives. Received: {features!r}")
    real, fake = features.checked(real, "real"), features.checked(fake, "fake")
    if not warn_of_scales(real=real, fake=fake):
        features.look(real)
    real, fake = features.of(real), features.of(fake)
    return {
        "features": features.stamp,
        "real": len(real),
        "fake": len(fake),
        "frechet": frechet_distance(real, fake),
        "kernel": kernel_distance(real, fake, seed=seed),
        **precision_recall_density_coverage(real, fake, k),
    }
