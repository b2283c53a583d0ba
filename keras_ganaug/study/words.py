"""Describes arms in words."""

from keras_ganaug.study.arms import Arm, Synthetic, smote

_SAMPLING = {
    "balanced": "All classes are drawn equally often.",
    "groups": "All combinations of the attributes are drawn equally often.",
}
_LOSS = {
    "class_weights": "In the loss, images of rarer classes have larger weights.",
    "balanced_softmax": "The loss compensates for class frequencies (balanced softmax).",
    "focal": "The loss focuses on images that are classified badly (focal loss).",
    "group_dro": "The loss focuses on the groups that are classified worst (group DRO).",
    "balanced_softmax_by_style": "The loss compensates for class frequencies within each style (balanced softmax).",
}
_TRANSFORMS = {
    "shift": "shifted by a few pixels",
    "flip": "mirrored",
    "rand_augment": "changed by RandAugment",
    "mixup": "mixed with each other (MixUp)",
    "cutmix": "given a part of another image (CutMix)",
    "random_erasing": "partly erased",
    "aug_mix": "changed by AugMix",
    "invert": "inverted (half of them)",
    "blur": "blurred (half of them)",
    "fourier": "given the Fourier amplitudes of other images",
    "histogram": "given the histogram of other images",
    "lisa": "mixed with others of their class or style (LISA)",
}
_SOURCES = {
    "gan": "samples of the GAN",
    "shuffled": "samples of the GAN with wrong labels (a control that must not help)",
    "oracle": "held-out real images (a control: what a perfect GAN would achieve)",
}
_STRATEGIES = {
    "keep": "each of the class of the image it replaces",
    "fill": "mostly of the rare classes",
    "balance": "mostly of the rare classes",
    "auto": "of the classes that suit the arm",
}


def in_words(arm: Arm) -> str:
    """Describes an arm in sentences.

    Example:

    >>> from keras_ganaug import study
    >>> from keras_ganaug.study import words
    >>> words.in_words(study.Arm(sampling="balanced", transforms=("shift", "flip")))
    'All classes are drawn equally often. Images are shifted by a few pixels and mirrored.'
    """
    parts = [_SAMPLING.get(arm.sampling), _LOSS.get(arm.loss)]
    if arm.transforms:
        done = [_TRANSFORMS[each] if isinstance(each, str) else f"given to {_name(each)}" for each in arm.transforms]
        parts.append(f"Images are {' and '.join(done)}.")
    if arm.adjust_logits:
        parts.append("After training the logits are corrected for class frequencies.")
    if arm.resample is smote:
        parts.append("Rare classes are filled up with mixtures of neighbouring images (SMOTE).")
    elif arm.resample is not None:
        parts.append(f"The training images are those that {_name(arm.resample)} returns.")
    if arm.build is not None:
        parts.append("It uses another classifier.")
    if arm.kind != "none":
        parts.append(_of_synthetic(arm.synthetic))
    return " ".join(filter(None, parts)) or "The images are used as they are."


def _of_synthetic(synthetic: Synthetic | None) -> str:
    assert synthetic is not None
    strategy = synthetic.strategy if isinstance(synthetic.strategy, str) else "weights"
    of = _STRATEGIES.get(strategy, "distributed over the classes by weights")
    text = f"{synthetic.fraction:.0%} of each batch are {_SOURCES[synthetic.source]}, {of}"
    if synthetic.weight is not None:
        text += f", at {synthetic.weight:g} times the weight of a real image"
    if synthetic.truncation != 1:
        text += f", with truncation {synthetic.truncation:g}"
    if synthetic.band is not None:
        low, high = synthetic.band
        text += f"; a classifier accepts those whose class it gives a probability of {low:.0%} to {high:.0%}"
    if synthetic.real_only_end:
        text += f"; the last {synthetic.real_only_end:.0%} of the training uses only real images"
    return f"{text}."


def _name(function):
    return f"`{getattr(function, '__name__', type(function).__name__)}`"
