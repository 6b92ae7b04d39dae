"""One picture by optimisation: a run is an iterator that can be steered, stopped, branched and resumed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf

from ..errors import NstlibError
from ..media import colors, images
from ..settings import Settings, check_blend
from .border import bordered
from .model import StyleContentModel, Targets, load_model, term_weights
from .optimize import Adam
from .parameters import load_parameters
from .schedule import Stage, level_count, network_of, plan, result_shape, working_shape
from .speed import arithmetic, memory
from .speed.lbfgs import LBFGS
from .speed.tiles import TiledModel, tiled
from .speed.windows import FreePixels, Part, windowed
from .steps import Diverged, Inputs, Steps, to_paint
from .styles import Picture, Styles

NEAR = 2e-3  # the first move's root mean square from an earlier frame's result: a shorter one teaches bfloat16 little


class Run(Steps):
    """A picture by optimisation, a step at a time; between two steps it can be steered.

    `run.settings = replace(run.settings, style_weight=…)` changes weights without tracing anew; `run.image` is the
    picture so far, `run.state()` and `run.restore(state)` branch and resume.

    content: a picture as `load` takes it. styles: one or several of them, or `Styles`. masks: a region (H, W) in [0, 1]
    for each style, of the content's size. start: a picture that goes before `settings.init`. region: (H, W), of the
    content's size or the start's; the start is then a finished picture, which is painted anew there, from
    `settings.init`, and stays elsewhere, pixel for pixel. earlier: pairs (warped result, reliability) for the temporal
    loss. held: (H, W) bool, of the result's size, where a run of one stage keeps its start to the bit; what is free in
    a small window is painted for the work of the window (`speed.windows`). With `init="compact"` the first steps are
    compact's, and so are their losses; the last share of the steps, at full size, is the extractor's.
    Raises NstlibError, before the first step, for what cannot be run.

    >>> run = nst.Run(nst.samples.frame(0), nst.samples.styles()["ink"], nst.Settings(size=64, steps=2))
    >>> [step.number for step in run]
    [1, 2]
    """

    def __init__(
        self,
        content: Picture,
        styles: Picture | Sequence[Picture] | Styles,
        settings: Settings | None = None,
        *,
        masks: Sequence[Picture] = (),
        start: Picture | None = None,
        region: Picture | None = None,
        earlier: Sequence[tuple[np.ndarray, np.ndarray]] = (),
        held: np.ndarray | None = None,
    ) -> None:
        # plan
        settings, content = settings or Settings(), images.take(content, "the content")
        shape = result_shape(images.shape_of(content), settings)
        shape = working_shape(shape, settings)  # which is smaller for a photograph
        settings = replace(arithmetic.resolved(settings), tile=memory.choose_tile(shape, settings))
        self.model = load_model(settings)
        self.stages = self.plan(shape, settings, warm=settings.init == "compact" and start is None)

        # prepare
        super().__init__(Inputs(content, styles, settings, masks, start, region), settings, settings.steps)
        self._earlier = earlier
        self._held = held if len(self.stages) == 1 else None
        self._start = self.first_picture(self.stages[0].shape)
        self.optimizer: Adam | LBFGS | None = None
        self._enter(0)
        self.optimizer = self._begin(self.parameters.begin(images.resize(self._start, self.stages[0].shape)))

    def plan(self, shape: tuple[int, int], settings: Settings, *, warm: bool) -> list[Stage]:
        """The stages for a picture (H, W). Raises NstlibError where it does not reach the deepest layer."""
        networks = [settings, *([network_of(settings, warm)] if warm else [])]
        smallest = max(load_model(network).extractor.smallest for network in networks)
        if min(shape) < smallest:
            raise NstlibError(
                f"the picture is {shape[1]} x {shape[0]} pixels and its deepest layer needs {smallest} a "
                "side; choose a larger size, or shallower layers"
            )
        return plan(shape, settings, smallest=smallest, warm=warm)

    def _enter(self, number: int) -> None:
        """Take up a stage: its model, and what the picture is compared with at its size."""
        self._stage = number
        self._within_memory(self._compare)

    def _compare(self) -> None:
        settings, shape = self._settings, self.image_shape
        self._tile = settings.tile
        model = self.model_of(self.stages[self._stage])
        self._model = tiled(model, settings.tile) if 0 < settings.tile < max(shape) else model

        self._targets = targets_of(self, self._model, shape, self._earlier, border=settings.border)
        self._part = self.region.part(shape, settings)
        if self._part is None and self._held is not None:
            self._part = Part(self._start, ~self._held, border=settings.border)
        self._model = windowed(self._model, self._part, self._targets) if self._part else self._model
        self._weigh()

    def _within_memory(self, work: Callable[[], Any]) -> Any:
        """What `work` gives; where memory runs out, again in smaller tiles, which the steering tells."""
        while True:
            try:
                return work()
            except Exception as error:
                if not memory.ran_out(error):
                    raise
                tile = memory.smaller_tile(self.image_shape, self._settings.tile)
            self.settings = replace(self._settings, tile=tile)

    def _weigh(self) -> None:
        """The parametrisation, the terms' weights and the styles' shares, as the settings have them now."""
        content = to_paint(self._settings, images.resize(self.content, self.stages[self._stage].shape))
        self.parameters = load_parameters(content, self._settings, styles=self.styles.pictures, masks=self.masks)
        self.parameters = FreePixels(self.parameters, self._part) if self._part else self.parameters
        weights = self.region.balanced(term_weights(self._settings, self._targets.style))
        self._weights = {name: tf.constant(weight, tf.float32) for name, weight in weights.items()}
        self._targets = replace(self._targets, shares=_shares(self))

    def _begin(self, x: tf.Tensor) -> Adam | LBFGS:
        """An optimiser that starts from x."""
        settings, bounded = self._settings, self.parameters.bounded
        if settings.optimizer == "lbfgs":
            moves = 3 if settings.tile else None  # a picture in tiles has no room for many copies of itself
            first = NEAR * self.parameters.spread if self._earlier else (0.01 if self._stage else 0.04)
            return LBFGS(x, memory=moves, first=first, precondition=self.parameters.precondition, bounded=bounded)
        epsilon = 0.1 if settings.convention == "tutorial" else 1e-8  # 0.1 suits the tutorial's large gradients
        return Adam(x, learning_rate=settings.learning_rate, epsilon=epsilon, bounded=bounded)

    def begin_from(self, x: np.ndarray) -> None:
        """Go on from another run's x, in the place of the start."""
        self.optimizer = self._begin(tf.constant(x))

    def _evaluate(self) -> tuple[float, Mapping[str, Any]]:
        while self.number >= self.stages[self._stage].until:
            self._go_on()
        try:
            return self._within_memory(lambda: self.optimizer.step(self._objective))
        except memory.OutOfMemory as error:
            error.image = self.image
            raise
        except FloatingPointError as error:
            raise Diverged(f"step {self.number + 1}: {error}; choose smaller weights", self.image) from None

    def _objective(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, Mapping[str, Any]]:
        """The loss at x, its gradient, and its terms."""
        of_picture = partial(self._model.loss, targets=self._targets, weights=self._weights)
        return self.parameters.objective(x, self.region.objective(of_picture, self._settings))

    def _go_on(self) -> None:
        """Begin the next stage; where only the arithmetic changes, with the optimiser as it is."""
        old, new = self.stages[self._stage : self._stage + 2]
        if (old.shape, old.warm) == (new.shape, new.warm):
            self._enter(self._stage + 1)
            self.optimizer.refine()
        else:
            fine = None if self._settings.init == "noise" else images.resize(self._start, new.shape)
            x = self.parameters.whole(self.optimizer.x)
            self._enter(self._stage + 1)
            self.optimizer = self._begin(self.parameters.grown(x, new.shape, fine))

    def _take_up(self) -> None:
        if self._tile != self._settings.tile or self.model_of(self.stages[self._stage]).levels != self._model.levels:
            self._enter(self._stage)  # in other tiles, or by other `forms`
        self._weigh()
        if self.optimizer is None:  # the run is still being made
            return
        self.optimizer.reweigh()
        if isinstance(self.optimizer, Adam):
            self.optimizer.learning_rate = self._settings.learning_rate

    @property
    def image(self) -> np.ndarray:
        """The picture so far, (H, W, 3), with the content's colours where they are kept.

        A painting is as large as the current stage has it, a photograph as the result.
        """
        image = self.parameters.result(self.optimizer.x, to_paint(self._settings, self.content))
        if self._settings.preserve_color == "luminance":
            image = colors.with_chroma_of(image, images.resize(self.content, image.shape[:2]))
        return self.region.pasted(image)

    @property
    def image_shape(self) -> tuple[int, int]:
        """The (H, W) of what the losses see."""
        return self.stages[self._stage].shape

    @property
    def enlargements(self) -> list[int]:
        """The evaluations after which the picture is larger."""
        return [int(old.until) for old, new in pairwise(self.stages) if old.shape != new.shape]

    @property
    def networks(self) -> dict[str, dict[str, str]]:
        """The extractors' names and weights' SHA-256."""
        used = {"extractor": self.model.extractor}
        if self.stages[0].warm:
            used["first extractor"] = self.model_of(self.stages[0]).extractor
        return {kind: {"name": extractor.name, "sha256": extractor.checksum} for kind, extractor in used.items()}

    def model_of(self, stage: Stage) -> StyleContentModel:
        """The model that a stage's pictures are compared by."""
        network = network_of(self._settings, stage.warm)
        smallest = load_model(network).extractor.smallest
        return load_model(network, stage.precision, level_count(stage.shape, self._settings.forms, smallest))

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on; `restore` takes it, in this run or in one made alike."""
        return super().state() | {"stage": self._stage, "optimizer": self.optimizer.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`, with its weights. Raises NstlibError for the state of another kind of run."""
        super().restore(state)
        self._enter(state["stage"])
        self.optimizer = self._begin(state["optimizer"]["x"])
        self.optimizer.restore(state["optimizer"])


def targets_of(
    steps: Steps,
    model: StyleContentModel | TiledModel,
    shape: tuple[int, int],
    earlier: Sequence[tuple[np.ndarray, np.ndarray]] = (),
    *,
    border: int = 0,
) -> Targets:
    """What a picture (H, W) with a border is compared with: the content, the styles and the earlier results."""
    content = bordered(to_paint(steps.settings, images.resize(steps.content, shape)), border)
    return Targets(
        content=model(tf.constant(content))["content"],
        style=steps.styles.statistics(model, max(shape)),
        shares=_shares(steps),
        masks=_stack(steps.masks, shape, border),
        warped=_stack([warped for warped, _ in earlier], shape, border),
        reliability=_stack([reliability for _, reliability in earlier], shape, border),
    )


def _shares(steps: Steps) -> tf.Tensor:
    """How much each of K styles counts, (K,)."""
    return tf.constant(check_blend(steps.settings, len(steps.styles.pictures)), tf.float32)


def _stack(maps: Sequence[np.ndarray], shape: tuple[int, int], border: int) -> tf.Tensor | None:
    """T maps (H, W) or images (H, W, 3), resized, bordered and stacked; None where there is none."""
    return tf.constant(np.stack([bordered(images.resize(m, shape), border) for m in maps])) if len(maps) else None
