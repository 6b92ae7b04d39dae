"""The pages: every link leads somewhere, every public name is told of, and what is gathered is in the site's menu."""

import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
import yaml

import nstlib as nst
from nstlib.workshop import pages

ROOT = pages.ROOT
NAMES = [name for name in dir(nst) if not name.startswith("__")]
TEXTS = [path for pattern in pages.SOURCES for path in ROOT.glob(pattern) if path.suffix == ".md"]


@pytest.mark.parametrize("page", TEXTS, ids=lambda path: path.name)
def test_links_lead_to_files_of_the_repository(page):
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_what_is_gathered_is_in_the_menu_or_linked(tmp_path):
    pages.gather(tmp_path, executed=tmp_path)
    gathered = {str(path.relative_to(tmp_path)) for kind in ("*.md", "*.ipynb") for path in tmp_path.rglob(kind)}
    sections = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    listed = [target for section in sections for target in section.values()]
    assert gathered == {page for page in listed if isinstance(page, str)} | {
        page for entries in listed if isinstance(entries, list) for entry in entries for page in entry.values()
    }


def test_notebooks_that_were_run_go_before_those_that_were_not(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "01_quickstart.ipynb").write_text('{"cells": []}')
    pages.gather(tmp_path / "pages", executed=tmp_path / "run")
    first, second = (tmp_path / "pages" / "notebooks" / name for name in ("01_quickstart.ipynb", "02_studio.ipynb"))
    assert not nbformat.read(first, as_version=4).cells and nbformat.read(second, as_version=4).cells


def test_widgets_which_need_a_kernel_are_left_out():
    seen = {"output_type": "display_data", "data": {"image/png": "…"}, "metadata": {}}
    widget = {"output_type": "display_data", "data": {pages.WIDGET: {}, "text/plain": "…"}, "metadata": {}}
    cell = {"cell_type": "code", "source": "", "outputs": [widget, seen]}
    found = json.loads(pages.standing_alone(json.dumps({"cells": [cell], "metadata": {"widgets": {}}})))
    assert found["cells"][0]["outputs"] == [seen] and not found["metadata"]


def test_formulas_become_mathml(tmp_path):
    pages.gather(tmp_path, executed=tmp_path)
    for path in (tmp_path / "notebooks").glob("*.ipynb"):
        told = "".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
        assert "$" not in told and not re.search(r">\\\w", told), path.name  # a command that was not understood


def test_the_reference_has_every_public_name():
    told = re.findall(r"^::: nstlib\.(?:.+\.)?(\w+)$", "\n".join(pages.reference()), re.M)
    assert sorted(told) == NAMES


def test_the_glossary_has_every_public_name():
    told = set(re.findall(r"`nst\.(\w+)", (ROOT / "docs" / "glossary.md").read_text()))
    assert set(NAMES) <= told, set(NAMES) - told


def test_the_readme_is_short_and_names_every_notebook():
    told = (ROOT / "README.md").read_text()
    assert len(told.split()) < 2000
    assert all(path.name in told for path in Path(ROOT, "notebooks").glob("*.ipynb"))


SHRUNK = {"size=512": "size=48", "size=384": "size=48", "size=256": "size=48", "range(100)": "range(3)"}
SHRUNK |= {"nst.Settings()": "nst.Settings(size=48, steps=52)"}  # which is steered after 50
WITH_PROGRAMS = [page for page in TEXTS if "```python\nimport nstlib as nst" in page.read_text()]


@pytest.mark.parametrize("page", WITH_PROGRAMS, ids=lambda path: path.name)
def test_the_programs_on_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nst.save("photo.jpg", nst.samples.frame(30, size=(36, 48)))
    nst.save("painting.jpg", nst.samples.frame(0, size=(36, 48)))
    program = "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.S))
    for given, small in SHRUNK.items():
        program = program.replace(given, small)
    exec(compile(program, page.name, "exec"), {})
    plt.close("all")
    assert Path("out.png").exists()
