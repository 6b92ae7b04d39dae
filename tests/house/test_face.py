"""The face: `import nstlib as nst` is light, lists what there is, and each name has an example that runs."""

import doctest
import inspect
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from conftest import eagerly

import nstlib as nst

PACKAGE = Path(nst.__file__).parent
NAMES = [name for name in dir(nst) if not name.startswith("__")]
CONSTANTS = {"STYLE_LAYERS"}
WITH_EXAMPLES = ["nstlib", *(name for name in NAMES if name not in CONSTANTS)]


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


def test_the_import_loads_nothing_heavy():
    heavy = {"tensorflow", "keras", "numpy", "cv2", "PIL", "matplotlib", "ipywidgets"}
    found = run("import sys, nstlib; print(*(m.partition('.')[0] for m in sys.modules))").stdout.split()
    assert not heavy & set(found)


def test_settings_pictures_and_figures_need_no_tensorflow():
    light = "nst.Settings, nst.load, nst.show, nst.samples, nst.optical_flow"
    run(f"import sys, nstlib as nst; {light}; assert 'tensorflow' not in sys.modules")


def test_tensorflow_starts_without_a_line():
    done = run("import nstlib as nst; nst.gram_matrix(nst.samples.frame(0, size=(16, 16))[None])")
    assert (done.stdout, done.stderr) == ("", "")


def test_tensorflow_starts_from_rooms_that_keep_it_quiet():
    """`core/__init__` starts it without its lines; whatever imports it elsewhere must have passed there before."""
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0]
        loads = re.search(r"^(import|from) (tensorflow|keras)\b", path.read_text(), re.M)
        assert not loads or room in {"core", "engines", "networks", "workshop"}, path


def test_a_name_that_there_is_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nstlib.*styilze"):
        _ = nst.styilze
    with pytest.raises(ImportError, match="styilze"):
        from nstlib import styilze  # noqa: F401


def test_no_name_hides_a_room():
    rooms = {path.stem for path in PACKAGE.iterdir()} - {"samples"}
    assert not rooms & set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_what_its_module_calls_it(name):
    thing = getattr(nst, name)
    assert name in CONSTANTS or inspect.getdoc(thing)
    assert getattr(thing, "__name__", name).rpartition(".")[2] == name


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_its_example_runs(name, tmp_path, monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    thing = nst if name == "nstlib" else getattr(nst, name)
    examples = doctest.DocTestParser().get_doctest(inspect.getdoc(thing), {"nst": nst, "np": np}, name, None, None)
    assert examples.examples, "there is no example in its docstring"
    told = []
    with eagerly() if name == "learn" else nullcontext():  # its one step is traced for seconds
        failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=told.append)
    plt.close("all")
    assert not failed, "".join(told)
