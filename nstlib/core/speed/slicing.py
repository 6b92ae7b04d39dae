"""A bilateral grid applied to a picture of any size, compiled and in strips: a fifth of the plain form's time.

The plain form is `bilateral.BilateralGrid.picture`, which has a gradient; a test compares the two with a loop over
pixels. Here every pixel gathers the maps of its four neighbours in its row's slice of the grid.
"""

import numpy as np
import tensorflow as tf

from ...media.colors import YIQ

STRIP = 400_000  # pixels at a time, about: each takes some 100 bytes while it is mapped


def applied(maps: np.ndarray, content: np.ndarray, strength: float = 1.0, *, hats) -> np.ndarray:
    """x + s A [x − ½; 1], cut to [0, 1], for each pixel of the content (H, W, 3); maps (rows, columns, bins, 3, 4).

    hats(count, nodes) weighs the grid's rows for each of the content's.
    """
    if strength == 0:
        return content
    height, width = content.shape[:2]
    rows, columns, bins = maps.shape[:3]
    along = np.tensordot(hats(height, rows), strength * maps, 1).astype(np.float32)  # (H, columns, bins, 3, 4)
    along = along.reshape(height, columns * bins, 12)

    result, step = np.empty_like(content), min(height, max(1, STRIP // width))
    for top in range(0, height, step):
        strip = slice(min(top, height - step), min(top, height - step) + step)  # all of a size: compiled once
        result[strip] = _mapped(content[strip], along[strip], columns, bins)
    return result


@tf.function(jit_compile=True, reduce_retracing=False)
def _mapped(x, along, columns, bins):
    """x (h, w, 3); along (h, columns · bins, 12), the maps at each row."""
    luma = tf.tensordot(x, tf.constant(YIQ[0]), 1)
    width = x.shape[1]
    place = np.clip((np.arange(width) + 0.5) * columns / width - 0.5, 0, columns - 1).astype(np.float32)
    left = np.minimum(place.astype(np.int32), max(columns - 2, 0))
    bin = tf.clip_by_value(luma, 0.0, 1.0) * (bins - 1)
    below = tf.minimum(tf.cast(bin, tf.int32), bins - 2)

    to_right, up = place - left, bin - tf.cast(below, tf.float32)
    at = 0.0
    for column in range(min(2, columns)):
        for step in (0, 1):
            share = (to_right if column else 1 - to_right) * (up if step else 1 - up)
            node = (left + column) * bins + below + step
            at += share[..., None] * tf.gather(along, node, batch_dims=1)  # (h, w, 12)

    of_colour = tf.reshape(at, [*x.shape[:2], 3, 4])
    change = tf.reduce_sum(of_colour * tf.concat([x - 0.5, tf.ones_like(luma)[..., None]], -1)[..., None, :], -1)
    return tf.clip_by_value(x + change, 0.0, 1.0)
