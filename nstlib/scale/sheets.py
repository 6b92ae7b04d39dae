"""A sweep's table and contact sheet: files that grow as its cells come in."""

import csv
import math
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..media import files, images
from .axes import Axes, axis_label, product

LONGEST = 3600  # px: a sheet of many cells makes them smaller, so that its memory stays within 0.04 GB
CELL, SMALLEST, GAP = 256, 48, 6  # px
FOLD = 5  # more values than this of a single axis are laid in several rows
PAPER, WAITING, BAD, INK, RED = "white", "#d9d9d9", "#fbe9e7", "#222222", "#b3261e"
LOSSES = ("total", "content", "style", "total_variation")


class Sheet:
    """table.csv and sheet.png in a folder: a row and a labelled place for every cell of the axes' product.

    The last axis runs across, the others down; a single long axis is folded. Written at most once a second, and so
    that writing takes a twentieth of the time; `write` writes at once.
    shape: (H, W) of the pictures, for their proportions. clock: seconds.
    """

    def __init__(self, folder: Path, axes: Axes, shape: tuple[int, int], clock: Callable[[], float] = perf_counter):
        self.table, self.picture = folder / "table.csv", folder / "sheet.png"
        self._axes, self._clock, self._rows = axes, clock, {}
        self._written, self._cost = -math.inf, 0.0
        self._layout = laid_out(axes, shape)
        self._draw_empty()

    def add(self, number: int, values: dict[str, Any], found: dict[str, Any]) -> None:
        """Take up a cell: found has `picture` (its path), `losses` and `seconds`, or an `error`."""
        shown = {name: _flag(name, value) for name, value in values.items()}
        losses = {f"{name}_loss": f"{found['losses'][name]:.6g}" for name in LOSSES if name in found["losses"]}
        rest = {"seconds": f"{found['seconds']:.3f}" if found["seconds"] else "", "error": found["error"]}
        rest["picture"] = found["picture"].name if found["picture"] else ""
        self._rows[number] = {"cell": number, **shown, **losses, **rest}
        self._paste(number, found)
        if self._clock() - self._written > max(1.0, 20 * self._cost):
            self.write()

    def write(self) -> None:
        """Write both files as they stand now."""
        began = self._clock()
        names = ["cell", *self._axes, *(f"{name}_loss" for name in LOSSES), "seconds", "picture", "error"]
        with files.whole(self.table) as beside, beside.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, names)
            table.writeheader()
            table.writerows(self._rows[number] for number in sorted(self._rows))
        with files.whole(self.picture) as beside:
            self._canvas.save(beside, "PNG", compress_level=3)
        self._written = self._clock()
        self._cost = self._written - began

    def _draw_empty(self) -> None:
        """The canvas with its labels, and a grey box in the place of each cell."""
        layout = self._layout
        self._canvas = Image.new("RGB", layout.whole, PAPER)
        self._draw = ImageDraw.Draw(self._canvas)
        for text, (x, y) in zip(layout.tops, layout.places, strict=False):
            self._draw.multiline_text((x, y - GAP // 2), text, INK, _font(), anchor="ld")
        for text, (_, y) in zip(layout.sides, layout.places[:: layout.columns], strict=False):
            self._draw.multiline_text((GAP, y), text, INK, _font())
        for x, y in layout.places:
            self._box(x, y, WAITING)

    def _box(self, x: int, y: int, color: str) -> None:
        self._draw.rectangle((x, y, x + self._layout.size[0] - 1, y + self._layout.size[1] - 1), color)

    def _paste(self, number: int, found: dict[str, Any]) -> None:
        x, y = self._layout.places[number]
        if found["error"]:
            self._box(x, y, BAD)
            lines = wrap(found["error"], self._layout.size[0] - 2 * GAP).split("\n")
            text = "\n".join(lines[: max(1, (self._layout.size[1] - 2 * GAP) // _height("X"))])
            self._draw.multiline_text((x + GAP, y + GAP), text, RED, _font())
            return
        picture = Image.fromarray(images.to_uint8(images.load(found["picture"], size=max(self._layout.size))))
        self._canvas.paste(picture.resize(self._layout.size), (x, y))


class SheetLayout(NamedTuple):
    """Where everything stands, in pixels.

    size: (width, height) of a cell; columns: how many abreast; whole: (width, height) of the sheet; places: (x, y) of
    each cell; tops, sides: the labels over the cells, and left of the rows.
    """

    size: tuple[int, int]
    columns: int
    whole: tuple[int, int]
    places: list[tuple[int, int]]
    tops: list[str]
    sides: list[str]


def laid_out(axes: Axes, shape: tuple[int, int]) -> SheetLayout:
    """The sheet of the axes' product, its pictures of the proportions of (H, W)."""
    cells, single = list(product(axes)), len(axes) < 2

    # how many abreast, and how large
    across = len(cells) if single else len(list(axes.values())[-1])
    columns = math.ceil(math.sqrt(across)) if single and across > FOLD else across
    rows = -(-len(cells) // columns)
    width = min(CELL, LONGEST // columns, round(LONGEST / rows * shape[1] / shape[0]))
    longest = max(SMALLEST, round(max(width, width * shape[0] / shape[1])))
    height, width = images.fit(shape, longest)

    # labels: the last axis's over the cells, the others' left of the rows
    *down, last = axes or ("",)
    labelled = cells if single else cells[:columns]
    tops = [_text({last: cell[last]} if last else {}, width) for cell in labelled]
    sides = [_text({name: cell[name] for name in down}, 220) for cell in cells[::columns]] if down else []
    head = max(map(_height, tops)) + GAP
    left = max(map(_width, sides), default=0) + 2 * GAP

    # places; a folded axis has its labels over every row
    tall = max([height, *map(_height, sides)])
    right, below = width + GAP, tall + GAP + (head if single else 0)
    places = [(left + right * (i % columns), GAP + head + below * (i // columns)) for i in range(len(cells))]
    whole = (left + right * columns, GAP + (0 if single else head) + below * rows)
    return SheetLayout((width, height), columns, whole, places, tops, sides)


def _flag(name: str, value: Any) -> str:
    """A value as its flag takes it; an array has none."""
    if isinstance(value, tuple | list):
        return ",".join(_flag(name, part) for part in value)
    return axis_label(name, value) if isinstance(value, np.ndarray) else str(value)


def _text(values: dict[str, Any], width: int) -> str:
    return "\n".join(wrap(axis_label(name, value), width) for name, value in values.items())


def wrap(text: str, width: int) -> str:
    """The text in lines of at most `width` pixels, broken at spaces and, where a word is longer, within it."""
    lines = [""]
    for word in re.findall(r"\S+\s*", text):
        if lines[-1] and _width(lines[-1] + word.rstrip()) > width:
            lines.append("")
        for letter in word:
            if lines[-1] and _width((lines[-1] + letter).rstrip()) > width:
                lines.append("")
            lines[-1] += letter
    return "\n".join(line.rstrip() for line in lines)


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    from matplotlib import get_data_path

    return ImageFont.truetype(str(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), 12)


def _width(text: str) -> int:
    return math.ceil(max(_font().getlength(line) for line in text.split("\n")))


def _height(text: str) -> int:
    return 16 * (1 + text.count("\n"))
