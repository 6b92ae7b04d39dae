"""What paints a frame: an engine takes the frame and, for a shot's later ones, the guide from the frames before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ..core.model import load_model
from ..core.run import Run
from ..core.styles import Picture, Styles
from ..media import colors
from ..settings import Settings, vary
from .onepass import Painter, Pass

KEPT = 0.9  # the share of an earlier result that a one-pass engine keeps where motion is trusted,
DOUBTED = 0.3  # and of this share, what it keeps of the last one all the same: strokes there flicker less, ghosts fade
SETTLED, LOOK_BACK = 0.002, 5  # stop when the loss has fallen by less than this share over so many evaluations


@dataclass(frozen=True)
class Guide:
    """For one frame: where to start, what to stay near, what to keep.

    start (H, W, 3); earlier: pairs (warped result (H, W, 3), reliability (H, W)) for the temporal loss; held (H, W)
    bool: where the last result stays as it is, pixel for pixel.
    """

    start: np.ndarray
    earlier: tuple[tuple[np.ndarray, np.ndarray], ...]
    held: np.ndarray

    @property
    def trusted(self) -> float:
        """The share of the frame that an earlier one vouches for."""
        return float(np.clip(sum(c for _, c in self.earlier), 0, 1).mean()) if self.earlier else 0.0


@dataclass(frozen=True)
class Painted:
    """What an engine made of a frame: the picture (H, W, 3), its losses, the evaluations that it took."""

    image: np.ndarray
    losses: dict[str, float]
    steps: int


class Engine(Protocol):
    """Paints a frame; where there is a guide, from `guide.start` and near `guide.earlier`.

    identity: what its pictures depend on beside the settings, such as its name and its weights' checksum.
    """

    identity: dict[str, str]

    def __call__(self, frame: np.ndarray, guide: Guide | None = None) -> Painted:
        """The frame (H, W, 3), painted."""


class Optimised:
    """Each frame by optimisation (Gatys et al. 2016): a shot's first in full, the next ones from the guide."""

    def __init__(self, styles: Picture | Sequence[Picture] | Styles, settings: Settings) -> None:
        self.settings = settings
        self.styles = styles if isinstance(styles, Styles) else Styles(styles, settings)
        self.identity = {"name": "optimised", "sha256": load_model(settings).extractor.checksum}

    def __call__(self, frame: np.ndarray, guide: Guide | None = None) -> Painted:
        """The frame after `steps` evaluations, or from the guide after `next_steps` or once it has settled."""
        run = Run(frame, self.styles, self.settings) if guide is None else self._following(frame, guide)
        for _ in run:
            if guide is not None and settled(run.curves["total"]):
                break
        losses = {name: values[-1] for name, values in run.curves.items() if "/" not in name}
        return Painted(run.image, losses, run.number)

    def _following(self, frame: np.ndarray, guide: Guide) -> Run:
        start, earlier = guide.start, guide.earlier
        if self.settings.preserve_color == "luminance":  # then a run paints in grey, and gets its colours at the end
            start, earlier = colors.luminance(start), [(colors.luminance(w), c) for w, c in earlier]
        settings = replace(self.settings, steps=self.settings.next_steps, scales=1)
        return Run(frame, self.styles, settings, start=start, earlier=earlier)


def begin(content: Picture, styles: Picture | Sequence[Picture] | Styles, settings: Settings, **more: Any) -> Run:
    """The run that `settings.engine` names: an optimisation's steps, or one pass. more: as `Run` takes it.

    >>> settings = nst.Settings(engine="hub", module="instant", size=64)
    >>> run = nst.begin(nst.samples.frame(30), nst.samples.styles()["ink"], settings)
    >>> run.finish().shape
    (36, 64, 3)
    """
    return (Pass if settings.engine == "hub" else Run)(content, styles, settings, **more)


def stylize(
    content: Picture,
    styles: Picture | Sequence[Picture] | Styles,
    settings: Settings | None = None,
    *,
    masks: Sequence[Picture] = (),
    **changes: Any,
) -> np.ndarray:
    """The content in the styles: (H, W, 3), RGB float32 in [0, 1].

    content, styles, masks: as `Run` takes them; changes: settings by name, over `settings`. Raises NstlibError for
    what cannot be read or run, and for a name that is no setting.

    >>> photograph, painting = nst.samples.frame(30), nst.samples.styles()["ink"]
    >>> picture = nst.stylize(photograph, painting, size=64, steps=4)
    >>> path = nst.save("ink.png", picture)
    """
    settings = vary(settings or Settings(), changes)
    return begin(content, styles, settings, masks=masks).finish()


def load_engine(styles: Picture | Sequence[Picture] | Styles, settings: Settings) -> Engine:
    """The engine that `settings.engine` names."""
    return one_pass(styles, settings) if settings.engine == "hub" else Optimised(styles, settings)


def one_pass(styles: Picture | Sequence[Picture] | Styles, settings: Settings) -> "Steadied":
    """Each frame in one pass of the module that the settings name, drawn towards the frames before."""
    styles = styles if isinstance(styles, Styles) else Styles(styles, settings)
    paint = Painter(styles, settings)
    module = paint.module

    def painted(frame: np.ndarray) -> np.ndarray:
        picture = paint(frame)
        return colors.with_chroma_of(picture, frame) if settings.preserve_color == "luminance" else picture

    return Steadied(painted, {"name": f"hub {module.handle}", "sha256": module.checksum}, share=KEPT)


def settled(curve: Sequence[float]) -> bool:
    """(f_{k−5} − f_k) / f_{k−5} < 0.2 %: the stop rule."""
    return len(curve) > LOOK_BACK and curve[-1] > (1 - SETTLED) * curve[-1 - LOOK_BACK]


class Steadied:
    """A function frame -> picture as an engine: x + s Σ c (w − x), s the share that an earlier result keeps.

    c is the reliability, 0.3 at least for the last result. For networks that stylise in one go and know no earlier
    frame.
    """

    def __init__(
        self, paint: Callable[[np.ndarray], np.ndarray], identity: dict[str, str], *, share: float = KEPT
    ) -> None:
        self._paint, self._share, self.identity = paint, share, {**identity, "share": str(share)}

    def __call__(self, frame: np.ndarray, guide: Guide | None = None) -> Painted:
        """The function's picture, drawn towards the warped earlier results where they are trusted."""
        image = self._paint(frame)
        pull = np.zeros_like(image)
        for back, (warped, c) in enumerate(guide.earlier if guide else ()):
            pull += np.clip(c, 0 if back else DOUBTED, 1)[..., None] * (warped - image)
        return Painted(image + self._share * pull, {}, 1)
