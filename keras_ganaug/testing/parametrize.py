"""A pytest test for each check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from keras_ganaug.models.adversarial_model import AdversarialModel
from keras_ganaug.penalties import Penalty
from keras_ganaug.testing.checks import Skipped
from keras_ganaug.testing.gans import checks_of_gan
from keras_ganaug.testing.generators import checks_of_generator
from keras_ganaug.testing.penalties import checks_of_penalty


def parametrize_with_checks(subjects: Iterable[Any], marks: Mapping[str, Any] | None = None, **options: Any) -> Callable:
    """Decorates a test with the argument `check`, which pytest then calls once for each check of each subject.

    A check that does not apply is a skipped test with the reason. Needs pytest.

    Args:
        subjects: Classes of GANs, penalties, and generators: anything that `check_generator` takes.
        marks: pytest marks by the name of a check, such as `{"check_xla": pytest.mark.slow}`. Defaults to None.
        **options: Arguments of `checks_of_gan`, `checks_of_penalty` or `checks_of_generator`, such as `only`.

    Returns a decorator.

    Raises:
        ValueError: For names in `only` that do not exist.

    Example:

    >>> import keras_ganaug as kga
    >>> @kga.testing.parametrize_with_checks([kga.SNGAN, kga.penalties.R1()], only=["check_xla"])
    ... def test_the_contract(check):
    ...     check()
    >>> [parameter.id for parameter in test_the_contract.pytestmark[0].args[1]]
    ['SNGAN-check_xla', 'R1-check_xla']
    """
    import pytest

    marks, parameters = dict(marks or {}), []
    for subject in subjects:
        name = subject.__name__ if isinstance(subject, type) else type(subject).__name__
        for each, check in _checks_of(subject, options).items():
            parameters.append(pytest.param(_Test(check), id=f"{name}-{each}", marks=marks.get(each, ())))
    return pytest.mark.parametrize("check", parameters)


def _checks_of(subject, options):
    if isinstance(subject, type) and issubclass(subject, AdversarialModel):
        return checks_of_gan(subject, **options)
    return (checks_of_penalty if isinstance(subject, Penalty) else checks_of_generator)(subject, **options)


class _Test:
    """A check whose `Skipped` is a skipped test."""

    def __init__(self, check: Callable[[], None]):
        self._check = check

    def __call__(self) -> None:
        import pytest

        try:
            self._check()
        except Skipped as reason:
            pytest.skip(str(reason))
