"""GANAugmentation against a generator whose output is known: each image tells its label and its latents."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import KNOWN_SHAPE, known_generator, label_of, noise_of, small_gan

import keras_ganaug as kga

GENERATOR = known_generator()


def batch(n, dtype="float32", label_dtype="int64", classes=10):
    """Real images, all different, that no known image equals: channel 0 is outside of its grid of labels."""
    x = np.random.default_rng(n).uniform(2, 3, [n, *KNOWN_SHAPE])
    return tf.cast(x, dtype), tf.constant(np.arange(n) % classes, label_dtype)


def replaced(before, after):
    return np.flatnonzero((np.asarray(before, np.float64) != np.asarray(after, np.float64)).any((1, 2, 3)))


@pytest.mark.parametrize("jit", [None, False, True])
@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("n", [1, 2, 7, 16])
def test_exactly_the_rounded_fraction_is_replaced_and_the_rest_is_untouched(n, fraction, jit):
    layer = kga.GANAugmentation(GENERATOR, fraction, seed=1)
    call = layer
    if jit is not None:
        call = tf.function(lambda x, y: layer(x, y, training=True), jit_compile=jit)
    x, y = batch(n)
    new_x, new_y = call(x, y, training=True) if jit is None else call(x, y)
    rows = replaced(x, new_x)
    assert len(rows) == round(fraction * n)
    np.testing.assert_array_equal(new_y, y)
    np.testing.assert_array_equal(label_of(new_x)[rows], np.asarray(y)[rows])  # each its own label
    assert len(np.unique(noise_of(new_x)[rows])) == len(rows)  # none twice


@pytest.mark.parametrize("jit", [False, True])
def test_a_batch_size_that_only_the_call_tells(jit):
    layer = kga.GANAugmentation(GENERATOR, 0.25, seed=1)
    signature = [tf.TensorSpec([None, *KNOWN_SHAPE]), tf.TensorSpec([None], tf.int64)]
    call = tf.function(lambda x, y: layer(x, y, training=True), input_signature=signature, jit_compile=jit)
    for n in (1, 2, 6, 7, 10):
        x, y = batch(n)
        assert len(replaced(x, call(x, y)[0])) == round(0.25 * n)


def test_each_call_draws_anew_and_the_seed_repeats_the_series():
    x, y = batch(16)

    def series(seed):
        layer = kga.GANAugmentation(GENERATOR, 0.5, seed=seed)
        return [layer(x, y, training=True)[0].numpy() for _ in range(4)]

    first, again, other = series(1), series(1), series(2)
    np.testing.assert_array_equal(first, again)
    rows = {tuple(replaced(x, images)) for images in first}
    assert len(rows) == 4
    noises = np.concatenate([noise_of(images)[replaced(x, images)] for images in first])
    assert len(np.unique(noises)) == 32
    assert not np.intersect1d(noises, [noise_of(i)[replaced(x, i)] for i in other]).size
    unseeded = [kga.GANAugmentation(GENERATOR, 0.5)(x, y, training=True)[0].numpy() for _ in range(2)]
    assert not np.array_equal(*unseeded)


def test_every_row_has_the_same_chance():
    layer = kga.GANAugmentation(GENERATOR, 0.25, seed=1)
    x, y = batch(8)
    call = tf.function(lambda: layer(x, y, training=True)[0])
    counts = sum(np.bincount(replaced(x, call()), minlength=8) for _ in range(400))
    assert counts.sum() == 800
    assert np.abs(counts - 100).max() < 45  # five standard deviations


@pytest.mark.parametrize("training", [None, False])
def test_it_is_the_identity_unless_training(training):
    layer = kga.GANAugmentation(GENERATOR, 1.0)
    x, y = batch(4)
    for given in ((x,), (x, y), (x, y, tf.ones([4]))):
        result = layer(*given, training=training)
        result = result if isinstance(result, tuple) else (result,)
        assert all(a is b or np.array_equal(a, b) for a, b in zip(given, result, strict=True))
    assert int(layer.calls.numpy()) == 0


def test_it_is_the_identity_inside_a_classifier_that_serves(tmp_path):
    x, y = keras.Input(KNOWN_SHAPE), keras.Input((), dtype="int64")
    images, labels = kga.GANAugmentation(GENERATOR, 1.0, seed=1)(x, y)
    model = keras.Model([x, y], [images, labels])
    data = [tf.constant(v) for v in batch(4)]
    np.testing.assert_array_equal(model(data)[0], data[0])
    np.testing.assert_array_equal(model(data, training=False)[0], data[0])
    np.testing.assert_array_equal(model.predict(data, verbose=0)[0], data[0])
    assert len(replaced(data[0], model(data, training=True)[0])) == 4
    model.export(str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    served = loaded.serve(data)
    np.testing.assert_array_equal(served[0], data[0])


@pytest.mark.parametrize("label_dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64", "uint32", "uint64"])
def test_integer_labels_of_any_width(label_dtype):
    x, y = batch(8, label_dtype=label_dtype)
    for strategy in ("keep", "balance", {1: 1.0, 4: 1.0}):
        layer = kga.GANAugmentation(GENERATOR, 0.5, strategy, seed=1, num_classes=10)
        new_x, new_y = layer(x, y, training=True)
        assert new_y.dtype == label_dtype
        rows = replaced(x, new_x)
        np.testing.assert_array_equal(label_of(new_x)[rows], np.asarray(new_y)[rows])
        untouched = np.setdiff1d(np.arange(8), rows)
        np.testing.assert_array_equal(np.asarray(new_y)[untouched], np.asarray(y)[untouched])


@pytest.mark.parametrize("jit", [False, True])
def test_large_int64_labels_and_float64_weights_survive(jit):
    large = np.array([2**24 + 1, 2**53 + 1, 2**62 + 3, 5], "int64")
    weights = np.array([1 + 2**-50, 2.0, 3.0, 1e-300])
    layer = kga.GANAugmentation(GENERATOR, 0.5, synthetic_weight=0.5, seed=1)
    call = tf.function(lambda *a: layer(*a, training=True), jit_compile=jit)
    x, _ = batch(4)
    for given in ((x, large, weights), (x, tf.constant(large), tf.constant(weights))):
        new_x, new_y, new_w = layer(*given, training=True) if given[1] is large else call(*given)
        assert (new_y.dtype, new_w.dtype) == ("int64", "float64")
        np.testing.assert_array_equal(new_y, large)
        rows = replaced(x, new_x)
        expected = weights.copy()
        expected[rows] *= 0.5
        np.testing.assert_array_equal(new_w, expected)


@pytest.mark.parametrize("form", ["column", "one_hot", "bool", "soft", "float"])
def test_label_formats(form):
    x, y = batch(8)
    classes = np.asarray(y)
    labels = {
        "column": y[:, None],
        "one_hot": tf.one_hot(y, 10, dtype="float16"),
        "bool": tf.one_hot(y, 10) > 0,
        "soft": tf.one_hot(y, 10) * 0.8 + 0.02,
        "float": tf.cast(y, "float32"),
    }[form]
    layer = kga.GANAugmentation(GENERATOR, 0.5, seed=1)
    new_x, new_y = layer(x, labels, training=True)
    rows = replaced(x, new_x)
    assert len(rows) == 4
    np.testing.assert_array_equal(new_y, labels)
    np.testing.assert_array_equal(label_of(new_x)[rows], classes[rows])
    layer = kga.GANAugmentation(GENERATOR, 0.5, [0] * 9 + [1.0], seed=1)
    new_x, new_y = layer(x, labels, training=True)
    rows = replaced(x, new_x)
    assert (new_y.dtype, new_y.shape) == (labels.dtype, labels.shape)
    np.testing.assert_array_equal(label_of(new_x)[rows], 9)
    written = np.asarray(new_y)[rows]
    expected = np.eye(10)[[9] * 4] if form in ("one_hot", "bool", "soft") else np.full(written.shape, 9)
    expected = expected * 0.8 + 0.02 if form == "soft" else expected
    np.testing.assert_allclose(written, expected, rtol=1e-6 if form == "soft" else 0)
    untouched = np.setdiff1d(np.arange(8), rows)
    np.testing.assert_array_equal(np.asarray(new_y)[untouched], np.asarray(labels)[untouched])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float16", "bfloat16", "float32", "float64"])
def test_image_dtypes_and_value_range(dtype):
    x = tf.cast(tf.fill([8, *KNOWN_SHAPE], 3), dtype)
    y = tf.constant([0, 10, 20, 30, 45, 60, 80, 99])
    layer = kga.GANAugmentation(GENERATOR, 1.0, value_range=(0, 255), seed=1)
    new_x, _ = layer(x, y, training=True)
    assert new_x.dtype == dtype
    exact = ((np.asarray(y) - 50) / 100 + 1) * 127.5
    seen = np.asarray(new_x, np.float64)[:, 0, 0, 0]
    if tf.as_dtype(dtype).is_integer:
        np.testing.assert_array_equal(seen, np.round(exact.astype("float32")))
    else:
        np.testing.assert_allclose(seen, exact, rtol=1e-2 if "16" in dtype else 1e-5)


def test_bool_images_and_bool_rows():
    layer = kga.GANAugmentation(GENERATOR, 1.0, seed=1)
    rows = tf.one_hot([0, 99, 10, 80], 100) > 0
    new_x, new_y = layer(tf.zeros([4, *KNOWN_SHAPE], tf.bool), rows, training=True)
    np.testing.assert_array_equal(new_x[:, 0, 0, 0], [False, True, False, True])
    np.testing.assert_array_equal(new_y, rows)


def test_a_functional_model_knows_the_dtypes():
    inputs = [keras.Input(KNOWN_SHAPE, dtype="uint8"), keras.Input((), dtype="int64"), keras.Input((), dtype="float64")]
    outputs = kga.GANAugmentation(GENERATOR, 0.5, synthetic_weight=0.5)(*inputs)
    assert [output.dtype for output in outputs] == ["uint8", "int64", "float64"]


def test_integers_are_clipped_not_wrapped():
    inputs = [keras.Input((3,)), keras.Input((), dtype="int32")]
    bright = keras.layers.Rescaling(4.0)(known_generator()(inputs))  # leaves [-1, 1]
    layer = kga.GANAugmentation(keras.Model(inputs, bright), 1.0, value_range=(0, 255), seed=1)
    new_x, _ = layer(tf.zeros([2, *KNOWN_SHAPE], "uint8"), tf.constant([0, 99]), training=True)
    np.testing.assert_array_equal(new_x[:, 0, 0, 0], [0, 255])


@pytest.mark.parametrize("jit", [False, True])
def test_balance_fills_the_rarest_classes(jit):
    layer = kga.GANAugmentation(GENERATOR, 0.5, "balance", seed=1, num_classes=4)
    call = tf.function(lambda x, y: layer(x, y, training=True), jit_compile=jit)
    x, _ = batch(16)
    y = tf.constant([0] * 12 + [1] * 3 + [2])
    for _ in range(5):
        new_x, new_y = call(x, y)
        rows = replaced(x, new_x)
        np.testing.assert_array_equal(label_of(new_x)[rows], np.asarray(new_y)[rows])
        kept = np.bincount(np.delete(np.asarray(y), rows), minlength=4)
        filled = np.bincount(np.asarray(new_y), minlength=4)
        level = next(level for level in range(17) if np.maximum(level - kept, 0).sum() >= 8)
        assert (filled[kept < level] >= level - 1).all()  # the rarest reach one level
        assert (filled[kept >= level] == kept[kept >= level]).all()  # and the frequent get nothing


def test_balance_without_a_number_of_classes_knows_those_of_the_batch():
    layer = kga.GANAugmentation(GENERATOR, 0.5, "balance", seed=1)
    x, _ = batch(16)
    _, new_y = layer(x, tf.constant([30] * 12 + [7] * 3 + [80]), training=True)
    counts = np.bincount(new_y, minlength=100)
    assert set(np.flatnonzero(counts)) <= {7, 30, 80}
    assert counts[7] >= 4
    assert counts[80] >= 4


def test_class_weights_choose_in_proportion():
    x, y = batch(40)
    for weights in ({2: 3.0, 5: 1.0}, [0, 0, 3, 0, 0, 1, 0, 0, 0, 0]):
        layer = kga.GANAugmentation(GENERATOR, 1.0, weights, seed=1)
        _, new_y = layer(x, y, training=True)
        np.testing.assert_array_equal(np.bincount(new_y, minlength=10)[[2, 5]], [30, 10])


def test_synthetic_weight():
    x, y = batch(8)
    layer = kga.GANAugmentation(GENERATOR, 0.5, synthetic_weight=0.25, seed=1)
    new_x, _, made = layer(x, y, training=True)
    rows = replaced(x, new_x)
    expected = np.ones(8)
    expected[rows] = 0.25
    np.testing.assert_array_equal(made, expected)
    new_x, _, scaled = layer(x, y, tf.fill([8, 1], 2.0), training=True)
    expected = np.full([8, 1], 2.0)
    expected[replaced(x, new_x)] = 0.5
    np.testing.assert_array_equal(scaled, expected)


def test_only_the_replaced_rows_are_generated():
    sizes = []

    @keras.saving.register_keras_serializable(package="tests")
    class Spy(keras.layers.Layer):
        def call(self, images):
            sizes.append(images.shape[0])
            return images

        def compute_output_shape(self, input_shape):
            return input_shape

    inputs = [keras.Input((3,)), keras.Input((), dtype="int32")]
    layer = kga.GANAugmentation(keras.Model(inputs, Spy()(known_generator()(inputs))), 0.25, seed=1)
    sizes.clear()
    layer(*batch(16), training=True)
    assert sizes == [4]


def test_the_generator_is_frozen_and_no_part_of_the_classifier():
    gan = small_gan()
    before = [w.copy() for w in gan.get_weights()]
    trainable = gan.ema_generator.trainable, gan.generator.trainable
    x, y = keras.Input((8, 8, 1)), keras.Input((), dtype="int64")
    layer = kga.GANAugmentation(gan, 0.5, value_range=(0, 1), seed=1)
    images, _ = layer(x, y)
    hidden = keras.layers.Dense(3, name="own")(keras.layers.Flatten()(images))
    model = keras.Model([x, y], hidden)
    assert [w.shape for w in model.trainable_weights] == [(64, 3), (3,)]
    assert layer.weights == [layer.calls]
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    labels = np.arange(24) % 3
    model.fit([np.random.rand(24, 8, 8, 1), labels], labels, batch_size=8, verbose=0)
    assert int(layer.calls.numpy()) == 3
    for a, b in zip(before, gan.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (gan.ema_generator.trainable, gan.generator.trainable) == trainable


def test_no_gradient_reaches_the_generator():
    gan = small_gan()
    layer = kga.GANAugmentation(gan, 1.0, seed=1)
    with tf.GradientTape() as tape:
        tape.watch([getattr(w, "_value", w) for w in gan.ema_generator.weights])
        value = tf.reduce_sum(layer(tf.zeros([4, 8, 8, 1]), tf.constant([0, 1, 2, 0]), training=True)[0])
    assert all(g is None for g in tape.gradient(value, [getattr(w, "_value", w) for w in gan.ema_generator.weights]))


def test_a_keras_file_holds_the_generator_too(tmp_path):
    x, y = keras.Input((8, 8, 1)), keras.Input((), dtype="int64")
    images, labels = kga.GANAugmentation(small_gan(), 0.5, value_range=(0, 1), truncation=0.7, seed=1)(x, y)
    model = keras.Model([x, y], [images, labels])
    data = [tf.zeros([6, 8, 8, 1]), tf.constant([0, 1, 2, 0, 1, 2], tf.int64)]
    model(data, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for _ in range(2):  # the series of draws goes on
        np.testing.assert_allclose(loaded(data, training=True)[0], model(data, training=True)[0], atol=1e-6)
    model.save(tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras")
    again.save(tmp_path / "third.keras")
    third = keras.models.load_model(tmp_path / "third.keras")
    np.testing.assert_allclose(third(data, training=True)[0], model(data, training=True)[0], atol=1e-6)


def test_a_layer_cloned_in_this_process_has_the_generator():
    layer = kga.GANAugmentation(GENERATOR, 0.5, {3: 1.0}, 0.5, (-3, 3), 0.8, 4)
    copy = kga.GANAugmentation.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    for ours, theirs in zip(copy(*batch(4), training=True), layer(*batch(4), training=True), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_config_alone_says_that_it_has_no_generator():
    layer = kga.GANAugmentation(GENERATOR, 0.5, {3: 1.0}, 0.5, (0, 255), 0.8, 4)
    written = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))  # as in another process
    copy = keras.saving.deserialize_keras_object(written)
    assert copy.get_config()["sampling_strategy"] == layer.get_config()["sampling_strategy"]
    np.testing.assert_array_equal(copy(*batch(4))[0], batch(4)[0])
    with pytest.raises(ValueError, match="made from its config"):
        copy(*batch(4), training=True)
    again = json.loads(json.dumps(keras.saving.serialize_keras_object(copy)))
    parts = [part["config"]["generator"]["config"] for part in (written, again)]
    assert parts[0] == parts[1]


def test_any_source_gives_the_same_images(tmp_path):
    gan = small_gan()
    gan.save(tmp_path / "gan.keras")
    gan.export(tmp_path / "exported")
    x, y = tf.zeros([6, 8, 8, 1]), tf.constant([0, 1, 2, 0, 1, 2])
    sources = [gan, tmp_path / "gan.keras", str(tmp_path / "exported")]
    results = [kga.GANAugmentation(source, 1.0, truncation=0.5, seed=3)(x, y, training=True)[0] for source in sources]
    np.testing.assert_allclose(results[1], results[0], atol=1e-4)
    np.testing.assert_allclose(results[2], results[0], atol=1e-4)
    bare = kga.GANAugmentation(gan.ema_generator, 1.0, truncation=0.5, seed=3)  # in [-1, 1]
    np.testing.assert_allclose((bare(x, y, training=True)[0] + 1) * 127.5, results[0], atol=1e-3)


def test_unconditional_generators_take_images_alone():
    layer = kga.GANAugmentation(small_gan(num_classes=None), 0.5, value_range=(2, 3), seed=1)
    x = tf.zeros([6, 8, 8, 1])
    new = layer(x, training=True)
    assert len(replaced(x, new)) == 3
    new, weight = layer(x, sample_weight=tf.ones([6]), training=True)
    assert len(replaced(x, new)) == 3
    np.testing.assert_array_equal(weight, np.ones(6))


def test_mixed_precision_leaves_the_dtypes_alone(mixed_bfloat16):
    layer = kga.GANAugmentation(GENERATOR, 0.5, synthetic_weight=0.5, seed=1)
    x, y = batch(4)
    new_x, new_y, new_w = layer(x, y, tf.ones([4], "float64"), training=True)
    assert (new_x.dtype, new_y.dtype, new_w.dtype) == ("float32", "int64", "float64")
    rows = replaced(x, new_x)
    np.testing.assert_array_equal(label_of(new_x)[rows], np.asarray(y)[rows])
    untouched = np.setdiff1d(np.arange(4), rows)
    np.testing.assert_array_equal(np.asarray(new_x)[untouched], np.asarray(x)[untouched])


def test_replicas_draw_differently(two_replicas):
    x, y = batch(8)
    with two_replicas.scope():
        layer = kga.GANAugmentation(GENERATOR, 1.0, seed=1)

    @tf.function
    def run():
        return two_replicas.run(lambda: layer(x, y, training=True)[0])

    first, second = (two_replicas.experimental_local_results(run()) for _ in range(2))
    noises = np.concatenate([noise_of(images) for images in (*first, *second)])
    assert len(np.unique(noises)) == 32
    assert int(layer.calls.numpy()) == 2


@pytest.mark.parametrize("one_hot", [False, True])
def test_with_weights_a_batch_may_have_classes_that_came_later(one_hot, tmp_path):
    images = np.zeros([8, *KNOWN_SHAPE], "float32")
    labels = np.arange(8) % 4 + 3  # the generator has 0, 1 and 2
    layer = kga.GANAugmentation(known_generator(), 0.5, {0: 1, 2: 1}, num_classes=3, seed=1)
    new, given = layer(images, np.eye(7)[labels] if one_hot else labels, training=True)
    given = np.argmax(given, 1) if one_hot else given.numpy()
    old = (new.numpy() == 0).all((1, 2, 3))
    assert old.sum() == 4
    np.testing.assert_array_equal(given[old], labels[old])
    np.testing.assert_array_equal(np.sort(given[~old]), [0, 0, 2, 2])
    np.testing.assert_array_equal(label_of(new.numpy()[~old]), given[~old])
    if not one_hot:
        layer.export(tmp_path / "export")
        _, exported = tf.saved_model.load(str(tmp_path / "export")).augment(images, tf.constant(labels, tf.int32), [1, 2])
        assert sorted(set(exported.numpy()) & {0, 1, 2}) == [0, 2]
