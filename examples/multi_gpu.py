"""Trains a GAN and a classifier on all GPUs of this machine, or on a CPU split into two devices if it has none.

    pip install -e ".[examples]" && python examples/multi_gpu.py    # two minutes on two CPU cores

`MirroredStrategy` gives each device a copy of the networks, called a replica, and a share of each batch. The script trains a
GAN and then an `AugmentedModel`, which generates its synthetic rows separately on each device. At the end it compares the
weights of the replicas: all must be equal, to the last bit. `multi_gpu.png` shows samples of the GAN.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import keras_ganaug as kga


def strategy():
    """A strategy for all GPUs, or for two logical CPU devices if there is no GPU."""
    gpus = tf.config.list_logical_devices("GPU")
    return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus] if gpus else ["CPU:0", "CPU:1"])


def split_cpu():
    """Splits the CPU into two devices. TensorFlow allows this only before it first uses a device."""
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], halves)


def values_of(variable, strategy):
    """The value of a variable on each replica."""
    variable = variable if isinstance(variable, tf.Variable) else variable.value  # Keras 2, Keras 3
    return [value.numpy() for value in strategy.experimental_local_results(variable)]


def compare_replicas(name, model, strategy):
    """Prints and returns whether all weights are equal on all replicas."""
    values = [values_of(weight, strategy) for weight in model.weights]
    equal = sum(all(np.array_equal(each, copies[0]) for each in copies) for copies in values)
    print(f"{name}: {equal} of {len(values)} weights are equal on {len(values[0])} replica(s)")
    return equal == len(values)


def classifier():
    """A small classifier. Without `synchronized=True`, each replica has separate batch normalisation statistics."""
    layers = keras.layers
    parts = [keras.Input((8, 8, 1)), layers.Rescaling(1 / 255)]
    for width in (32, 64):
        parts += [layers.Conv2D(width, 3, use_bias=False), layers.BatchNormalization(momentum=0.9, synchronized=True)]
        parts += [layers.ReLU()]
    return keras.Sequential([*parts, layers.GlobalAveragePooling2D(), layers.Dense(10)])


def train(strategy, steps, batch_size):
    """Trains both on the digits. Returns both, and the accuracy of the classifier."""
    data, test = kga.datasets.load("digits")
    batches = data.shuffle(len(data), seed=0).repeat().batch(batch_size, drop_remainder=True)
    with strategy.scope():  # create everything with weights here
        gan = kga.SNGAN(image_shape=(8, 8, 1), num_classes=10, latent_dim=32, seed=0)
        gan.compile(keras.optimizers.Adam(6e-4, 0.0, 0.9), keras.optimizers.Adam(1.2e-3, 0.0, 0.9))
        augmented = kga.AugmentedModel(classifier(), kga.GANAugmentation(gan, fraction=0.25, seed=0))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        augmented.compile("adam", loss, metrics=["accuracy"])
    print(f"The GAN trains for {steps} steps, the classifier for {max(steps // 3, 1)}", flush=True)
    gan.fit(batches, steps=steps, verbose=0)
    augmented.fit(batches, steps_per_epoch=max(steps // 3, 1), shuffle=False, verbose=0)
    return gan, augmented, augmented.evaluate(test.batch(100), verbose=0)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=600, help="steps of the GAN (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="rows on all devices together (default: %(default)s)")
    options = parser.parse_args()
    if not tf.config.list_physical_devices("GPU"):
        split_cpu()
    mirrored = strategy()
    print(f"{mirrored.num_replicas_in_sync} replica(s): {', '.join(mirrored.extended.worker_devices)}")
    gan, augmented, accuracy = train(mirrored, options.steps, options.batch_size)
    same = [compare_replicas(name, model, mirrored) for name, model in (("GAN", gan), ("AugmentedModel", augmented))]
    samples = gan.generate(np.repeat(np.arange(10), 8), seed=1).reshape(10, 8, 8, 8, 1)
    kga.plots.image_grid({"": samples}, [*map(str, range(10))]).save("multi_gpu.png")
    print(f"Accuracy of the classifier on test images: {accuracy:.1%}. Samples of the GAN: multi_gpu.png")
    return 0 if all(same) else "The replicas differ"


if __name__ == "__main__":
    raise SystemExit(main())
