"""The panel's layout: its areas, its buttons, its one line of news."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets as widgets

from .checkpoints import MOST
from .stylesheet import STYLE
from .words import ANEW, KEEP, START, START_ANEW, STARTS, STEERS


class Transport:
    """Start, pause, step, stop; keep; undo, redo, reset; back to a checkpoint. `studio` has a method of each name.

    closable: whether there is a Close too; it asks before it throws anything away.
    """

    def __init__(self, studio: Any, *, closable: bool) -> None:
        self.start = button(START, studio.start, "play", "start, go on (space)", "primary")
        self.pause = button("Pause", studio.pause, "pause", "take no further step (space)")
        self.step = button("Step", studio.step, "step-forward", "take one step")
        self.stop = button("Stop", studio.stop, "stop", "leave the run: its picture stays, its curves go")
        self.keep = button(KEEP, studio.keep, "camera", "put the result on the shelf (K)")
        self.undo = button("Undo", studio.undo, "undo", "take the last move back (Ctrl-Z)")
        self.redo = button("Redo", studio.redo, "repeat", "and forth again (Ctrl-Shift-Z)")
        self.reset = button("Reset", studio.reset, "", "every knob as it was at first; of one, double-click its name")
        self.close = Closing(studio)
        runs, moves = [self.start, self.pause, self.step, self.stop], [self.undo, self.redo, self.reset]
        self._numbers: list[int] = []
        self.chips = [widgets.Button(tooltip="go back to this step, with its weights") for _ in range(MOST)]
        for place, chip in enumerate(self.chips):
            chip.on_click(lambda _, place=place: studio.back(self._numbers[place]))
        self.back = classed(widgets.HBox([widgets.Label("back to step"), *self.chips]), "nst-back")
        groups = [runs, [self.keep], moves, *([[self.close.box]] if closable else [])]
        self.box = classed(widgets.HBox([classed(widgets.HBox(g), "nst-group") for g in groups]), "nst-transport")
        self._state, self._pending = "idle", False
        self.offer([], anyway=True)
        self.turn("idle")
        self.can(undo=False, redo=False)

    def turn(self, state: str) -> None:
        """Enable what the state allows."""
        self._state = state
        self.pause.disabled = state != "running"
        self.stop.disabled = self.keep.disabled = state in ("idle", "busy")
        self.start.disabled = state == "busy" or (state == "running" and not self._pending)
        self.start.description = START_ANEW if self._pending else STARTS[state]

    def wait_for(self, pending: Sequence[str]) -> None:
        """Have Start begin anew where something waits for it."""
        self._pending = bool(pending)
        self.turn(self._state)

    def can(self, *, undo: bool, redo: bool) -> None:
        """Enable what there is to undo and to redo."""
        self.undo.disabled, self.redo.disabled = not undo, not redo

    def offer(self, numbers: Sequence[int], *, anyway: bool = False) -> None:
        """Offer the steps that can be gone back to."""
        if list(numbers) == self._numbers and not anyway:
            return
        self._numbers = list(numbers)
        for place, chip in enumerate(self.chips):
            chip.layout.display = "" if place < len(numbers) else "none"
            chip.description = str(numbers[place]) if place < len(numbers) else ""
        self.back.layout.visibility = "visible" if numbers else "hidden"  # its place is reserved


class Closing:
    """Close, which asks first where a run or a kept result would be lost."""

    def __init__(self, studio: Any) -> None:
        self._studio = studio
        self.close = button("Close", self._ask, "", "end the studio and take it off the page")
        self.sure = button("", studio.close, "", "close all the same", "danger")
        self.stay = button("Stay", self._relax, "", "do not close")
        self.box = classed(widgets.HBox([self.close, self.sure, self.stay]), "nst-group")
        self._relax()

    def _ask(self) -> None:
        kept = len(self._studio.shelf.all)
        if not kept and self._studio.state == "idle":
            self._studio.close()
            return
        self.sure.description = f"Lose {kept} kept results?" if kept > 1 else "Lose the result?"
        self._show(asked=True)

    def _relax(self) -> None:
        self._show(asked=False)

    def _show(self, *, asked: bool) -> None:
        self.close.layout.display = "none" if asked else ""
        self.sure.layout.display = self.stay.layout.display = "" if asked else "none"


def arrange(studio: Any) -> tuple[widgets.Widget, ...]:
    """The panel's areas: what is chosen and moved, the picture and its buttons, its curves, the clip, what was kept."""
    knobs = studio.knobs
    side = [
        titled("Content", ""),
        studio.contents.box,
        titled("Style", ""),
        studio.styles.box,
        classed(knobs.blend, "nst-steers"),
        folded("Learn this painting", studio.lesson.box),
        studio.live.fold,
        titled("Weights", STEERS),
        classed(knobs.steering, "nst-steers"),
        folded("Weights of the style layers", classed(knobs.layers, "nst-steers")),
        titled("Run", ANEW),
        classed(knobs.restarting, "nst-anews"),
        folded("More of the run", classed(knobs.rare, "nst-anews")),
    ]
    studio.message.add_class("nst-message")
    main = [studio.transport.box, studio.message, studio.view.box, studio.transport.back]
    areas = [
        classed(widgets.VBox(side), "nst-side"),
        classed(widgets.VBox(main), "nst-main"),
        studio.view.charts,
        studio.strip.fold,
        studio.shelf.box,
    ]
    return widgets.HTML(STYLE), classed(widgets.Box(areas), "nst-body")


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


def button(name: str, action: Callable[[], Any], icon: str, tooltip: str, style: str = "") -> widgets.Button:
    """A button that calls the action."""
    made = widgets.Button(description=name, icon=icon, tooltip=tooltip, button_style=style)
    made.on_click(lambda _: action())
    return made


def titled(name: str, more: str) -> widgets.HTML:
    """The heading of a group of knobs, and a word on them."""
    return classed(widgets.HTML(f'<h3 class="nst-h">{name} <small>{more}</small></h3>'), "nst-head")


def folded(name: str, inside: widgets.Widget) -> widgets.Accordion:
    """What is seldom needed, under a name to open."""
    return widgets.Accordion([inside], titles=[name], selected_index=None)


def classed(widget: Any, name: str) -> Any:
    """The widget, with a class of the style sheet."""
    widget.add_class(name)
    return widget
