"""Metrics of samples: distances of features, precision and recall, classifier scores, diversity, copies, spectra."""

from keras_ganaug.metrics.comparison import compare
from keras_ganaug.metrics.distances import frechet_distance, kernel_distance
from keras_ganaug.metrics.diversity import within_class_diversity
from keras_ganaug.metrics.features import (
    Features,
    classifier_features,
    features_of,
    inception_features,
    random_features,
)
from keras_ganaug.metrics.manifold import precision_recall_density_coverage
from keras_ganaug.metrics.membership import membership_inference
from keras_ganaug.metrics.memorization import memorization
from keras_ganaug.metrics.scores import Score, classification_accuracy_score, gan_test
from keras_ganaug.metrics.spectrum import power_spectrum

__all__ = [
    "Features",
    "Score",
    "classification_accuracy_score",
    "classifier_features",
    "compare",
    "features_of",
    "frechet_distance",
    "gan_test",
    "inception_features",
    "kernel_distance",
    "membership_inference",
    "memorization",
    "power_spectrum",
    "precision_recall_density_coverage",
    "random_features",
    "within_class_diversity",
]
