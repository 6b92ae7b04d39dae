"""Σ (G − A)²: how far the mean products of every two channels are apart (Gatys et al. 2016, eq. 3 to 5)."""

from collections.abc import Mapping

import tensorflow as tf

from .. import losses
from ..speed.heads import Headed

AVERAGED = True
content_loss = losses.content_loss


def statistics(features: tf.Tensor | Headed, mask: tf.Tensor | None = None) -> tf.Tensor:
    """The Gram matrix (C, C) of features (1, h, w, C), or of the region that a mask (h, w) leaves."""
    return losses.gram_matrix(features, mask)


def prepared(found: tf.Tensor) -> tf.Tensor:
    """The styles' Gram matrices (K, C, C), as they are."""
    return found


def distances(
    own: Mapping[str, tf.Tensor], target: Mapping[str, tf.Tensor], *, convention: str, channels: Mapping[str, int]
) -> dict[str, tf.Tensor]:
    """`losses.style_loss` of every layer: {layer: (K,)}."""
    return {
        layer: losses.style_loss(own[layer], target[layer], convention=convention, channels=channels[layer])
        for layer in target
    }
