"""The tasks of `transfer.py` whose classes are gone or elsewhere: their data, and their arms, each a method."""

import functools
import inspect
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
import transfer_arms
from common import faster_compile, precision

import keras_ganaug as kga
from keras_ganaug.generators import ClassMixture, as_generator
from keras_ganaug.generators.controls import Pool
from keras_ganaug.metrics.classifier import endless_batches, logits_of, train_classifier_on


class Setting(NamedTuple):
    """What is trained, and how long."""

    dataset: str
    task: type
    """The class whose methods are the arms."""
    steps: int
    """Training steps of a classifier, in each task."""
    gan_steps: int
    stored: int = 0
    """Images in the small buffer that is a reference."""
    width: int = 16
    batch_size: int = 64
    elastic: float = 1000.0
    """λ of elastic weight consolidation."""
    distilled: float = 1.0
    """Weight of distillation."""
    latents: int = 16
    """Of the variational autoencoder."""
    components: int = 50
    """Principal components of the mixtures."""
    bank: int = 20000
    """Samples of each generator that a classifier is trained on."""


def arm(name, kind="none"):
    """Marks a method as an arm: "gan", "none", or "reference" where it keeps images."""

    def mark(method):
        method.arm = name, kind
        return method

    return mark


def size_of(folder):
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())


class Task:
    """The data of one seed, and what its arms share. A method that is an `arm` gives logits of the test images.

    Args:
        setting: A `Setting`.
        seed: Integer.
        folder: Where generators are kept. Settings of the same data and training share them.
    """

    def __init__(self, setting, seed, folder):
        kind = f"{setting.dataset}_{setting.gan_steps}x{setting.width}"
        self.setting, self.seed, self.folder = setting, seed, folder / kind / str(seed)
        train, test = kga.datasets.load(setting.dataset)
        (images, labels), (self.test_images, test_labels) = map(kga.datasets.to_arrays, (train, test))
        self.num_classes = len(train.class_names)
        order = np.random.default_rng([seed, 3]).permutation(self.num_classes)  # the first classes differ from seed to seed
        self.images, self.labels, self.test_labels = images, np.argsort(order)[labels], np.argsort(order)[test_labels]

    @classmethod
    def arms(cls):
        """The arms by name: pairs of a method and its kind."""
        methods = [each for _, each in inspect.getmembers(cls, inspect.isfunction) if hasattr(each, "arm")]
        return {each.arm[0]: (each, each.arm[1]) for each in methods}

    def of_classes(self, classes):
        rows = np.isin(self.labels, list(classes))
        return self.images[rows], self.labels[rows]

    def batches(self, images, labels):
        data = tf.data.Dataset.from_tensor_slices((images, labels))
        return endless_batches(data, self.seed, self.setting.batch_size)

    def new_classifier(self):
        keras.utils.set_random_seed(self.seed)
        return kga.networks.classifier.classifier(self.images.shape[1:], self.num_classes, seed=self.seed)

    def train(self, model, data, loss=None):
        return train_classifier_on(data, model, self.setting.steps, loss=loss)

    def logits(self, model):
        return logits_of(model, self.test_images)

    def export_gan(self, classes, name):
        """The folder of a SavedModel of an SNGAN that has seen these classes alone, and knows them as 0, 1, and so on."""
        folder = self.folder / name
        if not folder.exists():
            setting, (images, labels) = self.setting, self.of_classes(classes)
            with precision():
                gan = kga.SNGAN(images.shape[1:], len(classes), latent_dim=64, width=setting.width, seed=self.seed)

            def adam(rate):
                return keras.optimizers.Adam(
                    keras.optimizers.schedules.PolynomialDecay(rate, setting.gan_steps, 0.0), 0.0, 0.9
                )

            penalties = [kga.penalties.MismatchedLabels(len(classes), 0.3)]
            gan.compile(adam(1.2e-3), adam(6e-4), penalties=penalties, jit_compile=faster_compile())
            own = np.searchsorted(list(classes), labels)
            gan.fit(images, own, batch_size=32, epochs=10, steps_per_epoch=setting.gan_steps // 10, verbose=0)
            gan.export(folder)
        return folder

    def buffer(self, classes, number):
        """A generator that draws from so many stored images, equally many of each of the classes."""
        images, labels = self.of_classes(classes)
        rng = np.random.default_rng([self.seed, 4])
        rows = [rng.permutation(np.flatnonzero(labels == c))[: number // len(classes)] for c in classes]
        rows = np.concatenate(rows)
        return Pool(images[rows], np.searchsorted(list(classes), labels[rows]), len(classes), (0, 255))

    def mixture_of(self, classes, **options):
        """A `ClassMixture` of these classes, as 0, 1, and so on."""
        images, labels = self.of_classes(classes)
        options = {"components": self.setting.components, "seed": self.seed, **options}
        return ClassMixture(images, np.searchsorted(list(classes), labels), len(classes), **options)

    def decoder_of(self, classes, latents=None):
        """The decoder of a conditional variational autoencoder of these classes, as a generator."""
        images, labels = self.of_classes(classes)
        own, setting = np.searchsorted(list(classes), labels), self.setting
        made = images, own, len(classes), setting.gan_steps, self.seed, latents or setting.latents
        decoder = transfer_arms.variational_autoencoder(*made)
        return as_generator(decoder, len(classes))

    @arm("class means, random features")
    def class_means(self):
        features, test = self.random_features
        return transfer_arms.class_means(features, self.labels, test, self.num_classes)

    @arm("linear discriminant, random features")
    def discriminant(self):
        features, test = self.random_features
        return transfer_arms.discriminant(features, self.labels, test, self.num_classes)

    @functools.cached_property
    def random_features(self):
        network = transfer_arms.random_features(self.images.shape[1:], self.seed)
        return [transfer_arms.features_of(network, images) for images in (self.images, self.test_images)]


class Replay(Task):
    """Five classes, then the other five with the images of the first gone."""

    old, new = range(5), range(5, 10)

    @functools.cached_property
    def first(self):
        """The classifier after the first task."""
        return self.train(self.new_classifier(), self.batches(*self.of_classes(self.old)))

    @functools.cached_property
    def data(self):
        return self.batches(*self.of_classes(self.new))

    def second(self, data, loss=None):
        """Logits of a copy of the first classifier that is trained on."""
        model = self.new_classifier()
        model.set_weights(self.first.get_weights())
        return self.logits(self.train(model, data, loss))

    def replay(self, generator, distilled=False):
        weights = dict.fromkeys(self.old, 1.0)
        options = {"value_range": (0, 255), "bank_size": self.setting.bank, "seed": self.seed}
        data = self.data.map(kga.gan_augment(generator, 0.5, weights, **options))
        return self.second(*self.distilled(data)) if distilled else self.second(data)

    def distilled(self, data):
        return transfer_arms.distillation(data, self.first, self.old, self.num_classes, self.setting.distilled)

    @arm("fine-tuning alone")
    def fine_tuning(self):
        return self.second(self.data)

    @arm("distillation (LwF)")
    def distillation(self):
        return self.second(*self.distilled(self.data))

    @arm("elastic weights (EWC)")
    def elastic(self):
        model = self.new_classifier()
        model.set_weights(self.first.get_weights())
        old, setting = self.of_classes(self.old), self.setting
        return self.logits(transfer_arms.elastic(model, *old, self.data, setting.steps, setting.elastic))

    @arm("a Gaussian per class")
    def gaussian(self):
        return self.replay(self.mixture_of(self.old, mixtures=1))

    @arm("a mixture per class")
    def mixture(self):
        return self.replay(self.mixture_of(self.old))

    @arm("a mixture per class, with distillation")
    def mixture_distilled(self):
        return self.replay(self.mixture_of(self.old), distilled=True)

    @arm("a conditional VAE")
    def autoencoder(self):
        return self.replay(self.decoder_of(self.old))

    @arm("gan", "gan")
    def gan(self):
        return self.replay(self.export_gan(self.old, "old"))

    @arm("gan, with distillation", "gan")
    def gan_distilled(self):
        return self.replay(self.export_gan(self.old, "old"), distilled=True)

    @arm("stored images, few", "reference")
    def stored(self):
        return self.replay(self.buffer(self.old, self.setting.stored))

    @arm("stored images, as many bytes as the generator", "reference")
    def stored_bytes(self):
        return self.replay(self.buffer(self.old, size_of(self.export_gan(self.old, "old")) // self.images[0].nbytes))

    @arm("all images", "reference")
    def everything(self):
        return self.second(self.batches(self.images, self.labels))


class Sites(Task):
    """Five sites of two classes each, whose images stay where they are, and a server without data."""

    sites = tuple(range(2 * n, 2 * n + 2) for n in range(5))
    own: range | None = None
    """Classes of which there are images where the classifier is trained."""

    def union(self, make):
        """A generator of all classes, of one for each site."""
        labels = [dict(enumerate(site)) for site in self.sites]
        return kga.GeneratorUnion([make(site) for site in self.sites], labels)

    def train_with(self, generator):
        """Logits of a classifier that has the images of its own classes, if any, and a generator for the others."""
        weights = [0.0 if self.own and c in self.own else 1.0 for c in range(self.num_classes)]
        share = sum(weights) / self.num_classes
        options = {"value_range": (0, 255), "bank_size": 2 * self.setting.bank, "seed": self.seed}
        data = self.batches(*self.of_classes(self.own or self.sites[0]))  # none of which stays where there is no own class
        data = data.map(kga.gan_augment(generator, share, weights, **options))
        return self.logits(self.train(self.new_classifier(), data))

    @arm("a Gaussian per class")
    def gaussian(self):
        return self.train_with(self.union(lambda site: self.mixture_of(site, mixtures=1)))

    @arm("a mixture per class")
    def mixture(self):
        return self.train_with(self.union(self.mixture_of))

    @arm("a conditional VAE at each site")
    def autoencoder(self):
        return self.train_with(self.union(self.decoder_of))

    @arm("averaged weights")
    def averaged_weights(self):
        models = [self.train(self.new_classifier(), self.batches(*self.of_classes(site))) for site in self.sites]
        model = self.new_classifier()
        model.set_weights([np.mean(each, 0) for each in zip(*(each.get_weights() for each in models))])
        return self.logits(model)

    @arm("gan", "gan")
    def gan(self):
        return self.train_with(self.union(lambda site: self.export_gan(site, f"site_{site[0]}")))

    @arm("stored images, as many bytes as the generators", "reference")
    def stored_bytes(self):
        def of_site(site):
            return self.buffer(site, size_of(self.export_gan(site, f"site_{site[0]}")) // self.images[0].nbytes)

        return self.train_with(self.union(of_site))

    @arm("all images", "reference")
    def everything(self):
        return self.logits(self.train(self.new_classifier(), self.batches(self.images, self.labels)))


class OwnSite(Sites):
    """The first of these sites, which has the images of its own two classes."""

    own = Sites.sites[0]

    @arm("its own classes alone")
    def alone(self):
        return self.logits(self.train(self.new_classifier(), self.batches(*self.of_classes(self.own))))


SETTINGS = {
    "replay": Setting("fashion_mnist", Replay, steps=800, gan_steps=10000, stored=50, components=100),
    "replay_digits": Setting("digits", Replay, steps=400, gan_steps=2000, stored=50, width=32, distilled=3.0, latents=8),
    "sites": Setting("fashion_mnist", Sites, steps=1000, gan_steps=5000, components=100),
    "sites_own": Setting("fashion_mnist", OwnSite, steps=1000, gan_steps=5000, components=100),
}
