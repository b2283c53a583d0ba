"""The keys of the results of a study: all that they depend on."""

import contextlib
import warnings
from typing import Any

from keras_ganaug.metrics.classifier import adam_with_cosine_decay
from keras_ganaug.study import fingerprint
from keras_ganaug.study.results import key


def settings_of(study: Any, name: str) -> str:
    """The settings that produce the results of an arm of an `AugmentationStudy`, as a text without defaults.

    Raises:
        fingerprint.Unstable: If another process could not recognise a function.
    """
    arm = study.arms[name]
    parts = [fingerprint.text_of(arm), f"steps={study.steps}", f"batch_size={study.batch_size}"]
    if study.value_range != (0, 255):
        parts.append(f"value_range={study.value_range}")
    if study.num_classes != study.data.fewest_classes or study.data.attributes:
        parts.append(f"num_classes={study.data.attributes or study.num_classes}")
    if study.optimizer is not adam_with_cosine_decay:
        parts.append(f"optimizer={fingerprint.text_of_maker(study.optimizer)}")
    if study.build != study.default_build:
        parts.append(f"build={fingerprint.text_of_maker(study.build)}")
    if arm.needs_generator:
        parts.append(f"make_generator={fingerprint.text_of_maker(study.make_generator)}")
    return ", ".join(parts)


def of(study: Any) -> tuple[dict[tuple[int, str], tuple[str, str]], str | None]:
    """Key and settings of the result of each seed and arm, and the text of the function that makes GANs, None if unstable.

    Call this before the functions, which may change what they depend on. It warns about arms without a key.
    """
    keys, maker, unstable = {}, None, {}
    for name, arm in study.arms.items():
        try:
            settings = settings_of(study, name)
        except fingerprint.Unstable as error:
            unstable[name] = error
            continue
        for seed in study.seeds:
            digest = study.data.digests[seed][2 if arm.kind == "oracle" else 1]
            keys[seed, name] = key(seed, digest, name, settings), settings
    if study.make_generator is not None:
        with contextlib.suppress(fingerprint.Unstable):
            maker = fingerprint.text_of_maker(study.make_generator)
    if unstable:
        warnings.warn(
            f"The results of the arms {sorted(unstable)} are not cached in `directory`: "
            f"{next(iter(unstable.values()))}. Give the function, or the object that it uses, an attribute "
            "`cache_key`: a string that describes its behaviour.",
            stacklevel=4,
        )
    return keys, maker
