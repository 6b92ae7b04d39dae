"""Load: what a long clip and a print need, each in a process of its own."""

from collections.abc import Iterator
from statistics import median

from . import Row
from ._peak import measured

FEW, MANY = 50, 2000  # frames


def rows() -> Iterator[Row]:
    """A clip of many frames against one of few, and the peak of a print, which chooses its tiles."""
    yield from clip(FEW, MANY)
    yield Row("load", "peak memory of 4096x4096, compact, GB", measured("print", 4096, 2)[0] / 1e9, 8, None, "lower")


def clip(few: int, many: int) -> Iterator[Row]:
    """Peak memory over peak memory; the time of a late frame over that of an early one."""
    (low, _), (high, seconds) = (measured("clip", count, 2) for count in (few, many))
    yield Row("load", f"peak memory, {many} frames / {few}", high / low, 1.05, 1.0, "lower")
    quarter = many // 4
    early, late = (median(part) for part in (seconds[few:quarter], seconds[-quarter:]))
    yield Row("load", f"time of a frame, last quarter of {many} / first", late / early, 1.1, 1.0, "lower")
