"""The guard: whether to use a GAN, and how, from the training set alone."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, datasets
from keras_ganaug.augmentation.replacement import class_weights
from keras_ganaug.study import statistics, streams, training
from keras_ganaug.study.arms import Synthetic, all_arms, missing_for, smote, with_strategy
from keras_ganaug.study.study import AugmentationStudy

FEWEST = 4
"""Images that a class must have for its recall to be estimated at all."""

MANY = 2000
"""Images from which on the default is one cross-validation: its folds are large, and each takes long."""

_TWENTIETH = 1.645  # standard deviations above which a twentieth of a normal distribution lies

NEAR = 0.15
"""Share by which an arm may be worse than the best, in error and log loss together, for its place in the order to count."""

RARE = 30
"""Images below which a class is named among the reasons."""

CANDIDATES = {
    "a quarter of each batch": Synthetic(0.25),
    "half of each batch": Synthetic(0.5),
    "half of each batch, at half the weight": Synthetic(0.5, weight=0.5),
    "half of each batch, filtered": Synthetic(0.5, band=(0.3, 1.0)),
    "a quarter of each batch, to the rare classes": Synthetic(0.25, "fill"),
}
"""Ways of using synthetic images that `recommend` tries, by name."""


class Recommendation(NamedTuple):
    """Whether to use a GAN, and how. `str` of it is the advice in words."""

    fraction: float
    """Share of each batch to replace; 0: do without the GAN."""
    sampling_strategy: object
    """"keep", or one weight per class, as `GANAugmentation` takes it: 0 for classes that get no synthetic images."""
    synthetic_weight: float | None
    """Factor on the sample weight of synthetic rows."""
    truncation: float
    """Factor on the latents."""
    base: str
    """The arm that did best without the GAN: what to do in any case."""
    reasons: list
    """Why, in words."""
    figures: dict
    """What was measured: by arm, the balanced accuracy in each fold until the arm was given up."""
    band: tuple | None = None
    """(lowest, highest) probability of its class that a classifier must give a sample, for `FilteredGenerator`; None: no
    filter."""

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
        content = json.loads(Path(_checks.path(path)).read_text(encoding="utf-8"))
        band = content.get("band")
        return cls(**{**content, "band": None if band is None else tuple(band)})


def recommend(
    train,
    make_generator,
    arms=None,
    candidates=None,
    folds=3,
    repeats=None,
    margin=0.003,
    seed=0,
    class_names=None,
    **options,
):
    """Advises whether to train with a GAN, from cross-validation on the training set alone.

    The training set is cut into folds. For each a GAN is trained on the others, and classifiers with and without its samples
    are compared on the fold, which neither has seen. Where the best way of using the GAN lowers the recall of head, middle
    or tail, it is tried once more without samples of those classes. The GAN is recommended only if it is better than the
    best arm without it, as far as that can be told, by more than a margin, and more than chance would make it: the 90%
    interval of the paired differences is above 0, which takes into account that folds share most of their images
    (`statistics.cross_validated_interval`). A way of using the GAN that lies behind is given up, from the second fold on by
    a bootstrap of the differences, and after the first by what the number of its images leaves to chance; when none is left,
    no further GAN is trained. What is the same with these data is tried once: with equally many images of each class,
    oversampling is training on them as they are.

    The arm without the GAN is chosen by error and log loss (`statistics.log_loss`) together, by the root of their product.
    With few images neither tells arms apart that differ by points of accuracy, so the order in which they are given counts:
    the first is taken whose log loss is not surely worse than the best arm's, by the same interval, and whose root is above
    the smallest by at most 15%.

    Args:
        train: Training images: an unbatched `tf.data.Dataset` of (image, label), or arrays `(images, labels)`.
        make_generator: Maps (images, labels, seed) to a generator, as in `AugmentationStudy`.
        arms: Arms without a GAN to choose from, a mapping from names to `study.Arm`s, those first that one would take if one
            could not try. Defaults to "balanced_softmax + cutmix" (where this Keras has it), "shift_flip",
            "balanced_softmax", "oversampling" and "nothing".
        candidates: Ways of using the GAN to choose from, a mapping from names to `study.Synthetic`s; of several that are
            the same with these data, the first. Defaults to `study.CANDIDATES`.
        folds: Into how many parts the data are cut, at least 2. Defaults to 3.
        repeats: How often, each time anew: up to `folds * repeats` GANs are trained. Defaults to 2, but to 1 with 2,000
            training images or more.
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
    folds = _checks.positive_int(folds, "folds")
    repeats = None if repeats is None else _checks.positive_int(repeats, "repeats")
    if folds < 2:
        raise ValueError(f"`folds` must be at least 2. Received: folds={folds}")
    margin, seed = _checks.fraction(margin, "margin"), _checks.non_negative_int(seed, "seed")
    class_names = class_names or getattr(train, "class_names", None)
    images, labels = datasets.to_arrays(train) if isinstance(train, tf.data.Dataset) else map(np.asarray, train)
    labels = _checks.class_indices(labels, options.get("num_classes"), "train")
    if repeats is None:
        repeats = 1 if len(labels) >= MANY else 2
    num_classes = options.setdefault("num_classes", int(labels.max()) + 1)
    names = [str(name) for name in class_names or range(num_classes)]
    counts = np.bincount(labels, minlength=num_classes)
    arms = _default_arms() if arms is None else dict(arms)
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
        return Recommendation(0.0, "keep", None, 1.0, next(iter(arms)), [reason], {})

    def part(run, held_out):
        place = training.folds_of(labels, folds, seed + run // folds)
        rows = (place == run % folds) == held_out
        return images[rows], labels[rows]

    made = {}

    def generator_of(images, labels, run):
        if run not in made:
            made[run] = make_generator(images, labels, run)
        return made[run]

    figures = {}

    def measure(these, run):
        study = AugmentationStudy(
            lambda run: part(run, False),
            lambda run: part(run, True),
            generator_of,
            arms=these,
            on_top_of=None,
            seeds=[run],
            **options,
        )
        for name, measured in study.run().arms.items():
            so_far = figures.get(name, {})
            figures[name] = {metric: [*so_far.get(metric, ()), *values] for metric, values in measured.items()}

    def race(these, behind, rival=None):
        """Measures arms, fold by fold, until they are surely behind. Returns those that never were.

        Args:
            these: Mapping from names to arms.
            behind: Maps a name, and those of all that are left, to whether it is.
            rival: Name of the arm to beat. Defaults to None: the best of these, and the race ends when one is left.
        """
        for run in range(folds * repeats):
            to_measure = dict(these)
            if rival is not None and len(figures[rival]["balanced_accuracy"]) <= run:
                to_measure[rival] = arms[rival]
            if options.get("verbose", True):
                print(f"fold {run + 1} of at most {folds * repeats}", flush=True)
            measure(to_measure, run)
            these = {name: arm for name, arm in these.items() if not behind(name, these)}
            if len(these) <= (rival is None):
                break
        return these

    left = race(_distinct(arms, counts), lambda name, left: _surely_worse(name, left, figures, folds))
    base = _preferred(left, figures, folds)
    arm = arms[base]
    prior = streams.prior_of(labels, num_classes, arm.sampling)
    tried = {name: with_strategy(arm._replace(synthetic=candidate)) for name, candidate in candidates.items()}
    tried = {name: arm._replace(synthetic=_with_weights(arm.synthetic, prior)) for name, arm in tried.items()}
    tried = _first_of_each(tried, lambda arm: _with_frequencies(arm.synthetic, prior))

    def behind(name, left):
        return _behind(figures[name], figures[base], margin, counts / folds)

    left = race(tried, behind, base) or dict(tried)
    best = _best(left, figures, base)
    spared = _spared(tried[best].synthetic, figures[best], figures[base], counts, prior)
    if spared is not None:
        which, spared = spared
        name = f"{best}, none for the {' and the '.join(which)}"
        tried[name] = arm._replace(synthetic=spared)
        left |= race({name: tried[name]}, behind, base)
    return _decide(figures, base, {name: tried[name].synthetic for name in left}, counts, names, margin, folds)


def _default_arms():
    names = ("balanced_softmax + cutmix", "shift_flip", "balanced_softmax", "oversampling", "nothing")
    arms = {name: all_arms()[name] for name in names}
    return {name: arm for name, arm in arms.items() if missing_for(arm) is None}


def _distinct(arms, counts):
    """The arms that differ with these data: where all classes have as many images, what evens them out does nothing.

    Of several that are the same, the last is left, by its plainer name, in the place of the first.
    """
    if np.any(counts != counts[0]):
        return arms

    def plain(arm):
        loss = "cross_entropy" if arm.loss in ("class_weights", "balanced_softmax") else arm.loss
        resample = None if arm.resample is smote else arm.resample
        return arm._replace(sampling="natural", loss=loss, adjust_logits=False, resample=resample)

    return {name: arms[name] for name in {repr(plain(arm)): name for name, arm in arms.items()}.values()}


def _first_of_each(mapping, key):
    """Without what has the key of something before it."""
    first = {}
    for name, value in mapping.items():
        first.setdefault(repr(key(value)), name)
    return {name: mapping[name] for name in first.values()}


def _few_images(classes, counts, names):
    shown = ", ".join(f"{counts[c]} images in class {names[c]}" for c in classes[:3])
    return shown + (f" and {len(classes) - 3} more classes like these" if len(classes) > 3 else "")


def _differences(these, others, metric="balanced_accuracy"):
    """Fold by fold, as far as both were measured."""
    return np.array([a - b for a, b in zip(these[metric], others[metric])])


def _behind(these, others, least, held_out):
    """Whether these figures are surely not better than the others by `least`.

    Args:
        these, others: What was measured of two arms.
        least: A difference of balanced accuracies.
        held_out: Images of each class in a fold: where they are many, one fold is enough to see that much is missing.
    """
    differences = _differences(these, others)
    if len(differences) > 1:
        return statistics.paired_bootstrap(differences, level=0.9)[1] < least
    accuracies = np.array([figures["balanced_accuracy"][0] for figures in (these, others)])
    variance = np.sum(accuracies * (1 - accuracies)) * np.sum(1 / held_out[held_out > 0]) / np.sum(held_out > 0) ** 2
    return differences[0] + _TWENTIETH * np.sqrt(variance) < least


def _best(names, figures, base):
    """The way of using the GAN with the largest mean gain of balanced accuracy over `base`."""
    return max(names, key=lambda name: _differences(figures[name], figures[base]).mean())


def _surely_worse(name, names, figures, folds):
    """Whether the log loss of an arm is above that of the best of these, beyond chance."""
    best = min(names, key=lambda name: np.mean(figures[name]["log_loss"]))
    excess = _differences(figures[name], figures[best], "log_loss")
    return statistics.cross_validated_interval(excess, folds, level=0.9)[0] > 0


def _preferred(names, figures, folds):
    """The first arm that is not worse than the best of these, surely or by more than `NEAR`."""

    def root(name):
        # Of two arms without an error neither is far worse than the other.
        error = 1e-3 + 1 - np.mean(figures[name]["balanced_accuracy"])
        return np.sqrt(error * np.mean(figures[name]["log_loss"]))

    names = [name for name in names if not _surely_worse(name, names, figures, folds)]
    least = min(map(root, names))
    return next(name for name in names if root(name) <= (1 + NEAR) * least)


def _with_weights(candidate, prior):
    """A `Synthetic` whose strategy `GANAugmentation` has too: weights in place of "fill"."""
    if isinstance(candidate.strategy, str) and candidate.strategy == "fill":
        return candidate._replace(strategy=streams.fill_up(prior, candidate.fraction).tolist())
    return candidate


def _frequencies(candidate, prior):
    """The frequency of each class among the synthetic rows, however the strategy says it."""
    weights = class_weights(candidate.strategy, len(prior))
    if weights is None:
        weights = prior if candidate.strategy == "keep" else streams.fill_up(prior, candidate.fraction)
    return np.array(weights, np.float64)


def _with_frequencies(candidate, prior):
    """A `Synthetic` that is the same as another if and only if they do the same."""
    return candidate._replace(strategy=_frequencies(candidate, prior).round(6).tolist())


def _gains(these, others):
    """By bucket of classes, the mean gain of recall; nothing for a bucket without classes."""
    gains = {name: np.mean(_differences(these, others, f"{name}_recall")) for name in statistics.BUCKETS}
    return {name: float(gain) for name, gain in gains.items() if np.isfinite(gain)}


def _spared(candidate, these, others, counts, prior):
    """A candidate without samples of the buckets that it harms: (their names, `Synthetic`); None if there are none to spare.

    Args:
        candidate: The `Synthetic`.
        these, others: What was measured of it, and of the arm without a GAN.
        counts: Images of each class.
        prior: Frequency of each class in the stream.
    """
    buckets = statistics.buckets(counts)
    if np.all(counts == counts[0]):
        return None  # then all classes are in each bucket
    weights = _frequencies(candidate, prior)
    harmed = [name for name, gain in _gains(these, others).items() if gain < 0 and weights[buckets[name]].any()]
    for name in harmed:
        weights[buckets[name]] = 0.0
    if not harmed or not weights.any():
        return None
    return harmed, candidate._replace(strategy=(weights / weights.sum()).tolist())


def _decide(figures, base, candidates, counts, names, margin, folds):
    """The advice from what was measured of each arm in each fold."""
    best = _best(candidates, figures, base)
    accuracies = {name: list(figures[name]["balanced_accuracy"]) for name in figures}
    differences = _differences(figures[best], figures[base])
    low, high = statistics.cross_validated_interval(differences, folds, level=0.9)
    chance = f"90% interval {100 * low:+.1f} to {100 * high:+.1f}, {len(differences)} folds"
    facts = (
        f"{best}, on top of {base!r}: {100 * differences.mean():+.1f} points of balanced accuracy, on images held out of "
        f"the training set ({chance if len(differences) > 1 else 'one fold, which is enough'})"
    )
    reasons = []
    if not np.all(counts == counts[0]):
        gains = _gains(figures[best], figures[base])
        reasons.append(f"Recall: {', '.join(f'{name} {100 * gain:+.1f}' for name, gain in gains.items())} points.")
    if low > 0 and differences.mean() > margin:
        used = candidates[best]
        options = (used.fraction, used.strategy, used.weight, used.truncation)
        return Recommendation(*options, base, [f"It helps: {facts}.", *reasons], accuracies, used.band)
    word = "It does not help" if differences.mean() <= margin else "It may help, but that could be chance"
    rare = [int(c) for c in np.argsort(counts, kind="stable") if counts[c] < RARE]
    if rare:
        reasons.append(f"{_few_images(rare, counts, names)}: {base!r} is the better choice until there are more.")
    return Recommendation(0.0, "keep", None, 1.0, base, [f"{word}: {facts}.", *reasons], accuracies)
