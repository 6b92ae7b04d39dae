"""One trace for all pictures, styles and weights: finding one takes TensorFlow 0.7 ms a call, making one seconds."""

from functools import partial
from typing import Any

import tensorflow as tf

# tf.function, but that Python's own `if` and `for` are left as they are: none of ours asks a tensor, and rewriting them
# is more than half the time of a first trace.
graph = partial(tf.function, autograph=False)


def traced(function: Any, signature: list[Any], **options: Any) -> Any:
    """The function, traced once for inputs of these specs; options: TensorFlow's own, such as `jit_compile`."""
    return graph(function, input_signature=signature, **options).get_concrete_function()


def specs(value: Any) -> Any:
    """A signature that leaves heights, widths and counts open and keeps the channels of 3-D and larger tensors."""
    if isinstance(value, dict):
        return {name: specs(v) for name, v in value.items()}
    shape = [None] * len(value.shape)
    if len(shape) == 4:
        shape[-1] = value.shape[-1]
    return tf.TensorSpec(shape, value.dtype)
