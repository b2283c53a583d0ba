"""GANs as Keras models, and their samples as data augmentation for Keras classifiers."""

from keras_ganaug import _command

if not _command.waits:  # the help of the command keras-ganaug needs none of this
    from keras_ganaug import (
        callbacks,
        datasets,
        fitting,
        layers,
        losses,
        metrics,
        networks,
        penalties,
        plots,
        study,
        testing,
    )
    from keras_ganaug.augmentation import AugmentedModel, FilteredGenerator, GANAugmentation, gan_augment
    from keras_ganaug.datasets import to_directory
    from keras_ganaug.discriminator_augment import AdaptiveAugment, DiffAugment
    from keras_ganaug.fitting import fit_for
    from keras_ganaug.generators import GeneratorUnion, load_pretrained
    from keras_ganaug.models import (
        ACGAN,
        BEGAN,
        CGAN,
        GAN,
        LSGAN,
        R3GAN,
        SAGAN,
        SNGAN,
        TACGAN,
        WGAN,
        WGANGP,
        ProgressiveGAN,
        ReACGAN,
        StarGAN,
        StyleGAN,
    )
    from keras_ganaug.study import AugmentationStudy, recommend

__version__ = "0.1.0"

__all__ = [
    "ACGAN",
    "BEGAN",
    "CGAN",
    "GAN",
    "LSGAN",
    "R3GAN",
    "SAGAN",
    "SNGAN",
    "TACGAN",
    "WGAN",
    "WGANGP",
    "AdaptiveAugment",
    "AugmentationStudy",
    "AugmentedModel",
    "DiffAugment",
    "FilteredGenerator",
    "GANAugmentation",
    "GeneratorUnion",
    "ProgressiveGAN",
    "ReACGAN",
    "StarGAN",
    "StyleGAN",
    "callbacks",
    "datasets",
    "fit_for",
    "fitting",
    "gan_augment",
    "layers",
    "load_pretrained",
    "losses",
    "metrics",
    "networks",
    "penalties",
    "plots",
    "recommend",
    "study",
    "testing",
    "to_directory",
]
