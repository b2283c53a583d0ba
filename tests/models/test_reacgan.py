"""ReACGAN: the data-to-data cross-entropy against its formula, and the discriminator's unit vectors."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import small_data

import keras_ganaug as kga
from keras_ganaug import layers, losses, networks
from keras_ganaug.models import training


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def formula(f, v, labels, m_p=0.98, m_n=0.02, tau=0.5):
    """The D2D-CE of the paper, image by image. `f` has the unit vectors of images, `v` those of classes."""
    losses_of_images = []
    for i, label in enumerate(labels):
        positive = np.exp(min(f[i] @ v[label] - m_p, 0.0) / tau)
        negatives = [np.exp(max(f[i] @ f[j] - m_n, 0.0) / tau) for j in range(len(f)) if labels[j] != label]
        losses_of_images.append(-np.log(positive / (positive + sum(negatives))))
    return np.mean(losses_of_images)


RNG = np.random.default_rng(0)
LABELS = np.array([0, 2, 1, 1, 0, 2, 2], "int32")
F, V = unit(RNG.normal(size=[7, 3])), unit(RNG.normal(size=[3, 3]))


class TestDataToDataCrossEntropy:
    def of(self, f=F, labels=LABELS, **options):
        return losses.data_to_data_cross_entropy(np.sum(f * V[labels], 1), f, labels, **options)

    @pytest.mark.parametrize(("m_p", "m_n", "tau"), [(0.98, 0.02, 0.5), (0.5, 0.3, 1.0), (1.0, 0.0, 0.1)])
    def test_it_is_the_papers_formula(self, m_p, m_n, tau):
        value = self.of(positive_margin=m_p, negative_margin=m_n, temperature=tau)
        assert float(value) == pytest.approx(formula(F, V, LABELS, m_p, m_n, tau), rel=1e-5)
        assert value.dtype == "float32"

    def test_its_defaults_are_the_papers(self):
        assert float(self.of()) == pytest.approx(formula(F, V, LABELS), rel=1e-5)

    def test_parts_of_a_batch_that_are_compared_with_all_of_it_give_its_mean(self):
        parts = [slice(0, 3), slice(3, 7)]
        values = [float(self.of(F[part], LABELS[part], others=(F, LABELS))) for part in parts]
        assert (3 * values[0] + 4 * values[1]) / 7 == pytest.approx(formula(F, V, LABELS), rel=1e-5)

    def test_it_is_0_without_another_class(self):
        assert float(self.of(labels=np.zeros(7, "int32"))) == 0.0

    def test_pairs_within_the_margins_have_no_gradient(self):
        """An image on the vector of its class, and images of different classes at right angles or more."""
        f = tf.Variable(np.eye(3)[[0, 1, 2]], dtype=tf.float32)
        with tf.GradientTape() as tape:
            value = losses.data_to_data_cross_entropy(tf.linalg.diag_part(f), f, tf.constant([0, 1, 2]))
        assert float(value) == pytest.approx(np.log(3), rel=1e-6)
        np.testing.assert_array_equal(tape.gradient(value, f), np.zeros([3, 3]))

    def test_it_and_its_gradient_are_finite_at_a_low_temperature(self):
        f = tf.Variable(F, dtype=tf.float32)
        with tf.GradientTape() as tape:
            similarities = tf.reduce_sum(f * tf.constant(V[LABELS], tf.float32), 1)
            value = losses.data_to_data_cross_entropy(similarities, f, LABELS, temperature=1e-3)
        gradient = tape.gradient(value, f).numpy()
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 0.0


def outputs(seed, sizes=(3,), d=4):
    """Outputs as those of the discriminator for six images: logits, cosines and unit vectors, and the vectors of classes."""
    rng = np.random.default_rng(seed)
    f = [unit(rng.normal(size=[6, d])) for _ in sizes]
    v = [unit(rng.normal(size=[size, d])) for size in sizes]
    cosines = [rows @ vectors.T for rows, vectors in zip(f, v, strict=True)]
    arrays = rng.normal(size=[6, 1]), np.concatenate(cosines, 1), np.concatenate(f, 1)
    return [tf.constant(array, tf.float32) for array in arrays], f, v


def hinge(real, fake):
    return np.maximum(0, 1 - np.asarray(real)).mean() + np.maximum(0, 1 + np.asarray(fake)).mean()


def test_both_players_add_it_for_their_own_images():
    settings = {"d2d_weight": 0.7, "temperature": 0.3, "positive_margin": 0.9, "negative_margin": 0.1}
    gan = kga.ReACGAN((4, 4, 1), 3, width=2, seed=1, **settings)
    gan.compile()
    (real, f, v), (fake, f_fake, v_fake) = outputs(1), outputs(2)
    labels = np.array([0, 2, 1, 1, 0, 2], "int32")
    expected = hinge(real[0], fake[0]) + 0.7 * formula(f[0], v[0], labels, 0.9, 0.1, 0.3)
    assert float(gan.d_objective(real, fake, tf.constant(labels))) == pytest.approx(expected, rel=1e-5)
    expected = -np.mean(fake[0]) + 0.7 * formula(f_fake[0], v_fake[0], labels, 0.9, 0.1, 0.3)
    assert float(gan.g_objective(None, fake, tf.constant(labels))) == pytest.approx(expected, rel=1e-5)
    right = np.mean((f[0] @ v[0].T).argmax(1) == labels)
    assert 0 < right < 1
    assert float(gan.metrics[-1].result()) == pytest.approx(right)
    again = kga.ReACGAN.from_config(gan.get_config())
    assert {name: getattr(again, name) for name in settings} == settings


def test_each_attribute_has_a_cross_entropy_of_its_own():
    gan = kga.ReACGAN((4, 4, 1), {"kind": 3, "style": 2}, width=2, seed=1)
    gan.compile()
    (real, f, v), (fake, _, _) = outputs(1, (3, 2)), outputs(2, (3, 2))
    labels = np.array([[0, 1], [2, 0], [1, 1], [1, 0], [0, 0], [2, 1]], "int32")
    expected = hinge(real[0], fake[0]) + 0.5 * sum(formula(f[n], v[n], labels[:, n]) for n in (0, 1))
    assert float(gan.d_objective(real, fake, tf.constant(labels))) == pytest.approx(expected, rel=1e-5)


def test_the_discriminator_gives_cosines_and_unit_vectors():
    network = networks.resnet.discriminator((4, 4, 1), {"a": 2, "b": 3}, 6, seed=1, label_use="embed")
    images = tf.constant(np.random.default_rng(0).normal(size=[5, 4, 4, 1]), tf.float32)
    logits, cosines, rows = map(np.asarray, network([images, tf.zeros([5, 2], tf.int32)]))
    assert (logits.shape, cosines.shape, rows.shape) == ((5, 1), (5, 5), (5, 2 * 6))
    np.testing.assert_allclose(np.linalg.norm(rows.reshape(5, 2, 6), axis=2), 1.0, rtol=1e-5)
    kernels = {layer.units: layer.kernel for layer in network._flatten_layers() if isinstance(layer, layers.Cosines)}
    expected = [rows[:, 6 * n :][:, :6] @ unit(np.asarray(kernels[size]).T).T for n, size in enumerate((2, 3))]
    np.testing.assert_allclose(cosines, np.concatenate(expected, 1), atol=1e-5)
    other = network([images, tf.ones([5, 2], tf.int32)])
    np.testing.assert_array_equal(other[1], cosines)  # it does not see the labels
    normalized = [layer for layer in network._flatten_layers() if isinstance(layer, layers.SpectralNormalization)]
    assert sum(isinstance(layer.layer, keras.layers.Dense) for layer in normalized) == 3  # the logit and two projections


def test_the_papers_numbers():
    gan = kga.ReACGAN((4, 4, 1), 3, width=2, seed=1)
    assert (gan.d2d_weight, gan.temperature, gan.positive_margin, gan.negative_margin) == (0.5, 0.5, 0.98, 0.02)
    gan.compile()
    assert type(gan.adversarial_loss).__name__ == "Hinge"
    for optimizer in (gan.g_optimizer, gan.d_optimizer):
        assert float(np.asarray(optimizer.learning_rate)) == pytest.approx(2e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)


@pytest.mark.filterwarnings("error::UserWarning")
def test_a_discriminator_of_ones_own():
    """Its unit vectors are in [0, 1], which a logit may not be."""
    images, labels = keras.Input((4, 4, 1)), keras.Input((), dtype="int32")
    features = keras.layers.Flatten()(images)
    unit_vectors = keras.layers.UnitNormalization()(keras.layers.Dense(5, "softplus")(features))
    outputs = [keras.layers.Dense(1)(features), layers.Cosines(3, kernel_initializer="ones")(unit_vectors), unit_vectors]
    own = keras.Model([images, labels], outputs)
    assert kga.ReACGAN((4, 4, 1), 3, discriminator=own, width=2).discriminator is own
    with pytest.raises(ValueError, match=r"`discriminator` must map images.*the cosines of the image and the classes"):
        kga.ReACGAN((4, 4, 1), 3, discriminator=networks.resnet.discriminator((4, 4, 1), 3, 4), width=2)


def test_an_image_is_compared_with_those_of_other_replicas(two_replicas):
    """The loss of a batch that two replicas share is that of one device."""
    with two_replicas.scope():
        gan = kga.ReACGAN((4, 4, 1), 3, width=2, seed=1)
    (given, f, v), labels = outputs(1), np.array([0, 2, 1, 1, 0, 2], "int32")

    def part(context):
        rows = slice(3 * context.replica_id_in_sync_group, 3 * context.replica_id_in_sync_group + 3)
        return [*(array[rows] for array in given), tf.constant(labels[rows])]

    def loss(*parts):
        with kga._replicas.whole_batch():
            return gan.d2d_cross_entropy(parts[:3], parts[3])

    shared = two_replicas.experimental_distribute_values_from_function(part)
    values = two_replicas.experimental_local_results(tf.function(lambda: two_replicas.run(loss, args=shared))())
    assert np.mean(values) == pytest.approx(formula(f[0], v[0], labels), rel=1e-5)


def bars(number):
    """Images of a bright bar, whose place is the class and whose brightness varies."""
    rng, labels = np.random.default_rng(0), np.arange(number) % 3
    images = rng.integers(0, 40, [number, 8, 8, 1])
    for image, label in zip(images, labels, strict=True):
        image[:, 1 + 2 * label : 3 + 2 * label] += rng.integers(100, 200)
    return images.astype("uint8"), labels


@pytest.mark.long
def test_it_learns_what_the_classes_look_like():
    x, y = bars(240)
    gan = kga.ReACGAN((8, 8, 1), 3, latent_dim=4, width=8, seed=1)
    rates = {name: keras.optimizers.Adam(2e-3, 0.5, 0.999) for name in ("g_optimizer", "d_optimizer")}
    gan.compile(**rates, ema_decay=0.98)
    history = gan.fit(x, y, batch_size=24, steps=300, verbose=0).history
    assert history["class_accuracy"][-1] > 0.95
    images = gan.generate(np.repeat([0, 1, 2], 100), seed=1).reshape(3, 100, 8, 8)
    columns = [x[y == c].mean((0, 1, 3)) for c in range(3)]
    np.testing.assert_allclose(images.mean((1, 2)), columns, atol=30)
    assert images.std(1).mean((1, 2)).min() > 3  # that of a pixel of real images is 16 on average


def test_without_classes_it_has_the_hinge_loss_alone():
    gan = kga.ReACGAN((4, 4, 1), latent_dim=4, width=2, seed=1)
    gan.compile(run_eagerly=True)
    images = tf.constant(small_data(6, (4, 4, 1))[0] / 127.5 - 1, tf.float32)
    data = training.Batch(images, None, tf.constant([3, 4]))
    fake = gan.fakes(data).images
    expected = hinge(gan.discriminator(images), gan.discriminator(fake))
    assert float(gan.d_loss(data)) == pytest.approx(expected, rel=1e-4)
    assert gan.metric_names == ("d_loss", "g_loss")
