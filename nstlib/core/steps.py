"""Steps towards one picture: an iterator that can be steered between two of them, followed, and extended."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NstlibError
from ..media import colors, images
from ..settings import STARTS, Settings, check_blend, steer
from .model import summarise
from .region import Region
from .schedule import result_shape
from .styles import Picture, Styles


@dataclass(frozen=True)
class Step:
    """One evaluation: its number from 1, of how many, the picture's (H, W) at it, and the losses by name.

    The losses are unweighted but for `total`, their weighted sum: content_weight · `content` + style_weight · `style` +
    tv_weight · `total_variation` + temporal_weight · `temporal`. `content/LAYER` and `style/LAYER` are the layers' own.
    """

    number: int
    total_steps: int
    shape: tuple[int, int]
    losses: dict[str, float]


class Diverged(NstlibError):
    """The loss is no longer finite; `image` is the last good picture."""

    def __init__(self, message: str, image: np.ndarray) -> None:
        super().__init__(message)
        self.image = image


class Inputs:
    """What a picture is made of, loaded and checked: content (H, W, 3), styles, masks; and where each came from.

    shape: the result's (H, W), the content's at `settings.size`. start, region: as a run takes them.
    """

    def __init__(
        self,
        content: Picture,
        styles: Picture | Sequence[Picture] | Styles,
        settings: Settings,
        masks: Sequence[Picture] = (),
        start: Picture | None = None,
        region: Picture | None = None,
    ) -> None:
        content, masks = images.take(content, "the content"), images.take_all(masks, "a mask")
        start = start if start is None else images.take(start, "the start")
        region = region if region is None else images.take(region, "the region")
        self.shape = result_shape(images.shape_of(content), settings)
        self.content = images.load(content, size=settings.size or None)

        styles = styles if isinstance(styles, Styles) else Styles(styles, settings)
        self.styles = styles.recolored(self.content, settings)
        check_blend(settings, len(self.styles.pictures))

        self.start = start if start is None else images.load(start)
        painted = region is not None and start is not None and images.shape_of(region) == self.start.shape[:2]
        where = None if region is None else images.load_masks([region], self.start if painted else content, 1)[0]
        self.region = Region(where, self.start, self.shape)
        masks_of_styles = images.load_masks(masks, content, len(self.styles.pictures))
        self.masks = self.region.masks(masks_of_styles, len(self.styles.pictures))

        named = start if start is not None or settings.init in STARTS else settings.init
        self.sources = {"content": content, "styles": self.styles.sources, "masks": masks, "start": named}
        self.sources |= {} if region is None else {"region": region}


class Steps:
    """An iterator of steps; a subclass tells what a step does (`_evaluate`), and what `image` and `networks` are.

    `number` steps are taken of `total_steps`; `curves` has the losses by name, `steering` the settings and the steps
    from which they held.
    """

    def __init__(self, inputs: Inputs, settings: Settings, total_steps: int) -> None:
        self.content, self.styles, self.masks = inputs.content, inputs.styles, inputs.masks
        self.start, self.region = inputs.start, inputs.region
        self.shape, self.sources = inputs.shape, inputs.sources
        self.number, self.total_steps = 0, total_steps
        self.curves: dict[str, list[float]] = {}
        self.steering: list[tuple[int, Settings]] = [(0, settings)]
        self._settings = settings
        self._script: list[tuple[int, Settings]] = []

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        while self._script and self._script[0][0] == self.number:
            self.settings = self._script.pop(0)[1]
        if self.number >= self.total_steps:
            raise StopIteration

        total, terms = self._evaluate()

        self.number += 1
        losses = {"total": total, **summarise(terms, self._settings)}
        for name, value in losses.items():
            self.curves.setdefault(name, []).append(value)
        return Step(self.number, self.total_steps, self.image_shape, losses)

    def _evaluate(self) -> tuple[float, Mapping[str, Any]]:
        """Take a step. Returns the loss and its terms."""
        raise NotImplementedError

    @property
    def settings(self) -> Settings:
        """The settings in force; assigning others steers the run. Raises NstlibError for what cannot be steered."""
        return self._settings

    @settings.setter
    def settings(self, new: Settings) -> None:
        check_blend(new, len(self.styles.pictures))
        self._settings = steer(self._settings, new)
        self.steering.append((self.number, self._settings))
        self._take_up()

    def _take_up(self) -> None:
        """Take up the settings, which were steered."""

    @property
    def image(self) -> np.ndarray:
        """The picture so far, (H, W, 3)."""
        raise NotImplementedError

    @property
    def image_shape(self) -> tuple[int, int]:
        """The (H, W) of what the losses see."""
        return self.shape

    def first_picture(self, shape: tuple[int, int]) -> np.ndarray:
        """What the run begins at: the start, or what `settings.init` names, at the coarsest size (H, W) or larger."""
        init = self.settings.init
        if self.start is not None and self.region.mask is None:
            return self.start
        if init == "noise":
            return np.random.default_rng(self.settings.seed).uniform(size=(*shape, 3)).astype(np.float32)
        if init in ("content", "compact"):
            return to_paint(self.settings, self.content)
        if init == "style":
            return self.styles.pictures[0]
        if init == "instant" or Path(init).is_dir():
            raise NstlibError(f"init={init!r} is a network: nst.begin makes a run that starts from its picture")
        if not Path(init).exists():
            known = f"choose from {', '.join(STARTS)}, or give the path of a picture or of a learned network's folder"
            raise NstlibError(f"init={init!r}; {known}")
        return images.load(init)

    def finish(self) -> np.ndarray:
        """Take every step that is left. Returns the picture (H, W, 3)."""
        for _ in self:
            pass
        return self.image

    def extend(self, steps: int) -> None:
        """Plan so many steps more; a run that has ended goes on."""
        self.total_steps += steps

    def follow(self, script: Sequence[tuple[int, Settings]], total_steps: int) -> None:
        """Steer as another run was steered: its `steering`, and the step at which it ended."""
        self._script, self.total_steps = [entry for entry in script if entry[0] >= self.number], total_steps

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on; `restore` takes it, here or in a run made alike."""
        curves = {name: list(values) for name, values in self.curves.items()}
        return {"steering": list(self.steering), "number": self.number, "curves": curves}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`, with its weights. Raises NstlibError for the state of another kind of run."""
        self._settings = steer(self._settings, state["steering"][-1][1])
        self.number, self.steering = state["number"], list(state["steering"])
        self.curves = {name: list(values) for name, values in state["curves"].items()}


def to_paint(settings: Settings, content: np.ndarray) -> np.ndarray:
    """The content that is painted: in grey, where it gets its own colours at the end."""
    return colors.luminance(content) if settings.preserve_color == "luminance" else content
