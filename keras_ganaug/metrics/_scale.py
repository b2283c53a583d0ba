"""Whether sets of images that are compared are on one scale."""

import warnings

import numpy as np

from keras_ganaug import _watch


def tell_of_scales(first, second, names, stacklevel=3):
    """Warns if the second set looks scaled otherwise than the first. Returns whether it did.

    Args:
        first, second: Real arrays of any shape.
        names: The arguments that they are.
        stacklevel: As of `warnings.warn`. Defaults to 3.
    """
    spans = [(float(values.min()), float(values.max())) for values in (first, second)]
    if spans[0][0] == spans[0][1] or _watch.other_scale(np.asarray(second), spans[0]) is None:
        return False
    of = [f"`{name}` from {low:g} to {high:g}" for name, (low, high) in zip(names, spans, strict=True)]
    warnings.warn(
        f"`{names[0]}` and `{names[1]}` look scaled differently, and what is compared then is the scale: bring both into "
        f"one range. Received: {' and '.join(of)}",
        stacklevel=stacklevel,
    )
    return True
