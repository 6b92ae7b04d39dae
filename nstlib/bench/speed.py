"""Speed: the time to the loss that the tutorial's recipe reaches, what a step costs beside its network, start-up.

Both sides of a ratio run in turn in one process, on the same extractor and the same loss, and save their pictures to
outputs/speed/, so that "the same loss" can be seen to be the same picture.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

import keras
import numpy as np
import tensorflow as tf

from nstlib import images, samples
from nstlib.settings import Settings
from nstlib.stylize import Run

from . import Row

SHARED = Path(__file__).parents[2] / ".." / "shared"
PICTURES = Path("outputs/speed")
NAMES = (
    ("golden_gate", "starry_night"),
    ("tubingen", "the_scream"),
    ("chicago", "la_muse"),
    ("green_sea_turtle", "great_wave_crop"),
    ("tubingen", "kandinsky"),
    ("chicago", "mondrian"),
)
STEPS = (300, 1000)
LIMITS = {300: (8, 15), 1000: (6, 12)}
SHAPES = ((256, 256), (384, 512))


def rows() -> Iterator[Row]:
    """Every figure, from the longest to the shortest."""
    for shape in SHAPES:
        yield from to_the_recipes_loss(shape, pairs())
    yield overhead()
    yield growth()
    yield import_time()
    yield second_start()


def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    """Six contents with six styles from ../shared, or the samples' frame with each bundled style."""
    if not SHARED.is_dir():
        return [(samples.frame(30), images.load(style)) for style in samples.styles().values()]
    folders = SHARED / "contents", SHARED / "paintings"
    return [tuple(images.load(f / f"{n}.jpg") for f, n in zip(folders, names, strict=True)) for names in NAMES]


class Recipe:
    """The tutorial's loop: from the content, Adam(0.02, 0.99, epsilon 0.1), max pooling, clipped to [0, 1].

    The loss is multiplied by 1e6, about the size that it has in the tutorial, so that Adam's epsilon weighs as little.
    """

    def __init__(self, run: Run) -> None:
        self._image, self._run = tf.Variable(run.image), run
        self._optimizer = keras.optimizers.Adam(learning_rate=0.02, beta_1=0.99, epsilon=0.1)
        self._train_step = tf.function(self._step)

    def _step(self) -> tf.Tensor:
        loss, gradient, _ = self._run._model.loss(self._image, self._run._targets, self._run._weights)
        self._optimizer.apply_gradients([(1e6 * gradient, self._image)])
        self._image.assign(tf.clip_by_value(self._image, 0.0, 1.0))
        return loss

    def train(self, steps: int) -> tuple[list[float], list[float]]:
        """The loss of each step and the seconds until it was known; tracing and the first step are not counted."""
        self._train_step()
        began, losses, seconds = perf_counter(), [], []
        for _ in range(steps):
            losses.append(float(self._train_step()))
            seconds.append(perf_counter() - began)
        return losses, seconds

    @property
    def image(self) -> np.ndarray:
        """The picture so far."""
        return self._image.numpy()


def to_the_recipes_loss(shape: tuple[int, int], given: list[tuple[np.ndarray, np.ndarray]]) -> Iterator[Row]:
    """recipe ÷ ours: seconds to the loss that the recipe reaches after 300 and after 1000 steps."""
    ratios: dict[int, list[float]] = {steps: [] for steps in STEPS}
    for number, (content, style) in enumerate(given):
        content = images.resize(content, shape)
        settings = Settings(size=max(shape), steps=4 * STEPS[-1])
        recipe = Recipe(Run(content, style, replace(settings, scales=1)))
        losses, seconds = recipe.train(STEPS[-1])
        _keep(f"{shape[0]}-{number}-recipe", recipe.image)
        ours = _ours(content, style, settings, [losses[steps - 1] for steps in STEPS], f"{shape[0]}-{number}")
        for steps, mine in zip(STEPS, ours, strict=True):
            ratios[steps].append(seconds[steps - 1] / mine)
    for steps in STEPS:
        name = f"time to the recipe's loss after {steps} steps, {shape[0]}x{shape[1]}: recipe / ours"
        yield Row("speed", name, median(ratios[steps]), *LIMITS[steps], "higher")


def _ours(content: np.ndarray, style: np.ndarray, settings: Settings, goals: list[float], name: str) -> list[float]:
    """Seconds, from the run's making on, until each of the falling goals is reached at the full size."""
    next(Run(content, style, settings))  # the trace is the recipe's too
    began, reached = perf_counter(), []
    run = Run(content, style, settings)
    for step in run:
        while len(reached) < len(goals) and step.shape == run.shape and step.losses["total"] <= goals[len(reached)]:
            reached.append(perf_counter() - began)
            _keep(f"{name}-ours-{STEPS[len(reached) - 1]}", run.image)
        if len(reached) == len(goals):
            break
    return reached + [float("inf")] * (len(goals) - len(reached))


def _keep(name: str, image: np.ndarray) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    images.save(PICTURES / f"{name}.png", image)


def in_turn(*jobs: Callable[[], object], rounds: int = 15) -> list[float]:
    """The median seconds of each job, run in turn."""
    times: list[list[float]] = [[] for _ in jobs]
    for _ in range(rounds):
        for job, seconds in zip(jobs, times, strict=True):
            began = perf_counter()
            job()
            seconds.append(perf_counter() - began)
    return [median(seconds) for seconds in times]


def _run(side: int) -> Run:
    content = images.resize(samples.frame(30), (side, side))
    run = Run(content, samples.styles()["whirls"], Settings(size=side, steps=100000, scales=1))
    for _ in range(8):  # until the history is full
        next(run)
    return run


def overhead() -> Row:
    """A step of ours against its loss and gradient alone."""
    run = _run(256)
    step, loss = in_turn(lambda: next(run), lambda: _evaluate(run))
    name = "optimiser and Python, over a step's loss and gradient, compact, 256x256"
    return Row("speed", name, step / loss - 1, 0.15, 0.05, "lower")


def growth() -> Row:
    """How the time of a step grows from 256x256 to 1024x1024, over the growth of pixels."""
    small, large = _run(256), _run(1024)
    of_small, of_large = in_turn(lambda: next(small), lambda: next(large), rounds=7)
    return Row(
        "speed", "time of a step, 1024x1024 / 256x256 / 16, compact", of_large / of_small / 16, 1.1, 1.0, "lower"
    )


def _evaluate(run: Run) -> None:
    run._model.loss(run.optimizer.x, run._targets, run._weights)[1].numpy()


def import_time() -> Row:
    """Seconds of `import nstlib`, beyond starting Python."""
    bare, ours = in_turn(
        *(lambda code=code: subprocess.run([sys.executable, "-c", code], check=True) for code in ("", "import nstlib"))
    )
    return Row("speed", "import nstlib, s", ours - bare, 0.1, None, "lower")


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
