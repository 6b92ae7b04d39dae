"""The ffmpeg that imageio-ffmpeg brings, for writing, run without a shell; its last complaint becomes the error."""

import contextlib
import functools
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg

from ..errors import NstlibError

NO_FFMPEG = "install imageio-ffmpeg again, or name an ffmpeg in $IMAGEIO_FFMPEG_EXE"
QUIET = ("-nostdin", "-hide_banner", "-nostats")


@contextlib.contextmanager
def process(*arguments: str, folder: Path | None = None, **pipes: int) -> Iterator[tuple[subprocess.Popen, "Log"]]:
    """ffmpeg running in a folder, with its log; killed if the block is left early.

    Files are named within the folder, by names of our own: what the user calls a file never reaches it. It gets a
    session of its own: a Ctrl-C is the caller's to handle, not ffmpeg's to finish a half-written file by.
    """
    pipes = {"stdin": subprocess.DEVNULL, **pipes}
    with tempfile.TemporaryFile() as log:
        try:
            command = [imageio_ffmpeg.get_ffmpeg_exe(), *QUIET, *arguments]
            own = os.name == "posix"
            child = subprocess.Popen(command, stderr=log, cwd=folder, **pipes, start_new_session=own)
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


def has_encoder(name: str) -> bool:
    """Whether it can encode so; NstlibError where it cannot be started at all."""
    return name in _encoders(os.environ.get("IMAGEIO_FFMPEG_EXE"))


@functools.lru_cache(maxsize=1)
def _encoders(_executable: str | None) -> frozenset[str]:
    return frozenset(re.findall(r"^ [VAS][A-Z.]{5} (\S+)", call("-v", "error", "-encoders")[1], re.M))


def call(*arguments: str, folder: Path | None = None) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of one finished call."""
    with process(*arguments, folder=folder, stdout=subprocess.PIPE) as (child, log):
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


def check_status(status: int, log: str, what: str) -> None:
    """Raises NstlibError `what: why` unless ffmpeg ended with status 0."""
    if status:
        raise NstlibError(f"{what}: {why(log) if status > 0 else f'ffmpeg was ended by signal {-status}'}")
