"""The studio in a real JupyterLab in a real browser; screenshots go to outputs/studio."""

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from conftest import smooth_noise

from nstlib.media import images
from nstlib.workshop.bench import _lab

pytestmark = [
    pytest.mark.skipif(bool(_lab.missing()), reason=_lab.missing() or "a browser is here"),
    # Playwright's own loop leaves its transports to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SHOTS = Path(__file__).resolve().parents[2] / "outputs" / "studio"
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
SHAPES = {"tall": (96, 24), "square": (48, 48), "panorama": (20, 120)}
SETUP = """
import threading
from nstlib import samples
from nstlib.settings import Settings
from nstlib.studio import Grid, Studio
layers = ("block1_conv1", "block2_conv1")
layers = {"style_layers": layers, "content_layers": layers[1:]}
small = Settings(extractor="random", precision="float32", size=80, steps=3000, **layers)
contents = {"clip": samples.clip(), **{name: f"{name}.png" for name in ("tall", "square", "panorama")}}
settings = small
if "studio" in globals():
    studio.close()  # else the next panel of its cell takes over what it kept
"""
DEFAULT = 'settings = Settings(size=96, steps=12)\nprint("told")'
PANEL = "studio = Studio(contents, samples.styles(), settings, folder='out')\nstudio"
TELL = """
run = studio._worker and studio._worker.run
threads = sum(thread.name == "nstlib studio" for thread in threading.enumerate())
print('told', studio.error, studio.state, threads, 'threads', run and [s for _, s in run.steering])
"""
GRID = """
studio.close()
Grid(samples.photograph(), samples.styles()["ink"], rows={"style_weight": [0.1, 10.0]},
        columns={"seed": [0, 1, 2]}, settings=Settings(**{**vars(small), "steps": 6}))
"""
CELLS = [SETUP, PANEL, TELL, DEFAULT, GRID]
RUNNING, PANEL_CELL, TELL_CELL, DEFAULT_CELL, GRID_CELL = range(5)

PIXELS = """() => { const image = document.querySelector('.nst-picture');
  const canvas = document.createElement('canvas');
  canvas.width = 32; canvas.height = 18; canvas.getContext('2d').drawImage(image, 0, 0, 32, 18);
  return canvas.toDataURL() }"""
BOXES = """() => { const studio = document.querySelector('.nst-studio'); const outer = studio.getBoundingClientRect();
  const leaves = 'button, input:not([type=file]), select, svg, .widget-label, .widget-slider, .widget-readout, ' +
    '.nst-h, .nst-tile, .nst-panes, .nst-card img, .nst-status b, .nst-note, .nst-says, ' +
    '.jupyter-widget-Collapse-header';
  return [...studio.querySelectorAll(leaves)].map(e => [e.getBoundingClientRect(), e]).filter(([r]) => r.width > 1)
    .filter(([r, e]) => !e.parentElement.closest('button, .widget-slider, .nst-says, .widget-checkbox'))
    .map(([r, e]) => [e.className.toString() + ' ' + e.innerText, r.left - outer.left, r.top - outer.top,
      r.right - outer.left, r.bottom - outer.top, outer.width]) }"""
PLACES = """names => names.map(name => document.querySelector(name)?.getBoundingClientRect())
  .map(r => r && [r.left, r.top, r.right, r.bottom])"""
MAIN = [".nst-transport", ".nst-message", ".nst-panes", ".nst-status", ".nst-back", ".nst-charts"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    for seed, (name, shape) in enumerate(SHAPES.items()):
        images.save(folder / f"{name}.png", smooth_noise(seed, shape))
    _lab.notebook(folder / "studio.ipynb", CELLS)
    with _lab.server(folder) as address, _lab.browser() as window:
        page = _lab.open_notebook(window, address, "studio.ipynb", height=1100)
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        yield page


@pytest.fixture
def page(lab, request):
    """The panel made anew: its cells are run again."""
    lab.set_viewport_size({"width": 1280, "height": 1000})
    _lab.run_cell(lab, RUNNING, wait=True)  # its settings, whatever the test before made of them
    _lab.run_cell(lab, PANEL_CELL, wait=True)
    lab.wait_for_selector(".nst-studio .nst-tile img")
    lab.evaluate("document.querySelector('.nst-studio').scrollIntoView()")
    lab.faults.clear()
    yield lab
    lab.screenshot(path=shot(request.node.name))
    assert lab.faults == []


def shot(name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS / f"{name}.png"


def button(page, name):
    return page.locator(f".nst-studio button:has-text('{name}'):visible").first


def press(page, name):
    button(page, name).click()


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


def pixels(page):
    """The picture that is shown, once there is one."""
    page.wait_for_function("document.querySelector('.nst-picture')?.complete")
    return page.evaluate(PIXELS)


def ended(page):
    button(page, "Go on").wait_for()
    page.wait_for_timeout(200)  # the last picture's bytes may come after the word
    return pixels(page)


def told(page, cell=TELL_CELL):
    """What a cell prints, run while the studio is at work."""
    page.evaluate("cell => jupyterapp.shell.currentWidget.content.widgets[cell].model.clearExecution()", cell)
    _lab.run_cell(page, cell)
    output = page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output:has-text('told')")
    output.wait_for()
    return output.inner_text()


def row(page, name):
    return page.locator(f".nst-of-{name}")


def slide(page, place, key, times):
    place.locator(".noUi-handle").first.focus()
    for _ in range(times):
        page.keyboard.press(key)


def message(page, text):
    page.locator(f".nst-says:has-text({text!r})").wait_for()


def tile(page, name):
    return page.locator(f".nst-tile:has(span:text-is('{name}'))")


def chooses(page, *names):
    """Wait until these tiles are the chosen ones."""
    read = "[...document.querySelectorAll('.nst-tile[aria-pressed=true] span')].map(e => e.innerText).join()"
    page.wait_for_function(f"names => {read} === names", arg=",".join(names))


def test_the_picture_grows_and_a_slider_steers_it_while_cells_run(page):
    content = pixels(page)
    started(page)
    picture = changes(page, PIXELS, content)
    slide(page, row(page, "style_weight"), "ArrowRight", 20)
    page.wait_for_function("document.querySelector('.nst-of-style_weight .nst-number input').value === '10'")
    before = step(page)
    text = told(page)
    for _ in range(10):  # the page holds a slider's last value back while the kernel is busy
        if "style_weight=10.0" in text:
            break
        text = told(page)
    assert "None running 1 threads" in text and "style_weight=10.0" in text
    changes(page, PIXELS, picture)
    assert step(page) >= before  # the same run goes on
    press(page, "Pause")
    button(page, "Go on").wait_for()


def test_every_kind_of_control_of_the_default_panel_changes_the_picture(page):
    assert "told" in told(page, DEFAULT_CELL)
    _lab.run_cell(page, PANEL_CELL, wait=True)
    source = pixels(page)
    press(page, "Start")
    picture = changes(page, PIXELS, source) and ended(page)

    def moves(act):
        """What a run takes up at once: it goes on by itself, and its picture is another."""
        nonlocal picture
        act()
        changes(page, PIXELS, picture)
        picture = ended(page)

    def begins(act, what):
        """What waits for a new start: said, and the picture is another after it."""
        nonlocal picture
        act()
        message(page, f"{what} wait")
        press(page, "Start anew")
        changes(page, PIXELS, picture)
        picture = ended(page)

    moves(lambda: slide(page, row(page, "style_weight"), "PageUp", 2))
    number = row(page, "tv_weight").locator(".nst-number input")
    moves(lambda: (number.fill("0.5"), number.press("Enter")))
    page.locator(".jupyter-widget-Collapse-header:has-text('layers')").click()
    layers = row(page, "style_layer_weights").locator(".noUi-handle")
    assert layers.count() == 5
    moves(lambda: slide(page, row(page, "style_layer_weights"), "Home", 1))
    begins(lambda: row(page, "style_loss").locator("select").select_option("moments"), "style loss")
    assert "standard deviations" in page.inner_text(".nst-about")
    size = row(page, "size").locator("input")
    begins(lambda: (size.fill("64"), size.press("Enter")), "size")
    start = row(page, "init").locator("input")
    begins(lambda: (start.fill("noise"), start.press("Enter")), "start from")
    begins(lambda: slide(page, page.locator(".nst-row:has-text('frame')"), "ArrowRight", 3), "content")
    begins(lambda: tile(page, "mosaic").click(), "styles")
    begins(lambda: tile(page, "ink").click(modifiers=["Control"]), "styles")
    moves(lambda: slide(page, row(page, "style_blend"), "Home", 1))
    row(page, "style_weight").locator("> .widget-label").dblclick()
    page.wait_for_function("document.querySelector('.nst-of-style_weight .nst-number input').value === '1'")
    press(page, "Reset")
    page.wait_for_function("document.querySelector('.nst-of-size input').value === '96'")


def test_tiles_of_any_shape_are_whole_and_chosen_by_a_click_anywhere(page):
    for name in SHAPES:
        outer, picture, caption = page.evaluate(
            """name => { const tile = [...document.querySelectorAll('.nst-tile')].find(t => t.innerText === name);
            const boxes = [tile, ...tile.children].map(e => e.getBoundingClientRect());
            return boxes.map(r => [r.top, r.bottom, r.right]) }""",
            name,
        )
        assert outer[0] <= picture[0] < picture[1] <= caption[0] < caption[1] <= outer[1] + 1
        assert max(picture[2], caption[2]) <= outer[2]
        tile(page, name).locator("img").click(position={"x": 4, "y": 4})
        page.wait_for_function(
            "name => document.querySelector('.nst-tile[aria-pressed=true]').innerText === name", arg=name
        )
    chooses(page, "panorama", "whirls")
    tile(page, "ink").click()
    chooses(page, "panorama", "ink")
    assert not row(page, "style_blend").is_visible()
    tile(page, "mosaic").click(modifiers=["Control"])
    row(page, "style_blend").wait_for()
    chooses(page, "panorama", "mosaic", "ink")
    assert row(page, "style_blend").locator(".noUi-handle").count() == 2
    page.locator(".nst-blend input").uncheck()
    page.wait_for_function("document.querySelectorAll('.nst-tile[aria-pressed=true]').length === 2")
    path = page.locator(".nst-door input[type=text]").nth(1)
    path.fill("square.png")
    path.press("Enter")
    page.wait_for_function("document.querySelectorAll('.nst-tile').length === 9")
    chooses(page, "panorama", "square")


def test_results_are_kept_named_sorted_compared_downloaded_and_deleted(page):
    started(page)
    press(page, "Keep")
    slide(page, row(page, "content_weight"), "ArrowRight", 10)
    press(page, "Keep")
    cards = page.locator(".nst-card")
    cards.nth(1).wait_for()
    press(page, "Pause")
    for number in range(2):
        cards.nth(number).locator("button:has-text('Compare')").click()
    page.wait_for_selector(".nst-table")
    assert "style loss" in page.inner_text(".nst-table") and "total variation loss" in page.inner_text(".nst-table")
    assert page.locator(".nst-badge:visible").all_inner_texts() == ["result 1", "result 2"]
    name = cards.first.locator("input[type=text]")
    name.fill("zebra")
    name.press("Enter")
    page.locator(".nst-shelf select").select_option("by name")
    page.wait_for_function("document.querySelector('.nst-card input[type=text]').value === 'result 2'")
    with page.expect_download() as download:
        cards.nth(1).locator("button:has-text('Download')").click()
    assert download.value.suggested_filename == "zebra.png"
    assert images.read_record(download.value.path())["kind"] == "image"
    cards.first.locator("button:has-text('Save')").click()
    cards.first.locator(".nst-note:has-text('saved as out/result-2.png')").wait_for()
    cards.first.locator("button:has-text('Python')").click()
    page.locator(".nst-code pre:has-text('run.follow')").wait_for()
    page.screenshot(path=shot("cards"))
    cards.first.locator("button:has-text('Delete')").click()
    page.wait_for_function("document.querySelectorAll('.nst-card').length === 1")


def test_the_wipe_and_the_zoom_and_the_keys(page):
    started(page)
    picture = page.locator(".nst-panes")
    box = picture.bounding_box()
    middle, right = (box["x"] + box["width"] / 2, box["y"] + 100), (box["x"] + box["width"] * 0.7, box["y"] + 100)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(*right)
    page.mouse.up()
    wipe = page.locator(".nst-divider")
    assert 60 < int(wipe.get_attribute("aria-valuenow")) < 85
    assert page.locator(".nst-badge:visible").all_inner_texts() == ["source", "result"]
    wipe.focus()
    page.keyboard.press("Home")
    assert wipe.get_attribute("aria-valuenow") == "0"
    page.keyboard.press("1")
    assert page.inner_text(".nst-scale") == "100 %"
    for _ in range(4):
        page.keyboard.press("+")
    assert page.inner_text(".nst-scale") == "1600 %"
    corner = "() => document.querySelector('.nst-world').style.transform"
    before = page.evaluate(corner)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - 60, middle[1] - 30)
    page.mouse.up()
    assert page.evaluate(corner) != before  # dragged
    press(page, "Side by side")
    worlds = page.evaluate("[...document.querySelectorAll('.nst-world')].map(world => world.style.transform)")
    assert worlds[0] == worlds[1]
    press(page, "Side by side")
    cells = page.locator(".jp-Cell").count()
    page.keyboard.press("0")
    page.keyboard.press("b")  # which adds a cell, in the notebook
    assert button(page, "A/B").get_attribute("aria-pressed") == "true"
    page.keyboard.press("x")  # which cuts one
    assert page.locator(".jp-Cell").count() == cells
    page.keyboard.press("k")
    page.locator(".nst-card").wait_for()
    picture.focus()
    page.keyboard.press(" ")
    button(page, "Go on").wait_for()
    slide(page, row(page, "style_weight"), "PageUp", 1)
    page.wait_for_function("document.querySelector('.nst-of-style_weight .nst-number input').value !== '1'")
    page.keyboard.press("Control+z")
    page.wait_for_function("document.querySelector('.nst-of-style_weight .nst-number input').value === '1'")
    page.keyboard.press("Control+Shift+z")
    page.wait_for_function("document.querySelector('.nst-of-style_weight .nst-number input').value !== '1'")


def brushed(page, *points):
    """Drag the brush over the picture, through these places of it."""
    box = page.locator(".nst-world").first.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def marks(page, text):
    page.locator(f".nst-told:has-text('{text}')").wait_for()


def test_the_brush_tells_where_a_style_goes_and_what_is_painted_anew(page):
    assert "told" in told(page, DEFAULT_CELL)
    _lab.run_cell(page, PANEL_CELL, wait=True)
    source = pixels(page)
    tile(page, "mosaic").click(modifiers=["Control"])
    chooses(page, "clip", "whirls", "mosaic")
    press(page, "Start")
    blended = changes(page, PIXELS, source) and ended(page)
    page.locator(".nst-panes").focus()
    page.keyboard.press("p")
    page.locator(".nst-brush select").select_option("mosaic")
    page.locator(".nst-brush input").fill("0.2")
    brushed(page, (0.1, 0.2), (0.9, 0.2))
    message(page, "masks wait")
    press(page, "Start anew")
    masked = changes(page, PIXELS, blended) and ended(page)
    page.screenshot(path=shot("brush"))
    page.locator(".nst-brush select").select_option("to paint anew")
    page.locator(".nst-brush input").fill("0.05")
    press(page, "Repaint here")
    message(page, "nothing is marked")
    page.locator(".nst-panes").focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    marks(page, "the brush is at")
    page.keyboard.press("Enter")
    strokes = "() => document.querySelector('.nst-marks').toDataURL()"
    painted = page.evaluate(strokes)
    page.keyboard.press("Control+z")
    changes(page, strokes, painted)
    page.keyboard.press("Control+Shift+z")
    page.wait_for_function(f"old => ({strokes})() === old", arg=painted)
    press(page, "Repaint here")
    page.locator(".nst-card").wait_for()  # the result as it was
    changes(page, PIXELS, masked)
    ended(page)
    assert not page.locator(".nst-brush").is_visible()  # its marks would lie over what was painted
    press(page, "Brush")
    press(page, "Clear")
    marks(page, "0 % marked")
    page.keyboard.press("Escape")
    page.locator(".nst-panes").focus()
    page.keyboard.press("p")
    page.keyboard.press("Escape")
    assert not page.locator(".nst-brush").is_visible()


def test_the_whole_clip_is_written_with_keyframes_in_the_background(page):
    page.locator(".jupyter-widget-Collapse-header:has-text('The whole clip')").click()
    frames = page.locator(".nst-strip .nst-tile")
    frames.nth(11).wait_for()
    frames.first.click()
    page.wait_for_function("document.querySelector('.nst-strip .nst-tile').ariaPressed === 'true'")
    press(page, "Set keyframe")
    button(page, "Set again").wait_for()
    frames.last.click()
    number = row(page, "style_weight").locator(".nst-number input")
    number.fill("3")
    number.press("Enter")
    press(page, "Set keyframe")
    page.locator(".nst-clip .nst-note:has-text('style 3')").wait_for()
    frames.first.click()
    page.wait_for_function("document.querySelector('.nst-of-style_weight .nst-number input').value === '1'")
    steps = row(page, "steps").locator("input")
    steps.fill("2")
    steps.press("Enter")
    press(page, "Write the clip")
    page.locator(".nst-clip .nst-note:has-text('of 60')").wait_for()
    page.locator(".nst-clip button:has-text('Stop')").click()
    page.locator(".nst-clip .nst-note:has-text('the same button goes on')").wait_for()
    page.locator(".nst-clip").scroll_into_view_if_needed()
    page.screenshot(path=shot("strip"))


def test_live_opens_where_the_engine_paints_in_one_pass_and_says_that_there_is_no_camera(page):
    fold = page.locator(".jupyter-widget-Collapse-header:has-text('Live')")
    assert not fold.is_visible()
    row(page, "engine").locator("select").select_option("hub")
    module = row(page, "module").locator("input")
    module.fill("instant")
    module.press("Enter")
    fold.click()
    press(page, "Open")
    page.locator(".nst-live button").click()
    page.locator(".nst-live-told:has-text('there is no camera to use')").wait_for()
    page.locator(".nst-live").scroll_into_view_if_needed()
    page.screenshot(path=shot("live-without-a-camera"))
    page.locator(".nst-side button:has-text('Close')").click()
    page.wait_for_selector(".nst-live", state="detached")


def test_bad_input_is_one_line_that_moves_nothing_and_the_panel_goes_on(page, tmp_path):
    places = page.evaluate(PLACES, MAIN)
    path = page.locator(".nst-door input[type=text]").first
    path.fill("nowhere.png")
    path.press("Enter")
    message(page, "no such file: nowhere.png")
    assert page.evaluate(PLACES, MAIN) == places
    (tmp_path / "notes.png").write_bytes(b"no picture")
    with page.expect_file_chooser() as chooser:
        page.locator(".widget-upload").first.click()
    chooser.value.set_files(tmp_path / "notes.png")
    message(page, "notes.png is no picture that can be read")
    started(page)
    assert page.locator(".nst-says").count() == 0
    assert page.evaluate(PLACES, MAIN) == places


def test_close_asks_and_nothing_is_left_running(page):
    started(page)
    press(page, "Keep")
    page.locator(".nst-card").wait_for()
    _lab.run_cell(page, PANEL_CELL, wait=True)
    page.locator(".nst-studio .nst-card").wait_for()  # in the new panel
    page.screenshot(path=shot("kept-by-a-cell-that-is-run-again"))
    started(page)
    assert "None running 1 threads" in told(page)  # of all panels that this cell has shown before
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    message(page, "interrupted")
    started(page)
    press(page, "Close")
    press(page, "Stay")
    press(page, "Close")
    press(page, "Lose the result?")
    page.wait_for_selector(".nst-studio", state="detached")
    assert "0 threads" in told(page)


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (1920, 1080)])
@pytest.mark.parametrize("theme", sorted(_lab.THEMES))
def test_all_is_in_its_place_in_view_and_readable(page, width, height, theme):
    page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", _lab.THEMES[theme])
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate("document.querySelector('.nst-studio').scrollIntoView()")
    started(page)
    press(page, "Keep")
    page.locator(".nst-card").first.wait_for()
    press(page, "Pause")
    for fold in page.locator(".nst-studio .jupyter-widget-Collapse-header:visible").all():
        fold.click()
    row(page, "style_layer_weights").locator(".noUi-handle").nth(1).wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=shot(f"studio-{theme}-{width}"))
    page.evaluate("document.querySelector('.nst-studio').scrollIntoView()")
    page.evaluate("document.querySelector('.nst-side').scrollTo(0, 400)")
    for left, top, right, bottom in page.evaluate(PLACES, MAIN[:4]):
        assert 0 <= left < right <= width and 0 <= top < bottom <= height  # while the knobs scroll
    left, top, right, bottom = page.evaluate(PLACES, [".nst-panes"])[0]
    assert (right - left) * (bottom - top) > 0.22 * width * height
    _nothing_overlaps(page)
    _nothing_serious_to_hear(page)


def _nothing_overlaps(page):
    page.evaluate("document.querySelector('.nst-side').style.cssText = 'max-height: none; height: auto'")  # all of it
    page.evaluate("document.querySelector('.nst-body').style.height = 'auto'")
    boxes = page.evaluate(BOXES)
    assert len(boxes) > 60
    for name, left, _, right, _, outer in boxes:
        assert left >= -1 and right <= outer + 1, f"{name!r} leaves the panel"
    for one, other in combinations(boxes, 2):
        across = min(one[3], other[3]) - max(one[1], other[1])
        down = min(one[4], other[4]) - max(one[2], other[2])
        assert across < 2 or down < 2, f"{one[0]!r} overlaps {other[0]!r}"


def _nothing_serious_to_hear(page):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci --prefix tests/studio")
    page.evaluate(f"(() => {{ const define = undefined, module = undefined; {AXE.read_text()} }})()")
    found = page.evaluate("axe.run('.nst-studio', {resultTypes: ['violations']})")["violations"]
    serious = [f for f in found if f["impact"] in ("serious", "critical")]
    assert not serious, [
        (f["id"], [(node["html"][:120], node["failureSummary"]) for node in f["nodes"]]) for f in serious
    ]


def test_a_grid_fills_on_the_page(page):
    _lab.run_cell(page, GRID_CELL)
    page.locator(".nst-note:has-text('6 of 6 results')").wait_for()
    page.locator(".nst-studio").screenshot(path=shot("grid"))
    assert page.locator(".nst-grid-box img").count() == 6


def test_the_apps_reload_finds_its_run_or_says_that_it_is_gone(lab, tmp_path):
    pytest.importorskip("voila", reason="Voilà is not installed: pip install -r requirements-app.txt")
    words = ["square.png", "--no-browser", "--port", "8970", "-o", str(tmp_path)]
    words += ["--extractor", "random", "--precision", "float32", "--size", "64", "--steps", "100000"]
    words += ["--style-layers", "block1_conv1", "--content-layers", "block1_conv1"]
    images.save(tmp_path / "square.png", smooth_noise(1, (48, 48)))
    command = [sys.executable, "-m", "nstlib", "studio", *words]
    log = tmp_path / "log"
    with log.open("w") as said:
        server = subprocess.Popen(command, cwd=tmp_path, stdout=said, stderr=said)
    try:
        while "token=" not in log.read_text():
            lab.wait_for_timeout(200)
            assert server.poll() is None, log.read_text()
        address = next(word for word in log.read_text().split() if "token=" in word)
        page = lab.context.browser.new_context().new_page()
        page.set_default_timeout(90_000)
        page.goto(address)
        page.wait_for_selector(".nst-tile img")
        assert page.title() == page.inner_text("h1").strip("¶") == "Neural style studio"
        chooses(page, "square", "whirls")
        assert page.locator("button:has-text('Close')").count() == 0
        started(page)
        page.keyboard.press("k")  # wherever the focus is
        page.wait_for_selector(".nst-card")
        before = step(page)
        page.reload()
        page.wait_for_function("step => +document.querySelector('.nst-status b')?.innerText > step", arg=before)
        assert page.locator(".nst-card").count() == 1
        page.screenshot(path=shot("app"))
        press(page, "Pause")  # leaves the processor to the next kernel
        button(page, "Go on").wait_for()
        page.context.add_cookies([{"name": "nst-studio", "value": "of another day", "url": address}])
        page.reload()
        message(page, "is gone")
        assert page.locator(".nst-status b").count() == 0
        page.context.close()
    finally:
        server.terminate()
        server.wait(30)


def test_a_restarted_kernel_is_said_once(page):
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    page.wait_for_selector(".nst-studio.jupyter-widgets-disconnected")
    said = "getComputedStyle(document.querySelector('.nst-studio'), '::after').content"
    assert "run the notebook from its top" in page.evaluate(said)
    icons = """[...document.querySelectorAll('.nst-studio .jupyter-widgets-disconnected')]
        .filter(e => getComputedStyle(e, '::before').display !== 'none').length"""
    assert page.evaluate(icons) == 0
