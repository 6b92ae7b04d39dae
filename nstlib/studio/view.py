"""What is seen of a run: the picture as it grows, its curves, its pace and the time that is left."""

import threading
import time
from collections.abc import Callable
from html import escape

import ipywidgets as widgets
import numpy as np

from ..core.run import Run
from . import curves
from .pixels import jpeg
from .viewer import Viewer

PICTURES = 8  # a second, at most: the page and the kernel's loop stay free
CHARTS = 1.5
BYTES = 1.5e6  # a second, at most
SHARE = 5  # of the time, at most, one in so many parts is spent on making pictures to show
URGENT = 3  # pictures: the optimiser looks first, and moves from its second step on
MOVING, STILL = 960, 4096  # longest side of a picture that changes, and of one that does not, pixels


class View:
    """`show` may be called from any thread; it redraws no faster than the page can follow, unless `now` is set."""

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._source = self._result = np.zeros((9, 16, 3), np.float32)
        self._alone, self._pair = True, list[tuple[str, np.ndarray]]()
        self._urgent = 0
        self._next = {"picture": 0.0, "chart": 0.0, "status": 0.0}
        self.viewer = Viewer()
        self.status, self.terms, self.layers = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.progress = widgets.FloatProgress(0, min=0, max=1)
        self.progress.add_class("nst-progress")
        self.status.add_class("nst-status")
        self.box = widgets.VBox([self.viewer, self.progress, self.status])
        self.box.add_class("nst-view")
        self.charts = widgets.VBox([self.terms, self.layers])
        self.charts.add_class("nst-charts")
        self.clear()

    def set_source(self, picture: np.ndarray, *, alone: bool) -> None:
        """The picture to wipe against; alone: there is no result yet, and it is shown itself."""
        with self._lock:
            self._source, self._alone = picture, alone
            if alone:
                self._result = picture
        self._draw_left()
        self._draw(still=True)

    def compare(self, *pair: tuple[str, np.ndarray]) -> None:
        """Show kept pictures, by name: one against the result, or two against each other; none: as before."""
        with self._lock:
            self._pair = list(pair)
        if pair and not self.viewer.split:
            self.viewer.split = 0.5
        self._draw_left()
        self._draw(still=True)

    def show(self, run: Run, status: str, *, now: bool = False) -> None:
        """Draw the run's picture, status and curves, each if it is due or `now`."""
        time, urgent = self._clock(), now or self._urgent > 0
        self._urgent = max(0, self._urgent - 1)
        if urgent or time >= self._next["status"]:
            self._next["status"] = time + 1 / PICTURES
            self.status.value = status
            self.progress.value = run.number / max(1, run.total_steps)
        if urgent or time >= self._next["picture"]:
            with self._lock:
                self._result = run.image  # a photograph's is as large as the result, and has its price
            took = self._clock() - time
            sent = self._draw(still=now)
            self._next["picture"] = time + max(1 / PICTURES, sent / BYTES, SHARE * took)
        if now or time >= self._next["chart"]:
            self._next["chart"] = time + 1 / CHARTS
            marks = [number for number, _ in run.steering[1:]]
            self.terms.value, self.layers.value = curves.terms(run.curves, marks), curves.layers(run.curves, marks)

    def urge(self) -> None:
        """Send the next pictures at once: a knob has moved."""
        self._urgent = URGENT

    def tell(self, text: str) -> None:
        """A line under the picture, before there is a run."""
        self.status.value = escape(text)

    def clear(self) -> None:
        """No run: no pace and no curves; the picture stays."""
        self.status.value = ""
        self.terms.value, self.layers.value = curves.terms({}), curves.layers({})
        self.progress.value = 0

    def _draw(self, *, still: bool) -> int:
        """Send the right picture; returns its bytes."""
        with self._lock:
            name, picture = self._sides()[1]
            encoded = jpeg(picture, longest=STILL if still else MOVING)
            with self.viewer.hold_sync():
                self.viewer.size = [picture.shape[1], picture.shape[0]]
                self.viewer.right_name, self.viewer.right = name, encoded
            return len(encoded)

    def _draw_left(self) -> None:
        with self._lock:
            name, picture = self._sides()[0]
            with self.viewer.hold_sync():
                self.viewer.left_name, self.viewer.left = name, jpeg(picture, longest=STILL)

    def _sides(self) -> list[tuple[str, np.ndarray]]:
        """The left and the right picture, by name."""
        if self._pair:
            return [*self._pair, ("result", self._result)][:2]
        return [("source", self._source), ("source" if self._alone else "result", self._result)]
