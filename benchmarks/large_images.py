"""Do all GANs train on larger colour images? And what do samples of 64 x 64 pixels look like after two hours?

    python benchmarks/large_images.py --json results/large_images.json     # a few steps of each GAN, at 64 and 128 pixels
    python benchmarks/large_images.py --grid results/large_images.png --minutes 110   # a training on emoji

The first measures, for each GAN with its default network (narrower with `--width`), how long XLA compiles a training step,
how long a step then takes, and whether losses and samples are finite numbers. It writes a page beside the JSON file. The
second trains by `fit_for` on the images of `emoji.py`, draws real images beside samples, and writes what `fitting.quality`
measures beside the picture.
"""

import argparse
import gc
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import emoji
import keras
import numpy as np
import tensorflow as tf
from common import ROOT

import keras_ganaug as kga
from keras_ganaug.study import tables

MODELS = tuple(kga.models.__all__)
CLASSES, SIDES = 4, (64, 128)
WORK = ROOT / "build" / "large_images"


def images_of(side, number, seed=0):
    """Smooth colour images, uint8, and their labels: cheap to make, and on the scale of real ones."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, [number, 4, 4, 3]).astype("float32")
    images = tf.image.resize(small, [side, side]).numpy().astype("uint8")
    return images, np.arange(number) % CLASSES


def trained(name, side, width, batch_size, steps):
    """What a few steps of a GAN take, as a dict."""
    options = {} if width is None else {"width": width}
    if name == "ProgressiveGAN":
        options |= {"fade_images": batch_size, "stable_images": batch_size}
    gan = getattr(kga, name)((side, side, 3), None if name == "GAN" else CLASSES, seed=1, **options)
    gan.compile(jit_compile=True)
    images, labels = images_of(side, 2 * batch_size * gan.d_steps)
    given = (images,) if name == "GAN" else (images, labels)
    fit = {"batch_size": batch_size, "verbose": 0}
    start = time.perf_counter()
    gan.fit(*given, steps=1, **fit)
    first, start = time.perf_counter() - start, time.perf_counter()
    history = gan.fit(*given, steps=steps, **fit).history
    step = (time.perf_counter() - start) / steps
    if hasattr(gan, "translate"):
        made = gan.translate(images[:4], [0, 1, 2, 3], seed=1)
    else:
        made = gan.generate(4 if name == "GAN" else [0, 1, 2, 3], seed=1)
    finite = bool(np.isfinite(made).all() and all(np.isfinite(values).all() for values in history.values()))
    return {
        "compile_s": round(first - step, 1),
        "step_s": round(step, 3),
        "parameters": sum(network.count_params() for network in gan.networks.values()),
        "finite": finite and made.shape == (4, side, side, 3),
    }


def page(settings, results):
    """The table as a page."""
    head = ["", *(f"{side}×{side}×3: {what}" for side in settings["sides"] for what in ("compiles in", "a step", "finite"))]
    rows = []
    for name in {each.split()[0]: None for each in results}:
        row = [f"`{name}`"]
        for side in settings["sides"]:
            of = results.get(f"{name} {side}")
            row += (
                ["", "", ""]
                if of is None
                else [f"{of['compile_s']} s", f"{of['step_s']} s", "yes" if of["finite"] else "no"]
            )
        rows.append(row)
    width = "the default width" if settings["width"] is None else f"width {settings['width']}"
    return (
        "# Larger images\n\n`python benchmarks/large_images.py --json results/large_images.json`: each GAN with "
        f"{width}, batches of {settings['batch_size']}, {settings['steps']} steps compiled by XLA, on a processor.\n\n"
        + tables.markdown(head, rows)
        + "\n"
    )


def draw(path, minutes, folder):
    """Trains on emoji, and writes real images beside samples."""
    if not folder.exists():
        emoji.write(folder)
    train = kga.datasets.from_directory(folder, 64)
    gan = kga.fit_for(train, minutes, directory=WORK / f"{minutes:g}_minutes")
    real, labels = kga.datasets.to_arrays(train)
    columns, rng = 8, np.random.default_rng(0)
    own = [real[rng.permutation(np.flatnonzero(labels == c))[:columns]] for c in range(CLASSES)]
    made = gan.generate(np.repeat(np.arange(CLASSES), columns), seed=1)
    groups = {"real": np.stack(own), "synthetic": made.reshape(CLASSES, columns, *made.shape[1:])}
    path.write_bytes(kga.plots.image_grid(groups, gan.condition.class_names, zoom=1))
    quality = json.loads((WORK / f"{minutes:g}_minutes" / "quality.json").read_text())
    text = json.dumps({"minutes": minutes, "steps": int(gan.step), "quality": quality}, indent=1)
    path.with_name(f"{path.stem}_grid.json").write_text(text + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--sides", nargs="+", type=int, default=SIDES, help="heights and widths")
    parser.add_argument(
        "--width", type=int, help="channels of the networks at full resolution; the default of each if left out"
    )
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--grid", type=Path, help="the picture to write, instead of the table")
    parser.add_argument("--minutes", type=float, default=110)
    parser.add_argument("--folder", type=Path, default=WORK / "emoji", help="where the emoji are, or are written to")
    options = parser.parse_args()
    if options.grid:
        return draw(options.grid, options.minutes, options.folder)
    settings = {name: getattr(options, name) for name in ("sides", "width", "batch_size", "steps")}
    results = {}
    for name in options.models:
        for side in options.sides:
            results[f"{name} {side}"] = trained(name, side, options.width, options.batch_size, options.steps)
            print(f"{name} {side}:", results[f"{name} {side}"], flush=True)
            keras.backend.clear_session()
            gc.collect()
            if options.json:  # after each, so that a kill loses one
                text = json.dumps({"settings": settings, "results": results}, indent=1)
                options.json.write_text(text + "\n", encoding="utf-8")
                options.json.with_suffix(".md").write_text(page(settings, results), encoding="utf-8")


if __name__ == "__main__":
    main()
