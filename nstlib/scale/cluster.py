"""A Dask cluster as an executor; needs the extra `cluster`: dask and distributed."""

import ctypes
import importlib
import logging
import warnings
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from distributed import Client
from distributed.cfexecutor import ClientExecutor
from distributed.comm import get_address_host_port
from distributed.utils import TimeoutError
from distributed.versions import VersionMismatchWarning

from ..errors import NstlibError
from .workers import Input

TIMEOUT = 10  # seconds for a scheduler to answer
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h


class DaskExecutor(ClientExecutor):
    """A client's workers: an `Input` goes to the scheduler once, and from worker to worker.

    Where workers say that they have a GPU (`dask worker --resources GPU=1`), a task takes one to itself.

    >>> from distributed import Client, LocalCluster
    >>> cluster = LocalCluster(1, threads_per_worker=1, processes=False, dashboard_address=None)
    >>> with cluster, Client(cluster) as client:
    ...     nst.DaskExecutor(client).submit(max, 1, 2).result()
    2
    """

    def __init__(self, client: Client) -> None:
        there = client.scheduler_info(-1)["workers"].values()
        self.count = len(there)
        gpus = any(worker["resources"].get("GPU") for worker in there)
        super().__init__(client, pure=False, **({"resources": {"GPU": 1}} if gpus else {}))
        self._inputs: dict[tuple, Any] = {}

    def submit(self, fn: Any, *args: Any) -> Future:
        """fn(*args) on a worker, each `Input` among the args replaced by what is there already."""
        sent = (self._sent(arg) if isinstance(arg, Input) else arg for arg in args)
        return super().submit(_named, fn.__module__, fn.__name__, *sent)

    def _sent(self, given: Input) -> Any:
        key = given.path, given.sha256
        if key not in self._inputs:
            # the result of a task, not scattered: when the worker that holds it is lost it is made again
            self._inputs[key] = self._client.submit(_same, given, pure=False)
        return self._inputs[key]


def _same(given: Input) -> Input:
    return given


def _named(module: str, name: str, *args: Any) -> Any:
    """A function by its name: the scheduler, which unpacks what it is sent, is spared the import of TensorFlow."""
    _keep_memory()
    return getattr(importlib.import_module(module), name)(*args)


@cache
def _keep_memory() -> None:
    """Let glibc keep what TensorFlow frees, as it does by default, and use it again.

    Dask sets MALLOC_TRIM_THRESHOLD_ for its workers; every large tensor is then mapped afresh, which took a third of
    TensorFlow's time more.
    """
    with suppress(OSError, AttributeError):  # another libc has no mallopt
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        mallopt(_M_TRIM_THRESHOLD, 64 << 20)


@contextmanager
def connect(address: str) -> Iterator[DaskExecutor]:
    """The workers of the scheduler at an address. Raises NstlibError where none answers, or it has no workers."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said in one line
    warnings.filterwarnings("ignore", category=VersionMismatchWarning)  # the records tell the versions that matter
    warnings.filterwarnings("ignore", message="Sending large graph")  # a shot is large, and goes once
    try:
        get_address_host_port(address)  # a client of no address would never end
        client = Client(address, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        line = f"no Dask scheduler answers at {address} ({error}); start one with: dask scheduler"
        raise NstlibError(line) from None
    try:
        _await_workers(client, address)
        yield DaskExecutor(client)
    finally:
        client.close(timeout=TIMEOUT)


def _await_workers(client: Client, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=TIMEOUT)
    except TimeoutError:
        line = f"the Dask scheduler at {address} has no workers; start one with: dask worker {address} --nthreads 1"
        raise NstlibError(line) from None
