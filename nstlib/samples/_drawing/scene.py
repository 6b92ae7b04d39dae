"""The moving scene: layers under a travelling camera, and the exact flow between any two of its frames."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from . import FRAMES, craft, land, plants
from .canvas import Texture
from .land import HEIGHT, HORIZON, WIDTH
from .noise import Array
from .shore import shore

SEED = 7
TRAVEL, RISE, DOLLY = 250.0, 20.0, 0.05  # of the nearest layer over the whole clip: stage pixels, and a share
PURE = 0.9  # a pixel belongs to a layer that makes at least this much of it: mixed pixels have no one motion


@dataclass(frozen=True)
class Layer:
    """A texture and its motion: time in [-1/2, 1/2] -> (3, 3), from its place at rest to the stage, pixels."""

    name: str
    texture: Texture
    motion: Callable[[float], Array]


def camera(time: float, near: float) -> Array:
    """What a camera that travels right, rises and moves in does to a layer; near: 0 at infinity, 1 in front."""
    x, y, zoom = WIDTH / 2 - TRAVEL * near * time, HORIZON + RISE * near * time, 1 + DOLLY * near * time
    return shift(x, y) @ turn(0, zoom) @ shift(-WIDTH / 2, -HORIZON)


def shift(x: float, y: float) -> Array:
    """A move by (x, y), (3, 3)."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], float)


def turn(degrees: float, scale: float = 1.0) -> Array:
    """A turn and a scaling about (0, 0), (3, 3)."""
    c, s = scale * np.cos(np.deg2rad(degrees)), scale * np.sin(np.deg2rad(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], float)


def water(time: float, far: float = 0.16, front: float = 0.7) -> Array:
    """A plane seen along itself: the nearer a row, the more it moves, which is a shear."""
    slope = -TRAVEL * time * (front - far) / (HEIGHT - HORIZON)
    shear = np.array([[1, slope, -slope * HORIZON], [0, 1, 0], [0, 0, 1]], float)
    return camera(time, far) @ shear


def balloon_motion(time: float) -> Array:
    """It rises to the right, behind the tree and out, sways and comes nearer."""
    bob = 10 * np.sin(5 * time)
    return shift(430 + 330 * time, 216 - 92 * time + bob) @ turn(5 * np.sin(4.2 * time), 1 + 0.16 * time)


def boat_motion(time: float) -> Array:
    """It sails left, behind the reeds, rolls and comes nearer."""
    return shift(800 - 190 * time, 512 + 10 * time) @ turn(1.6 * np.sin(9 * time), 1.0 + 0.14 * time)


def far_boat_motion(time: float) -> Array:
    """The boat's mirror image, small, sails right before the far shore."""
    return shift(1090 + 96 * time, 440) @ turn(-1.2 * np.sin(7 * time + 1)) @ np.diag([-0.3, 0.3, 1.0])


@lru_cache(maxsize=1)
def layers() -> tuple[Layer, ...]:
    """The scene from the back to the front."""
    rngs = iter(np.random.default_rng(SEED).spawn(16))
    far = [
        Layer("sky", land.sky(next(rngs)), lambda t: camera(t, 0.02)),
        Layer("mountains", land.mountains(next(rngs)), lambda t: camera(t, 0.07)),
        Layer("shore", shore(next(rngs)), lambda t: camera(t, 0.15)),
    ]
    behind = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for layer in far:
        lay(behind, layer.texture, np.eye(3))
    return (
        *far,
        Layer("lake", land.lake(next(rngs), behind), water),
        Layer("balloon", craft.balloon(next(rngs)), balloon_motion),
        Layer("far boat", craft.boat(next(rngs)), far_boat_motion),
        Layer("boat", craft.boat(next(rngs)), boat_motion),
        Layer("tree", plants.tree(next(rngs)), lambda t: camera(t, 0.8) @ shift(262, 690)),
        Layer("bank", plants.bank(next(rngs)), lambda t: camera(t, 1.0)),
    )


def moment(index: int) -> float:
    """The time of a frame, in [-1/2, 1/2]."""
    return index / (FRAMES - 1) - 0.5


def warped(pixels: Array, left: float, top: float, motion: Array) -> tuple[Array, tuple[slice, slice]]:
    """A texture moved onto the stage, as the smallest window that holds it, and where on the stage that window is."""
    height, width = pixels.shape[:2]
    move = motion @ shift(left, top)
    corners = move @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], float)
    x0, y0 = (int(np.clip(np.floor(c.min()), 0, n)) for c, n in zip(corners, (WIDTH, HEIGHT), strict=False))
    x1, y1 = (int(np.clip(np.ceil(c.max()), 0, n)) for c, n in zip(corners, (WIDTH, HEIGHT), strict=False))
    window = (slice(y0, max(y1, y0)), slice(x0, max(x1, x0)))
    if x1 <= x0 or y1 <= y0:
        return np.zeros((0, 0, *pixels.shape[2:]), np.float32), (slice(0, 0), slice(0, 0))
    # pixel k's centre lies at k + 1/2, while OpenCV puts it at k
    move = shift(-x0 - 0.5, -y0 - 0.5) @ move @ shift(0.5, 0.5)
    return cv2.warpAffine(pixels, move[:2], (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR), window


def lay(stage: Array, texture: Texture, motion: Array) -> None:
    """texture + stage (1 − alpha), in place."""
    pixels, window = warped(texture.pixels, texture.left, texture.top, motion)
    stage[window] *= 1 - pixels[..., 3:]
    stage[window] += pixels[..., :3]


def render(index: int) -> Array:
    """Frame `index` on the stage, (720, 1280, 3) float32 RGB in [0, 1]."""
    stage = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for layer in layers():
        lay(stage, layer.texture, layer.motion(moment(index)))
    return np.clip(stage, 0, 1)


@lru_cache(maxsize=3)  # a walk through the clip asks for each frame twice in a row
def shares(index: int, size: tuple[int, int]) -> Array:
    """How much of each pixel each layer makes: (layers, H, W) float32, their sum 1."""
    left_over = np.ones((HEIGHT, WIDTH), np.float32)
    result = []
    for layer in reversed(layers()):
        stage = np.zeros((HEIGHT, WIDTH), np.float32)
        alpha = np.ascontiguousarray(layer.texture.pixels[..., 3])
        part, window = warped(alpha, layer.texture.left, layer.texture.top, layer.motion(moment(index)))
        stage[window] = part * left_over[window]
        left_over -= stage
        result.append(resize(stage, size))
    return np.stack(result[::-1])


def resize(stage: Array, size: tuple[int, int]) -> Array:
    """A stage picture at (H, W): by the mean over areas when it shrinks."""
    smaller = size[0] <= stage.shape[0] and size[1] <= stage.shape[1]
    return cv2.resize(stage, size[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def flow(index: int, other: int, size: tuple[int, int]) -> tuple[Array, Array]:
    """w with frame[index](x) = frame[other](x + w), (H, W, 2) pixels, and where it can be trusted, (H, W), 0 or 1."""
    height, width = size
    scale = np.diag([width / WIDTH, height / HEIGHT, 1])
    here, there = shares(index, size), shares(other, size)
    owner = here.argmax(0)
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    w, seen = np.zeros((height, width, 2), np.float32), np.zeros((height, width), np.float32)
    for k, layer in enumerate(layers()):
        move = layer.motion(moment(other)) @ np.linalg.inv(layer.motion(moment(index)))
        (a, b, c), (d, e, f), _ = scale @ move @ np.linalg.inv(scale)
        to_x, to_y = a * x + b * y + c, d * x + e * y + f
        mine = owner == k
        w[mine] = np.stack([to_x - x, to_y - y], -1)[mine]
        share = cv2.remap(there[k], (to_x - 0.5).astype(np.float32), (to_y - 0.5).astype(np.float32), cv2.INTER_LINEAR)
        seen[mine] = ((share >= PURE) & (here[k] >= PURE))[mine]
    return w, seen
