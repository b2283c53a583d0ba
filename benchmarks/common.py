"""What the benchmarks share: the classifier, the measures of a generator, and the picture."""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def classifier(image_shape, num_classes, width=32):
    """Three convolutions with batch normalisation, for images of 0 to 255."""
    layers = keras.layers
    blocks = []
    for n in range(3):
        blocks += [
            layers.Conv2D(width * 2**n, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),  # with Keras's 0.99 short runs are judged by stale statistics
            layers.ReLU(),
        ]
        blocks += [layers.MaxPooling2D(padding="same")] if min(image_shape[:2]) >= 2 ** (n + 2) else []
    head = [layers.Flatten(), layers.Dropout(0.4), layers.Dense(num_classes)]
    return keras.Sequential([layers.Input(image_shape), layers.Rescaling(1 / 127.5, -1), *blocks, *head])


def train_classifier(x, y, steps, batch_size=128, seed=0):
    """A classifier trained for a number of steps, with the learning rate decaying to 0 along a cosine."""
    keras.utils.set_random_seed(seed)
    model = classifier(x.shape[1:], int(y.max()) + 1)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=seed).repeat().batch(batch_size)
    model.fit(data.prefetch(2), steps_per_epoch=steps, verbose=0)
    return model


def accuracy(model, x, y):
    return float((model.predict(x, batch_size=512, verbose=0).argmax(1) == y).mean())


def within_class_diversity(x, y, num_classes, pairs=2000, seed=0):
    """Mean Euclidean distance between two images of a class, for each class, in pixels."""
    rng = np.random.default_rng(seed)
    result = []
    for c in range(num_classes):
        images = x[y == c].reshape((y == c).sum(), -1).astype(np.float32)
        first, second = rng.integers(len(images), size=pairs), rng.integers(len(images) - 1, size=pairs)
        second += second >= first  # another image
        result.append(float(np.linalg.norm(images[first] - images[second], axis=1).mean()))
    return np.array(result)


def as_pixels(images):
    return np.clip(np.round(images), 0, 255).astype(np.uint8)


def draw_rows(path, real, synthetic, class_names, columns=8):
    """A picture with real images on the left and synthetic ones on the right, one row a class.

    Args:
        path: PNG file.
        real: Images by class: array (num_classes, at least `columns`, height, width, channels), 0 to 255.
        synthetic: Likewise.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = len(class_names)
    figure, axes = pyplot.subplots(rows, 2 * columns + 1, figsize=(0.55 * (2 * columns + 3), 0.58 * rows + 0.5))
    for row in range(rows):
        images = [*real[row][:columns], None, *synthetic[row][:columns]]
        for axis, image in zip(axes[row], images, strict=True):
            axis.set_axis_off()
            if image is not None:
                image = as_pixels(image)
                axis.imshow(image[..., 0] if image.shape[-1] != 3 else image, cmap="gray", vmin=0, vmax=255)
        axes[row][0].text(-0.25, 0.5, class_names[row], transform=axes[row][0].transAxes, ha="right", va="center")
    axes[0][columns // 2].set_title("real", fontsize=11)
    axes[0][columns + 1 + columns // 2].set_title("synthetic", fontsize=11)
    figure.subplots_adjust(left=0.13, right=0.99, top=0.93, bottom=0.01, wspace=0.06, hspace=0.06)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


class Progress(keras.callbacks.Callback):
    """One line per epoch with the time left, for logs."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_train_begin(self, logs=None):
        self.start = time.time()

    def on_epoch_end(self, epoch, logs=None):
        spent = time.time() - self.start
        left = spent / (epoch + 1) * (self.epochs - epoch - 1)
        values = " ".join(f"{name} {value:.3f}" for name, value in logs.items())
        print(f"epoch {epoch + 1}/{self.epochs}  {values}  {spent / 60:.1f} min, {left / 60:.1f} min left", flush=True)


def write_json(path, content):
    text = json.dumps(content, indent=1)
    if path:
        Path(path).write_text(text + "\n", encoding="utf-8")
    print(text)
    sys.stdout.flush()
