"""Pretrains the generator for small data sets, as the decoder of an autoencoder."""

import weakref
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _images, _pipelines, _progress, _random, networks
from keras_ganaug._images import NETWORK_RANGE
from keras_ganaug.callbacks.gan_callback import GANCallback
from keras_ganaug.datasets import streams


class AutoencoderStart(GANCallback):
    """Pretrains a GAN's generator as the decoder of an autoencoder of the training images.

    With few images per class, a GAN's samples of a class look alike. In an autoencoder each image has its own latents, so
    the generator starts with all images and with what lies between them. The steps are:

    - An encoder maps images to numbers, which are normalised over the batch.
    - Noise is added. The sum is scaled to a mean of 0 and a standard deviation of 1, like latents from the prior.
    - The generator learns to reconstruct the image from these latents and the label (mean absolute error).

    The encoder is then discarded, and the GAN's training starts. A resumed training, with `initial_epoch` or from
    `BackupAndRestore`, is not pretrained again.

    Reference: Mariani et al. 2018, BAGAN: Data Augmentation with Balancing GAN. In the paper, the discriminator also starts
    as the encoder, and each class has its own normal distribution of latents.

    Args:
        images: The training images in the GAN's `value_range`, array of shape (n, height, width, channels).
        labels: Their labels, in the format of `fit`. None for a GAN without classes. Defaults to None.
        steps: Training steps of the autoencoder. Defaults to 1000.
        batch_size: Batch size. All classes, or combinations of attributes, are equally frequent. Defaults to 32.
        learning_rate: Learning rate of Adam. Defaults to 1e-3.
        noise: Standard deviation of the noise, relative to codes with one of 1. With more noise the code carries less, so
            that the class must come from the label. Defaults to 1.
        verbose: See `keras.Model.fit`. Defaults to 0.

    The attribute `history` has the losses afterwards.

    Raises:
        ValueError: For an argument out of its range, or images and labels that do not fit the GAN.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> images, labels = np.random.randint(0, 256, [20, 8, 8, 1], "uint8"), np.arange(20) % 2
    >>> gan = kga.CGAN((8, 8, 1), num_classes=2, seed=1)
    >>> gan.compile()
    >>> start = kga.callbacks.AutoencoderStart(images, labels, steps=10)
    >>> history = gan.fit(images, labels, batch_size=10, epochs=2, verbose=0, callbacks=[start])
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: Any = None,
        steps: int = 1000,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        noise: float = 1.0,
        verbose: int = 0,
    ):
        super().__init__()
        self.images, self.labels, self.verbose = images, labels, verbose
        self.steps = _checks.positive_int(steps, "steps")
        self.batch_size = _checks.positive_int(batch_size, "batch_size")
        self.learning_rate = _checks.positive(learning_rate, "learning_rate")
        self.noise = _checks.non_negative(noise, "noise")
        self.history: dict[str, list] | None = None

    def set_model(self, model):
        super().set_model(model)
        self._arrays = streams.arrays(self.images, self.labels, model)

    def on_epoch_begin(self, epoch, logs=None):
        # Not in `on_train_begin`: another callback may restore the model after it.
        gan = self.model
        if int(gan.step.numpy()):
            return
        options = {"jit_compile": gan.jit_compile, "run_eagerly": gan.run_eagerly}
        with gan.distribute_strategy.scope():
            autoencoder = self._autoencoder(gan)
            autoencoder.compile(keras.optimizers.Adam(self.learning_rate), "mean_absolute_error", **options)
        options = {"verbose": self.verbose, "callbacks": _progress.with_steps(part="autoencoder")}
        self.history = autoencoder.fit(self._batches(gan), shuffle=False, **options).history
        gan.average.update(0.0, 0)  # resets the average to the current generator

    def _autoencoder(self, gan):
        """A model from images, the noise for their latents, and labels to reconstructions."""
        images, noise = keras.Input(gan.image_shape), keras.Input((gan.latent_dim,))
        labels = [keras.Input(gan.condition.label_shape, dtype="int32")] if gan.condition.conditional else []
        encoder = networks.classifier.classifier(gan.image_shape, 1, value_range=NETWORK_RANGE, seed=gan.derived_seed(2))
        features = keras.Model(encoder.inputs, encoder.get_layer("features").output)(images)
        initializer = keras.initializers.GlorotUniform(gan.derived_seed(3))
        x = keras.layers.Dense(gan.latent_dim, kernel_initializer=initializer, dtype="float32")(features)
        x = keras.layers.BatchNormalization(center=False, scale=False, dtype="float32")(x)
        x = keras.layers.Add(dtype="float32")([x, noise])
        x = keras.layers.Rescaling((1.0 + self.noise**2) ** -0.5, dtype="float32")(x)
        latents = keras.layers.Lambda(gan.latents_from_normal, output_shape=(gan.latent_dim,), dtype="float32")(x)
        return keras.Model([images, noise, *labels], gan.generator(gan.condition.inputs(latents, *labels or [None])))

    def _batches(self, gan):
        """Batches with equally frequent classes, and the targets of the mean absolute error."""
        images, labels = self._arrays
        p = None
        if labels is not None:
            _, index, counts = np.unique(labels, axis=0, return_inverse=True, return_counts=True)
            share = 1.0 / counts[index.ravel()]
            p = share / share.sum()
        replicas = gan.distribute_strategy.num_replicas_in_sync
        batch_size = -(-self.batch_size // replicas) * replicas  # each replica gets an equal share
        rows = np.random.default_rng(gan.derived_seed(4)).choice(len(images), (self.steps, batch_size), p=p)
        noise_seed = _random.as_seed(gan.derived_seed(5))

        of = weakref.ref(self)  # TensorFlow keeps the function that it calls for ever, and with it what that refers to

        def taken(rows):  # one batch at a time: all images would be a constant in the graph
            return of()._arrays[0][rows].astype(np.float32)

        def batch(step, rows):
            chosen = tf.ensure_shape(tf.numpy_function(taken, [rows], tf.float32), [batch_size, *gan.image_shape])
            chosen = _images.rescale(chosen, gan.value_range, NETWORK_RANGE)
            noise = self.noise * _random.normal([batch_size, gan.latent_dim], _random.fold(noise_seed, step))
            return (chosen, noise) if labels is None else (chosen, noise, tf.gather(labels, rows)), gan.real_images(chosen)

        data = tf.data.Dataset.from_tensor_slices(rows).enumerate().map(batch, num_parallel_calls=tf.data.AUTOTUNE)
        return _pipelines.untuned(data.prefetch(2))
