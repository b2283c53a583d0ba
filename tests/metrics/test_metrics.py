"""Metrics against closed forms, sums written out and reference libraries, and on ladders of damage."""

import itertools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug import metrics

RNG = np.random.default_rng(0)


def test_frechet_distance_is_its_closed_form():
    """Features whose sample moments are exactly those asked for: the distance of the two Gaussians is then exact."""

    def with_moments(mean, covariance, n=400):
        x = RNG.normal(size=[n, 3])
        x -= x.mean(0)
        x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T  # now of covariance 1
        return x @ np.linalg.cholesky(covariance).T + mean

    root = RNG.normal(size=[3, 3])
    rotation, _ = np.linalg.qr(root)
    # Covariances that commute: tr (Σ₁ Σ₂)^½ is the sum of the roots of the products of their eigenvalues.
    a, b = np.array([1.0, 2.0, 0.5]), np.array([3.0, 0.2, 0.5])
    first, second = (rotation @ np.diag(values) @ rotation.T for values in (a, b))
    means = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, -1.0])
    expected = ((means[0] - means[1]) ** 2).sum() + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    result = metrics.frechet_distance(with_moments(means[0], first), with_moments(means[1], second))
    assert result == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_against_scipys_matrix_root():
    linalg = pytest.importorskip("scipy.linalg")
    x, y = RNG.normal(size=[50, 6]), RNG.normal(size=[40, 6]) @ RNG.normal(size=[6, 6]) + 1
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(first @ second).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)
    assert metrics.frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_distance(x, x) == pytest.approx(0, abs=1e-6)


def test_kernel_distance_is_the_unbiased_sum_written_out():
    x, y = RNG.normal(size=[7, 3]), RNG.normal(size=[7, 3]) + 0.5

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    pairs = [(i, j) for i in range(7) for j in range(7)]
    expected = (
        sum(k(x[i], x[j]) + k(y[i], y[j]) for i, j in pairs if i != j) / 42 - 2 * sum(k(x[i], y[j]) for i, j in pairs) / 49
    )
    assert metrics.kernel_distance(x, y, subsets=2) == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_of_one_distribution_is_about_0_and_grows_with_the_difference():
    x, y = RNG.normal(size=[2, 2000, 4])
    values = [metrics.kernel_distance(x, y + shift, subset_size=500) for shift in (0.0, 0.3, 1.0)]
    assert abs(values[0]) < 0.02
    assert values[0] < values[1] < values[2]


def test_precision_recall_density_coverage_written_out():
    real, fake, k = RNG.normal(size=[30, 2]), RNG.normal(size=[20, 2]) * 0.5 + 0.5, 3

    def distance(a, b):
        return np.linalg.norm(a - b)

    real_radii = [sorted(distance(a, b) for b in real)[k] for a in real]
    fake_radii = [sorted(distance(a, b) for b in fake)[k] for a in fake]
    inside = [[distance(f, r) <= radius for r, radius in zip(real, real_radii)] for f in fake]
    expected = {
        "precision": np.mean([any(row) for row in inside]),
        "recall": np.mean([any(distance(r, f) <= radius for f, radius in zip(fake, fake_radii)) for r in real]),
        "density": np.sum(inside) / (k * 20),
        "coverage": np.mean([min(distance(f, r) for f in fake) <= radius for r, radius in zip(real, real_radii)]),
    }
    assert metrics.precision_recall_density_coverage(real, fake, k) == pytest.approx(expected)


def test_what_the_four_shares_are_for():
    real = np.concatenate([RNG.normal(size=[1500, 2]), RNG.normal(size=[1500, 2]) + 50])
    both, one = real + RNG.normal(size=real.shape) * 0.01, real[:1500].repeat(2, 0) + RNG.normal(size=real.shape) * 0.01
    complete, collapsed = (metrics.precision_recall_density_coverage(real, fake) for fake in (both, one))
    assert min(complete.values()) > 0.9
    assert collapsed["precision"] > 0.9
    assert collapsed["recall"] < 0.6
    assert collapsed["coverage"] < 0.6


def test_within_class_diversity():
    images = np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0], [1.0, 1.0], [1.0, 2.0], [9.0, 9.0]])
    result = metrics.within_class_diversity(images, np.array([0, 0, 1, 1, 1, 2]), 4, pairs=20000)
    assert result[0] == 5
    assert result[1] == pytest.approx(2 / 3, abs=0.02)
    assert np.isnan(result[2:]).all()


def test_memorization_against_scikit_learn():
    neighbors = pytest.importorskip("sklearn.neighbors")
    training, held_out, fake = RNG.normal(size=[3, 400, 3])
    fake[:150] = training[:150] + 0.01  # copies among others
    to = [neighbors.NearestNeighbors(n_neighbors=1).fit(of).kneighbors(fake)[0][:, 0] for of in (training, held_out)]
    nearer = int((to[0] < to[1]).sum())
    result = metrics.memorization(training, held_out, fake)
    assert result["nearer_to_training"] == nearer / 400
    assert result["distance_ratio"] == pytest.approx(np.median(to[0] / to[1]))
    assert result["p_value"] == 1e-4  # the smallest


def test_memorization_is_none_of_new_samples_and_grows_with_copies():
    training, held_out, fake = RNG.normal(size=[3, 500, 3])
    shares, p_values, ratios = [], [], []
    for copies in (0, 100, 300, 500):
        mixed = np.concatenate([training[:copies] + 1e-3, fake[copies:]])
        result = metrics.memorization(training, held_out[:400], mixed)  # the training set is cut to 400
        shares.append(result["nearer_to_training"])
        p_values.append(result["p_value"])
        ratios.append(result["distance_ratio"])
    assert abs(shares[0] - 0.5) < 0.07
    assert p_values[0] > 0.01
    assert (np.diff(shares) > 0).all()
    assert (np.diff(ratios) < 0).all()
    assert p_values[-1] == 1e-4


@pytest.fixture(scope="module")
def digits():
    """Real images in two equal halves, of which the kernel distance takes one subset, and a classifier of the first."""
    pytest.importorskip("sklearn")
    images, labels = kga.datasets.to_arrays(kga.datasets.load("digits")[0])
    size = len(images) // 2
    halves = [(images[part::2][:size], labels[part::2][:size]) for part in range(2)]
    classifier = metrics.scores.train_classifier(*halves[0], steps=120, batch_size=64, seed=1)
    return halves, classifier


def _noise(images, strength):
    return np.clip(images + np.random.default_rng(1).normal(size=images.shape) * strength, 0, 255)


def _blur(images, times):
    images = images.astype(float)
    for _ in range(times):
        for axis in (1, 2):
            padded = np.pad(images, [(1, 1) if a == axis else (0, 0) for a in range(4)], mode="edge")
            images = sum(np.take(padded, range(n, n + images.shape[axis]), axis) for n in range(3)) / 3
    return images


@pytest.mark.slow
@pytest.mark.parametrize("network", ["random", "classifier"])
@pytest.mark.parametrize(("damage", "ladder"), [(_noise, (0, 20, 50, 100)), (_blur, (0, 1, 2, 4))])
def test_distances_and_precision_fall_behind_on_ladders_of_noise_and_blur(digits, network, damage, ladder):
    halves, classifier = digits
    features = metrics.random_features((8, 8, 1), seed=1) if network == "random" else metrics.features_of(classifier)
    rungs = [metrics.compare(halves[1][0], damage(halves[0][0], strength), features) for strength in ladder]
    assert len({rung["features"] for rung in rungs}) == 1
    for name in ("frechet", "kernel"):
        assert (np.diff([rung[name] for rung in rungs]) > 0).all(), name
    for name in ("precision", "density", "coverage"):
        assert (np.diff([rung[name] for rung in rungs]) <= 0.02).all(), name
        assert rungs[-1][name] < 0.8 * rungs[0][name], name


@pytest.mark.slow
def test_diversity_and_coverage_fall_behind_as_modes_are_dropped(digits):
    halves, classifier = digits
    features = metrics.features_of(classifier)
    (fake, labels), (real, _) = halves
    rungs = []
    for kept in (10, 7, 4, 1):  # samples of these classes alone, as many as before
        rows = np.flatnonzero(labels < kept)
        rungs.append(metrics.compare(real, fake[np.resize(rows, len(fake))] + 0.0, features))
    for name, sign in (("frechet", 1), ("kernel", 1), ("recall", -1), ("coverage", -1)):
        assert (sign * np.diff([rung[name] for rung in rungs]) > 0).all(), name
    assert rungs[-1]["precision"] > 0.9  # which is what precision is blind to
    diversity = []
    for kept in (60, 20, 5, 1):  # different images of each class
        rows = [np.flatnonzero(labels == c)[:kept] for c in range(10)]
        images = np.concatenate([fake[np.resize(of_class, 60)] for of_class in rows])
        diversity.append(metrics.within_class_diversity(images, np.repeat(np.arange(10), 60), 10).mean())
    assert (np.diff(diversity) < 0).all()
    assert diversity[-1] == 0


@pytest.mark.slow
def test_gan_test_and_accuracy_score_fall_behind_as_labels_are_swapped(digits):
    halves, classifier = digits
    images, labels = halves[1]
    gan_tests, scores = [], []
    for share in (0.0, 0.4, 0.8):
        swapped = np.where(np.arange(len(labels)) % 10 < 10 * share, (labels + 1) % 10, labels)
        gan_tests.append(metrics.gan_test(classifier, images, swapped))
        of_samples = metrics.classification_accuracy_score(images, swapped, *halves[0], steps=60, batch_size=64)
        scores.append(of_samples.accuracy)
    assert gan_tests[0].accuracy > 0.95
    assert scores[0] > 0.9
    assert (np.diff([result.accuracy for result in gan_tests]) < -0.3).all()
    assert (np.diff(scores) < -0.02).all()


def test_gan_test_by_class_is_counted_out():
    images = np.zeros([5, 2, 2, 1])
    images[:, 0, 0, 0] = [0, 1, 2, 2, 1]  # the class that the model below names
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(4)])
    # logits 2 k v - k² are largest for k = v
    kernel = np.zeros([4, 4])
    kernel[0] = 2 * np.arange(4)
    model.layers[-1].set_weights([kernel, -(np.arange(4.0) ** 2)])
    score = metrics.gan_test(model, images, [0, 1, 1, 2, 1])
    assert score.accuracy == pytest.approx(4 / 5)
    np.testing.assert_allclose(score.per_class, [1, 2 / 3, 1, np.nan])
    assert score.balanced == pytest.approx((1 + 2 / 3 + 1) / 3)


def test_features_of_a_classifier_are_what_its_logits_are_made_of(digits):
    halves, classifier = digits
    features = metrics.features_of(classifier, "mine")
    maps = keras.Model(classifier.inputs, classifier.get_layer("features").input).predict(halves[0][0][:9], verbose=0)
    np.testing.assert_allclose(features(halves[0][0][:9]), maps.mean((1, 2)), rtol=1e-5)
    other = metrics.random_features((8, 8, 1), seed=2)
    assert len({features.stamp, other.stamp, metrics.random_features((8, 8, 1), seed=3).stamp}) == 3
    assert other.stamp == metrics.random_features((8, 8, 1), seed=2).stamp
    assert features.stamp.startswith("mine #")


def test_a_stamp_tells_what_is_done_with_the_weights_too():
    def network(strides):
        return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, strides, kernel_initializer="ones")])

    stamps = [metrics.Features(network(strides), "mine").stamp for strides in (1, 2, 1)]
    assert stamps[0] == stamps[2] != stamps[1]
    ranges = [metrics.random_features((8, 8, 1), value_range, seed=1).stamp for value_range in ((0, 255), (0, 1), (0, 255))]
    assert ranges[0] == ranges[2] != ranges[1]
    assert metrics.random_features((9, 9, 1), seed=1).stamp != ranges[0]


@pytest.mark.filterwarnings("ignore:.*look scaled differently")
@pytest.mark.parametrize("near", [[0, 1, 2], [0, 0, 1, 1, 5], [0, 0, 0, 0, 3, 4, 5], [3, 4], [2, 2, 2.5, 3, 0]])
def test_the_p_value_of_copies_is_that_of_all_divisions(near):
    """Three training images at 0, 1, 2 and three others at 3, 4, 5. All 20 divisions of the six are counted."""
    images = np.arange(6.0)
    fake = np.array(near, float)

    def nearer(half):
        others = [i for i in range(6) if i not in half]
        to, away = (np.abs(fake[:, None] - images[list(of)]).min(1) for of in (half, others))
        return (to < away).sum()

    observed = nearer((0, 1, 2))
    if any(x % 1 for x in near):  # a tie between real images counts for neither, whatever the division: 2.5 is one here
        fake = fake[np.abs(fake - 2.5) > 0.1]
    expected = np.mean([nearer(half) >= observed for half in itertools.combinations(range(6), 3)])
    found = metrics.memorization(images[:3, None], images[3:, None], np.array(near, float)[:, None])["p_value"]
    assert found == pytest.approx(expected, abs=0.02)


def test_copies_are_not_found_where_many_samples_share_a_nearest_image():
    """51 images of each kind, as of a small folder, and samples in the middle of them, which few images are near to."""
    p_values = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        real = rng.normal(size=[102, 30])
        p_values.append(metrics.memorization(real[:51], real[51:], 0.1 * rng.normal(size=[500, 30]))["p_value"])
    assert min(p_values) > 0.005
    assert 0.3 < np.mean(p_values) < 0.7


def test_inception_features_need_weights_at_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"`weights`.*InceptionV3"):
        metrics.inception_features()


@pytest.mark.slow
def test_inception_features_of_weights_in_a_file(tmp_path):
    """With random weights, which is all that can be had without a download: shapes, range and grey images."""
    network = keras.applications.InceptionV3(include_top=False, weights=None)
    network.save_weights(tmp_path / "inception.weights.h5")
    features = metrics.inception_features(weights=tmp_path / "inception.weights.h5")
    images = RNG.integers(0, 256, [2, 12, 10, 1], "uint8")
    result = features(images)
    assert result.shape == (2, 2048)
    rgb = tf.image.resize(np.repeat(images, 3, -1).astype("float32"), (299, 299), antialias=True) / 127.5 - 1
    expected = network.predict(rgb, verbose=0).mean((1, 2))
    np.testing.assert_allclose(result, expected, rtol=1e-2, atol=1e-4)


def random_features(value_range):
    return metrics.random_features((8, 8, 1), value_range, seed=1)


def told(call):
    """The warnings of a call, in words."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]


IMAGES = RNG.integers(0, 256, [20, 8, 8, 1])
LABELS = np.arange(20) % 2


def small_classifier(*args, **options):
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])


@pytest.mark.parametrize(
    "call",
    [
        lambda images: metrics.random_features((8, 8, 1), seed=1)(images),
        lambda images: metrics.classifier_features(images, LABELS, steps=1),
        lambda images: metrics.classification_accuracy_score(images, LABELS, images, LABELS, steps=1),
        lambda images: metrics.compare(images, images, metrics.random_features((8, 8, 1), seed=1)),
    ],
)
def test_images_on_another_scale_than_the_value_range_are_told(call, monkeypatch):
    monkeypatch.setattr(kga.networks.classifier, "classifier", small_classifier)
    for scale, offset in ((1 / 255, 0), (2 / 255, -1), (256, 0)):
        (words,) = told(lambda: call(IMAGES * scale + offset))
        assert "(0.0, 255.0)" in words and "`value_range`" in words
    assert told(lambda: call(IMAGES)) == []


def test_features_tell_of_another_scale_once_and_take_the_range_that_they_are_made_with():
    features = metrics.random_features((8, 8, 1), value_range=(0, 1), seed=1)
    assert told(lambda: features(IMAGES / 255)) == []
    assert [len(told(lambda: features(IMAGES))) for _ in range(2)] == [1, 0]
    network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    assert told(lambda: metrics.Features(network, "mine")(IMAGES / 255)) == []  # of no known range
    assert len(told(lambda: metrics.Features(network, "mine", value_range=(0, 255))(IMAGES / 255))) == 1


@pytest.mark.parametrize(
    ("names", "call"),
    [
        (
            "`real` and `fake`",
            lambda real, fake: metrics.compare(real, fake, random_features((0, 255))),
        ),
        ("`real` and `fake`", lambda real, fake: metrics.compare(real, fake, random_features((0, 1)))),
        ("`training` and `fake`", lambda real, fake: metrics.memorization(flat(real), flat(real[::-1]), flat(fake))),
        ("`training` and `held_out`", lambda real, fake: metrics.memorization(flat(real), flat(fake), flat(real))),
        (
            "`test_images` and `images`",
            lambda real, fake: metrics.classification_accuracy_score(
                fake, LABELS, real, LABELS, build=small_classifier, steps=1
            ),
        ),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_two_sets_on_different_scales_are_told(names, call, swapped):
    sets = [IMAGES, IMAGES[::-1] / 255.0]
    words = told(lambda: call(*sets[:: -1 if swapped else 1]))
    assert len(words) == 1
    assert names in words[0] and "scaled differently" in words[0] and "Received" in words[0]


def flat(images):
    return images.reshape(len(images), -1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("images", lambda x, bad: metrics.random_features((8, 8, 1))(bad)),
        ("images", lambda x, bad: metrics.classifier_features(bad, LABELS, steps=1)),
        ("images", lambda x, bad: metrics.classification_accuracy_score(bad, LABELS, x, LABELS, steps=1)),
        ("test_images", lambda x, bad: metrics.classification_accuracy_score(x, LABELS, bad, LABELS, steps=1)),
        ("images", lambda x, bad: metrics.gan_test(keras.Sequential([keras.layers.Flatten()]), bad, LABELS)),
        ("images", lambda x, bad: metrics.within_class_diversity(bad, LABELS, 2)),
        ("real", lambda x, bad: metrics.compare(bad, x, metrics.random_features((8, 8, 1)))),
        ("fake", lambda x, bad: metrics.compare(x, bad, metrics.random_features((8, 8, 1)))),
        ("fake", lambda x, bad: metrics.memorization(flat(x), flat(x), flat(bad))),
        ("held_out", lambda x, bad: metrics.memorization(flat(x), flat(bad), flat(x))),
    ],
)
def test_samples_that_are_not_finite_are_named(name, call, bad):
    images = IMAGES.astype("float32")
    images[3, 2, 2] = bad
    with pytest.raises(ValueError, match=rf"`{name}` must.* finite.*Received"):
        call(IMAGES, images)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.frechet_distance(np.zeros([3]), np.zeros([3, 2])),
        lambda: metrics.frechet_distance(np.zeros([3, 2]), np.zeros([3, 4])),
        lambda: metrics.kernel_distance(np.full([3, 2], np.nan), np.zeros([3, 2])),
        lambda: metrics.kernel_distance(np.zeros([3, 2]), np.zeros([3, 2]), subsets=0),
        lambda: metrics.precision_recall_density_coverage(np.zeros([3, 2]), np.zeros([9, 2]), k=5),
        lambda: metrics.within_class_diversity(np.zeros([3, 2]), np.zeros([4], int), 2),
        lambda: metrics.within_class_diversity(np.zeros([3, 2]), np.array([0, 1, 2]), 2),
        lambda: metrics.memorization(np.zeros([3, 2]), np.zeros([3, 3]), np.zeros([3, 2])),
        lambda: metrics.memorization(np.zeros([3, 2]), np.zeros([3, 2]), np.zeros([3])),
        lambda: metrics.random_features((8, 8)),
        lambda: metrics.random_features((8, 8, 1))(np.zeros([2, 9, 8, 1])),
        lambda: metrics.features_of(keras.Sequential([keras.layers.Input([8, 8, 1]), keras.layers.Conv2D(2, 3)])),
        lambda: metrics.Features(keras.Sequential([keras.layers.Input([8]), keras.layers.Reshape([2, 4])]), "name"),
        lambda: metrics.classification_accuracy_score(np.zeros([4, 8, 8, 1]), [0, 1, 0], np.zeros([2, 8, 8, 1]), [0, 1]),
        lambda: metrics.classification_accuracy_score(
            np.zeros([4, 8, 8, 1]), [0, 1, 0, 1], np.zeros([2, 8, 8, 1]), [0, 1], steps=0
        ),
    ],
)
def test_bad_calls(call):
    with pytest.raises(ValueError, match=r"`\w+`.*Received"):
        call()
