"""From images and minutes to a GAN: what is planned, a run that is killed, and what is refused."""

import functools
import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import Killed, max_difference, small_data, small_gan

import keras_ganaug as kga
from keras_ganaug import _progress, models
from keras_ganaug.datasets.pairs import named
from keras_ganaug.fitting import assessment, images, planning
from keras_ganaug.generators.generator import as_generator

NAMES = ("Coat", "Bag", "T-shirt/top")


def data(counts, shape=(8, 8, 1)):
    """Images of so many of each class."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(0).integers(0, 256, [len(labels), *shape], "uint8"), labels


@pytest.fixture
def seconds(monkeypatch):
    """A step of width 32 takes so long, one of half the width a quarter of it."""

    def set_to(seconds, busy=1.0):
        def of(plan, data):
            step = seconds * (plan.options["width"] / 32) ** 2
            return planning.StepTime(step, step * busy, 1.0)

        monkeypatch.setattr(planning, "_step_time", of)

    return set_to


@pytest.mark.parametrize(
    ("counts", "shape", "step", "expected"),
    [
        ([200, 200], (8, 8, 1), 0.5, {"augment": None, "batch_size": 64, "class_balanced": False, "start_steps": 0}),
        ([200, 200], (32, 32, 1), 0.5, {"augment": "translation,cutout", "batch_size": 32}),
        ([200, 200], (32, 32, 3), 0.5, {"augment": "color,translation,cutout"}),
        ([1500, 1500], (16, 16, 1), 0.5, {"augment": "adaptive"}),
        ([6000, 6000], (16, 16, 1), 0.5, {"augment": None}),
        ([300, 150], (8, 8, 1), 0.5, {"class_balanced": True, "counts": (135, 270)}),
        ([60, 60], (8, 8, 1), 0.5, {"start_steps": 809, "steps": 3239 - 485}),
        ([200, 200], (8, 8, 1), 0.001, {"steps": 8000}),  # more hardly help
        ([200, 200], (32, 32, 1), 1.0, {"options": {"width": 16}}),  # 1,620 steps of width 32 were too few
        ([200, 200], (32, 32, 1), 9.0, {"options": {"width": 8}}),
        ([200, 200], (32, 32, 1), 0.5, {"options": {"width": 32}, "steps": 3238}),
        ([10], (8, 8, 1), 0.5, {"images": 9, "held_out": 1, "batch_size": 9}),
    ],
)
def test_settings_fit_the_images_and_the_time(seconds, counts, shape, step, expected):
    seconds(step)
    plan = kga.fitting.plan(data(counts, shape), minutes=30)
    found = {name: getattr(plan, name) for name in expected}
    assert {**found, "steps": 0, "start_steps": 0} == {**expected, "steps": 0, "start_steps": 0}
    for name in {"steps", "start_steps"} & expected.keys():
        assert math.isclose(found[name], expected[name], abs_tol=3)  # of the time that reading takes
    assert planning.Plan(**json.loads(json.dumps(plan._asdict()))).steps == plan.steps
    assert f"{plan.steps:,} training steps" in str(plan)
    assert ("That is short" in str(plan)) == (plan.steps < models.schedule.steps_to_try(shape) / 2)


@pytest.fixture
def small(monkeypatch):
    """The GANs that are planned have small networks."""
    for name in ("SNGAN", "WGAN"):
        monkeypatch.setattr(models, name, functools.partial(small_gan, cls=getattr(kga, name)))
    build = planning.Plan.build

    def eager(plan):
        gan = build(plan)
        gan.compile(gan.g_optimizer, gan.d_optimizer, run_eagerly=True)
        return gan

    monkeypatch.setattr(planning.Plan, "build", eager)
    return build


def test_rates_fall_to_0_over_exactly_these_steps(seconds, small):
    build = small
    seconds(0.1)
    plan = kga.fitting.plan(data([40, 40, 40], (20, 20, 1)), minutes=1, width=4)._replace(steps=50, model="WGAN")
    gan = build(plan)
    updates = {"g": 50, "d": 50 * gan.d_steps}
    for player, number in updates.items():
        rate = getattr(gan, f"{player}_optimizer").get_config()["learning_rate"]
        rate = rate if callable(rate) else keras.optimizers.schedules.deserialize(rate)
        assert float(rate(number)) == 0 < float(rate(number - 1))
    sngan = build(plan._replace(model="SNGAN", augment="adaptive"))
    assert type(sngan.penalties[0]) is kga.penalties.MismatchedLabels
    assert type(sngan.augment) is kga.AdaptiveAugment


def test_so_few_images_that_a_gan_copies_them_are_told(seconds):
    seconds(0.01)

    def told(counts):
        return str(kga.fitting.plan(data(counts), minutes=1))

    assert "The smallest class has only one image. A GAN can hardly do more than copy so few." in told([9, 1])
    assert "The smallest class has only 4 images." in told([4, 9])
    assert "copy" not in told([5, 9]).replace("copies", "")
    assert "This is only 3 images." in str(kga.fitting.plan(data([3])[0], minutes=1))


def test_a_busy_machine_does_not_make_the_network_narrower(seconds):
    """It makes fewer steps: as many as fit into the time, if it stays busy."""
    seconds(0.5)
    quiet = kga.fitting.plan(data([200, 200], (32, 32, 1)), minutes=30)
    seconds(0.5, busy=3.0)
    busy = kga.fitting.plan(data([200, 200], (32, 32, 1)), minutes=30)
    assert busy.options == quiet.options == {"width": 32}
    assert math.isclose(busy.steps, quiet.steps / 3, abs_tol=2)
    assert "a step takes 0.5 s" in str(quiet) and "busy" not in str(quiet)
    assert "a step takes 1.5 s" in str(busy) and "fastest step took 0.5 s" in str(busy)


def test_the_fastest_step_is_the_least_of_several(monkeypatch, small):
    clock = iter([0.0, 9.0, 9.5, 10.0, 12.0, 12.4, 14.0, 16.0, 18.0])
    monkeypatch.setattr(planning.time, "monotonic", lambda: next(clock))
    plan = planning.Plan("SNGAN", (8, 8, 1), 3, None, (0, 255), {"width": 8}, 9, 0, (3, 3), 9, None, 0, False, 9, 1, 1, 0)
    found = planning._step_time(plan, images.read(small_data(), "train"))
    assert found == pytest.approx((0.4, 0.5, 9.0))  # the first one includes compiling


def test_the_time_of_a_step_is_measured(monkeypatch, small):
    monkeypatch.setattr(planning._Clock, "seconds", 0.0)
    plan = kga.fitting.plan(small_data(60), minutes=0.1, width=8)
    assert plan.seconds_per_step > 0
    # At least half of the time is trained, up to a step, however slow the machine is.
    assert 60 * plan.expected_minutes + plan.seconds_per_step >= 0.4 * 6 or plan.steps == 8000


@pytest.mark.usefixtures("eager")
def test_a_killed_run_goes_on_by_the_same_call(tmp_path, monkeypatch, seconds, small, capsys):
    seconds(0.1)
    result = kga.fitting.Quality(0.9, {"Coat": 0.9}, None, 0.8, {"Coat": 0.8}, None, None)
    monkeypatch.setattr(assessment, "measured", lambda *_: result)
    train = named(tf.data.Dataset.from_tensor_slices(small_data(360)), NAMES).shuffle(
        60, seed=1, reshuffle_each_iteration=False
    )
    run = functools.partial(kga.fit_for, train, minutes=0.04, width=32)
    straight = run(directory=tmp_path / "straight")
    begin = kga.callbacks.TimeLeft.on_epoch_begin

    def killed(self, epoch, logs=None):
        if epoch == 2:
            raise Killed
        begin(self, epoch, logs)

    with monkeypatch.context() as patched:
        patched.setattr(kga.callbacks.TimeLeft, "on_epoch_begin", killed)
        with pytest.raises(Killed):
            run(directory=tmp_path / "killed")
    assert {path.name for path in (tmp_path / "killed").iterdir()} == {"backup", "plan.json", "samples.png"}
    capsys.readouterr()
    resumed = run(directory=tmp_path / "killed")
    told = capsys.readouterr().out
    assert "epoch 3/" in told and "epoch 2/" not in told and "GAN-test" in told
    assert max_difference(straight, resumed) == 0
    assert resumed.class_names == NAMES
    from_the_folder = as_generator(tmp_path / "killed")  # a run is a generator wherever a path is
    np.testing.assert_array_equal(from_the_folder.generate([0, 1], seed=1), resumed.generate([0, 1], seed=1))
    assert {path.name for path in (tmp_path / "killed").iterdir()} == {
        "gan.keras",
        "plan.json",
        "quality.json",
        "samples.png",
    }
    monkeypatch.setattr(kga.SNGAN, "fit", None)
    again = run(directory=tmp_path / "killed")
    assert max_difference(straight, again) == 0
    assert again.generate({"Coat": 2}).shape == (2, 8, 8, 1)
    with pytest.raises(ValueError, match=r"`directory` must be .*needs a new folder.*with other images, minutes, seed"):
        kga.fit_for(train, 1, tmp_path / "killed", seed=3, width=32)


@pytest.mark.usefixtures("eager", "small")
def test_each_phase_has_a_line_and_nothing_is_done_in_vain(monkeypatch, seconds, capsys):
    seconds(0.1)
    measured = []
    result = kga.fitting.Quality(None, {}, None, 0.8, {}, None, None)
    monkeypatch.setattr(assessment, "measured", lambda *given: measured.append(given) or result)
    run = functools.partial(kga.fit_for, small_data(60), minutes=0.01, width=32)
    run()
    lines = capsys.readouterr().out.splitlines()
    starts = ("Measuring the time", "SNGAN of width", "Training.", "epoch 1/", "Measuring the quality", "Diversity")
    found = [next(number for number, line in enumerate(lines) if line.startswith(start)) for start in starts]
    assert found == sorted(found) and len(measured) == 1
    run(verbose=False)
    assert capsys.readouterr().out == ""
    with _progress.phase("GAN of seed 0"):
        run(verbose=False)
    assert capsys.readouterr().out.startswith("GAN of seed 0: training for 2 steps, about 0 s")
    assert len(measured) == 1  # nobody would see another one


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("minutes", lambda path: kga.fit_for(small_data(), minutes=0)),
        ("model", lambda path: kga.fit_for(small_data(), model="BEGAN")),
        ("value_range", lambda path: kga.fit_for(small_data(), value_range=3)),
        ("seed", lambda path: kga.fit_for(small_data(), seed=-1)),
        ("verbose", lambda path: kga.fit_for(small_data(), verbose=2)),
        ("num_classes", lambda path: kga.fit_for(small_data(), num_classes=3)),
        ("train", lambda path: kga.fit_for(np.zeros([0, 8, 8, 1]))),
        ("train", lambda path: kga.fit_for(np.zeros([8, 8, 1]))),
        ("train", lambda path: kga.fit_for(tf.data.Dataset.from_tensors(np.zeros([8, 8, 1])).repeat())),
        ("train", lambda path: kga.fit_for((small_data()[0], [0, 1]))),
        ("labels", lambda path: kga.fit_for((small_data()[0], np.full(24, 0.5)))),
        ("test", lambda path: kga.fit_for(small_data(), test=small_data()[0])),
        ("directory", lambda path: kga.fit_for(small_data(), directory=path)),
        ("samples", lambda path: kga.fitting.quality(small_gan(), small_data(), samples=0)),
        ("train", lambda path: kga.fitting.quality(small_gan(), (np.zeros([8, 9, 9, 1]), np.zeros(8, int)))),
    ],
)
def test_what_is_refused(tmp_path, argument, call):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises((ValueError, TypeError), match=rf"`{argument}` .*Received"):
        call(tmp_path)


def test_what_is_read():
    x, y = small_data()
    both = {"class": y, "style": y % 2}
    unbatched = tf.data.Dataset.from_tensor_slices((x, y))
    for given in ((x, y), unbatched, unbatched.batch(7), (x, np.eye(3)[y])):
        found = images.read(given, "train")
        np.testing.assert_array_equal(found.images, x)
        np.testing.assert_array_equal(found.labels, y)
        assert found.condition.num_classes == 3
    assert images.read(named(unbatched, ["a", "b", "c", "d"]).batch(4), "train").condition.num_classes == 4
    for given in ((x, both), tf.data.Dataset.from_tensor_slices((x, both))):
        assert images.read(given, "train").condition.num_classes == {"class": 3, "style": 2}
    assert images.read(x, "train").labels is None
    train, held = images.held_out(images.read((np.repeat(x, 5, 0), np.repeat(y, 5)), "train"), 0)
    assert (len(train.images), np.bincount(held.labels).tolist()) == (108, [4, 4, 4])
    assert train.digest() != held.digest()
