"""The settings of `transfer.py` whose images have a class and a style, and lack most combinations of the two.

- unseen: Fashion-MNIST in the four styles of `styles.py`. Each class is there in two of them, 300 images a cell.
- rare_cells: the same, with 10 images in each of the other cells.
- glyphs: Korean syllables in the four fonts of `glyphs.py`, by the consonant that they begin with.

A classifier learns the class. What decides is its accuracy on the cells that training lacks or hardly has. Arms with a
generator stand on the best arms without one. The oracle has the same images, each in the other styles too.
"""

from collections.abc import Callable
from typing import NamedTuple

import glyphs
import keras
import matplotlib.image
import numpy as np
import styles
from common import faster_compile, precision

import keras_ganaug as kga
from keras_ganaug.generators import Generator
from keras_ganaug.study import Arm, Synthetic
from keras_ganaug.study.report import Report

PAIRS = ((0, 1), (2, 3), (0, 2), (1, 3), (0, 3), (1, 2))
"""Styles that a class is seen in: those of the first class of a random order, of the second, and so on."""
TEST_IMAGES = 2000
BY_STYLE = "balanced_softmax_by_style"
PARTS = ("cheap", "translation", "sum", "product")
"""The studies of a setting: what needs no generator, and one for each kind of it."""


class Cells(NamedTuple):
    """Images by class and style, and what is trained on them."""

    load: Callable
    """Gives the `Source`s of training and of test images."""
    per_cell: int
    """Training images of a cell that is seen."""
    rare: int = 0
    """Those of the others."""
    steps: int = 1000
    batch_size: int = 64
    star_steps: int = 2000
    star_width: int = 24
    gan_steps: int = 2500
    gan_width: int = 16


class Source(NamedTuple):
    """Images that can be had in any style."""

    classes: np.ndarray
    """The class of each, (n,)."""
    draw: Callable
    """Maps rows, (m,), a style for each, and a seed to uint8 images."""


def fashion():
    """Fashion-MNIST: sources of training and of test images."""

    def source(part):
        images, labels = kga.datasets.to_arrays(part)
        return Source(labels, lambda rows, of, seed: styles.in_style(images[rows], of, seed))

    return tuple(map(source, kga.datasets.load("fashion_mnist")))


def fonts():
    """Syllables in fonts: those of training, and others for the test."""
    images, classes, _ = glyphs.load()
    order = np.random.default_rng(0).permutation(len(classes))

    def source(part):
        return Source(classes[part], lambda rows, of, seed: images[of, part[rows]])

    return source(order[TEST_IMAGES:]), source(order[:TEST_IMAGES])


class Data:
    """The images of a setting, seed by seed: which class is seen in which styles changes with it."""

    names = ("class", "style")

    def __init__(self, setting):
        self.setting = setting
        self.train_source, self.test_source = setting.load()
        self.num_classes = dict(zip(self.names, (int(self.train_source.classes.max()) + 1, 4)))

    def seen(self, seed):
        """Which cells training has many images of: bool (classes, styles)."""
        seen = np.zeros(tuple(self.num_classes.values()), bool)
        for n, c in enumerate(np.random.default_rng([seed, 7]).permutation(len(seen))):
            seen[c, list(PAIRS[n % len(PAIRS)])] = True
        return seen

    def _rows(self, seed):
        """Rows of the training images, and the style of each. No row is in two styles."""
        rng, classes, setting = np.random.default_rng([seed, 8]), self.train_source.classes, self.setting
        rows, of = [], []
        for c, seen in enumerate(self.seen(seed)):
            counts = np.where(seen, setting.per_cell, setting.rare)
            rows.append(rng.permutation(np.flatnonzero(classes == c))[: counts.sum()])
            of.append(np.repeat(np.arange(len(seen)), counts))
        return np.concatenate(rows), np.concatenate(of)

    def train(self, seed):
        rows, of = self._rows(seed)
        return self.train_source.draw(rows, of, seed), np.stack([self.train_source.classes[rows], of], 1)

    def held_out(self, seed):
        """The training images in the other three styles: what the oracle has."""
        rows, of = self._rows(seed)
        rows, of = np.tile(rows, 3), np.concatenate([(of + n) % 4 for n in (1, 2, 3)])
        return self.train_source.draw(rows, of, seed + 1000), np.stack([self.train_source.classes[rows], of], 1)

    def test(self, seed):
        """Test images, each in all styles."""
        classes = self.test_source.classes
        rows = np.random.default_rng([seed, 9]).permutation(len(classes))[:TEST_IMAGES]
        rows, of = np.tile(rows, 4), np.repeat(range(4), len(rows))
        return self.test_source.draw(rows, of, seed + 2000), np.stack([classes[rows], of], 1)


class ProductTable(Generator):
    """A GAN whose classes are the cells, each with an embedding of its own, as a generator of class and style."""

    def __init__(self, gan, num_classes):
        self._gan, self.condition = kga.generators.as_generator(gan), kga.conditions.of(num_classes)
        self.image_shape, self.value_range, self.variables = gan.image_shape, gan.value_range, self._gan.variables

    def sample(self, labels, seed, truncation=1.0):
        return self._gan.sample(labels[:, 0] * self.condition.sizes[1] + labels[:, 1], seed, truncation)


def star_gan(setting):
    """The function that trains a translator between the styles."""

    def make(images, labels, seed):
        with precision():
            gan = kga.StarGAN(images.shape[1:], int(labels[:, 1].max()) + 1, width=setting.star_width, seed=seed)

        def adam(rate):
            return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, setting.star_steps), 0.5, 0.99)

        gan.compile(adam(5e-4), adam(1e-3), jit_compile=faster_compile())
        gan.fit(images, labels[:, 1], batch_size=32, epochs=10, steps_per_epoch=setting.star_steps // 10, verbose=0)
        return gan

    make.cache_key = f"StarGAN {setting.star_steps} {setting.star_width}"
    return make


def sn_gan(setting, num_classes, product):
    """The function that trains an SNGAN of class and style, with an embedding for each cell or summed embeddings."""

    def make(images, labels, seed):
        cells = labels[:, 0] * num_classes["style"] + labels[:, 1]
        of, given = (int(np.prod([*num_classes.values()])), cells) if product else (num_classes, labels)
        with precision():
            gan = kga.SNGAN(images.shape[1:], of, latent_dim=64, width=setting.gan_width, seed=seed)

        def adam(rate):
            return keras.optimizers.Adam(keras.optimizers.schedules.PolynomialDecay(rate, setting.gan_steps, 0.0), 0.0, 0.9)

        gan.compile(adam(1.2e-3), adam(6e-4), jit_compile=faster_compile())
        gan.fit(images, given, batch_size=32, epochs=10, steps_per_epoch=setting.gan_steps // 10, verbose=0)
        return ProductTable(gan, num_classes) if product else gan

    make.cache_key = f"SNGAN {'product' if product else 'sum'} {setting.gan_steps} {setting.gan_width}"
    return make


def studies(name, seeds, directory):
    """The studies of a setting, each with a generator of its own, by name; they share data, seeds and classifier."""
    setting = SETTINGS[name]
    data = Data(setting)
    cheap = kga.study.group_arms(channels=1)

    def on_top(arm, fraction, **options):
        return arm._replace(synthetic=Synthetic(fraction, bank_size=16384, **options))

    cheap["the true styles"] = on_top(Arm(sampling="balanced"), 0.5, strategy="keep", source="oracle")
    cheap[f"{BY_STYLE} + rand_augment + fourier"] = cheap[BY_STYLE]._replace(transforms=("rand_augment", "fourier"))
    both = {base: cheap[base] for base in ("fourier", f"{BY_STYLE} + fourier")}
    star = {f"translation + {base}": on_top(arm, 0.5) for base, arm in {**both, BY_STYLE: cheap[BY_STYLE]}.items()}
    strongest = f"{BY_STYLE} + rand_augment + fourier"
    star[f"translation + {strongest}"] = on_top(cheap[strongest], 0.5)
    star["translation"] = on_top(cheap["oversampling"], 0.5)
    star["translation of all + fourier"] = on_top(cheap["fourier"], 1.0)
    star[f"translation of 3/4 + {BY_STYLE} + fourier"] = on_top(both[f"{BY_STYLE} + fourier"], 0.75)

    def of_gan(name):
        return {f"GAN, {name} + {base}": on_top(arm, 0.5) for base, arm in both.items()}

    made = (
        (cheap, None),
        (star, star_gan(setting)),
        (of_gan("summed embeddings"), sn_gan(setting, data.num_classes, product=False)),
        (of_gan("an embedding for each cell"), sn_gan(setting, data.num_classes, product=True)),
    )
    parts = dict(zip(PARTS, made, strict=True))
    options = {"steps": setting.steps, "batch_size": setting.batch_size, "seeds": seeds, "num_classes": data.num_classes}
    return {
        part: kga.AugmentationStudy(
            data.train,
            data.test,
            maker,
            arms=arms,
            on_top_of=None,
            held_out=data.held_out if part == "cheap" else None,
            directory=directory / part,
            **options,
        )
        for part, (arms, maker) in parts.items()
    }


def run(name, seeds, arms, directory):
    """The `Report` of a setting. Where cells are rare, they stand in the place of those unseen."""
    parts, setting = studies(name, seeds, directory), SETTINGS[name]
    there = [arm for study in parts.values() for arm in study.arms]
    unknown = [arm for arm in arms or () if arm not in there]
    if unknown:
        raise SystemExit(f"--arms must be of {there}. Received: {unknown}")
    runs, kinds, data = {}, {}, Data(setting)
    for study in parts.values():
        study.arms = {arm: each for arm, each in study.arms.items() if arm in (arms or there)}
        if not study.arms:
            continue
        results = study.results()
        for arm, each in study.arms.items():
            runs[arm] = [with_rare(results[seed, arm], data.seen(seed)) for seed in seeds]
            kinds[arm] = each.kind
    return Report(runs, seeds, kinds)


def with_rare(metrics, seen):
    """The metrics with the mean accuracies of the cells that are seen often, and of the others."""
    cells = np.array(metrics["cells"], float)
    return {**metrics, "seen_cells": cells[seen.ravel()].mean(), "unseen_cells": cells[~seen.ravel()].mean()}


def picture(path, name, seed, directory, arms=None):
    """Test images in each style, one of each class, and their translations into all styles; nothing without a translator."""
    study = studies(name, [seed], directory)["translation"]
    study.arms = {arm: each for arm, each in study.arms.items() if arm in (arms or study.arms)}
    if study.arms:
        study.results()
    if not study.generator_path(seed).exists():  # no arm has one, or the results came along with the repository
        return
    gan = keras.models.load_model(study.generator_path(seed), compile=False)
    images, labels = study.data.of("test", seed)
    rows = []
    for style in range(4):
        of = np.array([np.flatnonzero((labels == (c, style)).all(1))[0] for c in range(study.num_classes)])
        rows += [images[of], *(gan.translate(images[of], domain, seed=1) for domain in range(4))]
    grid = np.concatenate([np.concatenate([*each[..., 0]], axis=1) for each in rows])
    matplotlib.image.imsave(path, np.kron(grid, np.ones([2, 2])), cmap="gray", vmin=0, vmax=255)


SETTINGS = {
    "unseen": Cells(fashion, per_cell=300),
    "rare_cells": Cells(fashion, per_cell=300, rare=10),
    "glyphs": Cells(fonts, per_cell=150),
}
