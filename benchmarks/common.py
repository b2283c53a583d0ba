"""What the benchmarks share; the classifier and the picture are those of the examples."""

import contextlib
import importlib.util
import json
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _files
from keras_ganaug.metrics.classifier import endless_batches
from keras_ganaug.study.results import Results, as_json, key

ROOT = Path(__file__).resolve().parents[1]


def _examples():
    spec = importlib.util.spec_from_file_location("examples_common", ROOT / "examples" / "common.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


examples = _examples()
draw_rows = examples.draw_rows


def as_pixels(images):
    return np.clip(np.round(images), 0, 255).astype(np.uint8)


def train_on_arrays(x, y, steps, batch_size=128, seed=0):
    """A classifier trained on arrays."""
    data = endless_batches(tf.data.Dataset.from_tensor_slices((x, y)), seed, batch_size)
    return examples.train_classifier(data, steps, int(y.max()) + 1, seed)


def by_seed(store, data, name, settings):
    """The results of a store that were made with these settings, by seed."""
    entries = store.read()
    seeds = sorted({int(each.split("/")[1]) for each in entries})
    keys = {seed: key(seed, data, name, settings) for seed in seeds}
    return {seed: entries[each]["results"] for seed, each in keys.items() if each in entries}


def restore_results(file, directory):
    """Puts the results of a file into the store of a directory, where they are not there."""
    store = Results(directory / "results.json")
    there = store.read()
    new = {each: entry for each, entry in Results(file).read().items() if each not in there}
    if new:
        store.add(new)


def save_results(file, directory, keys=None):
    """Writes the results of a directory's store, or those of some keys, to a file, which outlasts the build folder."""
    entries = Results(directory / "results.json").read()
    _files.write(file, as_json({each: entry for each, entry in entries.items() if keys is None or each in keys}))


def accuracy(model, x, y):
    return float((model.predict(x, batch_size=512, verbose=0).argmax(1) == y).mean())


def fast_precision():
    """The dtype policy that this machine trains in faster: bfloat16 where the processor computes it, which Linux tells."""
    flags = Path("/proc/cpuinfo")
    native = {"avx512_bf16", "amx_bf16", "bf16"} & set(flags.read_text().split() if flags.exists() else ())
    return "mixed_bfloat16" if native or tf.config.list_physical_devices("GPU") else "float32"


def faster_compile():
    """What `jit_compile` is here: XLA's float32 convolutions are slower on a processor than TensorFlow's own."""
    return "auto" if fast_precision() == "mixed_bfloat16" else False


@contextlib.contextmanager
def precision(policy=None):
    """Networks that are built within compute by this dtype policy; None is the one that is fast here."""
    policy = policy or fast_precision()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


class Clock(keras.callbacks.Callback):
    """Seconds of training, without what callbacks take, over all the runs that a training was resumed in."""

    def __init__(self, path):
        super().__init__()
        self.path, self.seconds = Path(path), 0.0

    def on_train_begin(self, logs=None):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            self.seconds = json.loads(self.path.read_text())

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 0:  # one that begins anew
            self.seconds = 0.0
        self._start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds += time.monotonic() - self._start
        self.path.write_text(json.dumps(self.seconds))


def write_json(path, content):
    """Prints a value as JSON, and writes it to a file if there is one."""
    text = as_json(content)
    if path:
        Path(path).write_text(text, encoding="utf-8")
    print(text, flush=True)
