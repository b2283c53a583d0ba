"""The study: does it help?"""

import os
import time
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import keras
import numpy as np

from keras_ganaug import _checks, _files, _random, _watch, networks
from keras_ganaug.callbacks import TimeLeft
from keras_ganaug.study import arms as arms_module
from keras_ganaug.study import fingerprint, inputs, kept, losses, statistics, training
from keras_ganaug.study.inputs import as_arrays, look_at_scale
from keras_ganaug.study.report import Report


def adam_with_cosine_decay(steps):
    """The optimizer of a study that is given none: Adam at a rate of 2e-3 that decays to 0 along a cosine."""
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps))


class AugmentationStudy:
    """Trains a classifier under several arms that differ in nothing else, and compares them on test images.

    All arms make equally many steps with the same optimizer. In each seed the arms share the data, the initial weights, the
    order of the images and the GAN; between seeds all of these change. Generators are made from the training images
    alone. What is finished is kept in `directory` and not done again.

    Args:
        train: Training images: an unbatched `tf.data.Dataset` of (image, label), arrays `(images, labels)`, or a function
            that maps a seed to either, for a subset of its own in each seed.
        test: Test images, likewise.
        make_generator: Maps (images, labels, seed) to a generator: whatever `GANAugmentation` takes. It sees the training
            images of a seed. None for a study without a GAN. Defaults to None.
        arms: Mapping from names to `study.Arm`s. With a generator, what `on_top_of` says is added. Defaults to
            `study.default_arms()`.
        on_top_of: Names of arms that are also trained with synthetic images, as "gan + NAME", and with samples of wrong
            classes as a control; the GAN alone is then an arm too. None adds nothing. Defaults to
            `("balanced_softmax",)`.
        synthetic: How synthetic images take part there, a `study.Synthetic`. Defaults to `Synthetic()`.
        held_out: Real images that are no training and no test images, given as `train` is: then there is an arm "oracle",
            with real images in place of synthetic ones. Defaults to None.
        build: Maps a seed to an uncompiled Keras model from float32 images in `value_range` to logits. Defaults to
            `networks.classifier`.
        optimizer: Maps the number of steps to a Keras optimizer. Defaults to Adam at 2e-3, decaying along a cosine.
        steps: Training steps of each arm. Defaults to 1500.
        batch_size: Images of a step. Defaults to 128.
        seeds: Integers. Defaults to (0, 1, 2).
        num_classes: Number of classes. Defaults to the largest test label plus 1.
        value_range: (lowest, highest) value of the images. Defaults to (0, 255).
        directory: Folder of this machine in which results and GANs are kept, of several studies at a time too. A result is
            found again by the data, the seed and all that made it: the arm with the code of its functions, what `build`,
            `optimizer` and `make_generator` are, steps and batch size. A function or an object of which another process
            could not tell whether it is the same must have an attribute `cache_key`, a string that says what it does, and
            stands for its code; else its results are not kept, which is told. Needs filelock. Defaults to None: nothing is
            kept.
        verbose: Whether to print a line with the time left after each arm. Defaults to True.

    Raises:
        ValueError, TypeError: For an argument out of its range, or by `run` for data that do not fit together, for a
            function that returns something else than it should, or for results in `directory` that cannot be read, before
            any classifier is trained.
        ImportError: For a `directory` without filelock.

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

    _tells_shared = True
    _makes_generator_first = False  # also where no arm needs it

    def __init__(
        self,
        train,
        test,
        make_generator=None,
        arms=None,
        on_top_of=("balanced_softmax",),
        synthetic=None,
        held_out=None,
        build=None,
        optimizer=None,
        steps=1500,
        batch_size=128,
        seeds=(0, 1, 2),
        num_classes=None,
        value_range=(0, 255),
        directory=None,
        verbose=True,
    ):
        self.train, self.test, self.held_out = train, test, held_out
        self._constant, self._identities = {}, {}
        self._shared, self._early, self._keys, self._maker = {}, {}, {}, []
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
        test_images, test_labels = self._test(self.seeds[0])
        self.num_classes = self._fewest_classes = int(test_labels.max()) + 1
        if num_classes is not None:
            self.num_classes = _checks.positive_int(num_classes, "num_classes")
            _checks.class_indices(test_labels, self.num_classes, "test")
        self.image_shape = test_images.shape[1:]
        self.build = build or self._default_build
        self.optimizer = optimizer or adam_with_cosine_decay
        self.arms = self._arms(arms, on_top_of, synthetic)
        self.directory = None
        if directory is not None:
            directory = os.path.expanduser(_checks.path(directory, "directory"))
            if _files.is_remote(directory):
                raise ValueError(
                    "`directory` must be a folder of this machine, where studies can wait for each other. "
                    f"Received: directory={str(directory)!r}"
                )
            _checks.new_folder(directory, "directory")
            self.directory = Path(directory)
            kept.lock(self._file)  # so that filelock is missed now

    def _default_build(self, seed):
        options = {"value_range": self.value_range, "seed": seed}
        return networks.classifier.classifier(self.image_shape, self.num_classes, **options)

    def _arms(self, arms, on_top_of, synthetic):
        if arms is None:
            arms = arms_module.default_arms(channels=self.image_shape[-1])
        if not isinstance(arms, Mapping) or not arms:
            raise TypeError(f"`arms` must be a mapping from names to `study.Arm`s, not empty. Received: arms={arms!r}")
        arms = dict(arms)
        synthetic = arms_module.Synthetic() if synthetic is None else synthetic
        arms_module.check_synthetic("the study", synthetic, self.num_classes)
        if self.make_generator is not None and on_top_of is not None:
            unknown = [name for name in on_top_of if name not in arms]
            if unknown:
                raise ValueError(f"`on_top_of` must be names of arms, {sorted(arms)}. Received: {unknown}")
            arms["gan"] = arms_module.Arm(synthetic=synthetic)
            for name in on_top_of:
                arms[f"gan + {name}"] = arms[name]._replace(synthetic=synthetic)
                arms[f"shuffled + {name}"] = arms[name]._replace(synthetic=synthetic._replace(source="shuffled"))
                if self.held_out is not None:
                    arms[f"oracle + {name}"] = arms[name]._replace(synthetic=synthetic._replace(source="oracle"))
        for name, arm in arms.items():
            arms_module.check(name, arm, self.num_classes, self.image_shape[-1])
            source = None if arm.synthetic is None else arm.synthetic.source
            if source in ("gan", "shuffled") and self.make_generator is None:
                raise ValueError(f"`make_generator` must be given for the arm {name!r}. Received: None")
            if source == "oracle" and self.held_out is None:
                raise ValueError(f"`held_out` must be given for the arm {name!r}. Received: None")
        return {name: arms_module.with_strategy(arm) for name, arm in arms.items()}

    def _arrays(self, data, name, seed):
        num_classes = getattr(self, "num_classes", None)
        if callable(data):
            return as_arrays(data(seed), name, num_classes)
        if name not in self._constant:  # the same in all seeds
            self._constant[name] = as_arrays(data, name, num_classes)
        return self._constant[name]

    def _test(self, seed):
        return self._arrays(self.test, "test", seed)

    def _checked_data(self, seed):
        """The training images of a seed, the test images and, if there are any, those held out, which fit together."""
        parts = {"train": self._arrays(self.train, "train", seed), "test": self._test(seed)}
        if self.held_out is not None:
            parts["held_out"] = self._arrays(self.held_out, "held_out", seed)
            missing = np.setdiff1d(np.arange(self.num_classes), parts["held_out"][1])
            if len(missing) and any(_of_held_out(arm) for arm in self.arms.values()):
                raise ValueError(
                    f"`held_out` must have images of each class. Received: none of the classes {missing.tolist()}"
                )
        for name, (images, _) in parts.items():
            if images.shape[1:] != self.image_shape:
                raise ValueError(
                    f"`{name}` must be images of the shape of the test images, {self.image_shape}. "
                    f"Received: shape {images.shape[1:]}"
                )
        look_at_scale(parts, self.value_range)
        if self._tells_shared and not (self._shared and self._constant.keys() >= parts.keys()):
            for pair, counts in inputs.shared_images(parts).items():
                self._shared.setdefault(pair, {})[seed] = counts
        return list(parts.values())

    def _identity(self, seed):
        """By what the data of a seed are known again: its training images alone, with the test images, with all."""
        if seed not in self._identities:
            parts = self._checked_data(seed)
            self._identities[seed] = [""] * len(parts) if self.directory is None else kept.digests(parts)
        return self._identities[seed]

    def run(self):
        """Trains what is not there yet. Returns a `study.Report`.

        The random state of Python, NumPy, TensorFlow and Keras is afterwards what it was before.
        """
        with _watch.telling_once(), _random.preserved():
            return self._run()

    def _run(self):
        for seed in self.seeds:
            self._identity(seed)
        for pair, counts in self._shared.items():
            inputs.warn_of_shared(*pair, counts)
        results, total = self._kept(), len(self.seeds) * len(self.arms)
        start, done = time.monotonic(), len(results)
        done_before = done
        for seed in self.seeds:
            todo = [name for name in self.arms if (seed, name) not in results]
            if not todo:
                continue
            images, labels = self._arrays(self.train, "train", seed)
            test_images, test_labels = self._test(seed)
            counts = np.bincount(labels, minlength=self.num_classes)
            held_out = None if self.held_out is None else self._arrays(self.held_out, "held_out", seed)
            make_generator = _once(lambda i=images, y=labels, s=seed: self._generator(i, y, s))
            make_filter = _once(lambda i=images, y=labels, s=seed: self._filter(i, y, s))
            if done == done_before:  # What the functions return is looked at before any of it takes long.
                self._make_early(seed, images)
                needed = [name for name in todo if _of_generator(self.arms[name])]
                if needed or self._makes_generator_first:
                    some = self.arms[needed[0]] if needed else arms_module.Arm(synthetic=arms_module.Synthetic())
                    some = some._replace(synthetic=some.synthetic._replace(band=None))
                    training.source_of(some, make_generator, None, None, self.num_classes, self.value_range)
            for name in todo:
                arm = self.arms[name]
                source = training.source_of(arm, make_generator, held_out, make_filter, self.num_classes, self.value_range)
                model, prior = self._train(arm, images, labels, source, seed)
                logits = training.logits_of(model, test_images)
                logits = losses.adjusted(logits, prior) if arm.adjust_logits else logits
                figures = results[seed, name] = statistics.measure(logits, test_labels, counts)
                self._keep(seed, name, figures)
                done += 1
                spent = time.monotonic() - start
                left = spent / (done - done_before) * (total - done)
                if self.verbose:
                    figure = figures["balanced_accuracy"]
                    times = f"{TimeLeft.format(spent)}, {TimeLeft.format(left)} left"
                    print(f"{done}/{total} seed {seed}, {name}: balanced accuracy {figure:.1%}  {times}", flush=True)
        return Report(
            {name: [results[seed, name] for seed in self.seeds] for name in self.arms},
            self.seeds,
            with_gan=[name for name, arm in self.arms.items() if _of_gan(arm)],
            without_gan=[name for name, arm in self.arms.items() if arm.synthetic is None],
        )

    def _make_early(self, seed, images):
        """A classifier and an optimizer of the first training, made and checked before it; it takes them up."""
        with _random.preserved():
            keras.utils.set_random_seed(seed % 2**32)
            model = self._build(seed)
            inputs.check_classifier(model, images, self.num_classes)
            self._early = {("build", seed): model, ("optimizer", self.steps): self._optimizer(self.steps)}

    def _build(self, seed):
        made = self._early.pop(("build", seed), None)
        return inputs.model_of("build", self.build(seed)) if made is None else made

    def _optimizer(self, steps):
        made = self._early.pop(("optimizer", steps), None)
        return inputs.optimizer_of("optimizer", self.optimizer(steps)) if made is None else made

    def _train(self, arm, images, labels, source, seed):
        return training.train(
            arm,
            self._build,
            self._optimizer,
            images,
            labels,
            num_classes=self.num_classes,
            source=source,
            steps=self.steps,
            batch_size=self.batch_size,
            value_range=self.value_range,
            seed=seed,
        )

    def _filter(self, images, labels, seed):
        """The classifier that filters the samples of a seed, made from its training images."""

        def train_on(images, labels, seed):
            return self._train(arms_module.Arm(loss="balanced_softmax"), images, labels, None, seed)[0]

        return training.cross_fitted_classifier(train_on, images, labels, seed)

    def _generator(self, images, labels, seed):
        """The generator of a seed, made from its training images; a GAN is kept."""
        path = self.generator_path(seed)
        if path is not None and path.exists():
            try:
                return keras.models.load_model(path, compile=False)
            except Exception as error:  # Keras raises what it likes
                warnings.warn(
                    f"The generator that was kept as '{path}' cannot be loaded, and is made anew. Put "
                    "`@keras.saving.register_keras_serializable()` above the classes and functions of its layers, and use "
                    f"no lambda. Received: {type(error).__name__}: {str(error).strip().splitlines()[0]}",
                    stacklevel=2,
                )
        generator = inputs.generator_of("make_generator", self.make_generator(images, labels, seed))
        if path is not None and isinstance(generator, keras.Model):
            with _files.replacing(path) as new:
                generator.save(Path(new))
        return generator

    def generator_path(self, seed):
        """The file in which the GAN of a seed is kept, if it is; None if it is not."""
        if self.directory is None or self.make_generator is None:
            return None
        if not self._maker:
            self._maker = [_text_or_none(lambda: fingerprint.text_of_maker(self.make_generator))]
        if self._maker == [None]:
            return None
        return self.directory / f"generator_{seed}_{self._identity(seed)[0]}_{fingerprint.digest_of(*self._maker)}.keras"

    def _settings(self, name):
        """What made the results of an arm, in a text that leaves out what is as by default."""
        arm = self.arms[name]
        parts = [fingerprint.text_of(arm), f"steps={self.steps}", f"batch_size={self.batch_size}"]
        if self.value_range != (0, 255):
            parts.append(f"value_range={self.value_range}")
        if self.num_classes != self._fewest_classes:
            parts.append(f"num_classes={self.num_classes}")
        if self.optimizer is not adam_with_cosine_decay:
            parts.append(f"optimizer={fingerprint.text_of_maker(self.optimizer)}")
        if self.build != self._default_build:
            parts.append(f"build={fingerprint.text_of_maker(self.build)}")
        if _of_generator(arm):
            parts.append(f"make_generator={fingerprint.text_of_maker(self.make_generator)}")
        return ", ".join(parts)

    @property
    def _file(self):
        return None if self.directory is None else self.directory / "results.json"

    def _kept(self):
        """The results of earlier runs with these settings, by seed and arm."""
        self._keys, self._maker = {}, []
        if self._file is None:
            return {}
        self.generator_path(self.seeds[0])  # What a function is, is looked at before it is called.
        entries, results, lost = kept.read(self._file), {}, {}
        for name, arm in self.arms.items():
            settings = _text_or_none(lambda name=name: self._settings(name), lost.setdefault(name, []))
            for seed in self.seeds if settings is not None else ():
                data = self._identity(seed)[2 if _of_held_out(arm) else 1]
                self._keys[seed, name] = key = kept.key(seed, data, name, settings), settings
                if key[0] in entries:
                    results[seed, name] = entries[key[0]]["figures"]
        lost = {name: errors[0] for name, errors in lost.items() if errors}
        if lost:
            warnings.warn(
                f"The results of the arms {sorted(lost)} are not kept in `directory`: {next(iter(lost.values()))}. Give the "
                "function, or the object that it uses, an attribute `cache_key`: a string that says what it does.",
                stacklevel=4,
            )
        return results

    def _keep(self, seed, name, figures):
        """Adds a result to what is kept, which may be of other studies too."""
        if (seed, name) in self._keys:
            key, settings = self._keys[seed, name]
            kept.add(self._file, {key: {"settings": settings, "figures": figures}})


def _text_or_none(make, errors=None):
    """A text that is made, or None if there is none that another process would make too; the error is added to a list."""
    try:
        return make()
    except fingerprint.Unstable as error:
        if errors is not None:
            errors.append(error)
        return None


def _once(make):
    """A function that makes something when it is first asked for it, and then gives the same."""
    made = []

    def get():
        if not made:
            made.append(make())
        return made[0]

    return get


def _of_held_out(arm):
    return arm.synthetic is not None and arm.synthetic.source == "oracle"


def _of_generator(arm):
    return arm.synthetic is not None and arm.synthetic.source != "oracle" and arm.synthetic.fraction > 0


def _of_gan(arm):
    return arm.synthetic is not None and arm.synthetic.source == "gan" and arm.synthetic.fraction > 0
