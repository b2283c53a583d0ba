"""Penalties and constraints on the players' weights."""

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat, _replicas
from keras_ganaug._state import Stateful, add_state
from keras_ganaug.penalties.penalty import Penalty


@keras.saving.register_keras_serializable(package="keras_ganaug")
class WeightClipping(Penalty):
    """Clips every weight of the critic to [-c, c] after each of its updates (WGAN, Arjovsky et al. 2017).

    This is a constraint, not a penalty: it adds nothing to the loss.

    Args:
        limit: c. Defaults to 0.01.
    """

    def __init__(self, limit: float = 0.01):
        super().__init__(0.0)
        self.limit = _checks.positive(limit, "limit")

    def __call__(self, context):
        return tf.constant(0.0)

    def after_update(self, player, network):
        variables = [_compat.tf_variable(weight) for weight in network.trainable_variables]
        _replicas.assign_all(variables, [tf.clip_by_value(v, -self.limit, self.limit) for v in variables])


@keras.saving.register_keras_serializable(package="keras_ganaug")
class HistoricalAveraging(Stateful, Penalty):
    """λ ‖θ - θ̄‖², where θ̄ is the mean of a player's weights over all updates so far. Each player has its own mean.

    It damps oscillations between the two players (fictitious play).

    Reference: Salimans et al. 2016, Improved Techniques for Training GANs, section 3.3.

    Args:
        weight: λ. Defaults to 1.
    """

    players = ("d", "g")

    def __init__(self, weight: float = 1.0, interval: int = 1):
        super().__init__(weight, interval)

    def make_state(self, networks):
        self._histories = {}
        for player in self.players:
            weights = networks[player].trainable_variables
            means = [add_state(self.state, f"{player}_{n}", weight.shape) for n, weight in enumerate(weights)]
            self._histories[player] = [*means, add_state(self.state, f"{player}_count", dtype="int64")]

    def _history(self, player, network):
        """The number of updates, the mean weights and the weights, as `tf.Variable`s."""
        *means, count = map(_compat.tf_variable, self._histories[player])
        return count, means, [_compat.tf_variable(weight) for weight in network.trainable_variables]

    def value(self, context):
        count, means, weights = self._history(context.player, context.network)
        squares = [tf.reduce_sum(tf.square(tf.cast(w, tf.float32) - m)) for w, m in zip(weights, means, strict=True)]
        return tf.where(count > 0, tf.add_n(squares), 0.0)  # there is no history before the first update

    def after_update(self, player, network):
        count, means, weights = self._history(player, network)
        share = 1.0 / tf.cast(count + 1, tf.float32)
        values = [m + share * (tf.cast(w, tf.float32) - m) for w, m in zip(weights, means, strict=True)]
        _replicas.assign_all([*means, count], [*values, count + 1])
