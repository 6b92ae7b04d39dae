"""The floors of the house: a module imports only from the floors below its own."""

import ast
import subprocess
from pathlib import Path

import pytest

import nstlib

PACKAGE = Path(nstlib.__file__).parent
FLOORS = [
    {"", "errors", "quiet", "drawing"},
    {"settings", "ffmpeg", "colors", "files", "locks"},
    {"images", "flags", "encoders", "flow", "shots", "losses", "optimize", "plots", "samples", "memory", "arithmetic"}
    | {"compact"},
    {"features", "clips", "guide", "store", "instant", "hub", "axes", "workers"},
    {"model", "metrics", "sheets", "cluster"},
    {"conventions", "styles", "tiles", "executors"},
    {"stylize"},
    {"feedforward"},
    {"engines"},
    {"records"},
    {"video", "cells"},
    {"pieces"},
    {"demo", "gallery", "paper", "studio", "sweeps", "spread"},
    {"reels"},
    {"__main__"},
]
TOP = {
    "notebooks",
    "nstlib",
    "tests",
    "data",
    "README.md",
    "LICENSE",
    "Makefile",
    "pyproject.toml",
    ".ci",
    ".gitignore",
}
TOP |= {f"requirements{kind}.txt" for kind in ("", "-app", "-cluster", "-dev")}
ALONE = {"training", "bench"}  # nothing imports them


def modules():
    return [p for p in PACKAGE.rglob("*.py") if "__pycache__" not in p.parts]


def place(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def imported(path):
    """The first names under nstlib that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            depth = len(path.relative_to(PACKAGE).parts)
            inside = node.level == depth or (node.module or "").split(".")[0] == "nstlib"
            if not inside:
                continue
            module = (node.module or "").removeprefix("nstlib").removeprefix(".")
            for alias in node.names:
                first = module.split(".")[0] or alias.name
                yield first if (PACKAGE / f"{first}.py").exists() or (PACKAGE / first).is_dir() else ""


def test_every_module_has_a_floor_and_imports_from_below():
    floors = {name: number for number, names in enumerate(FLOORS) for name in names}
    for path in modules():
        own = place(path)
        if own in ALONE:
            continue
        assert own in floors, f"{own} has no floor"
        for other in imported(path):
            assert other not in ALONE and floors[other] < floors[own], f"{own} imports {other}"


def test_nothing_else_grows_at_the_top():
    listed = subprocess.run(["git", "ls-files"], cwd=PACKAGE.parent, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    assert {line.split("/")[0] for line in listed.stdout.splitlines()} == TOP


def test_trainings_use_no_tensorflow():
    """Any backend of Keras trains; only what writes a SavedModel is TensorFlow's."""
    for path in set((PACKAGE / "training").glob("*.py")) - set((PACKAGE / "training").glob("export_*.py")):
        assert "import tensorflow" not in path.read_text(), path.name
