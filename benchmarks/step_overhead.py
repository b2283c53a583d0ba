"""What `gan.fit` costs over a bare `tf.function` loop that does the same arithmetic with the same networks.

    python benchmarks/step_overhead.py

Both run in turns in one process, so that a noisy machine disturbs them alike. Prints JSON with the median milliseconds from
the end of a step to that of the next in each round and the median of the rounds' ratios.
"""

import argparse
import time

import keras
import numpy as np
import tensorflow as tf
from common import write_json

import keras_ganaug as kga
from keras_ganaug import _random
from keras_ganaug.layers.spectral_normalization import power_iteration_once

SHAPE, CLASSES, LATENTS = (28, 28, 1), 10, 64


def bare_step(gan):
    """SNGAN's step, written out."""
    adams = [keras.optimizers.Adam(2e-4, 0.0, 0.9) for _ in range(2)]
    adams[0].build(gan.discriminator.trainable_variables)
    adams[1].build(gan.generator.trainable_variables)
    step = tf.Variable(0, dtype=tf.int64)
    averages = [
        (getattr(a, "_value", a), getattr(b, "_value", b)) for a, b in zip(gan.ema_generator.weights, gan.generator.weights)
    ]

    @tf.function
    def one_step(images, labels):
        real, labels = tf.cast(images, tf.float32) / 127.5 - 1.0, tf.cast(labels, tf.int32)
        for n, (network, adam) in enumerate(zip((gan.discriminator, gan.generator), adams)):
            seed = _random.fold(tf.constant([0, n]), step)
            variables = [getattr(v, "_value", v) for v in network.trainable_variables]
            with power_iteration_once(network), tf.GradientTape() as tape:
                fake = gan.generator([_random.normal([tf.shape(real)[0], LATENTS], seed), labels], training=True)
                fake_logits = gan.discriminator([fake if n else tf.stop_gradient(fake), labels], training=True)
                if n == 0:
                    real_logits = gan.discriminator([real, labels], training=True)
                    loss = tf.reduce_mean(tf.nn.relu(1 - real_logits)) + tf.reduce_mean(tf.nn.relu(1 + fake_logits))
                else:
                    loss = -tf.reduce_mean(fake_logits)
            adam.apply_gradients(zip(tape.gradient(loss, variables), network.trainable_variables))
        for average, value in averages:
            average.assign(0.999 * average + 0.001 * value)
        step.assign_add(1)
        return loss

    return one_step


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--json")
    options = parser.parse_args()
    size = options.steps * options.batch_size
    x = np.random.default_rng(0).integers(0, 256, [size, *SHAPE], "uint8")
    y = np.arange(size) % CLASSES
    gan = kga.SNGAN(SHAPE, CLASSES, latent_dim=LATENTS, seed=0)
    gan.compile()
    step = bare_step(kga.SNGAN(SHAPE, CLASSES, latent_dim=LATENTS, seed=0))
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(size).batch(options.batch_size).prefetch(2)

    class Timer(keras.callbacks.Callback):
        """The moments at which steps end."""

        def on_epoch_begin(self, epoch, logs=None):
            self.ends = []

        def on_train_batch_end(self, batch, logs=None):
            self.ends.append(time.perf_counter())

    timer = Timer()
    results = {"fit_ms": [], "bare_ms": []}
    for number in range(options.rounds + 1):  # the first round traces
        gan.fit(batches, epochs=1, verbose=0, callbacks=[timer])
        ends = []
        for batch in batches:
            step(*batch).numpy()
            ends.append(time.perf_counter())
        if number:
            for name, moments in (("fit_ms", timer.ends), ("bare_ms", ends)):
                results[name].append(round(1e3 * float(np.median(np.diff(moments))), 2))
    ratios = np.array(results["fit_ms"]) / np.array(results["bare_ms"])
    results["ratio_median"], results["ratio_min"], results["ratio_max"] = np.round(
        [np.median(ratios), ratios.min(), ratios.max()], 3
    ).tolist()
    write_json(options.json, results)
