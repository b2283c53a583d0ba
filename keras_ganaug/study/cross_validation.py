"""Arms compared on images held out of the training set, fold by fold, until it is clear which are behind."""

import numpy as np

from keras_ganaug.study import statistics, training
from keras_ganaug.study.study import AugmentationStudy

LEVEL = 0.9
"""Coverage of the intervals by which arms are told apart: a twentieth lies on either side."""

_TWENTIETH = 1.645  # standard deviations above which a twentieth of a normal distribution lies

NEAR = 0.15
"""Share by which an arm may be worse than the best, in error and log loss together, for its place in the order to count."""


class CrossValidation:
    """Measures arms on the folds of a training set, each of which neither GANs nor classifiers of its run have seen.

    Args:
        images, labels: Arrays: the training set, with int class indices.
        make_generator: As of `recommend`.
        folds, repeats, seed: As of `recommend`.
        **options: Further arguments of `AugmentationStudy`, `num_classes` among them.
    """

    def __init__(self, images, labels, make_generator, folds, repeats, seed, **options):
        self.images, self.labels, self.make_generator = images, labels, make_generator
        self.folds, self.runs, self.seed, self.options = folds, folds * repeats, seed, options
        self.counts = np.bincount(labels, minlength=options["num_classes"])
        self.arms = {}
        """All arms that were measured, by name."""
        self.figures = {}
        """By arm and metric, one value for each fold until the arm was given up."""
        self._generators = {}

    def race(self, these, behind, rival=None):
        """Measures arms, fold by fold, until they are surely behind. Returns those that never were.

        Args:
            these: Mapping from names to arms.
            behind: Maps a name, and those of all that are left, to whether it is.
            rival: Name of the arm to beat, measured before. Defaults to None: the best of these, and the race ends when one
                is left.
        """
        self.arms.update(these)
        for run in range(self.runs):
            names = list(these)
            if rival is not None and len(self.figures[rival]["balanced_accuracy"]) <= run:
                names.append(rival)
            if self.options.get("verbose", True):
                print(f"fold {run + 1} of at most {self.runs}", flush=True)
            self._measure(names, run)
            these = {name: arm for name, arm in these.items() if not behind(name, these)}
            if len(these) <= (rival is None):
                break
        return these

    def _measure(self, names, run):
        study = AugmentationStudy(
            lambda run: self._part(run, held_out=False),
            lambda run: self._part(run, held_out=True),
            self._generator_of,
            arms={name: self.arms[name] for name in names},
            on_top_of=None,
            seeds=[run],
            **self.options,
        )
        for name, measured in study.run().arms.items():
            so_far = self.figures.get(name, {})
            self.figures[name] = {metric: [*so_far.get(metric, ()), *values] for metric, values in measured.items()}

    def _part(self, run, held_out):
        """Images and labels of a fold, or of the others."""
        place = training.folds_of(self.labels, self.folds, self.seed + run // self.folds)
        rows = (place == run % self.folds) == held_out
        return self.images[rows], self.labels[rows]

    def _generator_of(self, images, labels, run):
        if run not in self._generators:
            self._generators[run] = self.make_generator(images, labels, run)
        return self._generators[run]

    # What the figures say.

    def differences(self, name, other, metric="balanced_accuracy"):
        """One arm minus another, fold by fold, as far as both were measured."""
        return np.array([a - b for a, b in zip(self.figures[name][metric], self.figures[other][metric])])

    def gain(self, name, other):
        """The mean difference of balanced accuracy."""
        return self.differences(name, other).mean()

    def best(self, names, other):
        """Of these the arm with the largest gain over another."""
        return max(names, key=lambda name: self.gain(name, other))

    def gains_of_recall(self, name, other):
        """By bucket of classes, the mean difference of recall; nothing for a bucket without classes."""
        gains = {bucket: self.differences(name, other, f"{bucket}_recall").mean() for bucket in statistics.BUCKETS}
        return {bucket: float(gain) for bucket, gain in gains.items() if np.isfinite(gain)}

    def interval(self, name, other, metric="balanced_accuracy"):
        """(lowest, highest) mean difference that is likely, which takes into account that folds share their images."""
        return statistics.cross_validated_interval(self.differences(name, other, metric), self.folds, LEVEL)

    def is_behind(self, name, other, margin):
        """Whether an arm is surely not better than another by `margin`, for which one fold is enough if it is large."""
        differences = self.differences(name, other)
        if len(differences) > 1:
            return statistics.paired_bootstrap(differences, level=LEVEL)[1] < margin
        accuracies = np.array([self.figures[each]["balanced_accuracy"][0] for each in (name, other)])
        held_out = self.counts[self.counts > 0] / self.folds  # images of each class
        variance = np.sum(accuracies * (1 - accuracies)) * np.sum(1 / held_out) / len(held_out) ** 2
        return differences[0] + _TWENTIETH * np.sqrt(variance) < margin

    def is_convincing(self, differences, margin):
        """Whether differences of balanced accuracy are above `margin`, and not by chance."""
        low, _ = statistics.cross_validated_interval(differences, self.folds, LEVEL)
        return low > 0 and np.mean(differences) > margin

    def is_hopeless(self, name, other, margin):
        """Whether it would not convince even if each of the folds that are left were like the best of two or more so far."""
        differences = self.differences(name, other)
        left = self.runs - len(differences)
        return len(differences) > 1 and not self.is_convincing([*differences, *[differences.max()] * left], margin)

    def is_worse(self, name, names):
        """Whether the log loss of an arm is above that of the best of these, beyond chance."""
        best = min(names, key=lambda name: np.mean(self.figures[name]["log_loss"]))
        return self.interval(name, best, "log_loss")[0] > 0

    def preferred(self, names):
        """The first arm that is not worse than the best of these, surely or by more than `NEAR`."""

        def root(name):
            # Of two arms without an error neither is far worse than the other.
            error = 1e-3 + 1 - np.mean(self.figures[name]["balanced_accuracy"])
            return np.sqrt(error * np.mean(self.figures[name]["log_loss"]))

        names = [name for name in names if not self.is_worse(name, names)]
        least = min(map(root, names))
        return next(name for name in names if root(name) <= (1 + NEAR) * least)
