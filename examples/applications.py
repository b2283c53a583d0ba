"""Augments a network of keras.applications inside its training step, and measures what that costs. Takes a minute or two.

    pip install -e ".[examples]" && python examples/applications.py
    python examples/applications.py --network EfficientNetB0 --weights imagenet   # downloads the weights

The images are scikit-learn's digits, enlarged. The generator is the included one for digits, so the script trains no GAN.
It trains two copies of the network, one of them as an `AugmentedModel`, in alternating turns of a few steps, and times each
turn. So few steps measure time, not accuracy. `applications.png` shows images of one batch and the images that replace them.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import keras_ganaug as kga

NETWORKS = ("EfficientNetB0", "MobileNetV2")


def classifier(network, weights, side):
    """The network with a new head, for images of 8 × 8 grey pixels from 0 to 255. It outputs logits."""
    layers = keras.layers
    images = keras.Input((8, 8, 1))
    x = layers.Resizing(side, side)(images)
    x = layers.Concatenate()([x, x, x])  # three channels
    options = {"include_top": False, "weights": weights, "pooling": "avg", "input_shape": (side, side, 3)}
    if network == "MobileNetV2":
        x = layers.Rescaling(1 / 127.5, -1)(x)  # EfficientNet has such a layer inside
        options["alpha"] = 0.35
    x = getattr(keras.applications, network)(**options)(x)
    return keras.Model(images, layers.Dense(10)(x))


def compiled(model, jit_compile):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"], jit_compile=jit_compile)
    return model


def seconds_per_step(models, batches, turns, steps):
    """Trains the models in turns. Returns the seconds per step of each, by name, without the first turn, which compiles."""
    seconds = {name: [] for name in models}
    for turn in range(turns + 1):
        for name, model in models.items():
            start = time.perf_counter()
            model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
            if turn:
                seconds[name].append((time.perf_counter() - start) / steps)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="MobileNetV2", help="default: %(default)s")
    parser.add_argument("--weights", choices=["imagenet"], help="weights to download; default: random weights")
    parser.add_argument("--side", type=int, default=32, help="image size in pixels (default: %(default)s)")
    parser.add_argument("--fraction", type=float, default=0.25, help="synthetic fraction of a batch (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=5, help="turns of each model (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=20, help="steps in a turn (default: %(default)s)")
    options = parser.parse_args()

    train, _ = kga.datasets.load("digits")
    batches = train.shuffle(len(train), seed=0).repeat().batch(32, drop_remainder=True).prefetch(2)
    augmentation = kga.GANAugmentation(kga.load_pretrained("digits"), fraction=options.fraction, seed=0)
    models = {}
    for name in ("alone", "augmented"):
        keras.utils.set_random_seed(0)
        models[name] = classifier(options.network, options.weights, options.side)
    models["augmented"] = kga.AugmentedModel(models["augmented"], augmentation)
    jit_compile = bool(tf.config.list_physical_devices("GPU"))  # XLA only where it saves more time than compiling takes
    for model in models.values():
        compiled(model, jit_compile)
    print(f"{options.network}, {models['alone'].count_params():,} weights, {options.turns} turns of {options.steps} steps")

    seconds = seconds_per_step(models, batches, options.turns, options.steps)
    for name, each in seconds.items():
        print(f"  {name:<10} {1000 * np.median(each):6.1f} ms per step")
    added = np.subtract(seconds["augmented"], seconds["alone"])  # turn by turn
    share = np.median(added) / np.median(seconds["alone"])
    print(f"The augmentation adds {1000 * np.median(added):.1f} ms to a step, {share:.0%} (median of the turns).")

    images, labels = next(batches.as_numpy_iterator())
    changed, _ = augmentation(images, labels, training=True)
    changed = np.asarray(changed)
    rows = np.flatnonzero((changed != images).any((1, 2, 3)))[:8]
    kga.plots.image_grid({"of a batch": images[rows][None], "replaced by": changed[rows][None]}).save("applications.png")
    print("Images of a batch, and the images that replace them: applications.png")


if __name__ == "__main__":
    main()
