"""One writer at a time: a folder belongs to the process that locked it for as long as that lives, and no longer."""

import os
import shutil
import weakref
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import NstlibError

NAME = "lock"


class Lock:
    """The folder is this one's until `release`, or until its process ends, killed or not.

    The system drops the lock with the process: no process number that another program gets, no clock, no leftover to
    remove by hand, which is why a file system without such locks is refused. Raises NstlibError where another process
    has it. Within one process the newest counts, so that a notebook's cell can be run again; the one before it may not
    go on.
    """

    def __init__(self, folder: Path, output: Path | None = None) -> None:
        """output: what the folder is for, where an error had better name that."""
        self._path, self._shown = folder.resolve() / NAME, output or folder
        if before := _held.get(self._path):
            before.release()
        self._lock = FileLock(self._path, timeout=0, thread_local=False, fallback_to_soft=False)
        try:
            self._lock.acquire()
        except Timeout:
            why = "is being written by another run; wait for its end, stop it, or choose another output"
            raise NstlibError(f"{self._shown} {why}") from None
        except (OSError, NotImplementedError) as error:
            why = f"cannot be locked ({error}); choose an output on another disk"
            raise NstlibError(f"{self._shown} {why}") from None
        self._file = self._path.stat()
        _held[self._path] = self

    def check(self) -> None:
        """Raises NstlibError where the folder has been removed, or taken by a later run in this process."""
        if _held.get(self._path) is not self:
            raise NstlibError(f"{self._shown} was taken over by a later run; go on with that one")
        try:
            same = os.path.samestat(self._path.stat(), self._file)
        except OSError:
            same = False
        if not same:
            raise NstlibError(f"{self._shown} was removed while it was in use; the same call starts it again")

    @property
    def held(self) -> bool:
        """Whether it still is this one's."""
        with suppress(NstlibError):
            self.check()
            return True
        return False

    def release(self) -> None:
        """Let others have it."""
        self._lock.release()

    def remove(self) -> None:
        """Let others have it, and remove the folder as far as that can be."""
        self.release()
        shutil.rmtree(self._path.parent, ignore_errors=True)


_held: "weakref.WeakValueDictionary[Path, Lock]" = weakref.WeakValueDictionary()
