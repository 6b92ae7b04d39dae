"""The viewer: two pictures under one wipe, with zoom; and what else the page does for the panel, such as its keys."""

from pathlib import Path
from typing import Any

import anywidget
import traitlets

PAGE = Path(__file__).parent / "page"


class Viewer(anywidget.AnyWidget):
    """`left` and `right`, encoded pictures of one shape, wiped at `split` (0: only the right one) or `beside` another.

    size: (width, height) of the picture in its own pixels, for 100 %. layers, strokes: what the brush can mark, and has
    marked (`brush`). The page sends {"action": …} for a key.
    """

    _esm = "".join((PAGE / name).read_text(encoding="utf-8") for name in ("brush.js", "viewer.js"))
    left = traitlets.Bytes().tag(sync=True)
    right = traitlets.Bytes().tag(sync=True)
    left_name = traitlets.Unicode("source").tag(sync=True)
    right_name = traitlets.Unicode("result").tag(sync=True)
    size = traitlets.List(traitlets.Int(), [16, 9]).tag(sync=True)
    split = traitlets.Float(0.0).tag(sync=True)
    beside = traitlets.Bool(False).tag(sync=True)
    layers = traitlets.List(traitlets.Dict()).tag(sync=True)
    strokes = traitlets.List(traitlets.Dict()).tag(sync=True)

    def lay_down_brush(self) -> None:
        """Have the page put the brush away, whose marks lie over the picture."""
        self.send({"brush": False})

    def download(self, name: str, content: bytes, *, type: str) -> None:
        """Have the browser save a file."""
        self.send({"download": name, "type": type}, [content])


class Thumbnails(anywidget.AnyWidget):
    """Buttons with pictures, `items` of {name, title, thumb}; `chosen` has the places of those that are chosen."""

    _esm = PAGE / "thumbnails.js"
    items = traitlets.List(traitlets.Dict()).tag(sync=True)
    chosen = traitlets.List(traitlets.Int()).tag(sync=True)
    many = traitlets.Bool(False).tag(sync=True)
    blend = traitlets.Bool(False).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
