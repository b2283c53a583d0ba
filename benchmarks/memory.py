"""Does the memory of a long training stay flat? Trainings, samples, new banks and studies, again and again in one process.

    python benchmarks/memory.py --minutes 30 --json results/memory.json

Each round trains an SNGAN further (with adaptive augmentation, LeCam, a grid of samples, the best generator and a backup),
generates images, renews the bank of a map and reads its batches, and runs a study of two arms, whose GAN and classifiers are
new. Fails if the memory after a round is ever more than 5% above the highest of the first five minutes. Draws the curve
beside the JSON file. Needs Linux, which tells the memory of a process.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from process_memory import MIB, memory

FIRST, MOST = 5 / 30, 0.05  # share of the time that memory may grow in, and by how much it may rise after that


def rise(curve, minutes):
    """How much the memory rises after its start: a share, below 0 if it falls.

    Args:
        curve: Pairs (seconds, MiB), in the order of time.
        minutes: The time of the whole run.
    """
    first = [each for seconds, each in curve if seconds <= FIRST * 60 * minutes] or [curve[0][1]]
    later = [each for seconds, each in curve if seconds > FIRST * 60 * minutes] or [curve[-1][1]]
    return max(later) / max(first) - 1


def rounds(folder, steps):
    """Trains, generates and studies for ever; yields after each round."""
    import numpy as np
    import tensorflow as tf

    import keras_ganaug as kga

    train, test = (kga.datasets.to_arrays(part) for part in kga.datasets.load("digits"))
    gan = kga.SNGAN((8, 8, 1), 10, width=8, seed=1)
    gan.compile(augment=kga.AdaptiveAugment("flip,translation"), penalties=[kga.penalties.LeCam()])
    augment = kga.gan_augment(gan, 0.25, bank_size=1024)
    data = tf.data.Dataset.from_tensor_slices(train).batch(64).map(augment)

    def darkness(gan):
        return gan.generate(np.arange(10), seed=1).mean()

    def make(images, labels, seed):
        made = kga.CGAN((8, 8, 1), 10, width=8, seed=seed)
        made.compile()
        made.fit(images, labels, steps=steps, verbose=0)
        return made

    arms = {"nothing": kga.study.Arm(), "gan": kga.study.Arm(synthetic=kga.study.Synthetic(0.25, bank_size=512))}
    number = 0
    while True:
        number += 1
        callbacks = [
            kga.callbacks.SampleGrid(folder / "samples.png"),
            kga.callbacks.KeepBest(darkness, path=folder / "best"),
            kga.callbacks.Backup(folder / f"backup_{number % 2}_{number}"),
        ]
        gan.fit(*train, steps=steps, verbose=0, callbacks=callbacks)
        gan.generate(np.arange(500) % 10)
        augment.refresh()
        for _ in data:
            pass
        options = {"arms": arms, "on_top_of": None, "steps": steps, "seeds": [number], "verbose": False}
        kga.AugmentationStudy(train, test, make, **options).run()
        yield number


def draw(path, curve):
    """Writes the curve as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    seconds, mib = zip(*curve, strict=True)
    figure, axes = pyplot.subplots(figsize=(6, 3), layout="constrained")
    axes.plot([each / 60 for each in seconds], mib, color="tab:blue")
    axes.set(xlabel="minutes", ylabel="MiB", ylim=(0, 1.15 * max(mib)))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--steps", type=int, default=100, help="training steps of each GAN and classifier of a round")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    start, curve = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        for number in rounds(Path(folder), options.steps):
            gc.collect()
            curve.append([round(time.monotonic() - start, 1), round(memory() / MIB, 1)])
            print(f"round {number:4} {curve[-1][0]:7.1f} s {curve[-1][1]:8.1f} MiB", flush=True)
            if number > 1 and curve[-1][0] > 60 * options.minutes:  # one round has nothing to be compared with
                break
    risen = rise(curve, options.minutes)
    print(f"After {FIRST * options.minutes:.3g} minutes: {risen:+.1%}, at most {MOST:+.0%}")
    if options.json:
        settings = {"minutes": options.minutes, "steps": options.steps}
        text = json.dumps({"settings": settings, "rise": round(risen, 4), "curve": curve}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
        draw(options.json.with_suffix(".png"), curve)
    return int(risen > MOST)


if __name__ == "__main__":
    sys.exit(main())
