"""The strip: results that were kept, to compare, take up again, save, and copy as Python."""

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
from ..media import images
from ..settings import Settings, from_record, to_dict
from .code import differences, python
from .pixels import jpeg
from .sources import made


@dataclass(frozen=True, eq=False)
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

    def make(self) -> Run:
        """The run that it was kept from, at its start; `restore(state)` takes it on."""
        inputs = self.record["inputs"]
        styles = [style["path"] for style in inputs["styles"]]
        return begin(inputs["content"]["path"], styles, from_record(self.record["steering"][0][1]))


def snapshot(name: str, run: Run, choice: Any) -> Snapshot:
    """What a run is now."""
    return Snapshot(name, run.image.copy(), records.record(run), run.state(), choice)


class Strip:
    """Cards of snapshots; `box` holds them, and below them a comparison or a program.

    take_up is called with a snapshot; say with a line for the panel and its kind.
    """

    def __init__(
        self, folder: Path, *, take_up: Callable[[Snapshot], None], say: Callable[..., None], first: Settings
    ) -> None:
        self._folder, self._take_up, self._say, self._first = folder, take_up, say, to_dict(first)
        self.snapshots: list[Snapshot] = []
        self._toggles: dict[str, widgets.ToggleButton] = {}
        self.cards = widgets.HBox()
        self.cards.add_class("nst-strip")
        self.below = widgets.VBox()
        self.box = widgets.VBox([self.cards, self.below])

    def add(self, kept: Snapshot) -> None:
        """Show another snapshot, the newest last."""
        self.snapshots.append(kept)
        self.cards.children += (self._card(kept),)

    def save(self, kept: Snapshot) -> Path | None:
        """Write its PNG, with its record, under a name that is free; says where."""
        try:
            folder = made(self._folder)
            numbers = (n for n in range(1, 10**6) if not (folder / f"studio-{n:03d}.png").exists())
            path = images.save(folder / f"studio-{next(numbers):03d}.png", kept.image, record=kept.record)
        except NstlibError as error:
            self._say(str(error), "bad")
            return None
        self._say(f"saved {path}, with its record")
        return path

    def compare(self, one: Snapshot, other: Snapshot) -> None:
        """Show two side by side, with the settings in which they differ."""
        pair = widgets.HBox([_column(one), _column(other)])
        pair.add_class("nst-pair")
        self._show(widgets.HTML(table(one, other)), pair)

    def show_program(self, kept: Snapshot) -> None:
        """Show the program that makes it again, with a button that copies it."""
        copy = "navigator.clipboard.writeText(this.nextElementSibling.textContent);this.textContent='Copied'"
        text = escape(python(kept.record))
        self._show(widgets.HTML(f'<div class="nst-code"><button onclick="{copy}">Copy</button><pre>{text}</pre></div>'))

    def _card(self, kept: Snapshot) -> widgets.VBox:
        compare = widgets.ToggleButton(description="Compare", tooltip="two of them, side by side")
        actions = {"Take up": self._take_up, "Save PNG": self.save, "Python": self.show_program}
        buttons = [widgets.Button(description=name) for name in actions]
        for button, action in zip(buttons, actions.values(), strict=True):
            button.on_click(lambda _, action=action: action(kept))
        self._toggles[kept.name] = compare
        compare.observe(lambda change: self._compared(kept.name, change.new), "value")
        keys = widgets.HBox([compare, *buttons])
        keys.add_class("nst-keys")
        note = widgets.HTML(f'<div class="nst-note"><b>{escape(kept.name)}</b> · {self._tell(kept)}</div>')
        card = widgets.VBox([widgets.Image(value=jpeg(kept.image), format="jpeg"), note, keys])
        card.add_class("nst-card")
        return card

    def _tell(self, kept: Snapshot) -> str:
        changed = differences(self._first, kept.settings)
        settings = [f"{name} {_short(value)}" for name, (_, value) in changed.items()]
        return escape(" · ".join([f"step {kept.record['steps']}", *settings]))

    def _compared(self, name: str, on: bool) -> None:
        chosen = [n for n, toggle in self._toggles.items() if toggle.value]
        if on and len(chosen) > 2:
            self._toggles[next(n for n in chosen if n != name)].value = False
            return
        if len(chosen) == 2:
            self.compare(*(s for s in self.snapshots if s.name in chosen))
        else:
            self._show()

    def _show(self, *shown: widgets.Widget) -> None:
        old, self.below.children = self.below.children, shown
        for widget in old:
            close_all(widget)


def close_all(widget: widgets.Widget) -> None:
    """Close a widget and all that it holds."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    widget.close()


def table(one: Snapshot, other: Snapshot) -> str:
    """The settings in which two snapshots differ, and their last losses, as an HTML table."""
    rows = {"step": (one.record["steps"], other.record["steps"]), **differences(one.settings, other.settings)}
    ends = [{name: values[-1] for name, values in s.record["curves"].items() if values} for s in (one, other)]
    for name in ("content", "style", "total_variation"):
        rows[f"{name} loss"] = tuple(end.get(name) for end in ends)
    body = "".join(f"<tr><td>{escape(n)}</td><td>{_cell(a)}</td><td>{_cell(b)}</td></tr>" for n, (a, b) in rows.items())
    head = f"<tr><th></th><th>{escape(one.name)}</th><th>{escape(other.name)}</th></tr>"
    return f'<table class="nst-table">{head}{body}</table>'


def _column(kept: Snapshot) -> widgets.VBox:
    name = widgets.HTML(f'<div class="nst-note"><b>{escape(kept.name)}</b></div>')
    return widgets.VBox([name, widgets.Image(value=jpeg(kept.image), format="jpeg")])


def _cell(value: Any) -> str:
    return escape("the convention's" if value is None else "equal" if value in ((), []) else _short(value))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_short, value))
    return str(value)
