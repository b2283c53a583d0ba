"""Penalties on gradients: of the discriminator with respect to images, and of the generator to its latents."""

import warnings

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat, _random
from keras_ganaug._replicas import over_replicas
from keras_ganaug._state import Stateful, add_state
from keras_ganaug.penalties.context import Context, View
from keras_ganaug.penalties.penalty import Penalty, batch_norms


def squared_gradient_norms(view: View) -> tf.Tensor:
    """‖∇D(x)‖² of each image, float32 of shape (batch,)."""
    images = tf.cast(view.images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        # The gradient of the sum with respect to one image is that image's own gradient, since logits do not mix images.
        logits = tf.reduce_sum(view.at(images).logits())
    return tf.reduce_sum(tf.square(tf.cast(tape.gradient(logits, images), tf.float32)), axis=[1, 2, 3])


class ImageGradientPenalty(Penalty):
    """Base class of penalties on the gradient at single images. Batch normalisation would mix these gradients."""

    differentiated = "discriminator"
    """The network whose gradient is penalised."""

    def check(self, gan):
        layers = batch_norms(getattr(gan, self.differentiated))
        if layers:
            warnings.warn(
                f"{type(self).__name__} is about the gradient at each image, which batch normalisation in the "
                f"{self.differentiated} mixes with that of the others: use another normalisation, or none. Received: "
                f"{len(layers)} such layers",
                stacklevel=3,
            )


@keras.saving.register_keras_serializable(package="keras_ganaug")
class GradientPenalty(ImageGradientPenalty):
    """λ E(‖∇D(x̂)‖ - 1)², x̂ between a real and a fake image (WGAN-GP, Gulrajani et al. 2017).

    The position between the two is drawn uniformly for each sample.

    Args:
        weight: λ. Defaults to 10.
    """

    def __init__(self, weight: float = 10.0, interval: int = 1):
        super().__init__(weight, interval)

    def value(self, context):
        real, fake = (tf.cast(view.images, tf.float32) for view in (context.real, context.fake))
        position = _random.uniform([tf.shape(real)[0], 1, 1, 1], context.seed)
        between = context.real.at(real + position * (fake - real))
        return tf.reduce_mean(tf.square(tf.sqrt(squared_gradient_norms(between) + 1e-12) - 1.0))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class R1(ImageGradientPenalty):
    """γ/2 E‖∇D(x)‖² on real images (Mescheder et al. 2018). StyleGAN2 computes it in every 16th step.

    Args:
        weight: γ. Defaults to 10.
    """

    def __init__(self, weight: float = 10.0, interval: int = 1):
        super().__init__(weight, interval)

    def value(self, context):
        return 0.5 * tf.reduce_mean(squared_gradient_norms(context.real))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class R2(R1):
    """γ/2 E‖∇D(x)‖² on generated images (Mescheder et al. 2018)."""

    def value(self, context):
        return 0.5 * tf.reduce_mean(squared_gradient_norms(context.fake))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class PathLength(Stateful, ImageGradientPenalty):
    """λ E(‖Jᵀy‖ - a)²: a step of a given length in w should change the image by the same amount everywhere.

    Added to the generator's loss. J is the Jacobian of the generator at its latents. For a StyleGAN, it is taken at the
    styles, and the squared lengths of the layers are averaged. y are normally distributed pixels, scaled by
    1/√(height·width). a is the running mean of ‖Jᵀy‖.

    Reference: Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN, section 3.2.

    Args:
        weight: λ. Defaults to 2.
        interval: See `Penalty`. Defaults to 4.
        decay: Weight of a new batch in a, in [0, 1]. Defaults to 0.01.
    """

    players = ("g",)
    differentiated = "generator"
    over_replicas = True

    def __init__(self, weight: float = 2.0, interval: int = 4, decay: float = 0.01):
        super().__init__(weight, interval)
        self.decay = _checks.fraction(decay, "decay")

    def make_state(self, networks):
        self.mean_length = add_state(self.state, "mean_length")

    def value(self, context):
        lengths = path_lengths(context)
        old = _compat.tf_variable(self.mean_length)
        mean = old + self.decay * (over_replicas(tf.reduce_mean(lengths)) - old)
        self.mean_length.assign(tf.where(self.due(context), mean, old))
        return tf.reduce_mean(tf.square(lengths - mean))


def path_lengths(context: Context) -> tf.Tensor:
    """‖Jᵀy‖ of each image, float32 of shape (batch,)."""
    latents = tf.convert_to_tensor(context.latents)
    with tf.GradientTape() as tape:
        tape.watch(latents)
        images = context.synthesize(latents)
        y = _random.normal(tf.shape(images), context.seed)
        product = tf.reduce_sum(images * y) / (images.shape[1] * images.shape[2]) ** 0.5
    squares = tf.reduce_sum(tf.square(tf.cast(tape.gradient(product, latents), tf.float32)), axis=-1)
    return tf.sqrt((squares if squares.shape.rank == 1 else tf.reduce_mean(squares, axis=1)) + 1e-12)
