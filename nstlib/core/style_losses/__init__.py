"""The style losses, one module each: what is kept of a picture's features, and how far two pictures are apart in it.

A module has

- `statistics(features, mask)`: of one layer's features (1, h, w, C) float32, a tensor; mask (h, w) or None;
- `prepared(statistics)`: what K styles' statistics (K, …) are compared by, once and for all: a tensor, or a dict;
- `distances(own, target, *, convention, channels)`: from {layer: statistics (K or 1, …)} and {layer: prepared} to
  {layer: (K,)}; `channels` has each layer's N;
- `content_loss`: what goes with it as content, as `losses.content_loss`;
- `AVERAGED`: whether its statistics are means over positions, so that tiles and regions add them up.

A new one is a file here and its name in `settings.STYLE_LOSSES`.
"""

from importlib import import_module
from types import ModuleType

from ...errors import choose
from ...settings import STYLE_LOSSES


def load_style_loss(name: str) -> ModuleType:
    """The module of a style loss. Raises NstlibError for a name that is none."""
    if name not in STYLE_LOSSES:
        raise choose("style_loss", name, STYLE_LOSSES)
    return import_module(f"{__name__}.{name}")
