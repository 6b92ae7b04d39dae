"""Clips in and out, one frame at a time: any video that PyAV reads, an animated picture, or a folder of images."""

import itertools
import math
import re
import statistics
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImageColor

from ..errors import NstlibError, note
from . import animations, demux, develop, encoders, files, images, sound

IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".apng", ".avif", ".avifs"}
GIF_GRID = Fraction(1, 100)  # s
FOLDER_RATE = Fraction(25)  # frames a second of a folder of images whose rate is not known
USUAL_RATES = [Fraction(n, d) for n, d in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60, 1))]
FASTEST = 60  # frames a second to which a varying rate is raised, so that no frame is lost
LARGEST = 20_000  # px: the longest side of a frame


@dataclass(frozen=True)
class Clip:
    """What `read_frames` yields: upright, from `start` to `end`, every n-th, scaled to `size`; notes: what was done."""

    path: Path
    width: int
    height: int
    fps: Fraction  # of the frames yielded
    picks: Sequence[int]  # for each frame yielded, the number of the frame in the file
    start: float = 0.0  # seconds from the file's start to the first frame yielded: where its sound begins
    audio: int | None = None  # the number, from 1, of the sound track that is kept
    variable: bool = False  # the file's rate varies: frames were repeated or dropped, to a constant one
    crop: tuple[int, int] | None = None  # width, height without the pixels that `write_frames` added
    images: tuple[Path, ...] = field(default=(), repr=False)  # the files of a folder
    pages: tuple[int, ...] = field(default=(), repr=False)  # an animated picture's frames, by Pillow's numbers
    stored: tuple[int, int] = (0, 0)  # (H, W) of these
    stamps: tuple[int, ...] = field(default=(), repr=False)  # a video's timestamps, where they tell its frames apart
    fields: str = ""  # the order of interlaced frames' fields: "auto", "tff" or "bff"
    matrix: develop.Matrix = develop.UPRIGHT
    background: animations.Colour = animations.WHITE  # under transparent parts
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """How many frames `read_frames` yields."""
        return len(self.picks)

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self.frames / self.fps)

    @property
    def has_audio(self) -> bool:
        """Whether a sound track is kept."""
        return self.audio is not None

    @property
    def rotation(self) -> int:
        """Degrees, anticlockwise, that a player, and `read_frames`, turns the stored picture by."""
        return develop.rotation(self.matrix)


def probe(
    path: str | Path,
    *,
    start: float = 0.0,
    end: float | None = None,
    every: int = 1,
    size: int | None = None,
    fps: float | Fraction | None = None,
    audio: sound.Choice = None,
    background: str | animations.Colour = "white",
) -> Clip:
    """What a clip holds from `start` to `end` (seconds), every n-th frame, its longest side scaled to `size` px.

    Counted exactly: from the file's packets, and by decoding it where these cannot be trusted. A varying rate becomes
    constant. fps: the rate of what has none of its own: a folder of images, pages, a raw stream. audio: a sound
    track's number from 1, False for none, None for the one that a player takes. background: a colour's name, #rrggbb,
    or three numbers to 255, under transparent parts. What was done to the clip is in `notes`, and told as such.
    NstlibError for a file that is missing, no video or cut short, and for a range without a frame.

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
        raise files.missing(path, "clip")
    rate = None if fps is None else _checked_rate(fps)
    if path.is_dir() or path.suffix.lower() in IMAGES or animations.is_animatable(path):
        whole = _probe_images(path, rate)
    else:
        whole = _probe_video(path, end, rate, audio)
    if isinstance(audio, int) and not isinstance(audio, bool) and (whole.images or whole.pages):
        raise NstlibError(f"{path} holds pictures and no sound; leave out audio={audio}")
    first = _frame_at(start, whole.fps)
    picks = whole.picks[first : None if end in (None, math.inf) else _frame_at(end, whole.fps) : every]
    if not picks:
        raise NstlibError(f"{path} has no frame from {start:g} s on: it lasts {whole.duration:.3f} s")
    width, height = _fitted(whole.width, whole.height, size)
    begin = whole.start + float(first / whole.fps)
    for text in whole.notes:
        note(f"{path}: {text}")
    taken = {"width": width, "height": height, "fps": whole.fps / every, "picks": picks, "start": begin}
    return replace(whole, **taken, background=_colour(background))


def _checked_rate(fps: float | Fraction) -> Fraction:
    if not 0 < fps <= encoders.FASTEST:
        raise NstlibError(f"fps={fps}; expected more than 0 frames a second, and at most {encoders.FASTEST}")
    return usual_rate(Fraction(fps))


def _colour(given: str | animations.Colour) -> animations.Colour:
    try:
        found = ImageColor.getrgb(given) if isinstance(given, str) else tuple(int(level) for level in given)
        if len(found) == 3 and all(0 <= level <= 255 for level in found):
            return found
    except (ValueError, TypeError):
        pass
    raise NstlibError(f"background={given!r}; give a colour's name, #rrggbb, or three numbers from 0 to 255")


def _frame_at(seconds: float, fps: Fraction) -> int:
    return ceil(round(seconds * float(fps), 3))  # rounded: 0.1 s at 30 fps is frame 3 and not 3.0000000000000004


def _fitted(width: int, height: int, size: int | None) -> tuple[int, int]:
    k = size / max(width, height) if size else 1
    return max(1, round(width * k)), max(1, round(height * k))


def _probe_images(path: Path, rate: Fraction | None) -> Clip:
    if path.is_file() and (animation := animations.inspect_animation(path)):
        return _probe_animation(path, animation, rate)
    found = [path] if path.is_file() else [f for f in path.iterdir() if f.suffix.lower() in IMAGES and f.name[0] != "."]
    found.sort(key=lambda f: files.numbered(f.name))
    if not found:
        raise NstlibError(f"{path} holds no images ({', '.join(sorted(IMAGES))})")
    notes = _gaps([file.name for file in found])
    rate = rate or (encoders.read_rate(path) if path.is_dir() else None)
    if rate is None and len(found) > 1:
        notes.append(f"a folder of images has no rate; {FOLDER_RATE} frames a second are taken, --fps sets another")
    height, width = images.shape_of(found[0])
    return Clip(path, width, height, rate or FOLDER_RATE, range(len(found)), images=tuple(found), notes=tuple(notes))


def _gaps(names: Sequence[str]) -> list[str]:
    """What to say of numbers that are missing, where the names differ in one number alone."""
    parts = [re.split(r"(\d+)", name) for name in names]
    varying = [place for place, column in enumerate(itertools.zip_longest(*parts)) if len(set(column)) > 1]
    if len(varying) != 1 or not all(part[varying[0]].isdecimal() for part in parts):
        return []
    numbers = sorted(int(part[varying[0]]) for part in parts)
    steps = {b - a for a, b in itertools.pairwise(numbers)}
    if len(steps) == 1 and max(steps) > 1:
        return [f"its numbers go in steps of {max(steps)}; the frames follow one another"]
    gaps = [f"{a + 1} to {b - 1}" if b - a > 2 else f"{a + 1}" for a, b in itertools.pairwise(numbers) if b - a > 1]
    listed = ", ".join(gaps[:5]) + f" and {len(gaps) - 5} more" * (len(gaps) > 5)
    return [f"numbers are missing: {listed}; the frames around them follow one another"] if gaps else []


def _probe_animation(path: Path, animation: animations.Animation, rate: Fraction | None) -> Clip:
    notes = []
    if animation.delays and rate is None:
        times = [Fraction(0), *itertools.accumulate(animation.delays)]
        fps, picks, said = _schedule(times[:-1], times[-1], None, grid=Fraction(1, 1000))
        notes += [said] * bool(said)
    elif animation.delays:
        raise NstlibError(f"{path} says how long each frame is shown; leave out fps={rate}, or take its frames apart")
    else:
        fps, picks = rate or FOLDER_RATE, range(len(animation.numbers))
        if rate is None:
            notes.append(f"its pages have no rate; {FOLDER_RATE} frames a second are taken, --fps sets another")
    return Clip(
        path,
        animation.width,
        animation.height,
        fps,
        picks,
        variable=isinstance(picks, tuple),
        pages=animation.numbers,
        stored=(animation.height, animation.width),
        notes=tuple(notes),
    )


def _probe_video(path: Path, end: float | None, rate: Fraction | None, choice: sound.Choice) -> Clip:
    stream = demux.inspect(path)
    if rate is not None and stream.timed:
        raise NstlibError(f"{path} has a rate of its own; leave out fps={float(rate):g}, which is for what has none")
    times, end_of_last = stream.times, stream.end
    if rate is not None:
        times, end_of_last = [number / rate for number in range(len(times))], len(times) / rate
    fps, picks, varies = _schedule(times, end_of_last, rate or stream.rate, grid=GIF_GRID if stream.animated else None)
    if stream.cut and (end is None or end > len(picks) / fps):
        held = f"{len(times)} frames, {float(len(picks) / fps):.3f} s"
        raise NstlibError(f"{path} is cut short: {held} of it can be read; get the whole file, or end before that")
    track, said = sound.choose_track(path, choice)
    made = re.match(r"nstlib crop=(\d+)x(\d+)", stream.comment)
    matrix = develop.matrix_of(stream.first)
    width, height = _sides(path, stream, matrix, crop := (int(made[1]), int(made[2])) if made else None)
    notes = [*_told(stream, rate), varies, *said]
    return Clip(
        path,
        width,
        height,
        fps,
        picks,
        start=float(times[0]),
        audio=track,
        variable=isinstance(picks, tuple),
        crop=crop,
        stamps=stream.stamps,
        fields=stream.fields,
        matrix=matrix,
        notes=tuple(filter(None, notes)),
    )


def _sides(path: Path, stream: demux.Stream, matrix: develop.Matrix, crop: tuple[int, int] | None) -> tuple[int, int]:
    width, height = crop or (stream.first.width, stream.first.height)
    width = max(1, round(width * stream.sample_aspect))
    if max(width, height) > LARGEST:
        raise NstlibError(f"{path} is {width} x {height}; clips to {LARGEST} px a side are read")
    return (width, height) if matrix[0] else (height, width)


def _told(stream: demux.Stream, rate: Fraction | None) -> Iterator[str]:
    """What is done to the pictures that a viewer of the file might not expect."""
    first = stream.first
    if not stream.timed and rate is None:
        yield f"it says no rate; {demux.NO_RATE} frames a second are taken, --fps sets another"
    if stream.fields:
        yield "interlaced; deinterlaced"
    if kind := develop.tone_mapped(first):
        yield f"HDR ({kind}); tone-mapped to SDR"
    if develop.is_see_through(first):
        yield "transparent parts are laid on a background; --background sets its colour"
    if stream.others:
        yield f"{stream.others} further picture track{'s' * (stream.others > 1)} left out"


def _schedule(
    times: Sequence[Fraction], end: Fraction, said: Fraction | None, *, grid: Fraction | None = None
) -> tuple[Fraction, Sequence[int], str]:
    """(frames a second, the frame to show at each of them, what to say of it): a tuple where the rate varies.

    said: the rate that the file speaks of. grid: of an animation, whose times are meant to the letter, what they are
    rounded to.
    """
    if len(times) == 1:
        return said or FOLDER_RATE, range(1), ""
    mean = (times[-1] - times[0]) / (len(times) - 1)
    late = grid or mean / 2
    if not grid and end - times[-1] < Fraction(1, encoders.FASTEST):  # what is said to be so short was left open
        end = times[-1] + statistics.median(b - a for a, b in itertools.pairwise(times))
    even = mean and all(abs(t - times[0] - i * mean) <= late for i, t in enumerate(times))
    intervals = [b - a for a, b in itertools.pairwise([*times, end])]
    if even and intervals[-1] <= mean + late:
        if grid:
            return _rate_on_grid(times, mean, grid), range(len(times)), ""
        # what the file says is exact, where times are rounded to a millisecond; but it may say what is not so
        told = said and abs(1 / usual_rate(said) - mean) * len(times) <= mean / 2
        return usual_rate(said if told else 1 / mean), range(len(times)), ""

    for fps in _rates([interval for interval in intervals if interval > 0], grid):
        count = max(1, ceil((end - times[0]) * fps - Fraction(1, 2)))
        moments = float(times[0]) + (np.arange(count) + 0.5) / float(fps)
        picks = np.searchsorted(np.array(times, float), moments + 1e-9, side="right") - 1
        shown = len(np.unique(picks))
        if shown == len(times):
            break
    counted = [f"{count - shown} frames repeated"] * (count > shown)
    counted += [f"{len(times) - shown} dropped"] * (len(times) > shown)
    told = f"its rate varies; made constant, {float(fps):.5g} frames a second: {', '.join(counted) or 'moved in time'}"
    return fps, tuple(picks.tolist()), told


def _rate_on_grid(times: Sequence[Fraction], mean: Fraction, grid: Fraction) -> Fraction:
    """Of the rates in use and the whole ones, the nearest at which the times are what rounding to the grid makes."""
    rates = sorted({*USUAL_RATES, Fraction(max(1, round(1 / mean)))}, key=lambda rate: abs(rate * mean - 1))
    fitting = (rate for rate in rates if all(abs(t - times[0] - i / rate) < grid for i, t in enumerate(times)))
    return next(fitting, usual_rate(1 / mean))


def _rates(intervals: Sequence[Fraction], grid: Fraction | None) -> Iterator[Fraction]:
    """Rates to try, until no frame is lost: that of the usual interval, doubled, and that of the shortest.

    grid: of an animation; before them comes the rate in which each interval is a whole number of frames.
    """
    if grid:
        common = math.lcm(*(interval.denominator for interval in intervals))
        unit = Fraction(math.gcd(*(int(interval * common) for interval in intervals)), common)
        if 1 / unit <= FASTEST:
            yield 1 / unit
    median = statistics.median(intervals)
    usual = [interval for interval in intervals if abs(interval - median) <= median / 10] or [median]
    fps = usual_rate(min(len(usual) / sum(usual), Fraction(encoders.FASTEST)))
    yield fps
    if 1 / min(intervals) <= FASTEST:
        yield usual_rate(1 / min(intervals))
    while 2 * fps <= FASTEST:
        yield (fps := 2 * fps)


def usual_rate(fps: Fraction) -> Fraction:
    """The rate in use that this is nearly, else itself as a short fraction."""
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
    read = _read_images if clip.images else _read_pages if clip.pages else _read_video
    with closing(read(clip)) as pictures:
        for _, picture in zip(clip.picks, pictures, strict=True):
            yield develop.as_float(picture)


def _read_images(clip: Clip) -> Iterator[np.ndarray]:
    files = [clip.images[pick] for pick in clip.picks]
    stored = ((file, animations.still(file, clip.background)) for file in files)
    return _scaled(clip, images.shape_of(clip.images[0]), stored)


def _read_pages(clip: Clip) -> Iterator[np.ndarray]:
    numbers = [clip.pages[pick] for pick in clip.picks]
    named = (f"{clip.path}, frame {number + 1}" for number in numbers)
    with closing(animations.read_animation(clip.path, numbers, clip.background)) as pictures:
        yield from _scaled(clip, clip.stored, zip(named, pictures, strict=True))


def _scaled(clip: Clip, shape: tuple[int, int], stored: Iterable[tuple[Any, np.ndarray]]) -> Iterator[np.ndarray]:
    for name, image in stored:
        if image.shape[:2] != shape:
            sizes = f"{image.shape[1]}x{image.shape[0]}, the clip begins as {shape[1]}x{shape[0]}"
            raise NstlibError(f"{name} is {sizes}; make all its images one size")
        yield images.to_uint8(images.resize(image, (clip.height, clip.width)))


def _read_video(clip: Clip) -> Iterator[np.ndarray]:
    develops = develop.Developer(clip.width, clip.height, clip.matrix, clip.crop, clip.background)
    with closing(demux.decoded(clip.path)) as frames:
        numbered = develop.deinterlaced(_numbered(frames, clip.stamps), clip.fields)
        number, last = -1, clip.picks[-1]
        for pick, repeats in itertools.groupby(clip.picks):
            while number < pick:
                number, frame = next(numbered, (last + 1, None))
            if number > pick:
                held = f"{clip.path}: {pick} of {last + 1} frames can be decoded"
                raise NstlibError(f"{held}; the file is damaged: end before that")
            picture = develops(frame)
            for _ in repeats:
                yield picture


def _numbered(frames: Iterable[Any], stamps: Sequence[int]) -> Iterator[develop.Numbered]:
    """The decoded frames with their numbers in the order shown: by their stamps, where these tell."""
    if not stamps:
        yield from enumerate(frames)
    known = {stamp: number for number, stamp in enumerate(stamps)}
    for frame in frames:
        if frame.pts in known:
            yield known[frame.pts], frame


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
    codec: str | None = None,
    crf: int | None = None,
) -> Written:
    """Images (H, W, 3) in [0, 1] as a .mp4, .mov, .webm, .gif, animated .webp, or (no extension) a folder of PNGs.

    Takes one frame at a time; the file appears when it is whole. `audio`: the clip whose sound goes along, from where
    that Clip starts and as long as there are pictures. `codec`: "h264", which every browser plays, or "hevc" for .mp4
    and .mov. `crf`: the codec's quality, lower is better. Where yuv420p needs an even side, the last column or row is
    repeated, which `note` says and `read_frames` takes off again. A folder keeps its rate in rate.json.

    >>> frames = nst.read_frames(nst.samples.clip(), end=0.2, size=64)
    >>> nst.write_frames("short.mp4", frames, fps=24).frames
    5
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise NstlibError(f"no frames to write to {path}")
    clip = audio if isinstance(audio, Clip) or audio is None else probe(audio)
    sounds = {"source": clip.path, "track": clip.audio, "start": clip.start} if clip and clip.has_audio else {}
    rate = Fraction(fps).limit_denominator(1001)
    frames = itertools.chain([first], frames)
    job = encoders.Job(Path(path), frames, first.shape, rate, **sounds, codec=codec, crf=crf)
    encoders.encode_clip(job)
    return Written(job.path, job.count, first.shape[1], first.shape[0], job.rate, job.note)
