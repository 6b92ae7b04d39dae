"""A film by several workers: its shots side by side, and long shots in segments between keyframes."""

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np

from ..core.styles import Picture
from ..errors import NstlibError
from ..media import clips, files, images
from ..settings import Settings
from ..video import shots
from ..video.film import Film, Frame
from ..video.progress import DAMAGED
from .cells import one_line, read_input
from .segments import PackedFrame, from_png, paint_keyframes, paint_segment, to_png
from .workers import LOST

SEGMENT = 96  # frames of a long shot for one worker: 4 seconds of film
OVERLAP = 20  # frames before a keyframe that are painted from both sides; with 14 their warping error grew by a quarter
HOW = {field.name for field in fields(Frame)} - {"number", "number_pass", "image"}
WINDOW = 16  # segments under way, or two a worker, so that memory does not grow with the film


@dataclass(frozen=True)
class Segment:
    """So many frames of one shot, from the film's frame `first` on.

    begins, ends: at a keyframe that is its own first frame, before one that is the next segment's.
    """

    first: int
    count: int
    begins: bool
    ends: bool


@dataclass
class _Job:
    """A segment that frames are wanted of; before: where the keyframes lie that it begins at, if it does."""

    segment: Segment
    frames: list[bytes]
    before: Path | None


class DistributedFilm(Film):
    """A `Film` whose shots an executor's workers paint. Its frames come in order, and go on, as a film's.

    A shot of more than `segment` + `overlap` frames is cut (segment=0: never). Its keyframes, the segments' first
    frames, are painted first, each from the one before; then the segments, each from its own keyframe on and, over its
    last `overlap` frames, towards the next one.
    Raises NstlibError where a setting needs the whole clip in one place, and where the workers are lost.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> clip, painting = nst.probe(nst.samples.clip(), end=0.1, size=64), nst.samples.styles()["ink"]
    >>> with ThreadPoolExecutor(1) as workers:
    ...     settings = nst.Settings(size=64, steps=2, next_steps=1)
    ...     nst.DistributedFilm(clip, painting, "ink.mp4", settings, executor=workers).write().frames
    3
    """

    def __init__(
        self,
        clip: str | Path | clips.Clip,
        styles: Picture | Sequence[Picture],
        output: str | Path,
        settings: Settings | None = None,
        *,
        executor: Executor,
        segment: int = SEGMENT,
        overlap: int = OVERLAP,
        window: int | None = None,
        fresh: bool = False,
    ) -> None:
        settings = settings or Settings()
        if settings.passes > 1:
            raise NstlibError(f"passes={settings.passes} needs the whole clip in one place; leave out the workers")
        if segment and not 0 <= overlap < segment:
            lead = f"the last {overlap} of a segment lead over to the next one"
            raise NstlibError(f"segments of {segment} frames are too short: {lead}; give more, or 0 for whole shots")
        overlap = overlap if settings.consistency == "steady" else 0
        divided = {"pieces": {"frames": segment, "overlap": overlap}}
        styles = images.take_all(styles, "a style")
        sent = [read_input(style) for style in styles]
        super().__init__(clip, styles, output, settings, fresh=fresh, divided=divided)

        self._executor, self._window = executor, window or max(WINDOW, 2 * getattr(executor, "count", 0))
        self._segment, self._overlap, self._styles = segment, overlap, sent
        self._jobs: deque[_Job] = deque()
        self._waiting: dict[Future, tuple[Path, Segment]] = {}

    def _all(self) -> Iterator[Frame]:
        for job in self._arriving():
            segment = job.segment
            for number, (png, how) in enumerate(_load(self._path(segment)), segment.first):
                if number >= self.done:
                    yield self._keep(Frame(number, 0, from_png(png), **how))
            for path in filter(None, (self._path(segment), job.before)):
                path.unlink(missing_ok=True)

    def _arriving(self) -> Iterator[_Job]:
        """The segments that frames are still wanted of, in order, each once it is on disk."""
        before = None
        try:
            for segment, frames in cut_segments(clips.read_frames(self.clip), self._segment, self._overlap):
                if segment.first + segment.count > self.done:
                    self._jobs.append(_Job(segment, frames, before if segment.begins else None))
                    self._collect(timeout=0)
                    yield from self._due(self._window - 1)
                before = self._path(segment, "keyframes")
            yield from self._due(0)
        except LOST as error:
            done = f"{self.done} of {self.total} frames and the segments that were finished are in {self.store.folder}"
            raise NstlibError(f"the workers were lost ({one_line(error)}); {done}; the same call goes on") from None
        finally:
            for future in self._waiting:
                future.cancel()

    def _due(self, most: int) -> Iterator[_Job]:
        """The first segments, as long as they are on disk, and until at most so many are left."""
        while self._jobs:
            if self._path(self._jobs[0].segment).exists():
                yield self._jobs.popleft()
            elif len(self._jobs) > most:
                if not self._waiting:
                    raise NstlibError(DAMAGED.format(self.store.folder))
                self._collect()
            else:
                return

    def _collect(self, timeout: int | None = None) -> None:
        """Put on disk what has been finished, and send off what can be painted now."""
        done = wait(self._waiting, timeout, FIRST_COMPLETED).done
        for future in sorted(done, key=lambda future: self._waiting[future][1].first):
            path, segment = self._waiting.pop(future)
            _save(path, _painted(future, segment))
        for job in self._jobs:
            self._send(job)

    def _send(self, job: _Job) -> None:
        """Have the segment's keyframes painted, or with these the segment; unless it is under way, or done."""
        segment, keyframes = job.segment, self._path(job.segment, "keyframes")
        keyed = segment.ends and not keyframes.exists()
        path = keyframes if keyed else self._path(segment)
        under_way = any(path == other for other, _ in self._waiting.values())
        if under_way or path.exists() or (job.before and not job.before.exists()):
            return
        if segment.ends and not keyed:
            begin, end = _load(keyframes)
        else:
            begin, end = _load(job.before)[1] if job.before else None, None
        if keyed:
            task = paint_keyframes, self.settings, job.frames, begin
        else:
            task = paint_segment, self.settings, job.frames, begin, end, self._overlap
            job.frames = []
        self._waiting[self._executor.submit(*task, *self._styles)] = path, segment

    def _path(self, segment: Segment, what: str = "piece") -> Path:
        return self.store.folder / f"{what}-{segment.first + 1:06d}.zip"


def _save(path: Path, painted: list[PackedFrame]) -> None:
    with files.whole(path) as beside, ZipFile(beside, "w") as file:
        file.writestr("how.json", json.dumps([how for _, how in painted]))
        for i, (png, _) in enumerate(painted):
            file.writestr(f"{i}.png", png)


def _load(path: Path) -> list[PackedFrame]:
    """What `_save` wrote. Raises NstlibError for a file that is damaged."""
    try:
        with ZipFile(path) as file:
            made = [(file.read(f"{i}.png"), how) for i, how in enumerate(json.loads(file.read("how.json")))]
    except (OSError, BadZipFile, KeyError, TypeError, ValueError):
        raise NstlibError(DAMAGED.format(path)) from None
    if not all(isinstance(how, dict) and how.keys() == HOW for _, how in made):
        raise NstlibError(DAMAGED.format(path))
    return made


def _painted(future: Future, segment: Segment) -> list[PackedFrame]:
    """What a worker made of the segment. Raises NstlibError where it made nothing of it."""
    try:
        return future.result()
    except (NstlibError, *LOST):
        raise
    except Exception as error:
        raise NstlibError(
            f"frames {segment.first} to {segment.first + segment.count - 1}: {one_line(error)}"
        ) from error


def cut_segments(frames: Iterable[np.ndarray], size: int, overlap: int) -> Iterator[tuple[Segment, list[bytes]]]:
    """The segments of a film's frames, each within a shot, and their frames as PNGs, the next keyframe's after them.

    Segments of `size` frames, as long as more than `overlap` follow in the shot; what is left is its last.
    size 0: each shot is one segment. overlap 0: there are no keyframes.
    """
    first, held, begins, cuts = 0, [], False, shots.CutDetector()
    for frame in frames:
        if cuts.advance(frame) and held:
            yield Segment(first, len(held), begins, False), held
            first, held, begins = first + len(held), [], False
        held.append(to_png(frame))
        if size and len(held) == size + 1 + overlap:
            keyed = overlap > 0
            yield Segment(first, size, begins, keyed), held[: size + keyed]
            first, held, begins = first + size, held[size:], keyed
    if held:
        yield Segment(first, len(held), begins, False), held
