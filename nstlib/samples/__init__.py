"""The bundled samples: a clip whose exact flow is known, a night, three styles, and styles as busy as one asks.

`python -m nstlib.samples` draws them anew.

>>> content, style = nst.samples.frame(30), nst.samples.styles()["ink"]
>>> figure = nst.show({"content": content, "style": style})
"""

from functools import lru_cache
from numbers import Real
from operator import index as whole
from pathlib import Path

import numpy as np

from ..errors import NstlibError
from ._drawing import FPS, FRAMES, SIZE

DATA = Path(__file__).resolve().parent / "data"
STYLES = ("whirls", "mosaic", "ink")  # the smooth one last
SEED = 1


def clip() -> Path:
    """60 frames of 640 x 360 at 24 a second, H.264, with sound: `frame(0)` to `frame(59)`."""
    return _bundled(DATA / "clip.mp4")


def styles() -> dict[str, Path]:
    """The style images by name: whirls (thick strokes), mosaic (the busiest), ink (a wash; the smoothest)."""
    return {name: _bundled(DATA / "styles" / f"{name}.jpg") for name in STYLES}


def photograph() -> Path:
    """A real photograph, 512 x 600: the portrait in the public domain that comes with matplotlib."""
    from matplotlib import get_data_path

    return _bundled(Path(get_data_path(), "sample_data", "grace_hopper.jpg"))


def _bundled(path: Path) -> Path:
    """The path, if there is a file."""
    if not path.is_file():
        raise NstlibError(f"{path}: the bundled sample is missing; draw it anew with: python -m nstlib.samples")
    return path


def frame(index: int, *, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Frame `index` of the clip as it is drawn, uncompressed: (H, W, 3) float32 RGB in [0, 1].

    index: 0 to 59. size: (H, W); other shapes than 9:16 stretch the picture. Sizes above 720 x 1280 add no detail.
    """
    from ._drawing import scene

    return scene.resize(scene.render(_known(index)), _sized(size))


def exact_flow(index: int, other: int, *, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """The flow w with frame[index](x) = frame[other](x + w), and the reliability c of every pixel.

    Returns w, (H, W, 2) float32, (dx, dy) in pixels of `size`, and c, (H, W) float32: 1 where the point seen in
    frame `index` is seen in frame `other` too; 0 where it is hidden there, outside it, or where the pixel lies on an
    edge and mixes two motions. For frame t and the one before it: exact_flow(t, t - 1).
    """
    from ._drawing import scene

    return scene.flow(_known(index), _known(other), _sized(size))


def busy_style(busyness: float, *, seed: int = 0, size: tuple[int, int] = (512, 512)) -> np.ndarray:
    """A painting with 2 · 16^busyness shapes along its shorter side: (H, W, 3) float32 RGB in [0, 1].

    busyness: 0 (few, large, smooth) to 1 (very many, small), the palette and the hand unchanged. seed: another
    painting of the same kind. size: (H, W).
    """
    from ._drawing.busy import busy

    if not (isinstance(busyness, Real) and 0 <= busyness <= 1):
        raise NstlibError(f"busyness={busyness!r}; give a number from 0 to 1")
    return busy(float(busyness), np.random.default_rng(seed), _sized(size))


def night(*, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A town across the water at night, to light a photograph by: (H, W, 3) float32 RGB in [0, 1].

    size: (H, W); other shapes than 9:16 stretch the picture.
    """
    from ._drawing import scene
    from ._drawing.night import night as drawn

    return scene.resize(drawn(np.random.default_rng(SEED)), _sized(size))


def _known(index: int) -> int:
    """The frame's number, if the clip has it."""
    try:
        number = whole(index)
    except TypeError:
        number = -1
    if not 0 <= number < FRAMES:
        raise NstlibError(f"frame {index!r}; the sample clip has frames 0 to {FRAMES - 1}")
    return number


def _sized(size: tuple[int, int]) -> tuple[int, int]:
    """(H, W), if both are whole numbers of at least 8."""
    try:
        height, width = map(whole, size)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 8:
        raise NstlibError(f"size={size!r}; give (height, width), each a whole number of at least 8")
    return height, width


@lru_cache(maxsize=len(STYLES))
def paint_style(name: str) -> np.ndarray:
    """The style `name` as it is drawn, before it becomes a file: (H, W, 3) float32 RGB in [0, 1]."""
    from ._drawing import ink, mosaic, whirls

    draw = {"whirls": whirls.whirls, "mosaic": mosaic.mosaic, "ink": ink.ink}[name]
    return draw(np.random.default_rng(SEED))


def render(folder: Path = DATA) -> None:
    """Draw every bundled sample into a folder: clip.mp4 and styles/*.jpg, the same ones every time."""
    from PIL import Image

    from ._drawing import film

    (folder / "styles").mkdir(parents=True, exist_ok=True)
    for name in STYLES:
        picture = Image.fromarray(np.rint(paint_style(name) * 255).astype(np.uint8))
        picture.save(folder / "styles" / f"{name}.jpg", quality=93, subsampling=0)
    sound = film.soundtrack(FRAMES / FPS, SEED)
    film.write(folder / "clip.mp4", map(frame, range(FRAMES)), size=SIZE, fps=FPS, sound=sound)
