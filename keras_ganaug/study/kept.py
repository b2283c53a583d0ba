"""What a study keeps of its results, and by what it knows them again."""

import functools
import hashlib
import json

import numpy as np


def read(file):
    """The entries of a file, by key; none without one."""
    return json.loads(file.read_text(encoding="utf-8")) if file is not None and file.exists() else {}


def add(file, entries):
    """Adds entries to those of a file, which may be of other studies too."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps({**read(file), **entries}, indent=1), encoding="utf-8")
    new.replace(file)  # never half a file


def digests(parts):
    """One text for each of several tuples of arrays, which says what that one and those before it hold."""
    digest, texts = hashlib.sha256(), []
    for part in parts:
        for array in part:
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array))
        texts.append(digest.hexdigest()[:12])
    return texts


def described(value):
    """A text that is the same in every process."""
    if isinstance(value, (tuple, list)):
        names = getattr(value, "_fields", range(len(value)))
        return "(" + ", ".join(f"{name}={described(part)}" for name, part in zip(names, value, strict=True)) + ")"
    if isinstance(value, np.ndarray):
        return described(value.tolist())
    if isinstance(value, functools.partial):
        return f"partial({described(value.func)}, {described(value.args)}, {described(sorted(value.keywords.items()))})"
    if callable(value) and hasattr(value, "__qualname__"):
        name = f"{value.__module__}.{value.__qualname__}"
        return name + (_digest_of_code(value) if "<lambda>" in name else "")
    if type(value).__repr__ is object.__repr__:  # which tells the address
        return f"{type(value).__module__}.{type(value).__qualname__}{described(sorted(vars(value).items()))}"
    return repr(value)


def _digest_of_code(function):
    """What tells one function without a name from another."""

    def parts(code):
        inner = [parts(each) if hasattr(each, "co_code") else repr(each) for each in code.co_consts]
        return [code.co_code.hex(), code.co_names, inner]

    inside = [described(cell.cell_contents) for cell in function.__closure__ or ()]
    text = repr([parts(function.__code__), described(function.__defaults__ or ()), inside])
    return f" #{hashlib.sha256(text.encode()).hexdigest()[:12]}"
