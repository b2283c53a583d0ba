"""What each paper's GAN does that the others do not."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import finite, small_data, small_gan

import keras_ganaug as kga
from keras_ganaug.models import training

X, Y = small_data(12)


def test_wgan_clips_after_every_update_of_the_critic():
    gan = small_gan(cls=kga.WGAN)
    gan.compile(penalties=[kga.penalties.WeightClipping(0.02)], run_eagerly=True)
    largest, update = [], gan.d_optimizer.apply_gradients

    def largest_weight():
        return max(float(np.abs(w).max()) for w in gan.discriminator.trainable_variables)

    def watched(gradients):
        largest.append(largest_weight())  # before an update, so after the one before
        update(gradients)

    gan.d_optimizer.apply_gradients = watched
    gan.fit(X, Y, batch_size=2, epochs=1, verbose=0)
    assert len(largest) == 10  # five in each training step
    assert largest[0] > 0.02
    assert [*largest[1:], largest_weight()] == pytest.approx([0.02] * 10)
    assert max(float(np.abs(w).max()) for w in gan.generator.trainable_variables) > 0.02


def test_the_critic_of_wgan_gp_has_no_batch_normalisation():
    gan = kga.WGANGP((8, 8, 1), 3, seed=1)
    kinds = {type(layer).__name__ for layer in gan.discriminator._flatten_layers()}
    assert not any("BatchNormalization" in kind for kind in kinds)


def test_a_critic_estimates_the_exact_wasserstein_distance():
    """Two sets of constant images: their distance is one in one dimension, which SciPy computes exactly."""
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    real, fake = rng.normal(0.4, 0.1, 512).astype("float32"), rng.uniform(-0.8, -0.2, 512).astype("float32")
    exact = stats.wasserstein_distance(real, fake)
    keras.utils.set_random_seed(1)
    dense = keras.layers.Dense
    critic = keras.Sequential(
        [keras.Input((1, 1, 1)), keras.layers.Flatten(), dense(64, "relu"), dense(64, "relu"), dense(1)]
    )
    optimizer = keras.optimizers.Adam(2e-3, beta_1=0.0, beta_2=0.9)
    penalty, loss = kga.penalties.GradientPenalty(10.0), kga.losses.wasserstein
    variables = [getattr(v, "_value", v) for v in critic.trainable_variables]

    def view(images):
        return kga.penalties.View(lambda images: lambda labels: critic(images), lambda outputs: outputs, images, None)

    @tf.function(autograph=False)
    def step(n):
        rows = tf.random.stateless_uniform([2, 128], tf.stack([n, 1]), 0, 512, tf.int32)
        x, z = (tf.gather(values, rows[i])[:, None, None, None] for i, values in enumerate((real, fake)))
        with tf.GradientTape() as tape:
            context = kga.penalties.Context(view(x), view(z), seed=tf.stack([n, 2]))
            value = loss.discriminator(critic(x), critic(z)) + penalty(context)
        optimizer.apply_gradients(zip(tape.gradient(value, variables), critic.trainable_variables, strict=True))

    for n in range(600):
        step(tf.constant(n))
    x, z = (values[:, None, None, None] for values in (real, fake))
    estimate = -float(loss.discriminator(critic(x), critic(z)))
    assert estimate == pytest.approx(exact, rel=0.1)


def kinds(network):
    """How many layers of each kind a network has, nested ones included."""
    return collections.Counter(type(layer).__name__ for layer in network._flatten_layers())


def test_the_networks_have_the_papers_layers():
    sagan = kga.SAGAN((16, 16, 1), 3, latent_dim=4, width=8, seed=1)
    for network in (sagan.generator, sagan.discriminator):
        assert kinds(network)["SelfAttention"] == 1
        dense_and_convolutions = sum(kinds(network)[kind] for kind in ("Conv2D", "Conv2DTranspose", "Dense"))
        assert kinds(network)["SpectralNormalization"] >= dense_and_convolutions
    sngan = kga.SNGAN((16, 16, 1), 3, latent_dim=4, width=8, seed=1)
    assert kinds(sngan.generator)["SpectralNormalization"] == 0 < kinds(sngan.discriminator)["SpectralNormalization"]
    progressive = kga.ProgressiveGAN((16, 16, 1), 3, latent_dim=4, width=8, seed=1)  # 4, 8, 16: two layers at each
    assert kinds(progressive.generator)["PixelNormalization"] == 6
    assert kinds(progressive.discriminator)["MinibatchStdDev"] == 1
    style = kga.StyleGAN((16, 16, 1), 3, latent_dim=4, width=8, seed=1)
    assert kinds(style.generator)["NoiseInjection"] == kinds(style.generator)["AdaIN"] == 6
    assert kinds(style.generator)["LearnedConstant"] == 1


@pytest.mark.parametrize(
    ("name", "rates", "betas", "penalties", "d_steps"),
    [
        ("WGANGP", (2e-4, 2e-4), (0.0, 0.9), [("GradientPenalty", 10.0, 1)], 5),
        ("ProgressiveGAN", (1e-3, 1e-3), (0.0, 0.99), [("GradientPenalty", 10.0, 1), ("Drift", 1e-3, 1)], 1),
        ("StyleGAN", (1e-3, 1e-3), (0.0, 0.99), [("R1", 10.0, 16)], 1),
        ("SAGAN", (1e-4, 4e-4), (0.0, 0.9), [], 1),
        ("BEGAN", (1e-4, 1e-4), (0.5, 0.999), [], 1),
    ],
)
def test_the_papers_numbers(name, rates, betas, penalties, d_steps):
    gan = getattr(kga, name)((8, 8, 1), 3, latent_dim=4, width=4, seed=1)
    gan.compile()
    optimizers = gan.g_optimizer, gan.d_optimizer
    assert [float(np.asarray(each.learning_rate)) for each in optimizers] == pytest.approx(rates)
    assert [(each.beta_1, each.beta_2) for each in optimizers] == [betas] * 2
    assert [(type(each).__name__, each.weight, each.interval) for each in gan.penalties] == penalties
    assert gan.d_steps == d_steps


@pytest.mark.parametrize("cls", [kga.CGAN, kga.LSGAN, kga.WGAN, kga.WGANGP, kga.ProgressiveGAN, kga.StyleGAN])
def test_labels_are_joined_to_noise_and_image(cls):
    gan = cls((8, 8, 1), 3, latent_dim=4, seed=1)

    def input_channels(network):
        return [weight.shape[-2] for weight in network.trainable_variables if len(weight.shape) > 1]

    if cls is not kga.StyleGAN:  # whose mapping embeds them first
        assert input_channels(gan.generator).count(4 + 3) == 1
    entries = 2 if cls is kga.ProgressiveGAN else 1  # one at each resolution
    assert input_channels(gan.discriminator).count(1 + 3) == entries
    wasserstein = cls in (kga.WGAN, kga.WGANGP, kga.ProgressiveGAN)  # there also to the features after each halving
    assert any(64 + 3 <= channels < 2 * 64 for channels in input_channels(gan.discriminator)) == wasserstein
    assert 1 + 3 not in input_channels(cls((8, 8, 1), latent_dim=4, seed=1).discriminator)


def test_acgan_reports_the_accuracy_of_its_classifier():
    x, y = small_data(240)
    gan = kga.ACGAN((8, 8, 1), 3, latent_dim=4, width=16, seed=1)
    gan.compile()
    accuracy = gan.fit(x, y, batch_size=24, epochs=60, steps_per_epoch=2, verbose=0).history["class_accuracy"]
    assert all(0 <= value <= 1 for value in accuracy)
    assert accuracy[-1] > 0.9 > 0.75 > accuracy[0]


@pytest.mark.parametrize(
    ("fake_weight", "g_class_weight", "twin_weight"), [(1, 1, None), (0.25, 0.5, None), (0, 0, None), (0.1, 1, 0.7)]
)
def test_acgan_adds_cross_entropies_to_both_losses(fake_weight, g_class_weight, twin_weight):
    weights = {"fake_weight": fake_weight, "g_class_weight": g_class_weight}
    gan = kga.ACGAN((8, 8, 1), 2, seed=1, **weights)
    if twin_weight is not None:
        gan = kga.TACGAN((8, 8, 1), 2, seed=1, twin_weight=twin_weight, **weights)
    gan.compile()
    labels = tf.constant([0, 1])
    twin = [] if twin_weight is None else [tf.constant([[1.0, 0.0]] * 2)]
    real = tf.constant([[1.0], [2.0]]), tf.constant([[2.0, 0.0], [1.0, 0.0]]), *twin
    fake = tf.constant([[0.0], [0.0]]), tf.constant([[0.0, 0.0], [0.0, 3.0]]), *twin

    def cross_entropy(logits):
        logits = np.asarray(logits, np.float64)
        return np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(2), [0, 1]])

    adversarial = np.log1p(np.exp([-1.0, -2.0])).mean() + np.log(2)
    expected = adversarial + cross_entropy(real[1]) + fake_weight * cross_entropy(fake[1])
    assert float(gan.d_objective(real, fake, labels)) == pytest.approx(expected, rel=1e-5)
    expected = np.log(2) + g_class_weight * cross_entropy(fake[1])
    expected -= twin_weight * cross_entropy(twin[0]) if twin else 0.0
    assert float(gan.g_objective(None, fake, labels)) == pytest.approx(expected, rel=1e-5)
    assert float(gan.metrics[-1].result()) == 0.5


class TestTACGAN:
    def gan(self, **options):
        gan = kga.TACGAN((8, 8, 1), 3, latent_dim=4, seed=1, width=4, **options)
        gan.compile()
        return gan

    def test_the_class_terms_cancel_where_the_twin_agrees(self):
        """Nothing then pushes samples away from what lies between two classes."""
        logits = tf.Variable([[0.3, -0.2, 1.0], [1.5, 0.4, 0.0]])  # both classifiers say the same of each sample
        with tf.GradientTape() as tape:
            loss = self.gan().g_objective(None, (tf.zeros([2, 1]), logits, logits), tf.constant([0, 1]))
        np.testing.assert_allclose(tape.gradient(loss, logits), np.zeros([2, 3]), atol=1e-7)

    def test_the_twin_learns_from_generated_images_alone(self):
        gan = self.gan()
        images, labels = np.full([6, 8, 8, 1], 0.5, "float32"), tf.constant([0, 1, 2] * 2)
        batch = training.Batch(tf.constant(images), labels, tf.constant([3, 4]))
        fakes = gan.fakes(batch).images
        logits = gan.twin(fakes).numpy().astype(np.float64)
        expected = np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(6), labels])
        assert float(gan.twin_loss(batch)) == pytest.approx(expected, rel=1e-5)
        other = batch._replace(images=tf.constant(-images))
        assert float(gan.twin_loss(other)) == pytest.approx(
            float(gan.twin_loss(batch)), rel=1e-4
        )  # spectral norms are estimates
        with tf.GradientTape() as tape:
            loss = gan.twin_loss(batch)
        weights = [getattr(w, "_value", w) for w in gan.generator.trainable_variables]
        assert all(gradient is None for gradient in tape.gradient(loss, weights))

    def test_each_player_moves_its_own_network(self, monkeypatch):
        gan, moved = self.gan(), []
        update = training._update

        def spy(model, player, batch):
            before = weights()
            loss = update(model, player, batch)
            after = weights()
            moved.append([n for n in before if any((a != b).any() for a, b in zip(before[n], after[n], strict=True))])
            return loss

        def weights():  # which are trained: statistics of normalisations move with each batch
            return {name: [np.array(w) for w in network.trainable_weights] for name, network in gan.networks.items()}

        monkeypatch.setattr(training, "_update", spy)
        gan.run_eagerly = True
        x = np.random.default_rng(0).integers(0, 256, [12, 8, 8, 1]).astype("uint8")
        gan.fit(x, np.arange(12) % 3, batch_size=12, verbose=0)
        assert moved == [["d"], ["twin"], ["g"]]

    @pytest.mark.usefixtures("eager")
    def test_it_is_saved_and_goes_on_exactly(self, tmp_path):
        gan = self.gan(twin_weight=0.5)
        x = np.random.default_rng(0).integers(0, 256, [12, 8, 8, 1]).astype("uint8")
        data = {"x": x, "y": np.arange(12) % 3, "batch_size": 6, "verbose": 0}
        gan.fit(**data)
        gan.save(tmp_path / "twin.keras")
        loaded = keras.models.load_model(tmp_path / "twin.keras")
        assert loaded.twin_weight == 0.5
        histories = [each.fit(**data, initial_epoch=1, epochs=2).history for each in (gan, loaded)]
        assert histories[0] == histories[1]
        assert {"d_loss", "twin_loss", "g_loss", "class_accuracy"} == set(histories[0])

    def test_it_needs_classes(self):
        with pytest.raises(ValueError, match="`num_classes` must be given"):
            kga.TACGAN((8, 8, 1))

    @pytest.mark.parametrize(("image_shape", "number"), [((8, 8, 1), 2), ((8, 8, 1), 4), ((4, 4, 1), 3)])
    def test_a_twin_that_does_not_fit_is_told_at_once(self, image_shape, number):
        layers = [keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(number)]
        with pytest.raises(ValueError, match=r"`twin` must map images of shape .* to 3 logits.*Received"):
            self.gan(twin=keras.Sequential(layers))


def test_a_variant_of_acgan_may_have_arguments_of_its_own():
    class Variant(kga.ACGAN):
        own_arguments = (*kga.ACGAN.own_arguments, "mine")
        mine = 1

    assert Variant((8, 8, 1), 3, fake_weight=0.5).get_config()["fake_weight"] == 0.5


class TestBEGAN:
    def gan(self, **options):
        gan = kga.BEGAN((8, 8, 1), 3, latent_dim=4, seed=1, **options)
        gan.compile()
        return gan

    def test_k_the_losses_and_m_are_the_papers(self):
        gan, k = self.gan(gamma=0.5, lambda_k=0.1), 0.0
        for real, fake in [(0.8, 0.1), (0.6, 0.2), (0.1, 0.9), (1.0, 0.0)]:
            loss = gan.d_objective(tf.constant([real, real]), tf.constant([fake, fake]), None)
            assert float(loss) == pytest.approx(real - k * fake, abs=1e-6)
            k = min(max(k + 0.1 * (0.5 * real - fake), 0.0), 1.0)
            assert float(gan.k.numpy()) == pytest.approx(k, abs=1e-6)
        means = [r + abs(0.5 * r - f) for r, f in [(0.8, 0.1), (0.6, 0.2), (0.1, 0.9), (1.0, 0.0)]]
        metrics = {metric.name: float(metric.result()) for metric in gan.metrics}
        assert metrics["convergence"] == pytest.approx(np.mean(means), abs=1e-6)
        assert float(gan.g_objective(None, tf.constant([0.25, 0.75]), None)) == 0.5

    def test_k_ends_at_k_max_however_large_gamma_is(self):
        gan, ks = self.gan(gamma=1.5, lambda_k=0.1, k_max=0.3), []
        for real, fake in [(1.0, 0.5), (1.0, 0.5), (1.0, 0.5), (0.4, 1.6)]:
            gan.d_objective(tf.constant([real]), tf.constant([fake]), None)
            ks.append(float(gan.k.numpy()))
        assert ks == pytest.approx([0.1, 0.2, 0.3, 0.2])
        assert gan.get_config()["k_max"] == 0.3

    def test_a_code_that_contains_deviations_depends_on_the_other_images_of_its_group(self):
        def reconstruction(group_size, *others):
            arguments = {"image_shape": (8, 8, 1), "width": 4, "seed": 1, "group_size": group_size}
            return kga.networks.autoencoder.discriminator(**arguments)(np.stack([image, *others])).numpy()[0]

        image, other = np.random.default_rng(0).uniform(-1, 1, [2, 8, 8, 1]).astype("float32")
        np.testing.assert_allclose(reconstruction(None, image), reconstruction(None, other), atol=1e-6)
        assert np.abs(reconstruction(2, image) - reconstruction(2, other)).max() > 1e-3

    def test_the_reconstruction_loss_is_the_mean_absolute_error(self):
        gan = self.gan()
        images, labels = tf.random.stateless_uniform([3, 8, 8, 1], [1, 2], -1, 1), tf.constant([0, 1, 2])
        expected = np.abs(images - gan.discriminator([images, labels])).mean((1, 2, 3))
        np.testing.assert_allclose(gan.discriminate(images)(labels), expected, rtol=1e-5)
        view = kga.penalties.View(gan.discriminate, gan.logits_of, images, labels)
        np.testing.assert_allclose(view.logits(), -expected, rtol=1e-5)  # the better, the more real

    def test_the_code_is_joined_anew_after_each_doubling(self):
        latents = np.random.default_rng(0).uniform(-1, 1, [3, 4]).astype("float32")
        network = kga.BEGAN((28, 28, 1), latent_dim=4, width=6, seed=1).generator
        dense, *convolutions = [layer for layer in network.layers if layer.weights]
        first = np.asarray(dense(latents)).reshape(3, 7, 7, 6)

        def conv(layer, x):
            kernel, bias = (np.asarray(weight) for weight in layer.weights)
            return tf.nn.elu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias).numpy()

        def doubled(x):
            return x.repeat(2, 1).repeat(2, 2)

        x = conv(convolutions[1], conv(convolutions[0], first))
        for up, layer in (convolutions[2:4], convolutions[4:6]):
            first = doubled(first)
            x = conv(layer, conv(up, np.concatenate([doubled(x), first], -1)))
        kernel, bias = (np.asarray(weight) for weight in convolutions[6].weights)
        expected = np.tanh(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)
        np.testing.assert_allclose(network(latents), expected, atol=1e-5)

    def test_latents_are_uniform(self):
        latents = self.gan().sample_latents(2000, tf.constant([1, 2])).numpy()
        assert -1 < latents.min() < -0.99
        assert 0.99 < latents.max() < 1
        assert abs(latents.var() - 1 / 3) < 0.01

    def test_samples_are_of_latents_from_the_sampling_range_and_training_is_not(self, tmp_path):
        gan, wide, labels, seed = self.gan(), self.gan(sampling_range=1.5), [0, 1, 2], tf.constant([3, 4])
        latents = wide.sample_latents(3, seed)
        np.testing.assert_array_equal(latents, gan.sample_latents(3, seed))
        expected = wide.ema_generator([1.5 * latents, tf.constant(labels)])
        expected = (expected.numpy() + 1) * 127.5
        assert np.abs(expected - gan.generate(labels, seed=(3, 4))).max() > 0.1
        wide.save(tmp_path / "wide.keras")
        wide.export(tmp_path / "wide")
        loaded, exported = keras.models.load_model(tmp_path / "wide.keras"), tf.saved_model.load(tmp_path / "wide")
        for images in (wide.generate(labels, (3, 4)), loaded.generate(labels, (3, 4)), exported.generate(labels, seed)):
            np.testing.assert_allclose(images, expected, atol=0.01)
        less = self.gan(sampling_range=0.75).generate(labels, (3, 4))
        np.testing.assert_allclose(wide.generate(labels, (3, 4), truncation=0.5), less)
        wide.sampling_range = 0.75
        np.testing.assert_allclose(wide.generate(labels, (3, 4)), less)
        with pytest.raises(ValueError, match=r"`sampling_range`.*Received"):
            wide.sampling_range = 0

    def test_learning_rates_are_halved_when_m_stalls(self):
        gan = self.gan(patience=3)

        def rates():
            return [float(np.asarray(o.learning_rate)) for o in (gan.g_optimizer, gan.d_optimizer)]

        for n, m in enumerate([1.0, 0.9, 0.8, 5.0, 5.0]):
            gan._halve_learning_rates_if_stalled(tf.constant(m))
            gan.step.assign(n + 1)
            assert rates() == pytest.approx([1e-4, 1e-4])
        gan._halve_learning_rates_if_stalled(tf.constant(5.0))
        assert rates() == pytest.approx([5e-5, 5e-5])
        gan._halve_learning_rates_if_stalled(tf.constant(5.0))
        assert rates() == pytest.approx([5e-5, 5e-5])

    def test_m_is_smoothed_and_has_to_fall_again_after_a_halving(self):
        gan, smoothed = self.gan(patience=2), 1.0
        for n, (m, best, waited) in enumerate([(1.0, 1.0, 0), (3.0, 1.0, 1), (3.0, 1.0398, 0), (0.0, 1.029402, 0)]):
            gan._halve_learning_rates_if_stalled(tf.constant(m))
            gan.step.assign(n + 1)
            smoothed = 0.99 * smoothed + 0.01 * m if n else m
            assert float(gan.convergence.numpy()) == pytest.approx(smoothed)
            assert float(gan.best.numpy()) == pytest.approx(best)  # at the halving what it is then, above what it was
            assert float(gan.waited.numpy()) == waited

    @pytest.mark.parametrize("d_steps", [1, 3])
    def test_patience_is_in_training_steps(self, d_steps):
        gan, rates = kga.BEGAN((8, 8, 1), 3, latent_dim=4, width=4, seed=1, patience=4), []
        gan.compile(d_steps=d_steps)
        for n in range(1, 7):
            gan.step.assign(n)
            gan.best.assign(0.0)  # never reached
            for _ in range(d_steps):
                gan._halve_learning_rates_if_stalled(tf.constant(1.0))
            rates.append(float(np.asarray(gan.d_optimizer.learning_rate)))
            gan.convergence.assign(1.0)
        assert rates == pytest.approx([1e-4] * 3 + [5e-5] * 3)

    def test_it_takes_no_other_loss(self):
        with pytest.raises(ValueError, match=r"`loss`.*Received"):
            kga.BEGAN((8, 8, 1), 3).compile(loss="hinge")


class TestProgressiveGAN:
    def gan(self, shape=(8, 12, 1), eager=True, **options):
        gan = kga.ProgressiveGAN(shape, 3, latent_dim=4, seed=1, fade_images=8, stable_images=4, **options)
        gan.compile(run_eagerly=eager)
        return gan

    def test_the_schedule_is_in_images_seen(self):
        gan = kga.ProgressiveGAN((28, 28, 1), 3, fade_images=100, stable_images=50, seed=1)
        assert gan.levels == 2  # 7, 14, 28
        seen = [0, 50, 75, 150, 199, 200, 250, 300, 350, 10**6]
        progress = [float(gan.progress_at(n)) for n in seen]
        np.testing.assert_allclose(progress, [0, 0, 0.25, 1, 1, 1, 1.5, 2, 2, 2], atol=1e-6)

    def test_latents_are_on_a_sphere_and_truncation_goes_inside(self):
        gan = self.gan()
        latents = gan.sample_latents(50, tf.constant([1, 2])).numpy()
        np.testing.assert_allclose((latents**2).mean(1), 1, rtol=1e-5)
        normal = np.random.default_rng(0).normal(size=[50, 4]).astype("float32")
        expected = normal / np.sqrt((normal**2).mean(1, keepdims=True))
        np.testing.assert_allclose(gan.latents_from_normal(normal), expected, rtol=1e-5)
        spread = [gan.generate([1] * 50, seed=1, truncation=truncation).std(0).mean() for truncation in (1.0, 0.5, 0.05)]
        assert spread[2] < 0.2 * spread[0]
        assert spread[2] < spread[1] < spread[0]

    def test_a_fit_grows_without_a_new_trace(self, monkeypatch):
        gan = self.gan(eager=False)
        traces, shown = [], []
        step = kga.ProgressiveGAN.train_step
        monkeypatch.setattr(kga.ProgressiveGAN, "train_step", lambda self, data: traces.append(1) or step(self, data))
        each = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: shown.append(
                [float(layer.progress.numpy()) for layer in gan._progress_layers()]
            )
        )
        x = np.random.default_rng(0).integers(0, 255, [16, 8, 12, 1]).astype("uint8")
        gan.fit(x, np.arange(16) % 3, batch_size=4, epochs=1, verbose=0, callbacks=[each])
        assert len(traces) == 1
        np.testing.assert_allclose(shown, [[0, 0], [0, 0], [0.5, 0.5], [1, 1]])
        ema = [float(layer.progress.numpy()) for layer in gan.ema_generator._flatten_layers() if layer.name == "progress"]
        assert ema == [1.0]  # copied, not averaged

    def test_real_images_are_blended_with_the_same_alpha(self):
        gan = self.gan()
        images = np.random.default_rng(0).normal(size=[2, 8, 12, 1]).astype("float32")
        halved = images.reshape(2, 4, 2, 6, 2, 1).mean((2, 4)).repeat(2, 1).repeat(2, 2)
        for seen, alpha in [(0, 0.0), (6, 0.25), (12, 1.0)]:
            gan.images_seen.assign(seen)
            np.testing.assert_allclose(gan.real_images(images), halved + alpha * (images - halved), atol=1e-6)

    @pytest.mark.parametrize("shape", [(30, 33, 1), (13, 9, 3)])
    def test_coarse_pixels_of_images_are_where_those_of_real_ones_are(self, shape):
        gan = self.gan(shape)
        gan.before_step()
        images = gan.generator([tf.random.stateless_normal([2, 4], [1, 2]), tf.constant([0, 1])])
        assert np.abs(np.diff(images, axis=1)).max() > 1e-3
        np.testing.assert_allclose(gan.real_images(images), images, atol=1e-5)

    def test_what_has_not_faded_in_takes_no_part(self):
        gan = self.gan()
        gan.before_step()
        images = gan.generator([tf.random.stateless_normal([2, 4], [1, 2]), tf.constant([0, 1])]).numpy()
        np.testing.assert_allclose(images[:, ::2, ::2], images[:, 1::2, 1::2], atol=1e-6)
        real, labels = tf.constant(X[:2, :, :1].repeat(12, 2) / 127.5 - 1, tf.float32), tf.constant([0, 1])
        shuffled = tf.reverse(tf.reshape(real, [2, 4, 2, 12, 1]), [2])  # the same at half the resolution
        shuffled = tf.reshape(shuffled, [2, 8, 12, 1])
        np.testing.assert_allclose(gan.discriminate(real)(labels), gan.discriminate(shuffled)(labels), atol=1e-5)
        gan.images_seen.assign(12)
        gan.before_step()
        assert np.abs(gan.discriminate(real)(labels) - gan.discriminate(shuffled)(labels)).max() > 1e-5

    @pytest.mark.slow
    def test_a_fit_that_ends_too_early_is_announced(self, caplog):
        gan = self.gan()
        with caplog.at_level("WARNING", "tensorflow"):
            gan.fit(X[:, :, :1].repeat(12, 2)[:4], Y[:4], batch_size=4, epochs=1, verbose=0)
        assert "before the last of 2 resolutions" in caplog.text


@pytest.fixture(scope="module")
def gan():
    """A StyleGAN after a few steps."""
    gan = kga.StyleGAN((8, 8, 1), 3, latent_dim=6, seed=1)
    gan.compile(run_eagerly=True)
    gan.fit(X, Y, batch_size=4, epochs=1, verbose=0)
    return gan


class TestStyleGAN:
    def test_generate_from_styles_is_generate_from_labels(self, gan):
        w = gan.styles([0, 1, 2], seed=3)
        assert w.shape == (3, 4, 6)
        latents = gan.sample_latents(3, tf.constant([3, 0]))
        seeds = kga.networks.style.seeds_of(latents)
        images = gan.generate([0, 1, 2], seed=3) / 127.5 - 1
        np.testing.assert_allclose(gan.from_styles(tf.constant(w), seeds), images, atol=1e-5)

    def test_mixed_styles_differ_from_both(self, gan):
        w = gan.styles([0, 1], seed=3)
        mixed = w[:1].copy()
        mixed[:, 2:] = w[1:, 2:]
        both, image = gan.generate(w=w, seed=5), gan.generate(w=mixed, seed=5)
        assert min(np.abs(image - other).max() for other in both) > 1e-3
        np.testing.assert_array_equal(gan.generate(w=w[:, 0], seed=5), both)

    def test_truncation_goes_towards_the_mean_w(self, gan):
        full, half = gan.styles([0, 1], seed=3), gan.styles([0, 1], seed=3, truncation=0.5)
        mean = gan.w_mean.numpy()
        assert np.abs(mean).max() > 0
        np.testing.assert_allclose(half, mean + 0.5 * (full - mean), atol=1e-5)
        np.testing.assert_allclose(gan.generate(w=full, seed=5, truncation=0.5), gan.generate(w=half, seed=5), atol=1e-2)

    @pytest.mark.slow
    def test_training_tracks_the_mean_w(self):
        gan = kga.StyleGAN((8, 8, 1), 3, latent_dim=6, width=8, seed=1)
        labels = tf.constant(np.arange(60) % 3, tf.int32)
        images = tf.zeros([60, 8, 8, 1])
        fakes = tf.function(lambda n: gan.fakes(training.Batch(images, labels, tf.stack([n, n]))).images)
        for n in range(800):
            fakes(tf.constant(n))
        w = gan.styles(np.arange(3000) % 3, seed=1)[:, 0]
        np.testing.assert_allclose(gan.w_mean.numpy(), w.mean(0), atol=0.1 * w.std())

    def test_mixing_draws_a_crossover_for_a_share_of_the_images(self):
        gan = kga.StyleGAN((8, 8, 1), 3, latent_dim=6, mixing=0.5, seed=1)
        seen = []
        synthesis = gan.generator.get_layer("synthesis")
        gan.generator.get_layer = lambda name, get=gan.generator.get_layer: (
            get(name) if name == "mapping" else lambda inputs, training: seen.append(inputs[0]) or synthesis(inputs)
        )
        batch = kga.models.gan.Batch(tf.zeros([400, 8, 8, 1]), tf.zeros([400], tf.int32), tf.constant([1, 2]))
        gan.fakes(batch)
        w = seen[0].numpy()
        changes = (w[:, 1:] != w[:, :-1]).any(2)
        assert (changes.sum(1) <= 1).all()  # one crossover at most
        assert 0.4 < changes.any(1).mean() < 0.6
        assert (changes.sum(0) > 30).all()  # and anywhere

    def test_a_generator_without_styles_is_trained_as_any(self):
        gan = small_gan(cls=kga.StyleGAN)
        gan.compile()
        assert finite(gan.fit(X, Y, batch_size=4, epochs=1, verbose=0))
        with pytest.raises(ValueError, match="`generator` must have the layers"):
            gan.styles([0])

    def test_bad_calls(self, gan):
        for call in (
            lambda: gan.generate(),
            lambda: gan.generate([0], w=gan.styles([0])),
            lambda: gan.generate(w=np.zeros([2, 5])),
            lambda: gan.generate(w="abc"),
            lambda: gan.generate(w=[[0.0], [0.0, 1.0]]),
            lambda: gan.generate(w=np.full([1, gan.w_dim], np.nan)),
            lambda: gan.generate(w=np.zeros([1, gan.w_dim], complex)),
        ):
            with pytest.raises(ValueError, match=r"`(generate|w)`.*Received"):
                call()
