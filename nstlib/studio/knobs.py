"""The knobs: a widget for every setting of `Settings`, made from its table."""

from collections.abc import Callable, Sequence
from dataclasses import Field, fields, replace
from html import escape
from typing import Any

import ipywidgets as widgets

from ..core.style_losses import load_style_loss
from ..networks.vgg19 import CHANNELS
from ..settings import DEFAULT_WEIGHTS, PHOTO_WEIGHTS, STARTS, STEERABLE, Settings, usual
from .controls import Shares, Weight, row
from .words import label

WEIGHTS = ("content_weight", "style_weight", "tv_weight")  # in the order of DEFAULT_WEIGHTS
SHAPING = ("rendering", "convention", "style_layers")  # what other widgets depend on
LAYERS = ("style_layers", "content_layers")
COMMON = (
    "rendering",
    "engine",
    "module",
    "extractor",
    "style_loss",
    "convention",
    "pooling",
    "optimizer",
    "init",
    "size",
)
COMMON += ("steps", "preserve_color")
# Settings that matter only where one of these others has this value.
DEPENDS = {
    "learning_rate": {"optimizer": "adam"},
    "module": {"engine": "hub"},
    "strength": {"engine": "hub", "rendering": "photo"},
    **{name: {"engine": "optimise"} for name in (*WEIGHTS, "forms", "border", "steps", "scales", "optimizer", "init")},
    **{name: {"rendering": "photo"} for name in ("smoothness", "light_weight", "spatial_bins", "luma_bins", "regions")},
}


def shown() -> list[Field]:
    """The settings that a picture has; those of videos alone are left out."""
    return [f for f in fields(Settings) if not f.metadata.get("video")]


class Knobs:
    """The widgets by setting, and the settings that they say.

    `steering` and `restarting` are boxes of the widgets whose settings a run can take up midway, and cannot; `rare`
    are those of the second that are seldom moved; `layers` and `blend` have a slider for each layer and each style.
    `on_change` is called with a setting's name after a person has moved it, and with "" after a program has.
    """

    def __init__(self, settings: Settings, on_change: Callable[[str], None]) -> None:
        self._first, self._on_change, self._quiet = settings, on_change, True
        self._of_videos = {f.name: getattr(settings, f.name) for f in fields(Settings) if f.metadata.get("video")}
        self._styles: list[str] = []
        self.widgets = {f.name: knob(f) for f in shown()}
        self._rows = {name: self._row(name, widget) for name, widget in self.widgets.items()}
        self.about = widgets.HTML()  # what the chosen style loss compares
        self.about.add_class("nst-about")
        self._box_up()
        self._listen()
        self.set(settings)

    def settings(self) -> Settings:
        """What the widgets say. Raises NstlibError for a value that no run can have."""
        values = {name: widget.value for name, widget in self.widgets.items()}
        if len(self._styles) < 2:
            values["style_blend"] = ()
        return Settings(**values, **self._of_videos)

    def set(self, settings: Settings) -> None:
        """Move the widgets to these settings; `on_change` is called once."""
        self._quiet = True
        try:
            for name in (*SHAPING, *self.widgets):
                value = getattr(settings, name)
                self.widgets[name].value = list(value) if name in LAYERS else value
                if name in SHAPING:
                    self._shape(name)
        finally:
            self._quiet = False
        self._show_what_matters()
        self._on_change("")

    def reset(self, name: str = "") -> None:
        """Take one setting, or all, back to what the panel started with; shares of others than then, to equal ones."""
        names = [name] if name else list(self.widgets)
        if "style_layers" in names:
            names.append("style_layer_weights")
        values = {n: getattr(self._first, n) for n in names}
        layers = values.get("style_layers", self.settings().style_layers)
        for shares, count in {"style_layer_weights": len(layers), "style_blend": len(self._styles)}.items():
            if shares in values and len(values[shares]) != count:
                values[shares] = ()
        self.set(replace(self.settings(), **values))

    def name_styles(self, names: list[str]) -> None:
        """Have one share of the blend for each style; shown where there are several."""
        self._styles = names
        self.widgets["style_blend"].rename(names)
        self.blend.layout.display = "" if len(names) > 1 else "none"

    def mark(self, pending: Sequence[str]) -> None:
        """Mark the rows of the settings that wait for a new start."""
        for name, box in self._rows.items():
            (box.add_class if name in pending else box.remove_class)("nst-pending")

    def _row(self, name: str, widget: Any) -> widgets.Widget:
        """The setting's name beside its widget."""
        made = widget.box if hasattr(widget, "box") else row(label(name), widget)
        made.add_class(f"nst-of-{name}")
        return made

    def _box_up(self) -> None:
        listed = {name for name, widget in self.widgets.items() if isinstance(widget, Shares)}
        steered = [name for name in self.widgets if name in STEERABLE and name not in listed]
        rest = [name for name in self.widgets if name not in STEERABLE]
        common = [name for name in COMMON if name in rest]
        self.steering, self.restarting = self._boxed(steered), self._boxed(common)
        self.rare = self._boxed([name for name in rest if name not in common])
        self.layers, self.blend = self._rows["style_layer_weights"], self._rows["style_blend"]

    def _boxed(self, names: Sequence[str]) -> widgets.VBox:
        rows = [self._rows[name] for name in names]
        if "style_loss" in names:
            rows.insert(names.index("style_loss") + 1, self.about)
        return widgets.VBox(rows)

    def _listen(self) -> None:
        for name, widget in self.widgets.items():
            widget.observe(lambda _, name=name: self._moved(name), "value")

    def _moved(self, name: str) -> None:
        if self._quiet:
            return
        self._quiet = True
        try:
            self._shape(name)
        finally:
            self._quiet = False
        self._show_what_matters()
        self._on_change(name)

    def _shape(self, name: str) -> None:
        """Have the widgets that depend on this setting follow it."""
        value = self.widgets[name].value
        if name == "style_layers":
            self.widgets["style_layer_weights"].rename(list(value))
        if name == "rendering":
            begun = self._first if value == self._first.rendering else Settings(rendering=value)
            for f in shown():
                if usual(f, "painting") != usual(f, "photo") or f.name == "strength":
                    self.widgets[f.name].value = getattr(begun, f.name)
        if name in ("rendering", "convention"):  # a number means something else in another one
            rendering, convention = (self.widgets[shaping].value for shaping in ("rendering", "convention"))
            defaults = PHOTO_WEIGHTS if rendering == "photo" else DEFAULT_WEIGHTS[convention]
            for weight, default in zip(WEIGHTS, defaults, strict=True):
                self.widgets[weight].renormalise(default)
            if name == "convention":
                self.widgets["forms"].value = usual(Settings.__dataclass_fields__["forms"], rendering, convention)

    def _show_what_matters(self) -> None:
        for name, others in DEPENDS.items():
            matters = any(self.widgets[other].value == value for other, value in others.items())
            self._rows[name].layout.display = "" if matters else "none"
        doc = load_style_loss(self.widgets["style_loss"].value).__doc__
        self.about.value = escape(doc.splitlines()[0])


def knob(f: Field) -> Any:
    """The widget for a setting, by its default and its metadata."""
    meta, text, default = f.metadata, f.metadata["help"], usual(f)
    if f.name in LAYERS:
        return widgets.TagsInput(value=list(default), allowed_tags=list(CHANNELS), allow_duplicates=False)
    if isinstance(default, tuple):
        return Shares(text)
    if "choices" in meta:
        return widgets.Dropdown(options=meta["choices"], value=default, tooltip=text)
    if f.name == "init":
        return widgets.Combobox(options=STARTS, value=default, tooltip=text, continuous_update=False)
    if isinstance(default, str):
        return widgets.Text(value=default, tooltip=text, continuous_update=False)
    if meta.get("log"):
        return Weight(label(f.name), text, default=default, low=meta["low"], high=meta["high"])
    if isinstance(default, float):
        return widgets.FloatSlider(default, min=meta["low"], max=meta["high"], step=0.01, tooltip=text)
    if meta["high"] - meta["low"] <= 20:
        return widgets.IntSlider(default, meta["low"], meta["high"], tooltip=text)
    return widgets.BoundedIntText(default, min=0 if meta.get("zero") else meta["low"], max=meta["high"], tooltip=text)
