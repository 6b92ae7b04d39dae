"""Clips that are hard on a film, drawn over given scenes: large things that tumble through, flashes, fades, whip pans.

A scene is a picture (H, W, 3), wider than the frames that are taken from it.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from ... import samples
from ...media import images

SIZE = (180, 320)  # (H, W) of a frame
WIDE = (180, 480)  # and of a scene
Frames = list[np.ndarray]


def scenes() -> Iterator[np.ndarray]:
    """The bundled pictures, at WIDE, by themselves and in other colours."""
    drawn = [samples.frame(i) for i in (0, 59)] + [images.load(path) for path in samples.styles().values()]
    for turn in range(3):
        for picture in drawn:
            yield np.roll(images.resize(picture, WIDE), turn, axis=-1)


def pan(scene: np.ndarray, frames: int = 8, *, step: int = 4) -> Frames:
    """The camera turns, `step` px a frame."""
    return [np.ascontiguousarray(scene[:, step * i : step * i + SIZE[1]]) for i in range(frames)]


def tumbling(scene: np.ndarray, thing: np.ndarray, frames: int = 12) -> Frames:
    """A large textured thing, of another scene, turns and comes nearer as it passes through a slow pan."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    made = []
    for i, behind in enumerate(pan(scene, frames, step=2)):
        turn, place = 20 * i, (-40 + 32 * i, 90 + 20 * np.sin(i))
        around = cv2.getRotationMatrix2D((SIZE[1] / 2, SIZE[0] / 2), -turn, 1 + 0.04 * i)
        around[:, 2] += np.subtract(place, (SIZE[1] / 2, SIZE[0] / 2))
        turned = cv2.warpAffine(thing[:, : SIZE[1]], around, SIZE[::-1], borderMode=cv2.BORDER_REFLECT)

        c, s, radius = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn)), 80 + 4 * i
        u, v = c * (x - place[0]) + s * (y - place[1]), c * (y - place[1]) - s * (x - place[0])
        inside = np.clip((1 - np.hypot(u / radius, v / (0.65 * radius))) * radius / 2, 0, 1)[..., None]
        made.append((inside * turned + (1 - inside) * behind).astype(np.float32))
    return made


def tripod(scene: np.ndarray, thing: np.ndarray, frames: int = 24) -> Frames:
    """A still, slightly noisy scene of which under a third moves: a thing swings to and fro before it."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    still, thing = scene[:, : SIZE[1]], thing[:, : SIZE[1]]
    made = []
    for i in range(frames):
        place = (90 + 40 * np.sin(i / 6), 100 + 8 * np.cos(i / 3))
        moved = cv2.warpAffine(thing, np.float32([[1, 0, place[0] - 90], [0, 1, place[1] - 100]]), SIZE[::-1])
        inside = np.clip(38 - np.hypot(x - place[0], y - place[1]), 0, 1)[..., None]
        frame = inside * moved + (1 - inside) * still + rng.normal(0, 0.5 / 255, (*SIZE, 1))
        made.append(np.clip(frame, 0, 1).astype(np.float32))
    return made


def faded(scene: np.ndarray) -> Frames:
    """To black and back."""
    shares = (1, 0.7, 0.4, 0.1, 0.02, 0, 0, 0.05, 0.3, 0.6, 1)
    return [frame * np.float32(share) for frame, share in zip(pan(scene, len(shares)), shares, strict=True)]


def flashed(scene: np.ndarray) -> Frames:
    """One frame is nearly white."""
    frames = pan(scene)
    frames[4] = np.clip(frames[4] * 3 + 0.8, 0, 1).astype(np.float32)
    return frames


def covered(scene: np.ndarray) -> Frames:
    """A smooth dark hand passes before the lens and covers it."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    hand = np.float32([0.5, 0.3, 0.2]) * (0.6 + 0.3 * np.sin(x / 60 + y / 90))[..., None]
    shares = (0, 0.3, 0.6, 0.9, 1.3, 1.3, 0.9, 0.6, 0.3, 0)
    soft = [np.clip((SIZE[1] * share - x) / 12, 0, 1)[..., None] for share in shares]
    return [(f * (1 - s) + hand * s).astype(np.float32) for f, s in zip(pan(scene, len(shares)), soft, strict=True)]


def whipped(scene: np.ndarray) -> Frames:
    """A whip pan, blurred by its motion."""
    starts = (0, 2, 10, 40, 80, 120, 150, 156, 160)
    return [cv2.blur(np.ascontiguousarray(scene[:, s : s + SIZE[1]]), (21, 1)) for s in starts]
