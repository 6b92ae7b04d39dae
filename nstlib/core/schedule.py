"""The plan of a run: which sizes, in which arithmetic, until which evaluation. Pure data; no TensorFlow."""

import math
from typing import NamedTuple

from ..media import images
from ..settings import Settings

COARSE = (0.2, 0.1)  # of the evaluations: at the smallest size, and at each further one before the last
FAST = 160  # evaluations of the last size in bfloat16, at most: further on its rounding holds L-BFGS up
EXACT = 1 / 16  # of the evaluations, the last ones, in float32 in any case


class Stage(NamedTuple):
    """A part of a run: the picture's (H, W), whose features, their arithmetic, and the evaluation that ends it.

    warm: by the extractor `compact`, before the run's own.
    """

    shape: tuple[int, int]
    precision: str
    until: float
    warm: bool = False


def plan(shape: tuple[int, int], settings: Settings, *, smallest: int, warm: bool = False) -> list[Stage]:
    """The stages of a run on a picture (H, W): coarse to fine, and mixed arithmetic's end in float32.

    smallest: the shortest side that reaches the deepest layer; warm: all but a last share of the steps, at full size,
    are compact's.
    """
    steps, mixed = settings.steps, settings.precision == "mixed"
    fast = "bfloat16" if mixed else "float32"
    sizes = scale_shapes(shape, settings.scales, smallest)
    stages = [[size, fast, warm] for size in sizes]
    ends = [round(steps * (COARSE[0] + k * COARSE[1])) for k in range(len(sizes) - 1)]

    if warm:
        stages.append([shape, fast, False])
        ends.append((max([0, *ends]) + steps) // 2)
    if mixed:
        begin = max([0, *ends])
        stages.append([shape, "float32", False])
        ends.append(max(begin, min(begin + FAST, steps - math.ceil(EXACT * steps))))

    untils = [*ends, math.inf]
    return [Stage(size, precision, until, warm) for (size, precision, warm), until in zip(stages, untils, strict=True)]


def scale_shapes(shape: tuple[int, int], scales: int, smallest: int) -> list[tuple[int, int]]:
    """The sizes of a run, coarse to fine, each about twice the one before; the last is `shape`.

    scales 0: coarser ones while the longest side is 256 pixels or more. None has a side under `smallest`.
    """
    count = scales or max(1, int(math.log2(max(shape) / 256)) + 1)
    shapes = [images.fit(shape, round(max(shape) / 2**k)) for k in range(count)]
    return [s for s in reversed(shapes) if min(s) >= smallest or s == shape]
