"""The near side of the sample clip: a tree, and a bank in flower with reeds."""

from itertools import pairwise

import numpy as np

from .canvas import Texture, area, dab, line, skyline
from .noise import Array, fractal, grid, mix, ramp, smoothstep

UP, SIDE = np.float64([0, -1]), np.float64([1.6, 0])
BARK = ((0.0, (0.17, 0.11, 0.12)), (0.16, (0.30, 0.18, 0.14)), (0.34, (0.66, 0.39, 0.22)))
LEAF = [
    (0.0, (0.07, 0.13, 0.14)), (0.3, (0.16, 0.25, 0.13)), (0.55, (0.38, 0.42, 0.13)),
    (0.8, (0.86, 0.62, 0.18)), (1.0, (1.0, 0.82, 0.40)),
]  # fmt: skip


def tree(rng: np.random.Generator) -> Texture:
    """A tall tree about (0, 0), the foot of its trunk: limbs that fork, leaves lit through from the right."""
    width, height = 660, 720
    canvas = np.zeros((height, width, 4), np.uint8)
    foot = np.float64([width * 0.48, height - 4.0])
    tips: list[Array] = []
    limb(canvas, foot, -91.0, 196.0, 24.0, rng, tips)
    places = np.array(tips)
    crown = ((places - places.mean(0)) / np.ptp(places, axis=0)) @ (1.0, -1.0)  # how near the sun: right and up
    order = rng.permutation(len(tips))
    for k in order:
        leaves(canvas, tips[k], 0.25 + 0.3 * crown[k], 15.0, 12, rng)
    for k in order[np.argsort(crown[order] + rng.normal(0, 0.25, len(tips)))]:
        leaves(canvas, tips[k] + np.float64([3, -6]), 0.5 + 0.55 * crown[k], 11.0, 11, rng)
    return Texture(canvas.astype(np.float32) / 255, -float(foot[0]), -float(foot[1]))


def limb(canvas: Array, foot: Array, angle: float, length: float, girth: float, rng, tips: list[Array]) -> None:
    """A limb and, from its end, its branches; where they grow thin they bear leaves."""
    turn = np.deg2rad(angle + rng.normal(0, 5))
    head = foot + length * np.float64([np.cos(turn), np.sin(turn)])
    path = foot + (head - foot) * np.linspace(0, 1, max(int(length / 9), 3))[:, None] + rng.normal(0, girth / 16, 2)
    for side, tint in BARK:
        for k, (a, b) in enumerate(pairwise(path)):
            g = girth * (1 - 0.35 * k / len(path))
            shift = np.float64([g * side + rng.normal(0, 0.03 * g), 0])
            line(canvas, [a + shift, b + shift], tint, max(round(g * (1 - 2.3 * side)), 1))
    if girth < 7:
        tips.append(head)
    if girth < 3.2:
        return
    upright = angle + 0.22 * (-90 - angle)
    for spread in rng.permutation([-34.0, 2.0, 36.0])[: 3 if girth > 6 else 2]:
        angle = upright + spread + rng.normal(0, 7)
        limb(canvas, head, angle, length * rng.uniform(0.60, 0.74), girth * 0.66, rng, tips)


def leaves(canvas: Array, tip: Array, sun: float, spread: float, count: int, rng: np.random.Generator) -> None:
    """A handful of leaves about a tip, those towards the sun the lightest."""
    away = rng.normal(0, spread, (count, 2)) * (1.15, 0.85)
    towards = (away[:, 0] - away[:, 1]) / (3.2 * spread)
    colours = ramp(np.clip(sun + 0.45 * towards + rng.normal(0, 0.12, count), 0, 1), LEAF)
    for k in np.argsort(towards):
        dab(canvas, tip + away[k], (rng.uniform(4.0, 6.5), rng.uniform(2.4, 3.6)), rng.uniform(0, 180), colours[k])


def bank(rng: np.random.Generator) -> Texture:
    """The near bank: grass blade by blade from the back to the front, poppies, daisies and lavender among it."""
    left, width, height = -300.0, 1880, 350
    canvas = np.zeros((height, width, 4), np.uint8)
    x = np.arange(width) + left
    crest = 186 - 46 * smoothstep(520, 0, x) - 30 * smoothstep(900, 1400, x) + 8 * skyline(x, rng, 240, 2.2)
    area(canvas, [(0, height), *zip(range(width), crest + 6, strict=True), (width, height)], (0.12, 0.14, 0.10))
    patch = fractal((1, width), rng, wavelength=120)[0]
    for _ in range(26):
        reed(canvas, crest, int(np.clip(rng.normal(1160, 60), 0, width - 1)), rng)
    for row in np.sort(rng.uniform(0, 1, 9000)):
        column = int(rng.integers(width))
        foot = np.float64([column, crest[column] + 10 + row * (height - crest[column])])
        if row < 0.96 and rng.uniform() < 0.10:
            flower(canvas, foot, row, patch[column], rng)
        else:
            blade(canvas, foot, row, patch[column], rng)
    depth = grid(width, height)[1] - crest
    shade = 0.85 * smoothstep(20, 150, depth + 9 * patch)
    dusk = mix(np.ones((height, width, 4), np.float32), (0.44, 0.44, 0.66, 1.0), shade)
    return Texture(canvas.astype(np.float32) / 255 * dusk, left, 720.0 - height + 40)


def reed(canvas: Array, crest: Array, column: int, rng: np.random.Generator) -> None:
    """A tall reed with its brown head, in the wind."""
    t, tall, lean = np.linspace(0, 1, 9)[:, None], rng.uniform(80, 190), rng.normal(22, 16)
    stem = np.float64([column, crest[column] + 30]) + np.hstack([lean * t**2, -tall * t])
    for k in range(8):
        tone = mix(np.float32([0.15, 0.17, 0.09]), (0.80, 0.62, 0.27), (k + 1) / 9)
        line(canvas, stem[k : k + 2], tone, 2)
    if rng.uniform() < 0.4:
        line(canvas, stem[6:8], (0.30, 0.16, 0.10), 7)
        line(canvas, stem[6:8] + SIDE, (0.72, 0.42, 0.20), 2)
    leaf = stem[2] + np.hstack([rng.choice([-1, 1]) * 34 * t**1.6, -60 * t + 22 * t**3])
    line(canvas, leaf, (0.47, 0.45, 0.17), 3)


def blade(canvas: Array, foot: Array, near: float, mood: float, rng: np.random.Generator) -> None:
    """A blade of grass, dark at its foot and gold at its tip."""
    length, lean = rng.uniform(14, 26) * (1 + 0.9 * near), rng.normal(5, 7)
    t = np.linspace(0, 1, 5)[:, None]
    path = foot + np.hstack([lean * t**2, -length * t])
    tone = np.clip(0.45 + 0.18 * mood + rng.normal(0, 0.16), 0, 1)
    low, tip = np.float32([0.14, 0.17, 0.09]), mix(np.float32([0.38, 0.42, 0.13]), (0.97, 0.74, 0.32), float(tone))
    for k in range(4):
        line(canvas, path[k : k + 2], low + (tip - low) * ((k + 0.6) / 4) ** 1.2, 3 if k < 2 and near > 0.4 else 2)


def flower(canvas: Array, foot: Array, near: float, mood: float, rng: np.random.Generator) -> None:
    """A poppy, a daisy or a spike of lavender; kinds keep company, as `mood` has it."""
    head = foot - (rng.normal(0, 4), rng.uniform(16, 30) * (1 + near))
    size = rng.uniform(2.6, 4.2) * (1 + 0.8 * near)
    line(canvas, [foot, head], (0.22, 0.26, 0.11), 2)
    kind = mood + rng.normal(0, 0.7)
    if kind > 0.35:
        tilt = rng.uniform(-25, 25)
        dab(canvas, head, (size * 1.2, size * 0.9), tilt, (0.50, 0.06, 0.07))
        for lobe, red in ((-0.55, (0.74, 0.13, 0.08)), (0.5, (0.97, 0.33, 0.15))):
            dab(canvas, head + np.float64([lobe, -0.25]) * size, (size * 0.75, size * 0.7), tilt + 40 * lobe, red)
        dab(canvas, head + UP * -0.15 * size, (size * 0.25, size * 0.2), 0, (0.16, 0.05, 0.08))
    elif kind > -0.5:
        dab(canvas, head, (size, size * 0.7), 0, (0.93, 0.85, 0.74))
        dab(canvas, head + UP * -0.1 * size, (size * 0.42, size * 0.34), 0, (0.95, 0.64, 0.12))
    else:
        for k in range(6):
            tint = np.float32([0.42, 0.28, 0.58]) * rng.uniform(0.8, 1.35)
            dab(canvas, head - UP * 0.75 * k * size + SIDE * rng.normal(0, 0.75), (size * 0.5, size * 0.5), 0, tint)
