"""Features of images from a network, with a stamp that identifies the network."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _watch, networks
from keras_ganaug.metrics._inputs import checked_images
from keras_ganaug.metrics.scores import train_classifier

_INCEPTION_WEIGHTS = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
_INCEPTION_SIDE = 299


class Features:
    """A function from images to feature vectors: the outputs of a Keras model, averaged over positions.

    Distances in the features of one network say nothing about those of another. So each extractor has a `stamp`: its name
    and a digest of its layers and weights. `metrics.compare` puts it next to its results. Functions that take features or a
    classifier do not know the stamp: store it together with their results.

    Args:
        model: Keras model from a batch of images to features, of shape (batch, d) or (batch, height, width, d).
        name: Name in the stamp.
        batch_size: Number of images at a time. Defaults to 500.
        value_range: (lowest, highest) value of the images that the model expects. Images that seem to be on another scale
            give a warning, once. Defaults to None: any scale.

    Call arguments:
        images: Real array of shape (n, height, width, channels), in the range that the model expects.

    Returns float32 features of shape (n, d).

    Raises:
        TypeError, ValueError: For a model or images that do not fit, or images that are not finite.

    Example:

    >>> import numpy as np
    >>> from keras_ganaug import metrics
    >>> features = metrics.random_features(image_shape=(8, 8, 1), seed=1)
    >>> features(np.zeros([5, 8, 8, 1])).shape
    (5, 128)
    >>> features.stamp.startswith("random network, seed 1 #")
    True
    """

    def __init__(self, model: keras.Model, name: str, batch_size: int = 500, value_range: tuple[float, float] | None = None):
        _check_functional(model, "model")
        if len(model.outputs) != 1 or len(model.outputs[0].shape) not in (2, 4):
            raise ValueError(
                "`model` must give one array of features, of shape (batch, d) or (batch, height, width, d). "
                f"Received: {[tuple(output.shape) for output in model.outputs]}"
            )
        if not isinstance(name, str) or not name.strip():
            raise TypeError(f"`name` must be a name. Received: name={name!r}")
        self.model, self.name = model, name
        self.batch_size = _checks.positive_int(batch_size, "batch_size")
        self.value_range = None if value_range is None else _checks.value_range(value_range)
        self._watch = self.value_range and _watch.ScaleWatch(self.value_range, "make the features anew")

    @property
    def stamp(self) -> str:
        """The name, and a digest of the layers and their weights."""
        digest = hashlib.sha256()
        for layer in self.model._flatten_layers():
            digest.update(_description(layer).encode())
        for weight in self.model.get_weights():
            digest.update(f"{weight.dtype} {weight.shape}".encode())
            digest.update(np.ascontiguousarray(weight).tobytes())
        return f"{self.name} #{digest.hexdigest()[:8]}"

    def __call__(self, images: np.ndarray) -> np.ndarray:
        images = self.checked(images)
        self.look(images)
        return self.of(images)

    def checked(self, images: np.ndarray, name: str = "images") -> np.ndarray:
        """Checks images and converts them to an array. `name` is the name of the argument."""
        return checked_images(images, name, tuple(self.model.inputs[0].shape[1:]))

    def look(self, images: np.ndarray) -> None:
        """Warns once about images that seem to be on another scale than the model expects."""
        if self._watch is not None:
            self._watch.look(images)

    def of(self, images: np.ndarray) -> np.ndarray:
        """The features of images that passed `checked`."""
        features = self.model.predict(images, batch_size=self.batch_size, verbose=0).astype(np.float32)
        return features if features.ndim == 2 else features.mean((1, 2))


def _check_functional(model, name):
    if not isinstance(model, keras.Model):
        raise TypeError(f"`{name}` must be a Keras model. Received: {name}={model!r}")
    if not getattr(model, "outputs", None):
        raise ValueError(
            f"`{name}` must be a sequential or functional model, whose layers can be read. "
            f"Received: {type(model).__name__}, subclassed or not built"
        )


def _description(layer):
    """Describes a layer without its name, which depends on the other layers of the process."""
    kind = type(layer).__name__
    if isinstance(layer, keras.Model):
        return kind  # its layers are described on their own
    try:
        config = layer.get_config()
    except NotImplementedError:
        return kind
    config.pop("name", None)
    return kind + json.dumps(config, sort_keys=True, default=lambda value: type(value).__name__)


def features_of(
    classifier: keras.Model, name: str = "classifier", value_range: tuple[float, float] | None = None
) -> Features:
    """The features that a classifier computes its logits from: the input of its last dense layer, before any dropout.

    If this is a flattened feature map, it is averaged over positions.

    Args:
        classifier: Built Keras model from images to one logit or probability per class. Its last layer with weights must be
            dense.
        name: Name in the stamp. Defaults to "classifier".
        value_range: (lowest, highest) value of the images that the classifier expects, see `Features`. Defaults to None.

    Raises:
        TypeError, ValueError: For anything else.
    """
    _check_functional(classifier, "classifier")
    dense = [n for n, layer in enumerate(classifier.layers) if isinstance(layer, keras.layers.Dense)]
    if not dense or any(layer.weights for layer in classifier.layers[dense[-1] + 1 :]):
        raise ValueError(
            "`classifier` must end in a dense layer. "
            f"Received: {[type(layer).__name__ for layer in classifier.layers[-3:]]} as its last layers"
        )
    passed_through = (keras.layers.Dropout, keras.layers.Flatten)
    x = classifier.layers[dense[-1]].input
    for layer in reversed(classifier.layers[: dense[-1]]):
        if not isinstance(layer, passed_through):
            break
        x = layer.input
    return Features(keras.Model(classifier.inputs, x), name, value_range=value_range)


def classifier_features(
    images: np.ndarray,
    labels: Sequence[int],
    num_classes: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    steps: int = 1500,
    seed: int = 0,
    name: str | None = None,
) -> Features:
    """Features of a small classifier (`networks.classifier`) that this function trains on real images.

    Args:
        images: Real images of shape (n, height, width, channels), in `value_range`. Use other images than those that samples
            are compared with.
        labels: Their class indices, integers of shape (n,).
        num_classes: Number of classes. Defaults to the largest label plus 1.
        value_range: (lowest, highest) value of the images. Defaults to (0, 255).
        steps: Training steps, with 128 images each. Defaults to 1500.
        seed: Integer, for the weights and the order of the images. Defaults to 0.
        name: Name in the stamp. Defaults to a name with the number of images and the seed.
    """
    model = train_classifier(images, labels, num_classes, value_range=value_range, steps=steps, seed=seed)
    return features_of(model, name or f"classifier trained on {len(images):,} images, seed {seed}", value_range)


def random_features(
    image_shape: tuple[int, int, int], value_range: tuple[float, float] = (0, 255), seed: int = 0
) -> Features:
    """Features of the small classifier's convolutions with random weights: cheap, and without training.

    Args:
        image_shape: (height, width, channels).
        value_range: (lowest, highest) value of the images. Defaults to (0, 255).
        seed: Integer that determines the weights. Defaults to 0.
    """
    shape, seed = _checks.image_shape(image_shape), _checks.non_negative_int(seed, "seed")
    model = networks.classifier.classifier(shape, 2, value_range=_checks.value_range(value_range), seed=seed)
    return features_of(model, f"random network, seed {seed}", value_range)


def inception_features(value_range: tuple[float, float] = (0, 255), weights: str | os.PathLike | None = None) -> Features:
    """Features of Keras's `InceptionV3` trained on ImageNet, for RGB or grey images of any size.

    Images are resized to 299×299 by bilinear interpolation with antialiasing, which the stamp names. Nothing is downloaded:
    the file with the weights must exist. Its weights and the resizing differ from those behind published FIDs, so do not
    compare values with them.

    Args:
        value_range: (lowest, highest) value of the images. Defaults to (0, 255).
        weights: Path of the weights without top. Defaults to the place where `keras.applications.InceptionV3` stores its
            download.

    Raises:
        FileNotFoundError: If the file does not exist. The message says what to do.
    """
    low, high = _checks.value_range(value_range)
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    path = home / "models" / _INCEPTION_WEIGHTS if weights is None else Path(_checks.path(weights, "weights"))
    if not path.is_file():
        raise FileNotFoundError(
            f"`weights` must be the file of InceptionV3's weights. Received: {str(path)!r}, which does not exist. "
            "keras.applications.InceptionV3(include_top=False) downloads it once."
        )
    trunk = keras.applications.InceptionV3(include_top=False, weights=None)
    trunk.load_weights(path)
    images = keras.Input((None, None, None), name="images")
    x = _ToInception(low, high)(images)
    name = f"InceptionV3, ImageNet, bilinear with antialiasing to {_INCEPTION_SIDE}"
    return Features(keras.Model(images, trunk(x)), name, batch_size=50, value_range=(low, high))


class _ToInception(keras.layers.Layer):
    """Converts images of any size to RGB images of 299×299 in [-1, 1]."""

    def __init__(self, low, high):
        super().__init__()
        self.low, self.high = low, high

    def call(self, images):
        x = tf.cast(images, tf.float32)
        x = tf.cond(tf.equal(tf.shape(x)[-1], 1), lambda: tf.repeat(x, 3, axis=-1), lambda: x[..., :3])
        x = tf.image.resize(x, [_INCEPTION_SIDE, _INCEPTION_SIDE], antialias=True)
        return (x - self.low) * (2.0 / (self.high - self.low)) - 1.0

    def compute_output_shape(self, input_shape):
        return (input_shape[0], _INCEPTION_SIDE, _INCEPTION_SIDE, 3)
