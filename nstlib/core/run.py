"""One picture by optimisation: a run is an iterator that can be steered, stopped, branched and resumed."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..errors import NstlibError
from ..media import colors, images
from ..settings import STARTS, Settings, check_blend, steer
from .conventions import coefficients, summarise
from .model import StyleContentModel, Targets, load_model
from .optimize import LBFGS, Adam, pyramid
from .speed import arithmetic, memory
from .speed.tiles import refuse_masks, tiled
from .styles import Picture, Styles

COARSE = (0.2, 0.1)  # of the evaluations: at the smallest size, and at each further one before the last
FAST = 160  # evaluations of the last stage in bfloat16, at most: further on its rounding holds L-BFGS up
EXACT = 1 / 16  # of the evaluations, the last ones, in float32 in any case


@dataclass(frozen=True)
class Step:
    """One evaluation: its number from 1, of how many, the picture's (H, W) at it, and the losses by name.

    The losses are unweighted: `total` is content_weight · `content` + style_weight · `style` + tv_weight ·
    `total_variation` + temporal_weight · `temporal`. `content/LAYER` and `style/LAYER` are the layers' own.
    """

    number: int
    total_steps: int
    shape: tuple[int, int]
    losses: dict[str, float]


class Stage(NamedTuple):
    """A part of a run: the picture's (H, W), the model, and the evaluation after which the next stage begins."""

    shape: tuple[int, int]
    model: StyleContentModel
    until: float


class Diverged(NstlibError):
    """The loss is no longer finite; `image` is the last good picture."""

    def __init__(self, message: str, image: np.ndarray) -> None:
        super().__init__(message)
        self.image = image


def scale_shapes(shape: tuple[int, int], scales: int, smallest: int) -> list[tuple[int, int]]:
    """The sizes of a run, coarse to fine, each about twice the one before; the last is `shape`.

    scales 0: coarser ones while the longest side is 256 pixels or more. None has a side under `smallest`.
    """
    count = scales or max(1, int(math.log2(max(shape) / 256)) + 1)
    shapes = [images.fit(shape, round(max(shape) / 2**k)) for k in range(count)]
    return [s for s in reversed(shapes) if min(s) >= smallest or s == shape]


class Run:
    """An iterator of steps that optimises one picture; between two steps it can be steered.

    `run.settings = replace(run.settings, style_weight=…)` changes weights without tracing anew; `run.image` is the
    picture so far, `run.curves` the losses by name, `run.steering` the settings and the steps from which they held;
    `run.state()` and `run.restore(state)` branch and resume.

    content: path or image. styles: one or several paths or images, or `Styles`. masks: a region (H, W) in [0, 1] for
    each style, of the content's size. start: an image that goes before `settings.init`. earlier: pairs (warped
    result, reliability) for the temporal loss. With `init="compact"` the first steps are compact's, and so are their
    losses; the last share of the steps, at full size, is the extractor's.
    Raises NstlibError, before the first step, for what cannot be run.
    """

    def __init__(
        self,
        content: Picture,
        styles: Picture | Sequence[Picture] | Styles,
        settings: Settings | None = None,
        *,
        masks: Sequence[Picture] = (),
        start: Picture | None = None,
        earlier: Sequence[tuple[np.ndarray, np.ndarray]] = (),
    ) -> None:
        settings = settings or Settings()
        self.shape = images.fit(images.shape_of(content), settings.size)
        settings = replace(arithmetic.resolved(settings), tile=memory.choose_tile(self.shape, settings))
        self._settings = settings
        self.content = images.load(content, size=settings.size)
        self.model = load_model(settings)
        self._stages = self._planned(warm=settings.init == "compact" and start is None)
        styles = styles if isinstance(styles, Styles) else Styles(styles, settings)
        self.styles = styles.recolored(self.content, settings)
        self._blend = check_blend(settings, len(self.styles.pictures))
        self._masks = images.load_masks(masks, content, len(self.styles.pictures))
        if self._masks and 0 < settings.tile < max(self.shape):
            refuse_masks(self._masks)
        self._earlier = earlier
        named = None if settings.init in STARTS else settings.init
        first = named if start is None else start
        self.sources = {"content": content, "styles": self.styles.sources, "masks": list(masks), "start": first}
        self.number, self.curves, self.steering = 0, {}, [(0, settings)]
        self.total_steps, self._script = settings.steps, []
        self._start = self._first() if start is None else images.load(start)
        self._enter(0, self._start)

    def _planned(self, *, warm: bool) -> list[Stage]:
        """Coarse to fine; warm, with compact, then the full size once more. Mixed, its end is in float32."""
        settings, steps = self._settings, self._settings.steps
        mixed = settings.precision == "mixed"
        first = last = load_model(settings, "bfloat16") if mixed else self.model
        if warm:
            first = load_model(compact_settings(settings), "bfloat16" if mixed else "float32")
        smallest = max(last.extractor.smallest, first.extractor.smallest)
        if min(self.shape) < smallest:
            raise NstlibError(
                f"the picture is {self.shape[1]} x {self.shape[0]} pixels and its deepest layer needs {smallest} a "
                "side; choose a larger size, or shallower layers"
            )
        models = [(shape, first) for shape in scale_shapes(self.shape, settings.scales, smallest)]
        ends = [round(steps * (COARSE[0] + k * COARSE[1])) for k in range(len(models) - 1)]
        if warm:
            models, ends = [*models, (self.shape, last)], [*ends, (max([0, *ends]) + steps) // 2]
        if mixed:
            begin = max([0, *ends])
            exact = max(begin, min(begin + FAST, steps - math.ceil(EXACT * steps)))
            models, ends = [*models, (self.shape, self.model)], [*ends, exact]
        return [Stage(*model, until) for model, until in zip(models, [*ends, math.inf], strict=True)]

    @property
    def settings(self) -> Settings:
        """The settings in force; assigning others steers the run. Raises NstlibError for what cannot be steered."""
        return self._settings

    @settings.setter
    def settings(self, new: Settings) -> None:
        blend = check_blend(new, len(self.styles.pictures))
        self._settings, self._blend = steer(self._settings, new), blend
        self.steering.append((self.number, self._settings))
        self._weigh()
        self.optimizer.reweigh()
        if isinstance(self.optimizer, Adam):
            self.optimizer.learning_rate = new.learning_rate

    @property
    def image(self) -> np.ndarray:
        """The picture so far, (H, W, 3), at the current scale; with the content's colours where they are kept."""
        image = self.optimizer.x.numpy()
        if self._settings.preserve_color != "luminance":
            return image
        return colors.with_chroma_of(image, images.resize(self.content, image.shape[:2]))

    def __iter__(self) -> Iterator[Step]:
        return self

    @property
    def networks(self) -> dict[str, dict[str, str]]:
        """What the picture depends on beside settings and inputs: the extractors' names and weights' SHA-256."""
        used, first = {"extractor": self.model.extractor}, self._stages[0].model.extractor
        if first.checksum != self.model.extractor.checksum:
            used["first extractor"] = first
        return {kind: {"name": extractor.name, "sha256": extractor.checksum} for kind, extractor in used.items()}

    def __next__(self) -> Step:
        self._replay_steering()
        if self.number >= self.total_steps:
            raise StopIteration
        while self.number >= self._stages[self._scale].until:
            self._go_on()
        try:
            total, terms = self.optimizer.step(lambda image: self._model.loss(image, self._targets, self._weights))
        except FloatingPointError as error:
            raise Diverged(f"step {self.number + 1}: {error}; choose smaller weights", self.image) from None
        return self._count(total, terms)

    def _replay_steering(self) -> None:
        while self._script and self._script[0][0] == self.number:
            self.settings = self._script.pop(0)[1]

    def _count(self, total: float, terms: dict[str, Any]) -> Step:
        self.number += 1
        losses = {"total": total, **summarise(terms, self._settings)}
        for name, value in losses.items():
            self.curves.setdefault(name, []).append(value)
        return Step(self.number, self.total_steps, tuple(self.optimizer.x.shape[:2]), losses)

    def follow(self, script: Sequence[tuple[int, Settings]], total_steps: int) -> None:
        """Steer as another run was steered: its `steering`, and the step at which it ended."""
        self._script, self.total_steps = [entry for entry in script if entry[0] >= self.number], total_steps

    def extend(self, steps: int) -> None:
        """Plan so many steps more, at the last scale; a run that has ended goes on."""
        self.total_steps += steps

    def finish(self) -> np.ndarray:
        """Take every step that is left. Returns the picture (H, W, 3)."""
        for _ in self:
            pass
        return self.image

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on; `restore` takes it, in this run or in one made alike."""
        return {
            "steering": list(self.steering),
            "number": self.number,
            "scale": self._scale,
            "curves": {name: list(values) for name, values in self.curves.items()},
            "optimizer": self.optimizer.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`, with its weights. Raises NstlibError for the state of another kind of run."""
        self._settings = steer(self._settings, state["steering"][-1][1])
        self._blend = check_blend(self._settings, len(self.styles.pictures))
        self._enter(state["scale"], state["optimizer"]["x"])
        self.optimizer.restore(state["optimizer"])
        self.number, self.steering = state["number"], list(state["steering"])
        self.curves = {name: list(values) for name, values in state["curves"].items()}

    def _go_on(self) -> None:
        """Begin the next stage; where only the arithmetic changes, with the optimiser as it is."""
        old, new = self._stages[self._scale : self._scale + 2]
        if (old.shape, old.model.extractor.checksum) == (new.shape, new.model.extractor.checksum):
            optimizer = self.optimizer
            self._enter(self._scale + 1, optimizer.x.numpy())
            self.optimizer = optimizer
            self.optimizer.refine()
        else:
            self._enter(self._scale + 1, self._grown(new.shape))

    def _enter(self, scale: int, image: np.ndarray) -> None:
        """Begin a stage: its targets and weights, and an optimiser that starts from the image."""
        self._scale, (shape, model, _), tile = scale, self._stages[scale], self._settings.tile
        self._model = tiled(model, tile) if 0 < tile < max(shape) else model
        content = images.resize(self.content, shape)
        if self._settings.preserve_color == "luminance":
            content = colors.luminance(content)
        self._targets = Targets(
            content=self._model(tf.constant(content))["content"],
            style=self.styles.grams(self._model, max(shape)),
            masks=_stack(self._masks, shape),
            warped=_stack([warped for warped, _ in self._earlier], shape),
            reliability=_stack([reliability for _, reliability in self._earlier], shape),
        )
        self._weigh()
        self.optimizer = self._optimizer(tf.constant(images.resize(image, shape)), coarsest=scale == 0)

    def _grown(self, shape: tuple[int, int]) -> np.ndarray:
        """The picture at the next scale, with the detail that the start has there and not at this one."""
        image, old = self.optimizer.x.numpy(), self._stages[self._scale].shape
        grown = images.resize(image, shape)
        if self._settings.init == "noise":
            return grown
        fine = images.resize(self._start, shape)
        return np.clip(grown + fine - images.resize(images.resize(fine, old), shape), 0, 1)

    def _weigh(self) -> None:
        channels, shape = self._model.extractor.channels, self._stages[self._scale].shape
        self._weights = coefficients(self._settings, self._targets, channels, self._blend, shape)

    def _optimizer(self, image: tf.Tensor, *, coarsest: bool) -> Adam | LBFGS:
        if self._settings.optimizer == "lbfgs":
            memory = 3 if self._settings.tile else None  # a picture in tiles has no room for many copies of itself
            return LBFGS(image, memory=memory, first=0.04 if coarsest else 0.01, precondition=pyramid())
        epsilon = 0.1 if self._settings.convention == "tutorial" else 1e-8  # 0.1 suits the tutorial's large gradients
        return Adam(image, learning_rate=self._settings.learning_rate, epsilon=epsilon)

    def _first(self) -> np.ndarray:
        """The picture that `settings.init` names, at the coarsest scale's size or larger."""
        init = self._settings.init
        if init == "noise":
            shape = (*self._stages[0].shape, 3)
            return np.random.default_rng(self._settings.seed).uniform(size=shape).astype(np.float32)
        if init in ("content", "compact"):
            grey = self._settings.preserve_color == "luminance"
            return colors.luminance(self.content) if grey else self.content
        if init == "style":
            return self.styles.pictures[0]
        if not Path(init).exists():
            raise NstlibError(f"init={init!r}; choose from {', '.join(STARTS)}, or give a picture's path")
        return images.load(init)


def compact_settings(settings: Settings) -> Settings:
    """The settings of the stages before the extractor's own. Raises NstlibError where that is compact already."""
    if settings.extractor == "compact":
        raise NstlibError("init=compact is a start for vgg19 and random; with the extractor compact choose content")
    return replace(settings, extractor="compact", weights="", pooling="max")


def _stack(maps: Sequence[np.ndarray], shape: tuple[int, int]) -> tf.Tensor | None:
    """T maps (H, W) or images (H, W, 3), resized and stacked; None where there is none."""
    return tf.constant(np.stack([images.resize(m, shape) for m in maps])) if len(maps) else None
