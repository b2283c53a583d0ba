"""Whether samples are copies of training images."""

import numpy as np

from keras_ganaug import _checks, _extras
from keras_ganaug.metrics._inputs import feature_sets, warn_of_scales
from keras_ganaug.metrics.manifold import nearest_distances


def memorization(training: np.ndarray, held_out: np.ndarray, fake: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Whether samples are nearer to the images a GAN was trained on than to others of the same kind.

    Real images that were held out are as new to the generator as the world is. If it has learned the distribution, half of
    its samples have their nearest neighbour among as many training images, half among the held-out ones; if it copies, more
    of them are nearer to training images. It needs scikit-learn.

    Args:
        training: Features (or flattened pixels) of the images that the GAN was trained on, float array (n, d).
        held_out: Features of real images that it has not seen, (m, d). The larger of the two sets is cut to the size of the
            smaller one, at random.
        fake: Features of samples, (k, d).
        seed: Integer, of that choice. Defaults to 0.

    Returns a dict: `nearer_to_training`, the share of samples that are nearer to a training image (a tie counts half);
    `p_value`, the chance of a share at least as large if samples were nearer to neither (one-sided binomial test, which
    leaves ties out); `distance_ratio`, the median over samples of the distance to the nearest training image over that
    to the nearest held-out image, 1 without memorisation and towards 0 with copies.

    Raises:
        ValueError: For arrays of other shapes, or values that are not finite. Sets that look scaled differently are warned
            of.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug import metrics
    >>> training, held_out = np.random.default_rng(0).normal(size=[2, 300, 4])
    >>> metrics.memorization(training, held_out, training + 0.01)["nearer_to_training"]
    1.0
    """
    training, held_out, fake = feature_sets(training=training, held_out=held_out, fake=fake)
    warn_of_scales(training=training, held_out=held_out)
    warn_of_scales(training=training, fake=fake)
    rng = np.random.default_rng(_checks.non_negative_int(seed, "seed"))
    size = min(len(training), len(held_out))
    training, held_out = (of[rng.permutation(len(of))[:size]] if len(of) > size else of for of in (training, held_out))
    to_training, to_held_out = nearest_distances(fake, training), nearest_distances(fake, held_out)
    nearer, ties = to_training < to_held_out, to_training == to_held_out
    binomial = _extras.load("scipy.stats").binom((~ties).sum(), 0.5)
    return {
        "nearer_to_training": float((nearer + 0.5 * ties).mean()),
        "p_value": float(binomial.sf(nearer.sum() - 1)),  # of so many or more
        "distance_ratio": float(np.median((to_training + 1e-12) / (to_held_out + 1e-12))),
    }
