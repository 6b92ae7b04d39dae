"""|μ − μ_s|² + tr(S + S_s − 2 (S_s^½ S S_s^½)^½): how far two pictures' features are apart as two Gaussians.

The squared 2-Wasserstein distance of the Gaussians with the features' means μ and covariances S; its second part is the
squared Bures distance of S and S_s. As a style loss it was published with crowsonkb/style-transfer-pytorch, 2021.

Departures from it: the square roots are exact, by eigenvalues in float64, where it takes Newton-Schulz iterations; the
gradient is the formula's own; what is added to both covariances' diagonals is a share of the style's variance, so that
the distance does not know the features' scale; several styles are compared one by one.
"""

from collections.abc import Callable, Mapping

import tensorflow as tf

from .. import losses
from ..speed.heads import Headed, computed, mean_products
from . import style_unit

AVERAGED = True
RIDGE = 1e-4  # of the style's mean variance a channel: no direction is quite flat, so that every gradient is finite
STRENGTH = 0.5  # of a distance, in those of `gram`: the same content distance at the same weights
content_loss = losses.content_loss


def statistics(features: tf.Tensor | Headed, mask: tf.Tensor | None = None) -> tf.Tensor:
    """[[G, μ], [μᵀ, 1]], (C + 1, C + 1): the mean products of features (1, h, w, C) with a 1 at their end."""
    if mask is None:
        return mean_products(features)
    features = computed(features)
    return losses.gram_matrix(tf.concat([features, tf.ones_like(features[..., :1])], axis=-1), mask)


def prepared(found: tf.Tensor) -> dict[str, tf.Tensor]:
    """What K styles' statistics (K, C + 1, C + 1) are compared by: mean, root of the covariance, ridge, Gram matrix."""
    mean, covariance = gaussian(found)
    ridge = RIDGE * tf.reduce_mean(tf.linalg.diag_part(covariance), axis=-1) + losses.TINY  # (K,)
    root = square_root(_ridged(covariance, ridge))
    return {"mean": mean, "root": root, "ridge": ridge, "gram": found[:, :-1, :-1]}


def distances(
    own: Mapping[str, tf.Tensor],
    target: Mapping[str, Mapping[str, tf.Tensor]],
    *,
    convention: str,
    channels: Mapping[str, int],
) -> dict[str, tf.Tensor]:
    """The squared distance over the style's mean squared feature E |F_s|², times `style_unit`: {layer: (K,)}."""
    found = {}
    for layer, style in target.items():
        mean, covariance = gaussian(own[layer])
        apart = tf.reduce_sum((mean - style["mean"]) ** 2, axis=-1)
        apart += bures(_ridged(covariance, style["ridge"]), style["root"])
        energy = tf.linalg.trace(style["gram"]) + losses.TINY
        unit = style_unit(style["gram"], convention=convention, channels=channels[layer])
        found[layer] = STRENGTH * unit * apart / energy
    return found


def gaussian(statistics: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean μ (K, C) and covariance G − μ μᵀ (K, C, C) of statistics (K, C + 1, C + 1)."""
    mean = statistics[:, -1, :-1]
    return mean, statistics[:, :-1, :-1] - mean[:, :, None] * mean[:, None, :]


def square_root(matrix: tf.Tensor) -> tf.Tensor:
    """A^½ of symmetric A (K, C, C) without negative eigenvalues."""
    values, vectors = tf.linalg.eigh(tf.cast(matrix, tf.float64))
    root = tf.matmul(vectors * tf.sqrt(tf.maximum(values, 0.0))[:, None], vectors, transpose_b=True)
    return tf.cast(root, tf.float32)


def bures(covariance: tf.Tensor, root: tf.Tensor) -> tf.Tensor:
    """tr(S + R² − 2 (R S R)^½) of S and R (K, C, C), (K,): the squared Bures distance of S and R².

    Its gradient with respect to S is I − R (R S R)^−½ R, from the same eigenvalues; R is a constant.
    """
    r = tf.cast(root, tf.float64)

    @tf.custom_gradient
    def distance(covariance: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        s = tf.cast(covariance, tf.float64)
        values, vectors = tf.linalg.eigh(r @ s @ r)
        roots = tf.sqrt(tf.maximum(values, 1e-14 * values[:, -1:] + 1e-30))  # (K, C)
        apart = tf.linalg.trace(s) + tf.reduce_sum(r * r, axis=(1, 2)) - 2 * tf.reduce_sum(roots, axis=1)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            turned = r @ vectors
            pulled = tf.matmul(turned / roots[:, None], turned, transpose_b=True)  # R (R S R)^−½ R
            slope = tf.eye(tf.shape(s)[-1], dtype=tf.float64) - pulled
            return upstream[:, None, None] * tf.cast(slope, tf.float32)

        return tf.cast(apart, tf.float32), gradient

    return distance(covariance)


def _ridged(covariance: tf.Tensor, ridge: tf.Tensor) -> tf.Tensor:
    """S + ridge · I; covariance (1 or K, C, C), ridge (K,) -> (K, C, C)."""
    return covariance + ridge[:, None, None] * tf.eye(tf.shape(covariance)[-1])
