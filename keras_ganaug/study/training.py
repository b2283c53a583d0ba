"""Trains a classifier under one arm."""

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _random
from keras_ganaug.augmentation import FilteredGenerator, gan_augment
from keras_ganaug.augmentation.source import Source, resolve
from keras_ganaug.study import arms as arms_module
from keras_ganaug.study import losses


class Pool(Source):
    """Real images in the place of a generator: draws from those of a class.

    Args:
        images: Array of shape (n, height, width, channels), in `value_range`.
        labels: Class indices (n,); each class must have an image.
        num_classes: Number of classes.
        value_range: (lowest, highest) value of the images.
    """

    conditional = True

    def __init__(self, images, labels, num_classes, value_range):
        order = np.argsort(labels, kind="stable")
        counts = np.bincount(labels, minlength=num_classes)
        if (counts == 0).any():
            missing = np.flatnonzero(counts == 0).tolist()
            raise ValueError(f"`labels` must have an image of each class. Received: none of the classes {missing}")
        self.image_shape, self.num_classes = tuple(images.shape[1:]), num_classes
        self.value_range = value_range
        with tf.device("CPU:0"):
            self.state = tf.constant(np.asarray(images)[order])
        self._counts, self._starts = tf.constant(counts, tf.int32), tf.constant(np.cumsum(counts) - counts, tf.int32)

    def sample(self, labels, seed, truncation=1.0):
        # The n-th image of a class is the n-th of a random order: none twice before all were there.
        n = tf.range(tf.shape(labels)[0])
        nth = tf.reduce_sum(tf.cast((labels[:, None] == labels[None]) & (n[None] < n[:, None]), tf.int32), axis=1)
        counts = tf.gather(self._counts, labels)
        start = tf.gather(_random.integers([self.num_classes], seed, 0, 2**30), labels)
        place = (start % counts + nth) % counts
        return tf.cast(tf.gather(self.state, tf.gather(self._starts, labels) + place), tf.float32)


class Shuffled(Source):
    """Another source, whose samples are of a wrong class: the control for what labels are worth.

    Args:
        source: The `Source`, with classes.
    """

    conditional = True

    def __init__(self, source):
        self._source = source
        self.state, self.image_shape = source.state, source.image_shape
        self.num_classes, self.value_range = source.num_classes, source.value_range

    def sample(self, labels, seed, truncation=1.0):
        shift = _random.integers(tf.shape(labels), _random.fold(seed, 1), 1, self.num_classes)
        return self._source.sample((labels + shift) % self.num_classes, seed, truncation)


def order_of_images(labels, num_classes, sampling, steps, batch_size, seed):
    """Which image stands where in a training: int array (steps, batch_size).

    "natural": one random order after another; "balanced": each class in turn, each with random orders of its own images.
    """
    rng = np.random.default_rng([seed, 17])
    total = steps * batch_size
    if sampling == "natural":
        rounds = [rng.permutation(len(labels)) for _ in range(-(-total // len(labels)))]
        return np.concatenate(rounds)[:total].reshape(steps, batch_size)
    present = [np.flatnonzero(labels == c) for c in range(num_classes)]
    present = [rows for rows in present if len(rows)]
    each = -(-total // len(present))
    columns = [np.concatenate([rng.permutation(rows) for _ in range(-(-each // len(rows)))])[:each] for rows in present]
    turns = np.stack(columns, 1)
    turns = rng.permuted(turns, axis=1)
    return turns.reshape(-1)[:total].reshape(steps, batch_size)


def prior_of(labels, num_classes, sampling):
    """The frequency of each class among the real images of a stream."""
    counts = np.bincount(labels, minlength=num_classes)
    if sampling == "balanced":
        counts = (counts > 0).astype(float)
    return counts / counts.sum()


def make_stream(arm, images, labels, num_classes, source, steps, batch_size, value_range, seed):
    """The batches of a training under one arm, and the frequency of each class in them.

    Returns `(dataset, prior)`: float32 images, one-hot labels, sample weights.
    """
    order = order_of_images(labels, num_classes, arm.sampling, steps, batch_size, seed)
    prior = prior_of(labels, num_classes, arm.sampling)
    images, labels = tf.constant(images), tf.constant(np.asarray(labels, np.int32))

    def gather(rows):
        one_hot = tf.one_hot(tf.gather(labels, rows), num_classes)
        return tf.gather(images, rows), one_hot, tf.ones([batch_size])

    def batches(rows):
        return tf.data.Dataset.from_tensor_slices(rows).map(gather, num_parallel_calls=tf.data.AUTOTUNE)

    synthetic = arm.synthetic
    if synthetic is None or synthetic.fraction == 0:
        data = batches(order)
    else:
        with_synthetic = steps - round(synthetic.real_only_end * steps)
        strategy = synthetic.strategy
        if isinstance(strategy, str) and strategy == "fill":
            strategy = losses.fill_up(prior, synthetic.fraction)
        augment = gan_augment(
            source,
            synthetic.fraction,
            sampling_strategy=strategy,
            synthetic_weight=synthetic.weight,
            value_range=value_range,
            truncation=synthetic.truncation,
            bank_size=synthetic.bank_size,
            seed=seed,
        )
        data = batches(order[:with_synthetic]).map(augment, num_parallel_calls=tf.data.AUTOTUNE)
        if with_synthetic < steps:
            data = data.concatenate(batches(order[with_synthetic:]))
        if not isinstance(strategy, str):
            prior = (1 - synthetic.fraction) * prior + synthetic.fraction * np.asarray(strategy) / np.sum(strategy)
        elif strategy == "balance":
            prior = (1 - synthetic.fraction) * prior + synthetic.fraction * losses.fill_up(prior, synthetic.fraction)
    return data.enumerate().map(_transformer(arm, value_range, seed)).prefetch(4), prior


def _transformer(arm, value_range, seed):
    """What is done to each batch: one at a time, since Keras's layers draw from a state."""
    transforms = []
    for transform in arm.transforms:
        transform = arms_module.TRANSFORMS.get(transform, transform) if isinstance(transform, str) else transform
        transforms.append(transform.prepare(seed, value_range) if hasattr(transform, "prepare") else transform)

    def apply(step, batch):
        images, labels, weights = batch
        images = tf.cast(images, tf.float32)
        for n, transform in enumerate(transforms):
            images, labels = transform(images, labels, _random.fold(_random.as_seed(seed), step, n))
        return images, labels, weights

    return apply


def source_of(arm, make_generator, held_out, make_filter, num_classes, value_range):
    """Where an arm's synthetic images come from; None if it has none.

    Args:
        make_generator, make_filter: Give the generator and the filter's classifier of the seed, when they are needed.
    """
    synthetic = arm.synthetic
    if synthetic is None or synthetic.fraction == 0:
        return None
    if synthetic.source == "oracle":
        return Pool(*held_out, num_classes, value_range)
    source = resolve(make_generator())
    if synthetic.band is not None:
        source = FilteredGenerator(source, make_filter(), synthetic.band)
    return Shuffled(source) if synthetic.source == "shuffled" else source


def cross_fitted_classifier(train_on, images, labels, seed, folds=2):
    """A classifier for filtering samples: the mean of several, each trained on all images but those of one fold.

    An image that a generator has copied is then new to one of them at least, and gives no confidence in itself.

    Args:
        train_on: Maps (images, labels, seed) to a trained Keras model from images to logits.
        images, labels: The training images.
        seed: Integer.
        folds: How many. Defaults to 2.

    Returns a Keras model from images to logits: the logarithms of the mean probabilities.
    """
    place = folds_of(labels, folds, seed)
    models = [train_on(images[place != fold], labels[place != fold], seed * folds + fold) for fold in range(folds)]
    inputs = keras.Input(images.shape[1:], name="images")
    probabilities = [keras.layers.Softmax(dtype="float32")(model(inputs)) for model in models]
    mean = keras.layers.Average(dtype="float32")(probabilities)
    return keras.Model(inputs, _Log(dtype="float32")(mean), name="cross_fitted")


class _Log(keras.layers.Layer):
    def call(self, probabilities):
        return tf.math.log(probabilities + 1e-9)

    def compute_output_shape(self, input_shape):
        return input_shape


def folds_of(labels, folds, seed):
    """In which fold each image is held out: int array (n,), each class spread evenly."""
    rng = np.random.default_rng([seed, 3])
    place = np.empty(len(labels), int)
    for c in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == c))
        place[rows] = (np.arange(len(rows)) + rng.integers(folds)) % folds
    return place


def train(arm, build, make_optimizer, images, labels, num_classes, source, steps, batch_size, value_range, seed):
    """A classifier trained under one arm.

    Returns `(model, prior)`: the Keras model, and the frequency of each class in what it was trained on.
    """
    if arm.resample is not None:
        images, labels = arm.resample(images, labels, seed)
    data, prior = make_stream(arm, images, labels, num_classes, source, steps, batch_size, value_range, seed)
    keras.utils.set_random_seed(seed)  # of layers that draw
    model = build(seed)
    model.compile(make_optimizer(steps), losses.make(arm.loss, prior))
    model.fit(data, epochs=1, shuffle=False, verbose=0)

    return model, prior
