"""The page of `speed.py`: tables of its JSON file, and each goal beside what was reached."""

import quiet

from keras_ganaug.study import tables


def page(report):
    """The page of a report of `speed.py`."""
    cases = report["cases"]
    parts = [head(report), *(part for part in (goals(cases), gans(cases), maps(cases), classifiers(cases)) if part)]
    return "\n\n".join(parts) + "\n"


def head(report):
    machine, settings = report["machine"], report["settings"]
    versions = ", ".join(f"{name} {machine[name]}" for name in ("tensorflow", "keras", "torch") if machine[name])
    lines = [
        "# Speed",
        "",
        f"`python benchmarks/speed.py --json results/speed.json`: everything in turns in one process, medians of "
        f"{settings['rounds']} rounds, on {machine['processors']} cores of {machine['processor']}, {versions}.",
        "",
    ]
    if settings["tiny"]:
        lines += ["**A quick try with tiny networks: its times mean nothing.**", ""]
    noisy = [name for name, case in report["cases"].items() if not case["machine"]["quiet"]]
    if noisy:
        lines += [f"**The machine was not quiet for {len(noisy)} of {len(report['cases'])} cases.**", ""]
    lines += [f"- {name}: {quiet.words(case['machine'])}" for name, case in report["cases"].items()]
    return "\n".join(lines)


def milliseconds(result):
    return "-" if result is None else result.get("error") or f"{result['ms']:.4g}"


def ratio(result, other):
    """How many times as long one takes as the other. "" where either was not measured."""
    if result is None or other is None or "ms" not in result or "ms" not in other:
        return ""
    return f"{result['ms'] / other['ms']:.2f}"


def goals(cases):
    """Each goal of the benchmark, and what was reached where."""
    rows = []

    def add(goal, values, good, form="{:.2f}"):
        """The values by name of the case; `good` tells which of them meet the goal."""
        values = {name: value for name, value in values.items() if value is not None}
        if values:
            reached = ", ".join(f"{name}: {form.format(value)}" for name, value in values.items())
            rows.append([goal, reached, "yes" if all(map(good, values.values())) else "no"])

    for precision in ("float32", "bfloat16"):
        of = {name: case["precisions"].get(precision, {}) for name, case in cases.items() if "precisions" in case}
        fast = {name: each.get("times_as_fast", {}).get("PyTorch") for name, each in of.items()}
        add(f"{precision}: 1.3 times as fast as PyTorch's best", fast, lambda value: value >= 1.3)
        share = {name: each.get("share_of_peak") for name, each in of.items()}
        add(f"{precision}: 70% of the matrix product's peak", share, lambda value: value >= 0.7, "{:.0%}")
    more, mapped, mixed = {}, {}, {}
    for name, case in cases.items():
        times = {each: result.get("ms") for each, result in case.get("contenders", {}).items()}
        if times.get("MixUp") and times.get("gan_augment"):
            mixed[name] = times["gan_augment"] / times["MixUp"]
        if times.get("plain step"):
            more[name] = times["AugmentedModel"] / times["plain step"] - 1 if times.get("AugmentedModel") else None
            other = times.get("plain step, mapped")
            mapped[name] = other / times["plain step"] - 1 if other else None
    add("The map takes less than MixUp", mixed, lambda value: value < 1, "{:.2f} of its time")
    add("`AugmentedModel` takes at most 10% longer", more, lambda value: value <= 0.1, "{:+.1%}")
    add("The map takes at most 2% of a classifier's step", mapped, lambda value: value <= 0.02, "{:+.1%}")
    return "## Goals\n\n" + tables.markdown(["goal", "reached", "met"], rows) if rows else ""


def gans(cases):
    """A table of milliseconds for each precision."""
    parts = []
    for precision in ("float32", "bfloat16"):
        of = {name: case for name, case in cases.items() if precision in case.get("precisions", {})}
        if not of:
            continue
        names = list({each: None for case in of.values() for each in case["precisions"][precision]["contenders"]})
        rows = []
        for name, case in of.items():
            of_case = case["precisions"][precision]
            cells = [milliseconds(of_case["contenders"].get(each)) for each in names]
            fast = of_case.get("times_as_fast", {})
            against = [f"{fast[each]:.2f}" if each in fast else "" for each in ("PyTorch", "textbook Keras")]
            share = f"{of_case['share_of_peak']:.0%}" if "share_of_peak" in of_case else ""
            rows.append([f"{name}, width {case['width']}, batch {case['batch']}", *cells, *against, share])
        title = ["train step, ms", *names, "times as fast as PyTorch's best", "as the textbook's", "share of peak"]
        parts.append(f"## Train steps in {precision}\n\n" + tables.markdown(title, rows))
    return "\n\n".join(parts)


def maps(cases):
    of = {name: case for name, case in cases.items() if "gan_augment" in case.get("contenders", {})}
    names = list({each: None for case in of.values() for each in case["contenders"]})
    rows = []
    for case in of.values():
        size = "×".join(map(str, case["image_shape"]))
        rows.append([f"{case['batch']} of {size}", *(milliseconds(case["contenders"].get(each)) for each in names)])
    return "## Maps\n\n" + tables.markdown(["batch, ms", *names], rows) if rows else ""


def classifiers(cases):
    rows = []
    for name, case in cases.items():
        times = case.get("contenders", {})
        if "plain step" in times:
            size = "×".join(map(str, case["image_shape"]))
            cells = [milliseconds(times["plain step"])]
            for each in ("AugmentedModel", "plain step, mapped"):
                cells += [milliseconds(times.get(each)), ratio(times.get(each), times["plain step"])]
            rows.append([f"{name.split()[0]}, {case['batch']} of {size}", *cells])
    title = ["train step, ms", "plain", "`AugmentedModel`", "of the plain step", "plain, mapped", "of the plain step"]
    return "## Classifiers\n\n" + tables.markdown(title, rows) if rows else ""
