"""How good samples are: distances between sets of features, precision and recall, diversity."""

from keras_ganaug.metrics.distances import frechet_distance, kernel_distance
from keras_ganaug.metrics.diversity import within_class_diversity
from keras_ganaug.metrics.manifold import precision_recall_density_coverage

__all__ = ["frechet_distance", "kernel_distance", "precision_recall_density_coverage", "within_class_diversity"]
