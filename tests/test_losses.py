"""Each loss against its formula in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from tools import small_gan

from keras_ganaug import losses

REAL, FAKE = np.array([2.0, -1.0, 0.3, 0.0]), np.array([-0.5, 1.5, 0.0, -3.0])


def log_sigmoid(x):
    return np.log(1 / (1 + np.exp(-x)))


FORMULAS = {
    "minimax": (
        -log_sigmoid(REAL).mean() - log_sigmoid(-FAKE).mean(),
        np.log(1 - 1 / (1 + np.exp(-FAKE))).mean(),
    ),
    "nonsaturating": (-log_sigmoid(REAL).mean() - log_sigmoid(-FAKE).mean(), -log_sigmoid(FAKE).mean()),
    "lsgan": (0.5 * ((REAL - 1) ** 2).mean() + 0.5 * (FAKE**2).mean(), 0.5 * ((FAKE - 1) ** 2).mean()),
    "wasserstein": (FAKE.mean() - REAL.mean(), -FAKE.mean()),
    "hinge": (np.maximum(0, 1 - REAL).mean() + np.maximum(0, 1 + FAKE).mean(), -FAKE.mean()),
    "relativistic": (-log_sigmoid(REAL - FAKE).mean(), -log_sigmoid(FAKE - REAL).mean()),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_loss_is_its_formula(name):
    loss = losses.get(name)
    assert loss is getattr(losses, name)
    d, g = loss.discriminator(REAL, FAKE), loss.generator(REAL, FAKE)
    np.testing.assert_allclose([d, g], FORMULAS[name], rtol=1e-6)


@pytest.mark.parametrize("name", FORMULAS)
def test_loss_is_float32_and_finite_for_large_half_logits(name):
    large = np.array([30000.0, -30000.0], np.float16)
    loss = losses.get(name)
    for value in (loss.discriminator(large, large), loss.generator(large, large)):
        assert value.dtype == "float32"
        assert np.isfinite(value)


def test_label_smoothing_is_one_sided():
    smooth = losses.NonSaturating(label_smoothing=np.float64(0.1))
    real = -(0.9 * log_sigmoid(REAL) + 0.1 * log_sigmoid(-REAL)).mean()
    np.testing.assert_allclose(smooth.discriminator(REAL, FAKE), real - log_sigmoid(-FAKE).mean(), rtol=1e-6)
    np.testing.assert_allclose(smooth.generator(None, FAKE), losses.nonsaturating.generator(None, FAKE))
    squares = losses.LeastSquares(label_smoothing=0.1)
    expected = 0.5 * ((REAL - 0.9) ** 2).mean() + 0.5 * (FAKE**2).mean()
    np.testing.assert_allclose(squares.discriminator(REAL, FAKE), expected, rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("name", ["minimax", "nonsaturating", "lsgan", "hinge"])
def test_the_boundary_is_the_best_logit_for_an_image_that_could_be_either(name, smoothing):
    cls = type(losses.get(name))
    loss = cls(smoothing) if cls.has_targets else cls()
    logits = np.linspace(-3, 3, 601)
    values = np.array([loss.discriminator(np.array([t]), np.array([t])) for t in logits])
    best = logits[np.isclose(values, values.min(), atol=1e-5)]  # hinge has an interval of them
    assert loss.boundary == pytest.approx(best.mean(), abs=0.02)


def test_label_smoothing_leaves_what_else_a_loss_has():
    class Scaled(losses.LeastSquares):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

        def discriminator(self, real_logits, fake_logits):
            return self.scale * super().discriminator(real_logits, fake_logits)

    own, gan = Scaled(5.0), small_gan()
    gan.compile(loss=own, label_smoothing=0.1)
    expected = 5.0 * (0.5 * ((REAL - 0.9) ** 2).mean() + 0.5 * (FAKE**2).mean())
    np.testing.assert_allclose(gan.adversarial_loss.discriminator(REAL, FAKE), expected, rtol=1e-6)
    assert own.label_smoothing == 0.0


def test_the_optimum_of_the_minimax_value_is_the_jensen_shannon_divergence():
    """Goodfellow et al. 2014, theorem 1, on discrete densities: each value is as often a sample as its probability says."""
    distance = pytest.importorskip("scipy.spatial.distance").jensenshannon
    p, q = np.array([8, 5, 2, 1]) / 16, np.array([1, 3, 6, 6]) / 16
    real, fake = (np.repeat(np.arange(4), (density * 16).astype(int)) for density in (p, q))
    logits = tf.Variable(tf.zeros([4]))  # D gives each value a logit of its own

    def value():
        return -losses.minimax.discriminator(tf.gather(logits, real), tf.gather(logits, fake))

    np.testing.assert_allclose(value(), -np.log(4), rtol=1e-6)
    for _ in range(400):
        with tf.GradientTape() as tape:
            loss = -value()
        logits.assign_sub(8.0 * tf.convert_to_tensor(tape.gradient(loss, logits)))
    np.testing.assert_allclose(value(), -np.log(4) + 2 * distance(p, q) ** 2, rtol=1e-5)
    np.testing.assert_allclose(tf.sigmoid(logits), p / (p + q), atol=1e-3)
    # Where the densities are one and the same no discriminator does better than chance.
    assert float(losses.minimax.discriminator(logits.numpy()[real], logits.numpy()[real])) > np.log(4)
    # The generator's loss is its part of the value, which it lowers.
    np.testing.assert_allclose(
        losses.minimax.generator(None, logits.numpy()[fake]), (q * np.log(q / (p + q))).sum(), rtol=1e-4
    )


class Own:
    """A loss that knows nothing of the package."""

    def discriminator(self, real_logits, fake_logits):
        return tf.reduce_mean(fake_logits - real_logits)

    def generator(self, real_logits, fake_logits):
        return -tf.reduce_mean(fake_logits)


def test_a_loss_of_ones_own_has_the_defaults_of_ours():
    own = Own()
    loss = losses.get(own)
    assert (loss.given, loss.relativistic, loss.has_targets, loss.boundary) == (own, False, False, 0.0)
    np.testing.assert_allclose(loss.discriminator(REAL, FAKE), FORMULAS["wasserstein"][0], rtol=1e-6)
    np.testing.assert_allclose(loss.generator(None, FAKE), FORMULAS["wasserstein"][1], rtol=1e-6)
    own.relativistic, own.boundary = True, None
    assert (losses.get(own).relativistic, losses.get(own).boundary) == (True, None)
    assert losses.get(loss) is loss
    assert losses.hinge.given is losses.hinge
    with pytest.raises(ValueError, match=r"`label_smoothing` needs a loss with targets; Own has none.*Received"):
        loss.smoothed(0.1)
    for wrong in (Own, object(), None):
        with pytest.raises(TypeError, match=r"`loss` must be.*Received"):
            losses.get(wrong)
