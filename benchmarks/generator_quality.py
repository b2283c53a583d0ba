"""Measures an exported generator by classifiers and by its diversity.

    python benchmarks/generator_quality.py saved_models/fashion_mnist --dataset fashion_mnist

- gan_test: how often a classifier trained on the real training images classifies a sample as the class asked for;
- cas (classification accuracy score): how well a classifier trained on samples alone does on the real test images;
- diversity: mean distance between two samples of a class, relative to that of two real images;
- memorization, membership_inference: are samples copies of training images, also of those shifted by a pixel, and do
  samples tell which images were trained on? Test images are what the generator has not seen.

Prints JSON; `--json FILE` writes it too, `--picture FILE` draws real and synthetic rows.
"""

import argparse

import numpy as np
import tensorflow as tf
from common import (
    accuracy,
    as_pixels,
    draw_rows,
    train_on_arrays,
    write_json,
)

import keras_ganaug as kga


def sample(generator, labels, seed, chunk=500):
    """Images for the labels, chunk by chunk, each with a seed of its own."""
    parts = [
        generator.generate(
            tf.constant(labels[start : start + chunk], tf.int32), tf.constant([seed, start], tf.int32)
        ).numpy()
        for start in range(0, len(labels), chunk)
    ]
    return as_pixels(np.concatenate(parts))


def measure(generator, dataset, num_samples, steps, seeds, picture=None):
    """All metrics of one generator, as a dict of lists over the classifiers' seeds."""
    train, test = kga.datasets.load(dataset)
    class_names = train.class_names
    x, y = kga.datasets.to_arrays(train)
    x_test, y_test = kga.datasets.to_arrays(test)
    num_classes = len(class_names)
    labels = np.arange(num_samples) % num_classes
    samples = sample(generator, labels, seed=0)
    results = {"samples": num_samples, "steps": steps, "seeds": list(seeds)}
    for name in ("real", "gan_test", "cas"):
        results[name] = []
    recalls = []
    for seed in seeds:
        on_real = train_on_arrays(x, y, steps, seed=seed)
        results["real"].append(accuracy(on_real, x_test, y_test))
        results["gan_test"].append(accuracy(on_real, samples, labels))
        recalls.append([accuracy(on_real, samples[labels == c], c) for c in range(num_classes)])
        on_samples = train_on_arrays(samples, labels, steps, seed=seed)
        results["cas"].append(accuracy(on_samples, x_test, y_test))
    results["gan_test_by_class"] = dict(zip(class_names, np.mean(recalls, 0).round(3).tolist(), strict=True))
    real, synthetic = (kga.metrics.within_class_diversity(*pair, num_classes) for pair in ((x, y), (samples, labels)))
    results["diversity"] = dict(zip(class_names, (synthetic / real).round(3).tolist(), strict=True))
    if picture:
        by_class = [[images[of == c][:8] for c in range(num_classes)] for images, of in ((x, y), (samples, labels))]
        draw_rows(picture, *by_class, class_names)
    return results


def privacy(generator, dataset, num_samples=5000, seed=0):
    """What samples tell about the training images: the two tests of `metrics`, on pixels, for shifts of up to one pixel."""
    parts = kga.datasets.load(dataset)
    training, unseen = (kga.datasets.to_arrays(part)[0].astype("float32") / 255 for part in parts)
    rng = np.random.default_rng(seed)
    training, unseen = (images[rng.permutation(len(images))[:num_samples]] for images in (training, unseen))
    labels = np.arange(num_samples) % len(parts[0].class_names)
    fake = sample(generator, labels, seed=1).astype("float32") / 255
    images = {"training": training, "held_out": unseen, "fake": fake}
    return {
        "memorization": kga.metrics.memorization(**images, shift=1),
        "membership_inference": kga.metrics.membership_inference(**images, shift=1),
        "compared": {name: len(of) for name, of in images.items()},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="a SavedModel that `gan.export` wrote")
    parser.add_argument("--dataset", required=True, help='"digits" or "fashion_mnist"')
    parser.add_argument("--samples", type=int, default=30000)
    parser.add_argument("--steps", type=int, default=1500, help="training steps of each classifier")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json")
    parser.add_argument("--picture")
    options = parser.parse_args()
    generator = tf.saved_model.load(options.path)
    quality = measure(generator, options.dataset, options.samples, options.steps, options.seeds, options.picture)
    write_json(
        options.json,
        {**quality, **privacy(generator, options.dataset)},
    )
