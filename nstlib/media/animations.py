"""Animated pictures through Pillow: WebP, APNG, AVIF, and the pages of a TIFF; each frame as it is displayed."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import NstlibError
from . import _decoding, images

HEADS = {b"\x89PNG", b"II*\0", b"MM\0*"}  # the first four bytes; of WebP and AVIF later ones say more
TOO_SHORT, SHOWN = Fraction(1, 100), Fraction(1, 10)  # s: browsers show for a tenth what asks for a hundredth or less
SMALLER_COPY, DESCRIPTION = 254, 270  # TIFF tags
INTERVAL = re.compile(r"^finterval=([0-9.e-]+)", re.M)  # seconds a page, as ImageJ describes its stacks
Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Animation:
    """A file's frames, by Pillow's numbers, and the seconds that each is shown; none where pages have no times."""

    width: int
    height: int
    numbers: tuple[int, ...]
    delays: tuple[Fraction, ...]


def is_animatable(path: Path) -> bool:
    """Whether a file is a PNG, TIFF, WebP or AVIF, by its first bytes: a WebP is often called .gif."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise NstlibError(f"{path} cannot be read: {error.strerror}") from None
    return head[:4] in HEADS or head[8:] == b"WEBP" or head[4:] in (b"ftypavif", b"ftypavis")


def inspect_animation(path: Path) -> Animation | None:
    """What an animated picture holds; None for a still one. NstlibError for what cannot be read."""
    if not is_animatable(path):
        return None
    with _decoding.opened(path) as picture, _damage_told(path):
        _decoding.check_pixels(str(path), *picture.size)
        count = getattr(picture, "n_frames", 1)
        first = int(getattr(picture, "default_image", False))  # an APNG's still, for those who show no animation
        if count < 2:
            return None
        if picture.format == "TIFF":
            return _pages(picture)
        delays = []
        for number in range(first, count):
            picture.seek(number)
            picture.load()  # WebP and AVIF know a frame's delay once it is decoded
            delay = Fraction(picture.info.get("duration") or 0).limit_denominator(1000) / 1000
            delays.append(delay if delay > TOO_SHORT else SHOWN)
        height, width = _decoding.shape_of(picture)
        return Animation(width, height, tuple(range(first, count)), tuple(delays))


def _pages(picture: Image.Image) -> Animation | None:
    """A TIFF's pages but for the smaller copies of others."""
    numbers, described = [], INTERVAL.search(str(picture.tag_v2.get(DESCRIPTION, "")))
    for number in range(picture.n_frames):
        picture.seek(number)
        if not picture.tag_v2.get(SMALLER_COPY, 0) & 1:
            numbers.append(number)
    if len(numbers) < 2:
        return None
    picture.seek(numbers[0])
    height, width = _decoding.shape_of(picture)
    seconds = Fraction(described[1]).limit_denominator(100_000) if described else 0
    return Animation(width, height, tuple(numbers), (seconds,) * len(numbers) if seconds > 0 else ())


def read_animation(path: Path, numbers: Sequence[int], background: Colour = WHITE) -> Iterator[np.ndarray]:
    """The frames of these numbers, (H, W, 3), sRGB in [0, 1], transparent parts over the background."""
    with _decoding.opened(path) as picture, path.open("rb") as stream:
        for number in numbers:
            with _damage_told(path):
                picture.seek(number)
                picture.load()
                shown = over(picture, background)
            yield _decoding.pixels_of(shown, str(path), stream if shown is picture else None)


def still(path: Path, background: Colour = WHITE) -> np.ndarray:
    """A picture (H, W, 3), sRGB in [0, 1], of an animation the first frame, transparent parts over the background."""
    return images.load(path) if background == WHITE else next(read_animation(path, (0,), background))


def over(picture: Image.Image, background: Colour) -> Image.Image:
    """The open picture, with transparent parts over the background where this is not white, which decoding lays."""
    if background == WHITE or not picture.has_transparency_data:
        return picture
    canvas = Image.new("RGBA", picture.size, (*background, 255))
    canvas.alpha_composite(picture.convert("RGBA"))
    laid = canvas.convert("RGB")
    laid.info = {name: picture.info[name] for name in ("icc_profile", "exif") if name in picture.info}
    return laid


@contextlib.contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except NstlibError:
        raise
    except Exception as error:  # a decoder that is given damage may raise anything
        raise NstlibError(f"{path} is truncated or damaged: {error or 'it cannot be decoded'}") from error
