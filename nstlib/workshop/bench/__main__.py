"""`python -m nstlib.workshop.bench [AREA]`: prints every area's table; writes outputs/bench.json, and bench.md."""

import importlib
import json
import pkgutil
import platform
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import Row, __path__

OUTPUT = Path("outputs/bench.json")


def areas() -> list[str]:
    """The areas there are: this package's modules."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def verdict(row: Row) -> str:
    """`aim`, `floor` or `missed`, by the row's own direction; empty where no floor is set."""
    if row.floor is None:
        return ""
    sign = 1 if row.better == "higher" else -1
    if row.aim is not None and sign * row.value >= sign * row.aim:
        return "aim"
    return "floor" if sign * row.value >= sign * row.floor else "missed"


def show(rows: Iterable[Row]) -> list[Row]:
    """Print the rows as they come; return them."""
    shown = []
    for row in rows:
        limits = " ".join(f"{'-' if limit is None else format(limit, 'g'):>8}" for limit in (row.floor, row.aim))
        print(f"{row.area:9} {row.name:78} {row.value:10.4g} {limits}  {verdict(row)}", flush=True)
        shown.append(row)
    return shown


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as Markdown, for docs/measurements.md; a value that misses its floor is in bold."""
    lines = ["| area | measured | value | floor | aim |", "|---|---|---|---|---|"]
    for row in rows:
        value, floor, aim = ("" if row[n] is None else f"{row[n]:.4g}" for n in ("value", "floor", "aim"))
        value = f"**{value}**" if verdict(Row(**row)) == "missed" else value
        lines.append(f"| {row['area']} | {row['name']} | {value} | {floor} | {aim} |")
    return "\n".join(lines) + "\n"


def keep(rows: list[Row]) -> None:
    """Write an area's rows; those of the others stay."""
    measured = {row.area for row in rows}
    old = json.loads(OUTPUT.read_text()) if OUTPUT.exists() else []
    others = [row for row in old if row["area"] not in measured]
    found = sorted(others + [asdict(row) for row in rows], key=lambda row: row["area"])
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(found, indent=1))
    OUTPUT.with_suffix(".md").write_text(table(found))


def main(names: list[str]) -> int:
    """Measure the named areas, or all, and keep each when it is done."""
    unknown = [name for name in names if name not in areas()]
    if unknown:
        print(f"bench: no area {unknown[0]!r}; choose from {', '.join(areas())}", file=sys.stderr)
        return 2
    from ... import core  # noqa: F401 (TensorFlow, without its own lines)

    print(f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}")
    print(f"{'area':9} {'measured':78} {'value':>10} {'floor':>8} {'aim':>8}")
    for name in names or areas():
        keep(show(importlib.import_module(f"{__package__}.{name}").rows()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
