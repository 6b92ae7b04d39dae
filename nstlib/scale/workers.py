"""A worker process: its one core, and what travels to it and back."""

from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..media import files

LOST = (CancelledError, BrokenExecutor, OSError)  # what a future raises when its executor is no more


def one_thread() -> None:
    """One core for TensorFlow and OpenCV in this process: workers side by side do not fight for cores.

    And results then do not depend on the machine's number of cores, among which TensorFlow divides sums. Where
    TensorFlow has already begun it keeps its number of threads, which a sweep's records tell.
    """
    import cv2
    import tensorflow as tf

    from .. import core  # noqa: F401 (TensorFlow, without its own lines)

    cv2.setNumThreads(1)
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


@dataclass(frozen=True)
class Outcome:
    """What a worker sends back: a file's bytes, or the error."""

    data: bytes = b""
    error: str = ""


@dataclass(frozen=True, eq=False)
class Input:
    """A picture on its way to workers: a file's bytes, or an array, and the SHA-256 that it is known by."""

    path: str | None
    sha256: str
    data: bytes | np.ndarray

    def local(self) -> Path | bytes | np.ndarray:
        """What has no path as it is, or a file with these bytes on this machine; written once a process."""
        if self.path is None:
            return self.data
        path = Path(_folder().name, f"{self.sha256}{Path(self.path).suffix}")
        if not path.exists():
            with files.whole(path) as beside:
                beside.write_bytes(self.data)
        return path


@lru_cache(maxsize=1)
def _folder() -> TemporaryDirectory:
    return TemporaryDirectory(prefix="nstlib-")  # removed when the process ends
