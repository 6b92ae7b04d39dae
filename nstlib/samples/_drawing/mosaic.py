"""A mosaic: stones laid in rows along the contours of a picture (Hausner 2001, `Simulating Decorative Mosaics`)."""

import cv2
import numpy as np

from .noise import Array, fractal, grid, lit, mix, ramp, smoothstep

SIZE = (704, 704)
GROUT = (0.30, 0.27, 0.25)
SEA = [(-1.0, (0.04, 0.16, 0.30)), (-0.3, (0.06, 0.34, 0.46)), (0.3, (0.16, 0.55, 0.58)), (1.0, (0.62, 0.82, 0.74))]
GOLD = [(0.0, (0.62, 0.40, 0.10)), (0.5, (0.86, 0.64, 0.22)), (1.0, (0.98, 0.86, 0.50))]
Tints = tuple[tuple[float, float, float], ...]
RED: Tints = ((0.42, 0.08, 0.09), (0.78, 0.20, 0.12), (0.93, 0.46, 0.16), (0.98, 0.80, 0.44))
VIOLET: Tints = ((0.14, 0.12, 0.34), (0.33, 0.26, 0.58), (0.86, 0.52, 0.44), (0.98, 0.86, 0.70))


def fish(x: Array, y: Array, at: tuple[float, float], degrees: float, size: float) -> tuple[Array, Array, Array]:
    """A fish's own coordinates u (nose −1, tail 1), v, and its signed distance, about, in units of its half length."""
    a = np.deg2rad(degrees)
    u, v = (x - at[0]) / size, (y - at[1]) / size
    u, v = u * np.cos(a) + v * np.sin(a), -u * np.sin(a) + v * np.cos(a)
    v = v + 0.10 * np.sin(2.6 * u)
    long = np.abs(u + 0.18)
    body = np.abs(v) - 0.36 * np.sqrt(np.clip(1 - (long / 0.82) ** 2, 0, 1)) + 0.6 * np.maximum(long - 0.82, 0)
    fork = 0.34 + 0.16 * smoothstep(0.0, 0.5, np.abs(v))
    tail = np.maximum(np.abs(v) - 1.15 * (u - 0.44), u - 0.62 - 0.9 * fork * np.abs(v) - 0.08)
    fin = np.maximum(np.hypot((u + 0.10) * 0.9, v + 0.16) - 0.33, np.maximum(v, -0.75 * (u + 0.52) - v - 0.42))
    return u, v, np.minimum(np.minimum(body, np.maximum(tail, 0.45 - u)), fin)


def swim(
    guide: Array, level: Array, x: Array, y: Array, at: tuple[float, float], degrees: float, size: float, tints: Tints
) -> tuple[Array, Array]:
    """Lay a fish over the guide's colours and over the level whose contours the stones follow."""
    u, v, d = fish(x, y, at, degrees, size)
    scales = np.cos(u * 26) * np.cos(v * 30 + np.floor(u * 26 / np.pi) * np.pi / 2)
    colour = ramp(0.5 - 1.9 * v + 0.22 * scales, [(k / (len(tints) - 1), c) for k, c in enumerate(tints)])
    colour = mix(colour, tints[0], smoothstep(0.46, 0.50, u) * (0.5 + 0.5 * np.cos(v * 40)))
    colour = mix(colour, (0.96, 0.90, 0.74), (np.abs(u + 0.52) < 0.045) * (d < 0))
    eye = np.hypot(u + 0.72, v + 0.06)
    colour = mix(colour, (0.97, 0.94, 0.86), eye < 0.115)
    colour = mix(colour, (0.06, 0.06, 0.09), eye < 0.058)
    colour = mix(colour, (0.10, 0.09, 0.16), np.abs(d * size + 5) < 5.5)
    halo = d * size
    level = np.where(halo < 26, halo, level)
    guide = mix(guide, (0.70, 0.88, 0.84), (halo > 0) & (halo < 11))
    return mix(guide, colour, d < 0), level


def cartoon(rng: np.random.Generator) -> tuple[Array, Array]:
    """What the mosaic shows, (H, W, 3), and a level (H, W) whose contours the rows of stones follow, pixels."""
    height, width = SIZE
    x, y = grid(width, height)
    r, around = np.hypot(x - width / 2, y - height / 2), np.arctan2(y - height / 2, x - width / 2)
    swell = y + 20 * np.sin(x / 52 + y / 90) + 9 * np.sin(x / 21 + 2)
    guide = ramp(np.sin(swell / 13.5) + 0.25 * fractal(x.shape, rng, wavelength=60), SEA)
    level = swell.astype(np.float32)
    guide, level = swim(guide, level, x, y, (width * 0.47, height * 0.385), 14, 185, RED)
    guide, level = swim(guide, level, x, y, (width * 0.54, height * 0.655), 190, 160, VIOLET)
    ring = r - 278
    level = np.where(ring > -14, ring, level)
    guide = np.where((ring > -14)[..., None], border(ring, around), guide)
    return np.where((ring > 62)[..., None], corner(x, y, ring), guide), level.astype(np.float32)


def border(ring: Array, around: Array) -> Array:
    """A ring with a wave scroll: dark edges, white thread, terracotta against cream."""
    turn = np.mod(around / (2 * np.pi) * 26, 1)
    crest = 8 + 26 * smoothstep(0.0, 0.72, turn) * smoothstep(1.0, 0.93, turn) + 6 * np.sin(turn * 2 * np.pi)
    colour = np.where((ring < crest)[..., None], np.float32([0.74, 0.25, 0.14]), np.float32([0.95, 0.86, 0.66]))
    edge = (ring < -6) | (ring > 54)
    colour = np.where(edge[..., None], np.float32([0.10, 0.10, 0.22]), colour)
    thread = ((ring >= -6) & (ring < 2)) | ((ring > 46) & (ring <= 54))
    return np.where(thread[..., None], np.float32([0.96, 0.92, 0.80]), colour)


def corner(x: Array, y: Array, ring: Array) -> Array:
    """Gold ground in waves, with a rosette in each corner."""
    height, width = SIZE
    colour = ramp(0.5 + 0.5 * np.sin(ring / 9), GOLD)
    dx, dy = np.minimum(x, width - x) - 62, np.minimum(y, height - y) - 62
    petal = np.hypot(dx, dy) - 31 - 9 * np.cos(8 * np.arctan2(dy, dx))
    colour = mix(colour, (0.10, 0.30, 0.38), petal < 0)
    colour = mix(colour, (0.80, 0.26, 0.16), petal < -13)
    return mix(colour, (0.97, 0.86, 0.54), np.hypot(dx, dy) < 12)


def nearest(sites: Array, angles: Array, reach: int) -> tuple[Array, Array, Array]:
    """Which site is nearest to each pixel by the square's distance max(|u|, |v|) turned to that site's angle.

    sites: (n, 2). Returns the site's index, its distance and that of the second nearest, each (H, W).
    """
    height, width = SIZE
    owner, first = np.zeros(SIZE, np.int32), np.full(SIZE, np.inf, np.float32)
    second = first.copy()
    for k, ((cx, cy), c, s) in enumerate(zip(sites, np.cos(angles), np.sin(angles), strict=True)):
        x0, x1 = max(int(cx) - reach, 0), min(int(cx) + reach + 1, width)
        y0, y1 = max(int(cy) - reach, 0), min(int(cy) + reach + 1, height)
        dx = np.arange(x0, x1, dtype=np.float32)[None] + np.float32(0.5 - cx)
        dy = np.arange(y0, y1, dtype=np.float32)[:, None] + np.float32(0.5 - cy)
        d = np.maximum(np.abs(dx * c + dy * s), np.abs(dy * c - dx * s))
        old, runner = first[y0:y1, x0:x1], second[y0:y1, x0:x1]
        np.minimum(runner, np.maximum(old, d), out=runner)
        closer = d < old
        owner[y0:y1, x0:x1][closer] = k
        np.minimum(old, d, out=old)
    return owner, first, second


def lay_stones(
    level: Array, rng: np.random.Generator, *, stone: float, rounds: int = 12
) -> tuple[Array, Array, Array, Array]:
    """Stones spread evenly and turned along the level's contours: sites (n, 2), owner, first and second distance."""
    height, width = SIZE
    smooth = cv2.GaussianBlur(level, (0, 0), 2.5)
    angle = np.arctan2(cv2.Sobel(smooth, cv2.CV_32F, 0, 1), cv2.Sobel(smooth, cv2.CV_32F, 1, 0))
    x, y = grid(width, height)
    edge = np.abs(cv2.Laplacian(cv2.GaussianBlur(level, (0, 0), 1.0), cv2.CV_32F)) > 1.5
    weight = np.where(edge, 0.05, 1.0)  # stones shun the lines where contours break, so that these become joints
    sites = rng.uniform(0, (width, height), (int(height * width / stone**2), 2))
    for _ in range(rounds):
        at = np.clip(sites.astype(int), 0, (width - 1, height - 1))
        owner, first, second = nearest(sites, angle[at[:, 1], at[:, 0]], int(stone * 1.7))
        mass = np.bincount(owner.ravel(), weight.ravel(), len(sites)) + 1e-9
        middle = [np.bincount(owner.ravel(), (weight * v).ravel(), len(sites)) / mass for v in (x, y)]
        sites = np.where((mass > 1)[:, None], np.stack(middle, -1), sites)
    return sites, owner, first, second


def mosaic(rng: np.random.Generator) -> Array:
    """Two fish in a sea of stone, (704, 704, 3) float32 RGB in [0, 1]."""
    guide, level = cartoon(rng)
    sites, owner, first, second = lay_stones(level, rng, stone=10.5)
    count = len(sites)
    at = np.clip(sites.astype(int), 0, (SIZE[1] - 1, SIZE[0] - 1))
    tint = cv2.GaussianBlur(guide, (0, 0), 1.5)[at[:, 1], at[:, 0]]
    tint += rng.normal(0, 0.045, (count, 1)) + rng.normal(0, 0.022, (count, 3))
    x, y = grid(*SIZE[::-1])
    tilt = rng.normal(0, 0.011, (count, 2))[owner]
    away = np.stack([x, y], -1) - sites[owner]
    facet = 1 + (tilt * away).sum(-1) + rng.normal(0, 0.05, count)[owner]
    top = smoothstep(0.9, 3.2, second - first + 0.35 * fractal(SIZE, rng, wavelength=8, slope=1.5))
    vein = 0.035 * fractal(SIZE, rng, wavelength=10, slope=1.6, finest=1.0)
    stone = tint[owner] * (facet + vein)[..., None]
    bevel = lit(top.astype(np.float32), angle=135, blur=0.9)
    stone = stone * (1 + 0.55 * bevel)[..., None] + 0.22 * np.maximum(bevel, 0)[..., None]
    grout = np.float32(GROUT) * (1 + 0.14 * fractal(SIZE, rng, wavelength=6, slope=1.2, finest=1.0))[..., None]
    return np.clip(mix(grout, stone.astype(np.float32), top), 0, 1)
