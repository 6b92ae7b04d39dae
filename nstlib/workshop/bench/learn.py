"""One painting, learned: its style against instant's and an optimisation's at equal content, its rate, its steadiness.

A painting is learned anew for each size at which it is judged, as the user does who says `--style-size`: what instant
and an optimisation see of a painting is as large as the photograph too.

A budget of time is counted in steps too: on two unloaded cores with bfloat16 a step takes about 0.35 s, so that three
minutes are 500 steps and ten are 1,650. `STEPS` takes fewer where the machine is shared.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import product
from pathlib import Path
from statistics import geometric_mean, median
from time import perf_counter

import numpy as np

from ...core.styles import Styles
from ...engines.lessons import Lesson, learn
from ...engines.onepass import Painter
from ...media import clips
from ...research import metrics
from ...settings import Settings
from ...video.film import Film
from ...video.pairs import frame_pairs
from . import Row, _lab, compact
from ._peak import measured
from ._recipe import in_turn
from .instant import INSTANTLY, filled, film_source

PAINTINGS = os.environ.get("NST_LEARN_PAINTINGS", ",".join(compact.PAINTINGS)).split(",")
STEPS = tuple(int(n) for n in os.environ.get("NST_LEARN_STEPS", "500,1650").split(","))  # three minutes, ten
LIMITS = ((0.6, 0.35), (0.45, 0.2))  # floor and aim after each
MODULES = os.environ.get("NST_LEARN_MODULES", "")  # a folder of modules PAINTING-STEPS-SIZE, kept from run to run
WEIGHTS = (0.05, 0.2)  # content weights of the optimisation: distances on both sides
MIXES = (0.4, 0.6, 0.8, 1.0)  # strengths at which instant's distances are measured
SIZES = (256, 384)  # at the one a painting's own style distance from the other is 0.03 to 0.18


def rows() -> Iterator[Row]:
    """Every figure of a learned network; without ../shared there is nothing to judge by."""
    if not (compact.SHARED / "teacher" / "judge.py").is_file():
        print("learn: left out, no reference teacher in ../shared", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        where = Path(MODULES or folder)
        for steps, (floor, aim) in zip(STEPS, LIMITS, strict=False):
            ratios = []
            for name, size in product(PAINTINGS, SIZES):
                paint = partial(pictured, str(module(where, name, steps, size)), name)
                ratios += against_instant(paint, name, size)
            name = f"style distance over instant's at equal content, {steps} steps, {len(PAINTINGS)} paintings"
            yield Row("learn", name, geometric_mean(ratios), floor, aim, "lower")
        for size in SIZES:
            name = f"minutes until the style distance is half of instant's, {size} px, or of all {STEPS[-1]} steps"
            yield Row("learn", name, minutes_to_half(PAINTINGS[0], STEPS[-1], size), 6, 2, "lower")
        last = module(where, PAINTINGS[0], STEPS[-1], SIZES[-1])
        ratios = [ratio for name in PAINTINGS for ratio in against_optimisation(where, name, STEPS[-1])]
        name = f"style distance over an optimisation's at equal content, {STEPS[-1]} steps, {len(PAINTINGS)} paintings"
        yield Row("learn", name, geometric_mean(ratios), 15, 6, "lower")
        size = sum(file.stat().st_size for file in last.rglob("*") if file.is_file())
        yield Row("learn", "size, MB", size / 1e6, 4, 1, "lower")
        yield from rates(last)
        yield end_to_end(last)
        yield from live(last)
        yield from steadiness(last)
        for row in steadiness(module(where, PAINTINGS[0], STEPS[0], SIZES[-1], clip=film_source())):
            yield replace(row, name=f"{row.name}, learned with the clip in {STEPS[0]} steps")
    peak, seconds = measured("learn", 256, 12)
    yield Row("learn", "peak memory of learning, GB", peak / 1e9, 4, 2, "lower")
    yield Row("learn", "seconds a step, 4 crops of 256 px", median(seconds[2:]), None, None, "lower")


def module(where: Path, name: str, steps: int, size: int, clip: Path | None = None) -> Path:
    """The module of a painting of a size, learned in so many steps from ../shared's photographs, or the clip; kept."""
    output = where / f"{name}-{steps}-{size}{'-clip' if clip else ''}"
    if not output.exists() or output.with_name(f"{output.name}.learning").exists():
        painting = compact.SHARED / "paintings" / f"{name}.jpg"
        given = {"neighbours": frame_pairs(clip)} if clip else {"photos": compact.SHARED / "photos"}
        for _ in learn(painting, output, lesson=Lesson(steps=steps, style_size=size), **given):
            pass
    return output


def pictured(handle: str, name: str, content: np.ndarray) -> np.ndarray:
    """A content in a painting of ../shared, by a module."""
    return painter(handle, name, max(content.shape))(content)


def painter(handle: str, name: str, size: int, strength: float = 1.0) -> Callable[[np.ndarray], np.ndarray]:
    """frame -> picture, by a module, in a painting of ../shared."""
    settings = replace(INSTANTLY, module=handle, size=size, strength=strength)
    return Painter(Styles(str(compact.SHARED / "paintings" / f"{name}.jpg"), settings), settings)


def against_instant(paint: Callable[[np.ndarray], np.ndarray], name: str, size: int) -> Iterator[float]:
    """For four photographs: the judge's style distance over instant's at the same content distance.

    Instant's content distance is lowered by its strength; where ours is above all of instant's, at its full strength.
    """
    judge, style = compact.load_judge(), compact.read("paintings", name, size)
    for photograph in compact.CONTENTS:
        content = compact.read("contents", photograph, size)
        distance, ours = compact.judged(judge, paint(content), content, style)
        theirs = of_instant(name, photograph, size)
        at = min(distance, max(found[0] for found in theirs))
        yield ours / compact.style_at(at, theirs)


@cache
def of_instant(name: str, photograph: str, size: int) -> list[tuple[float, float]]:
    """The judge's distances of content and style of what instant makes at each strength."""
    content, style = compact.read("contents", photograph, size), compact.read("paintings", name, size)
    pictures = [painter("instant", name, size, strength)(content) for strength in MIXES]
    return [compact.judged(compact.load_judge(), picture, content, style) for picture in pictures]


def minutes_to_half(name: str, steps: int, size: int) -> float:
    """Minutes of learning until the style distance is half of instant's, looked at every hundred; or of all steps."""
    seconds, lesson = 0.0, Lesson(steps=steps, style_size=size)
    with tempfile.TemporaryDirectory() as folder:
        painting = compact.SHARED / "paintings" / f"{name}.jpg"
        learning = learn(painting, Path(folder) / name, photos=compact.SHARED / "photos", lesson=lesson)
        began = perf_counter()
        for step in learning:
            if step.number % 100 == 0 or step.number == steps:
                seconds += perf_counter() - began
                if geometric_mean(against_instant(learning.paint, name, size)) <= 0.5:
                    return seconds / 60
                began = perf_counter()
    return seconds / 60


def against_optimisation(where: Path, name: str, steps: int, size: int = compact.SIZE) -> Iterator[float]:
    """For four photographs: the judge's style distance over that of 100 evaluations at the same content distance."""
    folder = module(where, name, steps, size)
    judge, model, style = compact.load_judge(), compact.student(), compact.read("paintings", name, size)
    for photograph in compact.CONTENTS:
        content = compact.read("contents", photograph, size)
        ours = compact.judged(judge, pictured(str(folder), name, content), content, style)
        runs = [compact.optimise(model, content, style, weight, steps=100)[0] for weight in WEIGHTS]
        yield ours[1] / compact.style_at(ours[0], [compact.judged(judge, run, content, style) for run in runs])


def end_to_end(folder: Path, shape: tuple[int, int] = (360, 640)) -> Row:
    """Frames a second of `video`, file to file, after a first clip has been made."""
    style, rate = compact.SHARED / "paintings" / f"{PAINTINGS[0]}.jpg", 0.0
    with tempfile.TemporaryDirectory() as made:
        path, settings = Path(made) / "in.mp4", replace(INSTANTLY, module=str(folder), size=max(shape))
        source = clips.read_frames(clips.probe(film_source(), end=2.4))
        clips.write_frames(path, (filled(frame, shape) for frame in source), fps=20)
        for name in ("first", "second"):
            began = perf_counter()
            written = Film(path, style, Path(made) / f"{name}.mp4", settings).write()
            rate = written.frames / (perf_counter() - began)
    return Row("learn", f"frames a second, {shape[1]}x{shape[0]}, video end to end", rate, 5, 12, "higher")


def live(folder: Path, looks: int = 8) -> Iterator[Row]:
    """Frames a second that the page shows, of the camera that chromium draws; the median of a look a second."""
    if _lab.missing():
        print(f"learn: the live rate is left out, {_lab.missing()}", file=sys.stderr)
        return
    cell = f"import nstlib as nst\nlive = nst.Live({str(folder.resolve())!r}, size=256)\nlive"
    with tempfile.TemporaryDirectory() as made:
        _lab.notebook(Path(made, "live.ipynb"), [cell])
        with _lab.server(Path(made)) as address, _lab.browser(*_lab.CAMERA) as window:
            page = _lab.open_notebook(window, address, "live.ipynb")
            _lab.run_cell(page, 0, wait=True)
            page.locator(".nst-live button").click()
            shown = page.locator(".nst-live-rate:has-text('frames a second')")
            shown.wait_for()
            found = []
            for _ in range(looks):
                page.wait_for_timeout(1000)
                found.append(float(shown.inner_text().split()[0]))
    yield Row("learn", "live: painted frames a second in the page, 256 px", median(found), 8, 20, "higher")


def rates(folder: Path) -> Iterator[Row]:
    """Frames a second of the network alone: measured in turn with instant, whose own rate is another row."""
    for shape, floor, aim in (((256, 256), 25, 60), ((360, 640), 7, 20)):
        frame = filled(next(iter(clips.read_frames(clips.probe(film_source(), end=0.2)))), shape)
        ours, theirs = (painter(handle, PAINTINGS[0], max(shape)) for handle in (str(folder), "instant"))
        ours(frame), theirs(frame)
        seconds = in_turn(lambda paint=ours, f=frame: paint(f), lambda paint=theirs, f=frame: paint(f), rounds=25)
        name = f"frames a second, network alone, {shape[1]}x{shape[0]}"
        yield Row("learn", name, 1 / seconds[0], floor, aim, "higher")
        yield Row("learn", f"{name}, over instant's in turn", seconds[1] / seconds[0], None, None, "higher")


def steadiness(folder: Path, size: int = 320, frames: int = 24) -> Iterator[Row]:
    """Warping errors over the source's, with and without blending, over the first frames of the clip."""
    clip = clips.probe(film_source(), size=size)
    clip = replace(clip, picks=clip.picks[:frames])
    motion, style = metrics.motion_of(clip), compact.SHARED / "paintings" / f"{PAINTINGS[0]}.jpg"
    for consistency, floor, aim in (("independent", 6, 3), ("steady", 2.3, 1.5)):
        with tempfile.TemporaryDirectory() as made:
            settings = Settings(engine="hub", module=str(folder), size=size, consistency=consistency)
            film = Film(clip, style, Path(made) / "out.mp4", settings)
            found = metrics.measure(clips.read_frames(clip), (frame.image for frame in film), motion=motion)["mean"]
        what = "with blending" if consistency == "steady" else "network alone"
        ratio = found["warping_error"] / found["source_warping_error"]
        yield Row("learn", f"warping error over the source's, {what}, {size} px", ratio, floor, aim, "lower")
