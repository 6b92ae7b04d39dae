"""The guard: an interrupt of the kernel, a cell run again, and the kernel's end close what works in the background."""

import asyncio
import atexit
import signal
import threading
import weakref
from typing import Any, Protocol

WAIT = 0.2  # seconds between two tries to take up the signal


class Guarded(Protocol):
    """What works in the background."""

    def interrupt(self) -> None:
        """End the work."""

    def close(self) -> None:
        """End the work, and be gone from the page."""


_watched: "weakref.WeakKeyDictionary[Any, tuple[str, str]]" = weakref.WeakKeyDictionary()  # with its cell and its run
_installed = False


def watch(one: Guarded) -> list[Guarded]:
    """Have `one.interrupt()` called when the kernel is interrupted, and `one.close()` when its cell is run again.

    Whatever is left at the end of the process is closed too: a thread in TensorFlow would abort it. Returns what an
    earlier run of this cell had made, closed now.
    """
    global _installed
    shell = _shell()
    cell, execution = _cell(shell)
    earlier = [other for other, (its, its_run) in _watched.items() if cell and its == cell and its_run != execution]
    for other in earlier:
        other.close()
    _watched[one] = cell, execution
    if _installed:
        return earlier
    _installed = True
    atexit.register(close_all)
    if shell is not None:
        shell.events.register("post_run_cell", _after_cell)
        _take_signal()
    return earlier


def forget(one: Guarded) -> None:
    """No longer watch it: it is closed."""
    _watched.pop(one, None)


def interrupt_all() -> None:
    """Interrupt everything that is watched."""
    for one in list(_watched):
        one.interrupt()


def close_all() -> None:
    """Close everything that is watched."""
    for one in list(_watched):
        one.close()


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


def _cell(shell: Any) -> tuple[str, str]:
    """Which cell of the notebook is being run, and which run of it; empty outside a notebook that says it."""
    if shell is None:
        return "", ""
    message = shell.kernel.get_parent() or {}
    return message.get("metadata", {}).get("cellId", ""), message.get("header", {}).get("msg_id", "")


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
