"""A photograph's colours for a video editor: one 3-D lookup table, and how far it is from the local maps."""

import os
from pathlib import Path

import numpy as np

from ..core.bilateral import hats
from ..core.run import Run
from ..core.speed.slicing import applied
from ..errors import NstlibError
from ..media import files, images

SIDE = 33  # colours along each of R, G and B: what editors expect
LONGEST = 512  # px, at which the difference is measured


def save_cube(path: str | os.PathLike, run: Run, *, side: int = SIDE) -> float:
    """Write the run's global colours as a .cube file. Returns how far they are from its picture, of 1, on average.

    A table knows a pixel's colour, not its place: what the maps do here and not there is averaged over the picture.
    Raises NstlibError for a run that is no photograph's.

    >>> settings = nst.Settings(rendering="photo", size=64, steps=4)
    >>> run = nst.Run(nst.samples.frame(30), nst.samples.frame(0), settings)
    >>> picture = run.finish()
    >>> nst.save_cube("dusk.cube", run) < 0.1
    True
    """
    if run.settings.rendering != "photo":
        raise NstlibError("a painting has no colour table; rendering=photo has")
    path, settings = Path(path), run.settings
    if path.suffix.lower() != ".cube":
        raise NstlibError(f"{path}: a colour table is a .cube file")

    content = images.resize(run.content, images.fit(run.shape, min(LONGEST, max(run.shape))))
    maps = run.parameters.overall(run.optimizer.x, content)
    table = applied(maps, lattice(side), settings.strength, hats=hats)
    with files.whole(path) as beside:
        lines = [f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in table.reshape(-1, 3)]
        beside.write_text("\n".join(['TITLE "nstlib"', f"LUT_3D_SIZE {side}", *lines]) + "\n")

    local = run.parameters.result(run.optimizer.x, content)
    return float(np.abs(applied(maps, content, settings.strength, hats=hats) - local).mean())


def lattice(side: int) -> np.ndarray:
    """(side², side, 3): every colour of the table, red fastest, as the format has them."""
    values = np.linspace(0, 1, side, dtype=np.float32)
    blue, green, red = np.meshgrid(values, values, values, indexing="ij")
    return np.stack([red, green, blue], -1).reshape(side * side, side, 3)
