"""The brush: strokes on the picture that tell which style goes where, and what is painted anew; and their masks.

A stroke is {"id": a number, "layer": a style's name or REPAINT, "erase": bool, "radius": of the longest side, "points":
[[x, y], …]}, x and y as shares of the width and the height.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import NstlibError
from ..media import files, images

Stroke = dict[str, Any]
REPAINT = "to paint anew"
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")  # Okabe and Ito's, which all can tell apart
LONGEST = 1024  # of a mask while it is drawn, pixels
SOFT = 0.003  # an edge's softness, of the longest side
SUBPIXELS = 4  # bits of a point's place


def offered(styles: Sequence[str]) -> list[dict[str, str]]:
    """What the page offers to mark: each style's region, and what is to be painted anew."""
    styles_layers = [
        {"name": name, "text": f"where {name} goes", "color": COLORS[i % 5]} for i, name in enumerate(styles)
    ]
    return [*styles_layers, {"name": REPAINT, "text": REPAINT, "color": COLORS[5]}]


def of_styles(strokes: Sequence[Stroke], styles: Sequence[str]) -> list[Stroke]:
    """The strokes that matter to a run with these styles."""
    return [stroke for stroke in strokes if stroke["layer"] in styles]


def marked(strokes: Sequence[Stroke], names: Sequence[str], shape: tuple[int, int]) -> list[np.ndarray]:
    """A region (H, W) in [0, 1] for each of these layers, of the strokes made for it; a later one takes its place."""
    drawn = images.fit(shape, min(LONGEST, max(shape)))
    found = {name: np.zeros(drawn, np.float32) for name in names}
    for stroke in strokes:
        touched = _drawn(stroke, drawn)
        for name, region in found.items():
            if name == stroke["layer"] and not stroke["erase"]:
                np.maximum(region, touched, out=region)
            elif name == stroke["layer"] or not stroke["erase"]:
                region *= 1 - touched
    soft = max(0.5, SOFT * max(drawn))
    return [images.resize(cv2.GaussianBlur(region, (0, 0), soft), shape) for region in found.values()]


def write_masks(strokes: Sequence[Stroke], styles: Sequence[str], shape: tuple[int, int], folder: Path) -> list[Path]:
    """A mask's file for each style; none where nothing is marked.

    A style that has no region has what the others leave; where each has one, the rest stays the photograph.
    """
    strokes = of_styles(strokes, styles)
    if not strokes:
        return []
    found = marked(strokes, styles, shape)
    rest = 1 - np.clip(sum(found), 0, 1)
    return [_write_mask(region if region.any() else rest, folder) for region in found]


def write_region(strokes: Sequence[Stroke], shape: tuple[int, int], folder: Path) -> Path:
    """The file of what is to be painted anew. Raises NstlibError where nothing is marked."""
    (region,) = marked(of_styles(strokes, [REPAINT]), [REPAINT], shape)
    if not region.any():
        raise NstlibError(f"nothing is marked: choose Brush and “{REPAINT}”, and mark the place on the picture")
    return _write_mask(region, folder)


def write(picture: np.ndarray, folder: Path) -> Path:
    """The file of a picture (H, W, 3) that a run needs, under a name that its content gives: it stays what it is."""
    name = files.checksum(np.ascontiguousarray(picture).tobytes())[:12]
    return images.save(files.make_folder(folder / "masks") / f"{name}.png", picture)


def _write_mask(region: np.ndarray, folder: Path) -> Path:
    return write(np.repeat(region[..., None], 3, axis=-1), folder)


def _drawn(stroke: Stroke, shape: tuple[int, int]) -> np.ndarray:
    """A stroke as the pixels that it touches, (H, W) in [0, 1]."""
    canvas = np.zeros(shape, np.uint8)
    points = np.array(stroke["points"], float) * shape[::-1] - 0.5  # a pixel's middle is its place
    points = np.rint(points * 2**SUBPIXELS).astype(np.int32)
    thickness = max(1, round(2 * stroke["radius"] * max(shape)) - 1)  # OpenCV adds one
    points = np.concatenate([points, points[-1:]])  # a dab is a line too
    cv2.polylines(canvas, [points], False, 255, thickness, cv2.LINE_AA, SUBPIXELS)
    return canvas / np.float32(255)
