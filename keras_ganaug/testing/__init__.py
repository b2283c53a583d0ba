"""The contract of GANs, generators and penalties as checks, for the tests of your own.

Each check is a function that raises an AssertionError with the name of the class, what was expected and what was received.
`check_gan`, `check_generator` and `check_penalty` run all checks and report all that fail. `checks_of_gan` and the like
return the checks by name, and `parametrize_with_checks` makes a pytest test of each.
"""

from keras_ganaug.testing.checks import Skipped
from keras_ganaug.testing.gans import check_gan, checks_of_gan
from keras_ganaug.testing.generators import check_generator, checks_of_generator
from keras_ganaug.testing.parametrize import parametrize_with_checks
from keras_ganaug.testing.penalties import check_penalty, checks_of_penalty

__all__ = [
    "Skipped",
    "check_gan",
    "check_generator",
    "check_penalty",
    "checks_of_gan",
    "checks_of_generator",
    "checks_of_penalty",
    "parametrize_with_checks",
]
