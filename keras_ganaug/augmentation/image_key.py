"""Finds the image among several inputs of a model."""

from __future__ import annotations

import numbers
from typing import Any

import tensorflow as tf


class ImageKey:
    """Finds the image in the inputs of an element, and replaces it.

    Args:
        key: The key of the image in a dict of inputs. Use "a/b" or a tuple of keys for nested dicts, and an integer, also
            within such a tuple, for a position in a tuple of inputs. None if the input is one tensor.
    """

    def __init__(self, key: Any = None):
        self.key = tuple(key) if isinstance(key, list) else key
        parts = key if isinstance(key, (tuple, list)) else (key,)
        fine = all(isinstance(part, (str, numbers.Integral)) and not isinstance(part, bool) for part in parts)
        if key is not None and not (fine and len(parts) and "" not in parts):
            raise ValueError(
                f'`image_key` must be the key of the image among several inputs, such as "photo", "scan/photo" or a tuple '
                f"of keys, or None. Received: image_key={key!r}"
            )

    def get(self, inputs: Any) -> Any:
        """Returns the image. If there is only one input, returns it."""
        several = isinstance(inputs, (dict, tuple)) or (isinstance(inputs, list) and self.key is not None)
        if several and self.key is None:
            raise ValueError(
                "`images` has several inputs: `image_key` must say which is the image. Received: image_key=None for "
                f"inputs with {_keys(inputs)}"
            )
        if not several and self.key is not None:
            raise ValueError(
                f"`image_key` must be None if the input is one tensor. Received: image_key={self.key!r} for a "
                f"{type(inputs).__name__}"
            )
        path = () if self.key is None else self.key if isinstance(self.key, tuple) else (self.key,)
        if isinstance(self.key, str) and "/" in self.key and not (isinstance(inputs, dict) and self.key in inputs):
            path = tuple(self.key.split("/"))
        image = inputs
        for part in path:
            try:
                image = image[part] if isinstance(image, (dict, tuple, list)) else None
            except (KeyError, IndexError, TypeError):
                image = None
            if image is None:
                raise ValueError(
                    f"`image_key` must be the key of the image among the inputs. Received: image_key={self.key!r} for "
                    f"inputs with {_keys(inputs)}"
                )
        if path and isinstance(image, (dict, tuple, list)):
            raise ValueError(
                f"`image_key` must name one tensor. Received: image_key={self.key!r}, which holds several inputs itself, "
                f"with {_keys(image)}"
            )
        return image

    def put(self, inputs: Any, images: Any) -> Any:
        """Returns the inputs with new images. Everything else is unchanged."""
        if self.key is None:
            return images
        parts = tf.nest.flatten(inputs)
        parts[self.get(tf.nest.pack_sequence_as(inputs, list(range(len(parts)))))] = images
        return tf.nest.pack_sequence_as(inputs, parts)


def _keys(inputs, above=""):
    """Describes the keys of all inputs, for messages."""

    def paths(inputs, above):
        pairs = inputs.items() if isinstance(inputs, dict) else enumerate(inputs)
        for key, value in pairs:
            here = f"{above}/{key}" if above else key
            yield from paths(value, here) if isinstance(value, (dict, tuple, list)) else (here,)

    keys = list(paths(inputs, above))
    return f"the keys {keys[:20]}" + (f" and {len(keys) - 20} more" if len(keys) > 20 else "")
