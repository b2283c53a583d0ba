"""How much memory do large data sets take? A folder of many small images, and every function that reads such data.

    python benchmarks/large_data.py --files 100000 --json results/large_data.json

Each line is a function, its time, and its peak of memory above the start (without the pages of files, which the system takes
back when it needs them). The images are hard links to a few files. Needs Linux, which tells the memory of a process.
"""

import argparse
import contextlib
import json
import os
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from process_memory import MIB, memory

CLASSES, DIFFERENT, SIZE, BATCH = 10, 100, 32, 64


@contextlib.contextmanager
def measured(name, results):
    """Measures the time of the context, and the peak of memory above its start."""
    start, peak, ended = memory(), 0, threading.Event()

    def watch():
        nonlocal peak
        while not ended.wait(0.02):
            peak = max(peak, memory())

    thread, begun = threading.Thread(target=watch), time.perf_counter()
    thread.start()
    try:
        yield
    finally:
        seconds = time.perf_counter() - begun
        peak = max(peak, memory())
        ended.set()
        thread.join()
    results[name] = {"seconds": round(seconds, 2), "mib": round(max(peak - start, 0) / MIB, 1)}
    print(f"{name:44} {seconds:8.1f} s {results[name]['mib']:8.1f} MiB", flush=True)


def make(folder, files, size):
    """Makes classes of very different sizes, the largest half of the images."""
    import numpy as np
    import tensorflow as tf

    shares = 0.5 ** np.arange(1, CLASSES + 1)
    counts = np.maximum(shares / shares.sum() * files, 1).astype(int)
    counts[0] += files - counts.sum()
    rng = np.random.default_rng(0)
    for label, count in enumerate(counts):
        path = folder / f"class_{label}"
        path.mkdir()
        for number in range(count):
            name = path / f"{number:06}.png"
            if number < DIFFERENT:
                tf.io.write_file(str(name), tf.io.encode_png(rng.integers(0, 256, [size, size, 3], "uint8")))
            else:
                os.link(path / f"{number % DIFFERENT:06}.png", name)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=SIZE, help="height and width of the images")
    parser.add_argument("--steps", type=int, default=50, help="training steps of each fit")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    import numpy as np
    import tensorflow as tf

    import keras_ganaug as kga

    results, datasets = {}, kga.datasets
    gan = kga.SNGAN((options.size, options.size, 3), CLASSES, width=4, seed=1)
    gan.compile()

    def fit(data, **arguments):
        gan.fit(data, steps=options.steps, verbose=0, **arguments)

    def read(data):
        for _ in data.take(options.steps):
            pass

    with tempfile.TemporaryDirectory() as name:
        counts = make(Path(name), options.files, options.size)
        warm = (
            tf.random.stateless_uniform([BATCH, options.size, options.size, 3], [1, 2], 0, 255),
            np.arange(BATCH) % CLASSES,
        )
        fit(tf.data.Dataset.from_tensors(warm))  # compiles
        arguments = {"image_size": options.size, "verbose": False}
        with measured("from_directory, which decodes each file", results):
            train = datasets.from_directory(name, **arguments)
        with measured("from_directory(check_images=False)", results):
            train = datasets.from_directory(name, **arguments, check_images=False)
        with measured("class_histogram", results):
            np.testing.assert_array_equal(datasets.class_histogram(train), counts)
        with measured("take_per_class, and reading it", results):
            few = datasets.take_per_class(train, counts.clip(max=100))
            read(few.batch(BATCH))
        with measured(f"oversample, and reading {options.steps} batches", results):
            read(datasets.oversample(train).batch(BATCH))
        with measured(f"fit, {options.steps} steps", results):
            fit(train.batch(BATCH))
        with measured(f"fit(class_balanced=True), {options.steps} steps", results):
            fit(train.batch(BATCH), class_balanced=True)
        mapped = train.map(lambda image, label: (255.0 - image, label), num_parallel_calls=tf.data.AUTOTUNE)
        with measured("class_histogram of a map of it", results):
            np.testing.assert_array_equal(datasets.class_histogram(mapped), counts)
        with measured("fit(class_balanced=True) of a map of it", results):
            fit(mapped.batch(BATCH), class_balanced=True)
        images = options.files * options.size**2 * 3 * 4 / MIB
        with measured(f"to_arrays, whose result has {images:.0f} MiB", results):
            datasets.to_arrays(train)
    if options.json:
        settings = {"files": options.files, "size": options.size, "batch_size": BATCH, "steps": options.steps}
        text = json.dumps({"settings": settings, "all_images_mib": round(images, 1), "measured": results}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
