"""Trains the generators that are shipped in `saved_models/`.

    python benchmarks/train_generator.py fashion_mnist saved_models/fashion_mnist

Writes the SavedModel, and with `--keep` the whole model as `OUT.keras`, from which training can go on. A run that was
killed goes on from its last epoch when it is started again. `--precision mixed_bfloat16` is for CPUs and accelerators that
have it; the export is in float32 all the same.
"""

import argparse
from pathlib import Path

import keras
from common import Clock, write_json

import keras_ganaug as kga

SETTINGS = {
    "fashion_mnist": {
        "steps": 8000,
        "batch_size": 64,
        "latent_dim": 64,
        "g_rate": 2e-4,
        "d_rate": 4e-4,
        "augment": None,
        "mismatch": 0.4,
    },
    "digits": {
        "steps": 4000,
        "batch_size": 64,
        "latent_dim": 32,
        "g_rate": 2e-4,
        "d_rate": 2e-4,
        "augment": None,
        "mismatch": 0.0,
    },
}


def build(train, batch_size, latent_dim, g_rate, d_rate, steps, augment, mismatch, seed):
    """The compiled GAN; the learning rates decay to 0."""
    image_shape, num_classes = tuple(train.element_spec[0].shape), len(train.class_names)
    gan = kga.SNGAN(image_shape, num_classes, latent_dim=latent_dim, seed=seed)

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
    parser.add_argument("--precision", choices=["float32", "mixed_bfloat16"], default="float32")
    parser.add_argument("--keep", action="store_true", help="write OUT.keras too")
    options = parser.parse_args()
    settings = SETTINGS[options.dataset]
    for name in ("steps", "batch_size", "g_rate", "d_rate", "mismatch"):
        settings[name] = settings[name] if getattr(options, name) is None else getattr(options, name)

    keras.config.set_dtype_policy(options.precision)
    train, _ = kga.datasets.load(options.dataset)
    x, y = kga.datasets.to_arrays(train)
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
        callbacks=[clock, kga.callbacks.TimeLeft(), keras.callbacks.BackupAndRestore(f"{options.out}.backup")],
    )
    if options.keep:
        gan.save(f"{options.out}.keras")
    keras.config.set_dtype_policy("float32")
    exported = build(train, **settings, seed=options.seed)
    for variable, value in zip(exported.sampling_state, gan.sampling_state, strict=True):
        variable.assign(value)
    exported.export(options.out)
    write_json(
        Path(options.out) / "training.json",
        {**settings, "precision": options.precision, "seed": options.seed, "minutes": round(clock.seconds / 60, 1)},
    )
    clock.path.unlink()
