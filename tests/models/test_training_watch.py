"""What `fit` tells: losses that are not finite, classes of which there is no image, backups that a kill destroys."""

import re
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import small_data, small_gan, small_networks

import keras_ganaug as kga
from keras_ganaug import _compat

X, Y = small_data()


def divergent(gan=None, after=1, **options):
    """A GAN whose generator's loss is infinite after one step."""

    def blown_up(context):
        return tf.where(context.step >= after, np.float32(np.inf), 0.0)

    blown_up.players = ("g",)
    gan = gan or small_gan()
    gan.compile(penalties=[blown_up], **options)
    return gan


@pytest.mark.parametrize(
    ("after", "phase"),
    [
        (3, "faded in 8×10 pixels (α = 0.50)"),
        pytest.param(1, "was trained at 4×5 pixels", marks=pytest.mark.long),
        pytest.param(5, "was trained at 8×10 pixels", marks=pytest.mark.long),
    ],
)
def test_a_divergence_names_the_phase(after, phase):
    gan = kga.ProgressiveGAN((8, 10, 1), fade_images=16, stable_images=16, latent_dim=3, width=2, seed=1)
    with pytest.raises(ValueError, match=f"in training step {after + 1}, while it {re.escape(phase)}, the loss of the gen"):
        divergent(gan, after).fit(np.zeros([16, 8, 10, 1], np.float32), batch_size=8, epochs=3, verbose=0)


def data(x=X, y=Y):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(8)


def messages(function, *words):
    """The warnings of a call that have all these words."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    told = [str(warning.message) for warning in caught]
    return [message for message in told if all(word in message for word in words)]


class Kept(keras.callbacks.Callback):
    """Counts the epochs that it could have kept something of."""

    def __init__(self):
        super().__init__()
        self.epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1


@pytest.mark.parametrize("options", [{"steps_per_execution": 3}, {"run_eagerly": True}], ids=str)
def test_a_loss_that_is_not_finite_ends_the_training(options):
    gan, kept = divergent(**options), Kept()
    with pytest.raises(ValueError, match=r"training step 2 .*loss of the generator \(`g_loss`\).*lower learning rates.*R1"):
        gan.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN(), kept])
    assert kept.epochs == 0


@pytest.mark.slow
def test_it_is_seen_in_xla():
    gan = divergent(jit_compile=True)
    with pytest.raises(ValueError, match="training step 2 the loss of the generator"):
        gan.fit(X, Y, batch_size=8, verbose=0)


def test_it_is_seen_in_the_midst_of_an_epoch():
    gan = divergent()
    with pytest.raises(ValueError, match="training step 2"):
        gan.fit(X, Y, batch_size=1, epochs=1, steps_per_epoch=500, verbose=0)
    assert int(gan.step.numpy()) < 200


def test_the_discriminators_loss_comes_first_and_the_weights_tell_too():
    gan = small_gan()
    gan.compile(keras.optimizers.SGD(1e-4), keras.optimizers.SGD(1e38), run_eagerly=True)
    gan.discriminator.set_weights([weight * 1e30 for weight in gan.discriminator.get_weights()])
    with pytest.raises(ValueError, match=r"training step 1 the loss of the discriminator \(`d_loss`\)"):
        gan.fit(X, Y, batch_size=8, verbose=0)
    gan.ema_generator.set_weights([np.full_like(weight, np.nan) for weight in gan.ema_generator.get_weights()])
    with pytest.raises(ValueError, match=r"`SNGAN` must give finite images.*2 of 2"):
        gan.generate([0, 1])


def test_no_backup_is_made_of_it(tmp_path):
    options = {"double_checkpoint": True} if _compat.KERAS_3 else {}
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=1, **options)
    gan = divergent(run_eagerly=True)
    with pytest.raises(ValueError, match="training step 2"):
        gan.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=backup)
    again = small_gan()
    again.compile(run_eagerly=True)

    class Restored(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.step = int(again.step.numpy())

    restored = Restored()
    again.fit(X, Y, batch_size=8, epochs=1, verbose=0, callbacks=[backup, restored])
    assert restored.step == 1


def test_after_it_the_gan_can_be_compiled_anew_and_trained():
    gan = divergent(run_eagerly=True)
    with pytest.raises(ValueError, match="diverged"):
        gan.fit(X, Y, batch_size=8, verbose=0)
    fresh = small_gan()
    gan.set_weights(fresh.get_weights())
    gan.compile(run_eagerly=True)
    assert np.isfinite(gan.fit(X, Y, batch_size=8, verbose=0).history["g_loss"]).all()


def test_gradients_that_overflow_under_a_loss_scale_are_no_divergence():
    scaler = (keras.optimizers if _compat.KERAS_3 else keras.mixed_precision).LossScaleOptimizer
    gan = small_gan()
    optimizers = [scaler(keras.optimizers.SGD(0.01), initial_scale=3e38) for _ in range(2)]
    gan.compile(*optimizers, penalties=[lambda context: 1e4 * tf.reduce_mean(context.real.logits())], run_eagerly=True)
    before = [np.array(weight) for weight in gan.discriminator.trainable_weights]
    gan.fit(X, Y, batch_size=8, verbose=0, steps_per_epoch=1)
    for a, b in zip(before, gan.discriminator.trainable_weights, strict=True):
        np.testing.assert_array_equal(a, np.array(b))  # the step was skipped


def test_a_divergence_on_one_of_two_replicas_is_seen(two_replicas):
    with two_replicas.scope():
        gan = small_gan()
    record = gan.training_record

    def step():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        loss = tf.where(tf.equal(replica, 1), np.float32(np.nan), 0.0)
        record.write(tf.constant(4), tf.reshape(replica, [1]), {"d": [0.0], "g": [0.0, loss]})

    two_replicas.run(tf.function(step))
    assert record.diverged == (5, "g")
    assert gan.unseen_classes == (2,)  # each replica has seen one


def test_arrays_without_a_class_are_told_before_training():
    gan = small_gan(num_classes=4)
    gan.compile(run_eagerly=True)
    assert gan.unseen_classes == ()

    class Begun(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise KeyboardInterrupt

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(KeyboardInterrupt):
            gan.fit(X, Y, verbose=0, callbacks=[Begun()])
    assert any("no image of class 3 (num_classes=4)" in str(warning.message) for warning in caught)


def test_a_dataset_without_a_class_is_told_by_name_after_its_first_epoch():
    gan = small_gan(num_classes=5)
    gan.compile(run_eagerly=True)
    few = data(X[:8], Y[:8])
    few.class_names = ["a", "b", "c", "cat", "dog"]
    told = messages(lambda: gan.fit(few, epochs=2, verbose=0), "no image of")
    assert len(told) == 1
    assert "2 classes: 3 (cat), 4 (dog)" in told[0]
    assert gan.unseen_classes == (3, 4)


def test_part_of_an_epoch_is_told_at_the_end_of_fit():
    gan = small_gan()
    gan.compile(run_eagerly=True)
    in_order = np.sort(Y)
    told = messages(lambda: gan.fit(data(X, in_order), epochs=1, steps_per_epoch=1, verbose=0), "no image of")
    assert len(told) == 1
    assert "2 classes: 1, 2" in told[0]
    fresh = small_gan()
    fresh.compile(run_eagerly=True)
    assert not messages(lambda: fresh.fit(data(X, in_order), epochs=3, steps_per_epoch=1, verbose=0), "no image of")


def test_the_classes_that_were_seen_are_remembered(tmp_path):
    gan = small_gan(num_classes=4)
    gan.compile(run_eagerly=True)
    gan.fit(X[Y < 2], Y[Y < 2], verbose=0)
    assert gan.unseen_classes == (2, 3)
    gan.save(tmp_path / "gan.keras")
    gan.save_weights(tmp_path / "gan.weights.h5")
    loaded = keras.models.load_model(tmp_path / "gan.keras", compile=False)
    assert loaded.unseen_classes == (2, 3)
    loaded.compile(run_eagerly=True)
    # What an earlier fit has shown is not missed.
    told = messages(lambda: loaded.fit(X[Y == 2], Y[Y == 2], verbose=0), "no image of")
    assert len(told) == 1
    assert "class 3" in told[0]
    assert loaded.unseen_classes == (3,)
    other = small_gan(num_classes=4)
    other.load_weights(tmp_path / "gan.weights.h5")
    assert other.unseen_classes == (2, 3)


def test_generate_warns_once_for_each_class_that_was_never_seen():
    gan = small_gan(num_classes=4)
    assert not messages(lambda: gan.generate([0, 3]), "saw no image")
    gan.compile(run_eagerly=True)
    gan.fit(X[Y < 2], Y[Y < 2], verbose=0)
    assert not messages(lambda: gan.generate([0, 1]), "saw no image")
    assert messages(lambda: gan.generate([0, 3, 3]), "saw no image", "class 3,")
    assert not messages(lambda: gan.generate([3]), "saw no image")
    assert messages(lambda: gan.generate([2, 3]), "saw no image", "class 2,")


def test_all_classes_or_none_are_no_matter_for_a_warning():
    for gan, labels in ((small_gan(), Y), (small_gan(num_classes=None), None)):
        gan.compile(run_eagerly=True)
        assert not messages(lambda gan=gan, labels=labels: gan.fit(X, labels, verbose=0), "no image of")
        assert gan.unseen_classes == ()


def test_a_file_that_does_not_tell_which_classes_were_seen():
    gan = small_gan()
    gan.training_record.load_own_variables({})  # as an older file is loaded
    assert gan.unseen_classes == ()
    gan.compile(run_eagerly=True)
    gan.fit(X[Y == 0], Y[Y == 0], verbose=0)
    assert gan.unseen_classes == ()


@pytest.mark.skipif(not _compat.KERAS_3, reason="Keras 2 writes its checkpoints aside")
def test_a_backup_that_a_kill_destroys_is_told(tmp_path):
    gan = small_gan()
    gan.compile(run_eagerly=True)
    for double in (False, True):
        backup = keras.callbacks.BackupAndRestore(tmp_path, double_checkpoint=double)
        told = messages(lambda backup=backup: gan.fit(X, Y, verbose=0, callbacks=[backup]), "double_checkpoint=True")
        assert len(told) == (not double)


@pytest.mark.parametrize("name", ["generator", "discriminator"])
@pytest.mark.parametrize("by_layer", [False, True])
def test_a_frozen_network_is_refused(name, by_layer):
    """Keras-GAN sets `discriminator.trainable = False` for its combined model."""
    expected = rf"`{name}` must have weights to train.*all of which are frozen"
    gan = small_gan()
    gan.compile()
    network = getattr(gan, name)
    for part in network.layers if by_layer else [network]:
        part.trainable = False
    with pytest.raises(ValueError, match=expected):
        gan.fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match=expected):
        gan.compile()


def with_a_frozen_layer():
    """A GAN, and the frozen first layer of its discriminator."""
    networks = small_networks()
    frozen = next(layer for layer in networks["discriminator"].layers if layer.weights)
    frozen.trainable = False
    gan = kga.SNGAN((8, 8, 1), 3, seed=1, **networks)
    gan.compile(run_eagerly=True)
    return gan, frozen


def test_a_network_that_is_frozen_in_part_trains_the_rest():
    gan, _ = with_a_frozen_layer()
    before = gan.discriminator.get_weights()
    gan.fit(X, Y, verbose=0)
    assert [bool((a != b).any()) for a, b in zip(before, gan.discriminator.get_weights(), strict=True)][:2] == [False, False]
    assert any((a != b).any() for a, b in zip(before[2:], gan.discriminator.get_weights()[2:], strict=True))


def test_weights_that_are_set_trainable_after_compile_need_another_compile():
    gan, frozen = with_a_frozen_layer()
    frozen.trainable = True
    with pytest.raises(ValueError, match=r"`discriminator` must have the weights.*call `compile` again.*2 more weights"):
        gan.fit(X, Y, verbose=0)
    gan.compile(run_eagerly=True)
    gan.fit(X, Y, verbose=0)


@pytest.mark.parametrize(("save_freq", "kept"), [("epoch", 3), (1, 5)])
def test_weights_that_the_gradient_of_a_finite_loss_spoils_are_kept_nowhere(tmp_path, save_freq, kept):
    gan = small_gan()

    def root_of_nothing(context):  # 0, with a gradient that is not a number
        weight = _compat.tf_variable(gan.generator.trainable_weights[0])
        nothing = tf.reduce_sum(tf.square(weight - tf.stop_gradient(weight)))
        return tf.where(context.step >= 5, tf.sqrt(nothing), 0.0)

    root_of_nothing.players = ("g",)
    gan.compile(penalties=[root_of_nothing])
    options = {"double_checkpoint": True} if _compat.KERAS_3 else {}
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=save_freq, **options)
    with pytest.raises(ValueError, match="diverged: after training step 6 weights of the generator are not finite"):
        gan.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[backup])
    again, steps = small_gan(), []
    again.compile(run_eagerly=True)
    restored = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: steps.append(int(again.step)))
    again.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[backup, restored])
    assert steps[0] == kept
