"""What a worker paints of a film: a shot, or a piece of a long one between two keyframes that were painted before."""

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import cv2
import numpy as np

from ..engines.frames import Engine, load_engine
from ..media import images
from ..settings import Settings
from ..video import flow
from ..video.consistency import Guide, Motion, Shot, drawn, estimated
from ..video.film import paint
from .workers import Input, one_thread

Made = tuple[bytes, dict[str, Any]]  # a picture as a PNG, and what `Frame` tells beside it


def paint_piece(
    settings: Settings, frames: Sequence[bytes], begin: Made | None, end: Made | None, overlap: int, *styles: Input
) -> list[Made]:
    """The frames (PNGs) of one piece, painted one after the other.

    begin: the first one where it is a keyframe. end: the next piece's first; its frame is then the last of `frames`,
    and is not painted. From it the last `overlap` frames are painted backward, and the piece is drawn to these by
    growing shares, painted all the while, until it is one with them: no strokes lie over one another.
    """
    engine = _engine(settings, styles)
    ahead = _backward(engine, settings, frames, end, overlap) if end else {}
    shot, made = _shot(settings), []
    own = len(frames) - bool(end)
    for number, png in enumerate(frames[:own]):
        if number == 0 and begin:
            shot.add(0, decoded(png), decoded(begin[0]))
            made.append(begin)
        else:
            guided = number > 0 and settings.consistency == "steady"
            made.append(_next(engine, shot, number, decoded(png), guided, ahead.get(number), own - number))
    return made


def _next(
    engine: Engine, shot: Shot, number: int, frame: np.ndarray, guided: bool, target: Made | None = None, left: int = 0
) -> Made:
    """The shot's next frame; with a target, drawn to it by 2 / (frames left)."""
    began = perf_counter()
    guide = shot.guide(number, frame) if guided else None
    moved = perf_counter()
    if guide and target and left <= 2:
        shot.add(number, frame, decoded(target[0]))
        return target
    if guide and target:
        guide = drawn(guide, decoded(target[0]), 2 / left)
    return _painted(engine, shot, number, frame, guide, (began, moved))


def _painted(
    engine: Engine, shot: Shot, number: int, frame: np.ndarray, guide: Guide | None, times: tuple[float, float]
) -> Made:
    painted = paint(engine, frame, guide)
    shot.add(number, frame, painted.image)
    began, moved = times
    how = {"cut": guide is None, "losses": painted.losses, "steps": painted.steps}
    how |= {"trusted": guide.trusted if guide else 0.0, "held": float(guide.held.mean()) if guide else 0.0}
    how |= {"seconds": perf_counter() - began, "motion_seconds": moved - began}
    return encoded(painted.image), how


def _backward(engine: Engine, settings: Settings, frames: Sequence[bytes], end: Made, overlap: int) -> dict[int, Made]:
    """The last frames before a keyframe, from it on, by their numbers."""
    last = len(frames) - 1
    shot, found = _shot(settings), {}
    shot.add(last, decoded(frames[last]), decoded(end[0]))
    for number in range(last - 1, max(0, last - 1 - overlap), -1):
        found[number] = _next(engine, shot, number, decoded(frames[number]), True)
    return found


def paint_keyframes(settings: Settings, frames: Sequence[bytes], begin: Made | None, *styles: Input) -> list[Made]:
    """The first of the frames (PNGs) unless it is given, and the last, from the first along the motion between.

    `steps` evaluations at most, not `next_steps`: much of the last frame was not to be seen in the first.
    """
    began, first, last = perf_counter(), decoded(frames[0]), decoded(frames[-1])
    engine = _engine(replace(settings, next_steps=settings.steps), styles)
    flows = _across(frames, estimated(settings.motion_preset))
    moved = perf_counter()
    shot = Shot(motion=lambda *_: flows)
    if begin:
        shot.add(0, first, decoded(begin[0]))
    else:
        begin = _painted(engine, shot, 0, first, None, (moved, moved))
    number = len(frames) - 1
    return [begin, _painted(engine, shot, number, last, shot.guide(number, last), (began, moved))]


def _across(frames: Sequence[bytes], motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """The flow from the last of the frames to the first and its opposite, composed from frame to frame."""
    before, back, forth = decoded(frames[0]), None, None
    for number, png in enumerate(frames[1:], 1):
        frame = decoded(png)
        w, opposite = motion(number, number - 1, frame, before)
        back = w if back is None else flow.compose(w, back)
        forth = opposite if forth is None else flow.compose(forth, opposite)
        before = frame
    return back, forth


def _engine(settings: Settings, styles: Sequence[Input]) -> Engine:
    one_thread()
    return load_engine([style.local() for style in styles], settings)


def _shot(settings: Settings) -> Shot:
    return Shot(reach=settings.reach, motion=estimated(settings.motion_preset))


def decoded(png: bytes) -> np.ndarray:
    """A picture of `encoded`."""
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR) / np.float32(255)


def encoded(image: np.ndarray) -> bytes:
    """A picture (H, W, 3) as a PNG whose channels are in the order in which they are given, for `decoded` alone."""
    return cv2.imencode(".png", images.to_uint8(image))[1].tobytes()
