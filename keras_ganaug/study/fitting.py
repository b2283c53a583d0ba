"""A classifier trained under one arm, for use."""

from typing import Any

import keras

from keras_ganaug.study import losses


def classifier_of(trainer: Any, arm: Any) -> keras.Model:
    """The classifier that a `training.Trainer` trains under an arm, with what the arm does to its logits.

    It is compiled with the cross-entropy of class indices and the accuracy, so that it evaluates, and is saved, without the
    loss of the arm.
    """
    model, prior = trainer._train(arm, trainer.images, trainer.cells, trainer.seed, trainer.generator_of(arm))
    optimizer, loss = model.optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    if arm.adjust_logits:
        offset = (-losses.log_of(prior)).tolist()
        model = keras.Sequential([keras.Input(trainer.images.shape[1:]), model, keras.layers.Rescaling(1.0, offset)])
        model.compile(optimizer, loss, metrics=["accuracy"])
    return model
