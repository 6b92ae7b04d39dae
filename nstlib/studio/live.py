"""The paper's "dynamic filter": the browser's camera, or a clip that plays, painted in the page as it comes."""

import math
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from ..engines.hub import SMALLEST, load_module
from ..errors import NstlibError
from ..media import images
from ..media.images import Picture

HERE = Path(__file__).parent
LARGEST = 1024  # px: the longest side of a frame
MOST_CLIP = 100_000_000  # bytes of a clip that goes to the page


class Live(anywidget.AnyWidget):
    """A page's part that sends a frame, has it painted, shows it, and sends the next; two are on their way at most.

    module: a folder that `nst.learn` made, `instant`, or any of engine hub's; style: the painting, which a learned
    module knows itself. clip: a video for the browser to play in the place of the camera. Frames are painted in this
    kernel and kept nowhere. Raises NstlibError for a module that cannot be had.

    >>> live = nst.Live("instant", nst.samples.styles()["ink"], size=64)
    >>> live.strength
    1.0
    """

    _esm = HERE / "live.js"
    _css = HERE / "live.css"
    strength = traitlets.Float(1.0, min=0, max=1).tag(sync=True)
    size = traitlets.Int(256).tag(sync=True)  # longest side of the frames, pixels
    clip = traitlets.Bytes(b"").tag(sync=True)
    told = traitlets.Unicode("").tag(sync=True)  # an error's line, shown on the page

    def __init__(
        self,
        module: str | Path = "instant",
        style: Picture | None = None,
        *,
        clip: str | Path | None = None,
        **more: Any,
    ) -> None:
        self._module = load_module(str(module))
        if style is None and self._module.known is None:
            raise NstlibError(f"{module} paints in any style; give a painting as the style")
        self._style = self._module.known if style is None else images.load(style, size=512)
        self.frames = 0  # painted so far
        super().__init__(clip=_read(clip) if clip else b"", **more)
        self._paint: tuple[float, Any] | None = None
        self.on_msg(self._answer)

    def paint(self, frame: np.ndarray) -> np.ndarray:
        """The frame (H, W, 3) with the strength that the slider has."""
        if self._paint is None or self._paint[0] != self.strength:
            size = max(self._style.shape[:2]) if self._module.known is not None else max(frame.shape[:2])
            self._paint = (self.strength, self._module.painter([self._style], [1.0], self.strength, size=size))
        return self._paint[1](frame)

    def _answer(self, _: Any, message: dict[str, Any], buffers: list[Any]) -> None:
        """A frame from the page, RGBA bytes; its picture goes back."""
        try:
            frame = _frame(message, buffers)
            painted = np.full((*frame.shape[:2], 4), 255, np.uint8)
            painted[..., :3] = images.to_uint8(self.paint(frame))
        except NstlibError as error:
            self.told = str(error)
            return
        self.frames += 1
        self.send({"width": painted.shape[1], "height": painted.shape[0]}, [painted.tobytes()])


def _frame(message: dict[str, Any], buffers: list[Any]) -> np.ndarray:
    """What a page sent, as a picture. NstlibError for anything else."""
    try:
        height, width = int(message["height"]), int(message["width"])
        pixels = np.frombuffer(buffers[0], np.uint8)
    except (LookupError, TypeError, ValueError):
        raise NstlibError("the page sent no frame; show the widget again") from None
    if not (min(height, width) >= SMALLEST and max(height, width) <= LARGEST and pixels.size == height * width * 4):
        raise NstlibError(f"the page sent a frame of {width} x {height}; {SMALLEST} to {LARGEST} pixels a side go")
    return pixels.reshape(height, width, 4)[..., :3] / np.float32(255)


def _read(clip: str | Path) -> bytes:
    path = Path(clip)
    try:
        size = path.stat().st_size
        if size > MOST_CLIP:
            raise NstlibError(f"{path} has {math.ceil(size / 1e6)} MB; clips to {MOST_CLIP // 10**6} MB go to a page")
        return path.read_bytes()
    except OSError as error:
        raise NstlibError(f"cannot read {path}: {error.strerror}") from None
