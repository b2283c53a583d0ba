"""The averaged generator: a copy of a network whose weights are a running mean (EMA)."""

import keras
import tensorflow as tf

from keras_ganaug import _compat, _replicas


class Average:
    """A copy of a network with averaged weights.

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
        except Exception as error:  # the model's class may raise any error
            raise ValueError(
                "`generator` must be a functional or sequential Keras model, or one that can be copied from its config, "
                "since its weights are averaged in a copy. "
                f"Received: {network.name!r}, whose copying raised: "
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
        copy.trainable = False  # this may change the order of its weights

    def update(self, decay, step):
        """Updates the averages. Weights that a layer lists in `not_averaged` are copied unchanged.

        Args:
            decay: Decay of the running mean, in [0, 1).
            step: Number of updates so far. The decay is smaller at first, so that the initial weights are forgotten.
        """
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(decay, (1.0 + step) / (10.0 + step)) if decay else tf.constant(0.0)
        values = [
            value if exact else average + tf.cast(1.0 - decay, average.dtype) * (value - average)
            for average, value, exact in self._weights
        ]
        _replicas.assign_all([average for average, _, _ in self._weights], values)
