"""A generator that starts as a decoder."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import max_difference, small_data, small_gan, small_networks, weights

import keras_ganaug as kga
from keras_ganaug.callbacks import AutoencoderStart

X, Y = small_data()


def start(gan, eager=True, **options):
    """The callback after what it does when an epoch begins."""
    callback = AutoencoderStart(X, None if gan.num_classes is None else Y, **options)
    gan.compile(run_eagerly=eager)
    callback.set_model(gan)
    callback.on_epoch_begin(0)
    return callback


@pytest.mark.slow
@pytest.mark.parametrize(("cls", "num_classes"), [(kga.SNGAN, None), pytest.param(kga.BEGAN, 3, marks=pytest.mark.long)])
def test_the_generator_learns_to_draw_the_training_images(cls, num_classes):
    generator = small_networks(num_classes=num_classes)["generator"]
    gan = cls((8, 8, 1), num_classes, latent_dim=4, width=4, seed=1, generator=generator)
    callback = start(gan, eager=False, steps=150, learning_rate=1e-2)
    assert len(callback.history["loss"]) == 1
    images = gan.generate(60 if num_classes is None else np.repeat([0, 1, 2], 20), seed=1)  # by the averaged weights
    brightness = [X[Y == c].mean() for c in range(3)]
    if num_classes is None:
        assert images.mean() == pytest.approx(np.mean(brightness), abs=25)
    else:
        np.testing.assert_allclose(images.reshape(3, -1).mean(1), brightness, atol=25)


@pytest.mark.parametrize("cls", [kga.StyleGAN, kga.ProgressiveGAN])
def test_any_generator_starts(cls):
    gan = cls((8, 8, 1), 3, latent_dim=4, width=4, seed=1)
    before = weights(gan.generator)
    callback = start(gan, steps=2)
    assert np.isfinite(callback.history["loss"]).all()
    assert max(np.abs(a - b).max() for a, b in zip(before, weights(gan.generator), strict=True)) > 1e-4


def test_latents_are_those_of_the_prior():
    numbers = tf.random.stateless_normal([20000], [1, 2])
    uniform = kga.BEGAN((8, 8, 1), latent_dim=4).latents_from_normal(numbers)
    np.testing.assert_allclose(np.quantile(uniform, [0.1, 0.25, 0.5, 0.75, 0.9]), [-0.8, -0.5, 0, 0.5, 0.8], atol=0.03)
    assert kga.GAN((8, 8, 1)).latents_from_normal(numbers) is numbers


@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_codes_and_noise_together_have_the_deviation_of_latents(noise):
    gan = small_gan(num_classes=None)
    callback = AutoencoderStart(X, noise=noise)
    callback.set_model(gan)
    model = callback._autoencoder(gan)
    (latents,) = (layer.output for layer in model.layers if isinstance(layer, keras.layers.Lambda))
    images = np.random.default_rng(0).uniform(-1, 1, [2000, 8, 8, 1]).astype("float32")
    added = noise * np.random.default_rng(1).normal(size=[2000, 4]).astype("float32")
    values = keras.Model(model.inputs, latents)([images, added], training=True)
    np.testing.assert_allclose(np.std(values, 0), 1.0, atol=0.06)
    np.testing.assert_allclose(np.mean(values, 0), 0.0, atol=0.06)


def test_the_same_seed_gives_the_same_start():
    gans = [small_gan(seed=seed) for seed in (1, 1, 2)]
    for gan in gans:
        start(gan, steps=3)
    assert max_difference(*gans[:2]) == 0 != max_difference(*gans[1:])


def test_batches_are_rows_of_the_images_and_no_graph_holds_them_all():
    rng = np.random.default_rng(1)
    images = rng.uniform(0, 255, [1000, 8, 8, 1]).astype("float32")
    gan = small_gan()
    callback = AutoencoderStart(images, np.arange(1000) % 3, steps=3, batch_size=5)
    callback.set_model(gan)
    batches = callback._batches(gan)
    graph = batches._dataset_graph if hasattr(batches, "_dataset_graph") else None
    serialized = (graph or batches._as_serialized_graph()).numpy()
    assert len(serialized) < images.nbytes / 4
    for (shown, _, labels), target in batches:
        for image, label in zip(shown.numpy(), labels.numpy(), strict=True):
            (row,) = np.flatnonzero(np.abs(images / 127.5 - 1 - image).max((1, 2, 3)) < 1e-5)
            assert row % 3 == label
        np.testing.assert_array_equal(shown, target)


def test_it_comes_before_the_first_step_and_not_again():
    gan = small_gan()
    gan.compile(run_eagerly=True)
    before, first, second = weights(gan.generator), AutoencoderStart(X, Y, steps=2), AutoencoderStart(X, Y, steps=2)
    gan.fit(X, Y, batch_size=8, epochs=1, steps_per_epoch=1, verbose=0, callbacks=[first])
    gan.fit(X, Y, batch_size=8, epochs=2, initial_epoch=1, steps_per_epoch=1, verbose=0, callbacks=[second])
    assert first.history and second.history is None
    # Adam's rate of 1e-3 in two steps, and of 2e-4 in one of the GAN.
    assert max(np.abs(a - b).max() for a, b in zip(before, weights(gan.generator), strict=True)) > 1e-3


def test_one_callback_starts_several_gans():
    first, second = small_gan(), small_gan()
    callback = start(first, steps=2)
    second.compile(run_eagerly=True)
    callback.set_model(second)
    callback.on_epoch_begin(0)
    assert max_difference(first, second) == 0


def test_all_classes_are_shown_equally_often():
    x, y = np.concatenate([X[Y == 0], X[Y == 1][:1]]), np.repeat([0, 1], [8, 1])
    gan = small_gan(num_classes=3)
    callback = AutoencoderStart(x, y, steps=100)
    callback.set_model(gan)
    labels = np.concatenate([given[-1] for (given, _) in callback._batches(gan)])
    assert 0.45 < labels.mean() < 0.55


@pytest.mark.parametrize(
    ("images", "labels", "options", "words"),
    [
        (X, Y, {"steps": 0}, "`steps`"),
        (X, Y, {"noise": -1}, "`noise`"),
        (X, Y, {"learning_rate": 0}, "`learning_rate`"),
        (X, None, {}, "`labels`"),
        (X[:, :4], Y, {}, "8, 8, 1)"),
        (X, Y + 5, {}, "labels"),
    ],
)
def test_bad_arguments(images, labels, options, words):
    gan = small_gan()
    gan.compile()
    with pytest.raises(ValueError, match="Received") as error:
        gan.fit(X, Y, verbose=0, callbacks=[AutoencoderStart(images, labels, **options)])
    assert words in str(error.value)
    assert int(gan.step.numpy()) == 0


def test_a_generator_of_several_attributes_starts_with_all_combinations_equally_often():
    styles = (np.arange(len(X)) >= len(X) - 6).astype(int)  # a quarter of the images has the other style
    gan = kga.SNGAN((8, 8, 1), {"brightness": 3, "style": 2}, latent_dim=4, width=4, seed=1)
    gan.compile(run_eagerly=True)
    callback = AutoencoderStart(X, {"brightness": Y, "style": styles}, steps=100)
    callback.set_model(gan)
    labels = np.concatenate([given[-1] for (given, _) in callback._batches(gan)])
    combinations, counts = np.unique(labels, axis=0, return_counts=True)
    assert len(combinations) == 6
    np.testing.assert_allclose(counts / len(labels), 1 / 6, atol=0.03)
    callback.steps = 1
    callback.on_epoch_begin(0)
    assert np.isfinite(callback.history["loss"]).all()
