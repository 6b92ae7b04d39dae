"""A region of a finished picture, painted anew: what is outside of it stays, pixel for pixel.

A run's x then stands for base + r (picture − base), r the region in [0, 1]. What x is outside shows nowhere.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ..errors import NstlibError
from ..media import colors, images
from ..settings import Settings
from .optimize import Objective
from .speed.windows import Part


class Region:
    """Where `base` (H, W, 3) is painted anew: `mask` (H, W) in [0, 1]. None for both: everywhere.

    Raises NstlibError where one is given without the other, and where the base has not the result's `shape`.
    """

    def __init__(self, mask: np.ndarray | None, base: np.ndarray | None, shape: tuple[int, int]) -> None:
        self.mask = self.base = None
        if mask is None:
            return
        if base is None:
            raise NstlibError("a region is painted anew in a picture; give that picture as the start")
        if base.shape[:2] != shape:
            sides = f"{base.shape[1]} x {base.shape[0]}, the result {shape[1]} x {shape[0]}"
            raise NstlibError(
                f"the picture to paint a region of is {sides} pixels; choose size {max(base.shape)}, its own"
            )
        self.mask, self.base = images.resize(mask, shape), base

    def masks(self, masks: list[np.ndarray], styles: int) -> list[np.ndarray]:
        """A region for each style, (H, W), within this one; all of it where there are no masks."""
        if self.mask is None:
            return masks
        return [images.resize(m, self.mask.shape) * self.mask for m in masks] or [self.mask] * styles

    def balanced(self, weights: Mapping[str, float]) -> dict[str, float]:
        """The terms' weights; the style's by the region's share, as the content's means over the whole picture are."""
        share = 1.0 if self.mask is None else float(self.mask.mean())
        return {name: weight * (share if name.startswith("style/") else 1) for name, weight in weights.items()}

    def pasted(self, image: np.ndarray) -> np.ndarray:
        """The image (h, w, 3) in the region, the base elsewhere."""
        if self.mask is None:
            return image
        mask, base = self._at(image.shape[:2])
        return np.where(mask > 0, base + mask * (image - base), base)

    def part(self, shape: tuple[int, int], settings: Settings) -> Part | None:
        """What of a painting (h, w) changes; None for all of it, and for a photograph, whose maps know no pixels."""
        if self.mask is None or settings.rendering == "photo":
            return None
        mask, base = self._at(shape)
        return Part(_seen(base, settings), mask[..., 0], border=settings.border)

    def objective(self, of_picture: Objective, settings: Settings) -> Objective:
        """The objective of a photograph with the base around it, which is seen as the content is: perhaps in grey."""
        if self.mask is None or settings.rendering != "photo":
            return of_picture

        def of_pasted(picture: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, Any]:
            mask, base = self._at(picture.shape[:2])
            base = _seen(base, settings)
            loss, gradient, report = of_picture(base + mask * (picture - base))
            return loss, mask * gradient, report

        return of_pasted

    def _at(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The mask (h, w, 1) and the base (h, w, 3) at a size."""
        return images.resize(self.mask, shape)[..., None], images.resize(self.base, shape)


def _seen(base: np.ndarray, settings: Settings) -> np.ndarray:
    return colors.luminance(base) if settings.preserve_color == "luminance" else base
