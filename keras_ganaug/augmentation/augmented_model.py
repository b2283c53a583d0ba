"""A classifier that augments its training batches on the device."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _files, _replicas
from keras_ganaug.augmentation.layer import GANAugmentation
from keras_ganaug.generators import as_generator, formats

_LOOKED_AT, _PARTS = 2**14, 64  # number of images whose values are checked, and of parts they come from


class _CheckedSequence(keras.utils.Sequence):
    """Wraps a user's batches and checks each one when it is requested."""

    def __init__(self, batches, check):
        self.__dict__.update(vars(batches))  # the options for parallel loading
        self._batches, self._check = batches, check

    def __len__(self):
        return len(self._batches)

    def __getitem__(self, index):
        return self._check(self._batches[index])

    def on_epoch_begin(self):
        self._batches.on_epoch_begin()  # Keras 2 does not have it and does not call it

    def on_epoch_end(self):
        self._batches.on_epoch_end()


def _beginning(values):
    """The first row of an array-like value. Other values are returned as they are."""
    try:
        return values[:1] if len(values.shape) else values
    except (AttributeError, TypeError, ValueError):
        return values


@keras.saving.register_keras_serializable(package="keras_ganaug")
class AugmentedModel(_files.WrittenAside, _compat.Model):
    """A classifier that augments each batch within its own training step.

    `compile`, `fit`, `evaluate`, `predict` and `export` work as in any Keras model. Only training augments. The weights are
    the classifier's. With `jit_compile=True`, generator and classifier run as one XLA program.

    Args:
        model: The classifier, a Keras model of images. It is trained in place: after `fit` you can use it directly.
        augmentation: A `GANAugmentation`. If the classifier has several inputs, its `image_key` says which one is the image.

    Raises:
        TypeError: If either argument has another type.

    Example:

    >>> import keras, numpy as np, keras_ganaug as kga
    >>> gan = kga.SNGAN(image_shape=(8, 8, 1), num_classes=2, seed=1)
    >>> classifier = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    >>> augmented = kga.AugmentedModel(classifier, kga.GANAugmentation(gan, fraction=0.25, value_range=(0, 1)))
    >>> augmented.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=True)
    >>> history = augmented.fit(np.zeros([32, 8, 8, 1]), np.arange(32) % 2, batch_size=16, verbose=0)
    >>> augmented.predict(np.zeros([3, 8, 8, 1]), verbose=0).shape
    (3, 2)
    """

    exported = "classifier"

    def __init__(self, model: keras.Model, augmentation: GANAugmentation, **kwargs: Any):
        kinds = [as_generator.dispatch(cls) for cls in (type(model), keras.Model)]  # a GAN has a kind of its own
        if not isinstance(model, keras.Model) or kinds[0] is not kinds[1]:
            raise TypeError(f"`model` must be a classifier, a Keras model of images. Received: model={model!r}")
        if not isinstance(augmentation, GANAugmentation):
            raise TypeError(f"`augmentation` must be a GANAugmentation. Received: augmentation={augmentation!r}")
        kwargs["autocast"] = False  # the classifier casts its inputs itself
        super().__init__(**kwargs)
        self.model = model
        self.augmentation = augmentation
        self.built = model.built

    def build(self, input_shape):
        if not self.model.built:
            self.model.build(input_shape)
        self.built = True

    def call(self, inputs, training=None):
        return self.model(inputs, training=training)

    @_replicas.in_own_scope
    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Configures the model for training, like `keras.Model.compile`.

        Raises:
            ValueError: For `jit_compile=True` in the scope of a `tf.distribute` strategy, or a model made outside of that
                scope.
        """
        given = inspect.signature(super().compile).bind(*args, **kwargs).arguments
        _replicas.check_jit_compile(given.get("jit_compile"), self)
        super().compile(*args, **kwargs)

    def compile_from_config(self, config):
        # Keras does not call a `compile` method that a subclass overrides.
        config = keras.saving.deserialize_keras_object(config)
        config["jit_compile"] = _replicas.loaded_jit_compile(config.get("jit_compile"), self)
        self.compile(**config)
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def fit(
        self, x: Any = None, y: Any = None, *args: Any, class_weight: Any = None, **kwargs: Any
    ) -> keras.callbacks.History:
        """Trains the classifier on augmented batches, like `keras.Model.fit`.

        Checks the values of labels, which XLA cannot do. Warns if images seem to be on another scale than `value_range`, and
        if batches are so small that no row is replaced.

        Raises:
            ValueError: For labels that the generator does not have, for labels of several classes at once, and for
                `class_weight` with a `sampling_strategy` other than "keep": Keras turns it into sample weights before labels
                change.
        """
        replacement = self.augmentation.replacement
        if class_weight is not None and replacement.strategy != "keep":
            raise ValueError(
                '`class_weight` needs sampling_strategy="keep": the weights are looked up before labels change. '
                f"Received: class_weight={class_weight!r}, sampling_strategy={replacement.strategy!r}"
            )
        x, y = self._checked(x, y, (args[0] if args else kwargs.get("batch_size")) or 32)
        with _checks.readable_errors():
            return super().fit(x, y, *args, class_weight=class_weight, **kwargs)

    def train_on_batch(self, x: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Trains on one batch, like `keras.Model.train_on_batch`. Checks the values of labels first."""
        return super().train_on_batch(*self._checked(x, y), *args, **kwargs)

    def _checked(self, x, y, batch_size=None):
        """Checks the data: arrays at once, batches when they are requested. Returns the data with these checks added."""
        replacement = self.augmentation.replacement
        if isinstance(x, tf.data.Dataset):

            @tf.autograph.experimental.do_not_convert
            def in_graph(inputs, labels=None, *sample_weight):
                images, labels = replacement.checked(replacement.image_key.get(inputs), labels)
                inputs = replacement.image_key.put(inputs, images)
                return inputs if labels is None else (inputs, labels, *sample_weight)

            if isinstance(x.element_spec, dict):
                keys = sorted(x.element_spec, key=str)
                raise TypeError(f"`x` must be a dataset of (images, labels). Received: dicts of {keys}")
            for first in x.take(1):
                self._check_batch(first)
            return x.map(in_graph, num_parallel_calls=tf.data.AUTOTUNE), y
        if isinstance(x, keras.utils.Sequence):
            return _CheckedSequence(x, self._check_batch), y
        if isinstance(x, Iterator):
            return (self._check_batch(batch) for batch in x), y
        if isinstance(x, list) and replacement.image_key.key is None:
            x = np.asarray(x)
        y = np.asarray(y) if isinstance(y, list) else y
        self._check_arrays(x, y, batch_size)
        return x, y

    def _check_batch(self, batch):
        images, labels, _ = keras.utils.unpack_x_y_sample_weight(batch)
        self._check_arrays(images, labels)
        return batch

    def _check_arrays(self, x, y, batch_size=None):
        """Checks arrays of any length, on the host and in parts, since the whole may not fit into device memory."""
        replacement = self.augmentation.replacement
        images, y = replacement.image_key.get(x), None if replacement.condition.labels_pass else y
        replacement.check(*_checks.dense(x=_beginning(images), y=_beginning(y)), None)
        if y is not None:
            labels = y if isinstance(y, np.ndarray) or tf.is_tensor(y) else np.asarray(y)
            replacement.condition.check(labels)
            replacement.condition.check_values(labels)
        number = len(images)
        replacement.watch.look_at_size(min(number, batch_size or number))
        if number and not replacement.watch.scale.told:
            size = min(number, _LOOKED_AT // _PARTS)
            starts = range(0, number, size) if number <= _LOOKED_AT else np.linspace(0, number - size, _PARTS).astype(int)
            parts = (np.asarray(images[start : start + size]) for start in starts)
            replacement.watch.scale.look(np.array([(part.min(), part.max()) for part in parts]))

    def train_step(self, data):
        images, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        augmented = self.augmentation(images, labels, sample_weight, training=True)
        results = super().train_step(augmented)
        _replicas.agree_on_moving_statistics(self.model)
        return results

    def export(self, path: Any, format: str = "saved_model", **kwargs: Any) -> None:
        """Exports the plain classifier, without the augmentation.

        Args:
            path: Folder to write; a file for the other formats.
            format: "saved_model", "onnx" or "tflite", see `GAN.export`. In ONNX and LiteRT files the inputs have the names
                of the model's inputs. Defaults to "saved_model".
            **kwargs: Passed to `keras.Model.export` for a SavedModel.

        Raises:
            ValueError, TypeError, ImportError: See `GAN.export`.
        """
        if _checks.one_of(format, formats.FORMATS, "format") == "saved_model":
            with _files.replacing_saved_model(path) as new:
                _compat.export(self.model, new, **kwargs)
            return
        variables = [_compat.tf_variable(variable) for variable in self.model.variables]
        formats.write(path, format, lambda: formats.of_model(self.model), variables, "classifier")

    def get_config(self):
        augmentation = keras.saving.serialize_keras_object(self.augmentation)
        augmentation["config"]["generator"] = self.augmentation.replacement.generator  # models made from the config share it
        model = keras.saving.serialize_keras_object(self.model)
        return _compat.stamped({"name": self.name, "model": model, "augmentation": augmentation})

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = _compat.unstamped(config, cls.__name__)
        for name in ("model", "augmentation"):
            config[name] = keras.saving.deserialize_keras_object(config[name], custom_objects=custom_objects)
        return cls(**config)
