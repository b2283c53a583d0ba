"""What the benchmarks share; the classifier and the picture are those of the examples."""

import importlib.util
import json
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

ROOT = Path(__file__).resolve().parents[1]


def _examples():
    spec = importlib.util.spec_from_file_location("examples_common", ROOT / "examples" / "common.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


examples = _examples()
as_pixels, draw_rows = examples.as_pixels, examples.draw_rows
endless_batches, train_classifier = examples.endless_batches, examples.train_classifier


def train_on_arrays(x, y, steps, batch_size=128, seed=0):
    """A classifier trained on arrays."""
    data = endless_batches(tf.data.Dataset.from_tensor_slices((x, y)), seed, batch_size)
    return train_classifier(data, steps, int(y.max()) + 1, seed)


def accuracy(model, x, y):
    return float((model.predict(x, batch_size=512, verbose=0).argmax(1) == y).mean())


def within_class_diversity(x, y, num_classes, pairs=2000, seed=0):
    """Mean Euclidean distance between two images of a class, for each class, in pixels."""
    rng = np.random.default_rng(seed)
    result = []
    for c in range(num_classes):
        images = x[y == c].reshape((y == c).sum(), -1).astype(np.float32)
        first, second = rng.integers(len(images), size=pairs), rng.integers(len(images) - 1, size=pairs)
        second += second >= first  # another image
        result.append(float(np.linalg.norm(images[first] - images[second], axis=1).mean()))
    return np.array(result)


class Progress(keras.callbacks.Callback):
    """One line per epoch with the time left, for logs."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_train_begin(self, logs=None):
        self.start = time.time()

    def on_epoch_end(self, epoch, logs=None):
        spent = time.time() - self.start
        left = spent / (epoch + 1) * (self.epochs - epoch - 1)
        values = " ".join(f"{name} {value:.3f}" for name, value in logs.items())
        print(
            f"epoch {epoch + 1}/{self.epochs}  {values}  {spent / 60:.1f} min, {left / 60:.1f} min left",
            flush=True,
        )


def write_json(path, content):
    text = json.dumps(content, indent=1)
    if path:
        Path(path).write_text(text + "\n", encoding="utf-8")
    print(text)
    sys.stdout.flush()
