"""One pass of a network in the place of an optimisation, for a frame and for a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from ..core.model import load_model, term_weights
from ..core.run import targets_of
from ..core.speed import arithmetic, memory
from ..core.speed.tiles import tiled
from ..core.steps import Inputs, Steps
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


class Pass(Steps):
    """Steps of one pass each: it has a run's picture, losses, settings and record, and ends after one.

    The losses are those of the picture that the pass gave, as an optimisation's. Steered, it makes one pass more.
    """

    def __init__(
        self,
        content: Picture,
        styles: Picture | Sequence[Picture] | Styles,
        settings: Settings,
        *,
        masks: Sequence[Picture] = (),
        start: Picture | None = None,
        region: Picture | None = None,
    ) -> None:
        for name, given in (("masks", len(masks)), ("start", start is not None and region is None)):
            if given:
                raise NstlibError(f"engine=hub takes no {name}; engine=optimise does")
        self.module = load_module(settings.module)  # what cannot be had is an error before the first step
        inputs = Inputs(content, styles, settings, start=start, region=region)
        settings = replace(arithmetic.resolved(settings), tile=memory.choose_tile(inputs.shape, settings))
        super().__init__(inputs, settings, total_steps=1)

        self._image, model = self.content, load_model(settings)
        self.model = tiled(model, settings.tile) if 0 < settings.tile < max(self.shape) else model
        self._targets = targets_of(self, self.model, self.shape)

    def _evaluate(self) -> tuple[float, Mapping[str, Any]]:
        self._image = Painter(self.styles, self.settings)(self.content)
        weights = self.region.balanced(term_weights(self.settings, self._targets.style))
        weights = {name: tf.constant(weight, tf.float32) for name, weight in weights.items()}
        total, _, terms = self.model.loss(tf.constant(self._image), self._targets, weights)
        return float(total), terms

    @property
    def image(self) -> np.ndarray:
        """The picture of the last pass, (H, W, 3); with the content's colours where they are kept."""
        grey = self.settings.preserve_color == "luminance" and self.number
        return self.region.pasted(colors.with_chroma_of(self._image, self.content) if grey else self._image)

    @property
    def networks(self) -> dict[str, dict[str, str]]:
        """The extractor's and the module's names and SHA-256."""
        extractor = self.model.extractor
        return {
            "extractor": {"name": extractor.name, "sha256": extractor.checksum},
            "module": {"name": self.module.handle, "sha256": self.module.checksum},
        }

    def extend(self, steps: int) -> None:
        """Plan one pass more: a second one would only repeat it."""
        self.total_steps = self.number + 1

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on; `restore` takes it."""
        return super().state() | {"image": self._image}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`, with its settings."""
        super().restore(state)
        self._image = state["image"]


def _refuse_small(what: str, shape: Sequence[int]) -> None:
    if min(shape[:2]) < SMALLEST:
        raise NstlibError(f"the {what} is {shape[1]} x {shape[0]} pixels; one pass needs at least {SMALLEST} a side")
