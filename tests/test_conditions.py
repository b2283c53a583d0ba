"""Labels in all their forms: what is refused, and what is written."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import KNOWN_SHAPE, known_generator, label_of

import keras_ganaug as kga
from keras_ganaug import _labels

ONE_HOT = np.eye(3)[[0, 1, 2, 1]]
SMOOTHED = ONE_HOT * 0.9 + 0.1 / 3
MIXED = 0.7 * ONE_HOT + 0.3 * ONE_HOT[::-1]

RIGHT = {
    "one-hot": ONE_HOT,
    "smoothed": SMOOTHED,
    "mixed": MIXED,
    "smoothed and mixed": 0.7 * SMOOTHED + 0.3 * SMOOTHED[::-1],
    "no rows": ONE_HOT[:0],
}
WRONG = {
    "several ones": np.array([[1, 0, 0], [1, 1, 0]]),
    "none": np.array([[1, 0, 0], [0, 0, 0]]),
    "shares of several classes": np.array([[0.9, 0.8, 0.1], [1, 0, 0]]),
    "negative": np.array([[1, 0, 0], [-1.0, 1, 1]]),
    "not a number": np.array([[1, 0, 0], [np.nan, 1, 0]]),
    "percent": np.array([[100.0, 0, 0]]),
}


def asserted(labels, num_classes=3):
    """The labels after a graph that asserts their values."""

    @tf.function(input_signature=[tf.TensorSpec([None, *labels.shape[1:]], labels.dtype)], autograph=False)
    def check(labels):
        with tf.control_dependencies([_labels.assertion(labels, num_classes)]):
            return tf.identity(labels)

    return check(labels)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8", "uint8", "int64", "bool"])
def test_rows_of_one_class_and_mixed_rows_are_taken(name, dtype):
    if name not in ("one-hot", "no rows") and not tf.as_dtype(dtype).is_floating:
        return
    labels = tf.cast(RIGHT[name], dtype)
    _labels.check(labels, 3)
    _labels.check_values(labels, 3)
    np.testing.assert_array_equal(asserted(labels), labels)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("name", WRONG)
def test_labels_of_several_classes_are_refused_by_name(name, dtype):
    values = WRONG[name]
    if not (tf.as_dtype(dtype).is_floating or name in ("several ones", "none")):
        return
    labels = tf.cast(values, dtype)
    for given in (labels, labels.numpy()):
        with pytest.raises(ValueError, match=r"`labels` must be of one class .*multi-label.* Received: \["):
            _labels.check_values(given, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`labels` must be of one class .*multi-label"):
        asserted(labels)


def test_a_wrong_row_far_into_many_is_found():
    labels = np.tile(ONE_HOT, [10_000, 1])
    _labels.check_values(labels, 3)
    labels[-1] = 1
    with pytest.raises(ValueError, match=r"Received: \[1, 1, 1\]"):
        _labels.check_values(labels, 3)
    with pytest.raises(ValueError, match=r"from 0 to 2 \(num_classes=3\)\. Received: \[3\]"):
        _labels.check_values(np.r_[np.zeros(10**6, "uint8"), np.uint8(3)], 3)


def test_bool_labels_are_indices_of_two_classes():
    labels = np.array([True, False, True, False])
    for form in (labels, labels[:, None]):
        _labels.check(tf.constant(form), 2)
        _labels.check_values(form, 2)
        np.testing.assert_array_equal(_labels.class_of(tf.constant(form)), [1, 0, 1, 0])
        np.testing.assert_array_equal(asserted(tf.constant(form), 2), form)
        written = _labels.write(tf.constant(form), tf.constant([0, 1]), tf.constant([0, 1]))
        assert written.dtype == tf.bool
        np.testing.assert_array_equal(np.ravel(written), [False, True, True, False])


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_smoothing_of_a_row_stays(dtype, jit):
    smoothed = tf.cast(SMOOTHED, dtype)
    write = tf.function(_labels.write, jit_compile=jit, autograph=False)
    written = write(smoothed, tf.constant([0, 3]), tf.constant([2, 0]))
    np.testing.assert_array_equal(written, tf.gather(smoothed, [2, 1, 2, 0]))  # bit by bit


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([[1, 0, 0], [0.7, 0.3, 0]], [0, 1, 0]),
        ([[0.9, 0.05, 0.05], [0.6, 0.35, 0.05]], [0.05, 0.9, 0.05]),  # the batch's smoothing
        ([[0.4, 0.55, 0.05]], [0.05, 0.9, 0.05]),  # even if no row of it is of one class
        ([[1 / 3, 1 / 3, 1 / 3], [1, 0, 0]], None),
        ([[1, 0], [0.3, 0.7]], [0, 1]),
        ([[0.95, 0.05], [0.3, 0.7]], [0.05, 0.95]),
        ([[0.3, 0.7]], [0, 1]),  # a mixture and no smoothing
    ],
)
def test_a_mixed_row_becomes_one_of_the_class_that_is_written(labels, expected):
    labels = tf.constant(labels, tf.float64)
    if expected is None:  # as many as there are shares: none is the largest
        written = _labels.write(labels, tf.constant([0]), tf.constant([2]), only_mixed=True)[0]
        np.testing.assert_allclose(written, [0, 0, 1], atol=1e-12)
        return
    last = len(labels) - 1
    for only_mixed in (False, True):
        written = _labels.write(labels, tf.constant([last]), tf.constant([1]), only_mixed=only_mixed)
        np.testing.assert_allclose(written[last], expected, atol=1e-12)
        np.testing.assert_array_equal(written[:last], labels[:last])


@pytest.mark.parametrize("name", ["one-hot", "smoothed"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rows_of_one_class_stay_bit_by_bit_where_only_mixed_ones_are_written(name, dtype):
    labels = tf.cast(RIGHT[name], dtype)
    written = _labels.write(labels, tf.range(4), _labels.class_of(labels), only_mixed=True)
    np.testing.assert_array_equal(written, labels)


@pytest.mark.parametrize("place", ["layer", "map", "fit", "xla fit", "train_on_batch", "map in a fit"])
def test_labels_of_several_classes_are_refused_everywhere(place):
    x, y = np.zeros([8, *KNOWN_SHAPE], "float32"), np.eye(10, dtype="float32")[np.arange(8)]
    y[5, :3] = 1
    layer = kga.GANAugmentation(known_generator(), 0.5, seed=1)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    classifier = keras.Sequential([keras.Input(KNOWN_SHAPE), keras.layers.Flatten(), keras.layers.Dense(10)])
    model = kga.AugmentedModel(classifier, layer)
    model.compile("sgd", "mse", jit_compile=place == "xla fit")
    calls = {
        "layer": lambda: layer(x, y, training=True),
        "map": lambda: list(data.map(kga.gan_augment(known_generator(), num_classes=10, seed=1))),
        "fit": lambda: model.fit(x, y, verbose=0),
        "xla fit": lambda: model.fit(data, verbose=0),  # the wrong row is in the second batch
        "train_on_batch": lambda: model.train_on_batch(x, y),
        "map in a fit": lambda: model.fit(data, verbose=0),
    }
    error = tf.errors.InvalidArgumentError if place == "map" else ValueError
    with pytest.raises(error, match="`labels` must be of one class for each image"):
        calls[place]()


def batch(labels, n=12):
    return np.random.default_rng(0).uniform(2, 3, [n, *KNOWN_SHAPE]).astype("float32"), labels.astype("float32")


@pytest.mark.parametrize("strategy", ["balance", {1: 1.0, 2: 2.0}])
def test_smoothed_labels_stay_smoothed_when_classes_are_chosen(strategy):
    smoothed = np.eye(4)[np.zeros(12, int)] * 0.88 + 0.03
    x, y = batch(smoothed)
    augment = kga.gan_augment(known_generator(), 0.5, strategy, num_classes=4, seed=1)
    for call in (augment, lambda *given: next(iter(tf.data.Dataset.from_tensor_slices(given).batch(12).map(augment)))):
        images, labels = call(x, y)
        rows = np.flatnonzero((images.numpy() != x).any((1, 2, 3)))
        classes = label_of(images)[rows]
        assert set(classes) & {1, 2}
        expected = np.full([12, 4], np.float32(0.03))
        expected[np.arange(12), 0] = y[0, 0]
        expected[rows, 0] = y[0, 1]
        expected[rows, classes] = y[0, 0]
        np.testing.assert_array_equal(labels, expected)


def test_after_mixup_image_and_label_of_a_synthetic_row_agree():
    one_hot = np.eye(10)[np.arange(12) % 10]
    x, y = batch(0.6 * one_hot + 0.4 * np.roll(one_hot, 1, 0))
    y[:4] = one_hot[:4]
    layer = kga.GANAugmentation(known_generator(), 1.0, seed=1)
    images, labels = layer(x, y, training=True)
    np.testing.assert_array_equal(labels, one_hot)
    np.testing.assert_array_equal(label_of(images), np.arange(12) % 10)
    layer = kga.GANAugmentation(known_generator(), 0.5, seed=1)
    images, labels = layer(x, y, training=True)
    replaced = (images.numpy() != x).any((1, 2, 3))
    assert replaced.sum() == 6
    np.testing.assert_array_equal(labels, np.where(replaced[:, None], one_hot, y).astype("float32"))
