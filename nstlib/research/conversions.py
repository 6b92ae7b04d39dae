"""From one convention's weights to another's."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..core import losses
from ..core.levels import halvings
from ..core.model import Targets, Tensors, style_shares
from ..settings import Settings

LARGEST = 1e6  # of the converted weights


def convert_weights(
    settings: Settings, convention: str, targets: Targets, channels: Mapping[str, int], shape: tuple[int, int]
) -> Settings:
    """The settings in another convention, with weights that give every picture the same total loss up to a factor.

    Exact for one content layer, one style, and `forms` 0; the factor is the ratio of the content losses. The targets'
    energies enter, so weights convert for one pair of pictures at one size (H, W). channels {layer: N}.
    """
    targets = replace(targets, style={name: s for name, s in targets.style.items() if not halvings(name)})
    old, new = (_scales(name, targets, channels, shape) for name in (settings.convention, convention))
    ratio = {term: float(np.mean(old[term] / new[term])) for term in old}
    content_weight, style_weight, tv_weight = settings.term_weights

    content = np.mean([ratio[f"content/{layer}"] for layer in targets.content])
    shares = style_shares(settings, targets.style)
    style = np.array([shares[layer] * ratio[f"style/{layer}"] for layer in targets.style])
    weights = content_weight * content, style_weight * style.sum(), tv_weight * ratio["total_variation"]
    factor = min(1.0, LARGEST / max(weights))  # on VGG19's scale energies are large: a weight has a largest value
    content_weight, style_weight, tv_weight = (float(factor * weight) for weight in weights)
    return replace(
        settings,
        convention=convention,
        content_weight=content_weight,
        style_weight=style_weight,
        style_layer_weights=tuple(style / style.sum()),
        tv_weight=tv_weight,
    )


def _scales(convention: str, targets: Targets, channels: Mapping[str, int], shape: tuple[int, int]) -> Tensors:
    """{term: what its sum is multiplied by}: a scalar, or (K,) for K styles."""
    scales = {"total_variation": losses.total_variation_scale(np.zeros((*shape, 3)), convention=convention)}
    for layer, target in targets.content.items():
        scales[f"content/{layer}"] = losses.content_scale(target, convention=convention, channels=channels[layer])
    for layer, target in targets.style.items():
        gram = target["gram"] if isinstance(target, dict) else target
        scales[f"style/{layer}"] = losses.style_scale(gram, convention=convention, channels=channels[layer])
    return scales
