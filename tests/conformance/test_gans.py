"""One set of tests for all GANs: what the contract promises of each."""

import inspect
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import finite, lowered_to_xla, max_difference, public, small_data, small_gan

import keras_ganaug as kga

ALL = list(public(kga.GAN).values())
X, Y = small_data(12)


@pytest.fixture(scope="module", params=ALL, ids=lambda cls: cls.__name__)
def gan(request):
    gan = request.param((8, 8, 1), num_classes=3, latent_dim=4, width=8, seed=1)
    gan.compile(run_eagerly=True, d_steps=1, augment=kga.DiffAugment("translation"))
    return gan


@pytest.mark.slow
def test_its_step_is_lowered_to_xla(gan):
    lowered_to_xla(gan, X[:4], Y[:4])


@pytest.mark.slow
def test_width_is_that_of_both_networks(gan):
    narrow = type(gan)((8, 8, 1), num_classes=3, latent_dim=4, width=4, seed=1)
    for network in ("generator", "discriminator"):
        assert getattr(narrow, network).count_params() < getattr(gan, network).count_params() / 2


def test_with_classes_trained_saved_and_exported(gan, tmp_path):
    history = gan.fit(X, Y, batch_size=4, epochs=1, steps_per_epoch=1, verbose=0)
    assert finite(history)
    assert {"d_loss", "g_loss"} <= set(history.history)
    labels = [0, 1, 2, 1]
    images = gan.generate(labels, seed=1)
    assert images.shape == (4, 8, 8, 1)
    assert images.min() >= 0
    assert images.max() <= 255
    np.testing.assert_array_equal(images, gan.generate(labels, seed=1))
    assert not np.array_equal(images, gan.generate(labels, seed=2))

    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert type(loaded) is type(gan)
    assert loaded.get_config().keys() == gan.get_config().keys()
    np.testing.assert_array_equal(images, loaded.generate(labels, seed=1))
    loaded.run_eagerly = True
    for model in (gan, loaded):
        model.fit(X, Y, batch_size=4, epochs=2, initial_epoch=1, steps_per_epoch=1, verbose=0)
    assert max_difference(gan, loaded) < 1e-6
    for name in ("g_optimizer", "d_optimizer"):
        for a, b in zip(getattr(loaded, name).variables, getattr(gan, name).variables, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)

    gan.export(tmp_path / "exported")
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    ours = gan.generate(labels, seed=(5, 6))
    np.testing.assert_allclose(exported.generate(tf.constant(labels), tf.constant([5, 6])), ours, atol=0.5)


def arguments(doc):
    """The entries of a docstring's `Args:`, by name."""
    section = re.search(r"^Args:\n((?:    .*\n)*)", inspect.cleandoc(doc) + "\n", re.MULTILINE)[1]
    entries = re.findall(r"^ {4}\**(\w.*?): ((?:.*\n)(?: {8}.*\n)*)", section, re.MULTILINE)
    return {name: text for names, text in entries for name in names.split(", ")}


@pytest.mark.parametrize("cls", ALL)
def test_help_tells_all_arguments_and_their_defaults(cls):
    for function, doc in ((cls, cls.__doc__), (cls.compile, cls.compile.__doc__), (cls.fit, cls.fit.__doc__)):
        told, taken = arguments(doc), inspect.signature(function).parameters
        assert set(taken) - {"self", "kwargs"} <= set(told)
        for name, text in told.items():
            default = getattr(taken.get(name), "default", inspect.Parameter.empty)
            if default is not inspect.Parameter.empty and (default is not None or function is cls):
                assert "Default" in text, name
    assert set(cls.own_arguments) <= set(inspect.signature(cls).parameters)


@pytest.mark.parametrize("cls", ALL)
def test_without_classes_and_of_any_shape(cls, tmp_path):
    x = np.random.default_rng(0).uniform(-2, 3, [4, 9, 12, 2]).astype("float32")
    if cls is kga.TACGAN:
        pytest.skip("its twin needs classes")
    gan = cls((9, 12, 2), value_range=(-2, 3), width=8, seed=1)
    gan.compile(run_eagerly=cls is not kga.SNGAN, d_steps=1)  # one of them in a graph
    history = gan.fit(tf.data.Dataset.from_tensor_slices(x).batch(4), epochs=1, verbose=0)
    assert finite(history)
    images = gan.generate(3, seed=1)
    assert images.shape == (3, 9, 12, 2)
    assert images.min() >= -2
    assert images.max() <= 3
    # Each image is its own latents' alone.
    np.testing.assert_allclose(gan.generate(2, seed=1), images[:2], atol=1e-3)

    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(images, loaded.generate(3, seed=1))
    gan.export(tmp_path / "exported")
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    ours = gan.generate(3, seed=(5, 6))
    np.testing.assert_allclose(exported.generate(tf.zeros([3], tf.int32), tf.constant([5, 6])), ours, atol=0.02)


@pytest.mark.parametrize("cls", [kga.ACGAN, kga.BEGAN, kga.StyleGAN, kga.SAGAN, kga.ProgressiveGAN])
def test_mixed_precision(cls, mixed_bfloat16):
    gan = cls((8, 8, 1), num_classes=3, latent_dim=4, seed=1)
    gan.compile(run_eagerly=True)
    assert finite(gan.fit(X, Y, batch_size=12, epochs=1, verbose=0))
    assert gan.generate([1]).dtype == np.float32


@pytest.mark.slow
@pytest.mark.parametrize("cls", [kga.WGAN, kga.WGANGP, kga.LSGAN, kga.CGAN])
def test_the_losses_teach_what_the_classes_look_like(cls):
    x, y = small_data(240)
    gan = small_gan(cls=cls)
    options = {"g_optimizer": keras.optimizers.Adam(5e-3, 0.0, 0.9), "d_optimizer": keras.optimizers.Adam(5e-3, 0.0, 0.9)}
    epochs = 100
    if cls is kga.WGAN:  # weights of up to 0.01 are for wider networks
        epochs = 200
        options = {"g_optimizer": keras.optimizers.RMSprop(5e-3), "d_optimizer": keras.optimizers.RMSprop(5e-3)}
        options["penalties"] = [kga.penalties.WeightClipping(0.3)]
    gan.compile(**options, ema_decay=0.98, d_steps=2)
    gan.fit(x, y, batch_size=24, epochs=epochs, verbose=0)
    means = gan.generate(np.repeat([0, 1, 2], 100), seed=1).reshape(3, -1).mean(1)
    np.testing.assert_allclose(means, [x[y == c].mean() for c in range(3)], atol=25)


def test_the_papers_settings():
    def settings(cls):
        gan = small_gan(cls=cls)
        gan.compile()
        rates = [float(np.asarray(optimizer.learning_rate)) for optimizer in (gan.g_optimizer, gan.d_optimizer)]
        return type(gan.adversarial_loss).__name__, gan.d_steps, [type(p).__name__ for p in gan.penalties], rates

    near = pytest.approx
    assert settings(kga.GAN) == ("NonSaturating", 1, [], near([2e-4, 2e-4]))
    assert settings(kga.WGAN) == ("Wasserstein", 5, ["WeightClipping"], near([5e-5, 5e-5]))
    assert settings(kga.WGANGP) == ("Wasserstein", 5, ["GradientPenalty"], near([2e-4, 2e-4]))
    assert settings(kga.LSGAN) == ("LeastSquares", 1, [], near([2e-4, 2e-4]))
    assert settings(kga.SNGAN) == ("Hinge", 1, [], near([2e-4, 2e-4]))
    assert settings(kga.SAGAN) == ("Hinge", 1, [], near([1e-4, 4e-4]))
    assert settings(kga.ProgressiveGAN) == ("Wasserstein", 1, ["GradientPenalty", "Drift"], near([1e-3, 1e-3]))
    assert settings(kga.StyleGAN) == ("NonSaturating", 1, ["R1"], near([1e-3, 1e-3]))


@pytest.mark.parametrize("cls", [kga.ProgressiveGAN, kga.StyleGAN])
def test_minibatch_stddev_is_taken_within_classes(cls):
    gan = cls((8, 8, 1), num_classes=3, latent_dim=4, seed=1, width=4)
    seen, labels = [], np.repeat([0, 1], 4)  # groups are every other image: not of one class as they come
    images = np.full([8, 8, 8, 1], 0, "uint8") + (10 * labels + np.arange(8)).astype("uint8")[:, None, None, None]
    gan.compile(run_eagerly=True, augment=lambda images, seed: seen.append(images) or images)
    gan.train_step((tf.constant(images), tf.constant(labels)))
    shown = next(np.asarray(x) for x in seen if not np.ptp(np.asarray(x)[0]))  # the real ones are of one grey each
    groups = np.round((shown[:, 0, 0, 0] + 1) * 127.5).reshape(4, 2).T
    np.testing.assert_array_equal(groups, [[0, 1, 2, 3], [14, 15, 16, 17]])


def test_width_is_saved_and_checked():
    gan = kga.SNGAN((8, 8, 1), width=4)
    assert kga.SNGAN.from_config(gan.get_config()).width == 4
    with pytest.raises(ValueError, match="`width`"):
        kga.GAN((8, 8, 1), width=0)
