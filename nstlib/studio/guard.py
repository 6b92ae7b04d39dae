"""The guard: an interrupt of the kernel, in a cell or between two, ends what works in the background."""

import asyncio
import signal
import threading
import weakref
from typing import Any, Protocol

WAIT = 0.2  # seconds between two tries to take up the signal


class Interruptible(Protocol):
    """What can be interrupted."""

    def interrupt(self) -> None:
        """End what works in the background."""


_watched: "weakref.WeakSet[Any]" = weakref.WeakSet()
_installed = False


def watch(one: Interruptible) -> None:
    """Have `one.interrupt()` called when the kernel is interrupted; outside a kernel nothing is done."""
    global _installed
    _watched.add(one)
    shell = _shell()
    if shell is None or _installed:
        return
    _installed = True
    shell.events.register("post_run_cell", _after_cell)
    _take_signal()


def forget(one: Interruptible) -> None:
    """No longer watch it: it is closed."""
    _watched.discard(one)


def interrupt_all() -> None:
    """Interrupt everything that is watched."""
    for one in list(_watched):
        one.interrupt()


def pause_others(one: Any) -> None:
    """Pause what is watched and of the same class; two at once would only slow each other down."""
    for other in list(_watched):
        if other is not one and type(other) is type(one):
            other.pause()


def _shell() -> Any:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    return shell if shell is not None and hasattr(shell, "kernel") else None


def _after_cell(result: Any) -> None:
    if isinstance(result.error_in_exec, KeyboardInterrupt):
        interrupt_all()


def _take_signal() -> None:
    """Between two cells ipykernel ignores SIGINT; take it there, but leave a running cell's own handler alone."""
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: interrupt_all())
        return
    try:
        asyncio.get_running_loop().call_later(WAIT, _take_signal)
    except RuntimeError:  # no loop: no kernel that runs cells
        return
