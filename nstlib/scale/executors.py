"""Who does the work: this process, worker processes on this machine, or a Dask cluster's workers."""

import argparse
import multiprocessing
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from ..errors import NstlibError
from .workers import one_thread


def add_workers(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """--scheduler, --workers: of the two at most one. Returns the group of help that they stand in."""
    group = parser.add_argument_group("who does the work")
    either = group.add_mutually_exclusive_group()
    text = "a Dask scheduler's, such as tcp://127.0.0.1:8786: its workers do the work"
    either.add_argument("--scheduler", metavar="ADDRESS", help=text)
    text = "worker processes on this machine, of one core each (none: this process)"
    either.add_argument("--workers", type=int, metavar="N", help=text)
    return group


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
        line = f"--scheduler needs Dask ({error}); install it with: pip install 'dask[distributed]'"
        raise NstlibError(line) from None
    return cluster.connect(address)


@contextmanager
def _processes(count: int) -> Iterator[Executor]:
    if count < 1:
        raise NstlibError(f"workers={count}; give a number of processes from 1")
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")  # a fork of a process in which TensorFlow runs would hang
    with ProcessPoolExecutor(count, mp_context=context, initializer=_begin) as pool:
        try:
            yield pool
        except BaseException:  # nobody waits for what is under way
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise
        finally:
            if sys.version_info < (3, 12) and pool._broken:  # its thread would write to a worker that is no more, and
                pool._call_queue._reader.close()  # wait for ever: CPython's issue 94777, mended from 3.11.5 on


def _begin() -> None:
    """A worker's first call: Ctrl-C is for the process that waits, and TensorFlow starts without its own lines."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from .. import core  # noqa: F401 (TensorFlow, without its own lines)
