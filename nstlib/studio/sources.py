"""Sources: the pictures and clips that the panel offers, read and checked at its door."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import samples
from ..errors import NstlibError
from ..media import clips, files, images

MOST_PIXELS = 50e6
CLIPS = {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".gif"}
THUMB = 144  # longest side, pixels


@dataclass(frozen=True, eq=False)
class Source:
    """A picture, or a clip of which one frame is taken; `thumb` is a small picture (H, W, 3) of it."""

    name: str
    path: Path
    thumb: np.ndarray
    clip: clips.Clip | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Its (H, W)."""
        return (self.clip.height, self.clip.width) if self.clip else images.shape_of(self.path)

    def frame(self, number: int) -> np.ndarray:
        """Frame `number` of the clip."""
        frames = clips.read_frames(replace(self.clip, picks=self.clip.picks[number : number + 1]))
        picture = next(frames)
        frames.close()
        return picture

    def seen(self, number: int, longest: int) -> np.ndarray:
        """The picture as the page shows it: frame `number` of a clip, or `longest` pixels of a larger picture."""
        if self.clip:
            return self.frame(number)
        return images.load(self.path, size=min(longest, max(self.shape)))

    def file(self, number: int, folder: Path) -> Path:
        """The file that a run takes: the picture's own, or the clip's frame, written as a PNG to the folder."""
        if self.clip is None:
            return self.path
        return images.save(files.make_folder(folder) / f"{self.path.stem}-{number:04d}.png", self.frame(number))


def read(path: str | Path, name: str = "") -> Source:
    """The source in a file, or a folder of numbered images. Raises NstlibError, in one line, for what is none."""
    path = Path(path).expanduser()
    if not path.exists():
        raise files.missing(path)
    name = name or path.stem
    if path.is_dir() or path.suffix.lower() in CLIPS:
        clip = clips.probe(path)
        _measure(path, clip.width, clip.height)
        source = Source(name, path, np.zeros((1, 1, 3), np.float32), clip)
        return replace(source, thumb=_small(source.frame(clip.frames // 2)))
    height, width = images.shape_of(path)
    _measure(path, width, height)
    return Source(name, path, images.load(path, size=THUMB))


def write(name: str, content: bytes, folder: Path) -> Source:
    """The source in an upload's bytes, kept in the folder's `uploads`. Raises NstlibError for what is none."""
    safe = re.sub(r"[^\w.-]+", "_", Path(name.replace("\\", "/")).name) or "upload"
    with tempfile.TemporaryDirectory() as door:  # so that what is refused leaves nothing behind
        beside = Path(door, safe)
        beside.write_bytes(content)
        try:
            read(beside)
        except NstlibError as error:
            raise NstlibError(str(error).replace(str(beside), name)) from None
    path = files.make_folder(folder / "uploads") / safe
    with files.whole(path) as whole:
        whole.write_bytes(content)
    return read(path)


def gather(given: Any, folder: Path) -> list[Source]:
    """The sources in a picture as `load` takes it, a clip's path, several of them, or a mapping of names to them."""
    if isinstance(given, Source):
        return [given]
    if isinstance(given, Mapping):
        return [replace(source, name=name) for name, one in given.items() for source in gather(one, folder)]
    if images.in_memory(given):
        picture = images.load(given)
        number = len(list(folder.glob("given-*.png"))) + 1
        return [read(images.save(files.make_folder(folder) / f"given-{number}.png", picture))]
    if isinstance(given, Sequence) and not isinstance(given, str):
        return [source for one in given for source in gather(one, folder)]
    return [read(given)]


def with_samples(sources: Sequence[Source], offered: Mapping[str, Path]) -> list[Source]:
    """The sources, and after them the samples that are not among them."""
    known = {source.path.resolve() for source in sources}
    return [*sources, *(read(path, name) for name, path in offered.items() if path.resolve() not in known)]


def contents() -> dict[str, Path]:
    """The bundled contents by name."""
    return {"balloon clip": samples.clip(), "portrait": samples.photograph()}


def _measure(path: Path, width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise NstlibError(
            f"{path} is {width} x {height}, {width * height / 1e6:.0f} megapixels; the studio takes "
            f"{MOST_PIXELS / 1e6:.0f}: shrink it, or use nstlib image"
        )


def _small(picture: np.ndarray) -> np.ndarray:
    return images.resize(picture, images.fit(picture.shape[:2], THUMB))
