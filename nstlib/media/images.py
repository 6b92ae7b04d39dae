"""The pixel contract: an image is RGB, float32 in [0, 1], shape (H, W, 3). Load, save, resize."""

import contextlib
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from ..errors import NstlibError, choose
from . import files
from .colors import luminance

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
MOST_PIXELS = 20_000 * 20_000  # beyond this a picture is refused rather than decoded
RECORD = "nstlib"  # the PNG text chunk that holds the record


def load(source: str | os.PathLike | np.ndarray, *, size: int | None = None) -> np.ndarray:
    """The image at the door: a path or an array in, RGB float32 in [0, 1], shape (H, W, 3), out.

    Paths: any format and mode that Pillow reads, turned upright by EXIF, transparency laid on white, an animation's
    first frame. Arrays: uint8, or floats in [0, 1]; (H, W), (H, W, 3) or (H, W, 4).
    size: longest side in pixels. Raises NstlibError, naming the file, for what is no whole image.

    >>> nst.load(nst.samples.styles()["ink"], size=64).shape
    (64, 58, 3)
    """
    image = _from_array(source) if isinstance(source, np.ndarray) else _from_file(Path(source), size)
    return image if size is None else resize(image, fit(image.shape[:2], size))


def load_masks(masks: Sequence[str | os.PathLike | np.ndarray], content: Any, styles: int) -> list[np.ndarray]:
    """One region (H, W) in [0, 1] for each style, of the content's size; an empty list for no masks.

    masks: paths or arrays, their luminance is taken. content: the path or array that the masks belong to.
    Raises NstlibError for another number or size.
    """
    if not masks:
        return []
    if len(masks) != styles:
        raise NstlibError(f"{len(masks)} masks for {styles} styles; give one mask a style, or none")
    shape = shape_of(content)
    loaded = [luminance(load(mask))[..., 0] for mask in masks]
    for source, mask in zip(masks, loaded, strict=True):
        if mask.shape != shape:
            name = "a mask" if isinstance(source, np.ndarray) else f"mask {source}"
            raise NstlibError(f"{name} is {mask.shape[1]} x {mask.shape[0]}, content is {shape[1]} x {shape[0]}")
        if not mask.any():
            raise NstlibError(f"{'a mask' if isinstance(source, np.ndarray) else source} is black everywhere")
    return loaded


def shape_of(source: str | os.PathLike | np.ndarray) -> tuple[int, int]:
    """(H, W) of a path or an array, upright, without decoding the picture."""
    if isinstance(source, np.ndarray):
        _check_shape(source)
        return source.shape[:2]
    with _open(Path(source)) as picture:
        turned = picture.getexif().get(0x0112, 1) >= 5  # EXIF orientations that swap the sides
        return picture.size if turned else picture.size[::-1]


def fit(shape: tuple[int, int], longest: int) -> tuple[int, int]:
    """(H, W) scaled so that its longest side is `longest`, in whole pixels, at least 1."""
    scale = longest / max(shape)
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def resize(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The image at (H, W): averaged over areas where it shrinks, bicubic where it grows; values stay in [0, 1].

    >>> picture = nst.samples.frame(30)
    >>> nst.resize(picture, (90, 160)).shape
    (90, 160, 3)
    """
    if image.shape[:2] == tuple(shape):
        return image
    shrinks = shape[0] <= image.shape[0] and shape[1] <= image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.clip(cv2.resize(image, shape[::-1], interpolation=method), 0, 1)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """255 x, rounded: float [0, 1] -> uint8."""
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def save(
    path: str | os.PathLike, image: np.ndarray, *, record: dict[str, Any] | None = None, quick: bool = False
) -> Path:
    """The image (H, W, 3) in a file, by its extension; written beside and renamed, so never half there.

    The record travels in a PNG's text chunk, and as PATH.json beside any other format and where it is so long that
    readers would refuse the picture (1 MB). quick: a PNG in a third of the time, and a sixth larger.
    Raises NstlibError for an unknown extension, a missing folder, and what the system refuses.

    >>> picture = nst.samples.frame(30)
    >>> nst.save("frame.png", picture).name
    'frame.png'
    """
    path = Path(path)
    check_output(path)
    options: dict[str, Any] = {"quality": 95} if FORMATS[path.suffix.lower()] in ("JPEG", "WEBP") else {}
    options |= {"compress_level": 1} if quick else {}
    text = json.dumps(record) if record is not None else None
    inside = text and path.suffix.lower() == ".png" and len(text) < PngImagePlugin.MAX_TEXT_CHUNK
    if inside:
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text(RECORD, text, zip=True)
    with files.whole(path) as beside:
        Image.fromarray(to_uint8(image)).save(beside, FORMATS[path.suffix.lower()], **options)
    if text and not inside:
        with files.whole(path.with_name(path.name + ".json")) as beside:
            beside.write_text(text)
    return path


def read_record(path: str | os.PathLike) -> dict[str, Any]:
    """The record that `save` put into the PNG, or beside another format. Raises NstlibError where there is none.

    >>> path = nst.save("frame.png", nst.samples.frame(30), record={"settings": {"size": 640}})
    >>> nst.read_record(path)
    {'settings': {'size': 640}}
    """
    path = Path(path)
    try:
        with _open(path) as picture:
            text = picture.info.get(RECORD)
        beside = path.with_name(path.name + ".json")
        text = beside.read_text() if not text and beside.is_file() else text
        record = json.loads(text) if text else None
    except (ValueError, OSError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise NstlibError(f"{path} carries no record of nstlib; replay takes a picture that `nstlib image` wrote")
    return record


def check_output(path: Path) -> None:
    """Raises NstlibError unless a picture can be written there: known extension, existing and writable folder."""
    if path.suffix.lower() not in FORMATS:
        raise choose(f"output {path}: extension", path.suffix, FORMATS)
    try:
        if path.is_dir():
            raise NstlibError(f"{path} is a folder; name a file in it")
        if not path.parent.is_dir():
            raise NstlibError(f"{path}: there is no folder {path.parent}; make it first")
    except OSError as error:  # a name that is too long
        raise NstlibError(f"{path} cannot be written: {error.strerror}") from None
    if not os.access(path.parent, os.W_OK):
        raise NstlibError(f"{path}: the folder {path.parent} cannot be written; choose another output")


def _check_shape(array: np.ndarray) -> None:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or 0 in array.shape:
        raise NstlibError(f"array is {array.shape}; give (H, W), (H, W, 3) or (H, W, 4)")


def _from_array(array: np.ndarray) -> np.ndarray:
    _check_shape(array)
    if array.dtype == np.uint8:
        array = array / np.float32(255)
    elif not np.issubdtype(array.dtype, np.floating):
        raise NstlibError(f"array is {array.dtype}; give uint8, or floats in [0, 1]")
    array = array.astype(np.float32, copy=False)
    if not (np.isfinite(array).all() and array.min() >= -1e-3 and array.max() <= 1 + 1e-3):
        raise NstlibError(f"array has values from {array.min():g} to {array.max():g}; give floats in [0, 1] or uint8")
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.shape[2] == 4:
        array = array[..., :3] * array[..., 3:] + (1 - array[..., 3:])
    return np.clip(array, 0, 1)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Image.Image]:
    """The picture in a file, for Pillow to decode; its warnings are of damage that it gets over."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _opened(path) as picture:
            yield picture


def _opened(path: Path) -> Image.Image:
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # the limit is ours, said in one line
    try:
        if not path.exists():
            raise NstlibError(f"no such file: {path}")
        if path.is_dir():
            raise NstlibError(f"{path} is a folder; name a picture in it")
        picture = Image.open(path)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise NstlibError(f"{path} is no picture that can be read") from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    if picture.format == "EPS":
        picture.close()
        raise NstlibError(f"{path} is PostScript, a program that would have to be run; save it as a PNG")
    return picture


def _from_file(path: Path, size: int | None) -> np.ndarray:
    with _open(path) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise NstlibError(f"{path} is {picture.width} x {picture.height}; pictures to 20000 x 20000 are read")
        try:
            if size:  # a JPEG is decoded no larger than is needed
                picture.draft("RGB", (2 * size, 2 * size))
            return _rgb(ImageOps.exif_transpose(picture), max(1, max(picture.size) // (2 * size)) if size else 1)
        except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
            raise NstlibError(f"{path} is truncated or damaged: {error or 'it cannot be decoded'}") from error


def _rgb(picture: Image.Image, shrink: int) -> np.ndarray:
    """The decoded picture, averaged over `shrink` x `shrink` pixels while it is still bytes."""
    if picture.mode.startswith(("I", "F")):  # 16-bit grey, or floats
        grey = np.asarray(picture, np.float32) / (65535 if picture.mode.startswith("I") else 1)
        return _from_array(np.clip(grey, 0, 1))
    picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    return _from_array(np.asarray(picture.reduce(shrink) if shrink > 1 else picture))
