"""|μ − μ_s|² + |σ − σ_s|²: how far the channels' means and standard deviations are apart.

AdaIN's statistics (Huang and Belongie 2017) as a loss; Li et al. 2017 show its kin to Gram's. It is the part of
`wasserstein` that a diagonal covariance would have: which channels answer together, `gram` sees and this one does not.
A channel is one of the extractor's outputs: VGG19's own, or with `compact` those of its folded head, the axes along
which the layer varies most.
"""

from collections.abc import Mapping

import tensorflow as tf

from .. import losses
from . import style_unit
from .wasserstein import AVERAGED, gaussian, statistics  # noqa: F401 (this module's, too)

FLAT = 1e-6  # of the mean square a channel, added to a variance: the root's gradient is finite where nothing varies
STRENGTH = 8.0  # of a distance, in those of `gram`: the same content distance at the same weights
content_loss = losses.content_loss


def prepared(found: tf.Tensor) -> dict[str, tf.Tensor]:
    """What K styles (K, C + 1, C + 1) are compared by: mean and deviation (K, C), what flat is (K,), Gram matrix."""
    gram = found[:, :-1, :-1]
    flat = FLAT * tf.reduce_mean(tf.linalg.diag_part(gram), axis=-1) + losses.TINY
    mean, deviation = _mean_and_deviation(found, flat)
    return {"mean": mean, "deviation": deviation, "flat": flat, "gram": gram}


def distances(
    own: Mapping[str, tf.Tensor],
    target: Mapping[str, Mapping[str, tf.Tensor]],
    *,
    convention: str,
    channels: Mapping[str, int],
) -> dict[str, tf.Tensor]:
    """The distance over the style's mean squared feature E |F_s|², times `style_unit`: {layer: (K,)}."""
    found = {}
    for layer, style in target.items():
        mean, deviation = _mean_and_deviation(own[layer], style["flat"])
        apart = tf.reduce_sum((mean - style["mean"]) ** 2 + (deviation - style["deviation"]) ** 2, axis=-1)  # (K,)
        energy = tf.linalg.trace(style["gram"]) + losses.TINY
        unit = style_unit(style["gram"], convention=convention, channels=channels[layer])
        found[layer] = STRENGTH * unit * apart / energy
    return found


def _mean_and_deviation(found: tf.Tensor, flat: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation of each channel, (K, C); flat (K,) is added to the variances."""
    mean, covariance = gaussian(found)
    variance = tf.maximum(tf.linalg.diag_part(covariance), 0.0)
    return mean, tf.sqrt(variance + flat[:, None])
