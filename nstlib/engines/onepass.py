"""One pass of a network in the place of an optimisation, for a frame and for a run."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.run import Run, Stage, Step
from ..core.styles import Picture, Styles
from ..errors import NstlibError
from ..media import colors, images
from ..settings import Settings, check_blend
from .hub import SMALLEST, load_module


class Painter:
    """A frame (H, W, 3) -> its picture, with the styles, the strength and the kept colours that the settings name.

    The styles' statistics are computed once, unless they take each frame's colours (preserve_color=histogram).
    """

    def __init__(self, styles: Styles, settings: Settings) -> None:
        self.styles, self.settings, self.module = styles, settings, load_module(settings.module)
        self._paint: dict[int, Callable[[np.ndarray], np.ndarray]] = {}
        for source in styles.sources:
            _refuse_small("style", images.shape_of(source))

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """The frame (H, W, 3), painted. Raises NstlibError where it is too small."""
        keep, size = self.settings.preserve_color, max(frame.shape[:2])
        _refuse_small("picture", frame.shape)
        if keep != "none":
            paint = self._painter(self.styles.recolored(frame, self.settings), size)
        else:
            if size not in self._paint:
                self._paint[size] = self._painter(self.styles, size)
            paint = self._paint[size]
        return paint(colors.luminance(frame) if keep == "luminance" else frame)

    def _painter(self, styles: Styles, size: int) -> Callable[[np.ndarray], np.ndarray]:
        shares = check_blend(self.settings, len(styles.pictures))
        side = max(SMALLEST, round(size * self.settings.style_scale))
        return self.module.painter(styles.pictures, shares, self.settings.strength, size=side)


class Pass(Run):
    """A run whose step is one pass: it has a run's picture, losses, settings and record, and ends after one step.

    The losses are those of the picture that the pass gave, as an optimisation's. Steered, it makes one pass more.
    """

    def __init__(
        self, content: Picture, styles: Picture | Sequence[Picture] | Styles, settings: Settings, **more: Any
    ) -> None:
        for name in ("masks", "start"):
            if len(more.pop(name, None) or ()):
                raise NstlibError(f"engine=hub takes no {name}; engine=optimise does")
        super().__init__(content, styles, settings, **more)
        self._stages, self.total_steps = [Stage(self.shape, self.model, math.inf)], 1
        self._enter(0, self.content)
        load_module(settings.module)  # what cannot be had is an error before the first step

    @property
    def networks(self) -> dict[str, dict[str, str]]:
        """The extractor, and the module's handle and SHA-256."""
        module = load_module(self._settings.module)
        return {**super().networks, "module": {"name": module.handle, "sha256": module.checksum}}

    def extend(self, steps: int) -> None:
        """Plan one pass more: a second one would only repeat it."""
        self.total_steps = self.number + 1

    def __next__(self) -> Step:
        self._replay_steering()
        if self.number >= self.total_steps:
            raise StopIteration
        picture = Painter(self.styles, self._settings)(self.content)
        self._enter(0, picture)
        total, _, terms = self._model.loss(self.optimizer.x, self._targets, self._weights)
        return self._count(float(total), {name: float(value) for name, value in terms.items()})


def _refuse_small(what: str, shape: Sequence[int]) -> None:
    if min(shape[:2]) < SMALLEST:
        raise NstlibError(f"the {what} is {shape[1]} x {shape[0]} pixels; one pass needs at least {SMALLEST} a side")
