"""The worker: one thread that owns a run and takes its steps; all else is done between two of them."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from ..core.run import Run
from ..errors import NstlibError
from ..settings import Settings, changed
from .checkpoints import Checkpoints
from .pace import Pace


class Listener(Protocol):
    """What hears of a run; called on the worker's thread."""

    def stepped(self, run: Run) -> None:
        """A step was taken."""

    def turned(self, state: str) -> None:
        """The worker is in another state now."""

    def failed(self, error: Exception) -> None:
        """The run ended with an error."""


class Worker:
    """A thread with a run: `idle` without one, else `running`, `paused` or `done`; `busy` while one is made.

    Its methods return at once, from any thread. An error goes to the listener and leaves the thread at work.
    """

    def __init__(
        self, listener: Listener, pace: Pace | None = None, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.run: Run | None = None
        self.state = "idle"
        self.checkpoints = Checkpoints()
        self._listener, self._clock = listener, clock
        self._pace = pace or Pace()
        self._size: tuple[int, int] | None = None  # of the step before
        self._wanted: Settings | None = None
        self._commands: deque[Callable[[], None]] = deque()
        self._wake = threading.Condition()
        self._closed = self._at_work = False
        self._thread = threading.Thread(target=self._work, name="nstlib studio", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still takes commands: until it is closed."""
        return not self._closed

    def start(self, make: Callable[[], Run], state: dict[str, Any] | None = None, *, go: bool = True) -> None:
        """Leave the run there is for one that `make` gives, taken up from `state` where one is given."""
        self._leave()
        self.post(lambda: self._begin(make, state, go))

    def go(self) -> None:
        """Run on; a run that has ended is extended by half its steps."""
        self.post(self._go)

    def pause(self) -> None:
        """Take no further step, after the one in hand."""
        self.post(self._pause)

    def step(self) -> None:
        """Pause, and take one step."""
        self.pause()
        self.post(lambda: self._step(extend=True))

    def stop(self) -> None:
        """Leave the run; its last picture stays with the listener."""
        self._leave()
        self.post(self._drop)

    def steer(self, settings: Settings) -> None:
        """Have the next step taken with these settings; the last word counts. A run that has ended goes on."""
        with self._wake:
            self._wanted = settings
            if self.state == "done" and self.run is not None and changed(self.run.settings, settings):
                self._commands.append(self._go)
            self._wake.notify_all()

    def back(self, number: int) -> None:
        """Go back to the checkpoint at a step, with its weights; the later ones are forgotten."""
        self.post(lambda: self._restore(self.checkpoints.back_to(number)))

    def post(self, command: Callable[[], None]) -> None:
        """Have the thread call this between two steps."""
        with self._wake:
            self._commands.append(command)
            self._wake.notify_all()

    def wait(self, timeout: float) -> None:
        """Wait until no step is to be taken and nothing else is to be done."""
        with self._wake:
            self._wake.wait_for(lambda: not (self._commands or self._at_work or self.state == "running"), timeout)

    def close(self, timeout: float = 60.0) -> None:
        """End the thread, after the step in hand; nothing more is heard of it, be that step as long as it may."""
        with self._wake:
            self._closed, self.state = True, "idle"
            self._wake.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _work(self) -> None:
        while command := self._next():
            try:
                command()
            except Exception as error:  # the panel shows it; the thread must outlive any error
                self._turn("paused" if self.run else "idle")
                if not self._closed:
                    self._listener.failed(error)
        self.run = None

    def _next(self) -> Callable[[], None] | None:
        """What to do next, waited for; None once the worker is closed."""
        with self._wake:
            self._at_work = False
            self._wake.notify_all()
            self._wake.wait_for(lambda: self._closed or self._commands or self.state == "running")
            self._at_work = not self._closed
            if self._closed:
                return None
            return self._commands.popleft() if self._commands else self._step

    def _begin(self, make: Callable[[], Run], state: dict[str, Any] | None, go: bool) -> None:
        self._turn("busy")
        run = make()  # before the old one is let go: where it fails, that one can go on
        if state is not None:
            run.restore(state)
        self.run = run
        self._size = None
        self.checkpoints.clear()
        self._show(run)
        self._turn("paused")
        if go:
            self._go()

    def _go(self) -> None:
        if self.run is None:
            return
        if self.run.number >= self.run.total_steps:
            self.run.extend(max(1, self.run.settings.steps // 2))
        self._turn("running")

    def _pause(self) -> None:
        if self.state == "running":
            self._turn("paused")

    def _step(self, *, extend: bool = False) -> None:
        run = self.run
        if run is None:
            return None
        self._steer(run)
        if run.number >= run.total_steps:
            if not extend:
                return self._turn("done")
            run.extend(1)
        self.checkpoints.consider(run)
        began = self._clock()
        shape = next(run).shape
        if shape == self._size:  # the first one of a size is longer: its targets are made in it
            self._pace.add(run.settings, shape, self._clock() - began)
        self._size = shape
        self._show(run)
        if run.number >= run.total_steps:
            self._turn("done")
        return None

    def _steer(self, run: Run) -> None:
        """Take up the last settings wanted, unless the run has still to move by the ones before.

        L-BFGS looks first and moves with its second step: taken up at each, a moving slider would hold it in place.
        """
        steered = run.steering[-1][0] if len(run.steering) > 1 else -2
        if run.number - steered < 2 and run.number < run.total_steps - 1:
            return
        wanted, self._wanted = self._wanted, None
        if wanted is not None and changed(run.settings, wanted):
            run.settings = wanted

    def _restore(self, state: dict[str, Any]) -> None:
        if self.run is None:
            raise NstlibError("there is no run to take back; start one")
        self._wanted = None
        self.run.restore(state)
        if self.state == "done":
            self._turn("paused")
        self._show(self.run)

    def _drop(self) -> None:
        self.run = None
        self.checkpoints.clear()
        self._turn("idle")

    def _leave(self) -> None:
        with self._wake:
            self._wanted = None
            self._commands.clear()
            if self.state == "running":
                self.state = "paused"

    def _show(self, run: Run) -> None:
        if not self._closed:
            self._listener.stepped(run)

    def _turn(self, state: str) -> None:
        with self._wake:
            if self._closed or state == self.state:
                return
            self.state = state
            self._wake.notify_all()
        self._listener.turned(state)
