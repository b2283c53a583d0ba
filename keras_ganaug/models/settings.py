"""What `GAN.compile` is given, checked."""

import copy
import warnings
from collections.abc import Sequence

import keras

from keras_ganaug import _checks, _compat, _replicas, losses


def check(settings, label_smoothing, compute_dtype):
    """The settings of a training as objects.

    Args:
        settings: Dict of `g_optimizer`, `d_optimizer`, `loss`, `penalties`, `augment`, `d_steps` and `ema_decay`.
        label_smoothing, compute_dtype: The one-sided smoothing, and the dtype in which the networks compute.
    """
    optimizers = {name: _optimizer(settings[name], name, compute_dtype) for name in ("g_optimizer", "d_optimizer")}
    if optimizers["g_optimizer"] is optimizers["d_optimizer"]:
        raise ValueError("`g_optimizer` and `d_optimizer` must be two objects. Received: the same one twice")
    penalties = settings["penalties"]
    penalties = tuple(penalties) if isinstance(penalties, Sequence) and not isinstance(penalties, str) else (penalties,)
    for penalty in penalties:
        if not callable(penalty) or isinstance(penalty, type):
            raise TypeError(f"`penalties` must be callables, as in keras_ganaug.penalties. Received: {penalty!r}")
    twice = [penalty for n, penalty in enumerate(penalties) if any(penalty is other for other in penalties[:n])]
    if twice:
        raise ValueError(f"`penalties` must be different objects. Received: {twice[0]!r} twice")
    augment = settings["augment"]
    if augment is not None and (not callable(augment) or isinstance(augment, type)):
        raise TypeError(f"`augment` must be a callable (images, seed) -> images. Received: {augment!r}")
    ema_decay = _checks.fraction(settings["ema_decay"], "ema_decay")
    if ema_decay == 1.0:
        raise ValueError("`ema_decay` must be below 1. Received: ema_decay=1.0")
    return {
        **optimizers,
        "loss": _smoothed(losses.get(settings["loss"]), label_smoothing),
        "penalties": penalties,
        "augment": augment,
        "d_steps": _checks.positive_int(settings["d_steps"], "d_steps"),
        "ema_decay": ema_decay,
    }


def compute_dtype(gan):
    """The lowest dtype through which gradients go: that of any layer of the two networks."""
    layers = [*gan.generator._flatten_layers(), *gan.discriminator._flatten_layers()]
    dtypes = {layer.compute_dtype for layer in layers if not isinstance(layer, keras.Model)}
    return "float16" if "float16" in dtypes else "float32"


def check_trainable(gan, compiled=None):
    """Checks that there is something to train in both networks.

    Args:
        gan: The GAN.
        compiled: The ids of the weights that its optimizers know; None before `compile`.
    """
    for name in ("generator", "discriminator"):
        network = getattr(gan, name)
        if not network.trainable_weights:
            frozen = "all of which are frozen" if network.weights else "which has none"
            raise ValueError(
                f"`{name}` must have weights to train. A GAN trains its two networks in turn and freezes none: set "
                f"`{name}.trainable = True`, for its layers too, before `compile`. "
                f"Received: {len(network.weights)} weights of {network.name!r}, {frozen}"
            )
        new = [weight for weight in network.trainable_weights if compiled is not None and id(weight) not in compiled]
        if new:
            raise ValueError(
                f"`{name}` must have the weights to train that it had in `compile`: call `compile` again "
                f"after layers were set trainable. Received: {len(new)} more weights of {network.name!r} to train"
            )


def check_jit_compile(jit_compile, run_eagerly, model):
    """What Keras is told of XLA: True, False or, where it decides for itself, "auto"."""
    if not (jit_compile == "auto" or isinstance(jit_compile, bool)):
        raise ValueError(f'`jit_compile` must be True, False or "auto". Received: jit_compile={jit_compile!r}')
    if run_eagerly:
        return False
    if jit_compile == "auto":
        return _compat.auto_jit_compile(_replicas.under_strategy(model))
    _replicas.check_jit_compile(jit_compile, model)
    return jit_compile


def check_callbacks(callbacks):
    """Checks the callbacks of `fit`: None, one, a list of them, or Keras's own container."""
    if callbacks is None or isinstance(callbacks, keras.callbacks.CallbackList):
        return
    schedulers = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(f"`callbacks` must be a list of Keras callbacks. Received: {callback!r}")
        if isinstance(callback, keras.callbacks.BackupAndRestore) and not getattr(callback, "double_checkpoint", True):
            # Keras 2 has no such argument: it writes its checkpoints aside.
            warnings.warn(
                "`BackupAndRestore` loses the whole training if it is killed while it writes: give it "
                "`double_checkpoint=True`. Received: double_checkpoint=False",
                stacklevel=3,
            )
        if isinstance(callback, schedulers):
            raise ValueError(
                "`callbacks` that set the learning rate know one optimizer, and a GAN has two: give `g_optimizer` and "
                f"`d_optimizer` a keras.optimizers.schedules.LearningRateSchedule. Received: {type(callback).__name__}"
            )


def _optimizer(identifier, name, compute_dtype):
    try:
        optimizer = keras.optimizers.get(identifier)
    except (ValueError, TypeError) as error:
        raise ValueError(f"`{name}` must be a Keras optimizer or the name of one. Received: {identifier!r}") from error
    optimizer = _compat.as_optimizer(optimizer)
    _replicas.check_optimizer(optimizer, name)
    return _compat.with_loss_scale(optimizer, compute_dtype)


def _smoothed(adversarial_loss, label_smoothing):
    if not label_smoothing:
        return adversarial_loss
    if not isinstance(adversarial_loss, losses.AdversarialLoss):
        raise ValueError(
            "`label_smoothing` needs a loss of `keras_ganaug.losses`; a loss of your own smooths its targets itself. "
            f"Received: label_smoothing={label_smoothing!r}, loss={adversarial_loss!r}"
        )
    smoothed = copy.copy(adversarial_loss)  # with whatever a subclass has besides
    losses.AdversarialLoss.__init__(smoothed, label_smoothing)
    return smoothed
