"""The rooms of the house: each imports only from rooms below it, and inside a room from files below; no circles."""

import ast
import subprocess
from pathlib import Path

import pytest

import nstlib

PACKAGE = Path(nstlib.__file__).parent
ROOMS = ["errors", "settings", "media", "samples", "networks", "core", "engines", "video", "research", "scale"]
ROOMS += ["studio", "cli", "__main__"]  # from the lowest up
TOP = {
    "notebooks",
    "nstlib",
    "tests",
    "data",
    "docs",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "mkdocs.yml",
    "LICENSE",
    "Makefile",
    "pyproject.toml",
    ".ci",
    ".gitignore",
    ".pre-commit-config.yaml",
}
TOP |= {"binder"}  # what Binder reads
TOP |= {f"requirements{kind}.txt" for kind in ("", "-app", "-cluster", "-dev", "-heic", "-onnx")}
ALONE = {"workshop"}  # nothing imports it


def modules():
    return {dotted(p): p for p in PACKAGE.rglob("*.py")}


def dotted(path):
    """("core", "run") for core/run.py; ("core",) for core/__init__.py."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(module, path, known):
    """The modules of the package that a file imports, at its top or inside a function; as tuples of names."""
    package = module if path.name == "__init__.py" else module[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
            yield from (name[1:] for name in names if name[0] == "nstlib")
        if isinstance(node, ast.ImportFrom):
            said = tuple((node.module or "").split(".")) if node.module else ()
            if node.level:
                base = package[: len(package) - node.level + 1] + said
            elif said[:1] == ("nstlib",):
                base = said[1:]
            else:
                continue
            for alias in node.names:
                yield (*base, alias.name) if (*base, alias.name) in known else base


def arrows():
    known = modules()
    return [(module, other) for module, path in known.items() for other in imported(module, path, known)]


def test_a_room_imports_only_from_rooms_below_it():
    for module, other in arrows():
        if not module or module[0] in ALONE or not other:
            continue  # the face itself shows every room; `from .. import __version__`
        assert module[0] in ROOMS, f"{module} is in no room"
        assert other[0] not in ALONE, f"{module} imports {other}"
        assert ROOMS.index(other[0]) <= ROOMS.index(module[0]), f"{module} imports {other}, from above"


def test_no_circles():
    """Every file can be given a height above all that it imports."""
    below = {}
    for module, other in arrows():
        if module and other and module != other:
            below.setdefault(module, set()).add(other)
    heights, path = {}, []

    def height(module):
        assert module not in path, f"a circle: {[*path, module]}"
        if module not in heights:
            path.append(module)
            heights[module] = 1 + max((height(other) for other in below.get(module, ())), default=0)
            path.pop()
        return heights[module]

    for module in list(below):
        height(module)


def test_what_is_private_is_for_its_own_room():
    for module, other in arrows():
        if any(part.startswith("_") and part != "__init__" for part in other):
            assert module[:1] == other[:1], f"{module} imports {other}, which is private"


def test_private_names_are_for_their_own_room():
    known = modules()
    for module, path in known.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level > 1:
                for alias in node.names:
                    assert not alias.name.startswith("_") or alias.name == "__version__", f"{module}: {alias.name}"


def test_who_opens_the_package_sees_at_most_sixteen_entries():
    entries = [p.name for p in PACKAGE.iterdir() if p.name != "__pycache__"]
    assert len(entries) <= 16, sorted(entries)


def test_nothing_else_grows_at_the_top():
    listed = subprocess.run(["git", "ls-files"], cwd=PACKAGE.parent, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    assert {line.split("/")[0] for line in listed.stdout.splitlines()} == TOP


def test_trainings_use_no_tensorflow():
    """Any backend of Keras trains; only what writes a SavedModel is TensorFlow's."""
    training = PACKAGE / "workshop" / "training"
    for path in set(training.glob("*.py")) - set(training.glob("export_*.py")):
        assert "import tensorflow" not in path.read_text(), path.name
