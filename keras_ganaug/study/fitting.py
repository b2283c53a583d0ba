"""Trains a classifier under one arm, for use outside of the study."""

from typing import Any

import keras

from keras_ganaug.study import losses


def classifier_of(trainer: Any, arm: Any) -> keras.Model:
    """Trains a classifier under an arm with a `training.Trainer`, including the adjustment of its logits, if any.

    It is compiled with the cross-entropy of class indices and the accuracy, so you can evaluate and save it without the loss
    of the arm.
    """
    model, prior = trainer._train(arm, trainer.images, trainer.cells, trainer.seed, trainer.generator_of(arm))
    optimizer, loss = model.optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    if arm.adjust_logits:
        offset = (-losses.log_of(prior)).tolist()
        model = keras.Sequential([keras.Input(trainer.images.shape[1:]), model, keras.layers.Rescaling(1.0, offset)])
        model.compile(optimizer, loss, metrics=["accuracy"])
    return model
