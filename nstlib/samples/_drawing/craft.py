"""What sails and flies in the sample clip: a balloon and a boat."""

import cv2
import numpy as np

from .canvas import Texture, area, cut, dab, line, shrink
from .noise import Array, fractal, grid, mix, smoothstep

GOLD = np.float32([1.0, 0.80, 0.46])


def balloon(rng: np.random.Generator) -> Texture:
    """A striped hot-air balloon about (0, 0), 150 wide and 220 high, lit from the right."""
    width, height = 176, 244
    x, y = grid(width * 2, height * 2)
    x, y = (x / 2 - width / 2) / 74, (y / 2 - 86) / 74  # the envelope's radius is 1
    girth = np.where(y < 0, np.sqrt(np.clip(1 - y**2, 0, 1)), np.clip(np.cos(np.clip(y, 0, 1.3) * 1.07), 0, 1) ** 0.72)
    around = np.arcsin(np.clip(x / np.maximum(girth, 1e-3), -1, 1))
    gore = (around / np.pi + 0.5) * 12
    colour = cloth(np.floor(gore).astype(int) % 4)
    zigzag = np.abs(np.mod(gore, 2) - 1) * 0.34
    colour = mix(colour, (0.97, 0.90, 0.74), smoothstep(0.015, -0.015, np.abs(y - 0.02 - zigzag + 0.17) - 0.10))
    colour = mix(colour, (0.93, 0.62, 0.16), smoothstep(0.015, -0.015, np.abs(y + 0.62) - 0.07))
    billow = np.cos((gore - np.floor(gore) - 0.5) * np.pi)
    light = np.sin(around) * 0.62 - 0.25 * y + 0.35 + 0.25 * (billow - 0.6)
    weave = fractal(x.shape, rng, wavelength=14, slope=1.6, stretch=0.5)
    colour = colour * (0.60 + 0.50 * smoothstep(-0.7, 1.1, light) + 0.05 * weave)[..., None]
    colour = mix(colour, (0.24, 0.15, 0.30), 0.45 * smoothstep(0.2, -0.9, light))
    colour = mix(colour, (1.0, 0.86, 0.58), 0.50 * smoothstep(0.55, 1.15, light))
    edge = smoothstep(0.012, -0.012, np.abs(x) - girth) * smoothstep(1.21, 1.19, y) * (y > -1)
    canvas = np.rint(cut(colour, edge, 0, 0).pixels * 255).astype(np.uint8)
    basket(canvas, width, 86 + 74 * 1.19)
    return shrink(canvas, -width / 2, -100)


def cloth(index: Array) -> Array:
    """The balloon's colours by gore: (...) -> (..., 3)."""
    return np.float32([[0.80, 0.16, 0.13], [0.97, 0.80, 0.42], [0.10, 0.38, 0.44], [0.96, 0.88, 0.72]])[index]


def basket(canvas: Array, width: float, mouth: float) -> None:
    """Ropes and a wicker basket under the balloon's mouth, on a canvas twice too large."""
    middle, low = width, mouth * 2
    for side in (-1, -0.4, 0.4, 1):
        line(canvas, [(middle + side * 42, low - 4), (middle + side * 22, low + 44)], (0.30, 0.20, 0.16), 2)
    for row in range(12):
        for column in range(-5, 6):
            light = 0.30 + 0.30 * (column + 5) / 10 + 0.10 * ((row + column) % 2)
            dab(canvas, (middle + column * 4.4, low + 46 + row * 3.4), (2.8, 2.2), 0, GOLD * light * (0.9, 0.75, 0.6))
    line(canvas, [(middle - 25, low + 45), (middle + 25, low + 45)], (0.62, 0.42, 0.24), 4)


def boat(rng: np.random.Generator) -> Texture:
    """A sailing boat about (0, 0), its waterline's middle: two sails, hull, and its broken image in the water."""
    width, height, scale = 190, 330, 2
    canvas = np.zeros((height * scale, width * scale, 4), np.uint8)
    centre, water = width / 2, 190.0

    def at(px: float, py: float) -> Array:
        return np.float64([(centre + px) * scale, (water + py) * scale])

    area(canvas, sail(at(0, -14), at(3, -172), at(-66, -20), -20), (1.0, 0.90, 0.70))
    area(canvas, sail(at(9, -12), at(7, -157), at(58, -16), 10), (0.90, 0.36, 0.20))
    line(canvas, [at(4, -4), at(4, -172)], (0.28, 0.18, 0.14), 5)
    line(canvas, [at(-66, -19), at(4, -13)], (0.30, 0.19, 0.14), 4)
    hull = ((-70, -16), (-40, -12), (30, -12), (76, -22), (62, -2), (48, 4), (-56, 4))
    rail = ((-71, -17), (-40, -13), (30, -13), (77, -23), (74, -18), (30, -8), (-69, -12))
    area(canvas, [at(*p) for p in hull], (0.20, 0.20, 0.30))
    area(canvas, [at(*p) for p in rail], (0.93, 0.72, 0.46))
    shade(canvas, rng)
    reflect(canvas, int((water + 3) * scale), rng)
    return shrink(canvas, -width / 2, -water)


def sail(foot: Array, head: Array, clew: Array, belly: float) -> Array:
    """The outline of a sail whose outer edge bulges: (n, 2)."""
    t = np.linspace(0, 1, 24)[:, None]
    leech = head + (clew - head) * t + np.float64([belly, -belly * 0.2]) * (np.sin(np.pi * t))
    return np.vstack([foot[None], head[None], leech])


def shade(canvas: Array, rng: np.random.Generator) -> None:
    """Weave and evening light over whatever is drawn."""
    x, y = grid(canvas.shape[1], canvas.shape[0])
    weave = 0.035 * fractal(x.shape, rng, wavelength=16, slope=1.7, stretch=0.5) + 0.03 * np.sin(y / 6.5 + x / 60)
    light = 0.72 + 0.34 * smoothstep(0.1, 0.9, x / canvas.shape[1] + 0.12 * np.sin(x / 30 + y / 200)) + weave
    tint = light[..., None] * mix(np.float32([[[0.86, 0.84, 1.0]]]), (1.06, 1.0, 0.88), smoothstep(0.70, 1.05, light))
    canvas[..., :3] = np.minimum(np.clip(canvas[..., :3] * tint, 0, 255), canvas[..., 3:])


def reflect(canvas: Array, water: int, rng: np.random.Generator) -> None:
    """Mirror what stands above the waterline into the rows below it, darker, in strips that waves tear apart."""
    x, y = grid(canvas.shape[1], canvas.shape[0])
    down = y - water
    wave = fractal(x.shape, rng, wavelength=60, slope=2.0, stretch=5.0)
    image = canvas.copy()
    image[water:] = 0
    mirrored = cv2.remap(
        image,
        (x + wave * (1 + down * 0.05)).astype(np.float32),
        (water - 1.35 * down - 0.5).astype(np.float32),
        cv2.INTER_LINEAR,
    )
    tatter = smoothstep(-0.1, 0.25, wave * 0.8 + 1.05 - down / 130)
    dark = np.float32([0.62, 0.60, 0.66, 1.0])
    below = down > 0
    canvas[below] = (mirrored * dark * tatter[..., None])[below].astype(np.uint8)
