"""The box in which a painting is learned: its steps, how far it is, what it can do so far; at the end an engine."""

import re
import threading
import time
from collections.abc import Callable
from html import escape
from pathlib import Path

import ipywidgets as widgets

from ..engines.lessons import Learnt, Lesson, learn
from .controls import row
from .pace import roughly
from .pixels import jpeg
from .sources import Source, made

TOLD, SHOWN = 0.5, 10.0  # seconds between two lines, and between two pictures
PREVIEW = 320  # longest side of what it can do so far, pixels


class LessonBox:
    """`start` learns the painting that `chosen` gives, on a thread; stopped, it keeps its best and goes on next time.

    before: called before it begins; learned: with the module's folder, once it is there; failed: with an error.
    """

    def __init__(
        self,
        folder: Path,
        *,
        chosen: Callable[[], Source],
        before: Callable[[], None],
        learned: Callable[[Path], None],
        failed: Callable[[Exception], None],
        lesson: Lesson | None = None,
    ) -> None:
        self._folder, self._chosen, self._before, self._learned, self._failed = folder, chosen, before, learned, failed
        self._lesson = lesson or Lesson(steps=1000)
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        tip = "steps of learning, at most; each is a third of a second on two cores"
        self.steps = widgets.BoundedIntText(self._lesson.steps, min=1, max=100000, tooltip=tip)
        self.fresh = widgets.Checkbox(description="begin again", indent=False, tooltip="drop what was learned before")
        self.button = widgets.Button(description="Learn", tooltip="learn the chosen style, as a network of its own")
        self.button.on_click(lambda _: self.stop() if self.at_work else self.start())
        self.progress = widgets.FloatProgress(0, min=0, max=1)
        self.progress.add_class("nst-progress")
        self.told, self.preview = widgets.HTML(), widgets.Image(format="jpeg")
        self.preview.layout.display = "none"
        self.preview.add_class("nst-preview")
        about = widgets.HTML(
            '<div class="nst-note">Minutes of learning, then any picture in one pass. The best so far is kept.</div>'
        )
        self.progress.layout.display = "none"
        self.box = widgets.VBox(
            [about, row("steps", self.steps), self.fresh, self.button, self.progress, self.told, self.preview]
        )

    @property
    def at_work(self) -> bool:
        """Whether something is being learned."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin, or go on where the same painting was stopped."""
        self._before()
        self._stopped.clear()
        painting = self._chosen()
        self._turn("Stop", "starting")
        self._thread = threading.Thread(target=self._work, args=(painting,), name="nstlib studio lesson", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the step in hand, and keep the best so far."""
        self._stopped.set()

    def close(self, timeout: float = 20.0) -> None:
        """Stop, and wait for it."""
        self.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _work(self, painting: Source) -> None:
        try:
            name = re.sub(r"[^\w-]+", "_", painting.name)
            output = made(self._folder / "learned") / name
            lesson = Lesson(**{**vars(self._lesson), "steps": self.steps.value})
            self._learn(painting, output, lesson)
        except Exception as error:  # the panel shows it
            self._turn("Learn", "")
            self._failed(error)
        else:
            self._turn("Learn", f"{painting.name} is learned: {output}")
            self._learned(output)

    def _learn(self, painting: Source, output: Path, lesson: Lesson) -> None:
        learning = learn(painting.path, output, lesson=lesson, fresh=self.fresh.value)
        self.fresh.value = False
        told = shown = 0.0
        for step in learning:
            now = time.monotonic()
            if now - told > TOLD:
                told = now
                self._tell(step, lesson)
            if now - shown > SHOWN:
                shown = now
                self.preview.value = jpeg(learning.preview(), longest=PREVIEW)
                self.preview.layout.display = ""
            if self._stopped.is_set():
                learning.leave()
                break

    def _tell(self, step: Learnt, lesson: Lesson) -> None:
        self.progress.layout.display = ""
        self.progress.value = step.number / lesson.steps
        left = f"about {roughly(step.seconds_left)} left"
        self.told.value = f'<div class="nst-note">step {step.number} of {lesson.steps} · {left}</div>'

    def _turn(self, name: str, text: str) -> None:
        self.button.description = name
        self.told.value = f'<div class="nst-note">{escape(text)}</div>'
