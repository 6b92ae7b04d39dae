"""The panel's layout: its columns, its buttons, its one line of news."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets as widgets

from .checkpoints import MOST
from .stylesheet import STYLE

STEERS = "taken up in the next step"
ANEW = "taken up by a new start"


class Transport:
    """Start, pause, step, stop, keep; and back to a checkpoint. `studio` has a method of each name."""

    def __init__(self, studio: Any) -> None:
        self.start = _button("Start", "play", studio.start, "primary")
        self.pause = _button("Pause", "pause", studio.pause)
        self.step = _button("Step", "step-forward", studio.step)
        self.stop = _button("Stop", "stop", studio.stop)
        self.keep = _button("Keep", "camera", studio.keep)
        self.close = _button("Close", "times", studio.close)
        self._numbers: list[int] = []
        self.chips = [widgets.Button(tooltip="go back to this step, with its weights") for _ in range(MOST)]
        for place, chip in enumerate(self.chips):
            chip.on_click(lambda _, place=place: studio.back(self._numbers[place]))
        self.back = widgets.HBox([widgets.Label("back to step"), *self.chips])
        self.back.add_class("nst-back")
        self.box = widgets.HBox([self.start, self.pause, self.step, self.stop, self.keep, self.close, self.back])
        self.box.add_class("nst-transport")
        self._state, self._pending = "idle", False
        self.offer([], anyway=True)
        self.turn("idle")

    def turn(self, state: str) -> None:
        """Enable what the state allows."""
        self._state = state
        self.pause.disabled = state != "running"
        self.stop.disabled = self.keep.disabled = state in ("idle", "busy")
        self.start.disabled = state == "busy" or (state == "running" and not self._pending)
        names = {"running": "Running", "paused": "Go on", "done": "Go on", "busy": "Starting"}
        self.start.description = "Start anew" if self._pending else names.get(state, "Start")

    def wait_for(self, pending: Sequence[str]) -> None:
        """Have Start begin anew where something waits for it."""
        self._pending = bool(pending)
        self.turn(self._state)

    def offer(self, numbers: Sequence[int], *, anyway: bool = False) -> None:
        """Offer the steps that can be gone back to."""
        if list(numbers) == self._numbers and not anyway:
            return
        self._numbers = list(numbers)
        for place, chip in enumerate(self.chips):
            chip.layout.display = "" if place < len(numbers) else "none"
            chip.description = str(numbers[place]) if place < len(numbers) else ""
        self.back.layout.display = "" if numbers else "none"


def arrange(studio: Any) -> tuple[widgets.Widget, ...]:
    """The panel's children: on the left what is chosen and moved, on the right what comes of it."""
    knobs = studio.knobs
    side = [
        _head("Content", ""),
        studio.contents.box,
        _head("Style", "several are blended"),
        studio.styles.box,
        _head("Weights", STEERS),
        _classed(widgets.VBox([knobs.steering, knobs.blend]), "nst-steers"),
        _fold("Weights of the style layers", _classed(knobs.layers, "nst-steers")),
        _head("Run", ANEW),
        _classed(knobs.restarting, "nst-anews"),
        _fold("More of the run", _classed(knobs.rare, "nst-anews")),
    ]
    studio.message.add_class("nst-message")
    main = [studio.message, studio.transport.box, studio.stage.box, studio.strip.box]
    columns = [_classed(widgets.VBox(side), "nst-side"), _classed(widgets.VBox(main), "nst-main")]
    return widgets.HTML(STYLE), _classed(widgets.HBox(columns), "nst-body")


def line(text: str, kind: str) -> str:
    """One line of news as HTML; nothing for no text."""
    return f'<div class="nst-says nst-{kind}" role="status">{escape(text)}</div>' if text else ""


@contextmanager
def says(studio: Any) -> Iterator[None]:
    """What goes wrong inside is told as one line in the panel, which stays usable."""
    try:
        yield
    except Exception as error:
        studio.tell(error)


def _button(name: str, icon: str, action: Any, style: str = "") -> widgets.Button:
    button = widgets.Button(description=name, icon=icon, button_style=style)
    button.on_click(lambda _: action())
    return button


def _head(name: str, more: str) -> widgets.HTML:
    return _classed(widgets.HTML(f'<div class="nst-head"><h4>{name} <small>{more}</small></h4></div>'), "nst-head")


def _fold(name: str, inside: widgets.Widget) -> widgets.Accordion:
    return widgets.Accordion([inside], titles=[name], selected_index=None)


def _classed(widget: Any, name: str) -> Any:
    widget.add_class(name)
    return widget
