"""House: how much there is to read, and how it hangs together; counted, not timed."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from . import Row

PACKAGE = Path(__file__).parents[2]
APART = {"workshop", "samples"}  # what the package is made with, and what it shows itself with


def rows(package: Path = PACKAGE) -> Iterator[Row]:
    """Entries, imports, lines of files and functions; the method's lines without what is there for speed alone."""
    files = {path: path.read_text() for path in package.rglob("*.py")}
    own = {path: text for path, text in files.items() if path.relative_to(package).parts[0] not in APART}
    long = {path: len(text.splitlines()) for path, text in own.items()}
    functions = sorted(lengths(own.values()))
    arrows = imports(package, own)

    entries = len([path for path in package.iterdir() if path.name != "__pycache__"])
    yield Row("house", "entries in nstlib/", entries, 16, None, "lower")
    yield Row("house", "imports from file to file", sum(map(len, arrows.values())), None, None, "lower")
    yield Row("house", "floors: files on the longest way down", floors(arrows), None, None, "lower")
    yield Row("house", "lines, without samples and workshop", sum(long.values()), 8600, 7500, "lower")
    method = [n for path, n in long.items() if path.parts[-2] == "core" or "style_losses" in path.parts]
    yield Row("house", "lines of core, without what is there for speed", sum(method), 900, None, "lower")
    yield Row("house", "lines of the longest file", max(long.values()), None, None, "lower")
    yield Row("house", "lines of the longest function", functions[-1], None, None, "lower")
    yield Row("house", "lines of a function, median", median(functions), None, None, "lower")
    for room in sorted({path.relative_to(package).parts[0] for path in own} - {"__init__.py", "__main__.py"}):
        lines = sum(n for path, n in long.items() if path.relative_to(package).parts[0] == room)
        yield Row("house", f"lines of {room}", lines, None, None, "lower")


def lengths(texts: Iterator[str]) -> Iterator[int]:
    """The lines of every function, without its docstring."""
    for node in (node for text in texts for node in ast.walk(ast.parse(text))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            yield node.end_lineno - node.lineno + 1 - (first.end_lineno - first.lineno + 1 if told else 0)


def imports(package: Path, files: dict[Path, str]) -> dict[Path, set[Path]]:
    """{file: the package's files that it imports}, at its top or inside a function."""
    found: dict[Path, set[Path]] = {}
    for path, text in files.items():
        if path == package / "__init__.py":
            continue  # the face names every room
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom) and node.level]
        for node in nodes:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            targets = [base / f"{alias.name}.py" for alias in node.names] + [base.with_suffix(".py")]
            found.setdefault(path, set()).update(target for target in targets if target in files and target != path)
    return found


def floors(arrows: dict[Path, set[Path]]) -> int:
    """How many files the longest chain of imports has."""
    heights: dict[Path, int] = {}

    def height(path: Path) -> int:
        if path not in heights:
            heights[path] = 1 + max(map(height, arrows.get(path, ())), default=0)
        return heights[path]

    return max(map(height, list(arrows)))
