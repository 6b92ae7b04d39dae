"""The pixel contract: an image is RGB (sRGB), float32 in [0, 1], shape (H, W, 3). Take, load, save, resize."""

import io
import json
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, PngImagePlugin

from ..errors import NstlibError, choose
from . import _decoding, files, profiles
from .colors import luminance
from .profiles import to_uint8

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
READ = {*FORMATS, ".jpe", ".jfif", ".apng", ".avif", ".heic", ".heif", ".hif", ".gif", ".bmp", ".jp2", ".j2k"}
READ |= {".ppm", ".pgm", ".pnm", ".tga", ".psd", ".ico", ".qoi"}  # what is taken for a picture in a folder
RECORD = "nstlib"  # the PNG text chunk that holds the record
KINDS = "a path, bytes, an open file, a PIL image, an array or a tensor"

Picture = Any  # what people hold: KINDS
Taken = Path | bytes | np.ndarray  # what `take` makes of it


def take(given: Picture, what: str = "a picture") -> Taken:
    """What people hold, for keeps: a path; the bytes of a file or stream; a PIL image, array or tensor as an array.

    Arrays come out as `load` gives them; a path or bytes are not decoded yet. what: how an error calls it.
    Raises NstlibError for anything else.
    """
    if isinstance(given, str | os.PathLike):
        path = os.fspath(given)
        return Path(os.fsdecode(path))
    if isinstance(given, bytes | bytearray | memoryview):
        return bytes(given)
    if isinstance(given, Image.Image):
        return _from_pillow(given)
    if hasattr(given, "read"):
        return _from_stream(given, what)
    if isinstance(given, np.ndarray) or hasattr(given, "__array__"):
        return _from_array(_as_array(given, what), what)
    raise NstlibError(f"{what} is {_kind(given)}; give {KINDS}")


def take_all(given: Picture | Iterable[Picture], what: str = "a picture") -> list[Taken]:
    """One picture or several, taken; an array with a batch axis of one is one picture."""
    if isinstance(given, str | os.PathLike) or in_memory(given) or not isinstance(given, Iterable):
        return [take(given, what)]
    return [take(each, what) for each in given]


def in_memory(given: Any) -> bool:
    """Whether it is one picture, and no path: bytes, an open file, a PIL image, an array or a tensor."""
    kinds = bytes | bytearray | memoryview | Image.Image
    return isinstance(given, kinds) or hasattr(given, "read") or hasattr(given, "__array__")


def load(source: Picture, *, size: int | None = None) -> np.ndarray:
    """The image at the door: whatever people hold in, RGB float32 in [0, 1], shape (H, W, 3), out.

    Files: any format and mode that Pillow reads, and HEIC with pillow-heif; turned upright by EXIF, colours of any
    profile made sRGB, transparency laid on white, an animation's first frame. Arrays and tensors: uint8, uint16, bool,
    or floats in [0, 1]; (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), with or without a batch axis of one.
    size: longest side in pixels. Raises NstlibError, naming what arrived, for what is no whole image.

    >>> nst.load(nst.samples.styles()["ink"], size=64).shape
    (64, 58, 3)
    """
    taken = take(source)
    image = taken if isinstance(taken, np.ndarray) else _decoding.decode(taken, size)
    return image if size is None else resize(image, fit(image.shape[:2], size))


def load_masks(masks: Sequence[Picture], content: Picture, styles: int) -> list[np.ndarray]:
    """One region (H, W) in [0, 1] for each style, of the content's size; an empty list for no masks.

    masks: pictures as `load` takes them, of which the luminance is taken. content: the picture that they belong to.
    Raises NstlibError for another number or size.
    """
    if not len(masks):
        return []
    if len(masks) != styles:
        raise NstlibError(f"{len(masks)} masks for {styles} styles; give one mask a style, or none")
    shape = shape_of(content)
    loaded = [luminance(load(mask))[..., 0] for mask in masks]
    for source, mask in zip(masks, loaded, strict=True):
        name = f"mask {source}" if isinstance(source, str | os.PathLike) else "a mask"
        if mask.shape != shape:
            sizes = f"is {mask.shape[1]} x {mask.shape[0]}, content is {shape[1]} x {shape[0]}"
            raise NstlibError(f"{name} {sizes}; draw it over the content, at its size")
        if not mask.any():
            raise NstlibError(f"{name} is black everywhere")
    return loaded


def shape_of(source: Picture) -> tuple[int, int]:
    """(H, W) of a picture, upright, without decoding a file."""
    if isinstance(source, np.ndarray):
        return _single(source, "a picture").shape[:2]
    taken = take(source)
    if isinstance(taken, np.ndarray):
        return taken.shape[:2]
    with _decoding.opened(taken) as picture:
        return _decoding.shape_of(picture)


def bits_of(source: Picture) -> int:
    """The bits a channel of a picture: 16 for a deep file or array, else 8."""
    taken = take(source)
    if isinstance(taken, np.ndarray):
        return 8 if taken.dtype in (np.uint8, bool) else 16
    with _decoding.opened(taken) as picture:
        deep = picture.mode.startswith(("I", "F")) or ";16" in str(getattr(picture, "tile", ""))
    return 16 if deep else 8


def checksum(source: Picture) -> str:
    """SHA-256 of a file's bytes, or of an array's."""
    taken = source if isinstance(source, np.ndarray) else take(source)
    return files.checksum(np.ascontiguousarray(taken).tobytes() if isinstance(taken, np.ndarray) else taken)


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


def dithered(image: np.ndarray) -> np.ndarray:
    """The image with a fixed noise of at most half an 8-bit step, which breaks the bands that rounding would make.

    What 8 bits hold exactly stays. The noise is Jimenez's interleaved gradient noise (2014), shifted for each channel.
    """
    tile = _noise()
    side, width = len(tile), image.shape[1]
    tile = np.tile(tile, (1, -(-width // side), 1))[:, :width]
    result = np.empty_like(image, np.float32)
    for top in range(0, len(image), side):  # a large picture has no room for the noise
        rows = image[top : top + side]
        result[top : top + side] = rows + tile[: len(rows)]
    return np.clip(result, 0, 1, out=result)


def _dithered_bytes(image: np.ndarray) -> np.ndarray:
    """The dithered image in 8 bits, a strip at a time: a large one has no room for itself twice."""
    strips = range(0, len(image), len(_noise()))
    return np.concatenate([to_uint8(dithered(image[top : top + len(_noise())])) for top in strips])


@lru_cache
def _noise(side: int = 256) -> np.ndarray:
    y, x, channel = np.ogrid[:side, :side, :3]
    noise = 52.9829189 * ((0.06711056 * (x + 17 * channel) + 0.00583715 * (y + 11 * channel)) % 1) % 1
    return ((noise - 0.5) * (0.999 / 255)).astype(np.float32)


def encode(image: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    """The image (H, W, 3) as a file's bytes, tagged as sRGB. kind and options: Pillow's."""
    file = io.BytesIO()
    _write(file, image, kind, **options)
    return file.getvalue()


def save(
    path: str | os.PathLike,
    image: np.ndarray,
    *,
    record: dict[str, Any] | None = None,
    quick: bool = False,
    bits: int = 8,
    dither: bool = False,
) -> Path:
    """The image (H, W, 3) in a file, by its extension, tagged as sRGB; written beside and renamed, so never half there.

    The record travels in a PNG's text chunk, and as PATH.json beside any other format and where it is so long that
    readers would refuse the picture (1 MB). quick: a PNG in a fifth of the time, untagged, an eighth
    larger, its record beside it. bits: 16 for a PNG or TIFF of so many a channel, its record beside it. dither: break
    the bands that 8 bits would make (`dithered`).
    Raises NstlibError for an unknown extension, a missing folder, and what the system refuses.

    >>> picture = nst.samples.frame(30)
    >>> nst.save("frame.png", picture).name
    'frame.png'
    """
    path = Path(path)
    check_output(path)
    kind = FORMATS[path.suffix.lower()]
    text = json.dumps(record) if record is not None else None
    deep = bits == 16 and is_deep(path)
    bare = deep or quick
    inside = text and kind == "PNG" and not bare and len(text) < PngImagePlugin.MAX_TEXT_CHUNK
    options: dict[str, Any] = {}
    if inside:
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text(RECORD, text, zip=True)
    with files.whole(path) as beside:
        if bare:
            values = np.rint(np.clip(image, 0, 1) * 65535).astype(np.uint16) if deep else to_uint8(image)
            beside.write_bytes(cv2.imencode(path.suffix.lower(), values[..., ::-1])[1].tobytes())
        else:
            _write(beside, image, kind, dither=dither, **options)
    if text and not inside:
        with files.whole(path.with_name(path.name + ".json")) as beside:
            beside.write_text(text)
    return path


def is_deep(path: str | os.PathLike) -> bool:
    """Whether a file of this name can have 16 bits a channel: a PNG or TIFF."""
    return FORMATS.get(Path(path).suffix.lower()) in ("PNG", "TIFF")


def read_record(path: str | os.PathLike) -> dict[str, Any]:
    """The record that `save` put into the PNG, or beside another format. Raises NstlibError where there is none.

    >>> path = nst.save("frame.png", nst.samples.frame(30), record={"settings": {"size": 640}})
    >>> nst.read_record(path)
    {'settings': {'size': 640}}
    """
    path = Path(path)
    try:
        with _decoding.opened(path) as picture:
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


def _write(file: Path | io.BytesIO, image: np.ndarray, kind: str, *, dither: bool = False, **options: Any) -> None:
    if kind == "PNG":
        options.setdefault("pnginfo", PngImagePlugin.PngInfo()).add(b"sRGB", b"\0")  # 0: the perceptual intent
    else:
        options["icc_profile"] = profiles.srgb_profile()
    if kind in ("JPEG", "WEBP"):
        options.setdefault("quality", 95)
    Image.fromarray(_dithered_bytes(image) if dither else to_uint8(image)).save(file, kind, **options)


def _kind(given: Any) -> str:
    """What arrived, in words."""
    if given is None:
        return "None"
    kind = type(given)
    return f"of type {kind.__name__}" if kind.__module__ == "builtins" else f"of type {kind.__module__}.{kind.__name__}"


def _from_stream(stream: Any, what: str) -> bytes:
    """The bytes of an open file, from its beginning where it can go back."""
    try:
        if getattr(stream, "seekable", lambda: False)():
            stream.seek(0)
        data = stream.read()
    except (OSError, ValueError) as error:  # ValueError: it is closed
        raise NstlibError(f"{what} is a file that cannot be read: {error}") from None
    if not isinstance(data, bytes | bytearray | memoryview):
        raise NstlibError(f"{what} is a file opened as text; open it with mode 'rb'")
    return bytes(data)


def _from_pillow(picture: Image.Image) -> np.ndarray:
    name = getattr(picture, "filename", "") or "a PIL image"
    _decoding.check_pixels(name, *picture.size)
    try:
        return _decoding.pixels_of(picture, str(name))
    except NstlibError:
        raise
    except Exception as error:  # its file is damaged, or closed
        raise NstlibError(f"{name} cannot be decoded: {error}") from error


def _as_array(given: Any, what: str) -> np.ndarray:
    try:
        array = np.asarray(given)
    except Exception as error:  # a tensor on a device, or one without values
        raise NstlibError(f"{what} is {_kind(given)}, which gives no array: {error}") from None
    if array.dtype.name in ("bfloat16", "float16"):
        array = array.astype(np.float32)
    return array


def _single(array: np.ndarray, what: str) -> np.ndarray:
    """The array without its batch axis. Raises NstlibError for a shape that is no picture's."""
    what, given = _called(what), array.shape
    if array.ndim == 4 or (array.ndim == 3 and len(array) == 1 and array.shape[2] not in CHANNELS):
        if len(array) != 1:
            raise NstlibError(f"{what} is {given}, a batch of {len(array)}; give one picture of it, such as x[0]")
        array = array[0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in CHANNELS) or 0 in array.shape:
        turned = "; its channels stand first" if array.ndim == 3 and len(array) in CHANNELS else ""
        raise NstlibError(f"{what} is {given}{turned}; give (H, W), (H, W, 3) or (H, W, 4)")
    return array


def _called(what: str) -> str:
    return "array" if what == "a picture" else f"{what}, an array,"


def _from_array(array: np.ndarray, what: str) -> np.ndarray:
    """(H, W, 3) in [0, 1] of an array in any form that `load` names."""
    array, what = _single(array, what), _called(what)
    if array.dtype in RANGES:
        array = array / np.float32(RANGES[array.dtype])
    elif array.dtype.kind != "f":
        raise NstlibError(f"{what} is {array.dtype}; give uint8, uint16, bool, or floats in [0, 1]")
    array = array.astype(np.float32, copy=False)
    if not (np.isfinite(array).all() and array.min() >= -1e-3 and array.max() <= 1 + 1e-3):
        lowest, highest = array.min(), array.max()
        raise NstlibError(f"{what} has values from {lowest:g} to {highest:g}; give floats in [0, 1], or uint8")
    if array.ndim == 2:
        array = array[..., None]
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    return np.clip(_decoding.over_white(array[..., :3], array[..., 3:]), 0, 1)


CHANNELS = (1, 3, 4)
RANGES = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535, np.dtype(bool): 1}
