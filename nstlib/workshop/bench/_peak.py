"""What a process needs: `python -m nstlib.workshop.bench._peak KIND SIZE STEPS` prints [peak bytes, seconds a frame].

ours, recipe: steps of either on VGG19's layout, SIZE pixels a side. print: compact's run where 8 GB are free, which
chooses its own tiles. clip: SIZE small frames through `video`. sweep: SIZE small cells. learn: a painting, SIZE crops.
"""

import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

from ... import samples
from ...core.speed import memory
from ...media import clips, images
from ...media.limits import Limit
from ...settings import Settings


def measured(kind: str, size: int, steps: int) -> tuple[int, list[float]]:
    """(peak memory, bytes; seconds of each of a clip's frames or a sweep's cells) of a process of its own."""
    call = [sys.executable, "-m", "nstlib.workshop.bench._peak", kind, str(size), str(steps)]
    return tuple(json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout))


def paint(kind: str, side: int, steps: int) -> None:
    """Takes the steps on one picture."""
    from ...core.run import Run
    from ._recipe import Recipe

    if kind == "print":
        memory.tightest = lambda: Limit("free memory", 8e9)
    extractor = "compact" if kind == "print" else "random"
    precision = "float32" if kind == "recipe" else "auto"
    settings = Settings(extractor=extractor, size=side, scales=1, steps=steps, precision=precision)
    run = Run(images.resize(samples.frame(30), (side, side)), samples.styles()["whirls"], settings)
    if kind == "recipe":
        Recipe(run).train(steps - 1)
    else:
        run.finish()


def film(count: int, steps: int) -> list[float]:
    """Paints so many frames of 64 x 48; the seconds of each."""
    from ...video.film import Film

    picture = np.random.default_rng(0).random((48, 64, 3), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        frames = (np.roll(picture, i, 1) for i in range(count))
        clips.write_frames(Path(folder) / "in.mp4", frames, fps=25)
        settings = Settings(size=64, steps=steps, next_steps=1)
        made = Film(Path(folder) / "in.mp4", samples.styles()["ink"], Path(folder) / "out.mp4", settings)
        seconds = [frame.seconds for frame in made]
        made.write()
    return seconds


def sweep(count: int, steps: int) -> list[float]:
    """Paints so many pictures of 64 x 48, with table and sheet; the seconds of each."""
    from ...scale.sweeps import sweep

    seconds, began = [], perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(size=64, steps=steps)
        for _ in sweep(
            samples.frame(30), samples.styles()["ink"], {"seed": range(count)}, settings=settings, output=folder
        ):
            seconds.append(perf_counter() - began)
            began = perf_counter()
    return seconds


def learn(side: int, steps: int) -> list[float]:
    """Learns a sample's painting with crops of this size; the seconds of each step."""
    from ...engines.lessons import Lesson, learn

    seconds, began = [], perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        lesson = Lesson(steps=steps, size=side)
        for _ in learn(samples.styles()["whirls"], Path(folder) / "whirls", lesson=lesson):
            seconds.append(perf_counter() - began)
            began = perf_counter()
    return seconds


def high_water() -> int:
    """This process's own peak, bytes, from Linux's /proc; `ru_maxrss` would count the process that started it too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    from ... import core  # noqa: F401 (TensorFlow, without its own lines)

    kind, size, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    work = {"clip": film, "sweep": sweep, "learn": learn}.get(kind) or partial(paint, kind)
    seconds = work(size, steps)
    print(json.dumps([high_water(), seconds]))
