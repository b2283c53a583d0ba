"""The contract of GANs, one check for each promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from keras_ganaug.testing import checks, gan_behaviour, gan_files
from keras_ganaug.testing.gan_cases import GANCase, Options, forget

CHECKS = (
    gan_behaviour.check_training,
    gan_behaviour.check_samples,
    gan_behaviour.check_seeds,
    gan_behaviour.check_classes,
    gan_files.check_export,
    gan_files.check_saving,
    gan_files.check_resuming,
    gan_files.check_any_shape,
    gan_behaviour.check_rows,
    gan_behaviour.check_without_classes,
    gan_behaviour.check_attributes,
    gan_behaviour.check_mixed_bfloat16,
    gan_behaviour.check_xla,
    gan_behaviour.check_replicas,
)
"""All checks of a GAN. Those that share a GAN stand together."""


def checks_of_gan(
    cls: type,
    only: Iterable[str] | None = None,
    image_shape: tuple[int, int, int] = (8, 8, 1),
    num_classes: int | None = 3,
    arguments: Options = None,
    settings: Options = None,
) -> dict[str, Callable[[], None]]:
    """The checks of a class of GANs by name, each a callable without arguments.

    A check raises an AssertionError if it fails, and `Skipped` if it does not apply.

    Args:
        cls: The class, a subclass of `GAN`, or of `StarGAN`, whose checks translate images.
        only: Names of the checks that are wanted. Defaults to None: all.
        image_shape: Shape of the images. Defaults to (8, 8, 1). One check uses images of shape (9, 12, 2).
        num_classes: Number of classes, at least 2; None for a class that has none. Defaults to 3.
        arguments: Further arguments of the constructor, a mapping, or a function that returns one for each GAN. Defaults to
            None: `latent_dim=4` and `width=8`.
        settings: Arguments of `compile` in the same way. Pass a function if there are optimizers, which belong to one GAN.
            Defaults to None: `d_steps=1`.

    Returns a mapping from name to callable.

    Raises:
        ValueError: For names in `only` that do not exist.
        TypeError: For a `cls` that is no class of GANs.

    Example:

    >>> import keras_ganaug as kga
    >>> checks = kga.testing.checks_of_gan(kga.SNGAN)
    >>> list(checks)[:3]
    ['check_training', 'check_samples', 'check_seeds']
    """
    return checks.of(CHECKS, GANCase(cls, image_shape, num_classes, arguments, settings), only)


def check_gan(
    cls: type,
    only: Iterable[str] | None = None,
    image_shape: tuple[int, int, int] = (8, 8, 1),
    num_classes: int | None = 3,
    arguments: Options = None,
    settings: Options = None,
) -> None:
    """Checks that a class of GANs does what the package promises of all GANs.

    The checks are about training, shapes, dtypes, value ranges, seeds, XLA, `.keras` files, interrupted trainings,
    replicas, SavedModels, classes, attributes and mixed precision. They take from seconds to minutes, most of them for XLA
    and replicas. Some train a few steps without a graph, so they say nothing about the quality of images.

    Args:
        cls, only, image_shape, num_classes, arguments, settings: See `checks_of_gan`.

    Warns about checks that were skipped, by name and with the reason, such as replicas without two logical devices.

    Raises:
        AssertionError: With all checks that fail.
        ValueError: For names in `only` that do not exist.
        TypeError: For a `cls` that is no class of GANs.

    Example:

    >>> import keras_ganaug as kga
    >>> kga.testing.check_gan(kga.GAN, only=["check_samples", "check_seeds"], arguments={"width": 4})
    """
    case = GANCase(cls, image_shape, num_classes, arguments, settings)
    try:
        checks.run_all(checks.of(CHECKS, case, only), case)
    finally:
        forget()
