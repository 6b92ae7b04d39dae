"""`python -m nstlib.workshop.bench._instant_sheet [FILE]`: one pass in many styles, as a contact sheet.

The bundled samples, for the model card; with --shared, every painting on every content of ../shared, to look at.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from ... import samples
from ...engines.hub import INSTANT, load_module
from ...media import images

SHARED = Path(__file__).parents[4] / "shared"
SIZE = 320


def of_samples() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Photograph and two frames; the bundled styles and four drawn ones, from calm to busy."""
    photo = images.load(samples.photograph(), size=SIZE)
    contents = [photo[: round(SIZE * 9 / 16)], *(images.load(samples.frame(i), size=SIZE) for i in (0, 40))]
    styles = [images.load(path, size=SIZE) for path in samples.styles().values()]
    return contents, styles + [samples.busy_style(b, seed=7, size=(240, SIZE)) for b in (0.1, 0.4, 0.7, 1.0)]


def of_shared() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The four contents and the fifteen paintings."""
    folders = (sorted((SHARED / name).glob("*.jpg")) for name in ("contents", "paintings"))
    return tuple([images.load(path, size=SIZE) for path in folder] for folder in folders)


def draw(file: Path, contents: list[np.ndarray], styles: list[np.ndarray], handle: str) -> None:
    """A row a style: the style, then every content in it."""
    module, columns = load_module(handle), len(contents) + 1
    figure, axes = plt.subplots(
        len(styles) + 1, columns, figsize=(3 * columns, 2 * len(styles) + 2), layout="constrained"
    )
    rows = [[np.ones_like(contents[0]), *contents]]
    for style in styles:
        rows.append([style, *map(module.painter([style], [1.0], 1.0, size=SIZE), contents)])
    for axis, picture in zip(axes.ravel(), (p for row in rows for p in row), strict=True):
        axis.imshow(picture)
        axis.axis("off")
    figure.savefig(file, dpi=80, pil_kwargs={"quality": 85})


if __name__ == "__main__":
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("file", type=Path, nargs="?", default=INSTANT.with_name("INSTANT.jpg"))
    ask.add_argument("--shared", action="store_true", help="paintings and contents of ../shared")
    ask.add_argument("--module", default="instant")
    given = ask.parse_args()
    draw(given.file, *(of_shared() if given.shared else of_samples()), given.module)
