"""Where synthetic images come from: a GAN, a bare Keras model, or a file, all seen in the same way."""

import json
import os
import tempfile
import zipfile

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _compat, _files, _images, _random, _watch
from keras_ganaug.generators import export

_KINDS = (
    "a GAN of keras_ganaug, a Keras model from [latents, labels] to images in [-1, 1], or the path of a .keras file or "
    "of a SavedModel that `export` wrote"
)
_HDF5 = b"\x89HDF\r\n\x1a\n"  # how such files begin


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

    state = None
    path = None
    unseen_classes = ()
    from_latents = None
    """Where there is one, a function from float32 latents (n, latent_dim) and int32 labels (n,) to images."""

    def sample(self, labels, seed, truncation=1.0):
        """float32 images in `value_range` for int32 labels (n,) and an int32 seed (2,)."""
        raise NotImplementedError


class GANSource(Source):
    """A GAN, by its averaged weights.

    `unseen_classes` are what the GAN tells, unless they are set.

    Args:
        gan: The GAN.
    """

    conditional = property(lambda self: self.num_classes is not None)

    def __init__(self, gan):
        self.gan = gan
        self.sample, self.from_latents, self.latent_dim = gan.sample, gan.sample_from, gan.latent_dim
        self.state = gan.sampling_state
        self.image_shape, self.num_classes, self.value_range = (
            gan.image_shape,
            gan.num_classes,
            gan.value_range,
        )
        self._unseen_classes = None

    @property
    def unseen_classes(self):
        if self._unseen_classes is not None:
            return self._unseen_classes
        with tf.init_scope():  # the GAN reads a variable, here perhaps while a graph is made
            return tuple(int(label) for label in getattr(self.gan, "unseen_classes", ()))

    @unseen_classes.setter
    def unseen_classes(self, classes):
        self._unseen_classes = classes


class ModelSource(Source):
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

    def from_latents(self, latents, labels):
        return self._images(latents, labels)

    def sample(self, labels, seed, truncation=1.0):
        latents = _random.normal([tf.shape(labels)[0], self.latent_dim], seed)
        return self._images(latents * truncation, labels)


class _SavedModelSource(Source):
    """A SavedModel that `export` wrote."""

    def __init__(self, path):
        self.path = path
        try:
            metadata = export.metadata(path)
            if metadata is None:
                raise _refused(path, "a SavedModel that keras_ganaug did not write")
            self.image_shape = tuple(metadata["image_shape"])
            self.conditional, self.num_classes = metadata["conditional"], metadata["num_classes"]
            self.value_range = tuple(metadata["value_range"])
            self.unseen_classes = tuple(metadata.get("unseen_classes", ()))
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise _refused(path, f"a SavedModel with a broken {export.METADATA_FILE}: {_first_line(error)}") from error
        try:
            self.state = tf.saved_model.load(path)
        except Exception as error:  # TensorFlow raises what reading a broken file raises
            raise _refused(path, f"a SavedModel that TensorFlow cannot load: {_first_line(error)}") from error
        if not callable(getattr(self.state, "generate_truncated", None)):
            raise _refused(path, "a SavedModel without the endpoint `generate_truncated`, so none that `export` wrote")

    def sample(self, labels, seed, truncation=1.0):
        return self.state.generate_truncated(labels, seed, tf.convert_to_tensor(truncation, tf.float32))


def resolve(generator, num_classes=None):
    """The `Source` of whatever a user may pass as `generator`, with the number of classes if it cannot tell.

    Raises:
        ValueError, TypeError: If it is nothing of the kind, cannot be read, or gives images that are not finite.
    """
    source = unchecked(generator, num_classes)
    if num_classes is not None and source.num_classes != num_classes:
        raise ValueError(
            f"`num_classes` must be that of the generator, {source.num_classes}, or None. "
            f"Received: num_classes={num_classes}"
        )
    if source is not generator:
        _watch.check_generator(source)
    return source


def unchecked(generator, num_classes=None):
    """As `resolve`, whatever the images are like."""
    if isinstance(generator, Source):
        return generator
    if isinstance(generator, (str, os.PathLike)):
        return _of_path(os.path.expanduser(generator), num_classes)
    if callable(getattr(generator, "sample", None)) and hasattr(generator, "ema_generator"):
        return GANSource(generator)
    if isinstance(generator, keras.Model):
        return ModelSource(generator, num_classes)
    raise TypeError(f"`generator` must be {_KINDS}. Received: {generator!r}")


def _of_path(path, num_classes):
    try:
        exists, is_folder = _files.exists(path), _files.is_folder(path)
    except (tf.errors.OpError, OSError) as error:  # such as a file system that is not known
        raise _refused(path, f"which cannot be read: {_first_line(error)}") from error
    if not exists:
        raise _refused(path, "which does not exist")
    if is_folder:
        if not _files.exists(_files.join(path, "saved_model.pb")):
            raise _refused(path, "a folder without a SavedModel: it has no file saved_model.pb")
        return _SavedModelSource(path)
    if path.endswith(".keras"):
        model = _keras_model(path)
        try:
            source = unchecked(model, num_classes)
        except (ValueError, TypeError) as error:
            raise _refused(path, f"with a model that is none: {error}") from error
        source.path = path
        return source
    if path.endswith((".h5", ".hdf5")):
        raise _refused(path, "an HDF5 file, which does not hold all of a generator: save it as a `.keras` file")
    if os.path.basename(path) == "saved_model.pb":
        raise _refused(path, "one file of a SavedModel: give the folder that it is in")
    raise _refused(path, "a file that is neither of the two")


def _keras_model(path):
    """The model of a `.keras` file."""
    with tempfile.TemporaryDirectory() as folder:
        local = path
        if _files.is_remote(path):
            local = os.path.join(folder, "generator.keras")
            tf.io.gfile.copy(path, local)
        with open(local, "rb") as file:
            is_hdf5 = file.read(len(_HDF5)) == _HDF5
        if is_hdf5:
            raise _refused(path, "an HDF5 file by content, as older Keras wrote: save it anew as a `.keras` file")
        if not zipfile.is_zipfile(local):
            raise _refused(path, "a broken file: it is no zip archive, or only the first part of one")
        with zipfile.ZipFile(local) as archive:
            if "config.json" not in archive.namelist():
                raise _refused(path, "a zip archive that Keras did not write: it has no config.json")
        try:
            return keras.models.load_model(local, compile=False)
        except Exception as error:  # Keras raises what reading a broken file raises
            raise _refused(path, f"which Keras cannot load: {_first_line(error)}") from error


def _refused(path, why):
    return ValueError(f"`generator` must be {_KINDS}. Received: {path!r}, {why}")


def _first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class Sampler:
    """Makes images for any number of labels, in chunks of one size, by one function that is traced once.

    Args:
        source: The `Source`.
        truncation: Factor on the latents.
        value_range: (lowest, highest) of the images.
        chunk: Images that are made at a time, to bound memory. Defaults to 256.
    """

    def __init__(self, source, truncation, value_range, chunk=256):
        def sample(labels, seed):
            images = source.sample(labels, seed, truncation)
            return _images.rescale(images, source.value_range, value_range)

        self._sample, self._chunk = tf.function(sample, autograph=False), chunk

    def __call__(self, labels, seed):
        """float32 images, as a NumPy array, for class indices (n,) and an int32 seed (2,)."""
        chunk, labels = self._chunk, np.asarray(labels, np.int32)
        padded = np.resize(labels, -(-len(labels) // chunk) * chunk) if len(labels) > chunk else labels
        parts = []
        for start in range(0, len(padded), chunk):
            parts.append(self._sample(tf.constant(padded[start : start + chunk]), _random.fold(seed, start)).numpy())
        return np.concatenate(parts)[: len(labels)]
