"""What paints a frame: an engine takes the frame and, for a shot's later ones, the guide from the frames before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from . import colors
from .guide import Guide
from .model import load_model
from .settings import Settings
from .styles import Picture, Styles
from .stylize import Run

SETTLED, LOOK_BACK = 0.002, 5  # stop when the loss has fallen by less than this share over so many evaluations


@dataclass(frozen=True)
class Painted:
    """What an engine made of a frame: the picture (H, W, 3), its losses, the evaluations that it took."""

    image: np.ndarray
    losses: dict[str, float]
    steps: int


class Engine(Protocol):
    """Paints a frame; where there is a guide, from `guide.start` and near `guide.earlier`.

    identity: what its pictures depend on beside the settings, such as its name and its weights' checksum.
    """

    identity: dict[str, str]

    def __call__(self, frame: np.ndarray, guide: Guide | None = None) -> Painted:
        """The frame (H, W, 3), painted."""


class Optimised:
    """Each frame by optimisation (Gatys et al. 2016): a shot's first in full, the next ones from the guide."""

    def __init__(self, styles: Picture | Sequence[Picture] | Styles, settings: Settings) -> None:
        self.settings = settings
        self.styles = styles if isinstance(styles, Styles) else Styles(styles, settings)
        self.identity = {"name": "optimised", "sha256": load_model(settings).extractor.checksum}

    def __call__(self, frame: np.ndarray, guide: Guide | None = None) -> Painted:
        """The frame after `steps` evaluations, or from the guide after `next_steps` or once it has settled."""
        run = Run(frame, self.styles, self.settings) if guide is None else self._following(frame, guide)
        for _ in run:
            if guide is not None and settled(run.curves["total"]):
                break
        losses = {name: values[-1] for name, values in run.curves.items() if "/" not in name}
        return Painted(run.image, losses, run.number)

    def _following(self, frame: np.ndarray, guide: Guide) -> Run:
        start, earlier = guide.start, guide.earlier
        if self.settings.preserve_color == "luminance":  # then a run paints in grey, and gets its colours at the end
            start, earlier = colors.luminance(start), [(colors.luminance(w), c) for w, c in earlier]
        settings = replace(self.settings, steps=self.settings.next_steps, scales=1)
        return Run(frame, self.styles, settings, start=start, earlier=earlier)


def settled(curve: Sequence[float]) -> bool:
    """(f_{k−5} − f_k) / f_{k−5} < 0.2 %: the stop rule."""
    return len(curve) > LOOK_BACK and curve[-1] > (1 - SETTLED) * curve[-1 - LOOK_BACK]


class Steadied:
    """A function frame -> picture as an engine: x + s Σ c (w − x), s the share that an earlier result keeps.

    For networks that stylise in one go and know no earlier frame.
    """

    def __init__(
        self, paint: Callable[[np.ndarray], np.ndarray], identity: dict[str, str], *, share: float = 0.8
    ) -> None:
        self._paint, self._share, self.identity = paint, share, {**identity, "share": str(share)}

    def __call__(self, frame: np.ndarray, guide: Guide | None = None) -> Painted:
        """The function's picture, drawn towards the warped earlier results where they are trusted."""
        image = self._paint(frame)
        pull = sum(c[..., None] * (warped - image) for warped, c in guide.earlier) if guide else 0
        return Painted(image + self._share * pull, {}, 1)
