"""Penalties on logits."""

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat
from keras_ganaug._replicas import over_replicas
from keras_ganaug._state import Stateful, add_state
from keras_ganaug.penalties.penalty import Penalty


@keras.saving.register_keras_serializable(package="keras_ganaug")
class Drift(Penalty):
    """ε E D(x)² on real images: keeps a Wasserstein critic's output near 0 (Karras et al. 2018, appendix A.1).

    Args:
        weight: ε. Defaults to 0.001.
    """

    def __init__(self, weight: float = 1e-3, interval: int = 1):
        super().__init__(weight, interval)

    def value(self, context):
        return tf.reduce_mean(tf.square(context.real.logits()))


@keras.saving.register_keras_serializable(package="keras_ganaug")
class LeCam(Stateful, Penalty):
    """λ (E(D(x) - α_F)² + E(D(G(z)) - α_R)²), where α_R and α_F are running means of the real and the fake logits.

    It keeps the logits of real images close to those of fakes. This prevents the discriminator from memorising small data
    sets.

    Reference: Tseng et al. 2021, Regularizing Generative Adversarial Networks under Limited Data.

    Args:
        weight: λ. Defaults to 0.3.
        decay: Decay of the running means, in [0, 1]. Defaults to 0.99.
    """

    def __init__(self, weight: float = 0.3, decay: float = 0.99, interval: int = 1):
        super().__init__(weight, interval)
        self.decay = _checks.fraction(decay, "decay")

    def make_state(self, networks):
        self.real_mean, self.fake_mean = (add_state(self.state, name) for name in ("real_mean", "fake_mean"))

    def __call__(self, context):
        # The means are updated in every step, even if the value is not due.
        news = over_replicas([tf.reduce_mean(view.logits()) for view in (context.real, context.fake)])
        for mean, new in zip((self.real_mean, self.fake_mean), news, strict=True):
            mean.assign(self.decay * _compat.tf_variable(mean) + (1.0 - self.decay) * new)
        return super().__call__(context)

    def value(self, context):
        real = tf.reduce_mean(tf.square(context.real.logits() - _compat.tf_variable(self.fake_mean)))
        return real + tf.reduce_mean(tf.square(context.fake.logits() - _compat.tf_variable(self.real_mean)))
