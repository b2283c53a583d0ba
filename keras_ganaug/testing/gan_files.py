"""The contract of GANs: files, interrupted trainings, and images of any shape."""

from __future__ import annotations

import os
import tempfile

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _compat
from keras_ganaug.callbacks import Backup
from keras_ganaug.testing.checks import eagerly, expect, expect_equal, expect_images
from keras_ganaug.testing.gan_behaviour import finite
from keras_ganaug.testing.gan_cases import (
    GANCase,
    all_state,
    data_of,
    exported,
    exported_images,
    fit,
    images_of,
)

SEED = (5, 6)


def check_any_shape(case: GANCase) -> None:
    """Images of 9x12 pixels, 2 channels, any range and float64 train, and their GAN is saved and exported."""
    trained = case.odd
    gan, labels = trained.gan, [0, 1, 0] if trained.gan.num_classes else 3
    expect(finite(trained.history), case, "have finite losses for images of 9x12x2", trained.history)
    with eagerly():
        images = images_of(gan, labels, 1, trained.images)
        expect_images(case, images, 3, gan.image_shape, gan.value_range)
        same = images_of(_reloaded(gan), labels, 1, trained.images)
        expect_equal(case, same, images, "give the same images after it was saved and loaded")
    _check_exported(case, trained, labels)


def check_saving(case: GANCase) -> None:
    """A .keras file gives the same class, config and images, and training goes on from it as if nothing had happened."""
    first, expected = case.first, "give the same images after it was saved and loaded"
    with eagerly():
        loaded = _reloaded(first.gan)
        expect(type(loaded) is case.cls, case, "be loaded as its own class", type(loaded).__name__)
        missing = set(first.gan.get_config()) ^ set(loaded.get_config())
        expect(not missing, case, "have the same config after it was loaded", f"that differs in {sorted(missing)}")
        images = images_of(first.gan, case.labels, 1, first.images)
        expect_equal(case, images_of(loaded, case.labels, 1, first.images), images, expected)
        loaded.run_eagerly = True
        fit(loaded, data_of(loaded), initial_epoch=1, epochs=2)
    _expect_state(case, loaded, "continue from a .keras file as if it had not been saved")


def check_resuming(case: GANCase) -> None:
    """A training that was interrupted and is continued from its `Backup` equals one that was not interrupted."""
    backup = Backup(case.first.folder)
    with eagerly():
        gan = case.compiled(case.make(seed=7))
        fit(gan, data_of(gan), steps=2, callbacks=[backup])
    _expect_state(case, gan, "end an interrupted training as an uninterrupted one")


def _expect_state(case, gan, expected):
    wanted = all_state(case.second.gan)
    for name, weights in all_state(gan).items():
        expect(len(weights) == len(wanted[name]), case, expected, f"{len(weights)} and {len(wanted[name])} {name}")
        for ours, theirs in zip(weights, wanted[name], strict=True):
            ours, theirs = (np.asarray(_compat.tf_variable(each)) for each in (ours, theirs))
            expect_equal(case, ours, theirs, f"{expected}, with the same {name}", atol=1e-6)
    steps = int(gan.step)
    expect(steps == 2, case, f"{expected}, after two steps", f"step={steps}")


def check_export(case: GANCase) -> None:
    """A SavedModel gives the images of the GAN with TensorFlow alone, and refuses labels that do not exist."""
    _check_exported(case, case.first, case.labels, case.num_classes)


def _check_exported(case, trained, labels, num_classes=None):
    gan, images = trained.gan, trained.images
    with eagerly():
        ours = images_of(gan, labels, SEED, images)
    with exported(gan) as module:
        for theirs in exported_images(module, gan, labels, SEED, images):
            expected = "export a SavedModel that gives the same images"
            expect_equal(case, theirs, ours, expected, atol=2e-3 * np.ptp(gan.value_range))
        if num_classes is not None:
            try:
                exported_images(module, gan, [num_classes] * 2, SEED, images)
            except tf.errors.InvalidArgumentError:
                return
            expect(False, case, "export a SavedModel that refuses labels out of range", "no error")


def _reloaded(gan):
    with tempfile.TemporaryDirectory() as folder:
        gan.save(os.path.join(folder, "gan.keras"))
        return keras.models.load_model(os.path.join(folder, "gan.keras"))
