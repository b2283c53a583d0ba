"""`recommend`: advises whether to use a GAN, and how, from the training set alone."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np

from keras_ganaug import _checks, _extras, _random, _watch, conditions
from keras_ganaug.study import report_data, streams
from keras_ganaug.study.advice import SETTINGS, Recommendation
from keras_ganaug.study.arms import Arm, Synthetic, check, check_synthetic
from keras_ganaug.study.candidates import CANDIDATES, OF_CELLS, distinct, on_top_of, preferred_arms, without_the_harmed
from keras_ganaug.study.cross_validation import FEWEST, LEVEL, CrossValidation, cells_and_counts
from keras_ganaug.study.data import as_arrays, look_at_scale
from keras_ganaug.study.duplicates import warn_of_repeated
from keras_ganaug.study.inputs import check_functions

MANY = 2000
"""Number of images from which the default is a single cross-validation, since folds are large and slow."""

RARE = 30
"""Classes with fewer images are mentioned in the reasons."""


OPTIONS = {"build", "optimizer", "steps", "batch_size", "num_classes", "value_range", "directory", "verbose"}
"""Arguments that `recommend` passes on to `AugmentationStudy`."""


def recommend(
    train: Any,
    make_generator: Callable[..., Any],
    arms: Mapping[str, Arm] | None = None,
    candidates: Mapping[str, Synthetic] | None = None,
    folds: int = 3,
    repeats: int | None = None,
    margin: float = 0.003,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
    executor: Executor | None = None,
    **options: Any,
) -> Recommendation:
    """Advises whether to train with a GAN, by cross-validation on the training set alone.

    The training set is split into folds. For each fold, a GAN is trained on the other folds, and classifiers with and
    without its samples are compared on the held-out fold. If the best way to use the GAN lowers the recall of head, middle
    or tail classes, it is tried again without samples of those classes. The GAN is recommended only if it beats the best arm
    without it by more than a margin and beyond chance: the 90% interval of the paired differences must be above 0. The
    interval takes into account that folds share most of their images (`statistics.cross_validated_interval`). A way to use
    the GAN is eliminated as soon as no result of the remaining folds could make it convincing, so elimination never changes
    the advice. When none remains, no further GAN is trained. Settings that are equal for these data are tried once: if all
    classes have the same number of images, oversampling equals plain training.

    The arm without the GAN is chosen by the root of the product of error and log loss (`statistics.log_loss`). Successive
    elimination on the log loss drops arms, and loses the best one with a probability of at most 5%: a corrected resampled t
    test for each pair and fold, at 5% divided by their number. With few images, neither measure separates arms that differ
    by points of accuracy, so the order of `arms` counts. The choice is the first arm whose log loss is not significantly
    worse than the best arm's, by a 90% interval of this kind, and whose root is at most 15% above the smallest.

    If `num_classes` names several attributes, and some of their combinations (cells) have no training images, the advice is
    about these cells. A fold then holds out whole cells, so that each value of each attribute stays in training. Arms are
    compared by their mean accuracy on held-out cells: how well they classify unseen combinations. A cell with fewer than
    four images, or the only cell of a value, is never held out. Limits: the empty cells themselves cannot be tested, a fold
    trains with fewer cells than there are, and cells in the training data are not measured.

    Each way to use the GAN is tested separately, at 5%, and the best of several is partly lucky. If none of five has any
    gain, one is still recommended in about one of seven cases. If the decision matters, repeat this with another seed.

    Args:
        train: Training images: an unbatched `tf.data.Dataset` of (image, label), or arrays `(images, labels)`.
        make_generator: Function from (images, labels, seed) to a generator, see `AugmentationStudy`.
        arms: Arms without a GAN to choose from, a mapping from names to `study.Arm`s in order of preference. Defaults to
            "balanced_softmax + cutmix" (if this Keras has it), "shift_flip", "balanced_softmax", "oversampling" and
            "nothing"; with several attributes to "balanced_softmax_by_style + fourier", "balanced_softmax_by_style",
            "fourier", "invert + rand_augment + blur", "histogram", "rand_augment", "oversampling" and "nothing".
        candidates: Ways to use the GAN to choose from, a mapping from names to `study.Synthetic`s. Among ways that are equal
            for these data, the first counts. Defaults to `study.CANDIDATES`; with several attributes to half, three quarters
            and a quarter of each batch.
        folds: Number of folds, at least 2. Defaults to 3.
        repeats: Number of repetitions with new folds. Up to `folds * repeats` GANs are trained. Defaults to 2, but to 1 with
            2,000 training images or more.
        margin: Smallest gain of accuracy that makes a GAN worthwhile, from 0 to 1. Defaults to 0.003.
        seed: Integer. Different seeds share no folds, GANs or classifiers. Defaults to 0.
        class_names: Class names for the reasons. Defaults to those of the data set, otherwise to numbers.
        executor: An executor that trains the arms of a fold at the same time in other processes, see
            `AugmentationStudy.run`. Needs a `directory`. Defaults to None.
        **options: Further arguments of `AugmentationStudy`: `build`, `optimizer`, `steps`, `batch_size`, `num_classes`,
            `value_range`, `directory`, `verbose`.

    Returns a `Recommendation`, for `GANAugmentation.from_recommendation`.

    Raises:
        ValueError, TypeError: For an argument out of its range, before any training.
        ImportError: If SciPy or scikit-learn is not installed, before any training.
    """
    if make_generator is None:
        raise TypeError("`make_generator` must be a function. Received: make_generator=None")
    check_functions(make_generator=make_generator, build=options.get("build"), optimizer=options.get("optimizer"))
    if _checks.positive_int(folds, "folds") < 2:
        raise ValueError(f"`folds` must be at least 2. Received: folds={folds}")
    margin, seed = _checks.fraction(margin, "margin"), _checks.non_negative_int(seed, "seed")
    unknown = sorted(options.keys() - OPTIONS)
    if unknown:
        raise TypeError(f"`recommend` takes of `AugmentationStudy`'s arguments {sorted(OPTIONS)}. Received: {unknown}")
    value_range = _checks.value_range(options.get("value_range", (0, 255)))
    attributes = conditions.of(options["num_classes"]).num_classes if options.get("num_classes") is not None else None
    images, labels = as_arrays(train, "train", attributes)
    many = 1 if len(labels) >= MANY else 2
    repeats = many if repeats is None else _checks.positive_int(repeats, "repeats")
    num_classes = conditions.sizes_of(options.setdefault("num_classes", int(labels.max()) + 1))[0]
    names = report_data.names_of(class_names, num_classes, train)
    of_cells = cells_and_counts(labels, options["num_classes"])[1]
    arms, candidates = _choices(arms, candidates, num_classes, images.shape[-1], of_cells.ndim > 1)
    counts = of_cells.reshape(num_classes, -1).sum(1)
    settings = {name: options[name] for name in SETTINGS if name in options}
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}

    def without(reason):
        first = next(iter(arms))
        return Recommendation(0.0, "keep", None, 1.0, first, [reason], {}, arm=arms[first], settings=settings)

    few = [c for c in range(num_classes) if counts[c] < max(FEWEST, folds)]
    if few:
        # A GAN cannot learn a class of two images, and it cannot be measured: no training is needed to know.
        return without(f"{_few_images(few, counts, names)}: too few to learn from and to measure by.")
    _extras.load("scipy.stats")
    with _watch.telling_once(), _random.preserved():
        warn_of_repeated(images, train)
        look_at_scale({"train": (images, labels)}, value_range)
        for told in ("scale", "shared"):  # the folds would repeat these warnings
            _watch.first(told)
        trials = CrossValidation(images, labels, make_generator, folds, repeats, seed, executor, **options)
        if not trials.fewest_held_out:
            return without(f"{_empty_cells(trials)} Of the others too few can be held out, each value staying in training.")
        return _tried(trials, arms, candidates, names, margin)._replace(settings=settings)


def _choices(arms, candidates, num_classes, channels, several):
    """Checks the arms and the candidates to choose from."""
    for name, given in (("arms", arms), ("candidates", candidates)):
        if given is not None and not isinstance(given, Mapping):
            raise TypeError(f"`{name}` must be a mapping from names. Received: {name}={given!r}")
    arms = preferred_arms(several, channels) if arms is None else dict(arms)
    candidates = dict((OF_CELLS if several else CANDIDATES) if candidates is None else candidates)
    if arms.keys() & candidates.keys() or not arms or not candidates:
        raise ValueError(
            "`arms` and `candidates` must be mappings that are not empty, with different names. "
            f"Received: {list(arms)} and {list(candidates)}"
        )
    for name, arm in arms.items():
        check(name, arm, num_classes, channels, several)
        if arm.synthetic is not None:
            raise ValueError(f"`arms` must have no GAN. Received: {name!r}: {arm!r}")
    for name, candidate in candidates.items():
        check_synthetic(f"candidate {name!r}", candidate, num_classes)
        _checks.one_of(candidate.source, ("gan",), f"source of candidate {name!r}")
    return arms, candidates


def _tried(trials, arms, candidates, names, margin):
    """The advice of a `CrossValidation` after all trainings. `names` are the class names."""
    counts = trials.counts
    arms = arms if trials.by_cells else distinct(arms, counts)  # if cells are held out, classes are not balanced
    trials.progress.to_come = trials.runs * (len(candidates) + 2)
    base = trials.preferred(trials.eliminate(arms, trials.is_surely_worse, phase="without the GAN"))
    why = trials.why(base, arms)
    prior = streams.prior_of(trials.cells, len(counts), arms[base].sampling, trials.styles)

    def is_eliminated(name, remaining, of):
        return trials.is_hopeless(name, base, margin)

    tried = on_top_of(arms[base], candidates, prior)
    trials.progress.to_come = trials.runs
    remaining = trials.eliminate(tried, is_eliminated, base, "with the GAN") or tried
    best = trials.best(remaining, base)
    gains = {} if trials.by_cells else trials.gains_of_recall(best, base)  # a fold of whole cells may lack a class
    changed = without_the_harmed(tried[best].synthetic, gains, counts, prior)
    if changed is not None:
        harmed, synthetic = changed
        name = f"{best}, none for the {' and the '.join(harmed)}"
        trials.progress.to_come = 0
        narrowed = {name: arms[base]._replace(synthetic=synthetic)}
        remaining = remaining | trials.eliminate(narrowed, is_eliminated, base, "with the GAN for some classes")
    advice = _decide(trials, base, {name: arm.synthetic for name, arm in remaining.items()}, names, margin)
    log_losses = {name: list(metrics["log_loss"]) for name, metrics in trials.metrics.items()}
    return advice._replace(reasons=[*advice.reasons, why], log_losses=log_losses)


def _few_images(classes, counts, names):
    some = ", ".join(f"{counts[c]} images in class {names[c]}" for c in classes[:3])
    more = len(classes) - 3
    return some + (f" and {more} more class{'es' if more > 1 else ''} like these" if more > 0 else "")


def _empty_cells(trials):
    """Describes the combinations without images, in words."""
    names, empty = list(trials.options["num_classes"]), np.argwhere(trials.of_cells == 0)
    some = "; ".join(", ".join(f"{name} {value}" for name, value in zip(names, cell)) for cell in empty[:3])
    of = f"{len(empty)} of the {trials.of_cells.size} combinations of {' and '.join(names)}"
    return f"{of} have no training images ({some}{'; ...' if len(empty) > 3 else ''})."


def _decide(trials, base, candidates, names, margin):
    """The advice from the results. `base` is an arm without a GAN, `candidates` are the remaining ways to use it."""
    counts, best = trials.counts, trials.best(candidates, base)
    accuracies = {name: list(metrics[trials.metric]) for name, metrics in trials.metrics.items()}
    gain, (low, high), count = trials.gain(best, base), trials.interval(best, base), len(accuracies[best])
    chance = f"{LEVEL:.0%} interval {100 * low:+.1f} to {100 * high:+.1f}, {count} folds"
    if count < trials.runs and trials.is_hopeless(best, base, margin):
        # The interval of two folds is too wide to say anything, and does not explain why the search ended.
        other = trials.runs - count
        chance = f"{count} {'folds' if count > 1 else 'fold'}, and no result of the other {other} could change the advice"
    ways = sum(arm.synthetic is not None for arm in trials.arms.values())
    if ways > 1:
        chance += f"; the best of {ways} ways that were tried"
    what = "balanced accuracy, on images held out of the training set"
    if trials.by_cells:
        what = "mean accuracy of combinations held out of the training set"
    facts = f"{best}, on top of {base!r}: {100 * gain:+.1f} points of {what} ({chance})"
    reasons = []
    if trials.by_cells:
        reasons.append(
            f"{_empty_cells(trials)} The advice is about these: at least {trials.fewest_held_out} of the others were held "
            "out at a time. The effect of the GAN on combinations in the training data was not measured."
        )
    elif not np.all(counts == counts[0]):
        gains = trials.gains_of_recall(best, base)
        reasons.append(f"Recall: {', '.join(f'{name} {100 * gain:+.1f}' for name, gain in gains.items())} points.")
    if trials.is_convincing(trials.differences(best, base), margin):
        used = candidates[best]
        options = (used.fraction, used.strategy, used.weight, used.truncation)
        more = {"band": used.band, "attributes": used.attributes, "arm": trials.arms.get(best)}
        return Recommendation(*options, base, [f"It helps: {facts}.", *reasons], accuracies, **more)
    word = "It does not help" if gain <= margin else "It may help, but that could be chance"
    rare = [int(c) for c in np.argsort(counts, kind="stable") if counts[c] < RARE]
    if rare:
        reasons.append(f"{_few_images(rare, counts, names)}: {base!r} is the better choice until there are more.")
    reasons = [f"{word}: {facts}.", *reasons]
    return Recommendation(0.0, "keep", None, 1.0, base, reasons, accuracies, arm=trials.arms.get(base))
