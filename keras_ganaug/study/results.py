"""Stores results in a JSON file of entries by key. Several processes may write to it at the same time without loss."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_ganaug import _extras, _files

VERSION = 2
"""Version of the keys. It changes with the meaning of a key, and with each default, since keys omit defaults."""

_OLD = "figures"  # the name of an entry's `results` in older files


def key(seed: int, data: str, name: str, settings: str) -> str:
    """The key of a result.

    Args:
        seed: Its seed.
        data: Name or digest of its data.
        name: Name of the arm, or of whatever was trained.
        settings: All settings that differ from the defaults, as text from `fingerprint`.
    """
    return f"v{VERSION}/{seed}/{data}/{name}/{hashlib.sha256(settings.encode()).hexdigest()[:12]}"


class Results:
    """Entries on disk by key. Each has `settings`, a text that describes how it was made, and `results`, plain values.

    Args:
        path: Local JSON file.
    """

    def __init__(self, path: Any) -> None:
        self.path = path

    def lock(self) -> Any:
        """A lock between processes and threads. It is released when its process ends in any way."""
        return _extras.load("filelock", "`directory`").FileLock(f"{self.path}.lock", thread_local=False)

    def read(self) -> dict[str, dict[str, Any]]:
        """Reads all entries. Empty if the file does not exist.

        Raises:
            ValueError: If the file does not contain complete entries.
        """
        if not _files.exists(self.path):
            return {}
        try:
            entries = json.loads(_files.read_text(self.path))
            if not isinstance(entries, dict):
                raise TypeError
            return {
                name: {"settings": entry["settings"], "results": _with_nan(dict(entry.get("results", entry.get(_OLD))))}
                for name, entry in entries.items()
            }
        except (ValueError, UnicodeDecodeError) as error:
            why = f"which is not complete JSON: {error}"
        except (TypeError, KeyError, AttributeError):
            why = "which holds something else"
        raise ValueError(
            f"`directory` must hold results as a study wrote them. Received: '{self.path}', {why}. Nothing was changed; "
            "repair the file, or move it away"
        )

    def add(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        """Adds entries. Several processes may do so at the same time: each waits for its turn."""
        _files.make_folder(_files.parent(self.path))
        with self.lock():
            _files.write(self.path, as_json({**self.read(), **entries}))

    def record(self, key: str, settings: str, results: Mapping[str, Any]) -> None:
        """Adds one entry."""
        self.add({key: {"settings": settings, "results": results}})


def as_json(value: Any) -> str:
    """Plain values and arrays as JSON. Numbers that are not finite become null, since JSON has no NaN.

    Raises:
        TypeError: For a value that JSON does not support.
    """
    return json.dumps(plain(value), indent=1, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Converts a value for JSON: arrays to lists, and numbers that are not finite to None."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"Results must be plain values. Received: {value!r}")


def _with_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_nan(part) for part in value]
    return math.nan if value is None else value


def digests(parts: Sequence[Sequence[np.ndarray]]) -> list[str]:
    """One digest for each of several tuples of arrays, which covers this tuple and those before it."""
    digest, texts = hashlib.sha256(), []
    for part in parts:
        for array in part:
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        texts.append(digest.hexdigest()[:12])
    return texts
