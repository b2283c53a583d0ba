"""Chooses settings that fit the images and the time."""

from __future__ import annotations

import math
import time
import warnings
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _progress, _replicas, models, penalties
from keras_ganaug.discriminator_augment import AdaptiveAugment, DiffAugment
from keras_ganaug.fitting import images as fitting_images
from keras_ganaug.models.schedule import steps_to_try

MODELS = tuple("ACGAN CGAN GAN LSGAN R3GAN ReACGAN SAGAN SNGAN StyleGAN TACGAN WGAN WGANGP".split())
# Factors for the papers' learning rates of generator and discriminator, for trainings of minutes: results/gallery.md.
_RATES = {
    "CGAN": (3, 3),
    "GAN": (3, 3),
    "LSGAN": (3, 2),
    "R3GAN": (5, 5),  # on 8×8 digits, as that of ReACGAN
    "ReACGAN": (5, 5),
    "SAGAN": (9, 2.25),
    "SNGAN": (3, 3),
    "StyleGAN": (10, 20),
}
_MISMATCH = {"SAGAN": 0.05, "SNGAN": 0.1}  # weight of `MismatchedLabels`
_CRITICS = ("R3GAN", "WGAN", "WGANGP")  # their logits have no boundary between real and fake, which AdaptiveAugment needs
_POLICY = "flip,translation,geometric,color"  # target and kimg of AdaptiveAugment: results/ablations.md
_SMALL = 16  # image side in pixels; in smaller images, augmentation moves strokes out of the image
_FEW, _NOT_MANY, _FEW_OF_A_CLASS = 2000, 10_000, 100
_COPIED = 5  # images of a class; a GAN on fewer has nothing to vary
_WIDTHS = (32, 16, 8)
_MOST = 8  # factor on the usual steps; more hardly help
_RESERVE = 0.1  # share of the time for compiling, pictures and measuring the quality
_LEAST = 0.5  # share of the time for training alone; if compiling takes longer, the total time is exceeded
_BUSY = 1.5  # a median step that takes so many times the fastest is worth a line
_START = 0.6  # time of a step of `AutoencoderStart`, relative to one of training


class Plan(NamedTuple):
    """What `fit_for` does. `print` shows sentences; `_asdict()` returns plain values for JSON, which `Plan(**values)` reads.

    `build()` returns the compiled, untrained GAN.
    """

    model: str
    image_shape: tuple[int, ...]
    num_classes: Any
    class_names: Any
    value_range: tuple[float, float]
    options: dict[str, Any]
    """Further arguments of the model's constructor, such as `width`."""
    images: int
    """Number of training images."""
    held_out: int
    """Number of images held out to detect copies."""
    counts: tuple[int, int]
    """Number of images in the smallest and in the largest class."""
    batch_size: int
    augment: str | None
    """Augmentation of the discriminator's input: a policy of `DiffAugment`, "adaptive" for `AdaptiveAugment`, or None."""
    start_steps: int
    """Steps of `AutoencoderStart`; 0 to skip it."""
    class_balanced: bool
    steps: int
    seconds_per_step: float
    """The median of several steps, for the number of steps."""
    minutes: float
    seed: int
    fastest_step: float | None = None
    """The seconds of the fastest of these steps, for the width: other programs slow down a step, but not all alike."""

    @property
    def expected_minutes(self) -> float:
        """Minutes of training alone, without measuring the quality."""
        return (self.steps + _START * self.start_steps) * self.seconds_per_step / 60

    def build(self) -> models.GAN:
        """Builds and compiles the GAN. Its learning rates decay to 0 over exactly `steps`."""
        kind = getattr(models, self.model)
        gan = kind(
            tuple(self.image_shape),
            self.num_classes,
            value_range=self.value_range,
            class_names=self.class_names,
            seed=self.seed,
            **self.options,
        )
        settings = gan.paper_settings()
        optimizers = {}
        for player in gan.player_networks:
            optimizer = settings[f"{player}_optimizer"]
            factor = _RATES.get(self.model, (1, 1))[player == "d"]
            updates = self.steps * (settings["d_steps"] if player == "d" else 1)
            config = optimizer.get_config()
            rate = keras.optimizers.schedules.PolynomialDecay(factor * float(config["learning_rate"]), updates, 0.0)
            optimizers[f"{player}_optimizer"] = type(optimizer).from_config({**config, "learning_rate": rate})
        several = self.num_classes is not None and max(gan.condition.sizes) > 1 and min(self.image_shape[:2]) > _SMALL
        penalty = penalties.MismatchedLabels(self.num_classes, _MISMATCH[self.model]) if self._mismatch and several else None
        augment = None
        if self.augment is not None:
            augment = (
                AdaptiveAugment(_POLICY, target=0.3, kimg=20) if self.augment == "adaptive" else DiffAugment(self.augment)
            )
        gan.compile(**optimizers, penalties=None if penalty is None else [penalty], augment=augment)
        return gan

    @property
    def _mismatch(self):
        return self.model in _MISMATCH

    def __str__(self) -> str:
        height, width, channels = self.image_shape
        classes = "no classes" if self.num_classes is None else _classes(self.num_classes)
        held = f", and {self.held_out:,} held out to look for copies" if self.held_out else ""
        usual, minutes = steps_to_try(self.image_shape), self.expected_minutes
        lines = [
            f"{self.model} of width {self.options['width']} on {self.images:,} images of {height}×{width}×{channels} with "
            f"{classes}{held}.",
            f"{self.steps:,} training steps of {self.batch_size} images, about {_words(minutes)}: "
            f"a step takes {self.seconds_per_step:.3g} s on this machine. Learning rates fall to 0 over these steps.",
        ]
        if self.fastest_step is not None and self.seconds_per_step > _BUSY * self.fastest_step:
            lines.append(
                f"That is the median. The fastest step took {self.fastest_step:.3g} s, so the machine seems busy. The "
                "fastest step decides the width, and the median the number of steps."
            )
        if self.steps < usual / 2:
            needed = _words(minutes * usual / self.steps)
            lines.append(
                f"That is short: images of this size usually need {usual:,} steps, about {needed} here. Smaller images "
                "need fewer, and a GPU is faster."
            )
        if self.counts[0] < _COPIED:
            few = "one image" if self.counts[0] == 1 else f"{self.counts[0]} images"
            whose = "This is only" if self.num_classes is None else "The smallest class has only"
            lines.append(f"{whose} {few}. A GAN can hardly do more than copy so few.")
        if self.augment is not None:
            what = "ADA, as far as it overfits" if self.augment == "adaptive" else f"DiffAugment: {self.augment}"
            lines.append(f"There are few images, so the discriminator's input is augmented ({what}).")
        if self.start_steps:
            lines.append(
                "Classes are small, so the generator starts as the decoder of an autoencoder, trained for "
                f"{self.start_steps:,} steps."
            )
        if self.class_balanced:
            smallest, largest = self.counts
            lines.append(f"Classes have {smallest:,} to {largest:,} images: training shows all of them equally often.")
        return "\n".join(lines)


def _words(minutes):
    return _progress.words(60 * minutes)


def _classes(num_classes):
    if isinstance(num_classes, dict):
        return " and ".join(f"{size} of {name!r}" for name, size in num_classes.items())
    return f"{num_classes} classes" if num_classes > 1 else "one class"


def plan(
    train: Any,
    minutes: float = 30,
    model: str = "SNGAN",
    test: Any = None,
    value_range: tuple[float, float] = (0, 255),
    seed: int = 0,
    **options: Any,
) -> Plan:
    """Chooses settings for given images and a given time. Trains a few steps to measure their speed on this machine.

    `fit_for` starts with this plan. On its own, it tells what `fit_for` would do and how long it would take. The arguments
    are those of `fit_for`.

    Returns a `Plan`; `print` it to see sentences.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> images = np.random.default_rng(0).integers(0, 256, [200, 4, 4, 1], "uint8")
    >>> plan = kga.fitting.plan(images, minutes=0.1, model="GAN")  # from_directory(...) instead of images
    >>> plan.images, plan.held_out, 1 <= plan.steps <= 8000
    (180, 20, True)
    """
    begun = time.monotonic()
    check(minutes, model, value_range, seed, options)
    data, held = parts_of(train, test, seed)
    return planned(data, held, minutes, model, value_range, seed, options, begun)


def check(minutes, model, value_range, seed, options):
    """Checks the arguments of `plan` and `fit_for` other than the images, and where they are called."""
    if _replicas.multi_worker(tf.distribute.get_strategy()):
        raise ValueError(
            "`fit_for` plans by the speed of one machine, so it cannot be called in the scope of a strategy over several. "
            "Make a GAN there, and call its `fit` with `steps`. "
            f"Received: the scope of a {type(tf.distribute.get_strategy()).__name__}"
        )
    _checks.positive(minutes, "minutes")
    _checks.one_of(model, MODELS, "model")
    _checks.value_range(value_range)
    _checks.non_negative_int(seed, "seed")
    given = {"image_shape", "num_classes", "class_names"} & options.keys()
    if given:
        raise TypeError(f"`{min(given)}` follows from the images. Received: {min(given)}={options[min(given)]!r}")


def parts_of(train, test, seed):
    """The training images and the held-out images, which may be given as `test`."""
    data = fitting_images.read(train, "train")
    return fitting_images.held_out(data, seed) if test is None else (data, fitting_images.read(test, "test", data.condition))


def planned(data, held, minutes, model, value_range, seed, options, begun):
    """Makes the plan for images in memory. The time since `begun` is part of the budget."""
    shape, number, counts = data.images.shape[1:], len(data.images), data.counts()
    small, few = min(shape[:2]) < _SMALL, number < _FEW
    augment = None
    if not small and (few or number < _NOT_MANY):
        policy = "translation,cutout" if shape[2] == 1 else "color,translation,cutout"
        augment = policy if few or model in _CRITICS else "adaptive"
    base = Plan(
        model=model,
        image_shape=tuple(shape),
        num_classes=data.condition.num_classes,
        class_names=data.condition.class_names,
        value_range=_checks.value_range(value_range),
        options={"width": _WIDTHS[0], **options},
        images=number,
        held_out=len(held.images),
        counts=(int(counts.min()), int(counts.max())),
        batch_size=min(number, 64 if max(shape[:2]) <= _SMALL else 32),
        augment=augment,
        start_steps=0,
        class_balanced=bool(data.labels is not None and counts.max() >= 2 * counts.min()),
        steps=steps_to_try(shape),
        seconds_per_step=math.inf,
        minutes=float(minutes),
        seed=int(seed),
        fastest_step=math.inf,
    )
    best, steps = base, 0
    for width in (options["width"],) if "width" in options else _WIDTHS:
        tried = base._replace(options={**base.options, "width": width})
        _progress.tell(f"measuring the time of a training step of width {width}", stays=False)
        measured = _step_time(tried, data)
        if measured.fastest > best.fastest_step / 1.5:
            break  # a narrower network is not faster here
        best = tried._replace(seconds_per_step=measured.median, fastest_step=measured.fastest)
        left = (1 - _RESERVE) * 60 * minutes - (time.monotonic() - begun) - measured.first
        left = max(left, _LEAST * 60 * minutes)
        steps = max(int(left / measured.median), 1)
        if left / measured.fastest >= steps_to_try(shape) / 2 or time.monotonic() - begun > (1 - _LEAST) * 60 * minutes:
            break  # there are enough steps, or there is no time to try another width
    start = 0
    if np.median(counts) < _FEW_OF_A_CLASS:
        start = min(1000, steps // 4)
        steps = max(int(steps - _START * start), 1)
    return best._replace(steps=min(steps, _MOST * steps_to_try(shape)), start_steps=start)


class _Clock(keras.callbacks.Callback):
    """Stops a training once the time per step is known."""

    least, seconds = 5, 2.0

    def on_train_begin(self, logs=None):
        self.times = [time.monotonic()]

    def on_train_batch_end(self, batch, logs=None):
        self.model.step.numpy()  # waits for the accelerator
        self.times.append(time.monotonic())
        if len(self.times) > self.least and self.times[-1] - self.times[2] > self.seconds:
            self.model.stop_training = True


class StepTime(NamedTuple):
    """Seconds of a training step."""

    fastest: float
    median: float
    first: float
    """It includes tracing and compiling. The others do not."""


def _step_time(plan, data):
    """Measures a few training steps."""
    clock = _Clock()
    with warnings.catch_warnings(), _progress.phase(None):
        warnings.simplefilter("ignore")  # the training itself warns
        gan = plan.build()
        gan.fit(data.images, data.labels, plan.batch_size, steps=1000, steps_per_epoch=1000, verbose=0, callbacks=[clock])
    durations = np.diff(clock.times)
    return StepTime(float(durations[1:].min()), float(np.median(durations[1:])), float(durations[0]))
