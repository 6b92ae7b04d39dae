"""A painting in thick strokes: a whirling evening sky over wheat and a cypress."""

import numpy as np

from .noise import Array, fractal, grid, mix, ramp, smoothstep
from .strokes import cover, easel, streaks, turned, varnish, whirl

SKY = [
    (-2.2, (0.05, 0.09, 0.30)), (-1.0, (0.09, 0.22, 0.55)), (0.0, (0.16, 0.42, 0.70)), (0.7, (0.36, 0.66, 0.74)),
    (1.3, (0.72, 0.84, 0.70)), (2.2, (0.96, 0.88, 0.55)),
]  # fmt: skip
FAR = [(-2, (0.08, 0.16, 0.40)), (2, (0.32, 0.50, 0.66))]
OLIVES = [(-2, (0.06, 0.25, 0.26)), (0, (0.20, 0.42, 0.28)), (2, (0.60, 0.68, 0.34))]
WHEAT = [(-2.2, (0.55, 0.30, 0.08)), (-0.4, (0.86, 0.56, 0.12)), (0.8, (0.96, 0.76, 0.24)), (2.2, (1.0, 0.92, 0.58))]
BARK = [(-1.5, (0.03, 0.09, 0.11)), (0, (0.07, 0.20, 0.16)), (1, (0.22, 0.36, 0.16)), (1.8, (0.55, 0.48, 0.16))]
MOON = (566.0, 138.0)
EDDIES = [(250.0, 190.0, 120.0, 1.0), (430.0, 275.0, 78.0, -1.0), (70.0, 70.0, 80.0, -1.0)]
STARS = [(96, 226, 15), (372, 62, 17), (700, 290, 13), (236, 40, 12), (30, 330, 11), (690, 40, 14)]


def scape(x: Array, y: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """The colours to paint, (H, W, 3), and the strokes' directions, (H, W, 2)."""
    drift = turned(0.22 * fractal(x.shape, rng, wavelength=300, slope=3) + 0.25 * np.sin(x / 110))
    field, phase = whirl(x, y, [*EDDIES, (*MOON, 105.0, 1.0)], drift)
    tone = 0.75 * streaks(x.shape, field, rng, wavelength=36, length=64) + 0.9 * np.sin(phase) - 0.3 + y / 900
    guide = ramp(tone, SKY)
    for cx, cy, size in STARS:
        guide, field = lamp(guide, field, x, y, (cx, cy), size, 0.9)
    guide, field = lamp(guide, field, x, y, MOON, 44, 1.0)
    return cypress(*land(guide, field, x, y, rng), x, y, rng)


def lamp(
    guide: Array, field: Array, x: Array, y: Array, at: tuple[float, float], size: float, power: float
) -> tuple[Array, Array]:
    """A star or the moon: rings of light about `at`, and strokes that go round it."""
    dx, dy = x - at[0], y - at[1]
    r = np.hypot(dx, dy) / size
    rings = power * smoothstep(2.7, 0.4, r) * (0.72 + 0.28 * np.cos(r * 6.0))
    guide = mix(guide, (0.99, 0.90, 0.45), rings)
    guide = mix(guide, (1.0, 0.72, 0.18), smoothstep(1.0, 0.55, r))
    guide = mix(guide, (1.0, 0.97, 0.80), smoothstep(0.5, 0.2, r) * power)
    round_it = np.stack([-dy, dx], -1) / (size * r + 1e-3)[..., None]
    field = mix(field, round_it, smoothstep(3.0, 2.0, r))
    return guide, field / (np.linalg.norm(field, axis=-1, keepdims=True) + 1e-6)


def land(guide: Array, field: Array, x: Array, y: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Blue hills, green rows of olives, and wheat that bends in the wind."""
    rough = fractal(x.shape, rng, wavelength=60)
    hills = (
        (402 + 26 * np.sin(x / 95 + 1) - 30 * smoothstep(500, 760, x), 0.10, FAR),
        (446 + 18 * np.sin(x / 120 + 3.6), -0.12, OLIVES),
        (500 - 24 * np.sin(x / 190 + 0.4), 0.9, WHEAT),
    )
    for crest, lean, colours in hills:
        inside, depth = smoothstep(-1.5, 1.5, y - crest), np.maximum(y - crest, 0)
        slope = np.gradient(crest[0])[None, :] + lean * 0.3 * np.sin(x / 60 + y / 40)
        upright = (0.95 + 0.35 * np.sin(x / 150)) * (lean > 0.5) * smoothstep(0, 50, depth)
        direction = turned(np.arctan(slope) - upright)
        tone = 0.8 * rough + 1.1 * np.sin(depth / (9 + 0.05 * depth) + 0.7 * rough)
        contour = 0.8 * smoothstep(5, 0, np.abs(y - crest))
        guide = mix(mix(guide, ramp(tone, colours), inside), (0.05, 0.09, 0.22), contour)
        field = mix(field, direction, inside)
    return guide, field


def cypress(guide: Array, field: Array, x: Array, y: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two dark flames of trees, their strokes licking upwards."""
    for cx, foot, tall, wide in ((196.0, 600.0, 220.0, 30.0), (132.0, 616.0, 520.0, 46.0)):
        up = np.clip((foot - y) / tall, 0, 1)
        sway = 9 * np.sin(up * 7 + cx) + 4 * np.sin(up * 23)
        half = wide * (np.clip(1 - up, 0, 1) ** 0.75) * smoothstep(0, 0.12, up) * (1 + 0.16 * np.sin(y / 17 + cx))
        side = (x - cx - sway) / np.maximum(half, 1e-3)
        inside = smoothstep(1.06, 0.94, np.abs(side)) * (up > 0) * (up < 1)
        tone = 0.9 * np.sin(side * 5 + y / 24) + 0.5 * fractal(x.shape, rng, wavelength=30)
        guide, field = (
            mix(guide, ramp(tone, BARK), inside),
            mix(field, turned(-np.pi / 2 + 0.5 * np.sin(y / 24 + side)), inside),
        )
    return guide, field


def whirls(rng: np.random.Generator) -> Array:
    """The painting, (640, 768, 3) float32 RGB in [0, 1]."""
    x, y = grid(768, 640)
    guide, field = scape(x, y, rng)
    canvas = easel(guide)
    cover(canvas, guide, field, rng, width=15, length=60, density=1.6, bristles=9)
    cover(canvas, guide, field, rng, width=8.5, length=40, density=1.5, bristles=7, vary=0.055)
    cover(canvas, guide, field, rng, width=6, length=25, density=0.8, bristles=5, vary=0.06)
    return varnish(canvas, relief=1.7)
