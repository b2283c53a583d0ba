"""Uses layers, optimizers, metrics, losses and image operations of tensorflow-addons with keras_ganaug. Takes a minute.

    pip install -e ".[addons,examples]" && python examples/tensorflow_addons.py   # Python 3.10 or 3.11

Development of tensorflow-addons ended in May 2024. It runs with TensorFlow and Keras up to 2.15. If you still train with it,
you can use all of keras_ganaug. `docs/addons.md` lists the replacement for each part in Keras 3.
"""

import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# This file has the same name as the library, so Python must not search its folder for it.
sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]

import keras
import numpy as np
import tensorflow as tf

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about the end of development; keras_ganaug warns too
    import tensorflow_addons as tfa

import keras_ganaug as kga

SHAPE, CLASSES, LATENTS = (8, 8, 1), 10, 16
LAYERS = keras.layers
STEPS = 30


def generator(norm):
    """A small generator with the given normalisation layers."""
    latents, labels = LAYERS.Input((LATENTS,)), LAYERS.Input((), dtype="int32")
    x = LAYERS.Concatenate()([latents, LAYERS.Embedding(CLASSES, LATENTS)(labels)])
    x = LAYERS.Reshape((4, 4, 32))(LAYERS.Dense(4 * 4 * 32)(x))
    x = LAYERS.UpSampling2D()(LAYERS.ReLU()(norm()(x)))
    x = LAYERS.ReLU()(norm()(LAYERS.Conv2D(32, 3, padding="same")(x)))
    return keras.Model([latents, labels], LAYERS.Conv2D(1, 3, padding="same", activation="tanh")(x))


def discriminator(wrap, pool):
    """A small discriminator with wrapped convolutions and the given pooling."""
    images, labels = LAYERS.Input(SHAPE), LAYERS.Input((), dtype="int32")
    x = images
    for strides in (1, 2):
        x = LAYERS.LeakyReLU(0.1)(wrap(LAYERS.Conv2D(32, 3, strides=strides, padding="same"))(x))
    x = LAYERS.Flatten()(pool()(x))
    x = LAYERS.Concatenate()([x, LAYERS.Embedding(CLASSES, 32)(labels)])
    x = LAYERS.LeakyReLU(0.1)(LAYERS.Dense(64)(x))
    return keras.Model([images, labels], LAYERS.Dense(1)(x))


NETWORKS = {
    "SpectralNormalization, InstanceNormalization": (
        tfa.layers.InstanceNormalization,
        tfa.layers.SpectralNormalization,
        lambda: tfa.layers.AdaptiveAveragePooling2D((2, 2)),
    ),
    "WeightNormalization, AdaptiveAveragePooling2D": (
        LAYERS.BatchNormalization,
        lambda layer: tfa.layers.WeightNormalization(layer, data_init=False),
        lambda: tfa.layers.AdaptiveAveragePooling2D((2, 2)),
    ),
}
OLD = keras.optimizers.legacy  # the optimizers of tensorflow-addons wrap these
OPTIMIZERS = {
    "MovingAverage": lambda: tfa.optimizers.MovingAverage(OLD.Adam(1e-3, beta_1=0.5)),
    "LAMB": lambda: tfa.optimizers.LAMB(1e-3),
    "Lookahead": lambda: tfa.optimizers.Lookahead(OLD.Adam(1e-3, beta_1=0.5)),
    "AdamW": lambda: tfa.optimizers.AdamW(weight_decay=1e-4, learning_rate=1e-3, beta_1=0.5),
}


def train(gan, images, labels, epoch=0):
    """Trains for one short epoch."""
    options = {"batch_size": 32, "steps_per_epoch": STEPS, "initial_epoch": epoch, "epochs": epoch + 1}
    return gan.fit(images, labels, verbose=0, **options)


def saved_loaded_exported(gan, folder):
    """Returns whether the loaded model and the export give the same images as the model, and the loaded model."""
    path = os.path.join(folder, "gan.keras")
    gan.save(path)
    loaded = keras.models.load_model(path)
    labels, seed = tf.constant([0, 1, 2]), tf.constant([3, 4])
    gan.export(os.path.join(folder, "exported"))
    exported = tf.saved_model.load(os.path.join(folder, "exported"))
    ours = gan.sample(labels, seed).numpy()
    same = np.array_equal(ours, loaded.sample(labels, seed).numpy())
    return same and np.allclose(ours, exported.generate(labels, seed).numpy(), atol=1e-3), loaded


def try_gan(gan, images, labels):
    """Trains, saves, loads, exports, and continues training. Returns a row of the table."""
    start = time.time()
    loss = train(gan, images, labels).history["d_loss"][0]
    with tempfile.TemporaryDirectory() as folder:
        same, loaded = saved_loaded_exported(gan, folder)
    for model in (gan, loaded):
        train(model, images, labels, epoch=1)
    went_on = np.array_equal(gan.generate([0, 1], seed=1), loaded.generate([0, 1], seed=1))
    return f"{loss:.2f}", "yes" if same else "NO", "yes" if went_on else "NO", f"{time.time() - start:.0f} s"


def gan_rows(images, labels):
    for name, (norm, wrap, pool) in NETWORKS.items():
        networks = {"generator": generator(norm), "discriminator": discriminator(wrap, pool)}
        gan = kga.GAN(SHAPE, CLASSES, seed=1, **networks)
        gan.compile()
        yield f"layers {name}", *try_gan(gan, images, labels)
    for name, optimizer in OPTIMIZERS.items():
        gan = kga.SNGAN(SHAPE, CLASSES, latent_dim=LATENTS, seed=1)
        gan.compile(optimizer(), optimizer())
        yield f"optimizer {name}", *try_gan(gan, images, labels)


def classifier_row(gan, images, labels):
    """A classifier augmented in its training step, with a loss, metrics and an optimizer of tensorflow-addons."""
    start = time.time()
    layers = [LAYERS.Input(SHAPE), LAYERS.Rescaling(1 / 255), LAYERS.Flatten(), LAYERS.Dense(CLASSES, "softmax")]
    model = kga.AugmentedModel(keras.Sequential(layers), kga.GANAugmentation(gan, fraction=0.25, seed=1))
    metrics = [tfa.metrics.F1Score(CLASSES, average="macro"), tfa.metrics.CohenKappa(CLASSES, sparse_labels=False)]
    model.compile(tfa.optimizers.LAMB(1e-2), tfa.losses.SigmoidFocalCrossEntropy(), metrics=metrics)
    history = model.fit(images, np.eye(CLASSES, dtype="float32")[labels], batch_size=32, epochs=3, verbose=0).history
    f1, kappa = history["f1_score"][-1], history["cohen_kappa"][-1]
    return f"AugmentedModel: F1Score {f1:.2f}, CohenKappa {kappa:.2f}, {time.time() - start:.0f} s"


def pipeline_row(gan, images, labels):
    """Image operations after `gan_augment` in one map."""
    gan_augment = kga.gan_augment(gan, fraction=0.25, bank_size=160, seed=1)

    def augment(images, labels):
        images, labels = gan_augment(images, labels)
        images = tfa.image.rotate(tf.cast(images, tf.float32), 0.2, interpolation="bilinear")
        return tfa.image.gaussian_filter2d(images, (3, 3), 0.5), labels

    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(32, drop_remainder=True).map(augment)
    batches = [(x.shape, y.shape) for x, y in data]
    return f"dataset.map: gan_augment, rotate and gaussian_filter2d on {len(batches)} batches of {tuple(batches[0][0])}"


def main():
    train_set, _ = kga.datasets.load("digits")
    images, labels = kga.datasets.to_arrays(train_set)
    print(f"{'with tensorflow-addons':<55}{'d_loss':>8}{'loads and exports':>19}{'resumes alike':>17}{'':>6}")
    for name, loss, same, went_on, seconds in gan_rows(images, labels):
        print(f"{name:<55}{loss:>8}{same:>19}{went_on:>17}{seconds:>6}", flush=True)
    gan = kga.SNGAN(SHAPE, CLASSES, latent_dim=LATENTS, seed=1)
    print(classifier_row(gan, images, labels))
    print(pipeline_row(gan, images, labels))


if __name__ == "__main__":
    main()
