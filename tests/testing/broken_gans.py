"""A small GAN that keeps the contract, and one that breaks it in one way for each check."""

import itertools

import keras
import numpy as np
import tensorflow as tf

import keras_ganaug as kga

NUMBERS = itertools.count(1)


def register(cls):
    return keras.saving.register_keras_serializable(package="broken_gans")(cls)


@register
class Sound(kga.SNGAN):
    """An SNGAN of a few dense layers."""

    def _with_labels(self, x, labels):
        return x if labels is None else keras.layers.Concatenate()([x, kga.layers.OneHot(self.num_classes)(labels)])

    def _labels(self):
        return keras.Input(self.condition.label_shape, dtype="int32") if self.condition.conditional else None

    def build_generator(self):
        latents, labels, init = keras.Input((self.latent_dim,)), self._labels(), keras.initializers.GlorotUniform
        dense = keras.layers.Dense(int(np.prod(self.image_shape)), kernel_initializer=init(self.derived_seed(0)))
        images = keras.layers.Reshape(self.image_shape)(dense(self._with_labels(latents, labels)))
        images = keras.layers.Activation("tanh", dtype="float32")(images)
        return keras.Model(latents if labels is None else [latents, labels], images)

    def build_discriminator(self):
        images, labels, init = keras.Input(self.image_shape), self._labels(), keras.initializers.GlorotUniform
        features = self._with_labels(keras.layers.Flatten()(images), labels)
        logits = keras.layers.Dense(1, kernel_initializer=init(self.derived_seed(1)), dtype="float32")(features)
        return keras.Model(images if labels is None else [images, labels], logits)


@register
class IdleGenerator(Sound):
    def g_objective(self, real, fake, labels):
        return 0.0 * super().g_objective(real, fake, labels)


@register
class NoNumbers(Sound):
    def d_objective(self, real, fake, labels):
        return float("nan") * super().d_objective(real, fake, labels)


@register
class NoCount(Sound):
    def before_step(self):
        self.images_seen.assign_sub(1)


class Changed(Sound):
    """One whose `generate` does something else with labels, seed or images."""

    def labels_for(self, labels):
        return labels

    def seed_for(self, seed):
        return seed

    def change(self, images):
        return images

    def generate(self, labels, seed=None, truncation=1.0):
        images = super().generate(self.labels_for(labels), self.seed_for(seed), self.factor(truncation))
        return self.change(images)

    def factor(self, truncation):
        return truncation


@register
class WrongShape(Changed):
    def change(self, images):
        return images[:, 1:]


@register
class DoublePrecision(Changed):
    def change(self, images):
        return images.astype("float64")


@register
class TooBright(Changed):
    def change(self, images):
        return images + 100


@register
class Grey(Changed):
    def change(self, images):
        return np.full_like(images, 1.0)


@register
class NotFinite(Changed):
    def change(self, images):
        return images * np.float32("nan")


@register
class AnyTruncation(Changed):
    def factor(self, truncation):
        return abs(truncation)


@register
class NoSeed(Changed):
    def seed_for(self, seed):
        return None


@register
class OneSeed(Changed):
    def seed_for(self, seed):
        return 3


@register
class RandomWeights(Sound):
    def derived_seed(self, number):
        return next(NUMBERS)


@register
class Batchwise(Changed):
    def change(self, images):
        return np.clip(images - images.mean(0, keepdims=True), *self.value_range).astype("float32")


@register
class OneClass(Changed):
    def labels_for(self, labels):
        return super().labels_for(labels) if self.num_classes is None else [0] * len(labels)


@register
class AnyClass(Changed):
    def labels_for(self, labels):
        return labels if self.num_classes is None else np.clip(labels, 0, 2)


@register
class OneMore(Changed):
    def labels_for(self, labels):
        return labels + 1 if self.num_classes is None else labels


@register
class OneStyle(Changed):
    def labels_for(self, labels):
        return {**labels, "style": [0] * len(labels["style"])} if isinstance(labels, dict) else labels


@register
class OtherExport(Sound):
    def export(self, path, format="saved_model"):
        type(self)(self.image_shape, self.num_classes, latent_dim=self.latent_dim, seed=9).averaged.export(path)


@register
class UncheckedExport(Sound):
    def export(self, path, format="saved_model"):
        alone = tf.Module()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32), tf.TensorSpec([2], tf.int32)])
        def generate(labels, seed):
            return {"images": self.sample(tf.minimum(labels, 2), seed)}

        alone.generate = tf.function(lambda labels, seed: generate(labels, seed)["images"])
        alone.generate.get_concrete_function(*generate.input_signature)
        alone.state = self.sampling_variables
        tf.saved_model.save(alone, path, signatures=generate)


@register
class UnsavedState(Sound):
    """Its second loss is another than that of a loaded GAN."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.updates = [0]

    def g_objective(self, real, fake, labels):
        self.updates[0] += 1
        return self.updates[0] * super().g_objective(real, fake, labels)


@register
class SquareOnly(Sound):
    def __init__(self, image_shape, *args, **kwargs):
        if image_shape[0] != image_shape[1]:
            raise ValueError(f"`image_shape` must be square. Received: {image_shape}")
        super().__init__(image_shape, *args, **kwargs)


@register
class HalfPrecision(Changed):
    def change(self, images):
        return images.astype("float16") if self.dtype_policy.name == "mixed_bfloat16" else images


@register
class OnTheHost(Sound):
    def g_objective(self, real, fake, labels):
        loss = super().g_objective(real, fake, labels)
        return loss + tf.stop_gradient(tf.ensure_shape(tf.py_function(lambda: 0.0, [], tf.float32), []))


@register
class OneDevice(Sound):
    def before_step(self):
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise ValueError("`strategy` must have one replica. Received: several")


BROKEN = [
    (IdleGenerator, "check_training", "train the network of each player, of 'g' too"),
    (NoNumbers, "check_training", "One step of `fit` gives finite losses.* Received: ValueError: "),
    (NoCount, "check_training", "count its images in `images_seen`, 6. Received: 5"),
    (WrongShape, "check_samples", r"images of shape \(4, 8, 8, 1\). Received: \(4, 7, 8, 1\)"),
    (DoublePrecision, "check_samples", "float32 images. Received: float64"),
    (TooBright, "check_samples", "in `value_range`, from 0 to 255. Received: values from"),
    (Grey, "check_samples", "not of one colour. Received: the value 1 everywhere"),
    (NotFinite, "check_samples", "finite images. Received: NaN"),
    (AnyTruncation, "check_samples", "refuse truncation=-1. Received: no error"),
    (NoSeed, "check_seeds", "same images for the same seed. Received: values that differ by up to"),
    (OneSeed, "check_seeds", "other images for another seed. Received: the same images"),
    (RandomWeights, "check_seeds", "same initial weights for the same `seed` of the constructor"),
    (Batchwise, "check_rows", "depends on no other row of the batch"),
    (OneClass, "check_classes", "other images for another class. Received: the same images"),
    (AnyClass, "check_classes", r"refuse the labels \[0, 3\]. Received: no error"),
    (OneMore, "check_without_classes", "as many images as asked for without classes. Received: 4"),
    (OneStyle, "check_attributes", "another value of any attribute. Received: the same images"),
    (OtherExport, "check_export", "a SavedModel that gives the same images. Received: values that differ"),
    (UncheckedExport, "check_export", "a SavedModel that refuses labels out of range. Received: no error"),
    (UnsavedState, "check_saving", "continue from a .keras file as if it had not been saved, with the same weights"),
    (UnsavedState, "check_resuming", "end an interrupted training as an uninterrupted one, with the same weights"),
    (SquareOnly, "check_any_shape", "Images of 9x12 pixels.*Received: ValueError: `image_shape` must be square"),
    (HalfPrecision, "check_mixed_bfloat16", "float32 images. Received: float16"),
    (OnTheHost, "check_xla", r"XLA compiles the training step.* Received: \w+"),
    (OneDevice, "check_replicas", "two replicas hold equal weights.* Received: ValueError: `strategy` must have one"),
]
"""A class, the check that it fails, and what the check says."""
