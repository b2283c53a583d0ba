"""Names of classes: from the data into the GAN, its files and its exports, and back as labels."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import Frame, small_data, small_gan

import keras_ganaug as kga
from keras_ganaug import conditions
from keras_ganaug.datasets.pairs import class_names_of, named
from keras_ganaug.generators.generator import Generator, as_generator, checked

X, Y = small_data()
NAMES = ("Coat", "Bag", "T-shirt/top")
SIZES = {"garment": 3, "style": 2}
STYLES = {"garment": NAMES, "style": ("photo", "sketch")}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"Coat": 2, "T-shirt/top": 1}, [0, 0, 2]),
        ({"Bag": 1, 0: 2}, [1, 0, 0]),
        ({np.int64(2): np.int64(2), "Coat": 0}, [2, 2]),
        ({}, []),
        (["Bag", "Coat"], [1, 0]),
        (["Bag", 2], [1, 2]),
        (np.array(["Bag", "Coat"]), [1, 0]),
        (np.array(["Bag", "Coat"], object), [1, 0]),
        (["Bag"], [1]),
        ([2, 0], [2, 0]),
    ],
)
def test_labels_of_one_class_by_name(labels, expected):
    given = conditions.of(3, class_names=NAMES).to_generate(labels)
    assert given.dtype == np.int32
    np.testing.assert_array_equal(given, expected)


def test_a_mapping_to_counts_needs_no_names():
    np.testing.assert_array_equal(conditions.of(3).to_generate({2: 2, 0: 1}), [2, 2, 0])
    np.testing.assert_array_equal(conditions.of(12, class_names=map(str, range(12))).to_generate({"10": 1, 3: 1}), [10, 3])


def test_labels_of_attributes_by_name():
    condition = conditions.of(SIZES, class_names=STYLES)
    for labels in (
        {"garment": ["Bag", "T-shirt/top"], "style": "sketch"},
        {"garment": [1, 2], "style": ["sketch", "sketch"]},
        Frame({"style": np.array(["sketch", "sketch"], object), "garment": np.array([1, 2])}),
    ):
        np.testing.assert_array_equal(condition.to_generate(labels), [[1, 1], [2, 1]])
    assert condition.label_names([2, 0]) == ("T-shirt/top", "photo")
    some = conditions.of(SIZES, class_names={"style": ["photo", "sketch"]})
    assert some.label_names([2, 1]) == ("2", "sketch")
    with pytest.raises(ValueError, match=r"`labels\['garment'\]` must be class indices, since the classes have no names"):
        some.to_generate({"garment": ["Bag"], "style": [0]})
    with pytest.raises(
        ValueError, match=r"must be a mapping from each of \['garment', 'style'\].*Received: the keys \['Coat'\]"
    ):
        condition.to_generate({"Coat": 50})


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"Cot": 5}, r"`labels` must be class indices, or names among \['Coat', 'Bag', 'T-shirt/top'\]. Received: 'Cot'"),
        (["Bag", "Cot"], "names among .*Received: 'Cot'"),
        ({"Coat": -1}, r"`labels\['Coat'\]` must be an integer of at least 0. Received"),
        ({"Coat": 2.5}, r"`labels\['Coat'\]` must be an integer"),
        ({3: 1}, r"from 0 to 2 \(num_classes=3\). Received: \[3\]"),
        ([["Coat"], ["Bag", "Coat"]], "one-dimensional"),
    ],
)
def test_a_name_that_no_class_has(labels, told):
    with pytest.raises(ValueError, match=told):
        small_gan(class_names=NAMES).generate(labels)


@pytest.mark.parametrize(
    ("num_classes", "class_names"),
    [
        (3, ["a", "b"]),
        (3, ["a", "b", "b"]),
        (3, "abc"),
        (3, ["a", "b", ""]),
        (3, 3),
        (3, {"a": 0}),
        (None, ["a"]),
        (SIZES, ["a", "b", "c"]),
        (SIZES, {"style": ["a"]}),
        (SIZES, {"size": ["a"]}),
    ],
)
def test_what_is_no_class_names(num_classes, class_names):
    with pytest.raises(ValueError, match=r"`class_names(\['style'\])?` .*Received"):
        kga.SNGAN((8, 8, 1), num_classes, class_names=class_names)


def test_they_are_learned_and_travel(tmp_path):
    data = named(tf.data.Dataset.from_tensor_slices((X, Y)), NAMES).shuffle(24, seed=1).batch(8).prefetch(2)
    gan = small_gan()
    gan.compile(run_eagerly=True)
    generator = as_generator(gan)
    assert gan.class_names is None
    gan.fit(data, verbose=0)
    assert gan.class_names == NAMES
    assert generator.class_names == NAMES
    by_index = gan.generate([0, 0, 2], seed=1)
    gan.save(tmp_path / "gan.keras")
    gan.export(tmp_path / "gan")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    for again in (loaded, as_generator(tmp_path / "gan"), as_generator(tmp_path / "gan.keras")):
        assert again.class_names == NAMES
        np.testing.assert_allclose(again.generate({"Coat": 2, "T-shirt/top": 1}, seed=1), by_index, atol=0.1)
    assert Generator.from_config(as_generator(tmp_path / "gan").get_config()).class_names == NAMES
    union = kga.GeneratorUnion([gan, tmp_path / "gan"], [{0: 0, 1: 1}, {0: 0, 2: 2}])
    assert union.class_names == NAMES
    assert kga.GeneratorUnion([gan, tmp_path / "gan"], [{0: 0, 1: 1}, {1: 0, 2: 2}]).class_names is None  # two of 0
    assert checked(tmp_path / "gan", 3).class_names == NAMES


def test_those_of_attributes_travel(tmp_path):
    gan = kga.SNGAN((8, 8, 1), SIZES, width=4, class_names=STYLES, seed=1)
    gan.export(tmp_path / "gan")
    again = as_generator(tmp_path / "gan")
    assert again.class_names == gan.class_names == STYLES
    assert kga.generators.OneAttribute(gan, "style").class_names == STYLES["style"]
    labels = {"garment": ["Bag"], "style": ["sketch"]}
    np.testing.assert_allclose(again.generate(labels, seed=1), gan.generate([[1, 1]], seed=1), atol=0.1)


def test_others_in_the_data_are_told_and_those_of_the_model_stay():
    gan = small_gan(class_names=NAMES)
    gan.compile(run_eagerly=True)
    data = tf.data.Dataset.from_tensor_slices((X, Y))
    with pytest.warns(UserWarning, match="`class_names` of the model stay.*'Bag', 'Coat'"):
        gan.fit(named(data.batch(8), ["Bag", "Coat", "T-shirt/top"]), verbose=0)
    assert gan.class_names == NAMES
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "`class_names`")
        gan.fit(named(data.batch(8), ["two", "names"]), verbose=0)  # of other classes, before they were mapped, say
    assert gan.class_names == NAMES


def test_where_data_have_names():
    data = named(tf.data.Dataset.range(4), ["a", "b"])
    assert class_names_of(data.map(lambda x: x).repeat().take(3)) == ["a", "b"]
    assert class_names_of(data.concatenate(tf.data.Dataset.range(2))) == ["a", "b"]
    assert class_names_of(data.concatenate(named(tf.data.Dataset.range(2), ["b", "a"]))) is None
    assert class_names_of(tf.data.Dataset.range(4).batch(2)) is None
    assert class_names_of(X) is None


def test_a_class_that_is_missing_has_its_name():
    gan = small_gan(class_names=NAMES)
    gan.compile(run_eagerly=True)
    with pytest.warns(UserWarning, match=r"no image of class 2 \(T-shirt/top\)"):
        gan.fit(X[Y < 2], Y[Y < 2], verbose=0)
    with pytest.warns(UserWarning, match=r"ask for class 2 \(T-shirt/top\)"):
        gan.generate({"T-shirt/top": 1})
