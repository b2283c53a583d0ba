"""Does a training that is killed end with the bits of one that is not? Each model is killed twenty times by SIGKILL.

    python benchmarks/kills.py --json results/kills.json
    python benchmarks/kills.py --models SNGAN --kills 3

Each training is started again and again, as a new process, until it has been killed so often, and then to its end. Half of
the kills come from outside, at a random moment. The others come while a backup is written: before a random operation on a
file, which is cut in half. A random moment hits these too seldom. Each start continues from the backups of those before. If
it ends before its kill, the training begins anew.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

MODELS = ("SNGAN", "BEGAN", "StyleGAN", "ProgressiveGAN", "StarGAN")
OWN = {"ProgressiveGAN": {"fade_images": 64, "stable_images": 64}, "BEGAN": {"patience": 2}}
STEPS, SHAPE = 40, (8, 8, 1)


def train(name, folder, file_operations, result):
    """Trains a model in this process, which kills itself before so many operations on files (0: never).

    Writes a digest of its final state to `result`.
    """
    import numpy as np
    import tensorflow as tf

    import keras_ganaug as kga

    left = file_operations

    def killing(function):
        def call(path, *rest, **options):
            nonlocal left
            left -= 1
            if left == 0:
                if os.path.isfile(path):  # a file that is renamed or removed, as if it were half written or half gone
                    os.truncate(path, os.path.getsize(path) // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            return function(path, *rest, **options)

        return call

    if file_operations:
        tf.io.gfile.rename, os.remove = killing(tf.io.gfile.rename), killing(os.remove)
    gan = getattr(kga, name)(SHAPE, 3, width=4, seed=1, **OWN.get(name, {}))
    parts = {}
    if name == "SNGAN":
        parts["penalties"] = [kga.penalties.LeCam(interval=2)]
        parts["augment"] = kga.AdaptiveAugment("flip,color", kimg=0.1, initial_probability=0.5)
    gan.compile(jit_compile=False, **parts)
    images = np.random.default_rng(0).integers(0, 256, [60, *SHAPE]).astype("uint8")
    backup = [kga.callbacks.Backup(folder, every=3)] if folder else []
    gan.fit(images, np.arange(60) % 3, batch_size=8, steps=STEPS, steps_per_epoch=8, callbacks=backup, verbose=0)
    with tempfile.TemporaryDirectory() as place:
        gan.save_weights(f"{place}/all.weights.h5")  # with optimizers and running values
        digest = digest_of(f"{place}/all.weights.h5")
    Path(result).write_text(digest)


def digest_of(file):
    """A digest of all arrays of an HDF5 file."""
    import h5py
    import numpy as np

    digest = hashlib.sha256()

    def add(name, item):
        if isinstance(item, h5py.Dataset):
            digest.update(name.encode() + np.asarray(item).tobytes())

    with h5py.File(file) as opened:
        opened.visititems(add)
    return digest.hexdigest()


def start(*arguments):
    """Starts `train` in a new process."""
    process = multiprocessing.get_context("spawn").Process(target=train, args=arguments)
    process.start()
    return process


def run(name, kills, rng):
    """Kills a training so often, and returns what it ended with."""
    with tempfile.TemporaryDirectory() as place:
        result, folder = f"{place}/result", f"{place}/backup"
        begun = time.monotonic()
        start(name, None, 0, result).join()
        seconds, expected = time.monotonic() - begun, Path(result).read_text()
        done = {"moment": 0, "file": 0}
        while True:
            Path(result).unlink(missing_ok=True)
            last = sum(done.values()) == kills
            kind = min(done, key=done.get)
            process = start(name, folder, 0 if last or kind == "moment" else rng.randint(1, 12), result)
            if not last and kind == "moment":
                process.join(rng.uniform(0.3, 1.0) * seconds)
                process.kill()
            process.join()
            if last:
                break
            if process.exitcode == -signal.SIGKILL:
                done[kind] += 1
            elif process.exitcode:
                raise SystemExit(f"{name}: a start ended with exit code {process.exitcode}")
            else:  # it ended before its kill
                shutil.rmtree(folder)
        equal = Path(result).read_text() == expected
    print(f"{name}: {done['moment']} kills at random moments, {done['file']} while files changed: {equal=}", flush=True)
    return {"model": name, **done, "equal": equal}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--json", type=Path, help="file to write; models that are in it with as many kills are not done again"
    )
    arguments = parser.parse_args()
    there = json.loads(arguments.json.read_text()) if arguments.json and arguments.json.exists() else []
    results = {each["model"]: each for each in there}
    for name in arguments.models:
        old = results.get(name, {"moment": 0, "file": 0})
        if old["moment"] + old["file"] != arguments.kills:
            results[name] = run(name, arguments.kills, random.Random(f"{arguments.seed} {name}"))
        if arguments.json:
            arguments.json.write_text(json.dumps([*results.values()], indent=1) + "\n")
    raise SystemExit(0 if all(results[name]["equal"] for name in arguments.models) else 1)


if __name__ == "__main__":
    main()
