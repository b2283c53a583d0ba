"""How many modes of a mixture of Gaussians do GANs find? PacGAN's experiment, its figures beside ours.

    python benchmarks/modes.py --json results/modes.json                              # hours: 400,000 steps for each run
    python benchmarks/modes.py --data ring --methods GAN --seeds 0 --steps 20000

The data are 100,000 points in the plane: eight Gaussians on a ring, or 25 on a grid. A sample is good if it is within three
standard deviations of the nearest mean, and a mode is found if one of 2,500 samples is good and nearest to it. Networks,
optimizers, batches and steps are those of the paper's public code (generator of 4 x 400 units with batch normalisation,
discriminator of 3 x 200 maxout units of 5 pieces, Adam 1e-4 with beta_1 = 0.8, 400 epochs of batches of 100). One thing
differs: the paper updates both networks at once, the package the discriminator first.

Each run is backed up and goes on after a kill; samples of finished ones are kept in `build/modes`. Writes a page and a
picture of the samples beside the JSON file.

Reference: Lin et al. 2018, PacGAN: The power of two samples in generative adversarial networks, table 1.
"""

import argparse
import os
import shutil
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from common import ROOT, faster_compile

import keras_ganaug as kga
from keras_ganaug.study import tables
from keras_ganaug.study.results import as_json

WORK = ROOT / "build" / "modes"
SCALE = 5.0
"""The package's images are in [-1, 1]; networks see the points themselves."""
STEPS, BATCH, POINTS, SAMPLES = 400_000, 100, 100_000, 2_500
ANGLES = np.arange(8) * np.pi / 4
DATA = {
    "ring": (np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1), 0.01),
    "grid": (np.stack(np.meshgrid(range(-4, 5, 2), range(-4, 5, 2)), -1).reshape(-1, 2).astype(float), 0.05),
}
"""Means and standard deviation."""
METHODS = {
    "GAN": "the paper's GAN",
    "WGANGP": "WGAN-GP: penalty of weight 0.1, five steps of the critic, Adam with betas of 0.5 and 0.9",
    "GAN, minibatch deviation": "the GAN, whose discriminator sees the standard deviation of its features over the batch",
}
PUBLISHED = {
    "ring": {"GAN": (6.3, 0.5, 98.2, 0.2), "ALI": (6.6, 0.3, 97.6, 0.4), "PacGAN2": (7.9, 0.1, 95.6, 2.0)},
    "grid": {"GAN": (17.3, 0.8, 94.8, 0.7), "ALI": (24.1, 0.4, 95.7, 0.6), "PacGAN2": (23.8, 0.7, 91.3, 0.8)},
}
"""Modes, good samples in per cent, each with the standard error of ten runs."""


def points(name, number, seed):
    """Points of a mixture, float32 of shape (number, 1, 1, 2)."""
    means, deviation = DATA[name]
    rng = np.random.default_rng(seed)
    drawn = means[rng.integers(len(means), size=number)] + deviation * rng.normal(size=[number, 2])
    return drawn.astype("float32")[:, None, None]


def measure(name, drawn):
    """How many modes samples find, and the share that is good."""
    means, deviation = DATA[name]
    distances = np.linalg.norm(np.reshape(drawn, [-1, 1, 2]) - means, axis=2) / deviation
    good = distances.min(1) < 3
    return {"modes": len(set(distances.argmin(1)[good])), "good": float(good.mean())}


def networks(seed, deviation):
    """The paper's generator and discriminator."""
    seeds = iter(range(1000 * seed, 1000 * seed + 1000))

    def dense(units, **options):
        initial = keras.initializers.RandomNormal(stddev=0.02, seed=next(seeds))
        return keras.layers.Dense(units, kernel_initializer=initial, **options)

    latents = x = keras.Input([2])
    for _ in range(4):
        x = dense(400, use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.95, epsilon=1e-4)(x))
    x = keras.layers.Reshape([1, 1, 2])(keras.layers.Rescaling(1 / SCALE)(dense(2)(x)))
    generator = keras.Model(latents, x)
    images = keras.Input([1, 1, 2])
    x = keras.layers.Flatten()(keras.layers.Rescaling(SCALE)(images))
    for _ in range(3):
        x = keras.layers.Reshape([200, 5])(dense(1000)(x))
        x = keras.layers.GlobalMaxPooling1D(data_format="channels_first")(x)
    if deviation:
        x = kga.layers.MinibatchStdDev(group_size=BATCH)(keras.layers.Reshape([1, 1, 200])(x))
        x = keras.layers.Flatten()(x)
    return {"generator": generator, "discriminator": keras.Model(images, dense(1)(x))}


def gan_of(method, seed):
    """A compiled GAN."""
    cls = kga.WGANGP if method == "WGANGP" else kga.GAN
    own = networks(seed, deviation=method.endswith("deviation"))
    gan = cls([1, 1, 2], latent_dim=2, value_range=(-SCALE, SCALE), seed=seed, **own)
    beta_1, beta_2, options = 0.8, 0.999, {}
    if method == "WGANGP":
        beta_1, beta_2, options = 0.5, 0.9, {"penalties": [kga.penalties.GradientPenalty(0.1)]}
    adams = {f"{player}_optimizer": keras.optimizers.Adam(1e-4, beta_1, beta_2, 1e-8) for player in "dg"}
    gan.compile(**adams, ema_decay=0.0, jit_compile=faster_compile(), steps_per_execution=100, **options)
    return gan


def run(data, method, seed, steps, folder):
    """Trains a GAN, and returns its samples, (2,500, 2), and the seconds of the last start."""
    gan, start = gan_of(method, seed), time.monotonic()
    backup = kga.callbacks.Backup(folder / "backup", every=20_000)
    drawn = points(data, POINTS, seed)
    gan.fit(drawn, batch_size=BATCH, steps=steps, steps_per_epoch=1000, callbacks=[backup], verbose=0)
    seconds = time.monotonic() - start
    return gan.generate(SAMPLES, seed=1).reshape(-1, 2), seconds


def results(names, methods, seeds, steps, work=WORK):
    """All runs, by data and method: lists of results in the order of the seeds. Finished runs are read."""
    wanted = [(data, method, seed) for data in names for method in methods for seed in seeds]
    missing = sum(not (work / place(*each, steps) / "samples.npy").exists() for each in wanted)
    found, done, start = {}, 0, time.monotonic()
    for data, method, seed in wanted:
        folder = work / place(data, method, seed, steps)
        file = folder / "samples.npy"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            drawn, seconds = run(data, method, seed, steps, folder)
            np.save(folder / "unfinished.npy", drawn)
            (folder / "unfinished.npy").replace(file)
            shutil.rmtree(folder / "backup", ignore_errors=True)
            done += 1
            left = kga.callbacks.TimeLeft.format((time.monotonic() - start) / done * (missing - done))
            told = f"{done}/{missing} {data}, {method}, seed {seed}: {measure(data, drawn)}"
            print(f"{told}, {seconds:.0f} s, {left} left", flush=True)
        found.setdefault(data, {}).setdefault(method, []).append(measure(data, np.load(file)))
    return found


def place(data, method, seed, steps):
    return f"{data}_{method.replace(', ', '_').replace(' ', '_')}_{seed}_{steps}"


def spread(values):
    """Mean and standard error; a single value has none."""
    mean = f"{np.mean(values):.1f}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.1f}"


def page(content):
    """The table as a page."""
    rows = []
    for data, methods in content["results"].items():
        most = len(DATA[data][0])
        for method, runs in methods.items():
            modes, good = [each["modes"] for each in runs], [100 * each["good"] for each in runs]
            rows.append([f"{data} of {most}", f"{METHODS[method]}", spread(modes), spread(good), f"{len(runs)} runs"])
        for method, (modes, e_modes, good, e_good) in PUBLISHED[data].items():
            told = f"{modes} ± {e_modes}", f"{good} ± {e_good}"
            rows.append([f"{data} of {most}", f"*published: {method}*", *told, "10 runs, 400,000 steps"])
    head = ["modes", "method", "modes found", "good samples in per cent", "runs"]
    steps = content["settings"]["steps"]
    return "\n\n".join(
        [
            "# Modes of a mixture",
            f"`python benchmarks/modes.py --steps {steps} --seeds {' '.join(map(str, content['settings']['seeds']))} --json "
            "results/modes.json`: networks, optimizers and batches of PacGAN's public code (Lin et al. 2018, table 1), in "
            f"{steps:,} steps; the paper made 400,000. Means ± standard errors, as in the paper. "
            "Of the data themselves, 98.9% are good.",
            tables.markdown(head, rows),
        ]
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--work", type=Path, default=WORK, help="folder of unfinished and finished runs")
    args = parser.parse_args(arguments)
    settings = {"steps": args.steps, "seeds": args.seeds, "batch_size": BATCH, "samples": SAMPLES}
    content = {"settings": settings, "results": results(args.data, args.methods, args.seeds, args.steps, args.work)}
    print(page(content))
    if args.json:
        args.json.write_text(as_json(content), encoding="utf-8")
        args.json.with_suffix(".md").write_text(page(content) + "\n", encoding="utf-8")
        picture(args.json.with_suffix(".png"), args)
    return content


def picture(path, args):
    """The samples of the first seed, good ones in another colour."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shape = len(args.data), len(args.methods)
    figure, axes = plt.subplots(*shape, squeeze=False, figsize=(4 * shape[1], 4 * shape[0]), layout="constrained")
    for row, data in zip(axes, args.data):
        means, _ = DATA[data]
        for axis, method in zip(row, args.methods):
            drawn = np.load(args.work / place(data, method, args.seeds[0], args.steps) / "samples.npy")
            axis.plot(*means.T, "+", color="0.7", markersize=12)
            axis.plot(*drawn.T, ".", markersize=2, color="tab:blue")
            axis.set(title=f"{data}: {method}", aspect="equal")
            axis.set(xlim=(1.3 * means.min(), 1.3 * means.max()), ylim=(1.3 * means.min(), 1.3 * means.max()))
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
