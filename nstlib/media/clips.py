"""Clips in and out, one frame at a time: any file that ffmpeg reads, a GIF, or a folder of numbered images."""

import itertools
import math
import re
import statistics
import subprocess
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path

import cv2
import numpy as np

from ..errors import NstlibError
from . import encoders, ffmpeg, images

IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
FOLDER_RATE = Fraction(25)  # frames a second of a folder of images, which has no rate of its own
USUAL_RATES = [Fraction(n, d) for n, d in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60, 1))]
LARGEST = 20_000  # px: the longest side of a frame
SCALER = "area+accurate_rnd+full_chroma_int"


@dataclass(frozen=True)
class Clip:
    """What `read_frames` yields: after rotation, `size`, `start`, `end` and `every`."""

    path: Path
    width: int
    height: int
    fps: Fraction  # of the frames yielded
    picks: Sequence[int]  # for each frame yielded, the number of the frame in the file
    start: float = 0.0  # seconds from the file's start to the first frame yielded: where its sound begins
    has_audio: bool = False
    rotation: int = 0  # degrees that a player, and `read_frames`, turns the stored picture by
    variable: bool = False  # the file's rate varies: frames were repeated or dropped, to a constant one
    crop: tuple[int, int] | None = None  # width, height without the pixels that `write_frames` added
    images: tuple[Path, ...] = ()  # the files of a folder

    @property
    def frames(self) -> int:
        """How many frames `read_frames` yields."""
        return len(self.picks)

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self.frames / self.fps)


def probe(
    path: str | Path, *, start: float = 0.0, end: float | None = None, every: int = 1, size: int | None = None
) -> Clip:
    """What a clip holds from `start` to `end` (seconds), every n-th frame, its longest side scaled to `size` px.

    Counted exactly, from the file's packets, without decoding them. A variable rate becomes constant, that of the
    usual interval between two frames. NstlibError for a file that is missing, no video or cut short, and for a range
    without a frame.

    >>> clip = nst.probe(nst.samples.clip(), end=0.5, size=320)
    >>> clip.frames, float(clip.fps), (clip.width, clip.height), clip.has_audio
    (12, 24.0, (320, 180), True)
    """
    path = Path(path)
    if not (every >= 1 and 0 <= start < (math.inf if end is None else end) and (size is None or 1 <= size <= LARGEST)):
        raise NstlibError(
            f"start={start}, end={end}, every={every}, size={size}; expected 0 <= start < end, every >= 1, "
            f"size from 1 to {LARGEST}"
        )
    if not path.exists():
        raise NstlibError(f"no such clip: {path}")
    whole = _probe_images(path) if path.is_dir() or path.suffix.lower() in IMAGES else _probe_video(path, end)
    first = _frame_at(start, whole.fps)
    picks = whole.picks[first : None if end in (None, math.inf) else _frame_at(end, whole.fps) : every]
    if not picks:
        raise NstlibError(f"{path} has no frame from {start:g} s on: it lasts {whole.duration:.3f} s")
    width, height = _fitted(*(whole.crop or (whole.width, whole.height)), size)
    begin = whole.start + float(first / whole.fps)
    return replace(whole, width=width, height=height, fps=whole.fps / every, picks=picks, start=begin)


def _frame_at(seconds: float, fps: Fraction) -> int:
    return ceil(round(seconds * float(fps), 3))  # rounded: 0.1 s at 30 fps is frame 3 and not 3.0000000000000004


def _fitted(width: int, height: int, size: int | None) -> tuple[int, int]:
    k = size / max(width, height) if size else 1
    return max(1, round(width * k)), max(1, round(height * k))


def _probe_images(path: Path) -> Clip:
    files = [path] if path.is_file() else [f for f in path.iterdir() if f.suffix.lower() in IMAGES and f.name[0] != "."]
    files.sort(key=lambda f: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", f.name)])
    if not files:
        raise NstlibError(f"{path} holds no images ({', '.join(sorted(IMAGES))})")
    height, width = images.shape_of(files[0])
    return Clip(path, width, height, FOLDER_RATE, range(len(files)), images=tuple(files))


def _probe_video(path: Path, end: float | None) -> Clip:
    stream = ffmpeg.inspect(path)
    fps, picks = _schedule(stream.times, stream.rate)
    if stream.cut and (end is None or end > len(picks) / fps):
        held = f"{len(picks)} frames, {float(len(picks) / fps):.3f} s"
        raise NstlibError(f"{path} is cut short: {held} of it can be read; get the whole file, or end before that")
    made = re.match(r"nstlib crop=(\d+)x(\d+)", stream.comment)
    return Clip(
        path,
        stream.width,
        stream.height,
        fps,
        picks,
        start=float(stream.times[0]),
        has_audio=stream.has_audio,
        rotation=stream.rotation,
        variable=isinstance(picks, tuple),
        crop=(int(made[1]), int(made[2])) if made else None,
    )


def _schedule(times: Sequence[Fraction], said: Fraction | None) -> tuple[Fraction, Sequence[int]]:
    """(frames a second, which of the file's frames to show at each of them): a tuple if the file's rate varies."""
    if len(times) == 1:
        return said or FOLDER_RATE, range(1)
    mean = (times[-1] - times[0]) / (len(times) - 1)
    if mean and all(abs(t - times[0] - i * mean) <= mean / 2 for i, t in enumerate(times)):
        # what the file says is exact, where times are rounded to a millisecond; but it may say what is not so
        told = said and abs(1 / _usual(said) - mean) * len(times) <= mean / 2
        return _usual(said if told else 1 / mean), range(len(times))
    fps = _usual(1 / max(statistics.median(b - a for a, b in itertools.pairwise(times)), Fraction(1, 240)))
    count = ceil((times[-1] - times[0]) * fps + Fraction(1, 2))
    moments = (times[0] + (k + Fraction(1, 2)) / fps for k in range(count))
    return fps, tuple(bisect_right(times, t) - 1 for t in moments)


def _usual(fps: Fraction) -> Fraction:
    near = [rate for rate in USUAL_RATES if abs(rate / fps - 1) < 0.0005]
    return min(near, key=lambda rate: abs(rate - fps)) if near else fps.limit_denominator(1001)


def read_frames(
    clip: str | Path | Clip, *, start: float = 0.0, end: float | None = None, every: int = 1, size: int | None = None
) -> Iterator[np.ndarray]:
    """Images (H, W, 3) in [0, 1], one after the other: the `probe(...).frames` of a path, or of a Clip already probed.

    Decoded from the file's beginning, so that a frame is the same to the bit wherever the reading starts. A picture
    whose size changes midway is scaled to its first size; in a folder that is an error.

    >>> for frame in nst.read_frames(nst.samples.clip(), end=0.1, size=64):
    ...     print(frame.shape)
    (36, 64, 3)
    (36, 64, 3)
    (36, 64, 3)
    """
    clip = clip if isinstance(clip, Clip) else probe(clip, start=start, end=end, every=every, size=size)
    first = clip.picks[0]
    with closing((_read_images if clip.images else _read_video)(clip, first)) as stored:
        number, frame = first - 1, None
        for pick in clip.picks:
            while number < pick:
                number, frame = number + 1, next(stored, frame)
            yield frame.astype(np.float32) / 255


def _read_images(clip: Clip, first: int) -> Iterator[np.ndarray]:
    shape = (*images.shape_of(clip.images[0]), 3)
    for file in clip.images[first:]:
        image = images.to_uint8(images.load(file))
        if image.shape != shape:
            sizes = f"{image.shape[1]}x{image.shape[0]}, the clip begins as {shape[1]}x{shape[0]}"
            raise NstlibError(f"{file} is {sizes}; make all its images one size")
        if image.shape[:2] != (clip.height, clip.width):
            smaller = clip.width < image.shape[1]
            image = cv2.resize(
                image, (clip.width, clip.height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
            )
        yield image


def _read_video(clip: Clip, first: int) -> Iterator[np.ndarray]:
    crop = "format=rgb24,crop={}:{}:0:0,".format(*clip.crop) if clip.crop else ""  # yuv420p is cut by two only
    filters = f"trim=start_frame={first},{crop}scale={clip.width}:{clip.height}:flags={SCALER},format=rgb24"
    output = ["-map", "0:V:0", "-vf", filters, *["-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"]]
    shape = (clip.height, clip.width, 3)
    with ffmpeg.process("-v", "error", *ffmpeg.source(clip.path), *output, stdout=subprocess.PIPE) as (child, log):
        count = 0
        while len(data := child.stdout.read(math.prod(shape))) == math.prod(shape):
            count += 1
            yield np.frombuffer(data, np.uint8).reshape(shape)
        wanted = clip.picks[-1] + 1 - first
        told = f"{clip.path}: {count} of {wanted} frames can be decoded"
        ffmpeg.check(child.wait() or (count < wanted and bool(log.text())), log.text(), told)


@dataclass(frozen=True)
class Written:
    """What `write_frames` wrote, as `read_frames` gives it back; `note` says what had to differ."""

    path: Path
    frames: int
    width: int
    height: int
    fps: Fraction
    note: str = ""


def write_frames(
    path: str | Path,
    frames: Iterable[np.ndarray],
    *,
    fps: float | Fraction,
    audio: str | Path | Clip | None = None,
    crf: int = 17,
) -> Written:
    """Images (H, W, 3) in [0, 1] as an H.264 .mp4 that browsers play, a .gif, or (no extension) a folder of PNGs.

    Takes one frame at a time; the file appears when it is whole. `audio`: the clip whose sound goes along, from where
    that Clip starts and as long as there are pictures. `crf`: H.264's quality, lower is better. Where yuv420p needs
    an even side, the last column or row is repeated, which `note` says and `read_frames` takes off again.

    >>> frames = nst.read_frames(nst.samples.clip(), end=0.2, size=64)
    >>> nst.write_frames("short.mp4", frames, fps=24).frames
    5
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise NstlibError(f"no frames to write to {path}")
    clip = audio if isinstance(audio, Clip) or audio is None else probe(audio)
    sound, begin = (clip.path, clip.start) if clip and clip.has_audio else (None, 0.0)
    rate = Fraction(fps).limit_denominator(1001)
    job = encoders.Job(Path(path), itertools.chain([first], frames), first.shape, rate, sound, begin, crf)
    encoders.write(job)
    return Written(job.path, job.count, first.shape[1], first.shape[0], job.rate, job.note)
