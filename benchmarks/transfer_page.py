"""`results/transfer.md`, and the table of the README, from the JSON files that `transfer.py` writes."""

import re

import keras_ganaug as kga
from keras_ganaug.study import tables

HEADER = """# Where a generator knows more than the batch

The same classifier, trained where images of whole classes, or of combinations of class and style, are missing, measured on
real test images that lack nothing: `python benchmarks/transfer.py --setting NAME --seeds 0 1 2 --json
results/transfer/NAME.json`. With the seed change which classes or combinations are missing, the generators, and the
classifier's initial weights and batches. Development was done on seeds from 100 up.

Per cent, mean ± standard deviation over the seeds. *difference*: the best arm with a GAN minus the best one that keeps no
image, in the mean and seed by seed. References keep images, or know the true styles: they say what there is to gain.
"""
SETTINGS = {
    "replay": (
        "Old classes, Fashion-MNIST",
        "A classifier learns five classes, then the other five, when the images of the first are gone, 800 × 64 each. The "
        "generator, an SNGAN, has seen the first five classes alone, and half of each batch is made by it.",
    ),
    "replay_digits": (
        "Old classes, digits",
        "The same with scikit-learn's digits of 8 × 8 pixels, 400 × 64 and 400 × 64.",
    ),
    "sites": (
        "A server without images",
        "Fashion-MNIST in five sites of two classes, whose images do not leave them. Each sends a generator of its own "
        "classes. A server trains on samples of all five, 1,000 × 64.",
    ),
    "sites_own": (
        "A site with its own classes",
        "One of these sites trains a classifier of all ten classes: its own two are real images, the others come from the "
        "generators of the other sites.",
    ),
    "unseen": (
        "Combinations never seen",
        "Fashion-MNIST in four styles; each class was seen in two of them, 300 images a cell. Accuracy on the 20 cells that "
        "were not seen; classifiers of 1,000 × 64.",
    ),
    "rare_cells": (
        "Combinations hardly seen",
        "The same, with 10 images in each of the other cells, which stand in the table's column of unseen cells.",
    ),
    "glyphs": (
        "Real styles",
        "Korean syllables by the consonant that they begin with, in four fonts; each consonant was seen in two of them. "
        "Syllables of the test images were in no font among the training images.",
    ),
}
SUMMARY = {
    "replay": ("five of ten classes: gone", "fine-tuning alone"),
    "sites": ("all images: kept at five sites", "averaged weights"),
    "sites_own": ("eight of ten classes: kept at other sites", "its own classes alone"),
    "unseen": ("half of the combinations of class and style", "nothing"),
    "rare_cells": ("the same, but for ten images each", "nothing"),
}
"""Settings of the README's table: what a batch lacks, and the arm that does nothing about it."""
MARKS = "<!-- begin: transfer.py --write -->", "<!-- end -->"
METRICS = {"balanced_accuracy": "balanced accuracy", "unseen_cells": "accuracy of unseen cells"}


def read(folder):
    """The reports that there are, by setting."""
    files = {name: folder / f"{name}.json" for name in SETTINGS}
    return {name: kga.study.Report.from_json(file) for name, file in files.items() if file.exists()}


def best_reference(report):
    return report.best_of("oracle") or report.best_of("reference")


def row(report, metric):
    """Cells of a table: the best arm without images or a GAN, the best with a GAN, the best reference, the difference."""

    def cell(arm):
        return "" if arm is None else f"{tables.spread(report.arms[arm][metric])} ({arm})"

    gain = report.compare(report.best_with_gan, report.best_without_gan, metric)
    pairs = zip(report.arms[report.best_with_gan][metric], report.arms[report.best_without_gan][metric])
    each = ", ".join(f"{100 * (mine - other):+.1f}" for mine, other in pairs)
    cells = map(cell, (report.best_without_gan, report.best_with_gan, best_reference(report)))
    return [*cells, f"{100 * gain['difference']:+.1f} ({each})"]


def summary(reports):
    """The table of the README."""
    rows = []
    for name, (lack, plain) in SUMMARY.items():
        if name in reports:
            report = reports[name]
            arms = plain, report.best_without_gan, report.best_with_gan, best_reference(report)
            cells = [tables.spread(report.arms[arm][report.metric]) for arm in arms]
            rows.append([f"{lack} (`{name}`)", *cells])
    head = ["missing from the batches", "baseline", "best without a GAN", "best with a GAN", "nothing missing"]
    return tables.markdown(head, rows)


def write_summary(readme, reports):
    """Writes the README's table between its marks."""
    begin, end = MARKS
    table = f"{begin}\n{summary(reports)}\n{end}"
    text = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: table, readme.read_text(encoding="utf-8"), flags=re.S)
    readme.write_text(text, encoding="utf-8")


def write(folder):
    """Writes the page beside the folder that its JSON files are in."""
    reports, rows, sections = read(folder), [], []
    for name, (title, text) in SETTINGS.items():
        if name not in reports:
            rows.append([f"{title} (`{name}`)", "not measured on three seeds", "", "", "", ""])
            continue
        report = reports[name]
        rows.append([f"{title} (`{name}`)", METRICS[report.metric], *row(report, report.metric)])
        sections.append(f"## {title}\n\n`{name}`: {text}\n\n{table(report)}")
        if (folder / f"{name}.png").exists():
            sections.append(f"{PICTURE}\n\n![]({folder.name}/{name}.png)")
    head = ["", "measured", "best without images or a GAN", "best with a GAN", "best reference", "difference"]
    notes = folder / "notes.md"
    parts = [HEADER.strip(), tables.markdown(head, rows)]
    parts += [notes.read_text(encoding="utf-8").strip()] if notes.exists() else []
    (folder.parent / "transfer.md").write_text("\n\n".join([*parts, *sections]) + "\n", encoding="utf-8")


PICTURE = """Test images of one seed, one of each class, and their translations. Rows come in fives: the image in one style,
then its translations into all four styles."""


def table(report):
    """All arms, the best first, with their kinds."""
    metrics = {
        "balanced_accuracy": "all",
        "seen_cells": "seen cells",
        "unseen_cells": "unseen cells",
        "worst_group": "worst cell",
    }
    if report.metric == "balanced_accuracy":
        metrics = {"balanced_accuracy": "balanced accuracy"}
    order = sorted(report.arms, key=lambda arm: -sum(report.arms[arm][report.metric]))
    kinds = {"none": "", "gan": "GAN", "oracle": "reference", "reference": "reference"}
    each = [", ".join(f"{100 * value:.1f}" for value in report.arms[arm][report.metric]) for arm in order]
    rows = [
        [arm, kinds[report.kinds[arm]], *(tables.spread(report.arms[arm][metric]) for metric in metrics), values]
        for arm, values in zip(order, each)
    ]
    return tables.markdown(["", "", *metrics.values(), "seed by seed"], rows)
