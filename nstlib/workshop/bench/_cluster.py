"""A real Dask scheduler and its worker processes on loopback."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from distributed import Client

PACKAGE = Path(__file__).parents[3]


def environment(*paths: Path) -> dict[str, str]:
    """This process's, with the package and further folders to import from; a task may outlive many killed workers."""
    found = os.pathsep.join(map(str, (PACKAGE, *paths)))
    return {**os.environ, "PYTHONPATH": found, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "20"}


@contextmanager
def cluster(
    folder: Path, workers: int = 2, paths: Sequence[Path] = ()
) -> Iterator[tuple[str, subprocess.Popen, subprocess.Popen]]:
    """(the scheduler's address, its process, the process whose children are the workers, of one thread each)."""
    file, env = folder / "scheduler.json", environment(*paths)
    scheduler = _dask(env, "scheduler", "--host", "127.0.0.1", "--port", 0, "--scheduler-file", file)
    options = ["--host", "127.0.0.1", "--nthreads", 1, "--nworkers", workers, "--local-directory", folder]
    nanny = _dask(env, "worker", "--scheduler-file", file, *options)
    try:
        deadline = time.monotonic() + 300

        def written() -> bool:
            return file.exists() and file.stat().st_size > 0  # the scheduler makes the file before it writes to it

        while not written() and scheduler.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        with Client(address, set_as_default=False, timeout=60) as client:
            client.wait_for_workers(workers, timeout=300)
        yield address, scheduler, nanny
    finally:
        _end(nanny)
        _end(scheduler)


def _end(process: subprocess.Popen) -> None:
    """At once, with its children: a nanny that is asked to end first starts again what was killed."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.kill()
    process.wait()
    for child in family:
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _dask(env: dict[str, str], *words: Any) -> subprocess.Popen:
    command = [sys.executable, "-m", "dask", *map(str, words), "--no-dashboard"]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
