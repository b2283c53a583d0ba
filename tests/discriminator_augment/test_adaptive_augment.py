"""AdaptiveAugment: the probability against its formula, each transformation against NumPy, and the whole in a training."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import lowered_to_xla, max_difference, small_data, small_gan

import keras_ganaug as kga
from keras_ganaug.discriminator_augment import adaptive_augment as ada

IMAGES = np.random.default_rng(0).uniform(-1, 1, [200, 8, 8, 3]).astype("float32")
SEED = tf.constant([3, 4])


def augmented(policy, probability=1.0, images=IMAGES):
    return kga.AdaptiveAugment(policy).augmented(tf.constant(images), SEED, probability).numpy()


def same(a, b):
    return (np.abs(a - b) < 1e-4).reshape(len(a), -1).all(1)


def test_without_probability_nothing_happens():
    np.testing.assert_allclose(kga.AdaptiveAugment()(IMAGES, SEED), IMAGES, atol=1e-5)


@pytest.mark.parametrize("policy", ["flip", "quarter_turns", "translation"])
def test_whole_pixel_transformations_are_numpys(policy):
    padded = np.pad(IMAGES, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="symmetric")
    expected = {
        "flip": [IMAGES, IMAGES[:, :, ::-1]],
        "quarter_turns": [np.rot90(IMAGES, n, (1, 2)) for n in range(4)],
        "translation": [padded[:, y : y + 8, x : x + 8] for y in range(3) for x in range(3)],
    }[policy]
    result = augmented(policy)
    matches = np.array([same(result, choice) for choice in expected])
    assert (matches.sum(0) == 1).all()  # every image is one of them
    assert (matches.sum(1) > 0).all()  # and each of them occurs


def test_each_image_is_transformed_with_the_probability():
    images = np.random.default_rng(1).uniform(-1, 1, [4000, 4, 4, 1]).astype("float32")
    for probability in (0.2, 0.6):
        changed = ~same(augmented("flip", probability, images), images)
        assert changed.mean() == pytest.approx(probability / 2, abs=0.03)  # half of the draws are no flip


def test_geometry_samples_bilinearly_and_mirrors_beyond_the_edges():
    to_source = tf.constant([[[1.0, 0.0, 0.25], [0.0, 1.0, -2.0]]])  # down by a quarter of a pixel, right by two
    result = ada._warp(tf.constant(IMAGES[:1]), to_source).numpy()[0]
    rows = np.concatenate([0.75 * IMAGES[0, :-1] + 0.25 * IMAGES[0, 1:], IMAGES[0, -1:]])
    columns = np.concatenate([rows[:, 1::-1], rows[:, :-2]], axis=1)
    np.testing.assert_allclose(result, columns, atol=1e-5)


def test_geometry_is_smooth_in_what_it_shows():
    """An image whose value is its place tells where each pixel came from: a linear map."""
    y, x = np.meshgrid(np.arange(33) - 16.0, np.arange(33) - 16.0, indexing="ij")
    images = np.stack([y, x], -1)[None].repeat(30, 0).astype("float32")
    result = augmented("geometric", 1.0, images)[:, 14:19, 14:19]
    places = np.stack([y, x, np.ones_like(x)], -1)[14:19, 14:19].reshape(-1, 3)
    fitted = 0
    for image in result.reshape(30, -1, 2):
        solution, residual, *_ = np.linalg.lstsq(places, image, rcond=None)
        if np.abs(image).max() < 15:  # nothing mirrored here
            fitted += 1
            assert residual.max() < 1e-4
            assert np.linalg.det(solution[:2]) > 0.3
    assert fitted > 20


def test_colour_keeps_what_it_should():
    grey = np.repeat(IMAGES[..., :1], 3, -1)
    result = augmented("color", images=grey)
    np.testing.assert_allclose(result, result[..., :1].repeat(3, -1), atol=1e-4)  # grey stays grey, whatever the hue
    slope = [np.polyfit(a.ravel(), b.ravel(), 1)[0] for a, b in zip(grey[..., 0], result[..., 0], strict=True)]
    assert 0.35 < (np.array(slope) < 0).mean() < 0.65  # the luma flip
    assert np.abs(np.log(np.abs(slope))).std() == pytest.approx(0.5 * np.log(2) * 0.6, rel=0.3)  # a half-normal's deviation
    single = augmented("color", images=IMAGES[..., :1])
    assert single.shape == (200, 8, 8, 1)
    two = augmented("color", images=IMAGES[..., :2])
    assert two.shape == (200, 8, 8, 2)


def test_hue_turns_about_the_grey_axis():
    result = augmented("color")
    ratios = []
    for before, after in zip(IMAGES, result, strict=True):
        a, b = (v - v.mean(-1, keepdims=True) for v in (before, after))
        lengths = np.linalg.norm(b, axis=-1) / np.linalg.norm(a, axis=-1)
        ratios.append(lengths.std() / lengths.mean())
    assert max(ratios) < 1e-3  # all pixels of an image by the same angle and factor


def test_the_probability_follows_the_sign_of_the_real_logits():
    augment = kga.AdaptiveAugment("flip", target=0.6, kimg=1, max_probability=0.5)
    augment.attach({"g": None, "d": object()})
    p = 0.0
    rng = np.random.default_rng(0)
    for n in range(20):
        signs = []
        for _ in range(4):
            logits = rng.normal(3 if n < 10 else -1, 1, [16, 1]).astype("float32")
            signs.append(np.sign(logits).mean())
            shown = augment.observe(tf.constant(logits))["augment_p"]
            assert float(shown) == pytest.approx(p, abs=1e-6)
        p = np.clip(p + np.sign(np.mean(signs) - 0.6) * 16 * 4 / 1000, 0, 0.5)
        assert float(augment.probability.numpy()) == pytest.approx(p, abs=1e-6)
        assert n != 9 or p == 0.5  # at its cap
    assert p < 0.1


@pytest.mark.slow
def test_it_trains_reports_and_resumes_exactly(tmp_path):
    x, y = small_data()

    stopped = small_gan()
    stopped.compile(augment=kga.AdaptiveAugment("translation,color", kimg=0.1))
    lowered_to_xla(stopped, x[:8], y[:8])
    history = stopped.fit(x, y, batch_size=8, epochs=3, verbose=0).history
    assert len(history["augment_p"]) == 3
    assert np.isfinite([history["d_loss"], history["g_loss"]]).all()
    stopped.augment.probability.assign(0.25)
    stopped.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert float(loaded.augment.probability.numpy()) == 0.25
    for gan in (stopped, loaded):
        gan.fit(x, y, batch_size=8, epochs=6, initial_epoch=3, verbose=0)
    assert max_difference(stopped, loaded) == 0
    assert float(loaded.augment.probability.numpy()) == float(stopped.augment.probability.numpy())


@pytest.mark.usefixtures("eager")
def test_all_penalties_state_is_saved(tmp_path):
    x, y = small_data()
    straight = small_gan()
    straight.compile(penalties=[kga.penalties.LeCam(), kga.penalties.HistoricalAveraging(0.1), kga.penalties.R1(interval=2)])
    straight.fit(x, y, batch_size=8, epochs=1, verbose=0)
    straight.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    for gan in (straight, loaded):
        gan.fit(x, y, batch_size=8, epochs=2, initial_epoch=1, verbose=0)
    assert max_difference(straight, loaded) == 0
    assert float(loaded.penalties[0].real_mean.numpy()) == float(straight.penalties[0].real_mean.numpy()) != 0


@pytest.mark.parametrize(("name", "settings"), [("BEGAN", {}), ("WGAN", {}), ("SNGAN", {"loss": "relativistic"})])
def test_logits_whose_signs_mean_nothing_are_warned_about(name, settings):
    gan = getattr(kga, name)((8, 8, 1), 3, latent_dim=4, width=4)
    with pytest.warns(UserWarning, match=f"signs of logits.*{name}"):
        gan.compile(augment=kga.AdaptiveAugment("flip"), **settings)


def test_least_squares_logits_count_from_their_middle():
    gan = small_gan(cls=kga.LSGAN)
    gan.compile(augment=kga.AdaptiveAugment("flip", kimg=1))
    for logits, p in ((0.9, 0.04), (0.1, 0.0)):  # sure of real images, then not, four batches of ten each
        for _ in range(4):
            gan.augment.observe(tf.fill([10, 1], logits))
        assert float(gan.augment.probability.numpy()) == pytest.approx(p)


def test_a_probability_at_its_cap_is_warned_about():
    x, y = small_data()
    gan = small_gan()
    gan.compile(augment=kga.AdaptiveAugment("flip", target=0.0, kimg=1e-6, max_probability=0.3, initial_probability=0.3))
    gan.augment.observe = lambda logits: {"augment_p": 0.3}
    with pytest.warns(UserWarning, match="grown to its cap, max_probability=0.3"):
        gan.fit(x, y, batch_size=8, verbose=0)
