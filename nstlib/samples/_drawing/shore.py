"""The far shore of the sample clip: a wooded ridge and a village."""

import cv2
import numpy as np

from .canvas import Colour, Point, Texture, cut, dab, paint, skyline
from .land import HAZE, HORIZON, WIDTH, glow
from .noise import Array, fractal, grid, mix, smoothstep


def shore(rng: np.random.Generator) -> Texture:
    """The far shore: a wooded ridge with a village at its foot."""
    left = -120.0
    line = np.arange(WIDTH + 240) + left
    crest = 384 - 16 * skyline(line, rng, 260, 2.2) - 3 * skyline(line, rng, 30)
    hill = wooded(rng, crest=crest, left=left, height=110, dark=(0.16, 0.22, 0.27), light=(0.72, 0.55, 0.30), haze=0.5)
    canvas = np.rint(cv2.resize(hill.pixels, None, fx=3, fy=3, interpolation=cv2.INTER_LINEAR) * 255).astype(np.uint8)
    for x in np.sort(np.concatenate([rng.normal(560, 46, 22), rng.normal(1040, 20, 7)])):
        house(canvas, (x - left) * 3, (HORIZON - rng.uniform(2, 16) - hill.top) * 3, rng)
    house(canvas, (572 - left) * 3, (HORIZON - 8 - hill.top) * 3, rng, tower=True)
    size = hill.pixels.shape[1::-1]
    return Texture(cv2.resize(canvas.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA), left, hill.top)


def wooded(
    rng: np.random.Generator, *, crest: Array, left: float, height: int, dark: Colour, light: Colour, haze: float
) -> Texture:
    """A hill under a forest: crowns drawn from the back to the front, each dark below and lit towards the sun."""
    width, top = crest.size, float(np.floor(crest.min()) - 24)
    x, y = grid(width, height, left, top)
    canvas = np.zeros((height, width, 4), np.uint8)
    body = mix(np.broadcast_to(np.float32(dark), (height, width, 3)), light, 0.25)
    full = cut(body, smoothstep(-0.8, 0.8, y - crest), left, top)
    canvas[:] = np.rint(full.pixels * 255)
    patch = fractal((height, width), rng, wavelength=90, stretch=0.4)
    for row in np.sort(rng.uniform(-4, height, int(width * height / 26))):
        column = rng.integers(width)
        base = crest[column] - top + row
        if base < height + 8:
            near = 1 + row / 90
            crown(canvas, (column, base), rng.uniform(1.8, 3.6) * near, mood(patch, column, base), dark, light, rng)
    pixels = canvas.astype(np.float32) / 255
    veil = haze * (smoothstep(0, height, y - crest) + 0.5 * glow(x, y, 200))
    pixels[..., :3] = mix(pixels[..., :3], HAZE, veil) * pixels[..., 3:]
    return Texture(pixels, left, top)


def mood(patch: Array, column: int, base: float) -> float:
    """How light the wood is here, from a slow noise, about 0 to 1."""
    return float(np.clip(0.5 + 0.28 * patch[int(min(base, patch.shape[0] - 1)), column], 0, 1))


def crown(
    canvas: Array, at: Point, size: float, tone: float, dark: Colour, light: Colour, rng: np.random.Generator
) -> None:
    """One tree's crown in three dabs: shade, body, light."""
    for step, (shift, scale) in enumerate(((0.0, 1.0), (0.22, 0.74), (0.42, 0.42))):
        share = np.clip(0.10 + 0.30 * step + 0.45 * (tone - 0.5) + rng.normal(0, 0.05), 0, 1)
        colour = np.float32(dark) * (1 - share) + np.float32(light) * share
        centre = (at[0] + shift * size, at[1] - shift * size)
        dab(canvas, centre, (scale * size, scale * size * 1.1), 0, colour)


def house(canvas: Array, x: float, foot: float, rng: np.random.Generator, *, tower: bool = False) -> None:
    """A house in evening light, or a church's tower: two walls, a roof, a lit window; drawn three times too large."""
    wide, tall, roof = (18, 84, 44) if tower else (rng.uniform(20, 32), rng.uniform(16, 24), rng.uniform(9, 14))
    tone = rng.uniform(0.9, 1.05)
    for x0, x1, wall in ((-1.0, 0.3, (0.66, 0.52, 0.52)), (0.3, 1.0, (1.0, 0.84, 0.62))):
        ends = (int(x + wide * x0), int(foot - tall)), (int(x + wide * x1), int(foot))
        cv2.rectangle(canvas, *ends, paint(np.float32(wall) * tone), -1)
    top = [(x - wide - 3, foot - tall), (x + wide + 3, foot - tall), (x + wide * 0.3, foot - tall - roof)]
    cv2.fillPoly(canvas, [np.int32(top)], paint(np.float32([0.62, 0.27, 0.20]) * tone), cv2.LINE_AA)
    if rng.uniform() < 0.7:
        at = (int(x - wide * 0.5), int(foot - tall * 0.6))
        cv2.rectangle(canvas, at, (at[0] + 5, at[1] + 7), paint((1.0, 0.88, 0.45)), -1)
