"""Drawn clips that are hard on a film: a large thing that tumbles through, a scene seen from a tripod."""

import cv2
import numpy as np

from ... import samples
from ...media import images

SIZE = (180, 320)  # (H, W)


def tumbling(frames: int = 12, *, seed: int = 0) -> list[np.ndarray]:
    """A large textured thing turns and comes nearer as it passes before the sample clip's scene."""
    thing = _thing(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    made = []
    for i in range(frames):
        turn, place = 20 * i + 90 * seed, (-40 + 32 * i, 90 + 20 * np.sin(i + seed))
        around = cv2.getRotationMatrix2D((SIZE[1] / 2, SIZE[0] / 2), -turn, 1 + 0.04 * i)
        around[:, 2] += np.subtract(place, (SIZE[1] / 2, SIZE[0] / 2))
        turned = cv2.warpAffine(thing, around, SIZE[::-1], borderMode=cv2.BORDER_REFLECT)
        u, v = _turned(x - place[0], y - place[1], turn)
        radius = 80 + 4 * i
        inside = np.clip((1 - np.hypot(u / radius, v / (0.65 * radius))) * radius / 2, 0, 1)[..., None]
        made.append((inside * turned + (1 - inside) * _scene(i)).astype(np.float32))
    return made


def tripod(frames: int = 24, *, seed: int = 0) -> list[np.ndarray]:
    """A noisy still scene of which under a third moves: a thing swings to and fro before it."""
    rng, thing = np.random.default_rng(seed), _thing(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    made = []
    for i in range(frames):
        place = (90 + 40 * np.sin(i / 6), 100 + 8 * np.cos(i / 3))
        moved = cv2.warpAffine(thing, np.float32([[1, 0, place[0] - 90], [0, 1, place[1] - 100]]), SIZE[::-1])
        inside = np.clip(38 - np.hypot(x - place[0], y - place[1]), 0, 1)[..., None]
        frame = inside * moved + (1 - inside) * _scene(0) + rng.normal(0, 0.5 / 255, (*SIZE, 1))
        made.append(np.clip(frame, 0, 1).astype(np.float32))
    return made


def _scene(i: int) -> np.ndarray:
    return images.resize(samples.frame(i), SIZE)


def _thing(seed: int) -> np.ndarray:
    """The bundled photograph, in other colours for every seed."""
    return np.roll(images.resize(images.load(samples.photograph()), SIZE), seed, axis=-1)


def _turned(x: np.ndarray, y: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return c * x + s * y, c * y - s * x
