"""A clip as a photograph: colour maps found at keyframes of each shot, blended in time, applied to every frame."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..core.bilateral import BilateralGrid
from ..core.run import Run
from ..core.schedule import FIT
from ..core.speed.arithmetic import resolved
from ..core.styles import Picture, Styles
from ..engines.frames import load_engine
from ..media import clips, encoders, files, images
from ..settings import Settings
from .recipes import recipe
from .shots import CutDetector

APART = 24  # frames from one keyframe to the next: light changes in seconds, and what is blended between cannot flicker
AGAIN = 15  # evaluations at a shot's later keyframes, from the maps of the one before


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
    first keyframe begins at the identity, a later one at the one before. Nothing is kept of a film that is stopped:
    it takes little longer than its clip does to read and to write.

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
        settings: Settings,
        *,
        fresh: bool = False,
    ) -> None:
        self.settings = settings = resolved(settings)
        self.clip = clip if isinstance(clip, clips.Clip) else clips.probe(clip, size=settings.size or None)
        self.output = Path(output)
        encoders.check_encodable(self.output)
        styles = images.take_all(styles, "a style")
        self.styles = Styles(styles, settings)
        self.recipe = recipe(self.clip, styles, settings, load_engine(self.styles, settings), None)
        self.keyframes: list[Keyframe] = []
        self._found = self._find()

    def __iter__(self) -> Iterator[Keyframe]:
        return self

    def __next__(self) -> Keyframe:
        self.keyframes.append(next(self._found))
        return self.keyframes[-1]

    def write(self, *, codec: str | None = None, crf: int | None = None) -> clips.Written:
        """Find what maps are left, write the clip with its sound and its record beside it."""
        for _ in self:
            pass
        coded = {"codec": codec, "crf": crf}
        written = clips.write_frames(self.output, self.frames(), fps=self.clip.fps, audio=self.clip, **coded)
        told = [{"frame": key.number, "cut": key.cut, "losses": key.losses} for key in self.keyframes]
        record = {"kind": "video", **self.recipe, "keyframes": told, "note": written.note}
        with files.whole(self.output.with_name(f"{self.output.name}.json")) as beside:
            beside.write_text(json.dumps(record))
        return written

    def frames(self) -> Iterator[np.ndarray]:
        """Every frame (H, W, 3) by the maps of the keyframes around it, once those are found; dithered."""
        grid = None
        for number, frame in enumerate(clips.read_frames(self.clip)):
            grid = grid or BilateralGrid(images.resize(frame, images.fit(frame.shape[:2], 64)), self.settings)
            yield images.dithered(grid.result(self.maps_at(number), frame))

    def maps_at(self, number: int) -> np.ndarray:
        """x at a frame: between the keyframe before it and the next one of its shot, in proportion to the time."""
        before = max((key for key in self.keyframes if key.number <= number), key=lambda key: key.number)
        after = next((key for key in self.keyframes if key.number > number), None)
        if after is None or after.cut:
            return before.x
        share = (number - before.number) / (after.number - before.number)
        return (before.x + np.float32(share) * (after.x - before.x)).astype(np.float32)

    def _find(self) -> Iterator[Keyframe]:
        cuts, last = CutDetector(), None
        height, width = images.fit(
            (self.clip.height, self.clip.width), min(FIT, max(self.clip.height, self.clip.width))
        )
        for number, frame in enumerate(clips.read_frames(replace(self.clip, width=width, height=height))):
            begins = cuts.advance(frame)
            if begins or last is None or number - last.number == APART:
                last = self._keyframe(number, frame, None if begins else last)
                yield last

    def _keyframe(self, number: int, frame: np.ndarray, before: Keyframe | None) -> Keyframe:
        settings = replace(self.settings, size=max(frame.shape[:2]))
        if before is None:
            run = Run(frame, self.styles, settings)
        else:
            run = Run(frame, self.styles, replace(settings, steps=AGAIN, scales=1))
            run.begin_from(before.x)
        for _ in run:
            pass
        losses = {name: values[-1] for name, values in run.curves.items() if "/" not in name}
        return Keyframe(number, before is None, run.optimizer.x.numpy(), losses)
