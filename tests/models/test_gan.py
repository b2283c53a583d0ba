"""The training step, `fit` and `generate`: on networks small enough to train in a moment."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import lowered_to_xla, max_difference, small_data, small_gan, small_networks, weights

import keras_ganaug as kga

X, Y = small_data()


@pytest.mark.parametrize("cls", [kga.GAN, kga.SNGAN])
def test_it_learns_what_the_classes_look_like(cls):
    x, y = small_data(960)
    gan = small_gan(cls=cls)
    gan.compile(keras.optimizers.Adam(5e-3, 0.0, 0.9), keras.optimizers.Adam(5e-3, 0.0, 0.9), ema_decay=0.98)
    history = gan.fit(x, y, batch_size=48, epochs=50, verbose=0)
    assert sorted(history.history) == ["d_loss", "g_loss"]
    assert len(history.history["d_loss"]) == 50
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


@pytest.mark.long
def test_the_default_step_runs_in_xla():
    gan = kga.SNGAN((4, 4, 1), 3, latent_dim=4, width=4, seed=1)
    gan.compile(jit_compile=True, augment=kga.DiffAugment("translation"))
    history = gan.fit(X[:, :4, :4], Y, batch_size=4, epochs=1, verbose=0).history
    assert np.isfinite([history["d_loss"], history["g_loss"]]).all()
    assert gan.generate([0, 1]).shape == (2, 4, 4, 1)


@pytest.mark.slow
def test_xla_computes_the_same_step():
    gans = [small_gan(), small_gan()]
    for gan, jit in zip(gans, (False, True), strict=True):
        # Plain gradient descent: Adam without momentum turns a rounding error of a tiny gradient into a full step.
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), jit_compile=jit, augment=kga.DiffAugment())
        gan.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert max_difference(*gans) < 1e-5


@pytest.mark.long
def test_all_options_compile():
    gan = small_gan()
    penalties = [
        kga.penalties.R1(),
        kga.penalties.R2(),
        kga.penalties.GradientPenalty(),
        kga.penalties.MismatchedLabels(3, fake_weight=0.5, generator_weight=0.3),
        kga.penalties.ClassDiversity(),
    ]
    gan.compile(loss="relativistic", augment=kga.DiffAugment(), d_steps=2, penalties=penalties)
    lowered_to_xla(gan, X[:4], Y[:4])
    losses = gan.train_step((tf.constant(X[:4]), tf.constant(Y[:4])))
    assert np.isfinite([losses["d_loss"], losses["g_loss"]]).all()


@pytest.mark.slow
def test_mixed_bfloat16(mixed_bfloat16):
    gan = kga.SNGAN((4, 4, 1), num_classes=3, latent_dim=4, width=4, seed=1)
    gan.compile()
    assert "bf16" in lowered_to_xla(gan, X[:8, :4, :4], Y[:8])
    history = gan.fit(X[:, :4, :4], Y, batch_size=8, epochs=2, verbose=0).history
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


def test_the_generator_learns_through_the_augmentation():
    """Where the discriminator is shown nothing of a sample, there is nothing to learn from it."""
    x, y = small_data(8)
    for factor in (0.0, 1.0):
        gan = small_gan()
        gan.compile(augment=lambda images, seed, factor=factor: factor * images, run_eagerly=True)
        before = weights(gan.generator)
        gan.fit(x, y, batch_size=8, epochs=1, verbose=0)
        moved = max(np.abs(a - b).max() for a, b in zip(before, weights(gan.generator), strict=True))
        assert (moved > 0) == (factor > 0)


@pytest.mark.usefixtures("eager")
def test_images_seen_are_all_that_the_discriminator_was_shown():
    x, y = small_data(24)
    gan = small_gan()
    gan.compile(d_steps=3)
    gan.fit(x, y, batch_size=4, epochs=2, verbose=0)
    assert int(gan.step.numpy()) == 4
    assert int(gan.images_seen.numpy()) == 48


@pytest.mark.usefixtures("eager")
def test_labels_in_the_boxes_of_pandas_are_labels():
    x, y = small_data(8)
    histories = []
    for labels in (y, y.astype(object)):
        gan = small_gan()
        gan.compile()
        histories.append(gan.fit(x, labels, batch_size=8, epochs=1, verbose=0).history)
    assert histories[0] == histories[1]


def test_without_averaging_the_average_is_the_generator():
    gan = small_gan()
    gan.compile(ema_decay=0, run_eagerly=True)
    gan.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    for a, b in zip(weights(gan.ema_generator), weights(gan.generator), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


def test_power_iteration_happens_once_in_each_update(monkeypatch):
    count = []
    iterate = kga.layers.SpectralNormalization.power_iteration
    gan = small_gan()
    monkeypatch.setattr(kga.layers.SpectralNormalization, "power_iteration", lambda self: count.append(1) or iterate(self))
    gan.compile(d_steps=3, penalties=[kga.penalties.GradientPenalty()], run_eagerly=True)
    gan.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    assert int(gan.step.numpy()) == 1
    assert len(count) == 3  # one in each of three discriminator updates, none in the generator's


def test_the_same_seed_gives_the_same_training_and_another_seed_another():
    gans = [small_gan(seed=seed) for seed in (1, 1, 2)]
    for n, gan in enumerate(gans):
        keras.utils.set_random_seed(n)  # the global state must not matter
        gan.compile(augment=kga.DiffAugment("translation"), run_eagerly=True)
        gan.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    assert max_difference(gans[0], gans[1]) == 0
    assert max_difference(gans[0], gans[2]) > 1e-4


@pytest.mark.usefixtures("eager")
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


@pytest.mark.usefixtures("eager")
def test_truncation_shrinks_the_spread():
    gan = small_gan()
    full, half, least = (gan.generate([0] * 200, seed=1, truncation=t).std(0).mean() for t in (1.0, 0.5, 0.01))
    assert full > half > least
    assert least < 0.05 * full


@pytest.mark.usefixtures("eager")
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


@pytest.mark.usefixtures("eager")
@pytest.mark.slow
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


@pytest.mark.usefixtures("eager")
def test_train_on_batch_works_too():
    gan = small_gan()
    gan.compile()
    gan.train_on_batch(X[:8], Y[:8])
    assert int(gan.step.numpy()) == 1


@pytest.mark.usefixtures("eager")
def test_a_discriminator_of_ones_own_with_layers_of_the_packages_names_is_used_as_it_is():
    images, labels = keras.Input((8, 8, 1)), keras.Input((), dtype="int32")
    x = keras.layers.Dense(6, name="features")(keras.layers.Flatten()(images))
    logit = keras.layers.Dense(1, name="head")(keras.layers.Concatenate()([x, kga.layers.OneHot(3)(labels)]))
    networks = {**small_networks(), "discriminator": keras.Model([images, labels], logit)}
    gan = kga.SNGAN((8, 8, 1), 3, seed=1, **networks)
    gan.compile()
    gan.fit(X, Y, verbose=0)
    batch, labels = tf.cast(X[:4], tf.float32) / 127.5 - 1.0, tf.constant(Y[:4])
    np.testing.assert_allclose(gan.discriminate(batch)(labels), gan.discriminator([batch, labels]), atol=1e-6)
    assert kga.networks.common.features_and_head(gan.discriminator) is None
    assert kga.networks.common.features_and_head(kga.SNGAN((8, 8, 1), 3).discriminator) is not None


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_weights_of_another_dtype_are_refused(dtype):
    with pytest.raises(ValueError, match=rf'`dtype` must be "float32", "mixed_bfloat16".*dtype=\'{dtype}\''):
        kga.StyleGAN((8, 8, 1), 3, width=4, dtype=dtype)


@pytest.mark.usefixtures("eager")
def test_what_compile_was_given_is_what_the_gan_has():
    def brighter(images, seed):
        return images + 0.1

    def small(context):
        return tf.reduce_mean(tf.square(context.fake.logits()))

    r1, gan = kga.penalties.R1(), small_gan()
    gan.compile()
    assert gan.augment is None and gan.penalties == ()
    gan.compile(augment=brighter, penalties=[small, r1])
    assert gan.augment is brighter and gan.penalties == (small, r1)
    gan.fit(X, Y, batch_size=8, verbose=0)


@pytest.mark.usefixtures("eager")
def test_a_penalty_for_each_image_is_refused():
    """The gradient of a vector is that of its sum."""
    gan = small_gan()
    gan.compile(penalties=lambda context: tf.square(context.fake.logits()), d_steps=1)
    with pytest.raises(ValueError, match=r"`penalties` must give scalars.*d_loss of shape \((8|None), 1\)"):
        gan.fit(X, Y, batch_size=8, verbose=0)


@pytest.mark.usefixtures("eager")
def test_a_penalty_of_no_player_is_refused():
    class OfAnother(kga.penalties.Drift):
        players = ("twin",)

    with pytest.raises(ValueError, match=r"`penalties` must be for players among \['d', 'g'\].*Received: one for .*twin"):
        small_gan().compile(penalties=OfAnother())
    gan, without = (kga.TACGAN((8, 8, 1), 3, width=4, seed=1) for _ in range(2))
    gan.compile(penalties=OfAnother(10.0))
    without.compile()
    losses = [each.fit(X, Y, batch_size=24, verbose=0).history["twin_loss"][0] for each in (gan, without)]
    assert losses[0] > losses[1]
