"""A GAN that starts from the weights of another one, which knows other classes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_ganaug import _checks
from keras_ganaug.layers import Equalized


def from_pretrained(cls: Any, path: Any, num_classes: Any, seed: Any, class_names: Any) -> Any:
    """See `GAN.from_pretrained`."""
    old: Any = path if isinstance(path, keras.Model) else keras.models.load_model(_checks.path(path, "path"), compile=False)
    if not isinstance(old, cls):
        raise TypeError(f"`path` must be a {cls.__name__} or the `.keras` file of one. Received: a {type(old).__name__}")
    config = {name: getattr(old, name) for name in ("image_shape", "value_range", "width", "latent_dim", *old.own_arguments)}
    if class_names is None and num_classes == old.num_classes:
        class_names = old.class_names
    config |= {"num_classes": num_classes, "seed": seed, "class_names": class_names, "dtype": old.dtype_policy}
    new = type(old)(**config)
    changed = sum(old.condition.sizes), sum(new.condition.sizes)
    names = [*old.player_networks.values(), "ema_generator"]
    for name in names:
        _transfer(getattr(old, name), getattr(new, name), name, changed)
    return new


def _transfer(old, new, name, classes):
    """Gives a network the weights of another, of a GAN with another number of classes."""
    pairs = [(np.asarray(weight), tuple(other.shape)) for weight, other in zip(old.weights, new.weights, strict=False)]
    values = [_fitted(weight, shape, *classes) for weight, shape in pairs]
    bad = [f"{weight.shape} for {shape}" for (weight, shape), value in zip(pairs, values, strict=True) if value is None]
    if bad or len(old.weights) != len(new.weights):
        raise ValueError(
            f"`path`: the {name} must be the default network of its class, whose weights fit another number of classes. "
            f"Received: {bad[0] if bad else 'other layers'}"
        )
    scales = zip(_scales(old), _scales(new), strict=True)
    new.set_weights([value * (after / before) for value, (before, after) in zip(values, scales, strict=True)])


def _scales(network):
    """What each weight is divided by in a call: the root of an equalised kernel's fan in, which counts the classes too."""
    divisors = {
        id(getattr(layer.layer, layer.kernel_name)): np.sqrt(layer.fan_in())
        for layer in network._flatten_layers()
        if isinstance(layer, Equalized)
    }
    return [divisors.get(id(weight), 1.0) for weight in network.weights]


def _fitted(weight, shape, before, after):
    """The weight for another number of classes, each the mean of the old ones; None if that is impossible."""
    if weight.shape == shape:
        return weight
    axes = [axis for axis, (a, b) in enumerate(zip(weight.shape, shape, strict=False)) if a != b]
    if len(weight.shape) != len(shape) or len(axes) != 1 or not before:
        return None
    (axis,) = axes
    others = weight.shape[axis] - before  # of latents or features, which come before the classes
    if others < 0 or shape[axis] - after != others:
        return None
    shared, of_classes = np.split(weight, [others], axis)
    return np.concatenate([shared, np.repeat(of_classes.mean(axis, keepdims=True), after, axis)], axis)
