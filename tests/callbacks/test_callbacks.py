"""The callbacks of long trainings."""

import contextlib
import errno
import functools
import importlib
import io
import itertools
import json
import os
import pathlib
import sys
import uuid
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import Kill, Killed, max_difference, small_data, small_gan

import keras_ganaug as kga
from keras_ganaug import _compat, callbacks
from keras_ganaug.models import training

pytestmark = pytest.mark.usefixtures("eager")
X, Y = small_data()
DOUBLE = {"double_checkpoint": True} if _compat.KERAS_3 else {}


@pytest.fixture(autouse=True)
def _updates_of_a_moment(monkeypatch):
    """All weights of a player's network move by 0.01 in an update: callbacks look at no more, and gradients take long."""

    def update(model, player, batch):
        for weight in player.network.trainable_variables:
            weight.assign_add(tf.fill(weight.shape, 0.01))
        return tf.reduce_mean(batch.images) + tf.reduce_mean(player.network.trainable_variables[0])

    monkeypatch.setattr(training, "_update", update)


def compiled(**options):
    gan = small_gan(**options)
    gan.compile(keras.optimizers.Adam(5e-3), keras.optimizers.Adam(5e-3), ema_decay=0.5)
    return gan


def fit(gan, *used, epochs=5, **options):
    y = None if gan.num_classes is None else Y
    return gan.fit(X, y, batch_size=24, epochs=epochs, verbose=0, callbacks=list(used), **options).history


class Recorder(keras.callbacks.Callback):
    """What the GAN generates after each epoch."""

    def on_train_begin(self, logs=None):
        self.images = []

    def on_epoch_end(self, epoch, logs=None):
        self.images.append(self.model.generate([0, 1, 2], seed=1))


@pytest.mark.parametrize(("mode", "best_epoch"), [("min", 1), ("max", 3)])
def test_keep_best_gives_the_best_generator(mode, best_epoch):
    values = iter([3.0, 1.0, 2.0, 5.0, np.nan])
    gan, recorder = compiled(), Recorder()
    keep = callbacks.KeepBest(lambda gan: next(values), mode)
    history = fit(gan, recorder, keep)
    assert (keep.best, keep.best_epoch) == ({"min": 1.0, "max": 5.0}[mode], best_epoch)
    np.testing.assert_array_equal(gan.generate([0, 1, 2], seed=1), recorder.images[best_epoch])
    assert not np.array_equal(recorder.images[1], recorder.images[4])
    assert history["metric"][:4] == [3.0, 1.0, 2.0, 5.0]


def test_keep_best_by_a_logged_name_and_every_so_often(tmp_path):
    gan, recorder = compiled(), Recorder()
    keep = callbacks.KeepBest("g_loss", every=2)
    history = fit(gan, recorder, keep)
    assert keep.best == min(history["g_loss"][n] for n in (1, 3, 4))
    gan.export(tmp_path / "best")
    exported = tf.saved_model.load(str(tmp_path / "best")).generate(tf.constant([0, 1, 2]), tf.constant([1, 0]))
    np.testing.assert_allclose(exported, recorder.images[keep.best_epoch], atol=1e-2)


def test_keep_best_survives_a_killed_run(tmp_path):
    recorder = Recorder()
    values = iter([1.0, 2.0])
    with pytest.raises(Killed):
        fit(compiled(), recorder, callbacks.KeepBest(lambda gan: next(values), path=tmp_path), Kill(2))
    gan = compiled()
    keep = callbacks.KeepBest(lambda gan: 5.0, path=tmp_path)
    fit(gan, keep, initial_epoch=2)
    assert (keep.best, keep.best_epoch) == (1.0, 0)
    np.testing.assert_array_equal(gan.generate([0, 1, 2], seed=1), recorder.images[0])


FILE_OPERATIONS = ("rename", "remove", "makedirs", "rmtree", "copy")


@contextlib.contextmanager
def killed_at(moment):
    """A process that is killed at its n-th moment on the file system: nothing after it happens, no tidying up either.

    Each operation has a moment before it and one after it; writing to a file has one in its middle too.
    """
    count = itertools.count()

    def passed():
        if next(count) >= moment:
            raise KeyboardInterrupt

    def killable(operation):
        def call(*args, **options):
            passed()
            result = operation(*args, **options)
            passed()
            return result

        return call

    write = tf.io.gfile.GFile.write

    def write_in_halves(file, content):
        passed()
        write(file, content[: len(content) // 2])
        file.flush()
        passed()
        write(file, content[len(content) // 2 :])
        file.flush()
        passed()

    with pytest.MonkeyPatch.context() as patch:
        for name in FILE_OPERATIONS:
            patch.setattr(tf.io.gfile, name, killable(getattr(tf.io.gfile, name)))
        patch.setattr(os, "remove", killable(os.remove))  # of this machine's files
        patch.setattr(tf.io.gfile.GFile, "write", write_in_halves)
        yield


@contextlib.contextmanager
def full_disk(error=None):
    """No file can be written: by TensorFlow's own error, or another one."""

    def refuse(*args, **options):
        raise error or tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.io.gfile.GFile, "write", refuse)
        yield


def with_state(gan, value):
    for variable in gan.sampling_variables:
        variable.assign(tf.cast(tf.fill(variable.shape, value), variable.dtype))
    return gan


def kept_in(path):
    """What a training that goes on takes up from a folder: its best value, and whether the state is that of the value."""
    keep = callbacks.KeepBest(lambda gan: 0.0, path=path)
    keep.set_model(shared_gan())
    keep.set_params({"epochs": 9})
    keep.on_train_begin()
    keep.on_epoch_begin(5)
    assert keep.best is None or all((value == np.asarray(keep.best, value.dtype)).all() for value in keep._state)
    return keep.best


@functools.cache
def shared_gan():
    """One for all tests that set its state themselves."""
    return small_gan()


def begun(values, **options):
    """A `KeepBest` in a training that has begun, whose metric gives these values."""
    values = iter(values)
    keep = callbacks.KeepBest(lambda gan: next(values), **options)
    keep.set_model(shared_gan())
    keep.set_params({"epochs": 9})
    keep.on_train_begin()
    keep.on_epoch_begin(0)
    return keep


@pytest.mark.parametrize("before", [None, "one file", "two files"])
def test_a_kill_at_any_moment_leaves_the_old_best_or_the_new(before, tmp_path):
    found, done = [], False
    while not done:
        folder = tmp_path / str(len(found))
        keep = begun([2.0] if before is None else [3.0, 2.0], path=folder)
        if before is not None:
            with_state(keep.model, 3.0)
            keep.on_epoch_end(0, {})
        if before == "two files":
            as_before(folder)
        with_state(keep.model, 2.0)
        with killed_at(len(found)), contextlib.suppress(KeyboardInterrupt):
            keep.on_epoch_end(1, {})
            done = True
        found.append(kept_in(folder))
    assert len(found) > 5
    assert set(found) == {None if before is None else 3.0, 2.0}
    assert found == sorted(found, key=lambda value: value == 2.0)  # from one moment on the new one is there


def as_before(folder):
    """Makes a folder one of before, of two files."""
    with np.load(folder / "best.npz") as stored:
        record, arrays = stored["record"].item(), [stored[f"arr_{n}"] for n in range(len(stored.files) - 1)]
    np.savez(folder / "best.npz", *arrays)
    (folder / "best.json").write_text(record + "\n", encoding="utf-8")


def test_a_kill_while_a_new_training_clears_the_folder_leaves_no_wrong_pair(tmp_path):
    for moment in range(9):
        folder = tmp_path / str(moment)
        folder.mkdir()
        keep = begun([3.0], path=folder)
        with_state(keep.model, 3.0)
        keep.on_epoch_end(0, {})
        as_before(folder)
        with killed_at(moment), contextlib.suppress(KeyboardInterrupt):
            begun([], path=folder)
        assert kept_in(folder) == (3.0 if moment == 0 else None)


def test_keep_best_reads_folders_of_before_and_leaves_one_file(tmp_path):
    keep = begun([3.0], path=tmp_path)
    with_state(keep.model, 3.0)
    keep.on_epoch_end(0, {})
    as_before(tmp_path)
    (tmp_path / "best.json").write_text(json.dumps({"best": 3.0, "epoch": 0, "metric": "metric"}))  # before `mode`
    assert kept_in(tmp_path) == 3.0
    keep = callbacks.KeepBest(lambda gan: 2.0, path=tmp_path)
    fit(compiled(), keep, epochs=2, initial_epoch=1)
    assert [path.name for path in tmp_path.iterdir()] == ["best.npz"]


@pytest.mark.parametrize("name", ["best.npz", "best.json"])
def test_keep_best_goes_on_without_a_file_that_was_torn(name, tmp_path):
    keep = begun([3.0], path=tmp_path)
    keep.on_epoch_end(0, {})
    as_before(tmp_path)
    file = tmp_path / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    keep = callbacks.KeepBest(lambda gan: 5.0, path=tmp_path)
    with pytest.warns(UserWarning, match=r"`path`: the best generator so far cannot be read.*Received"):
        fit(compiled(), keep, epochs=2, initial_epoch=1)
    assert keep.best == 5.0


@pytest.mark.parametrize("error", [None, OSError(errno.ENOSPC, "No space left on device")])
def test_a_full_disk_ends_no_training(error, tmp_path):
    values = iter([1.0, 2.0, 3.0])
    gan, recorder = compiled(), Recorder()
    keep = callbacks.KeepBest(lambda gan: next(values), path=tmp_path / "best")
    grid = callbacks.SampleGrid(tmp_path / "{epoch}.png", columns=1)
    with full_disk(error), pytest.warns(UserWarning, match=r"Could not write .*No space left on device") as told:
        fit(gan, recorder, keep, grid, epochs=3)
    assert all(any(name in str(warning.message) for warning in told) for name in ("best.npz", "1.png", "3.png"))
    np.testing.assert_array_equal(gan.generate([0, 1, 2], seed=1), recorder.images[0])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_keep_best_writes_later_what_a_full_disk_refused(tmp_path):
    keep = begun([1.0, 2.0], path=tmp_path)
    with_state(keep.model, 1.0)
    with full_disk(), pytest.warns(UserWarning, match="Could not write"):
        keep.on_epoch_end(0, {})
    with_state(keep.model, 2.0)
    keep.on_epoch_end(1, {})
    assert kept_in(tmp_path) == 1.0


def test_the_best_is_there_after_a_fit_that_an_error_has_ended():
    gan, recorder, values = compiled(), Recorder(), iter([1.0, 2.0])
    keep = callbacks.KeepBest(lambda gan: next(values))
    with pytest.raises(Killed):
        fit(gan, recorder, keep, Kill(2))
    keep.restore()
    np.testing.assert_array_equal(gan.generate([0, 1, 2], seed=1), recorder.images[0])


def test_callbacks_write_to_any_file_system_of_tensorflow():
    folder = f"ram://{uuid.uuid4().hex}"
    keep = begun([1.5], path=f"{folder}/best")
    with_state(keep.model, 1.5)
    keep.on_epoch_end(0, {})
    assert kept_in(f"{folder}/best") == 1.5
    grid = callbacks.SampleGrid(f"{folder}/grids/{{epoch}}.png", columns=2)
    grid.set_model(shared_gan())
    grid.on_epoch_end(0)
    assert tf.io.gfile.listdir(f"{folder}/grids") == ["1.png"]
    grid = callbacks.SampleGrid(f"{folder}.png", columns=2)  # in no folder
    grid.set_model(shared_gan())
    grid.on_epoch_end(0)
    assert tf.io.gfile.exists(f"{folder}.png")
    assert not pathlib.Path("ram:").exists()


def test_paths_of_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    begun([1.0], path="~/best").on_epoch_end(0, {})
    grid = callbacks.SampleGrid("~/grid.png", columns=1)
    grid.set_model(shared_gan())
    grid.on_epoch_end(0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "grid.png"]


def test_a_metric_that_is_not_finite_is_told_once():
    keep = begun([np.nan, np.inf, 1.0])
    with pytest.warns(UserWarning, match=r"`metric` must give finite numbers.*Received: nan in epoch 1"):
        keep.on_epoch_end(0, {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        keep.on_epoch_end(1, {})
        keep.on_epoch_end(2, {})
    assert (keep.best, keep.best_epoch) == (1.0, 2)


def test_a_metric_that_gives_no_number_tells_its_own_error():
    with pytest.raises(TypeError, match=r"`metric` must give a number.*Received") as error:
        begun([[1.0, 2.0]]).on_epoch_end(0, {})
    assert isinstance(error.value.__cause__, TypeError)


def test_keep_best_replaces_what_another_training_has_left(tmp_path):
    fit(compiled(), callbacks.KeepBest(lambda gan: 1.0, path=tmp_path), epochs=1)
    keep, recorder, gan = callbacks.KeepBest(lambda gan: 2.0, path=tmp_path), Recorder(), compiled(seed=7)
    fit(gan, keep, recorder, epochs=2)
    assert (keep.best, keep.best_epoch) == (2.0, 0)
    np.testing.assert_array_equal(gan.generate([0, 1, 2], seed=1), recorder.images[0])
    fit(compiled(), keep, epochs=1)  # the callback itself, in another training
    assert keep.best_epoch == 0
    with pytest.raises(Killed):  # killed before it had a best one, which is then not the earlier one
        fit(compiled(), callbacks.KeepBest(lambda gan: np.nan, path=tmp_path), Kill(1))
    keep = callbacks.KeepBest(lambda gan: 3.0, path=tmp_path)
    fit(compiled(), keep, epochs=2, initial_epoch=1)
    assert keep.best == 3.0


@pytest.mark.parametrize("other", [{"mode": "max"}, {"name": "fid"}, {}])
def test_keep_best_goes_on_with_nothing_but_its_own(other, tmp_path):
    fit(compiled(), callbacks.KeepBest(lambda gan: 1.0, path=tmp_path), epochs=1)
    gan = compiled()
    if not other:
        gan = kga.SNGAN((8, 8, 1), 3, latent_dim=4, width=4, seed=1)
        gan.compile()
    with pytest.raises(ValueError, match=r"`path` must be the folder of this training.*Received"):
        fit(gan, callbacks.KeepBest(lambda gan: 1.0, path=tmp_path, **other), initial_epoch=1)
    assert int(gan.step.numpy()) == 0


def test_keep_best_looks_at_the_last_epoch_of_a_training_that_is_stopped():
    gan, recorder = compiled(), Recorder()
    stop = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(gan, "stop_training", epoch == 1))
    keep = callbacks.KeepBest("g_loss", every=5)
    history = fit(gan, keep, recorder, stop)
    assert (keep.best, keep.best_epoch) == (history["g_loss"][1], 1)


@pytest.mark.parametrize(("epochs", "stop_at"), [(5, None), (5, 2)])
def test_keep_best_by_what_another_callback_logs_in_some_epochs(epochs, stop_at):
    """The last epoch may be one without it; what was best until then is kept."""
    logged = {1: 3.0, 3: 2.0}
    writer = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update({"mine": logged[epoch]} if epoch in logged else {})
    )
    gan = compiled()
    stop = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(gan, "stop_training", epoch == stop_at))
    keep = callbacks.KeepBest("mine", every=2)
    gan.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=[writer, keep, stop])
    assert (keep.best, keep.best_epoch) == ((2.0, 3) if stop_at is None else (3.0, 1))
    for variable, value in zip(gan.sampling_variables, keep._state, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_keep_best_of_a_training_that_is_resumed_after_its_last_epoch(tmp_path):
    recorder, values = Recorder(), iter([1.0, 2.0])

    def used(metric):
        backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"), delete_checkpoint=False, **DOUBLE)
        return callbacks.KeepBest(metric, path=tmp_path / "best"), backup

    fit(compiled(), recorder, *used(lambda gan: next(values)), epochs=2)
    gan = compiled()
    fit(gan, *used(lambda gan: 0.0), epochs=2)
    np.testing.assert_array_equal(gan.generate([0, 1, 2], seed=1), recorder.images[0])


@pytest.mark.skipif(not _compat.KERAS_3, reason="`double_checkpoint` is Keras 3's")
def test_a_run_that_was_killed_while_a_backup_was_written_goes_on_from_the_one_before(tmp_path):
    """What the README shows and says: with both callbacks the resumed run is the one that was not killed."""

    def used(folder):
        keep = callbacks.KeepBest(lambda gan: -float(gan.step.numpy()), path=tmp_path / folder / "best")
        return keep, keras.callbacks.BackupAndRestore(str(tmp_path / folder / "backup"), double_checkpoint=True)

    whole, resumed = compiled(), compiled()
    fit(whole, *used("whole"), epochs=4)
    with pytest.raises(Killed):
        fit(compiled(), *used("killed"), Kill(3), epochs=4)
    weights = tmp_path / "killed" / "backup" / "latest.weights.h5"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    keep, backup = used("killed")
    assert len(fit(resumed, keep, backup, epochs=4)["d_loss"]) == 2  # from the end of the second epoch on
    assert (keep.best, keep.best_epoch) == (-float(whole.step.numpy()), 3)
    assert max_difference(whole, resumed) == 0


def test_keep_best_keeps_the_mean_w_of_a_stylegan(monkeypatch):
    monkeypatch.undo()  # it moves where the loss is computed
    gan = kga.StyleGAN((8, 8, 1), 3, latent_dim=4, width=4, seed=1)
    gan.compile(run_eagerly=True)
    values, means = iter([1.0, 2.0]), []
    each = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: means.append(gan.w_mean.numpy()))
    keep = callbacks.KeepBest(lambda gan: next(values))
    gan.fit(X, Y, batch_size=12, epochs=2, steps_per_epoch=1, verbose=0, callbacks=[keep, each])
    assert not np.array_equal(*means)
    np.testing.assert_array_equal(gan.w_mean.numpy(), means[0])


def test_collapse_alarm_warns_of_the_class_that_collapsed(monkeypatch):
    gan = compiled()
    real = np.random.default_rng(0).integers(0, 255, X.shape).astype("uint8")

    def generate(labels, seed=None):
        images = np.random.default_rng(1).integers(0, 255, [len(labels), 8, 8, 1]).astype("float32")
        images[np.asarray(labels) == 1] *= 0.1
        return images

    monkeypatch.setattr(gan, "generate", generate)
    with pytest.warns(UserWarning, match=r"class 1 collapsed: two samples differ by 10%") as caught:
        history = fit(gan, callbacks.CollapseAlarm(real, Y))
    assert sum("collapsed" in str(warning.message) for warning in caught) == 1  # once, not after each epoch
    np.testing.assert_allclose(history["diversity"], [0.1] * 5, atol=0.01)
    with pytest.warns(UserWarning, match="collapsed"):
        assert len(fit(gan, callbacks.CollapseAlarm(real, Y, stop=True))["d_loss"]) == 1


def test_collapse_alarm_is_silent_about_a_diverse_gan(recwarn):
    gan = small_gan(num_classes=None)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    own = gan.generate(40, seed=3)
    history = fit(gan, callbacks.CollapseAlarm(own, every=2, samples=40))
    assert len(history["diversity"]) == 2
    assert min(history["diversity"]) > 0.9
    assert not [warning for warning in recwarn if "collapsed" in str(warning.message)]


def test_collapse_alarm_leaves_out_classes_without_images_and_names_samples_that_are_not_finite(monkeypatch):
    gan = small_gan()
    alarm = callbacks.CollapseAlarm(X[Y != 1], Y[Y != 1], samples=4)
    alarm.set_model(gan)
    asked, generate = [], gan.generate
    monkeypatch.setattr(gan, "generate", lambda labels, seed: asked.append(labels) or generate(labels, seed=seed))
    assert np.isnan(alarm.diversity()).tolist() == [False, True, False]
    np.testing.assert_array_equal(asked[0], np.repeat([0, 2], 4))
    with_state(gan, float("nan"))
    with pytest.raises(ValueError, match=r"must give finite.*Received"):
        alarm.on_epoch_end(0)


def test_sample_grid_writes_a_row_for_each_class(tmp_path):
    gan = compiled()
    fit(gan, callbacks.SampleGrid(tmp_path / "grids" / "{epoch}.png", every=2, columns=4, zoom=3), epochs=4)
    assert sorted(path.name for path in (tmp_path / "grids").iterdir()) == ["2.png", "4.png"]
    picture = tf.io.decode_png((tmp_path / "grids" / "4.png").read_bytes()).numpy()
    assert picture.shape == (3 * (3 * 9 - 1), 3 * (4 * 9 - 1), 1)
    small = picture[::3, ::3, 0]
    expected = np.round(gan.generate(np.repeat([0, 1, 2], 4), seed=0)).astype("uint8")
    for row in range(3):
        for column in range(4):
            tile = small[9 * row : 9 * row + 8, 9 * column : 9 * column + 8]
            np.testing.assert_array_equal(tile, expected[4 * row + column, ..., 0])


def drawn(channels, tmp_path, name="grid.png", value_range=(0, 255)):
    """One image of each class in a grid without zoom, as read from its file, and what the GAN generates."""
    gan = small_gan((8, 8, channels), value_range=value_range)
    grid = callbacks.SampleGrid(tmp_path / name, columns=1, zoom=1)
    grid.set_model(gan)
    grid.on_epoch_end(0)
    low, high = value_range
    images = (gan.generate([0, 1, 2], seed=0) - low) / (high - low)
    return (tmp_path / name).read_bytes(), images


@pytest.mark.parametrize("value_range", [(0, 255), (-1, 1)])
def test_sample_grid_composes_colour_with_alpha_on_white(value_range, tmp_path):
    content, images = drawn(4, tmp_path, value_range=value_range)
    picture = tf.io.decode_png(content).numpy()
    assert picture.shape == (3 * 9 - 1, 8, 3)
    for row in range(3):
        colour, alpha = images[row, ..., :3], images[row, ..., 3:]
        np.testing.assert_allclose(picture[9 * row : 9 * row + 8], 255 * (colour * alpha + 1 - alpha), atol=0.51)


@pytest.mark.parametrize("channels", [2, 5])
def test_sample_grid_draws_each_of_other_channels_in_grey(channels, tmp_path):
    content, images = drawn(channels, tmp_path)
    picture = tf.io.decode_png(content).numpy()
    assert picture.shape == (3 * 9 - 1, 8 * channels, 1)
    for row, channel in itertools.product(range(3), range(channels)):
        tile = picture[9 * row : 9 * row + 8, 8 * channel : 8 * channel + 8, 0]
        np.testing.assert_allclose(tile, 255 * images[row, ..., channel], atol=0.51)


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("a.jpg", b"\xff\xd8"), ("a.JPEG", b"\xff\xd8")])
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_sample_grid_writes_what_the_suffix_says(name, begins, channels, tmp_path):
    content, images = drawn(channels, tmp_path, name)
    assert content.startswith(begins)
    if channels == 1:
        picture = tf.io.decode_image(content).numpy()
        np.testing.assert_allclose(picture[9:17, :, 0], 255 * images[1, ..., 0], atol=12)


def test_no_grid_is_drawn_of_samples_that_are_not_finite(tmp_path):
    gan = with_state(small_gan(), float("nan"))
    grid = callbacks.SampleGrid(tmp_path / "a.png")
    grid.set_model(gan)
    with pytest.raises(ValueError, match=r"must give finite.*Received"):
        grid.on_epoch_end(0)


def test_sample_grid_names_its_rows(tmp_path):
    gan, names = small_gan(), ["a long name", "b", "c"]
    plain, named = (callbacks.SampleGrid(columns=2, zoom=4, class_names=each) for each in (None, names))
    for grid in (plain, named):
        grid.set_model(gan)
    height, width, _ = plain.grid().shape
    picture = named.grid()
    margin = picture[:, :-width, 0]
    np.testing.assert_array_equal(picture[:, -width:], plain.grid())
    ink = [(margin[36 * row : 36 * row + 32] < 128).any(0) for row in range(3)]
    assert picture.shape[0] == height
    assert all(row.any() for row in ink)
    assert np.flatnonzero(ink[0])[0] < np.flatnonzero(ink[1])[0]  # a long name begins further left
    gan.condition = kga.conditions.of(3, class_names=names)
    np.testing.assert_array_equal(plain.grid(), picture)  # the GAN knows the names


def test_sample_grid_without_pillow(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    gan = small_gan()
    gan.condition = kga.conditions.of(3, class_names=["a", "b", "c"])
    grid = callbacks.SampleGrid(columns=1, zoom=1)
    grid.set_model(gan)
    with pytest.warns(UserWarning, match=r"need Pillow: pip install"):
        assert grid.grid().shape == (26, 8, 1)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"`class_names` needs Pillow.*keras_ganaug\[images\]"):
        callbacks.SampleGrid(class_names=["a", "b", "c"])


def test_time_left_counts_from_where_a_fit_begins():
    out = io.StringIO()
    fit(compiled(), callbacks.TimeLeft(out), initial_epoch=3)
    lines = out.getvalue().splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 4/5", "epoch 5/5"]
    assert "d_loss" in lines[0]
    assert lines[-1].endswith(" 0 s left")


@pytest.mark.parametrize("verbose", [1, 2])
def test_time_left_has_a_line_of_its_own_below_the_bar(capsys, verbose):
    compiled().fit(X, Y, batch_size=24, epochs=2, verbose=verbose, callbacks=[callbacks.TimeLeft()])
    lines = capsys.readouterr().out.replace("\r", "\n").replace("\b", "").splitlines()
    assert [line.split("  ")[0] for line in lines if " left" in line] == ["epoch 1/2", "epoch 2/2"]
    first, second, last = (lines.index(next(x for x in lines if x.startswith(s))) for s in ("epoch 1", "Epoch 2", "epoch 2"))
    assert first < second < last
    assert "d_loss" in lines[first - 1] and "d_loss" in lines[last - 1]  # each below its bar


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("metric", lambda: callbacks.KeepBest(3)),
        ("mode", lambda: callbacks.KeepBest("g_loss", mode="lowest")),
        ("every", lambda: callbacks.KeepBest("g_loss", every=0)),
        ("metric", lambda: fit(compiled(), callbacks.KeepBest("fid"))),
        ("metric", lambda: fit(compiled(), callbacks.KeepBest(lambda gan: None))),
        ("threshold", lambda: callbacks.CollapseAlarm(X, Y, threshold=1.0)),
        ("stop", lambda: callbacks.CollapseAlarm(X, Y, stop="no")),
        ("samples", lambda: callbacks.CollapseAlarm(X, Y, samples=1)),
        ("images", lambda: callbacks.CollapseAlarm(X[:0], Y[:0])),
        ("images", lambda: callbacks.CollapseAlarm(X[:3], [0, 1, 2])),
        ("labels", lambda: callbacks.CollapseAlarm(X, Y[:3])),
        ("labels", lambda: fit(compiled(), callbacks.CollapseAlarm(X))),
        ("path", lambda: callbacks.SampleGrid(None)),
        ("class_names", lambda: callbacks.SampleGrid(class_names=["a", "b"]).set_model(small_gan())),
        ("columns", lambda: callbacks.TensorBoard(columns=0)),
        ("images", lambda: callbacks.TensorBoard(images=X[:0], labels=Y[:0])),
        ("path", lambda: callbacks.SampleGrid("{foo}.png")),
        ("path", lambda: callbacks.SampleGrid("grid.gif")),
        ("path", lambda: callbacks.SampleGrid("grid")),
        ("path", lambda: callbacks.SampleGrid("{epoch}.png/{epoch}")),
        ("path", lambda: callbacks.KeepBest("g_loss", path=__file__)),
        ("path", lambda: callbacks.KeepBest("g_loss", path=pathlib.Path(__file__) / "within")),
        ("path", lambda: callbacks.SampleGrid("{}.png")),
        ("path", lambda: callbacks.SampleGrid(str(pathlib.Path(__file__).parent))),
        ("columns", lambda: callbacks.SampleGrid(columns=0)),
    ],
)
def test_bad_calls(argument, call):
    with pytest.raises((ValueError, TypeError), match=rf"`{argument}`.*Received"):
        call()


@pytest.mark.parametrize("images", [X[:, :4], X])
def test_collapse_alarm_wants_images_and_labels_of_the_gan_before_it_trains(images):
    gan = compiled()
    labels = Y if images is not X else Y + 1  # of classes 1 to 3, where there are 0 to 2
    with pytest.raises(ValueError, match=r"Received"):
        fit(gan, callbacks.CollapseAlarm(images, labels))
    assert int(gan.step.numpy()) == 0
    with pytest.warns(UserWarning, match="scaled differently"):
        callbacks.CollapseAlarm(X / 255.0, Y).set_model(gan)


ATTRIBUTES = {"brightness": Y, "style": np.arange(len(Y)) // 3 % 2}


@pytest.fixture(scope="module")
def of_attributes():
    return kga.SNGAN((8, 8, 1), {"brightness": 3, "style": 2}, latent_dim=4, width=4, seed=1)


def test_sample_grid_has_a_row_for_each_combination_of_attributes(of_attributes):
    grid = callbacks.SampleGrid(columns=2, zoom=1)
    grid.set_model(of_attributes)
    picture = grid.grid()
    combinations = [(brightness, style) for brightness in range(3) for style in range(2) for _ in range(2)]
    expected = np.round(of_attributes.generate(np.array(combinations), seed=0))
    for number, image in enumerate(expected):
        row, column = divmod(number, 2)
        np.testing.assert_array_equal(picture[9 * row : 9 * row + 8, 9 * column : 9 * column + 8], image)


def test_sample_grid_draws_combinations_where_there_are_too_many():
    grid = callbacks.SampleGrid(columns=2, rows=3, zoom=1)
    grid.set_model(kga.SNGAN((8, 8, 1), {str(n): 2 for n in range(40)}, latent_dim=4, width=4, seed=1))
    assert grid.grid().shape == (26, 17, 1)
    assert grid.grid().tolist() == grid.grid().tolist()


def test_collapse_alarm_looks_at_each_combination_of_attributes_that_there_is(of_attributes, monkeypatch):
    real = np.random.default_rng(0).integers(0, 255, X.shape).astype("uint8")
    rows = (ATTRIBUTES["brightness"] != 1) | (ATTRIBUTES["style"] != 1)
    alarm = callbacks.CollapseAlarm(real[rows], {name: values[rows] for name, values in ATTRIBUTES.items()})
    alarm.set_model(of_attributes)
    asked = []

    def generate(labels, seed):
        asked.append(np.unique(labels, axis=0).tolist())
        images = np.random.default_rng(1).integers(0, 255, [len(labels), 8, 8, 1]).astype("float32")
        images[(labels == [2, 0]).all(1)] *= 0.1
        return images

    monkeypatch.setattr(of_attributes, "generate", generate)
    with pytest.warns(UserWarning, match=r"class brightness 2, style 0 collapsed: two samples differ by (9|10|11)%"):
        alarm.on_epoch_end(0)
    assert asked == [[[0, 0], [0, 1], [1, 0], [2, 0], [2, 1]]]
    with pytest.raises(ValueError, match=r"`labels`.*Received"):
        callbacks.CollapseAlarm(real, {"brightness": Y, "style": Y[:3]})
