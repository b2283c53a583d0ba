"""What all checks share: how they run, what they report, and how they compare."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf


class Skipped(Exception):
    """Raised by a check that does not apply, with the reason. `check_gan` and the like name it in a warning."""


def expect(condition: Any, case: Any, expected: str, received: Any) -> None:
    """Raises an AssertionError unless the condition holds."""
    if not condition:
        raise AssertionError(f"{case.name} must {expected}. Received: {received}")


def expect_equal(case: Any, given: Any, wanted: Any, expected: str, atol: float = 0.0, rtol: float = 0.0) -> None:
    """Raises an AssertionError unless two arrays have the same shape, and values that differ by no more than allowed."""
    given, wanted = np.asarray(given), np.asarray(wanted)
    expect(given.shape == wanted.shape, case, expected, f"shapes {given.shape} and {wanted.shape}")
    if not np.allclose(given, wanted, rtol=rtol, atol=atol):
        largest = np.max(np.abs(np.asarray(given, np.float64) - np.asarray(wanted, np.float64)))
        expect(False, case, expected, f"values that differ by up to {largest:.3g}")


def expect_images(case: Any, images: Any, number: int, image_shape: Sequence[int], value_range: Sequence[float]) -> None:
    """Raises an AssertionError unless these are so many float32 images of the shape with values in the range."""
    images = np.asarray(images)
    shape, (low, high) = (number, *image_shape), value_range
    expect(images.shape == shape, case, f"give images of shape {shape}", images.shape)
    expect(images.dtype == np.float32, case, "give float32 images", images.dtype)
    expect(np.isfinite(images).all(), case, "give finite images", "NaN or infinite values")
    lowest, highest = images.min(), images.max()
    received = f"values from {lowest:.4g} to {highest:.4g}"
    expect(low <= lowest and highest <= high, case, f"give images in `value_range`, from {low:g} to {high:g}", received)
    expect(lowest < highest, case, "give images that are not of one colour", f"the value {lowest:.4g} everywhere")


def expect_refused(case: Any, call: Callable[[], Any], expected: str, word: str) -> None:
    """Raises an AssertionError unless the call raises a ValueError or TypeError that contains the word and "Received"."""
    try:
        call()
    except (ValueError, TypeError) as error:
        told = word in str(error) and "Received" in str(error)
        expect(told, case, f"{expected}, by an error that names {word} and what it received", first_line(error))
    else:
        expect(False, case, expected, "no error")


@contextlib.contextmanager
def eagerly() -> Iterator[None]:
    """Within it nothing is traced: that takes longer than a few calls."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Even though the")
            yield
    finally:
        tf.config.run_functions_eagerly(before)


def first_line(value: Any) -> str:
    """The first line of what an error or a docstring says."""
    return next(iter(str(value).strip().splitlines()), "")


def run(check: Callable[[Any], None], case: Any) -> None:
    """Runs one check. Any error that is no AssertionError becomes one that says what was checked."""
    try:
        check(case)
    except (AssertionError, Skipped):
        raise
    except Exception as error:  # what a class under test raises may be anything
        received = f"{type(error).__name__}: {first_line(error) or 'no message'}"
        raise AssertionError(f"{case.name} must pass: {first_line(check.__doc__)} Received: {received}") from error


def of(checks: Sequence[Callable], case: Any, only: Iterable[str] | None) -> dict[str, Callable[[], None]]:
    """The checks of a case by name, each a callable without arguments.

    Args:
        checks: The checks.
        case: What they are called with.
        only: Names of those that are wanted; None for all.

    Raises:
        ValueError: For names that do not exist.
    """
    named: dict[str, Callable[[], None]] = {check.__name__: functools.partial(run, check, case) for check in checks}
    if only is None:
        return named
    only = [only] if isinstance(only, str) else list(only)
    unknown = sorted(set(only) - set(named))
    if unknown or not only:
        raise ValueError(f"`only` must be names of checks: {', '.join(named)}. Received: {unknown or only}")
    return {name: named[name] for name in named if name in only}


def run_all(checks: dict[str, Callable[[], None]], case: Any) -> None:
    """Runs checks by name. Raises one AssertionError that lists those that fail, and warns of those that were skipped."""
    failed, skipped = {}, {}
    for name, check in checks.items():
        try:
            check()
        except AssertionError as error:
            failed[name] = error
        except Skipped as reason:
            skipped[name] = reason
    if skipped:
        told = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        warnings.warn(f"Checks of {case.name} that were skipped: {told}", stacklevel=3)
    if failed:
        lines = [f"- {name}: {error}" for name, error in failed.items()]
        raise AssertionError("\n".join([f"{case.name} fails {len(failed)} of {len(checks)} checks:", *lines]))
