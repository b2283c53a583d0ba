"""The generators in `saved_models/`: small, readable by TensorFlow alone, ready to map, each class apart from the others."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug.datasets.ready_made import _CLOTHES as CLOTHES

FOLDER = Path(__file__).resolve().parents[2] / "saved_models"
NAMES = ["digits", "fashion_mnist"]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_and_has_a_card(name):
    files = [file for file in (FOLDER / name).rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 5e6
    card = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    for word in ("Data", "Made by", "seed", "Licence", "GAN-test", "samples.png"):
        assert word in card


@pytest.mark.parametrize("name", NAMES)
def test_its_classes_look_like_the_real_ones(name):
    """The mean image of each class is nearest to the mean real image of that class."""
    if name == "fashion_mnist" and not kga.datasets._DEBIAN_FASHION_MNIST.is_dir():
        pytest.skip("needs Debian's dataset-fashion-mnist")
    x, y = kga.datasets.to_arrays(kga.datasets.load(name)[0].take(3000))
    generator = tf.saved_model.load(str(FOLDER / name))
    labels = np.repeat(np.arange(10), 100).astype("int32")
    images = generator.generate(labels, np.array([1, 2], "int32")).numpy()
    assert images.min() >= 0
    assert images.max() <= 255
    real = np.stack([x[y == c].mean(0) for c in range(10)]).reshape(10, 1, -1)
    made = np.stack([images[labels == c].mean(0) for c in range(10)]).reshape(1, 10, -1)
    np.testing.assert_array_equal(((real - made) ** 2).sum(-1).argmin(0), np.arange(10))
    assert min(spread(images[labels == c]) / spread(x[y == c]) for c in range(10)) > 0.65  # no class has collapsed


def spread(images):
    """Mean distance between two images."""
    rows = images.reshape(len(images), -1).astype("float64")
    squared = (rows**2).sum(1)[:, None] + (rows**2).sum(1)[None] - 2 * rows @ rows.T
    return np.sqrt(np.maximum(squared, 0)).sum() / (len(rows) * (len(rows) - 1))


@pytest.mark.parametrize("name", NAMES)
def test_it_can_become_a_file_of_other_formats(name):
    """It has the function of latents that ONNX and LiteRT hold; its samples are those of the same latents."""
    loaded = tf.saved_model.load(str(FOLDER / name))
    latents = np.random.default_rng(0).normal(size=[400, {"digits": 32, "fashion_mnist": 64}[name]]).astype("float32")
    labels = np.arange(400, dtype="int32") % 10
    images = loaded.signatures["from_latents"](latents=latents, labels=labels)["images"].numpy()
    drawn = loaded.generate(labels, np.array([1, 2], "int32")).numpy()
    by_class = [[part[labels == c].mean() for c in range(10)] for part in (images, drawn)]
    np.testing.assert_allclose(*by_class, rtol=0.15)


@pytest.mark.parametrize("name", NAMES)
def test_it_maps_over_a_dataset(name):
    train, _ = kga.datasets.load("digits") if name == "digits" else (None, None)
    shape = (8, 8, 1) if name == "digits" else (28, 28, 1)
    if train is None:
        train = tf.data.Dataset.from_tensor_slices((np.zeros([64, *shape], "uint8"), np.arange(64) % 10))
    augment = kga.gan_augment(FOLDER / name, fraction=0.25, bank_size=100, seed=1)
    batch, (images, labels) = next(iter(train.batch(64))), next(iter(train.batch(64).map(augment)))
    assert (images.dtype, labels.dtype) == (tf.uint8, batch[1].dtype)
    assert (images.numpy() != batch[0].numpy()).any((1, 2, 3)).sum() == 16
    np.testing.assert_array_equal(labels, batch[1])


@pytest.mark.parametrize("name", NAMES)
def test_it_is_loaded_by_its_name_and_knows_its_classes(name):
    generator = kga.load_pretrained(name)
    assert generator.class_names == tuple(kga.datasets.load(name)[0].class_names if name == "digits" else CLOTHES)
    by_name = generator.generate({generator.class_names[4]: 2}, seed=3)
    np.testing.assert_array_equal(by_name, generator.generate([4, 4], seed=3))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"`name` must be one of \['digits', 'fashion_mnist'\]. Received: name='cifar'"):
        kga.load_pretrained("cifar")


def test_they_are_in_the_package_that_is_built(tmp_path, monkeypatch):
    pytest.importorskip("setuptools")
    subprocess.run([sys.executable, "setup.py", "-q", "build_py", "-d", tmp_path], cwd=FOLDER.parent, check=True)
    built = tmp_path / "keras_ganaug" / "saved_models"
    assert {file.suffix for file in built.rglob("*") if file.is_file()} == {".pb", ".json", ".index", ".data-00000-of-00001"}
    monkeypatch.setattr(kga.generators.pretrained, "_FOLDERS", (built, FOLDER))
    assert kga.load_pretrained("digits").path == str(built / "digits")
