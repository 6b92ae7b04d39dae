"""Decoded video frames into pictures: deinterlaced, in sRGB, over a background, upright, in square pixels."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np

from . import images, profiles

SCALER = "area+accurate_rnd+full_chroma_int"
MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}  # H.273
BT2020, FULL_RANGE = 9, 2
WIDE = (9, 11, 12)  # primaries: BT.2020, DCI P3, Display P3
HDR = {16: "PQ", 18: "HLG"}
Numbered = tuple[int, av.VideoFrame]
Matrix = tuple[int, int, int, int]
UPRIGHT: Matrix = (1, 0, 0, 1)


def matrix_of(frame: av.VideoFrame) -> Matrix:
    """Signs a, b, c, d of the display matrix: a stored (x, y) is shown at (a x + c y, b x + d y), y downwards."""
    found = next((data for data in frame.side_data if data.type.name == "DISPLAYMATRIX"), None)
    if found is None:
        return UPRIGHT
    a, b, _, c, d, *_ = (int(n) for n in np.frombuffer(bytes(found), np.int32))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (-1 if a < 0 else 1, 0, 0, -1 if d < 0 else 1)
    return (0, -1 if b < 0 else 1, -1 if c < 0 else 1, 0)


def rotation(matrix: Matrix) -> int:
    """Degrees, anticlockwise, that the matrix turns by; 0 for one that mirrors."""
    return {UPRIGHT: 0, (0, -1, 1, 0): 90, (-1, 0, 0, -1): 180, (0, 1, -1, 0): 270}.get(matrix, 0)


def upright(picture: np.ndarray, matrix: Matrix) -> np.ndarray:
    """The stored picture as it is shown."""
    a, b, c, d = matrix
    picture = picture if a else picture.transpose(1, 0, 2)
    picture = picture[:, ::-1] if min(a, c) < 0 else picture
    return picture[::-1] if min(b, d) < 0 else picture


def has_alpha(frame: av.VideoFrame) -> bool:
    """Whether parts of the frame may be transparent."""
    return frame.format.name == "pal8" or any(component.is_alpha for component in frame.format.components)


def deinterlaced(frames: Iterable[Numbered], fields: str) -> Iterator[Numbered]:
    """Each frame whole; those that are not interlaced as they are.

    fields: "tff" or "bff" for frames that do not know it themselves. The filter lags by a frame, and loses none.
    """
    graph, kind, waiting = None, None, deque()
    for number, frame in frames:
        needed = graph or frame.interlaced_frame or fields in ("tff", "bff")
        if not needed or frame.width < 3 or frame.height < 4:
            yield number, frame
            continue
        if kind != (kind := (frame.width, frame.height, frame.format.name)):
            yield from _drained(graph, waiting, ended=True)
            order = f"parity={fields}:deint=all" if fields in ("tff", "bff") else "parity=auto:deint=interlaced"
            # not bwdif: it is 0.5 to 1.2 dB nearer on two real clips, and draws bright lines along hard edges
            graph = _graph(frame, ("yadif", f"mode=send_frame:{order}"))
        waiting.append(number)
        graph.push(frame)
        yield from _drained(graph, waiting)
    yield from _drained(graph, waiting, ended=True)


def _drained(graph: Any, waiting: deque[int], *, ended: bool = False) -> Iterator[Numbered]:
    if graph is None:
        return
    if ended:
        graph.push(None)
    while waiting:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield waiting.popleft(), frame


def _graph(frame: av.VideoFrame, *filters: tuple[str, str]) -> Any:
    graph = av.filter.Graph()
    base = frame.time_base or Fraction(1, 25)
    last = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format.name, time_base=base)
    for name, options in filters:
        following = graph.add(name, options)
        last.link_to(following)
        last = following
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


@dataclass
class Developer:
    """Frames to pictures (height, width, 3), uint8 sRGB."""

    width: int
    height: int
    matrix: Matrix = UPRIGHT
    crop: tuple[int, int] | None = None  # width and height of the stored picture without what pads it
    background: tuple[int, int, int] = (255, 255, 255)
    _scalers: dict[Any, Any] = field(default_factory=dict)

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """The frame's picture."""
        alpha, coding = has_alpha(frame), _coding(frame)
        whole = alpha or self.crop  # what needs its own pixels is made smaller last
        stored = (self.width, self.height) if self.matrix[0] else (self.height, self.width)
        size = (frame.width, frame.height) if whole else stored
        if not (alpha or coding):
            picture = self._scaled(frame, size, "rgb24")
        else:
            picture = self._scaled(frame, size, "gbrap16le" if alpha else "gbrp16le") / np.float32(65535)
            colours, share = picture[..., :3], picture[..., 3:]
            colours = profiles.by_formula(colours, coding) if coding else colours
            colours = share * colours + (1 - share) * np.float32(self.background) / 255 if alpha else colours
            picture = images.to_uint8(colours)
        if self.crop:
            picture = picture[: self.crop[1], : self.crop[0]]
        picture = np.ascontiguousarray(upright(picture, self.matrix))
        return images.to_uint8(images.resize(as_float(picture), (self.height, self.width))) if whole else picture

    def _scaled(self, frame: av.VideoFrame, size: tuple[int, int], form: str) -> np.ndarray:
        kind = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range, size, form)
        if kind not in self._scalers:
            options = f"{size[0]}:{size[1]}:flags={SCALER}{_source_colours(frame)}"
            self._scalers = {kind: _graph(frame, ("scale", options), ("format", form))}
        self._scalers[kind].push(frame)
        return self._scalers[kind].pull().to_ndarray()


def _coding(frame: av.VideoFrame) -> profiles.Coding | None:
    """How to make sRGB of what is HDR or has a wide gamut; None for the rest, which stays as every player shows it."""
    transfer, primaries = frame.color_trc, frame.color_primaries
    if transfer in profiles.HDR:
        primaries = primaries if primaries in profiles.PRIMARIES else BT2020
        return profiles.Coding(profiles.PRIMARIES[primaries], profiles.TRANSFERS[transfer], hdr=True)
    return profiles.Coding(profiles.PRIMARIES[primaries]) if primaries in WIDE else None


def tone_mapped(frame: av.VideoFrame) -> str:
    """What kind of HDR it is; empty for SDR."""
    return HDR.get(frame.color_trc, "")


def is_see_through(frame: av.VideoFrame) -> bool:
    """Whether a frame has transparent parts."""
    return has_alpha(frame) and bool(frame.reformat(format="rgba").to_ndarray()[..., 3].min() < 255)


def _source_colours(frame: av.VideoFrame) -> str:
    """The scaler's options for Y'CbCr; if the file does not say, BT.709 for HD and BT.601 for less."""
    form = frame.format
    if form.is_rgb or form.has_palette or len(form.components) < 3:
        return ""
    guess = "bt709" if frame.width >= 1280 or frame.height > 576 else "bt601"
    guess = "bt2020" if frame.color_primaries == BT2020 else guess
    full = frame.color_range == FULL_RANGE or form.name.startswith("yuvj")
    return f":in_color_matrix={MATRICES.get(frame.colorspace, guess)}:in_range={'pc' if full else 'tv'}"


def as_float(picture: np.ndarray) -> np.ndarray:
    """uint8 -> float32 in [0, 1]."""
    return picture.astype(np.float32) / 255
