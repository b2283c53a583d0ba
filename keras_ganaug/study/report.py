"""What a study found: table, plot, JSON, one HTML page."""

import base64
import html
import io
import json
import math

import numpy as np

from keras_ganaug import _checks, _files
from keras_ganaug.study import statistics

_NAMES = {
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "head_recall": "head",
    "middle_recall": "middle",
    "tail_recall": "tail",
    "calibration_error": "calibration error",
}


class Report:
    """The figures of a study, arm by arm and seed by seed.

    Attributes:
        arms: Mapping from an arm's name to a mapping from metric to a list of one value per seed, from 0 to 1, but for the
            log loss; NaN for what was not measured.
        seeds: The seeds.
        best_without_gan, best_with_gan: The arms with the highest mean balanced accuracy, without and with a GAN; None if
            there is no such arm. They are chosen and compared by the same seeds, and the best of several is lucky as well
            as good: where it matters, compare these two arms again in other seeds.
    """

    def __init__(self, figures, seeds, with_gan, without_gan):
        self.seeds = list(seeds)
        self.arms = {
            arm: {metric: [run.get(metric, np.nan) for run in runs] for metric in statistics.METRICS}
            for arm, runs in figures.items()
        }
        self._of = {"with": list(with_gan), "without": list(without_gan)}
        self._colors = {**dict.fromkeys(with_gan, "tab:red"), **dict.fromkeys(without_gan, "tab:blue")}
        self.best_without_gan, self.best_with_gan = (self._best(names) for names in (without_gan, with_gan))

    def _best(self, names):
        means = {name: np.mean(self.arms[name]["balanced_accuracy"]) for name in names}
        return max(means, key=means.get) if means else None

    def compare(self, arm, other, metric="balanced_accuracy"):
        """The paired difference of two arms.

        Args:
            arm, other: Names of arms.
            metric: Name of a metric. Defaults to "balanced_accuracy".

        Returns a dict: `difference`, the mean of arm minus other over the seeds; `interval`, its 95% t interval as
        `(lowest, highest)`, or None under three seeds; `p_value` of Wilcoxon's signed-rank test; `wins`, in how many seeds
        the arm is the higher one. The figures of what was not measured are NaN. All seeds have the test images in common,
        so that this is the mean over seeds for these images.

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
    def gain(self):
        """`compare` of the best arm with a GAN and the best without one; None without a GAN."""
        if self.best_with_gan is None or self.best_without_gan is None:
            return None
        return self.compare(self.best_with_gan, self.best_without_gan)

    def verdict(self):
        """What the study says of the GAN, in a sentence."""
        gain = self.gain
        if gain is None:
            return "The study has no arm with a GAN, or none without."
        n = len(self.seeds)
        facts = (
            f"{100 * gain['difference']:+.1f} points of balanced accuracy for {self.best_with_gan!r} over "
            f"{self.best_without_gan!r} ({statistics.in_words(gain['interval'])}, Wilcoxon p = {gain['p_value']:.2g}, "
            f"higher in {gain['wins']} of {n} seeds)"
        )
        if max(len(names) for names in self._of.values()) > 1:
            facts += (
                f"; each is the best, in these seeds, of its kind ({len(self._of['with'])} with the GAN, "
                f"{len(self._of['without'])} without), which flatters the kind of which more were tried"
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

    def _rows(self):
        order = sorted(self.arms, key=lambda arm: -np.mean(self.arms[arm]["balanced_accuracy"]))
        for arm in order:
            values = [np.array(self.arms[arm][metric], np.float64) * 100 for metric in _NAMES]
            yield arm, [_spread(value) for value in values]

    def table(self):
        """A table in Markdown: mean ± standard deviation over the seeds, in per cent, the best arm first."""
        lines = ["| | " + " | ".join(_NAMES.values()) + " |", "|-" * (len(_NAMES) + 1) + "|"]
        lines += [f"| {arm} | {' | '.join(cells)} |" for arm, cells in self._rows()]
        return "\n".join(lines)

    def to_dict(self, **more):
        """All figures as a dict for JSON: what is given as `more`, `seeds`, `arms`, `best_without_gan`, `best_with_gan`."""
        return plain(
            {
                **more,
                "seeds": self.seeds,
                "arms": self.arms,
                "best_without_gan": self.best_without_gan,
                "best_with_gan": self.best_with_gan,
            }
        )

    def to_json(self, path, **more):
        """Writes `to_dict` to a file, whole or not at all; what is no finite number is null there."""
        write_json(path, self.to_dict(**more))

    def plot(self, path=None):
        """Draws the balanced accuracy of all arms, a dot for each seed: red with a GAN, blue without, grey the controls.

        Args:
            path: PNG file to write. Defaults to None: the bytes of the file are returned alone.

        Returns the PNG as bytes. Needs matplotlib.
        """
        from matplotlib.figure import Figure

        order = [arm for arm, _ in self._rows()][::-1]
        figure = Figure(figsize=(7.0, 0.32 * len(order) + 1.0))  # without pyplot, whose backend is the user's
        axes = figure.add_subplot()
        for n, arm in enumerate(order):
            values = 100 * np.array(self.arms[arm]["balanced_accuracy"])
            color = self._colors.get(arm, "tab:gray")
            axes.plot(values, np.full(len(values), n), "o", color=color, alpha=0.5, markersize=4)
            axes.plot(values.mean(), n, "|", color=color, markersize=14, markeredgewidth=2)
        axes.set_yticks(range(len(order)), order)
        axes.set_xlabel("balanced accuracy on test images, %")
        axes.grid(axis="x", alpha=0.3)
        figure.tight_layout()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110)
        if path is not None:
            _files.write(_checks.path(path), buffer.getvalue())
        return buffer.getvalue()

    def to_html(self, path, title="Does the GAN help?"):
        """Writes one page with the verdict, the table and the plot, and nothing outside it.

        Args:
            path: HTML file to write.
            title: Its title. Defaults to "Does the GAN help?".
        """
        picture = base64.b64encode(self.plot()).decode()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in ("", *_NAMES.values()))
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in (arm, *cells)) + "</tr>\n"
            for arm, cells in self._rows()
        )
        style = "body{font:15px sans-serif;max-width:60em;margin:2em auto}td,th{padding:.2em .7em;text-align:right}"
        page = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
            f"<style>{style}td:first-child{{text-align:left}}</style><h1>{html.escape(title)}</h1>"
            f"<p>{html.escape(self.verdict())}</p><p>Per cent, mean ± standard deviation over {len(self.seeds)} seeds.</p>"
            f'<table><tr>{head}</tr>\n{rows}</table><p><img alt="Balanced accuracy of all arms" '
            f'src="data:image/png;base64,{picture}"></p></html>\n'
        )
        _files.write(_checks.path(path), page)

    def __str__(self):
        return f"{self.table()}\n\n{self.verdict()}"


def _spread(values):
    if np.isnan(values).all():
        return "-"
    spread = f" ± {np.nanstd(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.nanmean(values):.1f}{spread}"


def write_json(path, content):
    """Writes a value to a JSON file, whole or not at all.

    Args:
        path: The file.
        content: What `plain` takes.
    """
    text = json.dumps(plain(content), indent=1, allow_nan=False)
    _files.write(_checks.path(path), text + "\n")


def plain(value):
    """A value as JSON has it: arrays as lists, and None for numbers that are not finite.

    Raises:
        TypeError: For a value that JSON does not have.
    """
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"What is written must be plain values. Received: {value!r}")
