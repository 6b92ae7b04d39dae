"""A sweep's table and contact sheet: files that grow as its cells come in."""

import csv
import math
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..media import files, images
from .axes import Axes, label, product

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
        self._lay(shape)

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

    def _lay(self, shape: tuple[int, int]) -> None:
        """The canvas with its labels, and the place of each cell."""
        cells, one = list(product(self._axes)), len(self._axes) < 2
        across = len(cells) if one else len(list(self._axes.values())[-1])
        columns = math.ceil(math.sqrt(across)) if one and across > FOLD else across
        rows = -(-len(cells) // columns)
        width = min(CELL, LONGEST // columns, round(LONGEST / rows * shape[1] / shape[0]))
        self._size = images.fit(shape, max(SMALLEST, round(max(width, width * shape[0] / shape[1]))))[::-1]
        *down, last = self._axes or ("",)
        tops = [
            _text({last: cell[last]} if last else {}, self._size[0]) for cell in cells[: len(cells) if one else columns]
        ]
        sides = [_text({name: cell[name] for name in down}, 220) for cell in cells[::columns]] if down else []
        head = max(_height(text) for text in tops) + GAP
        left = max((_width(text) for text in sides), default=0) + 2 * GAP
        tall = max([self._size[1], *map(_height, sides)])
        step = (self._size[0] + GAP, tall + GAP + (head if one else 0))
        self._places = [
            (left + step[0] * (i % columns), GAP + head + step[1] * (i // columns)) for i in range(len(cells))
        ]
        whole = (left + step[0] * columns, GAP + (0 if one else head) + step[1] * rows)
        self._canvas = Image.new("RGB", whole, PAPER)
        self._draw = ImageDraw.Draw(self._canvas)
        for text, (x, y) in zip(tops, self._places, strict=False):
            self._draw.multiline_text((x, y - GAP // 2), text, INK, _font(), anchor="ld")
        for text, (_, y) in zip(sides, self._places[::columns], strict=False):
            self._draw.multiline_text((GAP, y), text, INK, _font())
        for x, y in self._places:
            self._box(x, y, WAITING)

    def _box(self, x: int, y: int, color: str) -> None:
        self._draw.rectangle((x, y, x + self._size[0] - 1, y + self._size[1] - 1), color)

    def _paste(self, number: int, found: dict[str, Any]) -> None:
        x, y = self._places[number]
        if found["error"]:
            self._box(x, y, BAD)
            lines = wrap(found["error"], self._size[0] - 2 * GAP).split("\n")
            text = "\n".join(lines[: max(1, (self._size[1] - 2 * GAP) // _height("X"))])
            self._draw.multiline_text((x + GAP, y + GAP), text, RED, _font())
            return
        picture = Image.fromarray(images.to_uint8(images.load(found["picture"], size=max(self._size))))
        self._canvas.paste(picture.resize(self._size), (x, y))


def _flag(name: str, value: Any) -> str:
    """A value as its flag takes it; an array has none."""
    if isinstance(value, tuple | list):
        return ",".join(_flag(name, part) for part in value)
    return label(name, value) if isinstance(value, np.ndarray) else str(value)


def _text(values: dict[str, Any], width: int) -> str:
    return "\n".join(wrap(label(name, value), width) for name, value in values.items())


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
