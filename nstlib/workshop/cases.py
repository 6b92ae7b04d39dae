"""`make cases`: the small inputs of ../shared/cases that go wrong elsewhere, what is right, and what is found here."""

import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import NstlibNote
from ..media import clips, images, sound

FOLDER = Path(__file__).parents[3] / "shared" / "cases"
PATCHES = ((180, 60, 50), (60, 160, 70), (50, 80, 170), (190, 160, 120))
PLACES = ("top left", "top right", "bottom left", "bottom right")
GREY, RED, GREEN, BLUE, WHITE = (128, 128, 128), (220, 40, 40), (40, 200, 40), (40, 40, 220), (255, 255, 255)


class Row(NamedTuple):
    """One thing that has to be right in a file."""

    what: str
    expected: str
    found: str
    right: bool


def equal(what: str, expected: object, found: object) -> Row:
    """Both the same."""
    return Row(what, str(expected), str(found), expected == found)


def near(what: str, expected: tuple, found: np.ndarray, within: float) -> Row:
    """Each number within so much of the other."""
    numbers = np.asarray(found, float)
    right = numbers.shape == np.shape(expected) and bool((abs(numbers - expected) <= within).all())
    return Row(what, f"{_short(expected)} ±{within:g}", _short(numbers), right)


def least(what: str, expected: float, found: float) -> Row:
    """At least so much."""
    return Row(what, f"≥ {expected:g}", f"{found:.0f}", found >= expected)


def noted(word: str, clip: clips.Clip) -> Row:
    """A note that says it."""
    told = [note for note in clip.notes if word in note]
    return Row("note", f"… {word} …", "; ".join(told or clip.notes) or "none", bool(told))


def _short(numbers: object) -> str:
    array = np.asarray(numbers, float)
    return " ".join(f"{x:.4g}" for x in array) if array.ndim == 1 else ", ".join(map(_short, array))


def patches(path: Path) -> Iterator[Row]:
    """Four patches in a profile of their own."""
    picture = 255 * images.load(path)
    for place, expected, found in zip(PLACES, PATCHES, _quarters(picture), strict=True):
        yield near(place, expected, found, 3)


def _quarters(picture: np.ndarray) -> list[np.ndarray]:
    height, width = picture.shape[:2]
    middles = [(height * y // 4, width * x // 4) for y in (1, 3) for x in (1, 3)]
    return [picture[y, x] for y, x in middles]


def turned(path: Path) -> Iterator[Row]:
    """A TIFF that lies on its side."""
    picture = 255 * images.load(path)
    yield equal("width x height", "400 x 300", f"{picture.shape[1]} x {picture.shape[0]}")
    for place, expected, found in zip(PLACES[:3], (RED, GREEN, BLUE), _quarters(picture)[:3], strict=True):
        yield near(place, expected, found, 6)
    mask = np.zeros((300, 400), np.float32)
    mask[:150] = 1
    yield equal("a mask of 400 x 300", "fits", "fits" if len(images.load_masks([mask], path, 1)) == 1 else "does not")


def hdr(path: Path) -> Iterator[Row]:
    """HLG or PQ: four patches and a column of SDR white."""
    clip = clips.probe(path)
    picture = 255 * next(clips.read_frames(clip))
    yield equal("frames", 10, clip.frames)
    yield least("white", 235, picture[:, -4].min())
    main = picture[:, : picture.shape[1] * 9 // 10]
    for place, expected, found in zip(PLACES, (*PATCHES[:3], GREY), _quarters(main), strict=True):
        yield near(place, expected, found, 12)
    yield noted("tone-mapped", clip)


def in_step(path: Path, *, count: int = 150, times: tuple[float, ...] = (1, 3, 5), rate: int = 25) -> Iterator[Row]:
    """Flashes and clicks."""
    clip = clips.probe(path)
    yield equal("frames, rate", f"{count}, {rate}", f"{clip.frames}, {clip.fps}")
    flashes, clicks = _measured(clip)
    late = 0.06 if path.suffix == ".avi" else 0.5 / rate
    yield near("flashes, s", times, flashes, late)
    yield near("clicks, s", times, clicks, late)
    together = len(flashes) == len(clicks)
    yield near("flash − click, s", (0,) * len(times), flashes - clicks if together else np.full(1, np.nan), 0.02)


def _measured(clip: clips.Clip) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of the flashes and of the clicks in the clip that is written from it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mp4"
        clips.write_frames(out, clips.read_frames(clip), fps=clip.fps, audio=clip)
        written = clips.probe(out)
        bright = np.array([frame.mean() for frame in clips.read_frames(written)])
        flashes = np.flatnonzero(bright > (bright.min() + bright.max()) / 2) / float(written.fps)
        heard = sound.read_sound(out, 1)
        loud = np.flatnonzero(abs(np.concatenate(list(heard.blocks))).max(axis=1) > 0.1) / heard.rate
    return flashes, loud[np.diff(loud, prepend=-1) > 0.2]


def default_track(path: Path) -> Iterator[Row]:
    """Two languages, the second marked as default."""
    yield from in_step(path, count=30, times=(0.5,), rate=30)
    yield noted("fra", clips.probe(path))


def undecodable_track(path: Path) -> Iterator[Row]:
    """Spatial sound that nobody decodes, then AAC."""
    clip = clips.probe(path)
    yield equal("sound track", 2, clip.audio)
    yield noted("cannot be decoded", clip)
    yield from in_step(path, count=30, times=(0.5,), rate=30)


def silent(path: Path) -> Iterator[Row]:
    """A title that speaks of audio."""
    clip = clips.probe(path)
    yield equal("sound", False, clip.has_audio)
    with tempfile.TemporaryDirectory() as folder:
        written = clips.write_frames(Path(folder) / "out.mp4", clips.read_frames(clip), fps=clip.fps, audio=clip)
    yield equal("frames written", clip.frames, written.frames)


def two_streams(path: Path) -> Iterator[Row]:
    """The second picture stream is turned."""
    clip = clips.probe(path)
    yield equal("width x height", "400 x 300", f"{clip.width} x {clip.height}")
    yield near("top left", RED, 255 * next(clips.read_frames(clip))[30, 40], 6)


def interlaced(path: Path) -> Iterator[Row]:
    """A bar that moves, top field first."""
    clip = clips.probe(path)
    frames = [255 * frame for frame in clips.read_frames(clip)]
    combing = max((abs(f[1:-1] - f[:-2]).mean(2) - abs(f[2:] - f[:-2]).mean(2)).max() for f in frames)
    yield Row("rows: next − next but one", "≤ 10", f"{combing:.1f}", combing <= 10)
    yield noted("deinterlaced", clip)


def see_through(path: Path) -> Iterator[Row]:
    """A red square over nothing."""
    picture = 255 * next(clips.read_frames(path))
    yield near("corner", WHITE, picture[2, 2], 3)
    red = picture[(picture[..., 1] < 128)]
    yield near("square", (230, 40, 40), np.median(red, axis=0) if len(red) else np.zeros(3), 8)


def animated(path: Path) -> Iterator[Row]:
    """A yellow square that moves 10 px a frame."""
    clip = clips.probe(path)
    yield equal("frames, rate", "6, 10", f"{clip.frames}, {clip.fps}")
    yellow = [np.flatnonzero((frame[..., 0] - frame[..., 2]).max(axis=0) > 0.3) for frame in clips.read_frames(clip)]
    steps = np.diff([columns.min() for columns in yellow if len(columns)])
    yield near("steps, px", (10,) * 5, steps, 1)


CASES: dict[str, Callable[[Path], Iterator[Row]]] = {
    "adobe.jpg": patches,
    "p3.png": patches,
    "e6.tif": turned,
    "hlg.mov": hdr,
    "pq.mov": hdr,
    "asp.avi": in_step,
    "m2.mpg": in_step,
    "h264.avi": in_step,
    "vp8.webm": in_step,
    "two.mkv": default_track,
    "apac1b.mov": undecodable_track,
    "noaudio_title.mp4": silent,
    "twov.mov": two_streams,
    "il.mp4": interlaced,
    "t.mov": see_through,
    "a.png": animated,
    "a.webp": animated,
    "a.avif": animated,
}


def rows(path: Path) -> list[Row]:
    """What is found in a file; a failure is a row too."""
    found: list[Row] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NstlibNote)
        try:
            for row in CASES[path.name](path):
                found.append(row)
        except Exception as error:  # whatever it is belongs in the table
            found.append(Row("read", "no error", f"{type(error).__name__}: {error}", False))
    return found


def main() -> int:
    """Print the table; 1 where something is not right."""
    if not FOLDER.is_dir():
        print(f"skipped: there is no folder {FOLDER}, which holds the inputs")
        return 0
    wrong = 0
    print(f"{'file':18} {'what':26} {'expected':44} {'found':60} right")
    for name in CASES:
        path = FOLDER / name
        table = rows(path) if path.is_file() else [Row("file", "is there", "is missing", False)]
        for row in table:
            wrong += not row.right
            print(f"{name:18} {row.what:26} {row.expected:44} {row.found:60} {'yes' if row.right else 'NO'}")
    unknown = sorted({path.name for path in FOLDER.iterdir()} - set(CASES) - {"README.md"})
    for name in unknown:
        print(f"{name:18} not known here")
    print(f"{wrong} wrong" if wrong else "all right")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
