"""What `make docs` renders: the repository's pages as they lie, with a reference of the face, under outputs/pages."""

import ast
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from latex2mathml.converter import convert

import nstlib

ROOT = Path(nstlib.__file__).parents[1]
SOURCES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "docs/*.md", "data/gallery/*")
SOURCES += ("notebooks/*.ipynb", "nstlib/networks/weights/*.md", "nstlib/networks/weights/*.jpg", "nstlib/core/**/*.py")


WIDGET = "application/vnd.jupyter.widget-view+json"
BADGE = re.compile(r"\[!\[([^]]+)\]\(https://[^)]+\)\]")
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+?)\$", re.S)


def gather(folder: Path, executed: Path) -> None:
    """Copy the pages into a folder, each where it lies here, so that their links hold.

    executed: a folder with notebooks that were run, which are taken in place of those without outputs.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for path in (path for pattern in SOURCES for path in sorted(ROOT.glob(pattern))):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".ipynb":
            was_run = executed / path.name
            target.write_text(standing_alone((was_run if was_run.is_file() else path).read_text()))
        else:
            shutil.copy(path, target)
    (folder / "docs" / "reference.md").write_text("\n".join(reference()) + "\n")


def standing_alone(notebook: str) -> str:
    """The notebook, as JSON, which a browser shows without fetching: MathML formulas, badges as words, no widgets."""
    content = json.loads(notebook)
    content.get("metadata", {}).pop("widgets", None)
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            text = BADGE.sub(r"[\1]", "".join(cell["source"]))
            cell["source"] = FORMULA.sub(_mathml, text)
        if cell["cell_type"] == "code":
            cell["outputs"] = [output for output in cell["outputs"] if WIDGET not in output.get("data", {})]
    return json.dumps(content)


def _mathml(formula: re.Match[str]) -> str:
    display, inline = formula.groups()
    return convert(display or inline, display="block" if display else "inline").replace("\n", " ")


def reference() -> Iterator[str]:
    """The lines of a page that tells of every public name, under the headings of the face's own comments."""
    lines = Path(nstlib.__file__).read_text().splitlines()
    (face,) = (node for node in ast.parse("\n".join(lines)).body if isinstance(node, ast.If))
    yield "# Reference\n\n`import nstlib as nst` has these names; `nst.` followed by Tab lists them.\n"
    for line in lines[face.lineno : face.body[-1].end_lineno]:
        text = line.strip()
        if text.startswith("#"):
            yield f"## {text[2:].capitalize()}\n"
        elif text:
            (imported,) = ast.parse(text).body
            module = f"nstlib.{imported.module}" if imported.module else "nstlib"
            yield f"::: {module}.{imported.names[0].name}\n"


if __name__ == "__main__":
    gather(ROOT / "outputs" / "pages", ROOT / "outputs" / "notebooks")
