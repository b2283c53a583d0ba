"""Two replicas of a strategy: they hold the same, and what a batch decides is decided by all of it."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
import workers
from tools import small_data, small_gan

import keras_ganaug as kga
from keras_ganaug import _compat, _random, _replicas, penalties

X, Y = small_data(16, (4, 4, 1))
LONG = pytest.mark.long


def parts(weight):
    """The values of a weight on the replicas."""
    variable = _compat.tf_variable(weight)
    return [part.numpy() for part in getattr(variable, "values", [variable])]


def states(gan):
    """All that the replicas of a GAN have to agree on."""
    weights = [*gan.weights, *gan.g_optimizer.variables, *gan.d_optimizer.variables]
    return weights + [weight for state in gan.running_states for weight in state.weights]


def check_alike(gan):
    for weight in states(gan):
        first, second = parts(weight)
        np.testing.assert_array_equal(first, second, err_msg=weight.name)
        assert np.isfinite(first).all()


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name == "SNGAN" else LONG) for name in workers.cases()])
@pytest.mark.filterwarnings("ignore:.*about the gradient at each image", "ignore:The augmentation's probability")
def test_two_replicas_train_as_one_device(two_replicas, name):
    gan, losses = workers.train(name, two_replicas.scope())
    assert all(len(parts(weight)) == 2 for weight in states(gan))
    check_alike(gan)
    assert int(gan.images_seen) == 8 * gan.d_steps * int(gan.step)
    one, expected = workers.train(name)
    for value, wanted in zip(workers.state_of(gan), workers.state_of(one), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-3, atol=1e-5)
    for metric, wanted in expected.items():
        np.testing.assert_allclose(losses[metric], wanted, rtol=1e-3, atol=1e-5)
    if name == "BEGAN":
        rates = {float(_compat.tf_variable(each.learning_rate).numpy()) for each in (gan.g_optimizer, gan.d_optimizer)}
        assert len(rates) == 1
        assert rates.pop() < 0.9e-4  # halved at least once
        assert float(gan.k) > 0
    if name == "SNGAN":
        assert float(gan.augment.probability) != 0.5


def test_a_replica_draws_its_rows_of_the_batch(two_replicas):
    def draw():
        with _replicas.whole_batch(blocks=2):
            rows = _random.uniform([4, 3], [1, 2]), _random.integers(tf.constant([4]), [1, 2], 0, 9)
            return *rows, _replicas.all_rows(rows[0]), _replicas.own_rows(_random.permutation(8, [1, 2])), tf.constant(0)

    rows, integers, everything, order, _ = map(two_replicas.experimental_local_results, two_replicas.run(draw))
    own = [[0, 1, 4, 5], [2, 3, 6, 7]]  # the first and the second half of both blocks
    for replica in (0, 1):
        np.testing.assert_array_equal(rows[replica], _random.uniform([8, 3], [1, 2]).numpy()[own[replica]])
        np.testing.assert_array_equal(integers[replica], _random.integers([8], [1, 2], 0, 9).numpy()[own[replica]])
        np.testing.assert_array_equal(everything[replica], _random.uniform([8, 3], [1, 2]))
        np.testing.assert_array_equal(order[replica], _random.permutation(8, [1, 2]).numpy()[own[replica]])


def on_replicas(strategy, function, *rows):
    """Runs a function on each replica with its half of the rows."""
    halves = [np.split(np.asarray(each, np.float32), 2) for each in rows]

    def value(context):
        return [tf.constant(half[context.replica_id_in_sync_group]) for half in halves]

    values = strategy.experimental_distribute_values_from_function(value)
    return strategy.run(lambda given: function(*given), args=(values,))


@pytest.fixture(params=["one device", "two replicas"])
def strategy(request):
    return request.getfixturevalue("two_replicas") if request.param == "two replicas" else None


def run(strategy, function, *rows):
    if strategy is None:
        function(*(tf.constant(each, tf.float32) for each in rows))
    else:
        on_replicas(strategy, function, *rows)


def scope(strategy):
    return contextlib.nullcontext() if strategy is None else strategy.scope()


RNG = np.random.default_rng(0)


def test_began_decides_by_all_of_the_batch(strategy):
    with scope(strategy):
        gan = kga.BEGAN((4, 4, 1), latent_dim=2, width=4, seed=1, patience=2, lambda_k=0.1, gamma=0.9)
        gan.compile(run_eagerly=True)
    k, smoothed, best, waited, rate = 0.0, None, None, 0, 1e-4
    for step in range(8):
        # The first replica sees its loss fall, the second one sees it grow.
        real, fake = RNG.uniform(0.2, 0.4, [2, 6])
        real[:3] -= 0.02 * step
        real[3:] += 0.03 * step

        def decide(real, fake):
            gan.d_objective(real, fake, None)

        run(strategy, decide, real, fake)
        gan.step.assign_add(1)
        balance = 0.9 * real.mean() - fake.mean()
        k = np.clip(k + 0.1 * balance, 0, 1)
        measure = real.mean() + abs(balance)
        smoothed = measure if smoothed is None else 0.99 * smoothed + 0.01 * measure
        better = best is None or smoothed < best
        waited = 0 if better else waited + 1
        if waited >= 2:
            rate, waited, better = rate / 2, 0, True
        best = smoothed if better else best
        for weight, expected in ((gan.k, k), (gan.convergence, smoothed), (gan.best, best), (gan.waited, waited)):
            for part in parts(weight):
                np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-7)
    assert rate < 1e-4
    for optimizer in (gan.g_optimizer, gan.d_optimizer):
        np.testing.assert_allclose(parts(optimizer.learning_rate), rate, rtol=1e-5)


def test_lecam_follows_the_mean_of_the_batch(strategy):
    with scope(strategy):
        gan = small_gan((4, 4, 1))
        penalty = penalties.LeCam(decay=0.5)
        gan.compile(penalties=penalty, run_eagerly=True)
    real, fake = RNG.normal(size=[2, 6])

    def view(logits):
        return penalties.View(lambda images: lambda labels: images, lambda outputs: outputs, logits, None)

    run(strategy, lambda real, fake: penalty(penalties.Context(view(real), view(fake))), real, fake)
    for weight, expected in ((penalty.real_mean, real), (penalty.fake_mean, fake)):
        np.testing.assert_allclose(parts(weight), expected.mean() / 2, rtol=1e-5)


def test_adaptive_augmentation_follows_the_signs_of_the_batch(strategy):
    with scope(strategy):
        gan = small_gan((4, 4, 1))
        augment = kga.AdaptiveAugment(kimg=0.1, target=0.0, initial_probability=0.5)
        gan.compile(augment=augment, run_eagerly=True)
    logits = np.array([1, 1, 1, -1, -1, -1, -1, -1])  # the first half says that p grows, all that it shrinks
    for _ in range(4):
        run(strategy, lambda logits: augment.observe(logits), logits)
    np.testing.assert_allclose(parts(augment.probability), 0.5 - 4 * 8 / 100, rtol=1e-5)
    np.testing.assert_array_equal(parts(augment.batches), np.zeros_like(parts(augment.batches)))


def test_moving_moments_are_those_of_the_batch(strategy):
    with scope(strategy):
        layer = kga.layers.ConditionalBatchNormalization(momentum=0.5)
        layer.build((None, 2, 2, 3))
    x = RNG.normal(1.0, 2.0, [8, 2, 2, 3])
    run(strategy, lambda x: layer(x, training=True), x)
    np.testing.assert_allclose(parts(layer.moving_mean)[-1], x.mean((0, 1, 2)) / 2, rtol=1e-4)
    np.testing.assert_allclose(parts(layer.moving_variance)[-1], 0.5 + x.reshape(-1, 3).var(0, ddof=1) / 2, rtol=1e-4)


def test_batch_normalisation_and_its_gradients_are_those_of_the_batch(two_replicas):
    with two_replicas.scope():
        layer = kga.layers.ConditionalBatchNormalization()
        layer.build((None, 2, 2, 3))
    x, weight = RNG.normal(1.0, 2.0, [2, 8, 2, 2, 3]).astype(np.float32)

    def gradients(x, weight):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True)
                loss = tf.reduce_sum(tf.square(y) * weight)
            first = tape.gradient(loss, x)
            total = tf.reduce_sum(tf.square(first))
        return tf.stack([y, first, outer.gradient(total, x)], axis=1)

    results = on_replicas(two_replicas, gradients, x, weight)
    results = np.concatenate(two_replicas.experimental_local_results(results))
    np.testing.assert_allclose(results, gradients(tf.constant(x), tf.constant(weight)), rtol=1e-3, atol=1e-3)


def test_over_replicas_has_no_gradient_and_leaves_what_one_device_has():
    x = tf.constant([1.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = _replicas.over_replicas({"a": tf.reduce_sum(x)})["a"] + tf.reduce_sum(x)
    np.testing.assert_array_equal(value, 8.0)
    np.testing.assert_array_equal(tape.gradient(value, x), [1.0, 1.0])


# XLA and scopes.


def classifier():
    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    return kga.AugmentedModel(keras.Sequential(layers), kga.GANAugmentation(small_gan((4, 4, 1)), fraction=0.5))


def compile_classifier(model, **options):
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), **options)


@pytest.mark.parametrize(
    ("make", "compile"),
    [(lambda: small_gan((4, 4, 1)), lambda gan, **o: gan.compile(**o)), (classifier, compile_classifier)],
)
def test_xla_under_a_strategy_is_refused(two_replicas, make, compile):
    with two_replicas.scope():
        model = make()
        with pytest.raises(ValueError, match=r'`jit_compile` must be "auto" or False .*jit_compile=True, MirroredStrategy'):
            compile(model, jit_compile=True)
        compile(model, jit_compile=False)
    with pytest.raises(ValueError, match="`jit_compile` must be"):  # it is the scope in which it was made that counts
        compile(model, jit_compile=True)
    compile(model)
    assert not model.jit_compile
    outside = make()
    with two_replicas.scope(), pytest.raises(ValueError, match="must be made, or loaded, in the scope of the strategy"):
        compile(outside)


def test_auto_is_what_keras_decides(two_replicas, monkeypatch):
    if not _compat.KERAS_3:
        pytest.skip("Keras 2 decides nothing")
    alone = small_gan((4, 4, 1))
    with two_replicas.scope():
        within = small_gan((4, 4, 1))
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda *_: [tf.config.PhysicalDevice("GPU:0", "GPU")])
    for gan, expected in ((alone, True), (within, False)):
        gan.compile()
        assert gan.jit_compile == expected


def test_a_gan_is_compiled_and_trained_in_its_own_scope(two_replicas):
    outside = small_gan((4, 4, 1))
    outside.compile()
    with two_replicas.scope():
        gan = small_gan((4, 4, 1))
        with pytest.raises(ValueError, match="must be made, or loaded, in the scope of the strategy"):
            outside.fit(X, Y, batch_size=8, verbose=0)
    with pytest.raises(ValueError, match="`d_optimizer` must be made in the scope"):
        gan.compile(d_optimizer=keras.optimizers.Adam(1e-3))
    gan.compile(g_optimizer="adam")  # outside, in effect inside
    gan.fit(X, Y, batch_size=8, verbose=0)
    check_alike(gan)
    assert [parts(each.iterations) for each in (gan.g_optimizer, gan.d_optimizer)] == [[2, 2]] * 2


def test_a_gan_of_xla_is_loaded_in_a_scope(two_replicas, tmp_path):
    if not _compat.KERAS_3:
        pytest.skip("Keras 2 cannot load metrics in the scope of a strategy")
    gan = small_gan((4, 4, 1))
    gan.compile(jit_compile=True)
    gan.save(tmp_path / "gan.keras")
    with two_replicas.scope(), pytest.warns(UserWarning, match="saved with `jit_compile=True`.*MirroredStrategy"):
        loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert not loaded.jit_compile
    loaded.fit(X, Y, batch_size=8, verbose=0)
    check_alike(loaded)


def test_a_classifier_keeps_what_it_was_compiled_with(tmp_path):
    model = classifier()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.jit_compile
    assert type(loaded.optimizer).__name__ == "Adam"
    np.testing.assert_allclose(loaded.evaluate(X / 255, Y, verbose=0), model.evaluate(X / 255, Y, verbose=0), rtol=1e-5)


def test_states_are_read_as_numbers(strategy):
    with scope(strategy):
        gan = kga.BEGAN((4, 4, 1), latent_dim=2, width=4, seed=1)
        augment = kga.AdaptiveAugment(initial_probability=0.25)
        gan.compile(augment=kga.DiffAugment())
        small_gan((4, 4, 1)).compile(augment=augment)
    gan.step.assign(7)
    gan.k.assign(0.5)
    assert int(gan.step) == gan.step.numpy() == 7
    assert float(gan.step) == 7.0
    assert float(gan.k) == np.asarray(gan.k.numpy()) == 0.5
    assert float(augment.probability) == 0.25


def test_batches_that_two_replicas_cannot_share(two_replicas):
    with two_replicas.scope():
        gan = small_gan((4, 4, 1))
        gan.compile()
    expected = "batch size must be a multiple of the number of replicas, 2,.*batches of 5"
    with pytest.raises(ValueError, match=expected):
        gan.fit(X, Y, batch_size=5, verbose=0)
    with pytest.raises(ValueError, match=expected):
        gan.fit(tf.data.Dataset.from_tensor_slices((X, Y)).batch(5), verbose=0)
    start = kga.callbacks.AutoencoderStart(X, Y, steps=2, batch_size=5)  # rounds up
    gan.fit(X[:7], Y[:7], verbose=0, callbacks=[start])  # six of seven images in each step
    assert int(gan.step) == 2
    check_alike(gan)
