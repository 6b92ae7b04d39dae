"""The panel: what a person sees of a run, and moves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np

from .. import samples
from ..core.run import Run
from ..core.styles import Picture
from ..engines.doubts import doubt
from ..engines.frames import begin
from ..errors import NstlibError
from ..settings import STEERABLE, Settings, changed, from_record
from . import brush, guard, sources
from .choice import Choice
from .gallery import Gallery
from .kept import Shelf, Snapshot, close_widgets, snapshot
from .knobs import Knobs
from .layout import Transport, arrange, line, says
from .lesson_box import LessonBox
from .live_box import LiveBox, LiveChoice
from .moves import Moves
from .pace import Pace, before_start, status
from .prewarm import trace, trace_key
from .strip import Strip
from .view import STILL, View
from .words import GO_ON, START_ANEW, STARTS, waits
from .worker import Worker

PREVIEW = 256  # longest side of a result, pixels, where no settings are given
MEANING = ("engine", "rendering", "convention")  # settings that decide what a weight means


class Studio(widgets.VBox):
    """A panel that runs a style transfer and steers it while it runs; a cell's last expression shows it.

    content: a path, an array, a clip, or several, or names with them; styles: alike. The first of each is chosen, and
    the bundled samples are offered too. settings: what the panel starts from. folder: where results, uploads and a
    clip's frames are written. closable: whether the panel has a button that closes it. `error` is the last error of
    the running thread.

    >>> studio = nst.Studio(nst.samples.clip(), nst.samples.styles(), nst.Settings(size=48, steps=2))
    >>> studio.set(style_weight=3.0)
    >>> studio.close()
    """

    def __init__(
        self,
        content: Picture | Sequence[Picture] | Mapping[str, Picture] | None = None,
        styles: Picture | Sequence[Picture] | Mapping[str, Picture] | None = None,
        settings: Settings | None = None,
        *,
        folder: str | Path = "outputs",
        closable: bool = True,
    ) -> None:
        super().__init__()
        self.folder, self.error = Path(folder), None
        self._worker: Worker | None = None
        self._begun: tuple[Any, Settings] | None = None  # the choice and the settings that the run was made of
        self._shown: Run | None = None
        self._closed, self._quiet, self._traced, self._kept = False, True, None, 0
        self._marked: Any = None  # the content that the brush's strokes are on
        first = settings or Settings(size=PREVIEW)
        self.pace, self.view = Pace(), View()
        self.transport = Transport(self, closable=closable)
        self.knobs = Knobs(first, self._moved)
        self.shelf = Shelf(self.folder, self.view, take_up=self.take_up, first=first)
        self.contents, self.styles = self._galleries(content, styles)
        works = {"before": self.pause, "failed": self.tell}
        self.lesson = LessonBox(
            self.folder,
            chosen=lambda: self.styles.chosen,
            contents=self.contents.sources,
            learned=self._learned,
            **works,
        )
        self.strip = Strip(
            self.folder,
            self.view,
            chosen=lambda: self.choice,
            settings=self.knobs.settings,
            go=self._go_to,
            marked=lambda: self._remember(""),
            **works,
        )
        self.live = LiveBox(chosen=self._live_choice, **works)
        self.message = widgets.HTML()
        self.children = arrange(self)
        self.add_class("nst-studio")
        self.view.viewer.on_msg(lambda _, message, buffers: self._acted(message))
        self.view.viewer.observe(lambda _: self._moved(), "strokes")
        self._quiet = False
        self._chose()
        self.moves = Moves(self._moment())
        for earlier in guard.watch(self):
            if isinstance(earlier, Studio):
                self._inherit(earlier)

    def _inherit(self, earlier: "Studio") -> None:
        """Take over what was kept in the panel that this cell has shown before."""
        for kept in earlier.shelf.snapshots:
            content, frame, styles, strokes = kept.choice
            choice = Choice(self.contents.known(content), frame, tuple(map(self.styles.known, styles)), strokes)
            self.shelf.add(replace(kept, choice=choice))
        self._kept = max(self._kept, earlier._kept)
        if self.shelf.all:
            self.say("what this cell's panel had kept is below")

    def _galleries(self, content: Any, styles: Any) -> tuple[Gallery, Gallery]:
        """What was given, and the samples, as tiles."""
        offered = [sources.gather(given, self.folder) if given is not None else [] for given in (content, styles)]
        doors = {"folder": self.folder, "on_change": self._chose, "on_error": self.tell}
        return (
            Gallery(sources.with_samples(offered[0], sources.contents()), "contents", many=False, **doors),
            Gallery(sources.with_samples(offered[1], samples.styles()), "styles", many=True, **doors),
        )

    @property
    def worker(self) -> Worker:
        """The thread at work; made anew after an interrupt."""
        if self._closed:
            raise NstlibError("the studio is closed; make another")
        if self._worker is None or not self._worker.alive:
            self._worker = Worker(self, self.pace)
        return self._worker

    @property
    def state(self) -> str:
        """`idle`, `busy`, `running`, `paused` or `done`."""
        return self._worker.state if self._worker else "idle"

    @property
    def choice(self) -> Choice:
        """The content, its frame and the styles that are chosen, and what the brush has marked."""
        content = self.contents.chosen[0]
        frame = self.contents.frame if content.clip else 0
        return Choice(content, frame, tuple(self.styles.chosen), tuple(self.view.viewer.strokes))

    @property
    def pending(self) -> list[str]:
        """What was changed since Start that a run cannot take up midway: names of settings, `content`, `styles`."""
        if self._begun is None:
            return []
        (begun, settings), now = self._begun, self.choice
        names = ["content"] * (begun.pictures != now.pictures) + ["styles"] * (begun.styles != now.styles)
        names += ["masks"] * (begun.marks != now.marks)
        return names + [name for name in changed(settings, self.knobs.settings()) if name not in STEERABLE]

    def start(self) -> None:
        """Go on where a run is paused or has ended; begin anew where there is none, or what it was made of changed."""
        self.error = None
        with says(self):
            guard.pause_others(self)
            self.say()
            if self.state in ("paused", "done") and not self.pending:
                self.worker.go()
            else:
                self.begin()

    def begin(self) -> None:
        """Begin a run from its start, with what the panel says. Raises NstlibError for what cannot be run."""
        self._begin(lambda: {})

    def repaint(self) -> None:
        """Paint anew what the brush has marked for it, by the settings as they are; the rest of the result stays.

        The result as it was is kept on the shelf.
        """
        with says(self):
            if self._shown is None:
                raise NstlibError(f"there is no result yet to paint a part of anew: press {STARTS['idle']}")
            choice, begun = self.choice, self._begun and self._begun[0]
            region = brush.write_region(choice.strokes, choice.content.shape, self.folder)

            def more() -> dict[str, Any]:
                image = self.worker.run.image
                if not any(np.array_equal(kept.image, image) for kept in self.shelf.snapshots):
                    self._kept += 1
                    self.shelf.add(snapshot(f"result {self._kept}", self.worker.run, begun))
                return {"start": brush.write(image, self.folder), "region": region}

            self._begin(more)
            self.view.viewer.lay_down_brush()

    def _begin(self, more: Callable[[], dict[str, Any]]) -> None:
        """Begin a run; `more` gives what it takes beside the choice, once the worker is between two steps."""
        settings, choice = self.knobs.settings(), self.choice
        paths = [style.path for style in choice.styles]
        picture = choice.content.file(choice.frame, self.folder)
        names = [style.name for style in choice.styles]
        masks = brush.write_masks(choice.strokes, names, choice.content.shape, self.folder)
        old, self._begun = self._begun, (choice, settings)

        def make() -> Run:
            try:
                return begin(picture, paths, settings, masks=masks, **more())
            except Exception:
                self._begun = old  # the run before, if there was one, can go on
                raise

        self.shelf.compare_none()
        self.worker.start(make)
        self._mark()

    def pause(self) -> None:
        """Take no further step; a run that is being made waits at its start."""
        if self._worker is not None and self._worker.alive:
            self._worker.pause()

    def step(self) -> None:
        """Take one step; the first begins a run."""
        with says(self):
            if self.state == "idle" or self.pending:
                self.begin()
            self.worker.step()

    def stop(self) -> None:
        """Leave the run; its picture stays on the page."""
        self._begun = None
        self.worker.stop()

    def undo(self) -> None:
        """Take the last move back."""
        self._return_to(self.moves.undo())

    def redo(self) -> None:
        """Make a move again that was taken back."""
        self._return_to(self.moves.redo())

    def reset(self, name: str = "") -> None:
        """Take a knob, or all of them, back to what the panel started with."""
        with says(self):
            self.knobs.reset(name)

    def set(self, **values: Any) -> None:
        """Move the knobs: settings by name, and `styles`, one or several, by the names on their tiles."""
        names = values.pop("styles", None)
        if names is not None:
            self.styles.choose_named([names] if isinstance(names, str) else names)
        self.knobs.set(replace(self.knobs.settings(), **values))

    def keep(self, name: str = "") -> None:
        """Put the result as it is now on the shelf."""
        self._kept += 1
        name, choice = name or f"result {self._kept}", self._begun and self._begun[0]
        self.worker.post(lambda: self.shelf.add(snapshot(name, self.worker.run, choice)))

    def back(self, number: int) -> None:
        """Go back to a checkpoint, with the weights that held at it."""
        with says(self), self._silent():
            self.knobs.set(self.worker.checkpoints.settings(number))
            self.worker.back(number)

    def take_up(self, kept: Snapshot) -> None:
        """Go on from a snapshot, with its pictures and settings; paused, until Go on."""
        settings = from_record(kept.settings)
        self._move_to(kept.choice, settings)
        self._begun = (kept.choice, settings)
        self.worker.start(kept.make, kept.state, go=False)
        self._mark()
        self.say(f"{kept.name} is back at step {kept.record['steps']}: press {GO_ON}")

    def wait(self, timeout: float = 600.0) -> None:
        """Wait until the run has ended or is paused. Raises its error, if it had one."""
        self.worker.wait(timeout)
        if self.error is not None:
            raise self.error

    def say(self, text: str = "", kind: str = "") -> None:
        """One line over the picture; kind: `bad` for an error, `anew` for what waits for a new start."""
        self.message.value = line(text, kind)

    def interrupt(self) -> None:
        """End the thread; Start makes another."""
        self.lesson.task.stop()
        self.strip.task.stop()
        if self._worker is not None and self._worker.alive:
            self._worker.close(timeout=2.0)
            self._begun = None
            self.turned("idle")
            self.say(f"interrupted: {STARTS['idle']} begins anew")

    def close(self) -> None:
        """End the thread and take the panel off the page."""
        if not self._closed:
            self._closed = True
            guard.forget(self)
            self.lesson.task.close()
            self.strip.task.close()
            self.live.close()
            if self._worker is not None:
                self._worker.close()
            for child in self.children:
                close_widgets(child)
        super().close()

    def stepped(self, run: Run) -> None:
        """Show the run; called on the worker's thread."""
        if run is not self._shown:
            self._shown = run
            self.view.set_source(run.content, alone=False)
        self.view.show(run, status(run, self.pace))
        if line_of_doubt := doubt(run):
            self.say(line_of_doubt, "bad")
        self.transport.offer(self._worker.checkpoints.numbers)

    def turned(self, state: str) -> None:
        """Show the worker's state; called on any thread."""
        if state == "idle":
            self._shown = None
            self.view.clear()
            self.transport.offer([])
        elif self._shown is not None and state != "running":
            self.view.show(self._shown, status(self._shown, self.pace), now=True)
        self.transport.turn(state)

    def failed(self, error: Exception) -> None:
        """Show an error of the thread, and keep it; called on the worker's thread."""
        self.error = error
        with says(self):
            self.transport.wait_for(self.pending)
        self.tell(error)

    def tell(self, error: Exception) -> None:
        """Show an error as one line."""
        kind = "" if isinstance(error, NstlibError | OSError) else f"{type(error).__name__}: "
        self.say(kind + " ".join(str(error).split()), "bad")

    @contextmanager
    def _silent(self) -> Iterator[None]:
        """What a program moves inside steers nothing."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def _moved(self, name: str = "") -> None:
        """A knob has moved: steer the run, and mark what waits for another start."""
        if self._quiet:
            return
        with says(self):
            wanted = self.knobs.settings()
            if self._begun is not None:
                self.view.urge()
                self.worker.steer(self._steered(wanted))
            elif trace_key(wanted) != self._traced:
                self._traced = trace_key(wanted)
                self.worker.post(lambda: trace(wanted, self.choice, self.pace))
            self._mark()
            self._remember(name)
            self._offer_live(wanted)

    def _chose(self) -> None:
        """Other pictures were chosen."""
        if self._quiet:
            return
        with says(self):
            content, frame, styles, _ = self.choice
            self.knobs.name_styles([style.name for style in styles])
            self._offer_marks(content, [style.name for style in styles])
            self.strip.follow()
            if self._begun is None:
                self.view.set_source(content.seen(frame, STILL), alone=True)
            self._moved("pictures")

    def _offer_marks(self, content: Any, styles: list[str]) -> None:
        """Have the brush mark these styles' regions; what was marked on another content is taken away."""
        with self._silent():
            self.view.viewer.layers = brush.offered(styles)
            if content is not self._marked:
                self._marked, self.view.viewer.strokes = content, []

    def _go_to(self, frame: int, values: dict[str, Any] | None) -> None:
        """Show a frame of the clip, with the knobs as its keyframe has them."""
        with says(self):
            self.contents.choose(self.contents.tiles.chosen, frame)
            if values:
                self.set(**values)

    def _offer_live(self, settings: Settings) -> None:
        """Show Live where the engine paints in one pass."""
        self.live.fold.layout.display = "" if settings.engine == "hub" else "none"
        self.live.follow()

    def _moment(self) -> tuple[Choice, Settings, dict[int, dict[str, Any]]]:
        """What undo goes back to: the choice, the settings and the clip's keyframes."""
        return self.choice, self.knobs.settings(), self.strip.keyframes

    def _remember(self, name: str) -> None:
        if hasattr(self, "moves"):
            self.moves.add(self._moment(), name)
            self._offer_moves()

    def _return_to(self, moment: tuple[Choice, Settings, dict[int, dict[str, Any]]] | None) -> None:
        if moment is not None:
            choice, settings, keyframes = moment
            with says(self):
                self._move_to(choice, settings)
                self.strip.restore(keyframes)
                self._chose()
        self._offer_moves()

    def _live_choice(self) -> LiveChoice:
        """What a live picture is made of."""
        content, _, styles, _ = self.choice
        settings = self.knobs.settings()
        return LiveChoice(settings.module, styles[0].path, settings.strength, content.path if content.clip else None)

    def _learned(self, module: Path) -> None:
        """Offer what was learned as the engine; called on the lesson's thread."""
        self.set(rendering="painting", engine="hub", module=str(module), strength=1.0)
        self.say(f"{module.name} is the engine now: press {START_ANEW if self._begun else STARTS['idle']}")

    def _offer_moves(self) -> None:
        undo, redo = self.moves.can
        self.transport.can(undo=undo, redo=redo)

    def _move_to(self, choice: Choice, settings: Settings) -> None:
        """Choose these pictures and have the knobs say these settings; nothing is steered yet."""
        content, frame, styles, strokes = choice
        with self._silent():
            self.contents.choose([self.contents.sources.index(content)], frame)
            self.styles.choose([self.styles.sources.index(style) for style in styles])
            self.knobs.name_styles([style.name for style in styles])
            self._offer_marks(content, [style.name for style in styles])
            self.view.viewer.strokes = list(strokes)
            self.knobs.set(settings)

    def _acted(self, message: dict[str, Any]) -> None:
        """A key was pressed on the page, a knob's name double-clicked, or the brush drawn."""
        action = message.get("action")
        if action == "start":
            (self.pause if self.state == "running" else self.start)()
        elif action == "keep":
            if not self.transport.keep.disabled:
                self.keep()
        elif action == "reset":
            self.reset(message["name"])
        elif action == "stroke":
            self.view.viewer.strokes = [*self.view.viewer.strokes, message["stroke"]]
        elif action == "clear":
            self.view.viewer.strokes = [s for s in self.view.viewer.strokes if s["layer"] != message["layer"]]
        elif action == "gone":
            self.say("the run of before is gone with its kernel; this is a new one", "anew")
        elif action in ("undo", "redo", "repaint"):
            getattr(self, action)()

    def _steered(self, wanted: Settings) -> Settings:
        """The run's settings with the weights that are wanted, where they fit it."""
        now = self.worker.run.settings if self.worker.run else self._begun[1]
        if any(getattr(wanted, name) != getattr(now, name) for name in MEANING):
            return now
        names = set(STEERABLE)
        names -= {"style_layer_weights"} if wanted.style_layers != now.style_layers else set()
        names -= {"style_blend"} if "styles" in self.pending else set()
        return replace(now, **{name: getattr(wanted, name) for name in names})

    def _mark(self) -> None:
        """Say what waits for a new start, and how long that will take."""
        pending = self.pending
        self.knobs.mark(pending)
        self.transport.wait_for(pending)
        self.say(waits(pending), "anew")
        if self.state == "idle":
            self.view.tell(before_start(self.choice[0].shape, self.knobs.settings(), self.pace))
