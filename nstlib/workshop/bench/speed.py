"""Speed: the time to the loss that the tutorial's recipe reaches, what a step costs beside its network, start-up.

Both sides of a ratio run in turn in one process, on the same extractor and the same loss, and save their pictures to
outputs/speed/, so that "the same loss" can be seen to be the same picture. SPEED_PAIRS=2 takes two pairs for six.
"""

import math
import os
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from ... import samples
from ...core.run import Run
from ...media import images
from ...settings import Settings
from . import Row, _vgg19
from ._recipe import Pair, Recipe, in_turn, pairs

PICTURES = Path("outputs/speed")
PAIRS = int(os.environ.get("SPEED_PAIRS", "6"))
STEPS = (300, 1000)
LENGTHS = [round(10 * 2 ** (k / 8)) for k in range(61)]  # evaluations of our runs, 10 to 1810
STRIDE = 4  # of LENGTHS at once, before the last ones are halved
SHAPES = {(256, 256): PAIRS, (384, 512): (PAIRS + 2) // 3}  # how many pairs
LIMITS = {  # floor and aim, by shape and steps
    (256, 256): {300: (9, 15), 1000: (5, 12)},
    (384, 512): {300: (12, 20), 1000: (8, 12)},
}
SCALES = {(256, 256): 1, (384, 512): 2}  # of ours: what comes to a loss at full size soonest
VGG19_STEPS = 5  # of the recipe on VGG19's layout, whose time does not depend on its weights


def rows() -> Iterator[Row]:
    """Every figure, from the longest to the shortest."""
    for shape, count in SHAPES.items():
        yield from to_the_recipes_loss(shape, pairs()[:count])
    yield from _vgg19.rows()
    yield overhead()
    yield growth()
    yield repaint()
    yield import_time()
    yield first_picture()
    yield second_start()


def to_the_recipes_loss(shape: tuple[int, int], given: Sequence[Pair]) -> Iterator[Row]:
    """recipe ÷ ours: seconds to the loss that the recipe reaches after 300 and after 1000 steps, on compact.

    And the seconds that the recipe's steps would take on VGG19, over ours.
    """
    times: dict[int, list[tuple[float, float]]] = {steps: [] for steps in STEPS}
    for number, (content, style) in enumerate(given):
        content = images.resize(content, shape)
        settings = Settings(size=max(shape), forms=0, scales=SCALES[shape])  # the recipe's loss
        recipe = Recipe(Run(content, style, replace(settings, scales=1, precision="float32")))
        losses, seconds = recipe.train(STEPS[-1])
        _keep(f"{shape[0]}-{number}-recipe", recipe.image)
        ours = _ours(content, style, settings, [losses[steps - 1] for steps in STEPS], f"{shape[0]}-{number}")
        for steps, mine in zip(STEPS, ours, strict=True):
            times[steps].append((seconds[steps - 1], mine))
    slow = _vgg19.step_seconds(images.resize(given[0][0], shape), given[0][1], VGG19_STEPS)
    for steps in STEPS:
        name = f"loss of {steps} steps, {shape[0]}x{shape[1]}"
        ratio = median(theirs / mine for theirs, mine in times[steps])
        yield Row("speed", f"time to the recipe's {name}: recipe / ours", ratio, *LIMITS[shape][steps], "higher")
        ratio = median(slow * steps / mine for _, mine in times[steps])
        name = f"{name}: recipe on vgg19 (timed over {VGG19_STEPS}) / ours on compact"
        yield Row("speed", name, ratio, 100, 200, "higher")


def _ours(content: np.ndarray, style: np.ndarray, settings: Settings, goals: list[float], name: str) -> list[float]:
    """Seconds, from the run's making on, of the shortest of LENGTHS that comes to each of the falling goals.

    How long a run is decides how long it stays at coarse scales, so that each goal has a run of its own.
    """
    next(Run(content, style, settings))  # the first stage's trace; float32's is the recipe's too
    reached, least = [], 0
    for goal, steps in zip(goals, STEPS, strict=True):
        least, run, seconds = _shortest(content, style, settings, goal, least)  # what missed it misses the lower ones
        _keep(f"{name}-ours-{steps}", run.image)
        reached.append(seconds)
    return reached


def _shortest(
    content: np.ndarray, style: np.ndarray, settings: Settings, goal: float, least: int
) -> tuple[int, Run, float]:
    """The first of LENGTHS, from its place `least` on, that comes to the goal, else the last: place, run, seconds."""
    timed = cache(lambda k: _timed(content, style, replace(settings, steps=LENGTHS[k]), goal))

    def enough(k: int) -> bool:
        return timed(k)[1] < math.inf

    far = next((k for k in range(least, len(LENGTHS), STRIDE) if enough(k)), len(LENGTHS) - 1)
    place = bisect_left(range(far), True, lo=max(least, far - STRIDE + 1), key=enough)
    return place, *timed(place)


def _timed(content: np.ndarray, style: np.ndarray, settings: Settings, goal: float) -> tuple[Run, float]:
    """A run and the seconds until its loss at full size, in float32, comes to the goal; infinite where it does not."""
    began = perf_counter()
    run = Run(content, style, settings)
    for step in run:
        exact = step.shape == run.shape and run._model is run.model
        if exact and step.losses["total"] <= goal:
            return run, perf_counter() - began
    return run, math.inf


def _keep(name: str, image: np.ndarray) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    images.save(PICTURES / f"{name}.png", image)


def _run(side: int, **more: Any) -> Run:
    content = images.resize(samples.frame(30), (side, side))
    run = Run(content, samples.styles()["whirls"], Settings(size=side, steps=100000, scales=1, forms=0), **more)
    for _ in range(3):  # until everything is traced
        next(run)
    return run


def overhead() -> Row:
    """A step of ours against its loss and gradient alone."""
    run = _run(256)
    step, loss = in_turn(lambda: next(run), lambda: _evaluate(run), rounds=75)
    name = "optimiser and Python, over a step's loss and gradient, compact, 256x256"
    return Row("speed", name, step / loss - 1, 0.15, 0.05, "lower")


def growth() -> Row:
    """How the time of a step grows from 256x256 to 1024x1024, over the growth of pixels."""
    small, large = _run(256), _run(1024)
    of_small, of_large = in_turn(lambda: next(small), lambda: next(large), rounds=7)
    return Row(
        "speed", "time of a step, 1024x1024 / 256x256 / 16, compact", of_large / of_small / 16, 1.1, 1.0, "lower"
    )


def repaint() -> Row:
    """A step of a run that repaints a round region of a tenth of its picture, over a step of the whole picture."""
    side = 512
    y, x = np.mgrid[:side, :side] - side / 2
    region = np.float32(x**2 + y**2 < 0.1 * side**2 / np.pi)
    start = images.resize(samples.frame(0), (side, side))
    part, whole = _run(side, start=start, region=region), _run(side)
    of_part, of_whole = in_turn(lambda: next(part), lambda: next(whole), rounds=25)
    name = "time of a step, a region of a tenth / the whole picture, 512x512, compact"
    return Row("speed", name, of_part / of_whole, 0.5, 0.25, "lower")


def _evaluate(run: Run) -> None:
    run._model.loss(run.optimizer.x, run._targets, run._weights)[1].numpy()


def import_time() -> Row:
    """Seconds of `import nstlib`, beyond starting Python."""
    bare, ours = in_turn(
        *(lambda code=code: subprocess.run([sys.executable, "-c", code], check=True) for code in ("", "import nstlib"))
    )
    return Row("speed", "import nstlib, s", ours - bare, 0.01, None, "lower")


def first_picture() -> Row:
    """Processor seconds of `nstlib image`, one step at 256 pixels, over those of TensorFlow's import alone."""
    inputs = [str(samples.photograph()), str(samples.styles()["whirls"])]
    ratios = []
    with TemporaryDirectory() as folder:
        words = ["image", *inputs, "-o", f"{folder}/out.png", "--size", "256", "--steps", "1"]
        for _ in range(5):
            ours, imported = map(_processor_seconds, (["-m", "nstlib", *words], ["-c", "import tensorflow"]))
            ratios.append(ours / imported)
    name = "nstlib image, 256 px, one step, over TensorFlow's import alone, processor time"
    return Row("speed", name, median(ratios), 1.6, 1.3, "lower")


def _processor_seconds(words: Sequence[str]) -> float:
    before = os.times()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def second_start() -> Row:
    """Seconds from a second run's making to the end of its first step, less one step."""
    content, style = samples.frame(30), samples.styles()["whirls"]
    settings = Settings(size=256)
    run = Run(content, style, settings)
    for _ in range(3):
        next(run)
    (start,) = in_turn(lambda: next(Run(content, style, settings)), rounds=5)
    (step,) = in_turn(lambda: next(run), rounds=5)
    return Row("speed", "second run, same size: time before the first step, s", start - step, 0.2, None, "lower")
