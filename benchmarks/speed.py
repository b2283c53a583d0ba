"""How fast are the package's train steps and maps, side by side with PyTorch's, a textbook's and Keras's own?

    python benchmarks/speed.py --json results/speed.json
    python benchmarks/speed.py --json FILE --rounds 5 --cases SNGAN map     # those whose names begin so

All that is compared runs in turns in one process, so that a noisy machine disturbs all alike; times are medians of rounds.

- SNGAN, StyleGAN and StarGAN against the same networks in PyTorch (eager; channels last; compiled) and against a textbook
  Keras train step, in float32 and bfloat16, with the share of the matrix product's peak, by PyTorch's count of operations.
- The map `gan_augment` against the plain pipeline and Keras's MixUp, CutMix and RandAugment.
- A ResNet-50 in `AugmentedModel`, and behind the map, against the plain train step.

A matrix product is timed between the rounds. Where its time varies by more than 5%, or other processes take more than 5% of
the processors' time, the page says that the machine was not quiet. Writes a page beside the JSON file.
"""

import argparse
import gc
import json
import os
import platform
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import quiet
import speed_page
import tensorflow as tf
import textbook
from turns import Contender, compare

import keras_ganaug as kga
from keras_ganaug.study.results import as_json

CLASSES = 10
SIZES = {28: ((28, 28, 1), 32, 64), 64: ((64, 64, 3), 16, 32), 128: ((128, 128, 3), 8, 16)}  # image, width, batch
GANS = ("SNGAN", "StyleGAN", "StarGAN")
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
MAPS = {28: (28, 28, 1), 32: (32, 32, 3), 64: (64, 64, 3), 128: (128, 128, 3), 224: (224, 224, 3)}
CLASSIFIERS = {64: 64, 224: 16}  # batch sizes
EVERY = 16  # steps in one round at least: StyleGAN's penalty comes every 16


class Peak:
    """The time of a matrix product in PyTorch, or in TensorFlow where PyTorch is not installed."""

    def __init__(self, precision, size):
        self.size, self.seconds = size, []
        torch = torch_or_none()
        if torch is not None:
            self.a = torch.ones(size, size, dtype=getattr(torch, precision))
            self.product = lambda: torch.mm(self.a, self.a)
        else:
            self.a = tf.ones([size, size], precision)
            self.product = lambda: tf.matmul(self.a, self.a)
        self()

    def __call__(self):
        start = time.perf_counter()
        self.product()
        self.seconds.append(time.perf_counter() - start)
        return self.seconds[-1]

    def flops_per_second(self):
        return 2 * self.size**3 / min(self.seconds[1:] or self.seconds)


def torch_or_none():
    try:
        import torch
    except ImportError:
        return None
    return torch


def batch_of(image_shape, batch):
    """The same random pixels for all."""
    images = np.random.default_rng(0).integers(0, 256, [batch, *image_shape], "uint8")
    return images, np.arange(batch) % CLASSES


# Train steps of GANs.


def keras_step(model, batch, jit_compile, key="d_loss"):
    """A `Contender`'s `run`: one train step, awaited."""
    step = tf.function(model.train_step, jit_compile=jit_compile, autograph=False)
    data = tuple(map(tf.constant, batch))
    return lambda: float(step(data)[key])


def gan_of(name, image_shape, width, precision):
    gan = getattr(kga, name)(image_shape, CLASSES, width=width, seed=1, dtype=PRECISIONS[precision])
    gan.compile(jit_compile=False)
    return gan


def torch_contender(name, image_shape, width, batch, times, **options):
    import torch
    import torch_steps

    step = torch_steps.build(name, image_shape, CLASSES, width, **options)
    images, labels = map(torch.from_numpy, batch)

    return Contender(lambda: float(step(images, labels)[0]), times)


def count_of(name, image_shape, width, batch):
    """Floating-point operations of a step, by PyTorch's count."""
    import torch
    import torch_steps

    step = torch_steps.build(name, image_shape, CLASSES, width)
    return torch_steps.flops(step, *map(torch.from_numpy, batch))


def gan_case(name, size, options, watch):
    """A GAN at a size, in both precisions."""
    image_shape, width, batch_size = SIZES[size] if options.tiny is None else options.tiny
    batch, times = batch_of(image_shape, batch_size), options.steps
    results = {"image_shape": image_shape, "width": width, "batch": batch_size, "precisions": {}}
    with_torch = torch_or_none() is not None
    if with_torch:
        results["flops"] = count_of(name, image_shape, width, batch)
    makers, peaks = {}, {}

    def add(label, make):
        makers[label] = make

    for precision in options.precisions:
        peaks[precision] = Peak(precision, options.product)
        for label, jit in (("graph", False), ("XLA", True)):
            add(
                f"{precision}: keras_ganaug, {label}",
                lambda p=precision, j=jit: Contender(keras_step(gan_of(name, image_shape, width, p), batch, j), times),
            )
            add(
                f"{precision}: textbook Keras, {label}",
                lambda p=precision, j=jit: Contender(
                    keras_step(textbook.Textbook(gan_of(name, image_shape, width, p)), batch, j), times
                ),
            )
        kinds = {"eager": {}, "channels last": {"channels_last": True}}
        kinds["compiled"] = {"channels_last": True, "compiled": True}
        for label, kind in kinds.items() if with_torch else ():
            add(
                f"{precision}: PyTorch, {label}",
                lambda p=precision, k=kind: torch_contender(name, image_shape, width, batch, times, precision=p, **k),
            )

    def look():
        watch.look()
        for peak in peaks.values():
            peak()

    times_of = compare(makers, options.rounds, look)
    for precision in options.precisions:
        own = {each.partition(": ")[2]: result for each, result in times_of.items() if each.startswith(f"{precision}:")}
        results["precisions"][precision] = summary(own, results.get("flops"), peaks[precision].flops_per_second())
    return results


def best(results, start):
    """The fastest of the contenders whose names begin so, in milliseconds. None if there is none."""
    return min((each["ms"] for name, each in results.items() if name.startswith(start) and "ms" in each), default=None)


def summary(results, flops, peak):
    """The contenders of one precision, and how the package compares with the best of each rival."""
    own, rivals = best(results, "keras_ganaug"), {name: best(results, name) for name in ("PyTorch", "textbook Keras")}
    summed = {"contenders": results, "peak_gflops": round(peak / 1e9, 1)}
    if own:
        summed["times_as_fast"] = {name: round(rival / own, 3) for name, rival in rivals.items() if rival}
        if flops:
            summed["share_of_peak"] = round(flops / (1e-3 * own) / peak, 3)
    return summed


# Maps.


def keras_augmentation(name):
    """A map of one of Keras's layers, over batches of (images, one-hot labels)."""
    layer = getattr(keras.layers, name)(**({"value_range": (0, 255)} if name == "RandAugment" else {}))
    if name == "RandAugment":
        return lambda images, labels: (layer(images, training=True), labels)

    def mixed(images, labels):
        both = layer({"images": tf.cast(images, tf.float32), "labels": labels}, training=True)
        return both["images"], both["labels"]

    return mixed


def map_case(size, options, watch):
    """The map against other maps: milliseconds for a batch."""
    image_shape = MAPS[size] if options.tiny is None else options.tiny[0]
    batch = 256 if options.tiny is None else options.tiny[2]
    rows = 4 * batch if size < 128 else 2 * batch
    images, labels = batch_of(image_shape, rows)
    data = tf.data.Dataset.from_tensor_slices((images, np.eye(CLASSES, dtype="float32")[labels]))
    data = data.repeat().batch(batch, drop_remainder=True)
    gan = kga.SNGAN(image_shape, CLASSES, width=4, seed=1)  # how wide it is does not matter to a bank

    def contender(make_map, times):
        iterator = iter(data if make_map is None else data.map(make_map()))
        return Contender(lambda: next(iterator), times)

    def ours():
        return kga.gan_augment(gan, fraction=0.25, bank_size=256 if options.tiny is None else 16, seed=1)

    times = options.batches
    makers = {"plain": lambda: contender(None, times), "gan_augment": lambda: contender(ours, times)}
    for name in ("MixUp", "CutMix", "RandAugment"):
        few = max(1, times // 10) if name == "RandAugment" else times
        makers[name] = lambda n=name, few=few: contender(lambda: keras_augmentation(n), few)
    return {"image_shape": image_shape, "batch": batch, "contenders": compare(makers, options.rounds, watch.look)}


# Classifiers.


def resnet(image_shape, precision):
    """A compiled ResNet-50 for pixels from 0 to 255."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(PRECISIONS[precision])
    try:
        keras.utils.set_random_seed(1)
        network = keras.applications.ResNet50(
            weights=None, input_shape=image_shape, classes=CLASSES, classifier_activation=None
        )
        model = keras.Sequential([keras.Input(image_shape), keras.layers.Rescaling(1 / 255), network])
    finally:
        keras.config.set_dtype_policy(policy)
    return model


def compiled(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def classifier_case(size, options, watch):
    """A ResNet-50: the plain step, the step of `AugmentedModel`, and the plain step on mapped batches."""
    batch_size = CLASSIFIERS[size] if options.tiny is None else options.tiny[2]
    image_shape = (size, size, 3) if options.tiny is None else (32, 32, 3)
    images, labels = batch_of(image_shape, 2 * batch_size)
    gan = kga.SNGAN(image_shape, CLASSES, seed=1, **({} if options.tiny is None else {"width": 4}))
    data = tf.data.Dataset.from_tensor_slices((images, labels)).repeat().batch(batch_size, drop_remainder=True)

    def contender(model, batches):
        step = tf.function(model.train_step, autograph=False)
        iterator = iter(batches.prefetch(2))
        return Contender(lambda: float(step(next(iterator))["loss"]), options.classifier_steps)

    def plain(mapped=False):
        if not mapped:
            return contender(compiled(resnet(image_shape, "float32")), data)
        augment = kga.gan_augment(gan, fraction=0.25, bank_size=16 if options.tiny else 128, seed=1)
        return contender(compiled(resnet(image_shape, "float32")), data.map(augment))

    def augmented():
        augmentation = kga.GANAugmentation(gan, fraction=0.25, seed=1)
        return contender(compiled(kga.AugmentedModel(resnet(image_shape, "float32"), augmentation)), data)

    makers = {"plain step": plain, "AugmentedModel": augmented, "plain step, mapped": lambda: plain(True)}
    return {"image_shape": image_shape, "batch": batch_size, "contenders": compare(makers, options.rounds, watch.look)}


CASES = {f"{name} {size}": (gan_case, name, size) for name in GANS for size in SIZES}
CASES |= {f"map {size}": (map_case, size) for size in MAPS}
CASES |= {f"ResNet-50 {size}": (classifier_case, size) for size in CLASSIFIERS}


def chosen(starts):
    """The names of the cases that begin with one of these."""
    names = [name for name in CASES if any(name.lower().startswith(start.lower()) for start in starts)]
    if not names:
        raise SystemExit(f"`--cases` must begin the name of one of {', '.join(CASES)}. Received: {' '.join(starts)}")
    return names


def machine():
    """What the times were measured on."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
    torch = torch_or_none()
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__, "torch": torch.__version__ if torch else None}
    return {"processor": model, "processors": os.cpu_count(), "system": platform.system(), **versions}


def tiny(text):
    """A side, a width and a batch size as `SIZES` has them."""
    side, width, batch = map(int, text.split(","))
    return (side, side, 3), width, batch


def parsed(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", nargs="+", default=[""], help="how names of cases begin, such as SNGAN or 'map 32'")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--steps", type=int, default=EVERY, help="steps of a GAN in a round")
    parser.add_argument("--batches", type=int, default=50, help="batches of a map in a round")
    parser.add_argument("--classifier-steps", type=int, default=4, help="steps of a classifier in a round")
    parser.add_argument("--product", type=int, default=2048, help="size of the matrices")
    parser.add_argument("--tiny", type=tiny, metavar="SIDE,WIDTH,BATCH", help="for a quick try, whose times mean nothing")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parsed(arguments)
    settings = {
        name: getattr(options, name) for name in ("rounds", "steps", "batches", "classifier_steps", "product", "tiny")
    }
    report = {"machine": machine(), "settings": settings, "cases": {}}
    for name in chosen(options.cases):
        function, *which = CASES[name]
        watch = quiet.Watch(Peak("float32", options.product))
        report["cases"][name] = {**function(*which, options, watch), "machine": watch.report()}
        print(f"{name}: {json.dumps(report['cases'][name])}", flush=True)
        gc.collect()
        keras.backend.clear_session()
        options.json.write_text(as_json(report), encoding="utf-8")  # after each, so that a kill loses one
        options.json.with_suffix(".md").write_text(speed_page.page(report), encoding="utf-8")


if __name__ == "__main__":
    main()
