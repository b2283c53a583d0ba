"""The callbacks of long trainings."""

import io
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import Kill, Killed, small_data, small_gan

import keras_ganaug as kga
from keras_ganaug import callbacks

X, Y = small_data()


def compiled(**options):
    gan = small_gan(**options)
    gan.compile(keras.optimizers.Adam(5e-3), keras.optimizers.Adam(5e-3), ema_decay=0.5)
    return gan


def fit(gan, *used, epochs=5, **options):
    y = None if gan.num_classes is None else Y
    return gan.fit(X, y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(used), **options).history


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
    with pytest.raises(ValueError, match=r"`path` must be the folder in which this training was kept.*Received"):
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
    for variable, value in zip(gan.sampling_state, keep._state, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_keep_best_of_a_training_that_is_resumed_after_its_last_epoch(tmp_path):
    recorder, values = Recorder(), iter([1.0, 2.0])

    def used(metric):
        backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"), delete_checkpoint=False)
        return callbacks.KeepBest(metric, path=tmp_path / "best"), backup

    fit(compiled(), recorder, *used(lambda gan: next(values)), epochs=2)
    gan = compiled()
    fit(gan, *used(lambda gan: 0.0), epochs=2)
    np.testing.assert_array_equal(gan.generate([0, 1, 2], seed=1), recorder.images[0])


def test_keep_best_keeps_the_mean_w_of_a_stylegan():
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


def test_sample_grid_for_tensorboard(tmp_path):
    gan = small_gan(num_classes=None, value_range=(-1, 1))
    gan.compile()
    gan.fit(X / 127.5 - 1, batch_size=8, verbose=0, callbacks=[callbacks.SampleGrid(None, rows=2, log_dir=tmp_path)])
    (events,) = tmp_path.glob("events*")
    found = [
        value.tensor.string_val[2]
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
        if value.tag == "samples"
    ]
    assert tf.io.decode_png(found[0]).shape == (2 * (2 * 9 - 1), 2 * (8 * 9 - 1), 1)


def test_time_left_counts_from_where_a_fit_begins():
    out = io.StringIO()
    fit(compiled(), callbacks.TimeLeft(out), initial_epoch=3)
    lines = out.getvalue().splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 4/5", "epoch 5/5"]
    assert "d_loss" in lines[0]
    assert lines[-1].endswith(" 0 s left")


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
        ("path", lambda: callbacks.SampleGrid("{foo}.png")),
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
    with pytest.warns(UserWarning, match="scaled otherwise"):
        callbacks.CollapseAlarm(X / 255.0, Y).set_model(gan)
