"""The studio in a real JupyterLab in a real browser; screenshots go to outputs/studio."""

from itertools import combinations
from pathlib import Path

import pytest

from nstlib.workshop.bench import _lab

pytestmark = [
    pytest.mark.skipif(bool(_lab.missing()), reason=_lab.missing() or "a browser is here"),
    # Playwright's own loop leaves its transports to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SHOTS = Path(__file__).resolve().parents[2] / "outputs" / "studio"
SETUP = """
from nstlib import samples
from nstlib.settings import Settings
from nstlib.studio import Grid, Studio
layers = ("block1_conv1", "block2_conv1")
small = Settings(extractor="random", size=80, steps=3000, style_layers=layers, content_layers=layers[1:])
"""
PANEL = """
if "studio" in globals(): studio.close()
studio = Studio(samples.clip(), samples.styles(), small, folder="out")
studio
"""
TELL = "run = studio.worker.run\nprint('told', studio.error, studio.worker.alive, run and [s for _, s in run.steering])"
GRID = """
studio.close()
Grid(samples.photograph(), samples.styles()["ink"], rows={"style_weight": [0.1, 10.0]},
        columns={"seed": [0, 1, 2]}, settings=Settings(**{**vars(small), "steps": 6}))
"""
CELLS = [SETUP, PANEL, TELL, "studio.close()\nprint('told', studio._worker.alive)", GRID]

PIXELS = """() => { const image = document.querySelector('.nst-picture');
  const canvas = document.createElement('canvas');
  canvas.width = 32; canvas.height = 18; canvas.getContext('2d').drawImage(image, 0, 0, 32, 18);
  return canvas.toDataURL() }"""
BOXES = """() => { const studio = document.querySelector('.nst-studio'); const outer = studio.getBoundingClientRect();
  const leaves = 'button, input:not([type=file]), select, svg, img, .widget-label, .widget-slider, .widget-readout, ' +
    '.nst-head h4, .nst-status b, .nst-note, .nst-says, .jupyter-widget-Collapse-header';
  return [...studio.querySelectorAll(leaves)].map(e => [e.getBoundingClientRect(), e]).filter(([r]) => r.width > 1)
    .filter(([r, e]) => !e.parentElement.closest('button, .widget-slider, .nst-says'))
    .map(([r, e]) => [e.className.toString() + ' ' + e.innerText, r.left - outer.left, r.top - outer.top,
      r.right - outer.left, r.bottom - outer.top, outer.width]) }"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    _lab.notebook(folder / "studio.ipynb", CELLS)
    with _lab.server(folder) as address:
        yield address


@pytest.fixture(scope="module")
def notebook(address):
    with _lab.browser() as window:
        page = _lab.open_notebook(window, address, "studio.ipynb", height=1900)
        _lab.run_cell(page, 0)
        yield page


@pytest.fixture
def page(notebook, request):
    _lab.run_cell(notebook, 1, wait=True)
    notebook.wait_for_selector(".nst-studio .nst-picture")
    yield notebook
    SHOTS.mkdir(parents=True, exist_ok=True)
    notebook.screenshot(path=SHOTS / f"{request.node.name}.png")


def press(page, name):
    page.locator(f".nst-studio button:has-text('{name}')").first.click()


def step(page):
    return int(page.inner_text(".nst-status b"))


def changes(page, read, old):
    """Wait until what JavaScript reads from the page is another than before; return it."""
    return page.wait_for_function(
        f"old => {{ const now = ({read})(); return now !== old && now }}", arg=old
    ).json_value()


def started(page):
    press(page, "Start")
    page.wait_for_function("+document.querySelector('.nst-status b')?.innerText > 2")


def told(page, cell=2):
    """What a cell prints, run while the studio is at work."""
    page.evaluate("cell => jupyterapp.shell.currentWidget.content.widgets[cell].model.clearExecution()", cell)
    _lab.run_cell(page, cell)
    output = page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output:has-text('told')")
    output.wait_for()
    return output.inner_text()


def slide(page, number, key, times):
    page.locator(".nst-steers .noUi-handle:visible").nth(number).focus()
    for _ in range(times):
        page.keyboard.press(key)


def message(page, text):
    page.locator(f".nst-says:has-text({text!r})").wait_for()


def test_the_picture_grows_and_a_slider_steers_it_while_cells_run(page):
    content = page.evaluate(PIXELS)
    started(page)
    picture = changes(page, PIXELS, content)
    slide(page, 1, "ArrowRight", 20)
    page.wait_for_function(
        "[...document.querySelectorAll('.nst-number input')].filter(input => input.offsetParent)[1].value === '10'"
    )
    before = step(page)
    text = told(page)
    for _ in range(10):  # the page holds a slider's last value back while the kernel is busy
        if "style_weight=10.0" in text:
            break
        text = told(page)
    assert "None True" in text and "style_weight=10.0" in text
    changes(page, PIXELS, picture)
    assert step(page) >= before  # the same run goes on
    press(page, "Pause")
    page.locator(".nst-studio button:has-text('Go on')").wait_for()


def test_results_are_kept_and_compared_and_copied(page):
    started(page)
    press(page, "Keep")
    slide(page, 0, "ArrowRight", 10)
    press(page, "Keep")
    page.locator(".nst-card").nth(1).wait_for()
    for number in range(2):
        page.locator(".nst-card button:has-text('Compare')").nth(number).click()
    page.locator(".nst-pair img").nth(1).wait_for()
    assert "style loss" in page.inner_text(".nst-table")
    press(page, "Python")
    page.locator(".nst-code pre:has-text('run.follow')").wait_for()
    press(page, "Save PNG")
    message(page, "saved out/studio-")


def test_bad_input_is_one_line_and_the_panel_goes_on(page, tmp_path):
    path = page.locator(".nst-door input[type=text]").first
    path.fill("nowhere.png")
    path.press("Enter")
    message(page, "no such file: nowhere.png")
    (tmp_path / "notes.png").write_bytes(b"no picture")
    with page.expect_file_chooser() as chooser:
        page.locator(".widget-upload").first.click()
    chooser.value.set_files(tmp_path / "notes.png")
    message(page, "notes.png is no picture that can be read")
    started(page)
    assert page.locator(".nst-says").count() == 0


def test_an_interrupt_and_a_close_end_the_thread(page):
    started(page)
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    message(page, "interrupted")
    assert "None True" in told(page)  # asking for the worker makes another
    started(page)
    assert "False" in told(page, 3)
    assert page.locator(".nst-studio").count() == 0


@pytest.mark.parametrize("width", [1280, 1920])
@pytest.mark.parametrize("theme", sorted(_lab.THEMES))
def test_nothing_overlaps(page, width, theme):
    page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", _lab.THEMES[theme])
    page.set_viewport_size({"width": width, "height": 1900})
    started(page)
    press(page, "Keep")
    page.locator(".nst-card").first.wait_for()
    press(page, "Pause")
    for fold in page.locator(".nst-studio .jupyter-widget-Collapse-header").all():
        fold.click()
    page.locator(".nst-steers .noUi-handle:visible").nth(4).wait_for()
    page.wait_for_timeout(500)
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.locator(".nst-studio").screenshot(path=SHOTS / f"studio-{theme}-{width}.png")
    boxes = page.evaluate(BOXES)
    assert len(boxes) > 50
    for name, left, _, right, _, outer in boxes:
        assert left >= -1 and right <= outer + 1, f"{name!r} leaves the panel"
    for one, other in combinations(boxes, 2):
        across = min(one[3], other[3]) - max(one[1], other[1])
        down = min(one[4], other[4]) - max(one[2], other[2])
        assert across < 2 or down < 2, f"{one[0]!r} overlaps {other[0]!r}"


def test_a_grid_fills_on_the_page(page):
    _lab.run_cell(page, 4)
    page.locator(".nst-note:has-text('6 of 6 results')").wait_for()
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.locator(".nst-studio").screenshot(path=SHOTS / "grid.png")
    assert page.locator(".nst-grid-box img").count() == 6
