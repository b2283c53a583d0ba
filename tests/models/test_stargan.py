"""StarGAN: its losses against NumPy, and what the contract promises of a GAN that translates."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import finite, lowered_to_xla, max_difference, small_gan

import keras_ganaug as kga
from keras_ganaug import _compat
from keras_ganaug.models.training import Batch

SHAPE = (8, 8, 1)


def domain_data(n=24, shape=SHAPE):
    """A spot at a random place, light on dark in domain 0 and dark on light in domain 1."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 30, [n, *shape])
    for image in images:
        row, column = rng.integers(0, [shape[0] - 3, shape[1] - 3])
        image[row : row + 3, column : column + 3] = 200
    domains = np.arange(n) % 2
    images[domains == 1] = 255 - images[domains == 1]
    return images.astype("uint8"), domains


X, DOMAINS = domain_data()


def star_gan(shape=SHAPE, num_classes=2, **options):
    return kga.StarGAN(shape, num_classes, **{"latent_dim": 3, "width": 4, "seed": 1, **options})


@keras.saving.register_keras_serializable(package="tests")
class Shifted(keras.layers.Layer):
    """The images, and a learned step upwards for each unit of the label and of the first latent."""

    def build(self, input_shape):
        self.of_label = self.add_weight(name="of_label", shape=(), initializer="ones")
        self.of_latent = self.add_weight(name="of_latent", shape=(), initializer="ones")
        self.built = True

    def call(self, inputs):
        images, latents, labels = inputs
        of_label, of_latent = (tf.convert_to_tensor(weight) for weight in (self.of_label, self.of_latent))
        step = 0.2 * of_label * tf.cast(labels, tf.float32) + 0.1 * of_latent * latents[:, 0]
        return images + step[:, None, None, None]

    def compute_output_shape(self, input_shape):
        return input_shape[0]


def known_networks(outputs):
    images, latents, labels = keras.Input(SHAPE), keras.Input((3,)), keras.Input((), dtype="int32")
    generator = keras.Model([images, latents, labels], Shifted(dtype="float32")([images, latents, labels]))
    patches = keras.layers.AveragePooling2D(4)(images)
    patches = keras.layers.Conv2D(1, 1, kernel_initializer="ones", bias_initializer="ones")(patches)
    domains = keras.layers.Dense(2, kernel_initializer="ones")(keras.layers.Flatten()(patches))
    discriminator = keras.Model([images, keras.Input((), dtype="int32")], [patches, domains][:outputs])
    return {"generator": generator, "discriminator": discriminator}


@pytest.mark.filterwarnings("ignore:`generator` must give images")
@pytest.mark.parametrize("domain_loss", ["projection", "classification"])
def test_the_losses_are_their_formulas(domain_loss):
    classify = domain_loss == "classification"
    gan = star_gan(**known_networks(1 + classify), domain_loss=domain_loss, cycle_weight=3.0, identity_weight=0.5)
    gan.compile(loss="hinge", penalties=[], d_steps=1, run_eagerly=True)
    x = np.random.default_rng(1).uniform(-1, 1, [6, *SHAPE]).astype("float32")
    labels = np.array([0, 1, 0, 1, 1, 1])
    batch = Batch(tf.constant(x), tf.constant(labels, tf.int32), tf.constant([1, 2]))
    fakes, domains = gan.fakes(batch)
    np.testing.assert_array_equal(np.sort(domains), np.sort(labels))  # as often as the batch has them

    def moved(images, latents, labels):
        step = 0.2 * np.asarray(labels) + 0.1 * np.asarray(latents)[:, 0]
        return images + step[:, None, None, None]

    def logits(images):
        return images.reshape(6, 2, 4, 2, 4).mean((2, 4)) + 1

    def cross_entropy(images, labels):
        return np.log(2.0)  # both domains have equal logits

    z = [np.asarray(gan.sample_latents(6, kga._random.fold(batch.seed, n))) for n in (0, 5, 6)]
    fake = moved(x, z[0], domains)
    np.testing.assert_allclose(fakes.images, fake, atol=1e-6)
    extra = cross_entropy(x, labels) if classify else 0.0
    expected = np.maximum(1 - logits(x), 0).mean() + np.maximum(1 + logits(fake), 0).mean() + extra
    np.testing.assert_allclose(gan.d_loss(batch), expected, rtol=1e-5)
    cycle, identity = (np.abs(x - moved(images, latents, labels)).mean() for images, latents in ((fake, z[1]), (x, z[2])))
    expected = -logits(fake).mean() + 3 * cycle + 0.5 * identity + extra
    np.testing.assert_allclose(gan.g_loss(batch), expected, rtol=1e-5)


def test_the_papers_settings():
    gan = star_gan(domain_loss="classification")
    gan.compile()
    assert type(gan.adversarial_loss).__name__ == "Wasserstein"
    assert (gan.d_steps, [type(penalty).__name__ for penalty in gan.penalties]) == (5, ["GradientPenalty"])
    assert float(np.asarray(gan.g_optimizer.learning_rate)) == pytest.approx(1e-4)


@pytest.mark.long
@pytest.mark.parametrize("domain_loss", ["projection", "classification"])
def test_its_step_is_lowered_to_xla(domain_loss):
    gan = star_gan(domain_loss=domain_loss)
    gan.compile(d_steps=1)
    lowered_to_xla(gan, X[:4], DOMAINS[:4])


@pytest.mark.filterwarnings("ignore:`generator` must give images")
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("several", [True, False])
def test_trained_saved_and_exported(tmp_path, several):
    gan = star_gan(**known_networks(1))
    if several:  # and the default networks, with one residual block
        domains = {"style": 2, "place": 3}
        gan = star_gan(num_classes=domains, generator=kga.networks.translation.generator(SHAPE, domains, 3, 4, 1, blocks=1))
    gan.compile(run_eagerly=True, augment=kga.DiffAugment("translation"))
    labels = {"style": DOMAINS, "place": np.arange(24) % 3} if several else DOMAINS
    assert finite(gan.fit(X, labels, batch_size=12, epochs=1, steps_per_epoch=1, verbose=0))
    to = {"style": 1, "place": 2} if several else 1
    images = gan.translate(X[:4], to, seed=3)
    assert images.shape == (4, *SHAPE)
    assert images.dtype == np.float32
    assert not several or 0 <= images.min() < images.max() <= 255
    np.testing.assert_array_equal(images, gan.translate(X[:4], to, seed=3))
    assert (images != gan.translate(X[:4], to, seed=4)).any()
    assert (images != gan.translate(X[:4], {"style": 0, "place": 2} if several else 0, seed=3)).any()

    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(images, loaded.translate(X[:4], to, seed=3))
    assert loaded.get_config().keys() == gan.get_config().keys()
    loaded.run_eagerly = True
    for model in (gan, loaded):
        model.fit(X, labels, batch_size=12, epochs=2, initial_epoch=1, steps_per_epoch=1, verbose=0)
    assert max_difference(gan, loaded) < 1e-6

    gan.export(tmp_path / "exported")
    alone = tf.saved_model.load(str(tmp_path / "exported"))
    indices = np.array([[1, 2]] * 4 if several else [1] * 4, np.int32)
    given = tf.constant(X[:4], tf.float32), tf.constant(indices), tf.constant([5, 6])
    expected = gan.translate(X[:4], to, seed=(5, 6))
    np.testing.assert_allclose(alone.translate(*given), expected, atol=0.01)
    served = alone.signatures["serving_default"](images=given[0], labels=given[1], seed=given[2])["images"]
    np.testing.assert_allclose(served, expected, atol=0.01)
    with pytest.raises(tf.errors.InvalidArgumentError):
        alone.translate(given[0], given[1] + 2, given[2])


@pytest.mark.long
@pytest.mark.usefixtures("eager")
def test_of_any_shape_and_in_mixed_precision(mixed_bfloat16):
    x = np.random.default_rng(0).uniform(-2, 3, [8, 9, 13, 2]).astype("float32")
    gan = star_gan((9, 13, 2), value_range=(-2, 3))
    gan.compile(run_eagerly=True)
    assert finite(gan.fit(x, np.arange(8) % 2, batch_size=4, epochs=1, verbose=0))
    images = gan.translate(x[:3], [0, 1, 0], seed=1)
    assert images.shape == (3, 9, 13, 2)
    assert -2 <= images.min() < images.max() <= 3
    # Each image is its own latents' alone.
    np.testing.assert_allclose(gan.translate(x[:2], [0, 1], seed=1), images[:2], atol=0.1)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:`generator` must give images")
def test_replicas_hold_the_same(two_replicas):
    with two_replicas.scope():
        gan = star_gan(**known_networks(1))
        gan.compile()
    assert finite(gan.fit(X, DOMAINS, batch_size=8, epochs=1, verbose=0))
    for weight in gan.weights:
        first, second = (part.numpy() for part in _compat.tf_variable(weight).values)
        np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_it_learns_to_translate():
    x, domains = domain_data(200)
    gan = star_gan(width=8, generator=kga.networks.translation.generator(SHAPE, 2, 3, 8, 1, blocks=0))
    gan.compile(ema_decay=0.95)
    gan.fit(x, domains, batch_size=20, epochs=20, verbose=0)
    swapped = gan.translate(x, 1 - domains, seed=1)
    wanted = 255.0 - x  # the spot where it was, in the other domain's light
    assert np.abs(swapped - wanted).mean() < 0.35 * np.abs(x - wanted).mean()
    assert np.abs(gan.translate(x, domains, seed=1) - x).mean() < 0.35 * np.abs(x - wanted).mean()


@pytest.mark.filterwarnings("ignore:`generator` must give images")
@pytest.mark.usefixtures("eager")
def test_the_best_translator_is_kept():
    gan = star_gan(**known_networks(1))
    gan.compile(run_eagerly=True, ema_decay=0.0)
    translations = []

    def metric(gan):
        translations.append(gan.translate(X[:2], 1, seed=1))
        return [2.0, 1.0, 3.0][len(translations) - 1]

    keep = kga.callbacks.KeepBest(metric)
    gan.fit(X, DOMAINS, batch_size=12, epochs=3, steps_per_epoch=1, verbose=0, callbacks=[keep])
    assert keep.best_epoch == 1
    np.testing.assert_array_equal(gan.translate(X[:2], 1, seed=1), translations[1])


@pytest.mark.filterwarnings("ignore:`generator` must give images")
@pytest.mark.usefixtures("eager")
def test_a_grid_shows_images_and_their_translations(tmp_path):
    gan = star_gan(**known_networks(1))
    gan.compile(run_eagerly=True, ema_decay=0.0)
    grid = kga.callbacks.SampleGrid(tmp_path / "grid.png", images=X[:3], zoom=1)
    gan.fit(X, DOMAINS, batch_size=12, epochs=1, steps_per_epoch=1, verbose=0, callbacks=[grid])
    picture = tf.io.decode_png((tmp_path / "grid.png").read_bytes()).numpy()
    assert picture.shape == (3 * 9 - 1, 3 * 9 - 1, 1)
    cells = np.pad(picture, [(0, 1), (0, 1), (0, 0)]).reshape(3, 9, 3, 9, 1)[:, :8, :, :8].transpose(0, 2, 1, 3, 4)
    np.testing.assert_array_equal(cells[:, 0], X[:3])
    for domain in range(2):
        made = gan.translate(np.repeat(X[:3], 2, 0), np.tile([0, 1], 3), seed=0)[domain::2]
        np.testing.assert_allclose(cells[:, 1 + domain], np.clip(made, 0, 255), atol=0.51)
    for wrong in (None, X[0], np.zeros([0, *SHAPE]), np.zeros([2, 9, 9, 1])):
        with pytest.raises(ValueError, match=r"`images`.*Received"):
            gan.fit(X, DOMAINS, verbose=0, callbacks=[kga.callbacks.SampleGrid(tmp_path / "a.png", images=wrong)])
    with pytest.raises(ValueError, match="`images` must be finite"):
        kga.callbacks.SampleGrid(tmp_path / "a.png", images=np.full([1, *SHAPE], np.nan))
    other = small_gan()
    other.compile(run_eagerly=True)
    with pytest.raises(ValueError, match=r"`images` must be given in the `fit` of a StarGAN.*shape \(3, 8, 8, 1\)"):
        other.fit(X, DOMAINS, verbose=0, callbacks=[grid])


@pytest.mark.usefixtures("eager")
def test_domains_that_were_never_seen_are_told():
    gan = star_gan(num_classes=3)
    gan.compile(run_eagerly=True)
    with pytest.warns(UserWarning, match="class 2"):
        gan.fit(X, DOMAINS, batch_size=24, verbose=0)
    with pytest.warns(UserWarning, match="class 2"):
        gan.translate(X[:1], 2)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"num_classes": None}, ValueError, "`num_classes`"),
        ({"domain_loss": "both"}, ValueError, "`domain_loss`"),
        ({"cycle_weight": -1}, ValueError, "`cycle_weight`"),
        ({"latent_dim": 0}, ValueError, "`latent_dim`"),
        ({"generator": "network"}, TypeError, "`generator`"),
        ({"generator": keras.Sequential([keras.Input(SHAPE)])}, ValueError, "`generator` must map images, and latents"),
        (known_networks(2) | {"generator": None}, ValueError, "`discriminator` must map .* a logit for each patch"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, match):
    with pytest.raises(error, match=f"(?s){match}.*Received"):
        star_gan(**arguments)


@pytest.mark.usefixtures("eager")
def test_wrong_calls_are_named():
    gan = star_gan()
    with pytest.raises(ValueError, match=r"`labels` must be class indices.*Received: \[2\]"):
        gan.translate(X[:2], 2)
    with pytest.raises(ValueError, match="`domains` must be one for each image"):
        gan.translate(X[:3], [0, 1])
    with pytest.raises(ValueError, match="`images` must have the shape"):
        gan.translate(X[:3, :4], 0)
    with pytest.raises(ValueError, match="`images` must be finite"):
        gan.translate(np.full([1, *SHAPE], np.nan), 0)
    with pytest.warns(UserWarning, match="a small part of value_range"):
        gan.translate(X[:2] / 255, 0)
    assert gan.translate(X[:0], 0).shape == (0, *SHAPE)
