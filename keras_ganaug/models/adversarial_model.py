"""The base class of all models in the package: players that `compile` and `fit` train against each other."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_ganaug import _checks, _compat, _docs, _files, _images, _random, _replicas, _state, conditions
from keras_ganaug.datasets import streams
from keras_ganaug.models import loop, saving, schedule, settings, training, training_watch
from keras_ganaug.models.averaging import Average
from keras_ganaug.models.training_record import TrainingRecord


class AdversarialModel(_files.WrittenAside, conditions.Conditioned, _compat.Model):
    """A Keras model with several players. It owns their networks and trains them in turn.

    The constructor of a subclass creates the networks as attributes, and ends with `made(network, inputs)`.
    `player_networks` maps the players to these attributes. For example, player "d" with the attribute `discriminator`
    minimises `d_loss(batch)` with `d_optimizer`.

    Args:
        image_shape: (height, width, channels): any positive integers.
        num_classes: Number of classes, a mapping from the name of each attribute to its number of values, or None for an
            unconditional model. Defaults to None.
        value_range: (lowest, highest) value of the training images and of generated images. Defaults to (0, 255).
        seed: Integer that determines initial weights, latents and the order of the images. Defaults to None: a random seed.
        width: Channels of the default networks at full resolution. They double each time the resolution is halved, up to 8
            times. The computation grows with the square of the width. Defaults to 32.
        class_names: Names of the classes, in the order of their indices, so that `generate({"Coat": 50})` works. They are
            saved with the model and exported. With several attributes, a mapping from attribute to names. Defaults to None:
            `fit` takes them from a dataset that has them, as those of `keras_ganaug.datasets` do.
        dtype: Dtype policy of the default networks, such as "mixed_bfloat16". Your own networks keep their policies. If any
            layer computes in float16, the optimizers scale the loss. Defaults to Keras's global policy.
    """

    player_networks = {"d": "discriminator", "g": "generator"}
    """Maps the players, in training order, to the attributes that hold their networks."""
    metric_names: tuple[str, ...] = ("d_loss", "g_loss")
    """Names of the metrics that training reports, each a running mean."""
    own_loss = False
    """Whether the objectives do not use the adversarial loss of `compile`, which then accepts none."""
    own_arguments: tuple[str, ...] = ()
    """Names of the constructor arguments that a variant adds. Each is also an attribute."""
    exported = "generator"

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        _docs.complete_docstring(cls)

    def __init__(self, image_shape, num_classes=None, value_range=(0, 255), seed=None, width=32, class_names=None, **kwargs):
        image_shape = _checks.image_shape(image_shape)
        condition = conditions.of(num_classes, class_names=class_names)
        value_range, width = _checks.value_range(value_range), _checks.positive_int(width, "width")
        seed = _replicas.agreed(_random.entropy()) if _checks.seed(seed) is None else _checks.seed(seed)
        super().__init__(**kwargs)
        self.image_shape, self.condition, self.value_range = image_shape, condition, value_range
        self.seed, self.width, self.d_steps = seed, width, 1
        self.step, self.images_seen = (self.add_state(name, dtype="int64") for name in ("step", "images_seen"))
        self.training_state = training.Training(TrainingRecord(condition, self.player_networks))

    def made(self, network: keras.Model, inputs: Any) -> None:
        """Makes the averaged copy of the network that generates images. `inputs` is a batch for it."""
        self.average = Average(network, inputs)
        self.built = True

    # Methods that a variant may override.

    def paper_settings(self) -> dict[str, Any]:
        """The paper's values for the arguments of `compile`, as a dict of new objects; `NAME_optimizer` for each player."""
        return {
            "g_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.999),
            "d_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.999),
            "loss": "nonsaturating",
            "penalties": (),
            "augment": None,
            "d_steps": 1,
            "ema_decay": 0.999,
        }

    def players(self) -> Sequence[training.Player]:
        """The players of a training step, in order."""
        own = {name: (getattr(self, f"{name}_optimizer"), getattr(self, f"{name}_loss")) for name in self.player_networks}
        updates = {"d": self.d_steps}
        return [training.Player(n, net, *own[n], updates.get(n, 1)) for n, net in self.networks.items()]

    def real_images(self, images: tf.Tensor) -> tf.Tensor:
        """The real images as the discriminator should see them, in [-1, 1]."""
        return images

    def before_fit(self, planned_images: int | None) -> None:
        """Called at the start of `fit`, with the number of images that it will use, or None if unknown."""

    def before_step(self) -> None:
        """Called at the start of each training step."""

    def phase(self, images_seen: int) -> str:
        """What is trained after this many images, in words that follow "while". Empty if it is always the same."""
        return ""

    # Derived properties.

    @property
    def networks(self) -> Mapping[str, keras.Model]:
        """The network of each player."""
        networks = {name: getattr(self, attribute) for name, attribute in self.player_networks.items()}
        return types.MappingProxyType(networks)  # hidden from Keras 2, since older files store them elsewhere

    @property
    def training_record(self) -> TrainingRecord:
        """Records which labels training saw, and whether a loss was not finite."""
        return self.training_state.record

    @property
    def running_states(self) -> list:
        """The state of penalties and augmentations. Keras saves it like optimizers, but it is not a weight of the model."""
        return self.training_state.states

    @property
    def metrics(self) -> list:
        return list(self.training_state.means.values())

    @property
    def unseen_classes(self) -> tuple:
        """The classes without an image in training: indices, or mappings from attributes to a value or a pair of values.

        All calls of `fit` count together, including those before the model was saved. Empty, (), if the model was never
        trained.
        """
        return self.training_record.unseen_classes

    def report(self, name: str, value: Any) -> None:
        """Adds a value to the epoch mean of the metric `name`."""
        self.training_state.means[name].update_state(value)

    def derived_seed(self, number: int) -> int:
        """Derives an integer from the model's seed. `number` makes different uses independent."""
        seed = np.random.SeedSequence([number, *(int(part) % 2**64 for part in np.atleast_1d(self.seed))])
        return int(seed.generate_state(1)[0])

    def add_state(self, name: str, shape: tuple = (), initializer: Any = "zeros", dtype: str = "float32") -> Any:
        """A variable that training updates and the model saves. Under a strategy, the first replica's value counts."""
        return _state.add_state(self, name, shape, initializer, dtype)

    @_replicas.in_own_scope
    def compile(
        self,
        g_optimizer: Any = None,
        d_optimizer: Any = None,
        loss: Any = None,
        penalties: Any = None,
        augment: Callable | None = None,
        d_steps: int | None = None,
        ema_decay: float | None = None,
        label_smoothing: float = 0.0,
        jit_compile: bool | str = "auto",
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        **optimizers: Any,
    ) -> None:
        """Configures the training of the players. All defaults are the paper's values.

        Args:
            g_optimizer: Keras optimizer of the generator, an object or a name.
            d_optimizer: Keras optimizer of the discriminator, a different object or a name.
            loss: An adversarial loss: a name ("minimax", "nonsaturating", "lsgan", "wasserstein", "hinge", "relativistic")
                or an object like those in `keras_ganaug.losses`.
            penalties: A list of regularisers, see `keras_ganaug.penalties`.
            augment: A callable `(images, seed) -> images` that augments all images before the discriminator sees them, such
                as `DiffAugment`.
            d_steps: Discriminator updates for each generator update. Each uses its own images, so one training step takes
                `d_steps` batches.
            ema_decay: Decay of the generator's averaged weights per step, in [0, 1); 0 turns averaging off. It is smaller at
                first, (1 + step) / (10 + step), so that the initial weights are forgotten.
            label_smoothing: One-sided: the discriminator's target for real images is 1 minus this. Defaults to 0.
            jit_compile: True, False, or "auto", which uses XLA if there is an accelerator and no `tf.distribute` strategy
                (XLA cannot compile a training step under a strategy). Defaults to "auto".
            run_eagerly: See `keras.Model.compile`. Defaults to False.
            steps_per_execution: See `keras.Model.compile`. An epoch ends only at the end of an execution, so choose a
                divisor of its number of steps. Defaults to 1.
            **optimizers: Optimizers of further players, `NAME_optimizer`.

        Raises:
            ValueError, TypeError: For an argument that is out of its range or of the wrong type.
        """
        given = {"loss": loss, "penalties": penalties, "augment": augment, "d_steps": d_steps, "ema_decay": ema_decay}
        given |= {"g_optimizer": g_optimizer, "d_optimizer": d_optimizer, **optimizers}
        run_eagerly = _checks.boolean(run_eagerly, "run_eagerly")
        steps_per_execution = _checks.positive_int(steps_per_execution, "steps_per_execution")
        checked, parts = settings.check(self, given, label_smoothing)
        jit = settings.check_jit_compile(jit_compile, run_eagerly, self)
        super().compile(jit_compile=jit, run_eagerly=run_eagerly, steps_per_execution=steps_per_execution)
        self.optimizer = None  # each player has its own optimizer
        for name, network in self.networks.items():
            checked[f"{name}_optimizer"].build(network.trainable_variables)
        for name, value in checked.items():
            setattr(self, name, value)
        self.training_state.compiled(self, parts, {"jit_compile": jit_compile, "steps_per_execution": steps_per_execution})
        self.training_state.augment.after_compile(self)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        shuffle: bool = True,
        class_balanced: bool = False,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        steps: int | None = None,
    ) -> keras.callbacks.History:
        """Trains the players.

        Args:
            x: A batched `tf.data.Dataset` of (images, labels), or an array (or a list) of images of shape (n, height, width,
                channels), of any real dtype, with values in `value_range`. An object that yields batches, such as a
                `keras.utils.PyDataset` or a torch `DataLoader`, is read as a dataset. Iterators are an error, since they can
                be read only once: use `tf.data.Dataset.from_generator`.
            y: Labels if `x` is an array: integers of shape (n,) or (n, 1), or one-hot rows. With several attributes, a
                mapping from name to such labels, or integers (n, attributes).
            batch_size: Images per update if `x` is an array. Under a strategy, a multiple of the number of replicas.
                Defaults to 64.
            epochs: Epoch to train to, unless `steps` is given. Defaults to 1.
            verbose: See `keras.Model.fit`. Defaults to "auto".
            callbacks: List of Keras callbacks. If one monitors `d_loss` or `g_loss`, set its `mode="min"`.
            shuffle: Whether to shuffle arrays in each epoch. Defaults to True.
            class_balanced: Whether all classes appear equally often, however rare. Needs labels. Defaults to False.
            initial_epoch: Epoch to start at. Defaults to 0.
            steps_per_epoch: Training steps per epoch. Defaults to one pass over the data, where one step takes `d_steps`
                batches. If given, the data restart whenever they end, also within an epoch, and the next epoch continues
                where the last one stopped. Required for an infinite dataset, unless `steps` is given.
            steps: Total number of training steps, instead of `epochs`. After each epoch callbacks run. It is one
                pass over the data, or a hundredth of the steps if that is more; the last may be shorter. Defaults to None.

        Returns a Keras `History` with the epoch means of the losses.

        Warns about classes without an image in the data: before training for arrays, after the first epoch for a dataset.
        `unseen_classes` stores them. Unless `verbose` is 0, it also warns if there are far too few steps for this image
        size, and suggests a number.

        Raises:
            ValueError, TypeError: If the data do not fit the model: shape, value range, labels, or unbatched elements.
            ValueError: If a loss is not finite. The message names the training step and the player. The model is then
                unusable, but files that callbacks such as `KeepBest` wrote before are not.
        """
        settings.check_fit(self, callbacks, epochs, initial_epoch, steps_per_epoch, steps)
        resuming = loop.resuming(callbacks)
        if resuming is not None:
            resuming.restore(self)
        stream = streams.of(x, y, self, batch_size, shuffle, class_balanced, endless=bool(steps_per_epoch or steps))
        self.condition.learn_names(stream.class_names)
        if stream.labels is not None:
            training_watch.warn_of_unseen(self, self.training_record.unseen_with(stream.labels))
        plan = schedule.of(stream, epochs, initial_epoch, steps_per_epoch, steps)
        self.before_fit(plan.steps and plan.rows and plan.steps * plan.rows)
        if verbose:
            schedule.warn_of_few_steps(self, plan)
        callbacks = training_watch.with_watch(callbacks, plan)
        self.training_record.restart()
        place = loop.Place(initial_epoch) if resuming is None else resuming.place(plan, initial_epoch)
        with _checks.readable_errors(), self.distribute_strategy.scope():
            history = loop.run(self, stream, plan, place, verbose, callbacks)
        self.training_state.augment.after_fit()
        return history

    def train_step(self, data: Any) -> dict[str, Any]:
        """Runs one training step: each player in turn, then the averaged weights."""
        images, labels = streams.split(data, self.condition)
        images = _images.rescale(tf.cast(images, tf.float32), self.value_range, _images.NETWORK_RANGE)
        with tf.control_dependencies([images]):  # no state may change if the data have ended
            return training.step(self, images, self.condition.indices(labels))

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Raises a TypeError: a GAN's loss does not measure its quality. Use `keras_ganaug.metrics` on its images."""
        raise TypeError(
            "`evaluate` is not for a GAN, whose losses do not measure its quality: use `keras_ganaug.metrics` on the "
            "images that `generate` returns. "
            f"Received: a call of {type(self).__name__}.evaluate"
        )

    def get_compile_config(self):
        return saving.compile_config(self)

    def compile_from_config(self, config):
        saving.compile_from_config(self, config)

    def get_config(self):
        return saving.config(self, super().get_config())

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return saving.from_config(cls, config, custom_objects)
