"""What a run optimises: a tensor x that a picture is made from.

A parametrisation tells where x begins, the picture that x stands for, and the loss's gradient with respect to x from
that with respect to the picture. A run knows no more of it; another one is another class with these methods.
"""

import numpy as np
import tensorflow as tf


class Pixels:
    """The picture itself: x (H, W, 3), each value in [0, 1]."""

    bounded = True  # the optimiser keeps x in [0, 1]

    def begin(self, image: np.ndarray) -> tf.Tensor:
        """The x of a picture (H, W, 3)."""
        return tf.constant(image)

    def picture(self, x: tf.Tensor) -> tf.Tensor:
        """The picture (H, W, 3) of x."""
        return x

    def gradient(self, x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        """∂L/∂x from ∂L/∂picture, (H, W, 3)."""
        return upstream
