"""The memory that this process may still have: what is free, and what a container, a job or a shell leaves of it."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import psutil

PROC = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")
VERSIONS = {  # of cgroups: the files of the limit and of the use, and in memory.stat the part that gives way
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


class Limit(NamedTuple):
    """What limits, in words, and the bytes that it still leaves; virtual: of addresses, of which more are needed."""

    name: str
    free: float
    virtual: bool = False


def limits(environment: Mapping[str, str] = os.environ) -> list[Limit]:
    """Every limit that holds, the tightest first."""
    found = [Limit("free memory", psutil.virtual_memory().available)]
    found += [*_cgroups(), *_shell(), *_slurm(environment)]
    return sorted(found, key=lambda limit: limit.free)


def least() -> Limit:
    """The tightest limit."""
    return limits()[0]


class GraphicsCard(NamedTuple):
    """An NVIDIA card: its name, its driver, and its bytes of memory, in all and free."""

    name: str
    driver: str
    total: float
    free: float


def cards() -> list[GraphicsCard]:
    """The NVIDIA cards of this machine; none where nvidia-smi is not there to say."""
    query = "--query-gpu=name,driver_version,memory.total,memory.free"
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
        rows = [[part.strip() for part in line.rsplit(",", 3)] for line in told.splitlines()]
        return [
            GraphicsCard(name, driver, float(total) * 2**20, float(free) * 2**20) for name, driver, total, free in rows
        ]
    except (OSError, ValueError, subprocess.SubprocessError):
        return []


def first_card(environment: Mapping[str, str] = os.environ) -> GraphicsCard | None:
    """The card that a program computes on: the first that CUDA_VISIBLE_DEVICES shows; asked twice a minute."""
    found = _cards(time.monotonic() // 30)
    first = environment.get("CUDA_VISIBLE_DEVICES", "").partition(",")[0]
    number = int(first) if first.isdecimal() and int(first) < len(found) else 0
    return found[number] if found else None


@lru_cache(maxsize=1)
def _cards(half_minute: float) -> list[GraphicsCard]:
    return cards()


def _cgroups() -> Iterator[Limit]:
    """A container's or a service's limit: of this process's group, or of one around it."""
    for version, folder in _groups():
        most, used, gives_way = VERSIONS[version]
        limit = _number(folder / most)
        if limit is None or limit >= 1 << 60:  # version 1 says "none" by a number that is huge
            continue
        spare = _stat(folder / "memory.stat").get(gives_way, 0)  # files in memory, which the kernel drops first
        name = f"the container's limit (cgroup v{version}) of {limit / 1e9:.1f} GB"
        yield Limit(name, _left(limit, (_number(folder / used) or 0) - spare))


def _groups() -> Iterator[tuple[int, Path]]:
    """(version, folder) of this process's groups that count memory, and of all around them."""
    try:
        lines = PROC.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        version, root = (1, CGROUPS / "memory") if controllers else (2, CGROUPS)
        own = root / path.lstrip("/")
        yield version, own
        for parent in own.parents:
            if parent == root or root in parent.parents:
                yield version, parent


def _shell() -> Iterator[Limit]:
    """`ulimit -v` and `ulimit -d`."""
    try:
        import resource
    except ImportError:  # Windows has none
        return
    memory = psutil.Process().memory_info()
    for name, kind, used in (
        ("ulimit -v", resource.RLIMIT_AS, memory.vms),
        ("ulimit -d", resource.RLIMIT_DATA, getattr(memory, "data", 0)),
    ):
        limit = resource.getrlimit(kind)[0]
        if limit != resource.RLIM_INFINITY:
            yield Limit(f"{name} of {limit / 1e9:.1f} GB", _left(limit, used), virtual=True)


def _slurm(environment: Mapping[str, str]) -> Iterator[Limit]:
    """A SLURM job's memory, in MB: a node's, or a CPU's times their number; 0 is all that the node has."""
    try:
        megabytes = int(environment.get("SLURM_MEM_PER_NODE", 0))
        cpus = int(environment.get("SLURM_CPUS_ON_NODE", 1))
        megabytes = megabytes or int(environment.get("SLURM_MEM_PER_CPU", 0)) * cpus
    except ValueError:
        return
    if megabytes > 0:
        limit = megabytes * 2**20
        yield Limit(f"the SLURM job's {limit / 1e9:.1f} GB", _left(limit, psutil.Process().memory_info().rss))


def _left(limit: float, used: float) -> float:
    return max(0.0, limit - max(0, used))


def _number(path: Path) -> int | None:
    """The number in a file; None where there is no file, or it says "max"."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _stat(path: Path) -> dict[str, int]:
    try:
        return {name: int(value) for name, value in (line.split() for line in path.read_text().splitlines())}
    except (OSError, ValueError):
        return {}
