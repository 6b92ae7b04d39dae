"""The panel's own controls: a logarithmic slider with its number, and a slider for each of several shares."""

import math
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import traitlets

DECADES = 3.0  # a weight's slider reaches so far below and above its default
STEP = 0.05  # of a decade


def row(name: str, widget: widgets.Widget) -> widgets.HBox:
    """A name beside a widget; the widget's tooltip is on both."""
    text = widgets.Label(name, tooltip=getattr(widget, "tooltip", None))
    text.add_class("nst-name")
    widget.add_class("nst-value")
    box = widgets.HBox([text, widget])
    box.add_class("nst-row")
    return box


class Weight(traitlets.HasTraits):
    """A logarithmic slider and the number it stands for; its left end is the lowest value, such as 0.

    default None: `value` is None, and the number is that of the convention, until one of the two is moved.
    """

    value = traitlets.Float(None, allow_none=True)

    def __init__(self, name: str, text: str, *, default: float | None, low: float, high: float) -> None:
        self._low, self._high, self._moving = low, high, False
        self._default = default or 1.0
        left = max(-DECADES, math.log10(low / self._default)) if low else -DECADES
        right = min(DECADES, math.log10(high / self._default))
        self.slider = widgets.FloatSlider(0, min=left, max=right, step=STEP, readout=False, tooltip=text)
        self.number = widgets.BoundedFloatText(self._default, min=low, max=high, tooltip=text)
        self.number.add_class("nst-number")
        self.box = row(name, self.slider)
        self.box.children += (self.number,)
        super().__init__(value=default)
        self.slider.observe(self._slid, "value")
        self.number.observe(self._typed, "value")

    def renormalise(self, default: float) -> None:
        """Stand for another default, and go back to it."""
        self._default = default
        self.value = None
        self._show(None)

    @traitlets.observe("value")
    def _told(self, change: Any) -> None:
        if not self._moving:
            self._show(change.new)

    def _show(self, value: float | None) -> None:
        shown = self._default if value is None else value
        self._moving = True
        try:
            self.number.value = shown
            self.slider.value = self._place(shown)
        finally:
            self._moving = False

    def _place(self, value: float) -> float:
        if value <= self._low:
            return self.slider.min
        return min(self.slider.max, max(self.slider.min, math.log10(value / (self._default or 1.0))))

    def _slid(self, change: Any) -> None:
        if self._moving or abs(change.new - self._place(self.number.value)) < STEP / 2:
            return  # the page puts the handle on a whole step: the number that was typed stays
        lowest = change.new <= self.slider.min + 1e-6
        value = self._low if lowest else float(f"{(self._default or 1.0) * 10**change.new:.3g}")
        self._move(min(self._high, max(self._low, value)), self.number)

    def _typed(self, change: Any) -> None:
        if not self._moving:
            self._move(change.new, self.slider)

    def _move(self, value: float, other: widgets.Widget) -> None:
        self._moving = True
        try:
            other.value = value if other is self.number else self._place(value)
            self.value = value
        finally:
            self._moving = False


class Shares(traitlets.HasTraits):
    """A slider for each of several names; `value` has their shares, and is empty where all are equal."""

    value = traitlets.Tuple()

    def __init__(self, text: str) -> None:
        self._text, self._names, self._moving = text, [], False
        self.box = widgets.VBox()
        self.sliders: list[widgets.FloatSlider] = []
        super().__init__()

    def rename(self, names: Sequence[str]) -> None:
        """Have these names; where they are others than before, all shares are equal again."""
        if list(names) == self._names:
            return
        self._names = list(names)
        self.sliders = [widgets.FloatSlider(1, min=0, max=1, step=0.05, tooltip=self._text) for _ in names]
        for slider in self.sliders:
            slider.observe(self._slid, "value")
        old, self.box.children = self.box.children, [row(n, s) for n, s in zip(names, self.sliders, strict=True)]
        for widget in (w for box in old for w in (*box.children, box)):
            widget.close()
        self.value = ()

    @traitlets.observe("value")
    def _told(self, change: Any) -> None:
        if self._moving or (change.new and len(change.new) != len(self.sliders)):
            return
        top = max(change.new, default=1) or 1
        self._moving = True
        try:
            for slider, share in zip(self.sliders, change.new or (top,) * len(self.sliders), strict=True):
                slider.value = share / top
        finally:
            self._moving = False

    def _slid(self, _: Any) -> None:
        if self._moving:
            return
        values = tuple(slider.value for slider in self.sliders)
        self._moving = True
        try:
            self.value = () if len(set(values)) == 1 and values[0] else values
        finally:
            self._moving = False
