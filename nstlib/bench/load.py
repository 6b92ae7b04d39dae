"""Load: what a long clip and a large picture need, each measured in a process of its own.

Sizes are arguments, so that the rows can be tried small: `list(load.rows(counts=(10, 20), side=512))`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from . import Row

CLIP = """
import resource, sys, tempfile, time
from pathlib import Path
import numpy as np
from nstlib import clips, samples, video
from nstlib.settings import Settings
picture = np.random.default_rng(0).random((48, 64, 3), np.float32)
seconds = []
with tempfile.TemporaryDirectory() as folder:
    frames = (np.roll(picture, i, 1) for i in range(int(sys.argv[1])))
    clips.write_frames(Path(folder) / "in.mp4", frames, fps=25)
    settings = Settings(size=64, steps=2, next_steps=1)
    film = video.Film(Path(folder) / "in.mp4", samples.styles()["ink"], Path(folder) / "out.mp4", settings)
    seconds = [frame.seconds for frame in film]
    film.write()
print([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, seconds])
"""

PICTURE = """
import resource, sys
from nstlib import images, samples
from nstlib.settings import Settings
from nstlib.stylize import Run
side = int(sys.argv[1])
content = images.resize(samples.frame(30), (side, side))
next(Run(content, samples.styles()["whirls"], Settings(size=side, tile=int(sys.argv[2]), scales=1, steps=1)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def rows(counts: tuple[int, int] = (50, 2000), side: int = 4096, tile: int = 512) -> Iterator[Row]:
    """A clip of many frames against one of few, and the peak of a large picture in tiles."""
    yield from clip(*counts)
    yield picture(side, tile)


def clip(few: int, many: int) -> Iterator[Row]:
    """Peak memory over peak memory; the time of a late frame over that of an early one."""
    (low, _), (high, seconds) = (_measured(CLIP, count) for count in (few, many))
    yield Row("load", f"peak memory, {many} frames / {few}", high / low, 1.05, 1.0, "lower")
    quarter = many // 4
    early, late = (_median(part) for part in (seconds[few // 4 : quarter], seconds[-quarter:]))
    yield Row("load", f"time of a frame, last quarter of {many} / first", late / early, 1.1, 1.0, "lower")


def picture(side: int, tile: int) -> Row:
    """The peak of one step with L-BFGS."""
    peak = _measured(PICTURE, side, tile) * 1024 / 1e9
    return Row("load", f"peak memory of a {side} x {side} picture in tiles of {tile}, GB", peak, 8, 6, "lower")


def _measured(code: str, *arguments: int) -> Any:
    call = [sys.executable, "-c", code, *map(str, arguments)]
    return json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
