"""`results/utility.md`, from the JSON files that `utility.py` writes."""

import itertools
import json

import numpy as np

import keras_ganaug as kga
from keras_ganaug.study import tables
from keras_ganaug.study.arms import all_arms
from keras_ganaug.study.candidates import distinct

HEADER = """# Does it help?

The same classifier trained without and with synthetic images, measured on the real test images: `python
benchmarks/utility.py --setting NAME --seeds 0 1 2 --json results/utility/NAME.json`. In each seed the training images, which
class is rare, the GAN and the classifier's initial weights are others; all arms of a seed share them, and take equally many
steps. Development was
done on seeds from 100 up. Chosen with the seeds of the tables in view are rules of the guard and the order in which it
prefers arms (see there), and on top of which arms the GAN was tried. Some arms were left out (`--arms`): those that even
classes out where all are equally large, and are then the same as others; and some combinations of samples with an arm.

Balanced accuracy in per cent, mean ± standard deviation over the seeds. *difference*: best arm with the GAN minus best arm
without, the 95% t interval of the mean of the paired differences, and in how many seeds the difference is above 0. With
three seeds such an interval is wide: it is 2.5 standard deviations of the differences to each side. It leaves out that the
arms were chosen: the best of a dozen arms is lucky as well as good, and so is the best of those with the GAN. *control*:
the best arm with samples of wrong classes; *oracle*: with as many real images in place of the synthetic ones. *gan alone*,
in the tables of the settings: a classifier trained on samples only, of each class equally many, each sample once.
"""


def read(name, folder):
    """The `Report` of a setting from its JSON file, or None."""
    file = folder / f"{name}.json"
    return kga.study.Report.from_json(file) if file.exists() else None


def write(settings, folder):
    """Writes the page beside the folder that its JSON files are in."""
    head = ["", "seeds", "best without a GAN", "best with it", "difference", "control and oracle", "target"]
    rows, sections, ten = [], [], []
    for name, setting in settings.items():
        report = read(name, folder)
        if report is None:
            rows.append([name, "-", "not measured", "", "", "", setting.target])
            continue
        rows.append([*_row(name, report, report.best_with_gan), setting.target])
        sections.append(f"## {name}\n\n{setting.description}\n\n{report}")
        if (folder / f"{name}.png").exists():
            sections.append(f"Training images and samples of one seed:\n\n![]({folder.name}/{name}.png)")
        options = read(f"{name}_options", folder)
        if options is not None:
            seeds = ", ".join(map(str, options.seeds))
            sections.append(f"### {name}: one option at a time, seeds {seeds}\n\n{_options_table(options)}")
        report = read(f"{name}_ten", folder)
        for arm in report.of_kind("gan") if report is not None else ():
            ten.append([*_row(name, report, arm), f"{report.compare(arm, report.best_without_gan)['p_value']:.2g}"])
    parts = [HEADER.strip(), tables.markdown(head, rows)]
    head = ["", "seeds", "without a GAN", "with it", "difference", "control and oracle", "p"]
    parts += [f"{TEN_HEADER}\n{tables.markdown(head, ten)}"] if ten else []
    parts.append(_guard_section(settings, folder))
    notes = folder / "notes.md"
    parts += [notes.read_text(encoding="utf-8").strip()] if notes.exists() else []
    (folder.parent / "utility.md").write_text("\n\n".join([*parts, *sections]) + "\n", encoding="utf-8")


def _row(name, report, with_gan):
    """Cells of a table: the best arm without a GAN, one with it, their difference, control and oracle."""

    def cell(arm):
        return f"{tables.spread(report.arms[arm]['balanced_accuracy'])} ({arm})"

    gain = report.compare(with_gan, report.best_without_gan)
    interval = "too few seeds for an interval"
    if gain["interval"] is not None:
        interval = " to ".join(f"{100 * value:+.1f}" for value in gain["interval"])
    difference = f"{100 * gain['difference']:+.1f} ({interval}; {gain['wins']} of {len(report.seeds)})"
    controls = filter(None, map(report.best_of, ("shuffled", "oracle")))
    return [
        name,
        str(len(report.seeds)),
        cell(report.best_without_gan),
        cell(with_gan),
        difference,
        "; ".join(map(cell, controls)),
    ]


TEN_HEADER = """## Ten seeds

The arm without a GAN that is best above, with the GAN on top of it, its control and its oracle, in ten seeds:
`python benchmarks/utility.py --setting NAME --seeds 0 1 2 3 4 5 6 7 8 9 --arms ARM "gan + ARM" "shuffled + ARM"
"oracle + ARM" --json results/utility/NAME_ten.json`, and where an option did best on development seeds,
`"gan + ARM, OPTION"`, which has a line of its own: nothing is chosen here. *p* is of Wilcoxon's signed-rank test.
"""


def _options_table(report):
    """Each arm and its paired difference from the second, which is the setting's own."""
    rows, usual = [], list(report.arms)[1]
    for arm, metrics in report.arms.items():
        accuracy = metrics["balanced_accuracy"]
        differences = 100 * np.subtract(accuracy, report.arms[usual]["balanced_accuracy"])
        each = "" if arm == usual else f"{differences.mean():+.1f} ({', '.join(f'{d:+.1f}' for d in differences)})"
        rows.append([arm, tables.spread(accuracy), f"{100 * np.mean(metrics['tail_recall']):.1f}", each])
    return tables.markdown(["", "balanced accuracy", "tail", "difference from the first with a GAN, seed by seed"], rows)


GUARD_HEADER = """## The guard

`python benchmarks/utility.py --setting NAME --seeds 0 1 2 --guard --json results/utility/NAME_guard.json`: what `recommend`
advises from the training images of each seed alone, and the balanced accuracy on the test images of a classifier that
follows it. It prefers, in this order, balanced softmax with CutMix, CutMix, balanced softmax with shifts and flips, these
without it, RandAugment, balanced softmax, nothing, and takes the first that is near the best. The best arm is the one
without a GAN that is best over these seeds, of all that were run on each: hindsight, which the guard does without. Where
all classes have equally many images some arms are the same, and the plainest stands for them: the best of two runs of one
arm is nothing that could have been chosen. *Real images as samples* (`--guard --oracle`): a generator that gives real images
of the class, which nothing else has seen; advice against that would be too cautious. All of this was measured with the folds
and the rule of before `recommend` took scikit-learn's repeated stratified folds: ways of using the GAN were given up by a
bootstrap of two or more folds, and arms without it by a 90% interval after each fold.
"""


def _guard_section(settings, folder):
    """What followed from the advice, setting by setting, and the advice in full."""
    rows, words = [], []
    for kind, name in itertools.product(("guard", "guard_oracle"), settings):
        file = folder / f"{name}_{kind}.json"
        if not file.exists():
            continue
        title = f"{name}, real images as samples" if kind == "guard_oracle" else name
        runs = json.loads(file.read_text(encoding="utf-8"))["runs"]
        accuracies = [run["balanced_accuracy"] for run in runs.values()]
        results = {arm: [accuracy[arm] for accuracy in accuracies] for arm in accuracies[0]}
        report = read(name, folder)
        if report is not None and set(map(int, runs)) <= set(report.seeds):
            places = [report.seeds.index(int(seed)) for seed in runs]
            for arm in report.of_kind("none"):
                results.setdefault(arm, [report.arms[arm]["balanced_accuracy"][place] for place in places])
        followed = results.pop("guard")
        plainest_last = {arm: each for arm, each in reversed(all_arms().items()) if arm in results}
        different = distinct(plainest_last, np.array(settings[name].counts or [1]))
        best = max(different, key=lambda arm: np.mean(results[arm]))
        differences = 100 * (np.array(followed) - results[best])
        each = ", ".join(f"{difference:+.1f}" for difference in differences)
        advice = "; ".join(
            f"{run['base']}, {run['fraction']:g} synthetic" if run["fraction"] else run["base"] for run in runs.values()
        )
        cells = [title, ", ".join(runs), advice, tables.spread(followed), f"{tables.spread(results[best])} ({best})"]
        rows.append([*cells, f"{differences.mean():+.1f} ({each})"])
        words += [f"- {title}, seed {seed}: {' '.join(run['advice'].split())}" for seed, run in runs.items()]
    if not rows:
        return "## The guard\n\nNot measured yet."
    head = ["", "seeds", "advised, seed by seed", "followed", "best arm without a GAN", "difference"]
    return "\n".join([GUARD_HEADER, tables.markdown(head, rows), "", "In its words:", "", *words])
