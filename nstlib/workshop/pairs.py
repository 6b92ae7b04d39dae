"""Twelve pairs at 1024 pixels, as a page: `python -m nstlib.workshop.pairs` writes data/gallery/ and docs/gallery.md.

The photographs are matplotlib's, scikit-image's and the bundled clip's; the paintings are drawn (`nstlib.samples`).
Each picture is one command's, which the page quotes. One that outputs/pairs/ has already is not made again. The twelve
take a quarter of an hour of one core.
"""

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import NamedTuple

import numpy as np
from PIL import Image
from skimage import data

from .. import samples
from ..media import images

WORK, GALLERY, PAGE = Path("outputs/pairs"), Path("data/gallery"), Path("docs/gallery.md")
SIZE, LARGEST = 1024, 150_000  # pixels of the longest side; bytes of a JPEG in the repository

PHOTOGRAPHS: dict[str, Callable[[], np.ndarray]] = {
    "astronaut": data.astronaut,  # NASA, public domain
    "cat": data.chelsea,  # S. van der Walt, CC0
    "coffee": data.coffee,  # R. Michel, CC0
    "rocket": data.rocket,  # SpaceX, public domain
    "portrait": lambda: images.load(samples.photograph()),  # US Navy, public domain
    "lake": lambda: samples.frame(30, size=(576, 1024)),
}
PAINTINGS: dict[str, Callable[[], np.ndarray]] = {
    **{name: lambda name=name: samples.paint_style(name) for name in samples.STYLES},
    "dabs": lambda: samples.busy_style(0.2, seed=1, size=(768, 768)),
    "daubs": lambda: samples.busy_style(0.5, seed=2, size=(768, 768)),
}


class Pair(NamedTuple):
    """A photograph and a painting by name, and the settings that differ from the defaults, as flags."""

    content: str
    style: str
    flags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return f"{self.content}-{self.style}"

    @property
    def command(self) -> list[str]:
        """What makes the picture, after `nstlib`."""
        inputs = [str(WORK / f"{name}.png") for name in (self.content, self.style)]
        return ["image", *inputs, "-o", str(WORK / f"{self.name}.png"), "--size", str(SIZE), *self.flags]


PAIRS = (
    Pair("cat", "whirls"),
    Pair("rocket", "whirls"),
    Pair("lake", "whirls"),
    Pair("portrait", "mosaic"),
    Pair("lake", "mosaic"),
    Pair("coffee", "mosaic"),
    Pair("rocket", "mosaic"),
    Pair("lake", "ink", ("--content-weight", "0.15")),  # in few strokes of ink little of a photograph is left
    Pair("cat", "ink"),
    Pair("portrait", "dabs", ("--content-weight", "0.1", "--style-scale", "0.5")),  # a face wants smaller strokes
    Pair("coffee", "dabs"),
    Pair("astronaut", "daubs"),
)


def make(pair: Pair) -> None:
    """Run the pair's command, keep its processors' seconds, and write its picture to the gallery."""
    for name, source in ((pair.content, PHOTOGRAPHS[pair.content]), (pair.style, PAINTINGS[pair.style])):
        if not (WORK / f"{name}.png").is_file():
            images.save(WORK / f"{name}.png", images.load(source()))

    made, seconds = WORK / f"{pair.name}.png", WORK / f"{pair.name}.txt"
    if not (made.is_file() and seconds.is_file()):
        before = getrusage(RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "nstlib", *pair.command], check=True)
        after = getrusage(RUSAGE_CHILDREN)
        seconds.write_text(f"{after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.0f}\n")
    shrunk(made, GALLERY / f"{pair.name}.jpg")


def shrunk(source: Path, target: Path) -> None:
    """Write the picture as the best JPEG that is no larger than a repository likes."""
    picture = Image.open(source).convert("RGB")
    for quality in range(92, 30, -4):
        picture.save(target, quality=quality, optimize=True, progressive=True)
        if target.stat().st_size <= LARGEST:
            return


def page() -> str:
    """The page, of the pairs that are there."""
    parts = [HEAD]
    for pair in PAIRS:
        if not (WORK / f"{pair.name}.txt").is_file():
            continue
        seconds = (WORK / f"{pair.name}.txt").read_text().strip()
        command = shlex.join(["nstlib", *pair.command])
        parts.append(f"## {pair.content.capitalize()} in {pair.style}\n")
        parts.append(f"![{pair.content} in {pair.style}](../data/gallery/{pair.name}.jpg)\n")
        parts.append(f"```sh\n{command}\n```\n\n{seconds} s of processor time.\n")
    return "\n".join(parts)


HEAD = f"""# Twelve pairs

Each picture is what one command makes of a photograph and a drawn painting, {SIZE} pixels wide or high, here as JPEG.
`python -m nstlib.workshop.pairs` writes the photographs and paintings into `{WORK}/` and runs the commands. Times are
the processors' seconds on x86-64 with AVX-512 and its bfloat16, all of the command counted, of a busy machine; on two
idle cores Cat in whirls took 38 s.

The photographs are public: cat (S. van der Walt, CC0), coffee (R. Michel, CC0), rocket (SpaceX, public
domain) and astronaut (NASA, public domain) come with scikit-image, the portrait (US Navy, public domain) with
matplotlib. The lake is a frame of the bundled clip. The paintings are drawn by `nstlib.samples`:
`whirls`, `mosaic`, `ink`, and two of `busy_style`.
"""


if __name__ == "__main__":
    WORK.mkdir(parents=True, exist_ok=True)
    for pair in PAIRS:
        if pair.name in sys.argv[1:] or not sys.argv[1:]:
            make(pair)
    PAGE.write_text(page())
