"""The projection discriminator's inner product with a class embedding."""

import keras
import tensorflow as tf

from keras_ganaug.layers._layer import Layer


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Projection(Layer):
    """Adds the inner product ⟨e_y, φ⟩ of features and class embedding to an unconditional logit.

    Reference: Miyato and Koyama 2018, cGANs with Projection Discriminator.

    Call arguments:
        inputs: `[logits, features, embeddings]`, of shapes (batch, 1), (batch, d) and (batch, d). Logits and features may
            have position axes before the last one; then each position is projected.

    Returns float32 logits with the shape of `logits`.
    """

    def call(self, inputs):
        logits, features, embeddings = (tf.cast(value, tf.float32) for value in inputs)
        positions = [1] * (features.shape.rank - 2)
        embeddings = tf.reshape(embeddings, [-1, *positions, embeddings.shape[-1]])
        return logits + tf.reduce_sum(features * embeddings, axis=-1, keepdims=True)
