"""The page of a report: one self-contained HTML file."""

import html
from collections.abc import Iterable, Sequence
from string import Template
from typing import Any

import numpy as np

from keras_ganaug.plots.picture import Picture
from keras_ganaug.study import report_pictures, statistics, tables

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60em; margin: 0 auto; padding: 1em; }
h1 { font-size: 1.5em; margin-bottom: 0; }
h2 { font-size: 1.2em; margin-top: 2em; }
.verdict { background: #eef3f8; border-left: 4px solid #1f77b4; padding: .6em 1em; }
.verdict strong { display: block; font-size: 1.25em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9em; }
th, td { padding: .25em .6em; text-align: right; border-bottom: 1px solid #ddd; }
th { vertical-align: bottom; }
td { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; position: sticky; left: 0; background: #fff; }
th[tabindex] { cursor: pointer; }
th[aria-sort=ascending]::after { content: " \\2191"; }
th[aria-sort=descending]::after { content: " \\2193"; }
img { display: block; max-width: 100%; height: auto; }
dt { font-weight: bold; margin-top: .5em; }
dd { margin-left: 0; }
code, pre { background: #f4f4f4; padding: .1em .3em; overflow-wrap: anywhere; }
pre { padding: .6em; overflow-x: auto; }
.note { color: #555; font-size: .9em; }
</style>
</head>
<body>
<h1>$title</h1>
$body
<script>
// A click on a column head sorts the table. Without JavaScript the table is still readable.
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const key = row => { const text = row.cells[column].textContent, n = parseFloat(text); return [n, text]; };
    const sort = () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      heads.forEach(each => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const compare = ([n, text], [m, other]) => isNaN(n) || isNaN(m)
        ? isNaN(n) - isNaN(m) || text.localeCompare(other) : (down ? m - n : n - m);
      [...table.tBodies[0].rows].sort((a, b) => compare(key(a), key(b))).forEach(row => table.tBodies[0].append(row));
    };
    head.tabIndex = 0;
    head.title = "Sort by this column";
    head.onclick = sort;
    head.onkeydown = event => { if (event.key === "Enter") sort(); };
  });
}
</script>
</body>
</html>
""")


def page_of(report: Any, title: str) -> str:
    """The HTML page of a `Report`."""
    about, escape = report.about, html.escape
    headline, _, facts = report.verdict().partition(": ")
    parts = [f'<p class="verdict"><strong>{escape(headline)}{"." if facts else ""}</strong> {escape(_sentence(facts))}</p>']
    if about:
        parts.append(_paragraph(_what_was_done(report)))
    label = report.label
    parts += [
        "<h2>All arms</h2>",
        _image(report.plot(), f"{label} of all arms, with intervals", 620),
        _note(
            "Each dot is a seed, the stroke is the mean, and the line its 95% interval"
            + ("" if len(report.seeds) >= statistics.FEWEST else ", for which there are too few seeds here")
            + ". Arms share their seeds, so two of them may differ surely although these lines overlap: the column of "
            "differences takes that into account."
        ),
        _note(
            f"Per cent, mean ± standard deviation over {_plural(len(report.seeds), 'seed')}. "
            "Click on a column head to sort the table."
        ),
        tables.html(*_arms_table(report)),
    ]
    if "arms" in about:
        pairs = (f"<dt>{escape(arm)}</dt><dd>{escape(text)}</dd>" for arm, text in about["arms"].items())
        parts += ["<h2>What the arms are</h2>", f"<dl>{''.join(pairs)}</dl>"]
    if "train_images" in about:
        parts += ["<h2>Class by class</h2>", _paragraph(_buckets_in_words(about))]
        if report.recalls:
            best = [arm for arm in (report.best_without_gan, report.best_with_gan) if arm is not None]
            others = [arm for arm in report.order() if arm not in best and arm in report.recalls]
            text = (
                "Recall in per cent: the share of a class's test images that are classified correctly, mean over the seeds."
            )
            parts += [_note(text), tables.html(*_classes_table(report, best))]
            if others:
                table = tables.html(*_classes_table(report, [*best, *others]))
                parts.append(f"<details><summary>The same for all arms</summary>{table}</details>")
    parts += _pictures(report)
    parts += ["<h2>Next step</h2>", *map(_paragraph, report.next_step())]
    return _PAGE.substitute(title=escape(title), body="\n".join(parts))


def _sentence(text):
    return text[:1].upper() + text[1:]


def _plural(number, word):
    return f"{number:,} {word}{'' if number == 1 else 's' if not word.endswith('s') else 'es'}"


def _paragraph(text):
    """A paragraph in which text between backticks is code."""
    pieces = html.escape(text, quote=False).split("`")
    return f"<p>{''.join(f'<code>{each}</code>' if n % 2 else each for n, each in enumerate(pieces))}</p>"


def _note(text):
    return f'<p class="note">{html.escape(text)}</p>'


def _image(picture: Picture, alt: str, width: int) -> str:
    return f'<p><img alt="{html.escape(alt)}" style="width:{width}px" src="{picture.to_data_url()}"></p>'


def _what_was_done(report):
    about, several = report.about, len(report.seeds) > 1
    train, test = (np.array(about[name]) for name in ("train_images", "test_images"))
    seeds = ", ".join(map(str, report.seeds))
    return (
        f"{_plural(int(train.sum()), 'training image')} and {_plural(int(test.sum()), 'test image')} of "
        f"{_plural(len(train), 'class')}, {' × '.join(map(str, about['image_shape']))}. Each classifier was trained for "
        f"{_plural(about['steps'], 'step')} of {_plural(about['batch_size'], 'image')}, "
        f"under {_plural(len(report.arms), 'arm')}, in {_plural(len(report.seeds), 'seed')} ({seeds})."
        + (f" The numbers of images are those of seed {report.seeds[0]}." * several)
    )


def _arms_table(report: Any) -> tuple[list[str], list[list[str]]]:
    """The table of the report, with the difference from the best arm without a GAN."""
    (_, first, *names), rows = report.rows()
    base, kinds = report.best_without_gan, {"gan": "with", "none": "without"}
    head = ["arm", first, *([f"difference from {base}"] if base is not None else []), "GAN", *names]
    of_kind = {arm: kinds.get(kind, "control") for arm, kind in report.kinds.items()}
    return head, [[arm, value, *_against(report, arm), of_kind[arm], *more] for arm, value, *more in rows]


def _against(report, arm):
    base = report.best_without_gan
    if base is None:
        return []
    if arm == base:
        return ["-"]
    compared = report.compare(arm, base, report.metric)
    interval = compared["interval"]
    within = "" if interval is None else f" ({100 * interval[0]:+.1f} to {100 * interval[1]:+.1f})"
    return [f"{100 * compared['difference']:+.1f}{within}"]


def _buckets_in_words(about):
    counts, names = about["train_images"], about["class_names"]
    if min(counts) == max(counts):
        return f"All classes have {counts[0]:,} training images: head, middle and tail are the same here."
    parts = []
    for bucket, which in statistics.buckets(counts).items():
        of = [int(c) for c in np.flatnonzero(which)]
        if of:
            fewest, most = min(counts[c] for c in of), max(counts[c] for c in of)
            number = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
            some = ", ".join(names[c] for c in of[:8]) + (f" and {len(of) - 8} more" if len(of) > 8 else "")
            parts.append(f"{bucket}: {some} ({number} images)")
    return (
        "Head, middle and tail are the classes with many, some and few training images. The range from the smallest number "
        "to the largest is cut into three equal parts, on a logarithmic scale. Here: " + "; ".join(parts) + "."
    )


def _classes_table(report, arms):
    """The recalls of arms, class by class; of two arms with their difference."""
    about = report.about
    groups = statistics.buckets(about["train_images"])
    even = min(about["train_images"]) == max(about["train_images"])
    head = ["class", "training images", "test images", *([] if even else ["part"]), *arms]
    if len(arms) == 2:
        head.append("difference")
    rows = []
    for c, name in enumerate(about["class_names"]):
        part = [] if even else [next(bucket for bucket, which in groups.items() if which[c])]
        each = [[run[c] for run in report.recalls[arm]] for arm in arms]
        difference = [tables.mean(np.subtract(*reversed(each)), "+.1f")] if len(arms) == 2 else []
        counts = (f"{about[f'{of}_images'][c]}" for of in ("train", "test"))
        rows.append([name, *counts, *part, *map(tables.mean, each), *difference])
    return head, rows


def _pictures(report: Any) -> Iterable[str]:
    samples = None if report.samples is None else report.samples()
    if samples is None:
        return []
    names: Sequence[str] = report.about["class_names"]
    text = f"Training images, and samples of the GAN of seed {report.seeds[0]}."
    if samples.translates:
        text += " Each sample is the translation of the image in its place."
    parts = ["<h2>Samples</h2>", *map(_paragraph, _about_samples(samples)), _note(text)]
    parts.append(_image(report_pictures.grid_of_samples(samples, names), text, 580))
    if not samples.translates:
        text = "The samples that are nearest to a training image, and the distance: the root mean square of the differences."
        parts += ["<h2>Nearest to training images</h2>", _note(text)]
        parts.append(_image(report_pictures.nearest_to_samples(samples, names), text, 400))
    text = (
        "How strong each frequency is in real and in synthetic images, averaged over all directions. Where the curves part, "
        "samples are smoother or rougher than real images; a peak is a pattern that repeats, a trace of the generator."
    )
    parts += ["<h2>Frequencies</h2>", _note(text), _image(report_pictures.spectra_of_samples(samples), text, 520)]
    return parts


def _about_samples(samples):
    """How long the GAN was trained, and how good its samples are, in paragraphs."""
    if samples.trained is not None:
        (steps, seen), number = samples.trained, len(samples.training)
        each = f"each of its {number:,} training images about {_plural(round(seen / number), 'time')}"
        yield f"The GAN was trained for {_plural(steps, 'step')} and saw {each}."
    if samples.quality is not None:
        yield from str(samples.quality).split("\n")
