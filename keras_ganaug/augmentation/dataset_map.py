"""The augmentation as a function for `dataset.map`."""

from __future__ import annotations

import functools
import itertools
import os
import sys
import warnings
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from keras_ganaug import _checks, _docs, _files, _random
from keras_ganaug.augmentation.layer import GANAugmentation, structured
from keras_ganaug.augmentation.replacement import Replacement
from keras_ganaug.generators import for_batches
from keras_ganaug.generators.bank import SampleBank

_MOST_VISITS = 2**20  # number of batches that a pipeline remembers
_LARGE, _HASHED = 4096, 256  # number of values of an image from which on about so many of them are hashed
_MAPPING = "tensorflow.python.data.ops.structured_function"  # it has one object per mapping


@_docs.arguments_of(GANAugmentation)
def gan_augment(
    generator: Any,
    fraction: float = 0.25,
    sampling_strategy: str | Mapping[int | str, float] | Sequence[float] = "keep",
    synthetic_weight: float | None = None,
    value_range: tuple[float, float] | None = None,
    truncation: float = 1.0,
    engine: str = "bank",
    bank_size: int | None = None,
    seed: int | tuple[int, int] | None = None,
    num_classes: int | Mapping[str, int] | None = None,
    image_key: Any = None,
    label: str | None = None,
    attributes: str | Mapping[str, Any] | None = None,
    bank_folder: str | os.PathLike | None = None,
) -> Any:
    """Makes a function for `dataset.map` that replaces a fraction of each batch with synthetic images.

    It takes batched elements: `(x, y)`, `(x, y, w)`, or dicts with `images`, `labels` and optionally `sample_weight`. Dicts
    gain `is_synthetic`, a bool tensor of shape (batch,). The function always augments, so map it over training data only.
    Map it before MixUp and CutMix, so that they mix synthetic images as well as real ones: if a row with a mixed label is
    replaced, it gets the class with the largest share.

    Each epoch and each new mapping draws new samples. The draws depend on the seed, the content of the batch, how often the
    pipeline has met this content, and how many pipelines the function was mapped over before. They do not depend on
    `num_parallel_calls`. The same seed and the same sequence of mappings give the same results. (If a parallel map processes
    two batches with equal content at the same moment, they may swap their draws.)

    Args:
        engine: "bank" generates samples in advance, on the accelerator if there is one, and picks from them on the host;
            `callbacks.RefreshBank` renews them between epochs. "live" runs the generator in the map, on the host: every
            sample is new, but each batch waits for it. Defaults to "bank".
        bank_size: Total number of samples in the bank, over all classes. Defaults to 4096, or as many as fit into 256 MiB.
            A value takes four bytes, and one byte for batches of uint8.
        bank_folder: Local folder for a bank that does not fit into memory. It is then a file, such as
            `samples-uint8.npy`, from which the map reads single samples. An old file is replaced. Defaults to None: the
            bank is in memory.

    Returns a callable object whose method `refresh()` renews the bank. The bank is filled when the function is first mapped
    or called.

    Raises:
        ValueError, TypeError: For an argument out of its range, or elements that do not fit the generator.

    Example:

    >>> import numpy as np, tensorflow as tf, keras_ganaug as kga
    >>> gan = kga.SNGAN(image_shape=(8, 8, 1), num_classes=2, seed=1)
    >>> data = tf.data.Dataset.from_tensor_slices((np.zeros([32, 8, 8, 1], "uint8"), np.arange(32) % 2))
    >>> data = data.batch(16).map(kga.gan_augment(gan, fraction=0.25, bank_size=64, seed=1))
    >>> for images, labels in data:
    ...     print(int((images.numpy() != 0).any((1, 2, 3)).sum()), images.dtype.name)
    4 uint8
    4 uint8
    """
    _checks.one_of(engine, ("bank", "live"), "engine")
    if bank_size is not None:
        _checks.positive_int(bank_size, "bank_size")
    folder = None if bank_folder is None else _local_folder(bank_folder, engine)
    seed = _random.as_seed(_random.entropy() if _checks.seed(seed) is None else seed)
    generator = for_batches(generator, num_classes, label, attributes)
    if generator.translates and engine == "bank":
        raise ValueError(
            '`engine` must be "live" for a generator that translates: it needs the images of the batch, and a bank is '
            "filled "
            "before there are any. Received: engine='bank'"
        )
    replacement = Replacement(generator, fraction, sampling_strategy, synthetic_weight, value_range, truncation, image_key)
    if engine == "bank" and generator.condition.conditional and generator.num_classes is None:
        warnings.warn(
            "A bank of samples needs the number of classes, which a bare Keras model does not have: the live engine is "
            'used. Pass `num_classes` for a bank, or `engine="live"` to silence this.',
            stacklevel=2,
        )
        engine = "live"
    bank = None
    if engine == "bank":
        classes = len(generator.made_classes)
        if bank_size is not None and bank_size < classes:
            raise ValueError(
                f"`bank_size` must be at least the number of classes, {classes}. Received: bank_size={bank_size}"
            )
        given = replacement.value_range, replacement.truncation
        bank = SampleBank(generator, *given, _random.fold(seed, 1), bank_size, folder)
    return _MapFunction(replacement, bank, _random.fold(seed, 0))


def _local_folder(folder, engine):
    """The checked `bank_folder` as a string."""
    _checks.new_folder(folder, "bank_folder")
    if engine != "bank":
        raise ValueError(f"`bank_folder` must be None without a bank. Received: {str(folder)!r} with engine={engine!r}")
    if _files.is_remote(folder):
        raise ValueError(f"`bank_folder` must be on this machine. Received: {str(folder)!r}")
    return os.path.expanduser(os.fspath(folder))


class _MapFunction:
    """The callable that `gan_augment` returns."""

    def __init__(self, replacement, bank, seed):
        self._replacement, self._bank, self._seed = replacement, bank, seed
        self._eager_visits = None
        self._numbers = itertools.count()
        self._latest = lambda: None, 0

    @property
    def engine(self):
        """ "bank" or "live"."""
        return "live" if self._bank is None else "bank"

    def refresh(self):
        """Renews the samples of the bank. Does nothing with the live engine."""
        if self._bank is not None:
            self._bank.refresh()

    @tf.autograph.experimental.do_not_convert
    def __call__(self, *element):
        if len(element) == 1 and isinstance(element[0], tf.data.Dataset):
            raise TypeError(
                "`images` must be a batch: map this function over the dataset, `dataset.map(gan_augment)`. "
                "Received: a tf.data.Dataset"
            )
        if len(element) == 1 and isinstance(element[0], (tuple, list)):
            element = tuple(element[0])
        if len(element) == 1 and isinstance(element[0], dict):
            return self._augment_dict(element[0])
        if not 1 <= len(element) <= 3:
            raise ValueError(
                "Elements must be images, (images, labels), (images, labels, sample_weight) or a dict with `images` and "
                f"`labels`. Received: {len(element)} components"
            )
        return structured(*self._augment(*element, *[None] * (3 - len(element)))[:3])

    def _augment_dict(self, element):
        if "images" not in element and self._replacement.image_key.key is not None:
            return self._augment(element, None, None)[0]  # the dict holds only the inputs
        element = dict(element)
        if "images" not in element:
            raise ValueError(
                "A dict element must have the key 'images', and 'labels' if there are any. If the dict holds the inputs "
                "of a model, `image_key` says which one is the image. "
                f"Received: the keys {sorted(element, key=str)}"
            )
        parts = self._augment(element["images"], element.get("labels"), element.get("sample_weight"))
        for name, part in zip(("images", "labels", "sample_weight", "is_synthetic"), parts, strict=True):
            if part is not None:
                element[name] = part
        return element

    def _augment(self, inputs, labels, sample_weight):
        replacement, given = self._replacement, labels
        images, labels, sample_weight = replacement.tensors(inputs, labels, sample_weight)
        replacement.check(images, labels, sample_weight)
        seed, number = self._seed_of(images, labels)
        images, labels = replacement.checked(images, labels, lambda: number)
        draw = self._bank and functools.partial(self._bank.draw, dtype=images.dtype)
        images, labels, *others = replacement(images, labels, sample_weight, seed, draw)
        labels = given if replacement.condition.labels_pass else labels
        return replacement.image_key.put(inputs, images), labels, *others

    def _seed_of(self, images, labels):
        """A seed from the batch's content and from how often this pipeline has met it, and the number of the batch.

        A map may run its elements in any order and in parallel, so a counter would differ between runs. The content does not
        depend on the order. The number of the batch is only approximate, but 0 always means the first batch.
        """
        content = _fingerprint(images)
        if labels is not None:
            content ^= 3 * _fingerprint(labels)
        seed, visits = self._pipeline()
        visit = tf.ensure_shape(visits.lookup(content), [])
        number = visits.size()
        # An endless pipeline must not remember every batch.
        forgotten = tf.cond(number < _MOST_VISITS, lambda: 0, lambda: _forget_all(visits))
        with tf.control_dependencies([forgotten]):
            visits.insert(content, visit + 1)
        return _random.fold(seed, content, visit), tf.where(visit > 0, tf.ones_like(number), number)

    def _pipeline(self):
        """The seed and the visit counts of the pipeline that is being built, or those of all eager calls.

        A table lives as long as the traced function that has captured it.
        """
        if tf.executing_eagerly():
            if self._eager_visits is None:
                self._eager_visits = _new_table()
            return self._seed, self._eager_visits
        with tf.init_scope():
            table = _new_table()
        number = self._number_of_mapping()
        return _random.fold(self._seed, number) if number else self._seed, table

    def _number_of_mapping(self):
        """How many mappings came before this one. tf.data may trace the same mapping more than once."""
        frame, mapping = sys._getframe(), None
        while frame is not None and mapping is None:
            if frame.f_globals.get("__name__") == _MAPPING and frame.f_code.co_name == "__init__":
                mapping = frame.f_locals.get("self")
            frame = frame.f_back
        latest, number = self._latest
        if mapping is None or latest() is not mapping:
            number = next(self._numbers)
            self._latest = (lambda: None) if mapping is None else weakref.ref(mapping), number
        return number


def _new_table():
    with tf.device("CPU:0"):
        # Being anonymous, the table is freed together with the last function that has captured it.
        return tf.lookup.experimental.MutableHashTable(tf.int64, tf.int64, default_value=0, experimental_is_anonymous=True)


def _forget_all(table):
    table.remove(table.export()[0])
    return 0


def _fingerprint(values):
    """A 64-bit hash of a batch: of all its values, or of every nth of large images, since all take as long as a copy."""
    size = values.shape[1:].num_elements()
    if size is not None and size > _LARGE:
        values = tf.reshape(values, [-1, size])[:, :: size // _HASHED]
    return tf.bitcast(tf.fingerprint(tf.reshape(values, [1, -1])), tf.int64)[0]
