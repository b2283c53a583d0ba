"""The one store of results: a JSON file of entries by key, which several processes may write at once and lose nothing."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_ganaug import _extras, _files

VERSION = 2
"""Of the keys. It changes with what a key says, and with each default that changes: a key leaves defaults out."""

_OLD = "figures"  # what `results` of an entry were called in files of before


def key(seed: int, data: str, name: str, settings: str) -> str:
    """The key of a result.

    Args:
        seed: Its seed.
        data: Name or digest of its data.
        name: Name of the arm, or of whatever was trained.
        settings: All that differs from the defaults, as `fingerprint` says it.
    """
    return f"v{VERSION}/{seed}/{data}/{name}/{hashlib.sha256(settings.encode()).hexdigest()[:12]}"


class Results:
    """Entries on disk by key: `settings`, a text of what made them, and `results`, plain values.

    Args:
        path: JSON file, of this machine.
    """

    def __init__(self, path: Any) -> None:
        self.path = path

    def lock(self) -> Any:
        """A lock for which other processes and threads wait; it is let go when its process ends, however it does."""
        return _extras.load("filelock", "`directory`").FileLock(f"{self.path}.lock", thread_local=False)

    def read(self) -> dict[str, dict[str, Any]]:
        """All entries; none without the file.

        Raises:
            ValueError: If the file holds anything else than entries, such as half of them.
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
            why = f"which is no JSON, or a part of one: {error}"
        except (TypeError, KeyError, AttributeError):
            why = "which holds something else"
        raise ValueError(
            f"`directory` must hold results as a study wrote them. Received: '{self.path}', {why}. Nothing was changed; "
            "mend the file, or move it away"
        )

    def add(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        """Adds entries. Others may do so at the same time: each waits for its turn."""
        _files.make_folder(_files.parent(self.path))
        with self.lock():
            _files.write(self.path, as_json({**self.read(), **entries}))

    def record(self, key: str, settings: str, results: Mapping[str, Any]) -> None:
        """Adds one entry."""
        self.add({key: {"settings": settings, "results": results}})


def as_json(value: Any) -> str:
    """Plain values and arrays as JSON, which has no NaN: null stands for what is no finite number.

    Raises:
        TypeError: For a value that JSON does not have.
    """
    return json.dumps(plain(value), indent=1, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """A value as JSON has it: arrays as lists, and None for numbers that are not finite."""
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
    raise TypeError(f"What is written must be plain values. Received: {value!r}")


def _with_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_nan(part) for part in value]
    return math.nan if value is None else value


def digests(parts: Sequence[Sequence[np.ndarray]]) -> list[str]:
    """One text for each of several tuples of arrays, which says what that one and those before it hold."""
    digest, texts = hashlib.sha256(), []
    for part in parts:
        for array in part:
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        texts.append(digest.hexdigest()[:12])
    return texts
