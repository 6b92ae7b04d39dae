"""A film made by several workers: its shots side by side and, if one asks for it, long shots in pieces."""

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from zipfile import ZipFile

import cv2
import numpy as np

from . import clips, files, images, shots
from .cells import line, take
from .engines import load_engine
from .errors import NstlibError
from .guide import Shot, estimated
from .settings import Settings
from .styles import Picture
from .video import Film, Frame, paint
from .workers import LOST, Input, one_thread

OVERLAP = 16  # frames for which a piece goes on while the next one takes its place
WINDOW = 16  # pieces under way, or two a worker, so that memory does not grow with the film


@dataclass(frozen=True)
class Piece:
    """So many frames of one shot, from the film's frame `first` on.

    The first `lead` are painted by the piece before too, the last `tail` by the piece after.
    """

    first: int
    count: int
    lead: int
    tail: int


class Spread(Film):
    """A `Film` whose shots an executor's workers paint. Its frames come in order, and go on, as a film's.

    piece: frames of a long shot for one worker; 0: shots stay whole. Two pieces overlap; both paint these frames, each
    steady in itself, and the film goes over from one to the other by equal steps. That is steady, but strokes that
    lie over one another pale: it is for shots that are too long for one worker.
    Raises NstlibError where a setting needs the whole clip in one place, and where the workers are lost.
    """

    def __init__(
        self,
        clip: str | Path | clips.Clip,
        styles: Picture | Sequence[Picture],
        output: str | Path,
        settings: Settings | None = None,
        *,
        executor: Executor,
        piece: int = 0,
        overlap: int = OVERLAP,
        window: int | None = None,
        fresh: bool = False,
    ) -> None:
        settings = settings or Settings()
        if settings.passes > 1:
            raise NstlibError(f"passes={settings.passes} needs the whole clip in one place; leave out the workers")
        if piece and not 0 <= 2 * overlap < piece:
            raise NstlibError(f"pieces of {piece} frames that overlap by {overlap}; give more than twice as many")
        self._executor, self._window = executor, window or max(WINDOW, 2 * getattr(executor, "count", 0))
        self._piece, self._overlap = piece, overlap if settings.consistency == "steady" else 0
        self._styles = [take(style) for style in ([styles] if isinstance(styles, Picture) else styles)]
        super().__init__(clip, styles, output, settings, fresh=fresh)

    def _split(self) -> dict[str, Any]:
        return {"pieces": {"frames": self._piece, "overlap": self._overlap}}

    def _all(self) -> Iterator[Frame]:
        previous, tail = None, []
        for piece in self._arriving():
            painted = self._load(piece)
            for number, (png, how) in enumerate(painted[: piece.count - piece.tail], piece.first):
                if number >= self.done:
                    image = _decoded(png)
                    if number - piece.first < len(tail):
                        share = (number - piece.first + 1) / (len(tail) + 1)
                        image = images.to_uint8(image + (1 - share) * (_decoded(tail[number - piece.first]) - image))
                        image = image / np.float32(255)
                    yield self._keep(Frame(number, 0, image, **how))
            tail = [png for png, _ in painted[piece.count - piece.tail :]]
            if previous is not None:
                self._path(previous).unlink()
            previous = piece

    def _arriving(self) -> Iterator[Piece]:
        """The pieces that frames are still wanted of, in order, each once it is on disk."""
        waiting: dict[Future, Piece] = {}
        order: deque[Piece] = deque()
        try:
            for piece, frames in cut(clips.read_frames(self.clip), self._piece, self._overlap):
                if piece.first + piece.count <= self.done:
                    continue
                order.append(piece)
                if not self._path(piece).exists():
                    waiting[self._executor.submit(paint_piece, self.settings, frames, *self._styles)] = piece
                while len(waiting) >= self._window:
                    self._collect(waiting)
                while order and self._path(order[0]).exists():
                    yield order.popleft()
            while order:
                while not self._path(order[0]).exists():
                    self._collect(waiting)
                yield order.popleft()
        except LOST as error:
            done = f"{self.done} of {self.total} frames and the pieces that were finished are in {self.store.folder}"
            raise NstlibError(f"the workers were lost ({line(error)}); {done}; the same call goes on") from None
        finally:
            for future in waiting:
                future.cancel()

    def _collect(self, waiting: dict[Future, Piece]) -> None:
        """Put on disk what has been finished: frames as PNGs, and how each was made."""
        done = wait(waiting, return_when=FIRST_COMPLETED).done
        for future in sorted(done, key=lambda future: waiting[future].first):
            piece = waiting.pop(future)
            painted = _painted(future, piece)
            with files.whole(self._path(piece)) as beside, ZipFile(beside, "w") as file:
                file.writestr("how.json", json.dumps([how for _, how in painted]))
                for i, (png, _) in enumerate(painted):
                    file.writestr(f"{i}.png", png)

    def _load(self, piece: Piece) -> list[tuple[bytes, dict[str, Any]]]:
        with ZipFile(self._path(piece)) as file:
            return [(file.read(f"{i}.png"), how) for i, how in enumerate(json.loads(file.read("how.json")))]

    def _path(self, piece: Piece) -> Path:
        return self.store.folder / f"piece-{piece.first + 1:06d}.zip"


def _painted(future: Future, piece: Piece) -> list[tuple[bytes, dict[str, Any]]]:
    """What a worker made of the piece. Raises NstlibError where it made nothing of it."""
    try:
        return future.result()
    except (NstlibError, *LOST):
        raise
    except Exception as error:
        raise NstlibError(f"frames {piece.first} to {piece.first + piece.count - 1}: {line(error)}") from error


def cut(frames: Iterable[np.ndarray], size: int, overlap: int) -> Iterator[tuple[Piece, list[bytes]]]:
    """The pieces of a film's frames, each within a shot, and their frames as PNGs.

    Pieces of `size` frames and `overlap` more, as long as the shot has 2 · overlap more; what is left is its last.
    size 0: each shot is one piece.
    """
    first, lead, held, before = 0, 0, [], None
    for frame in frames:
        if before is not None and shots.is_cut(before, frame):
            yield Piece(first, len(held), lead, 0), held
            first, lead, held = first + len(held), 0, []
        held.append(cv2.imencode(".png", images.to_uint8(frame))[1].tobytes())
        before = frame
        if size and len(held) == size + max(1, 2 * overlap):
            yield Piece(first, size + overlap, lead, overlap), held[: size + overlap]
            first, lead, held = first + size, overlap, held[size:]
    if held:
        yield Piece(first, len(held), lead, 0), held


def paint_piece(settings: Settings, frames: Sequence[bytes], *styles: Input) -> list[tuple[bytes, dict[str, Any]]]:
    """The frames of one piece, painted one after the other, as PNGs; and how: what `Frame` tells beside the picture."""
    one_thread()
    engine = load_engine([style.local() for style in styles], settings)
    shot, made = Shot(reach=settings.reach, motion=estimated(settings.motion_preset)), []
    for number, png in enumerate(frames):
        frame, began = _decoded(png), perf_counter()
        guide = shot.guide(number, frame) if number and settings.consistency == "steady" else None
        moved = perf_counter()
        painted = paint(engine, frame, guide)
        shot.add(number, frame, painted.image)
        how = {"cut": guide is None, "losses": painted.losses, "steps": painted.steps}
        how |= {"trusted": guide.trusted if guide else 0.0, "held": float(guide.held.mean()) if guide else 0.0}
        how |= {"seconds": perf_counter() - began, "motion_seconds": moved - began}
        made.append((cv2.imencode(".png", images.to_uint8(painted.image))[1].tobytes(), how))
    return made


def _decoded(png: bytes) -> np.ndarray:
    """A picture of `cv2.imencode`, whose channels are in the order in which they were given."""
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR) / np.float32(255)
