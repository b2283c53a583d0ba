"""What TensorBoard is given, read back from its files."""

import sys
import warnings

import numpy as np
import pytest
import tensorflow as tf
from tools import small_data, small_gan

import keras_ganaug as kga
from keras_ganaug import callbacks

pytest.importorskip("tensorboard")
pytestmark = pytest.mark.usefixtures("eager")
X, Y = small_data()


def logged(folder):
    """By tag the values in all files of a folder, in the order of their steps."""
    found = {}
    for file in sorted(folder.rglob("events*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, tf.make_ndarray(value.tensor)))
    return {tag: dict(sorted(values, key=lambda each: each[0])) for tag, values in found.items()}


def test_tensorboard_has_losses_samples_diversity_and_the_probability(tmp_path):
    gan, names = small_gan(), ["ant", "bee", "cat"]
    gan.compile(augment=kga.AdaptiveAugment("translation", initial_probability=0.25))
    board = callbacks.TensorBoard(tmp_path, X, Y, every=2, columns=3, class_names=names)
    history = gan.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[board]).history
    found = logged(tmp_path)
    for name in ("d_loss", "g_loss", "augment_p"):
        np.testing.assert_allclose([*found[f"epoch_{name}"].values()], history[name], rtol=1e-6)
    assert found["epoch_augment_p"][0] == pytest.approx(0.25, abs=0.01)
    assert [*found["samples"]] == [1]  # every second epoch
    alarm = callbacks.CollapseAlarm(X, Y)
    grid = callbacks.SampleGrid(columns=3, class_names=names)
    for each in (alarm, grid):
        each.set_model(gan)
    for name in names:
        assert [*found[f"diversity/{name}"]] == [1]
    board.set_model(gan)
    board.on_epoch_end(3, {})
    found = logged(tmp_path)
    np.testing.assert_array_equal(tf.io.decode_png(found["samples"][3][2]), grid.grid())
    for name, share in alarm.shares(names).items():
        assert found[f"diversity/{name}"][3] == pytest.approx(share, rel=1e-5)


def test_tensorboard_of_a_gan_without_classes(tmp_path):
    gan = small_gan(num_classes=None)
    gan.compile()
    gan.fit(X, batch_size=8, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path, X)])
    assert {"samples", "diversity/all"} <= {*logged(tmp_path)}


def test_a_full_disk_for_tensorboard(tmp_path, monkeypatch):
    board = callbacks.TensorBoard(tmp_path, columns=1)
    board.set_model(small_gan())
    board.set_params({"epochs": 1})
    board.on_train_begin()

    def refuse(*args, **options):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(tf.summary, "image", refuse)
        with pytest.warns(UserWarning, match="Could not write for TensorBoard; the training continues"):
            board.on_epoch_end(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        board.on_epoch_end(1)
    assert [*logged(tmp_path)["samples"]] == [1]


def test_tensorboard_says_what_to_install_and_what_it_is_for(tmp_path, monkeypatch):
    with pytest.raises(TypeError, match=r"a TensorBoard must be given to the `fit` of a GAN\. Received"):
        callbacks.TensorBoard(tmp_path).set_model(small_gan().generator)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match=r'TensorBoard needs tensorboard.*pip install "keras_ganaug\[tensorboard\]"'):
        callbacks.TensorBoard(tmp_path)
