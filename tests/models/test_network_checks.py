"""Networks of a user's own that do not end as a GAN wants it, and what says so."""

import traceback
import warnings

import keras
import pytest
import tensorflow as tf
from tools import small_networks

import keras_ganaug as kga

LAYERS = keras.layers


class Squashed(LAYERS.Layer):
    """An activation that no layer tells of."""

    def call(self, inputs):
        return tf.sigmoid(inputs)


class Judge(keras.Model):
    """A subclassed discriminator, which has no graph of layers."""

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.dense = LAYERS.Dense(1, activation=activation)

    def call(self, inputs):
        return self.dense(tf.reshape(inputs[0], [-1, 64]))


def generator(*tail):
    latents, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    x = LAYERS.Reshape((8, 8, 1))(LAYERS.Dense(64)(latents))
    for layer in tail:
        x = layer(x)
    return keras.Model([latents, labels], x)


def discriminator(*tail):
    images, labels = keras.Input((8, 8, 1)), keras.Input((), dtype="int32")
    x = LAYERS.Dense(32, activation="relu")(LAYERS.Flatten()(images))
    for layer in tail:
        x = layer(x)
    return keras.Model([images, labels], x)


def told(cls=kga.SNGAN, **networks):
    """The warnings at construction."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cls((8, 8, 1), 3, seed=1, **{**small_networks(), **networks})
    return [str(warning.message) for warning in caught if "must give" in str(warning.message)]


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ([LAYERS.Activation("sigmoid")], "ends in `sigmoid`"),
        ([LAYERS.ReLU(), LAYERS.Reshape((8, 8, 1))], "ends in `relu`"),
        ([LAYERS.Conv2D(1, 3, padding="same", activation="softplus")], "ends in `softplus`"),
        ([Squashed()], "no value below 0"),
        ([LAYERS.Activation("sigmoid"), LAYERS.Rescaling(255.0)], "far beyond"),
        ([LAYERS.Rescaling(255.0)], "far beyond"),
        ([LAYERS.Activation("tanh"), LAYERS.Rescaling(127.5, 127.5)], "far beyond"),
    ],
)
def test_a_generator_of_images_on_another_scale_is_told(tail, words):
    (message,) = told(generator=generator(*tail))
    assert message.startswith("`generator` must give images in [-1, 1]")
    assert words in message


@pytest.mark.parametrize(
    "tail",
    [
        [],
        [LAYERS.Activation("tanh")],
        [LAYERS.Activation("sigmoid"), LAYERS.Rescaling(2.0, -1.0)],
        [LAYERS.Activation("tanh"), LAYERS.Activation("linear", dtype="float32")],
    ],
)
def test_a_generator_of_images_around_0_is_not(tail):
    assert not told(generator=generator(*tail))


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (lambda: discriminator(LAYERS.Dense(1, activation="sigmoid")), "ends in `sigmoid`"),
        (
            lambda: discriminator(kga.layers.SpectralNormalization(LAYERS.Dense(1, activation="sigmoid"))),
            "ends in `sigmoid`",
        ),
        (lambda: discriminator(LAYERS.Dense(1, activation="relu")), "ends in `relu`"),
        (lambda: discriminator(LAYERS.Dense(1), Squashed()), "from 0 to 1, however large"),
        (lambda: discriminator(keras.Sequential([LAYERS.Input((32,)), LAYERS.Dense(1, activation="sigmoid")])), "`sigmoid`"),
        (lambda: Judge("sigmoid"), "from 0 to 1, however large"),
    ],
    ids=["dense", "wrapped", "relu", "unknown", "nested", "subclassed"],
)
def test_a_discriminator_without_logits_is_told(network, words):
    (message,) = told(discriminator=network())
    assert message.startswith("`discriminator` must give logits")
    assert words in message


def test_a_discriminator_with_logits_is_not():
    assert not told(discriminator=discriminator(LAYERS.Dense(1)))
    assert not told(discriminator=Judge(None))
    assert not told(kga.GAN)


def test_the_discriminator_of_began_gives_images():
    assert not told(kga.BEGAN, discriminator=_autoencoder(None))
    (message,) = told(kga.BEGAN, discriminator=_autoencoder("sigmoid"))
    assert message.startswith("`discriminator` must give images in [-1, 1]")


def _autoencoder(activation):
    images, labels = keras.Input((8, 8, 1)), keras.Input((), dtype="int32")
    return keras.Model([images, labels], LAYERS.Conv2D(1, 3, padding="same", activation=activation)(images))


def test_what_a_network_raises_is_not_hidden():
    class NoCopy(keras.Model):
        def call(self, inputs):
            return tf.reshape(inputs[0], [-1, 8, 8, 1])

        def get_config(self):
            raise RuntimeError("a word of mine")

        from_config = None

    class Raises(keras.Model):
        def call(self, inputs):
            raise RuntimeError("a word of mine")

    for own in ({"generator": NoCopy()}, {"generator": Raises()}, {"discriminator": Raises()}):
        with pytest.raises(ValueError, match=f"`{next(iter(own))}` must") as caught:
            kga.SNGAN((8, 8, 1), 3, latent_dim=64 if "generator" in own else 4, **{**small_networks(), **own})
        assert isinstance(caught.value.__cause__, RuntimeError)
        assert "a word of mine" in str(caught.value.__cause__)
        assert __file__ in "".join(traceback.format_exception(caught.value))  # the line that raised


def test_the_averaged_generator_has_a_name_of_its_own():
    lines = []
    kga.SNGAN((8, 8, 1), 3, width=4, seed=1).summary(print_fn=lambda line, **_: lines.append(str(line)))
    text = "\n".join(lines)
    assert "averaged_generator" in text
    assert text.replace("averaged_generator", "").count(" generator ") == 1
