"""SavedModels that run with TensorFlow alone, and what is needed to use them again."""

import json
import os

import tensorflow as tf

from keras_ganaug import _checks, _files, _watch

METADATA_FILE = "assets.extra/keras_ganaug.json"

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
    """Writes a SavedModel with `generate`, `generate_truncated` and the signatures `serving_default` and `from_latents`.

    The second takes latents (n, latent_dim), standard normal numbers, in the place of a seed, and labels if the generator
    does. It converts to LiteRT: `tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=["from_latents"])`; but not
    that of a StyleGAN, which draws noise within. SavedModels and filtered generators have the first signature alone.

    It is written aside and takes the place of an older one when it is whole. Labels that the generator does not have are an
    error of TensorFlow's where the SavedModel runs, except in what XLA compiles.

    Args:
        source: What to export: an object with `sample(labels, seed, truncation)`, the `state` that it needs (a list of
            `tf.Variable`s, or any object that TensorFlow tracks), `image_shape`, `conditional`, `num_classes`,
            `value_range`, and perhaps `unseen_classes`.
        path: Folder to write, of any file system that TensorFlow knows.
        **endpoints: Further endpoints: name to (function, input signature).

    Raises:
        ValueError, TypeError: For a path that cannot be written, or a generator that gives images that are not finite.
    """
    path = os.path.expanduser(_checks.path(path))
    _checks.new_folder(path)
    _watch.check_generator(source)

    def sample(labels, seed, truncation=1.0):
        return source.sample(existing_classes(labels, source), seed, truncation)

    @tf.function(input_signature=[_LABELS, _SEED], autograph=False)
    def serving_default(labels, seed):
        return {"images": sample(labels, seed)}

    endpoints = {
        "generate": (lambda labels, seed: sample(labels, seed), [_LABELS, _SEED]),
        "generate_truncated": (sample, [_LABELS, _SEED, _TRUNCATION]),
        **endpoints,
    }
    root = tf.Module()
    for name, (function, signature) in endpoints.items():
        setattr(root, name, _Endpoint(function, signature, source.state))
    described = {
        "image_shape": list(source.image_shape),
        "conditional": source.conditional,
        "num_classes": source.num_classes,
        "value_range": list(source.value_range),
        "unseen_classes": [int(label) for label in getattr(source, "unseen_classes", ())],
    }
    signatures = {"serving_default": serving_default}
    from_latents = getattr(source, "from_latents", None)
    if from_latents is not None:
        # Without a draw and a check, whose operations converters to other formats do not have.
        latents = tf.TensorSpec([None, source.latent_dim], tf.float32, name="latents")

        @tf.function(input_signature=[latents, _LABELS] if source.conditional else [latents], autograph=False)
        def signature(latents, labels=None):
            labels = tf.zeros([tf.shape(latents)[0]], tf.int32) if labels is None else labels
            return {"images": from_latents(latents, labels)}

        signatures["from_latents"] = signature
    with _files.replacing_saved_model(path) as new:
        tf.saved_model.save(root, new, signatures=signatures)
        _files.write(_files.join(new, METADATA_FILE), json.dumps(described, indent=1) + "\n")


def existing_classes(labels, source):
    """The labels, which are checked where TensorFlow runs them; XLA leaves the check out."""
    if not source.conditional:
        return labels
    n = source.num_classes
    exist = labels >= 0 if n is None else (labels >= 0) & (labels < n)
    message = "`labels` must be class indices from 0" + ("" if n is None else f" to {n - 1}")
    with tf.control_dependencies([_checks.assertion(tf.reduce_all(exist), message, labels)]):
        return tf.identity(labels)


def metadata(path):
    """What `export_generator` wrote beside the SavedModel at `path`, or None if there is no such file."""
    file = _files.join(path, METADATA_FILE)
    return json.loads(_files.read_text(file)) if _files.is_file(file) else None
