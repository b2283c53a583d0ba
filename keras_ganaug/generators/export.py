"""Writes SavedModels that need only TensorFlow, with the metadata to use them as generators again."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from keras_ganaug import _checks, _files, _random, _watch
from keras_ganaug.generators import formats
from keras_ganaug.layers.noise import drawn_by

if TYPE_CHECKING:
    from keras_ganaug.generators.generator import Generator

METADATA_FILE = "assets.extra/keras_ganaug.json"

SEED = tf.TensorSpec([2], tf.int32, name="seed")
_TRUNCATION = tf.TensorSpec([], tf.float32, name="truncation")


class _Endpoint(tf.Module):
    """A function of a SavedModel, together with the variables that it uses.

    In `tf.saved_model.load(path).generate(labels, seed)` the loaded root is garbage-collected before the function runs, and
    the variables of a plain function with it. A callable object keeps its own.
    """

    def __init__(self, function, signature, variables):
        super().__init__()
        self.state = variables
        # An attribute, so that the loaded object is callable.
        self.__call__ = tf.function(function, input_signature=signature, autograph=False)


def export_generator(
    generator: Generator, path: str | os.PathLike, format: str = "saved_model", **endpoints: tuple[Any, list]
) -> None:
    """Writes a SavedModel with `generate`, `generate_truncated` and the signatures `serving_default` and `from_latents`.

    A generator that translates has `translate(images, labels, seed)` instead of these functions, and the same signatures.

    The signature `from_latents` draws no random numbers. Instead of a seed it takes latents (n, latent_dim), standard normal
    numbers, and labels and images if the generator does. If the network has noise layers, it takes their noise as one input
    `noise` of standard normal numbers. ONNX and LiteRT files contain only this function. A generator without `from_latents`
    has only the first signature.

    The file is written atomically: an older one is replaced only when the new one is complete. In the SavedModel, labels
    that the generator does not have raise a TensorFlow error, except under XLA.

    Args:
        generator: The `Generator`.
        path: Folder to write; a file for the other formats. It may be on any file system that TensorFlow knows.
        format: "saved_model", "onnx" or "tflite". Defaults to "saved_model".
        **endpoints: Further endpoints of a SavedModel: name to (function, input signature).

    Raises:
        ValueError, TypeError: For a path that cannot be written, a generator whose images are not finite, or one that the
            format cannot represent.
        ImportError: If the packages of the extra "exports" are not installed, for "onnx".
    """
    if _checks.one_of(format, formats.FORMATS, "format") != "saved_model":
        settings = (generator.variables, "generator", generator.description)
        formats.write(path, format, lambda: _only_from_latents(generator, format), *settings)
        return
    path = os.path.expanduser(_checks.path(path))
    _checks.new_folder(path)
    _watch.check_generator(generator)
    own, signatures = _translating(generator) if generator.translates else _generating(generator)
    latents = _from_latents(generator)
    if latents is not None:
        signatures["from_latents"] = latents
    root = tf.Module()
    for name, (function, signature) in {**own, **endpoints}.items():
        setattr(root, name, _Endpoint(function, signature, generator.variables))
    with _files.replacing_saved_model(path) as new:
        tf.saved_model.save(root, new, signatures=signatures)
        _files.write(_files.join(new, METADATA_FILE), json.dumps(generator.description, indent=1) + "\n")


def _generating(generator):
    """Endpoints and signatures of a generator that makes images from latents."""
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
    return endpoints, {"serving_default": serving_default}


def _translating(generator):
    """Endpoints and signatures of a generator that translates images."""
    inputs = [images_of(generator), labels_of(generator), SEED]

    def translate(images, labels, seed):
        return generator.translate(images, existing(labels, generator), seed)

    @tf.function(input_signature=inputs, autograph=False)
    def serving_default(images, labels, seed):
        return {"images": translate(images, labels, seed)}

    return {"translate": (translate, inputs)}, {"serving_default": serving_default}


def _from_latents(generator):
    """The function of the signature `from_latents`, or None. It has no random numbers and no checks, for other formats."""
    if generator.latent_dim is None:
        return None
    specs = [tf.TensorSpec([None, generator.latent_dim], tf.float32, name="latents")]
    specs += [labels_of(generator)] if generator.condition.conditional else []
    specs += [images_of(generator)] if generator.translates else []
    name = "translations" if generator.translates else "images"  # ONNX does not allow an output with the name of an input
    sizes = []  # size of the noise of each noise layer

    def drawn(seeds, size, stream):
        sizes.append(size)
        return _random.normal_rows(seeds, size, stream)

    def taking(specs):
        @tf.function(input_signature=specs, autograph=False)
        def from_latents(*given):
            inputs = {spec.name: tensor for spec, tensor in zip(specs, given, strict=True)}
            inputs.setdefault("labels", generator.condition.zeros(tf.shape(inputs["latents"])[0]))
            draw = drawn
            if "noise" in inputs:
                parts = iter(tf.split(inputs.pop("noise"), sizes, axis=1))
                draw = lambda *_: next(parts)  # noqa: E731
            with drawn_by(draw):
                return {name: generator.from_latents(**inputs)}

        return from_latents

    function = taking(specs)
    function.get_concrete_function()
    return taking([*specs, tf.TensorSpec([None, sum(sizes)], tf.float32, name="noise")]) if sizes else function


def _only_from_latents(generator, format):
    """The function that a file in another format contains."""
    _watch.check_generator(generator)
    function = _from_latents(generator)
    if function is None:
        raise ValueError(
            f'`format` must be "saved_model" for this generator: it draws random numbers, which {formats.NAMES[format]} '
            "cannot. "
            "For a GAN with several attributes, export the GAN itself, with labels of all of them. Exports of "
            f"earlier versions must be repeated. Received: format={format!r} for {type(generator).__name__}"
        )
    return function


def images_of(generator: Generator) -> tf.TensorSpec:
    """The spec of the images that an endpoint takes."""
    return tf.TensorSpec([None, *generator.image_shape], tf.float32, name="images")


def labels_of(generator: Generator) -> tf.TensorSpec:
    """The spec of the labels that an endpoint takes."""
    return tf.TensorSpec([None, *generator.condition.label_shape], tf.int32, name="labels")


def existing(labels: tf.Tensor, of: Any) -> tf.Tensor:
    """The labels, checked by a condition when TensorFlow runs. XLA omits the check."""
    with tf.control_dependencies(of.condition.assertions(labels)):
        return tf.identity(labels)


def metadata(path: str) -> dict[str, Any] | None:
    """Reads what `export_generator` wrote next to the SavedModel at `path`. None if there is no such file."""
    file = _files.join(path, METADATA_FILE)
    return json.loads(_files.read_text(file)) if _files.is_file(file) else None
