"""The augmentation as a Keras layer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat, _files, _random
from keras_ganaug.augmentation.replacement import Replacement
from keras_ganaug.generators import FilteredGenerator, Generator, assets, export, for_batches


@keras.saving.register_keras_serializable(package="keras_ganaug")
class GANAugmentation(keras.layers.Layer):
    """Replaces a fraction of each training batch by synthetic images of a generator.

    Of a batch of B rows exactly `round(fraction * B)` are replaced, drawn anew at each call; all others stay as they are,
    bit by bit. Only the replaced rows are generated. Without `training=True` the layer is the identity, so a served or
    exported classifier never augments. The generator is frozen: it is no part of the layer's weights, and nothing of it
    changes. A `.keras` file of a model with this layer holds the generator too. A GAN or a Keras model travels as a Keras
    object. One that was given as a SavedModel travels as a SavedModel, which `keras.models.load_model` reads only with
    `safe_mode=False`.

    Batches on another scale than `value_range` are told, unless XLA compiles the model around the layer: it cannot call
    Python. `AugmentedModel` and `gan_augment` tell in any case.

    Args:
        generator: A GAN, a Keras model from `[latents, labels]` (or latents alone) to images in [-1, 1], or the path of a
            `.keras` file or SavedModel.
        fraction: Share of the batch to replace, 0 to 1. Defaults to 0.25.
        sampling_strategy: Which classes the synthetic rows get. "keep": each that of the row it replaces, so labels do not
            change. "balance": those that are rarest in the batch; if nearly all rows of a class are synthetic then, and
            nearly all others real, a classifier can learn to know it by the traces of the generator, which "keep" on
            oversampled data avoids. A mapping from class index to weight, or a sequence of one weight per class: drawn in
            proportion; the batch may have classes that the generator does not know. Defaults to "keep".
        synthetic_weight: Factor on the sample weight of synthetic rows, at least 0; a batch without sample weights gets
            them. Defaults to None: sample weights stay as they are.
        value_range: (lowest, highest) value of the batches. Defaults to that of the generator's own images, which is
            [-1, 1] for a bare Keras model.
        truncation: Factor on the latents, above 0 and at most 1: smaller gives more typical and less diverse images.
            Defaults to 1.
        seed: Integer; the same seed gives the same series of draws. Defaults to None: drawn anew.
        num_classes: Of a bare conditional Keras model, its number of classes, as of a GAN. With "balance" and integer
            labels, only then are classes chosen that a batch does not have. Defaults to None.
        image_key: Where `images` are several inputs, as in `{"photo": ..., "meta": ...}`, the key of the image; the others
            pass through. "a/b", or a tuple of keys, in dicts within dicts; an integer for a place in a tuple. Defaults to
            None: `images` is one tensor.
        label: Of a generator of several attributes, the one that the labels of the batch are. Defaults to None: the first.
        attributes: Of such a generator, how the others are drawn for each synthetic row: "uniform", or a mapping from name
            to weights: "uniform", a mapping from value to weight, or a sequence of one weight per value. Those that it
            leaves out are uniform. Defaults to None: "uniform".

    Call arguments:
        images: Tensor of shape (batch, height, width, channels) and any real dtype; integers are rounded and clipped.
        labels: Class indices of any integer dtype or bool, of shape (batch,) or (batch, 1), or one-hot or smoothed rows of
            shape (batch, num_classes), which keep their smoothing. Augment before MixUp or CutMix: a row of mixed classes
            that is replaced becomes one of a single class, the one that its label has most of. Rows with several ones
            (multi-label) are refused. None for an unconditional generator.
        sample_weight: Tensor of shape (batch,) and any float dtype, or None.
        training: Only True augments.

    Returns what it was given: `images`, `(images, labels)` or `(images, labels, sample_weight)`.

    Raises:
        ValueError, TypeError: For an argument out of its range, an unreadable generator, or a batch that does not fit it.

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
        sampling_strategy: str | Mapping[int, float] | Sequence[float] = "keep",
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
        seed = _random.entropy() if _checks.seed(seed) is None else _checks.seed(seed)
        generator = for_batches(generator, num_classes, label, attributes)
        arguments = (fraction, sampling_strategy, synthetic_weight, value_range, truncation, image_key)
        # Keras does not take a plain object for a part of the layer: the generator has no weights that train or are saved.
        replacement = Replacement(generator, *arguments)
        kwargs["autocast"] = False  # dtypes are the caller's
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
        """The augmentation that `recommend` advises; one of fraction 0, the identity, where it advises against the GAN.

        Args:
            generator: As of the class.
            recommendation: A `study.Recommendation`.
            classifier: As of `FilteredGenerator`; needed only if the recommendation has a `band`. Defaults to None.
            **kwargs: Further arguments of the class.

        Raises:
            ValueError: If a classifier is needed and there is none.
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
                    f"`classifier` must be given: samples are to be filtered, band={band}. Received: classifier=None. "
                    "`study.cross_fitted_classifier` makes one"
                )
            of_label = {name: options.pop(name, None) for name in ("label", "attributes")}
            generator = FilteredGenerator(generator, classifier, band, **of_label)
        return cls(generator, **options)

    @property
    def replacement(self) -> Replacement:
        """The rule by which rows are replaced, and the generator."""
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
        """Factor on the latents."""
        return self._replacement.truncation

    def call(self, images: Any, labels: Any = None, sample_weight: Any = None, training: bool | None = None) -> Any:
        if tf.is_symbolic_tensor(training):
            raise TypeError("`training` must be known when the graph is made: True or False. Received: a symbolic tensor")
        if training is None or not bool(training):
            return structured(images, labels, sample_weight)
        replacement, inputs, given = self._replacement, images, labels
        images, labels, sample_weight = replacement.tensors(inputs, labels, sample_weight)
        replacement.check(images, labels, sample_weight)
        calls = _compat.tf_variable(self.calls)
        images, labels = replacement.checked(images, labels, lambda: tf.identity(calls))
        with tf.control_dependencies([images]):  # a call counts only where there is a batch
            number = tf.identity(calls)
            self.calls.assign_add(1)
        seed = _random.replica_seed(_random.fold(_random.as_seed(self.seed), number))
        images, labels, sample_weight, _ = replacement(images, labels, sample_weight, seed)
        labels = given if replacement.condition.labels_pass else labels
        return structured(replacement.image_key.put(inputs, images), labels, sample_weight)

    def compute_output_spec(self, images: Any, labels: Any = None, sample_weight: Any = None, training: Any = None) -> Any:
        """What a functional model of Keras 3 is told: shapes and dtypes are those of the inputs."""
        if self._replacement.synthetic_weight is not None and sample_weight is None:
            raise ValueError(
                "`sample_weight` must be given inside a functional model when `synthetic_weight` is set: its outputs cannot "
                "be more in training than at inference. Received: sample_weight=None"
            )

        def spec(x):
            return None if x is None else keras.KerasTensor(x.shape, dtype=x.dtype)

        return structured(*tf.nest.map_structure(spec, (images, labels, sample_weight)))

    def compute_output_shape(self, images_shape: Any, labels_shape: Any = None, sample_weight_shape: Any = None) -> Any:
        return structured(images_shape, labels_shape, sample_weight_shape)

    def export(self, path: str | os.PathLike, format: str = "saved_model") -> None:
        """Writes a SavedModel that generates and augments with TensorFlow alone, or the generator as ONNX or LiteRT file.

        Besides what `GAN.export` writes, `tf.saved_model.load(path).augment(images, labels, seed)` returns
        `(images, labels)` with synthetic rows, for float32 images in this layer's `value_range`, int32 labels of shape
        (n,) and an int32 seed of shape (2,). Of a generator of several attributes the labels are those of `label`.

        Args:
            path, format: As of `GAN.export`.

        Raises:
            ValueError, TypeError, ImportError: As of `GAN.export`.
        """
        generator = self._replacement.generator

        def augment(images, labels, seed):
            conditional = export.existing(labels, self._replacement) if generator.condition.conditional else None
            images, new_labels, _, _ = self._replacement(images, conditional, None, seed)
            return images, labels if new_labels is None else new_labels

        signature = [export.images_of(generator), export.labels_of(generator), export.SEED]
        generator.export(path, format, augment=(augment, signature))

    # The generator travels in the assets of a .keras file.

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
        if isinstance(generator, dict):  # of a file: as Keras writes objects, or as this package did before
            generator = Generator.from_config(generator.get("config", generator))
        config = {**config, "generator": generator}
        config.pop("autocast", None)
        return cls(**config)


def structured(images: Any, labels: Any, sample_weight: Any) -> Any:
    """The parts that there are: images alone, or a tuple."""
    parts = tuple(part for part in (images, labels, sample_weight) if part is not None)
    return parts[0] if len(parts) == 1 else parts
