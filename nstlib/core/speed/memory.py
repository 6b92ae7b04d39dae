"""What a run will need, said before it starts; tiles that keep it within its limits, smaller ones where it fails."""

import cv2
import numpy as np
import tensorflow as tf

from ...errors import NstlibError, note
from ...media import limits
from ...media.limits import Limit
from ...settings import Settings

# Peak bytes a pixel, measured from 512 to 1024 px a side: of a loss with its gradient (activations are kept for the
# way back), and of everything that is as large as the picture (optimiser, targets, copies).
BYTES_A_PIXEL = {"vgg19": 1700, "random": 1700, "compact": 600}
BYTES_A_PICTURES_PIXEL = 400
BYTES_BASE = 0.95e9  # the program itself
HALVED = 4 / 3  # with those of the picture halved once, twice, …
SIDES = (1024, 512, 256)
MARGINS = 2 * 96

EXHAUSTED = (tf.errors.ResourceExhaustedError, MemoryError)
# What other errors say where memory ran out in oneDNN, OpenCV, CUDA and cuDNN; each has a type of its own.
OTHERS = (tf.errors.OpError, cv2.error, RuntimeError)
WORDS = ("out of memory", "failed to allocate", "insufficient memory", "could not create a memory", "bad_alloc")
WORDS += ("alloc_failed", "no algorithm worked")


class OutOfMemory(NstlibError):
    """There is not enough memory, however small the tiles; `image` is the last good picture, where there is one."""

    image: np.ndarray | None = None


def estimate(shape: tuple[int, int], settings: Settings, tile: int = 0) -> int:
    """The bytes that a run on a picture (H, W) needs at its peak; tile: the side of its tiles, 0 for none."""
    pixels = shape[0] * shape[1]
    seen = (shape[0] + 2 * settings.border) * (shape[1] + 2 * settings.border)
    at_once = min(seen, (tile + MARGINS) ** 2) if tile else seen
    if settings.forms and not tile:
        at_once *= HALVED
    return int(BYTES_BASE + at_once * BYTES_A_PIXEL[settings.extractor] + pixels * BYTES_A_PICTURES_PIXEL)


def choose_tile(shape: tuple[int, int], settings: Settings) -> int:
    """`settings.tile`, or where that is 0 the side of tiles that a picture (H, W) needs to fit; 0 for no tiles.

    Raises OutOfMemory where a run needs more than the tightest limit leaves, however small its tiles.
    """
    limit = tightest()
    sides = (settings.tile,) if settings.tile else (0, *SIDES)
    for side in sides:
        if estimate(shape, settings, side) <= limit.free:
            return side
    need = estimate(shape, settings, sides[-1])
    free = f"{limit.free / 1e9:.1f} GB are free"
    free += "" if limit.name == "free memory" else f" of {limit.name}"
    other = "" if settings.extractor == "compact" else ", or the extractor compact"
    raise OutOfMemory(
        f"size={settings.size}: {shape[1]} x {shape[0]} pixels need about {need / 1e9:.1f} GB with {settings.extractor}"
        f" in tiles of {sides[-1]}, {free}; choose a smaller size{other}"
    )


def tightest() -> Limit:
    """What a run meets first: the GPU's memory, where TensorFlow computes on one, or what this process may have."""
    if not tf.config.list_physical_devices("GPU"):
        return limits.least()
    card = limits.first_card()
    if card is None:
        return limits.least()
    used = tf.config.experimental.get_memory_info("GPU:0")  # TensorFlow keeps what it had at its peak
    return Limit("the GPU's memory", card.free + used["peak"] - used["current"])


def ran_out(error: Exception) -> bool:
    """Whether the error is one of too little memory."""
    words = str(error).lower()
    return isinstance(error, EXHAUSTED) or (isinstance(error, OTHERS) and any(word in words for word in WORDS))


def smaller_tile(shape: tuple[int, int], tile: int) -> int:
    """The next smaller side of tiles for a picture (H, W), with a note. Raises OutOfMemory where there is none."""
    whole = tile == 0 or tile >= max(shape)
    sides = [side for side in SIDES if side < (max(shape) if whole else tile)]
    if not sides:
        raise OutOfMemory("memory ran out, and there are no smaller tiles; choose a smaller size, or free memory")
    note(f"memory ran out; going on in tiles of {sides[0]} pixels")
    return sides[0]
