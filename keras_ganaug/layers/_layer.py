"""The base of the package's layers."""

import inspect

import keras


class Layer(keras.layers.Layer):
    """A layer whose output has the shape of its first input, and whose config are the arguments of its constructor.

    A subclass keeps each argument as an attribute of the same name, and overrides what is otherwise.
    """

    def compute_output_shape(self, input_shape):
        return input_shape if isinstance(input_shape[-1], int) or input_shape[-1] is None else input_shape[0]

    def get_config(self):
        names = inspect.signature(type(self)).parameters.keys() & vars(self).keys()
        return {**{name: getattr(self, name) for name in names}, **super().get_config()}
