"""How a trained GAN is used: images from labels and seeds, and the export."""

import types

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _images, _labels, _random, _watch
from keras_ganaug.generators import export
from keras_ganaug.models import training_watch

_CHUNK = 256  # images that `generate` makes at a time, to bound memory


class Sampling:
    """The part of a GAN that makes images. It knows two methods: `sample_latents` and `synthesize`."""

    def call(self, inputs, training=False):
        """Images in [-1, 1] from `[latents, labels]`, from the averaged weights."""
        return self.ema_generator(inputs, training=False)

    def sample(self, labels, seed, truncation=1.0):
        """Images in `value_range`, as a TensorFlow computation for use in a graph.

        Args:
            labels: int32 tensor of shape (n,); of an unconditional model only the length counts.
            seed: int32 tensor of shape (2,).
            truncation: Float scalar above 0 and at most 1. Defaults to 1.

        Returns float32 images of shape (n, *image_shape).
        """
        labels, number = _labels.at_least_one(labels), tf.shape(labels)[0]
        latents = self.sample_latents(tf.shape(labels)[0], seed)
        return self._in_value_range(self.synthesize(latents, labels, truncation))[:number]

    def sample_from(self, latents, labels):
        """Images in `value_range` for float32 latents (n, latent_dim) and int32 labels (n,), in a graph, without drawing."""
        return self._in_value_range(self.synthesize(latents, labels, 1.0))

    def generate(self, labels, seed=None, truncation=1.0):
        """New images, from the generator's averaged weights.

        Args:
            labels: Class indices, one image each: a sequence of n integers. For an unconditional model the number of
                images, an integer.
            seed: Integer (or pair of integers); the same seed gives the same images. Defaults to None: other images at
                each call, and in each process that loads the GAN.
            truncation: Factor on the latents, above 0 and at most 1: smaller gives more typical and less diverse
                images. Defaults to 1.

        Returns a float32 NumPy array of shape (n, height, width, channels) with values in `value_range`.

        Raises:
            ValueError: For labels out of range, labels for an unconditional model, or a number for a conditional one, and
                if the images are not finite, because the GAN has diverged.

        Warns of labels of which training has shown no image (`unseen_classes`), once for each.
        """
        labels = self._labels_to_generate(labels)
        training_watch.warn_of_generated(self, labels)
        truncation = tf.constant(_checks.truncation(truncation))
        latents = self.sample_latents(len(labels), self._seed_to_generate(seed))
        return self._in_chunks("synthesize", [latents, labels], truncation)

    def _in_value_range(self, images):
        return _images.rescale(images, _images.NETWORK_RANGE, self.value_range)

    def _labels_to_generate(self, labels):
        """Checked labels as an int32 array; zeros for an unconditional model, whose images are only counted."""
        if self.num_classes is not None:
            return _checks.class_indices(labels, self.num_classes)
        if isinstance(labels, bool) or not isinstance(labels, (int, np.integer)) or labels < 0:
            raise ValueError(
                "`labels` of an unconditional model is the number of images, an integer of at least 0. "
                f"Received: labels={labels!r}"
            )
        return np.zeros([labels], np.int32)

    def _seed_to_generate(self, seed):
        seed = _checks.seed(seed)
        if seed is None:
            seed = (_random.entropy(), _random.entropy())  # not of the saved seed, which every copy has
        return tf.constant(_random.as_seed(seed))

    def _in_chunks(self, name, rows, *rest):
        """Images of the method `name(*rows, *rest)`, in `value_range`, made by one traced function a chunk at a time."""
        traced = vars(self._traced)
        if name not in traced:
            signature = [
                *(tf.TensorSpec([None, *row.shape[1:]], row.dtype) for row in rows),
                *(tf.TensorSpec(value.shape, value.dtype) for value in rest),
            ]

            def images(*inputs):
                return self._in_value_range(getattr(self, name)(*inputs))

            traced[name] = tf.function(images, input_signature=signature, autograph=False)
        images = [np.zeros([0, *self.image_shape], np.float32)]
        for start in range(0, len(rows[0]), _CHUNK):
            images.append(traced[name](*(row[start : start + _CHUNK] for row in rows), *rest).numpy())
        images = np.concatenate(images)
        _watch.not_finite(images, type(self).__name__)
        return images

    def export(self, path):
        """Writes the generator as a SavedModel that runs with TensorFlow alone.

        `tf.saved_model.load(path).generate(labels, seed)` returns float32 images in `value_range`, for int32 labels of
        shape (n,) (of an unconditional model only their number counts) and an int32 seed of shape (2,). The signature
        `serving_default` does the same and calls its output `images`. Labels out of range are an error of TensorFlow's,
        except in what XLA compiles. The signature `from_latents` takes float32 latents of shape (n, latent_dim) in the place
        of a seed, and converts to LiteRT: `tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=["from_latents"])`.
        A SavedModel that is at `path` is replaced when the new one is whole.

        Args:
            path: Folder to write, of any file system that TensorFlow knows, such as "gs://bucket/generator".

        Raises:
            ValueError, TypeError: For a path that cannot be written, or weights that are not finite.
        """
        source = types.SimpleNamespace(
            sample=self.sample,
            from_latents=self.sample_from,
            latent_dim=self.latent_dim,
            state=self.sampling_state,
            image_shape=self.image_shape,
            conditional=self.num_classes is not None,
            num_classes=self.num_classes,
            value_range=self.value_range,
            unseen_classes=self.unseen_classes,
        )
        export.export_generator(source, path)

    @property
    def unseen_classes(self):
        """The classes of which training has shown no image, a tuple of class indices.

        All `fit`s add up, also those before the GAN was saved. It is () for a GAN that was never trained, and for one of a
        file that does not tell.
        """
        return self.training_record.unseen_classes

    @property
    def sampling_state(self):
        """The `tf.Variable`s that `sample` reads."""
        return [_compat.tf_variable(weight) for weight in self.ema_generator.weights]
