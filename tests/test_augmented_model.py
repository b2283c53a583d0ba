"""AugmentedModel: a classifier whose training step augments, and which otherwise is the plain classifier."""

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
