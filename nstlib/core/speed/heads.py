"""Features that leave a network through a linear head, and their mean products without the features.

With f = Kᵀ s + b, s what the head sees, the mean products of [f, 1] are Aᵀ T A, T those of [s, 1], A = [K 0; b 1]. A
head is a convolution over every position, on the way there and back; where a style loss asks for no more than mean
products it is left out: an eighth of an evaluation's time on compact.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from .gradients import products_with_one


class Headed(NamedTuple):
    """Features f = Kᵀ s + b, (1, h, w, C), as their parts: s (1, h, w, c), and A = [K 0; b 1], (c + 1, C + 1)."""

    seen: tf.Tensor
    head: tf.Tensor

    def features(self) -> tf.Tensor:
        """f, in float32."""
        head = tf.cast(self.head, self.seen.dtype)
        f = tf.nn.bias_add(tf.nn.conv2d(self.seen, head[None, None, :-1, :-1], 1, "VALID"), head[-1, :-1])
        return tf.cast(f, tf.float32)


def head_matrix(kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """A = [K 0; b 1] of K (c, C) and b (C,)."""
    return np.block([[kernel, np.zeros((len(kernel), 1))], [bias, np.ones(1)]])


def computed(features: tf.Tensor | Headed) -> tf.Tensor:
    """The features (1, h, w, C), in float32."""
    return features.features() if isinstance(features, Headed) else tf.cast(features, tf.float32)


def mean_products(features: tf.Tensor | Headed) -> tf.Tensor:
    """The mean over the positions of [f, 1]ᵀ [f, 1], (C + 1, C + 1) in float32."""
    if isinstance(features, Headed):
        return tf.matmul(features.head, mean_products(features.seen) @ features.head, transpose_a=True)
    positions = tf.size(features) // features.shape[-1]
    return products_with_one(features) / tf.cast(positions, tf.float32)
