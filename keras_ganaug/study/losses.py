"""Losses of classifiers on imbalanced data: functions of soft labels and logits, one value for each image."""

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks

NAMES = ("cross_entropy", "class_weights", "balanced_softmax", "focal")


def make(name, prior, gamma=2.0):
    """A loss for a stream of images in which the classes have these frequencies.

    "cross_entropy"; "class_weights", where each image weighs 1 / (C p_y); "balanced_softmax" (Ren et al. 2020),
    cross-entropy of the logits plus log p; "focal" (Lin et al. 2017), where each weighs (1 - its probability)^γ.

    Args:
        name: One of them.
        prior: p, the frequency of each class in the stream, summing to 1. Classes that do not occur count as very rare.
        gamma: γ of "focal". Defaults to 2.

    Returns a function of labels (batch, C), each row summing to 1, and logits (batch, C), that gives float32 (batch,).
    """
    _checks.one_of(name, NAMES, "loss")
    log_prior = log_of(prior)
    weights = np.exp(-log_prior) / len(log_prior)

    def loss(labels, logits):
        labels, logits = tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
        if name == "balanced_softmax":
            logits += log_prior
        log_probabilities = tf.nn.log_softmax(logits)
        terms = -labels * log_probabilities
        if name == "class_weights":
            terms *= weights
        if name == "focal":
            terms *= tf.pow(1.0 - tf.exp(log_probabilities), gamma)
        return tf.reduce_sum(terms, axis=-1)

    return loss


def adjusted(logits, prior):
    """Logits for equal classes, of a classifier trained on these frequencies (logit adjustment, Menon et al. 2021)."""
    return logits - log_of(prior)


def log_of(prior):
    """log p as float32, with a floor for classes that do not occur."""
    return np.log(np.maximum(np.asarray(prior, np.float64), 1e-6)).astype(np.float32)
