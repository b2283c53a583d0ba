"""Samples as folders of files, which `from_directory` reads back."""

import numpy as np
import pytest
import tensorflow as tf
from tools import known_generator, small_gan

import keras_ganaug as kga
from keras_ganaug.generators.generator import Generator

NAMES = ("Coat", "T-shirt/top", ".Bag")


def files_of(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*.png"))


def read(folder, size=8, **options):
    data = kga.datasets.from_directory(folder, size, "grayscale", verbose=False, shuffle=False, **options)
    return data.class_names, kga.datasets.to_arrays(data)


@pytest.mark.parametrize("value_range", [(0, 255), (-1, 1)])
def test_they_are_read_back_with_the_same_classes(tmp_path, value_range):
    gan = small_gan(class_names=NAMES, value_range=value_range)
    paths = kga.to_directory(gan, tmp_path / "out", {".Bag": 2, "Coat": 3, "T-shirt/top": 1}, seed=4)
    expected = ["Coat/synthetic-00001.png", "Coat/synthetic-00002.png", "Coat/synthetic-00003.png"]
    assert files_of(tmp_path / "out") == [*expected, "T-shirt_top/synthetic-00001.png", *files_of(tmp_path / "out")[4:]]
    assert len(paths) == 6
    folders = ["Coat", "T-shirt_top", "_Bag"]
    names, (images, labels) = read(tmp_path / "out", class_names=folders)
    assert names == folders
    np.testing.assert_array_equal(labels, [0, 0, 0, 1, 2, 2])
    low, high = value_range
    made = gan.generate([2, 2, 0, 0, 0, 1], seed=4)[[2, 3, 4, 5, 0, 1]]
    np.testing.assert_allclose(images, (made - low) / (high - low) * 255, atol=0.51)


def test_classes_without_names_have_numbers_in_order(tmp_path):
    generator = kga.generators.KerasModel(known_generator(), 12)
    generator.image_shape = (4, 3, 2)
    with pytest.raises(ValueError, match=r"1, 3 or 4 channels .*Received: images of shape \(4, 3, 2\)"):
        kga.to_directory(generator, tmp_path / "out", [1])
    assert not (tmp_path / "out").exists()
    gan = small_gan(num_classes=12)
    kga.to_directory(gan, tmp_path / "out", [10, 2])
    assert files_of(tmp_path / "out") == ["02/synthetic-00001.png", "10/synthetic-00001.png"]


def test_attributes_are_folders_within_each_other_and_no_classes_none(tmp_path):
    class Noise(Generator):
        image_shape, value_range = (8, 8, 3), (0.0, 1.0)

        def __init__(self, condition):
            self.condition = condition

        def sample(self, labels, seed, truncation=1.0):
            return tf.random.stateless_uniform([len(labels), 8, 8, 3], seed)

    names = {"style": ["photo", "sketch"]}
    both = Noise(kga.conditions.of({"garment": 3, "style": 2}, class_names=names))
    kga.to_directory(both, tmp_path / "both", {"garment": [2, 0, 2], "style": ["sketch", 0, "sketch"]})
    files = ["0/photo/synthetic-00001.png", "2/sketch/synthetic-00001.png", "2/sketch/synthetic-00002.png"]
    assert files_of(tmp_path / "both") == files
    assert read(tmp_path / "both")[0] == ["0", "2"]
    kga.to_directory(Noise(kga.conditions.of(None)), tmp_path / "none", 2, seed=1)
    assert files_of(tmp_path / "none") == ["synthetic-00001.png", "synthetic-00002.png"]
    assert kga.to_directory(both, tmp_path / "none", [], overwrite=True) == []


def test_nothing_is_overwritten_without_being_told(tmp_path):
    gan = small_gan(class_names=NAMES)
    (tmp_path / "real.png").write_text("mine")
    with pytest.raises(ValueError, match=r"`directory` must be .*`overwrite=True`.*Received: .*'real.png'"):
        kga.to_directory(gan, tmp_path, {"Coat": 1})
    assert files_of(tmp_path) == ["real.png"]
    first = kga.to_directory(gan, tmp_path, {"Coat": 1}, seed=1, overwrite=True)
    content = tf.io.read_file(first[0]).numpy()
    assert kga.to_directory(gan, tmp_path, {"Coat": 1}, seed=2, overwrite=True) == first
    assert tf.io.read_file(first[0]).numpy() != content
    assert (tmp_path / "real.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("labels", lambda gan, path: kga.to_directory(gan, path, {"Cot": 1})),
        ("labels", lambda gan, path: kga.to_directory(small_gan(class_names=["a/b", "a:b", "c"]), path, [0, 1])),
        ("truncation", lambda gan, path: kga.to_directory(gan, path, [0], truncation=2)),
        ("overwrite", lambda gan, path: kga.to_directory(gan, path, [0], overwrite="yes")),
        ("generator", lambda gan, path: kga.to_directory(3, path, [0])),
        ("directory", lambda gan, path: kga.to_directory(gan, 3, [0])),
    ],
)
def test_what_is_refused_before_anything_is_written(tmp_path, argument, call):
    with pytest.raises((ValueError, TypeError), match=f"`{argument}` .*Received"):
        call(small_gan(class_names=NAMES), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_class_that_was_never_seen_is_told(tmp_path):
    generator = kga.load_pretrained("digits")
    generator.unseen_classes = (3,)
    with pytest.warns(UserWarning, match=r"has seen no image .*\[3\]"):
        kga.to_directory(generator, tmp_path, {"3": 1})
