"""What is done to batches, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ganaug import _random, study
from keras_ganaug.study import arms, streams, transforms

stats = pytest.importorskip("scipy.stats")
RNG = np.random.default_rng(0)
SEED = tf.constant([3, 4])
IMAGES = RNG.uniform(0, 255, [6, 7, 10, 2]).astype("float32")


def order_of(seed, part=None):
    """The images that others are mixed with."""
    return _random.permutation(6, seed if part is None else _random.fold(seed, part)).numpy()


def applied(name, images=IMAGES, seed=SEED, value_range=(0.0, 255.0)):
    function = transforms.as_transform(name).prepare(1, value_range)
    return function(tf.constant(images), None, seed)[0].numpy()


@pytest.mark.parametrize("name", ["shift", "flip", "invert", "blur", "fourier", "histogram", "lisa"])
def test_xla_compiles_what_is_ours(name):
    transform = transforms.as_transform(name)
    function = transform.prepare(1, (0.0, 255.0))
    labels, groups = tf.one_hot([0, 1, 2, 0, 1, 2], 3), [tf.constant([[n % 3, n // 3] for n in range(6)])]
    given = (tf.constant(IMAGES), labels, SEED, *(groups if transform.needs_groups else []))
    plain, compiled = function(*given), tf.function(function, jit_compile=True, autograph=False)(*given)
    for one, other in zip(plain, compiled):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("shape", [(7, 10), (8, 9)])
def test_fourier_mixes_amplitudes_and_keeps_phases(shape):
    images = RNG.uniform(0, 255, [6, *shape, 2]).astype("float32")
    share = _random.uniform([6, 1, 1, 1], _random.fold(SEED, 1)).numpy()
    spectrum = np.fft.fft2(images.astype("float64"), axes=(1, 2))
    amplitude = np.abs(spectrum)
    amplitude = (1 - share) * amplitude + share * amplitude[order_of(SEED, 0)]
    expected = np.fft.ifft2(amplitude * np.exp(1j * np.angle(spectrum)), axes=(1, 2))
    assert np.abs(expected.imag).max() < 1e-9
    np.testing.assert_allclose(applied("fourier", images), np.clip(expected.real, 0, 255), atol=1e-2)
    assert (expected.real > 255).any()  # so that something was clipped


def test_an_image_alone_stays_as_it_is_under_fourier_mixing():
    np.testing.assert_allclose(applied("fourier", IMAGES[:1]), IMAGES[:1], atol=1e-2)


def test_histogram_gives_the_ranks_the_values_of_another_image():
    matched, order = applied("histogram"), order_of(SEED)
    for n in range(6):
        for channel in range(2):
            own, other = IMAGES[n, ..., channel].ravel(), np.sort(IMAGES[order[n], ..., channel].ravel())
            np.testing.assert_array_equal(matched[n, ..., channel].ravel(), other[own.argsort().argsort()])


def test_histogram_keeps_equal_pixels_equal():
    images = RNG.integers(0, 4, [6, 5, 5, 1]).astype("float32")
    matched, order = applied("histogram", images), order_of(SEED)
    for n in range(6):
        other = images[order[n]].ravel()
        for value in np.unique(images[n]):
            share = (images[n] <= value).mean()
            least = min(v for v in other if (other <= v).mean() >= share)
            np.testing.assert_array_equal(matched[n][images[n] == value], least)


def test_half_of_the_images_are_inverted_within_their_range():
    images = RNG.uniform(-1, 3, [200, 2, 2, 1]).astype("float32")
    inverted = applied("invert", images, value_range=(-1.0, 3.0))
    changed = np.abs(inverted - (2 - images)).max((1, 2, 3)) < 1e-5
    assert ((inverted == images).all((1, 2, 3)) | changed).all()
    assert 70 < changed.sum() < 130


def test_blur_is_a_gaussian_of_the_pixels_within_the_image():
    blurred, half = applied("blur"), _random.uniform([6, 1, 1, 1], _random.fold(SEED, 0)).numpy().ravel() < 0.5
    widths = _random.uniform([6, 1, 1], _random.fold(SEED, 1), 0.1, 2.0).numpy().ravel()
    assert 0 < half.sum() < 6
    for n, width in enumerate(widths):
        expected = IMAGES[n].astype("float64")
        for axis in (0, 1) if half[n] else ():
            size = expected.shape[axis]
            weights = np.array([[np.exp(-((i - j) ** 2) / (2 * width**2)) for j in range(size)] for i in range(size)])
            weights /= weights.sum(1, keepdims=True)
            expected = np.moveaxis(np.tensordot(weights, expected, (1, axis)), 0, axis)
        np.testing.assert_allclose(blurred[n], expected, rtol=1e-4, atol=1e-3)


def test_lisa_mixes_within_a_class_or_within_a_style():
    """Each image is of a class of its own for the labels, so that these tell what was mixed with what."""
    n = 240
    groups = RNG.integers(0, [4, 3], [n, 2]).astype("int32")
    images = RNG.uniform(size=[n, 2, 2, 1]).astype("float32")
    mixed, labels = transforms.lisa(tf.constant(images), tf.eye(n), SEED, tf.constant(groups))
    labels = labels.numpy()
    np.testing.assert_allclose(labels.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(mixed.numpy().reshape(n, -1), labels @ images.reshape(n, -1), rtol=1e-4)
    rest = labels - np.diag(np.diag(labels))
    assert ((rest > 0).sum(1) == 1).all()
    same = groups[rest.argmax(1)] == groups
    assert (same.sum(1) == 1).all()  # either the class or the style
    assert 90 < same[:, 0].sum() < 150
    assert stats.kstest(np.diag(labels), stats.beta(2, 2).cdf).pvalue > 0.01
    assert len({*rest.argmax(1).tolist()}) > 100  # the others are drawn at random


def test_lisa_leaves_an_image_that_no_other_fits():
    images, labels = tf.constant(IMAGES[:2]), tf.eye(2)
    mixed = transforms.lisa(images, labels, SEED, tf.constant([[0, 0], [1, 1]]))
    np.testing.assert_array_equal(mixed[0], images)
    np.testing.assert_array_equal(mixed[1], labels)


@pytest.mark.parametrize(("alpha", "jit_compile"), [(0.1, True), (0.1, False), (1.0, False), (2.0, False)])
def test_beta_numbers_against_scipy(alpha, jit_compile):
    draw = tf.function(lambda seed: _random.beta([20000], alpha, seed), jit_compile=jit_compile)
    values = draw(SEED).numpy().astype("float64")
    assert np.mean(values < 0.5) == pytest.approx(0.5, abs=0.015)
    lower = values[values < 0.5]  # near 1 float32 numbers are far between
    assert stats.kstest(lower, lambda x: 2 * stats.beta(alpha, alpha).cdf(x)).pvalue > 0.01


@pytest.mark.parametrize(("name", "channels"), [("random_erasing", 3), ("aug_mix", 1), ("aug_mix", 3)])
def test_what_is_made_of_layers_of_keras_follows_from_the_seed(name, channels):
    transform = transforms.TRANSFORMS[name]
    if transform.missing(channels):
        pytest.skip("a Keras without this layer")
    images, runs = tf.constant(RNG.uniform(0, 255, [16, 8, 8, channels]), tf.float32), []
    for seed in (1, 1, 2):
        function = transform.prepare(seed, (0.0, 255.0))
        runs.append(np.stack([function(images, None, _random.fold(SEED, seed, step))[0] for step in range(2)]))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any() and (runs[0][0] != runs[0][1]).any()
    assert ((runs[0] >= 0) & (runs[0] <= 255)).all()


def test_an_arm_erases_in_its_stream():
    arm = study.Arm(transforms=("random_erasing",))
    if arms.missing_for(arm):
        pytest.skip("a Keras without this layer")
    images, labels = RNG.integers(0, 256, [32, 8, 8, 1], "uint8"), np.resize([0, 1, 2], 32)
    settings = (images, labels, 3, None, 2, 16, (0, 255), 1)
    erased, plain = ([*streams.make_stream(each, *settings)[0]] for each in (arm, study.Arm()))
    shares = []
    for (one, of_one, _), (other, of_other, _) in zip(erased, plain):
        np.testing.assert_array_equal(of_one, of_other)
        shares += [*np.mean(one.numpy() != other.numpy(), (1, 2, 3))]
    assert 0 < np.mean(np.array(shares) == 0) < 1  # some images stay
    assert 0.1 < max(shares) < 0.6


def test_aug_mix_is_between_the_image_and_its_chains(monkeypatch):
    """With chains that add 0, 30 and 60 each image gains between 0 and 60, by weights of its own."""
    monkeypatch.setattr(
        transforms._AugMix, "layer", lambda self, seed, _, num_ops: keras.layers.Lambda(lambda x: x + 30.0 * (num_ops - 1))
    )
    images = np.full([4000, 1, 1, 1], 100, "float32")
    gained = applied("aug_mix", images).ravel() - 100
    weights, share = RNG.dirichlet([1, 1, 1], 20000), RNG.uniform(size=20000)
    assert stats.ks_2samp(gained, share * (weights @ [0, 30, 60])).pvalue > 0.01
