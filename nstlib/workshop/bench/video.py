"""Video: steadiness at equal style, time a frame, drift and motion. What a long clip needs stands in `load`.

Every ratio is taken side by side in one run, with `compact`, on `../shared/clips/cockatoo.mp4` frames 0 to 47 at 320
px and on the sample clip's. Independent frames cost ten times as much as ours, so they are made at PAIRS only.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from ... import samples
from ...core.run import Run
from ...core.styles import Styles
from ...engines.frames import Optimised
from ...media import clips, images
from ...research import metrics
from ...settings import Settings
from ...video import flow
from ...video.consistency import Shot
from ...video.film import Film, Frame
from . import Row

SHARED = Path(__file__).parents[3] / ".." / "shared"
STYLE = "whirls"
SETTINGS = Settings(size=320)
PAIRS = (0, 9, 18, 28, 37, 46)  # t: frames t and t + 1 are made independently too
FRAMES = 48


def rows() -> Iterator[Row]:
    """Every figure; those that need ../shared are left out where it is missing."""
    cockatoo = SHARED / "clips" / "cockatoo.mp4"
    for name, path in (("cockatoo", cockatoo), ("sample", samples.clip())):
        if path.is_file():
            yield from consistency(name, path)
    yield from drift()
    yield from end_point_errors()


@dataclass
class Rival:
    """What independent frames give at PAIRS: mean warping error, mean final style loss."""

    error: float
    style: float


def consistency(name: str, path: Path) -> Iterator[Row]:
    """Warping errors, style losses and times of our frames against independent ones."""
    clip = clips.probe(path, size=SETTINGS.size)
    clip = replace(clip, picks=clip.picks[:FRAMES])
    source, motion = list(clips.read_frames(clip)), metrics.motion_of(clip)
    styles = Styles(samples.styles()[STYLE], SETTINGS)
    flows = [motion(t, source[t], source[t + 1]) for t in range(clip.frames - 1)]
    ours = film(clip)
    content, noise = (independent(source, flows, styles, start) for start in ("content", "noise"))
    error = [metrics.warping_error(ours[t].image, ours[t + 1].image, *flows[t]) for t in range(clip.frames - 1)]
    here = float(np.mean([error[t] for t in PAIRS]))
    yield Row("video", f"{name}: E_warp, independent from noise / ours", noise.error / here, 30, 60, "higher")
    yield Row("video", f"{name}: E_warp, independent from content / ours", content.error / here, 8, 15, "higher")
    yield Row("video", f"{name}: E_warp of ours, every frame", float(np.mean(error)), None, None, "lower")
    floor = np.mean([metrics.warping_error(source[t], source[t + 1], *flows[t]) for t in range(clip.frames - 1)])
    yield Row("video", f"{name}: E_warp of the source", float(floor), None, None, "lower")
    style = [style_loss(frame, source, styles) for frame in ours if frame.number - 1 in PAIRS]
    ratio = float(np.mean(style)) / content.style
    yield Row("video", f"{name}: style loss of ours / independent from content", ratio, 1.10, 1.00, "lower")
    ratio = float(np.median([time_ratio(ours[t], ours[t + 1], source, styles) for t in PAIRS]))
    yield Row("video", f"{name}: time of a later frame / independent at equal style", ratio, 0.35, 0.15, "lower")
    later = [frame for frame in ours if not frame.cut]
    share = sum(frame.motion_seconds for frame in later) / sum(frame.seconds for frame in later)
    yield Row("video", f"{name}: flow, warp, reliability / a frame's time", share, 0.15, 0.05, "lower")


def film(clip: clips.Clip, settings: Settings = SETTINGS) -> list[Frame]:
    """Our frames of a clip."""
    with tempfile.TemporaryDirectory() as folder:
        return list(Film(clip, samples.styles()[STYLE], Path(folder) / "out.mp4", settings))


def independent(source: list[np.ndarray], flows: list, styles: Styles, start: str) -> Rival:
    """The paper's way: each frame by itself, in full."""
    errors, losses = [], []
    for t in PAIRS:
        runs = [Run(source[k], styles, replace(SETTINGS, init=start)) for k in (t, t + 1)]
        errors.append(metrics.warping_error(*(run.finish() for run in runs), *flows[t]))
        losses += [run.curves["style"][-1] for run in runs]
    return Rival(float(np.mean(errors)), float(np.mean(losses)))


def style_loss(frame: Frame, source: list[np.ndarray], styles: Styles) -> float:
    """The style loss of a finished frame, as it is on disk."""
    return next(Run(source[frame.number], styles, replace(SETTINGS, steps=1), start=frame.image)).losses["style"]


def time_ratio(before: Frame, frame: Frame, source: list[np.ndarray], styles: Styles) -> float:
    """Our time for a frame over that of a frame by itself, from its content, to our style loss; one after the other."""
    here, goal = source[frame.number], style_loss(frame, source, styles)
    began, shot = perf_counter(), Shot()
    shot.add(before.number, source[before.number], before.image)
    Optimised(styles, SETTINGS)(here, shot.advance(frame.number, here))
    ours, began = perf_counter() - began, perf_counter()
    run = Run(here, styles, SETTINGS)
    for step in run:
        if step.shape == run.shape and step.losses["style"] <= goal:
            break
    return ours / (perf_counter() - began)


def drift() -> Iterator[Row]:
    """A ball rolls for 200 frames before a still, slightly noisy background."""
    source = [rolling(i) for i in range(200)]
    with tempfile.TemporaryDirectory() as folder:
        clips.write_frames(Path(folder) / "clip", source, fps=25)
        clip = clips.probe(Path(folder) / "clip")
        results = [frame.image for frame in film(clip, replace(SETTINGS, size=160, steps=60))]
    found = metrics.measure(source, results)["drift"]
    for name in ("brightness", "sharpness"):
        yield Row("video", f"drift of a still background over 200 frames: {name}", found[name], 0.02, 0.005, "lower")


def rolling(i: int) -> np.ndarray:
    """Frame i: the sample clip's first, noise of half a grey level, and a ball."""
    frame = images.resize(samples.frame(0), (90, 160))
    frame = frame + np.random.default_rng(i).normal(0, 0.5 / 255, frame.shape).astype(np.float32)
    x = 20 + 60 * np.sin(i / 25) ** 2
    cv2.circle(frame, (round(x), 60), 12, (0.9, 0.3, 0.2), -1, cv2.LINE_AA)
    return np.clip(frame, 0, 1)


def end_point_errors() -> Iterator[Row]:
    """The estimated motion against the truth."""
    folder = SHARED / "flow"
    names = {"RubberWhale": ("rubberwhale_10", "rubberwhale_11"), "alley_1": ("alley_1_0001", "alley_1_0002")}
    limits = {"RubberWhale": (0.25, 0.12), "alley_1": (0.30, 0.21)}
    for name, (first, second) in names.items():
        if (folder / f"{first}.png").is_file():
            a, b = (images.load(folder / f"{n}.png") for n in (first, second))
            error = flow.end_point_error(flow.optical_flow(a, b), flow.read_flo(folder / f"{first}.flo"))
            yield Row("video", f"end-point error on {name}, px", error, *limits[name], "lower")
