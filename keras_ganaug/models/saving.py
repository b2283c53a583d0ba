"""What a model stores in a `.keras` file besides its weights."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import keras

from keras_ganaug import _compat, _replicas


def compile_config(model: Any) -> dict[str, Any]:
    """The compile config of an `AdversarialModel`. Warns about parts that cannot be loaded again."""
    if model.training_state.trained is None:
        return {}
    parts = {f"{name}_optimizer": getattr(model, f"{name}_optimizer") for name in model.player_networks}
    parts["loss"] = None if model.own_loss else model.adversarial_loss.given
    parts["penalties"] = list(model.penalties)
    parts["augment"] = model.augment
    configs, lost = {}, {}
    for name, part in parts.items():
        try:
            configs[name] = keras.saving.serialize_keras_object(part)
            keras.saving.deserialize_keras_object(copy.deepcopy(configs[name]))  # a copy, since this empties some configs
            _refuse_main(configs[name])
        except Exception as error:  # a user's own part may raise any error
            lost[name] = error
    if lost:
        warnings.warn(
            f"{_named(lost)} cannot be loaded again: Keras loads only registered classes with a `get_config`, and "
            "registered functions, never a lambda. Put `@keras.saving.register_keras_serializable()` above the class or "
            "function. The file that is saved now contains the GAN's weights, but the loaded GAN must be compiled again "
            f"and its optimizers start anew. Received: {_reasons(lost)}",
            stacklevel=2,
        )
    unsaved = {"unsaved": sorted(name for name in lost if name not in configs)}
    configs |= {"d_steps": model.d_steps, "ema_decay": model.ema_decay, **model.training_state.requested}
    return configs | (unsaved if unsaved["unsaved"] else {})


def compile_from_config(model: Any, config: dict[str, Any]) -> None:
    """Compiles a model from `compile_config`. If a part cannot be loaded, warns and leaves the model uncompiled."""
    config = dict(config)
    lost: dict[str, Any] = dict.fromkeys(config.pop("unsaved", ()), "it was not saved")
    parts = {}
    for name, part in config.items():
        try:
            parts[name] = keras.saving.deserialize_keras_object(part)
        except Exception as error:  # a user's own part may raise any error
            lost[name] = error
    for name, network in model.networks.items():
        if not network.trainable_weights:
            lost[model.player_networks[name]] = "it has no weights to train"
    if lost:
        warnings.warn(
            f"The {type(model).__name__} is loaded with its weights but not compiled, without the state of its optimizers: "
            f"{_named(lost)} could not be loaded. To train it further, call `compile` with the original arguments; or "
            "apply `keras.saving.register_keras_serializable` to the class or function and load it again. Received: "
            f"{_reasons(lost)}",
            stacklevel=2,
        )
        return
    parts["jit_compile"] = _replicas.loaded_jit_compile(parts.get("jit_compile", "auto"), model)
    model.compile(**parts)


def config(model: Any, of_keras: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the constructor that recreate a model."""
    config = {
        **{name: value for name, value in of_keras.items() if name in ("name", "trainable", "dtype")},
        "image_shape": model.image_shape,
        "num_classes": model.num_classes,
        "value_range": model.value_range,
        "seed": model.seed,
        "width": model.width,
        **({"class_names": model.class_names} if model.class_names else {}),
        **{name: keras.saving.serialize_keras_object(getattr(model, name)) for name in model.player_networks.values()},
        **({"latent_dim": model.latent_dim} if hasattr(model, "latent_dim") else {}),
        **{name: getattr(model, name) for name in model.own_arguments},
    }
    config.setdefault("dtype", model.dtype_policy.name)  # Keras 2 omits it
    return _compat.stamped(config)


def from_config(cls: Any, config: dict[str, Any], custom_objects: Any = None) -> Any:
    """Makes a model from the result of `config`."""
    config = _compat.unstamped(config, cls.__name__)
    for name in cls.player_networks.values():
        config[name] = keras.saving.deserialize_keras_object(config[name], custom_objects=custom_objects)
    if isinstance(config.get("dtype"), dict):
        config["dtype"] = keras.saving.deserialize_keras_object(config["dtype"])
    return cls(**config)


def _refuse_main(config):
    """Raises an error for a class or function of a script, which Keras 2 finds only while the script runs."""
    for part in config if isinstance(config, list) else config.values() if isinstance(config, dict) else ():
        _refuse_main(part)
    if isinstance(config, dict) and config.get("module") == "__main__":
        if keras.saving.get_registered_object(str(config.get("registered_name"))) is None:
            raise ValueError(f"{config.get('registered_name')} is known only in this script")


def _named(names):
    return " and ".join(f"`{name}`" for name in sorted(names))


def _reasons(lost):
    return "; ".join(f"{name}: {str(lost[name]).strip().splitlines()[0][:200]}" for name in sorted(lost))
