"""The shelf: results that were kept, to compare, go on from, download, save, and copy as Python."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np

from ..core.run import Run
from ..engines import records
from ..engines.frames import begin
from ..errors import NstlibError
from ..media import files, images
from ..settings import CHOSEN, Settings, from_record, to_dict
from .code import differences, paths, python
from .pixels import jpeg
from .view import View
from .words import GO_ON, TERMS

THUMB = 400  # longest side of a card's picture, pixels
ORDERS = {
    "as kept": lambda kept: 0,
    "by name": lambda kept: kept.name.casefold(),
    "by style loss": lambda kept: kept.loss("style"),
    "by content loss": lambda kept: kept.loss("content"),
}


@dataclass(eq=False)
class Snapshot:
    """A result with all that makes it again: its record, its state, and the choice of sources."""

    name: str
    image: np.ndarray
    record: dict[str, Any]
    state: dict[str, Any]
    choice: Any

    @property
    def settings(self) -> dict[str, Any]:
        """The settings in force when it was kept."""
        return self.record["steering"][-1][1]

    @property
    def file_name(self) -> str:
        """Its name as a file's, without an ending."""
        return "".join(c if c.isalnum() or c in "-_." else "-" for c in self.name)

    def loss(self, term: str) -> float:
        """A term's last loss; infinite where it has none."""
        return (self.record["curves"].get(term) or [np.inf])[-1]

    def make(self) -> Run:
        """The run that it was kept from, at its start; `restore(state)` takes it on."""
        content, styles, more = paths(self.record)
        return begin(content, styles, from_record(self.record["steering"][0][1]), **more)

    def write(self, path: Path) -> Path:
        """Write its PNG, with its record. Raises NstlibError where it cannot be."""
        return images.save(path, self.image, record=self.record, dither=self.settings.get("rendering") == "photo")


def snapshot(name: str, run: Run, choice: Any) -> Snapshot:
    """What a run is now."""
    return Snapshot(name, run.image.copy(), records.record(run), run.state(), choice)


class Card:
    """A snapshot on the page: its picture, its name to edit, what it was made with, and what can be done with it."""

    def __init__(self, kept: Snapshot, shelf: "Shelf", made_with: str) -> None:
        self.kept, self._shelf = kept, shelf
        self.name = widgets.Text(kept.name, continuous_update=False, tooltip="its name")
        self.name.observe(lambda change: self._rename(change.new), "value")
        self.compare = widgets.ToggleButton(
            description="Compare", tooltip="beside the result; two of them: beside each other"
        )
        self.compare.observe(lambda change: shelf.compared(self, change.new), "value")
        actions = {
            GO_ON: ("take the run up from here", shelf.take_up),
            "Download": ("a PNG with its record, to your computer", shelf.download),
            "Save": ("a PNG with its record, to the outputs", shelf.save),
            "Python": ("the program that makes it again", shelf.show_program),
            "Delete": ("off the shelf; what was saved stays", shelf.delete),
        }
        self.buttons = {n: widgets.Button(description=n, tooltip=tip) for n, (tip, _) in actions.items()}
        for name, (_, action) in actions.items():
            self.buttons[name].on_click(lambda _, action=action: action(self))
        self.said = widgets.HTML()
        self.said.add_class("nst-said")
        keys = widgets.HBox([self.compare, *self.buttons.values()])
        keys.add_class("nst-keys")
        picture = widgets.Image(value=jpeg(kept.image, longest=THUMB), format="jpeg")
        note = widgets.HTML(f'<div class="nst-note">{escape(made_with)}</div>')
        self.box = widgets.VBox([picture, self.name, note, keys, self.said])
        self.box.add_class("nst-card")

    def say(self, text: str, *, bad: bool = False) -> None:
        """A word where the click was."""
        self.said.value = f'<div class="nst-note {"nst-bad" if bad else ""}">{escape(text)}</div>'

    def _rename(self, name: str) -> None:
        self.kept.name = name.strip() or self.kept.name
        self.name.value = self.kept.name
        self._shelf.renamed()


class Shelf:
    """Cards of snapshots; `box` holds them, and below them a comparison or a program.

    take_up is called with a snapshot. first: the settings that a card's note is told against.
    """

    def __init__(self, folder: Path, view: View, *, take_up: Callable[[Snapshot], None], first: Settings) -> None:
        self._folder, self._view, self._take_up, self._first = folder, view, take_up, to_dict(first)
        self.all: list[Card] = []
        self.cards, self.below = widgets.HBox(), widgets.VBox()
        self.cards.add_class("nst-cards")
        self.order = widgets.Dropdown(options=list(ORDERS), tooltip="the order of the kept results")
        self.order.observe(lambda _: self._lay_out(), "value")
        self.head = widgets.HBox([widgets.HTML('<h3 class="nst-h">Kept</h3>'), self.order])
        self.head.add_class("nst-head")
        self.box = widgets.VBox([self.head, self.cards, self.below])
        self.box.add_class("nst-shelf")
        self._lay_out()

    @property
    def snapshots(self) -> list[Snapshot]:
        """What is kept, the oldest first."""
        return [card.kept for card in self.all]

    def add(self, kept: Snapshot) -> None:
        """Show another snapshot."""
        self.all.append(Card(kept, self, self._made_with(kept)))
        self._lay_out()

    def delete(self, card: Card) -> None:
        """Take a card off the page."""
        card.compare.value = False
        self.all.remove(card)
        self._lay_out()
        close_widgets(card.box)

    def take_up(self, card: Card) -> None:
        """Go on from a card's result."""
        self._take_up(card.kept)

    def save(self, card: Card) -> Path | None:
        """Write its PNG, with its record, under a name that is free; says where."""
        try:
            folder = files.make_folder(self._folder)
            names = (f"{card.kept.file_name}{f'-{n}' * (n > 1)}.png" for n in range(1, 10**6))
            path = card.kept.write(next(folder / name for name in names if not (folder / name).exists()))
        except NstlibError as error:
            card.say(str(error), bad=True)
            return None
        card.say(f"saved as {path}")
        return path

    def download(self, card: Card) -> None:
        """Send its PNG, with its record, to the browser."""
        name = f"{card.kept.file_name}.png"
        with tempfile.TemporaryDirectory() as folder:
            content = card.kept.write(Path(folder, "result.png")).read_bytes()
        self._view.viewer.download(name, content, type="image/png")
        card.say(f"sent to your downloads as {name}")

    def show_program(self, card: Card) -> None:
        """Show the program that makes it again, with a button that copies it."""
        copy = "navigator.clipboard.writeText(this.nextElementSibling.textContent);this.textContent='Copied'"
        text = escape(python(card.kept.record))
        self._show(widgets.HTML(f'<div class="nst-code"><button onclick="{copy}">Copy</button><pre>{text}</pre></div>'))

    def compared(self, card: Card, on: bool) -> None:
        """A card was chosen to compare, or no longer is: the two chosen last are shown under one wipe."""
        chosen = [c for c in self.all if c.compare.value]
        if on and len(chosen) > 2:
            next(c for c in chosen if c is not card).compare.value = False
        else:
            self._compare(chosen)

    def compare_none(self) -> None:
        """Nothing is compared: the result has the view to itself."""
        for card in self.all:
            card.compare.value = False

    def renamed(self) -> None:
        """A card has another name: in its place by it, and in what is compared."""
        self._lay_out()
        if chosen := [c for c in self.all if c.compare.value]:
            self._compare(chosen)

    def _compare(self, chosen: list[Card]) -> None:
        self._view.compare(*((c.kept.name, c.kept.image) for c in chosen))
        self._show(*([widgets.HTML(table(*(c.kept for c in chosen)))] if len(chosen) == 2 else []))

    def _lay_out(self) -> None:
        cards = sorted(self.all, key=lambda card: ORDERS[self.order.value](card.kept))
        self.cards.children = [card.box for card in cards]
        self.head.layout.display = "" if cards else "none"

    def _made_with(self, kept: Snapshot) -> str:
        changed = differences(self._first, kept.settings)
        settings = [f"{name} {_short(value)}" for name, (_, value) in changed.items() if name not in CHOSEN]
        inputs = kept.record["inputs"]
        marks = ["in masks"] * bool(inputs["masks"]) + ["a part repainted"] * ("region" in inputs)
        return " · ".join([f"step {kept.record['steps']}", *marks, *settings])

    def _show(self, *shown: widgets.Widget) -> None:
        old, self.below.children = self.below.children, shown
        for widget in old:
            close_widgets(widget)


def close_widgets(widget: widgets.Widget) -> None:
    """Close a widget and all that it holds."""
    for child in getattr(widget, "children", ()):
        close_widgets(child)
    widget.close()


def table(one: Snapshot, other: Snapshot) -> str:
    """The settings in which two snapshots differ, and their last losses, as an HTML table."""
    rows = {"step": (one.record["steps"], other.record["steps"]), **differences(one.settings, other.settings)}
    for term, text in list(TERMS.items())[1:]:
        losses = one.loss(term), other.loss(term)
        if np.isfinite(losses).all():
            rows[f"{text} loss"] = tuple(f"{loss:.3g}" for loss in losses)
    body = "".join(f"<tr><td>{escape(n)}</td><td>{_cell(a)}</td><td>{_cell(b)}</td></tr>" for n, (a, b) in rows.items())
    head = f"<tr><td></td><th>{escape(one.name)}</th><th>{escape(other.name)}</th></tr>"
    return f'<table class="nst-table">{head}{body}</table>'


def _cell(value: Any) -> str:
    return escape("the convention's" if value is None else "equal" if value in ((), []) else _short(value))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_short, value))
    return str(value)
