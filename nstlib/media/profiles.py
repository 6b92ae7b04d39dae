"""Colours of any profile as sRGB: ICC profiles by Little CMS, what PNG, HEIF and EXIF say beside them by formula."""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms

from ..errors import note

# Chromaticities (x, y) of red, green, blue and white by their code in ITU-T H.273, and Adobe RGB (1998).
D65 = (0.3127, 0.329)
PRIMARIES = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65),  # BT.709, sRGB
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),  # NTSC 1953
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),  # BT.601, 625 lines
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),  # BT.601, 525 lines
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),  # BT.2020
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),  # DCI P3
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),  # Display P3
}
PRIMARIES[7] = PRIMARIES[6]  # SMPTE 240M has the same
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

WHITE = 203.0  # nits of an HDR picture's diffuse white (ITU-R BT.2408), which becomes the white of SDR
PEAK = 1000.0  # nits at which the roll-off reaches white
KNEE = 0.75  # of SDR's linear light: below it HDR comes through as it is, above it highlights are rolled off
ROWS = 256  # of a picture, converted at a time


@dataclass(frozen=True)
class Coding:
    """What a picture's values mean: its primaries and white, and encoded value -> linear light, 1 being white.

    hdr: the light goes beyond 1, and is rolled off to it.
    """

    primaries: tuple[tuple[float, float], ...] = PRIMARIES[1]
    linear: Callable[[np.ndarray], np.ndarray] | None = None
    hdr: bool = False


def to_uint8(image: np.ndarray) -> np.ndarray:
    """255 x, rounded: float [0, 1] -> uint8; by some rows at a time, since a large picture has no room for copies."""
    result = np.empty(image.shape, np.uint8)
    for top in range(0, len(image), 256):
        rows = slice(top, top + 256)
        result[rows] = np.rint(np.clip(image[rows], 0, 1) * 255)
    return result


def srgb_linear(value: np.ndarray) -> np.ndarray:
    """((v + 0.055) / 1.055)^2.4, and v / 12.92 near black: sRGB -> linear light."""
    return np.where(value <= 0.04045, value / 12.92, ((np.maximum(value, 0) + 0.055) / 1.055) ** 2.4)


def srgb_encoded(light: np.ndarray) -> np.ndarray:
    """1.055 l^(1/2.4) − 0.055, and 12.92 l near black: linear light -> sRGB."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def pq_linear(value: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084 (PQ) -> light over diffuse white."""
    root = np.clip(value, 0, 1) ** (1 / 78.84375)
    return 10000 / WHITE * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)


def hlg_linear(value: np.ndarray) -> np.ndarray:
    """BT.2100 hybrid log-gamma -> the scene's light over that of diffuse white, which has the code 0.75.

    A display's system gamma is left out: BT.2100 makes it 1.2 at 1000 nits and about 1 at the brightness of SDR.
    """
    value = np.clip(value, 0, 1)
    scene = np.where(value <= 0.5, value**2 / 3, (np.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12)
    return scene / 0.2650


def power(exponent: float) -> Callable[[np.ndarray], np.ndarray]:
    """v^exponent -> linear light."""
    return lambda value: np.clip(value, 0, 1) ** exponent


# By code in H.273. BT.709's and its kin's stand for sRGB's curve, as on every screen that shows them.
TRANSFERS = {1: None, 4: power(2.2), 5: power(2.8), 6: None, 7: None, 8: power(1.0), 13: None, 14: None, 15: None}
TRANSFERS |= {16: pq_linear, 17: power(2.6), 18: hlg_linear}
HDR = (16, 18)
UNSAID = 2


def of_codes(primaries: int, transfer: int, name: str) -> Coding | None:
    """The coding that codes of H.273 (CICP) name; None for sRGB's, and with a note for codes that are not known."""
    unknown = [c for c, table in ((primaries, PRIMARIES), (transfer, TRANSFERS)) if c not in table and c != UNSAID]
    if unknown:
        note(f"{name} names colours of an unknown kind (code {unknown[0]}); they are taken for sRGB")
        return None
    coding = Coding(PRIMARIES.get(primaries, PRIMARIES[1]), TRANSFERS.get(transfer), transfer in HDR)
    if coding.hdr:
        note(f"{name} is HDR; its highlights are rolled off to fit sRGB")
    return None if coding == Coding() else coding


def read_profile(picture: Image.Image, stream: BinaryIO | None, name: str) -> bytes | Coding | None:
    """What an open picture says of its colours: an ICC profile, a coding, or None for sRGB.

    stream: the file's bytes, for what Pillow does not tell. PNG's chunks go in the order of its specification: cICP,
    iCCP, sRGB, gAMA with cHRM.
    """
    info = picture.info
    codes = _codes(picture, stream)
    if codes and (codes[0], codes[1]) != (UNSAID, UNSAID):
        return of_codes(codes[0], codes[1], name)
    if info.get("icc_profile"):
        return info["icc_profile"]
    if "srgb" in info:
        return None
    if "gamma" in info or "chromaticity" in info:
        return _of_png(info.get("gamma"), info.get("chromaticity"), name)
    return Coding(ADOBE, power(563 / 256)) if _is_adobe(picture) else None


def to_srgb(pixels: Image.Image | np.ndarray, colours: bytes | Coding | None, name: str) -> np.ndarray:
    """The pixels as sRGB, float32 in [0, 1], (H, W, 3).

    pixels: a Pillow image without alpha, of mode L, RGB, CMYK or LAB, or floats (H, W), (H, W, 3). colours: as `read`
    gives them. A profile that cannot be used is a note, and the picture is taken as if it had none.
    """
    if isinstance(colours, bytes):
        picture = Image.fromarray(to_uint8(pixels)) if isinstance(pixels, np.ndarray) else pixels
        try:
            picture, transform = _prepared(picture, colours)
            return _floats(ImageCms.applyTransform(picture, transform) if transform else picture.convert("RGB"))
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            note(f"{name} has a colour profile that cannot be used ({error}); its colours are taken without it")
    if isinstance(pixels, Image.Image):
        if pixels.mode == "LAB":
            pixels = ImageCms.applyTransform(pixels, _lab())
        pixels = _floats(pixels.convert("RGB"))
    elif pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return by_formula(pixels, colours) if isinstance(colours, Coding) else pixels


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """An ICC profile of sRGB, the same bytes every time."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # Little CMS writes the time of day there
    profile[84:100] = bytes(16)  # the checksum, which need not be there
    return bytes(profile)


def _prepared(picture: Image.Image, profile: bytes) -> tuple[Image.Image, ImageCms.ImageCmsTransform | None]:
    """The picture in the profile's own mode, and what makes it sRGB. Raises PyCMSError where they do not fit."""
    space, transform = _transform(profile)
    if space == "RGB " and picture.mode == "L":  # a grey picture with a profile of colours
        picture = picture.convert("RGB")
    if MODES.get(space) != picture.mode:
        raise ImageCms.PyCMSError(f"it is for {space.strip() or 'nothing known'}, the picture is {picture.mode}")
    return picture, transform


MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}


@lru_cache(maxsize=16)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """A profile's colour space, and what takes it to sRGB; None where that moves no colour by more than one of 255."""
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = opened.profile.xcolor_space
    if space not in MODES:
        return space, None
    transform = _to_srgb(opened, MODES[space])
    if space in ("RGB ", "GRAY"):
        steps = np.arange(0, 256, 15, np.uint8)
        probe = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(18, -1, 3)
        probe = Image.fromarray(probe if space == "RGB " else probe[..., 1])
        moved = np.int16(ImageCms.applyTransform(probe, transform)) - np.int16(probe.convert("RGB"))
        if abs(moved).max() <= 1:
            transform = None
    return space, transform


@lru_cache(maxsize=1)
def _lab() -> ImageCms.ImageCmsTransform:
    return _to_srgb(ImageCms.createProfile("LAB"), "LAB")


def _to_srgb(profile: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    """The perceptual intent; CMYK and Lab as they are, for Little CMS's shortcut is off by up to ten of 255 there."""
    flags = ImageCms.Flags.NONE if mode in ("RGB", "L") else ImageCms.Flags.NOOPTIMIZE
    return ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB", flags=flags)


def by_formula(pixels: np.ndarray, coding: Coding) -> np.ndarray:
    """Encoded pixels (H, W, 3) in [0, 1] -> sRGB in [0, 1]."""
    matrix = (np.linalg.inv(_to_xyz(PRIMARIES[1])) @ _to_xyz(coding.primaries)).astype(np.float32)
    linear = coding.linear or srgb_linear
    made = np.empty(pixels.shape, np.float32)
    for top in range(0, len(pixels), ROWS):
        light = linear(pixels[top : top + ROWS]) @ matrix.T
        made[top : top + ROWS] = srgb_encoded(_rolled_off(light) if coding.hdr else light)
    return np.clip(made, 0, 1, out=made)


def _rolled_off(light: np.ndarray) -> np.ndarray:
    """Light up to KNEE as it is, the rest by Reinhard's curve (2002, eq. 4) to 1 at PEAK; a pixel keeps its hue."""
    most = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    span = 1 - KNEE
    above, end = (most - KNEE) / span, (PEAK / WHITE - KNEE) / span
    rolled = KNEE + span * np.minimum(above * (1 + above / end**2) / (1 + np.maximum(above, 0)), 1)
    return np.where(most > KNEE, light * rolled / most, light)


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Linear RGB -> XYZ, (3, 3), adapted to D65 (Bradford). Raises LinAlgError for primaries that span no colours."""
    *colors, white = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in primaries)
    columns = np.stack(colors, axis=1)
    to_xyz = columns * np.linalg.solve(columns, white)
    at_d65 = np.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
    gains = (BRADFORD @ at_d65) / (BRADFORD @ white)
    return np.linalg.solve(BRADFORD, gains[:, None] * BRADFORD) @ to_xyz


def _of_png(gamma: float | None, chromaticity: tuple[float, ...] | None, name: str) -> Coding | None:
    """gAMA and cHRM. A gamma within 5 % of 1 / 2.2 stands for sRGB's curve, as in libpng."""
    try:
        linear = power(1 / gamma) if gamma is not None and abs(gamma * 2.2 - 1) > 0.05 else None
        primaries = PRIMARIES[1]
        if chromaticity is not None:
            white, *colors = zip(chromaticity[::2], chromaticity[1::2], strict=True)
            primaries = (*colors, white)
            if not np.isfinite(_to_xyz(primaries)).all():
                raise ValueError
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        note(f"{name} has gAMA or cHRM values that mean no colours; they are taken for sRGB")
        return None
    near = np.allclose(primaries, PRIMARIES[1], atol=2e-3)
    return None if near and linear is None else Coding(PRIMARIES[1] if near else primaries, linear)


def _codes(picture: Image.Image, stream: BinaryIO | None) -> tuple[int, ...] | None:
    """(primaries, transfer, …) of a PNG's cICP chunk or of HEIF's and AVIF's nclx box; None where there is none."""
    nclx = picture.info.get("nclx_profile")  # pillow-heif's
    if nclx and not picture.info.get("icc_profile"):
        return nclx["color_primaries"], nclx["transfer_characteristics"]
    if stream is None:
        return None
    stream.seek(0)
    if picture.format == "PNG":
        return _chunk(stream, b"cICP")
    if picture.format == "AVIF" and not picture.info.get("icc_profile"):
        _, found, rest = stream.read(1 << 16).partition(b"colrnclx")
        return struct.unpack(">2H", rest[:4]) if found and len(rest) >= 4 else None
    return None


def _chunk(stream: BinaryIO, name: bytes) -> bytes | None:
    """A PNG's chunk of that name before its pixels; None where there is none."""
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == name and length == 4:
            data = stream.read(4)
            return data if len(data) == 4 else None
        if kind == b"IDAT":
            break
        stream.seek(length + 4, io.SEEK_CUR)
    return None


def _is_adobe(picture: Image.Image) -> bool:
    """Whether EXIF says Adobe RGB, as cameras without a profile do (DCF 2.0: uncalibrated, interoperability R03)."""
    exif = picture.getexif() if picture.info.get("exif") else None
    if not exif:
        return False
    space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
    return space == 2 or (space == 65535 and str(exif.get_ifd(ExifTags.IFD.Interop).get(1)).startswith("R03"))


def _floats(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture) / np.float32(255)
