"""Whether the networks that a GAN is given fit together, and what their shapes tell."""

import tensorflow as tf


def latent_dim_of(generator):
    """The length of the latents that a generator takes; None where its inputs do not tell."""
    shape = getattr(generator, "input_shape", None) if generator is not None and generator.built else None
    shape = shape[0] if isinstance(shape, list) else shape
    return shape[-1] if isinstance(shape, tuple) and isinstance(shape[-1], int) else None


def check(gan):
    """Runs both networks of a GAN on a batch of two.

    Raises:
        ValueError: If one of them does not take or give what is expected.
    """
    with_labels = "" if gan.num_classes is None else " and int32 labels of shape (batch,)"
    labels = tf.zeros([2], tf.int32)
    expected = (
        f"`generator` must map latents of shape (batch, {gan.latent_dim}){with_labels} to images of shape "
        f"{('batch', *gan.image_shape)}"
    )
    images = _dry_run(gan.generator, gan.network_inputs(tf.zeros([2, gan.latent_dim]), labels), expected)
    if tuple(images.shape) != (2, *gan.image_shape):
        raise ValueError(f"{expected}. Received: output of shape {tuple(images.shape)} for a batch of 2")
    words, shapes = gan.expected_judgement()
    expected = f"`discriminator` must map images of shape {('batch', *gan.image_shape)}{with_labels} to {words}"
    outputs = tf.nest.flatten(_dry_run(gan.discriminator, gan.network_inputs(images, labels), expected))
    if [tuple(output.shape[1:]) for output in outputs] not in shapes or any(o.shape[0] != 2 for o in outputs):
        received = ", ".join(str(tuple(output.shape)) for output in outputs)
        raise ValueError(f"{expected}. Received: output of shape {received} for a batch of 2")


def _dry_run(network, inputs, expected):
    try:
        return network(inputs)
    except Exception as error:  # whatever a user's network raises
        raise ValueError(f"{expected}. Received: {network.name!r}, which raised: {error}") from error
