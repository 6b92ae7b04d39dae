"""The ffmpeg that imageio-ffmpeg brings, run without a shell; its last complaint becomes the error."""

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

from ..errors import NstlibError

NO_FFMPEG = "install imageio-ffmpeg again, or name an ffmpeg in $IMAGEIO_FFMPEG_EXE"
QUIET = ("-nostdin", "-hide_banner", "-nostats")


def file_url(path: str | Path) -> str:
    """`file:` and the absolute path: a name such as `-y.mp4`, `concat:a` or `http:b` stays a file name."""
    return f"file:{Path(path).absolute()}"


def source(path: str | Path, *options: str) -> list[str]:
    """The arguments that open `path` as an input, and nothing but local files even if it is a playlist."""
    return [*options, "-protocol_whitelist", "file,pipe", "-i", file_url(path)]


@contextlib.contextmanager
def process(*arguments: str, **pipes: int) -> Iterator[tuple[subprocess.Popen, "Log"]]:
    """ffmpeg running, with its log; killed if the block is left early.

    It gets a session of its own: a Ctrl-C is the caller's to handle, not ffmpeg's to finish a half-written file by.
    """
    pipes = {"stdin": subprocess.DEVNULL, **pipes}
    with tempfile.TemporaryFile() as log:
        try:
            command = [imageio_ffmpeg.get_ffmpeg_exe(), *QUIET, *arguments]
            child = subprocess.Popen(command, stderr=log, **pipes, start_new_session=os.name == "posix")
        except (OSError, RuntimeError) as error:
            raise NstlibError(f"ffmpeg cannot be started: {error}; {NO_FFMPEG}") from None
        try:
            yield child, Log(log)
        finally:
            if child.poll() is None:
                child.kill()
            for pipe in (child.stdin, child.stdout):
                with contextlib.suppress(OSError):
                    pipe and pipe.close()
            child.wait()


def run(*arguments: str) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of one finished call."""
    with process(*arguments, stdout=subprocess.PIPE) as (child, log):
        output = child.stdout.read().decode(errors="replace")
        return child.wait(), output, log.text()


class Log:
    """What ffmpeg has written to stderr."""

    def __init__(self, file) -> None:
        self._file = file

    def text(self) -> str:
        """All of it."""
        self._file.seek(0)
        return self._file.read().decode(errors="replace")


GENERAL = re.compile(
    r"Error (opening|parsing|while|submitting|closing|muxing|writing|sending|applying)|Conversion failed|Task finished"
    r"|Terminating|Nothing was written|To ignore this|Failed to set value|Last message|Exiting|Output #|Stream map"
)


def why(log: str) -> str:
    """The line of a log that says what went wrong, without ffmpeg's addresses and its general last words."""
    lines = [re.sub(r"^(\[[^]]*\] )+", "", line).strip() for line in log.splitlines() if line.strip()]
    plain = [line for line in lines if re.search("No space left|Permission denied|File too large", line)]
    kept = plain or [line for line in lines if not GENERAL.match(line)] or lines
    return kept[-1].rsplit(": ", 1)[-1] if plain else kept[-1] if kept else "ffmpeg gives no reason"


def check(status: int, log: str, what: str) -> None:
    """Raises NstlibError `what: why` unless ffmpeg ended with status 0."""
    if status:
        raise NstlibError(f"{what}: {why(log) if status > 0 else f'ffmpeg was ended by signal {-status}'}")


@dataclass(frozen=True)
class Stream:
    """A file's first picture stream: its sides in square pixels as shown, and when each frame is shown."""

    width: int
    height: int
    times: tuple[Fraction, ...]  # seconds after the file's beginning, in order
    rate: Fraction | None  # what the file says of itself
    rotation: int
    has_audio: bool
    comment: str
    cut: bool  # the file ends before it should


def inspect(path: str | Path) -> Stream:
    """Reads a file's packets without decoding them. NstlibError for a file that is no video or has no frames."""
    status, packets, log = run(*source(path), *["-map", "0:V:0", "-c", "copy", "-f", "framecrc", "pipe:1"])
    head = log.split("\nOutput #0")[0].split("\nStream mapping")[0]
    if status and re.search(r"Stream #.*Audio:", head):
        raise NstlibError(f"{path} has sound and no picture; give a video")
    check(status, log, f"{path} is no video that can be read")
    times = _times(packets)
    if not times:
        raise NstlibError(f"{path} has no frames")
    said, comment = re.search(r"Video:.* ([\d.]+) fps", head), re.search(r"comment\s*: (.*)", head)
    return Stream(
        *_sides(packets, _rotation(head)),
        times=times,
        rate=Fraction(said[1]) if said and float(said[1]) else None,
        rotation=_rotation(head),
        has_audio=" Audio: " in head,
        comment=comment[1] if comment else "",
        cut=bool(re.search("partial file|ended prematurely", log)),
    )


def _times(packets: str) -> tuple[Fraction, ...]:
    """Presentation times in order, without packets that are broken (flag 2) or never shown (flag 4)."""
    base = re.search(r"^#tb 0: (\S+)", packets, re.M)
    rows = re.findall(r"^0, +-?\d+, +(-?\d+),[^F\n]*(?:F=0x(\w+))?", packets, re.M)  # stream, dts, pts, ..., flags
    shown = sorted(int(pts) for pts, flags in rows if not int(flags or "1", 16) & 6)
    return tuple(pts * Fraction(base[1]) for pts in shown) if base else ()


def _sides(packets: str, rotation: int) -> tuple[int, int]:
    found = re.search(r"^#dimensions 0: (\d+)x(\d+)\n#sar 0: (\d+)/(\d+)", packets, re.M)
    width, height, a, b = (int(n) for n in found.groups())
    width = max(1, round(width * a / b)) if a and b else width
    return (height, width) if rotation % 180 else (width, height)


def _rotation(head: str) -> int:
    turn = re.search(r"rotation of (-?[\d.]+) degrees", head)
    return round(float(turn[1]) / 90) * 90 % 360 if turn else 0
