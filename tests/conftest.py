"""Two logical CPUs, so that `MirroredStrategy` has two replicas, and the same random numbers in every test."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# XLA compiles everything that it is asked to, but optimises little: it is twice as fast, and these programs run once.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import keras
import pytest
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


@pytest.fixture
def mixed_bfloat16():
    policy = keras.mixed_precision.set_global_policy if hasattr(keras, "mixed_precision") else keras.config.set_dtype_policy
    policy("mixed_bfloat16")
    yield
    policy("float32")


@pytest.fixture
def two_replicas():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
