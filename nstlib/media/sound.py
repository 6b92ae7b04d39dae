"""A clip's sound through PyAV: the track to keep, found to be decodable beforehand, and its samples in time."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.stream import Disposition

from ..errors import NstlibError
from . import demux

JITTER = 0.03  # s: times that are off by less are of the file's rounding
PATIENCE = 200  # packets of a track that may fail before it counts as one that cannot be decoded
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}  # that every encoder and player knows; others become stereo
Choice = int | bool | None


@dataclass(frozen=True)
class Track:
    """A sound track of a file. number: from 1, in the file's order."""

    number: int
    name: str
    default: bool


class SoundFrame(NamedTuple):
    """Decoded samples (n, channels), `rate` a second, of a time in seconds after the file's beginning."""

    time: float | None
    rate: int
    layout: str
    samples: np.ndarray


@dataclass(frozen=True)
class Sound:
    """Samples in time: blocks (n, channels) of float32 in [-1, 1], `rate` a second."""

    rate: int
    layout: str
    blocks: Iterator[np.ndarray]


def choose_track(path: Path, wanted: Choice = None) -> tuple[int | None, list[str]]:
    """(the number of the track to keep or None, what is to be said of the others).

    wanted: a number from 1; False for none; None for the track that the file marks as default, else the first, and
    if that cannot be decoded the next that can. NstlibError for a number that is not there or cannot be decoded.
    """
    if wanted is False:
        return None, []
    with demux.opened(path) as container:
        tracks = [_track(number, stream) for number, stream in enumerate(container.streams.audio, 1)]
    listed = ", ".join(track.name for track in tracks)
    if wanted is not None and wanted is not True:
        if not 1 <= wanted <= len(tracks):
            has = f"has the sound tracks {listed}" if tracks else "has no sound"
            raise NstlibError(f"{path} {has}; there is no track {wanted}")
        if not _decodable(path, wanted):
            raise NstlibError(f"{path}: sound track {tracks[wanted - 1].name} cannot be decoded")
        return wanted, []
    failed = []
    for track in sorted(tracks, key=lambda track: not track.default):
        if _decodable(path, track.number):
            others = [other.name for other in tracks if other not in (track, *failed)]
            left = f"sound track {track.name} is kept, not {', '.join(others)}: --audio N takes another"
            return track.number, [_undecodable(failed)] * bool(failed) + [left] * bool(others)
        failed.append(track)
    return None, [f"{_undecodable(failed)}: no sound"] if failed else []


def _undecodable(tracks: Iterable[Track]) -> str:
    return f"sound track {', '.join(track.name for track in tracks)} cannot be decoded"


def _track(number: int, stream: Any) -> Track:
    context = stream.codec_context
    language = "".join(filter(str.isalnum, stream.metadata.get("language", "")))[:8]
    said = [context.codec.canonical_name if context else "unknown code", language]
    default = bool(stream.disposition & Disposition.default)
    return Track(number, f"{number} ({', '.join(filter(None, said))})", default)


def _decodable(path: Path, number: int) -> bool:
    with suppress(NstlibError):
        sound = read_sound(path, number, patience=PATIENCE)
        found = next(sound.blocks, None) is not None
        sound.blocks.close()
        return found
    return False


def read_sound(
    path: Path, number: int, *, begin: float = 0.0, seconds: float | None = None, patience: int = 0
) -> Sound:
    """A track's samples from `begin` (seconds after the file's beginning) on, for so many seconds at most.

    Silence stands where the file has a gap, or begins late; a track that is over early ends early. What cannot be
    decoded is silent. patience: packets to try before the first sound, 0 for all. NstlibError where nothing comes.
    """
    frames = _frames(path, number, patience)
    first = next(frames, None)
    if first is None:
        raise NstlibError(f"{path}: sound track {number} cannot be decoded")
    return Sound(first.rate, first.layout, _placed(chain([first], frames), first.rate, begin, seconds))


def _placed(frames: Iterable[SoundFrame], rate: int, begin: float, seconds: float | None) -> Iterator[np.ndarray]:
    """The frames' samples end to end, each at its time: silence in gaps, and of what overlaps the later part."""
    end = None if seconds is None else round(seconds * rate)
    written, expected = 0, None
    for frame in frames:
        at = expected if frame.time is None else round((frame.time - begin) * rate)
        at = expected if expected is not None and abs(at - expected) < JITTER * rate else at or 0
        expected = at + len(frame.samples)
        gap, block = max(0, at - written), frame.samples[max(0, written - at) :]
        if not len(block):
            continue
        block = np.concatenate([np.zeros((gap, block.shape[1]), np.float32), block])
        block = block[: None if end is None else end - written]
        written += len(block)
        yield block
        if written == end:
            return


def _frames(path: Path, number: int, patience: int) -> Iterator[SoundFrame]:
    with demux.opened(path) as container:
        stream, begin = container.streams.audio[number - 1], demux.origin(container)
        jumpy = bool(demux.JUMPY & demux.names(container))
        following, shift = None, 0.0  # s: where the next frame should be, and what is added to times that began anew
        for time, rate, layout, samples in _resampled(container, stream, patience):
            if time is not None:
                time = float(time - begin) + shift
                if jumpy and following is not None and not -demux.BACK < time - following < demux.AHEAD:
                    shift += following - time
                    time = following
                following = time + len(samples) / rate
            yield SoundFrame(time, rate, layout, samples)


def _resampled(container: Any, stream: Any, patience: int) -> Iterator[Any]:
    """(its time in the file or None, samples a second, layout, samples (n, channels)) of each decoded frame."""
    if stream.codec_context is None:
        return
    rate, layout, kind = None, "", None
    for tried, packet in enumerate(demux.until_torn(container.demux(stream)), 1):
        frames = []
        with suppress(av.FFmpegError, ValueError):
            frames = stream.codec_context.decode(packet)
        for frame in frames:
            rate, layout = rate or frame.sample_rate, layout or LAYOUTS.get(frame.layout.nb_channels, "stereo")
            if kind != (kind := (frame.format.name, frame.layout.name, frame.sample_rate)):
                resampler = av.AudioResampler("flt", layout, rate)
            time = None if frame.pts is None else frame.pts * frame.time_base
            frame.pts, blocks = None, []
            with suppress(av.FFmpegError, ValueError):
                blocks = [out.to_ndarray().reshape(-1, out.layout.nb_channels) for out in resampler.resample(frame)]
            if blocks:
                yield time, rate, layout, np.concatenate(blocks)
                patience = 0
        if patience and tried >= patience:
            return
