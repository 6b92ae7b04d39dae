"""The strip: a clip's whole length, keyframes of settings along it, and the button that writes the clip."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np

from ..errors import NstlibError
from ..media import clips, files
from ..settings import Settings
from ..video.film import Film
from ..video.photo_film import PhotoFilm
from .choice import Choice
from .pace import roughly
from .pixels import jpeg
from .task import Task
from .view import View
from .viewer import Thumbnails
from .words import label

SHOWN = 12  # thumbnails
THUMB = 144  # longest side of one, pixels
MOST_SENT = 100_000_000  # bytes of a clip that goes to the page
MARK = "◆"


class Strip:
    """Thumbnails of the chosen clip, its keyframes {frame: {setting: value}}, and a `Film` of them on a thread.

    chosen, settings: what the panel says; go: called with a frame's number and a keyframe's values, or None, to show;
    marked: called with other keyframes set; before: before a film begins; failed: with an error.
    """

    def __init__(
        self,
        folder: Path,
        view: View,
        *,
        chosen: Callable[[], Choice],
        settings: Callable[[], Settings],
        go: Callable[[int, dict[str, Any] | None], None],
        marked: Callable[[], None],
        before: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._folder, self._view, self._chosen, self._settings = folder, view, chosen, settings
        self._go, self._marked, self._before = go, marked, before
        self._clip: clips.Clip | None = None
        self._pictures: list[tuple[int, bytes]] = []
        self._quiet = False
        self._reader: tuple[clips.Clip, threading.Thread] | None = None
        self.keyframes: dict[int, dict[str, Any]] = {}
        self.written: Path | None = None
        self.tiles = Thumbnails(items=[], chosen=[], label="the clip's frames")
        self.tiles.add_class("nst-strip")
        self.tiles.observe(self._clicked, "chosen")
        self.set = _button("Set keyframe", self.mark, "these weights hold at this frame; in between they go over")
        self.remove = _button("Remove", self.unmark, "no keyframe at this frame")
        self.told = widgets.HTML()
        self.fresh = widgets.Checkbox(description="begin again", indent=False, tooltip="drop the frames made before")
        self.task = Task(
            "Write the clip", "every frame, in the background; stopped, it goes on", self._write, failed=failed
        )
        self.download = _button("Download", self.send, "the clip, to your computer")
        self.download.layout.display = "none"
        marks = widgets.HBox([self.set, self.remove, self.told])
        button, *rest = self.task.widgets
        writes = widgets.HBox([button, self.fresh, self.download])
        for box in (marks, writes):
            box.add_class("nst-strip-row")
        self.box = widgets.VBox([self.tiles, marks, writes, *rest])
        self.fold = widgets.Accordion([self.box], titles=["The whole clip"], selected_index=None)
        self.fold.add_class("nst-clip")
        self.fold.observe(lambda _: self._draw(), "selected_index")
        self.follow()

    def follow(self) -> None:
        """Another choice: show its clip, and where its frame is; keyframes belong to their clip."""
        choice = self._chosen()
        clip = choice.content.clip
        self.fold.layout.display = "" if clip else "none"
        if clip is not self._clip:
            self._clip, self._pictures, self.keyframes = clip, [], {}
            self.download.layout.display = "none"
        if clip:
            self._draw()

    def mark(self) -> None:
        """Set a keyframe at the chosen frame: the settings that steer, as the knobs have them."""
        choice, settings = self._chosen(), self._settings()
        values = dict(zip(("content_weight", "style_weight", "tv_weight"), settings.term_weights, strict=True))
        values["forms"] = settings.forms
        values["style_layer_weights"] = settings.style_layer_weights or (1.0,) * len(settings.style_layers)
        if len(choice.styles) > 1:
            values["style_blend"] = settings.style_blend or (1.0,) * len(choice.styles)
        if settings.engine == "hub":
            values = {name: values[name] for name in ("style_blend",) if name in values} | {
                "strength": settings.strength
            }
        self.keyframes = dict(sorted({**self.keyframes, choice.frame: values}.items()))
        self._draw()
        self._marked()

    def unmark(self) -> None:
        """Take the chosen frame's keyframe away."""
        frame = self._chosen().frame
        self.keyframes = {number: values for number, values in self.keyframes.items() if number != frame}
        self._draw()
        self._marked()

    def restore(self, keyframes: dict[int, dict[str, Any]]) -> None:
        """Show the chosen clip with these keyframes."""
        self.follow()
        self.keyframes = keyframes
        self._draw()

    def send(self) -> None:
        """Send the written clip to the browser."""
        self._view.viewer.download(self.written.name, self.written.read_bytes(), type="video/mp4")

    def film(self) -> Film | PhotoFilm:
        """The film that the panel says. Raises NstlibError as it does."""
        choice, settings = self._chosen(), self._settings()
        clip = clips.probe(choice.content.path, size=settings.size or None)
        output = files.make_folder(self._folder) / f"{choice.content.path.stem}-styled.mp4"
        styles, fresh = [style.path for style in choice.styles], self.fresh.value
        if choice.marks:
            raise NstlibError("masks are for a picture: clear what the brush has marked for the styles")
        if settings.rendering == "photo":
            if self.keyframes:
                raise NstlibError("keyframes are for paintings: remove them, or choose rendering painting")
            return PhotoFilm(clip, styles, output, settings, fresh=fresh)
        keyframes = {float(frame / clip.fps): values for frame, values in self.keyframes.items()}
        return Film(clip, styles, output, settings, keyframes=keyframes or None, fresh=fresh)

    def _write(self, task: Task) -> None:
        self._before()
        self.download.layout.display = "none"
        try:
            film = self.film()
        except NstlibError as error:
            raise NstlibError(str(error).replace("with --fresh", "by “begin again”")) from None
        self.fresh.value = False
        if self._made(task, film):
            task.say("writing the file")
            self.written = film.write().path
            small = self.written.stat().st_size <= MOST_SENT
            self.download.layout.display = "" if small else "none"
            task.say(f"written: {self.written}")

    def _made(self, task: Task, film: Film | PhotoFilm) -> bool:
        """Whether every frame is made; a task that is stopped leaves it to the next."""
        painted = isinstance(film, Film)
        for done in film:
            if painted:
                task.show(done.image)
                left = roughly(done.seconds * (film.total - film.done))
                left = f" · about {left} left" * (film.done > 1)  # a shot's first frame takes far longer than others
                task.tell(film.done / film.total, f"frame {film.done} of {film.total}{left}")
            else:
                task.tell(
                    done.number / film.clip.frames, f"colours found to frame {done.number + 1} of {film.clip.frames}"
                )
            if task.stopped:
                task.say("stopped; nothing is lost, and the same button goes on")
                return False
        return True

    def _draw(self) -> None:
        """Thumbnails, which are read once the strip is open, the chosen one, and what the keyframes say."""
        if self._clip is None or self.fold.selected_index is None:
            return
        if not self._pictures:
            self._read()
            return
        numbers = [number for number, _ in self._pictures]
        frame, at = self._chosen().frame, {_nearest(numbers, number) for number in self.keyframes}
        self._quiet = True
        try:
            self.tiles.items = [
                {"name": f"{MARK if place in at else ''} {_time(self._clip, number)}".strip(), "thumb": picture}
                | {"title": f"frame {number}"}
                for place, (number, picture) in enumerate(self._pictures)
            ]
            self.tiles.chosen = [_nearest(numbers, frame)]
        finally:
            self._quiet = False
        self.remove.disabled = frame not in self.keyframes
        self.set.description = "Set again" if frame in self.keyframes else "Set keyframe"
        self.told.value = f'<div class="nst-note">{self._said()}</div>'

    def _read(self) -> None:
        """Read the thumbnails, on a thread: a long clip takes a while."""
        clip = self._clip

        def read() -> None:
            pictures = _pictures(clip)
            if clip is self._clip:
                self._pictures = pictures
                self._draw()

        if self._reader is None or self._reader[0] is not clip:
            self.told.value = '<div class="nst-note">reading the clip</div>'
            self._reader = clip, threading.Thread(target=read, name="nstlib studio strip", daemon=True)
            self._reader[1].start()

    def _said(self) -> str:
        """The keyframes, and in what they differ, in a line."""
        if not self.keyframes:
            return "No keyframes: the whole clip is made by the knobs as they are."
        differ = [
            name
            for name in next(iter(self.keyframes.values()))
            if len({k.get(name) for k in self.keyframes.values()}) > 1
        ]
        told = []
        for frame, values in self.keyframes.items():
            changes = ", ".join(f"{label(name)} {_short(values.get(name))}" for name in differ)
            told.append(f"<b>{_time(self._clip, frame)}</b> {changes}".strip())
        return f"{MARK} " + " · ".join(told)

    def _clicked(self, change: Any) -> None:
        if not self._quiet and change.new:
            place = change.new[0]
            number = self._pictures[place][0]
            inside = [frame for frame in self.keyframes if _nearest([n for n, _ in self._pictures], frame) == place]
            frame = inside[0] if inside else number
            self._go(frame, self.keyframes.get(frame))


def _pictures(clip: clips.Clip) -> list[tuple[int, bytes]]:
    """Frames along the clip, by their number, as JPEG; read small."""
    numbers = sorted({round(n) for n in np.linspace(0, clip.frames - 1, min(SHOWN, clip.frames))})
    scale = THUMB / max(clip.width, clip.height)
    width, height = (max(2, 2 * round(side * scale / 2)) for side in (clip.width, clip.height))
    small = replace(clip, width=width, height=height)
    wanted = set(numbers)
    return [(n, jpeg(frame)) for n, frame in enumerate(clips.read_frames(small)) if n in wanted]


def _nearest(numbers: list[int], frame: int) -> int:
    """The place of the thumbnail that is nearest to a frame."""
    return min(range(len(numbers)), key=lambda place: abs(numbers[place] - frame))


def _time(clip: clips.Clip, frame: int) -> str:
    return f"{float(frame / clip.fps):.2f} s"


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{v:g}" for v in value)
    return "–" if value is None else f"{value:g}"


def _button(name: str, action: Callable[[], None], tooltip: str) -> widgets.Button:
    made = widgets.Button(description=name, tooltip=tooltip)
    made.on_click(lambda _: action())
    return made
