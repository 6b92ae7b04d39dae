"""The distance of the sample clip: sky, mountains and lake."""

import cv2
import numpy as np

from .canvas import Texture, cut, skyline
from .noise import Array, fractal, grid, lit, mix, ramp, sample, smoothstep

WIDTH, HEIGHT = 1280, 720  # the stage: twice the clip's size, so that halving it smooths every edge
HORIZON = 418.0
SUN = (872.0, 322.0)
HAZE = (0.98, 0.76, 0.56)


def glow(x: Array, y: Array, reach: float) -> Array:
    """exp(−distance to the sun / reach), (H, W)."""
    return np.exp(-np.hypot(x - SUN[0], y - SUN[1]) / reach).astype(np.float32)


def sky(rng: np.random.Generator) -> Texture:
    """Dusk from blue to gold, a low sun, and rows of cloud that run towards the horizon."""
    left, top = -40.0, -40.0
    x, y = grid(WIDTH + 80, 560, left, top)
    drift = 14 * fractal(x.shape, rng, wavelength=400)
    colour = ramp((y + drift) / HORIZON, [
        (-0.1, (0.10, 0.20, 0.42)), (0.25, (0.24, 0.36, 0.58)), (0.50, (0.52, 0.50, 0.64)),
        (0.70, (0.86, 0.58, 0.55)), (0.86, (0.99, 0.70, 0.46)), (1.0, (1.0, 0.83, 0.52)),
    ])  # fmt: skip
    colour += glow(x, y, 210)[..., None] * np.float32([0.42, 0.27, 0.06])
    tile = fractal((1024, 1024), rng, wavelength=230, slope=2.3, finest=2.5)
    depth = 300 / (HORIZON + 52 - y)
    u, v = (x - SUN[0]) * depth * 1.15, 620 * depth
    thick = sample(tile, u, v) + 0.25 * fractal(x.shape, rng, wavelength=60, slope=2.2, stretch=0.6)
    cover = smoothstep(0.05, 1.25, thick) * smoothstep(HORIZON, 260, y)
    light = smoothstep(
        -0.9, 0.9, thick - sample(tile, u + 10 * np.tanh((SUN[0] - x) / 160), v + 26) + 0.5 - 0.45 * cover
    )
    warm = glow(x, y, 420)
    shade = mix(np.broadcast_to(np.float32([0.40, 0.36, 0.52]), colour.shape), (0.80, 0.46, 0.42), warm)
    bright = mix(np.broadcast_to(np.float32([0.98, 0.74, 0.66]), colour.shape), (1.0, 0.90, 0.62), warm)
    colour = mix(colour, mix(shade, bright, light), 0.92 * cover)
    disc = smoothstep(27, 23, np.hypot(x - SUN[0], y - SUN[1]))
    colour = mix(colour, (1.0, 0.97, 0.82), np.maximum(disc, glow(x, y, 26) * 0.9))
    return cut(colour + 0.008 * fractal(x.shape, rng, wavelength=4)[..., None], np.ones_like(x), left, top)


def mountains(rng: np.random.Generator) -> Texture:
    """Far peaks in violet shade and rosy light, snow on their heights, haze at their feet."""
    left, top = -90.0, 150.0
    x, y = grid(WIDTH + 180, 300, left, top)
    line = x[0]
    peaks = 104 * np.exp(-(((line - 640) / 150) ** 2)) + 74 * np.exp(-(((line - 1180) / 170) ** 2))
    crest = 384 - peaks + 34 * np.abs(skyline(line, rng, 300, 1.9)) - 30 - 4 * skyline(line, rng, 30, 1.5)
    fold = 1 - np.abs(fractal(x.shape, rng, wavelength=130, slope=2.1, stretch=0.55, finest=1.5))
    fold += 0.25 * fractal(x.shape, rng, wavelength=26, slope=1.8, stretch=0.7, finest=1.5)
    light = smoothstep(-0.05, 0.07, lit(fold, angle=25, blur=1.0))
    colour = mix(np.broadcast_to(np.float32([0.36, 0.35, 0.54]), (*x.shape, 3)), (0.90, 0.60, 0.53), light)
    snow = smoothstep(318, 286, y + 16 * fold - 10 * light)
    ice = mix(np.broadcast_to(np.float32([0.62, 0.60, 0.78]), colour.shape), (1, 0.90, 0.80), light)
    colour = mix(colour, ice, 0.9 * snow)
    colour = mix(colour, HAZE, 0.14 + 0.68 * smoothstep(310, 415, y) + 0.5 * glow(x, y, 150))
    return cut(colour, smoothstep(-0.8, 0.8, y - crest), left, top)


def lake(rng: np.random.Generator, behind: Array) -> Texture:
    """Water: what stands behind, upside down, broken by waves that grow nearer, with a road of light to the sun.

    behind: (720, 1280, 3), the stage above the horizon at rest.
    """
    left, top = -260.0, HORIZON
    x, y = grid(WIDTH + 520, 330, left, top)
    near = y - HORIZON
    wave = waves(x, near, rng)
    bend = wave * (1.5 + 0.17 * near)
    source_y = np.clip(HORIZON - 2 - near * 1.15 - bend, 0, HORIZON - 3).astype(np.float32)
    source_x = (x + wave * (1 + 0.02 * near)).astype(np.float32)
    mirror = cv2.remap(
        cv2.GaussianBlur(behind, (0, 0), 7.0, None, 3.0),
        source_x,
        source_y,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    deep = mix(mirror, (0.07, 0.20, 0.30), 0.12 + 0.42 * smoothstep(0, 300, near) + 0.12 * smoothstep(0.2, 1.4, wave))
    road = np.exp(-(((x - SUN[0] - 8 * wave) / (26 + 0.42 * near)) ** 2))
    glint = road * smoothstep(0.25, 1.1, wave + 0.25 * fractal(x.shape, rng, wavelength=14, stretch=0.25))
    colour = mix(deep, (1.0, 0.88, 0.58), 0.35 * road)
    colour = mix(colour, (1.0, 0.95, 0.76), 0.95 * glint)
    colour = mix(colour, HAZE, 0.35 * smoothstep(26, 0, near))
    return cut(colour, np.ones_like(x), left, top)


def waves(x: Array, near: Array, rng: np.random.Generator) -> Array:
    """The water's height, deviation about 1, on a plane that recedes. near: pixels below the horizon."""
    depth = 900 / (near + 9)
    tile = fractal((1024, 1024), rng, wavelength=70, slope=2.2, stretch=2.2, finest=2.0)
    return sample(tile, (x - 640) * depth * 0.15, depth * 70) + 0.5 * sample(tile, (x - 640) * depth * 0.4, depth * 190)
