"""Does a generator help a classifier where it knows more than the batch? One setting, all arms, paired seeds.

    python benchmarks/transfer.py --setting replay --seeds 0 1 2 --json results/transfer/replay.json
    python benchmarks/transfer.py --setting replay_digits --seeds 100 --arms "fine-tuning alone" gan

Settings, on the test images of the data set:

- replay: Fashion-MNIST, a classifier learns five classes, then the other five, and the images of the first are gone;
- replay_digits: the same with scikit-learn's digits;
- sites, sites_own: Fashion-MNIST in five sites of two classes each, whose images stay where they are: a server without
  data, and a site that has the images of its own two classes;
- unseen, rare_cells, glyphs: classes in styles, of which most combinations were not or hardly seen (`transfer_cells.py`).

Which classes are which moves with the seed, and so do the generators and classifiers. Development was done on seeds from
100 up, reports are on 0 to 9. What is finished is not done again: results are cached in `build/transfer/SETTING`, and
those of reports in `results/transfer/kept` too, so that another machine goes on from there. `results/transfer.md` and
the README's table are made of the JSON files in `results/transfer`.
"""

import argparse
import os
import shutil
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import numpy as np
import transfer_cells
import transfer_page
from common import ROOT, restore_results, save_results
from transfer_tasks import SETTINGS

from keras_ganaug.callbacks import TimeLeft
from keras_ganaug.study import statistics
from keras_ganaug.study.report import Report
from keras_ganaug.study.results import Results, key

FOLDER = ROOT / "results" / "transfer"
GENERATORS = ROOT / "build" / "transfer" / "generators"


def run(name, seeds, arms, directory):
    """The `Report` of a setting."""
    setting = SETTINGS[name]
    methods = setting.task.arms()
    unknown = [each for each in arms or () if each not in methods]
    if unknown:
        raise SystemExit(f"--arms must be of {sorted(methods)}. Received: {unknown}")
    methods = {each: methods[each] for each in arms or methods}
    store, results, start, done = Results(directory / "results.json"), {}, time.monotonic(), 0
    cached = store.read()
    keys = keys_of(name, seeds, methods)
    missing = [place for place, text in keys.items() if text not in cached]
    results = {place: cached[text]["results"] for place, text in keys.items() if text in cached}
    for seed in seeds:
        task = None
        for each in [each for place, each in missing if place == seed]:
            task = task or setting.task(setting, seed, GENERATORS)
            logits = methods[each][0](task)
            counts = np.bincount(task.labels, minlength=task.num_classes)
            metrics = results[seed, each] = statistics.measure(logits, task.test_labels, counts)
            store.record(keys[seed, each], _settings(setting), metrics)
            done += 1
            spent = time.monotonic() - start
            left = TimeLeft.format(spent / done * (len(missing) - done))
            accuracy = metrics["balanced_accuracy"]
            print(f"{done}/{len(missing)} seed {seed}, {each}: balanced accuracy {accuracy:.1%}, {left} left", flush=True)
    runs = {each: [results[seed, each] for seed in seeds] for each in methods}
    return Report(runs, seeds, {each: kind for each, (_, kind) in methods.items()})


def keys_of(name, seeds, arms):
    """The keys of results, by seed and arm."""
    return {(seed, each): key(seed, name, each, _settings(SETTINGS[name])) for seed in seeds for each in arms}


def _settings(setting):
    return f"{setting._replace(task=setting.task.__name__)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=[*SETTINGS, *transfer_cells.SETTINGS])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", help="names of arms; all by default")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--again", action="store_true", help="train all anew, generators too")
    parser.add_argument("--write", action="store_true", help="write results/transfer.md and the README's table alone")
    args = parser.parse_args()
    if args.write:
        return write_pages()
    if args.setting is None:
        parser.error("--setting is needed")
    directory = ROOT / "build" / "transfer" / args.setting
    if args.again:
        shutil.rmtree(directory, ignore_errors=True)
        shutil.rmtree(GENERATORS, ignore_errors=True)
    of_cells = args.setting in transfer_cells.SETTINGS
    stores = {args.setting: directory}
    if of_cells:
        stores = {f"{args.setting}_{part}": directory / part for part in transfer_cells.PARTS}
    for name, store in stores.items():
        restore_results(FOLDER / "kept" / f"{name}.json", store)
    report = (transfer_cells.run if of_cells else run)(args.setting, args.seeds, args.arms, directory)
    print(report)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        report.to_json(args.json, setting=args.setting)
        if of_cells:
            transfer_cells.picture(args.json.with_suffix(".png"), args.setting, args.seeds[0], directory, args.arms)
        if args.json.resolve().parent == FOLDER:
            for name, store in stores.items():
                keys = None if of_cells else keys_of(name, report.seeds, report.arms).values()
                save_results(FOLDER / "kept" / f"{name}.json", store, keys)
            write_pages()


def write_pages():
    """The page of results, and the README's table."""
    transfer_page.write(FOLDER)
    transfer_page.write_summary(ROOT / "README.md", transfer_page.read(FOLDER))


if __name__ == "__main__":
    main()
