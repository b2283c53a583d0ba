"""Does GAN augmentation help a classifier? One setting, all arms, paired seeds.

    python benchmarks/utility.py --setting long_tail --seeds 0 1 2 --json long_tail.json
    python benchmarks/utility.py --setting digits_10 --seeds 0 --arms nothing shift_flip   # some arms
    python benchmarks/utility.py --setting digits_10 --seeds 0 1 2 --guard     # is `recommend` right?
    python benchmarks/utility.py --setting digits_10 --seeds 0 1 2 --guard --oracle   # where samples are real images
    python benchmarks/utility.py --setting digits_10 --seeds 100 101 102 --options   # of `Synthetic`, one at a time
    python benchmarks/utility.py --write   # results/utility.md alone

Settings, on the test images of the data set:

- long_tail: Fashion-MNIST, 4000 images of one class down to 40 of the rarest;
- step: five classes of 500, five of 20; few_50, few_10: so many of each class; balanced: all 60,000;
- digits_tail: scikit-learn's digits, five classes of 100, five of 10; digits_10: 10 of each class.

The images, which class is rare, the GAN and the classifier all move with the seed. Development was done on seeds from 100
up, reports are on 0 to 9. What is finished is not done again: GANs and results are cached in `build/utility/SETTING`, and
the results of reports, those of the guard's folds among them, in `results/utility/kept` too, so that another machine goes on
from there.
`results/utility.md` is made of the JSON files in `results/utility`: `--json results/utility/SETTING.json`,
SETTING_guard.json, SETTING_guard_oracle.json, SETTING_options.json and, for a few arms in ten seeds, SETTING_ten.json.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # TensorFlow leaves its faster convolutions out on older processors

import keras
import numpy as np
import utility_page
from common import ROOT, draw_rows, faster_compile, precision, restore_results, save_results, write_json
from utility_settings import SETTINGS

import keras_ganaug as kga
from keras_ganaug.generators.controls import Pool
from keras_ganaug.study import fingerprint
from keras_ganaug.study.candidates import distinct

FOLDER = ROOT / "results" / "utility"
GUARDED = (
    "balanced_softmax + cutmix",
    "cutmix",
    "balanced_softmax + shift_flip",
    "shift_flip",
    "rand_augment",
    "balanced_softmax",
    "nothing",
)
"""Arms that the guard chooses from, in the order in which it prefers them."""


OPTIONS = {
    "fraction 0.5": {"fraction": 0.5},
    "fraction 0.75": {"fraction": 0.75},
    "classes as they are": {"strategy": "keep"},
    "to the rare classes": {"strategy": "fill"},
    "at 0.3 of the weight": {"weight": 0.3},
    "real images alone in the last 30%": {"real_only_end": 0.3},
    "filtered": {"band": (0.3, 1.0)},
    "filtered, without the surest": {"band": (0.3, 0.97)},
    "truncation 0.8": {"truncation": 0.8},
}
"""What `Synthetic` can change, one at a time."""


class Data:
    """The images of a setting, seed by seed.

    Args:
        setting: A `Setting`.
    """

    def __init__(self, setting):
        train, test = kga.datasets.load(setting.dataset)
        self.class_names = train.class_names
        self.num_classes = len(train.class_names)
        self.all, self.test = kga.datasets.to_arrays(train), kga.datasets.to_arrays(test)
        self.setting = setting

    def _rows(self, seed):
        """Rows of the training images, and of those that are left."""
        labels, counts = self.all[1], self.setting.counts
        rng = np.random.default_rng([seed, 5])
        if counts is None:
            return np.arange(len(labels)), np.zeros([0], int)
        counts = rng.permutation(counts)
        of_class = [rng.permutation(np.flatnonzero(labels == c)) for c in range(self.num_classes)]
        chosen, left = (
            np.concatenate([rows[part] for rows, part in zip(of_class, parts, strict=True)])
            for parts in ([slice(n) for n in counts], [slice(n, None) for n in counts])
        )
        return rng.permutation(chosen), left

    def train(self, seed):
        return tuple(part[self._rows(seed)[0]] for part in self.all)

    def held_out(self, seed):
        return tuple(part[self._rows(seed)[1]] for part in self.all)


def restore(name, directory):
    """Puts the results of `results/utility/kept/NAME.json` into the directory of a study, where they are not there."""
    restore_results(FOLDER / "kept" / f"{name}.json", directory)


def save(name, directory):
    """Writes the results of a study to `results/utility/kept/NAME.json`, which outlasts the build folder."""
    save_results(FOLDER / "kept" / f"{name}.json", directory)


def make_gan(recipe):
    """The function that trains the GAN of a seed on its training images."""

    def make(images, labels, seed):
        options = {"latent_dim": 64, "width": recipe.width, "seed": seed}
        with precision():
            gan = kga.SNGAN(images.shape[1:], int(labels.max()) + 1, **options)
        penalties = [kga.penalties.MismatchedLabels(gan.num_classes, recipe.mismatch)] if recipe.mismatch else []

        def adam(rate):
            return keras.optimizers.Adam(keras.optimizers.schedules.PolynomialDecay(rate, recipe.steps, 0.0), 0.0, 0.9)

        gan.compile(
            adam(recipe.g_rate),
            adam(recipe.d_rate),
            penalties=penalties,
            augment=kga.DiffAugment(recipe.augment) if recipe.augment else None,
            jit_compile=faster_compile(),
        )
        epochs = 10
        options = {"epochs": epochs, "steps_per_epoch": recipe.steps // epochs, "batch_size": recipe.batch_size}
        gan.fit(images, labels, **options, class_balanced=True, verbose=0, callbacks=[kga.callbacks.TimeLeft()])
        return gan

    make.cache_key = f"SNGAN{fingerprint.text_of_fields(recipe)}"  # rather than the code, which may be written otherwise
    return make


def study(name, seeds, directory, arms=None, **options):
    """The `AugmentationStudy` of a setting.

    Args:
        name: Of the setting.
        seeds: Integers.
        directory: Where results are cached.
        arms: Names of the arms to run. Defaults to None: all.
        **options: In place of the setting's.
    """
    setting = SETTINGS[name]._replace(**options)
    data = Data(setting)
    result = kga.AugmentationStudy(
        data.train,
        data.test,
        make_gan(setting.gan),
        arms=kga.study.default_arms(flip=setting.flip),
        on_top_of=setting.on_top_of,
        synthetic=setting.synthetic,
        held_out=None if setting.counts is None else data.held_out,
        steps=setting.steps,
        batch_size=setting.batch_size,
        seeds=seeds,
        directory=directory,
    )
    alone = kga.study.Synthetic(1.0, "fill", bank_size=setting.steps * setting.batch_size)  # each sample is seen once
    result.arms["gan alone"] = kga.study.Arm(synthetic=alone)  # whose accuracy is the classification accuracy score
    result.arms["gan alone, filtered"] = kga.study.Arm(synthetic=alone._replace(**OPTIONS["filtered"]))
    for base, option in setting.options:
        result.arms[f"gan + {base}, {option}"] = with_option(result.arms[f"gan + {base}"], option)
    if arms is not None:
        unknown = [arm for arm in arms if arm not in result.arms]
        if unknown:
            raise SystemExit(f"--arms must be of {sorted(result.arms)}. Received: {unknown}")
        result.arms = {arm: result.arms[arm] for arm in arms}
    return result


def with_option(arm, option):
    """An arm whose synthetic images have one of the `OPTIONS`."""
    return arm._replace(synthetic=arm.synthetic._replace(**OPTIONS[option]))


def picture(path, name, seed, file, columns=8):
    """Training images of a seed and samples of its GAN, a row for each class; nothing if there is no GAN of that seed.

    Args:
        path: PNG file.
        name: Of the setting.
        seed: Integer.
        file: Where the study caches that GAN.
        columns: Images of each class. Defaults to 8.
    """
    if not file.exists():
        return
    data = Data(SETTINGS[name])
    images, labels = data.train(seed)
    samples = keras.models.load_model(file, compile=False).generate(np.repeat(range(data.num_classes), columns), seed=1)
    samples = samples.reshape(data.num_classes, columns, *images.shape[1:])
    draw_rows(path, [images[labels == c][:columns] for c in range(data.num_classes)], samples, data.class_names)


def options_study(name, seeds, directory, base=None):
    """The study of the `OPTIONS`, on top of an arm that the setting's GAN stands on, the first by default."""
    base = base or SETTINGS[name].on_top_of[0]
    result = study(name, seeds, directory, [base, f"gan + {base}"])
    arm = result.arms[f"gan + {base}"]
    for option in OPTIONS:
        changed = with_option(arm, option)
        if changed != arm:
            result.arms[f"gan + {base}, {option}"] = changed
    return result


def guard(name, seeds, directory, to_save=True, oracle=False, **options):
    """What comes of following `recommend`, which sees the training images of each seed alone.

    Args:
        name: Of the setting.
        seeds: Integers.
        directory: Where results are cached.
        to_save: Whether they are for the page. Defaults to True.
        oracle: Whether real images that were held out stand in the place of the GAN's samples: advice against those would
            be wrong. Nothing but the report is saved of that. Defaults to False.
        **options: Further arguments of `recommend`.

    Returns a dict for JSON: by seed the advice in words, its fraction and base, and the balanced accuracy on the test images
    of the classifier that follows it, "guard", and of all that it chose from.
    """
    setting = SETTINGS[name]
    data = Data(setting)
    arms = {arm: kga.study.default_arms(flip=setting.flip)[arm] for arm in GUARDED}
    arms = distinct(arms, np.bincount(data.train(seeds[0])[1]))  # nothing is trained twice on the test's side either
    runs = {}
    directory = directory / "oracle" if oracle else directory
    for seed in seeds:
        folds = directory / f"folds_{seed}"
        if not oracle:
            restore(f"{name}_folds_{seed}", folds)
        pool = Pool(*data.held_out(seed), data.num_classes, (0, 255)) if oracle else None
        make_generator = (lambda *_, pool=pool: pool) if oracle else make_gan(setting.gan)
        advice = kga.recommend(
            data.train(seed),
            make_generator,
            arms=arms,
            num_classes=data.num_classes,
            steps=setting.steps,
            batch_size=setting.batch_size,
            seed=seed,
            directory=folds,
            **options,
        )
        if to_save and not oracle:
            save(f"{name}_folds_{seed}", folds)
        base = arms[advice.base]
        synthetic = kga.study.Synthetic(
            advice.fraction, advice.sampling_strategy, advice.synthetic_weight, advice.truncation, band=advice.band
        )
        followed = {"guard": base._replace(synthetic=synthetic)} if advice.fraction else {}
        report = kga.AugmentationStudy(
            data.train,
            data.test,
            make_generator,
            arms={**arms, **followed},
            on_top_of=None,
            steps=setting.steps,
            batch_size=setting.batch_size,
            seeds=[seed],
            directory=directory,
        ).run()
        accuracy = {arm: metrics["balanced_accuracy"][0] for arm, metrics in report.arms.items()}
        accuracy.setdefault("guard", accuracy[advice.base])
        advised = {"advice": str(advice), "fraction": advice.fraction, "base": advice.base}
        runs[seed] = {**advised, "balanced_accuracy": accuracy}
    return {"setting": name, "runs": runs}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=list(SETTINGS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", help="names of arms; all by default")
    parser.add_argument("--guard", action="store_true", help="measure the advice of `recommend` instead of the arms")
    parser.add_argument("--oracle", action="store_true", help="with --guard, real images in the place of samples")
    parser.add_argument("--options", action="store_true", help="the options of synthetic images instead of the arms")
    parser.add_argument("--base", help="with --options, the arm on top of which; the setting's first by default")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--html", help="file for a page with table and plot")
    parser.add_argument("--write", action="store_true", help="write results/utility.md alone")
    options = parser.parse_args()
    if not options.write:
        if options.setting is None:
            parser.error("--setting is needed")
        folder = ROOT / "build" / "utility" / options.setting
        if options.json:
            options.json.parent.mkdir(parents=True, exist_ok=True)
        for_page = bool(options.json) and options.json.resolve().parent == FOLDER
        restore(options.setting, folder)
        if options.guard:
            write_json(options.json, guard(options.setting, options.seeds, folder, for_page, options.oracle))
        else:
            if options.options:
                whole = options_study(options.setting, options.seeds, folder, options.base)
            else:
                whole = study(options.setting, options.seeds, folder, options.arms)
            report = whole.run()
            print(report)
            if options.json:
                report.to_json(options.json, setting=options.setting)
                if options.json.stem == options.setting:
                    file = whole.generator_path(options.seeds[0])
                    picture(options.json.with_suffix(".png"), options.setting, options.seeds[0], file)
            if options.html:
                report.to_html(options.html, title=f"Does the GAN help? {options.setting}")
        if for_page and not options.oracle:
            save(options.setting, folder)
    if options.write or (options.json and options.json.resolve().parent == FOLDER):
        utility_page.write(SETTINGS, FOLDER)
