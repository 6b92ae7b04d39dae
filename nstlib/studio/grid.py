"""The grid: one result for every pair of two settings' values, filled as they come."""

import threading
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np

from ..core.run import Run
from ..core.styles import Picture
from ..engines.frames import begin
from ..errors import NstlibError
from ..media import images
from ..research import plots
from ..scale.axes import axis_label, cell_settings
from ..settings import Settings, from_dict, to_dict
from . import guard
from .pixels import jpeg
from .stylesheet import STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Axis = Mapping[str, Sequence[Any]]
EVERY = 8  # steps between two glimpses of a result


class Grid(widgets.VBox):
    """A grid over two settings, rows and columns each {name: values}; a cell's last expression shows it.

    A thread fills it, result after result; `results` has them by (row, column). An error in one cell is shown in it,
    and the others are still made. `wait` waits; `save` writes one figure. Raises NstlibError for an axis that is no
    single setting.

    >>> axes = {"rows": {"style_weight": [0.1, 1]}, "columns": {"content_weight": [0.01, 0.1]}}
    >>> grid = nst.Grid(nst.samples.frame(30), nst.samples.frame(0), **axes, settings=nst.Settings(size=48, steps=2))
    >>> path = grid.wait().save("grid.png")
    """

    def __init__(
        self,
        content: Picture,
        style: Picture | Sequence[Picture],
        *,
        rows: Axis,
        columns: Axis,
        settings: Settings | None = None,
    ) -> None:
        super().__init__()
        self.axes = axis("rows", rows), axis("columns", columns)
        base = settings or Settings(size=192, steps=80)
        self._jobs = {
            (i, j): cell_settings(base, {self.axes[0][0]: row, self.axes[1][0]: column})
            for i, row in enumerate(self.axes[0][1])
            for j, column in enumerate(self.axes[1][1])
        }
        self._inputs, self._closed = (content, style), False
        self.results: dict[tuple[int, int], np.ndarray] = {}
        self.errors: dict[tuple[int, int], Exception] = {}
        self.cells = {key: (widgets.Image(format="jpeg", value=blank(content)), widgets.HTML()) for key in self._jobs}
        self.progress = widgets.HTML()
        self.children = widgets.HTML(STYLE), self.progress, self._laid()
        self.add_class("nst-studio")
        guard.watch(self)
        self._thread = threading.Thread(target=self._fill, name="nstlib grid", daemon=True)
        self._thread.start()

    def wait(self, timeout: float = 3600.0) -> "Grid":
        """Wait until every cell is filled."""
        self._thread.join(timeout)
        return self

    def interrupt(self) -> None:
        """End the thread; what is done stays."""
        self._closed = True
        self._thread.join(2.0)

    def close(self) -> None:
        """End the thread and take the grid off the page."""
        self._closed = True
        guard.forget(self)
        self._thread.join(10.0)
        super().close()

    def figure(self) -> "Figure":
        """The grid as one figure, with its labels."""
        import matplotlib.pyplot as plt  # whose figures a notebook shows, whatever was drawn before

        (row_name, rows), (column_name, columns) = self.axes
        height, width = next((r.shape[:2] for r in self.results.values()), (9, 16))
        size = (2.6 * len(columns) + 0.8, 2.6 * len(rows) * height / width + 0.8)
        figure, places = plt.subplots(len(rows), len(columns), figsize=size, squeeze=False, layout="constrained")
        for (i, j), place in np.ndenumerate(places):
            place.set(xticks=[], yticks=[])
            if (i, j) in self.results:
                place.imshow(self.results[i, j], vmin=0, vmax=1)
            if i == 0:
                place.set_title(axis_label(column_name, columns[j]), fontsize=10)
            if j == 0:
                place.set_ylabel(axis_label(row_name, rows[i]), fontsize=10)
        return figure

    def save(self, path: str | Path) -> Path:
        """Write the figure to a file, by its extension. Raises NstlibError where that cannot be."""
        try:
            plots.save(self.figure(), path)
        except ValueError as error:
            raise NstlibError(f"{path} cannot be written: {error}") from None
        return Path(path)

    def _laid(self) -> widgets.GridBox:
        (row_name, rows), (column_name, columns) = self.axes
        children = [widgets.HTML(), *(_label(axis_label(column_name, value)) for value in columns)]
        for i, value in enumerate(rows):
            children += [
                _label(axis_label(row_name, value)),
                *(widgets.VBox(self.cells[i, j]) for j in range(len(columns))),
            ]
        sizes = f"minmax(90px, 150px) repeat({len(columns)}, minmax(80px, 320px))"
        box = widgets.GridBox(children, layout=widgets.Layout(grid_template_columns=sizes))
        box.add_class("nst-grid-box")
        return box

    def _fill(self) -> None:
        for number, (key, settings) in enumerate(self._jobs.items()):
            self.progress.value = f'<div class="nst-note">{number} of {len(self._jobs)} results</div>'
            try:
                if isinstance(settings, Exception):
                    raise settings
                self._make(key, begin(*self._inputs, settings))
            except Exception as error:  # shown in its cell; the next one may do
                self.errors[key] = error
                self.cells[key][1].value = f'<div class="nst-says nst-bad">{escape(str(error))}</div>'
            if self._closed:
                return
        self.progress.value = f'<div class="nst-note">{len(self.results)} of {len(self._jobs)} results</div>'

    def _make(self, key: tuple[int, int], run: Run) -> None:
        for step in run:
            if self._closed:
                return
            if step.number % EVERY == 0:
                self.cells[key][0].value = jpeg(run.image, longest=320)
        self.results[key] = run.image
        self.cells[key][0].value = jpeg(run.image, longest=320)


def axis(name: str, given: Axis) -> tuple[str, list[Any]]:
    """The setting's name and its values. Raises NstlibError where it is not one setting with values."""
    if not isinstance(given, Mapping) or len(given) != 1 or not list(*given.values()):
        raise NstlibError(f"{name}={given!r}; give one setting with its values, such as {{'style_weight': [0.1, 1]}}")
    ((setting, values),) = given.items()
    from_dict({setting: to_dict(Settings()).get(setting)})
    return setting, list(values)


def blank(content: Picture) -> bytes:
    """A light field of the content's shape, before there is a result."""
    return jpeg(np.full((*images.fit(images.shape_of(content), 160), 3), 0.85, np.float32))


def _label(shown: str) -> widgets.HTML:
    return widgets.HTML(f'<div class="nst-grid-label">{escape(shown)}</div>')
