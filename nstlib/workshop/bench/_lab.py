"""A real JupyterLab in a real browser: Debian's chromium, headless, driven by Playwright."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
CAMERA = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")  # one that chromium draws


def missing() -> str:
    """What is missing for a browser here; empty where nothing is."""
    if find_spec("playwright") is None:
        return "Playwright is not installed: pip install -r requirements-dev.txt"
    return "" if chromium() else "no chromium in PATH: apt-get install chromium"


def chromium() -> str | None:
    """The browser's path."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def notebook(path: Path, cells: Sequence[str]) -> Path:
    """A notebook of code cells; with a kernelspec, since JupyterLab asks for one in a dialog otherwise."""
    code = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for i, source in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    path.write_text(json.dumps({"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}))
    return path


@contextmanager
def server(folder: Path, *, theme: str = "light") -> Iterator[str]:
    """JupyterLab on a folder; its address."""
    settings = folder / ".lab" / "settings"
    _set(settings, "apputils-extension/themes", theme=THEMES[theme])
    _set(settings, "apputils-extension/notification", fetchNews="false", checkForUpdates=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"port": port, "ip": "127.0.0.1", "open_browser": False, "root_dir": folder, "allow_root": True}
    flags = [f"--ServerApp.{name}={value}" for name, value in options.items()]
    flags += ["--IdentityProvider.token=", f"--LabApp.user_settings_dir={settings}", "--LabApp.expose_app_in_browser=1"]
    flags += [f"--LabApp.workspaces_dir={folder / '.lab' / 'workspaces'}"]
    with (folder / "lab.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "jupyterlab", *flags], stdout=log, stderr=log, cwd=folder)
        try:
            yield _answering(f"http://127.0.0.1:{port}", process, folder / "lab.log")
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def browser(*more: str) -> Iterator[Any]:
    """A headless browser of Playwright's; more: flags of chromium's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--js-flags=--expose-gc"]  # gc() makes the heap's size comparable
        window = playwright.chromium.launch(executable_path=chromium(), args=[*flags, *more])
        try:
            yield window
        finally:
            window.close()


def open_notebook(window: Any, address: str, name: str, *, width: int = 1280, height: int = 1000) -> Any:
    """A page with the notebook open in it, its kernel ready."""
    page = window.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(60_000)
    page.goto(f"{address}/lab/tree/{name}?reset")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    page.wait_for_function("jupyterapp.shell.currentWidget.sessionContext?.session?.kernel?.status === 'idle'")
    return page


def run_cell(page: Any, number: int, *, wait: bool = False) -> None:
    """Run one of the notebook's cells; wait: until it has ended."""
    run = """number => { jupyterapp.shell.currentWidget.content.activeCellIndex = number;
        const ended = jupyterapp.commands.execute('notebook:run-cell'); return WAIT }"""
    page.evaluate(run.replace("WAIT", "ended.then(() => null)" if wait else "null"), number)


def _set(settings: Path, plugin: str, **values: Any) -> None:
    path = settings / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


def _answering(address: str, process: subprocess.Popen, log: Path, timeout: float = 120) -> str:
    end = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/api", timeout=5):
                return address
        except OSError:
            time.sleep(0.3)
    process.terminate()
    raise RuntimeError(f"JupyterLab does not answer: {log.read_text()[-2000:]}")
