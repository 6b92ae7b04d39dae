"""A bilateral grid applied to a picture of any size, compiled and in strips: a fifth of the plain form's time.

The plain form is `bilateral.BilateralGrid.picture`, which has a gradient; a test compares the two with a loop over
pixels. Here every pixel gathers the maps of its four neighbours in its row's slice of the grid.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import tensorflow as tf

from ...media.colors import YIQ
from .tracing import traced

STRIP = 250_000  # pixels at a time, at most about: each takes some 400 bytes while it is mapped


def applied(
    maps: np.ndarray, content: np.ndarray, strength: float = 1.0, *, hats, regions: np.ndarray | None = None
) -> np.ndarray:
    """x + s Σ_k r_k A_k [x − ½; 1], cut to [0, 1], for each pixel of the content (H, W, 3).

    maps (K, rows, columns, bins, 3, 4); regions r (H, W, K), or None where K is 1. hats(count, nodes) weighs the grid's
    rows for each of the content's.
    """
    if strength == 0:
        return content
    height, width = content.shape[:2]
    count, rows, columns, bins = maps.shape[:4]
    along = np.einsum("hr,krcbij->hkcbij", hats(height, rows), strength * maps, optimize=True).astype(np.float32)
    along = along.reshape(height, count, columns * bins, 12)

    result, step = np.empty_like(content), -(-height // -(-height * width // STRIP))
    mapped = _compiled(step, width, count, columns, bins)
    for top in range(0, height, step):
        strip = slice(min(top, height - step), min(top, height - step) + step)  # all of a size: compiled once
        shares = np.ones((1, 1, 1), np.float32) if regions is None else regions[strip]
        result[strip] = mapped(content[strip], along[strip], shares)
    return result


@lru_cache(maxsize=16)  # compiled once a size
def _compiled(height: int, width: int, count: int, columns: int, bins: int) -> Callable:
    """(content (h, w, 3), along (h, K, columns · bins, 12), regions (h, w, K)) -> the result (h, w, 3)."""

    def mapped(x: tf.Tensor, along: tf.Tensor, regions: tf.Tensor) -> tf.Tensor:
        luma = tf.tensordot(x, tf.constant(YIQ[0]), 1)
        place = np.clip((np.arange(width) + 0.5) * columns / width - 0.5, 0, columns - 1).astype(np.float32)
        left = np.minimum(place.astype(np.int32), max(columns - 2, 0))
        bin_ = tf.clip_by_value(luma, 0.0, 1.0) * (bins - 1)
        below = tf.minimum(tf.cast(bin_, tf.int32), bins - 2)
        to_right, up = place - left, bin_ - tf.cast(below, tf.float32)

        at = 0.0
        for region in range(count):
            for column in range(min(2, columns)):
                for step in (0, 1):
                    share = (to_right if column else 1 - to_right) * (up if step else 1 - up) * regions[..., region]
                    node = (left + column) * bins + below + step
                    at += share[..., None] * tf.gather(along[:, region], node, batch_dims=1)  # (h, w, 12)

        of_colour = tf.reshape(at, [height, width, 3, 4])
        change = tf.reduce_sum(of_colour * tf.concat([x - 0.5, tf.ones_like(luma)[..., None]], -1)[..., None, :], -1)
        return tf.clip_by_value(x + change, 0.0, 1.0)

    shapes = (height, width, 3), (height, count, columns * bins, 12), (None, None, count)
    return traced(mapped, [tf.TensorSpec(shape, tf.float32) for shape in shapes], jit_compile=True)
