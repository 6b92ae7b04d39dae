"""The work in progress of a clip, on disk: finished frames, what comes between them, and the recipe they follow."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from . import images
from .errors import NstlibError

RECIPE, LOG = "recipe.json", "frames.jsonl"


class Store:
    """A folder of finished frames that all follow one recipe; opened again, it goes on where it was.

    Every file is written beside and renamed. Frame t counts as finished once it stands in the log, which is written
    last: whatever a kill leaves half done is done again.
    Raises NstlibError where the folder follows another recipe, and says what differs.
    """

    def __init__(self, folder: Path, recipe: dict[str, Any], *, fresh: bool = False) -> None:
        self.folder = folder
        if fresh and folder.exists():
            shutil.rmtree(folder)
        try:
            folder.mkdir(exist_ok=True)
            self._check(recipe)
        except OSError as error:
            raise NstlibError(f"cannot write {folder}: {error.strerror}") from error
        self.log = self._read_log()

    def _check(self, recipe: dict[str, Any]) -> None:
        path = self.folder / RECIPE
        recipe = json.loads(json.dumps(recipe))
        if not path.exists():
            if any(self.folder.iterdir()):
                raise NstlibError(f"{self.folder} holds something else; move it, or choose another output")
            with images.whole_file(path) as beside:
                beside.write_text(json.dumps(recipe, indent=1))
            return
        changed = differences(json.loads(path.read_text()), recipe)
        if changed:
            raise NstlibError(
                f"{self.folder} was begun otherwise: {'; '.join(changed)}. Start afresh with --fresh, choose another "
                "output, or go back to the old settings"
            )

    def _read_log(self) -> list[dict[str, Any]]:
        path = self.folder / LOG
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def save(self, name: str, image: np.ndarray) -> None:
        """An image under a name, whole."""
        images.save(self.folder / f"{name}.png", image, quick=True)

    def load(self, name: str) -> np.ndarray:
        """The image under a name."""
        return images.load(self.folder / f"{name}.png")

    def keep(self, name: str, array: np.ndarray) -> None:
        """An array under a name, whole."""
        with images.whole_file(self.folder / f"{name}.npy") as beside:
            np.save(beside, array)

    def kept(self, name: str) -> np.ndarray:
        """The array under a name."""
        return np.load(self.folder / f"{name}.npy", allow_pickle=False)

    def finish(self, entry: dict[str, Any]) -> None:
        """Log a frame as finished."""
        self.log.append(entry)
        with images.whole_file(self.folder / LOG) as beside:
            beside.write_text("".join(json.dumps(line) + "\n" for line in self.log))

    def discard(self, name: str) -> None:
        """Remove an array that is needed no longer."""
        (self.folder / f"{name}.npy").unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """`name: old, now new` for every value that differs, by its path."""
    found = []
    for name in dict.fromkeys((*old, *new)):
        a, b = old.get(name), new.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            found += differences(a, b, f"{prefix}{name}.")
        elif a != b:
            found.append(f"{prefix}{name} was {_short(a)}, now {_short(b)}")
    return found


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
