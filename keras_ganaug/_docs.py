"""Docstrings that tell all arguments: each describes its own, and those of another object are put beside them."""

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_ARGS = re.compile(r"^Args:\n((?:    .*\n)*)", re.MULTILINE)
_AFTER_ARGS = re.compile(r"^(?:Call arguments|Input shape|Returns|Raises|Warns|Examples?)\b.*\n|\Z", re.MULTILINE)


def complete_docstring(target: Any, source: Any = None) -> Any:
    """Puts the `Args:` of `source` that `target` takes and does not describe into its docstring, by the signature's order.

    A class also gets the signature of all its arguments, which `help` and editors show. Made to be called in
    `__init_subclass__`, where `source` is the base.

    Args:
        target: A class or a function with a docstring. It is changed.
        source: Where the other arguments are described. Defaults to None: the nearest base with an `Args:` section.

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
    """A decorator: the function's docstring gets the entries of its arguments that `source` describes."""
    return lambda function: complete_docstring(function, source)


def _text(target):
    own = target.__dict__.get("__doc__") if isinstance(target, type) else target.__doc__
    return inspect.cleandoc(own or "") + "\n"


def _entries(doc):
    """Each argument's entry of the section; one that describes several names is all of theirs."""
    section = _ARGS.search(doc)
    entries = re.findall(r"^ {4}\S.*\n(?: {5,}.*\n)*", section[1], re.MULTILINE) if section else []
    return {name.strip(" *`"): entry for entry in entries for name in entry.partition(":")[0].split(",")}
