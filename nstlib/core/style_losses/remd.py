"""max(mean of row minima, mean of column minima) of the cosine distances of hypercolumns, and their moments' distance.

The relaxed earth mover's distance of STROTSS (Kolkin, Salavon, Shakhnarovich 2019, eq. 3 to 7): each position of the
picture is to be near some position of the style, and each of the style's near some of the picture's; a position is
its hypercolumn, the features of all layers there. Since cosines do not see how large features are, mean and covariance
are compared as well. Content is the pattern of distances within the picture, so that strokes follow what is drawn.

Departures: positions are a fixed grid instead of 1024 drawn anew for every step, so that the loss is a function of the
picture, as L-BFGS needs it and a replay too; moments are each layer's own, over all its positions, since what lies
between the grid's would be free else and becomes flat cells; each layer has the same share of a hypercolumn, since with
VGG19's own scale block 4 would be all of it; the moments' distances are relative norms, which a folded head keeps,
instead of mean absolute differences; colours have no term of their own, since block1_conv1 shows them; content is
smooth where it is 0.
Every layer's term is the hypercolumns' distance, so that layers' weights make no difference.
"""

from collections.abc import Mapping

import tensorflow as tf

from .. import losses
from ..levels import halvings
from ..speed.arithmetic import has_bfloat16
from ..speed.heads import Headed, computed
from . import style_unit
from .wasserstein import gaussian
from .wasserstein import statistics as moments

AVERAGED = False
GRID = 48  # positions a side, of picture and style
PLACES = GRID**2
CONTENT_GRID = 24  # positions a side whose distances from each other are the content
SMALL = 0.2  # of the mean distance: what is a small difference of content; L-BFGS needs a third of the evaluations
FAR = 2.0  # the largest cosine distance
STRENGTH = 0.05  # of a distance, in those of `gram`: the same content distance at the same weights
CONTENT_STRENGTH = 7.0  # of the content: as `gram`'s beside total variation, which else makes flat cells of strokes


def statistics(features: tf.Tensor | Headed, mask: tf.Tensor | None = None) -> tf.Tensor:
    """Features (1, h, w, C) at P = GRID² positions, and how much each counts; below them the moments of all positions.

    (P, C + 1) and (C + 1, C + 1), one above the other.
    """
    features = computed(features)
    seen = sampled(features, GRID)  # (P, C)
    counts = tf.ones_like(seen[:, :1]) if mask is None else sampled(mask[None, ..., None], GRID)
    return tf.concat([tf.concat([seen, counts], axis=-1), moments(features, mask)], axis=0)


def sampled(features: tf.Tensor, side: int) -> tf.Tensor:
    """Features (1, h, w, C) between the nearest four of a grid's positions, (side², C)."""
    grid = tf.image.resize(tf.cast(features, tf.float32), (side, side), "bilinear")  # (1, side, side, C)
    return tf.reshape(grid, [side * side, features.shape[-1]])


def prepared(found: tf.Tensor) -> dict[str, tf.Tensor]:
    """What K styles are compared by: features (K, P, C), moments (K, C + 1, C + 1) and Gram matrices (K, C, C)."""
    return {"features": found[:, :PLACES, :-1], "moments": found[:, PLACES:], "gram": found[:, PLACES:-1, :-1]}


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
        step = 1 + halvings(layers[0])
        columns = [thinned(own[layer][:, :PLACES, :-1], step) / sizes[layer][:, None, None] for layer in layers]
        style = [thinned(target[layer]["features"], step) / sizes[layer][:, None, None] for layer in layers]
        columns, style = tf.concat(columns, axis=-1), tf.concat(style, axis=-1)  # (K, P, C)
        counts = thinned(own[layers[0]][:, :PLACES], step)[..., -1]  # (1 or K, P)

        apart = relaxed_distance(columns, style, counts)  # (K,)
        of_layers = [moments_distance(own[layer][:, PLACES:], target[layer]["moments"]) for layer in layers]
        apart += tf.add_n(of_layers) / len(of_layers)
        for layer in layers:
            unit = style_unit(target[layer]["gram"], convention=convention, channels=channels[layer])
            found[layer] = STRENGTH * unit * apart
    return found


def relaxed_distance(columns: tf.Tensor, style: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """max of the mean row minimum and the mean column minimum of D = 1 − cos, (K,).

    columns (K, P, C) of a picture, of which each position counts so much, (K, P) in [0, 1]; style (K, Q, C).
    """
    columns, style = unit(columns), unit(style)
    nearest, reached = nearest_pairs(columns, style, counts)
    columns = tf.broadcast_to(columns, tf.concat([tf.shape(style)[:1], tf.shape(columns)[1:]], axis=0))

    to_style = 1 - tf.reduce_sum(columns * tf.gather(style, nearest, batch_dims=1), axis=2)  # (K, P)
    to_style = tf.reduce_sum(counts * to_style, axis=1) / (tf.reduce_sum(counts, axis=1) + losses.TINY)
    to_picture = 1 - tf.reduce_sum(tf.gather(columns, reached, batch_dims=1) * style, axis=2)  # (K, Q)
    return tf.maximum(to_style, tf.reduce_mean(to_picture, axis=1))


def nearest_pairs(columns: tf.Tensor, style: tf.Tensor, counts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Where each position's nearest of the style is (K, P), and each of the style's nearest of those that count (K, Q).

    Of unit vectors. A minimum's gradient is that of the pair it is reached at, so that the matrix of all distances is
    only searched: in bfloat16, where the processor has it, with a third of the time of a matrix with its gradient. The
    numbers searched are the distances themselves, as small as they are, which keeps them apart.
    """
    one, own = tf.ones_like(style[..., :1]), tf.ones_like(columns[..., :1])
    outside = FAR * (1 - counts)[..., None] * own  # a position that does not count is no style position's nearest
    left = tf.concat([columns, own, -outside], axis=-1)
    right = tf.concat([style, -one, one], axis=-1)
    kind = tf.bfloat16 if has_bfloat16() else tf.float32
    left, right = (tf.cast(tf.stop_gradient(x), kind) for x in (left, right))
    nearness = tf.matmul(left, right, transpose_b=True)  # cos − 1, (K, P, Q)
    return tf.argmax(nearness, axis=2), tf.argmax(nearness, axis=1)


def moments_distance(own: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    """|μ − μ_s| / |μ_s| + |S − S_s| / |S_s| of a layer's mean and covariance, (K,); both (1 or K, C + 1, C + 1)."""
    (mean, covariance), (style_mean, style_covariance) = gaussian(own), gaussian(style)
    return _relative(mean, style_mean, [1]) + _relative(covariance, style_covariance, [1, 2])


def content_loss(
    features: tf.Tensor, target: tf.Tensor, *, convention: str = "relative", channels: int | None = None
) -> tf.Tensor:
    """7 Σ |D − D_c| / Σ D_c of the positions' distances from each other, in the convention's unit of content.

    features, target (1, h, w, C). Returns a scalar. Small differences count as squares, √(d² + e²) − e: a run starts at
    the content, which would be a corner.
    """
    own, goal = (sampled(f, CONTENT_GRID)[None] for f in (features, target))
    own, goal = (cosine_distance(f, f) for f in (own, goal))  # (1, P, P)
    small = SMALL * tf.reduce_mean(goal)
    apart = tf.sqrt((own - goal) ** 2 + small**2 + losses.TINY) - small
    apart = tf.reduce_sum(apart) / (tf.reduce_sum(goal) + losses.TINY)
    scale = losses.content_scale(target, convention=convention, channels=channels or target.shape[-1])
    return CONTENT_STRENGTH * scale * tf.reduce_sum(target**2) * apart


def cosine_distance(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """1 − cos of every two, (K, P, C) and (K, Q, C) -> (K, P, Q)."""
    return 1 - tf.matmul(unit(a), unit(b), transpose_b=True)


def unit(columns: tf.Tensor) -> tf.Tensor:
    """Each position's vector over its length."""
    return columns * tf.math.rsqrt(tf.reduce_sum(columns**2, axis=-1, keepdims=True) + losses.TINY)


def thinned(positions: tf.Tensor, step: int) -> tf.Tensor:
    """Every so-manieth row and column of a grid's positions (K, GRID², C)."""
    shape = tf.shape(positions)
    grid = tf.reshape(positions, [shape[0], GRID, GRID, shape[2]])[:, ::step, ::step]
    return tf.reshape(grid, [shape[0], (-(-GRID // step)) ** 2, shape[2]])


def _relative(own: tf.Tensor, style: tf.Tensor, axes: list[int]) -> tf.Tensor:
    """|own − style| / |style|; the root's gradient is finite where the two are equal."""
    apart = tf.reduce_sum((own - style) ** 2, axis=axes) / (tf.reduce_sum(style**2, axis=axes) + losses.TINY)
    return tf.sqrt(apart + losses.TINY)
