"""The whole road on scikit-learn's digits, in a few minutes on two CPU cores and without a download.

    pip install -e ".[examples]" && python examples/quickstart.py

Half of the digits are made rare. A GAN learns from that training set alone, its samples augment a classifier, and a table
says on the untouched, balanced test set whether that helped. Along the way the generator is exported and used again with
TensorFlow alone.
"""

import os
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from common import compare, draw_rows, table

import keras_ganaug as kga

SEEDS = (0, 1, 2)
RARE = np.arange(5, 10)  # the digits with 10 images each
GAN_EPOCHS, STEPS_PER_EPOCH, CLASSIFIER_STEPS = 8, 200, 500
ROWS = 8  # images of each class in the picture

ALONE = """
import tensorflow as tf
generator = tf.saved_model.load("quickstart_generator")
labels = tf.data.Dataset.range(10).map(lambda label: tf.cast(label, tf.int32)).batch(5)
images = labels.map(lambda label: generator.generate(label, [1, 2]))
print("With TensorFlow alone, over a dataset:", [tuple(batch.shape) for batch in images])
"""


def train_gan(train, seed):
    """A GAN that has seen the training set, rare classes as often as the others."""
    gan = kga.SNGAN(image_shape=(8, 8, 1), num_classes=10, latent_dim=32, seed=seed)
    # A short training: higher rates than the paper's, chosen on training images that the rare classes do without.
    gan.compile(keras.optimizers.Adam(6e-4, 0.0, 0.9), keras.optimizers.Adam(1.2e-3, 0.0, 0.9))
    gan.fit(train.batch(64), epochs=GAN_EPOCHS, steps_per_epoch=STEPS_PER_EPOCH, class_balanced=True)
    return gan


def main():
    start = time.time()
    train, test = kga.datasets.load("digits")
    counts = kga.datasets.class_histogram(train)
    counts[RARE] = 10
    train = kga.datasets.take_per_class(train, counts)
    print("Training images of each digit:")
    print(kga.datasets.format_histogram(kga.datasets.class_histogram(train)))

    gans = {}
    for seed in SEEDS:
        print(f"\nTraining SNGAN, seed {seed}")
        gans[seed] = train_gan(train, seed)

    images, labels = kga.datasets.to_arrays(train)
    synthetic = gans[SEEDS[0]].generate(np.repeat(np.arange(10), ROWS), seed=1).reshape(10, ROWS, 8, 8, 1)
    draw_rows("quickstart.png", [images[labels == c][:ROWS] for c in range(10)], synthetic, train.class_names)
    print("\nReal and synthetic digits: quickstart.png")

    gans[SEEDS[0]].export("quickstart_generator")
    print("The generator as a SavedModel: quickstart_generator", flush=True)
    subprocess.run([sys.executable, "-c", ALONE], check=True)

    print(f"\nTraining classifiers, {CLASSIFIER_STEPS} steps each")
    results = compare(
        train,
        test,
        RARE,
        lambda seed: kga.gan_augment(gans[seed], fraction=0.25, seed=seed),
        CLASSIFIER_STEPS,
        SEEDS,
    )
    print(f"\nTest set: 50 images of each digit; mean ± standard deviation of {len(SEEDS)} seeds (GAN and classifier)\n")
    print(table(results))
    print(f"\n{(time.time() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()  # or threads add up in another order each time, and the table differs
    main()
