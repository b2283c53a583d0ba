"""Checks the arguments of `compile` and `fit`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import keras

from keras_ganaug import _addons, _checks, _compat, _replicas, losses
from keras_ganaug.discriminator_augment.augment import as_augment
from keras_ganaug.penalties.penalty import as_penalty


def check(model: Any, given: dict[str, Any], label_smoothing: float) -> tuple[dict[str, Any], tuple]:
    """Checks the settings of a training, and fills in the paper's values where none are given.

    Returns them as a dict of the model's attributes, and a tuple of the penalties and the augmentation.

    Args:
        model: An `AdversarialModel`. The state of penalties and of the augmentation is created for it.
        given: The arguments of `compile`: `NAME_optimizer` for each player, `loss`, `penalties`, `augment`, `d_steps` and
            `ema_decay`; None means the paper's value.
        label_smoothing: The one-sided label smoothing.
    """
    settings = model.paper_settings()
    unknown = sorted(given.keys() - settings.keys())
    if unknown:
        raise TypeError(f"`compile` of {type(model).__name__} takes no {unknown}. Expected: some of {sorted(settings)}")
    if model.own_loss and (given["loss"] is not None or label_smoothing):
        raise ValueError(
            f"`loss` and `label_smoothing` do not apply to {type(model).__name__}, which has its own loss. "
            f"Received: loss={given['loss']!r}, label_smoothing={label_smoothing!r}"
        )
    check_trainable(model)
    settings |= {name: value for name, value in given.items() if value is not None}
    dtype = compute_dtype(model)
    checked = {f"{name}_optimizer": _optimizer(settings, f"{name}_optimizer", dtype) for name in model.player_networks}
    named: dict[int, str] = {}
    for name, optimizer in checked.items():
        other = named.setdefault(id(optimizer), name)
        if other != name:
            raise ValueError(f"`{other}` and `{name}` must be two objects. Received: the same one twice")
    penalties = settings["penalties"]
    penalties = penalties if isinstance(penalties, Sequence) and not isinstance(penalties, str) else (penalties,)
    twice = [penalty for n, penalty in enumerate(penalties) if any(penalty is other for other in penalties[:n])]
    if twice:
        raise ValueError(f"`penalties` must be different objects. Received: {twice[0]!r} twice")
    parts: tuple[Any, ...] = (*map(as_penalty, penalties), as_augment(settings["augment"]))
    unused = [part.players for part in parts[:-1] if not set(part.players) & model.player_networks.keys()]
    if unused:
        raise ValueError(f"`penalties` must be for players among {[*model.player_networks]}. Received: one for {unused[0]}")
    if _checks.fraction(settings["ema_decay"], "ema_decay") == 1.0:
        raise ValueError("`ema_decay` must be below 1. Received: ema_decay=1.0")
    loss = losses.get(settings["loss"])
    checked |= {
        "adversarial_loss": loss.smoothed(label_smoothing) if label_smoothing else loss,
        "penalties": tuple(penalties),
        "augment": settings["augment"],
        "d_steps": _checks.positive_int(settings["d_steps"], "d_steps"),
        "ema_decay": float(settings["ema_decay"]),
    }
    for part in parts:
        part.attach(model.networks)
    for part in parts:
        part.check(model)
    return checked, parts


def check_fit(model: Any, callbacks: Any, epochs: Any, initial_epoch: Any, steps_per_epoch: Any, steps: Any) -> None:
    """Checks the arguments of `fit` other than the data, and that the model can be trained."""
    if model.training_state.trained is None:
        raise ValueError("`compile()` must be called before `fit()`. Received: a model that is not compiled")
    _replicas.check_scope(model)
    check_callbacks(callbacks)
    check_trainable(model, model.training_state.trained)
    _checks.positive_int(epochs, "epochs")
    _checks.non_negative_int(initial_epoch, "initial_epoch")
    for name, value in (("steps_per_epoch", steps_per_epoch), ("steps", steps)):
        if value is not None:
            _checks.positive_int(value, name)
    if steps is not None and epochs != 1:
        raise ValueError(f"`steps` replaces `epochs`: give only one of them. Received: steps={steps}, epochs={epochs}")


def compute_dtype(model: Any) -> str:
    """The lowest precision that gradients pass through: the lowest dtype of any layer in the networks."""
    layers = [layer for network in model.networks.values() for layer in network._flatten_layers()]
    dtypes = {layer.compute_dtype for layer in layers if not isinstance(layer, keras.Model)}
    return "float16" if "float16" in dtypes else "float32"


def check_trainable(model: Any, trained: set[int] | None = None) -> None:
    """Checks that each network has weights to train, and that all of them are in `trained`, a set of ids."""
    for name, network in ((model.player_networks[player], network) for player, network in model.networks.items()):
        if not network.trainable_weights:
            frozen = "all of which are frozen" if network.weights else "which has none"
            raise ValueError(
                f"`{name}` must have weights to train. A GAN trains its networks in turn without freezing any: set "
                f"`{name}.trainable = True`, for its layers too, before `compile`. "
                f"Received: {len(network.weights)} weights of {network.name!r}, {frozen}"
            )
        new = [weight for weight in network.trainable_weights if trained is not None and id(weight) not in trained]
        if new:
            raise ValueError(
                f"`{name}` must have the weights to train that it had in `compile`: call `compile` again after setting "
                f"layers trainable. Received: {len(new)} more weights of {network.name!r} to train"
            )


def check_jit_compile(jit_compile, run_eagerly, model):
    """The `jit_compile` to pass to Keras: True, False, or "auto" if Keras decides for itself."""
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
            # Keras 2 has no such argument: it always writes its checkpoints atomically.
            warnings.warn(
                "`BackupAndRestore` loses the whole training if it is killed while it writes: pass "
                "`double_checkpoint=True`, or use `keras_ganaug.callbacks.Backup`, which also continues exactly within an "
                "epoch. Received: double_checkpoint=False",
                stacklevel=3,
            )
        if isinstance(callback, schedulers):
            raise ValueError(
                "`callbacks` that set the learning rate support only one optimizer, but a GAN has two: give `g_optimizer` "
                f"and `d_optimizer` a keras.optimizers.schedules.LearningRateSchedule. Received: {type(callback).__name__}"
            )


def _optimizer(settings, name, compute_dtype):
    identifier = settings[name]
    try:
        optimizer = keras.optimizers.get(identifier)
    except (ValueError, TypeError) as error:
        raise ValueError(f"`{name}` must be a Keras optimizer or the name of one. Received: {identifier!r}") from error
    optimizer = _addons.as_optimizer(optimizer)
    _replicas.check_optimizer(optimizer, name)
    optimizer = _compat.with_loss_scale(optimizer, compute_dtype)
    _compat.forget_traces(optimizer)
    return optimizer
