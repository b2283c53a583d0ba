"""Warnings about images that occur more than once name their files."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug.study import duplicates


@pytest.fixture
def folder(tmp_path):
    """Two classes of six images, of which some are copies."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dög"):
        (tmp_path / name).mkdir()
        for number in range(6):
            image = rng.integers(0, 256, [8, 8, 1], "uint8")
            tf.io.write_file(str(tmp_path / name / f"{number}.png"), tf.io.encode_png(image))
    shutil.copy(tmp_path / "cat" / "1.png", tmp_path / "dög" / "2.png")
    shutil.copy(tmp_path / "cat" / "1.png", tmp_path / "cat" / "5.png")
    return tmp_path


def read(folder, **options):
    return kga.datasets.from_directory(folder, 8, "grayscale", verbose=False, **options)


@pytest.mark.parametrize("shuffle", [False, True])
def test_copies_in_a_training_set_are_named(folder, shuffle):
    data = read(folder, shuffle=shuffle)
    images = kga.datasets.to_arrays(data)[0]
    with pytest.warns(UserWarning, match="2 of the 12 images of `train` are there once more") as told:
        duplicates.warn_of_repeated(images, data)
    text = str(told[0].message)
    assert text.count(" and ") == 2
    assert {part.strip(" .") for part in text.split("The same:")[1].replace(" and ", ",").split(",")} == {
        "cat/1.png",
        "cat/5.png",
        "dög/2.png",
    }


def test_images_of_two_parts_are_named(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(folder / "cat", other / "cat")
    shutil.copytree(folder / "dög", other / "dög")
    given = {"train": read(folder).batch(4), "test": read(other)}
    parts = {name: kga.datasets.to_arrays(data) for name, data in (("train", read(folder)), ("test", read(other)))}
    with pytest.warns(UserWarning, match="12 of the 12 images of `test` are in `train` too") as told:
        duplicates.warn_of_shared(parts, given, 3)
    assert "The same: cat/0.png and cat/0.png, " in str(told[0].message)
    assert ", and 7 more." in str(told[0].message)


def test_without_files_the_number_alone_is_told():
    images = np.zeros([4, 8, 8, 1], "uint8")
    with pytest.warns(UserWarning, match=r"3 of the 4 images.*Remove the duplicates\.$"):
        duplicates.warn_of_repeated(images, (images, [0, 1, 0, 1]))
