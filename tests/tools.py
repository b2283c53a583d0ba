"""What the tests share: a generator known in closed form, and networks small enough to train in a moment."""

import contextlib
import types

import keras
import numpy as np
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug.networks import common

KNOWN_SHAPE = (4, 3, 2)


def public(kind=object, module=kga, path="kga"):
    """Everything public of a kind, such as the subclasses of a class, by its path in the package."""
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    found = {}
    for name in getattr(module, "__all__", [name for name in own if not name.startswith("_")]):
        value = getattr(module, name)
        if isinstance(value, types.ModuleType):
            found |= public(kind, value, f"{path}.{name}")
        elif kind is object or (isinstance(value, type) and issubclass(value, kind)):
            found[f"{path}.{name}"] = value
    return found


@keras.saving.register_keras_serializable(package="tests")
class KnownImages(keras.layers.Layer):
    """Images that tell their label and their latents.

    Channel 0 is (label - 50) / 100, channel 1 the first latent through x / (1 + |x|): both within (-1, 1).
    """

    def call(self, inputs):
        latents, labels = inputs
        label = tf.broadcast_to(
            (tf.cast(labels, tf.float32)[:, None, None, None] - 50.0) / 100.0, [tf.shape(latents)[0], 4, 3, 1]
        )
        noise = tf.broadcast_to(tf.math.softsign(tf.cast(latents, tf.float32))[:, :1, None, None], tf.shape(label))
        return tf.concat([label, noise], -1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], *KNOWN_SHAPE)


def known_generator(latent_dim=3):
    inputs = [keras.Input((latent_dim,)), keras.Input((), dtype="int32")]
    return keras.Model(inputs, KnownImages(dtype="float32")(inputs))


def label_of(images, value_range=(-1.0, 1.0)):
    """The label that each image of the known generator tells."""
    low, high = value_range
    code = (np.asarray(images, np.float64)[:, 0, 0, 0] - low) / (high - low) * 2 - 1
    return np.round(code * 100 + 50).astype(int)


def noise_of(images):
    """The latent that each image of the known generator tells."""
    return np.asarray(images)[:, 0, 0, 1]


def small_networks(image_shape=(8, 8, 1), num_classes=3, latent_dim=4):
    """A generator and a discriminator of a few dense layers."""
    layers, make = keras.layers, common.Layers(0)

    def dense(units, **options):
        return make(layers.Dense, units, **options)

    latents, labels, images = (
        keras.Input((latent_dim,)),
        keras.Input((), dtype="int32"),
        keras.Input(image_shape),
    )

    def joined(x):
        return x if num_classes is None else layers.Concatenate()([x, kga.layers.OneHot(num_classes)(labels)])

    def model(first, outputs):
        return keras.Model(first if num_classes is None else [first, labels], outputs)

    x = dense(32, activation="relu")(joined(latents))
    x = dense(int(np.prod(image_shape)))(x)
    generator = model(latents, layers.Activation("tanh", dtype="float32")(layers.Reshape(image_shape)(x)))
    x = dense(32, activation="relu")(joined(layers.Flatten()(images)))
    discriminator = model(images, kga.layers.SpectralNormalization(dense(1, dtype="float32"), dtype="float32")(x))
    return {"generator": generator, "discriminator": discriminator}


def small_gan(image_shape=(8, 8, 1), num_classes=3, seed=1, cls=None, **kwargs):
    networks = small_networks(image_shape, num_classes)
    return (cls or kga.SNGAN)(image_shape, num_classes, seed=seed, **networks, **kwargs)


def small_data(n=24, image_shape=(8, 8, 1), num_classes=3):
    """Images whose brightness is their class, with a little noise."""
    labels = np.arange(n) % num_classes
    noise = np.random.default_rng(0).integers(0, 40, [n, *image_shape])
    return (labels[:, None, None, None] * 80 + noise).astype("uint8"), labels


class Frame:
    """Columns with names, as a pandas.DataFrame has them: no mapping, and an array in the order of its columns."""

    def __init__(self, columns):
        self.columns, self._parts = [*columns], columns

    def __getitem__(self, name):
        return self._parts[name]

    def __array__(self, dtype=None, copy=None):
        return np.stack([*self._parts.values()], 1)


def context(discriminator, real, fake, labels=None, seed=(1, 2), **known):
    """What a penalty is called with, of a function `discriminator(images, labels)` that gives logits."""
    known = {"condition": kga.conditions.of(None if labels is None else 3), **known}

    def view(images):
        return kga.penalties.View(lambda x: lambda y: discriminator(x, y), lambda outputs: outputs, images, labels)

    return kga.penalties.Context(view(real), view(fake), seed=tf.convert_to_tensor(seed), **known)


def finite(history):
    """Whether all that a fit reported is finite."""
    return all(np.isfinite(values).all() for values in history.history.values())


def lowered_to_xla(gan, x, y):
    """The step of a compiled GAN in XLA's words, HLO.

    What XLA cannot compile fails here already; the machine code that it would make takes most of the time.
    """
    step = tf.function(gan.train_step, jit_compile=True, autograph=False)
    hlo = step.experimental_get_compiler_ir((tf.constant(x), tf.constant(y)))(stage="hlo")
    assert "ENTRY" in hlo
    return hlo


@contextlib.contextmanager
def eagerly():
    """Within it nothing is traced, which takes longer than a few steps. For what is computed, not for graphs."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def weights(model):
    """Copies of a model's weights."""
    return [weight.copy() for weight in model.get_weights()]


def max_difference(model, other):
    """The largest difference of two weights; NaN where one of them is."""
    pairs = zip(model.get_weights(), other.get_weights(), strict=True)
    return float(np.max([np.abs(a - b).max(initial=0.0) for a, b in pairs]))


STUDY_SHAPE = (8, 8, 1)


def study_data(seed, n=60, num_classes=3):
    rng = np.random.default_rng([seed, 1])
    labels = np.resize([0, 0, 0, 0, 1, 1, 2], n)
    images = np.clip(rng.normal(size=[n, *STUDY_SHAPE]) * 30 + 60 * labels[:, None, None, None] + 40, 0, 255)
    return images.astype("uint8"), labels


class StudyRecorder:
    """Builds classifiers and generators, and remembers what they were given."""

    def __init__(self):
        self.models, self.given = [], []

    def build(self, seed):
        keras.utils.set_random_seed(seed)
        layers = [
            keras.layers.Input(STUDY_SHAPE),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
        self.models.append(keras.Sequential(layers))
        return self.models[-1]

    def generator(self, images, labels, seed):
        self.given.append((images, labels, seed))
        return small_gan(STUDY_SHAPE, seed=seed)

    def study(self, test, directory=None, **options):
        options = {
            "arms": {"nothing": kga.study.Arm(), "balanced_softmax": kga.study.Arm(loss="balanced_softmax")},
            **options,
        }
        settings = {"steps": 4, "batch_size": 8, "seeds": [3, 4], "verbose": False, "directory": directory}
        settings.update(build=self.build, synthetic=kga.study.Synthetic(bank_size=12))
        return kga.AugmentationStudy(study_data, test, self.generator, **{**settings, **options})


class Killed(Exception):
    """What `Kill` raises."""


class Kill(keras.callbacks.Callback):
    """Ends a training at the start of an epoch, as a killed process does."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed
