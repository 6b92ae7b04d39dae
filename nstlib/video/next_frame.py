"""One step for every film: a frame, painted by an engine as the frames before it guide it."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from ..engines.frames import Engine, Guide, Painted, Steadied
from ..media import images


@dataclass(frozen=True)
class Frame:
    """A finished frame: its number from 0, its pass, the picture (H, W, 3), and how it was made.

    cut: it begins a shot; trusted, held: shares of its pixels; seconds it took in all, and to find its motion.
    """

    number: int
    number_pass: int
    image: np.ndarray
    cut: bool
    losses: dict[str, float]
    steps: int
    trusted: float
    held: float
    seconds: float
    motion_seconds: float


def next_frame(
    engine: Engine,
    frame: np.ndarray,
    guided: Callable[[], Guide | None],
    *,
    number: int,
    number_pass: int = 0,
    cut: bool | None = None,
) -> Frame:
    """The frame (H, W, 3), painted; here, on a worker and in a later pass alike.

    guided: finds what guides it, None where it begins a shot. cut: whether it does, where that is known otherwise.
    """
    began = perf_counter()
    if isinstance(engine, Steadied):
        engine.begin(frame)
    guide = guided()
    moved = perf_counter()

    painted = paint(engine, frame, guide)
    return Frame(
        number=number,
        number_pass=number_pass,
        image=painted.image,
        cut=guide is None if cut is None else cut,
        losses=painted.losses,
        steps=painted.steps,
        trusted=guide.trusted if guide else 0.0,
        held=float(guide.held.mean()) if guide else 0.0,
        seconds=perf_counter() - began,
        motion_seconds=moved - began,
    )


def paint(engine: Engine, frame: np.ndarray, guide: Guide | None) -> Painted:
    """What the engine makes of the frame, as it will come back from disk; what is held is kept to the bit."""
    if guide is not None and guide.held.all():
        return Painted(guide.start, {}, 0)
    painted = engine(frame, guide)
    image = painted.image if guide is None else np.where(guide.held[..., None], guide.start, painted.image)
    return Painted(images.to_uint8(image) / np.float32(255), painted.losses, painted.steps)
