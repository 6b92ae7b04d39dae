"""Every notebook runs from top to bottom, with the knobs of its one knobs cell shrunk."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from nstlib import samples

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))

# What each notebook's knobs are set to here; a knob that is gone from the notebook fails the test.
SHRUNK = {
    "01_quickstart": {
        **{"size": 64, "steps": 4, "tutorial_steps": 2, "large_size": 64, "large_steps": 2, "folder": "out"},
    },
    "02_studio": {"size": 64, "steps": 2, "grid_size": 48, "grid_steps": 2, "folder": "out"},
    "03_video": {"size": 64, "steps": 2, "next_steps": 1, "seconds": 0.2, "folder": "out"},
    "04_motion": {"size": 64, "steps": 2, "next_steps": 1, "frames_shown": 3, "folder": "out"},
    "05_instant": {"size": 64, "steps": 2, "seconds": 0.2, "folder": "out"},
    "06a_paper_figures": {"size": 64, "steps": 2, "paintings": {"ink": str(samples.styles()["ink"])}, "folder": "out"},
    "06b_paper_claims": {
        **{"layer_size": 64, "layer_steps": 2, "depth": 2, "busy_count": 2, "busy_size": 64, "busy_steps": 2},
        **{"folder": "out"},
    },
    "06c_paper_motion": {"frame_count": 2, "size": 64, "steps": 2, "folder": "out"},
    "07_weights": {
        **{"size": 64, "steps": 2, "ratios": (1e-3,), "relative_ratios": (0.1,), "depths": (5,)},
        **{"content_layers": ("block1_conv2",), "pooling_size": 32, "pooling_steps": 1, "folder": "out"},
    },
    "08_scale": {
        **{"size": 64, "steps": 2, "processes": 1, "content_weights": [0.03], "depths": [1]},
        **{"style_names": ["ink"], "folder": "out"},
    },
    "10_photographs": {
        "folder": "out",
        "size": 64,
        "steps": 4,
        "painting_steps": 2,
        "seconds": 0.2,
        "bins": 4,
        "luma_bins": 4,
    },
    "11_one_painting": {"size": 64, "steps": 2, "learned_steps": 3, "crop": 64, "folder": "out"},
    "09_style_losses": {"size": 64, "steps": 2, "tries": 1},
}

PAPER = {
    "1": "Introduction",
    "2": "Related work",
    "2.1": "Neural Style Transfer by TensorFlow",
    "2.2": "Image Style Transfer Using Convolutional Neural Networks",
    "2.3": "Very Deep Convolutional Networks",
    "2.4": "Research on Neural Style Transfer Algorithm",
    "3": "Method",
    "3.1.1": "The model",
    "3.1.2": "The origin",
    "3.1.3": "Some abstracted mathematics",
    "3.2": "Results",
    "4": "Conclusion",
    "5": "Future work",
    "6": "References",
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


def test_it_uses_the_face_alone(path):
    code = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    assert re.findall(r"^(?:import|from) nstlib.*$", code, re.M) == ["import nstlib as nst"]


def test_it_opens_with_its_time_and_ends_with_three_exercises_and_the_next(path):
    cells = nbformat.read(path, as_version=4).cells
    assert re.search(r"(second|minute)s?\b", cells[0].source), "how long does it take?"
    following = NOTEBOOKS[NOTEBOOKS.index(path) + 1 :][:1]
    assert all(f"]({file.name})" in cells[-1].source for file in following)
    if "## Exercises\n\n1. " in cells[-1].source:  # chapters whose exercises have no cells yet
        assert len(re.findall(r"^\d\. .+[?.] \([A-Z].+\)$", cells[-1].source, re.M)) == 3
        return
    (start,) = [i for i, cell in enumerate(cells) if cell.source.startswith("## Exercises")]
    told = "\n".join(cell.source for cell in cells[start:] if cell.cell_type == "markdown")
    assert re.findall(r"^\*\*(\d)\.\*\* ", told, re.M) == ["1", "2", "3"]
    answers = [cell for cell in cells[start:] if cell.source.startswith("answer = None")]
    assert len(answers) == 3 and all("nst.check(answer, " in cell.source for cell in answers)


def test_every_section_of_the_paper_is_in_its_notebooks():
    paper = [nbformat.read(path, as_version=4) for path in NOTEBOOKS if path.stem.startswith("06")]
    told = "\n".join(cell.source for one in paper for cell in one.cells if cell.cell_type == "markdown")
    for number, title in PAPER.items():
        assert re.search(rf"{re.escape(number)} .*{re.escape(title)}", told, re.IGNORECASE), f"{number} {title}"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """One kernel for all notebooks: from the first one on it has TensorFlow, and what is traced of the networks."""
    made = NotebookClient(nbformat.v4.new_notebook(), timeout=300)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        patch.delenv("PYTEST_CURRENT_TEST")  # with it a kernel does not show what its processes write
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")  # as Jupyter sets it
        with made.setup_kernel(cwd=str(tmp_path_factory.mktemp("kernel"))):
            yield made


ANEW = """
import os
import matplotlib
from matplotlib import pyplot

def anew(folder):
    pyplot.close("all")
    matplotlib.rcdefaults()
    os.chdir(folder)
    shell = get_ipython()
    kept = {{name: value for name, value in shell.user_ns.items() if name.startswith("__")}}  # Dask asks for __spec__
    shell.reset()
    shell.user_ns.update(kept)

anew({folder!r})
"""


def anew(folder):
    """A cell that leaves the kernel as one that has just been started in the folder, but for the modules it has."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(ANEW.format(folder=str(folder)))])


def test_it_runs_from_top_to_bottom(path, tmp_path, client):
    notebook, shrunk = nbformat.read(path, as_version=4), SHRUNK[path.stem]
    cell = knobs_cell(notebook)
    names = {t.id for node in ast.parse(cell.source).body if isinstance(node, ast.Assign) for t in node.targets}
    assert set(shrunk) <= names, f"knobs that are gone: {set(shrunk) - names}"
    cell.source += "".join(f"\n{name} = {value!r}" for name, value in shrunk.items())
    for client.nb in (anew(tmp_path), notebook):
        client.execute(cleanup_kc=False)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    for output in outputs:
        assert output.get("name") != "stderr", output.text  # which pages show in red
        data = output.get("data", {})
        assert "image/png" in data or "<Figure" not in data.get("text/plain", "")  # a figure is seen
        assert "oneDNN" not in output.get("text", "")  # and nothing of TensorFlow's start
