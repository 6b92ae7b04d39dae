"""Files: whole or not there, written beside and renamed; checksums; order; an output that is none of the inputs."""

import contextlib
import difflib
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePath

from ..errors import NstlibError


def checksum(*parts: bytes | Path) -> str:
    """SHA-256, in hex, of bytes and the bytes of files, one after the other.

    Raises NstlibError for a file that cannot be read.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, bytes):
            digest.update(part)
            continue
        try:
            with part.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise NstlibError(f"cannot read {part}: {error.strerror}") from None
    return digest.hexdigest()


def numbered(name: str) -> list[int | str]:
    """A key to sort names by as people number them: a2 before a10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def missing(path: Path, what: str = "file") -> NstlibError:
    """`no such file: whirls; did you mean whirls.jpg?`: the error for a path where nothing is."""
    folder = path.absolute().parent
    if not folder.is_dir():
        return NstlibError(f"no such {what}: {path}; there is no folder {path.parent} either")
    names = [file.name for file in folder.iterdir()] if os.access(folder, os.R_OK) else []
    near = difflib.get_close_matches(path.name, names, n=1)
    hint = f"did you mean {path.with_name(near[0])}?" if near else f"{folder} has none with a name like it"
    return NstlibError(f"no such {what}: {path}; {hint}")


def make_folder(folder: Path) -> Path:
    """The folder, made with those above it where it is missing. Raises NstlibError unless it can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NstlibError(f"{folder} cannot be made: {error.strerror}; choose another output") from None
    if not os.access(folder, os.W_OK):
        raise NstlibError(f"the folder {folder} cannot be written; choose another output")
    return folder


def check_inputs(output: Path, *inputs: Path) -> None:
    """Raises NstlibError where the output would replace one of its own inputs."""
    for path in inputs:
        if output.exists() and path.exists() and output.samefile(path):
            raise NstlibError(f"{output} is an input of this run, which would replace it; choose another output")


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; renamed to it at the end, removed where writing fails.

    Raises NstlibError with the system's reason, such as a full disk.
    """
    name = ""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:32]}-", suffix=path.suffix)
        os.close(handle)
        yield Path(name)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)  # mkstemp's 0600 would surprise whoever shares the folder
        os.replace(name, path)  # noqa: PTH105 (Path.replace reads the other way round)
    except OSError as error:
        raise NstlibError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        if name:
            Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def mute() -> Iterator[None]:
    """Standard error shut, also for what libraries in C write to it."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def remove_torn(folder: Path, *names: str) -> None:
    """Remove what `whole` leaves where it is killed, of the folder's files of these names (globs)."""
    for name in map(PurePath, names):
        for file in folder.glob(f".{name.stem}-{'[a-z0-9_]' * 8}{name.suffix}"):
            file.unlink()
