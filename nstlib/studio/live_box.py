"""The box in which the panel's network paints what the camera, or the chosen clip, shows."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import ipywidgets as widgets

from ..engines.hub import load_module
from .controls import row
from .live import MOST_CLIP, Live

CAMERA, CLIP = "the camera", "the chosen clip"
PLAYED = {".mp4", ".m4v", ".mov", ".webm"}  # by a browser
SIZE = 256  # longest side of its frames, pixels


class LiveChoice(NamedTuple):
    """What is painted, by what: the module, the style's and the clip's files; no clip for a picture."""

    module: str
    style: Path
    strength: float
    clip: Path | None


class LiveBox:
    """`open` shows a `Live` of what `chosen` gives, in the place of the one before; `close` takes it away.

    before: called before it opens; failed: with an error.
    """

    def __init__(
        self, *, chosen: Callable[[], LiveChoice], before: Callable[[], None], failed: Callable[[Exception], None]
    ) -> None:
        self._chosen, self._before, self._failed = chosen, before, failed
        self._live: Live | None = None
        self._followed: LiveChoice | None = None
        self.source = widgets.Dropdown(options=[CAMERA], tooltip="what is painted")
        self.button = widgets.Button(description="Open", tooltip="paint it in the page; nothing is kept")
        self.button.on_click(lambda _: self.close() if self._live else self.open())
        about = '<div class="nst-note">Each frame in one pass of the engine, with the first of the styles.</div>'
        self._controls = [widgets.HTML(about), row("paints", self.source), self.button]
        self.box = widgets.VBox(self._controls)
        self.fold = widgets.Accordion([self.box], titles=["Live"], selected_index=None)

    def follow(self) -> None:
        """Another choice: offer its clip, and take away what shows the one before."""
        shown = self._chosen()
        if self._live is not None:
            self._live.strength = min(1.0, shown.strength)
        if shown._replace(strength=1.0) == self._followed:
            return
        self._followed, clip = shown._replace(strength=1.0), shown.clip
        played = clip is not None and clip.suffix.lower() in PLAYED and clip.stat().st_size <= MOST_CLIP
        self.source.options = [CAMERA, CLIP] if played else [CAMERA]
        self.close()

    def open(self) -> None:
        """Show it; Start is on it."""
        self.close()
        self._before()
        shown = self._chosen()
        try:
            clip = shown.clip if self.source.value == CLIP else None
            style = shown.style if load_module(shown.module).known is None else None  # what was learned knows its own
            self._live = Live(shown.module, style, clip=clip, size=SIZE, strength=min(1.0, shown.strength))
        except Exception as error:  # the panel shows it
            self._failed(error)
            return
        self.button.description = "Close"
        self.box.children = [*self._controls, self._live]

    def close(self) -> None:
        """Take it away, and end the camera."""
        live, self._live = self._live, None
        self.button.description = "Open"
        self.box.children = self._controls
        if live is not None:
            live.close()
