"""Code that the examples share: training of a small classifier, the table, and the picture."""

import keras
import numpy as np
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug.metrics.classifier import endless_batches, train_classifier_on
from keras_ganaug.study import statistics


def train_classifier(data, steps, num_classes, seed=0):
    """Trains a classifier for a number of steps, with the learning rate decaying to 0 along a cosine.

    Args:
        data: Batched, infinite `tf.data.Dataset` of (images, labels), with images from 0 to 255.
        steps: Number of batches.
        num_classes: Number of classes.
        seed: Seed for weights and dropout. Defaults to 0.
    """
    keras.utils.set_random_seed(seed)
    model = kga.networks.classifier.classifier(tuple(data.element_spec[0].shape[1:]), num_classes)
    return train_classifier_on(data.prefetch(2), model, steps)


def recalls(model, dataset, num_classes):
    """The recall of each class. The mean of these is the balanced accuracy."""
    batches = [(model(x, training=False), y) for x, y in dataset.batch(512)]  # Keras would trace `predict` for each model
    labels = np.concatenate([y for _, y in batches])
    named = np.concatenate([logits for logits, _ in batches]).argmax(1)
    return np.array([(named[labels == c] == c).mean() for c in range(num_classes)])


def compare(train, test, rare, make_gan_augment, steps, seeds, batch_size=64):
    """Trains the same classifier on the data as they are, with oversampling, and with oversampling plus the GAN.

    Args:
        train, test: Unbatched datasets of (image, label), with `class_names`.
        rare: Indices of the rare classes.
        make_gan_augment: Function from a seed to a function for `dataset.map`.
        steps: Training steps of each classifier.
        seeds: Seeds; all arms run once for each.
        batch_size: Rows of a batch. Defaults to 64.

    Returns a dict from arm to an array (seeds, 2) of balanced accuracy and mean recall of the rare classes, in per cent.
    """
    num_classes = len(test.class_names)
    results = {"nothing": [], "oversampling": [], "oversampling + GAN": []}
    for seed in seeds:
        oversampled = endless_batches(kga.datasets.oversample(train, seed), seed, batch_size)
        arms = {
            "nothing": endless_batches(train, seed, batch_size),
            "oversampling": oversampled,
            "oversampling + GAN": oversampled.map(make_gan_augment(seed), num_parallel_calls=tf.data.AUTOTUNE),
        }
        for arm, data in arms.items():
            recall = recalls(train_classifier(data, steps, num_classes, seed), test, num_classes)
            results[arm].append([100 * recall.mean(), 100 * recall[rare].mean()])
            print(f"  seed {seed}, {arm}: balanced accuracy {results[arm][-1][0]:.1f}", flush=True)
    return {arm: np.array(values) for arm, values in results.items()}


def table(results):
    """The results as text: mean and standard deviation over the seeds."""
    lines = [f"{'training with':<22}{'balanced accuracy':>20}{'rare classes':>18}"]
    for arm, values in results.items():
        mean, spread = values.mean(0), values.std(0, ddof=1) if len(values) > 1 else values.std(0)
        cells = [f"{m:.1f} ± {s:.1f}" for m, s in zip(mean, spread, strict=True)]
        lines.append(f"{arm:<22}{cells[0]:>20}{cells[1]:>18}")
    gains = (results["oversampling + GAN"][:, 0] - results["oversampling"][:, 0]) / 100  # seed by seed
    interval = statistics.paired_interval(gains)
    clear = interval is not None and interval[0] * interval[1] > 0
    verdict = "no clear difference" if not clear else "the GAN helped" if interval[0] > 0 else "the GAN did harm"
    lines.append(
        f"With the GAN on top of oversampling: {100 * gains.mean():+.1f} points of balanced accuracy "
        f"({statistics.in_words(interval)}), {verdict}."
    )
    return "\n".join(lines)


def draw_rows(path, real, synthetic, class_names):
    """Draws real images on the left and synthetic ones on the right, one row per class.

    Args:
        path: PNG file.
        real, synthetic: Images by class: (num_classes, columns, height, width, channels), 0 to 255.
    """
    kga.plots.image_grid({"real": real, "synthetic": synthetic}, class_names).save(path)
