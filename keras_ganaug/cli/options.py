"""Shared parts of the commands: options, error messages, and readers for images and generators."""

import contextlib
import dataclasses
import functools
import json
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from keras_ganaug import _command

MODELS = tuple("ACGAN CGAN GAN LSGAN R3GAN ReACGAN SAGAN SNGAN StyleGAN TACGAN WGAN WGANGP".split())
"""The models of `fit_for`. They and the arms are listed here, since help appears without TensorFlow."""
ARMS = (
    *("nothing", "class_weights", "oversampling", "balanced_softmax", "logit_adjustment", "focal", "shift_flip"),
    *("rand_augment", "mixup", "rand_augment + mixup", "cutmix", "smote", "balanced_softmax + shift_flip"),
    *("balanced_softmax + rand_augment", "balanced_softmax + mixup", "balanced_softmax + cutmix"),
)
"""The arms of `study.arms.all_arms`."""
IMAGES = "images.json"
"""File of a run with the settings for reading images."""
_MOST = 5  # broken files that are named
_FIT: dict[str, dict] = {"crop": {"crop_to_aspect_ratio": True}, "pad": {"pad_to_aspect_ratio": True}, "stretch": {}}


_ERRORS = (ValueError, TypeError, OSError, ImportError)
_WORDS = {
    "directory": "--out",
    "path": "--out",
    "labels": "--class",
    "generator": "RUN",
    "name": "RUN",
    "train": "DIRECTORY",
}
"""Arguments of Python functions that no option is named after, and what they are called in a command."""


_READ = {"class_names": "The classes of DIRECTORY", "validation_split": "The quarter that is held out without --test"}
"""What arguments of `from_directory` are called."""


def in_words(text: str, words: dict) -> str:
    """Replaces arguments of Python functions in a message by words of the command line."""

    def word(match):
        name, value = match["name"], match["value"]
        if name not in words:
            return match[0]
        return words[name] if value in (None, "True") else f"{words[name]} {value}"

    text = re.sub(rf"\b(Received: )({'|'.join(words)})=", r"\1", text)
    text = re.sub(r"`from_directory\((.+?), \.\.\.\)`", r"\1", text)
    text = re.sub(r"`(?P<name>\w+)(\[[^]`]+\]|=(?P<value>[^`]+))?`", word, text)
    text = re.sub(r"\b(?P<name>\w+)=(?P<value>'[^']*'|[\w.]+)", word, text)
    return text.replace("class indices", "numbers of classes")


class Command(click.Command):
    """Prints errors and warnings in words of the command line: without a traceback, a code location or Python's names.

    `stopped` is what it says after Ctrl-C.
    """

    def __init__(self, *arguments: Any, stopped: str, **options: Any):
        super().__init__(*arguments, **options)
        self.stopped = stopped

    def invoke(self, context: Any) -> Any:
        words = {str(each.name): each.opts[0] for each in self.params if isinstance(each, click.Option)}
        words = {**_WORDS, **words}
        if "test" in context.params and context.params["test"] is None:  # `study` then holds out a quarter
            words |= {"test": "the held-out quarter", "train": "the rest of DIRECTORY"}

        def warn(message, *_, **__):
            from keras_ganaug import _progress

            _progress.clear()
            click.echo(f"Warning: {in_words(str(message), {**words, 'directory': 'DIRECTORY'})}", err=True)

        try:
            _command.load()
            with warnings.catch_warnings():
                warnings.showwarning = warn
                return super().invoke(context)
        except _ERRORS as error:
            raise click.ClickException(in_words(str(error), words)) from error
        except KeyboardInterrupt:
            click.echo(f"\nStopped. {self.stopped}", err=True)
            sys.exit(130)


class Commands(click.Group):
    command_class = Command


@contextlib.contextmanager
def reading(what: str = "DIRECTORY") -> Iterator[None]:
    """In errors of this context, the folder that is read is called so."""
    try:
        yield
    except _ERRORS as error:
        raise click.ClickException(in_words(str(error), {**_READ, "directory": what})) from error


def examples(*lines: str) -> Callable:
    """Adds examples to the help of a command."""

    def add(function):
        function.__doc__ += "\n    Examples:\n\n    \b\n" + "".join(f"        keras-ganaug {line}\n" for line in lines)
        return function

    return add


def with_json(function: Callable) -> Callable:
    """Adds `--json`: the results, a dict, go to standard output, and everything else to standard error."""

    @click.option("--json", "as_json", is_flag=True, help="Print the results as JSON, all else to standard error.")
    @functools.wraps(function)
    def command(as_json, **options):
        with contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):
            result = function(**options)
        if as_json:
            click.echo(json.dumps(result, indent=1, default=str))

    return command


def of_images(function: Callable) -> Callable:
    """Adds the options for reading images."""
    options = (
        click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path)),
        click.option(
            "--image-size", type=click.IntRange(4), help="Side length in pixels. [default: fits the images, at most 64]"
        ),
        click.option("--color-mode", type=click.Choice(["grayscale", "rgb"]), help="[default: fits the images]"),
        click.option("--fit", type=click.Choice([*_FIT]), default="crop", show_default=True, help="Makes images square."),
        click.option("--background", type=click.IntRange(0, 255), default=255, show_default=True, help="Grey behind alpha."),
    )
    return functools.reduce(lambda made, option: option(made), reversed(options), function)


def describe(directory, what="DIRECTORY"):
    """Returns the facts about a folder. Prints to standard error which files are left out."""
    from keras_ganaug import _progress, datasets

    with reading(what), _progress.phase(None):  # which removes the line in the end
        _progress.show(f"Reading the images of {directory}")
        facts = datasets.describe_directory(directory)
    left_out = [text.removesuffix("; `follow_links=True` reads it") for text in facts.not_read]
    if facts.broken:
        named = [path + (f" ({why})" if why else "") for path, why in [*facts.broken.items()][:_MOST]]
        more = f" and {len(facts.broken) - _MOST} more" if len(facts.broken) > _MOST else ""
        left_out.insert(0, f"{len(facts.broken)} broken: {', '.join(named)}{more}")
    if left_out:
        click.echo("\n  ".join([f"Left out of {directory}:", *left_out]), err=True)
    return facts


def look_at(directory, image_size, color_mode, fit, background):
    """Prints what is in a folder. Returns options of `from_directory`, where those that were not given fit the images."""
    facts = describe(directory)
    settings = {"image_size": image_size or facts.image_size, "color_mode": color_mode or facts.color_mode}
    facts = dataclasses.replace(facts, **settings, fit=fit)
    click.echo(dataclasses.replace(facts, broken={}, not_read=[]))
    return facts, {**settings, "background": background, **_FIT[fit]}


def read(directory, settings, what="DIRECTORY", **options):
    """Reads the images of a folder that was described before."""
    from keras_ganaug import datasets

    with reading(what), warnings.catch_warnings():
        for told in ("broken files", "Not read"):
            warnings.filterwarnings("ignore", f".*{told}")
        return datasets.from_directory(directory, **settings, skip_broken=True, verbose=False, shuffle=False, **options)


def generator_of(run):
    """Loads the generator of a run, of a file or folder, or a shipped one."""
    from keras_ganaug.generators import as_generator, load_pretrained
    from keras_ganaug.generators.files import GAN_FILE

    path = Path(run)
    if not path.exists():
        try:
            return load_pretrained(run)
        except ValueError as error:
            raise click.UsageError(
                "RUN must be a folder that `keras-ganaug train` wrote, a .keras file, a SavedModel or the name of a shipped "
                f"generator. {run!r} does not exist, and is not such a name: {in_words(str(error), _WORDS)}"
            ) from error
    if path.is_dir() and (path / "plan.json").exists() and not (path / GAN_FILE).exists():
        raise click.UsageError(f"RUN must be a finished training: repeat the command of {run!r} to resume it")
    return as_generator(path)


def gan_maker(minutes, model):
    """The function that trains a study's GAN for this many minutes."""

    from keras_ganaug import fitting

    def make(images, labels, seed):
        return fitting.fit_for((images, labels), minutes, model=model, seed=seed, verbose=False)

    make.cache_key = f"fit_for {model} {minutes:g}"
    return make


_STUDY_OPTIONS = (
    click.option("--minutes", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True, help="Of each GAN."),
    click.option("--model", type=click.Choice(MODELS), default="SNGAN", show_default=True),
    click.option("--steps", type=click.IntRange(1), default=1500, show_default=True, help="Steps of each classifier."),
    click.option("--batch-size", type=click.IntRange(1), default=128, show_default=True),
)


def of_studies(function):
    return functools.reduce(lambda made, option: option(made), reversed(_STUDY_OPTIONS), function)
