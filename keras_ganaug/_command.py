"""What is different if the command `keras-ganaug` imports the package. Python users are not affected.

Its help appears at once, without TensorFlow. TensorFlow's log lines are hidden, unless TF_CPP_MIN_LOG_LEVEL is set.
"""

import importlib
import os
import sys

_PROGRAM = os.path.splitext(os.path.basename(sys.argv[0]))[0]
_MODULE = sys.argv[0] == "-m" and "keras_ganaug.cli" in sys.orig_argv

waits = _MODULE or _PROGRAM in ("keras-ganaug", "keras-ganaug-script")
"""Whether the package still has to be imported, by `load`."""


def load() -> None:
    """Imports the rest of the package, if it waits."""
    global waits
    if not waits:
        return
    waits = False
    if "TF_CPP_MIN_LOG_LEVEL" not in os.environ:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        _import_silently("tensorflow")
    importlib.reload(sys.modules["keras_ganaug"])


def _import_silently(name):
    """Imports a module. Lines of its C++ code do not reach standard error: during the import, they ignore the log level."""
    sys.stderr.flush()
    screen, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        importlib.import_module(name)
    finally:
        os.dup2(screen, 2)
        os.close(nothing)
        os.close(screen)
