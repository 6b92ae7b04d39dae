"""What every chapter begins with is what the workshop writes there, and the cell that installs does nothing here."""

import base64
import io
import json
import shutil

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from PIL import Image

from nstlib.workshop import course, pages

CHAPTERS = sorted((pages.ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return request.param


def test_a_chapter_is_as_it_is_written(chapter, tmp_path):
    copy = tmp_path / chapter.name
    shutil.copy(chapter, copy)
    course.dress(copy, executed=tmp_path / "nowhere")
    assert copy.read_text() == chapter.read_text(), "run: make course"


def test_it_begins_with_its_badges_its_picture_and_the_cell_that_installs(chapter):
    opening, setup = nbformat.read(chapter, as_version=4).cells[:2]
    path = f"{course.REPOSITORY}/blob/{course.BRANCH}/notebooks/{chapter.name})"
    assert path in opening.source and f"tree/notebooks/{chapter.name})" in opening.source
    picture = base64.b64decode(opening.attachments[course.PICTURE]["image/jpeg"])
    assert Image.open(io.BytesIO(picture)).width <= course.WIDTH and len(picture) < 300_000
    assert f"attachment:{course.PICTURE})" in opening.source
    assert setup.source == course.setup(chapter.stem)


def test_the_first_cell_does_nothing_where_the_package_is(monkeypatch):
    from IPython.core.inputtransformer2 import TransformerManager

    ran = []
    code = TransformerManager().transform_cell(course.setup("08_scale"))
    exec(code, {"get_ipython": lambda: ran.append})
    assert not ran
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    shell = type("Shell", (), {"run_line_magic": lambda self, *words: ran.append(words)})()
    exec(code, {"get_ipython": lambda: shell})
    ((magic, words),) = ran
    assert magic == "pip" and f"nstlib[cluster] @ git+https://github.com/{course.REPOSITORY}@" in words


def test_the_picture_is_that_of_the_cell_with_the_tag(tmp_path):
    file = io.BytesIO()
    plt.imsave(file, np.full((600, 1200, 3), (0.9, 0.1, 0.1)), format="png")
    shown = nbformat.v4.new_output("display_data", {"image/png": base64.b64encode(file.getvalue()).decode()})
    cells = [nbformat.v4.new_markdown_cell("# A\n\ntext"), nbformat.v4.new_code_cell("1")]
    cells.append(nbformat.v4.new_code_cell("2", outputs=[shown], metadata={"tags": ["opening"]}))
    for folder in ("run", "kept"):
        (tmp_path / folder).mkdir()
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / folder / "a.ipynb")

    course.dress(tmp_path / "kept" / "a.ipynb", executed=tmp_path / "run")
    opening = json.loads((tmp_path / "kept" / "a.ipynb").read_text())["cells"][0]
    picture = Image.open(io.BytesIO(base64.b64decode(opening["attachments"][course.PICTURE]["image/jpeg"])))
    assert picture.size == (800, 400) and abs(picture.getpixel((0, 0))[0] - 230) < 4


def test_badges_are_words_where_nothing_is_fetched():
    cell = {"cell_type": "markdown", "source": course.badges("01_quickstart")}
    (shown,) = json.loads(pages.standing_alone(json.dumps({"cells": [cell]})))["cells"]
    assert shown["source"].startswith("[Open in Colab](https://colab") and "![" not in shown["source"]
