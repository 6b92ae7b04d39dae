"""The studio in a real JupyterLab and browser: how soon a slider shows, the first picture, a converged one, memory.

Left out, with a line, where there is no browser. Seconds are the page's own, from its click or key to its picture.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import Row, _lab

SIZE, STEPS = 256, 300
MOVES, PRESSES = 20, 4  # of a slider; and of them up, or down, in turn, and in one run, which must not converge
PATIENCE = 60  # s, for a picture
MINUTES = float(os.environ.get("STUDIO_MINUTES", "10"))  # of running and moving sliders, for memory
CLOSE = 1.05  # a preview is converged when its loss is within this factor of the loss after STEPS
CELLS = [
    f"""
from nstlib import samples
from nstlib.settings import Settings
from nstlib.studio import Studio
studio = Studio(samples.clip(), samples.styles(), Settings(size={SIZE}, steps={STEPS}), folder="out")
studio
""",
    "studio.worker.wait(300)\nprint('ready')",
    "studio.wait(600); total = studio.worker.run.curves['total']\n"
    f"print('ready', next(i for i, t in enumerate(total, 1) if t <= {CLOSE} * total[-1]))",
    "studio.set(steps=100000); studio.begin(); print('ready')",
    "import psutil\nprint('ready', psutil.Process().memory_info().rss / 1e6)",
    "print('ready', studio.worker.run.steering[-1][0])",
]
# Remembers when the picture's element got another picture, and when its status said which step.
WATCH = """() => { window.pictures = []; window.steps = []; const image = document.querySelector('.nst-picture');
  image.addEventListener('load', () => pictures.push(performance.now()));
  new MutationObserver(() => { const step = +document.querySelector('.nst-status b')?.innerText;
    steps.push([performance.now(), step]) }).observe(document.querySelector('.nst-status'),
    { childList: true, subtree: true, characterData: true }) }"""


def rows() -> Iterator[Row]:
    """Every figure of the studio."""
    if _lab.missing():
        print(f"studio: left out, {_lab.missing()}", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        _lab.notebook(Path(folder, "bench.ipynb"), CELLS)
        with _lab.server(Path(folder)) as address, _lab.browser() as window:
            page = _lab.open_notebook(window, address, "bench.ipynb", height=1900)
            page.set_default_timeout(300_000)
            _lab.run_cell(page, 0, wait=True)
            page.wait_for_selector(".nst-picture")
            ask(page, 1)
            page.evaluate(WATCH)
            yield from speed(page)
            yield from memory(page)


def speed(page: Any) -> Iterator[Row]:
    """The first picture, a converged one, and sliders, of one run after the other."""
    clicked = click(page, "Start")
    page.wait_for_function("steps.some(([, step]) => step >= 2)")
    shown = page.evaluate("steps.find(([, step]) => step >= 2)[0]")
    first = page.wait_for_function("shown => pictures.find(time => time >= shown - 1)", arg=shown).json_value()
    needed = float(ask(page, 2))
    reached = page.evaluate("needed => steps.find(([, step]) => step >= needed)[0]", needed)
    moves = [move(page, number) for number in range(MOVES)]
    print(f"studio: moves {', '.join(f'{m / 1000:.2f}' for m in moves)} s", file=sys.stderr)
    slider = statistics.median(moves) / 1000
    yield Row("studio", f"a slider's move to the next picture, s, median of {MOVES}", slider, 0.3, 0.15, "lower")
    yield Row("studio", "Start to the first stylised picture, s", (first - clicked) / 1000, 1, 0.5, "lower")
    yield Row("studio", f"Start to a converged preview, {SIZE} px, s", (reached - clicked) / 1000, 8, 5, "lower")


def memory(page: Any) -> Iterator[Row]:
    """The growth of the kernel and of the page's heap, from a fifth of the time to its end, sliders moving.

    Asked of the kernel at both ends only: JupyterLab itself keeps 0.2 MB of every cell that is run.
    """
    rounds = max(2, round(MINUTES * 60 / 2))
    marks = []
    for number in range(rounds):
        press(page, number)
        page.wait_for_timeout(2000)
        if number in (rounds // 5, rounds - 1):
            page.evaluate("gc()")
            heap = page.evaluate("performance.memory.usedJSHeapSize / 1e6")
            marks.append((float(ask(page, 4)), heap))
    (kernel, heap), (kernel_end, heap_end) = marks
    name = f"growth over {MINUTES:g} minutes of moving sliders, MB"
    yield Row("studio", f"kernel's {name}", kernel_end - kernel, 50, 10, "lower")
    yield Row("studio", f"page's heap, {name}", heap_end - heap, 50, 10, "lower")


def move(page: Any, number: int) -> float:
    """Move the style's slider by a key; milliseconds until the page shows the first picture that it has shaped.

    A run that is steered after step n looks at the new loss in step n + 1, and moves the picture in step n + 2. One
    that has converged need not move it, and a picture that is the same is not sent.
    """
    from playwright.sync_api import TimeoutError

    if number % PRESSES == 0:
        ask(page, 3)
        page.evaluate("steps.length = 0")  # those of the run before
        page.wait_for_function("steps.length && steps.at(-1)[1] > 20")
    weight = "document.querySelector('.nst-of-style_weight .nst-number input').value"
    before = page.evaluate(weight)
    moved = press(page, number)
    page.wait_for_function(f"before => {weight} !== before", arg=before)
    page.wait_for_timeout(1500)
    step = int(ask(page, 5)) + 2
    seen = """([moved, step]) => { const shown = steps.find(([time, now]) => time > moved && now >= step);
        return shown && pictures.find(time => time >= shown[0] - 1) - moved }"""
    try:
        return page.wait_for_function(seen, arg=[moved, step], timeout=1000 * PATIENCE).json_value()
    except TimeoutError:
        last = page.evaluate("steps.at(-1)[1]")
        raise RuntimeError(
            f"move {number}: no picture of step {step} or later in {PATIENCE} s; at step {last}"
        ) from None


def press(page: Any, number: int) -> float:
    """Move the style's slider by a key, some times up, as many down; the page's time at it."""
    page.locator(".nst-of-style_weight .noUi-handle").first.focus()
    moment = page.evaluate("performance.now()")
    page.keyboard.press("PageUp" if number // PRESSES % 2 == 0 else "PageDown")
    return moment


def click(page: Any, name: str) -> float:
    """Press a button; the page's time at it."""
    button = page.locator(f".nst-studio button:has-text('{name}')").first
    button.wait_for()
    moment = page.evaluate("performance.now()")
    button.click()
    return moment


def ask(page: Any, cell: int) -> str:
    """Run a cell to its end; what it prints after `ready`."""
    _lab.run_cell(page, cell, wait=True)
    output = page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output:has-text('ready')")
    output.wait_for()
    return output.inner_text().replace("ready", "").strip()
