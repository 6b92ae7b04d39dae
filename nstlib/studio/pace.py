"""How long a run has yet to go, by the sizes that are still to come."""

from collections.abc import Hashable, Iterator
from html import escape
from statistics import median

from ..core import schedule
from ..core.run import Run
from ..engines.starts import from_network, large
from ..settings import Settings

LAST = 15  # evaluations of one size that are looked at
LONG = 60  # seconds: a run that takes longer is told of before it starts
KIND = ("extractor", "weights", "pooling", "style_layers", "content_layers")  # what an evaluation's time depends on
SMALLEST = 16  # the shortest side that the deepest layer of most networks takes, pixels


class Pace:
    """Seconds an evaluation takes, by the settings that matter to it and size; those not seen follow from the others.

    Of a size that was not seen, an evaluation takes as long as of the nearest one that was, by its pixels.
    """

    def __init__(self) -> None:
        self._seen: dict[Hashable, dict[int, list[float]]] = {}

    def add(self, settings: Settings, shape: tuple[int, int], seconds: float) -> None:
        """An evaluation at a size (H, W) has taken so long."""
        pixels = shape[0] * shape[1]
        times = self._seen.setdefault(kind(settings), {}).setdefault(pixels, [])
        times.append(seconds)
        del times[:-LAST]

    def seconds(self, settings: Settings, pixels: int) -> float | None:
        """What an evaluation takes; None where none of its kind was seen."""
        sizes = self._seen.get(kind(settings))
        if not sizes:
            return None
        nearest = min(sizes, key=lambda size: abs(size - pixels))
        return median(sizes[nearest]) * pixels / nearest

    def left(self, settings: Settings, shape: tuple[int, int], number: int, total_steps: int) -> float | None:
        """Seconds from evaluation `number` to the end of a run on a picture (H, W); None where nothing is known."""
        if self.seconds(settings, 1) is None:
            return None
        parts = to_come(settings, shape, number, total_steps)
        return sum(self.seconds(settings, pixels) * count for pixels, count in parts)


def kind(settings: Settings) -> Hashable:
    """What tells two evaluations of one size apart, in their time."""
    return tuple(getattr(settings, name) for name in KIND)


def to_come(settings: Settings, shape: tuple[int, int], number: int, total_steps: int) -> Iterator[tuple[int, int]]:
    """The pixels of each size that is still to come, and how many evaluations it has."""
    for stage in planned(settings, shape)[0]:
        until = min(stage.until, total_steps)
        if until > number:
            yield stage.shape[0] * stage.shape[1], int(until - number)
            number = until


def planned(settings: Settings, shape: tuple[int, int]) -> tuple[list[schedule.Stage], int]:
    """The stages of a run on a picture (H, W), and its evaluations."""
    stages = schedule.plan(schedule.working_shape(shape, settings), settings, smallest=SMALLEST)
    stages, left_out = large(stages) if from_network(settings) else (stages, 0)
    return stages, settings.steps - left_out


def status(run: Run, pace: Pace) -> str:
    """Where a run is, its size now and at its end, and how long it has yet to go, as a line of HTML."""
    now, end = run.image_shape, run.shape
    left = pace.left(run.settings, run.shape, run.number, run.total_steps)
    parts = [
        f"step <b>{run.number}</b> of {run.total_steps}",
        *_sizes(run, now, end),
        f"about {roughly(left)} left" if left else "",
        escape(run.settings.extractor),
    ]
    return " · ".join(part for part in parts if part)


def _sizes(run: Run, now: tuple[int, int], end: tuple[int, int]) -> list[str]:
    """The size now and at the end; a photograph is shown at its own, whatever its maps are found at."""
    if run.settings.rendering == "photo":
        return [f"{sides(end)} px, its maps found at {sides(now)}"]
    return [f"{sides(now)} px" if now == end else f"{sides(now)} px, {sides(end)} at the end"]


def before_start(shape: tuple[int, int], settings: Settings, pace: Pace) -> str:
    """What a run on a picture (H, W) would be: its size, and how long it takes where that is known and long."""
    end = schedule.result_shape(shape, settings)
    count = planned(settings, end)[1]
    seconds = pace.left(settings, end, 0, count)
    steps = "one pass" if settings.engine == "hub" else f"{count} steps"
    text = f"{steps}, {sides(end)} px at the end"
    return f"{text}: about {roughly(seconds)} on this machine" if seconds and seconds > LONG else text


def sides(shape: tuple[int, int]) -> str:
    """(H, W) as one says it: 640 × 360."""
    return f"{shape[1]} × {shape[0]}"


def roughly(seconds: float) -> str:
    """A time as one says it: 8 s, 40 s, 3 min, 2 h."""
    if seconds < 20:
        return f"{max(1, round(seconds))} s"
    if seconds < 90:
        return f"{5 * round(seconds / 5)} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h" if seconds < 36000 else f"{round(seconds / 3600)} h"
