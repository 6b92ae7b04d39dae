"""Video: steadiness at equal style, time a frame, drift and motion. What a long clip needs stands in `load`.

Every ratio is taken side by side in one run, with `compact`, on `../shared/clips/cockatoo.mp4` frames 0 to 47 at 320
px and on the sample clip's. Independent frames cost ten times as much as ours, so they are made at PAIRS only.
"""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
import tensorflow as tf

from ... import samples
from ...core import losses
from ...core.model import load_model
from ...core.run import Run
from ...core.styles import Styles
from ...engines.frames import Optimised
from ...media import clips, images
from ...research import metrics
from ...settings import Settings
from ...video import flow
from ...video.consistency import Shot, estimated
from ...video.film import Film, Frame
from ...video.shots import CutDetector
from . import Row, _footage

SHARED = Path(__file__).parents[3] / ".." / "shared"
STYLE = "whirls"
SETTINGS = Settings(size=320)
PAIRS = (0, 9, 18, 28, 37, 46)  # t: frames t and t + 1 are made independently too
FRAMES = 48
RECALLED = 10  # frames before the one that is timed: what is young by then is that of the whole film


def rows() -> Iterator[Row]:
    """Every figure; those that need ../shared are left out where it is missing."""
    cockatoo = SHARED / "clips" / "cockatoo.mp4"
    for name, path in (("cockatoo", cockatoo), ("sample", samples.clip())):
        if path.is_file():
            yield from consistency(name, path)
    for name, source in fast().items():
        yield from newness(name, source)
        yield from nearer(name, source)
    for name, source in still().items():
        yield from tripod(name, source)
    yield from cuts()
    yield from drift()
    yield from end_point_errors()


@dataclass
class Rival:
    """What independent frames give at PAIRS: mean warping error, mean style loss of the later ones."""

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
    style = [style_loss(ours[t + 1].image, source[t + 1], styles) for t in PAIRS]
    ratio = float(np.mean(style)) / content.style
    yield Row("video", f"{name}: style loss of ours / independent from content", ratio, 1.10, 1.00, "lower")
    ratio = time_ratio(ours, [t + 1 for t in PAIRS], source, styles)
    yield Row("video", f"{name}: time of a later frame / independent at equal style", ratio, 0.28, 0.15, "lower")
    yield from evaluations(name, ours)
    later = [frame for frame in ours if not frame.cut]
    share = sum(frame.motion_seconds for frame in later) / sum(frame.seconds for frame in later)
    yield Row("video", f"{name}: flow, warp, reliability / a frame's time", share, 0.15, 0.05, "lower")


def film(clip: clips.Clip, settings: Settings = SETTINGS) -> list[Frame]:
    """Our frames of a clip."""
    with tempfile.TemporaryDirectory() as folder:
        return list(Film(clip, samples.styles()[STYLE], Path(folder) / "out.mp4", settings))


def film_of(source: list[np.ndarray], settings: Settings = SETTINGS) -> list[Frame]:
    """Our frames of a clip of these."""
    with tempfile.TemporaryDirectory() as folder:
        clips.write_frames(Path(folder) / "clip", source, fps=25)
        return film(clips.probe(Path(folder) / "clip", size=max(source[0].shape)), settings)


def independent(source: list[np.ndarray], flows: list, styles: Styles, start: str) -> Rival:
    """The paper's way: each frame by itself, in full."""
    errors, losses = [], []
    for t in PAIRS:
        first, second = (Run(source[k], styles, replace(SETTINGS, init=start)).finish() for k in (t, t + 1))
        errors.append(metrics.warping_error(first, second, *flows[t]))
        losses.append(style_loss(second, source[t + 1], styles))
    return Rival(float(np.mean(errors)), float(np.mean(losses)))


def style_loss(picture: np.ndarray, content: np.ndarray, styles: Styles) -> float:
    """The style loss of a picture as it is on disk: in 8 bits, without the border that its run painted around it.

    That is up to 1.8 times its run's last loss, where the border counts: pictures are compared with pictures alone.
    """
    stored = images.to_uint8(picture) / np.float32(255)
    return next(Run(content, styles, replace(SETTINGS, steps=1), start=stored)).losses["style"]


def time_ratio(ours: list[Frame], numbers: Iterable[int], source: list[np.ndarray], styles: Styles) -> float:
    """The mean of `time_of` over these frames: where some are sketched and some are not, a median is of one kind."""
    engine = Optimised(styles, SETTINGS)
    return float(np.mean([time_of(number, ours, source, engine) for number in numbers]))


def time_of(number: int, ours: list[Frame], source: list[np.ndarray], engine: Optimised) -> float:
    """Our time for a frame over that of a frame by itself, from its content, to our style loss; one after the other.

    The shot is as it was in the film: what the frames before left young is young.
    """
    shot, here, styles = Shot(), source[number], engine.styles
    for before in ours[max(0, number - RECALLED) : number]:
        if shot.age is not None:
            shot.advance(before.number, source[before.number])
        shot.add(before.number, source[before.number], before.image)
    goal, began = style_loss(ours[number].image, here, styles), perf_counter()
    engine(here, shot.advance(number, here))
    ours_took, theirs = perf_counter() - began, 0.0

    run, reached = Run(here, styles, SETTINGS), False
    while not reached and run.number < run.total_steps:
        began = perf_counter()
        step = next(run)
        theirs += perf_counter() - began
        reached = step.shape == run.shape and style_loss(run.image, here, styles) <= goal
    return ours_took / theirs


def fast() -> dict[str, list[np.ndarray]]:
    """Clips of one shot in which much is new from frame to frame, drawn and real."""
    scenes = list(_footage.scenes())
    clips_of = {f"tumbling {k}": _footage.tumbling(scenes[k], scenes[k + 3]) for k in (0, 1)}
    real = SHARED / "clips" / "cockatoo.mp4"
    return {**clips_of, **({"cockatoo, close": _frames(real, 150, 162)} if real.is_file() else {})}


def still() -> dict[str, list[np.ndarray]]:
    """Clips from a tripod, of which under a third moves, drawn and real."""
    scenes, real = list(_footage.scenes()), SHARED / "clips" / "walk_1080p.mp4"
    drawn = {"tripod": _footage.tripod(scenes[0], scenes[3], 20)}
    return {**drawn, **({"tripod, real": _frames(real, 0, 20)} if real.is_file() else {})}


def _frames(path: Path, first: int, last: int) -> list[np.ndarray]:
    clip = clips.probe(path, size=SETTINGS.size)
    return list(clips.read_frames(replace(clip, picks=clip.picks[first:last])))


def newness(name: str, source: list[np.ndarray]) -> Iterator[Row]:
    """Style inside what is new and what is trusted, over that of independent frames there; and jumps of the picture.

    The two regions cannot be compared with each other alone: what they show, and how large they are, makes distances of
    frames that are all new differ by 0.2 to 10 times. What independent frames have in each is the yardstick.
    """
    styles = Styles(samples.styles()[STYLE], SETTINGS)
    results = [frame.image for frame in film_of(source)]
    some = range(1, len(source), 3)
    new = {t: 1 - flow.reliability(*estimated("fine")(t, t - 1, source[t], source[t - 1])) for t in some}
    ours = np.array([distances(results[t], new[t], styles) for t in some])  # (T, 2)
    theirs = np.array([distances(Run(source[t], styles, SETTINGS).finish(), new[t], styles) for t in some])
    for region, ratio in zip(("new", "trusted"), ours.mean(0) / theirs.mean(0), strict=True):
        what = f"{name}: style distance in what is {region}, ours / independent"
        yield Row("video", what, float(ratio), 1.6, 1.2, "lower")
    for whose, (inside, outside) in (("ours", ours.T), ("independent", theirs.T)):
        what = f"{name}: style distance in what is new / in what is trusted, {whose}"
        yield Row("video", what, float(np.mean(inside / outside)), None, None, "lower")

    what = f"{name}: largest warping error of a frame / median"
    yield Row("video", what, _jump(results, source), 4, 2, "lower")
    yield Row("video", f"{what}, the source's own", _jump(source, source), None, None, "lower")


def nearer(name: str, source: list[np.ndarray]) -> Iterator[Row]:
    """A film that starts at `instant`'s picture, where a shot begins and in what is new, over one from the content."""
    styles = Styles(samples.styles()[STYLE], SETTINGS)
    pairs = [metrics.estimated_motion(t, *source[t : t + 2]) for t in range(len(source) - 1)]
    new = {
        t: 1 - flow.reliability(*estimated("fine")(t, t - 1, source[t], source[t - 1])) for t in range(1, len(pairs))
    }
    found = []
    for init in ("instant", "content"):
        film_of(source[:2], replace(SETTINGS, init=init, steps=50))  # until everything is traced
        frames = film_of(source, replace(SETTINGS, init=init))
        errors = [metrics.warping_error(*(f.image for f in frames[t : t + 2]), *pair) for t, pair in enumerate(pairs)]
        inside = [distances(frames[t].image, mask, styles)[0] for t, mask in new.items()]
        seconds = frames[0].seconds, np.median([f.seconds for f in frames[1:]])
        style = [style_loss(frame.image, source[frame.number], styles) for frame in frames]
        found.append([style[0], np.mean(style[1:]), np.mean(inside), np.mean(errors), *seconds])
    names = ("style loss of the first frame", "style loss of later frames", "style distance in what is new", "E_warp")
    names += ("time of the first frame", "time of a later frame")
    for what, ratio in zip(names, np.divide(*found), strict=True):
        yield Row("video", f"{name}: {what}, started at instant's picture / the content", ratio, None, None, "lower")


def _jump(frames: list[np.ndarray], source: list[np.ndarray]) -> float:
    errors = [
        metrics.warping_error(*frames[t : t + 2], *metrics.estimated_motion(t, *source[t : t + 2]))
        for t in range(len(source) - 1)
    ]
    return float(max(errors) / np.median(errors))


def distances(image: np.ndarray, new: np.ndarray, styles: Styles) -> tuple[float, float]:
    """Mean relative distances of Gram matrices to the style's: (in what is new, in what is trusted)."""
    model = load_model(SETTINGS)
    inside = np.float32(new > 0.5)
    found = model(tf.constant(image), tf.constant(np.stack([inside, 1 - inside])))["style"]
    aims = styles.statistics(model, max(image.shape))
    each = [losses.style_loss(found[layer], aims[layer]) for layer in aims]  # (2,) each
    return tuple(np.mean(each, axis=0).tolist())


def tripod(name: str, source: list[np.ndarray]) -> Iterator[Row]:
    """Time of a later frame of which most is held, and how many evaluations it takes."""
    styles, ours = Styles(samples.styles()[STYLE], SETTINGS), film_of(source)
    ratio = time_ratio(ours, range(4, len(source), 2), source, styles)
    yield Row("video", f"{name}: time of a later frame / independent at equal style", ratio, 0.12, 0.05, "lower")
    yield from evaluations(name, ours)


def evaluations(name: str, frames: list[Frame]) -> Iterator[Row]:
    """How many evaluations the later frames take: the tenth, the half and nine tenths of them at most so many."""
    steps = [frame.steps for frame in frames if not frame.cut]
    for share in (10, 50, 90):
        count = float(np.percentile(steps, share))
        yield Row("video", f"{name}: evaluations of a later frame, {share} % at most", count, None, None, "lower")


def cuts() -> Iterator[Row]:
    """What the detector makes of 40 cuts and of 40 single shots, drawn and real."""
    single, joined = sequences()
    found = sum(_begins(frames)[1:] == [place] for frames, place in joined)
    false = sum(len(_begins(frames)) - 1 for frames in single)
    yield Row("video", f"cuts found, and nothing else, in {len(joined)} sequences with one", found, 38, 40, "higher")
    yield Row("video", f"false cuts in {len(single)} single shots", false, 2, 0, "lower")


def sequences() -> tuple[list[list[np.ndarray]], list[tuple[list[np.ndarray], int]]]:
    """(single shots, pairs of frames with one cut and its place)."""
    scenes = list(_footage.scenes())
    kinds = (_footage.pan, _footage.faded, _footage.flashed, _footage.covered, _footage.whipped)
    single = [kind(scenes[k]) for kind in kinds for k in range(5)]
    single += [_footage.tumbling(scenes[k], scenes[k + 3]) for k in range(5)]

    real = []
    if (SHARED / "clips").is_dir():
        cockatoo, walk, short = (SHARED / "clips" / f"{n}.mp4" for n in ("cockatoo", "walk_1080p", "realshort"))
        bird = _frames(cockatoo, 0, 280)
        real = [bird[k : k + 70] for k in range(0, 280, 70)] + [bird[::2], bird[::3]]
        room = _frames(walk, 0, 30)
        plants = [images.resize(frame, _footage.SIZE) for frame in _frames(short, 0, 36)]
        real += [room, room[::3], plants, plants[::3]]
    single += real

    joined = [(single[k] + _footage.pan(scenes[(k + 7) % 15]), len(single[k])) for k in range(30)]
    joined += [(one[-12:] + other[:6], min(len(one), 12)) for one, other in zip(real, _turned(real), strict=True)]
    return single, joined


def _turned(real: list) -> list:
    """Each one's partner, of another clip."""
    return [*real[6:], *real[:6]]


def _begins(frames: list[np.ndarray]) -> list[int]:
    detector = CutDetector()
    return [number for number, frame in enumerate(frames) if detector.advance(frame)]


def drift() -> Iterator[Row]:
    """A ball rolls for 200 frames before a still, slightly noisy background."""
    source = [rolling(i) for i in range(200)]
    results = [frame.image for frame in film_of(source, replace(SETTINGS, size=160, steps=60))]
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
