"""Paintings of one palette and one hand, from a few large smooth shapes to a great many small ones."""

import cv2
import numpy as np

from .noise import Array, fractal, ramp
from .strokes import cover, easel, turned, varnish

FEW, MANY = 2.0, 32.0  # features along the shorter side at busyness 0 and 1
PALETTE = [
    (0.00, (0.09, 0.11, 0.28)), (0.20, (0.10, 0.30, 0.46)), (0.40, (0.20, 0.54, 0.55)), (0.55, (0.80, 0.82, 0.64)),
    (0.70, (0.96, 0.76, 0.34)), (0.85, (0.87, 0.42, 0.20)), (1.00, (0.55, 0.12, 0.20)),
]  # fmt: skip


def ranked(noise: Array) -> Array:
    """Each pixel's rank among all, in [0, 1]: then every busyness has the palette's colours in the same shares."""
    order = np.empty(noise.size, np.float32)
    order[np.argsort(noise, axis=None, kind="stable")] = np.linspace(0, 1, noise.size, dtype=np.float32)
    return order.reshape(noise.shape)


def busy(busyness: float, rng: np.random.Generator, size: tuple[int, int]) -> Array:
    """A painting whose shapes are shorter side / (2 · 16^busyness) large; (H, W, 3) float32 RGB in [0, 1].

    It is painted small and enlarged, the more so the larger its shapes, which keeps large shapes smooth.
    """
    features = FEW * (MANY / FEW) ** busyness
    wavelength = 16.0 * 5.0 ** (1 - busyness)  # on the easel, pixels
    scale = wavelength * features / min(size)
    shape = (max(round(size[0] * scale), 8), max(round(size[1] * scale), 8))
    noise = fractal(shape, rng, wavelength=wavelength, slope=3.2, finest=wavelength / 10)
    steep = [cv2.Sobel(cv2.GaussianBlur(noise, (0, 0), wavelength / 12), cv2.CV_32F, *d) for d in ((1, 0), (0, 1))]
    guide, field = ramp(ranked(noise), PALETTE), turned(np.arctan2(steep[0], -steep[1]))
    canvas = easel(guide)
    for share in (4, 6):
        width = wavelength / share
        cover(canvas, guide, field, rng, width=width, length=4 * width, density=1.3, bristles=5)
    painting = varnish(canvas, relief=1.2)
    method = cv2.INTER_AREA if shape[0] > size[0] else cv2.INTER_CUBIC
    return np.clip(cv2.resize(painting, size[::-1], interpolation=method), 0, 1)
