"""The stage: the picture as it grows, wiped against the one before, with its curves and its pace."""

import threading
import time
from collections.abc import Callable
from html import escape

import ipywidgets as widgets
import numpy as np

from ..core.run import Run
from ..media import images
from . import curves
from .pixels import jpeg, wipe

PICTURES = 8  # a second, at most: the page and the kernel's loop stay free
CHARTS = 1.5
BYTES = 1.5e6  # a second, at most
URGENT = 3  # pictures: the optimiser looks first, and moves from its second step on
TALLEST = 560  # of the picture on the page, pixels


class Stage:
    """`show` may be called from any thread; it redraws no faster than the page can follow, unless `now` is set."""

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._before = self._after = np.zeros((9, 16, 3), np.float32)
        self._urgent = 0
        self._next = {"picture": 0.0, "chart": 0.0, "status": 0.0}
        self.picture = widgets.Image(format="jpeg", value=jpeg(self._after))
        self.wipe = widgets.FloatSlider(
            0, min=0, max=100, step=0.5, readout=False, tooltip="left of it the content, right of it the result"
        )
        self.status, self.terms, self.layers = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.progress = widgets.FloatProgress(0, min=0, max=1)
        self.picture.add_class("nst-picture")
        self.progress.add_class("nst-progress")
        self.status.add_class("nst-status")
        self.wipe.observe(lambda _: self._draw(), "value")
        wiped = widgets.HBox([widgets.Label("wipe"), self.wipe, widgets.Label("before | after")])
        wiped.add_class("nst-wipe")
        self.frame = widgets.VBox([self.picture, wiped, self.progress, self.status])
        self.frame.add_class("nst-frame")
        charts = widgets.VBox([self.terms, self.layers])
        charts.add_class("nst-charts")
        self.box = widgets.HBox([self.frame, charts])
        self.box.add_class("nst-stage")

    def set_before(self, picture: np.ndarray, *, alone: bool) -> None:
        """The picture to wipe against; alone: there is no other yet, and it is shown itself."""
        with self._lock:
            self._before = picture
            if alone:
                self._after = picture
        height, width = picture.shape[:2]
        self.frame.layout.max_width = f"{max(300, round(TALLEST * width / height))}px"
        self._draw()

    def show(self, run: Run, seconds: float, *, now: bool = False) -> None:
        """Draw the run's picture, pace and curves, each if it is due or `now`."""
        time, urgent = self._clock(), now or self._urgent > 0
        self._urgent = max(0, self._urgent - 1)
        if urgent or time >= self._next["status"]:
            self._next["status"] = time + 1 / PICTURES
            self.status.value = status(run, seconds)
            self.progress.value = run.number / max(1, run.total_steps)
        if urgent or time >= self._next["picture"]:
            with self._lock:
                self._after = run.image
            sent = self._draw()
            self._next["picture"] = time + max(1 / PICTURES, sent / BYTES)
        if now or time >= self._next["chart"]:
            self._next["chart"] = time + 1 / CHARTS
            marks = [number for number, _ in run.steering[1:]]
            self.terms.value, self.layers.value = curves.terms(run.curves, marks), curves.layers(run.curves, marks)

    def urge(self) -> None:
        """Send the next pictures at once: a knob has moved."""
        self._urgent = URGENT

    def clear(self) -> None:
        """No run: no pace and no curves; the picture stays."""
        self.status.value = self.terms.value = self.layers.value = ""
        self.progress.value = 0

    def _draw(self) -> int:
        """Send the picture; returns its bytes."""
        with self._lock:
            after = self._after
            before = images.resize(self._before, after.shape[:2])
            self.picture.value = jpeg(wipe(before, after, self.wipe.value))
            return len(self.picture.value)


def status(run: Run, seconds: float) -> str:
    """Where a run is, how fast, and how long it has yet to go, as a line of HTML."""
    height, width = run.image.shape[:2] if run.number else run.shape
    left = seconds * (run.total_steps - run.number)
    parts = [
        f"step <b>{run.number}</b> of {run.total_steps}",
        f"{width} × {height} px",
        f"{seconds:.2g} s a step" if seconds else "",
        f"{left:.0f} s left" if left else "",
        escape(run.settings.extractor),
    ]
    return " · ".join(part for part in parts if part)
