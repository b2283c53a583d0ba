"""A GAN with two attributes: the digit, and whether it is plain or inverted. Each combination is seen, some in ten images.

    python benchmarks/attributes.py --seeds 0 1 2 --json results/attributes.json

For each combination of digit and style it writes the share of 200 samples in which two classifiers, trained on real images
of both styles, name the digit and the style that were asked for; and the picture `results/attributes.png`: two rows for each
digit, plain and inverted.
"""

import argparse
from pathlib import Path

import common
import keras
import numpy as np

import keras_ganaug as kga

FEW, SAMPLES, RATES = 10, 200, (6e-4, 1.2e-3)
RARE = [(0, 1), (3, 0), (4, 1), (7, 1), (8, 0)]
"""The combinations (digit, style) of which there are ten images; style 1 is inverted."""


def combinations(seed):
    """Training images of digits, half of them inverted, with few of the rare combinations: images and both labels."""
    images, digits = kga.datasets.to_arrays(kga.datasets.load("digits")[0])
    rng = np.random.default_rng(seed)
    styles = rng.permutation(len(digits)) % 2
    images = np.where(styles[:, None, None, None] == 1, 255 - images, images)
    rows = np.ones(len(digits), bool)
    for digit, style in RARE:
        there = np.flatnonzero((digits == digit) & (styles == style))
        rows[rng.permutation(there)[FEW:]] = False
    return images[rows], {"digit": digits[rows], "style": styles[rows]}


def classifiers(seed):
    """Two classifiers trained on all real images in both styles: of the digit, and of the style."""
    images, digits = kga.datasets.to_arrays(kga.datasets.load("digits")[0])
    images, digits = np.concatenate([images, 255 - images]), np.tile(digits, 2)
    styles = np.repeat([0, 1], len(digits) // 2)
    return [common.train_on_arrays(images, labels, 800, seed=seed) for labels in (digits, styles)]


def run(seed, steps):
    images, labels = combinations(seed)
    gan = kga.SNGAN((8, 8, 1), num_classes={"digit": 10, "style": 2}, latent_dim=32, seed=seed, width=32)
    rates = [keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.9) for rate in RATES]
    penalty = kga.penalties.MismatchedLabels(gan.num_classes, weight=0.5)
    gan.compile(*rates, penalties=[penalty], augment=kga.DiffAugment("translation"), jit_compile=False)
    gan.fit(images, labels, batch_size=64, class_balanced=True, steps_per_epoch=steps // 10, epochs=10, verbose=2)
    asked = {name: part.ravel() for name, part in zip(gan.num_classes, np.indices((10, 2)))}
    asked = {name: np.repeat(part, SAMPLES) for name, part in asked.items()}
    samples = gan.generate(asked, seed=seed)
    named = [model.predict(samples, batch_size=512, verbose=0).argmax(1) for model in classifiers(seed)]
    right = (named[0] == asked["digit"]) & (named[1] == asked["style"])
    return right.reshape(10, 2, SAMPLES).mean(-1), samples.reshape(20, SAMPLES, 8, 8, 1)[:, :20]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--json")
    args = parser.parse_args()
    shares, pictures = zip(*(run(seed, args.steps) for seed in args.seeds))
    if args.json:
        import matplotlib.image

        grid = pictures[0][..., 0].transpose(0, 2, 1, 3).reshape(20 * 8, 20 * 8)
        matplotlib.image.imsave(Path(args.json).with_suffix(".png"), np.kron(grid, np.ones((4, 4))), cmap="gray")
    content = {
        "seeds": args.seeds,
        "steps": args.steps,
        "images of a rare combination": FEW,
        "rare": RARE,
        "both right": {str(seed): share.tolist() for seed, share in zip(args.seeds, shares)},
        "lowest": float(np.min(shares)),
        "lowest of the rare": float(min(share[digit, style] for share in shares for digit, style in RARE)),
    }
    common.write_json(args.json, content)


if __name__ == "__main__":
    main()
