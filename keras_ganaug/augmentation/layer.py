"""The augmentation as a Keras layer."""

import contextlib
import types
import uuid
import warnings
import weakref

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat, _files, _images, _random, _watch
from keras_ganaug.augmentation.replacement import Replacement
from keras_ganaug.generators import assets, export
from keras_ganaug.generators import source as sources
from keras_ganaug.generators.filtered import FilteredGenerator


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
            proportion. Defaults to "keep".
        synthetic_weight: Factor on the sample weight of synthetic rows, at least 0; a batch without sample weights gets
            them. Defaults to None: sample weights stay as they are.
        value_range: (lowest, highest) value of the batches. Defaults to that of the generator's own images, which is
            [-1, 1] for a bare Keras model.
        truncation: Factor on the latents, above 0 and at most 1: smaller gives more typical and less diverse images.
            Defaults to 1.
        seed: Integer; the same seed gives the same series of draws. Defaults to None: drawn anew.
        num_classes: Of a bare conditional Keras model, its number of classes. With "balance" and integer labels, only
            then are classes chosen that a batch does not have. Defaults to None.
        image_key: Where `images` are several inputs, as in `{"photo": ..., "meta": ...}`, the key of the image; the others
            pass through. "a/b", or a tuple of keys, in dicts within dicts; an integer for a place in a tuple. Defaults to
            None: `images` is one tensor.

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
        generator,
        fraction=0.25,
        sampling_strategy="keep",
        synthetic_weight=None,
        value_range=None,
        truncation=1.0,
        seed=None,
        num_classes=None,
        image_key=None,
        **kwargs,
    ):
        truncation = _checks.truncation(truncation)
        seed = _random.entropy() if _checks.seed(seed) is None else _checks.seed(seed)
        num_classes = None if num_classes is None else _checks.positive_int(num_classes, "num_classes")
        source = sources.resolve(generator, num_classes)
        replacement = Replacement(source, fraction, sampling_strategy, synthetic_weight, value_range, image_key)
        kwargs["autocast"] = False  # dtypes are the caller's
        super().__init__(**kwargs)
        # In a plain namespace Keras does not take the generator for a part of the layer.
        self._frozen = types.SimpleNamespace(source=source, replacement=replacement)
        # Keras reads assets when it has let go of both.
        loading = {"safe_mode": _compat.safe_mode(), "custom_objects": _compat.custom_objects(), "error": None}
        self._loading = types.SimpleNamespace(**loading)
        self.truncation, self.seed = truncation, seed
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
    def from_recommendation(cls, generator, recommendation, classifier=None, **kwargs):
        """The augmentation that `recommend` advises; one of fraction 0, the identity, where it advises against the GAN.

        Args:
            generator: As of the class.
            recommendation: A `study.Recommendation`.
            classifier: As of `FilteredGenerator`; needed only if the recommendation has a `band`. Defaults to None.
            **kwargs: Further arguments of the class.

        Raises:
            ValueError: If a classifier is needed and there is none.
        """
        if not hasattr(recommendation, "sampling_strategy"):
            raise TypeError(f"`recommendation` must be what `recommend` returns. Received: {recommendation!r}")
        if recommendation.fraction and recommendation.band is not None:
            if classifier is None:
                raise ValueError(
                    f"`classifier` must be given: samples are to be filtered, band={recommendation.band}. "
                    "Received: classifier=None. `study.cross_fitted_classifier` makes one"
                )
            generator = FilteredGenerator(generator, classifier, recommendation.band)
        advised = {
            "fraction": recommendation.fraction,
            "sampling_strategy": recommendation.sampling_strategy,
            "synthetic_weight": recommendation.synthetic_weight,
            "truncation": recommendation.truncation,
        }
        return cls(generator, **{**advised, **kwargs})

    @property
    def replacement(self):
        """The rule by which rows are replaced."""
        return self._frozen.replacement

    @property
    def fraction(self):
        """Share of the batch that is replaced."""
        return self._frozen.replacement.fraction

    @property
    def value_range(self):
        """(lowest, highest) value of the batches."""
        return self._frozen.replacement.value_range

    def call(self, images, labels=None, sample_weight=None, training=None):
        given = (images, labels, sample_weight)
        if tf.is_tensor(training) and not hasattr(training, "numpy"):
            raise TypeError("`training` must be known when the graph is made: True or False. Received: a symbolic tensor")
        if training is None or not bool(training):
            return _structured(*given)
        replacement = self._frozen.replacement
        inputs, images = images, replacement.image_key.get(images)
        images, labels, sample_weight = _checks.dense(images=images, labels=labels, sample_weight=sample_weight)
        replacement.learn_of(self._frozen.source)
        replacement.check(images, labels, sample_weight)
        images, labels = replacement.checked(images, labels, lambda: tf.identity(_compat.tf_variable(self.calls)))
        with tf.control_dependencies([images]):  # a call counts only where there is a batch
            calls = tf.identity(_compat.tf_variable(self.calls))
            self.calls.assign_add(1)
        seed = _random.replica_seed(_random.fold(_random.as_seed(self.seed), calls))
        images, labels, sample_weight, _ = replacement(images, labels, sample_weight, seed, self._draw)
        return _structured(replacement.image_key.put(inputs, images), labels, sample_weight)

    def _draw(self, classes, seed):
        source = self._frozen.source
        images = source.sample(classes, seed, self.truncation)
        return _images.rescale(tf.cast(images, tf.float32), source.value_range, self.value_range)

    def compute_output_spec(self, images, labels=None, sample_weight=None, training=None):
        """What a functional model of Keras 3 is told: shapes and dtypes are those of the inputs."""
        if self._frozen.replacement.synthetic_weight is not None and sample_weight is None:
            raise ValueError(
                "`sample_weight` must be given inside a functional model when `synthetic_weight` is set: its outputs cannot "
                "be more in training than at inference. Received: sample_weight=None"
            )

        def described(x):
            return None if x is None else keras.KerasTensor(x.shape, dtype=x.dtype)

        return _structured(*tf.nest.map_structure(described, (images, labels, sample_weight)))

    def compute_output_shape(self, images_shape, labels_shape=None, sample_weight_shape=None):
        return _structured(images_shape, labels_shape, sample_weight_shape)

    def export(self, path):
        """Writes a SavedModel that generates and augments with TensorFlow alone.

        Besides what `GAN.export` writes, `tf.saved_model.load(path).augment(images, labels, seed)` returns
        `(images, labels)` with synthetic rows, for float32 images in this layer's `value_range`, int32 labels of shape
        (n,) and an int32 seed of shape (2,).

        Args:
            path: Folder to write, of any file system that TensorFlow knows, such as "gs://bucket/generator".

        Raises:
            ValueError, TypeError: For a path that cannot be written, or a generator that gives images that are not finite.
        """
        source, replacement = self._frozen.source, self._frozen.replacement

        def augment(images, labels, seed):
            conditional = export.existing_classes(labels, source) if source.conditional else None
            images, new_labels, _, _ = replacement(images, conditional, None, seed, self._draw)
            return images, labels if new_labels is None else new_labels

        signature = [
            tf.TensorSpec([None, *source.image_shape], tf.float32, name="images"),
            tf.TensorSpec([None], tf.int32, name="labels"),
            tf.TensorSpec([2], tf.int32, name="seed"),
        ]
        export.export_generator(source, path, augment=(augment, signature))

    # The generator travels in the assets of a .keras file.

    def save_assets(self, dir_path):
        assets.write(self._frozen.source, _files.join(dir_path, "generator"))

    def load_assets(self, dir_path):
        loading = self._loading
        if dir_path is None and loading.error is not None:
            raise loading.error  # Keras tries again where it comes upon the layer a second time
        try:
            self._frozen.source = self._read_assets(dir_path and _files.join(dir_path, "generator"))
        except Exception as error:
            loading.error = error
            raise

    def _read_assets(self, folder):
        source = assets.read(folder, self._loading.safe_mode, self._loading.custom_objects)
        for name in ("image_shape", "conditional", "num_classes", "value_range"):
            expected, received = (_plain(getattr(one, name)) for one in (self._frozen.source, source))
            if received != expected:
                raise ValueError(
                    f"The generator in a file must have the {name} that the file tells, {expected}. Received: {received}"
                )
        try:
            _watch.check_generator(source)
        except ValueError as error:  # the classifier in the same file may be a good one
            warnings.warn(str(error), stacklevel=2)
        return source

    def get_config(self):
        replacement, source = self._frozen.replacement, self._frozen.source
        weights = replacement.class_weights
        return {
            **super().get_config(),
            "generator": {
                "token": _remember(source),
                "path": source.path,
                "image_shape": source.image_shape,
                "conditional": source.conditional,
                "num_classes": source.num_classes,
                "value_range": source.value_range,
                "unseen_classes": source.unseen_classes,
            },
            "fraction": replacement.fraction,
            "sampling_strategy": replacement.strategy if weights is None else weights.tolist(),
            "synthetic_weight": replacement.synthetic_weight,
            "value_range": replacement.value_range,
            "truncation": self.truncation,
            "seed": self.seed,
            "image_key": replacement.image_key.key,
        }

    @classmethod
    def from_config(cls, config):
        num_classes = config["generator"]["num_classes"]
        config = {**config, "generator": _restored(config["generator"]), "num_classes": num_classes}
        config.pop("autocast", None)
        return cls(**config)


_LIVE = weakref.WeakValueDictionary()  # generators in memory: a layer cloned from its config gets the same one


def _remember(source):
    """A token by which this process finds the generator again."""
    if not hasattr(source, "token"):
        source.token = uuid.uuid4().hex
    _LIVE[source.token] = source
    return source.token


class _Absent(sources.Source):
    """Stands for a generator that a config describes but does not hold, until the assets are read."""

    def __init__(self, description):
        self.image_shape, self.value_range = tuple(description["image_shape"]), tuple(description["value_range"])
        self.conditional, self.num_classes = description["conditional"], description["num_classes"]
        self.unseen_classes = tuple(description.get("unseen_classes", ()))

    def sample(self, labels, seed, truncation=1.0):
        raise ValueError(
            "This GANAugmentation was made from its config, which does not hold the generator. Expected: a layer made with "
            "`generator`, or loaded from a .keras file. Received: a config alone"
        )


def _restored(description):
    """The generator that a config describes: a path in it is opened only where the user allows what a file brings along."""
    live = _LIVE.get(description.get("token"))
    if live is not None:
        return live
    if description.get("path") is not None and not _compat.safe_mode():
        with contextlib.suppress(ValueError, TypeError):  # the file may be another one now; the assets are still to come
            return sources.resolve(description["path"], description["num_classes"])
    return _Absent(description)


def _plain(value):
    return tuple(value) if isinstance(value, list) else value


def _structured(images, labels, sample_weight):
    """The parts that there are: images alone, or a tuple."""
    parts = tuple(part for part in (images, labels, sample_weight) if part is not None)
    return parts[0] if len(parts) == 1 else parts
