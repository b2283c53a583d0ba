"""Trains every GAN on Fashion-MNIST, measures them alike, and writes `results/gallery.md`.

    python benchmarks/gallery.py                    # all of them, at most 15 minutes each on two cores
    python benchmarks/gallery.py --only SNGAN WGAN  # some
    python benchmarks/gallery.py --only WGAN --seed 1  # from another seed, a row below the first
    python benchmarks/gallery.py --write            # the page alone, from what is there

Each GAN has the settings of its paper and the package's default networks, but for what `RUNS` says: the papers train for
days, and here it is about 13 minutes on two cores, so batches are small, learning rates higher and decay to 0, and the
networks compute in mixed bfloat16 where the processor has it. Results are stored in `results/gallery/results.json`, with a
picture each, and not made again; a run that was killed goes on from its last epoch.
"""

import argparse
import os
import shutil
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # TensorFlow leaves its faster convolutions out on older processors

import keras
import numpy as np
from common import ROOT, Clock, as_pixels, by_seed, fast_precision, faster_compile, precision
from evaluator import Evaluator, pca_gaussians

import keras_ganaug as kga
from keras_ganaug.study import fingerprint, tables
from keras_ganaug.study.results import Results, key

FOLDER = ROOT / "results" / "gallery"
WORK = ROOT / "build" / "gallery"
EPOCHS, DATA = 20, "fashion_mnist"


class Run(NamedTuple):
    """What is not the paper's."""

    steps: int
    """Training steps."""
    batch_size: int = 32
    rate: float = 3.0
    """Learning rates at the start, relative to the paper's."""
    g_rate: float | None = None
    """The generator's, where it differs."""
    width: int = 32
    """Channels of the networks at full resolution; 16 where a processor is too slow for the default of 32."""
    mismatch: float = 0.0
    """λ of `MismatchedLabels`, for GANs whose papers do not say how the discriminator is to learn the classes."""
    mismatch_loss: str | None = None
    """The loss in whose terms that is, where it is not the hinge form."""
    margin: float = 1.0
    """The margin of its hinge form, for BEGAN in units of its reconstruction loss."""
    mismatch_fake: float | None = None
    """What it weighs generated images with, relative to λ, where it has those."""
    mismatch_generator: float | None = None
    """What the generator pays for samples that pass under wrong labels, likewise."""
    diversity: float | None = None
    """λ of `ClassDiversity`, where a GAN has that."""
    r1: float | None = None
    """γ of R1, where the paper's is for images of a thousand pixels' side."""
    clip: float | None = None
    """What WGAN's weights are clipped to, where it is not the paper's 0.01."""
    gamma: float | None = None
    """γ of BEGAN, the diversity ratio, where it is not the default."""
    lambda_k: float | None = None
    """λ of BEGAN, the learning rate of its k, likewise."""
    k_max: float | None = None
    """The most that k can be, likewise."""
    sampling_range: float | None = None
    """Half the width of the range that BEGAN's samples are drawn from, likewise."""
    group_size: int | None = None
    """Images of a class whose deviation the code of BEGAN's discriminator contains; its paper does not have that."""
    fake_weight: float | None = None
    """Of ACGAN, the weight of its classifier's loss on generated images, likewise."""
    g_class_weight: float | None = None
    """That loss's weight for its generator, likewise."""
    twin_weight: float | None = None
    """The weight of ACGAN's twin classifier, which its paper does not have."""
    normalization: str | None = None
    """Of ACGAN's discriminator, where it is not batch normalisation."""
    depth: int | None = None
    """Layers of StyleGAN's mapping, where they are not the paper's 8."""
    mixing: float | None = None
    """The share of StyleGAN's images that mix two styles, where it is not the paper's 0.9."""
    mapping_lr: float | None = None
    """Learning rate of that mapping relative to the synthesis's, where it is not the paper's 0.01."""
    grown: float | None = None
    """The share of the images after which ProgressiveGAN has its full size."""
    start: int | None = None
    """Steps of `AutoencoderStart`, which is of another paper."""
    d_steps: int | None = None
    """Updates of the discriminator for each of the generator's, where they are not the paper's."""


OWN = ("gamma", "lambda_k", "k_max", "sampling_range", "fake_weight", "g_class_weight", "twin_weight", "mixing")
"""What is given to the class of the GAN."""

RUNS = {
    "GAN": Run(7000, mismatch=0.3),
    "CGAN": Run(7000),
    "ACGAN": Run(14500, width=16, rate=6.0, fake_weight=0.1, g_class_weight=1.0, twin_weight=1.0, normalization="spectral"),
    "LSGAN": Run(9000, width=16, rate=2.0, g_rate=3.0, mismatch=0.3),
    "WGAN": Run(8600, width=16, rate=6.0, g_rate=24.0, mismatch=1.0, mismatch_loss="relativistic", d_steps=1, clip=0.1),
    "WGANGP": Run(6500, width=16, rate=8.0, g_rate=5.0, mismatch=0.6, mismatch_loss="relativistic", d_steps=1),
    "BEGAN": Run(
        6500,
        width=16,
        batch_size=32,
        rate=8.0,
        mismatch=1.0,
        margin=0.3,
        mismatch_fake=0.5,
        mismatch_generator=1.0,
        diversity=0.3,
        gamma=1.5,
        lambda_k=0.02,
        k_max=0.5,
        sampling_range=1.2,
        group_size=2,
        start=1000,
    ),
    "SNGAN": Run(6600, mismatch=0.1),
    "SAGAN": Run(5500, width=16, rate=2.25, g_rate=9.0, mismatch=0.05),
    "ProgressiveGAN": Run(5700, width=16, rate=36.0, g_rate=18.0, mismatch=0.6, mismatch_loss="relativistic", grown=0.2),
    "StyleGAN": Run(5000, width=16, rate=20.0, g_rate=10.0, mismatch=0.03, r1=0.01, depth=2, mapping_lr=0.1, mixing=0.0),
    "R3GAN": Run(2400, width=16, rate=5.0),
    "ReACGAN": Run(5000, width=16, rate=5.0),
}

METRICS = {
    "frechet": ("Fréchet", "{:.2f}"),
    "kernel": ("kernel", "{:.2f}"),
    "precision": ("precision", "{:.2f}"),
    "recall": ("recall", "{:.2f}"),
    "density": ("density", "{:.2f}"),
    "coverage": ("coverage", "{:.2f}"),
    "gan_test": ("GAN-test", "{:.1%}"),
    "cas": ("CAS", "{:.1%}"),
    "diversity": ("diversity", "{:.0%}"),
}
"""Columns of the table, and how their values are written."""
REFERENCES = ("real", "floor")
HEADER = """# Gallery

Every GAN of the package on Fashion-MNIST at 28×28, with classes: the losses, optimizers, penalties and updates of its paper,
the default networks, seed 0, and at most a quarter of an hour on two CPU cores. By `python benchmarks/gallery.py`; one run
each, so differences of a few per cent mean nothing. Runs of another seed, by `--only NAME --seed 1`, were on a processor
with bfloat16, LSGAN's and WGAN's on one of its cores with other work on the other, so that one took longer.

The papers train for days. What is not theirs: small batches, learning rates that are higher by the factor in the table (the
generator's first, where they differ) and decay to 0, networks in mixed bfloat16 where the processor has it, and averaged
weights. Where a paper does not say how its discriminator is to learn the classes, λ is the weight of
`penalties.MismatchedLabels`, for Wasserstein critics in relativistic terms. Networks of width 16 in place of 32 were trained
on a processor without bfloat16, which takes several times as long for a step, and on one of its two cores, with other work
on the other; ProgressiveGAN had both cores. BEGAN, of width 16 as well, had both cores of a processor with bfloat16. WGAN
and WGAN-GP make one update of the critic, at a higher rate, for each of the generator's in place of five, which leaves more
to the generator; WGAN clips to ±0.1 in place of ±0.01, and its generator learns four times as fast as its critic. SAGAN's
discriminator learns as fast as its generator in place of four times as fast. ProgressiveGAN is fully grown after a fifth of
its images. ACGAN's discriminator has spectral in place of batch normalisation, weighs its classifier's loss on fakes with
0.1 in place of 1, and has a twin classifier, which is another paper's (Gong et al. 2019). StyleGAN's R1 has a weight γ for
gradients over a thousandth of its paper's pixels; no styles are mixed, where its paper mixes two in nine of ten images; its
mapping has two layers in place of eight, as its successors have for small images, which learn at a tenth of the synthesis's
rate in place of a hundredth. BEGAN's γ, the losses of samples relative to those of real images, is 1.5, where its paper
shows 0.3 to 0.7, with k at most 0.5 in place of 1; its k learns faster, as all else does; its code contains the deviation
within pairs of images of a class, which is another paper's (Karras et al. 2018); its generator starts as the decoder of an
autoencoder, which is another's (Mariani et al. 2018); `MismatchedLabels` has a margin of the size of its losses, weighs
generated images under wrong labels as well, by half, and has its generator pay for them; its generator has `ClassDiversity`;
and its samples are of latents from a range that is wider by a fifth than in training.

- **Fréchet**, **kernel** (×1000): distances of 10,000 samples from the 10,000 real test images, on the features of a small
  classifier that was trained on the real training images. Not FID and KID, and not to be compared with them.
- **precision**, **recall**, **density**, **coverage**: on the same features, k = 5.
- **GAN-test**: how often that classifier classifies a sample as the class asked for.
- **CAS**: accuracy, on the real test images, of a classifier trained on 20,000 samples alone (800 steps).
- **diversity**: mean distance of two samples of a class relative to that of two real images, the lowest of all classes.

*best* is the generator with the smallest kernel distance (of 2,000 samples, after each of 20 epochs), *final* that of the
end. The floor are Gaussians, one for each class, in the space of the first 50 principal components; *real* are real training
images in place of samples.
"""


class KeepFinal(keras.callbacks.Callback):
    """Remembers the generator of the end, before KeepBest puts the best in its place."""

    def on_train_end(self, logs=None):
        self.state = [variable.numpy() for variable in self.model.sampling_variables]


def build(name, run, seed=0):
    """The compiled GAN."""
    networks = {"image_shape": (28, 28, 1), "num_classes": 10, "width": run.width, "seed": seed}
    options = {key: getattr(run, key) for key in OWN if getattr(run, key) is not None}
    if run.grown is not None:  # from 7 to 14 to 28: two resolutions before the last, each stable and then faded out
        options |= dict.fromkeys(["fade_images", "stable_images"], int(run.grown / 4 * run.steps * run.batch_size))
    with precision():
        if run.depth is not None:
            changes = {} if run.mapping_lr is None else {"lr_multiplier": run.mapping_lr}
            options["generator"] = kga.networks.style.generator(**networks, depth=run.depth, **changes)
        if run.normalization is not None:
            changes = {"normalization": run.normalization, "label_use": "classify"}
            options["discriminator"] = kga.networks.dcgan.discriminator(**networks, **changes)
        if run.group_size is not None:
            options["discriminator"] = kga.networks.autoencoder.discriminator(**networks, group_size=run.group_size)
        gan = getattr(kga, "TACGAN" if run.twin_weight else name)(**networks, **options)
    return compile_for(gan, run)


def compile_for(gan, run, penalties=(), **changes):
    """Compiles with the paper's settings but for what `run` says, the penalties that are added, and `changes`."""
    settings = gan.paper_settings()
    settings["d_steps"] = run.d_steps or settings["d_steps"]
    optimizers = [f"{player}_optimizer" for player in gan.player_networks]
    for player in optimizers:
        factor = run.g_rate or run.rate if player == "g_optimizer" else run.rate
        updates = run.steps * (settings["d_steps"] if player == "d_optimizer" else 1)
        config = settings[player].get_config()
        rate = keras.optimizers.schedules.PolynomialDecay(factor * config["learning_rate"], updates, 0.0)
        settings[player] = type(settings[player]).from_config({**config, "learning_rate": rate})
    if run.r1 is not None:
        settings["penalties"] = (kga.penalties.R1(run.r1, interval=16),)
    if run.clip is not None:
        settings["penalties"] = (kga.penalties.WeightClipping(run.clip),)
    if run.mismatch:
        weights = {"fake_weight": run.mismatch_fake or 0.0, "generator_weight": run.mismatch_generator or 0.0}
        options = {"loss": run.mismatch_loss, "margin": run.margin, **weights}
        penalties = (*penalties, kga.penalties.MismatchedLabels(gan.num_classes, run.mismatch, **options))
    if run.diversity:
        penalties = (*penalties, kga.penalties.ClassDiversity(run.diversity))
    settings["penalties"] = (*settings["penalties"], *penalties)
    papers = {name: settings[name] for name in (*optimizers, "penalties", "d_steps")}
    gan.compile(**{"jit_compile": faster_compile(), **papers, **changes})
    return gan


def store():
    """Where all results are."""
    return Results(FOLDER / "results.json")


def settings_of(name):
    """What a result was made with, but for the seed."""
    return f"{name}{fingerprint.text_of_fields(RUNS[name])}" if name in RUNS else name


def place(name, seed=0):
    """The name, below `results/gallery` and `build/gallery`, of the files of a run."""
    return f"seeds/{name}_{seed}" if seed else name


def train(name, evaluator, run, seed=0):
    """The results of one GAN."""
    work = WORK / place(name, seed)
    gan = build(name, run, seed)
    labels = evaluator.labels(2000)
    keep_final = KeepFinal()
    keep_best = kga.callbacks.KeepBest(
        lambda gan: evaluator.kernel_distance(gan.generate(labels, seed=1)), path=work / "best", name="kernel_distance"
    )
    clock = Clock(work / "seconds.json")  # before what it measures
    start = [kga.callbacks.AutoencoderStart(evaluator.x, evaluator.y, run.start)] if run.start else []
    gan.fit(
        evaluator.x,
        evaluator.y,
        batch_size=run.batch_size,
        epochs=EPOCHS,
        steps_per_epoch=run.steps // EPOCHS,
        verbose=0,
        callbacks=[
            keep_final,
            clock,
            *start,
            keep_best,
            kga.callbacks.TimeLeft(),
            # Until the end: measuring takes minutes too, and a run may be killed then.
            keras.callbacks.BackupAndRestore(str(work / "backup"), double_checkpoint=True, delete_checkpoint=False),
        ],
    )

    def draw(labels):
        return gan.generate(labels, seed=2)

    results = {
        "precision": fast_precision(),
        "seconds": round(clock.seconds),
        "best_epoch": keep_best.best_epoch + 1,
        "epochs": EPOCHS,
    }
    results["best"] = evaluator.metrics(draw)
    picture(FOLDER / f"{place(name, seed)}.png", draw)
    if keep_best.best_epoch + 1 == EPOCHS:  # they are one generator
        results["final"] = results["best"]
    else:
        for variable, value in zip(gan.sampling_variables, keep_final.state, strict=True):
            variable.assign(value)
        results["final"] = evaluator.metrics(draw)
    picture(FOLDER / f"{place(name, seed)}_final.png", draw)
    return results


def picture(path, draw, columns=12):
    """A row for each class."""
    import tensorflow as tf

    images = as_pixels(draw(np.repeat(np.arange(10), columns))).reshape(10, columns, 28, 28)
    images = np.pad(images, [(0, 0), (0, 0), (0, 2), (0, 2)], constant_values=255)
    image = images.transpose(0, 2, 1, 3).reshape(300, columns * 30, 1)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(tf.io.encode_png(image).numpy())


WORDS = {
    "mismatch_fake": "samples under wrong labels",
    "mismatch_generator": "the generator pays for those",
    "diversity": "ClassDiversity",
    "lambda_k": "λ_k",
    "r1": "γ",
    "gamma": "γ",
    "k_max": "k at most",
    "sampling_range": "latents within ±",
    "group_size": "deviations within groups of",
    "clip": "clipped to",
    "grown": "grown after",
    "fake_weight": "classifier on fakes",
    "g_class_weight": "for the generator",
    "twin_weight": "twin",
    "d_steps": "critic steps",
    "mixing": "styles mixed",
    "mapping_lr": "mapping's rate ×",
    "start": "autoencoder start of",
}


def in_words(run):
    """How a GAN was trained."""
    rates = [rate for rate in (run.g_rate, run.rate) if rate is not None]
    words = f"{run.steps:,} × {run.batch_size}, rates {' and '.join(f'×{rate:g}' for rate in rates)}"
    words += f", λ {run.mismatch:g}" if run.mismatch else ""
    words += f", margin {run.margin:g}" if run.margin != 1.0 else ""
    words += "".join(f", {text} {getattr(run, name):g}" for name, text in WORDS.items() if getattr(run, name) is not None)
    words += f", {run.normalization} normalisation" if run.normalization else ""
    return words + (f", width {run.width}" if run.width != 32 else "")


def cells(metrics):
    """The cells of a row of the table."""
    values = {**metrics, "kernel": 1000 * metrics["kernel"]}
    return [text.format(values[name]) for name, (_, text) in METRICS.items()]


def page():
    """The page, from the results."""
    rows = [[name, "", *cells(results)] for name in REFERENCES for results in by_seed(store(), DATA, name, name).values()]
    pictures, missing = [], []
    for name, run in RUNS.items():
        runs = by_seed(store(), DATA, name, settings_of(name))
        for number, (seed, results) in enumerate(runs.items()):
            title, at = f"{name}, seed {seed}" if seed else name, place(name, seed)
            trained = f"{results['seconds'] / 60:.1f} min" + ("" if number else f", {in_words(run)}")
            rows.append([f"{title}, best: epoch {results['best_epoch']}", trained, *cells(results["best"])])
            rows.append(["final", "", *cells(results["final"])])
            pictures.append(f"## {title}\n\nbest | final\n-|-\n![](gallery/{at}.png) | ![](gallery/{at}_final.png)")
        missing += [] if runs else [name]
    table = tables.markdown(["", "trained", *(title for title, _ in METRICS.values())], rows)
    notes = FOLDER / "notes.md"
    text = [HEADER, table, f"Not trained yet: {', '.join(missing)}." if missing else ""]
    text += [notes.read_text(encoding="utf-8") if notes.exists() else "", *pictures]
    (FOLDER.parent / "gallery.md").write_text("\n\n".join(part.strip() for part in text if part) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[*RUNS, *REFERENCES], help="all, if not given")
    parser.add_argument("--seed", type=int, default=0, help="of the GANs; all but 0 have rows of their own")
    parser.add_argument("--again", action="store_true", help="also what is there already")
    parser.add_argument("--write", action="store_true", help="write the page alone")
    options = parser.parse_args()
    todo = [] if options.write else options.only or ([*RUNS] if options.seed else [*REFERENCES, *RUNS])
    keys = {name: key(options.seed if name in RUNS else 0, DATA, name, settings_of(name)) for name in todo}
    todo = [name for name in todo if options.again or keys[name] not in store().read()]
    evaluator = Evaluator(DATA) if todo else None
    for number, name in enumerate(todo):
        print(f"{name} ({number + 1} of {len(todo)})", flush=True)
        work = WORK / place(name, options.seed)
        if name == "floor":
            results = evaluator.metrics(pca_gaussians(evaluator.x, evaluator.y))
        elif name == "real":
            order = {c: iter(np.flatnonzero(evaluator.y == c)) for c in range(10)}
            results = evaluator.metrics(lambda labels, order=order: evaluator.x[[next(order[c]) for c in labels]])
        else:
            if options.again:
                shutil.rmtree(work, ignore_errors=True)
            results = train(name, evaluator, RUNS[name], options.seed)
        store().record(keys[name], settings_of(name), results)
        shutil.rmtree(work / "backup", ignore_errors=True)
        page()
    page()
    print(Path("results/gallery.md"))
