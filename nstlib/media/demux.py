"""Video files through PyAV: which picture stream is shown, when each of its frames is, and the frames, decoded."""

import io
import itertools
import statistics
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.stream import Disposition

from ..errors import NstlibError

av.logging.set_level(None)  # its complaints would reach the page
av.logging.set_skip_repeated(False)  # the same complaint of another file is one too
SHUT = {"protocol_whitelist": "none"}  # the file is read through Python; what a playlist names is not opened
BUFFER = 1 << 18  # bytes a read
PLAYLISTS = {"hls", "concat", "dash", "imf", "sdp", "rtsp"}
TRUSTED = {"mov", "matroska", "mpegts"}  # formats whose packets say when frames are shown
JUMPY = {"mpeg", "mpegts"}  # formats whose times may begin anew midway
AHEAD, BACK = 10, 0.2  # s: by which they jump then, at least
RAW_BASE = Fraction(1, 1_200_000)  # libav's time base for streams without a container, whose times it makes up
NO_RATE = Fraction(25)  # frames a second of a stream that does not say
A_LOOK = 4  # frames decoded to see what they are like
REORDERED = 16  # frames by which the order of packets differs from that of frames, at most
WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # the decoders that read it, where the usual ones do not
FIELDS = {2: "tff", 4: "tff", 3: "bff", 5: "bff"}  # AVFieldOrder
SEGMENT = b"\x18\x53\x80\x67"  # Matroska's element that holds all others


@dataclass(frozen=True)
class Stream:
    """A file's picture stream, and when each of its frames is shown."""

    first: av.VideoFrame
    sample_aspect: Fraction  # a pixel's width / its height
    times: tuple[Fraction, ...]  # seconds after the file's beginning, in order
    end: Fraction  # at which the last frame goes
    stamps: tuple[int, ...]  # the frames' own timestamps, to know them by; empty where their order alone is certain
    rate: Fraction | None  # what the file says of itself
    animated: bool  # its times are meant to the letter
    timed: bool  # it says when its frames are shown, or their rate
    fields: str  # of interlaced frames, "auto", "tff" or "bff"; empty for progressive ones
    others: int  # picture streams that are left out
    comment: str
    cut: bool  # the file ends before it should


class Packet(NamedTuple):
    """What a packet says of its frame; hidden: it is decoded and not shown."""

    pts: int | None
    dts: int | None
    duration: int
    key: bool
    corrupt: bool
    discard: bool
    hidden: bool


class DecodedFacts(NamedTuple):
    """What decoding shows; stamps: of each frame in the order shown, (presentation, decoding)."""

    first: av.VideoFrame | None
    interlaced: bool
    stamps: list[tuple[int | None, int | None]]
    last: int  # how long the last frame is shown, in the same units, where that is known


@contextmanager
def opened(path: str | Path) -> Iterator[Any]:
    """The file's container, which can open no other file. NstlibError for what cannot be read."""
    try:
        raw = io.FileIO(path)
    except OSError as error:
        raise NstlibError(f"{path} cannot be read: {error.strerror}") from None
    raw.name = f"clip{Path(path).suffix}"  # of the name the extension alone counts, for streams without a container
    with io.BufferedReader(raw, BUFFER) as file:
        try:
            container = av.open(file, options=SHUT, buffer_size=BUFFER, metadata_errors="replace")
        except (av.FFmpegError, ValueError, OSError) as error:
            raise NstlibError(f"{path} is no video that can be read: {_reason(path, error)}") from None
        try:
            if PLAYLISTS & names(container):
                raise NstlibError(f"{path} is a playlist, which names other files; give one of these")
            yield container
        finally:
            container.close()


def _reason(path: str | Path, error: Exception) -> str:
    """libav's own last words, such as `moov atom not found`, else the error's."""
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as lines, Path(path).open("rb") as file, suppress(Exception):
            av.open(file, options=SHUT)
    finally:
        av.logging.set_level(None)
    said = lines[-1][2].split("\n")[0].strip() if lines else ""
    return said or getattr(error, "strerror", None) or "it holds nothing"


def names(container: Any) -> set[str]:
    """The names of the container's format."""
    return set(container.format.name.split(","))


def origin(container: Any) -> Fraction:
    """The file's beginning, in the time that its streams count."""
    return Fraction(container.start_time or 0, av.time_base)


def inspect(path: str | Path) -> Stream:
    """What a file's pictures are, and their times: by its packets where these can be trusted, else by decoding.

    NstlibError for a file that is no video or has no frames.
    """
    with opened(path) as container:
        shown, others = _chosen(path, container)
        packets, cut = _packets(path, container, shown)
        kept = [packet for packet in packets if not (packet.discard or packet.corrupt)]
        stamps = tuple(sorted(packet.pts for packet in kept)) if _trustworthy(container, shown, packets, kept) else ()
        stamps = _without_torn_end(stamps) if cut else stamps
        look = _look(path, A_LOOK if stamps else None)
        if look.first is None:
            raise NstlibError(f"{path} has no frames" + " that can be decoded" * bool(packets))
        rate = _rate(shown)
        times = [stamp * shown.time_base for stamp in stamps] or _times(container, shown, look, rate or NO_RATE)
        begin = origin(container)
        end = _end(container, shown, times, kept, look, rate or NO_RATE)
        return Stream(
            look.first,
            shown.sample_aspect_ratio or Fraction(1),
            times=tuple(time - begin for time in times),
            end=end - begin,
            stamps=stamps,
            rate=rate,
            animated="gif" in names(container),
            timed=shown.time_base != RAW_BASE or bool(shown.codec_context.framerate),
            fields="auto" if look.interlaced else _told_fields(shown),
            others=others,
            comment=container.metadata.get("comment", ""),
            cut=cut,
        )


def _chosen(path: str | Path, container: Any) -> tuple[Any, int]:
    """(the picture stream that is marked as default, else the first; how many others there are)."""
    stills = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & stills]
    if not streams and container.streams.audio:
        raise NstlibError(f"{path} has sound and no picture; give a video")
    known = [stream for stream in streams if stream.codec_context is not None and stream.width and stream.height]
    if not known:
        raise NstlibError(f"{path} is no video that can be read: it has no picture in a known code")
    marked = (stream for stream in known if stream.disposition & Disposition.default)
    return next(marked, known[0]), len(streams) - 1


def _packets(path: str | Path, container: Any, shown: Any) -> tuple[list[Packet], bool]:
    """(the stream's packets, whether the file ends before it should)."""
    packets, torn = [], False
    vp9 = shown.codec_context.name == "vp9"
    try:
        for packet in container.demux():
            if not packet.size:
                continue
            torn = packet.is_corrupt
            if packet.stream.index == shown.index:
                marks = packet.is_keyframe, packet.is_corrupt, packet.is_discard
                packets.append(Packet(packet.pts, packet.dts, packet.duration or 0, *marks, vp9 and _hidden(packet)))
    except (av.FFmpegError, OSError):
        torn = True
    if "matroska" in names(container):
        torn = torn or _segment_end(path) > Path(path).stat().st_size
    return packets, torn and not JUMPY & names(container)  # a recorded broadcast begins and ends anywhere


def _hidden(packet: Any) -> bool:
    """Whether a VP9 packet holds a frame for reference alone: show_existing_frame and show_frame are 0."""
    data = bytes(packet)
    superframe = data[-1] >> 5 == 0b110
    flags = data[0] if data[0] >> 4 & 0b11 == 0b11 else data[0] >> 1  # profile 3 has a bit more
    return not superframe and not flags & 0b101


def _segment_end(path: str | Path) -> int:
    """Where a Matroska file says that it ends; 0 where it does not."""
    with Path(path).open("rb") as file:
        head = file.read(4096)
    at = head.find(SEGMENT) + len(SEGMENT)
    if at < len(SEGMENT) or at >= len(head) or not head[at]:
        return 0
    length = 9 - head[at].bit_length()  # bytes of a number that tells its own length by its leading zeros
    ones = (1 << 7 * length) - 1
    size = int.from_bytes(head[at : at + length], "big") & ones
    return 0 if size == ones else at + length + size


def _trustworthy(container: Any, shown: Any, packets: Sequence[Packet], kept: Sequence[Packet]) -> bool:
    """Whether each packet kept is one frame shown, at the packet's time."""
    if not kept or not TRUSTED & names(container) or shown.codec_context.name == "vp8":  # its hidden ones are packets
        return False
    stamps = sorted(packet.pts for packet in kept if packet.pts is not None)
    distinct = len(set(stamps)) == len(kept) and not any(packet.hidden for packet in kept)
    decodable = packets[0].key and packets[0].pts is not None and packets[0].pts <= stamps[0]
    if "mpegts" in names(container):  # where the two fields of a frame may be two packets
        order = [packet.dts * shown.time_base for packet in kept if packet.dts is not None]
        return distinct and decodable and _field_order(shown) in (0, 1) and not _jumps(order)
    return distinct and decodable


def _without_torn_end(stamps: tuple[int, ...]) -> tuple[int, ...]:
    """Without the last few frames if one before them is missing, whose packet would have come after theirs."""
    steps = [b - a for a, b in itertools.pairwise(stamps)]
    holes = [place for place, step in enumerate(steps) if step > 1.5 * statistics.median(steps)]
    near = [place for place in holes if place >= len(steps) - REORDERED]
    return stamps[: near[0] + 1] if near else stamps


def _jumps(times: Sequence[Fraction]) -> bool:
    """Whether times begin anew, as in recordings that were joined; by which packets are decoded, or frames shown."""
    return any(not -BACK < b - a < AHEAD for a, b in itertools.pairwise(times))


def _look(path: str | Path, limit: int | None) -> DecodedFacts:
    first, interlaced, stamps, last = None, False, [], 0
    frames = decoded(path)
    for frame in itertools.islice(frames, limit):
        first = first or frame
        interlaced = interlaced or frame.interlaced_frame
        stamps.append((frame.pts, frame.dts))
        last = frame.duration or 0
    frames.close()
    return DecodedFacts(first, interlaced, stamps, last)


def _times(container: Any, shown: Any, look: DecodedFacts, rate: Fraction) -> list[Fraction]:
    """Seconds at which the decoded frames are shown, by their stamps or else by their number and the rate.

    The stamps go to the frames in order: those of H.264 in AVI are the right ones, shuffled.
    """
    count, begin = len(look.stamps), origin(container)
    jumpy = bool(JUMPY & names(container))
    for stamps in zip(*look.stamps, strict=True) if shown.time_base != RAW_BASE else ():
        known = [stamp * shown.time_base for stamp in stamps if stamp is not None]
        if len(set(known)) == count and not (jumpy and _jumps(known)):
            return sorted(known)
        if known:
            first = next(i for i, stamp in enumerate(stamps) if stamp is not None)
            begin = known[0] - first / rate
            break
    return [begin + number / rate for number in range(count)]


def _end(
    container: Any, shown: Any, times: Sequence[Fraction], kept: Sequence[Packet], look: DecodedFacts, rate: Fraction
) -> Fraction:
    """When the last frame goes: after its duration, and where frames that stay the same are left out, at the end."""
    if shown.time_base == RAW_BASE:
        return times[-1] + 1 / rate
    last = next((packet.duration for packet in kept if packet.pts and packet.pts * shown.time_base == times[-1]), 0)
    end = times[-1] + ((last or look.last) * shown.time_base or 1 / rate)
    if {"ogg", "avi", "gif"} & names(container) and shown.duration:
        return max(end, times[0] + shown.duration * shown.time_base)
    return end


def _rate(shown: Any) -> Fraction | None:
    """Frames a second that the stream speaks of; what a raw one's average is, libav makes up."""
    said = shown.guessed_rate if shown.time_base == RAW_BASE else shown.average_rate or shown.guessed_rate
    return Fraction(said) if said else None


def _told_fields(shown: Any) -> str:
    """The order of fields as the container says; where frames refer to others, each says its own."""
    return FIELDS.get(_field_order(shown), "") if shown.codec_context.codec.intra_only else ""


def _field_order(shown: Any) -> int | None:
    """AVFieldOrder, which PyAV tells from version 18 on, for Python 3.11; None before."""
    return getattr(shown.codec_context, "field_order", None)


def decoded(path: str | Path) -> Iterator[av.VideoFrame]:
    """The frames of the picture stream, as they are shown; without those that cannot be decoded."""
    with opened(path) as container:
        shown, _ = _chosen(path, container)
        decoder = _decoder(shown)
        for packet in until_torn(container.demux(shown)):
            with suppress(av.FFmpegError, ValueError):
                yield from decoder.decode(packet)


def _decoder(shown: Any) -> Any:
    with_alpha = WITH_ALPHA.get(shown.codec_context.name)
    if with_alpha and shown.metadata.get("alpha_mode") == "1":
        return av.CodecContext.create(with_alpha, "r")
    shown.codec_context.thread_type = "AUTO"
    return shown.codec_context


def until_torn(packets: Iterable[Any]) -> Iterator[Any]:
    """The packets, and None at the end, which makes the decoder give what it holds back."""
    with suppress(av.FFmpegError, OSError):
        yield from (packet for packet in packets if packet.size)
    yield None
