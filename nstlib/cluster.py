"""A Dask cluster as an executor; needs requirements-cluster.txt."""

import importlib
import logging
import warnings
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from distributed import Client
from distributed.cfexecutor import ClientExecutor
from distributed.versions import VersionMismatchWarning

from .errors import NstlibError
from .workers import Input

TIMEOUT = 10  # seconds for a scheduler to answer


class Workers(ClientExecutor):
    """A client's workers: an `Input` goes to the scheduler once, and from worker to worker.

    Where workers say that they have a GPU (`dask worker --resources GPU=1`), a task takes one to itself.
    """

    def __init__(self, client: Client) -> None:
        there = client.scheduler_info(-1)["workers"].values()
        self.count = len(there)
        gpus = any(worker["resources"].get("GPU") for worker in there)
        super().__init__(client, pure=False, **({"resources": {"GPU": 1}} if gpus else {}))
        self._inputs: dict[str, Any] = {}

    def submit(self, fn: Any, *args: Any) -> Future:
        """fn(*args) on a worker, each `Input` among the args replaced by what is there already."""
        sent = (self._sent(arg) if isinstance(arg, Input) else arg for arg in args)
        return super().submit(_named, fn.__module__, fn.__name__, *sent)

    def _sent(self, given: Input) -> Any:
        if given.sha256 not in self._inputs:
            # the result of a task, not scattered: when the worker that holds it is lost it is made again
            self._inputs[given.sha256] = self._client.submit(_same, given, key=f"nstlib-{given.sha256}")
        return self._inputs[given.sha256]


def _same(given: Input) -> Input:
    return given


def _named(module: str, name: str, *args: Any) -> Any:
    """A function by its name: the scheduler, which unpacks what it is sent, is spared the import of TensorFlow."""
    return getattr(importlib.import_module(module), name)(*args)


@contextmanager
def connect(address: str) -> Iterator[Workers]:
    """The workers of the scheduler at an address. Raises NstlibError where none answers."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said in one line
    warnings.filterwarnings("ignore", category=VersionMismatchWarning)  # the records tell the versions that matter
    try:
        client = Client(address, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        line = f"no Dask scheduler answers at {address} ({error}); start one with: dask scheduler"
        raise NstlibError(line) from None
    try:
        yield Workers(client)
    finally:
        client.close(timeout=TIMEOUT)
