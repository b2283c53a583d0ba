"""The choices of `recommend`: arms without a GAN, and ways to use one, without those that are equal for the data."""

import warnings

import numpy as np

from keras_ganaug.study import statistics, streams
from keras_ganaug.study.arms import Synthetic, default_arms, group_arms, smote, with_strategy

CANDIDATES = {
    "a quarter of each batch": Synthetic(0.25),
    "half of each batch": Synthetic(0.5),
    "half of each batch, at half the weight": Synthetic(0.5, weight=0.5),
    "half of each batch, filtered": Synthetic(0.5, band=(0.3, 1.0)),
    "a quarter of each batch, to the rare classes": Synthetic(0.25, "fill"),
}
"""Ways to use synthetic images that `recommend` tries, by name."""

OF_CELLS = {
    "half of each batch": Synthetic(0.5, "keep"),
    "three quarters of each batch": Synthetic(0.75, "keep"),
    "a quarter of each batch": Synthetic(0.25, "keep"),
}
"""The ways that it tries with data of several attributes."""


def preferred_arms(several=False, channels=None):
    """The arms without a GAN that `recommend` chooses from, in order of preference.

    Args:
        several: Whether the data have several attributes. Defaults to False.
        channels: See `default_arms`. Defaults to None.
    """
    names = ("balanced_softmax + cutmix", "shift_flip", "balanced_softmax", "oversampling", "nothing")
    if several:
        names = ("fourier", "invert + rand_augment + blur", "histogram", "rand_augment", "oversampling", "nothing")
        names = ("balanced_softmax_by_style + fourier", "balanced_softmax_by_style", *names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # arms that cannot run here are omitted
        arms = group_arms(channels) if several else default_arms(channels=channels)
    return {name: arms[name] for name in names if name in arms}


def distinct(arms, counts):
    """The arms that differ for these data. If all classes have the same number of images, balancing has no effect.

    Among equal arms, the last one remains, under its simpler name, in the position of the first.
    """
    if np.any(counts != counts[0]):
        return arms

    def plain(arm):
        loss = "cross_entropy" if arm.loss in ("class_weights", "balanced_softmax") else arm.loss
        resample = None if arm.resample is smote else arm.resample
        sampling = "groups" if arm.sampling == "groups" else "natural"  # "groups" balances cells
        return arm._replace(sampling=sampling, loss=loss, adjust_logits=False, resample=resample)

    return {name: arms[name] for name in {repr(plain(arm)): name for name, arm in arms.items()}.values()}


def on_top_of(arm, candidates, prior):
    """Combines an arm with each way to use synthetic images. Ways that are equal for these data occur once.

    Args:
        arm: The arm.
        candidates: Mapping from names to `Synthetic`s.
        prior: Frequency of each class in the arm's stream: float array (num_classes,).

    Returns a mapping from names to arms, with strategies that `GANAugmentation` supports.
    """
    arms = {name: with_strategy(arm._replace(synthetic=candidate)) for name, candidate in candidates.items()}
    arms = {name: arm._replace(synthetic=streams.filled(arm.synthetic, prior)) for name, arm in arms.items()}
    first = {}
    for name, each in arms.items():
        same = each.synthetic._replace(strategy=streams.frequencies_of(each.synthetic, prior).round(6).tolist())
        first.setdefault(repr(same), name)
    return {name: arms[name] for name in first.values()}


def without_the_harmed(candidate, gains, counts, prior):
    """Changes a way to use synthetic images so that it makes none for the classes that it harms.

    Args:
        candidate: The `Synthetic`.
        gains: The gain of recall for each bucket of classes.
        counts: Number of images of each class.
        prior: Frequency of each class in the stream.

    Returns the names of the excluded buckets and a `Synthetic`, or None if nothing has to be excluded.
    """
    if np.all(counts == counts[0]):
        return None  # all classes are then in each bucket
    buckets, weights = statistics.buckets(counts), np.array(streams.frequencies_of(candidate, prior))
    harmed = [name for name, gain in gains.items() if gain < 0 and weights[buckets[name]].any()]
    for name in harmed:
        weights[buckets[name]] = 0.0
    if not harmed or not weights.any():
        return None
    return harmed, candidate._replace(strategy=(weights / weights.sum()).tolist())
