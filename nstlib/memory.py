"""What a run will need, said before it starts."""

import psutil

from .errors import NstlibError
from .settings import Settings

# Peak bytes a pixel of a loss and its gradient, and those of the program itself.
BYTES_A_PIXEL = {"vgg19": 2600, "random": 2600, "compact": 900}
BYTES_BASE = 1.2e9


def estimate(shape: tuple[int, int], settings: Settings) -> int:
    """The bytes that a run on a picture (H, W) needs at its peak."""
    part = 0.6 if settings.precision == "bfloat16" else 1.0
    return int(BYTES_BASE + shape[0] * shape[1] * BYTES_A_PIXEL[settings.extractor] * part)


def check(shape: tuple[int, int], settings: Settings) -> None:
    """Raises NstlibError where a run on a picture (H, W) needs more memory than is free."""
    need, free = estimate(shape, settings), psutil.virtual_memory().available
    if need > free:
        raise NstlibError(
            f"size={settings.size}: {shape[1]} x {shape[0]} pixels need about {need / 1e9:.1f} GB with "
            f"{settings.extractor}, {free / 1e9:.1f} GB are free; choose a smaller size or the extractor compact"
        )
