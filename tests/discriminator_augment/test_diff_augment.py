"""Differentiable augmentation against what each operation must do to an image."""

import numpy as np
import pytest
import tensorflow as tf

import keras_ganaug as kga

IMAGES = np.random.default_rng(0).uniform(0.1, 1.0, [64, 16, 8, 3]).astype("float32")


def augmented(policy, images=IMAGES, seed=(1, 2)):
    return kga.DiffAugment(policy)(tf.constant(images), tf.constant(seed)).numpy()


def test_translation_shifts_by_up_to_an_eighth_and_fills_with_zeros():
    result, offsets = augmented("translation"), set()
    for image, moved in zip(IMAGES, result, strict=True):
        padded = np.pad(image, [(2, 2), (1, 1), (0, 0)])
        fits = [(y, x) for y in range(5) for x in range(3) if np.array_equal(padded[y : y + 16, x : x + 8], moved)]
        assert len(fits) == 1
        offsets.update(fits)
    assert {y for y, _ in offsets} == set(range(5))
    assert {x for _, x in offsets} == set(range(3))


def test_cutout_zeroes_one_rectangle_of_half_the_size():
    result = augmented("cutout")
    rows_at_the_edge = 0
    for image, cut in zip(IMAGES, result, strict=True):
        zero = (cut == 0).all(-1)
        rows, columns = np.flatnonzero(zero.any(1)), np.flatnonzero(zero.any(0))
        assert zero.sum() == len(rows) * len(columns)  # a rectangle
        assert 4 <= len(rows) <= 8
        assert 2 <= len(columns) <= 4
        assert (np.diff(rows) == 1).all()
        np.testing.assert_array_equal(cut[~zero], image[~zero])
        rows_at_the_edge += len(rows) < 8
    assert 0 < rows_at_the_edge < 64


def test_color_is_brightness_then_saturation_then_contrast():
    result = augmented("color")
    for image, colored in zip(IMAGES, result, strict=True):
        # Contrast c and saturation s act on deviations: from the pixel's mean by s c, of the pixel's mean by c.
        deviation, pixel = image - image.mean(-1, keepdims=True), image.mean(-1)
        new_deviation, new_pixel = colored - colored.mean(-1, keepdims=True), colored.mean(-1)
        saturation_contrast = (new_deviation * deviation).sum() / (deviation**2).sum()
        contrast = ((new_pixel - new_pixel.mean()) * (pixel - pixel.mean())).sum() / ((pixel - pixel.mean()) ** 2).sum()
        assert 0.5 <= contrast <= 1.5
        assert 0 <= saturation_contrast / contrast <= 2
        assert -0.5 <= colored.mean() - image.mean() <= 0.5
        np.testing.assert_allclose(new_deviation, saturation_contrast * deviation, atol=1e-5)


def test_each_image_and_seed_draws_its_own_and_the_same_seed_the_same():
    same = np.repeat(IMAGES[:1], 8, 0)
    result = augmented("color", same)
    assert len(np.unique(result[:, 0, 0, 0])) == 8
    np.testing.assert_array_equal(result, augmented("color", same))
    assert not np.array_equal(result, augmented("color", same, seed=(1, 3)))


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("shape", [(4, 28, 28, 1), (4, 20, 12, 2), (4, 5, 7, 3), (1, 1, 1, 1)])
def test_any_shape_has_a_gradient(shape, jit):
    images = tf.ones(shape)

    @tf.function(jit_compile=jit)
    def gradient(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = tf.reduce_sum(kga.DiffAugment("translation,color,cutout")(images, tf.constant([3, 4])))
        return value, tape.gradient(value, images)

    value, slope = gradient(images)
    assert slope.shape == shape
    assert np.isfinite(value)
    if min(shape[1:3]) > 1:
        assert np.abs(slope).sum() > 0


def test_augmentation_is_linear_where_it_must_be():
    """The gradient of the sum of a shifted image is 1 where a pixel stays and 0 where it leaves."""
    images = tf.constant(IMAGES[:4])
    with tf.GradientTape() as tape:
        tape.watch(images)
        moved = kga.DiffAugment("translation")(images, tf.constant([5, 6]))
    slope = tape.gradient(moved, images).numpy()
    assert set(np.unique(slope)) <= {0.0, 1.0}
    np.testing.assert_allclose((slope * IMAGES[:4]).sum((1, 2, 3)), moved.numpy().sum((1, 2, 3)), rtol=1e-5)


@pytest.mark.parametrize(
    "augment", [kga.DiffAugment("color"), kga.DiffAugment(), kga.AdaptiveAugment()], ids=["color", "all", "adaptive"]
)
@pytest.mark.parametrize("shape", [(None, None, None, 3), (4, None, 8, 3), (4, 8, 8, None), None, (4, 8, 8)])
def test_images_of_unknown_size_are_refused_by_name(augment, shape):
    call = tf.function(lambda images: augment(images, tf.constant([1, 2])), autograph=False)
    with pytest.raises(ValueError, match=r"`images` of (Diff|Adaptive)Augment must have the shape .*Received: shape"):
        call.get_concrete_function(tf.TensorSpec(shape))
