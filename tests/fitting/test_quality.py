"""What is said of generators whose quality is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import small_data

import keras_ganaug as kga
from keras_ganaug import conditions
from keras_ganaug.fitting import assessment
from keras_ganaug.generators.generator import Generator

X, Y = small_data(600)
TRAIN, TEST = (X[:300], Y[:300]), (X[300:], Y[300:])
NAMES = ("dark", "grey", "bright")


class Shows(Generator):
    """A generator that gives images of an array, of the class asked for but for what `other` adds."""

    image_shape, value_range = (8, 8, 1), (0.0, 255.0)

    def __init__(self, images, labels, condition=None, other=0):
        self.condition = conditions.of(3, class_names=NAMES) if condition is None else condition
        self.rows = [images[labels == c].astype("float32") for c in range(3)]
        self.other = other

    def images(self, labels, seed, truncation=1.0):
        labels = (labels[:, 0] if labels.ndim == 2 else labels) + self.other
        return np.stack([self.rows[c % 3][n % len(self.rows[c % 3])] for n, c in enumerate(labels)])


@pytest.fixture(autouse=True)
def _classifier(monkeypatch):
    """In place of one that is trained, one that names the class by the brightness, which tells it."""

    def train(images, labels, num_classes, **options):
        mean = keras.layers.GlobalAveragePooling2D()
        centres = np.array([20.0, 100.0, 180.0], "float32")
        name = keras.layers.Lambda(lambda x: -tf.abs(x - centres))
        return keras.Sequential([keras.Input((8, 8, 1)), mean, name])

    monkeypatch.setattr(assessment, "train_classifier", train)


def test_images_like_the_real_ones():
    pytest.importorskip("sklearn", reason="copies are found with it")
    fresh = np.clip(X.astype(int) + np.random.default_rng(3).integers(-20, 20, X.shape), 0, 255)
    result = kga.fitting.quality(Shows(fresh[::-1], Y[::-1]), TRAIN, TEST, samples=300)
    assert result.gan_test == result.real_test == 1
    assert f"of {result.held_out} unseen real images" in str(result)
    assert result.gan_test_by_class == dict.fromkeys(NAMES, 1.0)
    assert 0.9 < result.diversity < 1.5
    text = str(kga.fitting.quality(Shows(*TRAIN), TRAIN, TEST, samples=300))
    assert "assigns 100% of the samples" in text and "100% of the samples are closer" in text
    assert "copies of training images are among them" in text


def test_samples_that_are_wrong_and_alike():
    same = np.where(np.arange(300)[:, None, None, None] % 3 == 1, X[1], TRAIN[0])
    result = kga.fitting.quality(Shows(same, TRAIN[1]), TRAIN, TEST, samples=90)
    assert result.diversity_by_class["grey"] == 0
    assert "Samples of grey look much alike" in str(result)
    assert "Lowest: grey, 0%" in str(result)
    wrong = kga.fitting.quality(Shows(*TRAIN, other=1), TRAIN, samples=90)
    assert wrong.gan_test == 0
    assert "Many samples look wrong" in str(wrong)


def test_one_image_of_each_class():
    alone = X[:3], np.arange(3)
    result = kga.fitting.quality(Shows(*TRAIN), alone, samples=30)
    assert (result.diversity, result.diversity_by_class) == (None, {})
    assert "Diversity: not measured. This needs two different images of a class." in str(result)
    assert "nan" not in str(result)


def test_attributes_and_no_classes():
    both = conditions.of({"class": 3, "style": 2}, class_names={"class": NAMES})
    labels = {"class": TRAIN[1], "style": TRAIN[1] % 2}
    result = kga.fitting.quality(Shows(*TRAIN, both), (TRAIN[0], labels), samples=30)
    assert list(result.gan_test_by_class) == list(NAMES)
    assert result.gan_test == 1
    none = kga.fitting.quality(Shows(*TRAIN, conditions.of(None)), TRAIN[0][:100], samples=30)
    assert (none.gan_test, none.real_test, none.nearer_to_training) == (None, None, None)
    assert list(none.diversity_by_class) == ["all"]
    assert "Copies: not measured" in str(none)


def test_samples_of_one_training_image_are_not_cleared():
    """They are one observation, so no test can tell, and the words say so."""
    result = kga.fitting.Quality(None, {}, None, 0.1, {}, 1.0, 0.5)
    assert "too few different samples to tell" in str(result)
    assert "no sign of copies" in str(result._replace(nearer_to_training=0.55))
    assert "copies of training images are among them" in str(result._replace(p_value=1e-4))


class Named:
    """A pair of arrays as a dataset with class names."""

    def __new__(cls, images, labels, class_names):
        data = tf.data.Dataset.from_tensor_slices((images, labels))
        data.class_names = class_names
        return data


def test_classes_are_matched_by_name():
    some = TRAIN[1] != 0  # the folder has no "dark", so its numbers are shifted, and it has another order
    folder = Named(TRAIN[0][some], np.where(TRAIN[1][some] == 1, 1, 0), ["bright", "grey"])
    result = kga.fitting.quality(Shows(*TRAIN), folder, samples=30)
    assert result.gan_test == 1
    assert set(result.gan_test_by_class) == set(result.diversity_by_class) == {"grey", "bright"}
    one_hot = Named(TRAIN[0][some], np.eye(2, dtype="float32")[np.where(TRAIN[1][some] == 1, 1, 0)], ["bright", "grey"])
    assert kga.fitting.quality(Shows(*TRAIN), one_hot, samples=30) == result
    assert kga.fitting.quality(Shows(*TRAIN, conditions.of(3)), TRAIN, folder, samples=30).gan_test == 1
    slashed = conditions.of(3, class_names=("dark", "grey/brown", "bright"))  # `to_directory` writes it to "grey_brown"
    folder.class_names = ["bright", "grey_brown"]
    assert kga.fitting.quality(Shows(*TRAIN, slashed), folder, samples=30).gan_test == 1
    by_style = conditions.of({"class": 3, "style": 2}, class_names={"class": NAMES, "style": ("a", "b")})
    labels = {"style": TRAIN[1] % 2, "class": 2 - TRAIN[1]}
    data = Named(TRAIN[0], labels, {"class": NAMES[::-1], "style": ["a", "b"]})
    assert kga.fitting.quality(Shows(*TRAIN, by_style), data, samples=30).gan_test == 1


@pytest.mark.parametrize("names", [["bright", "fox", "grey"], ["cat", "dog", "fox"]])
def test_other_classes_are_an_error(names):
    with pytest.raises(ValueError, match=r"`train` must have .*dark.*grey.*bright.*Received.*fox.*cannot be compared"):
        kga.fitting.quality(Shows(*TRAIN), Named(*TRAIN, names))
    with pytest.raises(ValueError, match=r"`test` must have .*dark"):
        kga.fitting.quality(Shows(*TRAIN), TRAIN, Named(*TRAIN, names))
