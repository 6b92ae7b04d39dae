"""L = Σ_k w_k E max(0, S_k(q) − y)²: how much darker a photograph is than its styles, quantile for quantile.

y is a pixel's luma, q the share of pixels that are darker, S_k the luma of style k at that quantile, w_k its share. A
network's features are strongest for black, since its inputs are centred, so that by them alone a photograph at dusk
becomes darker than dusk. What is brighter than the style costs nothing: a small lamp in the style is no reason for
a sky to be black.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ..media.colors import YIQ

COUNT = 256  # quantiles that are kept of a style


def luma_quantiles(pictures: Sequence[np.ndarray]) -> tf.Tensor:
    """(K, 256): the luma of each picture (H, W, 3) at (i + ½) / 256 of its pixels."""
    at = (np.arange(COUNT) + 0.5) / COUNT
    found = [np.quantile(picture @ YIQ[0], at) for picture in pictures]
    return tf.constant(np.reshape(found, (-1, COUNT)), tf.float32)


def light_loss(picture: tf.Tensor, styles: tf.Tensor, shares: tf.Tensor, regions: tf.Tensor) -> tf.Tensor:
    """The picture's (H, W, 3) darkness, a scalar; styles (K, 256), shares (K,), regions (H, W, K), a style's place."""
    luma = tf.reshape(tf.tensordot(picture, tf.constant(YIQ[0]), 1), [-1])  # (N,)
    order = tf.argsort(luma)
    weights = tf.transpose(tf.gather(tf.reshape(regions, [-1, tf.shape(regions)[-1]]), order))  # (K, N)
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True) + 1e-6
    quantile = tf.cumsum(weights, axis=1) - weights / 2

    place = tf.clip_by_value(quantile * COUNT - 0.5, 0.0, COUNT - 1.0)
    below = tf.minimum(tf.cast(place, tf.int32), COUNT - 2)
    low, high = (tf.gather(styles, below + step, batch_dims=1) for step in (0, 1))  # (K, N)
    meant = low + (place - tf.cast(below, tf.float32)) * (high - low)

    missing = tf.nn.relu(meant - tf.gather(luma, order))
    return tf.reduce_sum(shares[:, None] * weights * missing**2)
