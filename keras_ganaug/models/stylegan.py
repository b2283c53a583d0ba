"""StyleGAN."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _random, networks, penalties
from keras_ganaug._replicas import over_replicas
from keras_ganaug.generators.generator import seed_of
from keras_ganaug.models.gan import GAN, Fakes

_W_DECAY = 0.995  # decay of the running mean of w


@keras.saving.register_keras_serializable(package="keras_ganaug")
class StyleGAN(GAN):
    """A GAN with a style-based generator: it maps latents to w, which sets the style of every synthesis layer.

    The synthesis starts from a learned constant. Each layer adds noise and applies a style by AdaIN. During training, a
    share of the images mixes the styles of two latents at a random layer. `truncation` pulls w towards its running mean. The
    loss is the non-saturating one with R1, applied lazily every 16 steps. Labels are concatenated to the image. The networks
    do not grow, which the paper's successor found unnecessary. The noise of an image depends on its latents, so a seed
    determines the image.

    Reference: Karras, Laine and Aila 2019, A Style-Based Generator Architecture for Generative Adversarial Networks.

    Styles, mixing and truncation in w need a generator with the layers "mapping" and "synthesis", like that of
    `networks.style`. Any other generator is trained as in a plain GAN.

    Args:
        mixing: Share of the generated images in a training batch that mix styles. Defaults to 0.9.

    Example:

    >>> import keras_ganaug as kga
    >>> gan = kga.StyleGAN(image_shape=(8, 8, 1), num_classes=3, seed=1)
    >>> w = gan.styles([0, 2], seed=7)  # (images, layers, w_dim)
    >>> w[1, 2:] = w[0, 2:]  # the second image with the fine styles of the first
    >>> gan.generate(w=w, seed=7).shape
    (2, 8, 8, 1)
    """

    own_arguments = ("mixing",)

    def __init__(self, *args: Any, mixing: float = 0.9, **kwargs: Any):
        mixing = _checks.fraction(mixing, "mixing")
        super().__init__(*args, **kwargs)
        self.mixing = mixing
        if self._has_styles:
            self.num_layers, self.w_dim = self.generator.get_layer("synthesis").inputs[0].shape[1:]
            self.w_mean = self.add_state("w_mean", (self.w_dim,))

    def paper_settings(self):
        return {
            **super().paper_settings(),
            "g_optimizer": keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99),
            "d_optimizer": keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99),
            "penalties": (penalties.R1(10.0, interval=16),),
        }

    def build_generator(self):
        return networks.style.generator(**self.generator_arguments)

    def build_discriminator(self):
        options = {"growing": False, "label_use": "join", "blur": True}
        return networks.progressive.discriminator(**self.discriminator_arguments, **options)

    @property
    def _has_styles(self):
        return {"mapping", "synthesis"} <= {layer.name for layer in self.generator.layers}

    def fakes(self, batch):
        if not self._has_styles:
            return super().fakes(batch)
        n = tf.shape(batch.images)[0]
        mapping, network = (self.generator.get_layer(name) for name in ("mapping", "synthesis"))
        seeds = [_random.fold(batch.seed, 0, part) for part in range(5)]

        def mapped(seed):
            return mapping(self.condition.inputs(self.sample_latents(n, seed), batch.labels), training=True)

        def draw(seed):
            return tf.repeat(mapped(seed)[:, None], self.num_layers, axis=1)

        def synthesize(w):
            return tf.cast(network([w, _random.uniform_ints([n], seeds[4])], training=True), tf.float32)

        first, second = map(mapped, seeds[:2])
        mean = _compat.tf_variable(self.w_mean)
        self.w_mean.assign(mean + (1.0 - _W_DECAY) * (over_replicas(tf.reduce_mean(first, axis=0)) - mean))
        crossover = _random.integers([n, 1, 1], seeds[2], 1, self.num_layers)
        crossover = tf.where(_random.uniform([n, 1, 1], seeds[3]) < self.mixing, crossover, self.num_layers)
        w = tf.where(tf.range(self.num_layers)[None, :, None] < crossover, first[:, None], second[:, None])
        return Fakes(synthesize(w), w, synthesize, draw)

    def synthesize(self, latents, labels, truncation):
        if not self._has_styles:
            return super().synthesize(latents, labels, truncation)
        return self.from_styles(self._styles(latents, labels, truncation), networks.style.seeds_of(latents))

    def _styles(self, latents, labels, truncation):
        """w of each layer, from the averaged weights: float32 (batch, num_layers, w_dim)."""
        w = self.ema_generator.get_layer("mapping")(self.condition.inputs(latents, labels), training=False)
        mean = tf.convert_to_tensor(_compat.tf_variable(self.w_mean))
        return tf.repeat((mean + truncation * (w - mean))[:, None], self.num_layers, axis=1)

    def from_styles(self, w: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Images in [-1, 1] from w and int32 noise seeds (batch,), computed with the averaged weights."""
        return tf.cast(self.ema_generator.get_layer("synthesis")([w, seeds], training=False), tf.float32)

    def styles(self, labels: Any, seed: Any = None, truncation: float = 1.0) -> np.ndarray:
        """Computes the styles w of images, which you can mix and pass to `generate`.

        Args:
            labels, seed, truncation: See `generate`. Truncation pulls w towards its running mean.

        Returns a float32 NumPy array of shape (n, num_layers, w_dim), coarse layers first. All layers of an image have the
            same w.
        """
        self._check_styles()
        labels = self.condition.to_generate(labels)
        latents = self.sample_latents(len(labels), seed_of(seed))
        return self._styles(latents, tf.constant(labels), _checks.truncation(truncation)).numpy()

    def generate(self, labels: Any = None, seed: Any = None, truncation: float = 1.0, w: Any = None) -> np.ndarray:
        """Generates new images from labels or from styles. See `GAN.generate` for the other arguments.

        Args:
            w: Styles, instead of labels: float array of shape (n, num_layers, w_dim) or (n, w_dim), as from `styles`. The
                seed then sets only the noise, and truncation pulls w towards its running mean.

        Raises:
            ValueError: If both labels and w are given or neither, or for a w of another shape, or with values that are not
                finite.
        """
        if (w is None) == (labels is None):
            raise ValueError(f"`generate` takes either `labels` or `w`. Received: labels={labels!r}, w={_shape_of(w)}")
        if w is None:
            return super().generate(labels, seed, truncation)
        self._check_styles()
        w = _finite_floats(w)
        w = np.repeat(w[:, None], self.num_layers, axis=1) if w.ndim == 2 else w
        if w.ndim != 3 or w.shape[1:] != (self.num_layers, self.w_dim):
            raise ValueError(
                f"`w` must have the shape (n, {self.num_layers}, {self.w_dim}) or (n, {self.w_dim}). "
                f"Received: shape {w.shape}"
            )
        mean = self.w_mean.numpy()
        w = mean + _checks.truncation(truncation) * (w - mean)
        seeds = _random.uniform_ints([len(w)], seed_of(seed))
        return self.averaged.in_chunks("from_styles", [w, seeds])

    def _check_styles(self):
        if not self._has_styles:
            raise ValueError(
                '`generator` must have the layers "mapping" and "synthesis" for styles, like networks.style.generator. '
                f"Received: {self.generator.name!r} without them"
            )

    @property
    def sampling_variables(self):
        return [*super().sampling_variables, *([_compat.tf_variable(self.w_mean)] if self._has_styles else [])]


def _finite_floats(w):
    try:
        array = np.asarray(w)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise ValueError(f"`w` must be an array of finite floats. Received: w={w!r}")
    return array.astype(np.float32)


def _shape_of(w):
    return None if w is None else f"an array of shape {np.shape(w)}"
