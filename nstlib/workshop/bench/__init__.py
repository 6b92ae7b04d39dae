"""Benchmarks: one module an area, each with `rows()`, run by `python -m nstlib.workshop.bench [AREA]`.

Nothing imports this package. Ratios are measured side by side, in turn, in one run; medians of several.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Row:
    """One measured figure with the floor it must hold and the aim it reaches for (None: none set)."""

    area: str
    name: str
    value: float
    floor: float | None
    aim: float | None
    better: Literal["higher", "lower"]
