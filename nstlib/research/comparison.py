"""Style losses side by side: as much of the photograph kept in each, and measures that none of them optimises."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from ..core.features import load_extractor
from ..core.run import Run
from ..core.style_losses import load_style_loss
from ..core.styles import Picture
from ..errors import NstlibError
from ..media import images
from ..settings import STYLE_LAYERS, STYLE_LOSSES, Settings
from .metrics import Features, content_distance, ssim, style_distance, style_grams

DIRECTIONS, QUANTILES = 64, 256  # of the sliced distance
WEIGHTS = (1e-6, 1e6)  # between which a content weight is looked for


@dataclass(frozen=True)
class Compared:
    """A style loss's picture (H, W, 3), the settings it was made with, its losses, and its measures by name."""

    style_loss: str
    image: np.ndarray
    settings: Settings
    curves: dict[str, list[float]]
    measures: dict[str, float]


def compare(
    content: Picture,
    style: Picture,
    settings: Settings | None = None,
    *,
    style_losses: Sequence[str] = STYLE_LOSSES,
    extractor: Features | None = None,
    tries: int = 4,
    tolerance: float = 0.05,
) -> list[Compared]:
    """A picture for each style loss, all at the content distance of the first one's; with measures of each.

    The others' content weights are changed, in at most so many tries, until the distances agree within the tolerance.
    Measures: `gram`, `wasserstein` and `sliced` distances of style, `content` distance and `ssim` to the photograph.
    All but the last are by the features of `extractor`, which no run optimises if it is another network than the
    settings'; none is given: compact.

    >>> settings = nst.Settings(size=64, steps=4)
    >>> content, style = nst.samples.frame(0), nst.samples.styles()["ink"]
    >>> rows = nst.compare(content, style, settings, style_losses=("gram", "moments"))
    >>> [row.style_loss for row in rows]
    ['gram', 'moments']
    """
    if not style_losses:
        raise NstlibError("no style loss is named; choose from " + ", ".join(STYLE_LOSSES))
    settings = settings or Settings()
    extractor = extractor or load_extractor("compact", STYLE_LAYERS)
    rows: list[Compared] = []
    for name in (bar := tqdm(style_losses, unit="style loss", leave=False)):
        bar.set_description(name)
        goal = rows[0].measures["content"] if rows else None
        rows.append(_matched(content, style, replace(settings, style_loss=name), extractor, goal, tries, tolerance))
    return rows


def _matched(
    content: Picture,
    style: Picture,
    settings: Settings,
    extractor: Features,
    goal: float | None,
    tries: int,
    tolerance: float,
) -> Compared:
    """The picture whose content distance is nearest to the goal, of those tried; without a goal the first."""
    made = [_made(content, style, settings, extractor)]
    if goal is None or settings.term_weights[0] == 0:
        return made[0]
    for _ in range(tries - 1):
        if _apart(_nearest(made, goal), goal) <= math.log1p(tolerance):
            break
        weight = float(np.clip(_next_weight(made, goal), *WEIGHTS))
        made.append(_made(content, style, replace(settings, content_weight=weight), extractor))
    return _nearest(made, goal)


def _next_weight(made: list[Compared], goal: float) -> float:
    """The content weight at which a line through the logarithms of the two nearest has the goal."""
    weights = [math.log(row.settings.term_weights[0]) for row in made]
    distances = [math.log(max(row.measures["content"], 1e-9) / goal) for row in made]
    near, far = sorted(range(len(made)), key=lambda i: abs(distances[i]))[:2] if len(made) > 1 else (0, 0)
    slope = -0.5  # of a distance in its weight, as a first guess
    if weights[near] != weights[far]:
        slope = min(-0.05, (distances[near] - distances[far]) / (weights[near] - weights[far]))
    return math.exp(weights[near] - distances[near] / slope)


def _nearest(made: list[Compared], goal: float) -> Compared:
    return min(made, key=lambda row: _apart(row, goal))


def _apart(row: Compared, goal: float) -> float:
    return abs(math.log(max(row.measures["content"], 1e-9) / max(goal, 1e-9)))


def _made(content: Picture, style: Picture, settings: Settings, extractor: Features) -> Compared:
    """One run, and what it is measured by."""
    run = Run(content, style, settings)
    picture = run.finish()
    photograph = images.resize(run.content, picture.shape[:2])
    painting = images.load(style, size=max(picture.shape[:2]))
    measures = {
        **style_measures(picture, painting, extractor),
        "content": content_distance(picture, photograph, extractor),
        "ssim": ssim(picture, photograph),
    }
    return Compared(settings.style_loss, picture, run.settings, run.curves, measures)


def style_measures(picture: np.ndarray, painting: np.ndarray, extractor: Features) -> dict[str, float]:
    """{"gram", "wasserstein", "sliced"}: relative distances of style, 0 for the painting itself.

    picture, painting (H, W, 3). Each is the mean over relu1_1 to relu5_1; `wasserstein` and `sliced` are over the
    painting's mean squared feature, `sliced` (Heitz et al. 2021) in 64 fixed directions a layer.
    """
    own, goal = ({layer: extractor(x[None])[layer] for layer in STYLE_LAYERS} for x in (picture, painting))
    pairs = [(own[layer], goal[layer]) for layer in STYLE_LAYERS]
    return {
        "gram": style_distance(picture, style_grams(painting, extractor), extractor),
        "wasserstein": float(np.mean([_wasserstein(f, g) for f, g in pairs])),
        "sliced": float(np.mean([_sliced(np.asarray(f), np.asarray(g)) for f, g in pairs])),
    }


def _wasserstein(own: Any, goal: Any) -> float:
    """As the style loss has it, without its strength."""
    loss = load_style_loss("wasserstein")
    target = {"layer": loss.prepared(loss.statistics(goal)[None])}
    found = loss.distances(
        {"layer": loss.statistics(own)[None]}, target, convention="relative", channels={"layer": own.shape[-1]}
    )
    return float(found["layer"][0]) / loss.STRENGTH


def _sliced(own: np.ndarray, goal: np.ndarray) -> float:
    """C · mean over directions and quantiles of (q_own − q_goal)² / E |F_goal|²."""
    channels = own.shape[-1]
    turn = np.random.default_rng(0).normal(size=(channels, DIRECTIONS))
    turn /= np.linalg.norm(turn, axis=0)
    levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
    a, b = (np.quantile(f.reshape(-1, channels) @ turn, levels, axis=0) for f in (own, goal))
    return float(channels * np.mean((a - b) ** 2) / (np.mean(np.sum(goal**2, axis=-1)) + 1e-12))
