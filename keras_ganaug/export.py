"""SavedModels that run with TensorFlow alone, and what is needed to use them again."""

import json
from pathlib import Path

import tensorflow as tf

from keras_ganaug import _checks

_METADATA = Path("assets.extra") / "keras_ganaug.json"

_LABELS = tf.TensorSpec([None], tf.int32, name="labels")
_SEED = tf.TensorSpec([2], tf.int32, name="seed")
_TRUNCATION = tf.TensorSpec([], tf.float32, name="truncation")


class _Endpoint(tf.Module):
    """A function of a SavedModel, together with the variables that it needs.

    In `tf.saved_model.load(path).generate(labels, seed)` nothing holds the loaded root any more when the function runs, and
    a bare function's variables would be gone with it. An object that is called keeps its own.
    """

    def __init__(self, function, signature, state):
        super().__init__()
        self.state = state
        # As an attribute, so that the loaded object can be called.
        self.__call__ = tf.function(function, input_signature=signature, autograph=False)


def export_generator(source, path, **endpoints):
    """Writes a SavedModel with `generate`, `generate_truncated` and the signature `serving_default`.

    Args:
        source: What to export: an object with `sample(labels, seed, truncation)`, the `state` that it needs (a list of
            `tf.Variable`s, or any object that TensorFlow tracks), `image_shape`, `conditional`, `num_classes` and
            `value_range`.
        path: Folder to write.
        **endpoints: Further endpoints: name to (function, input signature).
    """

    _checks.new_folder(path)

    def generate(labels, seed):
        return source.sample(labels, seed, 1.0)

    def generate_truncated(labels, seed, truncation):
        return source.sample(labels, seed, truncation)

    @tf.function(input_signature=[_LABELS, _SEED], autograph=False)
    def serving_default(labels, seed):
        return {"images": source.sample(labels, seed, 1.0)}

    endpoints = {
        "generate": (generate, [_LABELS, _SEED]),
        "generate_truncated": (generate_truncated, [_LABELS, _SEED, _TRUNCATION]),
        **endpoints,
    }
    root = tf.Module()
    for name, (function, signature) in endpoints.items():
        setattr(root, name, _Endpoint(function, signature, source.state))
    tf.saved_model.save(root, str(path), signatures={"serving_default": serving_default})
    metadata = {
        "image_shape": list(source.image_shape),
        "conditional": source.conditional,
        "num_classes": source.num_classes,
        "value_range": list(source.value_range),
    }
    file = Path(path) / _METADATA
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")


def metadata(path):
    """What `export_generator` wrote beside the SavedModel at `path`, or None if there is no such file."""
    file = Path(path) / _METADATA
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
