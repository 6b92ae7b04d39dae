"""A grid of settings through any `concurrent.futures` executor: results stream in, and are kept when it stops."""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.speed.arithmetic import resolved
from ..core.styles import Picture
from ..errors import NstlibError
from ..media import files, images
from ..media.locks import Lock
from ..settings import Settings
from .axes import STYLE, Axes, cell_settings, check_axes, product
from .cells import file_name, one_line, paint_alone, paint_cell, read_input
from .sheets import Sheet
from .workers import LOST, Input, Outcome

WORK = ".work"  # in the folder while a sweep is at work there
WINDOW = 256  # cells under way at a time, so that memory does not grow with a sweep


@dataclass(frozen=True)
class Cell:
    """One place of the grid: its number from 0, its values by axis, and the picture that they gave, or the error.

    losses: the last ones, unweighted. seconds: of the run.
    """

    number: int
    values: dict[str, Any]
    picture: Path | None
    losses: dict[str, float]
    seconds: float
    error: str = ""

    @property
    def image(self) -> np.ndarray:
        """The picture (H, W, 3). Raises NstlibError where there is only an error."""
        if self.picture is None:
            raise NstlibError(self.error)
        return images.load(self.picture)


def sweep(
    content: Picture,
    styles: Picture | Sequence[Picture],
    axes: Axes,
    executor: Executor | None = None,
    *,
    settings: Settings | None = None,
    output: str | Path = "outputs/sweep",
    window: int = WINDOW,
) -> Iterator[Cell]:
    """Every cell of the product of the axes, as it is finished; those that `output` already has come first.

    axes: {setting: values}, and `style` for pictures in the place of `styles`. executor: any of concurrent.futures,
    Dask's `client.get_executor()` among them; None: here, one after the other. Each picture is a PNG with its record
    in the folder `output`, named by its values and by a checksum of all that it depends on; table.csv and sheet.png
    grow beside them. At most `window` cells are under way. The pictures do not depend on the executor if TensorFlow
    has one thread in each process, as `workers.one_thread` sets it.
    A cell that cannot be made has the `error`. Raises NstlibError, at once, for an unknown axis, an input that cannot
    be read, and a folder in which another process is sweeping, and later where the executor is lost.

    >>> axes, settings = {"style_weight": [1, 3]}, nst.Settings(size=48, steps=2)
    >>> cells = nst.sweep(nst.samples.photograph(), nst.samples.styles()["ink"], axes, settings=settings, output="out")
    >>> [cell.values for cell in cells]
    [{'style_weight': 1}, {'style_weight': 3}]
    """
    axes = check_axes(axes)
    folder = files.make_folder(Path(output))
    given = images.take_all(styles)
    jobs = Jobs(
        read_input(content), () if STYLE in axes else tuple(map(read_input, given)), settings or Settings(), folder
    )
    sheet = Sheet(folder, axes, images.shape_of(content))
    return _kept(_cells(jobs, axes, executor, window), sheet, _claim(folder))


def _claim(folder: Path) -> Lock:
    """The folder, for this sweep alone, without what a kill left half written."""
    try:
        (folder / WORK).mkdir(exist_ok=True)
        lock = Lock(folder / WORK, folder)
        files.remove_torn(folder, "table.csv", "sheet.png", "*=*.png")
    except OSError as error:
        raise NstlibError(f"{folder} cannot be written: {error.strerror}") from None
    return lock


def _kept(cells: Iterator[Cell], sheet: Sheet, lock: Lock) -> Iterator[Cell]:
    """The cells, each taken up by the sheet, while the folder is this sweep's."""
    try:
        for cell in cells:
            lock.check()
            sheet.add(cell.number, cell.values, vars(cell))
            yield cell
    finally:
        if lock.held:
            sheet.write()
            lock.remove()


@dataclass(frozen=True)
class _Job:
    """A cell to make: its number, its values, what it is made of, and its file."""

    number: int
    values: dict[str, Any]
    inputs: tuple[Input, ...]  # the content, then the styles
    settings: Settings
    picture: Path


@dataclass
class Jobs:
    """What the cells of a sweep have in common; called with a cell's values, the job."""

    content: Input
    styles: tuple[Input, ...]
    settings: Settings
    folder: Path

    def __post_init__(self) -> None:
        self._taken: dict[str, Input] = {}

    def __call__(self, number: int, values: dict[str, Any]) -> _Job:
        """Raises NstlibError for values that no run can have."""
        settings = cell_settings(self.settings, values)
        if isinstance(settings, NstlibError):
            raise settings
        inputs = (self.content, *(self.styles if STYLE not in values else (self._style(values[STYLE]),)))
        settings = resolved(settings)
        return _Job(number, values, inputs, settings, self.folder / file_name(values, inputs, settings))

    def _style(self, path: Picture) -> Input:
        key = path if isinstance(path, str) else str(id(path))
        self._taken[key] = self._taken.get(key) or read_input(path)
        return self._taken[key]


def _cells(jobs: Jobs, axes: Axes, executor: Executor | None, window: int) -> Iterator[Cell]:
    """What is there, then what cannot be, then what is made."""
    missing = []
    for number, values in enumerate(product(axes)):
        try:
            job = jobs(number, values)
        except NstlibError as error:
            yield Cell(number, values, None, {}, 0.0, one_line(error))
            continue
        if job.picture.exists():
            yield _finished(job)
        else:
            missing.append(job)
    for count, (job, made) in enumerate(_made(missing, executor, window)):
        if isinstance(made, Exception):
            raise NstlibError(
                f"the workers were lost with {len(missing) - count} cells to go ({one_line(made)}); what is finished "
                f"is in {jobs.folder}, and the same call goes on"
            )
        if made.error:
            yield Cell(job.number, job.values, None, {}, 0.0, made.error)
            continue
        with files.whole(job.picture) as beside:
            beside.write_bytes(made.data)
        yield _finished(job)


def _finished(job: _Job) -> Cell:
    """The cell as its picture's record tells of it."""
    record = images.read_record(job.picture)
    losses = {name: curve[-1] for name, curve in record["curves"].items()}
    return Cell(job.number, job.values, job.picture, losses, record["seconds"])


def _made(jobs: Sequence[_Job], executor: Executor | None, window: int) -> Iterator[tuple[_Job, Outcome | Exception]]:
    """Each job with what was made of it, as it comes; an exception where the executor is lost, and then no more."""
    if executor is None:
        yield from ((job, paint_cell(job.settings, *job.inputs)) for job in jobs)
        return
    waiting, left = {}, iter(jobs)
    try:
        while True:
            for job in itertools.islice(left, window - len(waiting)):
                waiting[_submitted(executor, job)] = job
            if not waiting:
                return
            done = wait(waiting, return_when=FIRST_COMPLETED).done
            for future in sorted(done, key=lambda future: waiting[future].number):
                yield waiting.pop(future), _result(future)
    finally:
        for future in waiting:
            future.cancel()


def _submitted(executor: Executor, job: _Job) -> Future:
    """The job's future; one that has failed where the executor takes no more."""
    try:
        return executor.submit(paint_alone, job.settings, *job.inputs)
    except Exception as error:
        failed: Future = Future()
        failed.set_exception(error if isinstance(error, LOST) else BrokenExecutor(one_line(error)))
        return failed


def _result(future: Future) -> Outcome | Exception:
    """`paint` raises nothing, so that an exception is the executor's: it is lost, or gives up one task."""
    try:
        return future.result()
    except LOST as error:
        return error
    except Exception as error:
        return Outcome(error=one_line(error))
