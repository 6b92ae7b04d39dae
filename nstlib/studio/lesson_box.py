"""The box in which the chosen paintings are learned: steps, how far it is, what it can do so far; then an engine."""

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from ..engines.lessons import Learnt, Lesson, learn
from ..media import files
from ..media.images import Picture
from .controls import row
from .pace import roughly
from .sources import Source
from .task import Task

SHOWN = 10.0  # seconds between two pictures
FRAMES = 10  # of a clip, to learn from


class LessonBox:
    """`start` learns the paintings that `chosen` gives, on a thread; stopped, it keeps its best and goes on next time.

    contents: the panel's, which are learned from, since they are what it will paint.
    before: called before it begins; learned: with the module's folder, once it is there; failed: with an error.
    """

    def __init__(
        self,
        folder: Path,
        *,
        chosen: Callable[[], Sequence[Source]],
        contents: Sequence[Source],
        before: Callable[[], None],
        learned: Callable[[Path], None],
        failed: Callable[[Exception], None],
        lesson: Lesson | None = None,
    ) -> None:
        self._folder, self._chosen, self._before, self._learned = folder, chosen, before, learned
        self._contents = contents
        self._lesson = lesson or Lesson(steps=1000)
        tip = "steps of learning, at most; each is about half a second on two cores"
        self.steps = widgets.BoundedIntText(self._lesson.steps, min=1, max=100000, tooltip=tip)
        self.fresh = widgets.Checkbox(description="begin again", indent=False, tooltip="drop what was learned before")
        self.task = Task(
            "Learn",
            "learn the chosen style, as a network of its own; several share one, and blend in it",
            self._work,
            failed=failed,
        )
        about = widgets.HTML(
            '<div class="nst-note">Minutes of learning, then any picture in one pass. The best so far is kept.</div>'
        )
        self.box = widgets.VBox([about, row("steps", self.steps), self.fresh, *self.task.widgets])

    def _work(self, task: Task) -> None:
        self._before()
        paintings = list(self._chosen())
        name = " and ".join(painting.name for painting in paintings)
        output = files.make_folder(self._folder / "learned") / re.sub(r"[^\w-]+", "_", name)
        lesson = Lesson(**{**vars(self._lesson), "steps": self.steps.value})
        number = self._learn(task, paintings, output, lesson)
        if task.stopped:
            task.say(f"stopped at step {number} of {lesson.steps}; the best so far is {output}, and Learn goes on")
        else:
            task.say(f"{name} {'is' if len(paintings) == 1 else 'are'} learned: {output}")
        self._learned(output)

    def _learn(self, task: Task, paintings: Sequence[Source], output: Path, lesson: Lesson) -> int:
        """Take its steps; returns the number of the last one."""
        photos = [picture for content in self._contents for picture in _pictures(content)]
        paths = [painting.path for painting in paintings]
        learning = learn(paths, output, photos=photos, lesson=lesson, fresh=self.fresh.value)
        self.fresh.value = False
        shown, number = 0.0, 0
        for step in learning:
            number = step.number
            task.tell(step.number / lesson.steps, _line(step, lesson))
            if time.monotonic() - shown > SHOWN:
                shown = time.monotonic()
                task.show(learning.preview())
            if task.stopped:
                learning.leave()
                break
        return number


def _pictures(content: Source) -> list[Picture]:
    """A picture's file, or frames from all over a clip."""
    if content.clip is None:
        return [content.path]
    count = min(FRAMES, content.clip.frames)
    return [content.frame(number) for number in np.linspace(0, content.clip.frames - 1, count).round().astype(int)]


def _line(step: Learnt, lesson: Lesson) -> str:
    left = "" if step.seconds_left is None else f" · about {roughly(step.seconds_left)} left"
    return f"step {step.number} of {lesson.steps}{left}"
