"""ProgressiveGAN."""

import math
from typing import Any

import keras
import tensorflow as tf

from keras_ganaug import _checks, _compat, networks, penalties
from keras_ganaug.models.gan import GAN


@keras.saving.register_keras_serializable(package="keras_ganaug")
class ProgressiveGAN(GAN):
    """A GAN that learns a small resolution first, and then repeatedly fades in one twice as large.

    The resolutions are those of the seed grid and its doublings: an image of 28×28 grows from 7×7 via 14×14. The first
    resolution is trained for `stable_images`. Each further one fades in over `fade_images` and is then trained for
    `stable_images`. While a resolution fades in, real images are blended with their downsampled version by the same α. The
    networks are one static graph with the progress as a variable, so nothing is recompiled as they grow.

    Latents lie on a sphere with a root mean square of 1; `truncation` pulls them towards its centre. The networks use
    equalised learning rates, pixel normalisation and minibatch standard deviation. The loss is that of WGAN-GP with a small
    drift penalty, and one update of the critic per generator update.

    Reference: Karras et al. 2018, Progressive Growing of GANs for Improved Quality, Stability, and Variation.

    Your own networks can grow through a `layers.Progress` layer with the name "progress" in each. Without it they are
    trained at full resolution.

    Args:
        fade_images: Number of real images while a resolution fades in. Defaults to 40,000 (the paper: 800,000).
        stable_images: Number of real images at each resolution before the next one fades in. Defaults to 40,000 (the paper:
            800,000).

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.ProgressiveGAN(image_shape=(28, 28, 1), num_classes=10, fade_images=1000, stable_images=500, seed=1)
    >>> [float(gan.progress_at(images)) for images in (0, 500, 1000, 1500, 2000, 2500, 3000)]
    [0.0, 0.0, 0.5, 1.0, 1.0, 1.5, 2.0]
    """

    own_arguments = ("fade_images", "stable_images")

    def __init__(self, *args: Any, fade_images: int = 40_000, stable_images: int = 40_000, **kwargs: Any):
        fade_images = _checks.positive_int(fade_images, "fade_images")
        stable_images = _checks.non_negative_int(stable_images, "stable_images")
        super().__init__(*args, **kwargs)
        self.fade_images, self.stable_images = fade_images, stable_images

    def paper_settings(self):
        return {
            **super().paper_settings(),
            "g_optimizer": keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99),
            "d_optimizer": keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99),
            "loss": "wasserstein",
            "penalties": (penalties.GradientPenalty(10.0), penalties.Drift(1e-3)),
        }

    def build_generator(self):
        return networks.progressive.generator(**self.generator_arguments)

    def build_discriminator(self):
        return networks.progressive.discriminator(**self.discriminator_arguments, label_use="join_all")

    def sample_latents(self, num_images, seed):
        return self.latents_from_normal(super().sample_latents(num_images, seed))

    def latents_from_normal(self, numbers):
        return numbers * tf.math.rsqrt(tf.reduce_mean(tf.square(numbers), axis=-1, keepdims=True) + 1e-8)

    def _progress_layers(self):
        layers = [*self.generator._flatten_layers(), *self.discriminator._flatten_layers()]
        return [layer for layer in layers if layer.name == "progress"]

    @property
    def levels(self) -> int:
        """Number of resolutions that fade in."""
        return max((layer.levels for layer in self._progress_layers()), default=0)

    def progress_at(self, images_seen: Any) -> tf.Tensor:
        """The progress after this many real images, float32: n + α while resolution n + 1 fades in with α."""
        since = tf.cast(images_seen, tf.float32) - self.stable_images
        period = self.fade_images + self.stable_images
        n = tf.floor(since / period)
        alpha = tf.clip_by_value((since - n * period) / self.fade_images, 0.0, 1.0)
        return tf.clip_by_value(n + alpha, 0.0, float(self.levels))

    def before_fit(self, planned_images):
        needed = self.levels * (self.fade_images + self.stable_images)
        seen = int(self.images_seen.numpy())
        if planned_images is not None and seen + planned_images < needed:
            tf.get_logger().warning(
                f"This fit ends at {seen + planned_images:,} images, before the last of {self.levels + 1} resolutions has "
                f"faded in (after {needed:,} images): lower `fade_images` and `stable_images`, or train longer."
            )

    def before_step(self):
        progress = self.progress_at(_compat.tf_variable(self.images_seen))
        for layer in self._progress_layers():
            layer.progress.assign(progress)

    def phase(self, images_seen):
        progress = float(self.progress_at(images_seen))
        level = math.ceil(progress)
        height, width = (-(-side // 2 ** (self.levels - level)) for side in self.image_shape[:2])
        size = f"{height}×{width} pixels"
        return f"it faded in {size} (α = {progress + 1 - level:.2f})" if progress < level else f"it was trained at {size}"

    def real_images(self, images):
        if not self.levels:
            return images
        progress = self.progress_at(_compat.tf_variable(self.images_seen))
        pyramid = [images]
        for _ in range(self.levels):
            pyramid.append(tf.nn.avg_pool2d(pyramid[-1], 2, 2, "SAME"))
        blended = pyramid.pop()
        for level, larger in enumerate(reversed(pyramid)):
            doubled = tf.repeat(tf.repeat(blended, 2, axis=1), 2, axis=2)[:, : larger.shape[1], : larger.shape[2]]
            alpha = tf.clip_by_value(progress - level, 0.0, 1.0)
            blended = doubled + alpha * (larger - doubled)
        return blended
