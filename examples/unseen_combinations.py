"""Combinations of class and style that nobody photographed, on scikit-learn's digits. Minutes on two CPU cores, no download.

    pip install -e ".[examples]" && python examples/unseen_combinations.py

Digits come in four styles: as they are, as negatives, on paper with lines, and bold and grey. Each digit was seen in two
styles, and it is met in all four. A classifier that learns the style along with the class fails on the other twenty
combinations. The table compares what can be done about it: mixing Fourier amplitudes, a loss that does not teach that an
unseen combination is impossible, and a `StarGAN`, which translates images of the batch into other styles. The oracle has the
training images in all four styles. `unseen_combinations.png` shows translations of test images.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib
import numpy as np
from scipy import ndimage

import keras_ganaug as kga
from keras_ganaug.study import Arm, Synthetic

NUM_CLASSES = {"digit": 10, "style": 4}
STYLES = ("plain", "negative", "on lines", "bold")
PAIRS = ((0, 1), (2, 3), (0, 2), (1, 3), (0, 3), (1, 2))  # the styles that a digit is seen in
GAN_STEPS, STEPS = 1500, 600
BY_STYLE = "balanced_softmax_by_style"


def in_style(images, style):
    """Digits (n, 8, 8, 1), 0 to 255, in one of the styles."""
    images = images.astype("float64")
    lines = np.where(np.arange(8)[:, None, None] % 2, 160.0, 60.0)
    made = (
        images,
        255 - images,
        np.maximum(lines - images, 0.0),
        90 + 0.5 * ndimage.grey_dilation(images, (1, 2, 2, 1)),
    )
    return np.clip(made[style], 0, 255).astype("uint8")


def in_all_styles(images, digits):
    """Images in each of the styles, and their labels, (n, 2)."""
    made = [in_style(images, style) for style in range(4)]
    return np.concatenate(made), np.stack([np.tile(digits, 4), np.repeat(range(4), len(digits))], 1)


def styles_of(digits, seed):
    """A style for each training image, one of the two that its digit is seen in."""
    rng = np.random.default_rng(seed)
    of = {digit: PAIRS[n % len(PAIRS)] for n, digit in enumerate(rng.permutation(10))}
    return np.array([of[digit][rng.integers(2)] for digit in digits])


def training_images(seed, shift=0):
    """Each image in one style; with a `shift` of 1 to 3 in one of the others, which only the oracle has."""
    images, digits = kga.datasets.to_arrays(kga.datasets.load("digits")[0])
    styles = (styles_of(digits, seed) + shift) % 4
    made = np.choose(styles[:, None, None, None], [in_style(images, style) for style in range(4)])
    return made, np.stack([digits, styles], 1)


def oracle(seed):
    return tuple(map(np.concatenate, zip(*(training_images(seed, shift) for shift in (1, 2, 3)))))


def train_gan(images, labels, seed):
    """A translator between the styles. It needs no digit, and no pairs of images."""
    gan = kga.StarGAN(image_shape=(8, 8, 1), num_classes=4, width=24, seed=seed)
    gan.compile(keras.optimizers.Adam(5e-4, 0.5, 0.99), keras.optimizers.Adam(1e-3, 0.5, 0.99))
    gan.fit(images, labels[:, 1], batch_size=64, epochs=5, steps_per_epoch=GAN_STEPS // 5, verbose=0)
    return gan


def arms():
    cheap = kga.study.group_arms(channels=1)
    chosen = {name: cheap[name] for name in ("nothing", "fourier", BY_STYLE)}
    half = Synthetic(0.5)
    chosen["StarGAN"] = Arm(sampling="balanced", synthetic=half)
    chosen[f"StarGAN + {BY_STYLE}"] = cheap[BY_STYLE]._replace(synthetic=half)
    chosen["oracle"] = Arm(sampling="balanced", synthetic=Synthetic(0.5, strategy="keep", source="oracle"))
    return chosen


def draw(path, gan, images, digits):
    """One test image of each digit, plain, and its translations."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [np.flatnonzero(digits == digit)[0] for digit in range(10)]
    shown = [in_style(images[rows], 0), *(gan.translate(in_style(images[rows], 0), style, seed=1) for style in range(1, 4))]
    real = [None, *(in_style(images[rows], style) for style in range(1, 4))]
    figure, axes = pyplot.subplots(7, 10, figsize=(6.5, 4.6))
    names = ["image"]
    lines = [shown[0]]
    for style in range(1, 4):
        lines += [shown[style], real[style]]
        names += [f"into {STYLES[style]}", "true"]
    for line, name, row in zip(lines, names, axes):
        for image, axis in zip(line, row):
            axis.imshow(image[..., 0], cmap="gray", vmin=0, vmax=255)
            axis.set_axis_off()
        row[0].text(-0.25, 0.5, name, transform=row[0].transAxes, ha="right", va="center")
    figure.subplots_adjust(left=0.17, right=0.99, top=0.98, bottom=0.02, wspace=0.06, hspace=0.1)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    start = time.time()
    test = kga.datasets.to_arrays(kga.datasets.load("digits")[1])
    gans = {}

    def make_generator(images, labels, seed):
        gans[seed] = train_gan(images, labels, seed)
        return gans[seed]

    study = kga.AugmentationStudy(
        training_images,
        in_all_styles(*test),
        make_generator,
        arms=arms(),
        on_top_of=None,
        held_out=oracle,
        steps=STEPS,
        batch_size=64,
        seeds=args.seeds,
        num_classes=NUM_CLASSES,
    )
    print(study.run())
    draw("unseen_combinations.png", gans[args.seeds[0]], *test)
    print(f"\nTranslations: unseen_combinations.png. {(time.time() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
