"""Checks whether the networks of a GAN fit together, and infers settings from their shapes."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _addons, _compat
from keras_ganaug.models import network_scale


def check_are_models(given):
    """Raises an error for networks, by name, that are not Keras models. None means the default one."""
    for name, network in given.items():
        if network is not None and not isinstance(network, keras.Model):
            raise TypeError(f"`{name}` must be a Keras model. Received: {name}={network!r}")


def make(model, given):
    """Sets the networks of a model: those that the user gave, by name, and the default ones for None."""
    if None in given.values():
        check_policy(model)
    with _compat.dtype_policy(model.dtype_policy):
        for name, network in given.items():
            setattr(model, name, getattr(model, f"build_{name}")() if network is None else network)
    check(model, [name for name, network in given.items() if network is not None])
    _addons.warn_of_addons([layer for network in model.networks.values() for layer in network._flatten_layers()])


def latent_dim_of(generator):
    """The length of the latents that a generator takes. None if its inputs are unknown."""
    shape = getattr(generator, "input_shape", None) if generator is not None and generator.built else None
    shape = shape[0] if isinstance(shape, list) else shape
    return shape[-1] if isinstance(shape, tuple) and isinstance(shape[-1], int) else None


def check_policy(gan):
    """Raises an error for a dtype policy in which the weights of the default networks would not be float32."""
    policy = gan.dtype_policy
    if policy.variable_dtype != "float32":
        raise ValueError(
            '`dtype` must be "float32", "mixed_bfloat16" or "mixed_float16": weights must be float32, since half '
            "precision "
            f"cannot represent the small changes of their running mean. Received: dtype={policy.name!r}"
        )


def _warn_of_ignored_policy(gan):
    """Warns if a user's networks compute in another dtype than the GAN's policy."""
    layers = [*gan.generator._flatten_layers(), *gan.discriminator._flatten_layers()]
    dtypes = {layer.compute_dtype for layer in layers if not isinstance(layer, keras.Model)}
    told = gan.compute_dtype
    if told != _compat.global_dtype_policy().compute_dtype and told not in dtypes:
        warnings.warn(
            "`dtype` is the policy of the default networks, and does not change your own networks, which compute in "
            f"{' and '.join(sorted(dtypes))}: give their layers the policy. Received: dtype={gan.dtype_policy.name!r}",
            stacklevel=4,
        )


def check(gan, own=()):
    """Runs both networks of a GAN on a batch of two.

    Warns if a user's network does not seem to output images in [-1, 1], or logits, or computes in another dtype.

    Args:
        gan: The GAN.
        own: Names of the networks that the user gave.

    Raises:
        ValueError: If a network does not accept or return what is expected.
    """
    with_labels = f" and int32 labels of shape {('batch', *gan.condition.label_shape)}" if gan.condition.conditional else ""
    labels = gan.condition.zeros(2)
    expected = (
        f"`generator` must map {gan.generator_words} of shape (batch, {gan.latent_dim}){with_labels} to images of shape "
        f"{('batch', *gan.image_shape)}"
    )
    # Not zeros, since a network without biases maps them to zeros.
    random = np.random.default_rng(0)
    latents = tf.constant(random.normal(size=[2, gan.latent_dim]), tf.float32)
    images = dry_run(gan.generator, lambda: gan.generator(gan.generator_inputs(latents, labels)), expected)
    if tuple(images.shape) != (2, *gan.image_shape):
        raise ValueError(f"{expected}. Received: output of shape {tuple(images.shape)} for a batch of 2")

    def discriminator(images, labels):
        return gan.discriminator(gan.discriminator_inputs(images, labels if gan.condition.conditional else None))

    words, shapes = gan.expected_outputs()
    expected = f"`discriminator` must map images of shape {('batch', *gan.image_shape)}{with_labels} to {words}"
    outputs = tf.nest.flatten(dry_run(gan.discriminator, lambda: discriminator(images, labels), expected))
    if not any(_fit(outputs, each) for each in shapes) or any(output.shape[0] != 2 for output in outputs):
        received = ", ".join(str(tuple(output.shape)) for output in outputs)
        raise ValueError(f"{expected}. Received: output of shape {received} for a batch of 2")
    if len(own) == 2:
        _warn_of_ignored_policy(gan)
    if "generator" in own:
        network_scale.check_images(gan.generator, images)
    if "discriminator" not in own:
        return

    def outputs_for_random_images(scale):
        images = tf.constant(scale * random.normal(size=[16, *gan.image_shape]), tf.float32)
        return tf.nest.flatten(discriminator(images, gan.condition.zeros(16)))

    if shapes == [[gan.image_shape]]:  # an autoencoder
        network_scale.check_images(gan.discriminator, outputs[0], "discriminator")
    else:
        network_scale.check_logits(gan.discriminator, outputs[: gan.outputs_with_logits], outputs_for_random_images)


def _fit(outputs, shapes):
    """Whether outputs have these shapes, without the batch. None is any size."""
    pairs = [*zip(outputs, shapes)] if len(outputs) == len(shapes) else [(None, None)]
    return all(output is not None and output.shape[1:].is_compatible_with(shape) for output, shape in pairs)


def dry_run(network, outputs, expected):
    """Calls `outputs()`. If it raises an error, raises a ValueError that says what was expected."""
    try:
        return outputs()
    except Exception as error:  # a user's network may raise any error
        raise ValueError(f"{expected}. Received: {network.name!r}, which raised: {error}") from error
