"""Banks of samples: as bytes, in files, and with their progress."""

import numpy as np
import pytest
import tensorflow as tf
from tools import KNOWN_SHAPE, known_generator

import keras_ganaug as kga
from keras_ganaug import _images, _progress
from keras_ganaug.generators import bank
from keras_ganaug.generators.generator import DescribedGenerator, checked

GENERATOR = checked(known_generator(), 10)
LABELS, SEED = tf.constant(np.arange(20, dtype="int32") % 10), tf.constant([3, 4])
IMAGES = np.random.default_rng(0).integers(0, 256, [20, *KNOWN_SHAPE]).astype("uint8")


def make(size=60, folder=None):
    return bank.SampleBank(GENERATOR, (0, 255), 1.0, tf.constant([1, 2]), size, folder)


def augmented(images, **options):
    options = {"num_classes": 10, "value_range": (0, 255), "bank_size": 60, "seed": 1, **options}
    augment = kga.gan_augment(known_generator(), 0.5, **options)
    data = tf.data.Dataset.from_tensor_slices((images, LABELS)).batch(10).map(augment)
    return np.concatenate([x.numpy() for x, _ in data]), augment


def test_batches_of_bytes_get_the_rounded_samples():
    floats, bytes_ = make().draw(LABELS, SEED), make().draw(LABELS, SEED, tf.uint8)
    assert (floats.dtype, bytes_.dtype) == (tf.float32, tf.uint8)
    np.testing.assert_array_equal(bytes_, _images.as_dtype(floats, "uint8", (0, 255)))
    both = make()
    for dtype, expected in ((tf.uint8, bytes_), (tf.float64, floats), (tf.int32, floats)):
        np.testing.assert_array_equal(both.draw(LABELS, SEED, dtype), expected)
    assert [both.stored(dtype).dtype for dtype in (tf.uint8, tf.float32)] == [tf.uint8, tf.float32]


def test_the_map_gives_bytes_what_it_gave_from_a_bank_of_floats(monkeypatch):
    found, augment = augmented(IMAGES)
    assert [*augment._bank._samples] == [tf.uint8]
    draw = bank.SampleBank.draw
    monkeypatch.setattr(bank.SampleBank, "draw", lambda self, classes, seed, dtype: draw(self, classes, seed))
    expected, augment = augmented(IMAGES)
    assert [*augment._bank._samples] == [tf.float32]
    assert expected.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)
    assert (found != IMAGES).any((1, 2, 3)).sum() == 10


def test_four_times_as_many_bytes_fit_into_the_memory():
    large = DescribedGenerator({**GENERATOR.description, "image_shape": [224, 224, 3]})
    sizes = [
        bank.SampleBank(large, (0, 255), 1.0, SEED, folder=folder).per_class(dtype)
        for folder, dtype in ((None, tf.float32), (None, tf.uint8), ("never_made", tf.uint8))
    ]
    assert sizes == [44, 178, 409]  # of ten classes: 256 MiB, and 4096 images


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_bank_in_a_file_is_that_in_memory(tmp_path, dtype):
    folder, images = tmp_path / "new" / "bank", IMAGES.astype(dtype)
    found, augment = augmented(images, bank_folder=folder)
    np.testing.assert_array_equal(found, augmented(images)[0])
    assert [path.name for path in folder.iterdir()] == [f"samples-{dtype}.npy"]
    in_memory = augmented(images)[1]._bank
    for _ in range(2):
        stored = np.load(folder / f"samples-{dtype}.npy")
        np.testing.assert_array_equal(stored, in_memory.stored(tf.as_dtype(dtype)))
        in_memory.refresh()
        augment.refresh()
    drawn = [each.draw(LABELS, SEED, tf.as_dtype(dtype)) for each in (augment._bank, in_memory)]
    np.testing.assert_array_equal(*drawn)


def test_a_pipeline_draws_from_the_file_of_now(tmp_path):
    made = make(folder=str(tmp_path))
    data = tf.data.Dataset.from_tensors(LABELS).map(lambda labels: made.draw(labels, SEED)).repeat()
    numbers = iter(data)
    first = next(numbers).numpy()
    made.refresh()
    np.testing.assert_array_equal(next(iter(data)), make_refreshed().draw(LABELS, SEED))
    assert not np.array_equal(next(iter(data)), first)


def make_refreshed():
    made = make()
    made.refresh()
    return made


def test_a_bank_that_takes_long_shows_its_progress(monkeypatch, capsys):
    make(600).stored(tf.uint8)
    assert not capsys.readouterr().out
    monkeypatch.setattr(bank, "_SHORT", -1.0)
    monkeypatch.setattr(_progress, "_PAUSE", -1.0)
    make(600).stored(tf.uint8)
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition(",")[0] for line in lines] == ["bank: 256 of 600 samples", "bank: 512 of 600 samples"]
    assert all(line.endswith(" s left") for line in lines)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"bank_folder": 3}, "must be the path of a folder"),
        ({"bank_folder": "file"}, "which is a file"),
        ({"bank_folder": "ram://bank"}, "must be on this machine"),
        ({"bank_folder": "bank", "engine": "live"}, "must be None without a bank"),
    ],
)
def test_a_wrong_folder(tmp_path, monkeypatch, options, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises((TypeError, ValueError), match=f"`bank_folder` {expected}|`bank_folder` .*{expected}"):
        kga.gan_augment(GENERATOR, **options)
