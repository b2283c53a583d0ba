"""Does it help? Classifiers trained with and without synthetic images, compared on real ones."""

from keras_ganaug.study.arms import TRANSFORMS, Arm, Synthetic, default_arms
from keras_ganaug.study.recommendation import CANDIDATES, Recommendation, recommend
from keras_ganaug.study.report import Report
from keras_ganaug.study.study import AugmentationStudy
from keras_ganaug.study.training import cross_fitted_classifier

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
    "recommend",
]
