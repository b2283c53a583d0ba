"""What a study found: table, plot, JSON, one HTML page."""

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_ganaug import _checks, _extras, _files
from keras_ganaug.study import results, statistics, tables

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
_COLORS = {"gan": "tab:red", "none": "tab:blue"}


class Report:
    """The results of a study, arm by arm and seed by seed.

    Args:
        runs: Mapping from an arm's name to a sequence of mappings from metric to value, one for each seed.
        seeds: The seeds.
        kinds: Mapping from an arm's name to its `Arm.kind`: "gan", "none", or that of a control, "shuffled" or "oracle".
            Defaults to None: all are "none".

    Attributes:
        arms: Mapping from an arm's name to a mapping from metric to a list of one value per seed, from 0 to 1, but for the
            log loss; NaN for what was not measured.
        seeds, kinds: As given.
        metric: What the arms are compared by: "unseen_cells" where all were tested on cells, combinations of several
            attributes, that have no training images; else "balanced_accuracy".
        best_without_gan, best_with_gan: The arms with the highest mean of that metric, without and with a GAN; None if
            there is no such arm. They are chosen and compared by the same seeds, and the best of several is lucky as well
            as good: where it matters, compare these two arms again in other seeds.
    """

    def __init__(
        self,
        runs: Mapping[str, Sequence[Mapping[str, float]]],
        seeds: Sequence[int],
        kinds: Mapping[str, str] | None = None,
    ) -> None:
        self.seeds = list(seeds)
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
            f"{100 * gain['difference']:+.1f} points of {_DECIDES[self.metric]} for {self.best_with_gan!r} over "
            f"{self.best_without_gan!r} ({statistics.in_words(gain['interval'])}, Wilcoxon p = {gain['p_value']:.2g}, "
            f"higher in {gain['wins']} of {len(self.seeds)} seeds)"
        )
        tried = {kind: len(self.of_kind(kind)) for kind in ("gan", "none")}
        if max(tried.values()) > 1:
            facts += (
                f"; each is the best, in these seeds, of its kind ({tried['gan']} with the GAN, {tried['none']} without), "
                "which flatters the kind of which more were tried"
            )
        if gain["interval"] is None:
            return f"Too few seeds for a verdict: {facts}."
        low, high = gain["interval"]
        if (low > 0 or high < 0) and gain["p_value"] > 0.1:  # so it is with fewer than five seeds, even if all agree
            return f"The GAN {'may help' if low > 0 else 'may do harm'}, but that could be chance: {facts}."
        if low > 0:
            return f"The GAN helps: {facts}."
        if high < 0:
            return f"The GAN does harm: {facts}."
        return f"No clear difference: {facts}."

    def _rows(self) -> tuple[list[str], list[list[str]]]:
        """Head and rows of the table, the best arm first."""
        order = sorted(self.arms, key=lambda arm: -self._accuracy(arm))
        missing = [m for m in _OF_CELLS if not any(np.isfinite(each[m]).any() for each in self.arms.values())]
        names = {metric: name for metric, name in _NAMES.items() if metric not in missing}
        return ["", *names.values()], [[arm, *(tables.spread(self.arms[arm][m]) for m in names)] for arm in order]

    def table(self) -> str:
        """A table in Markdown: mean ± standard deviation over the seeds, in per cent, the best arm first.

        What is measured of cells has columns only where there are cells.
        """
        return tables.markdown(*self._rows())

    def to_dict(self, **more: Any) -> dict[str, Any]:
        """All of it as a dict for JSON: what is given as `more`, `seeds`, `arms`, `kinds` and the best two arms."""
        names = ("seeds", "arms", "kinds", "best_without_gan", "best_with_gan")
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
            return cls(runs, content["seeds"], content.get("kinds"))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"`path` must be a file that `Report.to_json` wrote. Received: {str(path)!r}, which holds something else: "
                f"{error!r}"
            ) from error

    def plot(self, path: Any = None) -> bytes:
        """Draws the `metric` of all arms, a dot for each seed: red with a GAN, blue without, grey the controls.

        Args:
            path: PNG file to write. Defaults to None: the bytes of the file are returned alone.

        Returns the PNG as bytes. Needs matplotlib.
        """
        order = sorted(self.arms, key=lambda arm: -self._accuracy(arm))[::-1]
        Figure = _extras.load("matplotlib.figure").Figure
        figure = Figure(figsize=(7.0, 0.32 * len(order) + 1.0))  # without pyplot, whose backend is the user's
        axes = figure.add_subplot()
        for n, arm in enumerate(order):
            values = 100 * np.array(self.arms[arm][self.metric])
            color = _COLORS.get(self.kinds[arm], "tab:gray")
            axes.plot(values, np.full(len(values), n), "o", color=color, alpha=0.5, markersize=4)
            axes.plot(values.mean(), n, "|", color=color, markersize=14, markeredgewidth=2)
        axes.set_yticks(range(len(order)), order)
        axes.set_xlabel(f"{_DECIDES[self.metric]} on test images, %")
        axes.grid(axis="x", alpha=0.3)
        figure.tight_layout()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110)
        if path is not None:
            _files.write(_checks.path(path), buffer.getvalue())
        return buffer.getvalue()

    def to_html(self, path: Any, title: str = "Does the GAN help?") -> None:
        """Writes one page with the verdict, the table and the plot, and nothing outside it.

        Args:
            path: HTML file to write.
            title: Its title. Defaults to "Does the GAN help?".
        """
        picture = base64.b64encode(self.plot()).decode()
        style = "body{font:15px sans-serif;max-width:60em;margin:2em auto}td,th{padding:.2em .7em;text-align:right}"
        page = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
            f"<style>{style}td:first-child{{text-align:left}}</style><h1>{html.escape(title)}</h1>"
            f"<p>{html.escape(self.verdict())}</p><p>Per cent, mean ± standard deviation over {len(self.seeds)} seeds.</p>"
            f'{tables.html(*self._rows())}<p><img alt="{_DECIDES[self.metric].capitalize()} of all arms" '
            f'src="data:image/png;base64,{picture}"></p></html>\n'
        )
        _files.write(_checks.path(path), page)

    def __str__(self) -> str:
        return f"{self.table()}\n\n{self.verdict()}"
