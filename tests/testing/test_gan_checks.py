"""The checks of GANs fail for GANs that break the contract, and say how."""

import pytest
import tensorflow as tf
from broken_gans import BROKEN, Sound
from tools import known_generator, small_gan

import keras_ganaug as kga
from keras_ganaug.testing import gan_cases

pytestmark = pytest.mark.long


def test_a_sound_gan_passes_all_checks():
    kga.testing.check_gan(Sound)  # two logical CPUs are there: nothing is skipped, and so nothing told
    assert gan_cases._trained.cache_info().currsize == 0


@pytest.mark.parametrize(("cls", "name", "message"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_gan_is_told_what_is_wrong(cls, name, message):
    with pytest.raises(AssertionError, match=f"(?s)^{cls.__name__} must .*{message}"):
        kga.testing.checks_of_gan(cls)[name]()


def test_each_check_fails_for_a_broken_gan():
    assert {name for _, name, _ in BROKEN} == set(kga.testing.checks_of_gan(Sound))


def test_all_that_fail_are_listed():
    cls = next(cls for cls, name, _ in BROKEN if name == "check_rows")
    with pytest.raises(AssertionError) as caught:
        kga.testing.check_gan(cls, ["check_rows", "check_classes", "check_training"])
    first, *lines = str(caught.value).splitlines()
    assert first == "Batchwise fails 1 of 3 checks:"
    assert [line.partition(":")[0] for line in lines] == ["- check_rows"]


def test_what_is_skipped_is_named(monkeypatch):
    devices = tf.config.list_logical_devices("CPU")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: devices[:1])
    with pytest.warns(UserWarning, match=r"Checks of Sound that were skipped: check_replicas: it needs two logical CPUs"):
        kga.testing.check_gan(Sound, "check_replicas")


def test_a_class_without_labels():
    with pytest.warns(UserWarning, match="check_classes: the case is without classes; check_attributes: the case is"):
        kga.testing.check_gan(
            Sound, ["check_samples", "check_export", "check_classes", "check_attributes"], num_classes=None
        )


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"`only` must be names of checks: check_training, .*Received: \['check_all'\]"):
        kga.testing.check_gan(Sound, ["check_all", "check_seeds"])


@pytest.mark.parametrize(
    ("check", "subject", "message"),
    [
        (kga.testing.check_gan, small_gan, r"`cls` must be a subclass of `keras_ganaug.GAN` or `StarGAN`"),
        (kga.testing.check_gan, int, "`cls` must be a subclass"),
        (kga.testing.check_generator, 3, "`generator` must be"),
        (kga.testing.check_penalty, kga.penalties.R1, "`penalties` must be callables"),
        (kga.testing.check_penalty, None, "`penalties` must be callables"),
    ],
)
def test_what_cannot_be_checked_is_refused(check, subject, message):
    with pytest.raises(TypeError, match=f"{message}.*Received"):
        check(subject)


@kga.testing.parametrize_with_checks(
    [Sound, kga.penalties.Drift(), known_generator()],
    {"check_samples": pytest.mark.filterwarnings("ignore:nothing")},
)
def test_parametrized(check, request):
    name = request.node.callspec.id
    assert name.startswith(("Sound-check_", "Drift-check_", "Functional-check_"))
    assert bool(list(request.node.iter_markers("filterwarnings"))) == name.endswith("check_samples")
    if name in ("Sound-check_samples", "Drift-check_players", "Functional-check_rows"):
        check()
