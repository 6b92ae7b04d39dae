"""The gallery: tiles to choose pictures from, with a path and an upload to add to them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from ..errors import NstlibError, choose
from . import sources
from .pixels import jpeg
from .sources import Source
from .viewer import Thumbnails


class Gallery:
    """Thumbnails of which one is chosen, or several where `many`; `chosen` has the sources, `frame` a clip's frame.

    A click, a path and an upload choose one; while `blend` is on, or with Ctrl, they add to what is chosen.
    `on_change` is called after another choice, `on_error` with what could not be added.
    """

    def __init__(
        self,
        offered: Sequence[Source],
        label: str,
        *,
        many: bool,
        folder: Path,
        on_change: Callable[[], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._many, self._folder, self._on_change, self._on_error = many, folder, on_change, on_error
        self._quiet = False
        self.sources = list(offered)
        self.tiles = Thumbnails(items=[thumbnail(source) for source in offered], chosen=[0], many=many, label=label)
        self.path = widgets.Text(placeholder="a path, then Enter", continuous_update=False)
        self.upload = widgets.FileUpload(description="Upload", accept="image/*" if many else "image/*,video/*")
        self.blend = widgets.Checkbox(description="blend several", indent=False, tooltip="a click adds (as with Ctrl)")
        self.slider = widgets.IntSlider(0, 0, 1, tooltip="the clip's frame", continuous_update=False)
        self.frames = widgets.HBox([widgets.Label("frame"), self.slider])
        self.box = self._laid_out()
        self._show_frames(None)
        self._listen()

    @property
    def chosen(self) -> list[Source]:
        """The sources chosen, in the order of their tiles."""
        return [self.sources[number] for number in self.tiles.chosen]

    @property
    def frame(self) -> int:
        """The number of the frame that a clip is taken at."""
        return self.slider.value

    def add(self, source: Source) -> None:
        """Offer a source, and choose it; beside the others where they are blended."""
        self.sources.append(source)
        self.tiles.items = [*self.tiles.items, thumbnail(source)]
        others = self.tiles.chosen if self.blend.value else []
        self.choose([*others, len(self.sources) - 1])

    def known(self, source: Source) -> Source:
        """The tile's own source of this file and name; where there is none the source is offered, and not chosen."""
        for own in self.sources:
            if (own.name, own.path.resolve()) == (source.name, source.path.resolve()):
                return own
        self.sources.append(source)
        self.tiles.items = [*self.tiles.items, thumbnail(source)]
        return source

    def choose(self, numbers: Sequence[int], frame: int | None = None) -> None:
        """Choose these tiles, by their place, and a clip's frame."""
        self._quiet = True
        try:
            self.tiles.chosen = sorted(numbers)
            self.blend.value = self.blend.value or len(numbers) > 1
            self._show_frames(frame)
        finally:
            self._quiet = False
        self._on_change()

    def choose_named(self, names: Sequence[str]) -> None:
        """Choose tiles by their names. Raises NstlibError for a name that no tile has."""
        known = [source.name for source in self.sources]
        for name in names:
            if name not in known:
                raise choose("name", name, known)
        self.choose([known.index(name) for name in names])

    def _laid_out(self) -> widgets.VBox:
        door = widgets.HBox([self.path, self.upload])
        door.add_class("nst-door")
        self.frames.add_class("nst-row")
        self.blend.add_class("nst-blend")
        return widgets.VBox(
            [self.tiles, self.blend, self.frames, door] if self._many else [self.tiles, self.frames, door]
        )

    def _listen(self) -> None:
        self.tiles.observe(lambda change: self._quiet or self.choose(change.new), "chosen")
        self.tiles.on_msg(lambda _, message, buffers: self._receive(message["file"], bytes(buffers[0])))
        self.blend.observe(self._blended, "value")
        self.path.observe(self._typed, "value")
        self.upload.observe(self._uploaded, "value")
        self.slider.observe(lambda _: self._quiet or self._on_change(), "value")

    def _blended(self, change: Any) -> None:
        self.tiles.blend = change.new
        if not change.new and len(self.tiles.chosen) > 1:
            self.choose(self.tiles.chosen[:1])

    def _show_frames(self, frame: int | None) -> None:
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
            self._receive(file["name"], bytes(file["content"]))
        if change.new:
            self.upload.value = ()  # the same file may be chosen again, and its bytes are let go

    def _receive(self, name: str, content: bytes) -> None:
        """Take up a file that the page has sent."""
        self._take(lambda: sources.write(name, content, self._folder))

    def _take(self, read: Callable[[], Source]) -> None:
        try:
            source = read()
        except (NstlibError, OSError) as error:
            self._on_error(error)
            return
        self.path.value = ""
        self.add(source)


def thumbnail(source: Source) -> dict[str, Any]:
    """What the page shows of a source."""
    return {"name": source.name, "title": str(source.path), "thumb": jpeg(source.thumb)}
