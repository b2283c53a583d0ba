"""Two logical CPUs, so that `MirroredStrategy` has two replicas, and the same random numbers in every test.

TensorFlow takes seconds to import. The process that only hands tests to the workers does without it.
"""

import gc
import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# XLA compiles everything that it is asked to, but optimises little: it is twice as fast, and these programs run once.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

gc.set_threshold(50_000, 20, 50)  # tracing makes many objects, among many that stay


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session):
    if hasattr(session.config, "workerinput") or not session.config.getoption("numprocesses", None):
        import tensorflow as tf

        devices = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)


def pytest_make_parametrize_id(config, val, argname):
    """A name that is the same in each process: the two workers must find the same tests."""
    return argname if " at 0x" in repr(val) else None


@pytest.fixture(autouse=True)
def _seeded():
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture
def eager(request):
    import tools

    request.node.add_marker(pytest.mark.filterwarnings("ignore:Even though the"))
    with tools.eagerly():
        yield


@pytest.fixture
def mixed_bfloat16():
    import keras

    policy = keras.mixed_precision.set_global_policy if hasattr(keras, "mixed_precision") else keras.config.set_dtype_policy
    policy("mixed_bfloat16")
    yield
    policy("float32")


@pytest.fixture
def two_replicas():
    import tensorflow as tf

    # The collectives of TensorFlow are numbered anew by each strategy of a process, and then mixed up.
    reduction = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=reduction)
