"""Measures samples by a classifier that was trained on real images, and by one that is trained on the samples."""

import keras
import numpy as np
from common import ROOT, accuracy, as_pixels, train_on_arrays

import keras_ganaug as kga


class Evaluator:
    """Metrics of samples of one data set, by a classifier that was trained on its real images.

    That classifier is saved in `benchmarks/judges/`, so that results of different days are those of one classifier.

    Args:
        dataset: Name of the data set.
        num_samples: How many samples are compared with as many real test images.
        cas_samples, cas_steps: Size of the training set, and training steps, of the classifier that sees samples alone.
        seed: Seed of the classifiers.
    """

    def __init__(self, dataset, num_samples=10000, cas_samples=20000, cas_steps=800, seed=0):
        train, test = kga.datasets.load(dataset)
        self.class_names = train.class_names
        self.x, self.y = kga.datasets.to_arrays(train)
        self.x_test, self.y_test = kga.datasets.to_arrays(test)
        self.num_samples, self.cas_samples = min(num_samples, len(self.x_test)), cas_samples
        self.cas_steps, self.seed = cas_steps, seed
        path = ROOT / "benchmarks" / "judges" / f"{dataset}.keras"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            classifier = train_on_arrays(self.x, self.y, 1500, seed=seed)
            keras.Model(classifier.inputs, classifier.outputs).save(path)  # without the optimizer's state
        self.classifier = keras.models.load_model(path)
        self._features = kga.metrics.features_of(self.classifier)
        self.real_features = self.features(self.x_test[: self.num_samples])

    def labels(self, n):
        """Class indices, all classes equally often."""
        return np.arange(n) % len(self.class_names)

    def features(self, images):
        """The classifier's last features of images of 0 to 255, averaged over positions."""
        return self._features(as_pixels(images))

    def kernel_distance(self, images):
        """Of a few samples, for use while a GAN trains."""
        return kga.metrics.kernel_distance(self.real_features, self.features(images), subsets=20)

    def metrics(self, draw):
        """All metrics of a generator.

        Args:
            draw: Maps class indices to images of 0 to 255.
        """
        labels = self.labels(max(self.cas_samples, self.num_samples))
        images = as_pixels(draw(labels))
        features = self.features(images[: self.num_samples])
        on_samples = train_on_arrays(images[: self.cas_samples], labels[: self.cas_samples], self.cas_steps, seed=self.seed)
        num_classes = len(self.class_names)
        diversity = [kga.metrics.within_class_diversity(*pair, num_classes) for pair in ((images, labels), (self.x, self.y))]
        return {
            "frechet": kga.metrics.frechet_distance(self.real_features, features),
            "kernel": kga.metrics.kernel_distance(self.real_features, features),
            **kga.metrics.precision_recall_density_coverage(self.real_features, features),
            "gan_test": accuracy(self.classifier, images[: self.num_samples], labels[: self.num_samples]),
            "cas": accuracy(on_samples, self.x_test, self.y_test),
            "diversity": float((diversity[0] / diversity[1]).min()),
        }


def pca_gaussians(x, y, components=50, seed=0):
    """The floor for any GAN: a Gaussian for each class in the space of the first principal components.

    Returns a function from class indices to images of 0 to 255.
    """
    flat = x.reshape(len(x), -1).astype(np.float64)
    mean = flat.mean(0)
    eigenvalues, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    basis = vectors[:, np.argsort(eigenvalues)[::-1][:components]]
    codes = (flat - mean) @ basis
    classes = [(codes[y == c].mean(0), np.cov(codes[y == c], rowvar=False)) for c in range(int(y.max()) + 1)]
    rng = np.random.default_rng(seed)

    def draw(labels):
        result = np.empty([len(labels), components])
        for c, (center, covariance) in enumerate(classes):
            rows = np.flatnonzero(np.asarray(labels) == c)
            result[rows] = rng.multivariate_normal(center, covariance, len(rows))
        return np.clip(result @ basis.T + mean, 0, 255).reshape(-1, *x.shape[1:])

    return draw
