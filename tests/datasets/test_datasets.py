"""Real data: the ready-made sets, folders of images, subsets."""

import gzip

import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga


def test_digits():
    train, test = kga.datasets.load("digits")
    x, y = kga.datasets.to_arrays(train)
    x_test, y_test = kga.datasets.to_arrays(test)
    assert (x.shape, x.dtype, y.dtype) == ((1297, 8, 8, 1), np.uint8, np.int64)
    assert (x.min(), x.max()) == (0, 255)
    np.testing.assert_array_equal(np.bincount(y_test), [50] * 10)
    assert train.class_names == list("0123456789")
    from sklearn.datasets import load_digits

    together = np.sort(np.concatenate([x, x_test]).reshape(1797, 64), axis=0)
    np.testing.assert_array_equal(together, np.sort(np.round(load_digits().data * 255 / 16).astype("uint8"), axis=0))
    nearest = ((x_test[0].astype(float) - x) ** 2).sum((1, 2, 3)).argsort()[:5]
    assert (y[nearest] == y_test[0]).sum() >= 3  # labels belong to their images


def test_fashion_mnist_from_idx_files(tmp_path):
    rng = np.random.default_rng(0)
    expected = {}
    for prefix, n in (("train", 5), ("t10k", 3)):
        images, labels = rng.integers(0, 256, [n, 28, 28], "uint8"), rng.integers(0, 10, n, "uint8")
        expected[prefix] = images, labels
        for kind, header, values in (("images-idx3", 16, images), ("labels-idx1", 8, labels)):
            (tmp_path / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(b"\0" * header + values.tobytes()))
    for part, prefix in zip(kga.datasets.load("fashion_mnist", data_dir=tmp_path), ("train", "t10k"), strict=True):
        images, labels = kga.datasets.to_arrays(part)
        np.testing.assert_array_equal(images[..., 0], expected[prefix][0])
        np.testing.assert_array_equal(labels, expected[prefix][1])
        assert part.class_names[9] == "Ankle boot"
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels"):
        kga.datasets.load("fashion_mnist", data_dir=tmp_path)


@pytest.mark.skipif(not kga.datasets._DEBIAN_FASHION_MNIST.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_the_real_fashion_mnist():
    train, test = kga.datasets.load("fashion_mnist")
    np.testing.assert_array_equal(kga.datasets.class_histogram(train), [6000] * 10)
    np.testing.assert_array_equal(kga.datasets.class_histogram(test), [1000] * 10)
    image, label = next(train.as_numpy_iterator())
    assert (image.shape, image.dtype, train.class_names[label]) == ((28, 28, 1), np.uint8, "Ankle boot")


def folder(tmp_path, counts, size=(9, 7), channels=3):
    rng = np.random.default_rng(0)
    for name, count in counts.items():
        (tmp_path / name).mkdir()
        for n in range(count):
            image = tf.io.encode_png(rng.integers(0, 256, [*size, channels], "uint8"))
            tf.io.write_file(str(tmp_path / name / f"{n}.png"), image)
    return tmp_path


def test_from_directory(tmp_path, capsys):
    data = kga.datasets.from_directory(folder(tmp_path, {"cat": 4, "dog": 2}), image_size=(9, 7))
    assert data.class_names == ["cat", "dog"]
    images, labels = kga.datasets.to_arrays(data)
    assert images.shape == (6, 9, 7, 3)
    np.testing.assert_array_equal(np.sort(labels), [0, 0, 0, 0, 1, 1])
    first = tf.io.decode_png(tf.io.read_file(str(tmp_path / "dog" / "0.png"))).numpy()
    assert any(np.array_equal(image, first) and label == 1 for image, label in zip(images, labels, strict=True))
    output = capsys.readouterr().out
    assert "6 images of 2 classes" in output
    assert "cat  4" in output


def test_from_directory_with_its_classes_in_another_order(tmp_path):
    data = kga.datasets.from_directory(folder(tmp_path, {"cat": 4, "dog": 2}), (9, 7), class_names=["dog", "cat"])
    assert data.class_names == ["dog", "cat"]
    np.testing.assert_array_equal(kga.datasets.class_histogram(data), [2, 4])


def test_class_histogram_of_all_forms_of_labels():
    x, y = np.zeros([6, 2, 2, 1]), np.array([0, 2, 2, 1, 2, 0])
    for labels in (y, y[:, None], np.eye(3)[y], np.eye(3, dtype=int)[y]):
        data = tf.data.Dataset.from_tensor_slices((x, labels))
        for form in (data, data.batch(4)):
            np.testing.assert_array_equal(kga.datasets.class_histogram(form), [2, 1, 3])


@pytest.mark.parametrize(("mode", "channels"), [("grayscale", 1), ("rgba", 4)])
def test_from_directory_channels_and_split(tmp_path, mode, channels):
    path = folder(tmp_path, {"a": 10, "b": 10}, channels=channels)
    options = {"image_size": (8, 6), "color_mode": mode, "validation_split": 0.25, "verbose": False}
    train, validation = kga.datasets.from_directory(path, **options)
    assert train.element_spec[0].shape == (8, 6, channels)
    assert (kga.datasets.class_histogram(train).sum(), kga.datasets.class_histogram(validation).sum()) == (
        15,
        5,
    )
    gan = kga.SNGAN((8, 6, channels), num_classes=2, latent_dim=4)
    gan.compile(run_eagerly=True)
    gan.fit(train.batch(5), epochs=1, steps_per_epoch=1, verbose=0)


def test_from_directory_says_what_is_wrong(tmp_path):
    def load(**options):
        return kga.datasets.from_directory(tmp_path, **{"image_size": (8, 8), **options})

    folder(tmp_path, {"only": 3})
    with pytest.raises(ValueError, match="same label"):
        load()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"at least one image.*empty"):
        load()
    (tmp_path / "empty" / "broken.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"broken\.png"):
        load()


def test_class_histogram_of_anything():
    pairs = tf.data.Dataset.from_tensor_slices((np.zeros([6, 2, 2, 1]), [0, 1, 1, 3, 3, 3]))
    for data in (pairs, pairs.batch(4), [0, 1, 1, 3, 3, 3]):
        np.testing.assert_array_equal(kga.datasets.class_histogram(data), [1, 2, 0, 3])
    np.testing.assert_array_equal(kga.datasets.class_histogram(pairs, num_classes=5), [1, 2, 0, 3, 0])


def test_take_per_class_and_oversample():
    train, _ = kga.datasets.load("digits")
    images, labels = kga.datasets.to_arrays(train)
    known = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    few = kga.datasets.take_per_class(train, [20] * 9 + [3], seed=1)
    again, other = (kga.datasets.to_arrays(kga.datasets.take_per_class(train, [20] * 9 + [3], seed=s))[0] for s in (1, 2))
    x, y = kga.datasets.to_arrays(few)
    np.testing.assert_array_equal(np.bincount(y), [20] * 9 + [3])
    np.testing.assert_array_equal(x, again)
    assert not np.array_equal(x, other)
    assert all(known[image.tobytes()] == label for image, label in zip(x, y, strict=True))
    more_x, more_y = kga.datasets.to_arrays(kga.datasets.oversample(few))
    np.testing.assert_array_equal(np.bincount(more_y), [20] * 10)
    nines = {image.tobytes() for image in x[y == 9]}
    repeats = [sum(image.tobytes() == nine for image in more_x) for nine in nines]
    assert sorted(repeats) == [6, 7, 7]  # evenly
    assert few.class_names == train.class_names
