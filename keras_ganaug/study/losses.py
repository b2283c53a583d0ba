"""Losses of classifiers for imbalanced data: functions of soft labels and logits, with one value for each image."""

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks

OF_GROUPS = ("group_dro", "balanced_softmax_by_style")
"""Losses whose labels have the number of each image's group as a last column."""
NAMES = ("cross_entropy", "class_weights", "balanced_softmax", "focal", *OF_GROUPS)


def make(name, prior, gamma=2.0, groups=None):
    """Makes a loss for a stream of images with these class frequencies.

    "cross_entropy"; "class_weights", which weights each image by 1 / (C p_y); "balanced_softmax" (Ren et al. 2020), the
    cross-entropy of the logits plus log p; "focal" (Lin et al. 2017), which weights each image by (1 - its probability)^γ;
    "group_dro", see `GroupDRO`; "balanced_softmax_by_style", the cross-entropy of the logits plus log p in the image's own
    style. With the last one, a class that is rare or absent in a style is not learned as impossible there.

    Args:
        name: One of these names.
        prior: p, the frequency of each class in the stream, summing to 1. Classes that do not occur count as very rare.
        gamma: γ of "focal". Defaults to 2.
        groups: For losses with groups, the frequency of each group in the stream, (C, styles), numbered row by row. Defaults
            to None.

    Returns a function of labels (batch, C), whose rows sum to 1, and logits (batch, C), that returns float32 (batch,).
    """
    _checks.one_of(name, NAMES, "loss")
    if name == "group_dro":
        return GroupDRO(np.ravel(groups) > 0)
    if name == "balanced_softmax_by_style":
        return _by_style(groups)
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


def _by_style(groups):
    """The cross-entropy of logits plus the log frequency of each class in the image's style."""
    groups = np.asarray(groups, np.float64)
    log_priors = log_of(groups / np.maximum(groups.sum(0), 1e-12)).T

    def loss(labels, logits):
        labels = tf.cast(labels, tf.float32)
        styles = tf.cast(labels[:, -1], tf.int32) % len(log_priors)
        logits = tf.cast(logits, tf.float32) + tf.gather(log_priors, styles)
        return -tf.reduce_sum(labels[:, :-1] * tf.nn.log_softmax(logits), axis=-1)

    return loss


class GroupDRO(keras.losses.Loss):
    """The mean cross-entropy of each group of a batch, weighted by q, which increases for the groups with the largest loss.

    In each step, q is multiplied by exp(η times that mean) and normalised (Sagawa et al. 2020, Distributionally Robust
    Neural Networks for Group Shifts). Labels have the number of the group as a last column.

    Args:
        groups: Whether each group has images, bool (groups,). Initially q is uniform over these.
        rate: η. Defaults to 0.01.
    """

    def __init__(self, groups, rate=0.01):
        super().__init__(name="group_dro")
        self.rate, groups = rate, np.asarray(groups, np.float32)
        self.q = tf.Variable(groups / groups.sum(), trainable=False)

    def call(self, labels, logits):
        labels, logits = tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
        losses = -tf.reduce_sum(labels[:, :-1] * tf.nn.log_softmax(logits), axis=-1)
        members = tf.one_hot(tf.cast(labels[:, -1], tf.int32), self.q.shape[0])
        shares = tf.math.divide_no_nan(members, tf.reduce_sum(members, axis=0))  # share of an image in the mean of its group
        means = tf.linalg.matvec(shares, tf.stop_gradient(losses), transpose_a=True)
        q = self.q * tf.exp(self.rate * means)
        q = self.q.assign(q / tf.reduce_sum(q))
        return losses * tf.linalg.matvec(shares, q) * tf.cast(tf.shape(losses)[0], tf.float32)


def adjusted(logits, prior):
    """Adjusts logits for uniform class frequencies after training with these (logit adjustment, Menon et al. 2021)."""
    return logits - log_of(prior)


def log_of(prior):
    """log p as float32, with a floor for classes that do not occur."""
    return np.log(np.maximum(np.asarray(prior, np.float64), 1e-6)).astype(np.float32)
