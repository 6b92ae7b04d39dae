"""The work in progress of a clip, on disk: finished frames, what comes between them, and the recipe they follow."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NstlibError
from ..media import files, images, locks
from ..media.locks import Lock

RECIPE, LOG = "recipe.json", "frames.jsonl"
DAMAGED = "{} is damaged; start afresh with --fresh"


class Store:
    """A folder of finished frames that all follow one recipe; opened again, it goes on where it was.

    Every image is written beside and renamed. Frame t counts as finished once its line stands in the log, which is
    written last: whatever a kill leaves half done, a torn line too, is done again.
    Raises NstlibError where the folder follows another recipe, and says what differs; where another process is at
    work in it; and where it holds something else.
    """

    def __init__(self, folder: Path, recipe: dict[str, Any], *, fresh: bool = False) -> None:
        self.folder = folder
        try:
            folder.mkdir(exist_ok=True)
            self._check(json.loads(json.dumps(recipe)), fresh)
            self._lock = Lock(folder)
            self._clear(everything=fresh)
            if not (folder / RECIPE).exists():
                with files.whole(folder / RECIPE) as beside:
                    beside.write_text(json.dumps(recipe, indent=1))
            self.log = self._read_log()
        except OSError as error:
            raise NstlibError(f"cannot write {folder}: {error.strerror}") from error

    def _check(self, recipe: dict[str, Any], fresh: bool) -> None:
        path = self.folder / RECIPE
        if not path.exists():
            if any(file.name != locks.NAME and not file.name.startswith(".") for file in self.folder.iterdir()):
                raise NstlibError(f"{self.folder} holds something else; move it, or choose another output")
        elif not fresh and (changed := changes(_parsed(path)[0], recipe)):
            raise NstlibError(
                f"{self.folder} was begun otherwise: {'; '.join(changed)}. Start afresh with --fresh, choose another "
                "output, or go back to the old settings"
            )

    def _clear(self, *, everything: bool) -> None:
        """Remove what a kill left half written, or everything but the lock."""
        for file in self.folder.iterdir():
            if file.name.startswith(".") or (everything and file.name != locks.NAME):
                file.unlink()

    def _read_log(self) -> list[dict[str, Any]]:
        path = self.folder / LOG
        if not path.exists():
            return []
        text = path.read_bytes()
        if not text.endswith(b"\n"):  # a kill or a full disk tore the last line
            with files.whole(path) as beside:
                beside.write_bytes(text[: text.rfind(b"\n") + 1])
        lines = _parsed(path)
        if not all({"pass", "frame", "cut"} <= line.keys() for line in lines):
            raise NstlibError(DAMAGED.format(path))
        return lines

    def save(self, name: str, image: np.ndarray) -> None:
        """An image under a name, whole."""
        self._lock.check()
        images.save(self.folder / f"{name}.png", image, quick=True)

    def load(self, name: str) -> np.ndarray:
        """The image under a name."""
        return images.load(self.folder / f"{name}.png")

    def keep(self, name: str, array: np.ndarray) -> None:
        """An array under a name, whole."""
        self._lock.check()
        with files.whole(self.folder / f"{name}.npy") as beside:
            np.save(beside, array)

    def kept(self, name: str) -> np.ndarray:
        """The array under a name."""
        path = self.folder / f"{name}.npy"
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            raise NstlibError(DAMAGED.format(path)) from None

    def finish(self, entry: dict[str, Any]) -> None:
        """Log a frame as finished."""
        self._lock.check()
        try:
            with (self.folder / LOG).open("a") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise NstlibError(f"cannot write {self.folder / LOG}: {error.strerror}") from error
        self.log.append(entry)

    def discard(self, name: str) -> None:
        """Remove an array that is needed no longer."""
        (self.folder / f"{name}.npy").unlink(missing_ok=True)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """An error before anything is finished leaves nothing: the mended call is not told that it differs."""
        try:
            yield
        except NstlibError:
            if not self.log:
                with contextlib.suppress(NstlibError):
                    self.remove()
            raise

    def remove(self) -> None:
        """Remove the folder, if it is still this one's."""
        self._lock.check()
        self._lock.release()
        shutil.rmtree(self.folder)


def _parsed(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file: one, or one a line. Raises NstlibError for a file that holds something else."""
    try:
        text = path.read_text()
        found = [json.loads(text)] if path.name == RECIPE else [json.loads(line) for line in text.splitlines()]
    except (ValueError, RecursionError):
        found = [None]
    if not all(isinstance(entry, dict) for entry in found):
        raise NstlibError(DAMAGED.format(path))
    return found


def changes(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """`name: old, now new` for every value that differs, by its path."""
    found = []
    for name in dict.fromkeys((*old, *new)):
        a, b = old.get(name), new.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            found += changes(a, b, f"{prefix}{name}.")
        elif a != b:
            found.append(f"{prefix}{name} was {_short(a)}, now {_short(b)}")
    return found


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
