"""What a study found: table, plot, JSON, one HTML page."""

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
    """The results of a study, arm by arm and seed by seed.

    Args:
        runs: Mapping from an arm's name to a sequence of mappings from metric to value, one for each seed.
        seeds: The seeds.
        kinds: Mapping from an arm's name to its `Arm.kind`: "gan", "none", or that of a control, "shuffled" or "oracle".
            Defaults to None: all are "none".
        about: What was done, for the page: a mapping with `arms`, what each arm is in words; `class_names`; `train_images`
            and `test_images`, how many each class has, in the first seed; `image_shape`, `steps` and `batch_size`. Defaults
            to None: nothing is told.
        samples: Function that gives the `report_data.Samples` that the page draws, or None. Defaults to None.

    Attributes:
        arms: Mapping from an arm's name to a mapping from metric to a list of one value per seed, from 0 to 1, but for the
            log loss; NaN for what was not measured.
        seeds, kinds, about, samples: As given.
        recalls: Mapping from an arm's name to a list of the recalls of all classes for each seed, where they were measured.
        metric: What the arms are compared by: "unseen_cells" where all were tested on cells, combinations of several
            attributes, that have no training images; else "balanced_accuracy".
        best_without_gan, best_with_gan: The arms with the highest mean of that metric, without and with a GAN; None if
            there is no such arm. They are chosen and compared by the same seeds, and the best of several is lucky as well
            as good: where it matters, compare these two arms again in other seeds.
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
        """The names of the arms of a kind."""
        return [arm for arm, each in self.kinds.items() if each == kind]

    def best_of(self, kind: str) -> str | None:
        """The arm of a kind with the highest mean of `metric`; None if there is none."""
        return max(self.of_kind(kind), key=self._accuracy, default=None)

    def order(self) -> list[str]:
        """All arms, the best by `metric` first."""
        return sorted(self.arms, key=lambda arm: -self._accuracy(arm))

    @property
    def label(self) -> str:
        """What `metric` is, in words."""
        return _DECIDES[self.metric]

    def _accuracy(self, arm: str) -> float:
        return float(np.mean(self.arms[arm][self.metric]))

    def compare(self, arm: str, other: str, metric: str = "balanced_accuracy") -> dict[str, Any]:
        """The paired difference of two arms.

        Args:
            arm, other: Names of arms.
            metric: Name of a metric. Defaults to "balanced_accuracy".

        Returns a dict: `difference`, the mean of arm minus other over the seeds; `interval`, its 95% t interval as
        `(lowest, highest)`, or None under three seeds; `p_value` of Wilcoxon's signed-rank test; `wins`, in how many seeds
        the arm is the higher one. All of it is NaN for what was not measured. All seeds have the test images in common, so
        that this is the mean over seeds for these images.

        Raises:
            ImportError: Without SciPy.
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
        """`compare`, by `metric`, of the best arm with a GAN and the best one without; None without a GAN."""
        if self.best_with_gan is None or self.best_without_gan is None:
            return None
        return self.compare(self.best_with_gan, self.best_without_gan, self.metric)

    def verdict(self) -> str:
        """What the study says of the GAN, in a sentence."""
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
                f"; each is the best of its kind in these seeds ({tried['gan']} with the GAN, {tried['none']} without), and "
                "the best of many is lucky as well as good"
            )
        if gain["interval"] is None:
            return f"Too few seeds for a verdict: {facts}."
        low, high = gain["interval"]
        if (low > 0 or high < 0) and gain["p_value"] > 0.1:  # so it is with fewer than five seeds, even if all agree
            return f"The GAN {'may help' if low > 0 else 'may do harm'}, but that could be chance: {facts}."
        if low > 0:
            return f"{_SURE[0]}: {facts}."
        if high < 0:
            return f"{_SURE[1]}: {facts}."
        return f"No clear difference: {facts}."

    def next_step(self) -> list[str]:
        """What to do now, in sentences: with which arm to train, and whether more seeds are needed."""
        verdict = self.verdict()
        arm = self.best_with_gan if verdict.startswith(_SURE[0]) else self.best_without_gan
        if arm is None:
            return ["Add an arm without a GAN, to compare with."]
        of = "with the GAN" if arm == self.best_with_gan else "without a GAN"
        steps = [f"Train with the best arm {of}: `classifier = study.fit({arm!r})`."]
        if arm == self.best_without_gan and self.best_with_gan is not None:
            steps[0] += " Nothing here shows surely that the GAN adds to it."
        if self.gain is not None and not verdict.startswith(_SURE):
            steps.append(
                "For a firmer answer add seeds, such as `seeds=range(10)`: what `directory` holds is not trained again."
            )
        return steps

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Head and rows of the table, the best arm first."""
        missing = [m for m in _OF_CELLS if not any(np.isfinite(each[m]).any() for each in self.arms.values())]
        names = {metric: name for metric, name in _NAMES.items() if metric not in missing}
        return ["", *names.values()], [[arm, *(tables.spread(self.arms[arm][m]) for m in names)] for arm in self.order()]

    def table(self) -> str:
        """A table in Markdown: mean ± standard deviation over the seeds, in per cent, the best arm first.

        What is measured of cells has columns only where there are cells.
        """
        return tables.markdown(*self.rows())

    def to_dict(self, **more: Any) -> dict[str, Any]:
        """All but the samples as a dict for JSON: what is given as `more`, the arguments and the best two arms."""
        names = ("seeds", "arms", "kinds", "best_without_gan", "best_with_gan", "about", "recalls")
        return results.plain({**more, **{name: getattr(self, name) for name in names}})

    def to_json(self, path: Any, **more: Any) -> None:
        """Writes `to_dict` to a file, whole or not at all; what is no finite number is null there."""
        _files.write(_checks.path(path), results.as_json(self.to_dict(**more)))

    @classmethod
    def from_json(cls, path: Any) -> "Report":
        """Reads what `to_json` wrote.

        Raises:
            ValueError: For a file that holds something else.
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
        """Draws the `metric` of all arms: a dot for each seed, the mean and its interval.

        Args:
            path: PNG file to write. Defaults to None: the picture is returned alone.

        Returns the `plots.Picture`. Needs matplotlib.
        """
        picture = report_pictures.of_arms(self, self.order(), f"{self.label} on test images, %")
        if path is not None:
            picture.save(path)
        return picture

    def to_html(self, path: Any, title: str = "Does the GAN help?") -> None:
        """Writes one page and nothing outside it.

        It has the verdict, what was done, all arms as a plot and as a table that sorts, what each arm is, the recall of each
        class, real and synthetic images, the samples that are nearest to training images, the frequencies in both, and a
        next step. The report of a study that was read from a file has no pictures of samples; nor has one whose GAN is
        gone. Needs matplotlib and Pillow.

        Args:
            path: HTML file to write.
            title: Its title. Defaults to "Does the GAN help?".
        """
        _files.write(_checks.path(path), report_page.page_of(self, title))

    def __str__(self) -> str:
        return f"{self.table()}\n\n{self.verdict()}"
