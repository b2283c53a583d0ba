"""Does it help? Classifiers trained with and without synthetic images, compared on real ones."""

from keras_ganaug.study.arms import TRANSFORMS, Arm, Synthetic, default_arms
from keras_ganaug.study.recommendation import CANDIDATES, Recommendation, recommend
from keras_ganaug.study.report import Report
from keras_ganaug.study.study import AugmentationStudy

__all__ = [
    "CANDIDATES",
    "TRANSFORMS",
    "Arm",
    "AugmentationStudy",
    "Recommendation",
    "Report",
    "Synthetic",
    "default_arms",
    "recommend",
]
