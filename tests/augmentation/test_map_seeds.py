"""Which draws a map over a dataset makes: anew for each batch, epoch and mapping, and the same in each run."""

import gc
import itertools
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from known_data import N, X, Y, make, pipeline, rows_of
from tools import KNOWN_SHAPE, noise_of, small_gan

import keras_ganaug as kga
from keras_ganaug.augmentation import dataset_map


@pytest.mark.parametrize("engine", ["bank", "live"])
def test_parallel_maps_give_the_same_and_epochs_differ(engine):
    epochs = {}
    for parallel in (None, 1, 4, tf.data.AUTOTUNE):
        data = pipeline(make(engine=engine), parallel=parallel)
        epochs[parallel] = [np.concatenate([x.numpy() for x, _ in data]) for _ in range(3)]
    for parallel in (1, 4, tf.data.AUTOTUNE):
        np.testing.assert_array_equal(epochs[None], epochs[parallel])
    first, second, third = (rows_of(X, epoch) for epoch in epochs[None])
    assert len({tuple(first), tuple(second), tuple(third)}) == 3
    repeated = pipeline(make(engine=engine)).repeat(3)
    np.testing.assert_array_equal(np.concatenate(epochs[None]), np.concatenate([x.numpy() for x, _ in repeated]))


def images_of(data):
    return np.concatenate([x.numpy() for x, _ in data])


@pytest.fixture
def tables(monkeypatch):
    """Weak references to the tables that pipelines make from now on."""
    made, new_table = [], dataset_map._new_table

    def new():
        table = new_table()
        made.append(weakref.ref(table.resource_handle))
        return table

    monkeypatch.setattr(dataset_map, "_new_table", new)
    return made


def test_each_mapping_draws_anew_and_the_same_sequence_repeats():
    augment = make()
    series = [images_of(pipeline(augment)) for _ in range(3)]
    assert len({images.tobytes() for images in series}) == 3
    again = make()
    for parallel, images in zip((4, None, tf.data.AUTOTUNE), series, strict=True):
        np.testing.assert_array_equal(images_of(pipeline(again, parallel=parallel)), images)
    assert not np.array_equal(images_of(pipeline(make(seed=2))), series[0])


def test_a_loop_that_maps_anew_trains_on_other_synthetic_rows():
    augment, seen = make(1.0, bank_size=400), []

    @tf.autograph.experimental.do_not_convert
    def spied(images, labels):
        images, labels = augment(images, labels)
        return tf.numpy_function(lambda x: (seen.append(x), x)[1], [images], tf.float32), labels

    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(N)
    for _ in range(2):
        model.fit(data.map(spied).map(lambda x, y: (tf.ensure_shape(x, [None, *KNOWN_SHAPE]), y)), verbose=0)
    assert len({x.tobytes() for x in seen}) == 2


def test_the_number_of_a_mapping_does_not_depend_on_how_often_it_is_traced(tables):
    expected = make()
    expected = [images_of(pipeline(expected)) for _ in range(2)]
    augment, variables = make(), []

    def makes_a_variable(images, labels):  # TensorFlow traces it once more
        if not variables:
            variables.append(tf.Variable(1.0))
        return augment(images, labels)

    tables.clear()
    np.testing.assert_array_equal(images_of(pipeline(makes_a_variable)), expected[0])
    assert len(tables) == 2
    np.testing.assert_array_equal(images_of(pipeline(lambda *element: augment(*element))), expected[1])


def test_iterators_of_one_pipeline_share_its_visits():
    twice = images_of(pipeline(make()).repeat(2))
    data = pipeline(make())
    first, second = iter(data), iter(data)
    epochs = [np.concatenate([images.numpy() for images, _ in iterator]) for iterator in (first, second)]
    np.testing.assert_array_equal(np.concatenate(epochs), twice)


def test_nothing_is_kept_for_pipelines_that_are_gone(tables):
    augment = make()
    augment._bank.stored(tf.float32)  # filled in the first mapping, its variable makes TensorFlow trace that once more
    kept = pipeline(augment).repeat()
    iterator = iter(kept)
    for _ in range(3):
        images_of(pipeline(augment, parallel=2))
    assert len(tables) == 4
    gc.collect()
    assert [table() is not None for table in tables] == [True] + [False] * 3
    del kept
    gc.collect()
    for _ in range(12):  # the iterator alone keeps what it needs
        next(iterator)
    del iterator
    gc.collect()
    assert tables[0]() is None
    assert not [name for name, value in vars(augment).items() if isinstance(value, (list, dict, set)) and value]


def test_batches_of_one_size_get_draws_of_their_own():
    noises = [
        noise_of(x)[rows_of(X[i * 10 : i * 10 + 10], x.numpy())] for i, (x, _) in enumerate(pipeline(make(1.0, "live"), 10))
    ]
    assert len(np.unique(np.concatenate(noises))) == N


def test_eager_calls_draw_anew():
    augment = make(engine="live")
    first, second = (augment(X[:8], Y[:8])[0].numpy() for _ in range(2))
    assert not np.array_equal(first, second)


def test_refresh_bank_renews_between_epochs():
    augment = make(1.0, bank_size=100)
    banks = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            banks.append(augment._bank.images.numpy())

    model = keras.Sequential([keras.Input(KNOWN_SHAPE), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    callbacks = [kga.callbacks.RefreshBank(augment, every=2), Watch()]
    model.fit(pipeline(augment), epochs=5, verbose=0, callbacks=callbacks)
    same = [np.array_equal(a, b) for a, b in itertools.pairwise(banks)]
    assert same == [True, False, True, False]
    noises = np.concatenate([noise_of(bank) for bank in (banks[0], banks[2], banks[4])])
    assert len(np.unique(noises)) == 300


def test_a_pipeline_that_runs_for_long_forgets(monkeypatch):
    monkeypatch.setattr(dataset_map, "_MOST_VISITS", 3)
    tables, new_table = [], dataset_map._new_table
    monkeypatch.setattr(dataset_map, "_new_table", lambda: tables.append(new_table()) or tables[-1])
    assert sum(1 for _ in pipeline(make(engine="live"), 7)) == 10
    assert tables[0].size() <= 3


def test_batches_that_differ_in_few_pixels_are_told_apart():
    """Draws must not depend on the race between parallel calls, however alike the images are."""
    gan = small_gan(num_classes=None)
    images = np.zeros([128, 8, 8, 1], "uint8")
    images[:, 5, 3, 0] = np.arange(128)

    def augmented(calls):
        data = tf.data.Dataset.from_tensor_slices(images).batch(4)
        data = data.map(kga.gan_augment(gan, 0.5, seed=1, bank_size=64), num_parallel_calls=calls)
        return np.concatenate(list(data.as_numpy_iterator()))

    for calls in (2, 8, 16):
        np.testing.assert_array_equal(augmented(calls), augmented(None))


def test_large_batches_have_seeds_of_their_own():
    """Of large images only some values are hashed."""
    gan = small_gan((70, 70, 1))
    augment = kga.gan_augment(gan, 0.5, "balance", bank_size=12, seed=1)
    images = np.random.default_rng(0).integers(0, 256, [48, 70, 70, 1], "uint8")
    data = tf.data.Dataset.from_tensor_slices((images, np.arange(48) % 3)).batch(8)
    rows = [(batch.numpy() == real.numpy()).all((1, 2, 3)) for (batch, _), (real, _) in zip(data.map(augment), data)]
    assert len({each.tobytes() for each in rows}) > 3
    again = [(batch.numpy() == real.numpy()).all((1, 2, 3)) for (batch, _), (real, _) in zip(data.map(augment), data)]
    assert len(again) == 6 and all(each.sum() == 4 for each in rows + again)
