"""GANs that start from the weights of others."""

import numpy as np
import pytest
from tools import public, small_data, small_gan

import keras_ganaug as kga

pytestmark = pytest.mark.usefixtures("eager")
SHAPE = (8, 8, 1)
ALL, DAILY = public(kga.GAN).values(), (kga.SNGAN, kga.StyleGAN)
OWN = {"ProgressiveGAN": {"fade_images": 64, "stable_images": 64}}
SPECTRAL = (kga.SNGAN, kga.SAGAN)
"""More rows that are alike have a larger spectral norm, by which the embedding of classes is divided."""


def made(cls, num_classes, **options):
    return cls(SHAPE, num_classes, latent_dim=4, width=4, **{"seed": 1, **OWN.get(cls.__name__, {}), **options})


def axis_of(one, two):
    return [n for n, (a, b) in enumerate(zip(one.shape, two.shape, strict=True)) if a != b]


@pytest.mark.parametrize("cls", [pytest.param(cls, marks=() if cls in DAILY else pytest.mark.long) for cls in ALL])
def test_where_old_classes_are_alike_new_ones_are_the_same(cls):
    """Of a GAN whose weights do not tell its three classes apart, five classes make the same images and logits."""
    old, other = made(cls, 3), made(cls, 4)
    for name in ("generator", "discriminator", "ema_generator"):
        network, values = getattr(old, name), []
        for weight, of_four in zip(network.weights, getattr(other, name).weights, strict=True):
            value = np.asarray(weight) + 0.1  # biases and such differ from their start
            for axis in axis_of(weight, of_four):
                shared, classes = np.split(value, [value.shape[axis] - 3], axis)
                value = np.concatenate([shared, np.repeat(classes.mean(axis, keepdims=True), 3, axis)], axis)
            values.append(value)
        network.set_weights(values)
    new = cls.from_pretrained(old, num_classes=5, seed=1)
    assert new.num_classes == 5 and type(new) is type(old) and new.latent_dim == 4 and new.width == 4
    np.testing.assert_allclose(new.generate([3, 4], seed=2), old.generate([0, 1], seed=2), atol=0.05)
    images = np.random.default_rng(0).uniform(-1, 1, [2, *SHAPE]).astype("float32")
    logits = [gan.logits_of(gan.discriminator([images, np.array(labels)])) for gan, labels in ((new, [3, 4]), (old, [0, 1]))]
    if cls not in SPECTRAL:
        np.testing.assert_allclose(*map(np.asarray, logits), rtol=1e-3, atol=1e-3)


def test_as_many_classes_keep_their_weights_and_names(tmp_path):
    old = made(kga.SNGAN, 3, class_names=["a", "b", "c"])
    old.compile()
    old.fit(*small_data(24), batch_size=8, verbose=0)
    old.save(tmp_path / "old.keras")
    new = kga.SNGAN.from_pretrained(tmp_path / "old.keras", num_classes=3, seed=5)
    np.testing.assert_array_equal(new.generate({"b": 3}, seed=1), old.generate({"b": 3}, seed=1))
    assert int(new.step) == 0 and new.seed == 5
    new.compile()
    new.fit(*small_data(24), batch_size=8, verbose=0)
    assert int(new.step) == 3


def test_an_attribute_of_as_many_values_keeps_its_weights():
    """The values of "a" are alike, those of "b" are not: five values of "a" and the same two of "b" make the same images."""
    sizes = {"a": 3, "b": 2}
    old, other = made(kga.SNGAN, sizes), made(kga.SNGAN, {"a": 4, "b": 2})
    values = []
    for weight, of_four in zip(old.ema_generator.weights, other.ema_generator.weights, strict=True):
        value = np.random.default_rng(0).normal(np.asarray(weight), 0.1)
        for axis in axis_of(weight, of_four):
            shared, a, b = np.split(value, [value.shape[axis] - 5, value.shape[axis] - 2], axis)
            value = np.concatenate([shared, np.repeat(a.mean(axis, keepdims=True), 3, axis), b], axis)
        values.append(np.abs(value) if "variance" in weight.name else value)
    old.ema_generator.set_weights(values)
    new = kga.SNGAN.from_pretrained(old, num_classes={"a": 5, "b": 2})
    images = old.generate({"a": [0, 2], "b": [0, 1]}, seed=1)
    np.testing.assert_allclose(new.generate({"a": [4, 3], "b": [0, 1]}, seed=1), images, atol=0.05)
    assert np.abs(images - new.generate({"a": [4, 3], "b": [1, 0]}, seed=1)).mean() > 0.5
    of_reacgan = kga.ReACGAN.from_pretrained(made(kga.ReACGAN, sizes), num_classes={"a": 3, "b": 4})
    assert of_reacgan.discriminator.output[1].shape[1] == 7


def test_no_classes():
    old = made(kga.SNGAN, None)
    np.testing.assert_array_equal(kga.SNGAN.from_pretrained(old).generate(2, seed=1), old.generate(2, seed=1))


def test_what_does_not_fit_is_told(tmp_path):
    with pytest.raises(TypeError, match=r"`path` must be a StyleGAN .*Received: a SNGAN"):
        kga.StyleGAN.from_pretrained(small_gan(), num_classes=2)
    with pytest.raises(ValueError, match=r"the \w+ must be the default network of its class"):
        kga.SNGAN.from_pretrained(small_gan(), num_classes=2)
    sizes = {"a": 3, "b": 2}
    for before, after in (
        (None, 3),
        (3, None),
        (sizes, 3),
        (3, {"a": 3}),
        (sizes, {"b": 2, "a": 3}),
        (sizes, {"a": 3, "c": 2}),
    ):
        with pytest.raises(ValueError, match=r"`num_classes` must have the attributes of the other GAN.*Received"):
            kga.SNGAN.from_pretrained(made(kga.SNGAN, before), num_classes=after)
    with pytest.raises(ValueError, match=r"`path` must be .*, which does not exist"):
        kga.SNGAN.from_pretrained(tmp_path / "missing.keras", num_classes=2)
    (tmp_path / "broken.keras").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"`path` must be .*, a broken file"):
        kga.SNGAN.from_pretrained(str(tmp_path / "broken.keras"), num_classes=2)
    with pytest.raises(TypeError, match="`path` must be a path"):
        kga.SNGAN.from_pretrained(3, num_classes=2)
    small_gan().export(tmp_path / "export")
    with pytest.raises(TypeError, match=r"`path` must be a SNGAN or the `.keras` file of one\. Received: a SavedModel"):
        kga.SNGAN.from_pretrained(tmp_path / "export", num_classes=2)
