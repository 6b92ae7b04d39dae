"""A clip as a photograph: colour maps found at keyframes of each shot, blended in time, applied to every frame."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.bilateral import BilateralGrid
from ..core.run import Run
from ..core.schedule import working_shape
from ..core.speed.arithmetic import resolved
from ..core.styles import Picture, Styles
from ..engines.frames import load_engine
from ..errors import NstlibError
from ..media import clips, encoders, images
from ..settings import Settings
from .exposure import Exposure
from .progress import Store
from .recipes import recipe, write_record
from .shots import CutDetector

APART = 24  # frames from one keyframe to the next: light changes in seconds, and what is blended between cannot flicker

Frames = Iterator[np.ndarray]


@dataclass(frozen=True)
class Keyframe:
    """Maps that hold at one frame: its number from 0, whether it begins a shot, x of its grid, the losses."""

    number: int
    cut: bool
    x: np.ndarray
    losses: dict[str, float]


class PhotoFilm:
    """An iterator of keyframes, whose maps are found one after the other; `write` then makes every frame by them.

    clip, styles, output: as `Film` takes them; `settings.size` is the clip's longest side, 0 for its own. A shot's
    first keyframe begins at the identity, a later one at the one before, with `next_steps` evaluations. Each is safe in
    OUTPUT.work before it is yielded; made again, the film goes on where it was. Frames are not kept: to make one takes
    little longer than to read and to write it.
    Raises NstlibError as `Film` does.

    >>> film = nst.PhotoFilm(nst.probe(nst.samples.clip(), end=0.2, size=64), nst.samples.frame(0), "dusk.mp4",
    ...     nst.Settings(rendering="photo", size=0, steps=4))
    >>> [keyframe.number for keyframe in film]
    [0]
    """

    def __init__(
        self,
        clip: str | Path | clips.Clip,
        styles: Picture | Sequence[Picture],
        output: str | Path,
        settings: Settings | None = None,
        *,
        fresh: bool = False,
    ) -> None:
        self.settings = settings = resolved(settings or Settings(rendering="photo"))
        if settings.rendering != "photo":
            raise NstlibError(
                f"rendering={settings.rendering}: a photo film needs rendering=photo; Film makes paintings"
            )
        self.clip = clip if isinstance(clip, clips.Clip) else clips.probe(clip, size=settings.size or None)
        self.output = Path(output)
        encoders.check_encodable(self.output)
        styles = images.take_all(styles, "a style")
        self.styles = Styles(styles, settings)
        self.recipe = recipe(self.clip, styles, settings, load_engine(self.styles, settings), None)
        self.store = Store(self.output.absolute().with_name(f"{self.output.name}.work"), self.recipe, fresh=fresh)
        self.keyframes = [self._kept(entry) for entry in self.store.log]
        self.exposure = Exposure()
        self._found = self._find()

    def __iter__(self) -> Iterator[Keyframe]:
        return self

    def __next__(self) -> Keyframe:
        with self.store.at_work():
            return next(self._found)

    def write(
        self, *, codec: str | None = None, crf: int | None = None, watched: Callable[[Frames], Frames] = iter
    ) -> clips.Written:
        """Find what maps are left, write the clip with its sound and its record beside it, and remove OUTPUT.work.

        codec, crf: as `write_frames` takes them. watched: what the frames go through on their way, such as tqdm.
        """
        for _ in self:
            pass
        coded = {"codec": codec, "crf": crf}
        shown = watched(self.frames())
        written = clips.write_frames(self.output, shown, fps=self.clip.fps, audio=self.clip, **coded)
        told = [{"frame": key.number, "cut": key.cut, "losses": key.losses} for key in self.keyframes]
        write_record(self.output, self.recipe, keyframes=told, note=written.note)
        self.store.remove()
        return written

    def frames(self) -> Iterator[np.ndarray]:
        """Every frame (H, W, 3) by the maps of the keyframes around it, once those are found; dithered."""
        grid, flicker = None, self.exposure.flicker()
        if not self.settings.strength:
            flicker = np.ones_like(flicker)  # then a frame is the source's, to the bit
        for number, frame in enumerate(clips.read_frames(self.clip)):
            grid = grid or BilateralGrid(images.resize(frame, images.fit(frame.shape[:2], 64)), self.settings)
            steady = frame if flicker[number] == 1 else frame / flicker[number]
            yield images.dithered(grid.result(self.maps_at(number), steady) * flicker[number])

    def maps_at(self, number: int) -> np.ndarray:
        """x at a frame: between the keyframe before it and the next one of its shot, in proportion to the time."""
        before = max((key for key in self.keyframes if key.number <= number), key=lambda key: key.number)
        after = next((key for key in self.keyframes if key.number > number), None)
        if after is None or after.cut:
            return before.x
        share = (number - before.number) / (after.number - before.number)
        return (before.x + np.float32(share) * (after.x - before.x)).astype(np.float32)

    def _find(self) -> Iterator[Keyframe]:
        cuts, last = CutDetector(), self.keyframes[-1] if self.keyframes else None
        height, width = working_shape((self.clip.height, self.clip.width), self.settings)
        for number, frame in enumerate(clips.read_frames(replace(self.clip, width=width, height=height))):
            begins = cuts.advance(frame)
            self.exposure.advance(frame, begins=begins)
            if last is not None and number <= last.number:  # found before the film was stopped
                continue
            if begins or last is None or number - last.number == APART:
                last = self._keyframe(number, frame, None if begins else last)
                self._keep(last)
                yield last

    def _keep(self, keyframe: Keyframe) -> None:
        """Puts a keyframe on disk, for good once the log has it."""
        self.store.keep(_name(keyframe.number), keyframe.x)
        entry = {"pass": 0, "frame": keyframe.number, "cut": keyframe.cut, "losses": keyframe.losses}
        self.store.finish(entry)
        self.keyframes.append(keyframe)

    def _kept(self, entry: dict[str, Any]) -> Keyframe:
        """The keyframe that the log tells of."""
        return Keyframe(entry["frame"], entry["cut"], self.store.kept(_name(entry["frame"])), entry.get("losses", {}))

    def _keyframe(self, number: int, frame: np.ndarray, before: Keyframe | None) -> Keyframe:
        settings = replace(self.settings, size=max(frame.shape[:2]))
        if before is None:
            run = Run(frame, self.styles, settings)
        else:
            run = Run(frame, self.styles, replace(settings, steps=settings.next_steps, scales=1))
            run.begin_from(before.x)
        for _ in run:
            pass
        losses = {name: values[-1] for name, values in run.curves.items() if "/" not in name}
        return Keyframe(number, before is None, run.optimizer.x.numpy(), losses)


def _name(number: int) -> str:
    return f"keyframe-{number + 1:06d}"
