"""A start that is nearer: an optimisation begins at a network's picture, in the place of its smallest sizes.

A network that paints in one pass knows the large forms, which an optimisation finds at its smallest sizes, in most of
its evaluations.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.run import Run
from ..core.schedule import Stage
from ..core.steps import to_paint
from ..core.styles import Picture, Styles
from ..media import colors, images
from ..settings import STARTS, Settings
from .hub import ARCHIVES
from .onepass import Painter

OWN = 256  # px, the longest side of the smallest picture that it begins at: a network's strokes are learned at 384
PROBE = 64  # px, of a picture by which it is seen at once whether a network can paint in the styles


def from_network(settings: Settings) -> bool:
    """Whether `settings.init` names a network: `instant`, an address, a module's folder or archive."""
    init = settings.init
    found = init.startswith("https://") or init.endswith(ARCHIVES) or Path(init).is_dir()
    return settings.engine == "optimise" and (init == "instant" or (init not in STARTS and found))


class NetworkStart:
    """A picture (H, W, 3) -> how the network that `settings.init` names paints it, in the colours that are kept.

    Raises NstlibError, at once, for what is no module, and for one that does not know the styles.
    """

    def __init__(self, styles: Styles, settings: Settings) -> None:
        changes = {"engine": "hub", "module": settings.init, "strength": 1.0, "preserve_color": "none"}
        self._styles, self._settings, self._kept = styles, replace(settings, **changes), settings.preserve_color
        self._paint = Painter(styles, self._settings)
        self.network = {"name": self._paint.module.handle, "sha256": self._paint.module.checksum}
        self._paint(np.full((PROBE, PROBE, 3), 0.5, np.float32))

    def __call__(self, content: np.ndarray, masks: Sequence[np.ndarray] = ()) -> np.ndarray:
        """The content, painted; masks: where each style goes, (H, W) of the content's size, or none for their blend."""
        picture = self._apart(content, masks) if len(masks) else self._paint(content)
        if self._kept == "luminance":
            return colors.luminance(picture)
        return colors.match_colors(picture, content) if self._kept == "histogram" else picture

    def _apart(self, content: np.ndarray, masks: Sequence[np.ndarray]) -> np.ndarray:
        """The content painted in each style alone, put together by the masks."""
        shares = np.stack(masks) + 1e-6  # (K, H, W); where no mask is, all styles alike
        shares /= shares.sum(0)
        alone = (replace(self._settings, style_blend=tuple(row)) for row in np.eye(len(masks)).tolist())
        pictures = [Painter(self._styles, settings)(content) for settings in alone]
        return sum(share[..., None] * picture for share, picture in zip(shares, pictures, strict=True))


def large(stages: list[Stage]) -> tuple[list[Stage], int]:
    """The stages that are left where a run begins at a network's picture, and how many evaluations are not made."""
    small = [stage for stage in stages if max(stage.shape) < OWN and stage.shape != stages[-1].shape]
    left_out = small[-1].until if small else 0
    return [stage._replace(until=stage.until - left_out) for stage in stages[len(small) :]], left_out


class NetworkRun(Run):
    """A run that begins at a network's picture; the sizes below 256 pixels are left out, with their evaluations."""

    def __init__(
        self, content: Picture, styles: Picture | Sequence[Picture] | Styles, settings: Settings, **more: Any
    ) -> None:
        styles = styles if isinstance(styles, Styles) else Styles(styles, settings)
        self._paint = NetworkStart(styles, settings)
        super().__init__(content, styles, settings, **more)
        self.sources["start"] = more.get("start")
        self.total_steps -= self._left_out
        self._start = to_paint(settings, self.content)  # whose finest detail it takes at the sizes to come

    def plan(self, shape: tuple[int, int], settings: Settings, *, warm: bool) -> list[Stage]:
        """The stages, from the first that is large enough for the network on."""
        stages, self._left_out = large(super().plan(shape, settings, warm=warm))
        return stages

    def first_picture(self, shape: tuple[int, int]) -> np.ndarray:
        """The content at this size, painted; each style where its mask is."""
        masks = [images.resize(mask, shape) for mask in self.masks] if self.sources["masks"] else ()
        return self._paint(images.resize(self.content, shape), masks)

    @property
    def networks(self) -> dict[str, dict[str, str]]:
        """The extractor's name and weights' SHA-256, and the start's."""
        return {**super().networks, "start": self._paint.network}
