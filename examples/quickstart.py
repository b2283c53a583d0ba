"""When a GAN helps and when not, on scikit-learn's digits. Takes minutes on two CPU cores and downloads no data.

    pip install -e ".[examples]" && python examples/quickstart.py

1. Classes whose images are gone. A classifier has learned the digits 0 to 4, and now learns 5 to 9 without images of the
   first five. Without a replacement for these images it forgets the old digits. A generator trained on them, exported as a
   SavedModel, prevents this. So does a mixture of Gaussians, which is as good at 8 × 8 pixels.
2. Rare classes. Five digits have 10 images each, and the GAN learns from the same images as the classifier. It then knows
   nothing that the batches lack, and changes little or nothing.
"""

import os
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import replay
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
labels = tf.data.Dataset.range(5).map(lambda label: tf.cast(label, tf.int32)).batch(5)
images = labels.map(lambda label: generator.generate(label, [1, 2]))
print("With TensorFlow alone, over a dataset:", [tuple(batch.shape) for batch in images])
"""


def train_gan(train, seed):
    """Trains a GAN that sees rare classes as often as the others."""
    gan = kga.SNGAN(image_shape=(8, 8, 1), num_classes=10, latent_dim=32, seed=seed)
    # For a short training, learning rates above the paper's. They were chosen on training images that the rare classes omit.
    gan.compile(keras.optimizers.Adam(6e-4, 0.0, 0.9), keras.optimizers.Adam(1.2e-3, 0.0, 0.9))
    gan.fit(train.batch(64), epochs=GAN_EPOCHS, steps_per_epoch=STEPS_PER_EPOCH, class_balanced=True, verbose=0)
    return gan


def old_classes():
    """The first part: a generator replaces images that are gone."""
    print("1. Five digits whose images are gone\n")
    arms = ("fine-tuning alone", "a mixture of Gaussians per class", "the generator", "all images")
    folder = "quickstart_generator"
    curves, *left = replay.run(SEEDS[0], folder, only=arms)
    print(f"\n{replay.table([(curves, *left)])}\n\nAccuracy in %, 50 test images of each digit.")
    print(replay.what_left(folder, *left), flush=True)
    subprocess.run([sys.executable, "-c", ALONE], check=True)


def rare_classes():
    """The second part: a GAN that has seen the same images as the classifier."""
    print("\n2. Five digits with ten images each\n")
    train, test = kga.datasets.load("digits")
    counts = kga.datasets.class_histogram(train)
    counts[RARE] = 10
    train = kga.datasets.take_per_class(train, counts)
    print(f"{kga.datasets.format_histogram(kga.datasets.class_histogram(train))}\n")

    gans = {}
    for seed in SEEDS:
        print(f"Training SNGAN, seed {seed}", flush=True)
        gans[seed] = train_gan(train, seed)

    images, labels = kga.datasets.to_arrays(train)
    synthetic = gans[SEEDS[0]].generate(np.repeat(np.arange(10), ROWS), seed=1).reshape(10, ROWS, 8, 8, 1)
    draw_rows("quickstart.png", [images[labels == c][:ROWS] for c in range(10)], synthetic, train.class_names)
    print("\nReal and synthetic digits: quickstart.png")

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


def main():
    start = time.time()
    old_classes()
    rare_classes()
    print(f"\n{(time.time() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()  # otherwise thread order changes sums, and the table, in each run
    main()
