"""What paints a frame: an engine takes the frame and, for a shot's later ones, the guide from the frames before."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ..core.model import load_model
from ..core.parameters import load_parameters
from ..core.run import Run
from ..core.schedule import growing, result_shape
from ..core.speed.arithmetic import resolved
from ..core.speed.windows import MOST, around, share
from ..core.styles import Picture, Styles
from ..media import colors, images
from ..settings import Settings, check_blend, vary
from .hub import SMALLEST
from .onepass import Painter, Pass
from .starts import OWN, NetworkRun, NetworkStart, from_network

KEPT = 0.9  # the share of an earlier result that a one-pass engine keeps where motion is trusted,
DOUBTED = 0.3  # and of this share, what it keeps of the last one all the same: strokes there flicker less, ghosts fade
SETTLED, LOOK_BACK = 0.01, 5  # stop when the loss has fallen by less than this share over so many moves
HELD = 0.45  # of a frame is held, or more: it stays to the bit while the rest is painted, in as large a share
LEAST = 1 / 3  # of the evaluations as it has of the frame, and at least this one: none goes into what is put back
SOME = 0.02  # of a frame, or of the window where much is held, is enough to be compared by itself, and sketched:
SKETCH = 60  # evaluations at half the size, as large a share of them as of the others
SKETCHED = 768  # px, the longest side of a frame up to which a network's picture, where there is one, is sketch enough
APART = 0.7  # of the style's weight is what two halves have together: each is farther from it, and would pull more


@dataclass(frozen=True)
class Guide:
    """For one frame: where to start, what to stay near, what to keep.

    start (H, W, 3); earlier: pairs (warped result (H, W, 3), reliability (H, W)) for the temporal loss; held (H, W)
    bool: where the last result stays as it is, pixel for pixel; anew (H, W) in [0, 1]: where no earlier result is of
    what the frame shows; young (H, W): where that is so, or was some frames ago, which is compared with the style by
    itself. Both None where they are not `enough`, and young where the rest is not.
    """

    start: np.ndarray
    earlier: tuple[tuple[np.ndarray, np.ndarray], ...]
    held: np.ndarray
    anew: np.ndarray | None = None
    young: np.ndarray | None = None

    @property
    def trusted(self) -> float:
        """The share of the frame that an earlier one vouches for."""
        return float(np.clip(sum(c for _, c in self.earlier), 0, 1).mean()) if self.earlier else 0.0


def enough(part: np.ndarray, held: np.ndarray) -> bool:
    """Whether a part of a frame, (H, W), is large enough to be painted by itself; held (H, W) bool."""
    within = _window_share(part) if held.mean() >= HELD else 1.0
    return bool(part.mean() > SOME * within)


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
    """Each frame by optimisation (Gatys et al. 2016): a shot's first in full, the next ones from the guide.

    What begins anew would stay nearly a photograph: the statistics of the whole frame are the style's already, by what
    was painted before. So it has statistics of its own, and the rest has its own, and neither makes up for the other;
    each weighs by its share of the frame, as content does. And it begins with a sketch at half the size.
    """

    def __init__(self, styles: Picture | Sequence[Picture] | Styles, settings: Settings) -> None:
        self.settings = settings
        self.styles = styles if isinstance(styles, Styles) else Styles(styles, settings)
        self._twice: Styles | None = None
        self.identity = {"name": "optimised", "sha256": load_model(settings).extractor.checksum}
        self._network = NetworkStart(self.styles, settings) if from_network(settings) else None
        self.identity |= {"start": self._network.network["sha256"]} if self._network else {}

    def __call__(self, frame: np.ndarray, guide: Guide | None = None) -> Painted:
        """The frame after `steps` evaluations, or from the guide after `next_steps` or once it has settled."""
        run = begin(frame, self.styles, self.settings) if guide is None else self._following(frame, guide)
        for _ in run:
            if guide is not None and settled(run.curves["total"]):
                break
        losses = {name: values[-1] for name, values in run.curves.items() if "/" not in name}
        return Painted(run.image, losses, run.number)

    def _following(self, frame: np.ndarray, guide: Guide) -> Run:
        start, earlier = guide.start, guide.earlier
        if self.settings.preserve_color == "luminance":  # then a run paints in grey, and gets its colours at the end
            start, earlier = colors.luminance(start), [(colors.luminance(w), c) for w, c in earlier]

        settings = resolved(self.settings)
        if settings.precision == "mixed":  # so few evaluations gain nothing by a float32 end
            settings = replace(settings, precision="bfloat16")
        styles, more = self.styles, {"earlier": earlier}
        held = guide.held if guide.held.mean() >= HELD else None
        if guide.young is not None:
            settings, styles, more["masks"] = self._apart(settings, guide.young)
        part = 1.0 if held is None else max(LEAST, 1 - float(held.mean()))
        if guide.anew is not None:
            if self._network and max(frame.shape) <= SKETCHED:
                start = _put(start, self._at_once(frame), guide.anew)
            else:
                sketched = replace(settings, steps=math.ceil(part * SKETCH))
                start = _sketched(frame, styles, sketched, start, guide.anew, more)
        follows = replace(settings, steps=math.ceil(part * settings.next_steps), scales=1)
        return Run(frame, styles, follows, start=start, held=held, **more)

    def _at_once(self, frame: np.ndarray) -> np.ndarray:
        """The frame as the network paints it, at the size that suits it, grown to the frame's."""
        shape = frame.shape[:2]
        small = next(size for size in growing(shape, SMALLEST) if max(size) >= OWN or size == shape)
        return _grown(self._network(images.resize(frame, small)), frame, self.settings, frame)

    def _apart(self, settings: Settings, young: np.ndarray) -> tuple[Settings, Styles, list[np.ndarray]]:
        """K styles twice, for what is young (H, W) and for the rest: settings with their 2 K shares, their masks."""
        area, count = float(young.mean()), len(self.styles.pictures)
        together = 1 - (1 - APART) * 4 * area * (1 - area)  # 1 where one of them is all
        blend = [part * share for part in (area, 1 - area) for share in check_blend(settings, count)]
        settings = replace(settings, style_blend=tuple(blend), style_weight=together * settings.term_weights[1])
        self._twice = self._twice or Styles(self.styles.pictures * 2, settings)
        return settings, self._twice, [young] * count + [1 - young] * count


def _sketched(
    frame: np.ndarray, styles: Styles, settings: Settings, start: np.ndarray, anew: np.ndarray, more: dict[str, Any]
) -> np.ndarray:
    """The start, and in it, where the frame begins anew, the frame as it was painted at half the size."""
    shape = frame.shape[:2]
    if min(shape) // 2 < load_model(settings).extractor.smallest:
        return start
    seen = colors.luminance(frame) if settings.preserve_color == "luminance" else frame
    begun = start + anew[..., None] * (seen - start)
    sketch = _sketch(frame, styles, replace(settings, size=max(shape) // 2), begun, anew, more)
    for _ in sketch:
        pass
    small = sketch.parameters.result(sketch.optimizer.x, seen)
    return _put(start, _grown(small, seen, settings, begun), anew)


def _put(start: np.ndarray, picture: np.ndarray, anew: np.ndarray) -> np.ndarray:
    """The picture where the frame begins anew, and where that ends softly, as the start does, in the frame.

    A pale line would be left along a dark painting of a pale thing.
    """
    return start + np.clip(4 * anew, 0, 1)[..., None] * (picture - start)


def _grown(small: np.ndarray, seen: np.ndarray, settings: Settings, fine: np.ndarray) -> np.ndarray:
    """A smaller painting at the size of what is seen, with the finest detail of `fine`."""
    pixels = load_parameters(seen, settings)
    return pixels.result(pixels.grown(pixels.begin(small), seen.shape[:2], fine), seen)


def _sketch(
    frame: np.ndarray, styles: Styles, settings: Settings, start: np.ndarray, anew: np.ndarray, more: dict[str, Any]
) -> Run:
    """The sketch's run; where what begins anew lies in a small window, for the work of the window, at one size."""
    if _window_share(anew) > MOST:
        return Run(frame, styles, settings, start=start, **more)
    start, free = (images.resize(x, result_shape(anew.shape, settings)) for x in (start, anew))
    return Run(frame, styles, replace(settings, scales=1), start=start, held=free == 0, **more)


def _window_share(anew: np.ndarray) -> float:
    """The share of a frame that is computed for what begins anew, (H, W), in its window; 1 for nothing."""
    window = around(anew > 0)
    return share(window, anew.shape) if window else 1.0


def begin(content: Picture, styles: Picture | Sequence[Picture] | Styles, settings: Settings, **more: Any) -> Run:
    """The run that the settings name: an optimisation's steps, also from a network's picture, or one pass.

    more: as `Run` takes it.

    >>> settings = nst.Settings(engine="hub", module="instant", size=64)
    >>> run = nst.begin(nst.samples.frame(30), nst.samples.styles()["ink"], settings)
    >>> run.finish().shape
    (36, 64, 3)
    """
    if settings.engine == "hub":
        return Pass(content, styles, settings, **more)
    anew = more.get("start") is None or more.get("region") is not None
    return (NetworkRun if anew and from_network(settings) else Run)(content, styles, settings, **more)


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
    """(f_{k−5} − f_k) / f_{k−5} < 1 %: the stop rule; a move that was taken back, which leaves f as it was, is none."""
    kept = [value for value, before in zip(curve, [None, *curve], strict=False) if value != before]
    return len(kept) > LOOK_BACK and kept[-1] > (1 - SETTLED) * kept[-1 - LOOK_BACK]


class Steadied:
    """A function frame -> picture as an engine: x + s Σ c (w − x), s the share that an earlier result keeps.

    c is the reliability, 0.3 at least for the last result. For networks that stylise in one go and know no earlier
    frame: so `begin` has a frame painted while its motion is still looked for, by the same thread for every frame.
    """

    def __init__(
        self, paint: Callable[[np.ndarray], np.ndarray], identity: dict[str, str], *, share: float = KEPT
    ) -> None:
        self._paint, self._share, self.identity = paint, share, {**identity, "share": str(share)}
        self._beside = ThreadPoolExecutor(1)
        self._begun: tuple[np.ndarray, Future[np.ndarray]] | None = None

    def begin(self, frame: np.ndarray) -> None:
        """Have the frame painted meanwhile; a call with it takes what came of it."""
        self._begun = frame, self._beside.submit(self._paint, frame)

    def __call__(self, frame: np.ndarray, guide: Guide | None = None) -> Painted:
        """The function's picture, drawn towards the warped earlier results where they are trusted."""
        begun, self._begun = self._begun, None
        image = begun[1].result() if begun and begun[0] is frame else self._paint(frame)
        pull = np.zeros_like(image)
        for back, (warped, c) in enumerate(guide.earlier if guide else ()):
            pull += np.clip(c, 0 if back else DOUBTED, 1)[..., None] * (warped - image)
        return Painted(image + self._share * pull, {}, 1)
