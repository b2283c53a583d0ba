"""What the tests of several replicas and of several processes train, and the program of one of these processes."""

import contextlib
import json
import os
import signal
import sys
from pathlib import Path

SHAPE = (4, 4, 1)


def cases():
    """The class, the arguments and the settings of each GAN, such that errors of rounding stay small."""
    import keras

    import keras_ganaug as kga
    from keras_ganaug import penalties

    def augment():
        return kga.AdaptiveAugment("flip,color", kimg=0.1, initial_probability=0.5)

    def diverse():  # penalties of the whole batch
        return [penalties.ModeSeeking(0.1, interval=2), penalties.ClassDiversity(), penalties.LeCam(interval=2)]

    def of_styles():
        return [penalties.R1(interval=2), penalties.PathLength(interval=2), penalties.HistoricalAveraging(0.01)]

    sgd = {"g_optimizer": "sgd", "d_optimizer": "sgd"}  # Adam without momentum makes steps of rounding errors
    return {
        "GAN": (kga.GAN, {}, lambda: {"penalties": diverse()}),
        "WGAN": (kga.WGAN, {}, dict),
        "WGANGP": (kga.WGANGP, {}, dict),
        "LSGAN": (kga.LSGAN, {}, dict),
        "CGAN": (kga.CGAN, {}, dict),
        "ACGAN": (kga.ACGAN, {}, dict),
        "TACGAN": (kga.TACGAN, {}, dict),
        "BEGAN": (kga.BEGAN, {"patience": 1}, dict),
        "ProgressiveGAN": (kga.ProgressiveGAN, {"fade_images": 20, "stable_images": 8}, dict),
        "StyleGAN": (kga.StyleGAN, {}, lambda: {"penalties": of_styles(), **sgd}),
        "SNGAN": (kga.SNGAN, {}, lambda: {"penalties": [penalties.MismatchedLabels(3)], "augment": augment()}),
        "SAGAN": (kga.SAGAN, {}, lambda: {"augment": kga.DiffAugment()}),
        "R3GAN": (kga.R3GAN, {}, lambda: sgd),
        "ReACGAN": (kga.ReACGAN, {}, dict),
        "StarGAN": (kga.StarGAN, {}, lambda: {f"{player}_optimizer": keras.optimizers.SGD(1e-4) for player in "gd"}),
    }


def gan_of(name, shape=SHAPE):
    cls, options, settings = cases()[name]
    gan = cls(shape, 3, latent_dim=3, width=2, seed=1, **options)
    gan.compile(**settings())
    return gan


def train(name, scope=None, callbacks=None):
    """Trains a GAN. Returns it and its losses."""
    from tools import small_data

    with scope or contextlib.nullcontext():
        gan = gan_of(name)
    history = gan.fit(*small_data(16, SHAPE), batch_size=8, epochs=3, verbose=0, callbacks=callbacks).history
    return gan, history


def images_of(gan):
    """Three samples of a GAN, or three translations."""
    from tools import small_data

    if hasattr(gan, "translate"):
        return gan.translate(small_data(3, SHAPE)[0], [0, 1, 2], seed=1)
    return gan.generate([0, 1, 2], seed=1)


def state_of(model):
    """All weights of a model and its optimizers, as NumPy arrays."""
    import keras

    from keras_ganaug import _compat

    optimizers = [each for each in vars(model).values() if isinstance(each, keras.optimizers.Optimizer)]
    weights = [*model.weights, *(weight for each in optimizers for weight in each.variables)]
    return [_compat.tf_variable(weight).numpy() for weight in weights]


def classify(scope=None):
    """Trains an `AugmentedModel` that draws its rows in each replica. Returns it, its losses and its predictions."""
    import keras
    import numpy as np
    from tools import small_data, small_gan

    import keras_ganaug as kga

    x, y = small_data(16, SHAPE)
    with scope or contextlib.nullcontext():
        model = kga.networks.classifier.classifier(SHAPE, 3, width=2, seed=1)
        drawn = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
        for layer in drawn:
            layer.rate = 0.0
        augmented = kga.AugmentedModel(model, kga.GANAugmentation(small_gan(SHAPE), fraction=0.5, seed=3))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        augmented.compile(keras.optimizers.SGD(0.01), loss, metrics=["accuracy"])
    fit = {"validation_data": (x, y), "class_weight": {0: 1.0, 1: 2.0, 2: 0.5}, "shuffle": False, "verbose": 0}
    history = augmented.fit(x, y, batch_size=8, epochs=2, **fit).history
    history["evaluated"] = augmented.evaluate(x, y, batch_size=8, verbose=0)
    return augmented, history, np.asarray(augmented.predict(x, batch_size=8, verbose=0))


def mapped(scope=None):
    """Trains an `AugmentedModel` whose synthetic rows come from the map. Returns it and its losses."""
    import keras
    import tensorflow as tf
    from tools import small_data, small_gan

    import keras_ganaug as kga

    gan = small_gan(SHAPE)
    augment = kga.gan_augment(gan, fraction=0.5, seed=1)
    data = tf.data.Dataset.from_tensor_slices(small_data(16, SHAPE)).batch(8).map(augment)
    with scope or contextlib.nullcontext():
        dense = keras.layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(1))
        model = keras.Sequential([keras.Input(SHAPE), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), dense])
        augmented = kga.AugmentedModel(model, kga.GANAugmentation(small_gan(SHAPE), fraction=0.0))
        augmented.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return augmented, augmented.fit(data, epochs=2, verbose=0).history


def backed_up(scope, killed):
    """Trains a GAN with a backup of each step. The process ends itself in the middle of the second epoch if `killed`."""
    import keras

    import keras_ganaug as kga

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_begin(self, batch, logs=None):
            if (self.epoch, batch) == (1, 1):
                os.kill(os.getpid(), signal.SIGKILL)

    backup = kga.callbacks.Backup("backup", every=1)
    return train("GAN", scope, callbacks=[backup, *([Kill()] if killed else [])])


def decided(scope, index):
    """Trains a GAN whose workers disagree: on how good its samples are, and on when to stop."""
    import keras
    import numpy as np

    import keras_ganaug as kga

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = index == 0  # in the first epoch, before its last step

    values = iter([(3.0, 1.0), (2.0, 5.0), (1.0, 9.0)])
    best = kga.callbacks.KeepBest(lambda gan: next(values)[index], path="best")
    with scope:
        gan = gan_of("GAN")
        try:
            kga.fit_for(np.zeros([20, *SHAPE], "uint8"), minutes=0.1)
        except ValueError as error:
            refused = str(error)
    from tools import small_data

    fit = {"batch_size": 4, "epochs": 3, "verbose": 0}
    logs = gan.fit(*small_data(16, SHAPE), callbacks=[best, kga.callbacks.TensorBoard("logs")], **fit).history
    epochs = len(gan.fit(*small_data(16, SHAPE), callbacks=[Stop()], **fit).history["d_loss"])
    told = {"best": best.best, "best_epoch": best.best_epoch, "values": logs["metric"], "epochs": epochs, "refused": refused}
    return gan, told


def main(index, hosts, *names):
    """One worker, in a folder that it shares with the others: trains what is named and writes what it has in the end."""
    cluster = {"cluster": {"worker": hosts.split(",")}, "task": {"type": "worker", "index": int(index)}}
    os.environ |= {"TF_CONFIG": json.dumps(cluster), "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
    sys.path[:0] = map(str, Path(__file__).parents[1:3])
    import numpy as np
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    results, told = {}, {}
    for name in names:
        if name == "classifier":
            model, told[name], results["predicted"] = classify(strategy.scope())
            model.export("classifier")
        elif name == "mapped":
            model, told[name] = mapped(strategy.scope())
        elif name == "decided":
            model, told[name] = decided(strategy.scope(), int(index))
        elif name in ("killed", "resumed"):
            model, told[name] = backed_up(strategy.scope(), name == "killed" and index == "1")
        else:
            model, told[name] = train(name, strategy.scope())
            results[f"{name} images"] = images_of(model)
            model.export(name)
        model.save(f"{name}.keras")
        results |= {f"{name} {n}": value for n, value in enumerate(state_of(model))}
        np.savez(f"{index}.npz", **results)
        Path(f"{index}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
