"""The training step, `fit`, `generate`, and saving: on networks small enough to train in a moment."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import max_difference, small_data, small_gan, small_networks

import keras_ganaug as kga

X, Y = small_data()


def weights(model):
    return [w.copy() for w in model.get_weights()]


@pytest.mark.parametrize("cls", [kga.GAN, kga.SNGAN])
def test_it_learns_what_the_classes_look_like(cls):
    x, y = small_data(240)
    gan = small_gan(cls=cls)
    gan.compile(keras.optimizers.Adam(5e-3, 0.0, 0.9), keras.optimizers.Adam(5e-3, 0.0, 0.9), ema_decay=0.98)
    history = gan.fit(x, y, batch_size=48, epochs=200, verbose=0)
    assert sorted(history.history) == ["d_loss", "g_loss"]
    assert len(history.history["d_loss"]) == 200
    means = gan.generate(np.repeat([0, 1, 2], 100), seed=1).reshape(3, -1).mean(1)
    np.testing.assert_allclose(means, [x[y == c].mean() for c in range(3)], atol=10)


def test_the_default_networks_train_and_generate():
    gan = kga.SNGAN((20, 12, 2), num_classes=3, latent_dim=8, seed=1)
    gan.compile()
    x, y = small_data(16, (20, 12, 2))
    before = weights(gan.generator)
    history = gan.fit(x, y, batch_size=8, epochs=1, verbose=0).history
    assert np.isfinite([history["d_loss"], history["g_loss"]]).all()
    assert all((a != b).any() for a, b in zip(before, weights(gan.generator), strict=True))
    images = gan.generate([2, 0, 1], seed=3)
    assert images.shape == (3, 20, 12, 2)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 255


@pytest.mark.slow
@pytest.mark.parametrize(("num_classes", "jit_compile"), [(None, False), (3, True)])
def test_default_step_compiles(num_classes, jit_compile):
    gan = kga.SNGAN((8, 8, 1), num_classes, latent_dim=4, seed=1)
    gan.compile(jit_compile=jit_compile, augment=kga.DiffAugment("translation"))
    history = gan.fit(X, Y if num_classes else None, batch_size=4, epochs=1, verbose=0).history
    assert np.isfinite([history["d_loss"], history["g_loss"]]).all()
    assert gan.generate([0, 1] if num_classes else 2).shape == (2, 8, 8, 1)


@pytest.mark.slow
def test_xla_computes_the_same_step():
    gans = [small_gan(), small_gan()]
    for gan, jit in zip(gans, (False, True), strict=True):
        # Plain gradient descent: Adam without momentum turns a rounding error of a tiny gradient into a full step.
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), jit_compile=jit, augment=kga.DiffAugment())
        gan.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert max_difference(*gans) < 1e-5


@pytest.mark.slow
def test_all_options_compile():
    gan = small_gan()
    penalties = [
        kga.penalties.R1(),
        kga.penalties.R2(),
        kga.penalties.GradientPenalty(),
        kga.penalties.MismatchedLabels(3),
    ]
    gan.compile(loss="relativistic", augment=kga.DiffAugment(), d_steps=2, penalties=penalties)
    step = tf.function(gan.train_step, jit_compile=True, autograph=False)
    assert "ENTRY" in step.experimental_get_compiler_ir((tf.constant(X[:8]), tf.constant(Y[:8])))(stage="hlo")


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_mixed_bfloat16(mixed_bfloat16, jit_compile):
    gan = kga.SNGAN((8, 8, 1), num_classes=3, latent_dim=4, seed=1)
    gan.compile(jit_compile=jit_compile)
    history = gan.fit(X, Y, batch_size=8, epochs=2, verbose=0).history
    assert np.isfinite([history["d_loss"], history["g_loss"]]).all()
    assert gan.generator.layers[-2].compute_dtype == "bfloat16"
    assert all(w.dtype in ("float32", "int64") for w in gan.weights)
    assert gan.generate([1]).dtype == np.float32


@pytest.mark.parametrize("steps_per_execution", [1, 3])
def test_a_fit_traces_once_whatever_the_last_batch(steps_per_execution, monkeypatch):
    traces = []
    step = kga.GAN.train_step
    monkeypatch.setattr(kga.GAN, "train_step", lambda self, data: traces.append(data[0].shape) or step(self, data))
    gan = small_gan()
    gan.compile(steps_per_execution=steps_per_execution)
    ragged = tf.data.Dataset.from_tensor_slices((X, Y)).batch(10)  # 10, 10, 4
    gan.fit(ragged, epochs=3, verbose=0)
    gan.fit(X, Y.astype("int64"), batch_size=10, epochs=2, verbose=0)
    assert set(map(tuple, traces)) == {(10, 8, 8, 1)}
    assert len(traces) <= steps_per_execution
    assert int(gan.step.numpy()) == 5 * 3


def test_steps_per_execution_changes_nothing_else():
    gans = [small_gan(), small_gan()]
    for gan, steps in zip(gans, (1, 3), strict=True):
        gan.compile(steps_per_execution=steps)
        gan.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert max_difference(*gans) < 1e-6


def test_one_step_is_the_written_out_arithmetic():
    """One step of SNGAN with d_steps=2 against the same updates by hand."""
    gan, mine = small_gan(), small_gan()
    gan.compile(d_steps=2, ema_decay=0.9)
    mine.compile()
    x, y = X[:12], Y[:12]
    gan.fit(x, y, batch_size=6, epochs=1, shuffle=False, verbose=0)

    from keras_ganaug import _random

    optimizers = {"d": keras.optimizers.Adam(2e-4, 0.0, 0.9), "g": keras.optimizers.Adam(2e-4, 0.0, 0.9)}
    average = weights(mine.generator)
    step_seed = _random.fold(_random.as_seed(mine.seed), 0)
    rows = [slice(0, 6), slice(6, 12)]
    for number, (name, network, parts) in enumerate([("d", mine.discriminator, rows), ("g", mine.generator, rows[:1])]):
        for update, part in enumerate(parts):
            seed = _random.fold(step_seed, number * 1000 + update)
            labels = tf.constant(y[part], tf.int32)
            latents = _random.normal([6, 4], _random.fold(seed, 0))
            if name == "d":
                mine.discriminator.layers[-1].power_iteration()
            with kga.layers.spectral_normalization.power_iteration_once(), tf.GradientTape() as tape:
                fake = mine.generator([latents, labels], training=True)
                fake_logits = mine.discriminator([fake, labels], training=True)
                real_logits = mine.discriminator([tf.constant(x[part] / 127.5 - 1.0, tf.float32), labels], training=True)
                loss = -tf.reduce_mean(fake_logits)
                if name == "d":
                    loss = tf.reduce_mean(tf.nn.relu(1 - real_logits)) + tf.reduce_mean(tf.nn.relu(1 + fake_logits))
            variables = network.trainable_variables
            gradients = tape.gradient(loss, [getattr(v, "_value", v) for v in variables])
            optimizers[name].apply_gradients(zip(gradients, variables, strict=True))
    for theirs, ours in ((gan.generator, mine.generator), (gan.discriminator, mine.discriminator)):
        assert max_difference(theirs, ours) < 1e-5
    decay = min(0.9, 1 / 10)
    for a, start, end in zip(weights(gan.ema_generator), average, weights(mine.generator), strict=True):
        np.testing.assert_allclose(a, decay * start + (1 - decay) * end, atol=1e-6)


def test_without_averaging_the_average_is_the_generator():
    gan = small_gan()
    gan.compile(ema_decay=0)
    gan.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    for a, b in zip(weights(gan.ema_generator), weights(gan.generator), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


def test_power_iteration_happens_once_in_each_update(monkeypatch):
    count = []
    iterate = kga.layers.SpectralNormalization.power_iteration
    gan = small_gan()
    monkeypatch.setattr(kga.layers.SpectralNormalization, "power_iteration", lambda self: count.append(1) or iterate(self))
    gan.compile(d_steps=3, penalties=[kga.penalties.GradientPenalty()])
    gan.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    assert len(count) == 3  # in the trace: one in each of three discriminator updates, none in the generator's


@pytest.mark.slow
def test_the_same_seed_gives_the_same_training_and_another_seed_another():
    gans = [small_gan(seed=seed) for seed in (1, 1, 2)]
    for n, gan in enumerate(gans):
        keras.utils.set_random_seed(n)  # the global state must not matter
        gan.compile(augment=kga.DiffAugment("translation"))
        gan.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    assert max_difference(gans[0], gans[1]) == 0
    assert max_difference(gans[0], gans[2]) > 1e-4


def test_fit_takes_any_real_dtype_and_label_form():
    trained = []
    one_hot = np.eye(3, dtype="float32")
    for x, y in [
        (X, Y),
        (X.astype("float64"), Y.astype("uint8")),
        (X.astype("int32"), Y[:, None]),
        (X.astype("float16"), one_hot[Y]),
        (X, one_hot[Y] > 0),
        (X, Y.astype("float32")),
        (tf.constant(X), tf.constant(Y)),
    ]:
        gan = small_gan()
        gan.compile(run_eagerly=True)
        gan.fit(x, y, batch_size=8, epochs=1, verbose=0)
        trained.append(gan)
    assert all(max_difference(trained[0], gan) < 1e-6 for gan in trained[1:])


def test_a_dataset_trains_like_arrays():
    gans = [small_gan(), small_gan()]
    gans[0].compile()
    gans[0].fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    gans[1].compile()
    gans[1].fit(tf.data.Dataset.from_tensor_slices((X, Y)).batch(8), epochs=2, verbose=0)
    assert max_difference(*gans) < 1e-6


def test_datasets_of_unknown_and_infinite_length():
    data = tf.data.Dataset.from_tensor_slices((X, Y))
    gan = small_gan()
    gan.compile()
    gan.fit(data.filter(lambda x, y: True).batch(8), epochs=2, verbose=0)
    assert int(gan.step.numpy()) == 6
    gan.fit(data.repeat().batch(8), epochs=1, steps_per_epoch=4, verbose=0)
    assert int(gan.step.numpy()) == 10
    gan.compile(d_steps=5)  # 24 images are less than five batches
    history = gan.fit(data.filter(lambda x, y: True).batch(8), epochs=2, verbose=0).history
    assert len(history["d_loss"]) == 2
    assert int(gan.step.numpy()) == 12


def test_an_epoch_sees_every_image_once_in_an_order_of_its_own(monkeypatch):
    x = np.zeros([10, 8, 8, 1], "uint8")
    x[:, 0, 0, 0] = np.arange(10)
    orders = []
    gan = small_gan(num_classes=None)
    gan.compile(run_eagerly=True)
    prepared = gan._prepared
    monkeypatch.setattr(gan, "_prepared", lambda data: orders.append(np.asarray(data)[:, 0, 0, 0]) or prepared(data))
    gan.fit(x, batch_size=5, epochs=2, verbose=0)
    first, second = np.concatenate(orders[:2]), np.concatenate(orders[2:])
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second)


@pytest.mark.slow
def test_class_balanced_sampling_shows_rare_classes_as_often(monkeypatch):
    y = np.array([0] * 20 + [1] * 3 + [2])
    for data in ((X, y), (tf.data.Dataset.from_tensor_slices((X, y)).batch(8),)):
        seen, rows = [], []
        gan = small_gan()
        gan.compile(run_eagerly=True)
        prepared = gan._prepared

        def spy(batch, prepared=prepared, seen=seen, rows=rows):
            rows.extend(np.asarray(batch[0]).reshape(len(batch[0]), -1))
            seen.extend(np.asarray(batch[1]))
            return prepared(batch)

        monkeypatch.setattr(gan, "_prepared", spy)
        monkeypatch.setattr(gan, "_train_step", lambda images, labels: {"d_loss": tf.zeros([])})  # it need not learn
        gan.fit(*data, **({"batch_size": 8} if len(data) == 2 else {}), epochs=10, class_balanced=True, verbose=0)
        counts = np.bincount(seen, minlength=3)
        assert counts.sum() == 240
        assert counts.max() - counts.min() <= 20
        labels = {row.tobytes(): label for row, label in zip(X.reshape(24, -1), y, strict=True)}
        assert all(labels[row.tobytes()] == label for row, label in zip(rows, seen, strict=True))
        assert len({row.tobytes() for row in rows}) >= 22  # and all images take part


@pytest.mark.parametrize("num_classes", [None, 3])
def test_save_and_load_go_on_exactly(tmp_path, num_classes):
    y = None if num_classes is None else Y
    straight = small_gan(num_classes=num_classes)
    stopped = small_gan(num_classes=num_classes)
    for gan in (straight, stopped):
        gan.set_weights(list(weights(straight)))
        gan.compile(
            augment=kga.DiffAugment("translation"),
            penalties=[kga.penalties.R1(0.5)],
            d_steps=2,
            label_smoothing=0.0,
        )
    straight.fit(X, y, batch_size=5, epochs=4, verbose=0)
    stopped.fit(X, y, batch_size=5, epochs=2, verbose=0)
    stopped.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert type(loaded) is kga.SNGAN
    assert loaded.get_compile_config() == stopped.get_compile_config()
    labels = 4 if num_classes is None else [0, 1, 2, 0]
    np.testing.assert_array_equal(loaded.generate(labels, seed=1), stopped.generate(labels, seed=1))
    assert max_difference(loaded, stopped) == 0
    for name in ("g_optimizer", "d_optimizer"):
        for a, b in zip(getattr(loaded, name).variables, getattr(stopped, name).variables, strict=True):
            np.testing.assert_array_equal(a, b)
    loaded.fit(X, y, batch_size=5, epochs=4, initial_epoch=2, verbose=0)
    assert max_difference(loaded, straight) == 0


def test_save_and_load_of_the_default_networks(tmp_path):
    gan = kga.SNGAN((8, 8, 1), num_classes=3, latent_dim=5, value_range=(-1, 1), seed=4)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.generate([0, 1], seed=1), gan.generate([0, 1], seed=1))
    assert (loaded.value_range, loaded.latent_dim, loaded.seed) == ((-1.0, 1.0), 5, 4)


def test_a_killed_run_goes_on_from_its_backup(tmp_path):
    class Killed(Exception):
        pass

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise Killed

    def run(*callbacks):
        gan = small_gan()
        gan.set_weights(start)
        gan.compile()
        gan.fit(X, Y, batch_size=8, epochs=4, verbose=0, callbacks=list(callbacks))
        return gan

    start = weights(small_gan())
    with pytest.raises(Killed):
        run(keras.callbacks.BackupAndRestore(tmp_path), Kill())
    resumed = run(keras.callbacks.BackupAndRestore(tmp_path))
    straight = run()
    assert int(resumed.step.numpy()) == 12
    assert max_difference(resumed, straight) == 0


def test_generate_is_determined_by_its_seed():
    gan = small_gan()
    labels = np.arange(600) % 3  # more than are made at a time
    first = gan.generate(labels, seed=5)
    np.testing.assert_array_equal(first, gan.generate(labels, seed=5))
    assert len(np.unique(first.reshape(600, -1), axis=0)) == 600
    assert not np.array_equal(first, gan.generate(labels, seed=6))
    assert not np.array_equal(gan.generate([0]), gan.generate([0]))
    np.testing.assert_array_equal(small_gan().generate([0]).shape, (1, 8, 8, 1))
    assert gan.generate(np.array([], "int32")).shape == (0, 8, 8, 1)


def test_truncation_shrinks_the_spread():
    gan = small_gan()
    full, half, least = (gan.generate([0] * 200, seed=1, truncation=t).std(0).mean() for t in (1.0, 0.5, 0.01))
    assert full > half > least
    assert least < 0.05 * full


def test_generate_maps_to_the_value_range():
    gan = small_gan(value_range=(-3, 5))
    raw = gan([gan.sample_latents(2, tf.constant([7, 0])), tf.constant([0, 1])])
    np.testing.assert_allclose(gan.generate([0, 1], seed=7), np.asarray(raw) * 4 + 1, rtol=1e-5, atol=1e-5)


@pytest.fixture
def two_replicas_of_a_gan():
    # TensorFlow's collectives for CPUs mix up the reductions of two optimizers in one step; this one does not.
    reduction = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=reduction)


def test_two_replicas_train_alike(two_replicas_of_a_gan):
    with two_replicas_of_a_gan.scope():
        gan = small_gan()
        gan.compile()
    history = gan.fit(tf.data.Dataset.from_tensor_slices((X, Y)).batch(8), epochs=2, verbose=0).history
    assert np.isfinite(history["d_loss"]).all()
    assert int(gan.step.numpy()) == 6
    for weight in gan.weights:
        replicas = getattr(getattr(weight, "_value", weight), "values", None)
        if replicas:
            np.testing.assert_array_equal(*[v.numpy() for v in replicas])


def test_default_networks_on_two_replicas(two_replicas_of_a_gan):
    with two_replicas_of_a_gan.scope():
        gan = kga.SNGAN((8, 8, 1), 3, latent_dim=4, seed=1)
        gan.compile()
    gan.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    assert gan.generate([0, 1, 2]).shape == (3, 8, 8, 1)


def test_the_users_own_networks_may_be_subclassed():
    @keras.saving.register_keras_serializable(package="tests")
    class Own(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(64, activation="tanh")

        def call(self, inputs):
            return tf.reshape(self.dense(inputs[0]), [-1, 8, 8, 1])

    networks = small_networks()
    gan = kga.GAN((8, 8, 1), 3, latent_dim=4, generator=Own(), discriminator=networks["discriminator"])
    gan.compile()
    gan.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    assert gan.generate([1]).shape == (1, 8, 8, 1)


def test_train_on_batch_works_too():
    gan = small_gan()
    gan.compile()
    gan.train_on_batch(X[:8], Y[:8])
    assert int(gan.step.numpy()) == 1


def test_a_discriminator_of_ones_own_with_layers_of_the_packages_names_is_used_as_it_is():
    images, labels = keras.Input((8, 8, 1)), keras.Input((), dtype="int32")
    x = keras.layers.Dense(6, name="features")(keras.layers.Flatten()(images))
    logit = keras.layers.Dense(1, name="head")(keras.layers.Concatenate()([x, kga.layers.OneHot(3)(labels)]))
    networks = {**small_networks(), "discriminator": keras.Model([images, labels], logit)}
    gan = kga.SNGAN((8, 8, 1), 3, seed=1, **networks)
    gan.compile()
    gan.fit(X, Y, verbose=0)
    batch, labels = tf.cast(X[:4], tf.float32) / 127.5 - 1.0, tf.constant(Y[:4])
    np.testing.assert_allclose(gan.judge(batch)(labels), gan.discriminator([batch, labels]), atol=1e-6)
    assert kga.networks.common.features_and_head(gan.discriminator) is None
    assert kga.networks.common.features_and_head(kga.SNGAN((8, 8, 1), 3).discriminator) is not None
