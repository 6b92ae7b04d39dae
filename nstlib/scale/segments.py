"""What a worker paints of a film: a shot, or a segment of a long one between two keyframes that were painted before."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from ..engines.frames import Engine, load_engine
from ..media import images
from ..settings import Settings
from ..video import flow
from ..video.consistency import Guide, Motion, Shot, drawn, estimated
from ..video.next_frame import Frame, next_frame
from .workers import Input, one_thread

PackedFrame = tuple[bytes, dict[str, Any]]  # a picture as a PNG, and what `Frame` tells beside it


def paint_segment(
    settings: Settings,
    frames: Sequence[bytes],
    begin: PackedFrame | None,
    end: PackedFrame | None,
    overlap: int,
    *styles: Input,
) -> list[PackedFrame]:
    """The frames (PNGs) of one segment, painted one after the other.

    begin: the first one where it is a keyframe. end: the next segment's first; its frame is then the last of `frames`,
    and is not painted. From it the last `overlap` frames are painted backward, and the segment is drawn to these by
    growing shares, painted all the while, until it is one with them: no strokes lie over one another.
    """
    engine = _engine(settings, styles)
    ahead = _backward(engine, settings, frames, end, overlap) if end else {}
    shot, painted = _shot(settings), []
    own = len(frames) - bool(end)
    for number, png in enumerate(frames[:own]):
        if number == 0 and begin:
            shot.add(0, from_png(png), from_png(begin[0]))
            painted.append(begin)
            continue
        guided = number > 0 and settings.consistency == "steady"
        target = ahead.get(number) if guided else None
        painted.append(_next(engine, shot, number, from_png(png), guided, target, own - number))
    return painted


def _next(
    engine: Engine,
    shot: Shot,
    number: int,
    frame: np.ndarray,
    guided: bool,
    target: PackedFrame | None = None,
    left: int = 0,
) -> PackedFrame:
    """The shot's next frame; with a target, drawn to it by 2 / (frames left), and at the last two the target itself."""

    def guide() -> Guide | None:
        if not guided:
            return None
        found = shot.advance(number, frame)
        return drawn(found, from_png(target[0]), 2 / left) if target else found

    if target and left <= 2:
        shot.advance(number, frame)
        shot.add(number, frame, from_png(target[0]))
        return target
    finished = next_frame(engine, frame, guide, number=number)
    shot.add(number, frame, finished.image)
    return packed(finished)


def _backward(
    engine: Engine, settings: Settings, frames: Sequence[bytes], end: PackedFrame, overlap: int
) -> dict[int, PackedFrame]:
    """The last frames before a keyframe, from it on, by their numbers."""
    last = len(frames) - 1
    shot, found = _shot(settings), {}
    shot.add(last, from_png(frames[last]), from_png(end[0]))
    for number in range(last - 1, max(0, last - 1 - overlap), -1):
        found[number] = _next(engine, shot, number, from_png(frames[number]), True)
    return found


def paint_keyframes(
    settings: Settings, frames: Sequence[bytes], begin: PackedFrame | None, *styles: Input
) -> list[PackedFrame]:
    """The first of the frames (PNGs) unless it is given, and the last, from the first along the motion between.

    `steps` evaluations at most, not `next_steps`: much of the last frame was not to be seen in the first.
    """
    engine = _engine(replace(settings, next_steps=settings.steps), styles)
    number, first, last = len(frames) - 1, from_png(frames[0]), from_png(frames[-1])
    shot = Shot(motion=lambda *_: _across(frames, estimated(settings.motion_preset)))
    if begin:
        shot.add(0, first, from_png(begin[0]))
    else:
        begin = _next(engine, shot, 0, first, guided=False)
    return [begin, _next(engine, shot, number, last, guided=True)]


def _across(frames: Sequence[bytes], motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """The flow from the last of the frames to the first and its opposite, composed from frame to frame."""
    before, back, forth = from_png(frames[0]), None, None
    for number, png in enumerate(frames[1:], 1):
        frame = from_png(png)
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


def packed(frame: Frame) -> PackedFrame:
    """A finished frame, for its way back from a worker."""
    how = {name: value for name, value in vars(frame).items() if name not in ("number", "number_pass", "image")}
    return to_png(frame.image), how


def from_png(png: bytes) -> np.ndarray:
    """A picture of `to_png`."""
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR) / np.float32(255)


def to_png(image: np.ndarray) -> bytes:
    """A picture (H, W, 3) as a PNG whose channels are in the order in which they are given, for `from_png` alone."""
    return cv2.imencode(".png", images.to_uint8(image))[1].tobytes()
