"""Live in a real JupyterLab in a real browser, with the camera that chromium draws."""

from pathlib import Path

import numpy as np
import pytest

from nstlib.workshop.bench import _lab

pytestmark = [
    pytest.mark.skipif(bool(_lab.missing()), reason=_lab.missing() or "a browser is here"),
    # Playwright's own loop leaves its transports to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SHOTS = Path(__file__).resolve().parents[2] / "outputs" / "studio"
CELLS = [
    "import nstlib as nst\nlive = nst.Live('instant', nst.samples.styles()['whirls'], size=96)\nlive",
    "print('told', live.frames, live.strength)",
]
PIXELS = "() => document.querySelector('.nst-live-picture').toDataURL()"


def test_the_camera_is_painted_and_the_sliders_steer(tmp_path):
    _lab.notebook(tmp_path / "live.ipynb", CELLS)
    with _lab.server(tmp_path) as address, _lab.browser(*_lab.CAMERA) as window:
        page = _lab.open_notebook(window, address, "live.ipynb")
        _lab.run_cell(page, 0, wait=True)
        page.wait_for_selector(".nst-live button")
        before = page.evaluate(PIXELS)
        page.locator(".nst-live button").click()
        page.wait_for_function("document.querySelector('.nst-live-rate').innerText.includes('frames a second')")
        first = page.evaluate(PIXELS)
        assert first != before
        page.wait_for_function(f"old => ({PIXELS})() !== old", arg=first)  # the camera moves, and so does the picture
        page.locator(".nst-live-strength").fill("0.5")
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.locator(".nst-live").screenshot(path=SHOTS / "live.png")
        page.locator(".nst-live button").click()  # stop
        _lab.run_cell(page, 1)
        output = page.locator(".jp-OutputArea-output:has-text('told')")
        output.wait_for()
        _, frames, strength = output.inner_text().split()
        assert int(frames) > 2 and strength == "0.5"
        assert page.inner_text(".nst-live-told") == ""


def test_a_frame_that_is_none_is_told(content):
    from nstlib.studio.live import Live

    live = Live("instant", content, size=64)
    live._answer(None, {"width": 9999, "height": 4}, [b""])
    assert "9999 x 4" in live.told and live.frames == 0
    frame = np.full((32, 32, 4), 128, np.uint8)
    sent = []
    live.send = lambda message, buffers: sent.append((message, buffers))
    live._answer(None, {"width": 32, "height": 32}, [frame.tobytes()])
    assert sent[0][0] == {"width": 32, "height": 32} and len(sent[0][1][0]) == 32 * 32 * 4
