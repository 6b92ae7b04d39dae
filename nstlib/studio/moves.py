"""The moves made in the panel, in a row: undo and redo."""

import time
from collections.abc import Callable
from typing import Any

MOST = 200
PAUSE = 0.8  # seconds: the moves of one knob that follow each other faster are one move


class Moves:
    """Moments of the panel, in a row; `undo` and `redo` give the one to go to, or None where there is none."""

    def __init__(self, first: Any, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._moments, self._place = [first], 0
        self._clock, self._last = clock, ("", -PAUSE)

    @property
    def can(self) -> tuple[bool, bool]:
        """Whether there is something to undo, and to redo."""
        return self._place > 0, self._place < len(self._moments) - 1

    def add(self, moment: Any, what: str) -> None:
        """Remember a moment after a move of `what`; what was undone before is forgotten."""
        if moment == self._moments[self._place]:
            return
        now = self._clock()
        same = what and what == self._last[0] and now - self._last[1] < PAUSE and self._place > 0
        self._last = what, now
        self._moments[self._place + (0 if same else 1) :] = [moment]
        self._moments = self._moments[-MOST:]
        self._place = len(self._moments) - 1

    def undo(self) -> Any:
        """The moment before."""
        return self._go(-1)

    def redo(self) -> Any:
        """The moment after, where one was undone."""
        return self._go(1)

    def _go(self, by: int) -> Any:
        if not 0 <= self._place + by < len(self._moments):
            return None
        self._place, self._last = self._place + by, ("", -PAUSE)
        return self._moments[self._place]
