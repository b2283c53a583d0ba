"""A generator that keeps the protocol, and one that breaks it in one way for each check."""

import numpy as np
import tensorflow as tf
from tools import small_gan

from keras_ganaug.generators import Generator, as_generator


class Wrapped(Generator):
    """A generator that passes all on to another."""

    def __init__(self):
        self.inner = as_generator(small_gan())
        self.describe(self.inner.description)
        self.latent_dim, self.variables = self.inner.latent_dim, self.inner.variables

    def sample(self, labels, seed, truncation=1.0):
        return self.inner.sample(labels, seed, truncation)

    def from_latents(self, latents, labels):
        return self.inner.from_latents(latents, labels)

    @property
    def description(self):
        return self.inner.description


class WrongShape(Wrapped):
    def sample(self, labels, seed, truncation=1.0):
        return super().sample(labels, seed, truncation)[:, 1:]


class DoublePrecision(Wrapped):
    def sample(self, labels, seed, truncation=1.0):
        return tf.cast(super().sample(labels, seed, truncation), tf.float64)


class TooDark(Wrapped):
    def sample(self, labels, seed, truncation=1.0):
        return super().sample(labels, seed, truncation) - 300


class NeverEmpty(Wrapped):
    def sample(self, labels, seed, truncation=1.0):
        return super().sample(labels if labels.shape[0] else tf.zeros([1], tf.int32), seed, truncation)


class NoSeed(Wrapped):
    def sample(self, labels, seed, truncation=1.0):
        return super().sample(labels, tf.random.uniform([2], maxval=9**9, dtype=tf.int32), truncation)


class OneSeed(Wrapped):
    def sample(self, labels, seed, truncation=1.0):
        return super().sample(labels, tf.constant([1, 1]), truncation)


class Batchwise(Wrapped):
    def sample(self, labels, seed, truncation=1.0):
        images = super().sample(labels, seed, truncation)
        return images * tf.reduce_mean(images) / 255


class Untruncated(Wrapped):
    def sample(self, labels, seed, truncation=1.0):
        return super().sample(labels, seed) + (1 - truncation) * 300


class OtherImages(Wrapped):
    def images(self, labels, seed, truncation=1.0):
        return super().images(labels, seed + 1, truncation)


class Tensors(Wrapped):
    def generate(self, labels, seed=None, truncation=1.0):
        return tf.constant(super().generate(labels, seed, truncation))


class AnyLabels(Wrapped):
    def generate(self, labels, seed=None, truncation=1.0):
        return super().generate(np.clip(labels, 0, 2), seed, truncation)


class AnyNumber(Wrapped):
    def generate(self, labels, seed=None, truncation=1.0):
        return super().generate([0] * labels if isinstance(labels, int) else labels, seed, truncation)


class RandomImages(Wrapped):
    def from_latents(self, latents, labels):
        return super().from_latents(latents + tf.random.normal(tf.shape(latents)), labels)


class OtherConfig(Wrapped):
    def get_config(self):
        return {**super().get_config(), "value_range": [0.0, 1.0]}


class Nothing(Wrapped):
    def in_place_of(self, images, labels, seed, truncation=1.0):
        return images()


class NoBank(Wrapped):
    def sample(self, labels, seed, truncation=1.0):
        return 0 * super().sample(labels, seed, truncation)


class OnTheHost(Wrapped):
    def sample(self, labels, seed, truncation=1.0):
        images = super().sample(labels, seed, truncation)
        return tf.ensure_shape(tf.py_function(lambda x: x, [images], tf.float32), images.shape)


class OtherExport(Wrapped):
    def export(self, path, format="saved_model"):
        gan = small_gan()
        gan.set_weights([2 * weight for weight in gan.get_weights()])
        gan.export(path)


class OtherDescription(Wrapped):
    def export(self, path, format="saved_model"):
        small_gan(value_range=(0, 1)).export(path)


SAME = "a SavedModel that gives the same images. Received: values that differ"
BROKEN = [
    (WrongShape, "check_samples", r"images of shape \(6, 8, 8, 1\). Received: \(6, 7, 8, 1\)"),
    (DoublePrecision, "check_samples", "float32 images. Received: float64"),
    (TooDark, "check_samples", "in `value_range`, from 0 to 255. Received: values from -"),
    (NeverEmpty, "check_samples", r"no image for no label. Received: shape \(1, 8, 8, 1\)"),
    (NoSeed, "check_seeds", "same images for the same seed. Received: values that differ"),
    (OneSeed, "check_seeds", "other images for another seed. Received: the same images"),
    (Batchwise, "check_rows", "depends on no other row of the batch. Received: values that differ"),
    (Untruncated, "check_truncation", "in `value_range`, from 0 to 255. Received: values from"),
    (OtherImages, "check_generate", "the images of `sample` from `generate`. Received: values that differ"),
    (Tensors, "check_generate", "NumPy arrays from `generate`. Received: EagerTensor"),
    (AnyLabels, "check_labels", "refuse labels that do not exist. Received: no error"),
    (AnyNumber, "check_labels", "refuse a number without classes. Received: no error"),
    (RandomImages, "check_latents", "same images for the same latents. Received: values that differ"),
    (OtherConfig, "check_config", "have a config that describes it. Received: {"),
    (Nothing, "check_layer", "replace 4 of 8 rows with fraction=0.5. Received: 0 replaced rows"),
    (NoBank, "check_bank", "replace 4 of 8 rows with fraction=0.5. Received: 0 replaced rows"),
    (Nothing, "check_live", "replace 4 of 8 rows with fraction=0.5. Received: 0 replaced rows"),
    (OnTheHost, "check_xla", r"Compiled by XLA, it gives the same images. Received: \w+"),
    (OtherExport, "check_export", SAME),
    (OtherDescription, "check_export", "the same description after its export. Received: {.* instead of {"),
]
"""A class, the check that it fails, and what the check says."""
