"""Writes the model card of a shipped generator from its measured results.

    python benchmarks/model_card.py fashion_mnist
    python benchmarks/model_card.py fashion_mnist --privacy     # measures that part alone, and keeps the other figures

Measures `saved_models/NAME` (see `generator_quality.py`) and writes `figures.json`, `samples.png` and `README.md` beside it.
"""

import argparse
import json

import numpy as np
import tensorflow as tf
from common import ROOT
from generator_quality import measure, privacy

DATA = {
    "fashion_mnist": (
        "Fashion-MNIST, the 60,000 training images of 28×28 grey pixels (Xiao, Rasul and Vollgraf 2017). "
        "Licence of the data: MIT, © 2017 Zalando SE."
    ),
    "digits": (
        "The training part (1,297 images of 8×8 grey pixels) of scikit-learn's digits, from the UCI data set Optical "
        "Recognition of Handwritten Digits (Alpaydin and Kaynak 1998). Licence of the data: CC BY 4.0."
    ),
}

CARD = """# {name}

A class-conditional generator, trained with `keras_ganaug.SNGAN` and exported as a SavedModel that needs TensorFlow alone.

![Real images on the left, synthetic ones on the right, a row for each class](samples.png)

**Use.** `dataset.map(kga.gan_augment("saved_models/{name}", fraction=0.25))` for batches of images of 0 to 255, or
`tf.saved_model.load("saved_models/{name}").generate(labels, seed)` with int32 labels `[n]` and an int32 seed `[2]`.
Do not test a classifier trained with it on images of the training set: the generator has seen them all.

**Data.** {data}

**Made by** `python benchmarks/train_generator.py {name} saved_models/{name}`, seed {seed}: {steps:,} steps of {batch_size}
images in {minutes} minutes on two CPU cores{note}.

**Results**, by `python benchmarks/model_card.py {name}`, mean and (lowest to highest) of {num_seeds} classifiers' seeds:

| measure | value |
|-|-|
| a classifier trained on real images, on real test images | {real} |
| the same classifier names a sample as the class asked for (GAN-test) | {gan_test} |
| a classifier trained on {samples:,} samples alone, on real test images (classification accuracy score) | {cas} |
| distance of two samples of a class, relative to two real images: mean over classes, and lowest | {diversity} |

**Privacy.** A generator is not anonymous. On {training:,} training images, {unseen:,} test images that it has not seen and
{fake:,} samples, by pixels, also shifted by one:

| measure | value | without memory |
|-|-|-|
| samples that are closer to a training image than to a test image | {nearer}, p = {p_value} | 50% |
| membership inference, by the distance to the nearest sample: AUC, interval of 95% | {auc} | 0.5 |

| class | GAN-test | diversity |
|-|-|-|
{by_class}
"""


def spread(values):
    values = 100 * np.array(values)
    return f"{values.mean():.1f}% ({values.min():.1f} to {values.max():.1f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(DATA))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--privacy", action="store_true", help="measure what samples tell about training images alone")
    options = parser.parse_args()
    folder = ROOT / "saved_models" / options.name
    training = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    generator = tf.saved_model.load(str(folder))
    if options.privacy:
        results = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    else:
        results = measure(
            generator,
            options.name,
            num_samples=30000 if options.name == "fashion_mnist" else 10000,
            steps=1500,
            seeds=options.seeds,
            picture=folder / "samples.png",
        )
    results |= privacy(generator, options.name)
    (folder / "figures.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    diversity = results["diversity"]
    lowest = min(diversity, key=diversity.get)
    by_class = "\n".join(
        f"| {name} | {100 * value:.0f}% | {100 * diversity[name]:.0f}% |"
        for name, value in results["gan_test_by_class"].items()
    )
    copies, attack, compared = (results[name] for name in ("memorization", "membership_inference", "compared"))
    card = CARD.format(
        name=options.name,
        data=DATA[options.name],
        num_seeds=len(results["seeds"]),
        real=spread(results["real"]),
        gan_test=spread(results["gan_test"]),
        cas=spread(results["cas"]),
        samples=results["samples"],
        diversity=f"{100 * np.mean(list(diversity.values())):.0f}%, {100 * diversity[lowest]:.0f}% ({lowest})",
        by_class=by_class,
        training=compared["training"],
        unseen=compared["held_out"],
        fake=compared["fake"],
        nearer=f"{100 * copies['nearer_to_training']:.1f}%",
        p_value=f"{copies['p_value']:.2g}",
        auc=f"{attack['auc']:.3f} ({attack['low']:.3f} to {attack['high']:.3f})",
        note=training.get("note", ""),
        **{name: training[name] for name in ("seed", "steps", "batch_size", "minutes")},
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
    print(card)
