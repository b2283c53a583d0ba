"""What a GAN writes into a `.keras` file beside its weights."""

import keras

from keras_ganaug import _compat


class Saving:
    """The part of a GAN that goes into configs and comes back from them."""

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
        return {
            **{name: keras.saving.serialize_keras_object(part) for name, part in parts.items()},
            "d_steps": self.d_steps,
            "ema_decay": self.ema_decay,
            **self._requested,
        }

    def compile_from_config(self, config):
        self.compile(**{name: keras.saving.deserialize_keras_object(part) for name, part in config.items()})

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
        return _compat.stamped(config)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = _compat.unstamped(config, cls.__name__)
        for name in ("generator", "discriminator"):
            config[name] = keras.saving.deserialize_keras_object(config[name], custom_objects=custom_objects)
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = keras.saving.deserialize_keras_object(config["dtype"])
        return cls(**config)
