"""Completes docstrings: each describes its own arguments, and the inherited ones are added."""

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_ARGS = re.compile(r"^Args:\n((?:    .*\n)*)", re.MULTILINE)
_AFTER_ARGS = re.compile(r"^(?:Call arguments|Input shape|Returns|Raises|Warns|Examples?)\b.*\n|\Z", re.MULTILINE)


def complete_docstring(target: Any, source: Any = None) -> Any:
    """Adds to the docstring of `target` the `Args:` entries of `source` that it takes but does not describe.

    The entries follow the order of the signature. A class also gets the full signature, which `help` and editors show.
    Meant to be called in `__init_subclass__`, where `source` is the base class.

    Args:
        target: A class or a function with a docstring. It is modified in place.
        source: The object that describes the other arguments. Defaults to None: the nearest base with an `Args:` section.

    Returns:
        `target`.
    """
    source = source or next((base for base in target.__mro__[1:] if _ARGS.search(_text(base))), None)
    if source is None:
        return target
    is_class = isinstance(target, type)
    parameters = dict(inspect.signature(target.__init__ if is_class else target).parameters)
    if is_class:
        parameters.pop("self")
        if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters.values()):
            parameters = {**inspect.signature(source).parameters, **parameters}
            parameters = {name: p for name, p in parameters.items() if p.kind is not p.VAR_POSITIONAL}
        target.__signature__ = inspect.Signature(sorted(parameters.values(), key=lambda p: p.kind))
    doc = _text(target)
    if not target.__doc__:
        return target
    takes_more = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    taken = {name: entry for name, entry in _entries(_text(source)).items() if takes_more or name in parameters}
    entries = {**taken, **_entries(doc)}
    order = [*parameters, *entries]
    unique = dict.fromkeys(entries[name] for name in sorted(entries, key=order.index))
    section = "Args:\n" + "".join(unique)
    if _ARGS.search(doc):
        target.__doc__ = _ARGS.sub(lambda match: section, doc, count=1)
    else:
        target.__doc__ = _AFTER_ARGS.sub(lambda match: f"{section}\n{match[0]}" if match[0] else f"\n{section}", doc, 1)
    return target


def arguments_of(source: Any) -> Callable[[T], T]:
    """A decorator that adds to the function's docstring the argument descriptions of `source`."""
    return lambda function: complete_docstring(function, source)


def _text(target):
    own = target.__dict__.get("__doc__") if isinstance(target, type) else target.__doc__
    return inspect.cleandoc(own or "") + "\n"


def _entries(doc):
    """The entry of each argument in the `Args:` section. Arguments described together share one entry."""
    section = _ARGS.search(doc)
    entries = re.findall(r"^ {4}\S.*\n(?: {5,}.*\n)*", section[1], re.MULTILINE) if section else []
    return {name.strip(" *`"): entry for entry in entries for name in entry.partition(":")[0].split(",")}
