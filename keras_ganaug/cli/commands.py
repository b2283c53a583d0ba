"""The commands. Functions import what needs TensorFlow, so that help appears at once."""

import json
import os
import shlex
from pathlib import Path
from typing import Any

import click

from keras_ganaug.cli.options import (
    ARMS,
    IMAGES,
    MODELS,
    Commands,
    describe,
    examples,
    gan_maker,
    generator_of,
    look_at,
    of_images,
    of_studies,
    read,
    with_json,
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="keras_ganaug")
def main() -> None:
    """Train GANs on a folder of images, and test whether their samples help a classifier.

    A folder has one subfolder of images for each class. A RUN is the folder that `train --out RUN` writes. A .keras file, a
    SavedModel or the name of a shipped generator ("digits", "fashion_mnist") also works as a RUN.

    \b
        keras-ganaug info photos
        keras-ganaug train photos --minutes 30 --out run
        keras-ganaug generate run --class cat --count 50 --out synthetic
        keras-ganaug study photos --minutes 10 --out study

    Exit codes: 0 done, 1 an error, 2 wrong options, 130 stopped by Ctrl-C.
    """


@main.command(stopped="Nothing was written.")
@of_images
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=30.0, show_default=True, help="Planned time.")
@click.option("--model", type=click.Choice(MODELS), default="SNGAN", show_default=True)
@with_json
@examples("info photos", "info photos --image-size 32 --json")
def info(directory: Path, minutes: float, model: str, **images: Any) -> dict:
    """Describe the folder DIRECTORY: its images, how they would be processed, and how long a training takes.

    Nothing is written. The command trains a few steps to measure their time.
    """
    from keras_ganaug import _progress, fitting

    facts, settings = look_at(directory, **images)
    with _progress.phase("Plan", "\nMeasuring the time of a training step. This takes up to a minute."):
        plan = fitting.plan(read(directory, settings), minutes, model)
    click.echo(f"\nPlan for a training of {minutes:g} minutes:\n{plan}")
    return {**facts.to_dict(), "plan": plan._asdict()}


@main.command(stopped="The same command resumes the training, at most about a minute before this moment.")
@of_images
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run: new, or one to resume.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=30.0, show_default=True, help="Total time.")
@click.option("--model", type=click.Choice(MODELS), default="SNGAN", show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@with_json
@examples("train photos --out run", "train photos --model StyleGAN --image-size 64 --minutes 120 --out run")
def train(directory: Path, out: Path, minutes: float, model: str, seed: int, **images: Any) -> dict:
    """Train a GAN on the images of the folder DIRECTORY, and measure its quality.

    Run the same command again to resume a run that was stopped or killed. RUN/samples.png shows samples during the training.
    """
    from keras_ganaug import fitting

    _, settings = look_at(directory, **images)
    click.echo()
    fitting.fit_for(read(directory, settings), minutes, out, model, seed=seed)
    (out / IMAGES).write_text(json.dumps(settings), encoding="utf-8")
    click.echo(
        f"\nThe GAN is in {out}, samples of it in {out / 'samples.png'}. Next:\n"
        f"    keras-ganaug generate {shlex.quote(str(out))} --count 50 --out {shlex.quote(f'{out}_images')}\n"
        f"or in Python, to replace a quarter of your training images by samples:\n"
        f"    dataset.map(kga.gan_augment({str(out)!r}, fraction=0.25))"
    )
    return {"run": str(out), "quality": json.loads((out / "quality.json").read_text(encoding="utf-8"))}


@main.command(stopped="Images that are already in --out stay there. With --overwrite, the same command writes all.")
@click.argument("run")
@click.option("--class", "classes", multiple=True, help="Name or number of a class. Repeat it for several. [default: all]")
@click.option("--count", type=click.IntRange(1), default=50, show_default=True, help="Number of images for each class.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write, new or empty.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--truncation", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Lower: more typical, less varied."
)
@click.option("--overwrite", is_flag=True, help="Write into a folder that is not empty.")
@with_json
@examples("generate run --class cat --class dog --count 50 --out synthetic", "generate fashion_mnist --out fashion")
def generate(run: str, classes: tuple, count: int, out: Path, seed: int, truncation: float, overwrite: bool) -> dict:
    """Write samples of a RUN as PNG files, in one folder for each class."""
    from keras_ganaug import datasets

    generator = generator_of(run)
    condition = generator.condition
    labels: Any = count
    if condition.conditional:
        names = condition.class_names or range(condition.sizes[0])
        labels = {int(name) if name not in names and name.isdigit() else name: count for name in classes or map(str, names)}
    elif classes:
        raise click.UsageError("--class needs a generator with classes, and this one has none")
    files = datasets.to_directory(generator, out, labels, seed, truncation, overwrite)
    click.echo(f"{len(files)} images in {out}")
    return {"files": files}


@main.command(stopped="Nothing was written.")
@click.argument("run")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--samples", type=click.IntRange(1), default=1000, show_default=True)
@with_json
@examples("evaluate run photos", "evaluate run new_photos --json")
def evaluate(run: str, directory: Path, samples: int) -> dict:
    """Measure the quality of a RUN against the images of the folder DIRECTORY: correct classes, diversity, copies.

    If these are its training images, the ones held out of the training serve to detect copies.
    """
    from keras_ganaug import _progress, fitting

    generator, stored = generator_of(run), Path(run, IMAGES)
    height, width, channels = generator.image_shape
    settings = {"image_size": (height, width), "color_mode": {1: "grayscale", 3: "rgb", 4: "rgba"}.get(channels, "rgb")}
    settings |= json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
    describe(directory)
    with _progress.phase("Quality", fitting.training.MEASURING):
        quality = fitting.quality(generator, read(directory, settings), samples=samples)
    click.echo(quality)
    left_out = [name for name in generator.class_names or () if name not in quality.gan_test_by_class]
    if left_out:
        click.echo(f"Not measured, since {directory} has no images of them: {', '.join(left_out)}.")
    return quality._asdict()


@main.command(name="study", stopped="The same command resumes the study after its last result.")
@of_images
@of_studies
@click.option(
    "--seeds", type=click.IntRange(1), default=3, show_default=True, help="Repetitions of all arms, each with its own GAN."
)
@click.option("--test", type=click.Path(exists=True, file_okay=False, path_type=Path), help="[default: a quarter, held out]")
@click.option("--arm", "arms", type=click.Choice(ARMS), multiple=True, help="Repeat it for several. [default: all]")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder for report.html and the state to resume from."
)
@click.option(
    "--classifier",
    type=click.Path(path_type=Path),
    help="Train with the best arm and save this .keras file.",
)
@with_json
@examples("study photos --out study", "study photos --test new_photos --seeds 5 --out study --classifier best.keras")
def compare(
    directory: Path,
    minutes: float,
    model: str,
    steps: int,
    batch_size: int,
    seeds: int,
    test: Path | None,
    arms: tuple,
    out: Path,
    classifier: Path | None,
    **images: Any,
) -> dict:
    """Compare a classifier with and without samples of a GAN, and with methods without a GAN, on held-out images.

    Writes OUT/report.html and OUT/report.json. Run the same command again to resume.

    An arm is a way to train the classifier. A study takes about SEEDS x (MINUTES + ARMS x the time of STEPS). The GAN adds
    two arms or more. For a first look: --minutes 1 --steps 100 --seeds 1.
    """
    from keras_ganaug import _progress, study

    _, settings = look_at(directory, **images)
    if test is None:
        data, held = read(directory, settings, validation_split=0.25)
    else:
        data = read(directory, settings)
        describe(test, "--test")
        held = read(test, settings, what="--test", class_names=data.class_names)
    known = study.arms.all_arms() if arms else study.default_arms(channels=data.element_spec[0].shape[-1])
    made = study.AugmentationStudy(
        data,
        held,
        gan_maker(minutes, model),
        arms={name: known[name] for name in arms or known},
        on_top_of=arms or "auto",
        steps=steps,
        batch_size=batch_size,
        seeds=range(seeds),
        directory=out / "cache",
    )
    report = made.run()
    report.about["train_with"] = "add `--classifier best.keras` to the command"
    report.about["add_seeds"] = "`--seeds 10` with the same `--out`: what is there is not trained again"
    report.to_html(out / "report.html")
    report.to_json(out / "report.json")
    click.echo(f"\n{report}\n\n{out / 'report.html'}")
    if classifier and report.advised:
        with _progress.phase("Classifier", f"\nTraining with the arm {report.advised!r}: {steps:,} steps."):
            made.fit(report.advised).save(classifier)
        click.echo(f"Trained with {report.advised!r}: {classifier}")
    return {"report": str(out / "report.html"), "verdict": report.verdict(), **report.to_dict()}


@main.command(stopped="With --cache, the same command resumes after its last result; without it, it starts again.")
@of_images
@of_studies
@click.option("--folds", type=click.IntRange(2), default=3, show_default=True, help="Parts of the images; one GAN for each.")
@click.option("--repeats", type=click.IntRange(1), help="Repetitions with new parts. [default: 2; 1 from 2,000 images on]")
@click.option("--cache", type=click.Path(path_type=Path), help="Folder for the state to resume from.")
@click.option("--out", type=click.Path(path_type=Path), help="JSON file for the advice, for Recommendation.from_json.")
@click.option(
    "--classifier", type=click.Path(path_type=Path), help="Train as advised and save the classifier to this .keras file."
)
@with_json
@examples("recommend photos --minutes 10 --cache cache", "recommend photos --out advice.json --classifier classifier.keras")
def recommend(
    directory: Path,
    minutes: float,
    model: str,
    steps: int,
    batch_size: int,
    folds: int,
    repeats: int | None,
    cache: Path | None,
    out: Path | None,
    classifier: Path | None,
    **images: Any,
) -> dict:
    """Advise whether to train with a GAN, by cross-validation on the images of the folder DIRECTORY.

    It takes at most about FOLDS x REPEATS x (MINUTES + 10 arms x the time of STEPS). Bad arms are dropped early. For a first
    look: --minutes 1 --steps 100 --folds 2 --repeats 1.
    """
    from keras_ganaug import _progress, study

    data, maker = read(directory, look_at(directory, **images)[1]), gan_maker(minutes, model)
    advice = study.recommend(data, maker, folds=folds, repeats=repeats, steps=steps, batch_size=batch_size, directory=cache)
    click.echo(f"\n{advice}")
    if out:
        advice.to_json(out)
    if classifier:
        with _progress.phase("Classifier", f"\nTraining a classifier as advised: {steps:,} steps."):
            advice.fit(data, make_generator=maker).save(classifier)
        click.echo(f"Trained as advised: {classifier}")
    return {"advice": str(advice), "fraction": advice.fraction, "base": advice.base, "figures": advice.figures}


@main.command(stopped="--out is as it was before.")
@click.argument("run")
@click.option("--format", type=click.Choice(["saved_model", "onnx", "tflite"]), default="saved_model", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for a SavedModel, otherwise a file.")
@click.option("--overwrite", is_flag=True, help="Replace a file, or the SavedModel in a folder.")
@with_json
@examples("export run --out generator", "export run --format onnx --out generator.onnx")
def export(run: str, format: str, out: Path, overwrite: bool) -> dict:
    """Export the generator of a RUN as SavedModel (for TensorFlow alone), ONNX or LiteRT."""
    if not overwrite and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise click.ClickException(f"--out must be new, or an empty folder; --overwrite replaces it. Received: {str(out)!r}")
    generator_of(run).export(os.fspath(out), format=format)
    click.echo(f"{out}")
    return {"path": str(out), "format": format}
