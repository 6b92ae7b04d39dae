"""Frames into files: H.264 or HEVC in .mp4 and .mov, VP9 in .webm, .gif, animated .webp, or a folder of PNGs."""

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..errors import NstlibError, choose
from . import ffmpeg, images, locks, sound
from .locks import Lock

FASTEST = 240  # frames a second
GIF_RATE = Fraction(50)  # a GIF counts in hundredths of a second, and browsers slow down what is shorter than two
WEBP, WEBP_LONGEST = "-c:v libwebp_anim -quality 90 -loop 0", 16383  # px
RATE = "rate.json"  # beside the frames in a folder
BT709 = (
    "scale=flags=accurate_rnd+full_chroma_int:out_color_matrix=bt709:out_range=tv,format=yuv420p,"
    "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
)


class Codec(NamedTuple):
    """An encoder of ffmpeg's, its options, and its constant rate factor: less is better."""

    encoder: str
    options: str
    crf: int
    worst: int


CODECS = {  # x264's "faster" takes two fifths of its usual time, for 0.6 dB on a stylised clip of the same size
    "h264": Codec("libx264", "-preset faster", 17, 51),
    "hevc": Codec("libx265", "-preset fast -tag:v hvc1 -x265-params log-level=error", 20, 51),
    "vp9": Codec("libvpx-vp9", "-b:v 0 -row-mt 1 -cpu-used 3", 24, 63),
}
AUDIO = {".mp4": "aac", ".mov": "aac", ".webm": "libopus"}


@dataclass
class Job:
    """What to write: `frames` of `shape`, `rate` a second, with a sound track of `source` from `start` seconds on."""

    path: Path
    frames: Iterable[np.ndarray]
    shape: tuple[int, ...]
    rate: Fraction
    source: Path | None = None
    track: int | None = None
    start: float = 0.0
    codec: str | None = None
    crf: int | None = None
    count: int = 0  # frames written so far
    note: str = ""  # what had to differ from what was asked for

    def pixels(self) -> Iterator[np.ndarray]:
        """The frames as uint8, all of one shape."""
        for frame in self.frames:
            if frame.shape != self.shape or frame.ndim != 3 or frame.shape[2] != 3:
                raise NstlibError(f"frame {self.count} is {frame.shape}, the first is {self.shape}; expected (H, W, 3)")
            self.count += 1
            yield images.to_uint8(frame)

    def tell(self, text: str) -> None:
        """Add to the note."""
        self.note = f"{self.note}; {text}" if self.note else text


def check_encodable(path: Path, *, codec: str | None = None, crf: int | None = None) -> None:
    """Raises NstlibError unless a clip can be written there: known extension, existing folder, nothing in the way.

    codec: one that the extension takes, its first by default. crf: the codec's constant rate factor.
    """
    suffix = path.suffix.lower()
    if suffix not in ENCODERS:
        raise choose("output", path.name, [*filter(None, ENCODERS), "a name without extension for a folder of PNGs"])
    codecs = ENCODERS[suffix].codecs
    if codec is not None and codec not in codecs:
        if not codecs:
            raise NstlibError(f"{path.name} takes no codec; leave out {codec}, or name a video")
        raise choose(f"{path.name}: codec", codec, codecs)
    chosen = CODECS[codec or codecs[0]] if codecs else None
    if crf is not None and not (chosen and 0 <= crf <= chosen.worst):
        told = f"give a whole number from 0, the best, to {chosen.worst}" if chosen else "only a video takes it"
        raise NstlibError(f"{path.name}: crf={crf}; {told}")
    if path.is_dir() and suffix:
        raise NstlibError(f"{path} is a folder; name a file in it, or a folder without an extension for PNGs")
    if path.is_dir() and any(path.iterdir()):
        raise NstlibError(f"{path} is a folder that is not empty; give another name, or remove it")
    if not path.absolute().parent.is_dir():
        raise NstlibError(f"{path}: there is no folder {path.absolute().parent}; make it first")
    if not os.access(path.absolute().parent, os.W_OK):
        raise NstlibError(f"{path}: the folder {path.absolute().parent} cannot be written; choose another output")
    for encoder in [chosen.encoder, AUDIO[suffix]] if chosen else ENCODERS[suffix].needs:
        if not ffmpeg.has_encoder(encoder):
            raise NstlibError(f"{path.name}: the ffmpeg in use has no {encoder}; {ffmpeg.NO_FFMPEG}")


def encode_clip(job: Job) -> None:
    """Writes in a folder beside `job.path`, which appears when it is whole; a failure leaves nothing behind."""
    check_encodable(job.path, codec=job.codec, crf=job.crf)
    path = job.path.absolute()
    with _workplace(path, job) as (folder, lock):
        part = ENCODERS[path.suffix.lower()].write(job, folder)
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


def _images(job: Job, folder: Path) -> Path:
    part = folder / "images"
    part.mkdir()
    for number, frame in enumerate(job.pixels(), 1):
        data = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1]
        (part / f"{number:06d}.png").write_bytes(data)
    (part / RATE).write_text(json.dumps({"fps": str(job.rate), "frames": job.count}) + "\n")
    if job.source:
        job.tell("a folder has no sound")
    return part


def read_rate(folder: Path) -> Fraction | None:
    """Frames a second, as noted beside the frames in a folder; None without a note. NstlibError for a damaged one."""
    path = folder / RATE
    if not path.is_file():
        return None
    try:
        rate = Fraction(json.loads(path.read_bytes())["fps"])
        if 0 < rate <= FASTEST:
            return rate
    except (ValueError, TypeError, KeyError, OSError, ArithmeticError, RecursionError):
        pass
    raise NstlibError(f"{path} holds no rate; remove it and give --fps")


def _gif(job: Job, folder: Path) -> Path:
    # one palette for the whole clip, else still areas flicker: it needs every frame first, so they wait on disk
    kept = min(job.rate, GIF_RATE)
    _encode(job, folder, "lossless.mkv", job.pixels(), job.shape, "-c:v", "ffv1")
    _convert(job, folder, "palette.png", "-i", "file:lossless.mkv", "-vf", "palettegen")
    graph = f"[0:v]fps={kept}[v];[v][1:v]paletteuse=dither=bayer:bayer_scale=3"
    _convert(job, folder, "clip.gif", "-i", "file:lossless.mkv", "-i", "file:palette.png", "-lavfi", graph)
    if kept < job.rate:
        job.tell(f"a GIF shows at most {GIF_RATE} frames a second, not {float(job.rate):g}")
    if job.source:
        job.tell("a GIF has no sound")
    job.rate = kept
    return folder / "clip.gif"


def _webp(job: Job, folder: Path) -> Path:
    if max(job.shape) > WEBP_LONGEST:
        raise NstlibError(f"{job.path}: {job.shape[1]} x {job.shape[0]}; a WebP has at most {WEBP_LONGEST} px a side")
    _encode(job, folder, "clip.webp", job.pixels(), job.shape, *WEBP.split())
    if job.source:
        job.tell("a WebP has no sound")
    return folder / "clip.webp"


def _video(job: Job, folder: Path) -> Path:
    height, width = job.shape[:2]
    suffix = job.path.suffix.lower()
    codec = CODECS[job.codec or ENCODERS[suffix].codecs[0]]
    odd = (0, 0) if suffix == ".webm" else (height % 2, width % 2)
    options = ["-vf", BT709, "-c:v", codec.encoder, *codec.options.split()]
    options += ["-crf", str(codec.crf if job.crf is None else job.crf)]
    if any(odd):
        options += ["-metadata", f"comment=nstlib crop={width}x{height}"]
        job.tell(f"{width}x{height} is stored as {width + odd[1]}x{height + odd[0]}: {suffix} needs even sides")
    padded = (np.pad(frame, ((0, odd[0]), (0, odd[1]), (0, 0)), "edge") for frame in job.pixels())
    silent = f"silent{suffix}"
    _encode(job, folder, silent, padded, (height + odd[0], width + odd[1]), *options, *_fast_start(suffix))
    return _with_sound(job, folder, silent) if job.source else folder / silent


def _fast_start(suffix: str) -> list[str]:
    return [] if suffix == ".webm" else ["-movflags", "+faststart"]


def _with_sound(job: Job, folder: Path, silent: str) -> Path:
    """The silent pictures with the track; a sound that begins late begins late, one that goes on longer is cut."""
    heard = sound.read_sound(job.source, job.track, begin=job.start, seconds=float(job.count / job.rate))
    first = next(heard.blocks, None)
    if first is None:
        job.tell("the sound is over before the pictures begin")
        return folder / silent
    channels, suffix = first.shape[1], job.path.suffix.lower()
    raw = f"-f f32le -ar {heard.rate} -ch_layout {heard.layout} -i pipe:0 -i file:{silent} -map 1:v:0 -map 0:a:0"
    coded = f"-c:v copy -c:a {AUDIO[suffix]} -b:a {max(192, 64 * channels)}k -map_metadata 1"
    tag = ["-tag:v", "hvc1"] if job.codec == "hevc" else []
    blocks = itertools.chain([first], heard.blocks)
    _pipe(job, folder, f"clip{suffix}", blocks, *raw.split(), *coded.split(), *tag, *_fast_start(suffix))
    return folder / f"clip{suffix}"


def _encode(
    job: Job, folder: Path, name: str, frames: Iterable[np.ndarray], shape: tuple[int, ...], *options: str
) -> None:
    raw = f"-f rawvideo -pix_fmt rgb24 -s {shape[1]}x{shape[0]} -r {job.rate} -i pipe:0".split()
    _pipe(job, folder, name, frames, *raw, *options)


def _pipe(job: Job, folder: Path, name: str, arrays: Iterable[np.ndarray], *arguments: str) -> None:
    """The arrays through ffmpeg's standard input into a file of the folder."""
    call = ["-y", "-v", "error", *arguments, f"file:{name}"]
    with ffmpeg.process(*call, folder=folder, stdin=subprocess.PIPE) as (child, log):
        with suppress(BrokenPipeError):  # ffmpeg ended early: its log says why
            for array in arrays:
                child.stdin.write(array.tobytes())
            child.stdin.close()
        ffmpeg.check_status(child.wait(), log.text(), f"cannot write {job.path}")


def _convert(job: Job, folder: Path, name: str, *arguments: str) -> None:
    status, _, log = ffmpeg.call("-y", "-v", "error", *arguments, f"file:{name}", folder=folder)
    ffmpeg.check_status(status, log, f"cannot write {job.path}")


class Encoder(NamedTuple):
    """Writes a job's file into a folder and returns it; the codecs to choose from, or the encoders that it needs."""

    write: Callable[[Job, Path], Path]
    codecs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


ENCODERS = {
    ".mp4": Encoder(_video, ("h264", "hevc")),
    ".mov": Encoder(_video, ("h264", "hevc")),
    ".webm": Encoder(_video, ("vp9",)),
    ".gif": Encoder(_gif, needs=("ffv1", "gif")),
    ".webp": Encoder(_webp, needs=("libwebp_anim",)),
    "": Encoder(_images),
}
