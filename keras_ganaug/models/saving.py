"""What a GAN writes into a `.keras` file beside its weights."""

import copy
import warnings

import keras

from keras_ganaug import _compat, _files, _replicas


class Saving(_files.WrittenAside):
    """The part of a GAN that goes into configs and comes back from them."""

    exported = "generator"

    def get_compile_config(self):
        if not hasattr(self, "adversarial_loss"):
            return {}
        parts = {
            "g_optimizer": self.g_optimizer,
            "d_optimizer": self.d_optimizer,
            "loss": None if self.own_loss else self.adversarial_loss,
            "penalties": list(self.penalties),
            "augment": self.augment,
        }
        configs, lost = {}, {}
        for name, part in parts.items():
            try:
                configs[name] = keras.saving.serialize_keras_object(part)
                keras.saving.deserialize_keras_object(copy.deepcopy(configs[name]))  # which empties some configs
                _refuse_main(configs[name])
            except Exception as error:  # whatever a part of the user's own raises
                lost[name] = error
        if lost:
            warnings.warn(
                f"{_named(lost)} cannot be loaded again: Keras loads objects of classes that it knows, with a `get_config`, "
                "and functions that it knows, never a lambda. Put `@keras.saving.register_keras_serializable()` above the "
                "class or function. The file that is saved now gives a GAN with its weights, but it must be compiled anew "
                f"and its optimizers begin anew. Received: {_reasons(lost)}",
                stacklevel=2,
            )
        unsaved = {"unsaved": sorted(name for name in lost if name not in configs)}
        configs |= {"d_steps": self.d_steps, "ema_decay": self.ema_decay, **self._requested}
        return configs | (unsaved if unsaved["unsaved"] else {})

    def compile_from_config(self, config):
        config = dict(config)
        lost = dict.fromkeys(config.pop("unsaved", ()), "it was not saved")
        parts = {}
        for name, part in config.items():
            try:
                parts[name] = keras.saving.deserialize_keras_object(part)
            except Exception as error:  # whatever a part of the user's own raises
                lost[name] = error
        for name in ("generator", "discriminator"):
            if not getattr(self, name).trainable_weights:
                lost[name] = "it has no weights to train"
        if lost:
            warnings.warn(
                f"The {type(self).__name__} is loaded with its weights but not compiled, without the state of its "
                f"optimizers: {_named(lost)} could not be loaded. To train it further, call `compile` with what it had; or "
                "load it again where `keras.saving.register_keras_serializable` was applied to the class or function. "
                f"Received: {_reasons(lost)}",
                stacklevel=2,
            )
            return
        parts["jit_compile"] = _replicas.loaded_jit_compile(parts.get("jit_compile", "auto"), self)
        self.compile(**parts)

    def get_config(self):
        config = {
            **{name: value for name, value in super().get_config().items() if name in ("name", "trainable", "dtype")},
            "image_shape": self.image_shape,
            "num_classes": self.num_classes,
            "latent_dim": self.latent_dim,
            "value_range": self.value_range,
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "seed": self.seed,
            "width": self.width,
            **{name: getattr(self, name) for name in self.own_arguments},
        }
        config.setdefault("dtype", self.dtype_policy.name)  # which Keras 2 leaves out
        return _compat.stamped(config)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = _compat.unstamped(config, cls.__name__)
        for name in ("generator", "discriminator"):
            config[name] = keras.saving.deserialize_keras_object(config[name], custom_objects=custom_objects)
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = keras.saving.deserialize_keras_object(config["dtype"])
        return cls(**config)


def _refuse_main(config):
    """Raises for a class or function of a script, which Keras 2 finds as long as the script runs."""
    for part in config if isinstance(config, list) else config.values() if isinstance(config, dict) else ():
        _refuse_main(part)
    if isinstance(config, dict) and config.get("module") == "__main__":
        if keras.saving.get_registered_object(str(config.get("registered_name"))) is None:
            raise ValueError(f"{config.get('registered_name')} is known to this script alone")


def _named(names):
    return " and ".join(f"`{name}`" for name in sorted(names))


def _reasons(lost):
    return "; ".join(f"{name}: {str(lost[name]).strip().splitlines()[0][:200]}" for name in sorted(lost))
