"""Adversarial losses: pure functions of logits.

Each loss is an object with `discriminator(real_logits, fake_logits)` and `generator(real_logits, fake_logits)`;
both return one float32 scalar to be minimised. Logits are real tensors of any shape and float dtype. The
module-level names (`minimax`, `nonsaturating`, `lsgan`, `wasserstein`, `hinge`, `relativistic`) are ready-made
instances.
"""

import math
import numbers

import keras
import tensorflow as tf


def _mean(values):
    return tf.reduce_mean(values)


def _float32(*logits):
    return [None if value is None else tf.cast(value, tf.float32) for value in logits]


class AdversarialLoss:
    """Base class of the two-player losses.

    Args:
        label_smoothing: One-sided label smoothing (Salimans et al. 2016): real images get the target
            `1 - label_smoothing`, fakes keep theirs. In [0, 0.5). Defaults to 0. Only losses that have a target
            accept another value.
    """

    has_targets = False
    """Whether real images have a target that can be smoothed."""
    relativistic = False
    """Whether the generator's loss looks at the real logits."""
    boundary = 0.0
    """The logit of an image that could as well be real as fake; None where logits mean nothing but by their differences."""

    def __init__(self, label_smoothing=0.0):
        number = isinstance(label_smoothing, numbers.Real) and not isinstance(label_smoothing, bool)
        if not number or not 0.0 <= label_smoothing < 0.5:
            raise ValueError(
                "`label_smoothing` must be a number of at least 0 and below 0.5. "
                f"Received: label_smoothing={label_smoothing!r}"
            )
        if label_smoothing and not self.has_targets:
            raise ValueError(
                f"`label_smoothing` needs a loss with targets; {type(self).__name__} has none. Expected: 0. "
                f"Received: label_smoothing={label_smoothing!r}"
            )
        self.label_smoothing = float(label_smoothing)

    def discriminator(self, real_logits, fake_logits):
        """The discriminator's loss, a float32 scalar."""
        raise NotImplementedError

    def generator(self, real_logits, fake_logits):
        """The generator's loss, a float32 scalar. `real_logits` may be None unless the loss is relativistic."""
        raise NotImplementedError

    def get_config(self):
        return {"label_smoothing": self.label_smoothing}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Minimax(AdversarialLoss):
    """The minimax value of Goodfellow et al. 2014, with logits in place of probabilities.

    D minimises -E log D(x) - E log(1 - D(G(z))), G minimises E log(1 - D(G(z))).

    Example:

    >>> import tensorflow as tf
    >>> from keras_ganaug import losses
    >>> zeros = tf.zeros([4])
    >>> print(f"{float(losses.minimax.discriminator(zeros, zeros)):.4f}")  # 2 log 2: D knows nothing
    1.3863
    """

    has_targets = True

    @property
    def boundary(self):
        return math.log((1.0 - self.label_smoothing) / (1.0 + self.label_smoothing))

    def discriminator(self, real_logits, fake_logits):
        real_logits, fake_logits = _float32(real_logits, fake_logits)
        s = self.label_smoothing
        real = (1.0 - s) * tf.nn.softplus(-real_logits) + s * tf.nn.softplus(real_logits)
        return _mean(real) + _mean(tf.nn.softplus(fake_logits))

    def generator(self, real_logits, fake_logits):
        (fake_logits,) = _float32(fake_logits)
        return -_mean(tf.nn.softplus(fake_logits))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class NonSaturating(Minimax):
    """Minimax for D; G maximises E log D(G(z)), whose gradient does not vanish (Goodfellow et al. 2014)."""

    def generator(self, real_logits, fake_logits):
        (fake_logits,) = _float32(fake_logits)
        return _mean(tf.nn.softplus(-fake_logits))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class LeastSquares(AdversarialLoss):
    """Least squares with targets 1 and 0 and the factor ½ (LSGAN, Mao et al. 2017)."""

    has_targets = True

    @property
    def boundary(self):
        return 0.5 * (1.0 - self.label_smoothing)

    def discriminator(self, real_logits, fake_logits):
        real_logits, fake_logits = _float32(real_logits, fake_logits)
        target = 1.0 - self.label_smoothing
        return 0.5 * _mean(tf.square(real_logits - target)) + 0.5 * _mean(tf.square(fake_logits))

    def generator(self, real_logits, fake_logits):
        (fake_logits,) = _float32(fake_logits)
        return 0.5 * _mean(tf.square(fake_logits - 1.0))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Wasserstein(AdversarialLoss):
    """The critic's estimate of the Wasserstein-1 distance, negated (WGAN, Arjovsky et al. 2017)."""

    boundary = None

    def discriminator(self, real_logits, fake_logits):
        real_logits, fake_logits = _float32(real_logits, fake_logits)
        return _mean(fake_logits) - _mean(real_logits)

    def generator(self, real_logits, fake_logits):
        (fake_logits,) = _float32(fake_logits)
        return -_mean(fake_logits)


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Hinge(Wasserstein):
    """Hinge for D, the plain negative logit for G (Lim and Ye 2017; SNGAN, SAGAN, BigGAN)."""

    boundary = 0.0

    def discriminator(self, real_logits, fake_logits):
        real_logits, fake_logits = _float32(real_logits, fake_logits)
        return _mean(tf.nn.relu(1.0 - real_logits)) + _mean(tf.nn.relu(1.0 + fake_logits))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Relativistic(AdversarialLoss):
    """The relativistic pairing loss (Jolicoeur-Martineau 2018; R3GAN, Huang et al. 2024).

    L_D = E softplus(D(G(z)) - D(x)), L_G = E softplus(D(x) - D(G(z))), over pairs of one real and one fake.
    """

    relativistic = True
    boundary = None

    def discriminator(self, real_logits, fake_logits):
        real_logits, fake_logits = _float32(real_logits, fake_logits)
        return _mean(tf.nn.softplus(fake_logits - real_logits))

    def generator(self, real_logits, fake_logits):
        real_logits, fake_logits = _float32(real_logits, fake_logits)
        return _mean(tf.nn.softplus(real_logits - fake_logits))


minimax = Minimax()
nonsaturating = NonSaturating()
lsgan = LeastSquares()
wasserstein = Wasserstein()
hinge = Hinge()
relativistic = Relativistic()

_BY_NAME = {
    "minimax": minimax,
    "nonsaturating": nonsaturating,
    "lsgan": lsgan,
    "wasserstein": wasserstein,
    "hinge": hinge,
    "relativistic": relativistic,
}


def get(identifier):
    """The loss of that name, or the given object if it already is a loss.

    Args:
        identifier: "minimax", "nonsaturating", "lsgan", "wasserstein", "hinge", "relativistic", or any object with the
            methods `discriminator(real_logits, fake_logits)` and `generator(real_logits, fake_logits)`.

    Raises:
        ValueError: For an unknown name.
        TypeError: For an object without those methods.
    """
    if isinstance(identifier, str):
        if identifier not in _BY_NAME:
            raise ValueError(f"`loss` must be one of {sorted(_BY_NAME)} or a loss object. Received: loss={identifier!r}")
        return _BY_NAME[identifier]
    methods = [getattr(identifier, name, None) for name in ("discriminator", "generator")]
    if isinstance(identifier, type) or not all(map(callable, methods)):
        raise TypeError(
            f"`loss` must be one of {sorted(_BY_NAME)} or an object with the methods `discriminator(real_logits, "
            f"fake_logits)` and `generator(real_logits, fake_logits)`. Received: loss={identifier!r}"
        )
    return identifier
