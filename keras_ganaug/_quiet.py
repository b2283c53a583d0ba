"""Keeps TensorFlow's own lines off the screen of the command `keras-ganaug`. In Python nothing is changed."""

import os
import sys

if os.path.basename(sys.argv[0]).startswith("keras-ganaug"):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    screen, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)  # what is logged while it is imported heeds no level
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(screen, 2)
        os.close(nothing)
        os.close(screen)
