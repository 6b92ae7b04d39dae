"""Who does the work: this process, worker processes on this machine, or a Dask cluster's; and what travels to them."""

import argparse
import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from . import images
from .errors import NstlibError
from .quiet import load_tensorflow

LOST = (CancelledError, BrokenExecutor, OSError)  # what a future raises when its executor is no more


def add_workers(parser: argparse.ArgumentParser) -> None:
    """--scheduler, --workers: of the two at most one."""
    group = parser.add_mutually_exclusive_group()
    text = "a Dask scheduler's, such as tcp://127.0.0.1:8786: its workers do the work"
    group.add_argument("--scheduler", metavar="ADDRESS", help=text)
    text = "worker processes on this machine, of one core each (none: this process, on one core)"
    group.add_argument("--workers", type=int, metavar="N", help=text)


@contextmanager
def executor(scheduler: str | None = None, workers: int | None = None) -> Iterator[Executor | None]:
    """The executor that the flags name; None for this process, which then works on one core.

    Raises NstlibError where Dask is not installed, no scheduler answers, or `workers` is no number of processes.
    """
    if scheduler:
        with _dask(scheduler) as pool:
            yield pool
    elif workers is not None:
        with _processes(workers) as pool:
            yield pool
    else:
        one_thread()
        yield None


def _dask(address: str) -> Executor:
    try:
        from . import cluster
    except ModuleNotFoundError as error:
        line = f"--scheduler needs Dask ({error}); install it with: pip install -r requirements-cluster.txt"
        raise NstlibError(line) from None
    return cluster.connect(address)


@contextmanager
def _processes(count: int) -> Iterator[Executor]:
    if count < 1:
        raise NstlibError(f"workers={count}; give a number of processes from 1")
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")  # a fork of a process in which TensorFlow runs would hang
    ignore = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    with ProcessPoolExecutor(count, mp_context=context, initializer=signal.signal, initargs=ignore) as pool:
        try:
            yield pool
        except BaseException:  # nobody waits for what is under way
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise


def one_thread() -> None:
    """One core for TensorFlow and OpenCV in this process: workers side by side do not fight for cores.

    And results then do not depend on the machine's number of cores, among which TensorFlow divides sums. Where
    TensorFlow has already begun it keeps its number of threads, which a sweep's records tell.
    """
    load_tensorflow()
    import cv2
    import tensorflow as tf

    cv2.setNumThreads(1)
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


@dataclass(frozen=True)
class Made:
    """What a worker sends back: a file's bytes, or the error."""

    data: bytes = b""
    error: str = ""


@dataclass(frozen=True, eq=False)
class Input:
    """A picture on its way to workers: a file's bytes, or an array, and the SHA-256 that it is known by."""

    path: str | None
    sha256: str
    data: bytes | np.ndarray

    def local(self) -> Path | np.ndarray:
        """The array, or a file with these bytes on this machine; written once a process."""
        if self.path is None:
            return self.data
        path = Path(_folder().name, f"{self.sha256}{Path(self.path).suffix}")
        if not path.exists():
            with images.whole_file(path) as beside:
                beside.write_bytes(self.data)
        return path


@lru_cache(maxsize=1)
def _folder() -> TemporaryDirectory:
    return TemporaryDirectory(prefix="nstlib-")  # removed when the process ends
