"""The arms of a study: the settings in which the trainings of a classifier differ."""

import functools
import importlib.util
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from keras_ganaug import _checks
from keras_ganaug.conditions.weights import class_weights
from keras_ganaug.networks import classifier
from keras_ganaug.study import losses
from keras_ganaug.study.transforms import TRANSFORMS, as_transform

SAMPLING = ("natural", "balanced", "groups")


class Synthetic(NamedTuple):
    """How to use synthetic images to train a classifier; the options of `gan_augment`."""

    fraction: float = 0.25
    """Share of each batch that is replaced."""
    strategy: Any = "auto"
    """The classes of the synthetic rows. "fill" balances the classes of the whole stream as far as the fraction allows;
    "keep", "balance" and class weights are those of `gan_augment`. If nearly all rows of a class are synthetic, and most
    others real, a classifier can learn to recognise the class by traces of the generator. So "auto" means "keep" for an arm
    whose loss or logits already compensate for class frequencies, and "fill" for any other arm."""
    weight: float | None = None
    """Factor for the sample weight of synthetic rows. When images are mixed, their weights are mixed too."""
    truncation: float = 1.0
    """Factor for the latents."""
    real_only_end: float = 0.0
    """Share of the training, at its end, that uses only real images."""
    source: str = "gan"
    """ "gan"; "shuffled", samples with labels of another class (a control that must not help); or "oracle", held-out real
    images (what perfect samples would achieve)."""
    band: tuple | None = None
    """(lowest, highest) probability of its class that a cross-fitted classifier must give a sample, see `FilteredGenerator`.
    None accepts all samples."""
    bank_size: int = 8192
    """Number of samples that are generated, over all classes."""
    attributes: Any = None
    """How the attributes of samples other than the class, or the domains of translations, are drawn, see `gan_augment`. None
    draws uniformly."""


class Arm(NamedTuple):
    """One way to train the classifier. The defaults are those of the arm "nothing"."""

    sampling: str = "natural"
    """ "natural", the frequencies of the data; "balanced", all classes equally often; or "groups", all existing cells
    (combinations of several attributes) equally often."""
    transforms: tuple = ()
    """The transforms of each batch: names from `TRANSFORMS`, or functions of (images, one-hot labels, seed) to both."""
    loss: str = "cross_entropy"
    """ "cross_entropy", "class_weights", "balanced_softmax" or "focal"; with several attributes also "group_dro" and
    "balanced_softmax_by_style", which adds the log frequency of each class in the style of the image."""
    adjust_logits: bool = False
    """Whether to adjust the logits by the class frequencies after training."""
    resample: Callable | None = None
    """A function from (images, labels, seed) to new training arrays, called once before training, such as SMOTE. With
    several attributes, labels are cells, numbered as by `np.ravel_multi_index`."""
    synthetic: Synthetic | None = None
    """Synthetic images in the stream, or None."""
    build: Callable | None = None
    """A function from `image_shape`, `num_classes`, `value_range` and `seed`, all by name, to a classifier for this arm,
    like `networks.classifier.classifier`. None: the classifier of the study."""

    @property
    def kind(self) -> str:
        """ "none" without synthetic images, otherwise their source: "gan", or "shuffled" or "oracle" for a control."""
        return "none" if self.synthetic is None or self.synthetic.fraction == 0 else self.synthetic.source

    @property
    def needs_generator(self) -> bool:
        """Whether it needs `make_generator`."""
        return self.kind in ("gan", "shuffled")

    @property
    def carries_groups(self) -> bool:
        """Whether batches must contain the group of each image."""
        return self.loss in losses.OF_GROUPS or any(as_transform(each).needs_groups for each in self.transforms)

    @property
    def needs_groups(self) -> bool:
        """Whether it works only with data of several attributes."""
        return self.sampling == "groups" or self.carries_groups


def with_strategy(arm: Arm) -> Arm:
    """The arm with "auto" resolved."""
    synthetic = arm.synthetic
    if synthetic is None or not isinstance(synthetic.strategy, str) or synthetic.strategy != "auto":
        return arm
    evening = ("class_weights", "balanced_softmax", "balanced_softmax_by_style")
    evened = arm.sampling == "natural" and (arm.adjust_logits or arm.loss in evening)
    return arm._replace(synthetic=synthetic._replace(strategy="keep" if evened else "fill"))


def smote(images: np.ndarray, labels: np.ndarray, seed: int, neighbors: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """SMOTE on pixels (Chawla et al. 2002), by imbalanced-learn. All classes become as large as the largest.

    In a class with too few images, all other images are neighbours. The image of a class with only one is repeated.
    """
    from imblearn.over_sampling import SMOTE

    counts, real = np.bincount(labels), images.reshape(len(images), -1).astype(np.float32)
    most, near = counts.max(), np.minimum(neighbors, counts - 1)
    made = [(np.repeat(real[labels == c], most - 1, 0), np.full(most - 1, c)) for c in np.flatnonzero(counts == 1)]
    for k in np.unique(near[counts > 1]):
        wanted = {int(c): int(most) for c in np.flatnonzero((near == k) & (counts > 1))}
        maker = SMOTE(sampling_strategy=wanted, random_state=seed, k_neighbors=int(k))
        made.append(tuple(values[len(real) :] for values in maker.fit_resample(real, labels)))
    flat, classes = map(np.concatenate, zip(*made))
    order = np.lexsort((classes, counts[classes] == 1))
    flat = np.concatenate([real, flat[order]]).reshape(-1, *images.shape[1:])
    classes = np.concatenate([labels, classes[order].astype(labels.dtype)])
    return (np.rint(flat) if images.dtype.kind in "iu" else flat).astype(images.dtype), classes


def all_arms(flip: bool = True) -> dict[str, Arm]:
    """The arms without synthetic images, by name, including those whose requirements are not installed."""
    moves = ("shift", "flip") if flip else ("shift",)
    return {
        "nothing": Arm(),
        "class_weights": Arm(loss="class_weights"),
        "oversampling": Arm(sampling="balanced"),
        "balanced_softmax": Arm(loss="balanced_softmax"),
        "logit_adjustment": Arm(adjust_logits=True),
        "focal": Arm(loss="focal"),
        "shift_flip": Arm(sampling="balanced", transforms=moves),
        "rand_augment": Arm(sampling="balanced", transforms=("rand_augment",)),
        "mixup": Arm(sampling="balanced", transforms=("mixup",)),
        "rand_augment + mixup": Arm(sampling="balanced", transforms=("rand_augment", "mixup")),
        "cutmix": Arm(sampling="balanced", transforms=("cutmix",)),
        "smote": Arm(resample=smote),
        "balanced_softmax + shift_flip": Arm(loss="balanced_softmax", transforms=moves),
        "balanced_softmax + rand_augment": Arm(loss="balanced_softmax", transforms=("rand_augment",)),
        "balanced_softmax + mixup": Arm(loss="balanced_softmax", transforms=("mixup",)),
        "balanced_softmax + cutmix": Arm(loss="balanced_softmax", transforms=("cutmix",)),
    }


def default_arms(flip: bool = True, channels: int | None = None) -> dict[str, Arm]:
    """The arms without synthetic images, by name. Warns about those that cannot run here, and omits them.

    Args:
        flip: Whether images may be mirrored. Use False for digits and letters. Defaults to True.
        channels: Channels of the images, since not every arm supports all numbers. Defaults to None: unknown.
    """
    return _possible(all_arms(flip), channels)


def group_arms(channels: int | None = None) -> dict[str, Arm]:
    """The arms without synthetic images for data of several attributes, such as class and style, by name.

    Warns about those that cannot run here, and omits them. `channels` is the number of channels of the images, or None, the
    default, if it is unknown.
    """
    mixed = functools.partial(classifier.classifier, mix_style=True)
    names = ("nothing", "oversampling", "rand_augment", "cutmix")
    arms = {
        **{name: all_arms()[name] for name in names},
        "group_balancing": Arm(sampling="groups"),
        "group_dro": Arm(sampling="groups", loss="group_dro"),
        "lisa": Arm(sampling="groups", transforms=("lisa",)),
        "mix_style": Arm(sampling="balanced", build=mixed),
    }
    for name in ("fourier", "histogram", "aug_mix", "random_erasing", "invert + rand_augment + blur"):
        arms[name] = Arm(sampling="balanced", transforms=tuple(name.split(" + ")))
    by_style = Arm(sampling="balanced", loss="balanced_softmax_by_style")
    arms["balanced_softmax_by_style"] = by_style
    arms["balanced_softmax_by_style + fourier"] = by_style._replace(transforms=("fourier",))
    return _possible(arms, channels)


def _possible(arms, channels):
    """The arms that can run here."""
    missing = {name: missing_for(arm, channels) for name, arm in arms.items()}
    for name in [name for name, reason in missing.items() if reason]:
        warnings.warn(f"The arm {name!r} is left out: it needs {missing[name]}.", stacklevel=3)
        del arms[name]
    return arms


def missing_for(arm: Arm, channels: int | None = None) -> str | None:
    """What an arm lacks, in words: a package that is not installed, or other images. None if nothing is missing."""
    if arm.resample is smote and importlib.util.find_spec("imblearn") is None:
        return 'imbalanced-learn (pip install "keras_ganaug[study]")'
    if arm.synthetic is not None and arm.synthetic.band is not None and importlib.util.find_spec("sklearn") is None:
        return 'scikit-learn (pip install "keras_ganaug[study]")'
    return next(filter(None, (as_transform(transform).missing(channels) for transform in arm.transforms)), None)


def check(name: str, arm: Any, num_classes: int, channels: int | None = None, groups: bool = False) -> None:
    """Checks an arm before training. `groups` is whether the data have several attributes."""
    if not isinstance(arm, Arm):
        raise TypeError(f"`arms` must map names to `study.Arm`s. Received: {name!r}: {arm!r}")
    _checks.one_of(arm.sampling, SAMPLING, f"sampling of arm {name!r}")
    _checks.one_of(arm.loss, losses.NAMES, f"loss of arm {name!r}")
    _checks.boolean(arm.adjust_logits, f"adjust_logits of arm {name!r}")
    for argument, function in (("resample", arm.resample), ("build", arm.build)):
        if function is not None and not callable(function):
            raise TypeError(f"`{argument}` of arm {name!r} must be a function. Received: {function!r}")
    if not isinstance(arm.transforms, (tuple, list)):
        raise TypeError(f"`transforms` of arm {name!r} must be a tuple of names or functions. Received: {arm.transforms!r}")
    for transform in arm.transforms:
        if not callable(transform):
            _checks.one_of(transform, tuple(TRANSFORMS), f"transforms of arm {name!r}")
    if arm.needs_groups and not groups:
        raise ValueError(
            f"`num_classes` must be a mapping from several attributes for the arm {name!r}, which needs groups. "
            f"Received: {arm!r}"
        )
    if arm.loss in losses.OF_GROUPS and any(as_transform(each).mixes for each in arm.transforms):
        raise ValueError(
            f"`transforms` of arm {name!r} must not mix images, for the loss {arm.loss!r} of groups. Received: {arm!r}"
        )
    missing = missing_for(arm)
    if missing:
        raise ImportError(f"The arm {name!r} needs {missing}.")
    if missing_for(arm, channels):
        raise ValueError(f"`arms` must fit the images: {name!r} needs {missing_for(arm, channels)}. Received: {arm!r}")
    if arm.synthetic is not None:
        check_synthetic(f"arm {name!r}", arm.synthetic, num_classes)


def check_synthetic(of: str, synthetic: Any, num_classes: int) -> None:
    """Checks a `Synthetic` before training. `of` names its owner in errors."""
    if not isinstance(synthetic, Synthetic):
        raise TypeError(f"`synthetic` of {of} must be a `study.Synthetic`. Received: {synthetic!r}")
    _checks.fraction(synthetic.fraction, f"fraction of {of}")
    _checks.fraction(synthetic.real_only_end, f"real_only_end of {of}")
    _checks.truncation(synthetic.truncation)
    _checks.positive_int(synthetic.bank_size, f"bank_size of {of}")
    _checks.one_of(synthetic.source, ("gan", "shuffled", "oracle"), f"source of {of}")
    if synthetic.weight is not None:
        _checks.non_negative(synthetic.weight, f"weight of {of}")
    if isinstance(synthetic.strategy, str):
        _checks.one_of(synthetic.strategy, ("auto", "fill", "keep", "balance"), f"strategy of {of}")
    else:
        class_weights(synthetic.strategy, num_classes, f"strategy of {of}")
    if synthetic.band is not None:
        _checks.band(synthetic.band, f"band of {of}")


def with_generator(arms: Mapping[str, Arm], on_top_of: Any, synthetic: Synthetic, held_out: bool) -> dict[str, Arm]:
    """Adds a GAN alone, and a GAN and its controls on top of some arms. "oracle" needs held-out images.

    The GAN on top of an arm that does nothing is the GAN alone, and is not added again.
    """
    unknown = [name for name in on_top_of if name not in arms]
    if unknown:
        raise ValueError(f"`on_top_of` must be names of arms, {sorted(arms)}. Received: {unknown}")
    added = {"gan": Arm(synthetic=synthetic)}
    for name in on_top_of:
        for source in ("gan", "shuffled", *(("oracle",) if held_out else ())):
            source_of = {} if source == "gan" else {"source": source}
            made = arms[name]._replace(synthetic=synthetic._replace(**source_of))
            if made != added["gan"]:
                added[f"{source} + {name}"] = made
    return {**arms, **added}
