"""The augmentation as a Keras layer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat, _files, _random, _replicas
from keras_ganaug.augmentation.replacement import Replacement
from keras_ganaug.generators import FilteredGenerator, Generator, assets, export, for_batches


@keras.saving.register_keras_serializable(package="keras_ganaug")
class GANAugmentation(keras.layers.Layer):
    """Replaces a fraction of each training batch with synthetic images from a generator.

    In a batch of B rows, exactly `round(fraction * B)` rows are replaced, chosen at random in each call. All other rows are
    unchanged, bit for bit. Only the replaced rows are generated. The layer is the identity unless `training=True`, so a
    served or exported classifier never augments.

    The generator is frozen. It does not belong to the layer's weights and never changes. A `.keras` file of a model with
    this layer contains the generator: a GAN or a Keras model as a Keras object, and a SavedModel as a SavedModel, which
    `keras.models.load_model` reads only with `safe_mode=False`.

    The layer warns about batches on another scale than `value_range`, except in a model that XLA compiles: XLA cannot call
    Python. `AugmentedModel` and `gan_augment` always warn.

    Args:
        generator: A GAN, a Keras model from `[latents, labels]` (or latents alone) to images in [-1, 1], or the path of a
            `.keras` file or SavedModel.
        fraction: Share of the batch to replace, 0 to 1. Defaults to 0.25.
        sampling_strategy: How the classes of synthetic rows are chosen. "keep": each row keeps the class of the row it
            replaces, so labels do not change. "balance": the classes that are rarest in the batch. If nearly all rows of a
            class are then synthetic and most others real, a classifier can learn to recognise the class by traces of the
            generator; "keep" on oversampled data avoids this. A mapping from class (index or name) to weight, or a sequence
            of one weight per class: drawn in proportion; the batch may contain classes that the generator does not know.
            Defaults to "keep".
        synthetic_weight: Factor for the sample weights of synthetic rows, at least 0. Batches without sample weights get
            them. Defaults to None: sample weights do not change.
        value_range: (lowest, highest) value of the images in the batch. Defaults to the generator's own range, which is [-1,
            1] for a bare Keras model.
        truncation: Factor for the latents, above 0 and at most 1. Smaller values give more typical and less diverse images.
            Defaults to 1.
        seed: Integer. The same seed gives the same sequence of draws. Defaults to None: a random seed.
        num_classes: Number of classes of a bare conditional Keras model, in the same form as for a GAN. "balance" with
            integer labels needs it to choose classes that are missing from a batch. Defaults to None.
        image_key: If the model has several inputs, as in `{"photo": ..., "meta": ...}`, the key of the image. The other
            inputs pass through. Use "a/b" or a tuple of keys for nested dicts, and an integer for a position in a tuple.
            Defaults to None: `images` is one tensor.
        label: For a generator with several attributes, the attribute of the batch labels. Defaults to None: the first.
        attributes: For such a generator, how the other attributes of each synthetic row are drawn: "uniform", or a mapping
            from attribute name to weights. The weights are "uniform", a mapping from value (index or name) to weight, or a
            sequence of one weight per value. Attributes that are not in the mapping are uniform. Defaults to None:
            "uniform".

    Call arguments:
        images: Tensor of shape (batch, height, width, channels) and any real dtype. Integers are rounded and clipped.
        labels: Class indices of any integer dtype or bool, of shape (batch,) or (batch, 1); or one-hot or smoothed rows of
            shape (batch, num_classes), which stay smoothed. Multi-label rows are an error. None for an unconditional
            generator. Augment before MixUp or CutMix: if a row with a mixed label is replaced, it gets the class with the
            largest share.
        sample_weight: Tensor of shape (batch,) and any float dtype, or None.
        training: Whether to augment. Only True augments.

    Returns the same structure that it was given: `images`, `(images, labels)` or `(images, labels, sample_weight)`.

    Raises:
        ValueError, TypeError: For an argument out of its range, an unreadable generator, or a batch that does not fit the
            generator.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> gan = kga.SNGAN(image_shape=(8, 8, 1), num_classes=2, seed=1)
    >>> augment = kga.GANAugmentation(gan, fraction=0.5, seed=1)
    >>> images, labels = np.zeros([6, 8, 8, 1], "uint8"), np.array([0, 1] * 3)
    >>> new_images, new_labels = augment(images, labels, training=True)
    >>> int((new_images.numpy() != 0).any((1, 2, 3)).sum()), new_images.dtype.name
    (3, 'uint8')
    """

    def __init__(
        self,
        generator: Any,
        fraction: float = 0.25,
        sampling_strategy: str | Mapping[int | str, float] | Sequence[float] = "keep",
        synthetic_weight: float | None = None,
        value_range: tuple[float, float] | None = None,
        truncation: float = 1.0,
        seed: int | tuple[int, int] | None = None,
        num_classes: int | Mapping[str, int] | None = None,
        image_key: Any = None,
        label: str | None = None,
        attributes: str | Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        seed = _replicas.agreed(_random.entropy()) if _checks.seed(seed) is None else _checks.seed(seed)
        generator = for_batches(generator, num_classes, label, attributes)
        arguments = (fraction, sampling_strategy, synthetic_weight, value_range, truncation, image_key)
        # Keras does not track a plain object, so the generator's weights are neither trained nor saved as the layer's.
        replacement = Replacement(generator, *arguments)
        kwargs["autocast"] = False  # inputs keep their dtypes
        super().__init__(**kwargs)
        self._replacement, self._loading, self.seed = replacement, assets.Loading(), seed
        self.calls = self.add_weight(
            name="calls",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation=_compat.SAME_ON_ALL,
        )
        self.built = True

    @classmethod
    def from_recommendation(
        cls, generator: Any, recommendation: Any, classifier: keras.Model | None = None, **kwargs: Any
    ) -> GANAugmentation:
        """Makes the augmentation that `recommend` advises. If it advises against the GAN, the layer is the identity.

        Args:
            generator: See the class.
            recommendation: A `study.Recommendation`.
            classifier: See `FilteredGenerator`. Needed only if the recommendation has a `band`. Defaults to None.
            **kwargs: Further arguments of the class.

        Raises:
            ValueError: If a classifier is needed and none is given.
        """
        names = ("fraction", "sampling_strategy", "synthetic_weight", "truncation", "attributes")
        try:
            advised, band = {name: getattr(recommendation, name) for name in names}, recommendation.band
        except AttributeError:
            raise TypeError(f"`recommendation` must be what `recommend` returns. Received: {recommendation!r}") from None
        options = {**advised, **kwargs}
        if advised["fraction"] and band is not None:
            if classifier is None:
                raise ValueError(
                    f"`classifier` must be given, since this recommendation filters samples, band={band}: "
                    "`study.cross_fitted_classifier` makes one. Received: classifier=None"
                )
            of_label = {name: options.pop(name, None) for name in ("label", "attributes")}
            generator = FilteredGenerator(generator, classifier, band, **of_label)
        return cls(generator, **options)

    @property
    def replacement(self) -> Replacement:
        """The rule that replaces rows. It holds the generator."""
        return self._replacement

    @property
    def fraction(self) -> float:
        """Share of the batch that is replaced."""
        return self._replacement.fraction

    @property
    def value_range(self) -> tuple[float, float]:
        """(lowest, highest) value of the batches."""
        return self._replacement.value_range

    @property
    def truncation(self) -> float:
        """Factor for the latents."""
        return self._replacement.truncation

    def call(self, images: Any, labels: Any = None, sample_weight: Any = None, training: bool | None = None) -> Any:
        if tf.is_symbolic_tensor(training):
            raise TypeError("`training` must be known when the graph is built: True or False. Received: a symbolic tensor")
        if training is None or not bool(training):
            return structured(images, labels, sample_weight)
        replacement, inputs, given = self._replacement, images, labels
        images, labels, sample_weight = replacement.tensors(inputs, labels, sample_weight)
        replacement.check(images, labels, sample_weight)
        calls = _compat.tf_variable(self.calls)
        images, labels = replacement.checked(images, labels, lambda: tf.identity(calls))
        with tf.control_dependencies([images]):  # a call counts only if the batch is valid
            number = tf.identity(calls)
            self.calls.assign_add(1)
        seed = _random.replica_seed(_random.fold(_random.as_seed(self.seed), number))
        images, labels, sample_weight, _ = replacement(images, labels, sample_weight, seed)
        labels = given if replacement.condition.labels_pass else labels
        return structured(replacement.image_key.put(inputs, images), labels, sample_weight)

    def compute_output_spec(self, images: Any, labels: Any = None, sample_weight: Any = None, training: Any = None) -> Any:
        """Tells a functional model of Keras 3 the outputs: they have the shapes and dtypes of the inputs."""
        if self._replacement.synthetic_weight is not None and sample_weight is None:
            raise ValueError(
                "`sample_weight` must be given inside a functional model when `synthetic_weight` is set: a functional "
                "model cannot have more outputs in training than at inference. Received: sample_weight=None"
            )

        def spec(x):
            return None if x is None else keras.KerasTensor(x.shape, dtype=x.dtype)

        return structured(*tf.nest.map_structure(spec, (images, labels, sample_weight)))

    def compute_output_shape(self, images_shape: Any, labels_shape: Any = None, sample_weight_shape: Any = None) -> Any:
        return structured(images_shape, labels_shape, sample_weight_shape)

    def export(self, path: str | os.PathLike, format: str = "saved_model") -> None:
        """Exports generator and augmentation as a SavedModel that needs only TensorFlow, or the generator as ONNX or LiteRT.

        The SavedModel has all that `GAN.export` writes. In addition, `tf.saved_model.load(path).augment(images, labels,
        seed)` returns `(images, labels)` with synthetic rows. It takes float32 images in this layer's `value_range`, int32
        labels of shape (n,) and an int32 seed of shape (2,). With several attributes, the labels are those of `label`.

        Args:
            path, format: See `GAN.export`.

        Raises:
            ValueError, TypeError, ImportError: See `GAN.export`.
        """
        generator = self._replacement.generator

        def augment(images, labels, seed):
            conditional = export.existing(labels, self._replacement) if generator.condition.conditional else None
            images, new_labels, _, _ = self._replacement(images, conditional, None, seed)
            return images, labels if new_labels is None else new_labels

        signature = [export.images_of(generator), export.labels_of(generator), export.SEED]
        generator.export(path, format, augment=(augment, signature))

    # A .keras file stores the generator among its assets.

    def save_assets(self, dir_path: str) -> None:
        assets.write(self._replacement.generator, _files.join(dir_path, "generator"))

    def load_assets(self, dir_path: str | None) -> None:
        self._replacement.generator = self._loading.read(dir_path, self._replacement.generator)

    def get_config(self) -> dict[str, Any]:
        replacement = self._replacement
        weights = replacement.class_weights
        return {
            **super().get_config(),
            "generator": replacement.generator,
            "fraction": replacement.fraction,
            "sampling_strategy": replacement.strategy if weights is None else weights.tolist(),
            "synthetic_weight": replacement.synthetic_weight,
            "value_range": replacement.value_range,
            "truncation": replacement.truncation,
            "seed": self.seed,
            "image_key": replacement.image_key.key,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> GANAugmentation:
        generator = config["generator"]
        if isinstance(generator, dict):  # from a file, written by Keras or by an older version of this package
            generator = Generator.from_config(generator.get("config", generator))
        config = {**config, "generator": generator}
        config.pop("autocast", None)
        return cls(**config)


def structured(images: Any, labels: Any, sample_weight: Any) -> Any:
    """The parts that are not None: one alone as it is, several as a tuple."""
    parts = tuple(part for part in (images, labels, sample_weight) if part is not None)
    return parts[0] if len(parts) == 1 else parts
