"""A clip in, a clip out: any engine, frame after frame, held together by motion; stopped and resumed at any time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..core.speed.arithmetic import resolved
from ..core.styles import Picture, Styles
from ..engines.frames import Engine, load_engine
from ..errors import NstlibError
from ..media import clips, encoders, images
from ..settings import Settings
from .consistency import Guide, Shot, between, estimated, precomputed
from .keyframes import Keyframes, checked, settings_at
from .next_frame import Frame, next_frame
from .photo_film import PhotoFilm
from .progress import Store
from .recipes import recipe, write_record
from .shots import CutDetector

Guided = Callable[[], Guide | None]


class Film:
    """An iterator of finished frames, each safe on disk before it is yielded; made again, it goes on where it was.

    clip: a path, scaled to `settings.size`, or a `Clip` of that size. output: where `write` puts the clip; beside it,
    in OUTPUT.work, grow the frames. flows: a folder of .flo files, else motion is estimated. keyframes: {seconds:
    {setting: value}} of what steers, and in between in proportion (`settings_at`). divided: what the recipe tells of
    how the film is divided among workers.
    Raises NstlibError, before the first frame, for what cannot be done, and for an OUTPUT.work that was begun with
    other settings, styles or another clip, unless `fresh`.

    >>> settings, painting = nst.Settings(size=64, steps=2, next_steps=1), nst.samples.styles()["ink"]
    >>> film = nst.Film(nst.probe(nst.samples.clip(), end=0.1, size=64), painting, "ink.mp4", settings)
    >>> [frame.steps for frame in film]
    [2, 1, 1]
    """

    def __init__(
        self,
        clip: str | Path | clips.Clip,
        styles: Picture | Sequence[Picture],
        output: str | Path,
        settings: Settings | None = None,
        *,
        engine: Engine | None = None,
        flows: str | Path | None = None,
        keyframes: Keyframes | None = None,
        fresh: bool = False,
        divided: dict[str, Any] | None = None,
    ) -> None:
        self.settings = settings = resolved(settings or Settings())
        if settings.rendering == "photo":
            raise NstlibError(
                "rendering=photo: PhotoFilm, or stylize_video, makes clips of photographs; Film paints them"
            )
        self.clip = clip if isinstance(clip, clips.Clip) else clips.probe(clip, size=settings.size)
        self.output = Path(output)
        encoders.check_encodable(self.output)
        styles = images.take_all(styles, "a style")
        self.keyframes = checked(keyframes, settings)
        if self.keyframes and engine:
            raise NstlibError("keyframes change an engine that the film makes by the settings; leave out the engine")
        self._styles = Styles(styles, settings) if self.keyframes else styles
        self.engine, self._engine_settings = engine or load_engine(self._styles, settings), settings
        self.motion = precomputed(flows) if flows else estimated(settings.motion_preset)
        self.recipe = recipe(self.clip, styles, settings, self.engine, flows) | (divided or {})
        self.recipe |= {"keyframes": {f"{at:g}": values for at, values in self.keyframes.items()}} if keyframes else {}
        self.store = Store(self.output.absolute().with_name(f"{self.output.name}.work"), self.recipe, fresh=fresh)
        self._frames = self._all()

    @property
    def total(self) -> int:
        """How many frames will be made, over all passes."""
        return self.clip.frames * self.settings.passes

    @property
    def done(self) -> int:
        """How many frames are finished, over all passes."""
        return len(self.store.log)

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        with self.store.at_work():
            return next(self._frames)

    def finished(self) -> Iterator[np.ndarray]:
        """The pictures of the last pass, from disk."""
        for number in range(self.clip.frames):
            yield self.store.load(_name(self.settings.passes - 1, number))

    def write(self, *, codec: str | None = None, crf: int | None = None) -> clips.Written:
        """Make what is left, write the clip with its sound and its record beside it, and remove OUTPUT.work.

        codec, crf: as `write_frames` takes them.
        """
        for _ in self:
            pass
        coded = {"codec": codec, "crf": crf}
        written = clips.write_frames(self.output, self.finished(), fps=self.clip.fps, audio=self.clip, **coded)
        write_record(self.output, self.recipe, frames=self.store.log, note=written.note)
        self.store.remove()
        return written

    def _all(self) -> Iterator[Frame]:
        yield from self._first_pass()
        for number_pass in range(1, self.settings.passes):
            yield from self._later_pass(number_pass)

    def _first_pass(self) -> Iterator[Frame]:
        shot, cuts = self._shot(), CutDetector()
        for number, frame in enumerate(clips.read_frames(self.clip)):
            begins = cuts.advance(frame)
            if number < self.done:
                shot = self._recalled(shot, number, frame)
                continue
            guided = self.settings.consistency == "steady" and not begins
            shot = shot if guided else self._shot()
            advance = partial(shot.advance, number, frame) if guided else lambda: None
            advance = self._take_up(number, advance)
            finished = next_frame(self.engine, frame, advance, number=number)
            shot.add(number, frame, finished.image)

            if self.settings.passes > 1:
                self.store.save(f"source-{number + 1:06d}", frame)
            self.store.keep(f"shot-{number + 1:06d}", shot.state())
            yield self._keep(finished)

    def _take_up(self, number: int, guided: Guided) -> Guided:
        """Take up the settings that the keyframes have for a frame; by others than before, nothing is held."""
        settings = settings_at(self.settings, self.keyframes, float(number / self.clip.fps))
        if settings == self._engine_settings:
            return guided
        self.engine, self._engine_settings = load_engine(self._styles, settings), settings

        def loosened() -> Guide | None:
            guide = guided()
            return guide and replace(guide, held=np.zeros_like(guide.held))

        return loosened

    def _shot(self) -> Shot:
        return Shot(reach=self.settings.reach, motion=self.motion)

    def _recalled(self, shot: Shot, number: int, frame: np.ndarray) -> Shot:
        """The shot as it was when this frame had been finished."""
        shot = self._shot() if self.store.log[number]["cut"] else shot
        last = min(self.done, self.clip.frames) - 1
        if number > last - self.settings.reach:
            shot.add(number, frame, self.store.load(_name(0, number)))
        if number == last < self.clip.frames - 1:
            shot.restore(self.store.kept(f"shot-{number + 1:06d}"))
        return shot

    def _later_pass(self, number_pass: int) -> Iterator[Frame]:
        """Against the direction of the pass before, each frame between its own last result and its neighbour's."""
        order = range(self.clip.frames)[:: -1 if number_pass % 2 else 1]
        before = None
        for place, number in enumerate(order):
            neighbour, before = before, number
            if number_pass * self.clip.frames + place < self.done:
                continue
            frame = self.store.load(f"source-{number + 1:06d}")
            guided = self._take_up(number, partial(self._between, number_pass, number, neighbour, frame))
            cut = self.store.log[number]["cut"]
            yield self._keep(next_frame(self.engine, frame, guided, number=number, number_pass=number_pass, cut=cut))

    def _between(self, number_pass: int, number: int, neighbour: int | None, frame: np.ndarray) -> Guide:
        """What guides a frame of a later pass: its own last result and, within a shot, its neighbour's."""
        own = self.store.load(_name(number_pass - 1, number))
        if neighbour is None or self.store.log[max(number, neighbour)]["cut"]:
            return Guide(own, (), np.zeros(own.shape[:2], bool))
        other = self.store.load(f"source-{neighbour + 1:06d}")
        flows = self.motion(number, neighbour, frame, other)
        return between(own, frame, other, self.store.load(_name(number_pass, neighbour)), flows)

    def _keep(self, frame: Frame) -> Frame:
        """Puts a frame on disk, for good once the log has it."""
        self.store.save(_name(frame.number_pass, frame.number), frame.image)
        entry = {"pass": frame.number_pass, "frame": frame.number, "cut": frame.cut, "steps": frame.steps}
        self.store.finish(entry | {"losses": frame.losses, "trusted": frame.trusted, "held": frame.held})
        self.store.discard(f"shot-{frame.number:06d}")
        return frame


def _name(number_pass: int, number: int) -> str:
    return f"{number + 1:06d}" if number_pass == 0 else f"pass{number_pass + 1}-{number + 1:06d}"


def stylize_video(
    clip: str | Path | clips.Clip,
    styles: Picture | Sequence[Picture],
    output: str | Path,
    settings: Settings | None = None,
    **options: Any,
) -> clips.Written:
    """The clip in the styles, steady, with its sound, at `output`; the same call goes on where a stopped one was.

    options: `engine`, `flows`, `keyframes`, `fresh` of `Film`, whose iterator shows each frame as it is finished.

    >>> clip = nst.probe(nst.samples.clip(), end=0.1, size=64)
    >>> settings = nst.Settings(size=64, steps=2, next_steps=1)
    >>> nst.stylize_video(clip, nst.samples.styles()["ink"], "ink.mp4", settings).frames
    3
    """
    if settings is None or settings.rendering != "photo":
        return Film(clip, styles, output, settings, **options).write()
    if needless := [name for name, value in options.items() if name != "fresh" and value is not None]:
        raise NstlibError(f"{', '.join(needless)}: rendering=photo has no use for it; leave it out")
    return PhotoFilm(clip, styles, output, settings, fresh=options.get("fresh", False)).write()
