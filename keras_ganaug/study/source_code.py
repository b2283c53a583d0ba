"""The code of functions, and the names of objects in modules, as texts that are the same in every process."""

import ast
import dis
import functools
import hashlib
import importlib.util
import linecache
import sys
import sysconfig
import types
from pathlib import Path

KERAS = ("keras", "keras_ganaug", "tf_keras")


def digest_of(text):
    """A short digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def top(module):
    """The top-level package of a module."""
    return (module or "").partition(".")[0]


def name_of(value):
    """The qualified name of an object. For this package and Keras it omits the module, which may change."""
    module = getattr(value, "__module__", None) or ""
    module = top(module) if top(module) in KERAS else module
    return f"{module}.{getattr(value, '__qualname__', value)}"


def is_ours(value):
    """Whether this package defines the value."""
    return top(getattr(value, "__module__", None)) == "keras_ganaug"


def has_its_name(value):
    """Whether an installed package exposes the value under its name."""
    if not is_installed(value.__module__ or ""):
        return False
    found = sys.modules.get(value.__module__)
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value or getattr(found, "__wrapped__", None) is value or getattr(found, "__func__", None) is value


@functools.cache
def is_installed(module):
    """Whether a module belongs to Python or an installed package, not to the user."""
    package = top(module)
    if package in ("", "__main__"):
        return False
    if package == "keras_ganaug" or package in sys.builtin_module_names or package in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(module) or sys.modules.get(package), "__file__", None)
    if file is None:
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            return False
        folders = getattr(spec, "submodule_search_locations", None) or ()
        file = getattr(spec, "origin", None) or next(iter(folders), "")
    folders = [sysconfig.get_paths()[name] for name in ("purelib", "platlib")]
    return any(file.startswith(folder) for folder in folders) or "site-packages" in file or "dist-packages" in file


def source_of_module(module):
    """A digest of the source of a user's own module that a function imports when it runs; "" for any other module."""
    try:
        spec = None if is_installed(module) else importlib.util.find_spec(module)
        if spec is None or not (spec.origin or "").endswith(".py"):
            return ""
        return digest_of(_tree(ast.parse(Path(spec.origin).read_bytes())))
    except (ImportError, ValueError, SyntaxError, OSError):
        return ""


def names_in(code):
    """The sets of globals, attributes and modules that code, including nested code, uses or imports."""
    codes, used, attributes, imported = [code], set(), set(), set()
    for each in codes:
        codes.extend(part for part in each.co_consts if isinstance(part, types.CodeType))
        attributes.update(each.co_names)
        for instruction in dis.get_instructions(each):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                used.add(instruction.argval)
            elif instruction.opname == "IMPORT_NAME":
                imported.add(instruction.argval)
    return used, attributes, imported


def code_of(function):
    """The code of a function. Uses the source, which is the same in all Python versions, if it certainly belongs to it."""
    code = function.__code__
    nodes, codes = _of_file(code.co_filename, "".join(linecache.getlines(code.co_filename, function.__globals__)))
    place, own = (code.co_name, code.co_firstlineno), bytecode_of(code)
    same = any((each.co_name, each.co_firstlineno) == place and bytecode_of(each) == own for each in codes)
    if same and len(nodes.get(place, ())) == 1:
        return _tree(nodes[place][0])
    return own


@functools.lru_cache(maxsize=64)
def _of_file(file, source):
    """The functions of a file: syntax trees by name and line, and all code objects."""
    try:
        tree = ast.parse(source)
        codes = [compile(source, file, "exec", dont_inherit=True)]
    except (SyntaxError, ValueError):
        return {}, []
    nodes = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            decorators = getattr(node, "decorator_list", None)
            line = min([node.lineno, *(each.lineno for each in decorators or ())])
            nodes.setdefault((getattr(node, "name", "<lambda>"), line), []).append(node)
    for each in codes:
        codes.extend(part for part in each.co_consts if isinstance(part, types.CodeType))
    return nodes, codes


def _tree(node):
    """A syntax tree as a text, without annotations and docstrings, which have no effect."""
    if isinstance(node, list):
        return f"[{' '.join(map(_tree, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = {name: part for name, part in ast.iter_fields(node) if part is not None and part != []}
    for name in ("annotation", "returns", "type_comment", "type_params", "ctx", "kind"):
        fields.pop(name, None)
    body = fields.get("body")
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and _is_docstring(body[0]):
        fields["body"] = body[1:]
    return f"({type(node).__name__} {' '.join(f'{name}={_tree(part)}' for name, part in fields.items())})"


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def bytecode_of(code):
    """Code as a text, for functions without a source."""
    parts = [
        code.co_code.hex(),
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags),
        [_constant(part) for part in code.co_consts],
    ]
    return f"bytecode {digest_of(repr(parts))}"


def _constant(value):
    if isinstance(value, types.CodeType):
        return bytecode_of(value)
    if isinstance(value, frozenset):
        return f"frozenset{{{', '.join(sorted(map(_constant, value)))}}}"
    return f"({', '.join(map(_constant, value))})" if isinstance(value, tuple) else repr(value)
