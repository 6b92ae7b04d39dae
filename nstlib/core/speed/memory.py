"""What a run will need, said before it starts, and the tiles that keep it within what is free."""

import psutil

from ...errors import NstlibError
from ...settings import Settings

# Peak bytes a pixel, measured from 512 to 1024 px a side: of a loss with its gradient (activations are kept for the
# way back), and of everything that is as large as the picture (optimiser, targets, copies).
BYTES_A_PIXEL = {"vgg19": 1700, "random": 1700, "compact": 600}
BYTES_A_PICTURES_PIXEL = 400
BYTES_BASE = 0.95e9  # the program itself
HALVED = 4 / 3  # with those of the picture halved once, twice, …
SIDES = (1024, 512, 256)
MARGINS = 2 * 96


def estimate(shape: tuple[int, int], settings: Settings, tile: int = 0) -> int:
    """The bytes that a run on a picture (H, W) needs at its peak; tile: the side of its tiles, 0 for none."""
    pixels = shape[0] * shape[1]
    at_once = min(pixels, (tile + MARGINS) ** 2) if tile else pixels
    if settings.forms and not tile:
        at_once *= HALVED
    return int(BYTES_BASE + at_once * BYTES_A_PIXEL[settings.extractor] + pixels * BYTES_A_PICTURES_PIXEL)


def choose_tile(shape: tuple[int, int], settings: Settings) -> int:
    """`settings.tile`, or where that is 0 the side of tiles that a picture (H, W) needs to fit; 0 for no tiles.

    Raises NstlibError where a run needs more memory than is free, however small its tiles.
    """
    free = psutil.virtual_memory().available
    sides = (settings.tile,) if settings.tile else (0, *SIDES)
    for side in sides:
        if estimate(shape, settings, side) <= free:
            return side
    need = estimate(shape, settings, sides[-1])
    raise NstlibError(
        f"size={settings.size}: {shape[1]} x {shape[0]} pixels need about {need / 1e9:.1f} GB with {settings.extractor}"
        f" in tiles of {sides[-1]}, {free / 1e9:.1f} GB are free; choose a smaller size, or the extractor compact"
    )
