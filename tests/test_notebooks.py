"""Every notebook runs from top to bottom, with the knobs of its one knobs cell shrunk."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))

# What each notebook's knobs are set to here; a knob that is gone from the notebook fails the test.
SHRUNK = {
    "01_quickstart": {"extractor": "random", "size": 64, "steps": 4},
    "02_studio": {"extractor": "random", "size": 48, "steps": 2, "grid_size": 32, "grid_steps": 2, "folder": "out"},
    "03_video": {"extractor": "random", "size": 64, "steps": 2, "next_steps": 1, "seconds": 0.2},
    "04_motion": {"extractor": "random", "size": 64, "steps": 2, "next_steps": 1, "frames_shown": 3},
    "06_paper": {
        **{"size": 64, "steps": 2, "layer_size": 64, "layer_steps": 2, "busy_count": 3, "busy_size": 64},
        **{"busy_steps": 2, "film_frames": 3, "film_size": 64, "film_steps": 2, "folder": "out"},
    },
}


def knobs_cell(notebook):
    (cell,) = [c for c in notebook.cells if "knobs" in c.metadata.get("tags", [])]
    return cell


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_outputs_are_stripped_and_a_kernel_is_named(path):
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None


def test_it_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    notebook, shrunk = nbformat.read(path, as_version=4), SHRUNK[path.stem]
    cell = knobs_cell(notebook)
    names = {t.id for node in ast.parse(cell.source).body if isinstance(node, ast.Assign) for t in node.targets}
    assert set(shrunk) <= names, f"knobs that are gone: {set(shrunk) - names}"
    cell.source += "".join(f"\n{name} = {value!r}" for name, value in shrunk.items())
    notebook.cells.insert(0, nbformat.v4.new_code_cell("%matplotlib inline"))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
