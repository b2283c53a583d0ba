"""Trains SNGAN on an imbalanced Fashion-MNIST, and a classifier augmented with its samples.

    python examples/fashion_mnist.py                # about 15 minutes on two CPU cores
    python examples/fashion_mnist.py --steps 6000   # a better GAN

Five classes have 500 images each, and five have 20. The GAN sees only this training set.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from common import compare, draw_rows, table

import keras_ganaug as kga

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000, help="training steps of the GAN")
    parser.add_argument("--classifier-steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds of subset and classifier")
    parser.add_argument("--fraction", type=float, default=0.25)
    options = parser.parse_args()

    full, test = kga.datasets.load("fashion_mnist")
    rare = np.arange(5, 10)
    train = kga.datasets.take_per_class(full, [500] * 5 + [20] * 5, seed=options.seeds[0])
    print(kga.datasets.format_histogram(dict(zip(test.class_names, kga.datasets.class_histogram(train), strict=True))))

    gan = kga.SNGAN(image_shape=(28, 28, 1), num_classes=10, latent_dim=64, seed=options.seeds[0])
    gan.compile(
        augment=kga.DiffAugment("translation,cutout"),
        penalties=[kga.penalties.MismatchedLabels(num_classes=10, weight=0.4)],
    )
    epochs = max(options.steps // 250, 1)
    gan.fit(train.batch(64), epochs=epochs, steps_per_epoch=options.steps // epochs, class_balanced=True)

    synthetic = gan.generate(np.repeat(np.arange(10), 8), seed=1).reshape(10, 8, 28, 28, 1)
    images, labels = kga.datasets.to_arrays(train)
    draw_rows("fashion_mnist.png", [images[labels == c][:8] for c in range(10)], synthetic, test.class_names)
    print("Real and synthetic images: fashion_mnist.png")

    results = compare(
        train,
        test,
        rare,
        lambda seed: kga.gan_augment(gan, fraction=options.fraction, seed=seed),
        options.classifier_steps,
        options.seeds,
    )
    print(f"\nBalanced test set of 10,000 images; one GAN, {len(options.seeds)} classifier seeds\n")
    print(table(results))
