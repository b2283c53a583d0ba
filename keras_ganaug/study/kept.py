"""The results of studies on disk: a JSON file that several studies may write at once, none of whose results is lost."""

import hashlib
import json
import math

import numpy as np

from keras_ganaug import _files

VERSION = 2
"""Of the keys. It changes with what a key says, and with each default that changes: a key leaves defaults out."""


def key(seed, data, name, settings):
    """The key of a result: seed, digest of the data, name of the arm, digest of all that differs from the defaults."""
    return f"v{VERSION}/{seed}/{data}/{name}/{hashlib.sha256(settings.encode()).hexdigest()[:12]}"


def read(file):
    """The entries of a file, by key; none without one.

    Raises:
        ValueError: If the file holds anything else than entries, such as half of them.
    """
    if file is None or not _files.exists(file):
        return {}
    try:
        entries = json.loads(_files.read_text(file))
        whole = isinstance(entries, dict) and all(
            isinstance(entry, dict) and isinstance(entry.get("figures"), dict) and "settings" in entry
            for entry in entries.values()
        )
        why = "which holds something else"
    except (ValueError, UnicodeDecodeError) as error:
        whole, why = False, f"which is no JSON, or a part of one: {error}"
    if not whole:
        raise ValueError(
            f"`directory` must hold results as a study wrote them. Received: '{file}', {why}. Nothing was changed; mend the "
            "file, or move it away"
        )
    return {key: {**entry, "figures": _with_nan(entry["figures"])} for key, entry in entries.items()}


def add(file, entries):
    """Adds entries to those of a file. Others may do so at the same time: each waits for its turn."""
    _files.make_folder(_files.parent(file))
    with lock(file):
        _files.write(file, as_json({**read(file), **entries}))


def lock(file):
    """A lock on a file, for which other processes and threads wait; it is let go when its process ends, however it does."""
    try:
        from filelock import FileLock
    except ImportError:
        raise ImportError(
            '`directory` needs filelock, by which studies share a folder: pip install "keras_ganaug[study]"'
        ) from None
    return FileLock(f"{file}.lock", thread_local=False)


def as_json(content):
    """JSON, which has no NaN: null stands for it."""
    return json.dumps(_without_nan(content), indent=1, allow_nan=False) + "\n"


def _without_nan(value):
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_nan(value):
    if isinstance(value, dict):
        return {name: _with_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_nan(part) for part in value]
    return math.nan if value is None else value


def digests(parts):
    """One text for each of several tuples of arrays, which says what that one and those before it hold."""
    digest, texts = hashlib.sha256(), []
    for part in parts:
        for array in part:
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array))
        texts.append(digest.hexdigest()[:12])
    return texts
