"""Checks whether a user's networks output images in [-1, 1], and logits."""

import warnings

import keras
import numpy as np
import tensorflow as tf

# Layers that reorder or drop values, but do not change them.
_KEEPING = (
    keras.layers.Reshape,
    keras.layers.Flatten,
    keras.layers.Permute,
    keras.layers.Cropping2D,
    keras.layers.Dropout,
)
_AT_LEAST_0 = ("sigmoid", "hard_sigmoid", "softmax", "relu", "relu6", "softplus", "exponential", "squareplus", "sparsemax")
_CENTERED = ("tanh", "softsign")
_SIGMOIDS = ("sigmoid", "hard_sigmoid", "softmax", "sparsemax")


def last_activation(network, number=0):
    """The name of the activation of a network's output. None if unknown.

    Args:
        network: Keras model.
        number: Index of the output. Defaults to 0.
    """
    try:
        tensor = tf.nest.flatten(network.outputs)[number]
        return _activation_of(tensor)
    except (AttributeError, IndexError, TypeError, ValueError):  # a subclassed model has no layer graph
        return None


def _activation_of(tensor):
    layer, _, number = tensor._keras_history
    while hasattr(layer, "layer") and isinstance(layer.layer, keras.layers.Layer):  # in a wrapper
        layer = layer.layer
    if isinstance(layer, keras.Model):
        return last_activation(layer, number)
    if isinstance(layer, (keras.layers.ReLU, keras.layers.Softmax)):
        return type(layer).__name__.lower()
    name = getattr(getattr(layer, "activation", None), "__name__", None)
    name = name if name in (*_AT_LEAST_0, *_CENTERED, "linear") else None
    linear = isinstance(layer, keras.layers.Activation) and name == "linear"  # such a layer only changes the dtype
    if isinstance(layer, _KEEPING) or linear:
        return _activation_of(layer.input)
    return name


def check_images(network, images, name="generator"):
    """Warns if a network does not seem to output images in [-1, 1].

    Args:
        network: Keras model.
        images: Its output for a batch of random inputs, an array.
        name: Name of the argument. Defaults to "generator".
    """
    activation = last_activation(network)
    images = np.asarray(images, np.float64)
    lowest, highest = float(images.min()), float(images.max())
    seen = f"values from {lowest:.3g} to {highest:.3g} for random inputs"
    if activation in _AT_LEAST_0:
        ends = f", which ends in `{activation}`, has values of at least 0"
    elif activation in _CENTERED:
        return
    elif np.sqrt(np.mean(images**2)) > 4.0:
        ends = " has values far beyond"
    elif activation is None and images.size > 16 and lowest >= 0.0 and highest > lowest:
        ends = " has no value below 0"
    else:
        return
    warnings.warn(
        f"`{name}` must give images in [-1, 1], whatever the `value_range` is, and this one{ends}: end it in `tanh`. "
        f"Received: {network.name!r}, with {seen}",
        stacklevel=4,
    )


def check_logits(network, outputs, outputs_for_random_images):
    """Warns if a discriminator does not seem to output logits.

    Args:
        network: Keras model.
        outputs: Its outputs for a batch of images, a list of arrays.
        outputs_for_random_images: A function from a standard deviation to such a list, for normally distributed pixels.
    """
    for number, output in enumerate(outputs):
        activation = last_activation(network, number)
        if activation is None and all(_within_0_and_1(outputs_for_random_images(scale)[number]) for scale in (1.0, 1e3)):
            ends = "gives numbers from 0 to 1, however large the pixels are"
        elif activation in _AT_LEAST_0:
            ends = f"ends in `{activation}`"
        else:
            continue
        why = "the loss has the sigmoid in it" if activation in (None, *_SIGMOIDS) else "any number, below 0 too"
        received = np.asarray(output, np.float64).reshape(-1)[:2].round(3).tolist()
        warnings.warn(
            f"`discriminator` must give logits ({why}), and this one {ends}: end it in a layer without activation. "
            f"Received: {network.name!r}, with {received} for two images",
            stacklevel=4,
        )
        return


def _within_0_and_1(output):
    output = np.asarray(output, np.float64)
    return bool((output >= 0.0).all() and (output <= 1.0).all())
