"""BEGAN."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat, _random, networks
from keras_ganaug._replicas import assign_all, over_replicas
from keras_ganaug.generators.averaged_gan import AveragedGAN
from keras_ganaug.models.gan import GAN

_SMOOTHING = 0.99  # smoothing of M for the test whether it stalls


@keras.saving.register_keras_serializable(package="keras_ganaug")
class BEGAN(GAN):
    """A GAN whose discriminator is an autoencoder. It matches the distributions of reconstruction losses.

    With ℓ(v) = mean |v - D(v)|, the players minimise L_D = ℓ(x) - k ℓ(G(z)) and L_G = ℓ(G(z)). The factor k balances the two
    losses: k ← k + λ (γ ℓ(x) - ℓ(G(z))), from 0 to `k_max`. `fit` reports k and the convergence measure M = ℓ(x) + |γ ℓ(x) -
    ℓ(G(z))|, and halves both learning rates when M stalls. All of this is saved with the model.

    Plain images are the easiest to reconstruct. With γ at most 1, as in the paper, k falls as the autoencoder learns, and
    samples become plainer. With γ above 1, samples should be harder to reconstruct than real images, and k stays high. But
    once ℓ(G(z)) exceeds ℓ(x) / k, the discriminator gains by reconstructing nothing, and both losses grow without bounds. So
    combine a γ of 1.5 with a `k_max` of 0.5.

    Reference: Berthelot, Schumm and Metz 2017, BEGAN: Boundary Equilibrium Generative Adversarial Networks.

    The latents are uniform in [-1, 1]. The loss is the paper's; `compile` does not accept another one.

    Args:
        latent_dim: Length of the latent vector. Defaults to that of `generator`, otherwise to 64.
        discriminator: Maps `[images, labels]` to reconstructions of the images. Defaults to the family's own.
        gamma: γ, the diversity ratio, above 0, in the paper at most 1. Smaller values give cleaner and less diverse images.
            Defaults to 0.5.
        lambda_k: λ, the learning rate of k. Defaults to 0.001.
        k_max: Maximum of k, in (0, 1]. Defaults to the paper's 1.
        sampling_range: Half the width of the range around 0 from which `generate`, `sample` and exports draw latents, above
            0. Training always draws from [-1, 1]. A slightly larger value gives more varied samples, fewer of which have the
            requested class. It is also an attribute, which you may set after training. Defaults to the paper's 1.
        patience: Number of training steps without a smaller (smoothed) M after which the learning rates are halved, unless
            they are schedules. Defaults to 3000.
    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.BEGAN(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> gan.metric_names
    ('d_loss', 'g_loss', 'convergence', 'k')
    """

    metric_names = ("d_loss", "g_loss", "convergence", "k")
    own_arguments = ("gamma", "lambda_k", "k_max", "sampling_range", "patience")
    own_loss = True
    default_latent_dim = 64

    def __init__(
        self,
        *args: Any,
        gamma: float = 0.5,
        lambda_k: float = 1e-3,
        k_max: float = 1.0,
        sampling_range: float = 1.0,
        patience: int = 3000,
        **kwargs: Any,
    ):
        own = {
            "gamma": _checks.positive(gamma, "gamma"),
            "lambda_k": _checks.positive(lambda_k, "lambda_k"),
            "k_max": _checks.fraction(_checks.positive(k_max, "k_max"), "k_max"),
            "sampling_range": _checks.positive(sampling_range, "sampling_range"),  # checked before any network is built
            "patience": _checks.positive_int(patience, "patience"),
        }
        super().__init__(*args, **kwargs)
        for name, value in own.items():
            setattr(self, name, value)
        self.k, self.convergence, self.best, self.waited = (
            self.add_state(name) for name in ("k", "convergence", "best", "waited")
        )

    @property
    def sampling_range(self) -> float:
        return self._sampling_range

    @sampling_range.setter
    def sampling_range(self, value: float) -> None:
        self._sampling_range = _checks.positive(value, "sampling_range")
        if self.built:
            self.averaged = AveragedGAN(self)  # graphs that `generate` has traced contain the old value

    def paper_settings(self):
        return {
            **super().paper_settings(),
            "g_optimizer": keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.999),
            "d_optimizer": keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.999),
        }

    def build_generator(self):
        return networks.autoencoder.generator(**self.generator_arguments)

    def build_discriminator(self):
        return networks.autoencoder.discriminator(**self.discriminator_arguments)

    def expected_outputs(self):
        return "reconstructions of them", [[self.image_shape]]

    def sample_latents(self, num_images, seed):
        return _random.uniform([num_images, self.latent_dim], seed, -1.0, 1.0)

    def latents_from_normal(self, numbers):
        # The error function (Abramowitz and Stegun 1964, 7.1.26, accurate to 2e-7), which LiteRT lacks.
        x = tf.abs(numbers) / 2**0.5
        t = 1.0 / (1.0 + 0.3275911 * x)
        tail = tf.zeros_like(t)
        for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
            tail = (tail + factor) * t
        return tf.sign(numbers) * (1.0 - tail * tf.exp(-x * x))

    def synthesize(self, latents, labels, truncation):
        return super().synthesize(latents, labels, self.sampling_range * truncation)

    def discriminate(self, images: tf.Tensor) -> Callable:
        """A function from labels to the reconstruction loss ℓ of each of these images."""

        def reconstruction_loss(labels):
            reconstructions = self.discriminator(self.discriminator_inputs(images, labels), training=True)
            return tf.reduce_mean(tf.abs(images - tf.cast(reconstructions, tf.float32)), axis=[1, 2, 3])

        return reconstruction_loss

    def logits_of(self, outputs):
        return -outputs  # better reconstruction means more real

    def d_objective(self, real, fake, labels):
        real, fake, k = tf.reduce_mean(real), tf.reduce_mean(fake), _value(self.k)
        all_real, all_fake = over_replicas([real, fake])
        balance = self.gamma * all_real - all_fake
        self.k.assign(tf.clip_by_value(k + self.lambda_k * balance, 0.0, self.k_max))
        convergence = all_real + tf.abs(balance)
        self.report("convergence", convergence)
        self.report("k", k)
        self._halve_learning_rates_if_stalled(convergence)
        return real - k * fake

    def g_objective(self, real, fake, labels):
        return tf.reduce_mean(fake)

    def _halve_learning_rates_if_stalled(self, convergence):
        first = _value(self.step) == 0
        smoothed = _SMOOTHING * _value(self.convergence) + (1.0 - _SMOOTHING) * convergence
        smoothed = tf.where(first, convergence, smoothed)
        better = first | (smoothed < _value(self.best))
        waited = tf.where(better, 0.0, _value(self.waited) + 1.0 / self.d_steps)  # counted in training steps
        stalled = waited > self.patience - 0.5 / self.d_steps
        self.convergence.assign(smoothed)
        # After halving, M must improve on its current value, not on its best one.
        self.best.assign(tf.where(better | stalled, smoothed, _value(self.best)))
        self.waited.assign(tf.where(stalled, 0.0, waited))
        rates = [_compat.tf_variable(optimizer.learning_rate) for optimizer in (self.g_optimizer, self.d_optimizer)]
        rates = [rate for rate in rates if isinstance(rate, tf.Variable)]
        assign_all(rates, [tf.where(stalled, 0.5 * rate, rate) for rate in rates])


def _value(weight):
    return tf.identity(_compat.tf_variable(weight))
