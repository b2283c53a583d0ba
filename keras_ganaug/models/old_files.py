"""Reads configs of models that earlier versions saved."""

from __future__ import annotations

import warnings
from typing import Any

import keras


def without_twin(cls: Any, config: dict[str, Any], custom_objects: Any = None) -> dict[str, Any]:
    """Updates the config of an ACGAN, whose discriminator could have a twin as its third output in version 0.1."""
    if "twin_weight" not in config or "twin_weight" in cls.own_arguments:
        return config
    config = dict(config)
    if config.pop("twin_weight") and config["num_classes"] is not None:
        network = keras.saving.deserialize_keras_object(config["discriminator"], custom_objects=custom_objects)
        warnings.warn("The twin classifier of this ACGAN is left out: `TACGAN` trains with one.", stacklevel=4)
        network = keras.Model(network.inputs, network.outputs[:2], name=network.name)
        config["discriminator"] = keras.saving.serialize_keras_object(network)
    return config
