"""The results of a study: as a table, a plot, JSON, or an HTML page."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_ganaug import _checks, _files
from keras_ganaug.plots import Picture
from keras_ganaug.study import report_page, report_pictures, results, statistics, tables

_NAMES = {
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "head_recall": "head",
    "middle_recall": "middle",
    "tail_recall": "tail",
    "calibration_error": "calibration error",
    "worst_group": "worst cell",
    "seen_cells": "seen cells",
    "unseen_cells": "unseen cells",
}
_OF_CELLS = ("worst_group", "seen_cells", "unseen_cells")
_DECIDES = {"balanced_accuracy": "balanced accuracy", "unseen_cells": "mean accuracy of unseen cells"}
_SURE = ("The GAN helps", "The GAN does harm")


class Report:
    """The results of a study, for each arm and seed.

    Args:
        runs: Mapping from an arm's name to a sequence of mappings from metric to value, one for each seed.
        seeds: The seeds.
        kinds: Mapping from an arm's name to its `Arm.kind`: "gan", "none", or "shuffled" or "oracle" for a control. Defaults
            to None: all are "none".
        about: Facts about the study, for the page: a mapping with `arms`, a description of each arm; `class_names`;
            `train_images` and `test_images`, the number of images of each class, in the first seed; `image_shape`, `steps`
            and `batch_size`; and if the study was not made in Python, `train_with` and `add_seeds`: how to train with the
            best arm and how to add seeds, in words. Defaults to None: the page omits them.
        samples: Function that returns the `report_data.Samples` for the page, or None. Defaults to None.

    Attributes:
        arms: Mapping from an arm's name to a mapping from metric to a list with one value per seed, from 0 to 1 except for
            the log loss; NaN if it was not measured.
        seeds, kinds, about, samples: See the arguments.
        recalls: Mapping from an arm's name to a list of the recalls of all classes for each seed, if they were measured.
        metric: The metric that arms are compared by: "unseen_cells" if all were tested on cells (combinations of several
            attributes) without training images, otherwise "balanced_accuracy".
        best_without_gan, best_with_gan: The arms with the highest mean of that metric, without and with a GAN; None if there
            is no such arm. They are chosen and compared with the same seeds, and the best of several is partly lucky. If the
            decision matters, compare these two arms again with other seeds.
    """

    def __init__(
        self,
        runs: Mapping[str, Sequence[Mapping[str, Any]]],
        seeds: Sequence[int],
        kinds: Mapping[str, str] | None = None,
        about: Mapping[str, Any] | None = None,
        samples: Callable[[], Any] | None = None,
    ) -> None:
        self.seeds, self.about, self.samples = list(seeds), dict({} if about is None else about), samples
        self.recalls = {
            arm: [list(run["recalls"]) for run in each]
            for arm, each in runs.items()
            if all("recalls" in run for run in each)
        }
        self.arms = {
            arm: {metric: [run.get(metric, np.nan) for run in each] for metric in statistics.METRICS}
            for arm, each in runs.items()
        }
        self.kinds = {arm: "none" if kinds is None else kinds[arm] for arm in self.arms}
        self.metric = statistics.deciding([run for each in runs.values() for run in each])
        self.best_without_gan, self.best_with_gan = self.best_of("none"), self.best_of("gan")

    def of_kind(self, kind: str) -> list[str]:
        """The names of the arms of this kind."""
        return [arm for arm, each in self.kinds.items() if each == kind]

    def best_of(self, kind: str) -> str | None:
        """The arm of this kind with the highest mean of `metric`. None if there is none."""
        return max(self.of_kind(kind), key=self._accuracy, default=None)

    def order(self) -> list[str]:
        """The names of all arms, the best by `metric` first."""
        return sorted(self.arms, key=lambda arm: -self._accuracy(arm))

    @property
    def label(self) -> str:
        """The name of `metric` in words."""
        return _DECIDES[self.metric]

    def _accuracy(self, arm: str) -> float:
        return float(np.mean(self.arms[arm][self.metric]))

    def compare(self, arm: str, other: str, metric: str = "balanced_accuracy") -> dict[str, Any]:
        """Computes the paired difference of two arms.

        Args:
            arm, other: Names of arms.
            metric: Name of a metric. Defaults to "balanced_accuracy".

        Returns a dict: `difference`, the mean of arm minus other over the seeds; `interval`, its 95% t interval as `(lowest,
        highest)`, or None for fewer than three seeds; `p_value` of Wilcoxon's signed-rank test; `wins`, the number of seeds
        in which the arm is better. The values are NaN if the metric was not measured. All seeds share the test images, so
        this is the mean over seeds for these images.

        Raises:
            ImportError: If SciPy is not installed.
            ValueError: For a name that is not in the report.
        """
        _checks.one_of(arm, tuple(self.arms), "arm")
        _checks.one_of(other, tuple(self.arms), "other")
        _checks.one_of(metric, statistics.METRICS, "metric")
        differences = statistics.without_rounding(np.subtract(self.arms[arm][metric], self.arms[other][metric]))
        return {
            "difference": float(differences.mean()),
            "interval": statistics.paired_interval(differences),
            "p_value": statistics.wilcoxon(differences),
            "wins": int((differences > 0).sum()),
        }

    @property
    def gain(self) -> dict[str, Any] | None:
        """`compare`, by `metric`, between the best arms with and without a GAN. None without a GAN."""
        if self.best_with_gan is None or self.best_without_gan is None:
            return None
        return self.compare(self.best_with_gan, self.best_without_gan, self.metric)

    def verdict(self) -> str:
        """The conclusion about the GAN, in one sentence."""
        gain = self.gain
        if gain is None:
            return "The study has no arm with a GAN, or none without."
        facts = (
            f"{100 * gain['difference']:+.1f} points of {self.label} for {self.best_with_gan!r} over "
            f"{self.best_without_gan!r} ({statistics.in_words(gain['interval'])}, Wilcoxon p = {gain['p_value']:.2g}, "
            f"higher in {gain['wins']} of {len(self.seeds)} seeds)"
        )
        tried = {kind: len(self.of_kind(kind)) for kind in ("gan", "none")}
        if max(tried.values()) > 1:
            facts += (
                f"; each is the best of its kind in these seeds ({tried['gan']} with the GAN, {tried['none']} without), "
                "and the best of many is partly lucky"
            )
        if gain["interval"] is None:
            return f"Too few seeds for a verdict: {facts}."
        low, high = gain["interval"]
        if (low > 0 or high < 0) and gain["p_value"] > 0.1:  # with fewer than five seeds this holds even if all agree
            return f"The GAN {'may help' if low > 0 else 'may do harm'}, but that could be chance: {facts}."
        if low > 0:
            return f"{_SURE[0]}: {facts}."
        if high < 0:
            return f"{_SURE[1]}: {facts}."
        return f"No clear difference: {facts}."

    @property
    def advised(self) -> str | None:
        """The arm to train with: the best with the GAN if the GAN surely helps, otherwise the best without. None if there is
        none."""
        return self.best_with_gan if self.verdict().startswith(_SURE[0]) else self.best_without_gan

    def next_step(self) -> list[str]:
        """What to do next, in sentences: the arm to train with, and whether more seeds are needed."""
        verdict, arm = self.verdict(), self.advised
        if arm is None:
            return ["Add an arm without a GAN, to compare with."]
        of = "with the GAN" if arm == self.best_with_gan else "without a GAN"
        how = self.about.get("train_with", f"`classifier = study.fit({arm!r})`")
        steps = [f"Train with the best arm {of}, {arm!r}: {how}."]
        if arm == self.best_without_gan and self.best_with_gan is not None:
            steps[0] += " No result here is certain evidence that the GAN adds to it."
        if self.gain is not None and not verdict.startswith(_SURE):
            how = self.about.get("add_seeds", "`seeds=range(10)`: what `directory` caches is not trained again")
            steps.append(f"For a firmer answer add seeds, such as {how}.")
        return steps

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Head and rows of the table, the best arm first."""
        missing = [m for m in _OF_CELLS if not any(np.isfinite(each[m]).any() for each in self.arms.values())]
        names = {metric: name for metric, name in _NAMES.items() if metric not in missing}
        return ["", *names.values()], [[arm, *(tables.spread(self.arms[arm][m]) for m in names)] for arm in self.order()]

    def table(self) -> str:
        """A Markdown table of mean ± standard deviation over the seeds, in per cent, the best arm first.

        Columns about cells appear only if there are cells.
        """
        return tables.markdown(*self.rows())

    def to_dict(self, **more: Any) -> dict[str, Any]:
        """A dict for JSON: the items of `more`, the arguments without the samples, and the two best arms."""
        names = ("seeds", "arms", "kinds", "best_without_gan", "best_with_gan", "about", "recalls")
        return results.plain({**more, **{name: getattr(self, name) for name in names}})

    def to_json(self, path: Any, **more: Any) -> None:
        """Writes `to_dict` to a file, atomically. Numbers that are not finite become null."""
        _files.write(_checks.path(path), results.as_json(self.to_dict(**more)))

    @classmethod
    def from_json(cls, path: Any) -> "Report":
        """Reads a file that `to_json` wrote.

        Raises:
            ValueError: If the file holds something else.
        """
        text = _files.read_text(_checks.path(path))
        try:
            content = json.loads(text)
            arms = {
                arm: {metric: [np.nan if value is None else value for value in values] for metric, values in each.items()}
                for arm, each in content["arms"].items()
            }
            runs = {arm: [dict(zip(each, run)) for run in zip(*each.values(), strict=True)] for arm, each in arms.items()}
            for arm, each in content.get("recalls", {}).items():
                for run, recalls in zip(runs[arm], each, strict=True):
                    run["recalls"] = [np.nan if value is None else value for value in recalls]
            return cls(runs, content["seeds"], content.get("kinds"), content.get("about"))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"`path` must be a file that `Report.to_json` wrote. Received: {str(path)!r}, which holds something else: "
                f"{error!r}"
            ) from error

    def plot(self, path: Any = None) -> Picture:
        """Plots the `metric` of all arms: a dot for each seed, the mean and its interval.

        Args:
            path: PNG file to write. Defaults to None: only returns the picture.

        Returns a `plots.Picture`. Needs matplotlib.
        """
        picture = report_pictures.of_arms(self, self.order(), f"{self.label} on test images, %")
        if path is not None:
            picture.save(path)
        return picture

    def to_html(self, path: Any, title: str = "Does the GAN help?") -> None:
        """Writes a self-contained HTML page.

        It contains the verdict, a description of the study, all arms as a plot and as a sortable table, a description of
        each arm, the recall of each class, real and synthetic images, the samples closest to training images, frequency
        spectra, and a next step. It has no pictures of samples if the report was read from a file, or if the GAN is no
        longer available. Needs matplotlib and Pillow.

        Args:
            path: HTML file to write.
            title: Title of the page. Defaults to "Does the GAN help?".
        """
        _files.write(_checks.path(path), report_page.page_of(self, title))

    def __str__(self) -> str:
        return f"{self.table()}\n\n{self.verdict()}"
