"""The base class of all GANs and the one training step that they share."""

import types
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _images, _random, export, losses, networks
from keras_ganaug.layers.spectral_normalization import power_iteration_once
from keras_ganaug.models import training_data
from keras_ganaug.penalties import PenaltyBatch

_GENERATE_CHUNK = 256  # images that `generate` makes at a time, to bound memory


class Batch(NamedTuple):
    """What one update looks at."""

    images: Any
    """Real images, float32 in [-1, 1]."""
    labels: Any
    """int32 class indices, or None."""
    seed: Any
    """int32 seed of this update."""


class Phase(NamedTuple):
    """One player's part of a training step."""

    name: str
    """Prefix of the phase's metrics."""
    network: keras.Model
    """The network that is trained."""
    optimizer: keras.optimizers.Optimizer
    loss: Callable[[Batch], Any]
    """Maps a batch to a scalar."""
    updates: int
    """How many updates a training step makes, each with images of its own."""


@keras.saving.register_keras_serializable(package="keras_ganaug")
class GAN(keras.Model):
    """A generative adversarial network: a generator and a discriminator that learn from each other.

    The base class of all GANs of the package; on its own it is the GAN of the paper, with the non-saturating loss of
    its section 3, a residual generator and a convolutional discriminator. A subclass states what its paper changes:
    `paper_settings`, the networks, and where needed the losses of the two players.

    Reference: Goodfellow et al. 2014, Generative Adversarial Networks; Adam settings of Radford et al. 2016 (DCGAN).

    Args:
        image_shape: (height, width, channels): any positive integers.
        num_classes: Number of classes, or None for an unconditional model. Defaults to None.
        latent_dim: Length of the latent vector. Defaults to that of `generator`, else to 128.
        value_range: (lowest, highest) value of the training images and of what `generate` returns. Defaults to
            (0, 255).
        generator: A Keras model from `[latents, labels]` (`latents` alone without classes) to images in [-1, 1];
            latents are float32 (batch, latent_dim), labels int32 (batch,). Defaults to the family's own.
        discriminator: A Keras model from `[images, labels]` (`images` alone without classes) to one logit each.
            Defaults to the family's own.
        seed: Integer from which initial weights, latents and the order of the images follow. Defaults to None: drawn
            anew.

    Raises:
        ValueError, TypeError: For an argument out of its range, or networks that do not fit the shapes.

    Example:

    >>> import numpy as np, keras_ganaug as kga
    >>> images = np.random.randint(0, 256, [32, 8, 8, 1], "uint8")
    >>> gan = kga.GAN(image_shape=(8, 8, 1), num_classes=2, seed=1)
    >>> gan.compile()
    >>> history = gan.fit(images, np.arange(32) % 2, batch_size=16, epochs=1, verbose=0)
    >>> sorted(history.history)
    ['d_loss', 'g_loss']
    >>> gan.generate([0, 1, 1], seed=7).shape
    (3, 8, 8, 1)
    """

    metric_names = ("d_loss", "g_loss")
    """Names of the running means that training reports."""

    def __init__(
        self,
        image_shape,
        num_classes=None,
        latent_dim=None,
        value_range=(0, 255),
        generator=None,
        discriminator=None,
        seed=None,
        **kwargs,
    ):
        image_shape = _checks.image_shape(image_shape)
        num_classes = None if num_classes is None else _checks.positive_int(num_classes, "num_classes")
        value_range = _checks.value_range(value_range)
        seed = _random.entropy() if _checks.seed(seed) is None else _checks.seed(seed)
        for name, network in (("generator", generator), ("discriminator", discriminator)):
            if network is not None and not isinstance(network, keras.Model):
                raise TypeError(f"`{name}` must be a Keras model. Received: {name}={network!r}")
        latent_dim = _latent_dim(latent_dim, generator)
        super().__init__(**kwargs)
        self.image_shape = image_shape
        self.num_classes = num_classes
        self.latent_dim = latent_dim
        self.value_range = value_range
        self.seed = seed
        self.generator = self.build_generator() if generator is None else generator
        self.discriminator = self.build_discriminator() if discriminator is None else discriminator
        self._check_networks()
        self.ema_generator = self._copy_of_generator()
        self.step = self.add_weight(
            name="step",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation=_compat.SAME_ON_ALL,
        )
        self._means = {name: keras.metrics.Mean(name=name) for name in self.metric_names}
        self._calls_of_generate = 0
        self.d_steps = 1
        self.built = True

    # What a variant may change.

    def paper_settings(self):
        """The paper's values of the arguments of `compile`, as a dict of fresh objects."""
        return {
            "g_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.999),
            "d_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.999),
            "loss": "nonsaturating",
            "penalties": (),
            "augment": None,
            "d_steps": 1,
            "ema_decay": 0.999,
        }

    def build_generator(self):
        """The default generator."""
        seed = _network_seed(self.seed, 0)
        return networks.resnet.generator(self.image_shape, self.num_classes, self.latent_dim, seed=seed)

    def build_discriminator(self):
        """The default discriminator."""
        return networks.dcgan.discriminator(self.image_shape, self.num_classes, seed=_network_seed(self.seed, 1))

    def phases(self):
        """The parts of a training step, in order."""
        return (
            Phase("d", self.discriminator, self.d_optimizer, self.d_loss, updates=self.d_steps),
            Phase("g", self.generator, self.g_optimizer, self.g_loss, updates=1),
        )

    def d_loss(self, batch):
        """The discriminator's loss, penalties included."""
        fake = tf.stop_gradient(self.fakes(batch))
        real_seed, fake_seed, penalty_seed = (_random.fold(batch.seed, n) for n in (1, 2, 3))
        real = self.augmented(batch.images, real_seed)
        fake = self.augmented(fake, fake_seed)
        judge_real = self.judge(real)
        loss = self.adversarial_loss.discriminator(judge_real(batch.labels), self.logits(fake, batch.labels))
        for n, penalty in enumerate(self.penalties):
            penalty_batch = PenaltyBatch(real, fake, batch.labels, _random.fold(penalty_seed, n), judge_real)
            loss += penalty(self.logits, penalty_batch)
        return loss

    def g_loss(self, batch):
        """The generator's loss."""
        fake_logits = self.logits(self.augmented(self.fakes(batch), _random.fold(batch.seed, 2)), batch.labels)
        real_logits = None
        if getattr(self.adversarial_loss, "relativistic", False):
            real_logits = self.logits(self.augmented(batch.images, _random.fold(batch.seed, 1)), batch.labels)
        return self.adversarial_loss.generator(real_logits, fake_logits)

    def sample_latents(self, num_images, seed):
        """Latents from the prior: float32 of shape (num_images, latent_dim)."""
        return _random.normal([num_images, self.latent_dim], seed)

    def synthesize(self, latents, labels, truncation):
        """Images in [-1, 1] from the averaged weights; truncation draws the latents towards their mean."""
        return tf.cast(self.ema_generator(_inputs(latents * truncation, labels), training=False), tf.float32)

    # What the losses are made of.

    def fakes(self, batch):
        """Generated images, one for each real one and of its class."""
        latents = self.sample_latents(tf.shape(batch.images)[0], _random.fold(batch.seed, 0))
        return tf.cast(self.generator(_inputs(latents, batch.labels), training=True), tf.float32)

    def logits(self, images, labels):
        return self.discriminator(_inputs(images, labels), training=True)

    def judge(self, images):
        """A function from labels to the logits of these images, whose features are computed once if they can be."""
        if self._split_discriminator is None:
            return lambda labels: self.logits(images, labels)
        to_features, to_logits = self._split_discriminator
        features = to_features(images, training=True)
        return lambda labels: to_logits([features, labels], training=True)

    @property
    def _split_discriminator(self):
        """The discriminator as two models that share its layers, or None where it has no layer "features"."""
        if not hasattr(self._traced, "split"):
            self._traced.split = None
            if self.num_classes is not None and "features" in [layer.name for layer in self.discriminator.layers]:
                images, labels = self.discriminator.inputs
                features = self.discriminator.get_layer("features").output
                self._traced.split = (
                    keras.Model(images, features),
                    keras.Model([features, labels], self.discriminator.output),
                )
        return self._traced.split

    def augmented(self, images, seed):
        """What the discriminator is shown of these images."""
        return images if self.augment is None else self.augment(images, seed)

    # Training.

    def compile(
        self,
        g_optimizer=None,
        d_optimizer=None,
        loss=None,
        penalties=None,
        augment=None,
        d_steps=None,
        ema_decay=None,
        label_smoothing=0.0,
        jit_compile="auto",
        run_eagerly=False,
        steps_per_execution=1,
    ):
        """Sets how the two players are trained. Everything defaults to the paper's values.

        Args:
            g_optimizer: Keras optimizer of the generator, an object or a name.
            d_optimizer: Keras optimizer of the discriminator, another object or a name.
            loss: An adversarial loss: a name ("minimax", "nonsaturating", "lsgan", "wasserstein", "hinge",
                "relativistic") or an object like those of `keras_ganaug.losses`.
            penalties: A list of regularisers of the discriminator, as in `keras_ganaug.penalties`.
            augment: A callable `(images, seed) -> images` through which the discriminator sees all images, such as
                `DiffAugment`.
            d_steps: Discriminator updates for each update of the generator, each on images of its own: one training
                step takes `d_steps` batches.
            ema_decay: Decay of the generator's averaged weights per step, in [0, 1); 0 turns averaging off. Early on
                the decay is smaller, (1 + step) / (10 + step), so that the start is forgotten.
            label_smoothing: One-sided: the discriminator's target of real images is 1 minus this. Defaults to 0.
            jit_compile: True, False, or "auto": with XLA if there is an accelerator. Defaults to "auto".
            run_eagerly: As in `keras.Model.compile`. Defaults to False.
            steps_per_execution: As in `keras.Model.compile`. Defaults to 1.

        Raises:
            ValueError, TypeError: For an argument out of its range or of the wrong kind.
        """
        given = {
            "g_optimizer": g_optimizer,
            "d_optimizer": d_optimizer,
            "loss": loss,
            "penalties": penalties,
            "augment": augment,
            "d_steps": d_steps,
            "ema_decay": ema_decay,
        }
        settings = {
            **self.paper_settings(),
            **{name: value for name, value in given.items() if value is not None},
        }
        if not (jit_compile == "auto" or isinstance(jit_compile, bool)):
            raise ValueError(f'`jit_compile` must be True, False or "auto". Received: jit_compile={jit_compile!r}')
        optimizers = [_optimizer(settings[name], name, self.compute_dtype) for name in ("g_optimizer", "d_optimizer")]
        if optimizers[0] is optimizers[1]:
            raise ValueError("`g_optimizer` and `d_optimizer` must be two objects. Received: the same one twice")
        adversarial_loss = losses.get(settings["loss"])
        if label_smoothing:
            smoothable = isinstance(adversarial_loss, losses.AdversarialLoss)
            if not smoothable:
                raise ValueError(
                    "`label_smoothing` needs a loss of `keras_ganaug.losses`; a loss of your own smooths its targets "
                    f"itself. Received: label_smoothing={label_smoothing!r}, loss={adversarial_loss!r}"
                )
            adversarial_loss = type(adversarial_loss)(label_smoothing=label_smoothing)
        penalties = settings["penalties"]
        penalties = tuple(penalties) if isinstance(penalties, Sequence) else (penalties,)
        for penalty in penalties:
            if not callable(penalty) or isinstance(penalty, type):
                raise TypeError(f"`penalties` must be callables, as in keras_ganaug.penalties. Received: {penalty!r}")
        if not (settings["augment"] is None or callable(settings["augment"])):
            raise TypeError(f"`augment` must be a callable (images, seed) -> images. Received: {settings['augment']!r}")
        ema_decay = _checks.fraction(settings["ema_decay"], "ema_decay")
        if ema_decay == 1.0:
            raise ValueError("`ema_decay` must be below 1. Received: ema_decay=1.0")
        steps_per_execution = _checks.positive_int(steps_per_execution, "steps_per_execution")
        self.d_steps = _checks.positive_int(settings["d_steps"], "d_steps")

        accelerated = bool(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))
        jit = not run_eagerly and (accelerated if jit_compile == "auto" else jit_compile)
        super().compile(jit_compile=jit, run_eagerly=run_eagerly, steps_per_execution=steps_per_execution)
        self.optimizer = None  # there are two, and they are ours
        self.g_optimizer, self.d_optimizer = optimizers
        self.g_optimizer.build(self.generator.trainable_variables)
        self.d_optimizer.build(self.discriminator.trainable_variables)
        self.adversarial_loss = adversarial_loss
        self.penalties = penalties
        self.augment = settings["augment"]
        self.ema_decay = ema_decay
        self._requested = {"jit_compile": jit_compile, "steps_per_execution": steps_per_execution}

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        shuffle=True,
        class_balanced=False,
        initial_epoch=0,
        steps_per_epoch=None,
    ):
        """Trains the two players.

        Args:
            x: A batched `tf.data.Dataset` of (images, labels), or an array of images of shape
                (n, height, width, channels), of any real dtype, with values in `value_range`.
            y: With an array `x`, its labels: integers of shape (n,) or (n, 1), or one-hot rows.
            batch_size: With arrays, images per update. Defaults to 64.
            epochs: Epoch to train to. Defaults to 1.
            verbose: As in `keras.Model.fit`. Defaults to "auto".
            callbacks: List of Keras callbacks. One that watches `d_loss` or `g_loss` needs to be told `mode="min"`.
            shuffle: With arrays, whether each epoch has an order of its own. Defaults to True.
            class_balanced: Whether all classes are shown equally often, however rare; a dataset is then read into
                memory. Needs labels. Defaults to False.
            initial_epoch: Epoch to start at. Defaults to 0.
            steps_per_epoch: Training steps per epoch. Defaults to one pass over the data, where one step takes `d_steps`
                batches. Required for an infinite dataset.

        Returns a Keras `History` with the epoch means of `d_loss` and `g_loss`.

        Raises:
            ValueError, TypeError: If the data does not fit the model: shape, value range, labels, or unbatched elements.
        """
        if not hasattr(self, "adversarial_loss"):
            raise ValueError("`compile()` must be called before `fit()`. Received: a model that is not compiled")
        if class_balanced and self.num_classes is None:
            raise ValueError("`class_balanced` needs a model with classes. Received: class_balanced=True, num_classes=None")
        schedulers = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)
        for callback in callbacks if isinstance(callbacks, (list, tuple)) else ():
            if isinstance(callback, schedulers):
                raise ValueError(
                    "`callbacks` that set the learning rate know one optimizer, and a GAN has two: give `g_optimizer` and "
                    f"`d_optimizer` a keras.optimizers.schedules.LearningRateSchedule. Received: {type(callback).__name__}"
                )
        if isinstance(x, tf.data.Dataset):
            if y is not None or batch_size is not None:
                raise ValueError(
                    "`y` and `batch_size` go with arrays; a dataset has its own. Received: "
                    f"y {'given' if y is not None else 'None'}, batch_size={batch_size!r}"
                )
            stream, steps = training_data.from_dataset(x, self, steps_per_epoch, class_balanced)
        elif hasattr(x, "__array__"):
            batch_size = None if batch_size is None else _checks.positive_int(batch_size, "batch_size")
            stream, steps = training_data.from_arrays(x, y, self, batch_size, shuffle, class_balanced)
        else:
            raise TypeError(f"`x` must be a batched tf.data.Dataset or an array of images. Received: x of type {type(x)}")
        try:
            return super().fit(
                stream,
                epochs=epochs,
                verbose=verbose,
                callbacks=callbacks,
                shuffle=False,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch or steps,
            )
        except tf.errors.InvalidArgumentError as error:
            readable = _checks.readable(error)
            if readable is None:
                raise
            raise readable from None

    def train_step(self, data):
        """One training step: each phase in turn, then the averaged weights."""
        images, labels = self._prepared(data)
        with tf.control_dependencies([images]):  # no state may move where the data have come to their end
            return self._train_step(images, labels)

    def _train_step(self, images, labels):
        step_seed = _random.replica_seed(_random.fold(_random.as_seed(self.seed), _compat.tf_variable(self.step)))
        for number, phase in enumerate(self.phases()):
            rows = tf.shape(images)[0] // phase.updates
            for update in range(phase.updates):
                part = slice(update * rows, (update + 1) * rows) if phase.updates > 1 else slice(0, self._rows(images))
                seed = _random.fold(step_seed, number * 1000 + update)
                batch = Batch(images[part], None if labels is None else labels[part], seed)
                self._means[f"{phase.name}_loss"].update_state(self._update(phase, batch))
        self._update_average()
        self.step.assign_add(1)
        return {metric.name: metric.result() for metric in self.metrics}

    def _update(self, phase, batch):
        """One gradient step of one player; returns its loss."""
        variables = phase.network.trainable_variables
        with power_iteration_once(phase.network), tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([_compat.tf_variable(variable) for variable in variables])
            loss = phase.loss(batch)
            # Replicas add their gradients up.
            scaled = _compat.scale_loss(phase.optimizer, loss / tf.distribute.get_strategy().num_replicas_in_sync)
        gradients = tape.gradient(scaled, [_compat.tf_variable(variable) for variable in variables])
        gradients = _compat.unscale_gradients(phase.optimizer, gradients)
        phase.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    def _rows(self, images):
        """Rows that one update of the generator looks at."""
        return tf.shape(images)[0] // self.d_steps

    def _update_average(self):
        step = tf.cast(_compat.tf_variable(self.step), tf.float32)
        decay = tf.minimum(self.ema_decay, (1.0 + step) / (10.0 + step)) if self.ema_decay else tf.constant(0.0)
        averages, values = zip(*self._averaged.pairs, strict=True)
        values = [
            average + tf.cast(1.0 - decay, average.dtype) * (value - average) for average, value in zip(averages, values)
        ]
        _assign(averages, values)

    def _prepared(self, data):
        """Images in [-1, 1] as float32, and int32 class indices or None."""
        images, labels = training_data.split(data, self.num_classes)
        images = _images.rescale(tf.cast(images, tf.float32), self.value_range, _images.NETWORK_RANGE)
        return images, None if labels is None else training_data.labels_to_indices(labels, self.num_classes)

    @property
    def metrics(self):
        return list(self._means.values())

    # Use.

    def call(self, inputs, training=False):
        """Images in [-1, 1] from `[latents, labels]`, from the averaged weights."""
        return self.ema_generator(inputs, training=False)

    def sample(self, labels, seed, truncation=1.0):
        """Images in `value_range`, as a TensorFlow computation for use in a graph.

        Args:
            labels: int32 tensor of shape (n,); of an unconditional model only the length counts.
            seed: int32 tensor of shape (2,).
            truncation: Float scalar above 0 and at most 1. Defaults to 1.

        Returns float32 images of shape (n, *image_shape).
        """
        latents = self.sample_latents(tf.shape(labels)[0], seed)
        images = self.synthesize(latents, labels if self.num_classes is not None else None, truncation)
        return _images.rescale(images, _images.NETWORK_RANGE, self.value_range)

    def generate(self, labels, seed=None, truncation=1.0):
        """New images, from the generator's averaged weights.

        Args:
            labels: Class indices, one image each: a sequence of n integers. For an unconditional model the number of
                images, an integer.
            seed: Integer (or pair of integers); the same seed gives the same images. Defaults to None: other images at
                each call.
            truncation: Factor on the latents, above 0 and at most 1: smaller gives more typical and less diverse
                images. Defaults to 1.

        Returns a float32 NumPy array of shape (n, height, width, channels) with values in `value_range`.

        Raises:
            ValueError: For labels out of range, labels for an unconditional model, or a number for a conditional one.
        """
        if self.num_classes is None:
            if isinstance(labels, bool) or not isinstance(labels, (int, np.integer)) or labels < 0:
                raise ValueError(
                    "`labels` of an unconditional model is the number of images, an integer of at least 0. "
                    f"Received: labels={labels!r}"
                )
            labels = np.zeros([labels], np.int32)
        else:
            labels = _checks.class_indices(labels, self.num_classes)
        truncation = tf.constant(_checks.truncation(truncation))
        seed = _checks.seed(seed)
        if seed is None:
            seed = _random.fold(_random.as_seed(self.seed), -1, self._calls_of_generate)
            self._calls_of_generate += 1
        latents = self.sample_latents(len(labels), tf.constant(_random.as_seed(seed)))
        images = [np.zeros([0, *self.image_shape], np.float32)]
        for start in range(0, len(labels), _GENERATE_CHUNK):
            part = slice(start, start + _GENERATE_CHUNK)
            images.append(self._synthesize(latents[part], labels[part], truncation).numpy())
        return np.concatenate(images)

    @property
    def _synthesize(self):
        """`synthesize` in `value_range`, as a function that is traced once."""
        if not hasattr(self._traced, "synthesize"):

            def synthesize(latents, labels, truncation):
                images = self.synthesize(latents, labels if self.num_classes is not None else None, truncation)
                return _images.rescale(images, _images.NETWORK_RANGE, self.value_range)

            signature = [
                tf.TensorSpec([None, self.latent_dim], tf.float32),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([], tf.float32),
            ]
            self._traced.synthesize = tf.function(synthesize, input_signature=signature, autograph=False)
        return self._traced.synthesize

    def export(self, path):
        """Writes the generator as a SavedModel that runs with TensorFlow alone.

        `tf.saved_model.load(path).generate(labels, seed)` returns float32 images in `value_range`, for int32 labels of
        shape (n,) (of an unconditional model only their number counts) and an int32 seed of shape (2,). The signature
        `serving_default` does the same and calls its output `images`.

        Args:
            path: Folder to write.
        """
        source = types.SimpleNamespace(
            sample=self.sample,
            state=[_compat.tf_variable(weight) for weight in self.ema_generator.weights],
            image_shape=self.image_shape,
            conditional=self.num_classes is not None,
            num_classes=self.num_classes,
            value_range=self.value_range,
        )
        export.export_generator(source, path)

    # Making and restoring.

    def _check_networks(self):
        latents = tf.zeros([2, self.latent_dim])
        labels = None if self.num_classes is None else tf.zeros([2], tf.int32)
        expected = (
            f"`generator` must map latents of shape (batch, {self.latent_dim})"
            f"{' and int32 labels of shape (batch,)' if labels is not None else ''} to images of shape "
            f"{('batch', *self.image_shape)}"
        )
        images = _dry_run(self.generator, _inputs(latents, labels), expected)
        if tuple(images.shape) != (2, *self.image_shape):
            raise ValueError(f"{expected}. Received: output of shape {tuple(images.shape)} for a batch of 2")
        expected = (
            f"`discriminator` must map images of shape {('batch', *self.image_shape)}"
            f"{' and int32 labels of shape (batch,)' if labels is not None else ''} to one logit each"
        )
        self._check_judgement(_dry_run(self.discriminator, _inputs(images, labels), expected), expected)

    def _check_judgement(self, output, expected):
        """Checks what the discriminator says of two images."""
        if tuple(output.shape) not in ((2, 1), (2,)):
            raise ValueError(f"{expected}. Received: output of shape {tuple(output.shape)} for a batch of 2")

    def _copy_of_generator(self):
        """The network that holds the averaged weights."""
        self._traced = types.SimpleNamespace()
        copy = keras.models.clone_model(self.generator)
        labels = None if self.num_classes is None else tf.zeros([2], tf.int32)
        copy(_inputs(tf.zeros([2, self.latent_dim]), labels))
        copy.set_weights(self.generator.get_weights())
        # In a plain namespace Keras does not take the pairs for state of their own.
        pairs = zip(copy.weights, self.generator.weights, strict=True)
        pairs = [tuple(map(_compat.tf_variable, pair)) for pair in pairs]
        self._averaged = types.SimpleNamespace(pairs=[pair for pair in pairs if pair[0].dtype.is_floating])
        copy.trainable = False
        return copy

    def get_compile_config(self):
        if not hasattr(self, "adversarial_loss"):
            return {}
        parts = {
            "g_optimizer": self.g_optimizer,
            "d_optimizer": self.d_optimizer,
            "loss": self.adversarial_loss,
            "penalties": list(self.penalties),
            "augment": self.augment,
        }
        return {
            **{name: keras.saving.serialize_keras_object(part) for name, part in parts.items()},
            "d_steps": self.d_steps,
            "ema_decay": self.ema_decay,
            **self._requested,
        }

    def compile_from_config(self, config):
        self.compile(**{name: keras.saving.deserialize_keras_object(part) for name, part in config.items()})

    def get_config(self):
        return {
            **{name: value for name, value in super().get_config().items() if name in ("name", "trainable", "dtype")},
            "image_shape": self.image_shape,
            "num_classes": self.num_classes,
            "latent_dim": self.latent_dim,
            "value_range": self.value_range,
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for name in ("generator", "discriminator"):
            config[name] = keras.saving.deserialize_keras_object(config[name], custom_objects=custom_objects)
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = keras.saving.deserialize_keras_object(config["dtype"])
        return cls(**config)


def _inputs(first, labels):
    """The inputs of a network with or without classes."""
    return first if labels is None else [first, labels]


def _network_seed(seed, number):
    return int(np.random.SeedSequence([number, *np.atleast_1d(seed).tolist()]).generate_state(1)[0])


def _latent_dim(latent_dim, generator):
    """The given length of the latents, else the generator's, else 128."""
    if latent_dim is not None:
        return _checks.positive_int(latent_dim, "latent_dim")
    shape = getattr(generator, "input_shape", None) if generator is not None and generator.built else None
    shape = shape[0] if isinstance(shape, list) else shape
    return shape[-1] if isinstance(shape, tuple) and isinstance(shape[-1], int) else 128


def _optimizer(identifier, name, compute_dtype):
    try:
        optimizer = keras.optimizers.get(identifier)
    except (ValueError, TypeError) as error:
        raise ValueError(f"`{name}` must be a Keras optimizer or the name of one. Received: {identifier!r}") from error
    return _compat.with_loss_scale(optimizer, compute_dtype)


def _dry_run(network, inputs, expected):
    try:
        return network(inputs)
    except Exception as error:  # whatever a user's network raises
        raise ValueError(f"{expected}. Received: {network.name!r}, which raised: {error}") from error


def _assign(variables, values):
    """Assigns replicated variables from within a replica, or plain ones."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        for variable, value in zip(variables, values):
            variable.assign(value)
        return

    def merged(strategy, *values):
        for variable, value in zip(variables, values):
            strategy.extended.update(variable, lambda v, new: v.assign(new), args=(value,))

    context.merge_call(merged, args=tuple(values))
