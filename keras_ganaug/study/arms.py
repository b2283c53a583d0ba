"""The arms of a study: each says in what the training of a classifier differs."""

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
    """How synthetic images take part in the training of a classifier; the options of `gan_augment`."""

    fraction: float = 0.25
    """Share of each batch that is replaced."""
    strategy: Any = "auto"
    """Which classes the synthetic rows get: "fill" makes the classes of the whole stream as equal as the fraction allows;
    "keep", "balance" and class weights are those of `gan_augment`. Where nearly all rows of a class are synthetic, and
    nearly all others real, a classifier can learn to know it by the traces of the generator. So "auto" is "keep" on top of
    an arm whose loss or logits make up for unequal classes already, and "fill" elsewhere."""
    weight: float | None = None
    """Factor on the sample weight of synthetic rows, which goes with an image to the rows that it is mixed into."""
    truncation: float = 1.0
    """Factor on the latents."""
    real_only_end: float = 0.0
    """Share of the training, at its end, that sees real images alone."""
    source: str = "gan"
    """ "gan"; "shuffled", samples of another class than they are labelled as (a control that must not help); "oracle", real
    images that were held out (what perfect samples would do)."""
    band: tuple | None = None
    """(lowest, highest) probability of its class that a cross-fitted classifier must give a sample, as `FilteredGenerator`
    takes it; None takes all samples."""
    bank_size: int = 8192
    """Samples that are generated, over all classes."""
    attributes: Any = None
    """How the attributes of samples other than the class are drawn, or the domains of translations, as `gan_augment` takes
    it; None draws uniformly."""


class Arm(NamedTuple):
    """One way of training the classifier; the defaults are those of the arm "nothing"."""

    sampling: str = "natural"
    """ "natural", as the data are; "balanced", all classes equally often; or "groups", all cells, combinations of several
    attributes, that there are."""
    transforms: tuple = ()
    """What is done to a batch: names of `TRANSFORMS`, or functions of (images, one-hot labels, seed) that return both."""
    loss: str = "cross_entropy"
    """ "cross_entropy", "class_weights", "balanced_softmax", "focal" or, of several attributes, "group_dro" and
    "balanced_softmax_by_style", which adds the logarithm of the frequency of each class in the style of the image."""
    adjust_logits: bool = False
    """Whether the logits are adjusted after training by the frequencies of the classes."""
    resample: Callable | None = None
    """Maps (images, labels, seed) to other training arrays, once before training; SMOTE does. Of several attributes, labels
    are cells, numbered as by `np.ravel_multi_index`."""
    synthetic: Synthetic | None = None
    """Synthetic images in the stream."""
    build: Callable | None = None
    """Maps `image_shape`, `num_classes`, `value_range` and `seed`, all by name, to a classifier for this arm, as
    `networks.classifier.classifier` does. None: the study's own."""

    @property
    def kind(self) -> str:
        """ "none" without synthetic images, else their source: "gan", or that of a control, "shuffled" or "oracle"."""
        return "none" if self.synthetic is None or self.synthetic.fraction == 0 else self.synthetic.source

    @property
    def needs_generator(self) -> bool:
        """Whether `make_generator` is called for it."""
        return self.kind in ("gan", "shuffled")

    @property
    def carries_groups(self) -> bool:
        """Whether batches must tell the group of each image."""
        return self.loss in losses.OF_GROUPS or any(as_transform(each).needs_groups for each in self.transforms)

    @property
    def needs_groups(self) -> bool:
        """Whether it is for data of several attributes alone."""
        return self.sampling == "groups" or self.carries_groups


def with_strategy(arm: Arm) -> Arm:
    """The arm with what "auto" stands for."""
    synthetic = arm.synthetic
    if synthetic is None or not isinstance(synthetic.strategy, str) or synthetic.strategy != "auto":
        return arm
    evening = ("class_weights", "balanced_softmax", "balanced_softmax_by_style")
    evened = arm.sampling == "natural" and (arm.adjust_logits or arm.loss in evening)
    return arm._replace(synthetic=synthetic._replace(strategy="keep" if evened else "fill"))


def smote(images: np.ndarray, labels: np.ndarray, seed: int, neighbors: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """SMOTE on pixels (Chawla et al. 2002), by imbalanced-learn: all classes as large as the largest.

    A class of fewer images has all of its others as neighbours. A class of a single image gets copies of it.
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
    """The arms without synthetic images, by name, also those that need what is not installed."""
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
    """The arms without synthetic images, by name. Warns of those that cannot be run here, and leaves them out.

    Args:
        flip: Whether images may be mirrored, which digits and letters may not. Defaults to True.
        channels: Channels of the images, which not every arm takes. Defaults to None: not known.
    """
    return _possible(all_arms(flip), channels)


def group_arms(channels: int | None = None) -> dict[str, Arm]:
    """The arms without synthetic images for data of several attributes, such as class and style, by name.

    Warns of those that cannot be run here, and leaves them out. `channels` are those of the images; None, the default: they
    are not known.
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
    """The arms that can be run here."""
    missing = {name: missing_for(arm, channels) for name, arm in arms.items()}
    for name in [name for name, reason in missing.items() if reason]:
        warnings.warn(f"The arm {name!r} is left out: it needs {missing[name]}.", stacklevel=3)
        del arms[name]
    return arms


def missing_for(arm: Arm, channels: int | None = None) -> str | None:
    """What an arm needs that is not installed, or other images, in words; None if nothing is missing."""
    if arm.resample is smote and importlib.util.find_spec("imblearn") is None:
        return 'imbalanced-learn (pip install "keras_ganaug[study]")'
    if arm.synthetic is not None and arm.synthetic.band is not None and importlib.util.find_spec("sklearn") is None:
        return 'scikit-learn (pip install "keras_ganaug[study]")'
    return next(filter(None, (as_transform(transform).missing(channels) for transform in arm.transforms)), None)


def check(name: str, arm: Any, num_classes: int, channels: int | None = None, groups: bool = False) -> None:
    """Checks an arm before anything is trained; `groups` says whether the data have several attributes."""
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
    """Checks how synthetic images are to take part, before anything is trained; `of` is for the errors."""
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
    """Arms, a GAN alone, and on top of some of them a GAN and its controls, one with held-out images if there are any."""
    unknown = [name for name in on_top_of if name not in arms]
    if unknown:
        raise ValueError(f"`on_top_of` must be names of arms, {sorted(arms)}. Received: {unknown}")
    added = {"gan": Arm(synthetic=synthetic)}
    for name in on_top_of:
        for source in ("gan", "shuffled", *(("oracle",) if held_out else ())):
            source_of = {} if source == "gan" else {"source": source}
            added[f"{source} + {name}"] = arms[name]._replace(synthetic=synthetic._replace(**source_of))
    return {**arms, **added}
