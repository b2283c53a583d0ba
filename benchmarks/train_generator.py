"""Trains the generators that are shipped in `saved_models/`.

    python benchmarks/train_generator.py fashion_mnist saved_models/fashion_mnist

Writes the SavedModel, and with `--keep` the whole model as `OUT.keras`, from which training can go on. A run that was
killed goes on from its last epoch when it is started again. The export is in float32 whatever the precision of the
training; mixed_bfloat16 is fast on CPUs and accelerators that have it, elsewhere float32 is faster.
"""

import argparse
from pathlib import Path

import keras
from common import Clock, precision, write_json

import keras_ganaug as kga

SETTINGS = {
    "fashion_mnist": {
        "steps": 20000,
        "batch_size": 32,
        "latent_dim": 64,
        "g_rate": 6e-4,
        "d_rate": 1.2e-3,
        "augment": None,
        "mismatch": 0.3,
        "precision": "mixed_bfloat16",
    },
    "digits": {
        "steps": 4000,
        "batch_size": 64,
        "latent_dim": 32,
        "g_rate": 6e-4,
        "d_rate": 1.2e-3,
        "augment": None,
        "mismatch": 0.0,
        "precision": "float32",
    },
}


def build(train, batch_size, latent_dim, g_rate, d_rate, steps, augment, mismatch, seed):
    """The compiled GAN; the learning rates decay to 0."""
    image_shape, num_classes = tuple(train.element_spec[0].shape), len(train.class_names)
    gan = kga.SNGAN(image_shape, num_classes, latent_dim=latent_dim, seed=seed, class_names=train.class_names)

    def adam(rate):
        schedule = keras.optimizers.schedules.PolynomialDecay(rate, steps, 0.0)
        return keras.optimizers.Adam(schedule, beta_1=0.0, beta_2=0.9)

    gan.compile(
        adam(g_rate),
        adam(d_rate),
        penalties=[kga.penalties.MismatchedLabels(num_classes, mismatch)] if mismatch else None,
        augment=augment and kga.DiffAugment(augment),
    )
    return gan


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=sorted(SETTINGS))
    parser.add_argument("out", help="folder for the SavedModel")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch_size", type=int)
    parser.add_argument("--g_rate", type=float)
    parser.add_argument("--d_rate", type=float)
    parser.add_argument("--mismatch", type=float)
    parser.add_argument("--precision", choices=["float32", "mixed_bfloat16"])
    parser.add_argument("--keep", action="store_true", help="write OUT.keras too")
    options = parser.parse_args()
    given = {name: value for name, value in vars(options).items() if value is not None}
    settings = {name: given.get(name, value) for name, value in SETTINGS[options.dataset].items()}
    policy = settings.pop("precision")

    train, _ = kga.datasets.load(options.dataset)
    x, y = kga.datasets.to_arrays(train)
    with precision(policy):
        gan = build(train, **settings, seed=options.seed)
    epochs = 20
    clock = Clock(f"{options.out}.seconds.json")
    gan.fit(
        x,
        y,
        batch_size=settings["batch_size"],
        epochs=epochs,
        steps_per_epoch=settings["steps"] // epochs,
        verbose=0,
        callbacks=[
            clock,
            kga.callbacks.TimeLeft(),
            keras.callbacks.BackupAndRestore(f"{options.out}.backup", double_checkpoint=True),
        ],
    )
    if options.keep:
        gan.save(f"{options.out}.keras")
    exported = build(train, **settings, seed=options.seed)
    for variable, value in zip(exported.sampling_variables, gan.sampling_variables, strict=True):
        variable.assign(value)
    exported.export(options.out)
    write_json(
        Path(options.out) / "training.json",
        {**settings, "precision": policy, "seed": options.seed, "minutes": round(clock.seconds / 60, 1)},
    )
    clock.path.unlink()
