"""The guard: whether to use a GAN, and how, from the training set alone."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, datasets
from keras_ganaug.study import statistics, streams, training
from keras_ganaug.study.arms import Synthetic, all_arms
from keras_ganaug.study.study import AugmentationStudy

FEWEST = 4
"""Images that a class must have for its recall to be estimated at all."""

RARE = 30
"""Images below which a class is named among the reasons."""

CANDIDATES = {
    "a quarter, to the rare classes": Synthetic(0.25, "fill"),
    "half, to the rare classes": Synthetic(0.5, "fill"),
    "half, to the rare classes, at half the weight": Synthetic(0.5, "fill", weight=0.5),
    "a quarter of every class": Synthetic(0.25, "keep"),
}
"""Ways of using synthetic images that `recommend` tries, by name."""


class Recommendation(NamedTuple):
    """Whether to use a GAN, and how. `str` of it is the advice in words."""

    fraction: float
    """Share of each batch to replace; 0: do without the GAN."""
    sampling_strategy: object
    """"keep", or one weight per class, as `GANAugmentation` takes it."""
    synthetic_weight: float | None
    """Factor on the sample weight of synthetic rows."""
    truncation: float
    """Factor on the latents."""
    base: str
    """The arm that did best without the GAN: what to do in any case."""
    reasons: list
    """Why, in words."""
    figures: dict
    """What was measured: by arm, the balanced accuracy in each fold."""

    def __str__(self):
        if self.fraction:
            head = f"Use the GAN: fraction={self.fraction:g}, on top of {self.base!r}."
        else:
            head = f"Do without the GAN; train with {self.base!r}."
        return "\n".join([head, *(f"- {reason}" for reason in self.reasons)])

    def to_json(self, path):
        """Writes all of it to a file."""
        text = json.dumps(self._asdict(), indent=1)
        Path(_checks.path(path)).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def from_json(cls, path):
        """Reads what `to_json` wrote."""
        return cls(**json.loads(Path(_checks.path(path)).read_text(encoding="utf-8")))


def recommend(
    train,
    make_generator,
    arms=None,
    candidates=None,
    folds=3,
    repeats=2,
    margin=0.003,
    seed=0,
    class_names=None,
    **options,
):
    """Advises whether to train with a GAN, from cross-validation on the training set alone.

    The training set is cut into folds. For each a GAN is trained on the others, and classifiers with and without its samples
    are compared on the fold, which neither has seen. The GAN is recommended only if it is better than the best arm without
    it by more than a margin, and more than chance would make it: the 90% interval of the paired differences is above 0.

    Args:
        train: Training images: an unbatched `tf.data.Dataset` of (image, label), or arrays `(images, labels)`.
        make_generator: Maps (images, labels, seed) to a generator, as in `AugmentationStudy`.
        arms: Arms without a GAN to choose from, a mapping from names to `study.Arm`s. Defaults to "nothing",
            "oversampling", "balanced_softmax" and "shift_flip".
        candidates: Ways of using the GAN to choose from, a mapping from names to `study.Synthetic`s. Defaults to
            `study.CANDIDATES`.
        folds: Into how many parts the data are cut, at least 2. Defaults to 3.
        repeats: How often, each time anew: `folds * repeats` GANs are trained. Defaults to 2.
        margin: Least gain of balanced accuracy for which a GAN is worth its while, from 0 to 1. Defaults to 0.003.
        seed: Integer. Defaults to 0.
        class_names: Names for the reasons. Defaults to the data set's, else to numbers.
        **options: Further arguments of `AugmentationStudy`: `build`, `optimizer`, `steps`, `batch_size`, `value_range`,
            `directory`, `verbose`.

    Returns a `Recommendation`, for `GANAugmentation.from_recommendation`.

    Raises:
        ValueError, TypeError: For an argument out of its range, before anything is trained.
    """
    if not callable(make_generator):
        raise TypeError(f"`make_generator` must be a function. Received: make_generator={make_generator!r}")
    folds, repeats = _checks.positive_int(folds, "folds"), _checks.positive_int(repeats, "repeats")
    if folds < 2:
        raise ValueError(f"`folds` must be at least 2. Received: folds={folds}")
    margin, seed = _checks.fraction(margin, "margin"), _checks.non_negative_int(seed, "seed")
    class_names = class_names or getattr(train, "class_names", None)
    images, labels = datasets.to_arrays(train) if isinstance(train, tf.data.Dataset) else map(np.asarray, train)
    labels = _checks.class_indices(labels, options.get("num_classes"), "train")
    num_classes = options.setdefault("num_classes", int(labels.max()) + 1)
    names = [str(name) for name in class_names or range(num_classes)]
    counts = np.bincount(labels, minlength=num_classes)
    arms = {name: all_arms()[name] for name in _ARMS} if arms is None else dict(arms)
    candidates = dict(CANDIDATES if candidates is None else candidates)
    clash = sorted(arms.keys() & candidates.keys())
    if clash or not arms or not candidates:
        raise ValueError(
            "`arms` and `candidates` must be mappings that are not empty, with different names. "
            f"Received: {list(arms)} and {list(candidates)}"
        )
    for name, candidate in candidates.items():
        if not isinstance(candidate, Synthetic):
            raise TypeError(f"`candidates` must map names to `study.Synthetic`s. Received: {name!r}: {candidate!r}")
    few = [c for c in range(num_classes) if counts[c] < max(FEWEST, folds)]
    if few:
        # A class of two images can neither be learned by a GAN nor judged: nothing need be trained to say so.
        reason = f"{_few_images(few, counts, names)}: too few to learn from and to judge by."
        base = "balanced_softmax" if "balanced_softmax" in arms else next(iter(arms))
        return Recommendation(0.0, "keep", None, 1.0, base, [reason], {})

    def part(run, held_out):
        place = training.folds_of(labels, folds, seed + run // folds)
        rows = (place == run % folds) == held_out
        return images[rows], labels[rows]

    def figures_of(these):
        study = AugmentationStudy(
            lambda run: part(run, False),
            lambda run: part(run, True),
            make_generator,
            arms=these,
            on_top_of=None,
            seeds=range(folds * repeats),
            **options,
        )
        report = study.run()
        return {arm: report.arms[arm]["balanced_accuracy"] for arm in these}

    figures = figures_of(arms)
    base = max(arms, key=lambda arm: np.mean(figures[arm]))
    with_gan = {name: arms[base]._replace(synthetic=synthetic) for name, synthetic in candidates.items()}
    figures.update(figures_of(with_gan))
    return _decide(figures, base, arms[base], candidates, labels, counts, names, margin)


_ARMS = ("nothing", "oversampling", "balanced_softmax", "shift_flip")


def _few_images(classes, counts, names):
    shown = ", ".join(f"{counts[c]} images in class {names[c]}" for c in classes[:3])
    return shown + (f" and {len(classes) - 3} more classes like these" if len(classes) > 3 else "")


def _decide(figures, base, arm, candidates, labels, counts, names, margin):
    """The advice from balanced accuracies by arm and fold."""
    best = max(candidates, key=lambda name: np.mean(figures[name]))
    differences = np.subtract(figures[best], figures[base])
    low, high = statistics.paired_bootstrap(differences, level=0.9)
    facts = (
        f"{best}, on top of {base!r}: {100 * differences.mean():+.1f} points of balanced accuracy, on images held out of "
        f"the training set (90% interval {100 * low:+.1f} to {100 * high:+.1f}, {len(differences)} folds)"
    )
    if low > 0 and differences.mean() > margin:
        synthetic, strategy = candidates[best], candidates[best].strategy
        if isinstance(strategy, str) and strategy == "fill":
            prior = streams.prior_of(labels, len(counts), arm.sampling)
            strategy = streams.fill_up(prior, synthetic.fraction).tolist()
        options = (synthetic.fraction, strategy, synthetic.weight, synthetic.truncation)
        return Recommendation(*options, base, [f"It helps: {facts}."], figures)
    word = "It does not help" if differences.mean() <= margin else "It may help, but that could be chance"
    reasons = [f"{word}: {facts}."]
    rare = [int(c) for c in np.argsort(counts, kind="stable") if counts[c] < RARE]
    if rare:
        reasons.append(f"{_few_images(rare, counts, names)}: {base!r} is the better choice until there are more.")
    return Recommendation(0.0, "keep", None, 1.0, base, reasons, figures)
