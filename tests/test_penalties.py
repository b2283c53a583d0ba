"""Each penalty against a discriminator whose gradient is known."""

import numpy as np
import pytest
import tensorflow as tf

from keras_ganaug import penalties

W = np.random.default_rng(0).normal(size=[3, 2, 1]).astype("float32")
REAL, FAKE = np.random.default_rng(1).normal(size=[2, 5, 3, 2, 1]).astype("float32")
LABELS = np.array([0, 1, 2, 1, 0], "int32")
BATCH = penalties.PenaltyBatch(tf.constant(REAL), tf.constant(FAKE), tf.constant(LABELS), tf.constant([1, 2]))


def linear(images, labels):
    return tf.reduce_sum(images * W, [1, 2, 3])[:, None]


def quadratic(images, labels):
    """∇D(x) = x."""
    return 0.5 * tf.reduce_sum(tf.square(images), [1, 2, 3])[:, None]


@pytest.mark.parametrize("jit", [False, True])
def test_gradient_penalty(jit):
    compute = tf.function(lambda: penalties.GradientPenalty(weight=10)(linear, BATCH), jit_compile=jit)
    np.testing.assert_allclose(compute(), 10 * (np.linalg.norm(W) - 1) ** 2, rtol=1e-5)


def test_gradient_penalty_interpolates_each_sample_uniformly():
    points = []

    def spy(images, labels):
        points.append(images.numpy())
        return linear(images, labels)

    penalties.GradientPenalty()(spy, BATCH)
    position = (points[0] - REAL) / (FAKE - REAL)
    per_sample = position.reshape(5, -1)
    np.testing.assert_allclose(per_sample, per_sample[:, :1].repeat(6, 1), atol=1e-4)  # one position a sample
    assert len(np.unique(per_sample[:, 0].round(4))) == 5  # each its own
    assert ((per_sample >= 0) & (per_sample <= 1)).all()


def test_gradient_penalty_of_a_constant_has_a_finite_gradient():
    scale = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        value = penalties.GradientPenalty()(lambda x, y: scale * linear(x, y), BATCH)
    assert np.isfinite(tape.gradient(value, scale))


@pytest.mark.parametrize(("penalty", "images"), [(penalties.R1, REAL), (penalties.R2, FAKE)])
def test_r1_and_r2(penalty, images):
    expected = 0.5 * 7 * (images**2).sum((1, 2, 3)).mean()
    np.testing.assert_allclose(penalty(weight=7)(quadratic, BATCH), expected, rtol=1e-5)


def test_mismatched_labels_are_never_the_true_ones_and_all_others():
    table = np.array([[5.0, 0.2], [-4.0, 0.3], [0.5, -0.6]], "float32")
    seen = []

    def by_label(images, labels):
        seen.append(labels.numpy())
        return tf.gather(table[:, 0], labels)[:, None]

    penalty = penalties.MismatchedLabels(num_classes=3, weight=2.0)
    for n in range(40):
        value = penalty(by_label, BATCH._replace(seed=tf.constant([n, 0])))
        np.testing.assert_allclose(value, 2 * np.maximum(0, 1 + table[seen[-1], 0]).mean(), rtol=1e-6)
    seen = np.array(seen)
    assert not (seen == LABELS).any()
    for row, label in enumerate(LABELS):
        assert set(seen[:, row]) == {0, 1, 2} - {label}
