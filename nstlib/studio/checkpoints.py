"""Checkpoints: a run's states at some of its steps, few enough to fit in a budget of memory."""

from typing import Any

import numpy as np

from ..core.run import Run
from ..errors import NstlibError
from ..settings import Settings

BUDGET = 500e6  # bytes: five states of 512 x 512 pixels, which are mostly the optimiser's past steps
MOST, LEAST = 8, 2


class Checkpoints:
    """States by step number, about evenly spread from the first step to the last one seen."""

    def __init__(self, *, budget: float = BUDGET) -> None:
        self._budget = budget
        self._states: dict[int, dict[str, Any]] = {}
        self._every = 1

    @property
    def numbers(self) -> list[int]:
        """The steps that can be gone back to."""
        return sorted(self._states)

    def clear(self) -> None:
        """Forget all of them."""
        self._states, self._every = {}, 1

    def settings(self, number: int) -> Settings:
        """The settings that held at a checkpoint."""
        return self._states[self._nearest(number)]["steering"][-1][1]

    def consider(self, run: Run) -> None:
        """Keep the run's state where one is due; where they are too many, every second one goes."""
        if not self._states:
            self._every = max(1, run.total_steps // MOST)
        if run.number % self._every == 0 and run.number not in self._states:
            state = run.state()
            self._states[run.number] = state
            if len(self._states) > min(MOST, max(LEAST, int(self._budget / (size(state) + 1)))):
                self._every *= 2
                self._states = {n: s for n, s in self._states.items() if n % self._every == 0}

    def back_to(self, number: int) -> dict[str, Any]:
        """The state at a step, or at the nearest before it that is kept; the later ones are forgotten."""
        kept = self._nearest(number)
        self._states = {n: s for n, s in self._states.items() if n <= kept}
        return self._states[kept]

    def _nearest(self, number: int) -> int:
        if not self._states:
            raise NstlibError("there is no checkpoint to go back to yet")
        return max(n for n in self._states if n <= max(number, min(self._states)))


def size(state: Any) -> int:
    """The bytes of the arrays and tensors in nested dictionaries and sequences."""
    if isinstance(state, dict):
        return sum(map(size, state.values()))
    if isinstance(state, list | tuple):
        return sum(map(size, state))
    return state.nbytes if isinstance(state, np.ndarray) else 4 * int(np.prod(getattr(state, "shape", (0,))))
