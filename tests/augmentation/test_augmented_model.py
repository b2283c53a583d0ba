"""AugmentedModel: a classifier whose training step augments, and which otherwise is the plain classifier."""

import tracemalloc
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import KNOWN_SHAPE, known_generator, label_of, max_difference, noise_of, small_gan

import keras_ganaug as kga

X = np.random.default_rng(0).uniform(2, 3, [40, *KNOWN_SHAPE]).astype("float32")
Y = np.arange(40) % 10


def classifier(num_classes=10, shape=KNOWN_SHAPE, hidden=()):
    return keras.Sequential([keras.Input(shape), *hidden, keras.layers.Flatten(), keras.layers.Dense(num_classes)])


def compiled(model, **options):
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"], **options)
    return model


def make(fraction=0.5, hidden=(), generator=None, **options):
    return kga.AugmentedModel(
        classifier(hidden=hidden),
        kga.GANAugmentation(generator or known_generator(), fraction, seed=1, **options),
    )


@keras.saving.register_keras_serializable(package="tests")
class Spy(keras.layers.Layer):
    """Hands on the batches that reach it."""

    seen = []

    def call(self, images, training=None):
        if tf.executing_eagerly():  # Keras 2 also calls it to build the model
            Spy.seen.append((bool(training), np.asarray(images)))
        return images


def test_training_augments_and_nothing_else_does():
    Spy.seen.clear()
    model = compiled(make(hidden=[Spy()]), run_eagerly=True)
    Spy.seen.clear()
    model.fit(X, Y, batch_size=10, shuffle=False, verbose=0)
    assert [training for training, _ in Spy.seen] == [True] * 4
    noises = []
    for n, (_, images) in enumerate(Spy.seen):
        real = X[n * 10 : n * 10 + 10]
        rows = np.flatnonzero((images != real).any((1, 2, 3)))
        assert len(rows) == 5
        np.testing.assert_array_equal(label_of(images)[rows], rows)
        noises.extend(noise_of(images)[rows])
    assert len(set(noises)) == 20
    Spy.seen.clear()
    model.evaluate(X, Y, batch_size=10, verbose=0)
    model.predict(X, batch_size=10, verbose=0)
    model(X[:10])
    assert len(Spy.seen) == 9
    for n, (_, images) in enumerate(Spy.seen):
        np.testing.assert_array_equal(images, X[n % 4 * 10 : n % 4 * 10 + 10])


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_one_xla_program(dtype):
    gan = small_gan()
    before = [w.copy() for w in gan.get_weights()]
    augmentation = kga.GANAugmentation(gan, 0.5, synthetic_weight=0.5, seed=1)
    model = compiled(kga.AugmentedModel(classifier(3, (8, 8, 1)), augmentation), jit_compile=True)
    x = np.zeros([20, 8, 8, 1], dtype)
    history = model.fit(x, np.arange(20) % 3, sample_weight=np.ones(20), batch_size=8, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert int(augmentation.calls.numpy()) == 6
    assert all(np.array_equal(a, b) for a, b in zip(before, gan.get_weights(), strict=True))
    step = tf.function(lambda x, y: augmentation(x, y, training=True), jit_compile=True)
    arguments = tf.constant(x[:8]), tf.constant(np.arange(8) % 3)
    hlo = step.experimental_get_compiler_ir(*arguments)(stage="hlo")
    assert "f32[4,64]" in hlo  # four images of the generator's last layer are made within the program


def test_without_a_fraction_it_trains_like_the_plain_classifier():
    plain, augmented = compiled(classifier()), compiled(make(0.0))
    augmented.model.set_weights(plain.get_weights())
    for model in (plain, augmented):
        model.fit(X, Y, batch_size=10, epochs=2, shuffle=False, verbose=0)
    assert max_difference(plain, augmented.model) < 1e-6


def test_weights_are_the_classifiers():
    model = make(generator=small_gan((4, 3, 2), 10))
    assert [w.shape for w in model.trainable_weights] == [(24, 10), (10,)]
    assert len(model.non_trainable_weights) == 1  # the count of calls


def test_save_and_load_go_on_exactly(tmp_path):
    model = compiled(make(generator=small_gan((4, 3, 2), 10), value_range=(2, 3)))
    model.fit(X, Y, batch_size=10, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-6)
    for each in (model, loaded):
        each.fit(X, Y, batch_size=10, shuffle=False, verbose=0)
    assert max_difference(model, loaded) < 1e-5


def test_export_is_the_plain_classifier(tmp_path):
    model = make()
    model.export(str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_allclose(loaded.serve(X), model.predict(X, verbose=0), atol=1e-5)


def test_datasets_and_mixed_precision(mixed_bfloat16):
    model = compiled(make(), jit_compile=True)
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)  # 16, 16, 8
    history = model.fit(data, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert int(model.augmentation.calls.numpy()) == 6


def test_two_replicas(two_replicas):
    with two_replicas.scope():
        model = compiled(make())
    history = model.fit(tf.data.Dataset.from_tensor_slices((X, Y)).batch(10), epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert int(model.augmentation.calls.numpy()) == 8


def span_warnings(call):
    """The texts of the warnings of a call that tell of a scale or of batches of which no row is replaced."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    texts = [str(w.message) for w in caught]
    return [text for text in texts if "The images span" in text or "`fraction` of a batch" in text]


@pytest.mark.parametrize("value_range", [(0, 255), (2, 3)])
def test_another_scale_is_told_once_in_graphs_and_functional_models(value_range):
    layer = kga.GANAugmentation(known_generator(), 0.5, value_range=value_range, seed=1)
    images, labels = keras.Input(KNOWN_SHAPE), keras.Input((), dtype="int32")
    functional = keras.Model([images, labels], classifier()(layer(images, labels)[0]))
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(10)
    told = 0 if value_range == (2, 3) else 1
    pairs = data.map(lambda x, y: ((x, y), y))
    assert len(span_warnings(lambda: compiled(functional).fit(pairs, epochs=2, verbose=0))) == told
    layer = kga.GANAugmentation(known_generator(), 0.5, value_range=value_range, seed=1)
    graph = tf.function(lambda x, y: layer(x, y, training=True))
    assert len(span_warnings(lambda: [graph(X, Y) for _ in range(3)])) == told
    assert len(span_warnings(lambda: compiled(make(value_range=value_range)).fit(data, epochs=2, verbose=0))) == told


def test_batches_of_which_no_row_is_replaced_are_told_once():
    for batch_size, told in ((1, 1), (3, 0)):
        data = tf.data.Dataset.from_tensor_slices((X[:7], Y[:7])).batch(batch_size)  # 3, 3, 1
        model = make(0.25, value_range=(2, 3))
        assert len(span_warnings(lambda: compiled(model, run_eagerly=True).fit(data, verbose=0))) == told
        model = make(0.25, value_range=(2, 3))
        model = compiled(model, run_eagerly=True)
        assert len(span_warnings(lambda: model.fit(X[:7], Y[:7], batch_size=batch_size, verbose=0))) == told


def test_arrays_are_checked_in_parts_on_the_host(monkeypatch):
    """Whole arrays may be larger than any memory: these, of one repeated value, would be 96 GB."""
    lengths, convert = [], tf.convert_to_tensor

    def spied(value, *args, **kwargs):
        lengths.append(max(getattr(value, "shape", None) or [0]))
        return convert(value, *args, **kwargs)

    monkeypatch.setattr(tf, "convert_to_tensor", spied)
    number = 10**9
    x = np.broadcast_to(np.float32(2.5), (number, *KNOWN_SHAPE))
    y = np.broadcast_to(np.float32([0.5, 0.5] + [0] * 8), (10**6, 10))
    model = make(value_range=(2, 3))
    tracemalloc.start()
    model._check_arrays(x, y, 32)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24
    assert max(lengths) <= 10  # one row
    monkeypatch.undo()
    y = np.zeros(10**6, "int64")
    y[-1] = 10
    with pytest.raises(ValueError, match=r"from 0 to 9 .*Received: \[10\]"):
        make(generator=small_gan(KNOWN_SHAPE, 10))._check_arrays(x, y, 32)
    x = np.broadcast_to(
        np.linspace(2, 255, number // 2**12, dtype="float32")[:, None, None, None], (number // 2**12, *KNOWN_SHAPE)
    )
    assert len(span_warnings(lambda: model._check_arrays(x, Y, 32))) == 1  # wherever they are


def test_memory_mapped_arrays_train(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    x, y = (np.load(tmp_path / name, mmap_mode="r") for name in ("x.npy", "y.npy"))
    assert np.isfinite(compiled(make(value_range=(2, 3))).fit(x, y, batch_size=10, verbose=0).history["loss"]).all()


def two_inputs():
    photo, age = keras.Input(KNOWN_SHAPE, name="photo"), keras.Input((1,), name="age")
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(Spy()(photo)), age])
    return keras.Model({"photo": photo, "age": age}, keras.layers.Dense(10)(joined))


@pytest.mark.parametrize("form", ["arrays", "dataset", "generator"])
def test_one_of_several_inputs_is_augmented(form):
    augmentation = kga.GANAugmentation(known_generator(), 0.5, value_range=(2, 3), image_key="photo", seed=1)
    model = compiled(kga.AugmentedModel(two_inputs(), augmentation), run_eagerly=True)
    age = np.arange(40, dtype="float32")[:, None]
    inputs = {"photo": X, "age": age}
    data = tf.data.Dataset.from_tensor_slices((inputs, Y)).batch(10)
    Spy.seen.clear()
    if form == "arrays":
        model.fit(inputs, Y, batch_size=10, shuffle=False, verbose=0)
    elif form == "dataset":
        model.fit(data, verbose=0)
    else:
        model.fit(iter([next(iter(data))]), verbose=0)
    training = [images for training, images in Spy.seen if training]
    assert len(training) == (1 if form == "generator" else 4)
    rows = np.flatnonzero((training[0] != X[:10]).any((1, 2, 3)))
    assert len(rows) == 5
    np.testing.assert_array_equal(label_of(training[0], (2, 3))[rows], Y[rows])
    Spy.seen.clear()
    model.evaluate(data, verbose=0)
    np.testing.assert_array_equal(np.concatenate([images for _, images in Spy.seen]), X)


def test_several_inputs_under_xla_and_of_a_config():
    augmentation = kga.GANAugmentation(
        small_gan(KNOWN_SHAPE, 10), 0.5, value_range=(2, 3), image_key=("photo",), seed=1, synthetic_weight=0.5
    )
    given = {"photo": X[:10], "age": Y[:10, None]}
    call = tf.function(lambda x, y: augmentation(x, y, training=True), jit_compile=True)
    inputs, labels, weights = call(given, Y[:10])
    assert set(inputs) == {"photo", "age"}
    np.testing.assert_array_equal(inputs["age"], given["age"])
    np.testing.assert_array_equal(labels, Y[:10])
    replaced = (inputs["photo"].numpy() != given["photo"]).any((1, 2, 3))
    np.testing.assert_array_equal(weights, np.where(replaced, 0.5, 1.0))
    again = kga.GANAugmentation.from_config(augmentation.get_config())
    np.testing.assert_allclose(again(given, Y[:10], training=True)[0]["photo"], inputs["photo"], rtol=1e-5)


def test_an_input_that_no_image_key_names_is_an_error():
    model = compiled(kga.AugmentedModel(two_inputs(), kga.GANAugmentation(known_generator(), 0.5)))
    inputs = {"photo": X, "age": np.zeros([40, 1], "float32")}
    calls = (
        lambda: model.fit(inputs, Y, verbose=0),
        lambda: model.fit(tf.data.Dataset.from_tensor_slices((inputs, Y)).batch(10), verbose=0),
        lambda: model.train_on_batch(inputs, Y),
        lambda: model.augmentation(inputs, Y, training=True),
    )
    for call in calls:
        with pytest.raises(ValueError, match=r"`image_key` must say which .*(photo|age)', '(photo|age)"):
            call()
