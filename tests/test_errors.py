"""Every bad call is one clear error, before any work starts: it names the argument and says what was received."""

import functools
import re
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tools
from tools import KNOWN_SHAPE, known_generator, small_data, small_networks

import keras_ganaug as kga
from keras_ganaug._pipelines import untuned

GENERATOR = known_generator()
X, Y = small_data()
IMAGES, LABELS = tf.zeros([4, *KNOWN_SHAPE]), tf.constant([0, 1, 2, 3])
small_gan = functools.cache(tools.small_gan)  # a call that is refused changes nothing: one GAN does for all


@functools.cache
def compiled():
    gan = tools.small_gan()
    gan.compile()
    return gan


def augment(*args, **kwargs):
    return kga.GANAugmentation(GENERATOR, seed=1, **kwargs)(*args, training=True)


def mapped(x=np.zeros([4, *KNOWN_SHAPE], "float32"), y=np.arange(4), batched=True, generator=GENERATOR, **kwargs):
    data = tf.data.Dataset.from_tensor_slices(x if y is None else (x, y))
    data = data.batch(2) if batched else data
    return list(untuned(data.map(kga.gan_augment(generator, num_classes=10, **kwargs))))


def dataset(x, y):
    return untuned(tf.data.Dataset.from_tensor_slices((x, y)).batch(8))


def labels_wrong_in_a_later_batch():
    y = Y.copy()
    y[20] = 7
    compiled().fit(dataset(X, y), verbose=0)


def images_wrong_in_a_later_batch():
    x = X.astype("float32")
    x[20] += 1000
    compiled().fit(dataset(x, Y), verbose=0)


def _classifier():
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])


@functools.cache
def augmented(jit_compile=True):
    gan = small_gan(value_range=(0, 1))
    model = kga.AugmentedModel(_classifier(), kga.GANAugmentation(gan))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=jit_compile)
    return model


class Uncopyable(keras.Model):
    """Its config does not tell with what it was made."""

    def __init__(self, units):
        super().__init__()
        self.dense, self.image = keras.layers.Dense(units(), activation="tanh"), keras.layers.Reshape((8, 8, 1))

    def call(self, latents):
        return self.image(self.dense(latents))


class Batches(keras.utils.Sequence):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X / 255.0, Y + index


def augment_when(training):
    return kga.GANAugmentation(GENERATOR, num_classes=10)(IMAGES, LABELS, training=training)


def same_optimizer():
    adam = keras.optimizers.Adam()
    small_gan().compile(g_optimizer=adam, d_optimizer=adam)


def broken_file():
    with tempfile.NamedTemporaryFile(suffix=".keras") as file:
        file.write(b"no archive")
        file.flush()
        kga.GANAugmentation(file.name)


def class_names(names):
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cat", "dog"):
            (Path(folder) / name).mkdir()
            tf.io.write_file(str(Path(folder) / name / "1.png"), tf.io.encode_png(X[0]))
        kga.datasets.from_directory(folder, (8, 8), class_names=names, verbose=False)


def balanced_in_a_narrow_dtype():
    labels = tf.constant([0, 1, 2, 3], tf.int8)
    kga.GANAugmentation(GENERATOR, 0.5, [0.0] * 200 + [1.0], num_classes=201)(IMAGES, labels, training=True)


BAD_CALLS = {
    # Constructing a GAN.
    "image_shape": [
        lambda: kga.SNGAN((28, 28)),
        lambda: kga.SNGAN((28, 0, 1)),
        lambda: kga.SNGAN(28),
        lambda: kga.GAN((8.0, 8, 1)),
    ],
    "num_classes": [
        lambda: kga.SNGAN((8, 8, 1), num_classes=0),
        lambda: kga.SNGAN((8, 8, 1), num_classes="ten"),
        lambda: small_gan().compile(penalties=kga.penalties.MismatchedLabels(5)),  # of three classes
    ],
    "latent_dim": [lambda: kga.SNGAN((8, 8, 1), latent_dim=-1)],
    "value_range": [
        lambda: kga.SNGAN((8, 8, 1), value_range=(1, 0)),
        lambda: kga.SNGAN((8, 8, 1), value_range=255),
        lambda: kga.SNGAN((8, 8, 1), value_range=(0, float("inf"))),
        lambda: kga.GANAugmentation(GENERATOR, value_range=(5, 5)),
        lambda: compiled().fit(X.astype("float32") * 2, Y),
    ],
    "seed": [lambda: kga.SNGAN((8, 8, 1), seed="one"), lambda: kga.gan_augment(GENERATOR, seed=1.5)],
    "generator": [
        lambda: kga.GAN((8, 8, 1), generator=Uncopyable(lambda: 64)),
        lambda: kga.SNGAN((8, 8, 1), generator="resnet"),
        lambda: kga.SNGAN((9, 9, 1), 3, **small_networks()),
        lambda: kga.SNGAN((8, 8, 1), None, latent_dim=4, generator=small_networks()["generator"]),
        lambda: kga.GANAugmentation(None),
        lambda: kga.GANAugmentation(3),
        lambda: kga.GANAugmentation("no/such/path"),
        lambda: kga.GANAugmentation(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])),
        lambda: kga.GANAugmentation(keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])),
        lambda: kga.gan_augment("missing.keras"),
        broken_file,
    ],
    "discriminator": [
        lambda: kga.SNGAN((8, 8, 1), discriminator=3),
        lambda: kga.SNGAN((8, 8, 1), discriminator=keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])),
    ],
    # Compiling it.
    "loss": [
        lambda: small_gan().compile(loss="huber"),
        lambda: small_gan().compile(loss=3),
        lambda: small_gan().compile(loss=kga.losses.Minimax),  # the class, not an object
    ],
    "g_optimizer": [lambda: small_gan().compile(g_optimizer="adamant"), same_optimizer],
    "d_steps": [lambda: small_gan().compile(d_steps=0)],
    "ema_decay": [lambda: small_gan().compile(ema_decay=1.0), lambda: small_gan().compile(ema_decay=-0.1)],
    "label_smoothing": [
        lambda: small_gan().compile(label_smoothing=0.1),  # the hinge loss has no target
        lambda: small_gan().compile(loss="lsgan", label_smoothing=np.float32(0.7)),
    ],
    "penalties": [
        lambda: small_gan().compile(penalties=["gp"]),
        lambda: small_gan().compile(penalties=[kga.penalties.R1]),  # the class, not an object
        lambda: small_gan().compile(penalties="r1"),
        lambda: small_gan().compile(penalties=[kga.penalties.HistoricalAveraging(0.1)] * 2),
        lambda: small_gan(num_classes=None).compile(penalties=kga.penalties.MismatchedLabels(3)),
        lambda: kga.ACGAN((8, 8, 1), 3).compile(penalties=kga.penalties.MismatchedLabels(3)),
    ],
    "epochs": [lambda: compiled().fit(X, Y, epochs=0), lambda: compiled().fit(X, Y, epochs="a")],
    "initial_epoch": [lambda: compiled().fit(X, Y, initial_epoch=-1)],
    "shuffle": [lambda: compiled().fit(X, Y, shuffle="batch")],
    "run_eagerly": [lambda: small_gan().compile(run_eagerly="x")],
    "path": [
        lambda: kga.callbacks.KeepBest("d_loss", path=5),
        lambda: kga.callbacks.SampleGrid(path=5),
        lambda: small_gan().export(None),
        lambda: small_gan().export(""),
        lambda: small_gan().export(__file__),
    ],
    "class_names": [lambda: class_names(["cat"]), lambda: class_names("cat"), lambda: class_names(["cat", "cow"])],
    "image_size": [
        lambda: kga.datasets.from_directory(".", (True, 8)),
        lambda: kga.datasets.from_directory(".", (8,)),
    ],
    "training": [lambda: tf.function(augment_when, autograph=False)(tf.constant(True))],
    "steps_per_execution": [lambda: small_gan().compile(steps_per_execution=0)],
    "interval": [lambda: kga.penalties.R1(interval=0)],
    "limit": [lambda: kga.penalties.WeightClipping(0)],
    "decay": [lambda: kga.penalties.LeCam(decay=1.5)],
    "max_probability": [lambda: kga.AdaptiveAugment(max_probability=1.0)],
    "initial_probability": [lambda: kga.AdaptiveAugment(initial_probability=0.9)],
    "kimg": [lambda: kga.AdaptiveAugment(kimg=0)],
    "target": [lambda: kga.AdaptiveAugment(target=2)],
    "gamma": [lambda: kga.BEGAN((8, 8, 1), gamma=0), lambda: kga.BEGAN((8, 8, 1), gamma=float("inf"))],
    "k_max": [lambda: kga.BEGAN((8, 8, 1), k_max=0), lambda: kga.BEGAN((8, 8, 1), k_max=1.5)],
    "lambda_k": [lambda: kga.BEGAN((8, 8, 1), lambda_k=-1)],
    "sampling_range": [lambda: kga.BEGAN((8, 8, 1), sampling_range=0)],
    "patience": [lambda: kga.BEGAN((8, 8, 1), patience=0)],
    "levels": [lambda: kga.layers.Progress("a"), lambda: kga.layers.Progress(-1)],
    "index": [lambda: kga.layers.NoiseInjection("x")],
    "inputs": [lambda: kga.layers.SelfAttention()(np.zeros([2, 3], "float32"))],
    "mixing": [lambda: kga.StyleGAN((8, 8, 1), mixing=2)],
    "fake_weight": [
        lambda: kga.ACGAN((8, 8, 1), 3, fake_weight=-1),
        lambda: kga.penalties.MismatchedLabels(3, fake_weight=-1),
    ],
    "generator_weight": [lambda: kga.penalties.MismatchedLabels(3, generator_weight=-1)],
    "margin": [lambda: kga.penalties.MismatchedLabels(3, margin=0)],
    "g_class_weight": [lambda: kga.ACGAN((8, 8, 1), 3, g_class_weight=-1)],
    "d2d_weight": [lambda: kga.ReACGAN((8, 8, 1), 3, d2d_weight=-1)],
    "temperature": [lambda: kga.ReACGAN((8, 8, 1), 3, temperature=0)],
    "positive_margin": [lambda: kga.ReACGAN((8, 8, 1), 3, positive_margin=1.5)],
    "negative_margin": [lambda: kga.ReACGAN((8, 8, 1), 3, negative_margin=-0.1)],
    "twin_weight": [lambda: kga.TACGAN((8, 8, 1), 3, twin_weight=-1)],
    "fade_images": [lambda: kga.ProgressiveGAN((8, 8, 1), fade_images=0)],
    "stable_images": [lambda: kga.ProgressiveGAN((8, 8, 1), stable_images=-1)],
    "evaluate": [lambda: compiled().evaluate(X, Y)],
    "normalization": [lambda: kga.networks.dcgan.discriminator((8, 8, 1), normalization="layer")],
    "label_use": [
        lambda: kga.networks.dcgan.discriminator((8, 8, 1), label_use="ignore"),
        lambda: kga.networks.progressive.discriminator((8, 8, 1), label_use="classify"),
        lambda: kga.networks.resnet.discriminator((8, 8, 1), label_use="join"),
    ],
    "callbacks": [
        lambda: compiled().fit(X, Y, callbacks=[3]),
        lambda: compiled().fit(X, Y, callbacks=3),
        lambda: augmented().fit(X / 255.0, Y, callbacks=[kga.callbacks.SampleGrid()], verbose=0),
        lambda: augmented().fit(X / 255.0, Y, callbacks=[kga.callbacks.KeepBest("loss")], verbose=0),
        lambda: augmented().fit(X / 255.0, Y, callbacks=[kga.callbacks.CollapseAlarm(X, Y)], verbose=0),
        lambda: compiled().fit(X, Y, callbacks=[keras.callbacks.ReduceLROnPlateau("d_loss", mode="min")]),
    ],
    "class_weight": [
        lambda: kga.AugmentedModel(_classifier(), kga.GANAugmentation(small_gan(), 0.5, "balance")).fit(
            X, Y, class_weight={0: 2.0}
        )
    ],
    "augment": [lambda: small_gan().compile(augment="color")],
    "jit_compile": [lambda: small_gan().compile(jit_compile="yes")],
    "policy": [
        lambda: kga.DiffAugment("colour"),
        lambda: kga.DiffAugment(""),
        lambda: kga.AdaptiveAugment("zoom"),
        lambda: kga.AdaptiveAugment(3),
    ],
    "weight": [lambda: kga.penalties.R1(-1.0), lambda: kga.penalties.GradientPenalty("10"), lambda: kga.penalties.LeCam(-1)],
    # Training it.
    "compile": [lambda: small_gan().fit(X, Y)],
    "x": [lambda: compiled().fit(iter(()), Y), lambda: compiled().fit(None)],
    "y": [lambda: compiled().fit(dataset(X, Y), Y)],
    "batch_size": [lambda: compiled().fit(X, Y, batch_size=0)],
    "steps_per_epoch": [
        lambda: compiled().fit(dataset(X, Y).repeat()),
        lambda: compiled().fit(X, Y, steps_per_epoch=-1),
        lambda: compiled().fit(X, Y, steps_per_epoch=0),
        lambda: compiled().fit(X, Y, steps_per_epoch=1.5),
    ],
    "class_balanced": [lambda: _unconditional().fit(X, class_balanced=True)],
    "images": [
        lambda: kga.callbacks.CollapseAlarm(5),
        lambda: augment([IMAGES, LABELS]),
        lambda: kga.gan_augment(GENERATOR, num_classes=10)(None, LABELS),
        lambda: augment(tf.sparse.from_dense(IMAGES), LABELS),
        lambda: augment({"a": IMAGES}, LABELS),
        lambda: kga.gan_augment(GENERATOR, num_classes=10)(dataset(X, Y)),
        lambda: compiled().fit(X[0], Y),
        lambda: compiled().fit(X[:, :7], Y),
        lambda: compiled().fit(tf.data.Dataset.from_tensor_slices((X, Y))),  # unbatched
        lambda: compiled().fit(np.full([4, 8, 8, 1], np.nan), Y[:4]),
        lambda: compiled().fit(X, Y[:5]),
        lambda: compiled().fit(X.astype("complex64"), Y),
        lambda: compiled().fit(tf.data.Dataset.from_tensor_slices(((X, X), Y)).batch(8)),
        lambda: compiled().fit(tf.data.Dataset.from_tensor_slices({"image": X, "label": Y}).batch(8)),
        lambda: compiled().fit(tf.data.Dataset.from_generator(lambda: [(X, Y)], output_types=(tf.uint8, tf.int64))),
        images_wrong_in_a_later_batch,
        lambda: augment(tf.zeros([4, *KNOWN_SHAPE], tf.complex64), LABELS),
        lambda: augment(IMAGES[0], LABELS[0]),
        lambda: augment(tf.zeros([4, 5, 5, 2]), LABELS),
        lambda: mapped(batched=False),
        lambda: mapped(np.zeros([4, 9, 9, 2], "float32")),
    ],
    "labels": [
        balanced_in_a_narrow_dtype,
        lambda: compiled().fit(X, [[1], [1, 2]]),
        lambda: compiled().fit(X, np.array(["a", "b", "c"] * 8, object)),
        lambda: compiled().fit(dataset(X, {"label": Y})),
        lambda: augmented().train_on_batch(X / 255.0, Y + 1),
        lambda: augmented().fit(((X / 255.0, Y + n) for n in range(2)), verbose=0),
        lambda: augmented().fit(Batches(), verbose=0),
        lambda: augmented().fit(dataset(X / 255.0, Y + 0.5), verbose=0),
        lambda: compiled().fit(dataset(X, np.r_[Y[:16], Y[16:] + 0.5]), verbose=0),
        lambda: kga.datasets.oversample(dataset(X, -Y).unbatch()),
        lambda: kga.datasets.oversample(dataset(X, np.eye(3)[Y]).unbatch()),
        lambda: compiled().fit(X),
        lambda: compiled().fit(X, Y + 1),
        lambda: compiled().fit(X, Y - 1),
        lambda: compiled().fit(X, Y + 0.5),
        lambda: compiled().fit(X, np.eye(4)[Y]),
        lambda: compiled().fit(dataset(X, Y + 1)),
        labels_wrong_in_a_later_batch,
        # Using it.
        lambda: small_gan().generate([3]),
        lambda: small_gan().generate([-1]),
        lambda: small_gan().generate(5),
        lambda: small_gan().generate([[0, 1]]),
        lambda: small_gan().generate([0.5]),
        lambda: small_gan().generate([[1], [1, 2]]),
        lambda: augment(IMAGES, tf.constant([0.0, 1.0, float("nan"), 2.0])),
        lambda: kga.AugmentedModel(_classifier(), kga.GANAugmentation(small_gan(), 0.5)).fit(X, Y + 5),
        lambda: _unconditional().generate([0, 1]),
        lambda: _unconditional().generate(-1),
        lambda: augment(IMAGES),
        lambda: augment(IMAGES, LABELS, num_classes=3),
        lambda: augment(IMAGES, tf.one_hot(LABELS, 4), num_classes=3),
        lambda: augment(IMAGES, LABELS[:3]),
        lambda: augment(IMAGES, tf.constant(list("abcd"))),
        lambda: kga.GANAugmentation(_unconditional())(tf.zeros([4, 8, 8, 1]), LABELS, training=True),
        lambda: mapped(y=None),
        lambda: kga.gan_augment(GENERATOR, num_classes=10)(np.zeros([4, *KNOWN_SHAPE]), [9, 10, 1, 2]),
    ],
    "truncation": [
        lambda: small_gan().generate([0], truncation=0.0),
        lambda: kga.GANAugmentation(GENERATOR, truncation=1.5),
        lambda: kga.gan_augment(GENERATOR, truncation="low"),
    ],
    # Augmenting with it.
    "fraction": [
        lambda: kga.GANAugmentation(GENERATOR, fraction=1.5),
        lambda: kga.GANAugmentation(GENERATOR, fraction=-0.1),
        lambda: kga.GANAugmentation(GENERATOR, fraction="half"),
        lambda: kga.gan_augment(GENERATOR, fraction=25),
        lambda: kga.gan_augment(GENERATOR, fraction=float("nan")),
    ],
    "sampling_strategy": [
        lambda: kga.GANAugmentation(GENERATOR, sampling_strategy="balanced"),
        lambda: kga.GANAugmentation(GENERATOR, sampling_strategy={0: -1.0}),
        lambda: kga.GANAugmentation(GENERATOR, sampling_strategy={}),
        lambda: kga.GANAugmentation(GENERATOR, sampling_strategy=[0.0, 0.0]),
        lambda: kga.GANAugmentation(GENERATOR, sampling_strategy=[1.0, 2.0], num_classes=3),
        lambda: kga.GANAugmentation(GENERATOR, sampling_strategy={12: 1.0}, num_classes=10),
        lambda: kga.GANAugmentation(GENERATOR, sampling_strategy=5),
        lambda: kga.GANAugmentation(GENERATOR, sampling_strategy={0.5: 1.0}),
        lambda: augment(IMAGES, tf.one_hot(LABELS, 4), sampling_strategy=[0.0, 1.0, 0.0, 0.0, 0.0]),
        lambda: kga.GANAugmentation(_unconditional(), sampling_strategy="balance"),
    ],
    "synthetic_weight": [lambda: kga.GANAugmentation(GENERATOR, synthetic_weight=-1)],
    "sample_weight": [
        lambda: augment(IMAGES, LABELS, tf.constant([1, 1, 1, 1]), synthetic_weight=0.5),
        lambda: augment(IMAGES, LABELS, tf.ones([3])),
    ],
    "engine": [lambda: kga.gan_augment(GENERATOR, engine="fast")],
    "bank_size": [
        lambda: kga.gan_augment(GENERATOR, bank_size=0, num_classes=10),
        lambda: kga.gan_augment(GENERATOR, bank_size=5, num_classes=10),
    ],
    "gan_augment": [
        lambda: kga.callbacks.RefreshBank(lambda x, y: (x, y)),
        lambda: kga.callbacks.RefreshBank(kga.gan_augment(GENERATOR, engine="live")),
    ],
    "every": [lambda: kga.callbacks.RefreshBank(kga.gan_augment(GENERATOR, num_classes=10, bank_size=10), every=0)],
    "model": [
        lambda: kga.AugmentedModel("classifier", kga.GANAugmentation(GENERATOR)),
        lambda: kga.AugmentedModel(small_gan(), kga.GANAugmentation(GENERATOR)),
    ],
    "augmentation": [lambda: kga.AugmentedModel(keras.Sequential([keras.Input((2,))]), GENERATOR)],
    # Data.
    "name": [lambda: kga.datasets.load("imagenet"), lambda: kga.datasets.load(3)],
    "directory": [
        lambda: kga.datasets.from_directory("no/such/folder", (8, 8)),
        lambda: kga.datasets.from_directory(None, (8, 8)),
    ],
    "data_dir": [
        lambda: kga.datasets.load("fashion_mnist", data_dir="no/such/folder"),
        lambda: kga.datasets.load("fashion_mnist", 3),
    ],
    "counts": [
        lambda: kga.datasets.take_per_class(kga.datasets.load("digits")[0], 10**6),
        lambda: kga.datasets.take_per_class(dataset(X, Y).unbatch(), "a"),
        lambda: kga.datasets.take_per_class(dataset(X, Y).unbatch(), 2.5),
        lambda: kga.datasets.format_histogram(3),
    ],
    "dataset": [
        lambda: kga.datasets.take_per_class([1, 2], 1),
        lambda: kga.datasets.oversample(kga.datasets.load("digits")[0].batch(4)),
    ],
    # Layers.
    "layer": [lambda: kga.layers.SpectralNormalization(keras.layers.ReLU())(np.ones([2, 2]))],
    "power_iterations": [lambda: kga.layers.SpectralNormalization(keras.layers.Dense(2), power_iterations=0)],
}


@functools.cache
def _unconditional():
    gan = tools.small_gan(num_classes=None)
    gan.compile()
    return gan


@pytest.mark.parametrize(
    ("argument", "call"),
    [pytest.param(name, call, id=f"{name}-{n}") for name, calls in BAD_CALLS.items() for n, call in enumerate(calls)],
)
@pytest.mark.filterwarnings("ignore:A bare Keras model")
def test_a_bad_call_is_one_clear_error(argument, call):
    with pytest.raises((ValueError, TypeError, FileNotFoundError)) as caught:
        call()
    message = str(caught.value)
    assert re.search(rf"`{argument}(\(\))?`", message), message
    assert "Received" in message, message
    assert "Traceback" not in message
    assert "Node:" not in message
    assert len(message) < 900, message


def test_a_bad_label_in_a_running_map_says_which():
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`labels` must be class indices from 0 to 9"):
        mapped(y=np.array([1, 2, 3, 10]))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_bad_values_in_a_dataset_stop_the_training_of_a_classifier(jit_compile):
    y = Y.copy()
    y[-1] = 3
    with pytest.raises(ValueError, match=r"`labels` must be class indices from 0 to 2 .* Received: .*3"):
        augmented(jit_compile).fit(dataset(X / 255.0, y), verbose=0)


def test_bad_values_in_a_traced_layer_stop_it_without_xla():
    layer = kga.GANAugmentation(GENERATOR, seed=1, num_classes=10)
    for options in ({}, {"jit_compile": True}):
        call = tf.function(lambda x, y: layer(x, y, training=True), **options)
        call(IMAGES, LABELS)
        if not options:
            with pytest.raises(tf.errors.InvalidArgumentError, match=r"`labels` must be class indices from 0 to 9"):
                call(IMAGES, LABELS + 10)


def test_suspicious_images_are_warned_about():
    for call in (
        lambda: compiled.__wrapped__().fit(X / 255.0, Y, verbose=0),
        lambda: augmented.__wrapped__(True).fit(X, Y, verbose=0),
        lambda: augmented.__wrapped__(False).fit(dataset(X, Y), verbose=0),
        lambda: augmented.__wrapped__(False).fit(X / 255.0 / 255.0, Y, verbose=0),
        lambda: augment(IMAGES + 255, LABELS),
    ):
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "The images span")  # and nothing is trained
            with pytest.raises(UserWarning, match=r"The images span .* `value_range`"):
                call()


def test_a_gradient_penalty_beside_batch_normalisation_is_warned_about():
    with pytest.warns(UserWarning, match="batch normalisation in the discriminator"):
        kga.GAN((8, 8, 1), 3, seed=1).compile(penalties=[kga.penalties.GradientPenalty()])


def test_another_backend_is_named_at_once(monkeypatch):
    if not hasattr(keras, "config"):
        pytest.skip("Keras 2 has one backend")
    import importlib

    from keras_ganaug import _compat

    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(ImportError, match="TensorFlow backend"):
        importlib.reload(_compat)
    monkeypatch.undo()
    importlib.reload(_compat)
