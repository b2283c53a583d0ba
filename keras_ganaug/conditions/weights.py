"""Class weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

STRATEGIES = ("keep", "balance")


def class_weights(
    strategy: Any, num_classes: int | None, name: str = "sampling_strategy", names: tuple[str, ...] = STRATEGIES
) -> np.ndarray | None:
    """Converts class weights to probabilities, float32 (num_classes,). Returns None for a strategy by name.

    Args:
        strategy: One of `names`, a mapping from class to weight, or a sequence of one weight per class.
        num_classes: Number of classes; None if unknown.
        name: Name of the argument, for errors. Defaults to "sampling_strategy".
        names: The accepted strategies. Defaults to `STRATEGIES`.

    Raises:
        ValueError: For anything else.
    """
    expected = (
        f"`{name}` must be one of {names}, or a mapping from class index or name to weight, or a sequence of one "
        "weight per class: finite numbers of at least 0, not all of them 0"
    )
    if isinstance(strategy, str):
        if strategy not in names:
            raise ValueError(f"{expected}. Received: {name}={strategy!r}")
        return None
    try:
        if isinstance(strategy, Mapping):
            pairs = {int(key): float(weight) for key, weight in strategy.items()}
            weights = np.zeros(num_classes or max(pairs) + 1)
            if min(pairs) < 0 or any(isinstance(key, float) and key != int(key) for key in strategy):
                raise ValueError
            weights[list(pairs)] = list(pairs.values())
        else:
            weights = np.asarray(strategy, np.float64)
            if weights.shape != (num_classes or weights.size,):
                raise ValueError
        if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() <= 0:
            raise ValueError
    except (TypeError, ValueError, AttributeError, IndexError):
        received = f"{name}={strategy!r}" + (f" for {num_classes} classes" if num_classes else "")
        raise ValueError(f"{expected}. Received: {received}") from None
    return (weights / weights.sum()).astype(np.float32)


def at(weights: np.ndarray, positions: tf.Tensor) -> tf.Tensor:
    """Maps positions from 0 to 1 to classes, int32, in proportion to the weights. A class of weight 0 is never chosen."""
    edges = np.cumsum(weights)[:-1].astype(np.float32)
    return tf.reduce_sum(tf.cast(positions[:, None] >= edges[None], tf.int32), axis=1)


def some(classes: Iterable, most: int = 20) -> str:
    """Lists classes in words, at most `most` of them."""
    classes = list(classes)
    return f"{classes[:most]}" + (f" and {len(classes) - most} more" if len(classes) > most else "")
