"""A GAN that starts from the weights of another one, which knows other classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_ganaug import _checks, conditions
from keras_ganaug.generators.generator import as_generator
from keras_ganaug.layers import Equalized


def from_pretrained(cls: Any, path: Any, num_classes: Any, seed: Any, class_names: Any) -> Any:
    """See `GAN.from_pretrained`."""
    old: Any = path if isinstance(path, keras.Model) else _loaded(path)
    if not isinstance(old, cls):
        raise TypeError(f"`path` must be a {cls.__name__} or the `.keras` file of one. Received: a {type(old).__name__}")
    sizes = [of.sizes for of in (old.condition, conditions.of(num_classes))]
    names = [tuple(each) if isinstance(each, Mapping) else () for each in (old.num_classes, num_classes)]
    if len(sizes[0]) != len(sizes[1]) or names[0] != names[1]:
        raise ValueError(
            "`num_classes` must have the attributes of the other GAN, or be a number, or None, as there. "
            f"Received: num_classes={num_classes!r} for num_classes={old.num_classes!r}"
        )
    config = {name: getattr(old, name) for name in ("image_shape", "value_range", "width", "latent_dim", *old.own_arguments)}
    if class_names is None and sizes[0] == sizes[1]:
        class_names = old.class_names
    new = type(old)(**config, num_classes=num_classes, seed=seed, class_names=class_names, dtype=old.dtype_policy)
    for name in (*old.player_networks.values(), "ema_generator"):
        _transfer(getattr(old, name), getattr(new, name), name, *sizes)
    return new


def _loaded(path):
    try:
        generator = as_generator(_checks.path(path, "path"))
    except ValueError as error:
        raise ValueError(str(error).replace("`generator`", "`path`", 1)) from error
    return getattr(generator, "gan", generator)


def _transfer(old, new, name, before, after):
    """Gives a network the weights of another, of a GAN with these numbers of values of each attribute, before and after."""
    pairs = [(np.asarray(weight), tuple(other.shape)) for weight, other in zip(old.weights, new.weights, strict=False)]
    values = [_fitted(weight, shape, before, after) for weight, shape in pairs]
    bad = [f"{weight.shape} for {shape}" for (weight, shape), value in zip(pairs, values, strict=True) if value is None]
    if bad or len(old.weights) != len(new.weights):
        raise ValueError(
            f"`path`: the {name} must be the default network of its class, whose weights fit another number of classes. "
            f"Received: {bad[0] if bad else 'other layers'}"
        )
    scales = zip(_scales(old), _scales(new), strict=True)
    new.set_weights([value * (wide / narrow) for value, (narrow, wide) in zip(values, scales, strict=True)])


def _scales(network):
    """What each weight is divided by in a call: the root of an equalised kernel's fan in, which counts the classes too."""
    divisors = {
        id(getattr(layer.layer, layer.kernel_name)): np.sqrt(layer.fan_in())
        for layer in network._flatten_layers()
        if isinstance(layer, Equalized)
    }
    return [divisors.get(id(weight), 1.0) for weight in network.weights]


def _fitted(weight, shape, before, after):
    """The weight for other numbers of classes; None if that is impossible.

    The classes of an attribute whose number changes each start as the mean of the old ones. Others keep their weights.
    """
    if weight.shape == shape:
        return weight
    axes = [axis for axis, (a, b) in enumerate(zip(weight.shape, shape, strict=False)) if a != b]
    if len(weight.shape) != len(shape) or len(axes) != 1:
        return None
    (axis,) = axes
    for first, last in ((0, len(before)), *((n, n + 1) for n in range(len(before)))):  # all attributes, or one that is alone
        old, new = before[first:last], after[first:last]
        others = weight.shape[axis] - sum(old)  # of latents or features, which come before the classes
        if others >= 0 and shape[axis] - sum(new) == others:
            shared, *parts = np.split(weight, np.cumsum([others, *old[:-1]]), axis)
            parts = [
                part if a == b else np.repeat(part.mean(axis, keepdims=True), b, axis)
                for part, a, b in zip(parts, old, new, strict=True)
            ]
            return np.concatenate([shared, *parts], axis)
    return None
