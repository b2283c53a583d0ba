"""All penalties pass the public checks."""

import inspect

import keras
import pytest
from tools import public, small_gan

import keras_ganaug as kga
from keras_ganaug.testing import penalties as contract

ALL = [cls for cls in public(kga.penalties.Penalty, kga.penalties).values() if cls is not kga.penalties.Penalty]
OPTIONS = {"weight": 0.3, "interval": 5, "decay": 0.4, "limit": 0.2, "margin": 0.7, "fake_weight": 0.1, "num_classes": 3}
OPTIONS |= {"generator_weight": 0.6, "loss": "lsgan"}
"""A value of each argument that is not its default."""


@pytest.fixture(scope="module", params=ALL, ids=lambda cls: cls.__name__)
def checks(request):
    parameters = inspect.signature(request.param).parameters.values()
    required = {p.name: OPTIONS[p.name] for p in parameters if p.default is p.empty}
    signed = request.param is kga.penalties.MismatchedLabels  # its values may have any sign
    options = {"make_gan": lambda num_classes=3: small_gan(num_classes=num_classes), "non_negative": not signed}
    return kga.testing.checks_of_penalty(request.param(**required), **options)


@pytest.mark.parametrize("name", [each.__name__ for each in (*contract.CHECKS, contract.check_not_negative)])
def test_it_does_what_the_contract_says(checks, name):
    if name not in checks:
        pytest.skip("its values may have any sign")
    try:
        checks[name]()
    except kga.testing.Skipped as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_its_config_has_the_arguments_that_were_given(cls):
    given = {name: OPTIONS[name] for name in inspect.signature(cls).parameters}
    kga.testing.checks_of_penalty(cls(**given))["check_config"]()
    penalty = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(cls(**given)))
    for name, value in given.items():
        assert getattr(penalty, name) == value or name == "loss"
