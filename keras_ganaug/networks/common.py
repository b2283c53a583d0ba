"""What all families of networks share: the pyramid of resolutions, inputs, outputs and seeded initial weights."""

import itertools

import keras
import numpy as np

from keras_ganaug import layers


class Initializers:
    """A series of kernel initialisers that one seed determines; without a seed Keras's global state does.

    Args:
        seed: Integer, or None.
    """

    def __init__(self, seed):
        self._seeds = itertools.repeat(None)
        if seed is not None:
            self._seeds = (int(np.random.SeedSequence([seed, n]).generate_state(1)[0]) for n in itertools.count())

    def seed(self):
        """The next seed."""
        return next(self._seeds)

    def __call__(self):
        return keras.initializers.GlorotUniform(seed=self.seed())


def doublings(image_shape, smallest=4, most=6):
    """How often the seed grid is doubled: as often as the shorter side allows a grid of at least `smallest`."""
    shorter = min(image_shape[:2])
    return max(n for n in range(most + 1) if n == 0 or shorter >= smallest * 2**n)


def seed_grid(image_shape):
    """Height and width of the grid from which doublings reach the image, or slightly more than it."""
    return tuple(-(-size // 2 ** doublings(image_shape)) for size in image_shape[:2])


def widths(base, image_shape, most=8):
    """Channels at each resolution, from the image's own down to the seed grid."""
    return [base * min(2**n, most) for n in range(doublings(image_shape) + 1)]


def latents_and_labels(latent_dim, num_classes):
    """The generator's symbolic inputs; labels are None when there are no classes."""
    latents = keras.Input((latent_dim,), name="latents")
    return latents, None if num_classes is None else keras.Input((), dtype="int32", name="labels")


def images_and_labels(image_shape, num_classes):
    """The discriminator's symbolic inputs; labels are None when there are no classes."""
    images = keras.Input(image_shape, name="images")
    return images, None if num_classes is None else keras.Input((), dtype="int32", name="labels")


def model(inputs, labels, outputs, name):
    return keras.Model(inputs if labels is None else [inputs, labels], outputs, name=name)


def conditional_norm(x, labels, num_classes):
    """Batch normalisation, with a scale and offset per class where there are classes."""
    norm = layers.ConditionalBatchNormalization(None if labels is None else num_classes)
    return norm(x if labels is None else [x, labels])


def to_image(x, image_shape, initializer):
    """The last convolution, the crop to the exact size, and tanh."""
    x = keras.layers.Conv2D(image_shape[-1], 3, padding="same", kernel_initializer=initializer)(x)
    return as_image(x, image_shape)


def as_image(x, image_shape, activation="tanh", name="images"):
    """Crops to the exact size, and takes the activation in float32.

    What is too much is taken off below and to the right, since halving an image, too, begins at its upper left corner: so
    the pixels of a coarse grid are the same in generated images and in real ones that are halved.
    """
    below, right = x.shape[1] - image_shape[0], x.shape[2] - image_shape[1]
    if below or right:
        x = keras.layers.Cropping2D(((0, below), (0, right)))(x)
    return keras.layers.Activation(activation, dtype="float32", name=name)(x)


def pooling(x, normalization):
    """The discriminator's features of an image in float32, from its features at each position.

    Where the layers above are bounded by spectral normalisation, their sum over the positions, else their mean; after batch
    normalisation all of them in a row, as in DCGAN, since the mean of a whole batch is then the same for any images.
    """
    if normalization == "batch":
        return keras.layers.Flatten(dtype="float32")(x)
    positions = x.shape[1] * x.shape[2]
    x = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
    return keras.layers.Rescaling(float(positions), dtype="float32")(x) if normalization == "spectral" else x


def join(x, labels, num_classes):
    """Features with the labels joined to them as one-hot rows, or as one-hot channels of every position."""
    if labels is None:
        return x
    one_hot = layers.OneHot(num_classes)(labels)
    if len(x.shape) == 4:
        one_hot = keras.layers.Reshape((1, 1, num_classes))(one_hot)
        one_hot = keras.layers.UpSampling2D(tuple(x.shape[1:3]))(one_hot)
    return keras.layers.Concatenate()([x, one_hot])


def first_features(latents, grid, channels, initializers):
    """The dense layer from latents to the features of the seed grid."""
    x = keras.layers.Dense(grid[0] * grid[1] * channels, kernel_initializer=initializers())(latents)
    return keras.layers.Reshape((*grid, channels))(x)


def dense_layers(initializers, spectral):
    """A function that makes float32 dense layers, spectrally normalised or not."""

    def dense(units, **options):
        layer = keras.layers.Dense(units, kernel_initializer=initializers(), dtype="float32", **options)
        return layers.SpectralNormalization(layer, dtype="float32") if spectral else layer

    return dense


def projection_logit(features, labels, num_classes, dense, embedding=None):
    """A logit, plus the projection on the class where there are classes.

    `dense(units, **options)` makes the layers, and `embedding(units)`, if given, the one from one-hot labels.
    """
    logit = dense(1)(features)
    if labels is None:
        return logit
    one_hot = layers.OneHot(num_classes, dtype="float32")(labels)
    units = features.shape[-1]
    embeddings = (dense(units, use_bias=False) if embedding is None else embedding(units))(one_hot)
    return layers.Projection(dtype="float32", name="logits")([logit, features, embeddings])


def projection_discriminator(images, labels, features, num_classes, dense, embedding=None):
    """A discriminator from symbolic images (and labels) and the features made of the images.

    With classes it consists of two models, the layers "features" and "head", so that the features can be computed once and
    judged under several labels (`features_and_head`). `dense` and `embedding` are those of `projection_logit`.
    """
    if labels is None:
        return model(images, None, projection_logit(features, None, None, dense), "discriminator")
    to_features = keras.Model(images, features, name="features")
    given = keras.Input(features.shape[1:], name="features")
    head = keras.Model([given, labels], projection_logit(given, labels, num_classes, dense, embedding), name="head")
    images, labels = images_and_labels(images.shape[1:], num_classes)
    return model(images, labels, head([to_features(images), labels]), "discriminator")


def features_and_head(discriminator):
    """The two models of a `projection_discriminator`; None for any other network, also one with layers of these names."""
    parts = [layer for layer in discriminator.layers if not isinstance(layer, keras.layers.InputLayer)]
    if [part.name for part in parts] != ["features", "head"] or not all(isinstance(part, keras.Model) for part in parts):
        return None
    ranks = [[len(given.shape) for given in part.inputs] for part in parts]
    return tuple(parts) if ranks == [[4], [2, 1]] else None
