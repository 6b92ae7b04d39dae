"""Pillow behind one door: a file or bytes opened, its shape told, its pixels decoded; every failure one line."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from ..errors import NstlibError, note
from . import files, profiles

MOST_PIXELS = 20_000 * 20_000  # beyond this a picture is refused rather than decoded
HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}  # brands in a file's first box
TURNS = {  # EXIF orientation -> what makes a decoded array upright
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}

Source = Path | bytes


def name_of(source: Source) -> str:
    """What an error calls it."""
    return f"the picture in {len(source)} bytes" if isinstance(source, bytes) else str(source)


@contextlib.contextmanager
def opened(source: Source) -> Iterator[Image.Image]:
    """The picture in a file or in its bytes, for Pillow to decode; its warnings are of damage that it gets over."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL|pillow_heif")
        with _open(source) as picture:
            yield picture


def shape_of(picture: Image.Image) -> tuple[int, int]:
    """(H, W) of an open picture, upright, without decoding it."""
    size, orientation = picture.size, _orientation(picture)
    tags = getattr(picture, "tag_v2", {})
    if ExifTags.Base.Orientation in tags:  # a TIFF that is not decoded: some Pillows have turned its size already
        size = tags[ExifTags.Base.ImageWidth], tags[ExifTags.Base.ImageLength]
    return size if orientation >= 5 else size[::-1]


def decode(source: Source, size: int | None) -> np.ndarray:
    """sRGB float32 in [0, 1], (H, W, 3), upright and over white; size: the longest side that is needed, at least."""
    name = name_of(source)
    with opened(source) as picture, _stream(source) as stream:
        check_pixels(name, *picture.size)
        try:
            if size:  # a JPEG is decoded no larger than is needed
                picture.draft("RGB", (2 * size, 2 * size))
            return pixels_of(picture, name, stream, max(1, max(picture.size) // (2 * size)) if size else 1)
        except NstlibError:
            raise
        except Exception as error:  # a decoder that is given damage may raise anything
            raise NstlibError(f"{name} is truncated or damaged: {error or 'it cannot be decoded'}") from error


def check_pixels(name: str, width: int, height: int) -> None:
    """Raises NstlibError for a picture that is too large to be decoded, or has no pixels."""
    if not width * height:
        raise NstlibError(f"{name} is {width} x {height}: it has no pixels")
    if width * height > MOST_PIXELS:
        raise NstlibError(f"{name} is {width} x {height}; pictures to 20000 x 20000 are read")


def pixels_of(picture: Image.Image, name: str, stream: BinaryIO | None = None, shrink: int = 1) -> np.ndarray:
    """An open picture's pixels as `decode` gives them, averaged over `shrink` x `shrink` while they are still bytes.

    stream: its file's bytes, for what Pillow does not tell of colours, and does not keep of 16 bits.
    """
    colours = profiles.read_profile(picture, stream, name)
    with files.mute() if picture.format == "TIFF" else contextlib.nullcontext():  # libtiff tells of damage itself
        deep = _deep(picture, stream)
        picture.load()
    turn = TURNS.get(_orientation(picture))  # that of a TIFF Pillow has followed by now
    if deep is None and picture.mode.startswith(("I", "F")):  # 16-bit grey, or floats
        deep = np.asarray(picture, np.float32) / (65535 if picture.mode.startswith("I") else 1)

    if deep is None:
        pixels, alpha = _planes(picture, shrink)
    else:
        pixels, alpha = (
            in_range(deep[..., :3] if deep.ndim == 3 else deep, name),
            deep[..., 3:] if deep.ndim == 3 else None,
        )
    image = over_white(profiles.to_srgb(pixels, colours, name), alpha)
    return np.ascontiguousarray(turn(image)) if turn else image


def over_white(image: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """α x + (1 − α); image (H, W, 3), alpha (H, W, 1) in [0, 1], where there is one."""
    if alpha is None or not alpha.size:
        return image
    return np.clip(image * alpha + (1 - alpha), 0, 1)


def in_range(values: np.ndarray, name: str) -> np.ndarray:
    """The values cut to [0, 1]. Raises NstlibError where more than a tenth lie outside, or one is not a number."""
    outside = np.mean((values < -1e-3) | (values > 1 + 1e-3))
    if not np.isfinite(values).all() or outside > 0.1:
        raise NstlibError(f"{name} has values from {np.min(values):g} to {np.max(values):g}; save it as 0 to 1")
    if outside:
        note(f"{name} has values to {np.max(values):.3g}; what lies outside 0 to 1 is cut")
    return np.clip(values, 0, 1).astype(np.float32)


def _open(source: Source) -> Image.Image:
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # the limit is ours, said in one line
    try:
        if isinstance(source, Path):
            if str(source).startswith(("http:/", "https:/")):
                raise NstlibError(f"{source} is an address; download the picture and name its file")
            if not source.exists():
                raise files.missing(source)
            if source.is_dir():
                raise NstlibError(f"{source} is a folder; name a picture in it")
        picture = Image.open(source if isinstance(source, Path) else io.BytesIO(source))
    except NstlibError:
        raise
    except Exception as error:  # UnidentifiedImageError, or whatever a reader of damaged headers raises
        picture = _open_other(source) if isinstance(error, UnidentifiedImageError) else None
        if picture is None:
            raise NstlibError(f"{name_of(source)} is no picture that can be read") from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    if picture.format == "EPS":
        picture.close()
        raise NstlibError(f"{name_of(source)} is PostScript, a program that would have to be run; save it as a PNG")
    return picture


def _open_other(source: Source) -> Image.Image | None:
    """What Pillow does not know by itself: HEIC by pillow-heif, TIFFs of three floats by OpenCV."""
    with _stream(source) as stream:
        head = stream.read(12)
    if head[4:8] == b"ftyp" and head[8:12] in HEIC:
        try:
            import pillow_heif
        except ImportError:
            raise NstlibError(f"{name_of(source)} is HEIC; to read it, pip install pillow-heif") from None
        try:
            return pillow_heif.HeifImageFile(source if isinstance(source, Path) else io.BytesIO(source))
        except Exception:  # damaged
            return None
    if head[:4] in (b"II*\0", b"MM\0*"):
        found = _by_opencv(source.read_bytes() if isinstance(source, Path) else source)
        if found is not None and found.ndim == 3:
            return Image.fromarray(profiles.to_uint8(in_range(found, name_of(source))))
    return None


def _stream(source: Source) -> BinaryIO:
    return source.open("rb") if isinstance(source, Path) else io.BytesIO(source)


def _orientation(picture: Image.Image) -> int:
    try:
        found = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # EXIF data of any kind of damage say nothing
        return 1
    return found if found in TURNS else 1


def _planes(picture: Image.Image, shrink: int) -> tuple[Image.Image, np.ndarray | None]:
    """The picture without alpha in a mode that profiles know, and its alpha (H, W, 1) in [0, 1] where it has one."""
    alpha = None
    if picture.has_transparency_data:
        picture = picture.convert("LA") if picture.mode == "La" else picture
        picture = picture.convert("RGBA")  # whose alpha weighs the averages of `reduce`
    elif picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode not in ("L", "RGB", "CMYK", "LAB"):
        picture = picture.convert("RGB")
    picture = picture.reduce(shrink) if shrink > 1 else picture
    if picture.mode == "RGBA":
        alpha = np.asarray(picture.getchannel("A"))[..., None] / np.float32(255)
        picture = picture.convert("RGB")
    return picture, alpha


def _deep(picture: Image.Image, stream: BinaryIO | None) -> np.ndarray | None:
    """(H, W, 3 or 4) in [0, 1] of 16 bits a colour, of which Pillow keeps eight; None for other pictures.

    Where a TIFF is turned Pillow's eight bits are taken: OpenCV does not always turn it.
    """
    if stream is None or ";16" not in str(getattr(picture, "tile", "")) or picture.mode not in ("RGB", "RGBA"):
        return None
    if picture.format not in ("PNG", "TIFF") or (picture.format == "TIFF" and _orientation(picture) > 1):
        return None
    picture.load()  # which finds damage that OpenCV gets over
    stream.seek(0)
    found = _by_opencv(stream.read())
    return found if found is not None and found.ndim == 3 else None


def _by_opencv(data: bytes) -> np.ndarray | None:
    """(H, W), (H, W, 3) or (H, W, 4), 16 bits scaled to [0, 1] and floats as they are; None for anything else."""
    told = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # of damage; ours is the line to say so
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    finally:
        cv2.utils.logging.setLogLevel(told)
    if found is None or found.dtype not in (np.uint16, np.float32, np.float64):
        return None
    if found.ndim == 3 and found.shape[2] in (3, 4):
        found = found[..., [2, 1, 0, 3][: found.shape[2]]]
    return found.astype(np.float32) / np.float32(65535 if found.dtype == np.uint16 else 1)
