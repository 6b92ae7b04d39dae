"""Brush strokes of thick paint that follow a field of directions."""

import cv2
import numpy as np

from .noise import Array, fractal, lit

FINER = 2  # strokes are drawn twice as large and halved, which smooths every bristle


def follow(field: Array, starts: Array, lengths: Array, steps: int = 9) -> Array:
    """Lines of a field: paths of the given lengths, their middles at `starts`.

    field: (H, W, 2) unit vectors (dx, dy). starts: (n, 2) pixels x, y. lengths: (n,). Returns (n, steps, 2).
    """
    height, width = field.shape[:2]

    def walk(sign: float) -> list[Array]:
        places = [starts]
        for _ in range(steps // 2):
            at = np.clip(np.rint(places[-1]).astype(int), 0, (width - 1, height - 1))
            places.append(places[-1] + sign * field[at[:, 1], at[:, 0]] * lengths[:, None] / (steps - 1))
        return places

    return np.stack(walk(-1.0)[:0:-1] + walk(1.0), 1)


def stroke(canvas: Array, path: Array, width: float, colour: Array, rng: np.random.Generator, bristles: int) -> None:
    """One stroke, bristle by bristle, each with its own tint, length and thickness of paint, which is channel 3."""
    along = np.gradient(path, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], -1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-6)
    belly = np.sin(np.pi * np.linspace(0.12, 0.93, len(path)))[:, None] ** 0.5
    offsets = np.linspace(-0.5, 0.5, bristles) * width
    thick = max(round(1.5 * width * FINER / bristles), 1)
    first = rng.integers(0, 2, bristles)
    last = len(path) - rng.integers(0, 3, bristles)
    tints = colour + rng.normal(0, 0.035, (bristles, 1)) + rng.normal(0, 0.018, (bristles, 3))
    heights = 0.5 + 0.28 * np.abs(np.linspace(-1, 1, bristles)) + rng.normal(0, 0.15, bristles)
    inks = np.clip(np.concatenate([tints, heights[:, None]], 1) * 255, 0, 255).round()
    lines = np.rint((path + normal * belly * offsets[:, None, None]) * (16 * FINER)).astype(np.int32)
    for k in rng.permutation(bristles):
        cv2.polylines(canvas, [lines[k, first[k] : last[k]]], False, inks[k].tolist(), thick, cv2.LINE_AA, 4)


def cover(
    canvas: Array,
    guide: Array,
    field: Array,
    rng: np.random.Generator,
    *,
    width: float,
    length: float,
    density: float,
    bristles: int = 7,
    vary: float = 0.04,
) -> None:
    """Lay strokes over the canvas, in the guide's colours, along the field.

    guide: (H, W, 3). width, length: pixels. density: how many times the strokes cover the area. vary: how much one
    stroke's colour strays.
    """
    height, wide = guide.shape[:2]
    count = int(density * height * wide / (width * length))
    starts = rng.uniform((0, 0), (wide, height), (count, 2))
    rows, columns = starts[:, 1].astype(int), starts[:, 0].astype(int)
    paths = follow(field, starts, length * rng.uniform(0.6, 1.3, count))
    colours = guide[rows, columns] + rng.normal(0, vary, (count, 1)) + rng.normal(0, vary * 0.6, (count, 3))
    for path, colour in zip(paths, colours, strict=True):
        stroke(canvas, path, width * rng.uniform(0.75, 1.25), colour, rng, bristles)


def easel(guide: Array) -> Array:
    """An empty canvas for `cover`: the guide's colours, thinly laid. (FINER H, FINER W, 4) uint8."""
    size = (guide.shape[1] * FINER, guide.shape[0] * FINER)
    ground = cv2.resize(guide, size, interpolation=cv2.INTER_LINEAR)
    return np.clip(np.dstack([ground * 0.9, np.full(ground.shape[:2], 0.35)]) * 255, 0, 255).round().astype(np.uint8)


def varnish(canvas: Array, *, relief: float = 1.0, blur: float = 0.8) -> Array:
    """The dry painting: light from the upper left on the paint's thickness, with a little gloss. (H, W, 3) float32."""
    size = (canvas.shape[1] // FINER, canvas.shape[0] // FINER)
    paint = cv2.resize(canvas.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA)
    slope = relief * lit(np.ascontiguousarray(paint[..., 3]), angle=135, blur=blur)
    shaded = paint[..., :3] * (1 + 1.5 * slope)[..., None] + (0.55 * np.maximum(slope - 0.10, 0))[..., None]
    return np.clip(shaded, 0, 1).astype(np.float32)


def turned(angle: Array) -> Array:
    """Unit vectors (dx, dy) at an angle in radians, (H, W) -> (H, W, 2)."""
    return np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)


def whirl(x: Array, y: Array, centres: list[tuple[float, float, float, float]], drift: Array) -> tuple[Array, Array]:
    """A field of whirls (x, y, radius, spin) in a drift, and for each pixel the phase of the nearest whirl's rings."""
    flow, phase = drift.copy(), np.zeros_like(x)
    for cx, cy, radius, spin in centres:
        dx, dy, r = x - cx, y - cy, np.hypot(x - cx, y - cy) + 1e-3
        strength = np.exp(-((r / radius) ** 2))
        tangent = np.stack([-dy, dx], -1) / r[..., None] * spin - 0.35 * np.stack([dx, dy], -1) / r[..., None]
        flow = flow * (1 - strength[..., None]) + tangent * (3.0 * strength)[..., None]
        phase += strength * (r / radius * 9 - spin * np.arctan2(dy, dx))
    return flow / (np.linalg.norm(flow, axis=-1, keepdims=True) + 1e-6), phase


def streaks(shape: tuple[int, int], field: Array, rng: np.random.Generator, *, wavelength: float, length: int) -> Array:
    """Noise drawn out along a field (line integral convolution, Cabral and Leedom 1993): (H, W), deviation 1."""
    noise = fractal(shape, rng, wavelength=wavelength, slope=1.4, finest=wavelength / 4)
    at = np.stack(np.meshgrid(np.arange(shape[1]), np.arange(shape[0])), -1).astype(np.float32)
    total = noise.copy()
    for sign in (-1, 1):
        place = at.copy()
        for _ in range(length // 4):
            step = cv2.remap(field, place[..., 0], place[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            place += sign * 2 * step
            total += cv2.remap(noise, place[..., 0], place[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return total / total.std()
