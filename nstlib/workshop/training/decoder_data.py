"""Styles to learn from: paintings and drawn textures, cut at many scales, with palettes swapped, blended; photographs.

Fifteen paintings are few: a palette from another picture and a texture from a third make a style that is new.
"""

import cv2
import numpy as np

from ...media.colors import match_colors
from ...samples import busy_style
from .distill_data import recolour

KINDS = {"painting": 0.5, "drawn": 0.15, "blend": 0.15, "photo": 0.2}


def drawn(count: int, rng: np.random.Generator, side: int = 320) -> list[np.ndarray]:
    """Paintings by the samples' generator, of every busyness; uint8."""
    pictures = (busy_style(float(b), seed=int(rng.integers(2**31)), size=(side, side)) for b in rng.random(count))
    return [np.rint(p * 255).astype(np.uint8) for p in pictures]


class StylePictures:
    """`batch(rng, count)` -> style pictures (count, size, size, 3), float32 RGB in [0, 1]."""

    def __init__(self, pictures: dict[str, list[np.ndarray]], size: int) -> None:
        self.pictures, self.size = pictures, size

    def batch(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """`count` styles of the kinds' shares."""
        return np.stack([self.draw(rng, rng.choice(list(KINDS), p=list(KINDS.values()))) for _ in range(count)])

    def draw(self, rng: np.random.Generator, kind: str) -> np.ndarray:
        """One style; half of them with another picture's palette, some with contrast and colours changed."""
        image = self.crop(rng, "painting" if kind == "blend" else kind)
        if kind == "blend":
            image = _blend(rng, image, self.crop(rng, rng.choice(["painting", "drawn"])))
        if rng.random() < 0.4:
            palette = self.crop(rng, rng.choice(["painting", "photo"]))
            image = match_colors(image, palette)
        return np.clip(recolour(rng, image), 0, 1).astype(np.float32)

    def crop(self, rng: np.random.Generator, kind: str) -> np.ndarray:
        """A square of 3/4 of `size` up to the whole, scaled to `size`; mirrored and turned now and then."""
        image = self.pictures[kind][rng.integers(len(self.pictures[kind]))]
        most = min(image.shape[:2])
        side = round(np.exp(rng.uniform(np.log(min(0.75 * self.size, most)), np.log(most))))
        y, x = (rng.integers(n - side + 1) for n in image.shape[:2])
        method = cv2.INTER_AREA if side > self.size else cv2.INTER_CUBIC
        crop = cv2.resize(image[y : y + side, x : x + side], (self.size, self.size), interpolation=method)
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        crop = np.rot90(crop, rng.integers(4)) if rng.random() < 0.3 else crop
        return crop.astype(np.float32) / 255


def _blend(rng: np.random.Generator, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A mixture, or the one's coarse shapes with the other's fine ones."""
    if rng.random() < 0.5:
        share = rng.uniform(0.3, 0.7)
        return share * one + (1 - share) * other
    sigma = rng.uniform(2, 8)
    return cv2.GaussianBlur(one, (0, 0), sigma) + other - cv2.GaussianBlur(other, (0, 0), sigma)
