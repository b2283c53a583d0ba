"""Copies are found, also if they are shifted or noisy, and an attack by membership inference is what its papers say."""

import numpy as np
import pytest

import keras_ganaug as kga
from keras_ganaug import metrics
from keras_ganaug.metrics.memorization import nearest_shifted

sklearn = pytest.importorskip("sklearn.metrics", reason="nearest neighbours need it")
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def digits():
    """Images that were trained on, held-out ones, and others."""
    images = np.concatenate([kga.datasets.to_arrays(part)[0] for part in kga.datasets.load("digits")])
    images = images[np.random.default_rng(0).permutation(len(images))].astype("float32")
    return images[:300], images[300:600], images[600:900]


COPIES = {
    "as they are": lambda images: images,
    "shifted by a pixel": lambda images: np.pad(images, [(0, 0), (0, 0), (1, 0), (0, 0)], "edge")[:, :, :-1],
    "shifted in both directions": lambda images: np.pad(images, [(0, 0), (0, 1), (1, 0), (0, 0)], "edge")[:, 1:, :-1],
    "with noise of 0.02": lambda images: images + np.random.default_rng(1).normal(0, 0.02 * 255, images.shape),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found(digits, kind):
    training, held_out, _ = digits
    found = metrics.memorization(training, held_out, COPIES[kind](training), shift=1)
    assert found["p_value"] < 0.001 and found["nearer_to_training"] > 0.8
    attack = metrics.membership_inference(training, held_out, COPIES[kind](training), shift=1)
    assert attack["auc"] >= attack["low"] > 0.8


def test_other_images_are_no_copies(digits):
    found = metrics.memorization(*digits, shift=1)
    assert found["p_value"] > 0.05 and abs(found["nearer_to_training"] - 0.5) < 0.1
    attack = metrics.membership_inference(*digits, shift=1)
    assert attack["low"] < 0.5 < attack["high"]


def test_the_nearest_place_is_the_nearest_of_all_shifted_images():
    x, images = RNG.normal(size=[5, 12]), RNG.normal(size=[4, 3, 4, 1])
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)], "edge")
    places = [padded[:, a : a + 3, b : b + 4].reshape(4, 12) for a in range(3) for b in range(3)]
    distances = np.linalg.norm(x[:, None, None] - np.stack(places)[None], axis=-1)  # (5, 9, 4)
    nearest, index = nearest_shifted(x, images.reshape(4, 12), (3, 4, 1), 1)
    np.testing.assert_allclose(nearest, distances.min((1, 2)))
    np.testing.assert_array_equal(index, distances.min(1).argmin(1))


def test_the_attack_is_the_area_under_the_curve_of_scikit_learn():
    training, held_out, fake = RNG.normal(size=[60, 3]), RNG.normal(size=[45, 3]), RNG.normal(size=[30, 3])
    fake[:10] = training[:10]
    near = [np.linalg.norm(real[:, None] - fake[None], axis=-1).min(1) for real in (training, held_out)]
    expected = sklearn.roc_auc_score([1] * 60 + [0] * 45, -np.concatenate(near))
    assert metrics.membership_inference(training, held_out, fake)["auc"] == pytest.approx(expected)


def test_its_interval_contains_the_truth_as_often_as_it_says():
    """The nearest sample of one number is at 0, so the distances are the sizes of the numbers."""
    rng, inside = np.random.default_rng(0), 0
    truth = 1.5 / 2.5  # P(|x| < |y|) for uniform x in (0, 1) and y in (0, 1.25)
    for _ in range(120):
        found = metrics.membership_inference(rng.uniform(0, 1, [40, 1]), rng.uniform(0, 1.25, [60, 1]), np.zeros([2, 1]))
        inside += found["low"] <= truth <= found["high"]
    assert 0.91 < inside / 120 < 0.985


def test_images_are_asked_for_where_they_are_needed():
    with pytest.raises(ValueError, match=r"`training` must be images.*Received: shape \(9, 4\), shift=1"):
        metrics.memorization(np.zeros([9, 4]), np.zeros([9, 4]), np.zeros([9, 4]), shift=1)
    with pytest.raises(ValueError, match=r"must be images of one shape. Received: \[\(2, 8, 1\), \(4, 4, 1\)\]"):
        metrics.memorization(np.zeros([9, 4, 4, 1]), np.zeros([9, 4, 4, 1]), np.zeros([9, 2, 8, 1]), shift=1)
    with pytest.raises(ValueError, match=r"`training` must be of shape.* at least 2"):
        metrics.memorization(np.zeros([0, 4, 4, 1]), np.zeros([9, 4, 4, 1]), np.zeros([9, 4, 4, 1]), shift=1)
    with pytest.raises(ValueError, match="`shift`"):
        metrics.membership_inference(*np.zeros([3, 9, 4, 4, 1]), shift=-1)
