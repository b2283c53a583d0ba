"""Monitors `fit`: stops it if the GAN diverges, and reports classes that are missing from the data."""

import warnings

import keras
import numpy as np

from keras_ganaug import _compat, _progress
from keras_ganaug.models.loop import Resuming

_EVERY = 32  # number of batches between two checks, each of which waits for the accelerator


class TrainingWatch(keras.callbacks.Callback):
    """A callback that runs before all others in each `fit`.

    Args:
        others: The callbacks that follow.
        plan: The `Schedule` of the training.
    """

    async_safe = True  # Keras then does not wait for each batch
    _supports_tf_logs = True  # nor does Keras 2

    def __init__(self, others, plan):
        super().__init__()
        # If another callback looks at each batch, Keras waits anyway, and the callback may write a backup.
        self._every = 1 if any(map(_looks_at_batches, others)) else _EVERY
        # Such a callback may write weights in the middle of an epoch.
        self._within_epochs = any(isinstance(getattr(other, "save_freq", None), int) for other in others)
        self._plan, self._batches = plan, 0

    def on_train_begin(self, logs=None):
        self._batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self._batches += 1
        if self._batches % self._every == 0:
            check_finite(self.model, weights=self._within_epochs)

    def on_epoch_end(self, epoch, logs=None):
        check_finite(self.model, weights=True)
        if self._plan.whole_epochs:
            warn_of_unseen(self.model, self.model.unseen_classes)

    def on_train_end(self, logs=None):
        check_finite(self.model, weights=True)
        warn_of_unseen(self.model, self.model.unseen_classes)


def with_watch(callbacks, plan):
    """Puts the watch before the callbacks of a `fit`, so that it checks a loss before they use it."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        others = [each for each in callbacks.callbacks if not isinstance(each, TrainingWatch)]
        callbacks.callbacks[:] = [TrainingWatch(others, plan), *others]
        return callbacks
    others = [] if callbacks is None else list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    others = sorted(others, key=lambda each: isinstance(each, Resuming))  # a backup comes after what others do
    last = plan.steps_of_last_epoch or plan.steps_per_epoch
    total = last and (plan.epochs - 1) * plan.steps_per_epoch + last
    return [TrainingWatch(others, plan), *_progress.with_steps(others, total=total)]


def _looks_at_batches(callback):
    if isinstance(callback, _progress.Steps) or getattr(callback, "save_freq", None) == "epoch":
        return False  # the first does not wait, and Keras's own callbacks then do nothing per batch
    names, base = ("on_train_batch_end", "on_batch_end"), keras.callbacks.Callback
    return any(getattr(type(callback), name, None) is not getattr(base, name) for name in names)


def check_finite(model, weights=False):
    """Raises a ValueError if a loss of this `fit` was not finite.

    Args:
        model: The model.
        weights: Whether to check the weights too. The gradient of a finite loss may be NaN, and the losses show it only one
            step later, when callbacks have already saved the weights. Defaults to False.
    """
    diverged = model.training_record.diverged
    if diverged is not None:
        step, player = diverged
        _raise_diverged(
            model,
            f"in training step {step}{_while(model, step)} the loss of the {model.player_networks[player]} "
            f"(`{player}_loss`) was not a finite number, so its weights are unusable now",
            f"{player}_loss that is NaN or infinite",
        )
    for player, network in model.networks.items() if weights else ():
        values = [_compat.tf_variable(weight) for weight in network.weights]
        if not all(np.isfinite(value.numpy()).all() for value in values if value.dtype.is_floating):
            name, step = model.player_networks[player], int(model.step)
            _raise_diverged(
                model,
                f"after training step {step}{_while(model, step)} weights of the {name} are not finite numbers, though its "
                f"loss (`{player}_loss`) was one",
                f"a {name} with weights that are NaN or infinite",
            )


def _while(model, step):
    """The phase of a training step, counted from 1, as a part of a sentence. Empty for a model without phases."""
    each = int(model.images_seen) / max(int(model.step), 1)
    phase = model.phase(round((step - 1) * each))
    return f", while {phase}," if phase else ""


def _raise_diverged(model, what, received):
    dtypes = {layer.compute_dtype for network in model.networks.values() for layer in network.layers}
    half = "mixed_bfloat16 instead of mixed_float16, " if "float16" in dtypes else ""
    rates = ", ".join(f"`{name}_optimizer`" for name in sorted(model.player_networks, reverse=True))
    raise ValueError(
        f"The {type(model).__name__} diverged: {what}. Make a new one, or load one that was saved before, and "
        f"try lower learning rates ({rates}), {half}a penalty such as "
        "`penalties=[keras_ganaug.penalties.R1()]`, larger batches, or optimizers with `clipnorm=1.0`. "
        f"Received: {received}"
    )


def warn_of_unseen(model, classes, stacklevel=3):
    """Warns, once for each set of classes, that training has no image of them. Pairs of attributes may be missing."""
    classes = tuple(each for each in classes if not isinstance(each, dict) or len(each) == 1)
    if classes and model.training_record.told.first(("fit", classes)):
        warnings.warn(
            f"The training data contain no image of {_in_words(classes, model.condition)} "
            f"(num_classes={model.num_classes}), so `generate` cannot make meaningful images of it. Add images of all "
            "classes, or choose a smaller `num_classes`.",
            stacklevel=stacklevel,
        )


def warn_of_generated(model, labels, stacklevel=3):
    """Warns, once for each class or combination, if images are requested that training has not seen."""
    told = model.training_record.told
    new = [each for each in model.condition.extrapolates(labels, model.unseen_classes) if told.first(each)]
    if new:
        these = "are an extrapolation" if model.condition.label_shape else "are not of that class"
        warnings.warn(
            f"`labels` ask for {_in_words(new, model.condition)}, for which the {type(model).__name__} saw no image in "
            f"training: these images {these}.",
            stacklevel=stacklevel,
        )


def _in_words(classes, condition):
    if isinstance(classes[0], dict):
        parts = [{name: (condition.attribute(name), value) for name, value in each.items()} for each in classes]
        names = [" and ".join(f"{name} {of.label_names(value)[0]}" for name, (of, value) in p.items()) for p in parts]
        kind = "value" if len(classes[0]) == 1 else "combination"
    else:
        kind, named = "class", condition.class_names
        names = [f"{each} ({condition.label_names(each)[0]})" if named else str(each) for each in classes]
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    number = kind if len(names) == 1 else f"{len(names)} {kind}{'es' if kind == 'class' else 's'}:"
    return f"{number} {', '.join(names[:20])}{more}"
