"""The base class of the package's layers."""

import inspect

import keras


class Layer(keras.layers.Layer):
    """A layer whose output has the shape of its first input, and whose config holds its constructor arguments.

    A subclass stores each argument as an attribute with the same name, and overrides what differs.
    """

    def compute_output_shape(self, input_shape):
        return input_shape if isinstance(input_shape[-1], int) or input_shape[-1] is None else input_shape[0]

    def get_config(self):
        names = inspect.signature(type(self)).parameters.keys() & vars(self).keys()
        return {**{name: getattr(self, name) for name in names}, **super().get_config()}
