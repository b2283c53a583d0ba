"""Does GAN augmentation help a classifier? One setting, all arms, paired seeds.

    python benchmarks/utility.py --setting long_tail --seeds 0 1 2 --json long_tail.json
    python benchmarks/utility.py --setting digits_10 --seeds 0 --arms nothing shift_flip   # some arms

Settings, on the test images of the data set:

- long_tail: Fashion-MNIST, 4000 images of one class down to 40 of the rarest;
- step: five classes of 500, five of 20; few_50, few_10: so many of each class; balanced: all 60,000;
- digits_tail: scikit-learn's digits, five classes of 100, five of 10; digits_10: 10 of each class.

The images, which class is rare, the GAN and the classifier all move with the seed. Development was done on seeds from 100
up, reports are on 0 to 9. What is finished is kept in `build/utility/SETTING` and not done again.
"""

import argparse
import os
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from common import ROOT, precision

import keras_ganaug as kga


class Setting(NamedTuple):
    """A data set cut down, and what is trained on it."""

    dataset: str
    counts: tuple | None
    """Images of each class before the classes are permuted; None for all there are."""
    steps: int
    """Training steps of a classifier."""
    gan_steps: int
    flip: bool = True
    """Whether mirrored images are images of the class."""
    synthetic: kga.study.Synthetic = kga.study.Synthetic()
    on_top_of: tuple = ("balanced_softmax",)


LADDER = (4000, 2000, 1000, 750, 500, 350, 200, 100, 60, 40)
SETTINGS = {
    "long_tail": Setting("fashion_mnist", LADDER, steps=1500, gan_steps=3000),
    "step": Setting("fashion_mnist", (500,) * 5 + (20,) * 5, steps=1000, gan_steps=3000),
    "few_50": Setting("fashion_mnist", (50,) * 10, steps=800, gan_steps=3000),
    "few_10": Setting("fashion_mnist", (10,) * 10, steps=600, gan_steps=2000),
    "balanced": Setting("fashion_mnist", None, steps=2500, gan_steps=6000),
    "digits_tail": Setting("digits", (100,) * 5 + (10,) * 5, steps=600, gan_steps=2000, flip=False),
    "digits_10": Setting("digits", (10,) * 10, steps=600, gan_steps=2000, flip=False),
}


class Data:
    """The images of a setting, seed by seed.

    Args:
        setting: A `Setting`.
    """

    def __init__(self, setting):
        train, test = kga.datasets.load(setting.dataset)
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


def make_gan(setting):
    """The function that trains the GAN of a seed on its training images."""

    def make(images, labels, seed):
        with precision():
            gan = kga.SNGAN(images.shape[1:], int(labels.max()) + 1, latent_dim=64, seed=seed)

        def adam(rate):
            return keras.optimizers.Adam(keras.optimizers.schedules.PolynomialDecay(rate, setting.gan_steps, 0.0), 0.0, 0.9)

        gan.compile(adam(6e-4), adam(1.2e-3), augment=kga.DiffAugment("translation,cutout"))
        gan.fit(
            images,
            labels,
            batch_size=32,
            epochs=10,
            steps_per_epoch=setting.gan_steps // 10,
            class_balanced=True,
            verbose=0,
            callbacks=[kga.callbacks.TimeLeft()],
        )
        return gan

    return make


def study(name, seeds, directory, arms=None, **options):
    """The `AugmentationStudy` of a setting.

    Args:
        name: Of the setting.
        seeds: Integers.
        directory: Where results are kept.
        arms: Names of the arms to run. Defaults to None: all.
        **options: In place of the setting's.
    """
    setting = SETTINGS[name]._replace(**options)
    data = Data(setting)
    result = kga.AugmentationStudy(
        data.train,
        data.test,
        make_gan(setting),
        arms=kga.study.default_arms(flip=setting.flip),
        on_top_of=setting.on_top_of,
        synthetic=setting.synthetic,
        held_out=None if setting.counts is None else data.held_out,
        steps=setting.steps,
        seeds=seeds,
        directory=directory,
    )
    if arms is not None:
        result.arms = {arm: result.arms[arm] for arm in arms}
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=list(SETTINGS), required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", help="names of arms; all by default")
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--html", help="file for a page with table and plot")
    options = parser.parse_args()
    folder = ROOT / "build" / "utility" / options.setting
    report = study(options.setting, options.seeds, folder, options.arms).run()
    print(report)
    if options.json:
        Path(options.json).parent.mkdir(parents=True, exist_ok=True)
        report.to_json(options.json, setting=options.setting)
    if options.html:
        report.to_html(options.html, title=f"Does the GAN help? {options.setting}")
