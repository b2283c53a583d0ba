"""The advice of `recommend`, and the classifier that is trained as advised."""

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
"""Arguments of `recommend` that the advice stores for `fit`."""


class Recommendation(NamedTuple):
    """Whether to use a GAN, and how. `str` gives the advice in words, and `fit` trains a classifier as advised."""

    fraction: float
    """Share of each batch to replace; 0 means not to use the GAN."""
    sampling_strategy: object
    """"keep", or one weight per class, as for `GANAugmentation`: 0 for classes that get no synthetic images."""
    synthetic_weight: float | None
    """Factor for the sample weight of synthetic rows."""
    truncation: float
    """Factor for the latents."""
    base: str
    """The best arm without the GAN. It is recommended in any case."""
    reasons: list
    """The reasons, in words."""
    figures: dict
    """For each arm, the accuracy that `recommend` compares, in each fold until the arm was eliminated."""
    band: tuple | None = None
    """(lowest, highest) probability of its class that a classifier must give a sample, for `FilteredGenerator`; None: no
    filter."""
    attributes: Any = None
    """How attributes other than the class, or domains, are drawn, as in `GANAugmentation`."""
    log_losses: Any = None
    """For each arm, the log loss in each fold. It is also used to choose among arms without the GAN."""
    arm: Arm | None = None
    """How to train: the arm `base`, with the advised synthetic images if any."""
    settings: Any = None
    """The other settings of the trials: a mapping with `num_classes`, and `steps`, `batch_size` and `value_range` if they
    were given."""

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
        """Trains a classifier as advised: with the recommended sampling, loss and transforms, with or without the GAN.

        It is trained like the arm of an `AugmentationStudy`, on all given images.

        Args:
            train: Training images, see `recommend`.
            build, optimizer: See `recommend`. Default to those of `AugmentationStudy`.
            make_generator: See `recommend`. Needed only if the advice is to use the GAN. Defaults to None.
            seed: Integer, for the GAN, the weights and the order of the images. Defaults to 0.
            **settings: Values that differ from `recommend` for `num_classes`, `steps`, `batch_size` and `value_range`.

        Returns the Keras model, from float32 images in `value_range` to logits, like `AugmentationStudy.fit`.

        Raises:
            ValueError, TypeError: For an argument out of its range, for a missing generator that is needed, or for advice
                from a file whose arm has functions, which a file cannot store.

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
                f"`arm` of the advice must be the `study.Arm` {self.base!r}, whose functions a file cannot store: add it "
                "with "
                "`advice._replace(arm=...)`. Received: None"
            )
        if self.arm.needs_generator and make_generator is None:
            raise ValueError("`make_generator` must be given: the advice is to use the GAN. Received: make_generator=None")
        unknown = sorted(settings.keys() - {*SETTINGS})
        if unknown:
            raise TypeError(f"`fit` takes of the settings {list(SETTINGS)}. Received: {unknown}")
        # No test images are needed: the training images take their place.
        study = AugmentationStudy(
            train,
            train,
            make_generator,
            arms={self.base: self.arm},
            on_top_of=None,
            verbose=False,
            build=build,
            optimizer=optimizer,
            seeds=[seed],
            **{**(self.settings or {}), **settings},
        )
        return study.fit(self.base)

    def to_dict(self) -> dict[str, Any]:
        """The advice as a dict for JSON. An arm with functions is omitted."""
        return results.plain({**self._asdict(), "arm": _written(self.arm)})

    def to_json(self, path: Any) -> None:
        """Writes `to_dict` to a file, atomically. Numbers that are not finite become null."""
        _files.write(_checks.path(path), results.as_json(self.to_dict()))

    @classmethod
    def from_json(cls, path: Any) -> "Recommendation":
        """Reads a file that `to_json` wrote."""
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
    """An arm as a mapping of plain values. None for an arm with functions."""
    if arm is None:
        return None
    synthetic = arm.synthetic and fingerprint.changed_fields(arm.synthetic)
    fields = {**fingerprint.changed_fields(arm), **({} if synthetic is None else {"synthetic": synthetic})}
    functions = [arm.resample, arm.build, *(each for each in arm.transforms if not isinstance(each, str))]
    return fields if all(each is None for each in functions) else None


def _read(fields: Mapping[str, Any]) -> Arm:
    """Reads the result of `_written`."""
    synthetic = fields.get("synthetic")
    if synthetic is not None:
        band = {"band": tuple(synthetic["band"])} if "band" in synthetic else {}
        synthetic = Synthetic(**{**synthetic, **band})
    return Arm(**{**fields, "transforms": tuple(fields.get("transforms", ())), "synthetic": synthetic})
