"""SavedModels that run with TensorFlow alone, and what is needed to use them again."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from keras_ganaug import _checks, _files, _watch

if TYPE_CHECKING:
    from keras_ganaug.generators.generator import Generator

METADATA_FILE = "assets.extra/keras_ganaug.json"

SEED = tf.TensorSpec([2], tf.int32, name="seed")
_TRUNCATION = tf.TensorSpec([], tf.float32, name="truncation")


class _Endpoint(tf.Module):
    """A function of a SavedModel, together with the variables that it needs.

    In `tf.saved_model.load(path).generate(labels, seed)` nothing holds the loaded root any more when the function runs, and
    a bare function's variables would be gone with it. An object that is called keeps its own.
    """

    def __init__(self, function, signature, variables):
        super().__init__()
        self.state = variables
        # As an attribute, so that the loaded object can be called.
        self.__call__ = tf.function(function, input_signature=signature, autograph=False)


def export_generator(generator: Generator, path: str | os.PathLike, **endpoints: tuple[Any, list]) -> None:
    """Writes a SavedModel with `generate`, `generate_truncated` and the signatures `serving_default` and `from_latents`.

    Of a generator that translates it has `translate(images, labels, seed)` and the signature `serving_default` alone.

    The second takes latents (n, latent_dim), standard normal numbers, in the place of a seed, and labels if the generator
    does. It converts to LiteRT: `tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=["from_latents"])`; but not
    that of a StyleGAN, which draws noise within. A generator without `from_latents` has the first signature alone.

    It is written aside and takes the place of an older one when it is whole. Labels that the generator does not have are an
    error of TensorFlow's where the SavedModel runs, except in what XLA compiles.

    Args:
        generator: The `Generator`.
        path: Folder to write, of any file system that TensorFlow knows.
        **endpoints: Further endpoints: name to (function, input signature).

    Raises:
        ValueError, TypeError: For a path that cannot be written, or a generator that gives images that are not finite.
    """
    path = os.path.expanduser(_checks.path(path))
    _checks.new_folder(path)
    _watch.check_generator(generator)
    own, signatures = _translating(generator) if generator.translates else _generating(generator)
    root = tf.Module()
    for name, (function, signature) in {**own, **endpoints}.items():
        setattr(root, name, _Endpoint(function, signature, generator.variables))
    with _files.replacing_saved_model(path) as new:
        tf.saved_model.save(root, new, signatures=signatures)
        _files.write(_files.join(new, METADATA_FILE), json.dumps(generator.description, indent=1) + "\n")


def _generating(generator):
    """Endpoints and signatures of a generator that makes images of latents."""
    labels_spec = labels_of(generator)

    def sample(labels, seed, truncation=1.0):
        return generator.sample(existing(labels, generator), seed, truncation)

    @tf.function(input_signature=[labels_spec, SEED], autograph=False)
    def serving_default(labels, seed):
        return {"images": sample(labels, seed)}

    endpoints = {
        "generate": (lambda labels, seed: sample(labels, seed), [labels_spec, SEED]),
        "generate_truncated": (sample, [labels_spec, SEED, _TRUNCATION]),
    }
    signatures = {"serving_default": serving_default}
    if generator.latent_dim is not None:
        # Without a draw and a check, whose operations converters to other formats do not have.
        inputs = [tf.TensorSpec([None, generator.latent_dim], tf.float32, name="latents"), labels_spec]

        @tf.function(input_signature=inputs[: 1 + generator.condition.conditional], autograph=False)
        def from_latents(latents, labels=None):
            labels = generator.condition.zeros(tf.shape(latents)[0]) if labels is None else labels
            return {"images": generator.from_latents(latents, labels)}

        signatures["from_latents"] = from_latents
    return endpoints, signatures


def _translating(generator):
    """Endpoints and signatures of a generator that translates images."""
    inputs = [images_of(generator), labels_of(generator), SEED]

    def translate(images, labels, seed):
        return generator.translate(images, existing(labels, generator), seed)

    @tf.function(input_signature=inputs, autograph=False)
    def serving_default(images, labels, seed):
        return {"images": translate(images, labels, seed)}

    return {"translate": (translate, inputs)}, {"serving_default": serving_default}


def images_of(generator: Generator) -> tf.TensorSpec:
    """The images that an endpoint takes."""
    return tf.TensorSpec([None, *generator.image_shape], tf.float32, name="images")


def labels_of(generator: Generator) -> tf.TensorSpec:
    """The labels that an endpoint takes."""
    return tf.TensorSpec([None, *generator.condition.label_shape], tf.int32, name="labels")


def existing(labels: tf.Tensor, of: Any) -> tf.Tensor:
    """The labels, checked by the condition of something where TensorFlow runs them; XLA leaves the check out."""
    with tf.control_dependencies(of.condition.assertions(labels)):
        return tf.identity(labels)


def metadata(path: str) -> dict[str, Any] | None:
    """What `export_generator` wrote beside the SavedModel at `path`, or None if there is no such file."""
    file = _files.join(path, METADATA_FILE)
    return json.loads(_files.read_text(file)) if _files.is_file(file) else None
