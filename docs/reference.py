"""Writes the pages of the API reference: a page for each room of the package, with all of its public names.

Sphinx's own `autosummary` goes by modules; a room may take several files to write what is one name to its users.
"""

import inspect
import re
import textwrap
import types
from collections.abc import Mapping
from pathlib import Path

import keras_ganaug

MORE = ("generators",)  # rooms that are public, but no names of the package itself
INTRODUCTION = """All public names, by the subpackage that defines them.
Pages of the manual write ``kga`` for ``keras_ganaug``.

.. toctree::
"""


def public(module=keras_ganaug):
    """All public names of the package: a mapping from the shortest path of each to the object."""
    names = list(getattr(module, "__all__", ()) or _own(module))
    found, modules = {}, []
    for name in [*names, *(MORE if module is keras_ganaug else ())]:
        value = getattr(module, name)
        if isinstance(value, types.ModuleType):
            modules.append(value)
        elif not name.startswith("_"):
            found[f"{module.__name__}.{name}"] = value
    for inner in modules:
        own = public(inner).items()
        found |= {path: value for path, value in own if not any(value is known for known in found.values())}
    return found


def _own(module):
    values = vars(module).items()
    return [name for name, value in values if getattr(value, "__module__", None) == module.__name__ and name[0] != "_"]


def _room(path, value):
    """The room where a name is at home: a constant has no other than that of its path."""
    module = getattr(value, "__module__", None) if inspect.isclass(value) or inspect.isroutine(value) else None
    return (module or path).split(".")[1]


def pages():
    """A mapping from the name of each page to its text in reStructuredText: one for each room, and "index"."""
    rooms = {}
    for path, value in public().items():
        rooms.setdefault(_room(path, value), {})[path] = value
    texts = {room: _page(room, names) for room, names in sorted(rooms.items())}
    return {**texts, "index": "\n".join([*_heading("API reference", "="), INTRODUCTION, *(f"   {room}" for room in texts)])}


def _page(room, names):
    module = getattr(keras_ganaug, room, None) or __import__(f"keras_ganaug.{room}", fromlist=["*"])
    lines = [*_heading(room, "="), _docstring(module), "", ".. autosummary::", "   :nosignatures:", ""]
    lines += [f"   ~{path}" for path, value in names.items() if callable(value)]
    for path, value in names.items():
        lines += _heading(path.removeprefix("keras_ganaug."), "-")
        if inspect.isclass(value):
            lines += [f".. autoclass:: {path}", "   :members:", "   :show-inheritance:"]
        elif inspect.isroutine(value):
            lines += [f".. autofunction:: {path}"]
        else:
            names = isinstance(value, Mapping) and f"By name: {', '.join(f'``{name}``' for name in value)}."
            lines += [f".. py:data:: {path}", "", *textwrap.indent(names or _docstring(value), "   ").splitlines()]
    return "\n".join(lines) + "\n"


def _heading(title, underline):
    return ["", title, underline * len(title), ""]


def _docstring(value):
    return as_rst(inspect.getdoc(value) or "")


def as_rst(docstring):
    """A docstring as reStructuredText: outside of code, * and | are no markup; after code, letters may follow."""

    def escaped(match):
        text, after = match[0], match.string[match.end() : match.end() + 1]
        if text[0] == "`":
            return text + "\\ " * after.isalnum()
        is_doctest = text.lstrip().startswith((">>>", "..."))
        return text if is_doctest else re.sub(r"(?<!\*)\*(?!\*)|\|", r"\\\g<0>", text)

    return re.sub(r"^ *(?:>>>|\.\.\.).*$|`[^`]+`|[^`\n]+|.", escaped, docstring, flags=re.MULTILINE)


def write(folder: Path):
    """Writes the pages, those that changed alone: Sphinx reads a file again when it is newer."""
    folder.mkdir(exist_ok=True)
    texts = {f"{room}.rst": text for room, text in pages().items()}
    for file in folder.iterdir():
        if file.name not in texts:
            file.unlink()
    for name, text in texts.items():
        file = folder / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
