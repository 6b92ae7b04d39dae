"""A task: work on a thread of its own, with a button that starts and stops it, a bar, a line and a picture."""

import threading
import time
from collections.abc import Callable
from html import escape

import ipywidgets as widgets
import numpy as np

from .pixels import jpeg

TOLD = 0.5  # seconds between two lines
PREVIEW = 320  # longest side of what it has made so far, pixels


class Task:
    """`start` calls `work(task)` on a thread; that looks at `stopped` between its steps, and tells how far it is.

    name: the button's; failed: called with an error, on the thread.
    """

    def __init__(
        self, name: str, tooltip: str, work: Callable[["Task"], None], *, failed: Callable[[Exception], None]
    ) -> None:
        self._name, self._work, self._failed = name, work, failed
        self._thread: threading.Thread | None = None
        self._stop, self._told = threading.Event(), 0.0
        self.button = widgets.Button(description=name, tooltip=tooltip)
        self.button.on_click(lambda _: self.stop() if self.at_work else self.start())
        self.progress = widgets.FloatProgress(0, min=0, max=1)
        self.progress.add_class("nst-progress")
        self.progress.layout.display = "none"
        self.told, self.preview = widgets.HTML(), widgets.Image(format="jpeg")
        self.preview.layout.display = "none"
        self.preview.add_class("nst-preview")
        self.widgets = [self.button, self.progress, self.told, self.preview]

    @property
    def at_work(self) -> bool:
        """Whether the thread is."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def stopped(self) -> bool:
        """Whether it is to end after the step in hand."""
        return self._stop.is_set()

    def start(self) -> None:
        """Begin, unless it is at work."""
        if self.at_work:
            return
        self._stop.clear()
        self._told = 0.0
        self.button.description = "Stop"
        self.say("starting")
        self._thread = threading.Thread(target=self._run, name=f"nstlib studio {self._name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the step in hand."""
        self._stop.set()
        if self.at_work:
            self.button.disabled = True
            self.say("stopping, after the step in hand")

    def close(self, timeout: float = 60.0) -> None:
        """Stop, and wait for it."""
        self.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def say(self, text: str) -> None:
        """A line below the bar."""
        self.told.value = f'<div class="nst-note">{escape(text)}</div>'

    def tell(self, share: float, text: str) -> None:
        """How far it is; no more often than one can read."""
        now = time.monotonic()
        if now - self._told > TOLD and not self.stopped:
            self._told = now
            self.progress.layout.display, self.progress.value = "", share
            self.say(text)

    def show(self, picture: np.ndarray) -> None:
        """What it has made so far, (H, W, 3)."""
        self.preview.value = jpeg(picture, longest=PREVIEW)
        self.preview.layout.display = ""

    def _run(self) -> None:
        try:
            self._work(self)
        except Exception as error:  # the panel shows it
            self.say("")
            self._failed(error)
        finally:
            self.button.description, self.button.disabled = self._name, False
