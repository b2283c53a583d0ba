"""SavedModels that run with TensorFlow alone, and what is needed to use them again."""

import json
from pathlib import Path

import keras
import tensorflow as tf

from keras_ganaug import _compat

_METADATA = Path("assets.extra") / "keras_ganaug.json"

_LABELS = tf.TensorSpec([None], tf.int32, name="labels")
_SEED = tf.TensorSpec([2], tf.int32, name="seed")
_TRUNCATION = tf.TensorSpec([], tf.float32, name="truncation")


def export_generator(source, path, **endpoints):
    """Writes a SavedModel with `generate`, `generate_truncated` and the signature `serving_default`.

    Args:
        source: What to export: an object with `sample(labels, seed, truncation)`, the `trackable` that holds its
            variables, `image_shape`, `conditional`, `num_classes` and `value_range`.
        path: Folder to write.
        **endpoints: Further endpoints: name to (function, input signature).
    """
    archive = keras.export.ExportArchive()
    archive.track(source.trackable)

    def generate(labels, seed):
        return source.sample(labels, seed, 1.0)

    def generate_truncated(labels, seed, truncation):
        return source.sample(labels, seed, truncation)

    def serving_default(labels, seed):
        return {"images": source.sample(labels, seed, 1.0)}

    endpoints = {
        "generate": (generate, [_LABELS, _SEED]),
        "generate_truncated": (generate_truncated, [_LABELS, _SEED, _TRUNCATION]),
        "serving_default": (serving_default, [_LABELS, _SEED]),
        **endpoints,
    }
    for name, (function, signature) in endpoints.items():
        archive.add_endpoint(name, function, input_signature=signature)
    _compat.write_out(archive, str(path))
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
