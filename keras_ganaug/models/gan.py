"""The base class of all GANs and the one training step that they share."""

import types
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _images, _random, _replicas, _state, networks
from keras_ganaug.datasets import batches as training_inputs
from keras_ganaug.datasets import streams as training_data
from keras_ganaug.layers.minibatch_stddev import MinibatchStdDev, class_groups
from keras_ganaug.layers.spectral_normalization import power_iteration_once
from keras_ganaug.models import network_checks, settings, training_watch
from keras_ganaug.models.averaging import Average
from keras_ganaug.models.sampling import Sampling
from keras_ganaug.models.saving import Saving
from keras_ganaug.models.training_record import TrainingRecord
from keras_ganaug.penalties import PenaltyBatch


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

    player: str
    """ "d" or "g"."""
    network: keras.Model
    """The network that is trained."""
    optimizer: keras.optimizers.Optimizer
    loss: Callable[[Batch], Any]
    """Maps a batch to a scalar."""
    updates: int
    """How many updates a training step makes, each with images of its own."""


@keras.saving.register_keras_serializable(package="keras_ganaug")
class GAN(Sampling, Saving, keras.Model):
    """A generative adversarial network: a generator and a discriminator that learn from each other.

    The base class of all GANs of the package; on its own it is the GAN of the paper, with the non-saturating loss of
    its section 3, and with DCGAN's networks. A subclass states what its paper changes:
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
        width: Channels of the default networks at full resolution, which double with each halving of it, up to 8 times.
            Computation grows with its square. Defaults to 32.
        dtype: Dtype policy, such as "mixed_bfloat16", of the default networks; networks of your own have policies of their
            own. Where a layer computes in float16 the optimizers scale the loss. Defaults to Keras's global policy.

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
    own_loss = False
    """Whether the objectives do without the adversarial loss of `compile`, which then takes none."""
    logits_see_labels = True
    """Whether the logit of an image depends on its label, where there are classes."""
    own_arguments = ()
    """Names of the constructor arguments that a variant adds; each is an attribute too."""

    def __init__(
        self,
        image_shape,
        num_classes=None,
        latent_dim=None,
        value_range=(0, 255),
        generator=None,
        discriminator=None,
        seed=None,
        width=32,
        **kwargs,
    ):
        image_shape = _checks.image_shape(image_shape)
        num_classes = None if num_classes is None else _checks.positive_int(num_classes, "num_classes")
        value_range = _checks.value_range(value_range)
        width = _checks.positive_int(width, "width")
        seed = _random.entropy() if _checks.seed(seed) is None else _checks.seed(seed)
        given = {"generator": generator, "discriminator": discriminator}
        for name, network in given.items():
            if network is not None and not isinstance(network, keras.Model):
                raise TypeError(f"`{name}` must be a Keras model. Received: {name}={network!r}")
        if latent_dim is None:
            latent_dim = network_checks.latent_dim_of(generator) or self.default_latent_dim
        latent_dim = _checks.positive_int(latent_dim, "latent_dim")
        super().__init__(**kwargs)
        self.image_shape = image_shape
        self.num_classes = num_classes
        self.latent_dim = latent_dim
        self.value_range = value_range
        self.seed = seed
        self.width = width
        if generator is None or discriminator is None:
            network_checks.check_policy(self)
        with _compat.dtype_policy(self.dtype_policy):
            self.generator = self.build_generator() if generator is None else generator
            self.discriminator = self.build_discriminator() if discriminator is None else discriminator
        network_checks.check(self, [name for name, network in given.items() if network is not None])
        _compat.farewell([*self.generator._flatten_layers(), *self.discriminator._flatten_layers()])
        # In plain objects, here and below, Keras does not take what is held for parts of the model.
        self._traced = types.SimpleNamespace()
        labels = None if num_classes is None else tf.zeros([2], tf.int32)
        with _compat.dtype_policy(self.generator.dtype_policy):
            self._average = Average(self.generator, self.network_inputs(tf.zeros([2, latent_dim]), labels))
        self.ema_generator = self._average.network
        self.step, self.images_seen = (self.add_state(name, dtype="int64") for name in ("step", "images_seen"))
        # Past `__setattr__`: saved, and like the optimizers' state no weights of the model.
        vars(self)["training_record"] = TrainingRecord(num_classes)
        self._training = types.SimpleNamespace(means={}, states=[], compiled=None)
        self.d_steps = 1
        self.built = True

    # What a variant may change.

    default_latent_dim = 128

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
        return networks.dcgan.generator(**self.generator_arguments)

    def build_discriminator(self):
        """The default discriminator."""
        return networks.dcgan.discriminator(**self.discriminator_arguments, normalization="batch")

    def sample_latents(self, num_images, seed):
        """Latents from the prior: float32 of shape (num_images, latent_dim)."""
        return _random.normal([num_images, self.latent_dim], seed)

    def latents_from_normal(self, numbers):
        """Latents of the prior from standard normal numbers of the same shape."""
        return numbers

    def restart_average(self):
        """Sets the averaged weights to the generator's own."""
        self._average.update(0.0, _compat.tf_variable(self.step))

    def real_images(self, images):
        """What the generator is to learn of the real images, in [-1, 1]."""
        return images

    def fakes(self, batch):
        """Generated images, one for each real one and of its class: float32 in [-1, 1]."""
        latents = self.sample_latents(tf.shape(batch.images)[0], _random.fold(batch.seed, 0))
        return tf.cast(self.generator(self.network_inputs(latents, batch.labels), training=True), tf.float32)

    def judge(self, images):
        """A function from labels to what the discriminator says of these images under them."""
        parts = networks.common.features_and_head(self.discriminator)
        if parts is None:
            return lambda labels: self.discriminator(self.network_inputs(images, labels), training=True)
        to_features, head = parts
        features = to_features(images, training=True)  # once, however many labels are tried
        return lambda labels: head([features, labels], training=True)

    def logits_of(self, judgement):
        """The logits within what the discriminator says."""
        return judgement

    def d_objective(self, real, fake, labels):
        """The discriminator's loss, from what it says of real and of generated images."""
        return self.adversarial_loss.discriminator(self.logits_of(real), self.logits_of(fake))

    def g_objective(self, real, fake, labels):
        """The generator's loss, likewise; `real` is None unless the adversarial loss is relativistic."""
        return self.adversarial_loss.generator(None if real is None else self.logits_of(real), self.logits_of(fake))

    def synthesize(self, latents, labels, truncation):
        """Images in [-1, 1] from the averaged weights; truncation draws the latents towards their mean."""
        return tf.cast(self.ema_generator(self.network_inputs(latents * truncation, labels), training=False), tf.float32)

    def expected_judgement(self):
        """What the discriminator must give, in words and as the shapes for one image: alternatives, each a list."""
        return "one logit each", [[(1,)], [()]]

    def before_fit(self, planned_images):
        """Called when `fit` begins, with the number of images that it will show, or None if that is not known."""

    def before_step(self):
        """Called at the beginning of each training step."""

    # The training step.

    def phases(self):
        """The parts of a training step, in order."""
        return (
            Phase("d", self.discriminator, self.d_optimizer, self.d_loss, updates=self.d_steps),
            Phase("g", self.generator, self.g_optimizer, self.g_loss, updates=1),
        )

    def d_loss(self, batch):
        """The discriminator's loss, penalties included."""
        fake = self.shown(tf.stop_gradient(self.fakes(batch)), _random.fold(batch.seed, 2))
        real = self.shown(batch.images, _random.fold(batch.seed, 1))
        judge_real, judge_fake = self.judge(real), self.judge(fake)
        judgements = judge_real(batch.labels), judge_fake(batch.labels)
        real_logits, fake_logits = map(self.logits_of, judgements)
        if hasattr(self.augment, "observe"):
            for name, value in self.augment.observe(real_logits).items():
                self.report(name, value)
        known = {"judge_real": self._in_logits(judge_real), "judge_fake": self._in_logits(judge_fake)}
        known |= {"real_logits": real_logits, "fake_logits": fake_logits}
        penalty_batch = PenaltyBatch(real, fake, batch.labels, batch.seed, **known)
        return self.d_objective(*judgements, batch.labels) + self.penalty("d", penalty_batch)

    def g_loss(self, batch):
        """The generator's loss, penalties included."""
        fake = self.shown(self.fakes(batch), _random.fold(batch.seed, 2))
        real = self.shown(batch.images, _random.fold(batch.seed, 1))
        judge_fake = self.judge(fake)
        judgement, real_judgement = judge_fake(batch.labels), None
        if getattr(self.adversarial_loss, "relativistic", False):
            real_judgement = self.judge(real)(batch.labels)
        known = {"judge_fake": self._in_logits(judge_fake), "fake_logits": self.logits_of(judgement)}
        penalty_batch = PenaltyBatch(real, fake, batch.labels, batch.seed, **known)
        return self.g_objective(real_judgement, judgement, batch.labels) + self.penalty("g", penalty_batch)

    def penalty(self, player, batch):
        """The sum of the penalties of a player."""
        network = self.discriminator if player == "d" else self.generator
        step, seed = tf.identity(_compat.tf_variable(self.step)), _random.fold(batch.seed, 3)
        total = tf.constant(0.0)
        for n, penalty in enumerate(self.penalties):
            if player in getattr(penalty, "players", ("d",)):
                batch = batch._replace(seed=_random.fold(seed, n), player=player, network=network, step=step)
                total += penalty(self.logits, batch)
        return total

    def logits(self, images, labels):
        """The discriminator's logits, as penalties ask for them."""
        return self._in_logits(self.judge(images))(labels)

    def _in_logits(self, judge):
        return lambda labels: self.logits_of(judge(labels))

    def shown(self, images, seed):
        """What the discriminator is shown of these images."""
        return images if self.augment is None else self.augment(images, seed)

    def train_step(self, data):
        """One training step: each phase in turn, then the averaged weights."""
        images, labels = self._prepared(data)
        with tf.control_dependencies([images]):  # no state may move where the data have come to their end
            return self._train_step(images, labels)

    def _train_step(self, images, labels):
        self.before_step()
        images = self.real_images(images)
        step_seed = _random.replica_seed(_random.fold(_random.as_seed(self.seed), _compat.tf_variable(self.step)))
        losses = {}
        for number, phase in enumerate(self.phases()):
            rows = (images.shape[0] or tf.shape(images)[0]) // self.d_steps
            for update in range(phase.updates):
                part = slice(update * rows, (update + 1) * rows)
                seed = _random.fold(step_seed, number * 1000 + update)
                batch = self._grouped(Batch(images[part], None if labels is None else labels[part], seed))
                loss = self._update(phase, batch)
                self.report(f"{phase.player}_loss", loss)
                losses.setdefault(phase.player, []).append(tf.cast(loss, tf.float32))
        self.training_record.write(_compat.tf_variable(self.step), labels, losses)
        self._average.update(self.ema_decay, _compat.tf_variable(self.step))
        self.step.assign_add(1)
        self.images_seen.assign_add(tf.cast(_replicas.over_replicas(tf.shape(images)[0], sum=True), tf.int64))
        return {metric.name: metric.result() for metric in self.metrics}

    def _grouped(self, batch):
        """The batch in an order in which a minibatch standard deviation is one within classes."""
        sizes = [layer.group_size for layer in self.discriminator._flatten_layers() if isinstance(layer, MinibatchStdDev)]
        if batch.labels is None or not sizes:
            return batch
        order = class_groups(batch.labels, max(sizes))
        return batch._replace(images=tf.gather(batch.images, order), labels=tf.gather(batch.labels, order))

    def _update(self, phase, batch):
        """One gradient step of one player; returns its loss."""
        weights = phase.network.trainable_variables
        variables = [_compat.tf_variable(weight) for weight in weights]
        with power_iteration_once(phase.network), tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss = phase.loss(batch)
            # Replicas add their gradients up.
            scaled = _compat.scale_loss(phase.optimizer, loss / tf.distribute.get_strategy().num_replicas_in_sync)
        gradients = _compat.unscale_gradients(phase.optimizer, tape.gradient(scaled, variables))
        phase.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        for penalty in self.penalties:
            if phase.player in getattr(penalty, "players", ()) and hasattr(penalty, "after_update"):
                penalty.after_update(phase.network)
        return loss

    def _prepared(self, data):
        """Images in [-1, 1] as float32, and int32 class indices or None."""
        images, labels = training_data.split(data, self.num_classes)
        images = _images.rescale(tf.cast(images, tf.float32), self.value_range, _images.NETWORK_RANGE)
        return images, None if labels is None else training_data.labels_to_indices(labels, self.num_classes)

    def report(self, name, value):
        """Adds a value to the mean of an epoch that the metric `name` shows."""
        self._training.means[name].update_state(value)

    @property
    def metrics(self):
        return list(self._training.means.values())

    # How it is told to train.

    @_replicas.in_own_scope
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
            jit_compile: True, False, or "auto": with XLA if there is an accelerator and no `tf.distribute` strategy, under
                which XLA compiles no training step. Defaults to "auto".
            run_eagerly: As in `keras.Model.compile`. Defaults to False.
            steps_per_execution: As in `keras.Model.compile`: an epoch ends with the execution in which its last step
                lies, so choose a divisor of its steps. Defaults to 1.

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
        given = {name: value for name, value in given.items() if value is not None}
        if self.own_loss and (loss is not None or label_smoothing):
            raise ValueError(
                f"`loss` and `label_smoothing` do not apply to {type(self).__name__}, which has a loss of its own. "
                f"Received: loss={loss!r}, label_smoothing={label_smoothing!r}"
            )
        settings.check_trainable(self)
        checked = settings.check({**self.paper_settings(), **given}, label_smoothing, settings.compute_dtype(self))
        jit = settings.check_jit_compile(jit_compile, _checks.boolean(run_eagerly, "run_eagerly"), self)
        steps_per_execution = _checks.positive_int(steps_per_execution, "steps_per_execution")
        players = {"g": self.generator, "d": self.discriminator}
        stateful = [part for part in (*checked["penalties"], checked["augment"]) if hasattr(part, "attach")]
        for part in stateful:
            part.attach(players)
        for part in (*checked["penalties"], checked["augment"]):
            if hasattr(part, "check"):
                part.check(self)

        super().compile(jit_compile=jit, run_eagerly=run_eagerly, steps_per_execution=steps_per_execution)
        self.optimizer = None  # there are two, and they are ours
        self.g_optimizer, self.d_optimizer = checked["g_optimizer"], checked["d_optimizer"]
        self.g_optimizer.build(self.generator.trainable_variables)
        self.d_optimizer.build(self.discriminator.trainable_variables)
        trained = (*self.generator.trainable_variables, *self.discriminator.trainable_variables)
        self._training.compiled = {id(weight) for weight in trained}
        self.adversarial_loss, self.penalties, self.augment = (checked[n] for n in ("loss", "penalties", "augment"))
        self.d_steps, self.ema_decay = checked["d_steps"], checked["ema_decay"]
        self._requested = {"jit_compile": jit_compile, "steps_per_execution": steps_per_execution}
        names = (*self.metric_names, *getattr(self.augment, "metric_names", ()))
        self._training.means = {name: keras.metrics.Mean(name=name) for name in names}
        # Past `__setattr__`: saved like the optimizers, and like theirs no weights of the model.
        vars(self)["running_states"] = [part.state for part in stateful]
        if hasattr(self.augment, "after_compile"):
            self.augment.after_compile(self)

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
            x: A batched `tf.data.Dataset` of (images, labels), or an array (or a list) of images of shape
                (n, height, width, channels), of any real dtype, with values in `value_range`. An object that gives batches
                is read as a dataset: a `keras.utils.PyDataset`, a torch `DataLoader`. Iterators are refused, since
                they are read once: see `tf.data.Dataset.from_generator`.
            y: With an array `x`, its labels: integers of shape (n,) or (n, 1), or one-hot rows.
            batch_size: With arrays, images per update; under a strategy a multiple of its replicas. Defaults to 64.
            epochs: Epoch to train to. Defaults to 1.
            verbose: As in `keras.Model.fit`. Defaults to "auto".
            callbacks: List of Keras callbacks. One that watches `d_loss` or `g_loss` needs to be told `mode="min"`.
            shuffle: With arrays, whether each epoch has an order of its own. Defaults to True.
            class_balanced: Whether all classes are shown equally often, however rare; a dataset is then read into
                memory. Needs labels. Defaults to False.
            initial_epoch: Epoch to start at. Defaults to 0.
            steps_per_epoch: Training steps per epoch. Defaults to one pass over the data, where one step takes `d_steps`
                batches. An epoch is then that many steps: the data begin anew where they end, within an epoch too, and the
                next epoch goes on where the last one stopped. Required for an infinite dataset.

        Returns a Keras `History` with the epoch means of `d_loss` and `g_loss`.

        Warns of classes of which the data have no image: before training with arrays, after the first epoch with a
        dataset. `unseen_classes` remembers them.

        Raises:
            ValueError, TypeError: If the data does not fit the model: shape, value range, labels, or unbatched elements.
            ValueError: If a loss is not a finite number: it says in which training step, and of which player. The model is
                then of no use any more; what callbacks such as `KeepBest` have written before is.
        """
        if not hasattr(self, "adversarial_loss"):
            raise ValueError("`compile()` must be called before `fit()`. Received: a model that is not compiled")
        if class_balanced and self.num_classes is None:
            raise ValueError("`class_balanced` needs a model with classes. Received: class_balanced=True, num_classes=None")
        _replicas.check_scope(self)
        settings.check_callbacks(callbacks)
        settings.check_trainable(self, self._training.compiled)
        _checks.positive_int(epochs, "epochs")
        _checks.non_negative_int(initial_epoch, "initial_epoch")
        if steps_per_epoch is not None:
            _checks.positive_int(steps_per_epoch, "steps_per_epoch")
        shuffle, class_balanced = _checks.boolean(shuffle, "shuffle"), _checks.boolean(class_balanced, "class_balanced")
        class_names = getattr(x, "class_names", None)
        x = training_inputs.readable(x)
        if isinstance(x, tf.data.Dataset):
            if y is not None or batch_size is not None:
                raise ValueError(
                    "`y` and `batch_size` go with arrays; a dataset has its own. Received: "
                    f"y {'given' if y is not None else 'None'}, batch_size={batch_size!r}"
                )
            stream, steps = training_data.from_dataset(x, self, steps_per_epoch, class_balanced, class_names)
        else:
            batch_size = None if batch_size is None else _checks.positive_int(batch_size, "batch_size")
            stream, steps = training_data.from_arrays(x, y, self, batch_size, shuffle, class_balanced, class_names)
        rows = tf.nest.flatten(stream.element_spec)[0].shape[0]
        known_steps = steps_per_epoch or steps
        self.before_fit(known_steps and rows and (epochs - initial_epoch) * known_steps * rows)
        watch = training_watch.TrainingWatch(training_watch.as_list(callbacks), steps_per_epoch is None, class_names)
        self.training_record.restart()
        try:
            history = super().fit(
                stream,
                epochs=epochs,
                verbose=verbose,
                callbacks=training_watch.first_of(callbacks, watch),
                shuffle=False,
                initial_epoch=initial_epoch,
                steps_per_epoch=known_steps,
            )
        except tf.errors.InvalidArgumentError as error:
            readable = _checks.readable(error)
            if readable is None:
                raise
            raise readable from None
        if hasattr(self.augment, "after_fit"):
            self.augment.after_fit()
        return history

    def test_step(self, data):
        return self.evaluate()

    def evaluate(self, *args, **kwargs):
        """A GAN has no loss that tells how good it is.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            f"`evaluate` is not for a GAN, whose losses do not tell how good it is: judge what `generate` gives. "
            f"Received: a call of {type(self).__name__}.evaluate"
        )

    # Making and restoring.

    def network_inputs(self, first, labels):
        """The inputs of a network: latents or images, with their labels where there are classes."""
        return first if self.num_classes is None else [first, labels]

    @property
    def generator_arguments(self):
        """What every family's generator is built from."""
        return {**self._network_arguments(0), "latent_dim": self.latent_dim}

    @property
    def discriminator_arguments(self):
        """What every family's discriminator is built from."""
        return self._network_arguments(1)

    def _network_arguments(self, number):
        names = ("image_shape", "num_classes", "width")
        return {**{name: getattr(self, name) for name in names}, "seed": self.derived_seed(number)}

    def derived_seed(self, number):
        """An integer that follows from the model's seed; `number` tells apart what it is for."""
        seed = np.random.SeedSequence([number, *(int(part) % 2**64 for part in np.atleast_1d(self.seed))])
        return int(seed.generate_state(1)[0])

    def add_state(self, name, shape=(), initializer="zeros", dtype="float32"):
        """A variable that training carries along and that is saved with the model; replicas take the first one's value."""
        return _state.add_state(self, name, shape, initializer, dtype)
