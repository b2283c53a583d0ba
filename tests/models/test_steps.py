"""`fit(steps=...)`: a number of steps, however many images there are, and what is told of far too few."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import Kill, Killed, max_difference, small_data, small_gan, weights

import keras_ganaug as kga
from keras_ganaug import _compat
from keras_ganaug.models import schedule

X, Y = small_data()
DOUBLE = {"double_checkpoint": True} if _compat.KERAS_3 else {}
BATCHES = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
UNKNOWN = BATCHES.filter(lambda x, y: True)
FEW = "far too few for images of 8×8"


def compiled(**options):
    gan = small_gan()
    gan.compile(**options)
    return gan


class Steps(keras.callbacks.Callback):
    """The step counter at the end of each epoch."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(int(self.model.step.numpy()))


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        ((X, Y), {"steps": 8}, [3, 6, 8]),  # three steps are a pass
        ((X, Y), {"steps": 2}, [2]),
        ((X, Y), {"steps": 9}, [3, 6, 9]),
        ((X, Y), {"steps": 7, "steps_per_epoch": 5}, [5, 7]),
        ((BATCHES,), {"steps": 7}, [3, 6, 7]),
        ((BATCHES.repeat(),), {"steps": 3}, [1, 2, 3]),
        ((UNKNOWN,), {"steps": 5, "steps_per_epoch": 3}, [3, 5]),
        ((X, Y), {"steps": 7, "initial_epoch": 1}, [3, 4]),
    ],
)
def test_so_many_steps_are_trained(data, options, expected):
    gan, steps = compiled(run_eagerly=True), Steps()
    size = {} if len(data) == 1 else {"batch_size": 8}
    history = gan.fit(*data, **size, **options, verbose=0, callbacks=[steps])
    assert steps.seen == expected
    assert len(history.history["d_loss"]) == len(expected)


def test_many_steps_are_a_hundred_epochs():
    stream = kga.datasets.streams.from_dataset(BATCHES, small_gan(), True)
    plan = schedule.of(stream, 1, 0, None, 10_001)
    assert (plan.epochs, plan.steps_per_epoch, plan.steps_of_last_epoch, plan.steps) == (100, 101, 2, 10_001)
    assert plan.whole_epochs
    assert schedule.of(stream, 5, 1, None, None)[:3] == (5, 3, 12)


def test_they_resume_exactly(tmp_path):
    start = weights(small_gan())

    def run(*callbacks):
        gan = compiled(run_eagerly=True)
        gan.set_weights(start)
        gan.fit(X, Y, batch_size=12, verbose=0, callbacks=callbacks, steps=3)
        return gan

    straight = run()
    with pytest.raises(Killed):
        run(keras.callbacks.BackupAndRestore(tmp_path / "backup", **DOUBLE), Kill(1))  # before the last epoch, of one step
    resumed = run(keras.callbacks.BackupAndRestore(tmp_path / "backup", **DOUBLE))
    assert int(resumed.step.numpy()) == 3
    assert max_difference(straight, resumed) == 0


@pytest.mark.parametrize("times", [{"steps": 3, "epochs": 2}, {"steps": 0}, {"steps": 2.5}, {"steps": True}])
def test_what_is_no_number_of_steps(times):
    with pytest.raises(ValueError, match=r"`steps` .*Received"):
        compiled().fit(X, Y, verbose=0, **times)


def told_of(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(warning.message) for warning in caught if FEW in str(warning.message)]


def test_far_too_few_steps_are_told_once_with_a_figure(capsys):
    gan = compiled(run_eagerly=True)
    told = told_of(lambda: [gan.fit(X, Y, epochs=1, verbose=2) for _ in range(2)])
    assert len(told) == 1
    assert "1 training steps" in told[0]
    assert "steps=1000" in told[0]
    assert not told_of(lambda: compiled(run_eagerly=True).fit(X, Y, verbose=0))
    gan.step.assign(1000)  # of earlier fits
    gan.training_record.told._what.clear()
    assert not told_of(lambda: gan.fit(X, Y, verbose=2))


def test_what_to_try():
    sizes = {(8, 8, 1): 1000, (28, 28, 1): 4000, (64, 64, 3): 8000, (32, 128, 3): 8000, (256, 256, 3): 32_000}
    assert {shape: schedule.steps_to_try(shape) for shape in sizes} == sizes
    assert np.all([isinstance(schedule.steps_to_try(shape), int) for shape in sizes])
