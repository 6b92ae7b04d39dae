"""The instant network: frames a second, its style against an optimisation's, its steadiness, its size.

Frames a second of `video` are those of the whole command's work: decoding, motion, network, blending, encoding.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from ... import samples
from ...core.styles import Styles
from ...engines.hub import INSTANT
from ...engines.onepass import Painter
from ...media import clips, images
from ...research import metrics
from ...settings import Settings
from ...video.film import Film
from . import Row, compact

SHARED = compact.SHARED
STYLE = "whirls"
FRAMES = 48
WEIGHTS = (0.02, 0.1, 0.5)  # content weights of the optimisation: content distances on both sides of one pass's
PAIRS = compact.PAIRS[::2]
INSTANTLY = Settings(engine="hub", module="instant")


def rows() -> Iterator[Row]:
    """Every figure of the instant network; fidelity needs ../shared, and is left out without it."""
    size = sum(file.stat().st_size for file in INSTANT.rglob("*") if file.is_file())
    yield Row("instant", "size in the repository, MB", size / 1e6, 8, 3, "lower")
    yield network_alone()
    yield end_to_end((256, 256), 8, 20)
    yield end_to_end((360, 640), 3, 8)
    yield from steadiness()
    if (SHARED / "teacher" / "judge.py").is_file():
        yield fidelity()
    else:
        print(f"instant: fidelity left out, no reference teacher in {SHARED.name}/", file=sys.stderr)


def film_source() -> Path:
    """cockatoo, or the sample clip."""
    cockatoo = SHARED / "clips" / "cockatoo.mp4"
    return cockatoo if cockatoo.is_file() else samples.clip()


def painter(size: int) -> Painter:
    """The network with the bundled style."""
    settings = replace(INSTANTLY, size=size)
    return Painter(Styles(samples.styles()[STYLE], settings), settings)


def network_alone() -> Row:
    """Frames a second of the network, one frame after the other."""
    paint, frame, seconds = painter(256), images.resize(samples.frame(30), (256, 256)), []
    for _ in range(40):
        began = perf_counter()
        paint(frame)
        seconds.append(perf_counter() - began)
    return Row("instant", "frames a second, 256x256, network alone", 1 / median(seconds[5:]), 15, 30, "higher")


def end_to_end(shape: tuple[int, int], floor: float, aim: float) -> Row:
    """Frames a second of `video`, after a first clip has been made."""
    with tempfile.TemporaryDirectory() as folder:
        path, settings = Path(folder) / "in.mp4", replace(INSTANTLY, size=max(shape))
        source = clips.read_frames(clips.probe(film_source(), end=4.8))
        clips.write_frames(path, (filled(frame, shape) for frame in source), fps=20)
        seconds = []
        for name in ("first", "second"):
            began = perf_counter()
            written = Film(path, samples.styles()[STYLE], Path(folder) / f"{name}.mp4", settings).write()
            seconds.append(perf_counter() - began)
    name = f"frames a second, {shape[1]}x{shape[0]}, video end to end"
    return Row("instant", name, written.frames / seconds[1], floor, aim, "higher")


def filled(frame: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The middle of the frame, at this shape."""
    scale = max(n / m for n, m in zip(shape, frame.shape[:2], strict=True))
    grown = images.resize(frame, tuple(max(n, round(m * scale)) for n, m in zip(shape, frame.shape[:2], strict=True)))
    y, x = ((m - n) // 2 for n, m in zip(shape, grown.shape[:2], strict=True))
    return grown[y : y + shape[0], x : x + shape[1]]


def steadiness(size: int = 320) -> Iterator[Row]:
    """Warping errors with and without blending, over the first frames of the clip."""
    clip = clips.probe(film_source(), size=size)
    clip = replace(clip, picks=clip.picks[:FRAMES])
    motion, errors = metrics.motion_of(clip), {}
    for consistency in ("steady", "independent"):
        with tempfile.TemporaryDirectory() as folder:
            settings = replace(INSTANTLY, size=size, consistency=consistency)
            film = Film(clip, samples.styles()[STYLE], Path(folder) / "out.mp4", settings)
            found = metrics.measure(clips.read_frames(clip), (frame.image for frame in film), motion=motion)["mean"]
        errors[consistency] = found["warping_error"]
    name = f"E_warp, frames 0 to {clip.frames - 1} of {clip.path.stem}, {size} px"
    yield Row(
        "instant", f"{name}: blended / the source's", errors["steady"] / found["source_warping_error"], 3, 1.5, "lower"
    )
    yield Row("instant", f"{name}: without blending / with", errors["independent"] / errors["steady"], 3, 8, "higher")


def fidelity() -> Row:
    """The judge's style distance over that of 100 evaluations with compact, at equal content distance."""
    judge, model, ratios = compact.load_judge(), compact.student(), []
    for content, style in ((compact.read("contents", c), compact.read("paintings", p)) for c, p in PAIRS):
        settings = replace(INSTANTLY, size=compact.SIZE)
        ours = compact.judged(judge, Painter(Styles(style, settings), settings)(content), content, style)
        runs = [compact.optimise(model, content, style, weight, steps=100)[0] for weight in WEIGHTS]
        theirs = compact.style_at(ours[0], [compact.judged(judge, run, content, style) for run in runs])
        ratios.append(ours[1] / theirs)
    name = f"style distance / an optimisation's (compact, 100 evaluations), {len(PAIRS)} held-out pairs"
    return Row("instant", name, float(median(ratios)), 4, 2, "lower")
