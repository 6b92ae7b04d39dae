"""max(mean of row minima, mean of column minima) of the cosine distances of hypercolumns, and their moments' distance.

The relaxed earth mover's distance of STROTSS (Kolkin, Salavon, Shakhnarovich 2019, eq. 3 to 7): each position of the
picture is to be near some position of the style, and each of the style's near some of the picture's; a position is
its hypercolumn, the features of all layers there. Since cosines do not see how large features are, mean and covariance
are compared as well. Content is the pattern of distances within the picture, so that strokes follow what is drawn.

Departures: positions are a fixed grid instead of 1024 drawn anew for every step, so that the loss is a function of the
picture, as L-BFGS needs it and a replay too; each layer has the same share of a hypercolumn, since with VGG19's own
scale block 4 would be all of it; the moments' distances are relative norms, which a folded head keeps, instead of mean
absolute differences; colours have no term of their own, since block1_conv1 shows them.
Every layer's term is the hypercolumns' distance, so that layers' weights make no difference.
"""

from collections.abc import Mapping

import tensorflow as tf

from .. import losses
from . import style_unit

AVERAGED = False
GRID = 48  # positions a side, of picture and style
CONTENT_GRID = 24  # positions a side whose distances from each other are the content
FAR = 2.0  # the largest cosine distance
STRENGTH = 0.01  # of a distance, in those of `gram`: the same content distance at the same weights


def statistics(features: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
    """Features (1, h, w, C) at GRID x GRID positions, and how much each counts: (GRID², C + 1)."""
    seen = sampled(features, GRID)  # (P, C)
    counts = tf.ones_like(seen[:, :1]) if mask is None else sampled(mask[None, ..., None], GRID)
    return tf.concat([seen, counts], axis=-1)


def sampled(features: tf.Tensor, side: int) -> tf.Tensor:
    """Features (1, h, w, C) between the nearest four of a grid's positions, (side², C)."""
    grid = tf.image.resize(tf.cast(features, tf.float32), (side, side), "bilinear")  # (1, side, side, C)
    return tf.reshape(grid, [side * side, features.shape[-1]])


def prepared(found: tf.Tensor) -> dict[str, tf.Tensor]:
    """What K styles (K, P, C + 1) are compared by: their features (K, P, C) and Gram matrices."""
    features = found[..., :-1]
    positions = tf.cast(tf.shape(features)[1], tf.float32)
    return {"features": features, "gram": tf.matmul(features, features, transpose_a=True) / positions}


def distances(
    own: Mapping[str, tf.Tensor],
    target: Mapping[str, Mapping[str, tf.Tensor]],
    *,
    convention: str,
    channels: Mapping[str, int],
) -> dict[str, tf.Tensor]:
    """The hypercolumns' distance times `style_unit`, the same for each layer of a level: {layer: (K,)}."""
    found = {}
    for level in dict.fromkeys(layer.partition("@")[2] for layer in target):
        layers = [layer for layer in target if layer.partition("@")[2] == level]
        sizes = {layer: tf.sqrt(tf.linalg.trace(target[layer]["gram"]) + losses.TINY) for layer in layers}
        columns = tf.concat([own[layer][..., :-1] / sizes[layer][:, None, None] for layer in layers], axis=-1)
        style = tf.concat([target[layer]["features"] / sizes[layer][:, None, None] for layer in layers], axis=-1)
        counts = own[layers[0]][..., -1]  # (1 or K, P)
        apart = relaxed_distance(columns, style, counts) + moments_distance(columns, style, counts)  # (K,)
        for layer in layers:
            unit = style_unit(target[layer]["gram"], convention=convention, channels=channels[layer])
            found[layer] = STRENGTH * unit * apart
    return found


def relaxed_distance(columns: tf.Tensor, style: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """max of the mean row minimum and the mean column minimum of D = 1 − cos, (K,).

    columns (K, P, C) of a picture, of which each position counts so much, (K, P) in [0, 1]; style (K, Q, C).
    """
    distance = cosine_distance(columns, style)  # (K, P, Q)
    to_style = tf.reduce_min(distance, axis=2)
    to_style = tf.reduce_sum(counts * to_style, axis=1) / (tf.reduce_sum(counts, axis=1) + losses.TINY)
    outside = FAR * (1 - counts)[..., None]  # a position that does not count is no style position's nearest
    to_picture = tf.reduce_mean(tf.reduce_min(distance + outside, axis=1), axis=1)
    return tf.maximum(to_style, to_picture)


def moments_distance(columns: tf.Tensor, style: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """|μ − μ_s| / |μ_s| + |S − S_s| / |S_s| of mean and covariance, (K,)."""
    mean, covariance = _moments(columns, counts)
    style_mean, style_covariance = _moments(style, tf.ones_like(style[..., 0]))
    return _relative(mean, style_mean, [1]) + _relative(covariance, style_covariance, [1, 2])


def content_loss(
    features: tf.Tensor, target: tf.Tensor, *, convention: str = "relative", channels: int | None = None
) -> tf.Tensor:
    """Σ |D − D_c| / Σ D_c of the positions' distances from each other, in the convention's unit of content.

    features, target (1, h, w, C). Returns a scalar.
    """
    own, goal = (sampled(f, CONTENT_GRID)[None] for f in (features, target))
    own, goal = (cosine_distance(f, f) for f in (own, goal))  # (1, P, P)
    apart = tf.reduce_sum(tf.abs(own - goal)) / (tf.reduce_sum(goal) + losses.TINY)
    scale = losses.content_scale(target, convention=convention, channels=channels or target.shape[-1])
    return scale * tf.reduce_sum(target**2) * apart


def cosine_distance(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """1 − cos of every two, (K, P, C) and (K, Q, C) -> (K, P, Q)."""
    a, b = (x * tf.math.rsqrt(tf.reduce_sum(x**2, axis=-1, keepdims=True) + losses.TINY) for x in (a, b))
    return 1 - tf.matmul(a, b, transpose_b=True)


def _moments(columns: tf.Tensor, counts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    share = (counts / (tf.reduce_sum(counts, axis=1, keepdims=True) + losses.TINY))[..., None]  # (K, P, 1)
    mean = tf.reduce_sum(share * columns, axis=1)  # (K, C)
    centred = columns - mean[:, None]
    return mean, tf.matmul(share * centred, centred, transpose_a=True)


def _relative(own: tf.Tensor, style: tf.Tensor, axes: list[int]) -> tf.Tensor:
    """|own − style| / |style|; the root's gradient is finite where the two are equal."""
    apart = tf.reduce_sum((own - style) ** 2, axis=axes) / (tf.reduce_sum(style**2, axis=axes) + losses.TINY)
    return tf.sqrt(apart + losses.TINY)
