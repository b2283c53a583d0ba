"""Trains a GAN on given images in a given time."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import keras

from keras_ganaug import _checks, _docs, _files, _progress, callbacks, models
from keras_ganaug.fitting import assessment, planning
from keras_ganaug.generators.files import GAN_FILE
from keras_ganaug.generators.generator import as_generator

_PLAN, _QUALITY, _SAMPLES, _BACKUP = "plan.json", "quality.json", "samples.png", "backup"
MEASURING = "Measuring the quality of the samples. If there are classes, this trains a classifier of the real images."
_PICTURES = 10  # number of sample pictures in a training
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 200
_BACKUP_SECONDS = 60  # between two backups


def fit_for(
    train: Any,
    minutes: float = 30,
    directory: str | os.PathLike | None = None,
    model: str = "SNGAN",
    test: Any = None,
    value_range: tuple[float, float] = (0, 255),
    seed: int = 0,
    verbose: bool = True,
    **options: Any,
) -> models.GAN:
    """Trains a GAN on images in a given time and measures its quality. For "I have images and half an hour".

    It chooses settings that fit the size and the number of images, measures the time of a training step on this machine, and
    trains for as many steps as fit, while the learning rates decay to 0. If there are few images, it augments the
    discriminator's input. If a class has few, the generator is pretrained in an autoencoder. Rare classes are shown as often
    as others. If there would be too few steps, it uses narrower networks. It prints the plan first, a line with the
    remaining time after each epoch, and the result of `fitting.quality` at the end.

    **Which image size?** The smallest that shows what your classifier needs, usually 32 or 64 pixels. The time of a step
    grows with the number of pixels, and larger images need more steps.

    **To resume**, call it again with the same arguments and `directory`. A run that was killed or stopped by Ctrl-C
    continues from its last backup, at most about a minute before. On the same machine, its final weights equal those of an
    uninterrupted run bit for bit. A finished run is loaded.

    Args:
        train: Images to train on: a dataset of (image, label), as from `datasets.from_directory`, a pair of arrays (images,
            labels), or an array of images without classes. Labels of several attributes are a mapping.
        minutes: Total time. At least half of it goes to the training alone. Defaults to 30.
        directory: Folder, new or empty, with the files to resume from (`plan.json` and `backup`), `samples.png`, which is
            updated during the training, and finally `gan.keras` and `quality.json`. Defaults to None: nothing is written.
        model: Name of a GAN class: "SNGAN", "SAGAN", "StyleGAN", "CGAN", "ACGAN", "TACGAN", "ReACGAN", "R3GAN", "GAN",
            "LSGAN", "WGAN" or "WGANGP". Defaults to "SNGAN", which is the best for short trainings.
        test: Images to detect copies with, in the same format, which are not trained on. Defaults to None: a tenth of each
            class of `train` is held out, at most 1,000 images.
        value_range: (lowest, highest) value of the images. Defaults to (0, 255).
        seed: Integer that determines all random numbers. Defaults to 0.
        verbose: Whether to print. Defaults to True.
        **options: Further arguments of the model's constructor, such as `width` or `latent_dim`.

    Returns the trained GAN. It knows the class names: `gan.generate({"Coat": 50})`.

    Raises:
        ValueError, TypeError: For images or arguments that do not fit, or a `directory` with other files in it. In the scope
            of a strategy over several machines. Raised before the training starts.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> images = np.random.default_rng(0).integers(0, 256, [200, 4, 4, 1], "uint8")
    >>> gan = kga.fit_for(images, minutes=0.01, model="GAN", verbose=False)  # from_directory(...) instead of images
    >>> gan.generate(3).shape
    (3, 4, 4, 1)
    """
    begun = time.monotonic()
    planning.check(minutes, model, value_range, seed, options)
    verbose = _checks.boolean(verbose, "verbose")
    place = None if directory is None else _place(directory)
    data, held = planning.parts_of(train, test, seed)
    asked = {"model": model, "minutes": float(minutes), "seed": int(seed), "value_range": [*map(float, value_range)]}
    asked |= {"options": options, "images": f"{data.digest()} {held.digest()}"}
    plan = None if place is None else _planned_before(place, asked)
    if plan is None:
        with _progress.phase("Plan", "Measuring the time of a training step. This takes up to a minute.", verbose):
            plan = planning.planned(data, held, minutes, model, value_range, seed, options, begun)
        if place is not None:
            _files.write(_files.join(place, _PLAN), json.dumps({"asked": asked, "plan": plan._asdict()}, indent=1) + "\n")
    trained = None if place is None else _files.join(place, GAN_FILE)
    done = trained is not None and _files.exists(trained)
    if verbose:
        _progress.say(str(plan))
        if place is not None:
            _progress.say(
                f"{place!r} contains a trained GAN." if done else f"If it is stopped, repeat it to resume from {place!r}."
            )
    if done:
        gan = keras.models.load_model(trained)
    else:
        gan = plan.build()
        if not verbose:
            _progress.tell(f"training for {plan.steps:,} steps, about {_progress.words(60 * plan.expected_minutes)}")
        with _progress.phase("Training", "Training. The first step takes longest: it compiles the networks.", verbose):
            _train(gan, plan, data, place, verbose)
    if verbose or place is not None:
        quality = _quality(gan, plan, data, held, place, verbose)
        if verbose:
            _progress.say(str(quality))
    return gan


def _place(directory):
    """The folder of a run as a string. Checks that it holds such a run or nothing."""
    _checks.new_folder(directory, "directory")
    place = os.path.expanduser(os.fspath(directory))
    if not _files.exists(_files.join(place, _PLAN)) and _files.exists(place) and os.listdir(place):
        raise ValueError(
            f"`directory` must be new or empty, or the folder of an earlier run. Received: {place!r}, with other files in it"
        )
    return place


def _planned_before(place, asked):
    """The plan of an earlier run in this folder. None if there is none."""
    path = _files.join(place, _PLAN)
    if not _files.exists(path):
        return None
    stored = json.loads(_files.read_text(path))
    differ = sorted(name for name, value in json.loads(json.dumps(asked)).items() if stored["asked"].get(name) != value)
    if differ:
        raise ValueError(
            "`directory` must be the folder of a run with the same arguments, or a new one: a longer or different training "
            f"needs a new folder. Received: {place!r}, of a run with other {', '.join(differ)}"
        )
    return planning.Plan(**stored["plan"])


def _train(gan, plan, data, place, verbose):
    """Trains according to the plan. With a folder, a killed run is resumed."""
    epochs = min(max(round(2 * plan.expected_minutes), _FEWEST_EPOCHS), _MOST_EPOCHS)
    used = [callbacks.TimeLeft()] if verbose else []
    if plan.start_steps:
        used.append(callbacks.AutoencoderStart(data.images, data.labels, steps=plan.start_steps))
    backup = None
    if place is not None:
        backup = _files.join(place, _BACKUP)
        used.append(callbacks.SampleGrid(_files.join(place, _SAMPLES), every=max(epochs // _PICTURES, 1)))
        used.append(callbacks.Backup(backup, every=max(round(_BACKUP_SECONDS / plan.seconds_per_step), 1)))
    gan.fit(
        data.images,
        data.labels,
        plan.batch_size,
        steps=plan.steps,
        steps_per_epoch=-(-plan.steps // epochs),
        class_balanced=plan.class_balanced,
        verbose=0,
        callbacks=used,
    )
    if place is not None:
        gan.save(_files.join(place, GAN_FILE))
        _files.remove(backup)


def _quality(gan, plan, data, held, place, verbose):
    """The quality of the GAN: from the folder if it was measured before, otherwise measured now."""
    path = None if place is None else _files.join(place, _QUALITY)
    if path is not None and _files.exists(path):
        return assessment.Quality(**json.loads(_files.read_text(path)))
    steps = min(max(int(0.05 * 60 * plan.minutes / plan.seconds_per_step), 50), 1000)
    with _progress.phase("Quality", MEASURING, verbose):
        quality = assessment.measured(as_generator(gan), data, held, 1000, steps, plan.seed)
    if path is not None:
        _files.write(path, json.dumps(quality._asdict(), indent=1) + "\n")
    return quality


_docs.complete_docstring(planning.plan, fit_for)
