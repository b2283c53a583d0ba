"""Compares arms by cross-validation on the training set, fold by fold, with successive elimination."""

import math

import numpy as np

from keras_ganaug import _progress, conditions
from keras_ganaug.study import fingerprint, statistics, training
from keras_ganaug.study.progress import Progress
from keras_ganaug.study.study import AugmentationStudy

LEVEL = 0.9
"""Coverage of the intervals that compare arms: a twentieth lies on either side."""

NEAR = 0.15
"""How much worse than the best an arm may be, in √(error · log loss), for its position in the order to count."""

FEWEST = 4
"""The fewest images of a class or a cell for which its accuracy is estimated."""


def cells_and_counts(labels, num_classes):
    """The cell of each image, int (n,), and the number of images of each cell, int with one axis for each attribute.

    Args:
        labels: int (n,) for one class, or (n, k) for k attributes.
        num_classes: Number of classes, or a mapping from attribute to number of values.
    """
    sizes = conditions.sizes_of(num_classes)
    cells = np.ravel_multi_index(labels.reshape(len(labels), -1).T, sizes)
    return cells, np.bincount(cells, minlength=math.prod(sizes)).reshape(sizes)


def folds_of_cells(counts, folds, rng):
    """The fold that holds out each cell, an int array with the shape of `counts`; -1 for cells that always stay in training.

    Cells with at least `FEWEST` images are held out in random order. Each goes to the smallest fold in which another such
    cell for each of its values stays in training.

    Args:
        counts: Number of images of each cell: int array with one axis for each attribute.
        folds: Number of folds.
        rng: `numpy.random.Generator`.
    """
    place, large = np.full(counts.shape, -1), counts >= FEWEST
    for cell in rng.permutation(np.argwhere(large)):
        values = [(slice(None),) * axis + (value,) for axis, value in enumerate(cell)]

        def leaves_others(fold, values=values):
            return all(((place[value] == fold).sum() + 1) < large[value].sum() for value in values)

        allowed = [fold for fold in rng.permutation(folds) if leaves_others(fold)]
        if allowed:
            place[tuple(cell)] = min(allowed, key=lambda fold: (place == fold).sum())
    return place


class CrossValidation:
    """Measures arms on the folds of a training set. GANs and classifiers of a run have not seen its fold.

    If several attributes have empty cells, combinations of values without an image, folds consist of whole cells.

    Args:
        images, labels: Arrays: the training set, with int class indices (n,), or (n, k) for several attributes.
        make_generator: See `recommend`.
        folds, repeats, seed: See `recommend`. GAN and classifiers of a fold have the seed `seed * folds * repeats` plus the
            number of the fold, so no two folds or seeds share one.
        executor: See `recommend`. Defaults to None.
        **options: Further arguments of `AugmentationStudy`, including `num_classes`.

    Attributes:
        cells, of_cells: The results of `cells_and_counts`. With a single attribute, cells are classes.
        styles: Number of cells of a class.
        counts: Number of images of each class, int array (num_classes,).
        by_cells: Whether folds consist of whole cells.
        metric: The metric for comparing arms: "unseen_cells" if folds consist of cells, otherwise "balanced_accuracy".
        place: The fold that holds out each image, int array (repeats, n); -1 for images that are never held out.
        fewest_held_out: The smallest number of cells that a fold holds out.
        arms: All arms that were measured, by name.
        metrics: For each arm and metric, one value for each fold until the arm was eliminated.
        progress: The `Progress` that prints.
    """

    def __init__(self, images, labels, make_generator, folds, repeats, seed, executor=None, **options):
        self.images, self.labels, self.make_generator, self.executor = images, labels, make_generator, executor
        self.folds, self.runs, self.options = folds, folds * repeats, options
        self.seeds = [(seed * self.runs + run) % 2**32 for run in range(self.runs)]  # Keras accepts 32 bits
        self.cells, self.of_cells = cells_and_counts(labels, options["num_classes"])
        self.styles = math.prod(self.of_cells.shape[1:])
        self.counts = self.of_cells.reshape(-1, self.styles).sum(1)
        self.by_cells = not self.of_cells.all() and self.of_cells.ndim > 1
        self.metric = "unseen_cells" if self.by_cells else "balanced_accuracy"
        if self.by_cells:
            rng = np.random.default_rng(seed)
            folds_by_cell = [folds_of_cells(self.of_cells, folds, rng) for _ in range(repeats)]
            self.place = np.stack([place.ravel()[self.cells] for place in folds_by_cell])
        else:
            self.place = training.repeated_folds(self.cells // self.styles, folds, repeats, seed)
        self.fewest_held_out = min(len(np.unique(self.cells[place == n])) for place in self.place for n in range(folds))
        self.arms, self.metrics, self._generators = {}, {}, {}
        self.progress = Progress(self.runs, options.get("verbose", True))
        self._maker = make_generator  # other processes share its GANs in files
        if executor is None:
            self._maker = fingerprint.stand_in(lambda *given: self._generator_of(*given), make_generator)

    def eliminate(self, arms, is_eliminated, reference=None, phase=""):
        """Measures arms, fold by fold, until they are eliminated. Returns the remaining ones.

        Args:
            arms: Mapping from names to arms.
            is_eliminated: Function of a name, the remaining arms and the initial number of arms: whether to eliminate it.
            reference: Name of the arm to compare with, which was measured before. Defaults to None: the best of `arms`, and
                the search ends when one arm remains.
            phase: What is being tried, in words, for the printed lines. Defaults to "".
        """
        self.arms.update(arms)
        of, remaining = len(arms), arms
        for run in range(self.runs):
            names = list(remaining)
            if reference is not None and len(self.metrics[reference]["balanced_accuracy"]) <= run:
                names.append(reference)
            self.progress.begin(phase, run, len(names), len(names))
            self._measure(names, run)
            remaining = {name: arm for name, arm in remaining.items() if not is_eliminated(name, remaining, of)}
            if len(remaining) <= (reference is None):
                break
        return remaining

    def _measure(self, names, run):
        study = AugmentationStudy(
            lambda seed: self._part(run, held_out=False),
            lambda seed: self._part(run, held_out=True),
            self._maker,
            arms={name: self.arms[name] for name in names},
            on_top_of=None,
            seeds=[self.seeds[run]],
            **{**self.options, "verbose": False},
        )
        with _progress.phase(self.progress.where, told=self.progress.verbose):
            results = study.results(not self.metrics, self.progress.trained, self.executor)
        for name in names:
            for metric, values in self.metrics.setdefault(name, {metric: [] for metric in statistics.METRICS}).items():
                values.append(results[self.seeds[run], name].get(metric, np.nan))

    def _part(self, run, held_out):
        """Images and labels inside or outside of a fold."""
        repeat, fold = divmod(run, self.folds)
        rows = (self.place[repeat] == fold) == held_out
        return self.images[rows], self.labels[rows]

    def _generator_of(self, images, labels, seed):
        if seed not in self._generators:
            with self.progress.making_gan(f"GAN of {self.progress.fold}"):
                self._generators[seed] = self.make_generator(images, labels, seed)
        return self._generators[seed]

    def differences(self, name, other, metric=None):
        """The differences of `metric` between two arms, for each fold in which both were measured."""
        metric = metric or self.metric
        return np.array([a - b for a, b in zip(self.metrics[name][metric], self.metrics[other][metric])])

    def gain(self, name, other):
        """The mean difference of `metric`."""
        return self.differences(name, other).mean()

    def best(self, names, other):
        """The arm among these with the largest gain over another."""
        return max(names, key=lambda name: self.gain(name, other))

    def gains_of_recall(self, name, other):
        """The mean difference of recall for each bucket of classes. Buckets without classes are omitted."""
        gains = {bucket: self.differences(name, other, f"{bucket}_recall").mean() for bucket in statistics.BUCKETS}
        return {bucket: float(gain) for bucket, gain in gains.items() if np.isfinite(gain)}

    def interval(self, name, other, metric=None, level=LEVEL):
        """(lowest, highest) likely mean difference. It takes into account that folds share training images."""
        return statistics.cross_validated_interval(self.differences(name, other, metric), self.folds, level)

    def is_convincing(self, differences, margin):
        """Whether differences of accuracy exceed `margin`, beyond chance."""
        low, _ = statistics.cross_validated_interval(differences, self.folds, LEVEL)
        return low > 0 and np.mean(differences) > margin

    def is_hopeless(self, name, other, margin):
        """Whether an arm cannot convince, whatever the results of the remaining folds.

        This rule makes no errors: an arm that would convince after all folds is never eliminated. Among possible future
        values, equal ones convince most. Let there be m of them, and let S and Q be the sums of the differences so far and
        of their squares. The t ratio grows with (S + m c)² / (Q + m c²), which is largest for c = Q / S, and falls above it.
        So among the values that bring the mean above `margin`, the one closest to Q / S convinces most. If S is not above 0,
        that is the largest possible difference, 1.
        """
        differences = self.differences(name, other)
        remaining, total = self.runs - len(differences), differences.sum()
        if not remaining:
            return not self.is_convincing(differences, margin)
        most = np.sum(differences**2) / total if total > 0 else 1.0
        least = (self.runs * margin - total) / remaining
        value = min(max(most, least + 1e-9), 1.0)
        return not self.is_convincing([*differences, *[value] * remaining], margin)

    def is_surely_worse(self, name, names, of):
        """Whether the log loss of an arm is above that of the best of these, by successive elimination.

        The best of all arms is eliminated with a probability of at most 5%. Each comparison of two arms is a one-sided
        corrected resampled t test at 5% / ((of - 1) (runs - 1)). The best arm is compared with each other arm at most once
        after each fold except the first, which has no spread (Bonferroni's bound). `of` is the initial number of arms.
        """
        comparisons = max(of - 1, 1) * max(self.runs - 1, 1)
        return self.is_worse(name, names, 1 - (1 - LEVEL) / comparisons)

    def is_worse(self, name, names, level=LEVEL):
        """Whether the log loss of an arm is above that of the best of these, beyond chance."""
        best = min(names, key=lambda name: np.mean(self.metrics[name]["log_loss"]))
        return self.interval(name, best, "log_loss", level)[0] > 0

    def preferred(self, names):
        """The first arm that is not worse than the best of these, neither beyond chance nor by more than `NEAR`."""

        names = [name for name in names if not self.is_worse(name, names)]
        least = min(map(self.root, names))
        return next(name for name in names if self.root(name) <= (1 + NEAR) * least)

    def root(self, name, count=None):
        """√(error · log loss) of an arm, over all its folds or the first `count`."""
        # The floor prevents large ratios between two arms without errors.
        error = 1e-3 + 1 - np.mean(self.metrics[name][self.metric][:count])
        return np.sqrt(error * np.mean(self.metrics[name]["log_loss"][:count]))

    def why(self, base, names):
        """The reason for choosing an arm among these without the GAN, in words, with the results."""
        what = "mean accuracy of held-out combinations" if self.by_cells else "balanced accuracy"

        def measured(name, count=None):
            accuracy, log_loss = (np.mean(self.metrics[name][metric][:count]) for metric in (self.metric, "log_loss"))
            return f"{accuracy:.1%} and {log_loss:.3f}"

        folds = _folds(len(self.metrics[base]["log_loss"]))
        text = f"Without the GAN {base!r} is chosen of {len(names)}, by {what} and log loss: {measured(base)} in {folds}."
        count = min(len(self.metrics[name]["log_loss"]) for name in names)
        highest = max(names, key=lambda name: (np.mean(self.metrics[name][self.metric][:count]), name == base))
        if highest == base:
            return f"{text} No other has a higher accuracy."
        text += f" {highest!r} has the highest accuracy: {measured(highest, count)} in the first {_folds(count)}"
        text += f", against {measured(base, count)}."
        if self.is_worse(highest, [highest, base]):
            return f"{text} But its log loss is higher beyond chance."
        return (
            f"{text} √(error · log loss) is {self.root(highest, count):.3f} against {self.root(base, count):.3f}. Within "
            f"{NEAR:.0%} of the smallest, and if log losses differ only by chance, the one that comes first in the list of "
            "arms is chosen."
        )


def _folds(count):
    return f"{count} fold{'s' * (count != 1)}"
