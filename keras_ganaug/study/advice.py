"""What `recommend` advises, and the classifier that is trained by it."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras

from keras_ganaug import _checks, _files
from keras_ganaug.study import fingerprint, results
from keras_ganaug.study.arms import Arm, Synthetic
from keras_ganaug.study.study import AugmentationStudy

SETTINGS = ("num_classes", "steps", "batch_size", "value_range")
"""Arguments of `recommend` that its advice keeps for `fit`."""


class Recommendation(NamedTuple):
    """Whether to use a GAN, and how. `str` of it is the advice in words, and `fit` trains a classifier by it."""

    fraction: float
    """Share of each batch to replace; 0: do without the GAN."""
    sampling_strategy: object
    """"keep", or one weight per class, as `GANAugmentation` takes it: 0 for classes that get no synthetic images."""
    synthetic_weight: float | None
    """Factor on the sample weight of synthetic rows."""
    truncation: float
    """Factor on the latents."""
    base: str
    """The arm that did best without the GAN: what to do in any case."""
    reasons: list
    """Why, in words."""
    figures: dict
    """What was measured: by arm, the accuracy in each fold until the arm was eliminated, as `recommend` compares it."""
    band: tuple | None = None
    """(lowest, highest) probability of its class that a classifier must give a sample, for `FilteredGenerator`; None: no
    filter."""
    attributes: Any = None
    """How attributes other than the class, or domains, are drawn, as `GANAugmentation` takes it."""
    log_losses: Any = None
    """By arm, the log loss in each fold, by which arms without the GAN are chosen too."""
    arm: Arm | None = None
    """How to train: the arm `base`, with the synthetic images that are advised."""
    settings: Any = None
    """The other settings under which it was tried: a mapping with `num_classes` and what was given of `steps`, `batch_size`
    and `value_range`."""

    def __str__(self) -> str:
        if self.fraction:
            head = f"Use the GAN: fraction={self.fraction:g}, on top of {self.base!r}."
        else:
            head = f"Do without the GAN; train with {self.base!r}."
        return "\n".join([head, *(f"- {reason}" for reason in self.reasons)])

    def fit(
        self,
        train: Any,
        build: Callable[[int], keras.Model] | None = None,
        make_generator: Callable[..., Any] | None = None,
        optimizer: Callable[[int], keras.optimizers.Optimizer] | None = None,
        seed: int = 0,
        **settings: Any,
    ) -> keras.Model:
        """Trains a classifier as it is advised: its sampling, loss and transforms, with or without the GAN.

        It is trained as the arm of an `AugmentationStudy` is, on all images that it is given.

        Args:
            train: Training images, as of `recommend`.
            build, optimizer: As of `recommend`. Default to those of `AugmentationStudy`.
            make_generator: As of `recommend`. Needed only if the advice is to use the GAN. Defaults to None.
            seed: Integer, of the GAN, the weights and the order of the images. Defaults to 0.
            **settings: Other values than those of `recommend` for `num_classes`, `steps`, `batch_size` and `value_range`.

        Returns the Keras model, from float32 images in `value_range` to logits, as of `AugmentationStudy.fit`.

        Raises:
            ValueError, TypeError: For an argument out of its range; without a generator that is needed; for advice of a file
                whose arm has functions, which a file does not hold.

        Example:

        >>> import keras_ganaug as kga
        >>> train, test = kga.datasets.load("digits")
        >>> balanced = kga.study.Arm(sampling="balanced")
        >>> advice = kga.study.Recommendation(0.0, "keep", None, 1.0, "oversampling", [], {}, arm=balanced)
        >>> classifier = advice.fit(train, steps=2, batch_size=16)
        >>> classifier.output_shape
        (None, 10)
        """
        if self.arm is None:
            raise ValueError(
                f"`arm` of the advice must be the `study.Arm` {self.base!r}, whose functions no file holds: put it in by "
                "`advice._replace(arm=...)`. Received: None"
            )
        if self.arm.needs_generator and make_generator is None:
            raise ValueError("`make_generator` must be given: the advice is to use the GAN. Received: make_generator=None")
        unknown = sorted(settings.keys() - {*SETTINGS})
        if unknown:
            raise TypeError(f"`fit` takes of the settings {list(SETTINGS)}. Received: {unknown}")
        # No test image is looked at: the training images stand in their place.
        study = AugmentationStudy(
            train,
            train,
            make_generator,
            arms={self.base: self.arm},
            on_top_of=None,
            build=build,
            optimizer=optimizer,
            seeds=[seed],
            **{**(self.settings or {}), **settings},
        )
        return study.fit(self.base)

    def to_dict(self) -> dict[str, Any]:
        """All of it as a dict for JSON. An arm with functions is left out."""
        return results.plain({**self._asdict(), "arm": _written(self.arm)})

    def to_json(self, path: Any) -> None:
        """Writes `to_dict` to a file, whole or not at all; what is no finite number is null there."""
        _files.write(_checks.path(path), results.as_json(self.to_dict()))

    @classmethod
    def from_json(cls, path: Any) -> "Recommendation":
        """Reads what `to_json` wrote."""
        content = json.loads(_files.read_text(_checks.path(path)))
        if not isinstance(content, dict) or not {"fraction", "base", "reasons"} <= content.keys() <= {*cls._fields}:
            raise ValueError(
                f"`path` must be a file that `to_json` wrote. Received: {str(path)!r}, which holds something else"
            )
        for name in ("figures", "log_losses"):
            measured = content.get(name)
            if measured is not None:
                content[name] = {arm: [math.nan if v is None else v for v in values] for arm, values in measured.items()}
        band, arm = content.get("band"), content.get("arm")
        content.setdefault("figures", {})
        return cls(**{**content, "band": None if band is None else tuple(band), "arm": None if arm is None else _read(arm)})


def _written(arm):
    """An arm as a mapping of plain values; None for one with functions."""
    if arm is None:
        return None
    synthetic = arm.synthetic and fingerprint.changed_fields(arm.synthetic)
    fields = {**fingerprint.changed_fields(arm), **({} if synthetic is None else {"synthetic": synthetic})}
    functions = [arm.resample, arm.build, *(each for each in arm.transforms if not isinstance(each, str))]
    return fields if all(each is None for each in functions) else None


def _read(fields: Mapping[str, Any]) -> Arm:
    """The arm that `_written` wrote."""
    synthetic = fields.get("synthetic")
    if synthetic is not None:
        band = {"band": tuple(synthetic["band"])} if "band" in synthetic else {}
        synthetic = Synthetic(**{**synthetic, **band})
    return Arm(**{**fields, "transforms": tuple(fields.get("transforms", ())), "synthetic": synthetic})
