"""Options that all pipelines of this package share."""

import tensorflow as tf


def untuned(dataset):
    """Turns off tf.data's autotuning, from which these short pipelines gain nothing.

    The autotuning thread sleeps for longer and longer, up to a minute. When its iterator ends, the wake-up call can come too
    early: the thread goes back to sleep, and `fit` returns only when it wakes. This can double the time of a short training.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
