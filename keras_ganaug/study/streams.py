"""The batches of a training: which images, of which classes, how often, and with which transforms."""

import numpy as np
import tensorflow as tf

from keras_ganaug import _pipelines, _random
from keras_ganaug.augmentation import gan_augment
from keras_ganaug.conditions.weights import class_weights
from keras_ganaug.study import losses
from keras_ganaug.study.transforms import as_transform


def _rounds(rng, rows, count):
    """The first `count` rows of a series of random orders."""
    return np.concatenate([rng.permutation(rows) for _ in range(-(-count // len(rows)))])[:count]


def order_of_images(labels, num_classes, sampling, steps, batch_size, seed):
    """The image at each place of a training: int array (steps, batch_size).

    "natural" repeats random orders of all images. Otherwise the classes alternate, each with random orders of its own
    images. With "groups", `labels` are cells and `num_classes` is their number.
    """
    rng, total = np.random.default_rng([seed, 17]), steps * batch_size
    if sampling == "natural":
        return _rounds(rng, np.arange(len(labels)), total).reshape(steps, batch_size)
    present = [rows for rows in (np.flatnonzero(labels == c) for c in range(num_classes)) if len(rows)]
    turns = np.stack([_rounds(rng, rows, -(-total // len(present))) for rows in present], 1)
    return rng.permuted(turns, axis=1).reshape(-1)[:total].reshape(steps, batch_size)


def order_by_frequency(labels, frequencies, steps, batch_size, seed):
    """Like `order_of_images`, with the class frequencies `frequencies` and random orders within each class."""
    rng = np.random.default_rng([seed, 19])
    classes = rng.choice(len(frequencies), steps * batch_size, p=frequencies)
    order = np.empty(len(classes), int)
    for c in np.unique(classes):
        order[classes == c] = _rounds(rng, np.flatnonzero(labels == c), (classes == c).sum())
    return order.reshape(steps, batch_size)


def prior_of(cells, num_classes, sampling, styles=1):
    """The frequency of each class among the real images of a stream. For `cells` and `styles` see `make_stream`."""
    counts = np.bincount(cells, minlength=num_classes * styles).reshape(num_classes, styles)
    counts = (counts > 0).sum(1) if sampling == "groups" else counts.sum(1)
    if sampling == "balanced":
        counts = (counts > 0).astype(float)
    return counts / counts.sum()


def fill_up(prior, fraction):
    """Frequencies q of synthetic rows that make (1 - f) p + f q as uniform as the fraction f allows.

    This raises the rarest classes to a common level (water-filling).
    """
    base = (1.0 - fraction) * np.asarray(prior, np.float64)
    if fraction == 0:
        return np.full(len(base), 1 / len(base))
    order = np.sort(base)
    for n in range(1, len(base) + 1):  # raise the n rarest to one level
        level = (fraction + order[:n].sum()) / n
        if n == len(base) or level <= order[n]:
            break
    return np.maximum(level - base, 0.0) / fraction


def filled(synthetic, prior):
    """Replaces "fill" in a `Synthetic` by class weights."""
    if isinstance(synthetic.strategy, str) and synthetic.strategy == "fill":
        return synthetic._replace(strategy=fill_up(prior, synthetic.fraction).tolist())
    return synthetic


def frequencies_of(synthetic, prior):
    """The frequency of each class among the synthetic rows. For "keep" it is `prior` itself."""
    weights = class_weights(synthetic.strategy, len(prior))
    if weights is not None:
        return np.array(weights, np.float64)
    return prior if synthetic.strategy == "keep" else fill_up(prior, synthetic.fraction)


def make_stream(arm, images, cells, num_classes, generator, steps, batch_size, value_range, seed, styles=1):
    """The batches of a training under one arm, and the frequency of each class in them.

    Args:
        arm: The `Arm`.
        images: Array.
        cells: The cell of each image, int (n,). The cell of class c and style s, is `c * styles + s`.
        num_classes, generator, steps, batch_size, value_range, seed: Settings of the training.
        styles: Number of styles. Defaults to 1: cells are classes.

    Returns `(dataset, prior)`. The dataset has float32 images, one-hot labels and sample weights. If the loss needs groups,
    labels have their numbers (see `frequencies_of_groups`) as a last column.
    """
    real_labels = np.asarray(cells, np.int32) // styles
    groups = (cells, num_classes * styles) if arm.sampling == "groups" else (real_labels, num_classes)
    order = order_of_images(*groups, arm.sampling, steps, batch_size, seed)
    prior = prior_of(cells, num_classes, arm.sampling, styles)
    images, labels = tf.constant(images), tf.constant(real_labels)
    styles_of_images = tf.constant(np.asarray(cells, np.int32) % styles)

    def gather(rows):
        one_hot = tf.one_hot(tf.gather(labels, rows), num_classes)
        style = (tf.gather(styles_of_images, rows),) if arm.carries_groups else ()
        return tf.gather(images, rows), one_hot, tf.ones([batch_size]), *style

    def batches(rows):
        return tf.data.Dataset.from_tensor_slices(rows).map(gather, num_parallel_calls=tf.data.AUTOTUNE)

    if arm.kind == "none":
        data = batches(order)
    else:
        synthetic = filled(arm.synthetic, prior)
        if generator.translates:  # a translation keeps the class of its image, whatever is requested
            synthetic = synthetic._replace(strategy="keep")
        with_synthetic = steps - round(synthetic.real_only_end * steps)
        augment = gan_augment(
            generator,
            synthetic.fraction,
            sampling_strategy=synthetic.strategy,
            synthetic_weight=synthetic.weight,
            value_range=value_range,
            truncation=synthetic.truncation,
            engine="live" if generator.translates else "bank",
            bank_size=synthetic.bank_size,
            seed=seed,
        )

        def augmented(images, labels, weights, *style):
            batch = augment({"images": images, "labels": labels, "sample_weight": weights})
            if not generator.translates:  # samples form a style of their own; translations keep that of their image
                style = [tf.where(batch["is_synthetic"], styles, each) for each in style]
            return batch["images"], batch["labels"], batch["sample_weight"], *style

        data = batches(order[:with_synthetic]).map(augmented, num_parallel_calls=tf.data.AUTOTUNE)
        rest, frequencies, of_real = order[with_synthetic:], frequencies_of(synthetic, prior), prior
        if frequencies is not of_real:
            prior = (1 - synthetic.fraction) * prior + synthetic.fraction * frequencies
        if len(rest):
            if frequencies is not of_real:  # keeps the class frequencies that the loss assumes
                there = prior * (np.bincount(real_labels, minlength=num_classes) > 0)
                rest = order_by_frequency(real_labels, there / there.sum(), *rest.shape, seed)
            data = data.concatenate(batches(rest))
    data = data.enumerate().map(_transformer(arm, value_range, seed, styles)).prefetch(4)
    return _pipelines.untuned(data), prior


def frequencies_of_groups(arm, cells, num_classes, styles, translates=False):
    """The frequency of each group in the stream of an arm, float (num_classes, styles + 1).

    A group is a class in a style. The last style holds synthetic images. Translations, however, count as having the style of
    their source image, whose traces they show. `translates` is whether they are translations. For the other arguments see
    `make_stream`.
    """
    counts = np.bincount(cells, minlength=num_classes * styles).reshape(num_classes, styles).astype(float)
    within = (counts > 0).astype(float) if arm.sampling == "groups" else counts
    prior = prior_of(cells, num_classes, arm.sampling, styles)
    real = prior[:, None] * within / np.maximum(within.sum(1, keepdims=True), 1e-12)
    share, made = 0.0, np.zeros(num_classes)
    if arm.kind != "none" and not translates:
        share, made = arm.synthetic.fraction, frequencies_of(filled(arm.synthetic, prior), prior)
    return np.concatenate([(1 - share) * real, share * np.reshape(made, [-1, 1])], axis=1)


def _transformer(arm, value_range, seed, styles=1):
    """Applies the transforms to each batch, one batch at a time, since Keras's layers use stateful random numbers."""
    transforms = [as_transform(transform) for transform in arm.transforms]
    prepared = [(transform.prepare(seed, value_range), transform) for transform in transforms]

    def apply(step, batch):
        images, labels, weights, *style = batch
        images, groups = tf.cast(images, tf.float32), ()
        if arm.carries_groups:
            groups = (tf.stack([tf.argmax(labels, axis=1, output_type=tf.int32), *style], axis=1),)
        for n, (function, transform) in enumerate(prepared):
            more = (_random.fold(_random.as_seed(seed), step, n), *(groups if transform.needs_groups else ()))
            if not transform.mixes:
                images, labels = function(images, labels, *more)
                continue
            # The weight of an image is multiplied into its label, so that mixing images mixes their weights.
            images, weighted = function(images, labels * weights[:, None], *more)
            weights = tf.reduce_sum(weighted, axis=1)
            labels = tf.math.divide_no_nan(weighted, weights[:, None])
        if arm.loss in losses.OF_GROUPS:
            numbers = tf.linalg.matvec(groups[0], [styles + 1, 1])
            labels = tf.concat([labels, tf.cast(numbers, labels.dtype)[:, None]], axis=1)
        return images, labels, weights

    return apply
