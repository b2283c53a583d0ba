"""Hides TensorFlow's log lines from the command `keras-ganaug`. Python users are not affected."""

import os
import sys

if os.path.basename(sys.argv[0]).startswith("keras-ganaug"):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    screen, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)  # messages during the import ignore the log level
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(screen, 2)
        os.close(nothing)
        os.close(screen)
