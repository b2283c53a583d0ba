"""What the pipelines that this package makes have in common."""

import tensorflow as tf


def untuned(dataset):
    """The dataset without tf.data's tuning of its own parallelism, from which these short pipelines gain nothing.

    The thread that tunes sleeps for ever longer, up to a minute, and the end of its iterator sometimes fails to wake it: it
    is called before the iterator counts as ended, and lies down again. `fit` then returns only when it has slept, which can
    double the time of a short training.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
