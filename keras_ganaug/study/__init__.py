"""Does a GAN help? Compares classifiers trained with and without synthetic images, on real images."""

from keras_ganaug.study.advice import Recommendation
from keras_ganaug.study.arms import Arm, Synthetic, default_arms, group_arms
from keras_ganaug.study.recommendation import CANDIDATES, recommend
from keras_ganaug.study.report import Report
from keras_ganaug.study.study import AugmentationStudy
from keras_ganaug.study.training import cross_fitted_classifier
from keras_ganaug.study.transforms import TRANSFORMS

__all__ = [
    "CANDIDATES",
    "TRANSFORMS",
    "Arm",
    "AugmentationStudy",
    "Recommendation",
    "Report",
    "Synthetic",
    "cross_fitted_classifier",
    "default_arms",
    "group_arms",
    "recommend",
]
