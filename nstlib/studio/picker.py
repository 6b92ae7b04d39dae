"""The gallery: tiles to choose pictures from, with a path and an upload to add to them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from ..errors import NstlibError, choose
from . import sources
from .pixels import jpeg
from .sources import Source


class Gallery:
    """Tiles of which one is chosen, or several where `many`; `chosen` has the sources, `frame` a clip's frame.

    `on_change` is called after another choice, `on_error` with what could not be added.
    """

    def __init__(
        self,
        offered: Sequence[Source],
        *,
        many: bool,
        folder: Path,
        on_change: Callable[[], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._many, self._folder, self._on_change, self._on_error = many, folder, on_change, on_error
        self.sources: list[Source] = []
        self.buttons: list[widgets.ToggleButton] = []
        self.tiles = widgets.HBox()
        self.tiles.add_class("nst-tiles")
        self.path = widgets.Text(placeholder="path of a picture or clip, Enter", continuous_update=False)
        self.upload = widgets.FileUpload(description="Upload", accept="image/*" if many else "image/*,video/*")
        self.slider = widgets.IntSlider(0, 0, 1, tooltip="the clip's frame", continuous_update=False)
        self.path.observe(self._typed, "value")
        self.upload.observe(self._uploaded, "value")
        self.slider.observe(lambda _: self._on_change(), "value")
        door = widgets.HBox([self.path, self.upload])
        door.add_class("nst-door")
        self.frames = widgets.HBox([widgets.Label("frame"), self.slider])
        self.frames.add_class("nst-row")
        self.box = widgets.VBox([self.tiles, self.frames, door])
        self._quiet = True
        for source in offered:
            self.add(source)
        self._quiet = False
        self.choose([0])

    @property
    def chosen(self) -> list[Source]:
        """The sources chosen, in the order of their tiles."""
        return [s for s, button in zip(self.sources, self.buttons, strict=True) if button.value]

    @property
    def frame(self) -> int:
        """The number of the frame that a clip is taken at."""
        return self.slider.value

    def add(self, source: Source) -> None:
        """Offer a source, and choose it."""
        button = widgets.ToggleButton(description=source.name, tooltip=str(source.path))
        thumb = widgets.Image(value=jpeg(source.thumb), format="jpeg")
        thumb.add_class("nst-thumb")
        tile = widgets.VBox([thumb, button])
        tile.add_class("nst-tile")
        self.sources.append(source)
        self.buttons.append(button)
        self.tiles.children += (tile,)
        button.observe(lambda _: self._toggled(button), "value")
        if not self._quiet:
            self.choose([*(i for i, b in enumerate(self.buttons) if b.value and self._many), len(self.buttons) - 1])

    def choose(self, numbers: Sequence[int], frame: int | None = None) -> None:
        """Choose these tiles, by their place, and a clip's frame."""
        self._quiet = True
        for number, button in enumerate(self.buttons):
            button.value = number in numbers
        self._frames(frame)
        self._quiet = False
        self._on_change()

    def choose_named(self, names: Sequence[str]) -> None:
        """Choose tiles by their names. Raises NstlibError for a name that no tile has."""
        known = [source.name for source in self.sources]
        for name in names:
            if name not in known:
                raise choose("name", name, known)
        self.choose([known.index(name) for name in names])

    def _toggled(self, button: widgets.ToggleButton) -> None:
        if self._quiet:
            return
        number = self.buttons.index(button)
        others = [i for i, b in enumerate(self.buttons) if b.value and i != number]
        if self._many:
            self.choose([*others, number] if button.value or not others else others)
        else:
            self.choose([number])

    def _frames(self, frame: int | None) -> None:
        clip = next((source.clip for source in self.chosen if source.clip), None)
        self.frames.layout.display = "" if clip and not self._many else "none"
        if clip:
            last = clip.frames - 1
            moved = self.slider.max != last
            self.slider.max = last
            self.slider.value = frame if frame is not None else last // 2 if moved else self.slider.value

    def _typed(self, change: Any) -> None:
        if change.new.strip():
            self._take(lambda: sources.read(change.new.strip()))

    def _uploaded(self, change: Any) -> None:
        for file in change.new:
            content = bytes(file["content"])
            self._take(lambda name=file["name"], content=content: sources.write(name, content, self._folder))
        if change.new:
            self.upload.value = ()  # the same file may be chosen again, and its bytes are let go

    def _take(self, read: Callable[[], Source]) -> None:
        try:
            source = read()
        except (NstlibError, OSError) as error:
            self._on_error(error)
            return
        self.path.value = ""
        self.add(source)
