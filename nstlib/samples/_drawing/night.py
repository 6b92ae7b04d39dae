"""A town across the water at night: the light that a photograph by day may be given."""

import cv2
import numpy as np

from .canvas import skyline
from .land import HEIGHT, HORIZON, WIDTH, waves
from .noise import Array, fractal, grid, mix, ramp, smoothstep

MOON = (330.0, 128.0)
LAMP = np.float32([1.0, 0.72, 0.36])  # the colour of the town's light


def night(rng: np.random.Generator) -> Array:
    """(720, 1280, 3) float32 RGB in [0, 1]."""
    x, y = grid(WIDTH, HEIGHT)
    colour = sky(x, y, rng)
    crest = HORIZON - 46 - 30 * skyline(x[0], rng, 420, 2.0)
    colour = mix(colour, (0.05, 0.07, 0.13), smoothstep(-1, 1, y - crest))
    colour += town(x, y, rng)

    # the lake: what stands above the horizon, upside down, drawn out by the waves
    near = np.maximum(y - HORIZON, 0)
    wave = waves(x, near, rng)
    mirrored = (HORIZON - 2 - 0.9 * near + wave * (2 + 0.3 * near)).astype(np.float32)
    above = cv2.GaussianBlur(colour[: int(HORIZON)], (0, 0), 2.0, None, 14.0)
    water = cv2.remap(above, x - 0.5, np.clip(mirrored, 0, HORIZON - 3), cv2.INTER_LINEAR)
    water = mix(0.85 * water, (0.03, 0.055, 0.11), 0.25 + 0.35 * smoothstep(0, 300, near))
    return np.clip(mix(colour, water, smoothstep(-1, 1, y - HORIZON)), 0, 1)


def sky(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """From black blue to a dim blue, with thin cloud, stars and the moon."""
    colour = ramp(y / HORIZON, [(0, (0.03, 0.055, 0.14)), (0.6, (0.08, 0.13, 0.28)), (1, (0.22, 0.26, 0.40))])
    distance = np.hypot(x - MOON[0], y - MOON[1])
    cloud = smoothstep(0.1, 2.0, fractal(x.shape, rng, wavelength=260, slope=2.3, stretch=2.5))
    colour += cloud[..., None] * (np.float32([0.05, 0.06, 0.09]) + 0.3 * np.exp(-distance / 110)[..., None])
    stars = (rng.random(x.shape) > 0.9993) * rng.random(x.shape) * (1 - cloud)
    colour += cv2.GaussianBlur(stars.astype(np.float32), (0, 0), 0.8)[..., None] * 2.5
    colour += (0.35 * np.exp(-distance / 60))[..., None] * np.float32([0.75, 0.85, 1.0])
    return mix(colour, (0.95, 0.95, 0.88), smoothstep(24, 21, distance))


def town(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """Its lamps and windows along the shore, and their glow: light to be added, (H, W, 3)."""
    lamps = np.zeros(x.shape, np.float32)
    for _ in range(260):
        across = rng.normal(820, 230)
        row, column = int(HORIZON - 3 - abs(rng.normal(0, 16))), int(np.clip(across, 2, WIDTH - 3))
        cv2.circle(lamps, (column, row), int(rng.integers(1, 3)), float(rng.uniform(0.4, 1.0)), -1, cv2.LINE_AA)
    round_, near, far = (cv2.GaussianBlur(lamps, (0, 0), reach) for reach in (0.9, 5, 45))
    return (1.6 * round_ + 1.6 * near + 2.2 * far)[..., None] * LAMP
