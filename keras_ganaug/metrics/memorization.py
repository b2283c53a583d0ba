"""Detects samples that are copies of training images."""

import numpy as np

from keras_ganaug import _checks
from keras_ganaug.metrics._inputs import image_sets, warn_of_scales
from keras_ganaug.metrics.manifold import nearest

_DIVISIONS = 9999


def memorization(
    training: np.ndarray, held_out: np.ndarray, fake: np.ndarray, seed: int = 0, shift: int = 0
) -> dict[str, float]:
    """Tests whether samples are closer to the GAN's training images than to other real images.

    The generator has never seen held-out images. If it has learned the distribution, half of its samples have their nearest
    neighbour among the training images, and half among equally many held-out ones. If it copies, more samples are closer to
    training images. Needs scikit-learn.

    Args:
        training: Features (or flattened pixels) of the GAN's training images, float array (n, d).
        held_out: Features of real images that the GAN has not seen, (m, d). The larger of the two sets is randomly cut to
            the size of the smaller one.
        fake: Features of samples, (k, d).
        seed: Integer, for this random choice. Defaults to 0.
        shift: Number of pixels, in each direction, by which a copy may be shifted. Above 0, all sets must be images, (n,
            height, width, channels). Defaults to 0.

    Returns a dict: `nearer_to_training`, the share of samples that are closer to a training image (ties count half);
    `p_value`, the probability of a share at least as large if it did not matter which real images were trained on (one-sided
    permutation test with 9,999 random divisions of the real images, so at least 0.0001); `distance_ratio`, the median over
    samples of the distance to the nearest training image divided by that to the nearest held-out image: 1 without
    memorisation, towards 0 with copies.

    Raises:
        ValueError: For arrays of other shapes, or values that are not finite. Sets that seem to be on different scales give
            a warning.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug import metrics
    >>> training, held_out = np.random.default_rng(0).normal(size=[2, 300, 4])
    >>> metrics.memorization(training, held_out, training + 0.01)["nearer_to_training"]
    1.0
    """
    shape = np.shape(training)[1:]
    training, held_out, fake = image_sets(shift, training=training, held_out=held_out, fake=fake)
    warn_of_scales(training=training, held_out=held_out)
    warn_of_scales(training=training, fake=fake)
    rng = np.random.default_rng(_checks.non_negative_int(seed, "seed"))
    size = min(len(training), len(held_out))
    training, held_out = (of[rng.permutation(len(of))[:size]] if len(of) > size else of for of in (training, held_out))
    to_training, trained_on = nearest_shifted(fake, training, shape, shift)
    to_held_out, not_seen = nearest_shifted(fake, held_out, shape, shift)
    nearer, ties = to_training < to_held_out, to_training == to_held_out
    owners = np.where(nearer, trained_on, size + not_seen)[~ties]  # the nearest real image of each sample
    return {
        "nearer_to_training": float((nearer + 0.5 * ties).mean()),
        "p_value": _permutation_test(np.unique(owners, return_counts=True)[1], nearer.sum(), size, rng),
        "distance_ratio": float(np.median((to_training + 1e-12) / (to_held_out + 1e-12))),
    }


def nearest_shifted(x: np.ndarray, images: np.ndarray, shape: tuple[int, ...], shift: int) -> tuple[np.ndarray, np.ndarray]:
    """For each row of x, the distance to the nearest image in any of its places, float64 (n,), and its index, int64 (n,).

    Args:
        x: Flattened images, or features, (n, d).
        images: The same, (m, d).
        shape: The shape of an image.
        shift: Number of pixels by which it may be moved. Pixels of its border are repeated.
    """
    if not shift:
        return nearest(x, images)
    edges = [(0, 0), (shift, shift), (shift, shift), (0, 0)]
    padded = np.pad(images.reshape(-1, *shape), edges, "edge")
    places = range(2 * shift + 1)
    distances, indices = zip(
        *(
            nearest(x, padded[:, top : top + shape[0], left : left + shape[1]].reshape(len(images), -1))
            for top in places
            for left in places
        ),
        strict=True,
    )
    best = np.argmin(distances, 0)[None]
    return np.take_along_axis(np.stack(distances), best, 0)[0], np.take_along_axis(np.stack(indices), best, 0)[0]


def _permutation_test(counts, observed, size, rng):
    """The probability that a random half of 2 * size real images is nearest to at least as many samples as observed.

    Samples that share a nearest image are not independent: a division moves all of them at once. `counts` has the number of
    samples of each real image that is nearest to any.
    """
    total, left = np.zeros(_DIVISIONS), np.full(_DIVISIONS, size)
    for n, count in enumerate(counts):  # each image in turn is drawn into the half, without replacement
        drawn = rng.random(_DIVISIONS) * (2 * size - n) < left
        total += count * drawn
        left -= drawn
    return float((1 + (total >= observed).sum()) / (1 + _DIVISIONS))
