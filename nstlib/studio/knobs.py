"""The knobs: a widget for every setting of `Settings`, made from its table."""

from collections.abc import Callable, Sequence
from dataclasses import Field, fields
from typing import Any

import ipywidgets as widgets

from ..networks.vgg19 import CHANNELS
from ..settings import DEFAULT_WEIGHTS, STARTS, STEERABLE, Settings
from .controls import Shares, Weight, row

TERMS = ("content_weight", "style_weight", "tv_weight")  # in the order of DEFAULT_WEIGHTS
LABELS = {
    "init": "start from",
    "tv_weight": "total variation",
    "preserve_color": "keep colours",
    "optimizer": "optimiser",
}
COMMON = ("engine", "extractor", "convention", "pooling", "optimizer", "init", "size", "steps", "preserve_color")


def label(name: str) -> str:
    """A setting's name as the panel has it: `style_weight` -> style."""
    return LABELS.get(name, name.removesuffix("_weight").replace("_", " "))


def shown() -> list[Field]:
    """The settings that a picture has; those of videos alone are left out."""
    return [f for f in fields(Settings) if not f.metadata.get("video")]


class Knobs:
    """The widgets by setting, and the settings that they say.

    `steering` and `restarting` are boxes of the widgets whose settings a run can take up midway, and cannot;
    `on_change` is called after a person or a program has moved one.
    """

    def __init__(self, settings: Settings, on_change: Callable[[], None]) -> None:
        self._on_change, self._quiet = on_change, True
        self._hidden = {f.name: getattr(settings, f.name) for f in fields(Settings) if f.metadata.get("video")}
        self.widgets = {f.name: knob(f) for f in shown()}
        self._renormalise(settings.convention)
        self._styles: list[str] = []
        self._rows: dict[str, widgets.Widget] = {}
        self.widgets["convention"].observe(lambda change: self._renormalise(change.new), "value")
        self.widgets["style_layers"].observe(self._relayer, "value")
        for name in ("optimizer", "engine"):
            self.widgets[name].observe(lambda _: self._apply(), "value")
        for widget in self.widgets.values():
            widget.observe(self._changed, "value")
        self.steering = self._box([f.name for f in shown() if f.name in STEERABLE and not _listed(f)])
        self.layers, self.blend = self.widgets["style_layer_weights"].box, self.widgets["style_blend"].box
        rest = [f.name for f in shown() if f.name not in STEERABLE]
        self.restarting = self._box(list(COMMON))
        self.rare = self._box([n for n in rest if n not in COMMON])
        self._apply()
        self.set(settings)

    def settings(self) -> Settings:
        """What the widgets say. Raises NstlibError for a value that no run can have."""
        values = {name: widget.value for name, widget in self.widgets.items()}
        if len(self._styles) < 2:
            values["style_blend"] = ()
        return Settings(**values, **self._hidden)

    def set(self, settings: Settings) -> None:
        """Move the widgets to these settings; `on_change` is called once."""
        self._quiet = True
        try:
            for name in ("convention", "style_layers", *self.widgets):  # the first two shape others
                value = getattr(settings, name)
                self.widgets[name].value = list(value) if _layered(name) else value
        finally:
            self._quiet = False
        self._on_change()

    def name_styles(self, names: list[str]) -> None:
        """Have one share of the blend for each style; shown where there are several."""
        self._styles = names
        self.widgets["style_blend"].rename(names)
        self.blend.layout.display = "" if len(names) > 1 else "none"

    def mark(self, pending: Sequence[str]) -> None:
        """Mark the rows of the settings that wait for a new start."""
        for name, box in self._rows.items():
            (box.add_class if name in pending else box.remove_class)("nst-pending")

    def _changed(self, _: Any) -> None:
        if not self._quiet:
            self._on_change()

    def _renormalise(self, convention: str) -> None:
        for name, default in zip(TERMS, DEFAULT_WEIGHTS[convention], strict=True):
            self.widgets[name].renormalise(default)  # a number means something else in another convention

    def _relayer(self, change: Any) -> None:
        self.widgets["style_layer_weights"].rename(list(change.new))

    def _apply(self) -> None:
        """Show Adam's step where Adam is the optimiser, and a module's knobs where one is the engine."""
        hub, adam = (self.widgets[n].value == v for n, v in (("engine", "hub"), ("optimizer", "adam")))
        for name, use in {"learning_rate": adam, "module": hub, "strength": hub}.items():
            self._rows[name].layout.display = "" if use else "none"

    def _box(self, names: list[str]) -> widgets.VBox:
        for name in names:
            widget = self.widgets[name]
            self._rows[name] = widget.box if hasattr(widget, "box") else row(label(name), widget)
        return widgets.VBox([self._rows[name] for name in names])


def knob(f: Field) -> Any:
    """The widget for a setting, by its default and its metadata."""
    meta, text = f.metadata, f.metadata["help"]
    if meta.get("kind") == "layers":
        return widgets.TagsInput(value=list(f.default), allowed_tags=list(CHANNELS), allow_duplicates=False)
    if isinstance(f.default, tuple):
        return Shares(text)
    if "choices" in meta:
        return widgets.Dropdown(options=meta["choices"], value=f.default, tooltip=text)
    if f.name == "init":
        return widgets.Combobox(options=STARTS, value=f.default, tooltip=text, continuous_update=False)
    if isinstance(f.default, str):
        return widgets.Text(value=f.default, tooltip=text, continuous_update=False)
    if meta.get("log"):
        return Weight(label(f.name), text, default=f.default, low=meta["low"], high=meta["high"])
    if isinstance(f.default, float):
        return widgets.FloatSlider(f.default, min=meta["low"], max=meta["high"], step=0.01, tooltip=text)
    if meta["high"] - meta["low"] <= 20:
        return widgets.IntSlider(f.default, meta["low"], meta["high"], tooltip=text)
    return widgets.BoundedIntText(f.default, min=meta["low"], max=meta["high"], tooltip=text)


def _layered(name: str) -> bool:
    return name in ("style_layers", "content_layers")


def _listed(f: Field) -> bool:
    return isinstance(f.default, tuple)
