"""The mixture per class: its moments are those of the images, by NumPy."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("sklearn", reason="mixtures are fitted by scikit-learn")

import keras_ganaug as kga
from keras_ganaug.generators import ClassMixture

SHAPE, SEED = (2, 3, 1), tf.constant([3, 4])
WIDE = (-1000.0, 1000.0)  # nothing is clipped


def gaussian_images(n, classes=2, seed=0):
    """Images of one Gaussian per class, each with a mean and a full covariance of its own."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    mixing, means = rng.normal(size=[classes, 6, 6]), 20 * rng.normal(size=[classes, 6])
    rows = means[labels] + np.einsum("nij,nj->ni", 10 * mixing[labels], rng.normal(size=[n, 6]))
    return rows.reshape(n, *SHAPE).astype("float32"), labels


def of_class(mixture, label, n=20000):
    return mixture.sample(tf.fill([n], label), SEED).numpy().reshape(n, -1).astype("float64")


def test_a_gaussian_has_the_moments_of_its_class():
    images, labels = gaussian_images(400)
    mixture = ClassMixture(images, labels, value_range=WIDE, components=6, mixtures=1)
    added = 1e-3 * images.reshape(400, -1).astype("float64").var(0, ddof=1).mean()
    for label in range(2):
        rows, made = images[labels == label].reshape(-1, 6).astype("float64"), of_class(mixture, label)
        expected = np.cov(rows.T, bias=True) + added * np.eye(6)
        deviations = np.sqrt(np.diag(expected))
        assert (np.abs(made.mean(0) - rows.mean(0)) < 5 * deviations / np.sqrt(len(made))).all()
        slack = 6 * np.outer(deviations, deviations) / np.sqrt(len(made))
        assert (np.abs(np.cov(made.T) - expected) < slack).all()


def test_samples_lie_in_the_space_of_the_components():
    images, labels = gaussian_images(200)
    mixture = ClassMixture(images, labels, value_range=WIDE, components=2, mixtures=1)
    rows = images.reshape(200, -1).astype("float64")
    _, _, axes = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    made = of_class(mixture, 1, 50) - rows.mean(0)
    np.testing.assert_allclose(made @ axes[2:].T, 0, atol=1e-3)
    assert (np.abs(made @ axes[:2].T) > 1).any(0).all()


def test_a_mixture_has_weights_means_and_covariances_of_its_own():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], [300, 100, 200])
    rows = (
        np.array([[0, 0], [90, 0], [90, 90]])[groups]
        + rng.normal(size=[600, 2]) * np.array([[1, 3], [4, 1], [2, 2]])[groups]
    )
    images = rows.reshape(600, 1, 2, 1)
    mixture = ClassMixture(images, np.zeros(600, int), value_range=WIDE, components=2, mixtures=3)
    made = of_class(mixture, 0)
    near = (np.abs(made[:, None] - np.array([[0, 0], [90, 0], [90, 90]])[None])).sum(2).argmin(1)
    np.testing.assert_allclose(np.bincount(near) / len(near), [3 / 6, 1 / 6, 2 / 6], atol=0.015)
    for group in range(3):
        theirs, ours = rows[groups == group], made[near == group]
        np.testing.assert_allclose(ours.mean(0), theirs.mean(0), atol=0.2)
        np.testing.assert_allclose(np.cov(ours.T, bias=True), np.cov(theirs.T, bias=True) + np.eye(2) * 1.8, atol=0.8)


def test_samples_are_clipped_and_truncation_draws_them_together():
    images = np.clip(gaussian_images(200)[0] * 20, 0, 255).astype("uint8")
    mixture = ClassMixture(images, np.arange(200) % 2, components=6, mixtures=1)
    made = of_class(mixture, 1, 1000)
    assert (made.min(), made.max()) == (0, 255)
    labels = tf.fill([500], 1)
    typical = mixture.sample(labels, SEED, tf.constant(0.1)).numpy()
    assert typical.std(0).mean() < 0.5 * mixture.sample(labels, SEED).numpy().std(0).mean()


def test_a_seed_tells_it_all():
    images, labels = gaussian_images(300)
    first, again = (ClassMixture(images, labels, mixtures=4, value_range=WIDE, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first.generate([0, 1, 1], seed=1), again.generate([0, 1, 1], seed=1))
    assert (first.generate([0, 1, 1], seed=1) != first.generate([0, 1, 1], seed=2)).any()
    np.testing.assert_array_equal(first.sample(labels[:4], SEED)[:2], first.sample(labels[:2], SEED))


@pytest.mark.parametrize("n", [1, 2, 4, 11])
def test_classes_of_few_images(n):
    images, labels = gaussian_images(60)
    images = np.concatenate([images[:30], images[30 : 30 + n]])
    labels = np.repeat([0, 2], [30, n])
    mixture = ClassMixture(images, labels, num_classes=5, value_range=WIDE)
    assert mixture.unseen_classes == mixture.missing_classes == (1, 3, 4)
    mean = images[30:].reshape(n, -1).mean(0)
    np.testing.assert_allclose(of_class(mixture, 2, 5000).mean(0), mean, atol=2.0)
    with pytest.raises(ValueError, match=r"`labels` must be of classes that the generator makes. Received: \[1\]"):
        mixture.generate([0, 1], seed=1)
    with pytest.raises(ValueError, match="`sampling_strategy` must give weight to classes"):
        kga.GANAugmentation(mixture, 0.5, {1: 1.0})
    with pytest.warns(UserWarning, match=r"no image of the classes \[1, 3, 4\]"):
        augment = kga.gan_augment(mixture, 0.5, "balance", bank_size=12, seed=1)
    _, new = augment(np.zeros([8, *SHAPE], "float32"), np.array([0] * 8))
    assert np.bincount(new).tolist() == [4, 0, 4]


def test_equal_images_of_a_class():
    images = np.repeat([[0.0], [200.0]], [20, 20], 0)[:, :, None, None] * np.ones([1, *SHAPE])
    mixture = ClassMixture(images, np.repeat([0, 1], 20))
    np.testing.assert_allclose(mixture.generate([0, 1], seed=1).mean((1, 2, 3)), [0, 200], atol=20)


def test_in_a_file_it_is_a_saved_model(tmp_path):
    images, labels = gaussian_images(60)
    layer = kga.GANAugmentation(ClassMixture(images, labels, value_range=WIDE, mixtures=2), 0.5, seed=1)
    classifier = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(2)])
    kga.AugmentedModel(classifier, layer).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="`safe_mode` must be False"):
        keras.models.load_model(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=False).augmentation.replacement.generator
    ours = layer.replacement.generator.sample(labels[:6], SEED)
    np.testing.assert_allclose(loaded.sample(tf.constant(labels[:6], tf.int32), SEED), ours, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("images", {"images": np.zeros([0, *SHAPE]), "labels": []}),
        ("images", {"images": np.zeros([4, 2, 3]), "labels": [0] * 4}),
        ("images", {"labels": [0]}),
        ("images", {"images": np.full([4, *SHAPE], np.nan), "labels": [0] * 4}),
        ("images", {"images": np.ones([4, *SHAPE]), "labels": [0] * 4}),
        ("labels", {"labels": [0.5] * 10}),
        ("labels", {"labels": [3] * 10, "num_classes": 3}),
        ("num_classes", {"num_classes": 0}),
        ("value_range", {"value_range": (255, 0)}),
        ("components", {"components": 0}),
        ("mixtures", {"mixtures": 0}),
        ("mixtures", {"mixtures": 2.5}),
        ("seed", {"seed": -1}),
        ("seed", {"seed": (1, 2)}),
    ],
)
def test_wrong_arguments(name, options):
    images, _ = gaussian_images(10)
    with pytest.raises((ValueError, TypeError), match=rf"`{name}`.*Received"):
        ClassMixture(**{"images": images, "labels": [0, 1] * 5, **options})


def test_another_scale_is_told():
    images = np.random.default_rng(0).uniform(0, 1, [20, *SHAPE])
    with pytest.warns(UserWarning, match="value_range"):
        ClassMixture(images, [0, 1] * 10)


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    with pytest.raises(ImportError, match=r"ClassMixture needs scikit-learn.*pip install"):
        ClassMixture(*gaussian_images(10), value_range=WIDE)
