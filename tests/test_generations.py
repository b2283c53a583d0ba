"""What one generation of Keras exports, the other uses; what it cannot read, it says."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug import _compat

FOLDER = Path(__file__).parent / "fixtures"
OTHER = FOLDER / ("keras_2" if _compat.KERAS_3 else "keras_3")
BOTH = [FOLDER / "keras_2", FOLDER / "keras_3"]


def _make():
    spec = importlib.util.spec_from_file_location("make_fixtures", FOLDER / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("folder", BOTH, ids=lambda folder: folder.name)
def test_exports_give_the_same_images_on_both(folder):
    make = _make()
    exported = tf.saved_model.load(str(folder / "export"))
    images = exported.generate(tf.constant(make.LABELS), tf.constant(make.SEED)).numpy()
    np.testing.assert_allclose(images, np.load(folder / "images.npy"), atol=1e-3)  # of 0 to 255
    assert np.ptp(images) > 10
    assert np.abs(images[2] - images[3]).max() > 1  # of one class, but not one image


@pytest.mark.parametrize("folder", BOTH, ids=lambda folder: folder.name)
def test_augmentations_take_exports_of_both(folder):
    layer = kga.GANAugmentation(folder / "export", fraction=0.5, seed=1)
    images, labels = layer(np.zeros([4, 4, 4, 1], "uint8"), np.array([0, 1, 2, 0]), training=True)
    assert (images.numpy() != 0).any((1, 2, 3)).sum() == 2
    assert labels.numpy().tolist() == [0, 1, 2, 0]


def test_a_keras_file_of_the_other_generation_says_so():
    with pytest.raises(Exception, match=r"was saved by Keras \d, whose `.keras` files Keras \d cannot read"):
        keras.models.load_model(OTHER / "gan.keras")
    with pytest.raises(ValueError, match=r"`generator` must be.*was saved by Keras \d"):
        kga.GANAugmentation(OTHER / "gan.keras")


def test_a_keras_file_of_this_generation_is_read():
    loaded = keras.models.load_model(FOLDER / ("keras_3" if _compat.KERAS_3 else "keras_2") / "gan.keras")
    make = _make()
    images = loaded.sample(tf.constant(make.LABELS), tf.constant(make.SEED)).numpy()
    expected = np.load(FOLDER / ("keras_3" if _compat.KERAS_3 else "keras_2") / "images.npy")
    np.testing.assert_allclose(images, expected, atol=1e-3)
