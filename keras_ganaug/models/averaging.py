"""The averaged generator: a copy of a network, whose weights are a running mean (EMA) of the network's own."""

import keras
import tensorflow as tf

from keras_ganaug import _compat


class Average:
    """A network's copy with averaged weights.

    Args:
        network: The network that is trained.
        inputs: A small batch for it.

    Attributes:
        network: The copy.

    Raises:
        ValueError: For a network that cannot be copied.
    """

    def __init__(self, network, inputs):
        try:
            copy = keras.models.clone_model(network)
        except Exception as error:  # Keras raises what the model's class raises
            raise ValueError(
                "`generator` must be a functional or sequential Keras model, or one that its config tells how to copy: "
                f"its weights are averaged in a copy. Received: {network.name!r}, whose copying raised: "
                f"{str(error).splitlines()[0]}"
            ) from error
        _compat.rename(copy, f"averaged_{network.name}")
        copy(inputs)
        copy.set_weights(network.get_weights())
        self.network = copy
        exact = {id(getattr(layer, n)) for layer in network._flatten_layers() for n in getattr(layer, "not_averaged", ())}
        pairs = zip(copy.weights, network.weights, strict=True)
        weights = [(*map(_compat.tf_variable, pair), id(pair[1]) in exact) for pair in pairs]
        self._weights = [weight for weight in weights if weight[0].dtype.is_floating]
        copy.trainable = False  # which may change the order of its weights

    def update(self, decay, step):
        """Moves the averages towards the network's weights; those that describe others are taken as they are.

        Args:
            decay: Of the running mean, in [0, 1).
            step: Updates so far: early on the decay is smaller, so that the start is forgotten.
        """
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(decay, (1.0 + step) / (10.0 + step)) if decay else tf.constant(0.0)
        values = [
            value if exact else average + tf.cast(1.0 - decay, average.dtype) * (value - average)
            for average, value, exact in self._weights
        ]
        _compat.assign_all([average for average, _, _ in self._weights], values)
