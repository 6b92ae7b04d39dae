"""What every chapter begins with: its badges, its picture, the cell that installs the package where it is missing.

`make course` writes them into notebooks/: the picture from outputs/notebooks, where the chapter was run.
"""

import base64
import io
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from PIL import Image

from .pages import ROOT

REPOSITORY = "-OWNER-/nstlib"  # on GitHub; who publishes the course sets it here, and nowhere else
BRANCH = "main"
EXTRAS = {"08_scale": "[cluster]"}  # of the package, which a chapter needs
PICTURE = "opening.jpg"
WIDTH = 800  # of the picture at most, pixels

SETUP = """from importlib.util import find_spec

if find_spec("nstlib") is None:  # as on Colab: the package, and what it needs
    %pip install --quiet "nstlib{extra} @ git+https://github.com/{repository}@{branch}\""""


def badges(chapter: str) -> str:
    """The line of Markdown that opens the chapter in Colab and in Binder."""
    path = f"notebooks/{chapter}.ipynb"
    colab = f"https://colab.research.google.com/github/{REPOSITORY}/blob/{BRANCH}/{path}"
    binder = f"https://mybinder.org/v2/gh/{REPOSITORY}/{BRANCH}?urlpath=lab/tree/{path}"
    return (
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab}) "
        f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({binder})"
    )


def setup(chapter: str) -> str:
    """The source of the cell that installs the package where it is missing, and does nothing where it is there."""
    return SETUP.format(extra=EXTRAS.get(chapter, ""), repository=REPOSITORY, branch=BRANCH)


def dress(path: Path, executed: Path) -> None:
    """Write the chapter's badges, its picture and its first cell into its notebook.

    executed: a folder with notebooks that were run; the picture is what the cell with the tag `opening` shows there.
    A chapter that was not run keeps the picture that it has.
    """
    notebook, was_run = nbformat.read(path, as_version=4), executed / path.name
    opening = notebook.cells[0]
    if was_run.is_file():
        opening["attachments"] = {PICTURE: {"image/jpeg": _base64(_picture(nbformat.read(was_run, as_version=4)))}}

    lines = [line for line in opening.source.splitlines() if not line.startswith(("[![", "!["))]
    title, text = lines[0], "\n".join(lines[1:]).strip()
    shown = [f"![What comes out of it](attachment:{PICTURE})"] if opening.get("attachments") else []
    opening.source = "\n\n".join([title, badges(path.stem), *shown, text])

    others = [cell for cell in notebook.cells[1:] if "setup" not in cell.metadata.get("tags", [])]
    first = nbformat.v4.new_code_cell(setup(path.stem), id="setup", metadata={"tags": ["setup"]})
    notebook.cells = [opening, first, *others]
    nbformat.write(notebook, path)


def _picture(notebook: Any) -> np.ndarray:
    """What the cell with the tag `opening` shows, as RGB."""
    (cell,) = [cell for cell in notebook.cells if "opening" in cell.metadata.get("tags", [])]
    shown = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(shown[0]))).convert("RGB"))


def _base64(picture: np.ndarray) -> str:
    """The picture as a JPEG of at most WIDTH pixels, in letters."""
    image, file = Image.fromarray(picture), io.BytesIO()
    image.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
    image.save(file, "JPEG", quality=80, optimize=True)
    return base64.b64encode(file.getvalue()).decode()


if __name__ == "__main__":
    for chapter in sorted((ROOT / "notebooks").glob("*.ipynb")):
        dress(chapter, ROOT / "outputs" / "notebooks")
