"""The lane of tensorflow-addons: its parts in our models, and ours against its. Runs where it is installed."""

import importlib.util
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga

ROOT = Path(__file__).resolve().parents[1]
if importlib.util.find_spec("tensorflow_addons") is None:
    pytest.skip("tensorflow-addons is not installed", allow_module_level=True)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import tensorflow_addons as tfa

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def example():
    path = ROOT / "examples" / "tensorflow_addons.py"
    spec = importlib.util.spec_from_file_location("addons_example", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.STEPS = 3
    return module


@pytest.fixture(scope="module")
def digits():
    images, labels = kga.datasets.to_arrays(kga.datasets.load("digits")[0])
    return images[:128], labels[:128]


@pytest.mark.parametrize("number", range(2))
def test_networks_of_its_layers(example, digits, number):
    norm, wrap, pool = list(example.NETWORKS.values())[number]
    networks = {"generator": example.generator(norm), "discriminator": example.discriminator(wrap, pool)}
    gan = kga.GAN(example.SHAPE, example.CLASSES, seed=1, **networks)
    gan.compile()
    before = [weight.numpy() for weight in gan.discriminator.trainable_variables]
    loss, same, went_on, _ = example.try_gan(gan, *digits)
    assert np.isfinite(float(loss))
    assert (same, went_on) == ("yes", "yes")
    after = gan.discriminator.trainable_variables
    assert all((a.numpy() != b).any() for a, b in zip(after, before))


@pytest.mark.parametrize("name", ["MovingAverage", "LAMB", "Lookahead", "AdamW"])
def test_its_optimizers(example, digits, name):
    gan = kga.SNGAN(example.SHAPE, example.CLASSES, latent_dim=4, seed=1)
    gan.compile(example.OPTIMIZERS[name](), example.OPTIMIZERS[name]())
    loss, same, went_on, _ = example.try_gan(gan, *digits)
    assert np.isfinite(float(loss))
    assert (same, went_on) == ("yes", "yes")  # its state is saved too: both go on alike
    assert int(gan.g_optimizer.iterations) == 2 * example.STEPS


def test_an_optimizer_steps_as_it_does_alone(digits):
    """One update through the GAN is the update that the optimizer makes of the same gradients."""
    gan = kga.SNGAN((8, 8, 1), 10, latent_dim=4, seed=1)
    gan.compile(tfa.optimizers.LAMB(1e-3), "sgd")
    variables = gan.generator.trainable_variables
    gradients = [tf.constant(RNG.normal(size=v.shape), tf.float32) for v in variables]
    copies = [tf.Variable(v) for v in variables]
    tfa.optimizers.LAMB(1e-3).apply_gradients(zip(gradients, copies))
    gan.g_optimizer.apply_gradients(zip(gradients, variables))
    for ours, theirs in zip(variables, copies):
        np.testing.assert_array_equal(ours, theirs)


def test_classifier_and_pipeline_of_the_example(example, digits):
    gan = kga.SNGAN(example.SHAPE, example.CLASSES, latent_dim=4, seed=1)
    assert "F1Score" in example.classifier_row(gan, *digits)
    assert "4 batches" in example.pipeline_row(gan, *digits)


def test_adain_normalises_as_its_instance_normalization_does():
    x, style = RNG.normal(size=[3, 5, 4, 6]).astype("float32") * 3 + 1, RNG.normal(size=[3, 7]).astype("float32")
    adain = kga.layers.AdaIN()
    adain([x, style])
    for weight in adain.weights:  # the identity as a style: scale 1, shift 0
        if "kernel" in weight.name:
            weight.assign(tf.zeros_like(weight))
    theirs = tfa.layers.InstanceNormalization(center=False, scale=False, epsilon=1e-8)
    np.testing.assert_allclose(adain([x, style]), theirs(x), atol=1e-5)


def test_both_spectral_normalizations_find_the_largest_singular_value():
    x = RNG.normal(size=[2, 12]).astype("float32")
    ours = kga.layers.SpectralNormalization(keras.layers.Dense(9, use_bias=False))
    theirs = tfa.layers.SpectralNormalization(keras.layers.Dense(9, use_bias=False))
    ours(x), theirs(x)
    kernel = RNG.normal(size=[12, 9]).astype("float32")
    sigma = np.linalg.svd(kernel, compute_uv=False)[0]
    ours.layer.kernel.assign(kernel)
    theirs.layer.kernel.assign(kernel)
    for _ in range(200):
        ours(x, training=True)
        theirs(x, training=True)
    np.testing.assert_allclose(ours(x), x @ kernel / sigma, atol=1e-4)
    np.testing.assert_allclose(theirs(x), x @ kernel / sigma, atol=1e-4)
    # What differs: ours leaves the kernel alone, theirs has overwritten it.
    np.testing.assert_array_equal(ours.layer.kernel, kernel)
    np.testing.assert_allclose(theirs.layer.kernel, kernel / sigma, atol=1e-4)


def test_a_gradient_goes_through_our_sigma_and_not_through_theirs():
    """Scaling a kernel changes nothing that is normalised: along it the gradient is 0, if it goes through σ."""
    x = RNG.normal(size=[4, 6]).astype("float32")
    alignments = []
    for layer in (kga.layers.SpectralNormalization, tfa.layers.SpectralNormalization):
        normalized = layer(keras.layers.Dense(5, use_bias=False))
        for _ in range(100):
            normalized(x, training=True)
        kernel = normalized.layer.kernel
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(normalized(x, training=True)))
        gradient = tape.gradient(loss, kernel)
        alignments.append(float(tf.reduce_sum(gradient * kernel) / (tf.norm(gradient) * tf.norm(kernel))))
    assert abs(alignments[0]) < 1e-3
    assert alignments[1] > 0.3


def test_its_end_is_told_once_and_in_our_words(example, monkeypatch):
    monkeypatch.setattr(kga._addons, "_said", set())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            gan = kga.SNGAN((8, 8, 1), 2, latent_dim=4, seed=1)
            gan.compile(example.OPTIMIZERS["LAMB"](), example.OPTIMIZERS["LAMB"]())
        norm, wrap, pool = next(iter(example.NETWORKS.values()))
        kga.GAN((8, 8, 1), 10, generator=example.generator(norm), discriminator=example.discriminator(wrap, pool))
    told = [str(w.message) for w in caught if "tensorflow-addons ended" in str(w.message)]
    assert len(told) == 1
    assert "docs/addons.md" in told[0]


def test_the_package_does_not_import_it():
    for path in (ROOT / "keras_ganaug").rglob("*.py"):
        assert "tensorflow_addons" not in path.read_text(encoding="utf-8"), path
