"""The guard: whether to use a GAN, and how, from the training set alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_ganaug import _checks, _extras, _random, _watch, conditions
from keras_ganaug.study import report_data, streams
from keras_ganaug.study.advice import SETTINGS, Recommendation
from keras_ganaug.study.arms import Arm, Synthetic, check, check_synthetic
from keras_ganaug.study.candidates import CANDIDATES, OF_CELLS, distinct, on_top_of, preferred_arms, without_the_harmed
from keras_ganaug.study.cross_validation import FEWEST, LEVEL, CrossValidation, cells_and_counts
from keras_ganaug.study.data import as_arrays, look_at_scale, warn_of_repeated
from keras_ganaug.study.inputs import check_functions

MANY = 2000
"""Images from which on the default is one cross-validation: its folds are large, and each takes long."""

RARE = 30
"""Images below which a class is named among the reasons."""


OPTIONS = {"build", "optimizer", "steps", "batch_size", "num_classes", "value_range", "directory", "verbose"}
"""Arguments of `AugmentationStudy` that `recommend` hands on."""


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
    **options: Any,
) -> Recommendation:
    """Advises whether to train with a GAN, from cross-validation on the training set alone.

    The training set is cut into folds. For each a GAN is trained on the others, and classifiers with and without its samples
    are compared on the fold, which neither has seen. Where the best way of using the GAN lowers the recall of head, middle
    or tail, it is tried once more without samples of those classes. The GAN is recommended only if it is better than the
    best arm without it by more than a margin, and more than chance would make it: the 90% interval of the paired
    differences is above 0, which takes into account that folds share most of their images
    (`statistics.cross_validated_interval`). A way of using the GAN is eliminated as soon as no result of the remaining folds
    could make it convincing, so that none is lost which would have been recommended after all of them. When none remains,
    no further GAN is trained. What is the same with these data is tried once: with equally many images of each class,
    oversampling is training on them as they are.

    The arm without the GAN is chosen by error and log loss (`statistics.log_loss`) together, by the root of their product.
    Arms are dropped by successive elimination on the log loss, which loses the best one with a probability of at most 5%: a
    corrected resampled t test for each pair and fold, at 5% divided by their number. With few images neither tells arms
    apart that differ by points of accuracy, so the order in which they are given counts: the first is taken whose log loss
    is not surely worse than the best arm's, by a 90% interval of this kind, and whose root is above the smallest by at most
    15%.

    Where `num_classes` names several attributes and some of their combinations, the cells, have no training images, the
    advice is about these. A fold then holds out whole cells, such that each value of each attribute stays in training, and
    what is compared is their mean accuracy: how well combinations are classified that were not seen. A cell of fewer than
    four images, or the only one of a value, is never held out. The empty cells themselves cannot be looked at, a fold trains
    with fewer cells than there are, and nothing is measured of cells that training has.

    Each way of using the GAN is tested by itself, at 5%, and the best of several is lucky as well as good: of five without
    any gain, one is recommended in about one of seven cases. Where it matters, call this again with another seed.

    Args:
        train: Training images: an unbatched `tf.data.Dataset` of (image, label), or arrays `(images, labels)`.
        make_generator: Maps (images, labels, seed) to a generator, as in `AugmentationStudy`.
        arms: Arms without a GAN to choose from, a mapping from names to `study.Arm`s, those first that one would take if one
            could not try. Defaults to "balanced_softmax + cutmix" (where this Keras has it), "shift_flip",
            "balanced_softmax", "oversampling" and "nothing"; with several attributes to
            "balanced_softmax_by_style + fourier", "balanced_softmax_by_style", "fourier", "invert + rand_augment + blur",
            "histogram", "rand_augment", "oversampling" and "nothing".
        candidates: Ways of using the GAN to choose from, a mapping from names to `study.Synthetic`s; of several that are
            the same with these data, the first. Defaults to `study.CANDIDATES`; with several attributes to half, three
            quarters and a quarter of each batch.
        folds: Into how many parts the data are cut, at least 2. Defaults to 3.
        repeats: How often, each time anew: up to `folds * repeats` GANs are trained. Defaults to 2, but to 1 with 2,000
            training images or more.
        margin: Least gain of accuracy for which a GAN is worth its while, from 0 to 1. Defaults to 0.003.
        seed: Integer. All folds, GANs and classifiers of one seed are others than those of another. Defaults to 0.
        class_names: Names for the reasons. Defaults to the data set's, else to numbers.
        **options: Further arguments of `AugmentationStudy`: `build`, `optimizer`, `steps`, `batch_size`, `num_classes`,
            `value_range`, `directory`, `verbose`.

    Returns a `Recommendation`, for `GANAugmentation.from_recommendation`.

    Raises:
        ValueError, TypeError: For an argument out of its range, before anything is trained.
        ImportError: Without SciPy and scikit-learn, before anything is trained.
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
        # A class of two images can neither be learned by a GAN nor measured: nothing need be trained to say so.
        return without(f"{_few_images(few, counts, names)}: too few to learn from and to measure by.")
    _extras.load("scipy.stats")
    with _watch.telling_once(), _random.preserved():
        warn_of_repeated(images)
        look_at_scale({"train": (images, labels)}, value_range)
        for told in ("scale", "shared"):  # which the folds are and have as well
            _watch.first(told)
        trials = CrossValidation(images, labels, make_generator, folds, repeats, seed, **options)
        if not trials.fewest_held_out:
            return without(f"{_empty_cells(trials)} Of the others too few can be held out, each value staying in training.")
        return _tried(trials, arms, candidates, names, margin)._replace(settings=settings)


def _choices(arms, candidates, num_classes, channels, several):
    """The arms and the candidates to choose from, checked."""
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
            raise ValueError(f"`arms` are those without a GAN. Received: {name!r}: {arm!r}")
    for name, candidate in candidates.items():
        check_synthetic(f"candidate {name!r}", candidate, num_classes)
        _checks.one_of(candidate.source, ("gan",), f"source of candidate {name!r}")
    return arms, candidates


def _tried(trials, arms, candidates, names, margin):
    """The advice of a `CrossValidation`, after all trainings; `names` are those of the classes."""
    counts = trials.counts
    arms = arms if trials.by_cells else distinct(arms, counts)  # without some cells classes are not even
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
    gains = {} if trials.by_cells else trials.gains_of_recall(best, base)  # a fold of cells may lack a class
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
    return some + (f" and {len(classes) - 3} more classes like these" if len(classes) > 3 else "")


def _empty_cells(trials):
    """What there is no image of, in words."""
    names, empty = list(trials.options["num_classes"]), np.argwhere(trials.of_cells == 0)
    some = "; ".join(", ".join(f"{name} {value}" for name, value in zip(names, cell)) for cell in empty[:3])
    of = f"{len(empty)} of the {trials.of_cells.size} combinations of {' and '.join(names)}"
    return f"{of} have no training images ({some}{'; ...' if len(empty) > 3 else ''})."


def _decide(trials, base, candidates, names, margin):
    """The advice from what was measured: `base` is an arm without a GAN, `candidates` the remaining ways of using it."""
    counts, best = trials.counts, trials.best(candidates, base)
    accuracies = {name: list(metrics[trials.metric]) for name, metrics in trials.metrics.items()}
    gain, (low, high), count = trials.gain(best, base), trials.interval(best, base), len(accuracies[best])
    chance = f"{LEVEL:.0%} interval {100 * low:+.1f} to {100 * high:+.1f}, {count} folds"
    if count < trials.runs and trials.is_hopeless(best, base, margin):
        # The interval of two folds is so wide that it says nothing, but not why no others were tried.
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
            f"{_empty_cells(trials)} The advice is for these: at least {trials.fewest_held_out} of the others were held out "
            "at a time. What the GAN does to combinations that training has was not measured."
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
