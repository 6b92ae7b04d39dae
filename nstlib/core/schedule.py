"""The plan of a run: which sizes, in which arithmetic, until which evaluation. Pure data; no TensorFlow.

What a layer sees is some dozen pixels wide, so that large forms are found where the picture is small, and an
evaluation there costs little: at 192 pixels a sixteenth of one at 768.
"""

import math
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from ..errors import NstlibError
from ..media import images
from ..settings import Settings

FIRST = 192  # pixels, the longest side of the smallest size: smaller ones find blocks in the place of forms
LEAST = (128, 64)  # pixels, the longest side of the most halved picture whose style counts; above HALF
HALF = 0.5  # of `forms`: above it composition is taken over too
LAST = 0.2  # of the evaluations: at the full size; of the others each size has half as many as the one before

# where the sizes are counted by `scales`
COARSE = (0.2, 0.1)  # of the evaluations: at the smallest size, and at each further one before the last
FIT = 256  # px, a photograph's longest side where its colour maps are found: they hold at every size
NARROW = 32  # px, the shortest side there: what the deepest layer needs
PHOTO_COARSE = (0.6, 0.1)  # of the evaluations: at half of that, where most of the way is gone at a quarter of the time
FAST = 160  # evaluations of the last size in bfloat16, at most: further on its rounding holds L-BFGS up
EXACT = 1 / 40  # of the evaluations, the last ones, in float32 in any case


class Stage(NamedTuple):
    """A part of a run: the picture's (H, W), whose features, their arithmetic, and the evaluation that ends it.

    warm: by the extractor `compact`, before the run's own.
    """

    shape: tuple[int, int]
    precision: str
    until: float
    warm: bool = False


def result_shape(source: tuple[int, int], settings: Settings) -> tuple[int, int]:
    """(H, W) of the result for a content of (H, W)."""
    return images.fit(source, settings.size) if settings.size else source


def working_size(settings: Settings) -> int:
    """The longest side at which pictures are compared."""
    return min(settings.size or FIT, FIT) if settings.rendering == "photo" else settings.size


def working_shape(shape: tuple[int, int], settings: Settings) -> tuple[int, int]:
    """(H, W) at which pictures are compared for a result of (H, W); of a photographed panorama larger than others."""
    longest = min(working_size(settings), max(shape))
    if settings.rendering == "photo" and min(images.fit(shape, longest)) < NARROW:
        longest = min(math.ceil(NARROW * max(shape) / min(shape)), max(shape))
    return images.fit(shape, longest)


def plan(shape: tuple[int, int], settings: Settings, *, smallest: int, warm: bool = False) -> list[Stage]:
    """The stages of a run that compares pictures of (H, W): coarse to fine, and mixed arithmetic's end in float32.

    smallest: the shortest side that reaches the deepest layer; warm: all but a last share of the steps, at full size,
    are compact's.
    """
    steps, mixed = settings.steps, settings.precision == "mixed"
    fast = "float32" if settings.precision == "float32" else "bfloat16"
    photo = settings.rendering == "photo"
    scales = settings.scales or 2 * photo
    sizes = doubling(shape, scales, smallest) if scales else growing(shape, smallest)
    stages = [(size, fast, warm) for size in sizes]
    if warm:
        stages.append((shape, fast, False))
    coarse = PHOTO_COARSE if photo else COARSE
    ends = _counted(steps, len(sizes), coarse, warm=warm) if scales else _shared(steps, len(stages))

    if mixed:
        begin = max([0, *ends])
        stages.append((shape, "float32", False))
        ends.append(max(begin, min(begin + FAST, steps - math.ceil(EXACT * steps))))

    planned = zip(stages, [*ends, math.inf], [0, *ends], strict=True)
    return [Stage(*stage, until, warm) for (*stage, warm), until, begin in planned if until > begin]


def network_of(settings: Settings, warm: bool) -> Settings:
    """The settings whose extractor a stage has. Raises NstlibError where a warm start is compact's already."""
    if not warm:
        return settings
    if settings.extractor == "compact":
        raise NstlibError("init=compact is a start for vgg19 and random; with the extractor compact choose content")
    return replace(settings, extractor="compact", weights="", pooling="max")


def growing(shape: tuple[int, int], smallest: int) -> list[tuple[int, int]]:
    """The sizes of a run, from 192 pixels up to `shape`, each about as many times the one before, at most 2.4 times."""
    longest = max(shape)
    count = max(0, round(math.log2(longest / FIRST) + 0.25))  # of doublings; what is under a quarter of one is none
    sides = [longest * (FIRST / longest) ** (k / count) for k in range(count, 0, -1)]
    shapes = [images.fit(shape, round(side)) for side in sides]
    return [*(s for s in shapes if min(s) >= smallest), shape]


def doubling(shape: tuple[int, int], scales: int, smallest: int) -> list[tuple[int, int]]:
    """So many sizes, each about twice the one before; the last is `shape`, and none has a side under `smallest`."""
    shapes = [images.fit(shape, round(max(shape) / 2**k)) for k in range(scales)]
    return [s for s in reversed(shapes) if min(s) >= smallest or s == shape]


def level_count(shape: tuple[int, int], forms: float, smallest: int) -> int:
    """At how many sizes a picture (H, W) is compared with its style: its own, and halved down to 128 pixels.

    Down to 64 where `forms` is above a half; its own alone where that is 0.
    """
    count, least = 1, LEAST[forms > HALF]
    while forms and max(shape) >> count >= least and min(shape) >> count >= smallest:
        count += 1
    return count


def _shared(steps: int, count: int) -> list[int]:
    """The evaluations that end the stages before the last, which has a fifth of all."""
    halves = list(accumulate(2.0**-k for k in range(count - 1)))
    return [int((1 - LAST) * steps * share / halves[-1]) for share in halves]


def _counted(steps: int, sizes: int, coarse: tuple[float, float], *, warm: bool) -> list[int]:
    """The same, where the sizes were counted."""
    ends = [round(steps * (coarse[0] + k * coarse[1])) for k in range(sizes - 1)]
    return [*ends, (max([0, *ends]) + steps) // 2] if warm else ends
