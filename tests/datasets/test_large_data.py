"""Data that do not fit into memory: labels without reading images, and only those images that are drawn."""

import errno
import functools
import gc
import tempfile
import tracemalloc
import weakref

import numpy as np
import pytest
import tensorflow as tf
from tools import small_data, small_gan

import keras_ganaug as kga
from keras_ganaug import _mapped
from keras_ganaug.datasets import decoding, streams
from keras_ganaug.datasets.rows import rows_of

X, Y = small_data()
COUNTS = {"a": 100, "b": 3, "c": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of images, each of which tells its class and its number."""
    path = tmp_path_factory.mktemp("images")
    for label, (name, count) in enumerate(COUNTS.items()):
        (path / name).mkdir()
        for number in range(count):
            image = np.full([8, 8, 1], number, "uint8")
            image[0, 0, 0] = label
            tf.io.write_file(str(path / name / f"{number:03}.png"), tf.io.encode_png(image))
    return path


@pytest.fixture
def train(folder, decoded):
    return kga.datasets.from_directory(folder, 8, "grayscale", check_images=False, verbose=False)


@pytest.fixture
def decoded(monkeypatch):
    """The images that are decoded from now on, one element for each."""
    found, decode = [], decoding.decode

    def counted(contents, *args):
        contents = tf.numpy_function(lambda content: (found.append(content), content)[1], [contents], tf.string)
        return decode(tf.ensure_shape(contents, []), *args)

    monkeypatch.setattr(decoding, "decode", counted)
    return found


def check_labels(data, counts):
    images, labels = kga.datasets.to_arrays(data)
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
    np.testing.assert_array_equal(np.bincount(labels), counts)
    return images[:, 1, 1, 0], labels


def test_labels_of_files_are_known_without_decoding(train, decoded):
    for data in (train, train.batch(8), train.shuffle(9).batch(7).prefetch(1), train.batch(5, drop_remainder=True).cache()):
        np.testing.assert_array_equal(kga.datasets.class_histogram(data), [100, 3, 2])
    assert not decoded
    for data in (train.batch(100, drop_remainder=True), train.take(50), train.map(lambda x, y: (x, 2 - y))):
        assert kga.datasets.class_histogram(data).tolist() != [100, 3, 2]


def test_only_the_files_that_were_drawn_are_decoded(train, decoded):
    few = kga.datasets.take_per_class(train, [4, 3, 1], seed=1)
    assert few.class_names == ["a", "b", "c"]
    more = kga.datasets.oversample(few)
    np.testing.assert_array_equal(kga.datasets.class_histogram(more.batch(2)), [4, 4, 4])
    assert not decoded
    numbers, labels = check_labels(few, [4, 3, 1])
    assert len(decoded) == 8
    more_numbers, more_labels = check_labels(more, [4, 4, 4])
    assert len(decoded) == 20
    assert {*zip(more_numbers, more_labels, strict=True)} == {*zip(numbers, labels, strict=True)}


@functools.cache
def model():
    gan = small_gan()
    gan.compile()
    return gan


def shown(x, y=None, steps=3, start=0):
    """The batches of six images that `fit` shows from a step on."""
    gan = model()
    gan.step.assign(start)
    stream = streams.of(x, y, gan, None if y is None else 6, True, True, endless=False)
    assert stream.starts_at_step
    return [[part.numpy() for part in batch] for batch in stream.dataset.take(steps)]


def check_equal(batches, others):
    assert len(batches) == len(others)
    for batch, other in zip(batches, others, strict=True):
        for part, same in zip(batch, other, strict=True):
            np.testing.assert_array_equal(part, same)


def test_balanced_classes_of_files_are_those_of_arrays(folder, train, decoded):
    found = shown(train.batch(6))
    assert 18 <= len(decoded) < 80  # these, the first batch of the data, and what is read ahead
    for images, labels in found:
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
        np.testing.assert_array_equal(np.bincount(labels), [2, 2, 2])
    in_order = kga.datasets.from_directory(folder, 8, "grayscale", shuffle=False, check_images=False, verbose=False)
    expected = shown(*kga.datasets.to_arrays(in_order))
    check_equal(shown(in_order.batch(6)), expected)
    check_equal(shown(in_order.batch(6), steps=1, start=2), expected[2:])


def test_files_that_do_not_fit_the_model(train, monkeypatch):
    gan = small_gan(num_classes=2)
    gan.compile()
    with pytest.raises(ValueError, match="`labels` must"):
        gan.fit(train.batch(6), class_balanced=True, verbose=0)
    monkeypatch.setattr(model(), "value_range", (0, 98))  # one image exceeds it
    with pytest.raises(tf.errors.InvalidArgumentError, match="`images` must lie in value_range"):
        shown(train.batch(6), steps=300)


@pytest.fixture
def no_memory(monkeypatch):
    """No more than 700 bytes of images are collected in memory: ten images."""
    monkeypatch.setattr(_mapped, "IN_MEMORY", 700)


def test_balanced_classes_of_a_dataset_that_does_not_fit_into_memory(no_memory):
    read = []

    def batches():
        for rows in np.split(np.arange(24), 4):
            read.append(rows)
            yield X[rows], np.eye(3)[Y[rows]]

    signature = tf.TensorSpec([None, 8, 8, 1], tf.uint8), tf.TensorSpec([None, 3], tf.float64)
    data = tf.data.Dataset.from_generator(batches, output_signature=signature)
    expected = shown(X, Y, steps=6)
    check_equal(shown(data, steps=6), expected)
    assert len(read) == 4
    check_equal(shown(data, steps=2, start=4), expected[4:])


def test_several_attributes_that_do_not_fit_into_memory(no_memory):
    labels = {"brightness": Y, "style": np.arange(24) % 2}
    gan = kga.SNGAN((8, 8, 1), {"brightness": 3, "style": 2}, latent_dim=4, width=4, seed=1)
    gan.compile()
    data = tf.data.Dataset.from_tensor_slices({"images": X, "labels": labels}).batch(12)
    both = [streams.of(x, y, gan, size, True, True, False) for x, y, size in ((data, None, None), (X, labels, 12))]
    check_equal(*([[part.numpy() for part in batch] for batch in stream.dataset.take(2)] for stream in both))


def test_subsets_of_what_does_not_fit_into_memory(monkeypatch):
    data = tf.data.Dataset.from_tensor_slices((X, np.array([0] * 20 + [1] * 3 + [2])))
    makers = [lambda: kga.datasets.take_per_class(data, [5, 2, 1], seed=3), lambda: kga.datasets.oversample(data)]
    expected = [kga.datasets.to_arrays(make()) for make in makers]
    monkeypatch.setattr(_mapped, "IN_MEMORY", 700)
    for make, arrays in zip(makers, expected, strict=True):
        subset = make()
        check_equal([kga.datasets.to_arrays(subset)], [arrays])
        assert int(subset.cardinality()) == len(arrays[0])
        again = kga.datasets.oversample(kga.datasets.take_per_class(subset, 1))
        assert isinstance(rows_of(again)._images, np.memmap)
        assert len(kga.datasets.to_arrays(again)[0]) == 3


def test_a_file_goes_with_its_datasets(no_memory):
    subset = kga.datasets.oversample(tf.data.Dataset.from_tensor_slices((X, Y)))
    iterator, file = iter(subset.batch(4)), weakref.ref(rows_of(subset)._images)
    next(iterator)
    del subset
    gc.collect()
    for _ in iterator:  # it alone keeps what it reads
        pass
    del iterator
    gc.collect()
    assert file() is None


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(_mapped, "IN_MEMORY", 2**20)
    collected, rows = _mapped.Collected(), np.arange(2**17).reshape(-1, 8)  # a MiB
    tracemalloc.start()
    for number in range(20):
        collected.add(rows + number)
    images = collected.array()
    del collected
    picked = images[np.arange(20) * len(rows) + 5]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 2**20
    np.testing.assert_array_equal(picked, rows[5] + np.arange(20)[:, None])
    assert images.shape == (20 * 2**14, 8)


def test_a_full_disk_names_the_way(monkeypatch, no_memory):
    class Full:
        def write(self, content):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(OSError, match=r"TMPDIR.*Received: 1,536 bytes so far, and No space left"):
        kga.datasets.oversample(tf.data.Dataset.from_tensor_slices((X, Y)))
