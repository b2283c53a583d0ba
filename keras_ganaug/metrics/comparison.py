"""All metrics of a set of samples at once, with the features that they are of."""

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
        real: Real images, array of shape (n, height, width, channels). Not those on which the network was trained.
        fake: As many generated images, if Fréchet distances are to be compared with one another.
        features: `Features`, of which there are `classifier_features`, `features_of`, `random_features` and
            `inception_features`.
        k: Of `precision_recall_density_coverage`. Defaults to 5.
        seed: Of `kernel_distance`. Defaults to 0.

    It needs scikit-learn.

    Returns a dict: `features`, the stamp of the network; `real` and `fake`, how many images; `frechet`, `kernel`,
    `precision`, `recall`, `density` and `coverage`.

    Raises:
        TypeError, ValueError: For what is no `Features`, or for images that do not fit or are not finite. Sets of images
            that look scaled differently, or otherwise than the network takes them, are warned of.

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
