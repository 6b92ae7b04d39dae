"""Canvases and dabs: what the scenery is drawn on and with."""

from dataclasses import dataclass

import cv2
import numpy as np

from .noise import Array, fractal

Colour = Array | tuple[float, float, float]
Point = Array | tuple[float, float]


@dataclass(frozen=True)
class Texture:
    """A picture with premultiplied alpha, and where its corner lies on the stage when nothing has moved.

    pixels: (h, w, 4) float32 in [0, 1]. left, top: stage pixels.
    """

    pixels: Array
    left: float = 0.0
    top: float = 0.0


def cut(colour: Array, alpha: Array, left: float, top: float) -> Texture:
    """The texture of a colour (h, w, 3) under a coverage (h, w)."""
    pixels = np.dstack([np.clip(colour, 0, 1) * alpha[..., None], alpha]).astype(np.float32)
    return Texture(pixels, left, top)


def shrink(canvas: Array, left: float, top: float, times: int = 2) -> Texture:
    """The texture of an (h, w, 4) uint8 drawing made `times` too large."""
    size = (canvas.shape[1] // times, canvas.shape[0] // times)
    return Texture(cv2.resize(canvas.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA), left, top)


def paint(colour: Colour) -> tuple[int, int, int, int]:
    """(r, g, b) in [0, 1] as the 8-bit colour that covers."""
    r, g, b = (int(v) for v in np.clip(np.rint(np.asarray(colour) * 255), 0, 255))
    return r, g, b, 255


def dab(canvas: Array, centre: Point, axes: Point, angle: float, colour: Colour) -> None:
    """One smooth-edged ellipse on an (h, w, 4) uint8 canvas, to a sixteenth of a pixel."""
    place = (round(centre[0] * 16), round(centre[1] * 16))
    size = (max(round(axes[0] * 16), 8), max(round(axes[1] * 16), 8))
    cv2.ellipse(canvas, place, size, angle, 0, 360, paint(colour), -1, cv2.LINE_AA, 4)


def line(canvas: Array, points: Array | list[Point], colour: Colour, thickness: int = 1) -> None:
    """A smooth-edged polyline on an (h, w, 4) uint8 canvas, to a sixteenth of a pixel."""
    places = np.rint(np.asarray(points, np.float64) * 16).astype(np.int32)
    cv2.polylines(canvas, [places], False, paint(colour), thickness, cv2.LINE_AA, 4)


def area(canvas: Array, points: Array | list[Point], colour: Colour) -> None:
    """A smooth-edged filled polygon on an (h, w, 4) uint8 canvas."""
    places = np.rint(np.asarray(points, np.float64) * 16).astype(np.int32)
    cv2.fillPoly(canvas, [places], paint(colour), cv2.LINE_AA, 4)


def skyline(x: Array, rng: np.random.Generator, wavelength: float, slope: float = 2.0) -> Array:
    """A ridge over x (w,): noise in one dimension, deviation 1."""
    return fractal((1, x.size), rng, wavelength=wavelength, slope=slope, finest=1.5)[0]
