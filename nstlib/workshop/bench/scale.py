"""Scale: sweeps on one and two workers, what they cost beside a plain loop, seams between pieces, memory, and bytes.

Dask's scheduler and workers are real processes on loopback, of one thread each. Needs requirements-cluster.txt.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
import psutil

from ... import samples
from ...core.run import Run
from ...core.styles import Styles
from ...media import clips
from ...research import metrics
from ...scale import executors, films
from ...scale.films import DistributedFilm
from ...scale.segments import to_png
from ...scale.sweeps import sweep
from ...settings import Settings
from . import Row
from ._cluster import cluster, environment

RUNS, ROUNDS = 16, 3
SETTINGS = Settings(size=192, steps=60, init="noise")
TINY = Settings(
    extractor="random", size=16, steps=1, style_layers=("block1_conv1",), content_layers=("block1_conv1",), init="noise"
)
FILM = Settings(size=256)
PIECE = 30  # of the sample clip, whose 60 frames then have one join
STYLE = "whirls"
PICTURES = Path("outputs/scale")


def rows() -> Iterator[Row]:
    """Every figure."""
    yield from sweeps()
    yield from memory()
    yield from seams(*samples.STYLES)
    yield from paper()


def sweeps(runs: int = RUNS, rounds: int = ROUNDS, settings: Settings = SETTINGS) -> Iterator[Row]:
    """So many runs on two workers, on one, and in a plain loop; in turn, after two runs that warm each up."""
    seconds: dict[str, list[float]] = {"two": [], "one": [], "loop": []}
    with ExitStack() as stack, TemporaryDirectory() as folder:
        pools = {}
        for name, count in (("two", 2), ("one", 1)):
            place = Path(folder, name)
            place.mkdir()
            address, _, _ = stack.enter_context(cluster(place, count))
            pools[name] = stack.enter_context(executors.executor(address))
        loop = stack.enter_context(_Loop(settings))
        for number in range(rounds + 1):
            for name in seconds:
                output, first = Path(folder, f"{name}-{number}"), 1000 * number
                seeds = range(first, first + (runs if number else 2))
                began = perf_counter()
                if name == "loop":
                    loop.run(seeds, output)
                else:
                    grid = {"seed": seeds}
                    content, style = samples.photograph(), samples.styles()[STYLE]
                    list(sweep(content, style, grid, pools[name], settings=settings, output=output))
                seconds[name].append(perf_counter() - began)
    two, one, loop_seconds = (median(times[1:]) for times in seconds.values())
    yield Row("scale", f"{runs} runs: one worker / two workers of one thread, time", one / two, 1.7, 1.9, "higher")
    name = f"{runs} runs: one worker over a plain loop, time"
    yield Row("scale", name, one / loop_seconds - 1, 0.10, 0.03, "lower")


class _Loop:
    """A plain loop over seeds in a process of its own, with one thread as workers have."""

    CODE = """
import json, sys
from dataclasses import replace
from pathlib import Path
from nstlib.media import images
from nstlib.engines import records
from nstlib import samples
from nstlib.scale import workers
workers.one_thread()
from nstlib.settings import from_dict
from nstlib.core.run import Run
settings = from_dict(json.loads(sys.argv[1]))
for line in sys.stdin:
    seeds, folder = json.loads(line)
    Path(folder).mkdir()
    for seed in seeds:
        run = Run(samples.photograph(), samples.styles()[sys.argv[2]], replace(settings, seed=seed))
        images.save(Path(folder, f"{seed}.png"), run.finish(), record=records.record(run))
    print("done", flush=True)
"""

    def __init__(self, settings: Settings) -> None:
        command = [sys.executable, "-c", self.CODE, json.dumps(vars(settings)), STYLE]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, env=environment(), **pipes)

    def run(self, seeds: range, folder: Path) -> None:
        """One picture a seed."""
        print(json.dumps([list(seeds), str(folder)]), file=self._process.stdin, flush=True)
        if not self._process.stdout.readline():
            raise RuntimeError("the plain loop ended")

    def __enter__(self) -> "_Loop":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.stdin.close()
        self._process.wait()


def memory(cells: int = 1000) -> Iterator[Row]:
    """How the client's memory grows after the first 300 of a thousand tiny cells."""
    process, seen = psutil.Process(), []
    with TemporaryDirectory() as folder, cluster(Path(folder)) as (address, _, _), executors.executor(address) as pool:
        grid = {"seed": range(cells // 20), "style_weight": [float(i) for i in range(1, 21)]}
        photograph, style = samples.photograph(), samples.styles()[STYLE]
        for number, _ in enumerate(sweep(photograph, style, grid, pool, settings=TINY, output=Path(folder, "out"))):
            if number in (3 * cells // 10, cells - 1):
                seen.append(process.memory_info().rss)
    yield Row("scale", f"client's memory, growth from cell {3 * cells // 10} to {cells}, MB", _mb(seen), 10, 2, "lower")


def _mb(seen: list[int]) -> float:
    return (seen[1] - seen[0]) / 1e6


def seams(*names: str, settings: Settings = FILM, piece: int = PIECE, overlap: int = films.OVERLAP) -> Iterator[Row]:
    """Where a piece goes over to the next one's keyframe: warping error and style loss, over the other frames'."""
    clip = clips.probe(samples.clip(), size=settings.size)
    source, motion = list(clips.read_frames(clip)), metrics.motion_of(clip)
    drawn = list(range(piece - overlap, piece))  # the frames that go over to the keyframe
    join = [drawn[0] - 1, *drawn]  # the steps to them, between them, and to the keyframe
    for name in names:
        style = samples.styles()[name]
        with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
            options = {"executor": pool, "segment": piece, "overlap": overlap}
            result = [
                frame.image for frame in DistributedFilm(clip, style, Path(folder, "out.mp4"), settings, **options)
            ]
        _keep(name, result)
        pairs = pairwise(result)
        error = [metrics.warping_error(*pair, *motion(t, *source[t : t + 2])) for t, pair in enumerate(pairs)]
        yield Row("scale", f"{name}: E_warp across a join / within pieces", _ratio(error, join), 1.2, None, "lower")
        last = _ratio(error, join[-1:])
        yield Row("scale", f"{name}: E_warp of the one step to the keyframe / within", last, None, None, "lower")
        styles = Styles(style, settings)
        once = replace(settings, steps=1, scales=1)
        loss = [next(Run(s, styles, once, start=r)).losses["style"] for s, r in zip(source, result, strict=True)]
        yield Row("scale", f"{name}: style loss across a join / within", _ratio(loss, drawn), None, None, "lower")


def _keep(name: str, result: list[np.ndarray]) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    clips.write_frames(PICTURES / f"{name}.mp4", iter(result), fps=24)


def _ratio(values: list[float], chosen: list[int]) -> float:
    others = [value for t, value in enumerate(values) if t not in chosen]
    return float(np.mean([values[t] for t in chosen]) / np.mean(others))


def paper(size: int = 384, frames: int = 6) -> Iterator[Row]:
    """What a frame of a shot costs: a worker's seconds on one core, this process's own, and bytes each way."""
    clip = clips.probe(samples.clip(), size=size)
    clip = replace(clip, picks=clip.picks[:frames])
    ((_, sent),) = films.cut_segments(clips.read_frames(clip), 0, 0)
    with TemporaryDirectory() as folder, executors.executor(workers=1) as pool:
        film = DistributedFilm(
            clip, samples.styles()[STYLE], Path(folder, "out.mp4"), Settings(size=size), executor=pool
        )
        began = process_time()
        first, *later = film
        film.write()
        client = process_time() - began
    back = [len(to_png(frame.image)) for frame in (first, *later)]
    for name, value in {
        "a shot's first frame, one core, s": first.seconds,
        "a later frame, one core, s": median(frame.seconds for frame in later),
        "the client's part of a frame, s": client / frames,
        "a frame to a worker, kB": sum(map(len, sent)) / frames / 1e3,
        "a frame back, kB": sum(back) / frames / 1e3,
    }.items():
        yield Row("scale", f"{size} px: {name}", value, None, None, "lower")
