"""An attack on a generator: which images was it trained on?"""

import numpy as np

from keras_ganaug.metrics._inputs import image_sets, warn_of_scales
from keras_ganaug.metrics.memorization import nearest_shifted


def membership_inference(training: np.ndarray, held_out: np.ndarray, fake: np.ndarray, shift: int = 0) -> dict[str, float]:
    """How well samples tell the images that a GAN was trained on from others. 0.5 is chance.

    The attacker has samples, and real images of which some were trained on. The closer the nearest sample is to an image,
    the more the attacker believes that it was. The area under the ROC curve (AUC) is the probability that a training image
    is nearer to its nearest sample than a held-out one. It grows with the number of samples. Other attacks, with the
    discriminator or the gradients, may tell more. Needs scikit-learn.

    References: Chen et al. 2020, GAN-Leaks: A Taxonomy of Membership Inference Attacks against Generative Models; DeLong et
    al. 1988, Comparing the Areas under Two or More Correlated Receiver Operating Characteristic Curves.

    Args:
        training: Features (or flattened pixels) of images that the GAN was trained on, float array (n, d).
        held_out: Features of real images that it has not seen, (m, d).
        fake: Features of samples, (k, d).
        shift: Number of pixels, in each direction, by which a copy may be shifted. Above 0, all sets must be images, (n,
            height, width, channels). Defaults to 0.

    Returns a dict: `auc`, and `low` and `high`, the ends of its interval of 95%, by DeLong's variance: a single point if all
    training images are nearer than all others, or none is.

    Raises:
        ValueError: For arrays of other shapes, or values that are not finite. Sets that seem to be on different scales give
            a warning.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug import metrics
    >>> training, held_out = np.random.default_rng(0).normal(size=[2, 300, 4])
    >>> round(metrics.membership_inference(training, held_out, training + 0.01)["auc"], 2)
    1.0
    """
    shape = np.shape(fake)[1:]
    training, held_out, fake = image_sets(shift, training=training, held_out=held_out, fake=fake)
    warn_of_scales(training=training, held_out=held_out)
    warn_of_scales(training=training, fake=fake)
    seen, unseen = (nearest_shifted(real, fake, shape, shift)[0] for real in (training, held_out))
    wins = _shares(np.sort(unseen), seen)  # for each training image, the share of held-out ones that are farther away
    losses = 1.0 - _shares(np.sort(seen), unseen)
    auc = float(wins.mean())
    half = 1.959964 * float(np.sqrt(wins.var(ddof=1) / len(wins) + losses.var(ddof=1) / len(losses)))
    return {"auc": auc, "low": max(auc - half, 0.0), "high": min(auc + half, 1.0)}


def _shares(others: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each value, the share of sorted others above it. Equal ones count half."""
    left, right = (np.searchsorted(others, values, side) for side in ("left", "right"))
    return 1.0 - (left + right) / (2.0 * len(others))
