"""Labels in all their forms: what is refused, and what is written."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import KNOWN_SHAPE, Frame, known_generator, label_of

import keras_ganaug as kga
from keras_ganaug import _checks, conditions
from keras_ganaug.conditions.weights import class_weights

THREE = conditions.of(3)
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
        with tf.control_dependencies(conditions.of(num_classes).assertions(labels)):
            return tf.identity(labels)

    return check(labels)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8", "uint8", "int64", "bool"])
def test_rows_of_one_class_and_mixed_rows_are_taken(name, dtype):
    if name not in ("one-hot", "no rows") and not tf.as_dtype(dtype).is_floating:
        return
    labels = tf.cast(RIGHT[name], dtype)
    THREE.check(labels)
    THREE.check_values(labels)
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
            THREE.check_values(given)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`labels` must be of one class .*multi-label"):
        asserted(labels)


def test_a_wrong_row_far_into_many_is_found():
    labels = np.tile(ONE_HOT, [10_000, 1])
    THREE.check_values(labels)
    labels[-1] = 1
    with pytest.raises(ValueError, match=r"Received: \[1, 1, 1\]"):
        THREE.check_values(labels)
    with pytest.raises(ValueError, match=r"from 0 to 2 \(num_classes=3\)\. Received: \[3\]"):
        THREE.check_values(np.r_[np.zeros(10**6, "uint8"), np.uint8(3)])


def test_bool_labels_are_indices_of_two_classes():
    labels, two = np.array([True, False, True, False]), conditions.of(2)
    for form in (labels, labels[:, None]):
        two.check(tf.constant(form))
        two.check_values(form)
        np.testing.assert_array_equal(two.indices(tf.constant(form)), [1, 0, 1, 0])
        np.testing.assert_array_equal(asserted(tf.constant(form), 2), form)
        written = two.write(tf.constant(form), tf.constant([0, 1]), tf.constant([0, 1]))
        assert written.dtype == tf.bool
        np.testing.assert_array_equal(np.ravel(written), [False, True, True, False])


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_smoothing_of_a_row_stays(dtype, jit):
    smoothed = tf.cast(SMOOTHED, dtype)
    write = tf.function(THREE.write, jit_compile=jit, autograph=False)
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
        written = THREE.write(labels, tf.constant([0]), tf.constant([2]), only_mixed=True)[0]
        np.testing.assert_allclose(written, [0, 0, 1], atol=1e-12)
        return
    last = len(labels) - 1
    for only_mixed in (False, True):
        written = THREE.write(labels, tf.constant([last]), tf.constant([1]), only_mixed=only_mixed)
        np.testing.assert_allclose(written[last], expected, atol=1e-12)
        np.testing.assert_array_equal(written[:last], labels[:last])


@pytest.mark.parametrize("name", ["one-hot", "smoothed"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rows_of_one_class_stay_bit_by_bit_where_only_mixed_ones_are_written(name, dtype):
    labels = tf.cast(RIGHT[name], dtype)
    written = THREE.write(labels, tf.range(4), THREE.indices(labels), only_mixed=True)
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


# Several attributes.

SIZES = {"garment": 3, "style": 4, "plain": 1}
BOTH = conditions.of(SIZES)
SEED = tf.constant([3, 4])
ROWS = np.stack([np.random.default_rng(0).integers(0, size, 600) for size in SIZES.values()], 1).astype("int32")


@pytest.mark.parametrize(
    ("num_classes", "kind", "sizes", "label_shape"),
    [
        (None, conditions.Unconditional, (), ()),
        (3, conditions.OneClass, (3,), ()),
        (SIZES, conditions.Attributes, (3, 4, 1), (3,)),
        ({"garment": 3}, conditions.Attributes, (3,), (1,)),
    ],
)
def test_what_there_is_for_num_classes(num_classes, kind, sizes, label_shape):
    condition = conditions.of(num_classes)
    assert type(condition) is kind
    assert (condition.num_classes, condition.sizes, condition.label_shape) == (num_classes, sizes, label_shape)
    again = conditions.from_description(json.loads(json.dumps(condition.description)))
    assert (type(again), again.sizes, again.num_classes) == (kind, sizes, num_classes)
    assert condition.zeros(2).shape == (2, *label_shape)
    drawn = condition.draw(300, SEED).numpy().reshape(300, -1)
    if kind is conditions.Attributes:
        for column, size in zip(drawn.T, sizes, strict=True):
            np.testing.assert_allclose(np.bincount(column, minlength=size) / 300, 1 / size, atol=0.1)


@pytest.mark.parametrize("wrong", [{}, {"": 3}, {1: 3}, {"a": 0}, {"a": 2.5}, {"a": None}, 0, "3", [3, 4]])
def test_what_is_no_num_classes(wrong):
    with pytest.raises((ValueError, TypeError), match=r"`num_classes.*Received"):
        conditions.of(wrong)


def test_attributes_in_both_formats():
    formats = [ROWS, tf.constant(ROWS, tf.int64), {name: ROWS[:, n] for n, name in enumerate(SIZES)}]
    formats.append({"garment": np.eye(3)[ROWS[:, 0]], "style": ROWS[:, 1].astype("float32"), "plain": ROWS[:, 2:] > 0})
    for labels in formats:
        BOTH.check(labels)
        BOTH.check_values(labels)
        indices = BOTH.indices(labels)
        assert indices.dtype == tf.int32
        np.testing.assert_array_equal(indices, ROWS)
    for labels in (*formats[:3], ROWS.tolist()):
        np.testing.assert_array_equal(BOTH.to_generate(labels), ROWS)
    np.testing.assert_array_equal(BOTH.to_generate({"garment": [2, 1], "style": 3, "plain": 0}), [[2, 3, 0], [1, 3, 0]])
    assert BOTH.to_generate([]).shape == (0, 3)
    frame = Frame({"style": ROWS[:, 1], "plain": ROWS[:, 2], "garment": ROWS[:, 0]})  # columns in another order
    np.testing.assert_array_equal(BOTH.to_generate(frame), ROWS)
    np.testing.assert_array_equal(BOTH.indices(BOTH.arrays(frame)), ROWS)
    np.testing.assert_array_equal(BOTH.indices(BOTH.arrays(Frame(dict(enumerate(ROWS.T))))), ROWS)
    rows = conditions.encode(tf.constant(ROWS), BOTH.sizes)
    np.testing.assert_array_equal(rows, np.hstack([np.eye(size)[ROWS[:, n]] for n, size in enumerate(BOTH.sizes)]))
    parts = BOTH.by_attribute(rows, tf.constant(ROWS))
    assert [part.shape[1] for part, _ in parts] == [3, 4, 1]
    np.testing.assert_array_equal([tf.argmax(part, 1) for part, _ in parts], ROWS.T)
    np.testing.assert_array_equal([column for _, column in parts], ROWS.T)


@pytest.mark.parametrize("jit", [False, True])
def test_attributes_are_written_back_in_their_format(jit):
    where, new = np.array([5, 0, 77]), np.array([[2, 3, 0], [0, 1, 0], [1, 1, 0]], "int32")
    expected = ROWS.copy()
    expected[where] = new
    write = tf.function(BOTH.write, jit_compile=jit, autograph=False)
    for dtype in ("int32", "uint8", "float32"):
        written = write(tf.constant(ROWS, dtype), tf.constant(where, tf.int32), tf.constant(new))
        assert written.dtype == dtype
        np.testing.assert_array_equal(written, expected)
    smoothed = tf.constant(np.eye(3)[ROWS[:, 0]] * 0.88 + 0.04)
    labels = {"garment": smoothed, "style": tf.constant(ROWS[:, 1], tf.int64), "plain": tf.constant(ROWS[:, 2:])}
    written = write(labels, tf.constant(where, tf.int32), tf.constant(new))
    np.testing.assert_allclose(written["garment"], np.eye(3)[expected[:, 0]] * 0.88 + 0.04, rtol=1e-12)
    np.testing.assert_array_equal(written["style"], expected[:, 1])
    assert [written[name].dtype for name in SIZES] == [tf.float64, tf.int64, tf.int32]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("num_classes", [4, SIZES])
def test_a_mismatch_differs_in_one_attribute_and_is_uniform(num_classes, jit):
    condition = conditions.of(num_classes)
    labels = np.repeat(ROWS[:1] if num_classes is SIZES else ROWS[:1, 1], 3000, 0)
    other = tf.function(condition.mismatch, jit_compile=jit)(tf.constant(labels), SEED).numpy()
    rows, other = labels.reshape(3000, -1), other.reshape(3000, -1)
    assert ((rows != other).sum(1) == 1).all()
    several = [n for n, size in enumerate(condition.sizes) if size > 1]
    for n in several:
        values = np.bincount(other[other[:, n] != rows[:, n], n], minlength=condition.sizes[n])
        assert values[rows[0, n]] == 0
        expected = 3000 / len(several) / (condition.sizes[n] - 1)
        assert np.abs(np.delete(values, rows[0, n]) - expected).max() < 5 * np.sqrt(expected)


def test_groups_are_the_combinations():
    numbers = BOTH.groups(tf.constant(ROWS)).numpy()
    _, expected = np.unique(ROWS, axis=0, return_inverse=True)
    _, found = np.unique(numbers, return_inverse=True)
    np.testing.assert_array_equal(found, expected.ravel())
    many = conditions.of({str(n): 10 for n in range(12)})  # more than an int32 holds
    rows = np.random.default_rng(0).integers(0, 10, [200, 12]).astype("int32")
    assert len(np.unique(many.groups(tf.constant(rows)))) == len(np.unique(rows, axis=0))
    binary = conditions.of({str(n): 2 for n in range(40)})
    assert len(np.unique(binary.groups(tf.constant(np.eye(40, dtype="int32"))))) == 40


def test_what_was_seen_together():
    seen = np.array([[0, 0, 0], [0, 1, 0], [1, 1, 0], [1, 2, 0]], "int32")  # no garment 2, no style 3
    table = np.zeros(BOTH.seen_shape, "float32")
    for rows in (seen[:2], seen[2:]):
        table = np.maximum(table, BOTH.seen_in(tf.constant(rows)))
    garments, styles = ({row[n] for row in seen.tolist()} for n in range(2))
    pairs = {tuple(row[:2]) for row in seen.tolist()}
    expected = [{"garment": g} for g in set(range(3)) - garments] + [{"style": s} for s in set(range(4)) - styles]
    expected += [{"garment": g, "style": s} for g in garments for s in styles if (g, s) not in pairs]
    unseen = BOTH.unseen(table)
    assert sorted(map(str, unseen)) == sorted(map(str, expected))
    asked = np.array([[0, 2, 0], [0, 1, 0], [2, 3, 0], [0, 2, 0]], "int32")
    assert BOTH.extrapolates(asked, unseen) == [
        {"garment": 0, "style": 2, "plain": 0},
        {"garment": 2, "style": 3, "plain": 0},
    ]
    assert THREE.unseen(THREE.seen_in(tf.constant([0, 2, 0]))) == (1,)
    assert THREE.extrapolates(np.array([1, 0, 1]), (1, 2)) == [1]


@pytest.mark.parametrize(
    "labels",
    [
        {"garment": np.zeros(3, int), "style": np.zeros(3, int)},
        {"garment": np.zeros(3, int), "style": np.zeros(3, int), "colour": np.zeros(3, int)},
        np.zeros([3, 2], int),
        np.zeros([3], int),
        np.zeros([3, 3], bool),
        {"garment": np.full(3, 3), "style": np.zeros(3, int), "plain": np.zeros(3, int)},
        np.array([[0, 4, 0]]),
        np.array([[0, -1, 0]]),
        np.array([[0, 0.5, 0]]),
    ],
)
def test_wrong_attributes_are_told_by_name(labels):
    with pytest.raises(ValueError, match=r"`labels.*Received"):
        BOTH.check(labels)
        BOTH.check_values(labels)
    with pytest.raises(ValueError, match=r"`labels.*Received"):
        BOTH.to_generate(labels)


@pytest.mark.parametrize("wrong", [None, ["a"], [[0], [0, 1]], {"a": 0}])
def test_what_is_no_array_of_labels_is_told_by_name(wrong):
    labels = {"garment": [0], "style": [0], "plain": [0]}
    for make in (BOTH.arrays, BOTH.to_generate):
        with pytest.raises((TypeError, ValueError), match=r"`labels\['style'\]` must be .*(array|no names).*Received"):
            make({**labels, "style": wrong})
        with pytest.raises((TypeError, ValueError), match=r"`labels` must be .*Received"):
            make([[0, 0, 0], [0]])


def test_wrong_values_of_attributes_are_told_where_a_graph_runs():
    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.int32)])
    def check(labels):
        with tf.control_dependencies(BOTH.assertions(labels)):
            return tf.identity(labels)

    np.testing.assert_array_equal(check(ROWS), ROWS)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"style.*from 0 to 3") as raised:
        check(np.array([[0, 4, 0]], "int32"))
    expected = "`labels['style']` must be class indices from 0 to 3 (num_classes=4). Received: 4"
    assert str(_checks.readable(raised.value)) == expected


@pytest.mark.parametrize(
    "wrong", ["rare", {}, {3: 1.0}, {-1: 1.0}, {0.5: 1.0}, [1, 2], [0, 0, 0], [1, -1, 1], [1, np.inf, 0], 3]
)
def test_what_are_no_class_weights(wrong):
    with pytest.raises(ValueError, match=r"`w` must be one of .*Received: w="):
        class_weights(wrong, 3, "w")


def test_class_weights_are_probabilities():
    assert class_weights("keep", 3) is None
    for given in ([1, 0, 3], {0: 1, 2: 3}, {"0": 1.0, "2": 3.0}, np.array([0.25, 0, 0.75])):
        np.testing.assert_array_equal(class_weights(given, 3), np.float32([0.25, 0, 0.75]))
    np.testing.assert_array_equal(class_weights({2: 2}, None), [0, 0, 1])
