"""A text that identifies a value and its behaviour, used to find cached results. It is the same in every process.

Functions are identified by their code, defaults, closures and the globals that they use; objects by class and state. Objects
that keras_ganaug or an installed package defines are identified by name. If a function or an object has an attribute
`cache_key`, it replaces all of this.

"""

import contextlib
import copyreg
import functools
import hashlib
import inspect
import types
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug.study import source_code as code

_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented))
_NOT_OF_A_CLASS = {"__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__slots__", "_abc_impl"}


class Unstable(TypeError):
    """Raised if a value has no state that another process could recognise."""


def text_of(value: Any) -> str:
    """The text that identifies a value. Raises `Unstable` if there is none."""
    try:
        return _Reader().text(value)
    except RecursionError:
        raise Unstable(f"{code.name_of(type(value))} is nested too deeply") from None


def text_of_maker(function: Any) -> str:
    """The text that identifies a function that makes a model or a generator.

    For a method or an object, parts of the state that may record the models it made are ignored: lists and other containers
    that are empty or contain anything but numbers and strings.
    """
    owner, method = function, "__call__"
    if inspect.ismethod(function):
        owner, method = function.__self__, function.__func__.__name__
    state = getattr(owner, "__dict__", None)
    of_code = isinstance(owner, (type, types.FunctionType, functools.partial, keras.Model))
    if of_code or not isinstance(state, dict) or _cache_key(owner) or _cache_key(function):
        return text_of(function)
    state = _by_key({name: part for name, part in state.items() if not _is_a_record(part)})
    return f"{text_of(type(owner))}.{method}{text_of(state)}"


def stand_in(wrapper: Any, function: Any) -> Any:
    """Makes a wrapper identify as the function that it calls, and returns it."""
    with contextlib.suppress(Unstable):
        wrapper.cache_key = _cache_key(function) or text_of_maker(function)
    return wrapper


def changed_fields(value: Any) -> dict[str, Any]:
    """The fields of a named tuple that differ from their defaults, so that a new field with a default changes nothing."""
    defaults = type(value)._field_defaults
    return {k: v for k, v in value._asdict().items() if k not in defaults or not _same(v, defaults[k])}


def text_of_fields(value: Any) -> str:
    """The changed fields of a named tuple as a text, for a `cache_key` or the settings of a result."""
    return f"({', '.join(f'{name}={part!r}' for name, part in changed_fields(value).items())})"


def _same(one, another):
    return type(one) is type(another) and isinstance(one, (*_PLAIN, tuple)) and one == another


def _is_a_record(value):
    if not isinstance(value, (list, dict, set)):
        return False

    def plain(part):
        if isinstance(part, dict):
            return all(map(plain, [*part, *part.values()]))
        return all(map(plain, part)) if isinstance(part, (list, tuple, set)) else isinstance(part, _PLAIN)

    return not value or not plain(value)


class _Reader:
    """Reads a value and everything in it. A value that contains itself is identified by its depth."""

    def __init__(self):
        self._depths, self._texts, self._alive = {}, {}, []

    def text(self, value):
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, _PLAIN):
            return repr(value)
        if id(value) in self._texts:
            return self._texts[id(value)]
        if id(value) in self._depths:
            return f"<{self._depths[id(value)]}>"
        self._depths[id(value)] = len(self._depths)
        self._alive.append(value)  # keeps the value alive, so that its id is not reused
        self._texts[id(value)] = text = self._read(value)
        del self._depths[id(value)]
        return text

    def _read(self, value):
        key = _cache_key(value)
        if key:
            return f"cache_key={key!r}"
        for kinds, read in self._readers():
            if isinstance(value, kinds):
                return read(value)
        return self._object(value)

    def _readers(self):
        return (
            ((tuple, list), self._sequence),
            ((set, frozenset), lambda v: f"{type(v).__name__}{{{', '.join(sorted(map(self.text, v)))}}}"),
            ((dict, types.MappingProxyType), self._mapping),
            (np.ndarray, self._array),
            ((tf.Tensor, tf.Variable), lambda v: f"tensor {self.text(_concrete(v))}"),
            (tf.DType, lambda v: v.name),
            (types.ModuleType, lambda v: f"module {v.__name__}"),
            (functools.partial, lambda v: f"partial({self.text(v.func)}, {self.text(v.args)}, {self.text(v.keywords)})"),
            (types.MethodType, lambda v: f"{self.text(v.__self__)}.{self.text(v.__func__)}"),
            (types.FunctionType, self._function),
            (types.BuiltinFunctionType, self._builtin),
            (types.CodeType, code.bytecode_of),
            (type, self._class),
            ((staticmethod, classmethod), lambda v: f"{type(v).__name__} {self.text(v.__func__)}"),
            (property, lambda v: f"property {self.text((v.fget, v.fset, v.fdel))}"),
        )

    def _sequence(self, value):
        if hasattr(value, "_fields"):
            fields = changed_fields(value) if code.is_ours(type(value)) else value._asdict()
            fields = {k: tuple(v) if isinstance(v, list) and code.is_ours(type(value)) else v for k, v in fields.items()}
            return f"{self.text(type(value))}({', '.join(f'{k}={self.text(v)}' for k, v in fields.items())})"
        name = "" if type(value) in (tuple, list) else self.text(type(value))
        inside = ", ".join(map(self.text, value))
        return f"{name}[{inside}]" if isinstance(value, list) else f"{name}({inside})"

    def _mapping(self, value):
        name = "" if type(value) is dict else code.name_of(type(value))
        return f"{name}{{{', '.join(f'{self.text(k)}: {self.text(part)}' for k, part in value.items())}}}"

    def _array(self, value):
        if value.dtype.hasobject:
            return f"array {value.shape} {self.text(value.tolist())}"
        return f"array {value.dtype} {value.shape} {hashlib.sha256(np.ascontiguousarray(value)).hexdigest()[:12]}"

    def _builtin(self, value):
        of_module = value.__self__ is None or isinstance(value.__self__, types.ModuleType)
        return code.name_of(value) if of_module else f"{self.text(value.__self__)}.{value.__name__}"

    def _function(self, value):
        if code.is_ours(value) and "<lambda>" not in value.__qualname__:
            parts = [self.text(value.__defaults__), self._closure(value)] if "<locals>" in value.__qualname__ else []
            return " ".join([code.name_of(value), *parts])
        if code.has_its_name(value):
            return code.name_of(value)
        state = _by_key({name: part for name, part in vars(value).items() if name != "__wrapped__"})
        uses = "" if code.is_installed(value.__module__ or "") else self._globals(value.__code__, value.__globals__)
        parts = [
            code.code_of(value),
            self.text((value.__defaults__, value.__kwdefaults__, state)),
            self._closure(value),
            uses,
        ]
        return f"{value.__name__} #{code.digest_of(' '.join(parts))}"

    def _closure(self, value):
        def inside(cell):
            try:
                return self.text(cell.cell_contents)
            except ValueError:  # the cell is still empty
                return "empty"

        names = value.__code__.co_freevars
        return ", ".join(f"{name}={inside(cell)}" for name, cell in zip(names, value.__closure__ or (), strict=True))

    def _globals(self, compiled, names):
        """The values of the globals that code uses."""
        used, attributes, imported = code.names_in(compiled)
        texts = [f"import {name} {code.source_of_module(name)}" for name in sorted(imported)]
        for name in sorted(used & names.keys()):
            value = names[name]
            of_module = isinstance(value, types.ModuleType)
            texts.append(f"{name}={self._module(value, attributes) if of_module else self.text(value)}")
        return ", ".join(texts)

    def _module(self, module, attributes):
        """A module. For a user's own module, also the parts of it that are used."""
        if code.is_installed(module.__name__):
            return self.text(module)
        there = sorted(attributes & vars(module).keys())
        return f"module {module.__name__}({', '.join(f'{name}={self.text(vars(module)[name])}' for name in there)})"

    def _class(self, value):
        if code.is_ours(value) or code.has_its_name(value):
            return code.name_of(value)
        slots, methods = (types.MemberDescriptorType, types.GetSetDescriptorType), (property, classmethod, staticmethod)
        parts = {
            name: part
            for name, part in vars(value).items()
            if name not in _NOT_OF_A_CLASS
            and not isinstance(part, slots)
            and (not name.startswith("__") or callable(part) or isinstance(part, methods))
        }
        return f"{value.__qualname__} #{code.digest_of(self.text((value.__bases__, _by_key(parts))))}"

    def _of_keras(self, value):
        """A Keras object, such as a layer, a model or an optimizer: class, config and weights."""
        cls, layer = type(value), isinstance(value, keras.layers.Layer)
        try:
            config = value.get_config()
        except NotImplementedError as error:
            raise Unstable(f"{code.name_of(cls)} has no `get_config`") from error
        parts = [_sorted(_changed(cls, {k: v for k, v in config.items() if k != "name"}))]
        if layer:  # Names depend on the number of layers in a process.
            names = dict.fromkeys(each.name for each in value._flatten_layers())
            parts = [_renamed(parts[0], {name: f"layer {n}" for n, name in enumerate(names)})]
            parts += [np.asarray(weight) for weight in value.get_weights()]
        if not code.is_installed(cls.__module__):  # its config may be incomplete
            own = {k: v for k, v in vars(value).items() if isinstance(v, _PLAIN) and k not in ("name", "built")}
            parts.append(_by_key({k: v for k, v in own.items() if not k.startswith("_")}))
        return f"{self.text(cls)}{self.text(parts)}"

    def _object(self, value):
        cls = type(value)
        function = getattr(value, "python_function", None) or getattr(value, "__wrapped__", None)
        if callable(function):  # from `tf.function`, or a cache around a function
            return f"{code.name_of(cls)}({self.text(function)})"
        if callable(getattr(value, "get_config", None)) and any(
            code.top(each.__module__) in code.KERAS for each in cls.__mro__
        ):
            return self._of_keras(value)
        try:
            reduce = copyreg.dispatch_table.get(cls)
            reduced = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception as error:  # an object that cannot be copied may raise any error
            raise Unstable(f"{code.name_of(cls)} has no state that could be found again: {error}") from error
        if isinstance(reduced, str):
            return f"{code.name_of(cls)} {reduced}"
        make, given, state, items, pairs = (*reduced, None, None, None)[:5]
        if isinstance(state, dict):
            state = _by_key(_changed(cls, state) if code.is_ours(cls) else state)
        items, pairs = (None if each is None else list(each) for each in (items, pairs))
        return f"{self.text(make)}{self.text((given, state, items, pairs))}"


def _cache_key(value):
    """The `cache_key` of a value, if it has one."""
    if isinstance(value, type) or inspect.getattr_static(value, "cache_key", None) is None:
        return None
    return value.cache_key if isinstance(value.cache_key, str) else None


def _renamed(config, names):
    """A config in which some names are replaced."""
    if isinstance(config, dict):
        return {_renamed(k, names): _renamed(v, names) for k, v in config.items()}
    if isinstance(config, (list, tuple)):
        return [_renamed(part, names) for part in config]
    return names.get(config, config) if isinstance(config, str) else config


def _by_key(state):
    """A state, independent of the order in which its parts were created."""
    return dict(sorted(state.items(), key=lambda item: str(item[0])))


def _sorted(config):
    """A config, sorted at all depths, since the order depends on the version of Keras."""
    if isinstance(config, dict):
        return _by_key({name: _sorted(part) for name, part in config.items()})
    return list(map(_sorted, config)) if type(config) is list else config


def _concrete(tensor):
    try:
        return tensor.numpy()
    except Exception as error:  # a tensor in a graph, or of a type that NumPy does not support
        raise Unstable(f"{type(tensor).__name__} has no value that could be found again") from error


def _changed(cls, config):
    """A config or a state without the defaults of the class."""
    try:
        parameters = inspect.signature(cls.__init__).parameters
    except (TypeError, ValueError):
        parameters = {}
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    return {k: v for k, v in config.items() if not (k in defaults and _same(v, defaults[k]))}
