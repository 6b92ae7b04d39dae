"""Photographs that stay photographs: time and memory, edges, style, steadiness, and closed-form transfers beside them.

Pictures are judged by `../shared/teacher`; what needs ../shared is left out where it is missing.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np

from ... import samples
from ...core.run import Run
from ...media import clips, colors, images
from ...research import metrics
from ...research.color_transfer import match_histograms, match_lab
from ...settings import Settings
from ...video.photo_film import PhotoFilm
from . import Row

SHARED = Path(__file__).parents[3] / ".." / "shared"
PAIRS = (
    ("tubingen", "n04162706"),
    ("golden_gate", "n03785016"),
    ("chicago", "n03785016"),
    ("green_sea_turtle", "n09256479"),
    ("sample", "n04162706"),
    ("golden_gate", "n04592741"),
    ("tubingen", "n04147183"),
    ("chicago", "n09399592"),
)
PHOTO = Settings(rendering="photo")
SIZE = 384  # px, at which pictures are judged
CONVERGED = 60  # evaluations, and four times as many to compare with
FRAMES = 24
RIVALS = {"Reinhard": match_lab, "histograms": match_histograms, "linear": colors.match_colors}


def rows() -> Iterator[Row]:
    """Every figure."""
    yield from large_picture()
    if (SHARED / "photos").is_dir():
        yield from fit()
        yield from pictures()
    for name in ("cockatoo", "walk_1080p", "sample"):
        path = samples.clip() if name == "sample" else SHARED / "clips" / f"{name}.mp4"
        if path.is_file() and (SHARED / "photos").is_dir():
            yield from steadiness(name, path)


def content_of(name: str) -> np.ndarray:
    """The content of a pair, at the size that is judged."""
    source = samples.frame(30) if name == "sample" else SHARED / "contents" / f"{name}.jpg"
    return images.load(source, size=SIZE)


def style_of(name: str) -> np.ndarray:
    """The style of a pair."""
    return images.load(SHARED / "photos" / f"{name}.jpg")


def fit() -> Iterator[Row]:
    """Seconds to a converged picture, and how far its loss is from that after four times the steps."""
    seconds, excess = [], []
    for content, style in PAIRS[:4]:
        settings = replace(PHOTO, size=256, steps=CONVERGED)
        Run(content_of(content), style_of(style), replace(settings, steps=2)).finish()  # what is traced once
        began = perf_counter()
        run = Run(content_of(content), style_of(style), settings)
        run.finish()
        seconds.append(perf_counter() - began)
        run.extend(3 * CONVERGED)
        run.finish()
        excess.append(run.curves["total"][CONVERGED - 1] / run.curves["total"][-1] - 1)
    yield Row("photo", "fit at 256 px, s", float(np.median(seconds)), 12, 4, "lower")
    yield Row(
        "photo", "its loss over that after four times the steps, less 1", float(np.median(excess)), 0.03, 0, "lower"
    )


LARGE = """
import json, sys
from time import perf_counter
import nstlib as nst
from nstlib.engines import records
from nstlib.workshop.bench._peak import high_water
path, style, out = sys.argv[1:]
run = nst.Run(path, style, nst.Settings(rendering="photo", steps=4))
run.finish()
began = perf_counter()
records.keep(run, out)
seconds = perf_counter() - began
print(json.dumps([high_water(), seconds]))
"""


def large_picture() -> Iterator[Row]:
    """A photograph of 24 megapixels: peak memory of the whole, and seconds after the fit, to the file."""
    with tempfile.TemporaryDirectory() as folder:
        source, style = Path(folder) / "in.jpg", Path(folder) / "style.png"
        large = cv2.resize(images.to_uint8(samples.frame(30)), (6000, 4000), interpolation=cv2.INTER_LINEAR)
        cv2.imwrite(str(source), large[..., ::-1])
        images.save(style, samples.frame(0) * np.float32(0.5))
        call = [sys.executable, "-c", LARGE, source, style, Path(folder) / "out.jpg"]
        peak, seconds = json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout)
    yield Row("photo", "peak memory, 24 megapixels, GB", peak / 1e9, 2, 1, "lower")
    yield Row("photo", "24 megapixels after the fit, s", seconds, 10, None, "lower")


def pictures() -> Iterator[Row]:
    """Edges kept and style reached, ours and the closed forms'; medians over the pairs."""
    judge = teacher()
    ours = lambda content, style: Run(content, style, replace(PHOTO, size=SIZE)).finish()  # noqa: E731
    for name, transfer in {"ours": ours, **RIVALS}.items():
        edges, ratios = zip(*(_judged(transfer, judge, *pair) for pair in PAIRS), strict=True)
        limits = ((0.90, 0.97), (0.35, 0.15)) if name == "ours" else ((None, None), (None, None))
        yield Row("photo", f"{name}: edges kept, median of 8", float(np.median(edges)), *limits[0], "higher")
        yield Row("photo", f"{name}: style after / before, median of 8", float(np.median(ratios)), *limits[1], "lower")


def _judged(transfer: Callable, judge: Any, content: str, style: str) -> tuple[float, float]:
    source, painting = content_of(content), style_of(style)
    result = transfer(source, painting).astype(np.float32)
    painting = images.resize(painting, images.fit(painting.shape[:2], SIZE))
    after, before = (judge.style_distance(picture, painting) for picture in (result, source))
    return edges_kept(result, source), after / before


def teacher() -> Any:
    """The judge's module."""
    spec = importlib.util.spec_from_file_location("judge", SHARED / "teacher" / "judge.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def edges_kept(result: np.ndarray, source: np.ndarray) -> float:
    """SSIM of the gradients' lengths, once the result's colours, in 8 bits, are mapped to the source's.

    The map is the best cubic polynomial of R, G and B, one for the whole picture.
    """
    r, g, b = (np.rint(result * 255).reshape(-1, 3) / 255).T
    powers = [(i, j, k) for i in range(4) for j in range(4 - i) for k in range(4 - i - j)]
    terms = np.stack([r**i * g**j * b**k for i, j, k in powers], axis=1)
    solved, *_ = np.linalg.lstsq(terms, source.reshape(-1, 3).astype(np.float64), rcond=None)
    matched = np.clip(terms @ solved, 0, 1).reshape(source.shape).astype(np.float32)
    return metrics.ssim(gradients(matched), gradients(source))


def gradients(image: np.ndarray) -> np.ndarray:
    """The lengths of Sobel's gradients a channel, (H, W, 3)."""
    ways = [
        cv2.Sobel(image, cv2.CV_32F, *way, scale=0.25, borderType=cv2.BORDER_REFLECT_101) for way in ((1, 0), (0, 1))
    ]
    return np.hypot(*ways)


def steadiness(name: str, path: Path) -> Iterator[Row]:
    """Warping error at equal contrast, and what becomes of a flicker of 1 %."""
    size = 640 if name != "sample" else 320
    clip = clips.probe(path, size=size)
    clip = replace(clip, picks=clip.picks[:FRAMES])
    source = list(clips.read_frames(clip))
    motion = metrics.motion_of(clip)
    with tempfile.TemporaryDirectory() as folder:
        film = PhotoFilm(clip, style_of("n04162706"), Path(folder) / "out.mp4", PHOTO)
        list(film)
        result = list(film.frames())
        if name == "cockatoo":
            yield speed(path, Path(folder))

        errors = []
        for t in range(0, len(source) - 1, 4):
            flow, mask = motion(t, source[t], source[t + 1])
            pair = [metrics.warping_error(frames[t], frames[t + 1], flow, mask) for frames in (result, source)]
            errors.append(pair)
        ours, theirs = np.mean(errors, axis=0)
        contrast = np.mean([f.var() for f in result]) / np.mean([f.var() for f in source])
        yield Row(
            "photo", f"{name}: E_warp over the source's, at its contrast", ours / theirs / contrast, 1.2, 1.05, "lower"
        )

        flicker = [np.clip(f * np.float32(1 + 0.01 * (t % 2)), 0, 1) for t, f in enumerate(source[:1] * 9)]
        clips.write_frames(Path(folder) / "flicker", flicker, fps=24)
        film = PhotoFilm(Path(folder) / "flicker", style_of("n04162706"), Path(folder) / "f.mp4", PHOTO)
        list(film)
        ratio = swing(list(film.frames())) / swing(flicker)
        yield Row("photo", f"{name}: flicker out / in", ratio, 1.2, 1.0, "lower")


def swing(frames: list[np.ndarray]) -> float:
    """The mean change of brightness from frame to frame, as a share of it."""
    return float(np.mean([abs(after.mean() / before.mean() - 1) for before, after in pairwise(frames)]))


def speed(path: Path, folder: Path) -> Row:
    """Frames a second at 1280x720 by maps that are found, file to file."""
    clip = clips.probe(path, size=1280)
    clip = replace(clip, picks=clip.picks[:96])
    film = PhotoFilm(clip, style_of("n04162706"), folder / "speed.mp4", PHOTO)
    list(film)
    next(film.frames())  # what is compiled once
    began = perf_counter()
    written = film.write()
    return Row(
        "photo",
        "frames a second at 1280x720, file to file",
        written.frames / (perf_counter() - began),
        10,
        30,
        "higher",
    )
