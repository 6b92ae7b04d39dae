"""The style losses, one module each: what is kept of a picture's features, and how far two pictures are apart in it.

A module has

- `statistics(features, mask)`: of one layer's features (1, h, w, C), a tensor or `Headed`; mask (h, w) or None;
- `prepared(statistics)`: what K styles' statistics (K, …) are compared by, once and for all: a tensor, or a dict;
- `distances(own, target, *, convention, channels)`: from {layer: statistics (K or 1, …)} and {layer: prepared} to
  {layer: (K,)}; `channels` has each layer's N;
- `content_loss`: what goes with it as content, as `losses.content_loss`;
- `AVERAGED`: whether its statistics are means over positions, so that tiles add them up.

A new one is a file here and its name in `settings.STYLE_LOSSES`.
"""

from importlib import import_module
from types import ModuleType

import tensorflow as tf

from ...errors import choose
from ...settings import STYLE_LOSSES
from .. import losses


def load_style_loss(name: str) -> ModuleType:
    """The module of a style loss. Raises NstlibError for a name that is none."""
    if name not in STYLE_LOSSES:
        raise choose("style_loss", name, STYLE_LOSSES)
    return import_module(f"{__name__}.{name}")


def style_unit(gram: tf.Tensor, *, convention: str, channels: int) -> tf.Tensor:
    """What a relative distance of 1 is in a convention: Σ A², scaled as `style_loss` is; 1 in `relative`.

    gram: the style's A, (C, C) or (K, C, C); channels N. Style losses other than Gram's are relative by themselves, and
    times this unit their weights mean what they mean for Gram's.
    """
    scale = losses.style_scale(gram, convention=convention, channels=channels)
    return scale * tf.reduce_sum(gram**2, axis=(-2, -1))
