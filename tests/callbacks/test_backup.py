"""Backups: a training that was killed ends with the bits of one that was not."""

import itertools
import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import Killed, small_data, small_gan

import keras_ganaug as kga
from keras_ganaug import _compat, _files, callbacks, penalties

X, Y = small_data(20, (4, 4, 1))
pytestmark = pytest.mark.usefixtures("eager")


def sngan(**options):
    gan = small_gan((4, 4, 1), **options)
    augment = kga.AdaptiveAugment("flip,color", kimg=0.1, initial_probability=0.5)
    gan.compile(penalties=[penalties.LeCam(interval=2)], augment=augment)
    return gan


def plain():
    gan = small_gan((4, 4, 1))
    gan.compile()
    return gan


def other(cls, **options):
    def make():
        gan = cls((4, 4, 1), num_classes=3, width=2, seed=1, **options)
        gan.compile()
        return gan

    return make


GANS = {
    "SNGAN": sngan,
    "BEGAN": other(kga.BEGAN, patience=1),
    "StyleGAN": other(kga.StyleGAN, latent_dim=3),
    "ProgressiveGAN": other(kga.ProgressiveGAN, latent_dim=3, fade_images=24, stable_images=8),
    "StarGAN": other(kga.StarGAN),
}


class KillAfter(keras.callbacks.Callback):
    """Ends a training after some steps, as a killed process does."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        self.steps -= 1
        if self.steps == 0:
            raise Killed


def state(gan):
    """All that a training goes on with."""
    optimizers = [getattr(gan, f"{player}_optimizer") for player in gan.networks]
    of_optimizers = [each.variables if _compat.KERAS_3 else each.variables() for each in optimizers]
    layers = [gan.training_record, *gan.running_states]
    weights = [*gan.weights, *itertools.chain(*of_optimizers, *(layer.weights for layer in layers))]
    return [_compat.tf_variable(weight).numpy() for weight in weights]


def check_alike(gan, other):
    for one, two in zip(state(gan), state(other), strict=True):
        np.testing.assert_array_equal(one, two)


def fit(gan, *used, data=(X, Y), **options):
    options = {"batch_size": 8} | options if len(data) == 2 else options
    return gan.fit(*data, **{"steps": 5, "steps_per_epoch": 3, "verbose": 0, **options}, callbacks=[*used])


SLOW = ("BEGAN", "StyleGAN", "ProgressiveGAN", "StarGAN")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long if name in SLOW else ()) for name in GANS])
def test_a_killed_training_ends_like_one_that_was_not(name, tmp_path):
    make = GANS[name]
    whole = make()
    history = fit(whole).history
    for steps in (2, 2):  # after a backup in the middle of an epoch, and in the middle of the next one
        with pytest.raises(Killed):
            fit(make(), callbacks.Backup(tmp_path, every=1), KillAfter(steps))
    resumed = make()
    metrics = fit(resumed, callbacks.Backup(tmp_path, every=1)).history
    check_alike(whole, resumed)
    assert int(resumed.step) == 5
    for metric, values in metrics.items():
        assert values == history[metric][-len(values) :]


def batches(seed=1):
    data = tf.data.Dataset.from_tensor_slices((X, Y))
    return data.shuffle(20, seed=seed).batch(8, drop_remainder=True)


@pytest.mark.parametrize(
    ("make", "times"),
    [
        (batches, {"steps": 5, "steps_per_epoch": 3}),
        (lambda: batches().filter(lambda x, y: True), {"steps": 5, "steps_per_epoch": 3}),
        (lambda: batches().repeat(), {"steps": None, "steps_per_epoch": 3, "epochs": 2}),
        (batches, {"steps": None, "steps_per_epoch": None, "epochs": 3}),
    ],
    ids=["known length", "unknown length", "endless", "epochs"],
)
def test_datasets_go_on_at_their_place(make, times, tmp_path):
    whole, resumed = plain(), plain()
    fit(whole, data=(make(),), **times)
    with pytest.raises(Killed):
        fit(plain(), callbacks.Backup(tmp_path, every=1), KillAfter(4), data=(make(),), **times)
    fit(resumed, callbacks.Backup(tmp_path, every=1), data=(make(),), **times)
    check_alike(whole, resumed)


def test_epochs_that_end_with_the_data_go_on_too(tmp_path):
    """Without a known length, in an order that is the same in each epoch."""
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8).filter(lambda x, y: True)
    times = {"steps": None, "steps_per_epoch": None, "epochs": 2}
    whole, resumed = plain(), plain()
    fit(whole, data=(data,), **times)
    assert int(whole.step) == 6
    with pytest.raises(Killed):
        fit(plain(), callbacks.Backup(tmp_path, every=1), KillAfter(5), data=(data,), **times)
    fit(resumed, callbacks.Backup(tmp_path, every=1), data=(data,), **times)
    check_alike(whole, resumed)


@pytest.mark.parametrize("moment", ["in the weights", "before the record", "before old ones are removed"])
def test_a_kill_while_a_backup_is_written(moment, tmp_path, monkeypatch):
    class AtOnce(BaseException):  # as SIGKILL, it runs no handler
        pass

    counts, write, remove = [0], _files.write, _files.remove

    def die(*args, **kwargs):
        counts[0] += 1
        if counts[0] == 3:
            if moment == "in the weights":
                (tmp_path / ".0.backup_000003.weights.h5").write_bytes(b"half")
            raise AtOnce
        return {"in the weights": save, "before the record": write}.get(moment, remove)(*args, **kwargs)

    gan = plain()
    save = gan.save_weights
    if moment == "in the weights":
        monkeypatch.setattr(gan, "save_weights", die)
    else:
        monkeypatch.setattr(_files, "write" if moment == "before the record" else "remove", die)
    with pytest.raises(AtOnce):
        fit(gan, callbacks.Backup(tmp_path, every=1))
    monkeypatch.undo()
    whole, resumed = plain(), plain()
    with warnings.catch_warnings(record=True) as told:
        fit(resumed, callbacks.Backup(tmp_path, every=1))
    assert not any("backup" in str(each.message) for each in told)
    fit(whole)
    check_alike(whole, resumed)
    assert len([*tmp_path.glob("backup_*")]) == 4  # the last two


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize("kind", ["weights.h5", "json"])
def test_a_file_that_is_cut_short_costs_the_steps_since_the_one_before(kind, tmp_path):
    with pytest.raises(Killed):
        fit(plain(), callbacks.Backup(tmp_path, every=1), KillAfter(5))
    last = sorted(tmp_path.glob(f"*.{kind}"))[-1]
    cut(last)
    whole, resumed, steps = plain(), plain(), []
    count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))
    with pytest.warns(UserWarning, match=f"`folder` has a backup that cannot be read.*Received: .*{last.name[:13]}"):
        fit(resumed, callbacks.Backup(tmp_path, every=1), count)
    fit(whole)
    check_alike(whole, resumed)
    assert steps == [0, 1]  # of the second epoch


def test_what_callbacks_did_at_the_end_of_an_epoch_is_done_again_after_a_kill(tmp_path):
    """The backup comes last, wherever it is in the list."""

    class Die(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise Killed

    seen = []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    with pytest.raises(Killed):
        fit(plain(), callbacks.Backup(tmp_path), Die())
    fit(plain(), callbacks.Backup(tmp_path), note)
    assert seen == [0, 1]


def test_a_training_that_has_ended_is_restored_and_goes_on_if_more_is_asked(tmp_path):
    whole, again, more = plain(), plain(), plain()
    fit(whole, callbacks.Backup(tmp_path))
    history = fit(again, callbacks.Backup(tmp_path))
    assert not history.history
    check_alike(whole, again)
    fit(more, callbacks.Backup(tmp_path), steps=9)
    assert int(more.step) == 9
    straight = plain()
    fit(straight, steps=9)
    check_alike(straight, more)
    fit(more, callbacks.Backup(tmp_path), steps=9)  # in one process, a second `fit` trains further
    assert int(more.step) == 18


def test_a_model_without_a_seed_goes_on_with_the_seed_of_its_backup(tmp_path):
    gan = small_gan((4, 4, 1), seed=None)
    gan.compile()
    with pytest.raises(Killed):
        fit(gan, callbacks.Backup(tmp_path, every=1), KillAfter(4))
    seed, resumed = gan.seed, small_gan((4, 4, 1), seed=None)
    resumed.compile()
    assert resumed.seed != seed
    fit(resumed, callbacks.Backup(tmp_path, every=1))
    assert resumed.seed == seed


def test_the_backup_of_another_training_is_refused(tmp_path):
    fit(plain(), callbacks.Backup(tmp_path), steps=1)
    for wrong in (small_gan((4, 4, 1), num_classes=2), small_gan((4, 4, 1), cls=kga.LSGAN)):
        wrong.compile()
        with pytest.raises(ValueError, match=r"`folder` must be empty, or have the backup of this training.*Received"):
            fit(wrong, callbacks.Backup(tmp_path))
    later = plain()
    fit(later, steps=2)
    with pytest.raises(Killed):
        fit(later, callbacks.Backup(tmp_path / "later", every=1), KillAfter(2))
    with pytest.raises(ValueError, match=r"from step 0 on.*Received.*from step 2 on"):
        fit(plain(), callbacks.Backup(tmp_path / "later"))
    with pytest.raises(ValueError, match=r"`callbacks` must contain at most one `Backup`\. Received: 2"):
        fit(plain(), callbacks.Backup(tmp_path), callbacks.Backup(tmp_path))


def test_a_full_disk_costs_no_training_and_no_backup(tmp_path, monkeypatch):
    gan = plain()
    with pytest.raises(Killed):
        fit(gan, callbacks.Backup(tmp_path, every=1), KillAfter(3))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    resumed = plain()

    def full(path, *args):
        with open(path, "wb") as file:
            file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(resumed, "save_weights", full)
    with pytest.warns(UserWarning, match="Could not write a backup to .*the training continues.*No space left"):
        fit(resumed, callbacks.Backup(tmp_path, every=1))
    assert int(resumed.step) == 5
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_divergence_is_not_backed_up(tmp_path):
    gan = small_gan((4, 4, 1))
    gan.compile(penalties=[lambda context: tf.where(context.step >= 4, np.nan, 0.0)], run_eagerly=True)
    with pytest.raises(ValueError, match="training step 5 the loss of the discriminator"):
        fit(gan, callbacks.Backup(tmp_path, every=1))
    records = [json.loads(file.read_text()) for file in sorted(tmp_path.glob("*.json"))]
    assert [record["taken"] for record in records] == [3, 4]


@pytest.mark.parametrize("every", [0, 1.5, "1"])
def test_what_is_no_number_of_steps(every, tmp_path):
    with pytest.raises((ValueError, TypeError), match=r"`every` .*Received"):
        callbacks.Backup(tmp_path, every=every)


def test_other_models_and_folders_are_refused(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="a Backup must be given to the `fit` of a GAN"):
        model.fit(np.ones([4, 2]), np.ones([4, 1]), callbacks=[callbacks.Backup(tmp_path)], verbose=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"`folder` .*Received"):
        callbacks.Backup(tmp_path / "file")
