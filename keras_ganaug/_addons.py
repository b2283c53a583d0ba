"""Support for tensorflow-addons, which runs up to Keras 2.15: wraps its optimizers and warns that it has ended."""

import warnings

import keras

from keras_ganaug._compat import KERAS_3

_said: set[str] = set()


def warn_of_addons(parts):
    """Warns once per process if any of these objects comes from tensorflow-addons."""
    of_addons = any(type(part).__module__.partition(".")[0].endswith("_addons") for part in parts)
    if of_addons and "addons" not in _said:
        _said.add("addons")
        warnings.warn(
            "tensorflow-addons ended in May 2024 and runs up to TensorFlow 2.15 and Keras 2.15. It works here, with these "
            "versions. To move on, replace its parts with their Keras 3 equivalents and install the newest TensorFlow: "
            "docs/addons.md of keras_ganaug has a table.",
            FutureWarning,
            stacklevel=4,
        )


def as_optimizer(optimizer):
    """Returns the optimizer as this package uses it. Wraps those older than Keras 2.11, as in tensorflow-addons."""
    if KERAS_3 or not isinstance(optimizer, keras.optimizers.legacy.Optimizer):
        return optimizer
    warn_of_addons([optimizer])
    return LegacyOptimizer(optimizer)


if not KERAS_3:

    @keras.saving.register_keras_serializable(package="keras_ganaug")
    class LegacyOptimizer(keras.optimizers.Optimizer):
        """Gives an old-style optimizer the new interface: a `build` method, and a state that Keras saves."""

        def __init__(self, optimizer, name=None, **kwargs):
            super().__init__(name=name or type(optimizer).__name__)
            self.legacy = optimizer

        def build(self, var_list):
            self.legacy._create_all_weights(list(var_list))
            self._built = True

        def apply_gradients(self, grads_and_vars, *args, **kwargs):
            return self.legacy.apply_gradients(grads_and_vars)

        @property
        def learning_rate(self):
            return self.legacy._get_hyper("learning_rate") if "learning_rate" in self.legacy._hyper else None

        @property
        def iterations(self):
            return self.legacy.iterations

        @property
        def variables(self):
            return self.legacy.weights

        def save_own_variables(self, store):
            for number, value in enumerate(self.legacy.get_weights()):
                store[str(number)] = value

        def load_own_variables(self, store):
            self.legacy.set_weights([store[str(number)] for number in range(len(store.keys()))])

        def get_config(self):
            return {"name": self.name, "optimizer": keras.saving.serialize_keras_object(self.legacy)}

        @classmethod
        def from_config(cls, config, custom_objects=None):
            config = dict(config)
            config["optimizer"] = keras.saving.deserialize_keras_object(config["optimizer"], custom_objects=custom_objects)
            return cls(**config)
