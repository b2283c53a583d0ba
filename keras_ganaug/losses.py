"""Adversarial losses: pure functions of logits.

Each loss is an object with `discriminator(real_logits, fake_logits)` and `generator(real_logits, fake_logits)`;
both return one float32 scalar to be minimised. Logits are real tensors of any shape and float dtype. The
module-level names (`minimax`, `nonsaturating`, `lsgan`, `wasserstein`, `hinge`, `relativistic`) are ready-made
instances.
"""

import copy
import math
import numbers
from typing import Any

import keras
import tensorflow as tf


def _float32(logits):
    return tf.cast(logits, tf.float32)


class AdversarialLoss:
    """Base class of the two-player losses.

    Args:
        label_smoothing: One-sided label smoothing (Salimans et al. 2016), in [0, 0.5): the target of real images becomes
            `1 - label_smoothing`, that of fakes does not change. Only losses with a target accept a value other than 0.
            Defaults to 0.
    """

    has_targets = False
    """Whether real images have a target that can be smoothed."""
    relativistic = False
    """Whether the generator's loss looks at the real logits."""
    boundary: Any = 0.0
    """The logit of an image that is as likely real as fake. None if only differences of logits have a meaning."""

    def __init__(self, label_smoothing: float = 0.0):
        number = isinstance(label_smoothing, numbers.Real) and not isinstance(label_smoothing, bool)
        if not number or not 0.0 <= label_smoothing < 0.5:
            raise ValueError(
                "`label_smoothing` must be a number of at least 0 and below 0.5. "
                f"Received: label_smoothing={label_smoothing!r}"
            )
        if label_smoothing and not self.has_targets:
            raise ValueError(
                f"`label_smoothing` needs a loss with targets; {type(self.given).__name__} has none. Expected: 0. "
                f"Received: label_smoothing={label_smoothing!r}"
            )
        self.label_smoothing = float(label_smoothing)

    def discriminator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """The discriminator's loss, a float32 scalar."""
        raise NotImplementedError

    def generator(self, real_logits: Any, fake_logits: Any) -> tf.Tensor:
        """The generator's loss, a float32 scalar. `real_logits` may be None unless the loss is relativistic."""
        raise NotImplementedError

    @property
    def given(self) -> Any:
        """The value that the user passed to `compile`, which the model's config stores."""
        return self

    def smoothed(self, label_smoothing: float) -> "AdversarialLoss":
        """A copy of this loss with one-sided label smoothing. Other settings of a subclass are preserved."""
        smoothed = copy.copy(self)
        AdversarialLoss.__init__(smoothed, label_smoothing)
        return smoothed

    def get_config(self) -> dict[str, Any]:
        return {"label_smoothing": self.label_smoothing}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "AdversarialLoss":
        return cls(**config)


class _Own(AdversarialLoss):
    """Wraps a user's own loss object as an `AdversarialLoss`."""

    given = None

    def __init__(self, loss: Any):
        self.given = loss
        super().__init__()
        self.discriminator, self.generator = loss.discriminator, loss.generator  # type: ignore[method-assign]
        self.relativistic = getattr(loss, "relativistic", self.relativistic)
        self.boundary = getattr(loss, "boundary", self.boundary)


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Minimax(AdversarialLoss):
    """The minimax value of Goodfellow et al. 2014, with logits instead of probabilities.

    D minimises -E log D(x) - E log(1 - D(G(z))); G minimises E log(1 - D(G(z))).

    Example:

    >>> import tensorflow as tf
    >>> from keras_ganaug import losses
    >>> zeros = tf.zeros([4])
    >>> print(f"{float(losses.minimax.discriminator(zeros, zeros)):.4f}")  # 2 log 2: D cannot tell real from fake
    1.3863
    """

    has_targets = True

    @property
    def boundary(self):
        return math.log((1.0 - self.label_smoothing) / (1.0 + self.label_smoothing))

    def discriminator(self, real_logits, fake_logits):
        s, real_logits = self.label_smoothing, _float32(real_logits)
        real = (1.0 - s) * tf.nn.softplus(-real_logits) + s * tf.nn.softplus(real_logits)
        return tf.reduce_mean(real) + tf.reduce_mean(tf.nn.softplus(_float32(fake_logits)))

    def generator(self, real_logits, fake_logits):
        return -tf.reduce_mean(tf.nn.softplus(_float32(fake_logits)))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class NonSaturating(Minimax):
    """The minimax loss for D; G maximises E log D(G(z)), whose gradient does not vanish (Goodfellow et al. 2014)."""

    def generator(self, real_logits, fake_logits):
        return tf.reduce_mean(tf.nn.softplus(-_float32(fake_logits)))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class LeastSquares(AdversarialLoss):
    """Least squares with targets 1 and 0 and the factor ½ (LSGAN, Mao et al. 2017)."""

    has_targets = True

    @property
    def boundary(self):
        return 0.5 * (1.0 - self.label_smoothing)

    def discriminator(self, real_logits, fake_logits):
        real = tf.square(_float32(real_logits) - (1.0 - self.label_smoothing))
        return 0.5 * tf.reduce_mean(real) + 0.5 * tf.reduce_mean(tf.square(_float32(fake_logits)))

    def generator(self, real_logits, fake_logits):
        return 0.5 * tf.reduce_mean(tf.square(_float32(fake_logits) - 1.0))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Wasserstein(AdversarialLoss):
    """The critic's estimate of the Wasserstein-1 distance, negated (WGAN, Arjovsky et al. 2017)."""

    boundary: float | None = None

    def discriminator(self, real_logits, fake_logits):
        return tf.reduce_mean(_float32(fake_logits)) - tf.reduce_mean(_float32(real_logits))

    def generator(self, real_logits, fake_logits):
        return -tf.reduce_mean(_float32(fake_logits))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Hinge(Wasserstein):
    """The hinge loss for D and the negated logit for G (Lim and Ye 2017; used by SNGAN, SAGAN, BigGAN)."""

    boundary = 0.0

    def discriminator(self, real_logits, fake_logits):
        real = tf.reduce_mean(tf.nn.relu(1.0 - _float32(real_logits)))
        return real + tf.reduce_mean(tf.nn.relu(1.0 + _float32(fake_logits)))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Relativistic(AdversarialLoss):
    """The relativistic pairing loss (Jolicoeur-Martineau 2018; R3GAN, Huang et al. 2024).

    L_D = E softplus(D(G(z)) - D(x)), L_G = E softplus(D(x) - D(G(z))), over pairs of one real and one fake image.
    """

    relativistic = True
    boundary: float | None = None

    def discriminator(self, real_logits, fake_logits):
        return tf.reduce_mean(tf.nn.softplus(_float32(fake_logits) - _float32(real_logits)))

    def generator(self, real_logits, fake_logits):
        return tf.reduce_mean(tf.nn.softplus(_float32(real_logits) - _float32(fake_logits)))


def data_to_data_cross_entropy(
    similarities: Any,
    embeddings: Any,
    labels: Any,
    others: Any = None,
    temperature: float = 0.5,
    positive_margin: float = 0.98,
    negative_margin: float = 0.02,
) -> tf.Tensor:
    """The data-to-data cross-entropy (D2D-CE) of ReACGAN: a classifier's loss that also compares images with each other.

    For an image with the unit vector f, of a class with the unit vector v, it is -log(p / (p + Σ n)), where
    p = exp(min(fᵀv - m_p, 0) / τ), and the sum is of n = exp(max(fᵀf' - m_n, 0) / τ) over all images f' of other classes.

    Reference: Kang et al. 2021, Rebooting ACGAN: Auxiliary Classifier GANs with Stable Training, section 3.3.

    Args:
        similarities: fᵀv of each image and its own class, (batch,).
        embeddings: f of each image, (batch, d), of length 1.
        labels: int32 classes (batch,).
        others: A pair of the embeddings and the labels of the images to compare with. Defaults to None: the batch itself.
        temperature: τ. Defaults to 0.5.
        positive_margin: m_p. Defaults to 0.98.
        negative_margin: m_n. Defaults to 0.02.

    Returns the mean over the batch, a float32 scalar.

    Example:

    >>> import tensorflow as tf
    >>> from keras_ganaug import losses
    >>> f, labels = tf.constant([[1.0, 0.0], [0.0, 1.0]]), tf.constant([0, 1])
    >>> print(f"{float(losses.data_to_data_cross_entropy([1.0, 1.0], f, labels)):.4f}")  # log 2: all margins are kept
    0.6931
    """
    other_embeddings, other_labels = (embeddings, labels) if others is None else others
    close = tf.minimum(_float32(similarities) - positive_margin, 0.0)[:, None]
    far = tf.matmul(_float32(embeddings), _float32(other_embeddings), transpose_b=True)
    far = tf.maximum(far - negative_margin, 0.0)
    other_class = tf.not_equal(tf.convert_to_tensor(labels)[:, None], tf.convert_to_tensor(other_labels)[None])
    far = tf.where(other_class, far / temperature, float("-inf"))
    return tf.reduce_mean(tf.reduce_logsumexp(tf.concat([close / temperature, far], 1), axis=1) - close[:, 0] / temperature)


minimax = Minimax()
nonsaturating = NonSaturating()
lsgan = LeastSquares()
wasserstein = Wasserstein()
hinge = Hinge()
relativistic = Relativistic()

_NAMES = ["hinge", "lsgan", "minimax", "nonsaturating", "relativistic", "wasserstein"]


def get(identifier: Any) -> AdversarialLoss:
    """Returns the loss with this name, or wraps the given object as an `AdversarialLoss` if it is not one yet.

    Args:
        identifier: "minimax", "nonsaturating", "lsgan", "wasserstein", "hinge", "relativistic", any object with the methods
            `discriminator(real_logits, fake_logits)` and `generator(real_logits, fake_logits)`, or its Keras config.

    Raises:
        ValueError: For an unknown name.
        TypeError: For an object without those methods.
    """
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, str):
        if identifier not in _NAMES:
            raise ValueError(f"`loss` must be one of {_NAMES} or a loss object. Received: loss={identifier!r}")
        return globals()[identifier]
    if isinstance(identifier, AdversarialLoss):
        return identifier
    try:
        return _Own(None if isinstance(identifier, type) else identifier)
    except AttributeError as error:
        raise TypeError(
            f"`loss` must be one of {_NAMES} or an object with the methods `discriminator(real_logits, fake_logits)` and "
            f"`generator(real_logits, fake_logits)`. Received: loss={identifier!r}"
        ) from error
