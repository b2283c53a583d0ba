"""The checks of generators fail for those that break the protocol, and say how."""

import pytest
from broken_generators import BROKEN, Wrapped
from tools import known_generator

import keras_ganaug as kga

pytestmark = pytest.mark.long


def test_a_sound_generator_passes_all_checks():
    kga.testing.check_generator(Wrapped())


@pytest.mark.parametrize(("cls", "name", "message"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_generator_is_told_what_is_wrong(cls, name, message):
    with pytest.raises(AssertionError, match=f"(?s)^{cls.__name__} must .*{message}"):
        kga.testing.checks_of_generator(cls())[name]()


def test_each_check_fails_for_a_broken_generator():
    assert {name for _, name, _ in BROKEN} == set(kga.testing.checks_of_generator(Wrapped()))


def test_what_is_skipped_is_named():
    with pytest.warns(UserWarning, match="Checks of Functional that were skipped: check_labels: it takes any label"):
        kga.testing.check_generator(known_generator(), ["check_samples", "check_labels"])
    kga.testing.check_generator(known_generator(), ["check_samples", "check_labels"], num_classes=3)


@pytest.mark.filterwarnings("ignore:Checks of StarGAN that were skipped")
def test_a_generator_that_translates():
    gan = kga.StarGAN((8, 8, 1), 2, latent_dim=3, width=4, seed=1)
    with pytest.warns(UserWarning, match="check_bank: it translates images"):
        kga.testing.check_generator(gan, [name for name in kga.testing.checks_of_generator(gan) if name != "check_xla"])
