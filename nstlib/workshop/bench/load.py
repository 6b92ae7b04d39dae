"""Load: what a long clip, a large sweep and a print need, each in a process of its own."""

from collections.abc import Iterator
from statistics import median

from . import Row
from ._peak import measured


def rows() -> Iterator[Row]:
    """Many frames and many cells against few, and the peak of a print, which chooses its tiles."""
    yield from growth("clip", "frame", 50, 2000)
    yield from growth("sweep", "cell", 50, 300)
    yield Row("load", "peak memory of 4096x4096, compact, GB", measured("print", 4096, 2)[0] / 1e9, 8, None, "lower")


def growth(kind: str, one: str, few: int, many: int) -> Iterator[Row]:
    """Peak memory over peak memory; the time of a late frame or cell over that of an early one."""
    (low, _), (high, seconds) = (measured(kind, count, 2) for count in (few, many))
    yield Row("load", f"peak memory, {kind} of {many} {one}s / of {few}", high / low, 1.05, 1.0, "lower")
    quarter = many // 4
    early, late = (median(part) for part in (seconds[quarter // 4 : quarter], seconds[-quarter:]))
    yield Row("load", f"time of a {one}, last quarter of {many} / first", late / early, 1.1, 1.0, "lower")
