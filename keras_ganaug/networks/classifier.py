"""The small default classifier of metrics and studies."""

import keras

from keras_ganaug import layers
from keras_ganaug.networks.common import Layers, Shape


def classifier(
    image_shape: Shape,
    num_classes: int,
    width: int = 32,
    value_range: tuple[float, float] = (0, 255),
    seed: int | None = None,
    mix_style: bool = False,
) -> keras.Model:
    """A classifier of three convolutions with batch normalisation, and a dense layer.

    Args:
        image_shape: (height, width, channels).
        num_classes: Number of classes.
        width: Channels of the first convolution, doubled in each further one. Defaults to 32.
        value_range: (lowest, highest) value of the images. Defaults to (0, 255).
        seed: Integer that determines the initial weights and the dropout. With None they depend on Keras's global state.
            Defaults to None.
        mix_style: Whether to add `layers.MixStyle` after the first convolution. Defaults to False.

    Returns a Keras model from images to float32 logits (batch, num_classes). Its layer "features" outputs the features that
    the logits are computed from.
    """
    make, (low, high) = Layers(seed), value_range
    images = keras.Input(image_shape, name="images")
    x = keras.layers.Rescaling(2.0 / (high - low), -1.0 - 2.0 * low / (high - low))(images)
    for n in range(3):
        x = make.conv(width * 2**n, use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)  # with Keras's 0.99, the statistics of short runs are outdated
        x = keras.layers.ReLU()(x)
        if mix_style and n == 0:
            x = layers.MixStyle(seed=seed)(x)
        if min(x.shape[1:3]) >= 4:
            x = keras.layers.MaxPooling2D(padding="same")(x)
    features = keras.layers.Flatten(name="features")(x)
    x = keras.layers.Dropout(0.4, seed=make.seed())(features)
    return keras.Model(images, make.dense(num_classes, name="logits")(x), name="classifier")
