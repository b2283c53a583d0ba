"""What a user gives as `augment` becomes one kind of object."""

import pytest
import tensorflow as tf

import keras_ganaug as kga
from keras_ganaug.discriminator_augment import DiscriminatorAugment, as_augment

IMAGES, SEED = tf.reshape(tf.range(16.0), [1, 4, 4, 1]), tf.constant([1, 2])


def darker(images, seed):
    return images - tf.cast(seed[0], tf.float32)


@pytest.mark.parametrize(("given", "expected"), [(None, IMAGES), (darker, IMAGES - 1), (DiscriminatorAugment(), IMAGES)])
def test_what_a_user_gives_is_an_augmentation(given, expected):
    augment = as_augment(given)
    assert isinstance(augment, DiscriminatorAugment)
    assert as_augment(augment) is augment
    tf.debugging.assert_equal(augment(IMAGES, SEED), expected)
    assert augment.observe(tf.zeros([2, 1])) == {} and augment.metric_names == () and augment.state is None


@pytest.mark.parametrize("augment", [kga.DiffAugment("cutout"), kga.AdaptiveAugment("flip", target=0.5)])
def test_those_of_the_package_are_taken_as_they_are(augment):
    assert as_augment(augment) is augment
    assert type(augment).from_config(augment.get_config()).get_config() == augment.get_config()


@pytest.mark.parametrize("given", ["color", 3, kga.DiffAugment])
def test_what_is_no_augmentation(given):
    with pytest.raises(TypeError, match=r"`augment` must be a callable .*Received"):
        as_augment(given)
