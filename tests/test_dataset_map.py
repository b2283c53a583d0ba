"""gan_augment in tf.data pipelines, against a generator whose output is known."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import KNOWN_SHAPE, known_generator, label_of, noise_of, small_gan

import keras_ganaug as kga

GENERATOR = known_generator()
N = 70
X = np.random.default_rng(0).uniform(2, 3, [N, *KNOWN_SHAPE]).astype("float32")
Y = np.arange(N) % 10


def pipeline(augment, batch_size=8, parallel=None, data=(X, Y)):
    return tf.data.Dataset.from_tensor_slices(data).batch(batch_size).map(augment, num_parallel_calls=parallel)


def make(fraction=0.5, engine="bank", seed=1, **options):
    options.setdefault("num_classes", 10)
    return kga.gan_augment(GENERATOR, fraction, engine=engine, seed=seed, **options)


def rows_of(before, after):
    return np.flatnonzero((before != after).any((1, 2, 3)))


@pytest.mark.parametrize("engine", ["bank", "live"])
def test_rows_labels_and_ragged_last_batch(engine):
    seen = 0
    for images, labels in pipeline(make(engine=engine), 16):  # 16, 16, 16, 16, 6
        n = len(labels)
        real = X[seen : seen + n]
        rows = rows_of(real, images.numpy())
        assert len(rows) == round(0.5 * n)
        np.testing.assert_array_equal(labels, Y[seen : seen + n])
        np.testing.assert_array_equal(label_of(images)[rows], labels.numpy()[rows])
        assert len(np.unique(noise_of(images)[rows])) == len(rows)
        seen += n
    assert seen == N


def test_a_batch_too_small_for_a_synthetic_row_is_left_alone(tmp_path):
    # With convolutions: an empty batch comes out of TensorFlow's with another number of channels.
    gan = kga.SNGAN((8, 8, 1), 3, latent_dim=4, seed=1)
    x, y = np.random.default_rng(0).integers(0, 256, [9, 8, 8, 1], "uint8"), np.arange(9) % 3
    kga.GANAugmentation(gan, 0.25, seed=1).export(tmp_path / "exported")
    for generator, engine in itertools.product((gan, tmp_path / "exported"), ("bank", "live")):
        augment = kga.gan_augment(generator, 0.25, engine=engine, bank_size=12, seed=1)
        *_, last = pipeline(augment, 4, data=(x, y))  # 4, 4, 1
        np.testing.assert_array_equal(last[0], x[8:])
    loaded = tf.saved_model.load(str(tmp_path / "exported"))
    images, _ = loaded.augment(tf.cast(x[:1], tf.float32), y[:1].astype("int32"), [1, 2])
    np.testing.assert_array_equal(images, x[:1])
    assert loaded.generate(np.zeros([0], "int32"), np.array([1, 2], "int32")).shape == (0, 8, 8, 1)


@pytest.mark.parametrize(("dtype", "num_classes"), [("uint8", 256), ("int8", 128), ("uint8", 300)])
def test_labels_whose_dtype_cannot_hold_the_number_of_classes(dtype, num_classes):
    labels = np.array([0, 1, 127, min(255, np.iinfo(dtype).max)], dtype)
    augment = kga.gan_augment(GENERATOR, 1.0, engine="live", num_classes=num_classes, seed=1)
    ((images, after),) = pipeline(augment, 4, data=(X[:4], labels))
    np.testing.assert_array_equal(after, labels)
    np.testing.assert_array_equal(label_of(images)[:2], labels[:2])  # the known images tell labels up to 100


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


def test_the_same_pipeline_made_twice_of_one_function_is_the_same():
    augment = make()
    first, second = (np.concatenate([x.numpy() for x, _ in pipeline(augment)]) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = np.concatenate([x.numpy() for x, _ in pipeline(make(seed=2))])
    assert not np.array_equal(first, other)


def test_batches_of_one_size_get_draws_of_their_own():
    noises = [
        noise_of(x)[rows_of(X[i * 10 : i * 10 + 10], x.numpy())] for i, (x, _) in enumerate(pipeline(make(1.0, "live"), 10))
    ]
    assert len(np.unique(np.concatenate(noises))) == N


def test_eager_calls_draw_anew():
    augment = make(engine="live")
    first, second = (augment(X[:8], Y[:8])[0].numpy() for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("engine", ["bank", "live"])
def test_dicts_gain_is_synthetic(engine):
    data = tf.data.Dataset.from_tensor_slices({"images": X, "labels": Y, "id": np.arange(N)}).batch(7)
    for element in data.map(make(engine=engine)):
        assert set(element) == {"images", "labels", "id", "is_synthetic"}
        assert element["is_synthetic"].dtype == tf.bool
        rows = rows_of(X[element["id"]], element["images"].numpy())
        np.testing.assert_array_equal(np.flatnonzero(element["is_synthetic"]), rows)


def test_weights_and_dtypes_survive_the_map():
    weights = np.random.default_rng(1).uniform(size=N)
    labels = Y.astype("int64")
    data = (np.full([N, *KNOWN_SHAPE], 7, "uint8"), labels, weights)
    augment = make(synthetic_weight=0.5, value_range=(0, 255))
    seen = 0
    for images, new_labels, new_weights in pipeline(augment, 8, data=data):
        assert (images.dtype, new_labels.dtype, new_weights.dtype) == (tf.uint8, tf.int64, tf.float64)
        ratio = new_weights.numpy() / weights[seen : seen + len(new_weights)]
        assert sorted(set(ratio)) == [0.5, 1.0]
        rows = np.flatnonzero(ratio == 0.5)
        np.testing.assert_array_equal(label_of(images, (0, 255))[rows], new_labels.numpy()[rows])
        seen += len(new_weights)


def test_large_int64_labels_pass_through_a_live_map():
    labels = np.arange(N, dtype="int64") + 2**24 + 1
    with pytest.warns(UserWarning, match="number of classes"):
        augment = make(num_classes=None)
    assert augment.engine == "live"
    new = np.concatenate([y.numpy() for _, y in pipeline(augment, data=(X, labels))])
    np.testing.assert_array_equal(new, labels)


@pytest.mark.parametrize("strategy", ["balance", {9: 1.0}])
def test_strategies_in_the_map(strategy):
    for images, labels in pipeline(make(sampling_strategy=strategy), 10, data=(X, Y * 0)):
        rows = np.flatnonzero(labels.numpy() != 0)
        assert len(rows) >= 4
        np.testing.assert_array_equal(label_of(images)[rows], labels.numpy()[rows])


def test_the_bank_holds_every_class_and_its_images_come_from_it():
    augment = make(1.0, bank_size=200)
    bank = set(noise_of(augment._bank.images.numpy()))
    assert len(bank) == 200
    assert set(np.bincount(label_of(augment._bank.images))) == {20}
    drawn = np.concatenate([noise_of(x) for x, _ in pipeline(augment, 10)])
    assert set(drawn) <= bank


def test_a_bank_smaller_than_the_batch_still_serves():
    images, labels = make(1.0, bank_size=10)(X, Y)
    np.testing.assert_array_equal(label_of(images), labels)


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


def test_it_always_augments_and_ignores_the_learning_phase():
    images, _ = make()(X[:8], Y[:8])
    assert len(rows_of(X[:8], images.numpy())) == 4


def test_paths_and_unconditional_generators(tmp_path):
    small_gan().export(tmp_path / "exported")
    data = (np.zeros([12, 8, 8, 1], "uint8"), np.arange(12) % 3)
    for engine in ("bank", "live"):
        augment = kga.gan_augment(str(tmp_path / "exported"), 0.5, engine=engine, bank_size=30, seed=1)
        for images, _ in pipeline(augment, 6, data=data):
            assert (images.numpy() > 0).any((1, 2, 3)).sum() == 3
        augment = kga.gan_augment(small_gan(num_classes=None), 0.5, engine=engine, bank_size=30, seed=1)
        for images in tf.data.Dataset.from_tensor_slices(data[0]).batch(6).map(augment):
            assert (images.numpy() > 0).any((1, 2, 3)).sum() == 3


def test_a_pipeline_that_runs_for_long_forgets(monkeypatch):
    monkeypatch.setattr("keras_ganaug.augmentation.dataset_map._MOST_VISITS", 3)
    augment = make(engine="live")
    assert sum(1 for _ in pipeline(augment, 7)) == 10
    assert augment._traced_visits[0].size() <= 3


def test_mixed_precision(mixed_bfloat16):
    images, labels = next(iter(pipeline(make())))
    assert (images.dtype, labels.dtype) == (tf.float32, tf.int64)
    rows = rows_of(X[:8], images.numpy())
    np.testing.assert_array_equal(label_of(images)[rows], labels.numpy()[rows])


def test_two_replicas_train_on_a_mapped_dataset(two_replicas):
    with two_replicas.scope():
        augment = make(bank_size=100)
        model = keras.Sequential([keras.Input(KNOWN_SHAPE), keras.layers.Flatten(), keras.layers.Dense(10)])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(pipeline(augment), epochs=2, verbose=0, callbacks=[kga.callbacks.RefreshBank(augment)])
    assert np.isfinite(history.history["loss"]).all()


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
