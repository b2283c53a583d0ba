# %% [markdown]
"""
# Classes whose images are gone

A generator replaces the missing images. Takes about two minutes on two CPU cores and downloads no data.

    pip install -e ".[examples]" && python examples/replay.py

A classifier learns the digits 0 to 4. Then their images are gone, and it must learn 5 to 9 without forgetting the first
five. The script compares what may remain of the old images: nothing, the classifier itself, a mixture of Gaussians for each
class, 50 images, a generator, or all images. The table and `replay.png` show the accuracy on test images of both groups.

The first site gives away a SavedModel and no image. But a GAN is not anonymous: its samples reveal something about its
training images. The memorisation result at the end says how near they come. At 8 × 8 pixels a mixture of Gaussians does as
well, and needs no GAN. `examples/notebooks/replay.ipynb` has the same code.
"""

# %%
import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

import keras_ganaug as kga
from keras_ganaug.generators import ClassMixture
from keras_ganaug.generators.controls import Pool
from keras_ganaug.metrics.classifier import endless_batches, train_classifier_on
from keras_ganaug.plots.picture import of_figure

# %% tags=["parameters"]
OLD, NEW = range(5), range(5, 10)
GAN_STEPS, STEPS, STORED = 1500, 400, 50
TEMPERATURE = 2.0  # of the distillation

# %% [markdown]
# ## The first site trains a GAN on the old classes


# %%
def of_classes(images, labels, classes):
    rows = np.isin(labels, classes)
    return images[rows], labels[rows]


def train_gan(images, labels, seed):
    """Trains a GAN on the old classes only."""
    gan = kga.SNGAN(image_shape=images.shape[1:], num_classes=len(OLD), latent_dim=32, seed=seed)
    gan.compile(keras.optimizers.Adam(6e-4, 0.0, 0.9), keras.optimizers.Adam(1.2e-3, 0.0, 0.9))
    gan.fit(images, labels, batch_size=64, epochs=5, steps_per_epoch=GAN_STEPS // 5, verbose=0)
    return gan


# %% [markdown]
# ## The second site fills half of each batch with synthetic images, or distils the first classifier


# %%
def replay(generator, seed):
    """Replaces half of each batch by generated images of the old classes."""
    return kga.gan_augment(generator, 0.5, sampling_strategy=dict.fromkeys(OLD, 1.0), seed=seed)


def learning_without_forgetting(teacher, data):
    """Learning without Forgetting (Li and Hoiem 2016): on new images, the logits of the old classes should not change.

    Returns the data with these logits appended to the labels, and the loss.
    """

    def with_logits(images, labels):
        one_hot = tf.one_hot(labels, len(OLD) + len(NEW))
        return images, tf.concat([one_hot, teacher(tf.cast(images, tf.float32), training=False)[:, : len(OLD)]], 1)

    def loss(targets, logits):
        one_hot, old = targets[:, : -len(OLD)], targets[:, -len(OLD) :]
        learned = tf.nn.softmax_cross_entropy_with_logits(one_hot, logits)
        kept = tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(old / TEMPERATURE), logits[:, : len(OLD)] / TEMPERATURE)
        return learned + TEMPERATURE**2 * kept

    return data.map(with_logits), loss


# %% [markdown]
# ## Train on the new classes with each method


# %%
class Curve(keras.callbacks.Callback):
    """Measures the accuracy on old and on new classes every 40 steps."""

    def __init__(self, images, labels):
        super().__init__()
        self._images, self._labels, self.points = tf.constant(images, tf.float32), labels, []

    def on_train_batch_end(self, batch, logs=None):
        if batch % 40 == 39 or batch == 0:
            right = np.argmax(self.model(self._images, training=False), 1) == self._labels
            accuracy = [np.mean([right[self._labels == c].mean() for c in classes]) for classes in (OLD, NEW)]
            self.points.append([batch + 1, *(100 * each for each in accuracy)])


def second_task(first, data, loss, test):
    """Continues training a copy of the first classifier. Returns its accuracy during training."""
    model, curve = keras.models.clone_model(first), Curve(*test)
    model.set_weights(first.get_weights())
    train_classifier_on(data.prefetch(2), model, STEPS, loss=loss, callbacks=[curve])
    return np.array(curve.points)


def run(seed, folder, only=None):
    """Runs the arms with one seed. Returns a dict from arm to points of (step, old, new), the export's size, memorisation.

    Args:
        seed: Integer.
        folder: Folder to which the generator is exported.
        only: Names of the arms to run. Defaults to all.
    """
    keras.utils.set_random_seed(seed)
    train, test = (kga.datasets.to_arrays(part) for part in kga.datasets.load("digits"))
    old, new = of_classes(*train, OLD), of_classes(*train, NEW)
    print(f"seed {seed}: training the GAN on the old classes", flush=True)
    gan = train_gan(*old, seed)
    gan.export(folder)  # the first site gives away only this

    def batches(data):
        return endless_batches(tf.data.Dataset.from_tensor_slices(data), seed, 64)

    first = kga.networks.classifier.classifier(old[0].shape[1:], len(OLD) + len(NEW), seed=seed)
    train_classifier_on(batches(old), first, STEPS)

    rng = np.random.default_rng(seed)
    stored = np.concatenate([rng.permutation(np.flatnonzero(old[1] == c))[: STORED // len(OLD)] for c in OLD])
    data = batches(new)
    generators = {
        "a mixture of Gaussians per class": ClassMixture(*old, seed=seed),
        f"{STORED} stored images": Pool(old[0][stored], old[1][stored], len(OLD), (0, 255)),
        "the generator": folder,
    }
    arms = {
        "fine-tuning alone": (data, None),
        "distillation (LwF)": learning_without_forgetting(first, data),
        **{name: (data.map(replay(generator, seed)), None) for name, generator in generators.items()},
        "all images": (batches(train), None),
    }
    curves = {}
    for name, (stream, loss) in arms.items():
        if only and name not in only:
            continue
        curves[name] = second_task(first, stream, loss, test)
        print(f"  {name}: old {curves[name][-1, 1]:.1f}, new {curves[name][-1, 2]:.1f}", flush=True)
    samples = gan.generate(np.repeat(OLD, 100), seed=seed)
    held_out = of_classes(*test, OLD)[0]
    flat = (part.reshape(len(part), -1).astype("float64") for part in (old[0], held_out, samples))
    size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    return curves, size, kga.metrics.memorization(*flat)


# %% [markdown]
# ## Results


# %%
def draw(curves):
    figure = Figure(figsize=(9, 3.6))
    axes = figure.subplots(1, 2, sharey=True)
    for column, (axis, title) in enumerate(zip(axes, ("old classes, 0 to 4", "new classes, 5 to 9")), 1):
        for name, points in curves.items():
            axis.plot(points[:, 0], points[:, column], label=f"{name}: {points[-1, column]:.1f}")
        axis.set(title=title, xlabel="training steps on the new classes", ylim=(-2, 102))
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, loc="center right")
    axes[0].set_ylabel("accuracy on test images, %")
    figure.tight_layout()
    return of_figure(figure, dpi=110)


def table(runs):
    """The results as text: means over the seeds, in per cent."""
    lines = [f"{'what remains of the old classes':<36}{'old':>8}{'new':>8}{'all':>8}"]
    for name in runs[0][0]:
        old, new = np.mean([curves[name][-1, 1:] for curves, _, _ in runs], 0)
        lines.append(f"{name:<36}{old:>8.1f}{new:>8.1f}{(old + new) / 2:>8.1f}")
    return "\n".join(lines)


def what_left(folder, size, memorization):
    """Describes what the second site received, and how near its samples are to the training images."""
    nearer = memorization["nearer_to_training"]
    return (
        f"The second site received {folder}, {size / 1024:.0f} kB and no image. {nearer:.0%} of its samples are nearer to a "
        f"training image than to a held-out one (50% without memorisation; p = {memorization['p_value']:.2g})."
    )


# %% tags=["active-py"]
def main():
    text = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__.lstrip("\n# "), formatter_class=text)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    start, folder = time.time(), "replay_generator"
    runs = [run(seed, folder) for seed in args.seeds]
    draw(runs[0][0]).save("replay.png")
    print(f"\n{table(runs)}\n\nBalanced accuracy in %, mean of {len(runs)} seed(s). Curves: replay.png")
    print(what_left(folder, *runs[-1][1:]))
    print(f"{(time.time() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    main()

# %% tags=["active-ipynb"]
# curves, *left = run(seed=0, folder="replay_generator")
# print(f"\n{table([(curves, *left)])}\n\nBalanced accuracy in %.")
# print(what_left("replay_generator", *left))
# draw(curves)
