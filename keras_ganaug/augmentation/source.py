"""Where synthetic images come from: a GAN, a bare Keras model, or a file, all seen in the same way."""

import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _compat, _images, _random, export

_KINDS = (
    "a GAN of keras_ganaug, a Keras model from [latents, labels] to images in [-1, 1], or the path of a .keras file or "
    "of a SavedModel that `export` wrote"
)


class Source:
    """A generator as augmentation sees it.

    Attributes:
        image_shape: (height, width, channels).
        conditional: Whether it takes labels.
        num_classes: Number of classes; None if unconditional, or if a bare model does not tell.
        value_range: (lowest, highest) of its images.
        state: What holds its variables, for an export.
        path: The path that it was given as, or None.
        unseen_classes: Classes of which the generator has seen no image in training, a tuple; () where it does not tell.
    """

    path = None
    unseen_classes = ()

    def sample(self, labels, seed, truncation=1.0):
        """float32 images in `value_range` for int32 labels (n,) and an int32 seed (2,)."""
        raise NotImplementedError


class _GANSource(Source):
    """A GAN, by its averaged weights."""

    conditional = property(lambda self: self.num_classes is not None)

    def __init__(self, gan):
        self.sample = gan.sample
        self.state = gan.sampling_state
        self.image_shape, self.num_classes, self.value_range = (
            gan.image_shape,
            gan.num_classes,
            gan.value_range,
        )


class _ModelSource(Source):
    """A bare Keras model from `[latents, labels]`, or from latents alone, to images in [-1, 1]."""

    value_range = _images.NETWORK_RANGE

    def __init__(self, model, num_classes):
        inputs = getattr(model, "inputs", None)
        if not inputs or len(inputs) > 2 or len(inputs[0].shape) != 2 or inputs[0].shape[1] is None:
            shapes = [tuple(i.shape) for i in inputs] if inputs else "a model without known inputs"
            raise ValueError(
                "`generator` must be a Keras model with the inputs [latents, labels] or latents alone, where latents "
                f"have the shape (batch, latent_dim). Received: {shapes}"
            )
        self.model = model
        self.state = [_compat.tf_variable(weight) for weight in model.weights]
        self.latent_dim = int(inputs[0].shape[1])
        self.conditional = len(inputs) == 2
        self.num_classes = num_classes if self.conditional else None
        if self.conditional:
            self._label_shape = [-1, *[1] * (len(inputs[1].shape) - 1)]
            self._label_dtype = inputs[1].dtype
        images = self._images(tf.zeros([2, self.latent_dim]), tf.zeros([2], tf.int32))
        if images.shape.rank != 4:
            raise ValueError(
                "`generator` must give images of shape (batch, height, width, channels). "
                f"Received: output of shape {tuple(images.shape)}"
            )
        self.image_shape = tuple(images.shape[1:])

    def _images(self, latents, labels):
        inputs = latents
        if self.conditional:
            inputs = [latents, tf.cast(tf.reshape(labels, self._label_shape), self._label_dtype)]
        return tf.cast(self.model(inputs, training=False), tf.float32)

    def sample(self, labels, seed, truncation=1.0):
        latents = _random.normal([tf.shape(labels)[0], self.latent_dim], seed)
        return self._images(latents * truncation, labels)


class _SavedModelSource(Source):
    """A SavedModel that `export` wrote."""

    def __init__(self, path):
        metadata = export.metadata(path)
        if metadata is None:
            raise ValueError(
                f"`generator` must be {_KINDS}. Received: {str(path)!r}, a SavedModel that keras_ganaug did not write"
            )
        self.path = str(path)
        self.image_shape = tuple(metadata["image_shape"])
        self.conditional, self.num_classes = metadata["conditional"], metadata["num_classes"]
        self.value_range = tuple(metadata["value_range"])
        self.state = tf.saved_model.load(str(path))

    def sample(self, labels, seed, truncation=1.0):
        return self.state.generate_truncated(labels, seed, tf.convert_to_tensor(truncation, tf.float32))


def resolve(generator, num_classes=None):
    """The `Source` of whatever a user may pass as `generator`, with the number of classes if it cannot tell."""
    source = _resolve(generator, num_classes)
    if num_classes is not None and source.num_classes != num_classes:
        raise ValueError(
            f"`num_classes` must be that of the generator, {source.num_classes}, or None. "
            f"Received: num_classes={num_classes}"
        )
    return source


def _resolve(generator, num_classes):
    if isinstance(generator, Source):
        return generator
    if isinstance(generator, (str, os.PathLike)):
        path = Path(generator)
        if path.suffix == ".keras" and path.is_file():
            try:
                model = keras.models.load_model(path, compile=False)
            except Exception as error:  # Keras raises what reading a broken file raises
                text = (str(error) or type(error).__name__).splitlines()[0]
                raise ValueError(
                    f"`generator` must be {_KINDS}. Received: {str(path)!r}, which Keras cannot load: {text}"
                ) from error
            source = _resolve(model, num_classes)
            source.path = str(path)
            return source
        if (path / "saved_model.pb").is_file():
            return _SavedModelSource(path)
        raise ValueError(f"`generator` must be {_KINDS}. Received: {str(path)!r}, which is neither of the two files")
    if callable(getattr(generator, "sample", None)) and hasattr(generator, "ema_generator"):
        return _GANSource(generator)
    if isinstance(generator, keras.Model):
        return _ModelSource(generator, num_classes)
    raise TypeError(f"`generator` must be {_KINDS}. Received: {generator!r}")


def sample_all(source, labels, seed, truncation, value_range, chunk=256):
    """Images for any number of labels, in `value_range`, as a float32 NumPy array.

    They are made in chunks of one size, on the default device, by a function that is traced once.
    """

    @tf.function(autograph=False)
    def sample(labels, seed):
        images = source.sample(labels, seed, truncation)
        return _images.rescale(images, source.value_range, value_range)

    labels = np.asarray(labels, np.int32)
    padded = np.resize(labels, -(-len(labels) // chunk) * chunk) if len(labels) > chunk else labels
    parts = []
    for start in range(0, len(padded), chunk):
        parts.append(sample(tf.constant(padded[start : start + chunk]), _random.fold(seed, start)).numpy())
    return np.concatenate(parts)[: len(labels)]
