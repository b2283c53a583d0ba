"""The contract of GANs: training, samples, seeds, conditions, and where they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _compat
from keras_ganaug.testing.checks import Skipped, eagerly, expect, expect_equal, expect_images, expect_refused
from keras_ganaug.testing.gan_cases import ATTRIBUTES, ROWS, GANCase, all_state, data_of, fit, images_of, translates


def check_training(case: GANCase) -> None:
    """One step of `fit` gives finite losses, moves the weights of all players, and counts its images."""
    first, gan = case.first, case.first.gan
    names = {"d_loss", "g_loss", *gan.metric_names}
    expect(names <= set(first.history), case, f"report {', '.join(sorted(names))} in `fit`", sorted(first.history))
    for name, values in first.history.items():
        expect(np.isfinite(values).all(), case, f"have finite values of {name}", values)
    expect(int(gan.step) == 1, case, "count its steps", f"step={int(gan.step)} after one step")
    seen = int(gan.images_seen)
    expect(seen == ROWS, case, f"count its images in `images_seen`, {ROWS}", seen)
    with eagerly():
        fresh = case.make()
    for player, network in gan.networks.items():
        before = fresh.networks[player].get_weights()
        moved = any((a != b).any() for a, b in zip(network.get_weights(), before, strict=True))
        expect(moved, case, f"train the network of each player, of {player!r} too", "the initial weights")


def check_samples(case: GANCase) -> None:
    """Images have the shape of the training images, are float32, finite, and in `value_range`."""
    with eagerly():
        gan, images = case.first.gan, case.first.images
        expect_images(case, images_of(gan, case.labels, 1, images), 4, case.image_shape, gan.value_range)
        if not translates(gan):
            truncated = gan.generate(case.labels, seed=1, truncation=0.5)
            expect_images(case, truncated, 4, case.image_shape, gan.value_range)
            expect_refused(case, lambda: gan.generate(case.labels, truncation=-1), "refuse truncation=-1", "truncation")
            empty = gan.generate([] if case.num_classes else 0, seed=1).shape
            expect(empty == (0, *case.image_shape), case, "give no image for no label", f"shape {empty}")


def check_seeds(case: GANCase) -> None:
    """The same seed gives the same images, another one gives others, and the constructor's seed sets the weights."""
    with eagerly():
        gan, images = case.first.gan, case.first.images
        ours = images_of(gan, case.labels, 1, images)
        expect_equal(case, images_of(gan, case.labels, 1, images), ours, "give the same images for the same seed")
        others = images_of(gan, case.labels, 2, images)
        expect((others != ours).any(), case, "give other images for another seed", "the same images for seeds 1 and 2")
        for weight, same in zip(case.first.initial, case.make().get_weights(), strict=True):
            expect_equal(case, same, weight, "have the same initial weights for the same `seed` of the constructor")


def check_rows(case: GANCase) -> None:
    """Each image depends on its own latents and label, and on no other row of the batch."""
    trained = case.odd
    with eagerly():
        labels = [0, 1, 0] if trained.gan.num_classes else 3
        images = images_of(trained.gan, labels, 1, trained.images)
        fewer = images_of(trained.gan, labels[:2] if isinstance(labels, list) else 2, 1, trained.images)
        expected = "give an image that depends on no other row of the batch"
        expect_equal(case, fewer, images[:2], expected, atol=2e-4 * np.ptp(trained.gan.value_range))


def check_classes(case: GANCase) -> None:
    """Images depend on their class. Classes that do not exist and a number without classes are refused."""
    if case.num_classes is None:
        raise Skipped("the case is without classes")
    gan, images = case.first.gan, case.first.images
    with eagerly():
        first, last = (images_of(gan, [label] * 2, 1, images) for label in (0, case.num_classes - 1))
        expect((first != last).any(), case, "give other images for another class", "the same images")
        wrong = [0, case.num_classes]
        expect_refused(case, lambda: images_of(gan, wrong, 1, images), f"refuse the labels {wrong}", "`labels`")
        if not translates(gan):
            expect_refused(case, lambda: gan.generate(4), "refuse a number without classes", "`labels`")


def check_without_classes(case: GANCase) -> None:
    """Without classes it takes a number of images, and refuses labels."""
    gan = case.odd.gan
    if gan.num_classes is not None:
        raise Skipped("the class refuses num_classes=None")
    with eagerly():
        number = gan.generate(3, seed=1).shape[0]
        expect(number == 3, case, "give as many images as asked for without classes", number)
        expect_refused(case, lambda: gan.generate([0, 0]), "refuse labels without classes", "`labels`")


def check_attributes(case: GANCase) -> None:
    """Several attributes train, take labels by name, and change the images."""
    if case.num_classes is None:
        raise Skipped("the case is without classes")
    with eagerly():
        gan = case.compiled(case.make_or_skip("several attributes", num_classes=ATTRIBUTES))
        data = data_of(gan)
        losses = fit(gan, data, epochs=1).history
        expect(finite(losses), case, "have finite losses with several attributes", losses)
        images = images_of(gan, {"kind": [0, 1], "style": [1, 1]}, 1, data[0])
        expect_images(case, images, 2, case.image_shape, gan.value_range)
        others = images_of(gan, {"kind": [0, 1], "style": [0, 0]}, 1, data[0])
        expect((others != images).any(), case, "give other images for another value of any attribute", "the same images")


def check_xla(case: GANCase) -> None:
    """XLA compiles the training step. Its machine code, which takes most of the time, is not made."""
    gan = case.compiled(case.make(), run_eagerly=False)
    images, labels = data_of(gan)
    data = (tf.constant(images[:4]),) if labels is None else (tf.constant(images[:4]), tf.constant(labels[:4]))
    step = tf.function(gan.train_step, jit_compile=True, autograph=False)
    lowered = step.experimental_get_compiler_ir(data)(stage="hlo")
    expect("ENTRY" in lowered, case, "have a training step that XLA compiles", "no program")


def check_mixed_bfloat16(case: GANCase) -> None:
    """With the dtype policy mixed_bfloat16 losses are finite, and images float32."""
    with _compat.dtype_policy("mixed_bfloat16"), eagerly():
        gan = case.compiled(case.make())
        data = data_of(gan)
        losses = fit(gan, data, epochs=1).history
        expect(finite(losses), case, "have finite losses in mixed_bfloat16", losses)
        expect_images(case, images_of(gan, case.labels, 1, data[0]), 4, case.image_shape, gan.value_range)


def check_replicas(case: GANCase) -> None:
    """Under `MirroredStrategy` two replicas hold equal weights after training."""
    devices = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices("CPU")]
    if len(devices) < 2:
        raise Skipped("it needs two logical CPUs, see `tf.config.set_logical_device_configuration`")
    # The collectives of TensorFlow are numbered anew by each strategy of a process, and then mixed up.
    strategy = tf.distribute.MirroredStrategy(devices[:2], cross_device_ops=tf.distribute.ReductionToOneDevice())
    with strategy.scope():
        gan = case.compiled(case.make(), run_eagerly=False)
    losses = fit(gan, data_of(gan), epochs=1).history
    expect(finite(losses), case, "have finite losses on two replicas", losses)
    for name, weights in all_state(gan).items():
        for weight in weights:
            first, *others = [part.numpy() for part in getattr(_compat.tf_variable(weight), "values", [weight])]
            for other in others:
                expect_equal(case, other, first, f"have the same {name} on two replicas")


def finite(history: Mapping[str, Any]) -> bool:
    """Whether all that a fit reported is finite."""
    return all(np.isfinite(values).all() for values in history.values())
