"""What `GAN.fit` takes, and in which order the images are shown."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import Frame, max_difference, small_data, small_gan

import keras_ganaug as kga
from keras_ganaug.datasets import streams
from keras_ganaug.models import training

X, Y = small_data()
Sequence = getattr(keras.utils, "PyDataset", None) or keras.utils.Sequence


def test_fit_takes_any_real_dtype_and_label_form():
    trained = []
    one_hot = np.eye(3, dtype="float32")
    for x, y in [
        (X, Y),
        (X.astype("float64"), Y.astype("uint8")),
        (X.astype("int32"), Y[:, None]),
        (X.astype("float16"), one_hot[Y]),
        (X, one_hot[Y] > 0),
        (X, Y.astype("float32")),
        (tf.constant(X), tf.constant(Y)),
    ]:
        gan = small_gan()
        gan.compile(run_eagerly=True)
        gan.fit(x, y, batch_size=12, epochs=1, verbose=0)
        trained.append(gan)
    assert all(max_difference(trained[0], gan) < 1e-6 for gan in trained[1:])


def test_fit_takes_attributes_in_any_form_and_order():
    both = {"brightness": Y, "style": np.arange(len(Y)) % 3 // 2}
    swapped = {name: both[name] for name in reversed(both)}

    class Batches(Sequence):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return X, swapped

    trained = []
    for data in [(X, both), (X, swapped), (X, Frame(swapped)), (X, np.stack([*both.values()], 1)), (Batches(),)]:
        gan = kga.SNGAN((8, 8, 1), {"brightness": 3, "style": 2}, latent_dim=4, width=4, seed=1)
        gan.compile(run_eagerly=True)
        gan.fit(*data, batch_size=len(X) if len(data) > 1 else None, shuffle=False, verbose=0)
        trained.append(gan)
    assert all(max_difference(trained[0], gan) < 1e-6 for gan in trained[1:])


def test_a_dataset_trains_like_arrays():
    gans = [small_gan(), small_gan()]
    gans[0].compile()
    gans[0].fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    gans[1].compile()
    gans[1].fit(tf.data.Dataset.from_tensor_slices((X, Y)).batch(8), epochs=2, verbose=0)
    assert max_difference(*gans) < 1e-6


def test_datasets_of_unknown_and_infinite_length():
    data = tf.data.Dataset.from_tensor_slices((X, Y))
    gan = small_gan()
    gan.compile()
    gan.fit(data.filter(lambda x, y: True).batch(8), epochs=2, verbose=0)
    assert int(gan.step.numpy()) == 6
    gan.fit(data.repeat().batch(8), epochs=1, steps_per_epoch=4, verbose=0)
    assert int(gan.step.numpy()) == 10
    gan.compile(d_steps=5)  # 24 images are less than five batches
    history = gan.fit(data.filter(lambda x, y: True).batch(8), epochs=2, verbose=0).history
    assert len(history["d_loss"]) == 2
    assert int(gan.step.numpy()) == 12


def test_an_epoch_sees_every_image_once_in_an_order_of_its_own(monkeypatch):
    x = np.zeros([10, 8, 8, 1], "uint8")
    x[:, 0, 0, 0] = np.arange(10)
    orders = []
    gan = small_gan(num_classes=None)
    gan.compile(run_eagerly=True)

    def spy(model, images, labels):  # it need not learn
        orders.append(np.round((np.asarray(images)[:, 0, 0, 0] + 1) * 127.5))
        return {"d_loss": tf.zeros([])}

    monkeypatch.setattr(training, "step", spy)
    gan.fit(x, batch_size=5, epochs=2, verbose=0)
    first, second = np.concatenate(orders[:2]), np.concatenate(orders[2:])
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second)


def test_class_balanced_sampling_shows_rare_classes_as_often(monkeypatch):
    y = np.array([0] * 20 + [1] * 3 + [2])
    for data in ((X, y), (tf.data.Dataset.from_tensor_slices((X, y)).batch(8),)):
        seen, rows = [], []
        gan = small_gan()
        gan.compile(run_eagerly=True)

        def spy(model, images, labels, seen=seen, rows=rows):  # it need not learn
            rows.extend(np.round((np.asarray(images) + 1) * 127.5).astype("uint8").reshape(len(images), -1))
            seen.extend(np.asarray(labels))
            return {"d_loss": tf.zeros([])}

        monkeypatch.setattr(training, "step", spy)
        gan.fit(*data, **({"batch_size": 8} if len(data) == 2 else {}), epochs=10, class_balanced=True, verbose=0)
        counts = np.bincount(seen, minlength=3)
        assert counts.sum() == 240
        assert counts.max() - counts.min() <= 20
        labels = {row.tobytes(): label for row, label in zip(X.reshape(24, -1), y, strict=True)}
        assert all(labels[row.tobytes()] == label for row, label in zip(rows, seen, strict=True))
        assert len({row.tobytes() for row in rows}) >= 22  # and all images take part


def test_no_thread_of_the_stream_keeps_the_end_of_training_waiting():
    stream = streams.from_arrays(X, Y, small_gan(), 8, True, False)
    assert stream.dataset.options().autotune.enabled is False


class Batches(Sequence):
    """Keras's own way to give batches: 24 images in three, in another order after each epoch."""

    def __init__(self):
        super().__init__()
        self.epochs = 0

    def __len__(self):
        return 3

    def __getitem__(self, number):
        rows = slice(number * 8, number * 8 + 8)
        return X[rows], Y[rows]

    def on_epoch_end(self):
        self.epochs += 1


class Tensor:
    """Like a tensor of torch, which is on another device."""

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    def cpu(self):
        return self.array


class Loader:
    """Like torch's `DataLoader`."""

    def __len__(self):
        return 3

    def __iter__(self):
        return iter([[Tensor(X[n : n + 8]), Tensor(Y[n : n + 8])] for n in (0, 8, 16)])


class Unsized:
    """Gives batches again and again, but does not know how many."""

    def __iter__(self):
        return ({"images": X[n : n + 8], "labels": Y[n : n + 8]} for n in (0, 8, 16))


def rows_shown(monkeypatch, gan, *args, **kwargs):
    """The rows of `X` that a fit shows, in order."""
    shown, number = [], {row.tobytes(): n for n, row in enumerate(X)}

    def step(model, images, labels):
        images = np.round((np.asarray(images) + 1) * 127.5).astype("uint8")
        shown.append([number[row.tobytes()] for row in images])
        np.testing.assert_array_equal(labels, Y[shown[-1]])
        gan.step.assign_add(1)
        return {"d_loss": tf.zeros([])}

    monkeypatch.setattr(training, "step", step)
    gan.compile(run_eagerly=True, d_steps=kwargs.pop("d_steps", 1))
    gan.fit(*args, verbose=0, **kwargs)
    return shown


@pytest.mark.parametrize("cls", [Batches, Loader, Unsized])
def test_objects_that_give_batches_are_read_like_datasets(cls, monkeypatch):
    batches = cls()
    shown = rows_shown(monkeypatch, small_gan(), batches, epochs=2)
    assert [rows[0] for rows in shown] == [0, 8, 16, 0, 8, 16]
    assert getattr(batches, "epochs", 2) >= 1
    shown = rows_shown(monkeypatch, small_gan(), cls(), epochs=1, steps_per_epoch=4, d_steps=2)
    assert [len(rows) for rows in shown] == [16] * 4


def test_a_list_of_images_is_an_array(monkeypatch):
    shown = rows_shown(monkeypatch, small_gan(), list(X), list(Y), batch_size=24, shuffle=False)
    assert shown == [list(range(24))]


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([X[0], X[1, :4]], r"list of images of the same shape.*np\.array.*\(4, 8, 1\)"),
        ([(X[0], 1), (X[1], 2)], r"np\.array\(images\)"),
        ((image for image in X), r"`x` must be.*readable again.*tf\.data\.Dataset\.from_generator"),
        ({"images": X}, "`x` must be a batched tf.data.Dataset.*dict"),
        (3, "`x` must be a batched tf.data.Dataset.*int"),
    ],
    ids=["sizes", "pairs", "generator", "dict", "number"],
)
def test_what_cannot_be_read_names_the_way(x, expected):
    gan = small_gan()
    gan.compile()
    with pytest.raises(TypeError, match=expected):
        gan.fit(x, Y)


def test_a_dataset_of_unknown_length_trains_the_steps_asked_for(monkeypatch):
    unknown = tf.data.Dataset.from_tensor_slices((X, Y)).filter(lambda x, y: True).batch(8)
    shown = rows_shown(monkeypatch, small_gan(), unknown, epochs=3, steps_per_epoch=5)
    assert [rows[0] for rows in shown] == [0, 8, 16] * 5


@pytest.mark.parametrize("d_steps", [1, 2])
def test_an_epoch_of_unknown_length_shows_every_image(d_steps, monkeypatch):
    unknown = tf.data.Dataset.from_tensor_slices((X, Y)).filter(lambda x, y: True).batch(10)
    shown = rows_shown(monkeypatch, small_gan(), unknown, epochs=2, d_steps=d_steps)
    assert len(shown) == 2 * (3 if d_steps == 1 else 2)
    for epoch in np.split(np.array(shown), 2):
        assert set(epoch.ravel()) == set(range(24))


def test_rows_with_several_ones_are_refused_in_a_later_batch_too():
    rows = np.eye(3, dtype="float32")[Y]
    rows[20, :2] = 1
    gan = small_gan()
    gan.compile(run_eagerly=True)
    for data in ((X, rows), (tf.data.Dataset.from_tensor_slices((X, rows)).batch(8),)):
        with pytest.raises(ValueError, match=r"`labels` must be of one class.*multi-label"):
            gan.fit(*data, verbose=0)


def test_bool_labels_are_the_classes_0_and_1():
    gans = [small_gan(num_classes=2), small_gan(num_classes=2)]
    for gan, labels in zip(gans, (Y > 0, (Y > 0).astype("int64")), strict=True):
        gan.compile(run_eagerly=True)
        gan.fit(X, labels, batch_size=24, verbose=0)
        gan.fit(tf.data.Dataset.from_tensor_slices((X, labels)).batch(24), verbose=0)
    assert max_difference(*gans) == 0
