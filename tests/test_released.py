"""What a training needs is freed with its model: many can be trained in one process."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf
from tools import small_data, small_gan, study_data

import keras_ganaug as kga
from keras_ganaug import _compat


def graphs():
    """The number of graphs in memory."""
    gc.collect()
    return sum(type(each).__name__ == "FuncGraph" for each in gc.get_objects())


def study():
    def build(seed):
        return kga.networks.classifier.classifier((8, 8, 1), 3, width=2, seed=seed)

    arms = {"nothing": kga.study.Arm(), "gan": kga.study.Arm(synthetic=kga.study.Synthetic(0.5, "keep", bank_size=6))}
    settings = {"arms": arms, "on_top_of": None, "build": build, "steps": 1, "batch_size": 8, "seeds": [0], "verbose": False}
    kga.AugmentationStudy(study_data(1), study_data(2), lambda x, y, seed: trained(small_gan(seed=seed)), **settings).run()


def gan():
    trained(small_gan())


def style_gan():
    trained(kga.StyleGAN((8, 8, 1), 3, latent_dim=3, width=2, seed=1))


def trained(made):
    made.compile()
    made.fit(*small_data(), batch_size=8, steps=1, verbose=0)
    made.generate([0, 1])
    return made


@pytest.mark.long
@pytest.mark.skipif(not _compat.KERAS_3, reason="Keras 2 keeps the graphs of its trainings")
@pytest.mark.parametrize("train", [study, gan, style_gan])
def test_a_training_leaves_no_graph_behind(train):
    train()
    before = graphs()
    train()
    assert graphs() <= before


def test_an_optimizer_with_a_loss_scale_too(monkeypatch):
    if not _compat.KERAS_3:
        pytest.skip("Keras 2 keeps no graphs")
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    _compat.forget_traces(optimizer)
    pairs = [(tf.constant(1.0), None)]
    assert optimizer.inner_optimizer._all_reduce_sum_gradients(pairs) == pairs


def test_under_a_strategy_gradients_are_still_summed(two_replicas):
    with two_replicas.scope():
        optimizer = keras.optimizers.SGD(1.0)
        weight = keras.Variable(np.zeros(1), dtype="float32") if _compat.KERAS_3 else tf.Variable([0.0])
        optimizer.build([weight])
        _compat.forget_traces(optimizer)
    two_replicas.run(lambda: optimizer.apply_gradients([(tf.constant([1.0]), weight)]))
    np.testing.assert_allclose(_compat.tf_variable(weight).numpy(), [-2.0])
