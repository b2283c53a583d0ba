"""All that is public has type hints: each parameter, and what is returned."""

import inspect
import types

import pytest
from tools import public

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
PUBLIC = public()


def functions(value):
    """The functions of a public thing: itself, or the constructor, methods and properties that it and its bases define.

    An override without a docstring, such as that of a layer's `call`, has the hints of what it overrides.
    """
    if inspect.isfunction(value):
        yield value
    classes = [base for base in getattr(value, "__mro__", ()) if base.__module__.startswith("keras_ganaug")]
    for cls in classes:
        for name, member in vars(cls).items():
            function = inspect.unwrap(getattr(member, "fget", None) or getattr(member, "__func__", member))
            if isinstance(function, types.FunctionType):
                own = function.__doc__ or not any(name in vars(base) for base in cls.__mro__[1:])
                if cls is value if name == "__init__" else own and not name.startswith("_"):
                    yield function


def missing_hints(function):
    parameters = inspect.signature(function).parameters.values()
    names = [p.name for p in parameters if p.annotation is p.empty and p.name not in ("self", "cls")]
    yield from (name for name in names if inspect.signature(function).parameters[name].kind not in VARIADIC)
    if inspect.signature(function).return_annotation is inspect.Signature.empty and function.__name__ != "__init__":
        yield "return"


@pytest.mark.parametrize("path", PUBLIC)
def test_each_parameter_and_what_is_returned_has_a_hint(path):
    missing = {function.__qualname__: list(missing_hints(function)) for function in functions(PUBLIC[path])}
    assert not {name: names for name, names in missing.items() if names}
