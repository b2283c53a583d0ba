"""Combines several generators into one."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from numbers import Integral
from statistics import NormalDist
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _images, _random, conditions
from keras_ganaug.generators.bank import occurrence
from keras_ganaug.generators.generator import Generator
from keras_ganaug.generators.translations import for_batches

_NORMAL = NormalDist()


class GeneratorUnion(Generator):
    """Combines several generators into one, such as generators that several sites trained on their own classes.

    You can use it wherever a generator is accepted: `GANAugmentation`, `gan_augment`, `AugmentedModel`, exports. If several
    generators know a class, each makes an equal share of its images, but those that have seen no image of the class in
    training are left out. All images have the value range of the first generator.

    A class that no generator makes is a gap: requesting it is an error, and its rows in a batch are not replaced. For `k`
    images about `1.5 * k` are generated, whatever the number of generators, because the share of each generator is rounded
    up to whole chunks.

    Reference: Shin et al. 2017, Continual Learning with Deep Generative Replay, for an application.

    Args:
        generators: Sequence of generators with equal image shapes, each in any form that `GANAugmentation` accepts. If one
            has several attributes, its labels are those of the first attribute.
        labels: Sequence of one mapping for each generator, from its own class indices to those of the union. Classes that
            are not in the mapping are not used. For an unconditional generator, the class of its images is enough.
        num_classes: Number of classes. Defaults to None: the highest class in `labels` plus 1.

    Raises:
        ValueError, TypeError: For generators that do not fit, or invalid mappings in `labels`.

    Example:

    >>> import keras_ganaug as kga
    >>> sites = [kga.SNGAN(image_shape=(8, 8, 1), num_classes=2, seed=seed) for seed in (1, 2)]
    >>> union = kga.GeneratorUnion(sites, labels=[{0: 0, 1: 1}, {0: 1, 1: 3}])
    >>> union.num_classes, union.unseen_classes
    (4, (2,))
    >>> union.generate([0, 1, 1, 3], seed=1).shape
    (4, 8, 8, 1)
    """

    def __init__(
        self,
        generators: Sequence[Any],
        labels: Sequence[Mapping[int, int] | int],
        num_classes: int | None = None,
    ):
        if not isinstance(generators, (list, tuple)) or not generators:
            raise TypeError(f"`generators` must be a list of at least one generator. Received: {generators!r}")
        if not isinstance(labels, (list, tuple)) or len(labels) != len(generators):
            raise ValueError(
                f"`labels` must be a list of one mapping for each of the {len(generators)} generators. Received: {labels!r}"
            )
        self.generators = [_part(generator, f"generators[{place}]") for place, generator in enumerate(generators)]
        first = self.generators[0]
        for place, generator in enumerate(self.generators):
            if tuple(generator.image_shape) != tuple(first.image_shape):
                raise ValueError(
                    f"`generators[{place}]` must give images of the shape of the first, {tuple(first.image_shape)}. "
                    f"Received: {tuple(generator.image_shape)}"
                )
        self.labels = [
            _mapping(given, generator, f"labels[{place}]")
            for place, (given, generator) in enumerate(zip(labels, self.generators, strict=True))
        ]
        highest = max(label for mapping in self.labels for label in mapping.values())
        size = highest + 1 if num_classes is None else _checks.positive_int(num_classes, "num_classes")
        if size <= highest:
            raise ValueError(
                f"`num_classes` must be above the highest class in `labels`, {highest}. Received: num_classes={num_classes}"
            )
        self.condition = conditions.OneClass(size, class_names=self._names(size))
        self.image_shape, self.value_range = first.image_shape, first.value_range
        self.variables = [generator.variables for generator in self.generators]
        self.missing_classes = tuple(label for label, made_by in enumerate(self._makers()[0]) if not made_by)

    def _names(self, size):
        """The class names, if every class has one and no two generators disagree. Otherwise None."""
        parts = [(part.class_names, mapping) for part, mapping in zip(self.generators, self.labels, strict=True)]
        pairs = {(label, names[own]) for names, mapping in parts if names for own, label in mapping.items()}
        if not size == len(pairs) == len({label for label, _ in pairs}) == len({name for _, name in pairs}):
            return None
        return [name for _, name in sorted(pairs)]

    def _makers(self):
        """For each class, pairs of a generator's position and its own class; and the classes never seen."""
        seen: list = [[] for _ in range(self.num_classes)]
        unseen: list = [[] for _ in range(self.num_classes)]
        for place, (generator, mapping) in enumerate(zip(self.generators, self.labels, strict=True)):
            for own, label in mapping.items():
                (unseen if own in generator.unseen_classes else seen)[label].append((place, own))
        makers = [some or others for some, others in zip(seen, unseen, strict=True)]
        return makers, tuple(label for label, made_by in enumerate(seen) if not made_by)

    @property
    def unseen_classes(self) -> tuple:  # type: ignore[override]
        """Classes without an image in the training of any generator, including those that none can make."""
        return self._makers()[1]

    def sample(self, labels: tf.Tensor, seed: tf.Tensor, truncation: Any = 1.0) -> tf.Tensor:
        number, labels = tf.shape(labels)[0], conditions.at_least_one(self.existing(labels))
        places, own = self._dealt(labels, _random.fold(seed, 0))
        if len(self.generators) == 1:
            return self._part_of(0, own, _random.fold(seed, 1), truncation)[:number]
        return self._in_chunks(places, own, _random.fold(seed, 1), truncation)[:number]

    def _dealt(self, labels, seed):
        """The generator's position and its own class for each row, int32 (k,), alternating from a random generator."""
        table, counts = self._table()
        counts = tf.gather(counts, labels)
        start = tf.gather(_random.integers([len(table)], seed, 0, 2**30), labels)
        turn = (start % counts + occurrence(labels)) % counts
        return tf.unstack(tf.gather_nd(table, tf.stack([labels, turn], 1)), axis=1)

    def _table(self):
        """A table of the makers of each class, int32 (classes, most, 2), and their number, int32 (classes,)."""
        makers, _ = self._makers()
        table = np.zeros([len(makers), max(map(len, makers)), 2], np.int32)
        table[..., 1] = min(self.labels[0])  # for a class that no generator makes, if nothing checks it
        for label, made_by in enumerate(makers):
            table[label, : len(made_by)] = np.reshape(made_by, [-1, 2])
        return table, np.array([max(len(made_by), 1) for made_by in makers], np.int32)

    @property
    def latent_dim(self) -> int | None:  # type: ignore[override]
        """The latents that its generators share, and one number that chooses a generator."""
        lengths = [generator.latent_dim for generator in self.generators]
        return None if None in lengths else max(lengths) + 1

    def from_latents(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        table, counts = self._table()
        # Quantiles of the normal distribution that give each maker of a class an equal share.
        edges = np.full([len(counts), table.shape[1] - 1], np.inf, np.float32)
        for row, count in zip(edges, counts, strict=True):
            row[: count - 1] = [_NORMAL.inv_cdf(place / count) for place in range(1, count)]
        turn = tf.reduce_sum(tf.cast(latents[:, -1:] >= tf.gather(edges, labels), tf.int32), axis=1)
        places, own = tf.unstack(tf.gather_nd(table, tf.stack([labels, turn], 1)), axis=1)
        images = None
        for place, (generator, mapping) in enumerate(zip(self.generators, self.labels, strict=True)):
            mine = tf.equal(places, place)
            made = generator.from_latents(latents[:, : generator.latent_dim], tf.where(mine, own, min(mapping)))
            made = _images.rescale(tf.cast(made, tf.float32), generator.value_range, self.value_range)
            images = made if images is None else tf.where(mine[:, None, None, None], made, images)
        return images

    def _in_chunks(self, places, own, seed, truncation):
        """Makes the rows in chunks with one generator each, since the number of rows per generator is not static."""
        n, k = len(self.generators), places.shape[0] or tf.shape(places)[0]
        size, most = -(-k // n), 2 * n - 1  # the largest number of chunks that can be needed
        chunks = -(-tf.reduce_sum(tf.one_hot(places, n, dtype=tf.int32), 0) // size)
        ends = tf.cumsum(chunks)
        starts, rank = ends - chunks, occurrence(places)
        where = tf.stack([tf.gather(starts, places) + rank // size, rank % size], 1)
        of = tf.minimum(tf.reduce_sum(tf.cast(tf.range(most)[:, None] >= ends[None], tf.int32), 1), n - 1)
        padding = tf.gather(np.array([min(mapping) for mapping in self.labels], np.int32), of)
        asked = tf.tensor_scatter_nd_update(tf.tile(padding[:, None], [1, size]), where, own)

        def make(chunk, made):
            # Uses `tf.gather`: XLA treats an index in brackets as a constant and recompiles for each value.
            place, labels = tf.gather(of, chunk), tf.gather(asked, chunk)
            chunk_seed = _random.fold(seed, place, chunk - tf.gather(starts, place))
            parts = [functools.partial(self._part_of, p, labels, chunk_seed, truncation) for p in range(n)]
            return chunk + 1, made.write(chunk, tf.switch_case(place, parts))

        shape = [size if isinstance(size, int) else None, *self.image_shape]
        made = tf.TensorArray(tf.float32, most, element_shape=shape)
        _, made = tf.while_loop(lambda chunk, made: chunk < ends[-1], make, (0, made))
        return tf.gather_nd(made.stack(), where)

    def _part_of(self, place, own, seed, truncation):
        """Images of one of the generators, in the value range of the union."""
        generator = self.generators[place]
        images = tf.cast(generator.sample(own, seed, truncation), tf.float32)
        return _images.rescale(images, generator.value_range, self.value_range)

    def to_object(self) -> tuple[dict[str, Any], Any, Sequence[Generator]] | None:
        labels = [[*mapping.items()] for mapping in self.labels]
        return {"union": labels, "num_classes": self.num_classes}, [], self.generators


def _part(generator, name):
    """Converts a user's object to a generator. Errors contain the name of the argument."""
    try:
        made = for_batches(generator)
    except (ValueError, TypeError) as error:
        raise type(error)(str(error).replace("`generator`", f"`{name}`", 1)) from error
    if made.translates:
        raise ValueError(f"`{name}` must make images from labels alone. Received: one that translates images")
    return made


def _mapping(given, generator, name):
    """Checks a user's mapping from a generator's classes to those of the union."""
    one, size = isinstance(given, Integral) and not generator.condition.conditional, generator.num_classes
    mapping = {0: given} if one else given
    right = isinstance(mapping, Mapping) and mapping and len({*mapping.values()}) == len(mapping)
    if not right or not all(isinstance(label, Integral) and label >= 0 for pair in mapping.items() for label in pair):
        what = "a mapping from its class indices to different ones of the union"
        raise ValueError(
            f"`{name}` must be {what}{'' if generator.condition.conditional else ', or one class'}. Received: {given!r}"
        )
    highest = max(mapping)
    if highest >= (size or np.iinfo(np.int32).max if generator.condition.conditional else 1):
        classes = f"of {size} classes" if generator.condition.conditional else "without classes, where only 0 exists"
        raise ValueError(f"`{name}` must map classes of its generator, one {classes}. Received: {given!r}")
    made = {int(own): int(label) for own, label in mapping.items() if own not in generator.missing_classes}
    if not made:
        raise ValueError(f"`{name}` must have a class that its generator makes. Received: {given!r}")
    return made
