"""Conventions: from sums of squares to weighted losses, and from one convention's weights to another's."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import tensorflow as tf

from ..settings import Settings
from . import losses
from .model import Targets


def coefficients(
    settings: Settings, targets: Targets, channels: Mapping[str, int], blend: tuple[float, ...], shape: tuple[int, int]
) -> dict[str, tf.Tensor]:
    """{term: (2, …)}: each term's scale by the convention, and that scale times its weight.

    channels {layer: N}; blend: the share of each style; shape (H, W) of the picture.
    """
    content_weight, style_weight, tv_weight = settings.term_weights
    scales = _scales(settings.convention, targets, channels, blend)
    rows = {f"content/{n}": (s, content_weight / len(targets.content)) for n, s in scales["content"].items()}
    for (name, scale), share in zip(scales["style"].items(), _shares(settings), strict=True):
        rows[f"style/{name}"] = scale, style_weight * share
    variation = losses.total_variation_scale(tf.zeros((*shape, 3)), convention=settings.convention)
    rows["total_variation"] = variation, tv_weight
    if targets.warped is not None:
        rows["temporal"] = tf.ones(targets.warped.shape[0]), settings.temporal_weight
    return {name: tf.stack([scale, scale * weight]) for name, (scale, weight) in rows.items()}


def summarise(terms: Mapping[str, tf.Tensor], settings: Settings) -> dict[str, float]:
    """The terms as numbers, with `content` and `style`, the weighted means over their layers."""
    values = {name: float(value) for name, value in terms.items()}
    content = np.mean([values[f"content/{name}"] for name in settings.content_layers])
    style = _shares(settings) @ [values[f"style/{name}"] for name in settings.style_layers]
    return {"content": float(content), "style": float(style), **values}


def convert_weights(
    settings: Settings, convention: str, targets: Targets, channels: Mapping[str, int], shape: tuple[int, int]
) -> Settings:
    """The settings in another convention, with weights that give every picture the same total loss up to a factor.

    Exact for one content layer and one style; the factor is the ratio of the content losses. The targets' energies
    enter, so weights convert for one pair of pictures at one size (H, W). channels {layer: N}.
    """
    blend = (1.0,) * next(iter(targets.style.values())).shape[0]
    old = _scales(settings.convention, targets, channels, blend)
    new = _scales(convention, targets, channels, blend)
    content = np.mean([float(old["content"][n] / new["content"][n]) for n in targets.content])
    each = _shares(settings) * [float(tf.reduce_mean(old["style"][n] / new["style"][n])) for n in targets.style]
    zeros = tf.zeros((*shape, 3))
    variation = losses.total_variation_scale(zeros, convention=settings.convention)
    variation /= losses.total_variation_scale(zeros, convention=convention)
    content_weight, style_weight, tv_weight = settings.term_weights
    return replace(
        settings,
        convention=convention,
        content_weight=content_weight * content,
        style_weight=style_weight * each.sum(),
        style_layer_weights=tuple(each / each.sum()),
        tv_weight=tv_weight * float(variation),
    )


def _shares(settings: Settings) -> np.ndarray:
    shares = np.array(settings.style_layer_weights or (1.0,) * len(settings.style_layers))
    return shares / shares.sum()


def _scales(
    convention: str, targets: Targets, channels: Mapping[str, int], blend: tuple[float, ...]
) -> dict[str, dict[str, tf.Tensor]]:
    """{"content": {layer: scalar}, "style": {layer: (K,)}}: what the sums of squares are multiplied by."""
    content = {
        name: losses.content_scale(target, convention=convention, channels=channels[name])
        for name, target in targets.content.items()
    }
    style = {}
    for name, grams in targets.style.items():
        each = [losses.style_scale(a, convention=convention, channels=channels[name]) for a in tf.unstack(grams)]
        style[name] = tf.stack(each) * tf.constant(blend, tf.float32)
    return {"content": content, "style": style}
