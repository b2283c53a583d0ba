"""Each penalty against a discriminator whose gradient is known."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import tools

import keras_ganaug as kga
from keras_ganaug import _compat, conditions, penalties
from keras_ganaug.models.training import Batch

W = np.random.default_rng(0).normal(size=[3, 2, 1]).astype("float32")
REAL, FAKE = np.random.default_rng(1).normal(size=[2, 5, 3, 2, 1]).astype("float32")
LABELS = np.array([0, 1, 2, 1, 0], "int32")
REAL_TENSOR, FAKE_TENSOR = tf.constant(REAL), tf.constant(FAKE)


def context(discriminator, real=REAL_TENSOR, fake=FAKE_TENSOR, labels=LABELS, **known):
    labels = None if labels is None else tf.convert_to_tensor(labels)
    return tools.context(discriminator, tf.convert_to_tensor(real), tf.convert_to_tensor(fake), labels, **known)


def of_logits(real, fake, **known):
    """A context in which the logits are these, whatever the images."""
    return context(lambda images, labels: images, real, fake, labels=None, **known)


def linear(images, labels):
    return tf.reduce_sum(images * W, [1, 2, 3])[:, None]


def quadratic(images, labels):
    """∇D(x) = x."""
    return 0.5 * tf.reduce_sum(tf.square(images), [1, 2, 3])[:, None]


@pytest.mark.parametrize("jit", [False, True])
def test_gradient_penalty(jit):
    compute = tf.function(lambda: penalties.GradientPenalty(weight=10)(context(linear)), jit_compile=jit)
    np.testing.assert_allclose(compute(), 10 * (np.linalg.norm(W) - 1) ** 2, rtol=1e-5)


def test_gradient_penalty_interpolates_each_sample_uniformly():
    points = []

    def spy(images, labels):
        points.append(images.numpy())
        return linear(images, labels)

    penalties.GradientPenalty()(context(spy))
    position = (points[0] - REAL) / (FAKE - REAL)
    per_sample = position.reshape(5, -1)
    np.testing.assert_allclose(per_sample, per_sample[:, :1].repeat(6, 1), atol=1e-4)  # one position a sample
    assert len(np.unique(per_sample[:, 0].round(4))) == 5  # each its own
    assert ((per_sample >= 0) & (per_sample <= 1)).all()


def test_gradient_penalty_is_float32_under_mixed_precision(mixed_bfloat16):
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    critic = keras.Sequential([keras.Input((3, 2, 1)), keras.layers.Flatten(), dense])
    assert critic.compute_dtype == "bfloat16"
    kernel = np.array([1.0, 2.0**-6, 0, 0, 0, 0])  # bfloat16 has both, and their norm, 1.0001, not
    dense.kernel.assign(kernel[:, None])
    value = penalties.GradientPenalty(weight=1e8)(context(lambda x, y: critic(x)))
    assert value.dtype == "float32"
    np.testing.assert_allclose(value, 1e8 * (np.linalg.norm(kernel) - 1) ** 2, rtol=0.01)


def test_gradient_penalty_of_a_constant_has_a_finite_gradient():
    scale = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        value = penalties.GradientPenalty()(context(lambda x, y: scale * linear(x, y)))
    assert np.isfinite(tape.gradient(value, scale))


@pytest.mark.parametrize(("penalty", "images"), [(penalties.R1, REAL), (penalties.R2, FAKE)])
def test_r1_and_r2(penalty, images):
    expected = 0.5 * 7 * (images**2).sum((1, 2, 3)).mean()
    np.testing.assert_allclose(penalty(weight=7)(context(quadratic)), expected, rtol=1e-5)


def test_mismatched_labels_are_never_the_true_ones_and_all_others():
    table = np.array([[5.0, 0.2], [-4.0, 0.3], [0.5, -0.6]], "float32")
    seen = []

    def by_label(images, labels):
        seen.append(labels.numpy())
        return tf.gather(table[:, 0], labels)[:, None]

    for n in range(40):
        margin = 1.0 if n % 2 else 0.25
        penalty = penalties.MismatchedLabels(num_classes=3, weight=2.0, margin=margin)
        penalty = penalties.MismatchedLabels.from_config(penalty.get_config())
        value = penalty(context(by_label, seed=[n, 0]))
        np.testing.assert_allclose(value, 2 * np.maximum(0, margin + table[seen[-1], 0]).mean(), rtol=1e-6)
    seen = np.array(seen)
    assert not (seen == LABELS).any()
    for row, label in enumerate(LABELS):
        assert set(seen[:, row]) == {0, 1, 2} - {label}


def test_mismatched_labels_in_the_terms_of_a_loss():
    table = np.array([5.0, -4.0, 0.5], "float32")
    seen = []

    def by_label(images, labels):
        seen.append(np.array(labels))
        return tf.gather(table, labels)[:, None]

    penalty = penalties.MismatchedLabels(3, weight=2.0, loss="wasserstein")
    value = penalty(context(by_label))
    right, wrong = (table[labels].mean() for labels in seen)
    np.testing.assert_allclose(value, 2 * (wrong - right), rtol=1e-6)
    moved = penalty(context(lambda images, labels: by_label(images, labels) + 100.0))
    np.testing.assert_allclose(moved, value, atol=1e-4)  # a critic cannot escape by a constant

    seen.clear()
    in_pairs = penalties.MismatchedLabels(3, weight=2.0, loss="relativistic")(context(by_label))
    right, wrong = (table[labels] for labels in seen)
    np.testing.assert_allclose(in_pairs, 2 * np.log1p(np.exp(wrong - right)).mean(), rtol=1e-5)

    again = penalties.MismatchedLabels.from_config(penalty.get_config())
    np.testing.assert_allclose(again(context(by_label)), value, rtol=1e-6)
    with pytest.raises(ValueError, match="`loss`"):
        penalties.MismatchedLabels(3, loss="unheard of")


@pytest.mark.parametrize("loss", [None, "wasserstein", "relativistic"])
def test_mismatched_labels_of_generated_images_count_the_other_way(loss):
    table = np.array([[-0.6, -0.1], [0.1, 3.0], [-5.0, 0.45]], "float32")  # of a label, for an image and the others
    seen = []

    def discriminator(images, labels):
        seen.append(np.array(labels))
        return tf.gather(table, labels)[:, :1]

    def value(**arguments):
        seen.clear()
        penalty = penalties.MismatchedLabels(3, weight=2.0, loss=loss, margin=0.5, **arguments)
        penalty = penalties.MismatchedLabels.from_config(penalty.get_config())
        return float(penalty(context(discriminator)))

    real = value()
    difference = value(fake_weight=0.7) - real
    own, wrong = table[LABELS, 0], None
    for labels in seen:  # of the calls with wrong labels the last is that of the generated images
        wrong = labels if not (labels == LABELS).any() else wrong
    wrong = table[wrong, 0]
    expected = {
        None: -np.clip(0.5 + wrong, 0, 1).mean(),
        "wasserstein": (own - wrong).mean(),
        "relativistic": np.log1p(np.exp(own - wrong)).mean(),
    }[loss]
    np.testing.assert_allclose(difference, 2 * 0.7 * expected, rtol=1e-4)


def test_mismatched_labels_cancel_where_samples_are_as_real_images_are():
    """Of a hinge: D learns nothing from labels of images that could be of any class, as often real as generated."""
    logit = tf.Variable(0.3)
    for fake_weight, slope in [(0.0, 1.0), (1.0, 0.0)]:
        with tf.GradientTape() as tape:
            penalty = penalties.MismatchedLabels(3, fake_weight=fake_weight)
            value = penalty(context(lambda images, labels: tf.fill([5, 1], logit.value())))
        np.testing.assert_allclose(tape.gradient(value, logit), slope, atol=1e-6)


@pytest.mark.parametrize(("logit", "passes"), [(0.6, 1.6), (3.0, 2.0)])
def test_mismatched_labels_bound_what_generated_images_take_off(logit, passes):
    logits = context(lambda images, labels: tf.fill([5, 1], -0.2 if images is REAL_TENSOR else logit))
    value = penalties.MismatchedLabels(3, fake_weight=0.5)(logits)
    np.testing.assert_allclose(value, 0.8 - 0.5 * passes, atol=1e-6)


def test_features_of_images_are_computed_once():
    """However many labels a discriminator looks at them under."""
    calls = []

    def discriminate(images):
        calls.append(images)
        return lambda labels: tf.cast(labels, tf.float32)

    real, fake = (penalties.View(discriminate, lambda x: x, images, tf.constant(LABELS)) for images in (REAL, FAKE))
    known = penalties.Context(real, fake, condition=conditions.of(3), seed=tf.constant([1, 2]))
    penalties.MismatchedLabels(3, loss="wasserstein", fake_weight=1.0)(known)
    assert [images is REAL or images is FAKE for images in calls] == [True, True]


@pytest.mark.parametrize("loss", [None, "wasserstein", "relativistic"])
def test_mismatched_labels_of_the_generator(loss):
    table = np.array([-0.6, 0.1, -5.0], "float32")
    seen = []

    def discriminator(images, labels):
        assert images is FAKE_TENSOR
        seen.append(np.array(labels))
        return tf.gather(table, labels)[:, None]

    penalty = penalties.MismatchedLabels(3, weight=2.0, loss=loss, margin=0.5, generator_weight=0.7)
    penalty = penalties.MismatchedLabels.from_config(penalty.get_config())
    assert penalty.players == ("d", "g")
    value = penalty(context(discriminator, player="g"))
    (wrong,) = (labels for labels in seen if (labels != LABELS).all())
    own, wrong = table[LABELS], table[wrong]
    expected = {
        None: np.maximum(0, 0.5 + wrong).mean(),
        "wasserstein": (wrong - own).mean(),
        "relativistic": np.log1p(np.exp(wrong - own)).mean(),
    }[loss]
    np.testing.assert_allclose(value, 2 * 0.7 * expected, rtol=1e-5)


def test_the_generator_learns_from_samples_that_pass_under_wrong_labels():
    gan = kga.BEGAN((4, 4, 1), num_classes=2, latent_dim=4, width=4, seed=1)
    batch = Batch(tf.random.uniform([6, 4, 4, 1], -1, 1), tf.constant([0, 1, 1, 0, 1, 0]), tf.constant([1, 2]))
    weights = [_compat.tf_variable(w) for w in gan.generator.trainable_variables]

    def loss_and_gradients(loss):
        with tf.GradientTape() as tape:
            value = loss()
        return value, *tape.gradient(value, weights)

    def with_penalty(generator_weight):
        penalty = penalties.MismatchedLabels(2, weight=0.5, margin=2.0, generator_weight=generator_weight)
        gan.compile(penalties=penalty)
        return loss_and_gradients(lambda: gan.g_loss(batch))

    def by_hand():
        fakes = gan.fakes(batch).images
        reconstructions = gan.discriminator([fakes, 1 - batch.labels], training=True)
        logits = -tf.reduce_mean(tf.abs(fakes - reconstructions), [1, 2, 3])
        return 0.5 * 0.7 * tf.reduce_mean(tf.nn.relu(2.0 + logits))

    expected = loss_and_gradients(by_hand)
    assert expected[0] > 0
    for more, less, value in zip(with_penalty(0.7), with_penalty(0.0), expected, strict=True):
        np.testing.assert_allclose(more - less, value, atol=1e-6)


def test_mismatched_labels_are_the_discriminators_alone_by_default():
    assert penalties.MismatchedLabels(3).players == ("d",)


@pytest.mark.parametrize("with_labels", [True, False])
def test_class_diversity(with_labels):
    pairs = [(0, 4), (1, 3)] if with_labels else [(n, n + 1) for n in range(4)]

    def spread(images):
        return np.mean([np.abs(images[a] - images[b]).mean() for a, b in pairs])

    for scale in (0.1, 0.5, 10.0):
        penalty = penalties.ClassDiversity.from_config(penalties.ClassDiversity(3.0).get_config())
        value = penalty(context(None, fake=scale * FAKE, labels=LABELS if with_labels else None))
        expected = 3 * max(0.0, spread(REAL) - spread(scale * FAKE))
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        assert (expected > 0) == (scale < 10)
    alone = context(None, labels=tf.range(5), condition=conditions.of(5))
    assert float(penalty(alone)) == 0.0  # no class has two images


def test_penalties_of_several_attributes():
    attributes = {"digit": 3, "style": 2}
    labels = np.array([[0, 0], [2, 1], [0, 0], [2, 0], [1, 1]], "int32")
    known = {"labels": labels, "condition": conditions.of(attributes)}
    value = penalties.ClassDiversity(1.0)(context(None, fake=0.5 * FAKE, **known))  # one combination has two images
    np.testing.assert_allclose(value, 0.5 * (2 * np.abs(REAL[0] - REAL[2]) - np.abs(FAKE[0] - FAKE[2])).mean(), rtol=1e-5)
    seen = []

    def discriminator(images, labels):
        seen.append(np.array(labels))
        return tf.zeros([5, 1])

    for n in range(10):
        assert float(penalties.MismatchedLabels(attributes)(context(discriminator, seed=[n, 0], **known))) == 1.0
    assert all(((wrong != labels).sum(1) == 1).all() for wrong in seen)


def test_drift():
    logits = np.asarray(quadratic(REAL, LABELS))
    np.testing.assert_allclose(penalties.Drift(0.5)(context(quadratic)), 0.5 * (logits**2).mean(), rtol=1e-5)


def networks():
    def dense():
        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])

    return {"g": dense(), "d": dense()}


def test_lecam_pulls_logits_towards_the_running_mean_of_the_others():
    penalty = penalties.LeCam(weight=0.3, decay=0.9)
    penalty.attach(networks())
    real_mean = fake_mean = 0.0
    for n in range(4):
        real, fake = np.random.default_rng(n).normal(size=[2, 6]).astype("float32")
        real_mean = 0.9 * real_mean + 0.1 * real.mean()
        fake_mean = 0.9 * fake_mean + 0.1 * fake.mean()
        expected = 0.3 * (((real - fake_mean) ** 2).mean() + ((fake - real_mean) ** 2).mean())
        np.testing.assert_allclose(penalty(of_logits(real, fake)), expected, rtol=1e-5)


def test_lecam_sees_the_logits_of_every_step_though_it_is_lazy():
    penalty, real_mean = penalties.LeCam(weight=0.3, interval=3, decay=0.9), 0.0
    penalty.attach(networks())
    for n in range(5):
        real, fake = np.random.default_rng(n).normal(size=[2, 6]).astype("float32")
        real_mean = 0.9 * real_mean + 0.1 * real.mean()
        assert (float(penalty(of_logits(real, fake, step=tf.constant(n)))) == 0) == (n % 3 > 0)
        np.testing.assert_allclose(penalty.real_mean.numpy(), real_mean, rtol=1e-5)


def test_weight_clipping():
    network = networks()["d"]
    kernel, bias = network.trainable_variables
    kernel.assign([[3.0, 0.01], [-3.0, -0.01], [0.05, 0.0]])
    bias.assign([9.0, -0.02])
    penalty = penalties.WeightClipping(0.05)
    assert float(penalty(context(linear))) == 0
    penalty.after_update("d", network)
    np.testing.assert_allclose(kernel, [[0.05, 0.01], [-0.05, -0.01], [0.05, 0.0]])
    np.testing.assert_allclose(bias, [0.05, -0.02])


def test_historical_averaging_is_the_distance_from_the_mean_of_all_weights_so_far():
    penalty, players = penalties.HistoricalAveraging(weight=2.0), networks()
    penalty.attach(players)
    rng, history = np.random.default_rng(0), {"g": [], "d": []}
    for _ in range(5):
        for player, network in players.items():
            for weight in network.trainable_variables:
                weight.assign(rng.normal(size=weight.shape))
            theta = np.concatenate([np.ravel(w) for w in network.trainable_variables])
            value = penalty(context(linear, player=player, networks=players))
            past = history[player]
            expected = 2.0 * ((theta - np.mean(past, 0)) ** 2).sum() if past else 0.0
            np.testing.assert_allclose(value, expected, rtol=1e-4)
            past.append(theta)
            penalty.after_update(player, network)


def test_historical_averaging_pulls_towards_the_mean():
    penalty, players = penalties.HistoricalAveraging(weight=1.0), networks()
    penalty.attach(players)
    kernel, _ = players["g"].trainable_variables
    penalty.after_update("g", players["g"])
    start = np.array(kernel)
    kernel.assign(start + 1.0)
    with tf.GradientTape() as tape:
        value = penalty(context(linear, player="g", networks=players))
    gradient = tape.gradient(value, getattr(kernel, "_value", kernel))
    np.testing.assert_allclose(gradient, 2.0 * np.ones_like(start), rtol=1e-5)


@pytest.mark.parametrize("jit", [False, True])
def test_a_lazy_penalty_is_computed_every_so_many_steps_with_so_many_times_the_weight(jit):
    penalty = penalties.R1(2.0, interval=4)

    @tf.function(jit_compile=jit, autograph=False)
    def at(step):
        weight = tf.constant(1.5)
        with tf.GradientTape() as tape:
            tape.watch(weight)
            value = penalty(context(lambda x, y: weight * linear(x, y), step=step))
        return value, tape.gradient(value, weight)

    norm = (W**2).sum()
    values = [at(tf.constant(step, tf.int64)) for step in range(5)]
    for step, (value, gradient) in enumerate(values):
        due = 4.0 if step % 4 == 0 else 0.0
        np.testing.assert_allclose(value, due * 2.0 * 0.5 * 1.5**2 * norm, rtol=1e-5)
        np.testing.assert_allclose(gradient, due * 2.0 * 1.5 * norm, rtol=1e-5)


def test_state_belongs_to_one_model():
    penalty = penalties.LeCam()
    first = networks()
    penalty.attach(first)
    penalty.attach(first)
    with pytest.raises(ValueError, match=r"`LeCam`.*Received"):
        penalty.attach(networks())


@pytest.mark.parametrize("penalty", [penalties.GradientPenalty, penalties.R1, penalties.R2], ids=lambda cls: cls.__name__)
def test_penalties_on_gradients_at_images_tell_of_batch_normalisation(penalty):
    with pytest.warns(UserWarning, match=f"{penalty.__name__} is about the gradient at each image.*Received: [1-9]"):
        kga.GAN((8, 8, 1), width=4, seed=1).compile(penalties=penalty(), run_eagerly=True)

    class Own(keras.layers.BatchNormalization):
        pass

    def discriminator(layer):
        inner = keras.Sequential([keras.Input((4, 4, 1)), layer])
        return keras.Sequential([keras.Input((4, 4, 1)), inner, keras.layers.Flatten(), keras.layers.Dense(1)])

    generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(16), keras.layers.Reshape((4, 4, 1))])
    frozen = keras.layers.BatchNormalization(trainable=False)  # it normalises by what is fixed
    for layer, told in ((Own(), True), (frozen, False), (keras.layers.LayerNormalization(), False)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            kga.GAN((4, 4, 1), generator=generator, discriminator=discriminator(layer)).compile(penalties=[penalty()])
        assert any("gradient at each image" in str(each.message) for each in caught) == told


# A generator of 2×3×1 images from latents of 4 numbers, and its Jacobian.
SIZE, LATENTS = (2, 3, 1), np.random.default_rng(2).normal(size=[5, 4]).astype("float32")
A = np.random.default_rng(3).normal(size=[6, 4]).astype("float32")


def of_generator(jacobian, latents=LATENTS, n=0, **known):
    """The context of a generator that is linear in its latents, (batch, 4), or in the mean of its styles."""

    def synthesize(latents):
        latents = latents if len(latents.shape) == 2 else tf.reduce_mean(latents, 1)
        return tf.reshape(latents @ tf.transpose(jacobian), [-1, *SIZE])

    latents = tf.constant(latents)
    known |= {"latents": latents, "synthesize": synthesize, "generated": synthesize(latents)}
    return context(None, player="g", seed=[n, 7], **known)


def lengths_in_numpy(jacobian, n):
    y = kga._random.normal([5, *SIZE], tf.constant([n, 7])).numpy().reshape(5, 6) / np.sqrt(6)
    return np.linalg.norm(y.astype("float64") @ jacobian, axis=1)


@pytest.mark.parametrize("layers", [None, 3])
def test_path_length_is_the_distance_of_lengths_from_their_running_mean(layers):
    """Of styles, whose layers' squared lengths are averaged: three that share the mean have a third of the Jacobian each."""
    penalty, mean = penalties.PathLength(weight=3.0, interval=1, decay=0.2), 0.0
    penalty.attach(networks())
    latents = LATENTS if layers is None else LATENTS[:, None].repeat(layers, 1)
    for n in range(4):
        lengths = lengths_in_numpy(A, n) / (layers or 1)
        mean += 0.2 * (lengths.mean() - mean)
        value = penalty(of_generator(A, latents, n))
        np.testing.assert_allclose(value, 3.0 * ((lengths - mean) ** 2).mean(), rtol=1e-4)
        np.testing.assert_allclose(penalty.mean_length.numpy(), mean, rtol=1e-5)


def test_the_gradient_of_the_path_length_is_that_of_finite_differences():
    """The running mean counts as a constant."""
    jacobian = tf.Variable(A)
    penalty = penalties.PathLength(weight=1.0, interval=1, decay=0.5)
    penalty.attach(networks())
    with tf.GradientTape() as tape:
        value = penalty(of_generator(jacobian.value()))
    gradient = tape.gradient(value, jacobian).numpy()
    mean = 0.5 * lengths_in_numpy(A, 0).mean()

    def expected(jacobian):
        return ((lengths_in_numpy(jacobian, 0) - mean) ** 2).mean()

    for place in [(0, 0), (3, 2), (5, 1)]:
        step = np.zeros_like(A, "float64")
        step[place] = 1e-4
        np.testing.assert_allclose(gradient[place], (expected(A + step) - expected(A - step)) / 2e-4, rtol=1e-3)


@pytest.mark.parametrize("jit", [False, True])
def test_a_lazy_path_length_moves_its_mean_where_it_is_due_alone(jit):
    penalty = penalties.PathLength(weight=1.0, interval=3, decay=0.2)
    penalty.attach(networks())
    compute = tf.function(lambda step: penalty(of_generator(A, step=step)), jit_compile=jit, autograph=False)
    mean, lengths = 0.0, lengths_in_numpy(A, 0)
    for n in range(5):
        mean += 0.2 * (lengths.mean() - mean) if n % 3 == 0 else 0.0
        expected = 3.0 * ((lengths - mean) ** 2).mean() if n % 3 == 0 else 0.0
        np.testing.assert_allclose(compute(tf.constant(n)), expected, rtol=1e-4)
        np.testing.assert_allclose(penalty.mean_length.numpy(), mean, rtol=1e-5)


@pytest.mark.parametrize("jit", [False, True])
def test_mode_seeking_is_the_inverse_ratio_of_distances(jit):
    other = np.random.default_rng(4).normal(size=LATENTS.shape).astype("float32")

    def value():
        def draw(seed):
            tf.debugging.assert_equal(seed, [0, 7])
            return tf.constant(other)

        return penalties.ModeSeeking(weight=0.7)(of_generator(A, draw=draw))

    images = np.abs((LATENTS.astype("float64") - other) @ A.T).mean()
    expected = 0.7 / (images / np.abs(LATENTS - other).mean() + 1e-5)
    np.testing.assert_allclose(tf.function(value, jit_compile=jit)(), expected, rtol=1e-5)
    collapsed = of_generator(0.0 * A, draw=lambda seed: tf.constant(other))
    np.testing.assert_allclose(penalties.ModeSeeking()(collapsed), 1e5, rtol=1e-5)


def test_a_plain_function_is_a_penalty_of_the_discriminator_unless_it_names_players():
    def squares(context):
        return tf.reduce_mean(tf.square(context.real.logits()))

    penalty = penalties.as_penalty(squares)
    np.testing.assert_allclose(penalty(context(quadratic)), penalties.Drift(1.0)(context(quadratic)), rtol=1e-6)
    assert penalty.players == ("d",)
    squares.players = ("g",)
    assert penalties.as_penalty(squares).players == ("g",)
    drift = penalties.Drift()
    assert penalties.as_penalty(drift) is drift
    old_value = type("OldValue", (penalties.R1,), {"value": lambda self, discriminator, batch: 0.0})()
    old_call = type("OldCall", (penalties.R1,), {"__call__": lambda self, discriminator, batch: 0.0})()
    old_update = type("OldUpdate", (penalties.R1,), {"after_update": lambda self, network: None})()
    for wrong in ("r1", penalties.R1, lambda discriminator, batch: 0.0, old_value, old_call, old_update):
        with pytest.raises(TypeError, match=r"`penalties` must be.*Received"):
            penalties.as_penalty(wrong)


def test_what_a_lazy_penalty_computes_first_is_no_ones_elses():
    """A tensor of a branch of a graph is not to be had outside of it."""

    @tf.function(autograph=False)
    def both(step):
        known = context(quadratic, step=step)
        return penalties.Drift(1.0, interval=2)(known), penalties.Drift(1.0)(known)

    lazy, plain = both(tf.constant(2))
    np.testing.assert_allclose(lazy, 2.0 * plain, rtol=1e-6)
