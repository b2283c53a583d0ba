"""What `GAN.fit` takes, and in which order the images are shown."""

import numpy as np
import tensorflow as tf
from tools import max_difference, small_data, small_gan

from keras_ganaug.models import training_data

X, Y = small_data()


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
    prepared = gan._prepared
    monkeypatch.setattr(gan, "_prepared", lambda data: orders.append(np.asarray(data)[:, 0, 0, 0]) or prepared(data))
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
        prepared = gan._prepared

        def spy(batch, prepared=prepared, seen=seen, rows=rows):
            rows.extend(np.asarray(batch[0]).reshape(len(batch[0]), -1))
            seen.extend(np.asarray(batch[1]))
            return prepared(batch)

        monkeypatch.setattr(gan, "_prepared", spy)
        monkeypatch.setattr(gan, "_train_step", lambda images, labels: {"d_loss": tf.zeros([])})  # it need not learn
        gan.fit(*data, **({"batch_size": 8} if len(data) == 2 else {}), epochs=10, class_balanced=True, verbose=0)
        counts = np.bincount(seen, minlength=3)
        assert counts.sum() == 240
        assert counts.max() - counts.min() <= 20
        labels = {row.tobytes(): label for row, label in zip(X.reshape(24, -1), y, strict=True)}
        assert all(labels[row.tobytes()] == label for row, label in zip(rows, seen, strict=True))
        assert len({row.tobytes() for row in rows}) >= 22  # and all images take part


def test_no_thread_of_the_stream_keeps_the_end_of_training_waiting():
    stream, _ = training_data.from_arrays(X, Y, small_gan(), 8, True, False)
    assert stream.options().autotune.enabled is False
