"""The study: does a GAN help?"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import keras

from keras_ganaug import _checks, _extras, _files, _progress, _random, _watch, networks
from keras_ganaug.metrics.classifier import adam_with_cosine_decay
from keras_ganaug.study import arms as arms_module
from keras_ganaug.study import inputs, parallel, report_data
from keras_ganaug.study import keys as study_keys
from keras_ganaug.study.arms import Arm, Synthetic
from keras_ganaug.study.data import StudyData, look_at_scale
from keras_ganaug.study.fitting import classifier_of
from keras_ganaug.study.progress import StudyProgress
from keras_ganaug.study.report import Report
from keras_ganaug.study.results import Results
from keras_ganaug.study.source_code import digest_of
from keras_ganaug.study.training import Trainer


class AugmentationStudy:
    """Trains a classifier under several arms that differ in nothing else, and compares them on test images.

    All arms make the same number of steps with the same optimizer. Within a seed, the arms share the data, the initial
    weights, the order of the images and the GAN; all of these differ between seeds. Generators are trained only on the
    training images. Finished results are cached in `directory` and not repeated.

    Args:
        train: Training images: an unbatched `tf.data.Dataset` of (image, label), arrays `(images, labels)`, or a function
            from a seed to either, for a different subset in each seed.
        test: Test images, in the same form.
        make_generator: Function from (images, labels, seed) to a generator, in any form that `GANAugmentation` accepts. It
            gets the training images of a seed. None for a study without a GAN. Defaults to None.
        arms: Mapping from names to `study.Arm`s. With a generator, the arms of `on_top_of` are added. Defaults to
            `study.default_arms()`, or to `study.group_arms()` for data of several attributes.
        on_top_of: Names of arms that are also trained with synthetic images, as "gan + NAME", and with samples of wrong
            classes as a control. The GAN alone is then also an arm. None adds nothing. Defaults to "auto", which means
            `("balanced_softmax",)`, or `("balanced_softmax_by_style + fourier",)` for data of several attributes.
        synthetic: How these arms use synthetic images, a `study.Synthetic`. Defaults to `Synthetic()`.
        held_out: Real images that are neither training nor test images, in the same form. They add an arm "oracle", with
            real images instead of synthetic ones. Defaults to None.
        build: Function from a seed to an uncompiled Keras model from float32 images in `value_range` to logits. Defaults to
            `networks.classifier`.
        optimizer: Function from the number of steps to a Keras optimizer. Defaults to Adam at 2e-3 with cosine decay.
        steps: Training steps of each arm. Defaults to 1500.
        batch_size: Batch size. Defaults to 128.
        seeds: Integers. Defaults to (0, 1, 2).
        num_classes: Number of classes, or a mapping from the name of each attribute to its number of values, such as
            `{"garment": 10, "style": 4}`. Then labels are those of a GAN with these attributes, and `make_generator` gets
            them as int32 (n, k). The classifier learns the first attribute. The metrics distinguish cells (combinations of
            all attributes) with and without training images. Defaults to the largest test label plus 1.
        value_range: (lowest, highest) value of the images. Defaults to (0, 255).
        directory: Local folder that caches results and GANs, also of several studies at the same time. The key of a result
            consists of the data, the seed and everything that it depends on: the arm with the code of its functions,
            `build`, `optimizer` and `make_generator`, steps and batch size. A function or an object that another process
            could not recognise needs an attribute `cache_key`: a string that describes its behaviour and replaces its code.
            Without it, its results are not cached, with a warning. Needs filelock. Defaults to None: nothing is cached.
        verbose: Whether to print a line before each GAN and after each arm, and the steps of the training. Defaults to True.
        class_names: Class names for the report. Defaults to None: those of `train` or `test`, otherwise numbers.

    Raises:
        ValueError, TypeError: For an argument out of its range. `run` raises them for data that do not fit together, a
            function that returns the wrong type, or results in `directory` that cannot be read, before any classifier is
            trained.
        ImportError: If scikit-learn or SciPy is not installed, or for a `directory` without filelock.

    Example:

    >>> import keras_ganaug as kga
    >>> train, test = kga.datasets.load("digits")
    >>> few = lambda seed: kga.datasets.take_per_class(train, 10, seed)
    >>> arms = {"nothing": kga.study.Arm(), "shift": kga.study.Arm(transforms=("shift",))}
    >>> study = kga.AugmentationStudy(few, test, arms=arms, steps=2, batch_size=16, seeds=[0], verbose=False)
    >>> report = study.run()
    >>> sorted(report.arms)
    ['nothing', 'shift']
    """

    def __init__(
        self,
        train: Any,
        test: Any,
        make_generator: Callable[..., Any] | None = None,
        arms: Mapping[str, Arm] | None = None,
        on_top_of: Sequence[str] | None = "auto",
        synthetic: Synthetic | None = None,
        held_out: Any = None,
        build: Callable[[int], keras.Model] | None = None,
        optimizer: Callable[[int], keras.optimizers.Optimizer] | None = None,
        steps: int = 1500,
        batch_size: int = 128,
        seeds: Iterable[int] = (0, 1, 2),
        num_classes: int | Mapping[str, int] | None = None,
        value_range: tuple[float, float] = (0, 255),
        directory: Any = None,
        verbose: bool = True,
        class_names: Sequence[str] | None = None,
    ) -> None:
        inputs.check_functions(make_generator=make_generator, build=build, optimizer=optimizer)
        self.make_generator = make_generator
        self.steps = _checks.positive_int(steps, "steps")
        self.batch_size = _checks.positive_int(batch_size, "batch_size")
        if not isinstance(seeds, Iterable):
            raise TypeError(f"`seeds` must be a sequence of integers. Received: seeds={seeds!r}")
        self.seeds = [_checks.non_negative_int(seed, "seeds") for seed in seeds]
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"`seeds` must be different integers, at least one. Received: seeds={seeds!r}")
        self.value_range = _checks.value_range(value_range)
        self.verbose = _checks.boolean(verbose, "verbose")
        self.progress = StudyProgress(self.verbose)
        self.data = StudyData(train, test, held_out, num_classes, self.seeds[0])
        self.num_classes, self.image_shape = self.data.num_classes, self.data.image_shape
        self.class_names = report_data.names_of(class_names, self.num_classes, train, test)
        self.build = build or self.default_build
        self.optimizer = optimizer or adam_with_cosine_decay
        self.arms = self._arms(arms, on_top_of, synthetic, held_out is not None)
        _extras.load("sklearn.metrics")
        self.directory = self._folder(directory)
        self._maker_text: str | None = None
        self._first: Trainer | None = None

    def default_build(self, seed: int) -> keras.Model:
        """The classifier of an arm without another one."""
        make = networks.classifier.classifier
        return make(self.image_shape, self.num_classes, value_range=self.value_range, seed=seed)

    def _arms(self, arms, on_top_of, synthetic, held_out):
        """All arms, after checks."""
        if arms is None:
            make = arms_module.group_arms if self.data.attributes else arms_module.default_arms
            arms = make(channels=self.image_shape[-1])
        if not isinstance(arms, Mapping) or not arms:
            raise TypeError(f"`arms` must be a mapping from names to `study.Arm`s, not empty. Received: arms={arms!r}")
        synthetic = Synthetic() if synthetic is None else synthetic
        arms_module.check_synthetic("the study", synthetic, self.num_classes)
        if isinstance(on_top_of, str) and on_top_of == "auto":
            on_top_of = ("balanced_softmax_by_style + fourier",) if self.data.attributes else ("balanced_softmax",)
        if self.make_generator is not None and on_top_of is not None:
            arms = arms_module.with_generator(arms, on_top_of, synthetic, held_out)
        for name, arm in arms.items():
            arms_module.check(name, arm, self.num_classes, self.image_shape[-1], bool(self.data.attributes))
            if arm.needs_generator and self.make_generator is None:
                raise ValueError(f"`make_generator` must be given for the arm {name!r}. Received: None")
            if arm.kind == "oracle" and not held_out:
                raise ValueError(f"`held_out` must be given for the arm {name!r}. Received: None")
        return {name: arms_module.with_strategy(arm) for name, arm in arms.items()}

    def _folder(self, directory):
        """The folder of results, after checks. None if there is none."""
        if directory is None:
            return None
        directory = os.path.expanduser(_checks.path(directory, "directory"))
        if _files.is_remote(directory):
            raise ValueError(
                "`directory` must be a folder of this machine, where studies can wait for each other. "
                f"Received: directory={str(directory)!r}"
            )
        _checks.new_folder(directory, "directory")
        Results(Path(directory) / "results.json").lock()  # so that a missing filelock raises an error now
        return Path(directory)

    def run(self, executor: Executor | None = None) -> Report:
        """Trains the arms that are not cached. Returns a `study.Report`.

        The random state of Python, NumPy, TensorFlow and Keras is restored afterwards.

        Args:
            executor: A `concurrent.futures.Executor` that trains arms and seeds at the same time in other processes, such as
                `ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))` or, on a cluster,
                `client.get_executor()` of Dask. Needs a `directory` that all processes see. Each task stores its own result.
                If one dies, `run` tells it, finishes the others and raises a RuntimeError; the next `run` does the rest.
                Lambdas and functions of a notebook need cloudpickle. Defaults to None: one after another in this process.
        """
        with _watch.telling_once(), _random.preserved():
            results = self.results(executor=executor)
        runs = {name: [results[seed, name] for seed in self.seeds] for name in self.arms}
        kinds = {name: arm.kind for name, arm in self.arms.items()}
        return Report(runs, self.seeds, kinds, report_data.about(self, self.class_names), self.samples)

    def fit(self, arm: str, seed: int | None = None) -> keras.Model:
        """Trains a classifier under an arm: the same one that `run` trains and tests for a seed.

        Args:
            arm: Name of the arm.
            seed: One of the study's seeds. Defaults to None: the first.

        Returns the Keras model, from float32 images in `value_range` to logits, compiled for `evaluate`. It includes the
            arm's adjustment of the logits, if any.

        Raises:
            ValueError: For an arm or a seed that the study does not have.
        """
        _checks.one_of(arm, tuple(self.arms), "arm")
        chosen = self.seeds[0] if seed is None else seed
        if chosen not in self.seeds:
            raise ValueError(f"`seed` must be one of the study's seeds, {self.seeds}. Received: seed={seed!r}")
        with _watch.telling_once(), _random.preserved():
            trainer = Trainer(self, chosen)
            look_at_scale({"train": (trainer.images, trainer.labels)}, self.value_range)
            trainer.prepare(self.arms[arm].needs_generator)
            with _progress.phase(f"seed {chosen}, {arm}", told=self.verbose):
                return classifier_of(trainer, self.arms[arm])

    def samples(self) -> report_data.Samples | None:
        """The images for the report. None without an arm with a GAN, or if the GAN of the first seed is not available."""
        arm = next((arm for arm in self.arms.values() if arm.needs_generator), None)
        path = None if arm is None else self.generator_path(self.seeds[0])
        if arm is None or (self._first is None and not (path is not None and path.exists())):
            return None
        measuring = _progress.phase("quality of the samples", "measuring the quality of the samples", self.verbose)
        with measuring, _watch.telling_once(), _random.preserved():
            return report_data.of_trainer(self, self._first or Trainer(self, self.seeds[0]), arm)

    def results(
        self, generator_first: bool = False, told: Callable[..., Any] | None = None, executor: Executor | None = None
    ) -> dict[tuple[int, str], dict[str, Any]]:
        """The metrics by seed and arm. `run` uses it, and also handles warnings and the random state.

        Args:
            generator_first: Whether to make the first generator before any training, even if no arm needs it. Defaults to
                False.
            told: Function of an arm's name and its metrics, called after its training instead of printing a line. Defaults
                to None.
            executor: See `run`. Defaults to None.
        """
        all_held_out = any(arm.kind == "oracle" for arm in self.arms.values())
        self.data.check(self.seeds, self.value_range, all_held_out)
        store = None if self.directory is None else Results(self.directory / "results.json")
        keys, self._maker_text = ({}, None) if store is None else study_keys.of(self)
        cached = store.read() if store is not None else {}
        results = {place: cached[name]["results"] for place, (name, _) in keys.items() if name in cached}
        before = len(results)
        self.progress.begin(len(self.seeds) * len(self.arms), before)

        def trained(seed, name, metrics):
            if told is not None:
                told(name, metrics)
            else:
                self.progress.trained(seed, name, metrics, 0 if executor else self._gans_after(seed, results))

        if executor is not None:
            parallel.run(self, executor, keys, results, trained)
            return results
        for seed in self.seeds:
            remaining = [name for name in self.arms if (seed, name) not in results]
            if not remaining:
                continue
            trainer = Trainer(self, seed)
            if len(results) == before:
                trainer.prepare(generator_first or any(self.arms[name].needs_generator for name in remaining))
            for name in remaining:
                with _progress.phase(f"seed {seed}, {name}", told=self.verbose):
                    metrics = results[seed, name] = trainer.measure(self.arms[name])
                if store is not None and (seed, name) in keys:
                    store.record(*keys[seed, name], metrics)
                trained(seed, name, metrics)
            if seed == self.seeds[0] and any(self.arms[name].needs_generator for name in remaining):
                self._first = trainer  # the report draws samples of its generator
        return results

    def _gans_after(self, seed, results):
        """The number of GANs that later seeds need."""
        needing, later = [name for name in self.arms if self.arms[name].needs_generator], self.seeds.index(seed) + 1
        return sum(any((seed, name) not in results for name in needing) for seed in self.seeds[later:])

    def generator_path(self, seed: int) -> Path | None:
        """The file that caches the GAN of a seed, after `run`. None if there is none."""
        if self._maker_text is None:
            return None
        maker = digest_of(self._maker_text)
        return self.directory / f"generator_{seed}_{self.data.digests[seed][0]}_{maker}.keras"
