"""Frames into files: H.264 in .mp4, .gif, or a folder of PNGs; each takes one frame at a time."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from ..errors import NstlibError, choose
from . import ffmpeg, locks
from .locks import Lock

GIF_RATE = Fraction(50)  # a GIF counts in hundredths of a second, and browsers slow down what is shorter than two
SCALER = "accurate_rnd+full_chroma_int"
PRESET = "faster"  # two fifths of the time of x264's usual one, for 0.6 dB on a stylised clip of the same size


@dataclass
class Job:
    """What to write: `frames` of `shape`, `rate` a second, with the sound of `sound` from `sound_start` seconds on."""

    path: Path
    frames: Iterable[np.ndarray]
    shape: tuple[int, ...]
    rate: Fraction
    sound: Path | None
    sound_start: float
    crf: int
    count: int = 0  # frames written so far
    note: str = ""  # what had to differ from what was asked for

    def pixels(self) -> Iterator[np.ndarray]:
        """The frames as uint8, all of one shape."""
        for frame in self.frames:
            if frame.shape != self.shape or frame.ndim != 3 or frame.shape[2] != 3:
                raise NstlibError(f"frame {self.count} is {frame.shape}, the first is {self.shape}; expected (H, W, 3)")
            self.count += 1
            yield (np.clip(frame, 0, 1) * 255 + 0.5).astype(np.uint8)


def check(path: Path) -> None:
    """Raises NstlibError unless a clip can be written there: known extension, existing folder, nothing in the way."""
    if path.suffix.lower() not in ENCODERS:
        raise choose("output", path.name, [".mp4", ".gif", "a name without extension for a folder of PNGs"])
    if path.is_dir() and any(path.iterdir()):
        raise NstlibError(f"{path} is a folder that is not empty; give another name, or remove it")
    if not path.absolute().parent.is_dir():
        raise NstlibError(f"{path}: there is no folder {path.absolute().parent}; make it first")
    if not os.access(path.absolute().parent, os.W_OK):
        raise NstlibError(f"{path}: the folder {path.absolute().parent} cannot be written; choose another output")


def write(job: Job) -> None:
    """Writes in a folder beside `job.path`, which appears when it is whole; a failure leaves nothing behind."""
    check(job.path)
    path = job.path.absolute()
    with _workplace(path, job) as (folder, lock):
        part = folder / path.name
        ENCODERS[path.suffix.lower()](job, part)
        lock.check()
        if path.is_dir():
            path.rmdir()
        part.replace(path)


@contextmanager
def _workplace(path: Path, job: Job) -> Iterator[tuple[Path, Lock]]:
    """A locked, empty folder beside `path`, removed at the end; an OSError becomes one line."""
    folder = path.with_name(f".{path.name}.part")
    try:
        folder.mkdir(exist_ok=True)
        lock = Lock(folder, job.path)
        try:
            _empty(folder)
            yield folder, lock
        finally:
            lock.remove()
    except OSError as error:
        raise NstlibError(f"cannot write {job.path}: {error.strerror}") from error


def _empty(folder: Path) -> None:
    """Remove what a killed run left, all but the lock."""
    for file in folder.glob("*"):
        if file.is_dir():
            shutil.rmtree(file)
        elif file.name != locks.NAME:
            file.unlink()


def _images(job: Job, part: Path) -> None:
    part.mkdir()
    for number, frame in enumerate(job.pixels(), 1):
        data = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1]
        (part / f"{number:06d}.png").write_bytes(data)
    job.note = f"a folder keeps no rate ({float(job.rate):g} fps)" + " and no sound" * bool(job.sound)


def _gif(job: Job, part: Path) -> None:
    # one palette for the whole clip, else still areas flicker: it needs every frame first, so they wait on disk
    lossless, palette, kept = part.with_suffix(".mkv"), part.with_suffix(".png"), min(job.rate, GIF_RATE)
    _encode(job, lossless, job.pixels(), job.shape, "-c:v", "ffv1")
    _convert(job, palette, *ffmpeg.source(lossless), "-vf", "palettegen")
    graph = f"[0:v]fps={kept}[v];[v][1:v]paletteuse=dither=bayer:bayer_scale=3"
    _convert(job, part, *ffmpeg.source(lossless), *ffmpeg.source(palette), "-lavfi", graph)
    slower = f"a GIF shows at most {GIF_RATE} frames a second, not {float(job.rate):g}"
    job.note = "; ".join([slower] * (kept < job.rate) + ["a GIF has no sound"] * bool(job.sound))
    job.rate = kept


def _mp4(job: Job, part: Path) -> None:
    height, width = job.shape[:2]
    pad = ((0, height % 2), (0, width % 2), (0, 0))
    options = f"-vf scale=flags={SCALER}:out_color_matrix=bt709:out_range=tv,format=yuv420p"
    options += f" -c:v libx264 -preset {PRESET} -crf {job.crf}"
    options += " -colorspace bt709 -color_primaries bt709 -color_trc bt709 -movflags +faststart"
    comment = []
    if width % 2 or height % 2:
        comment = ["-metadata", f"comment=nstlib crop={width}x{height}"]
        job.note = f"{width}x{height} is stored as {width + width % 2}x{height + height % 2}: H.264 needs even sides"
    silent = part.with_suffix(".silent.mp4")
    padded = (np.pad(frame, pad, "edge") for frame in job.pixels())
    _encode(job, silent, padded, (height + height % 2, width + width % 2), *options.split(), *comment)
    if job.sound:
        _mux(job, silent, part)
    else:
        silent.replace(part)


def _mux(job: Job, silent: Path, part: Path) -> None:
    """The silent pictures with the sound; a sound that begins late begins late, one that goes on longer is cut."""
    sound = ffmpeg.source(job.sound, *f"-ss {job.sound_start:.6f} -t {float(job.count / job.rate):.6f} -vn".split())
    output = "-map 0:v:0 -map 1:a:0 -c:v copy -c:a aac -b:a 192k -af aresample=async=1:first_pts=0 -movflags +faststart"
    _convert(job, part, *ffmpeg.source(silent), *sound, *output.split())


def _convert(job: Job, path: Path, *arguments: str) -> None:
    status, _, log = ffmpeg.run("-y", "-v", "error", *arguments, ffmpeg.file_url(path))
    ffmpeg.check(status, log, f"cannot write {job.path}")


def _encode(job: Job, path: Path, frames: Iterable[np.ndarray], shape: tuple[int, ...], *options: str) -> None:
    """The frames through ffmpeg's standard input."""
    raw = f"-y -v error -f rawvideo -pix_fmt rgb24 -s {shape[1]}x{shape[0]} -r {job.rate} -i pipe:0".split()
    with ffmpeg.process(*raw, *options, ffmpeg.file_url(path), stdin=subprocess.PIPE) as (child, log):
        with suppress(BrokenPipeError):  # ffmpeg ended early: its log says why
            for frame in frames:
                child.stdin.write(frame.tobytes())
            child.stdin.close()
        ffmpeg.check(child.wait(), log.text(), f"cannot write {job.path}")


ENCODERS: dict[str, Callable[[Job, Path], None]] = {".mp4": _mp4, ".gif": _gif, "": _images}
