"""Combinations of class and style that nobody photographed, on scikit-learn's digits. Takes 3 minutes on two CPU cores.

    pip install -e ".[examples]" && python examples/unseen_combinations.py

Digits come in four styles: unchanged, faint, on lines, and bold on grey. Each digit has training images in two styles, and
test images in all four. A classifier that learns the style along with the class fails on many of the other twenty
combinations. The table compares three remedies: mixing Fourier amplitudes, a loss that does not teach the classifier that
unseen combinations are impossible, and a `StarGAN`, which translates images of the batch into other styles. The oracle has
the training images in all four styles. `unseen_combinations.png` shows each translation beside the true image in that style.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from scipy import ndimage

import keras_ganaug as kga
from keras_ganaug.study import Arm, Synthetic

NUM_CLASSES = {"digit": 10, "style": 4}
STYLES = ("plain", "faint", "on lines", "bold")
PAIRS = ((0, 1), (2, 3), (0, 2), (1, 3), (0, 3), (1, 2))  # the two training styles of a digit
GAN_STEPS, STEPS = 600, 300
BY_STYLE = "balanced_softmax_by_style"


def in_style(images, style):
    """Converts digits (n, 8, 8, 1), 0 to 255, to one of the styles."""
    images = images.astype("float64")
    lines = np.where(np.arange(8)[:, None, None] % 2, 130.0, 30.0)
    made = (
        images,
        150 + 0.4 * images,
        np.maximum(lines, images),
        70 + 0.6 * ndimage.grey_dilation(images, (1, 2, 2, 1)),
    )
    return np.clip(made[style], 0, 255).astype("uint8")


def in_all_styles(images, digits):
    """Images in each of the styles, and their labels, (n, 2)."""
    made = [in_style(images, style) for style in range(4)]
    return np.concatenate(made), np.stack([np.tile(digits, 4), np.repeat(range(4), len(digits))], 1)


def styles_of(digits, seed):
    """Draws a style for each training image, from the two training styles of its digit."""
    rng = np.random.default_rng(seed)
    of = {digit: PAIRS[n % len(PAIRS)] for n, digit in enumerate(rng.permutation(10))}
    return np.array([of[digit][rng.integers(2)] for digit in digits])


def training_images(seed, shift=0):
    """Each training image in its style. A `shift` of 1 to 3 gives one of the other styles, which only the oracle has."""
    images, digits = kga.datasets.to_arrays(kga.datasets.load("digits")[0])
    styles = (styles_of(digits, seed) + shift) % 4
    made = np.choose(styles[:, None, None, None], [in_style(images, style) for style in range(4)])
    return made, np.stack([digits, styles], 1)


def oracle(seed):
    return tuple(map(np.concatenate, zip(*(training_images(seed, shift) for shift in (1, 2, 3)))))


def train_gan(images, labels, seed):
    """Trains a translator between the styles. It needs no digit labels and no pairs of images."""
    gan = kga.StarGAN(image_shape=(8, 8, 1), num_classes=4, seed=seed)
    gan.compile()
    gan.fit(images, labels[:, 1], batch_size=64, steps=GAN_STEPS, verbose=0)
    return gan


def arms():
    cheap = kga.study.group_arms(channels=1)
    chosen = {name: cheap[name] for name in ("nothing", "fourier", BY_STYLE)}
    half = Synthetic(0.5)
    chosen["StarGAN"] = Arm(sampling="balanced", synthetic=half)
    chosen[f"StarGAN + {BY_STYLE}"] = cheap[BY_STYLE]._replace(synthetic=half)
    chosen["oracle"] = Arm(sampling="balanced", synthetic=Synthetic(0.5, strategy="keep", source="oracle"))
    return chosen


def picture(gan, images, digits):
    """Test images of five digits, and their translations beside the true images in each style."""
    rows = [np.flatnonzero(digits == digit)[0] for digit in range(0, 10, 2)]
    plain = in_style(images[rows], 0)
    groups = {STYLES[0]: plain[:, None]}
    for style in range(1, 4):
        pair = gan.translate(plain, style, seed=1), in_style(images[rows], style)
        groups[STYLES[style]] = np.stack(pair, 1)
    return kga.plots.image_grid(groups)


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
    picture(gans[args.seeds[0]], *test).save("unseen_combinations.png")
    print(f"\nTranslations: unseen_combinations.png. {(time.time() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
