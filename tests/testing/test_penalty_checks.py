"""The checks of penalties fail for those that break the contract, and say how."""

import pytest
import tensorflow as tf
from broken_penalties import BROKEN, SmallLogits
from tools import small_gan

import keras_ganaug as kga

pytestmark = pytest.mark.long

OPTIONS = {"make_gan": lambda num_classes=3: small_gan(num_classes=num_classes), "non_negative": True}


def test_a_sound_penalty_passes_all_checks():
    kga.testing.check_penalty(SmallLogits(), **OPTIONS)


@pytest.mark.parametrize(("cls", "name", "message"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_penalty_is_told_what_is_wrong(cls, name, message):
    with pytest.raises(AssertionError, match=f"(?s)^{cls.__name__} must .*{message}"):
        kga.testing.checks_of_penalty(cls(), **OPTIONS)[name]()


def test_each_check_fails_for_a_broken_penalty():
    assert {name for _, name, _ in BROKEN} == set(kga.testing.checks_of_penalty(SmallLogits(), **OPTIONS))


def test_a_function_is_a_penalty_too():
    def bright(context):
        return tf.reduce_mean(context.real.logits() ** 2)

    expected = "Checks of bright that were skipped: check_interval: .*; check_config: it is a function.*; check_saving: "
    with pytest.warns(UserWarning, match=expected):
        kga.testing.check_penalty(bright, make_gan=OPTIONS["make_gan"])


def test_a_penalty_that_needs_classes():
    with pytest.warns(UserWarning, match="check_without_classes: it refuses a GAN without classes: MismatchedLabels"):
        kga.testing.check_penalty(kga.penalties.MismatchedLabels(3), "check_without_classes")
