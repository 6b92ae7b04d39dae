"""Style losses: their time, their strength and VGG19's scale, on ../shared's pairs by the reference teacher.

LOSSES_PAIRS=2 takes two pairs for four.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter, process_time

import numpy as np
import tensorflow as tf

from ...core.run import Run
from ...settings import STYLE_LAYERS, STYLE_LOSSES, Settings
from ..training import calibrate
from . import Row
from ._recipe import in_turn
from .compact import SHARED, judged, load_judge, read, student

PAIRS = [
    ("golden_gate", "starry_night"),
    ("tubingen", "the_scream"),
    ("chicago", "la_muse"),
    ("green_sea_turtle", "great_wave_crop"),
][: int(os.environ.get("LOSSES_PAIRS", "4"))]
PHOTOS, STEPS = 8, 100


def rows() -> Iterator[Row]:
    """Every figure of the style losses."""
    if not (SHARED / "teacher" / "judge.py").is_file():
        print(f"losses: left out, no reference teacher in {SHARED.name}/", file=sys.stderr)
        return
    yield from scale()
    yield from times()
    began = perf_counter(), process_time()
    _run(*PAIRS[0], Settings(style_loss="remd", size=512)).finish()
    yield Row("losses", "remd: a picture of 512 px, s", perf_counter() - began[0], 180, 60, "lower")
    yield Row("losses", "remd: the same, s of the processors' time", process_time() - began[1], None, None, "lower")
    yield from strengths()


def scale() -> Iterator[Row]:
    """Each layer's mean Gram matrix on photographs over the published one, or under it: the larger ratio.

    Compact's norm tells its mean by the teacher's ratio of the two. The photographs are others than the factors'.
    """
    weights = dict(np.load(SHARED / "teacher" / "vgg19_slim16x.npz", allow_pickle=False))
    model, found = student().extractor, {layer: [] for layer in STYLE_LAYERS}
    for photo in calibrate.photographs(str(SHARED / "photos"), PHOTOS):
        full, own = calibrate.full_features(weights, photo), model(tf.constant(photo))
        for layer in STYLE_LAYERS:
            mean, norm, own_norm, *_ = calibrate.measures(full[layer], own[layer].numpy())
            found[layer].append(mean * own_norm / norm)
    for layer, means in found.items():
        ratio = float(np.mean(means)) / calibrate.published(layer)
        yield Row("losses", f"{layer}: mean Gram / VGG19's, or under it", max(ratio, 1 / ratio), 1.5, 1.2, "lower")


def times() -> Iterator[Row]:
    """The time of an evaluation against gram's, on compact at 256 px, in turn."""
    limits = {"wasserstein": (1.35, 1.15)}
    runs = [_run(*PAIRS[0], Settings(style_loss=name, size=256, scales=1)) for name in STYLE_LOSSES]
    for run in runs:
        next(run)
    gram, *others = in_turn(*[lambda run=run: run._objective(run.optimizer.x)[1].numpy() for run in runs], rounds=21)
    for name, seconds in zip(STYLE_LOSSES[1:], others, strict=True):
        yield Row(
            "losses",
            f"{name}: time of an evaluation / gram's",
            seconds / gram,
            *limits.get(name, (None, None)),
            "lower",
        )


def strengths() -> Iterator[Row]:
    """The judge's content distance at the same weights, over gram's or under it: the mean over the pairs."""
    judge, found = load_judge(), {name: [] for name in STYLE_LOSSES}
    for content, style in PAIRS:
        for name in STYLE_LOSSES:
            picture = _run(content, style, Settings(style_loss=name, size=256, steps=STEPS)).finish()
            found[name].append(judged(judge, picture, read("contents", content), read("paintings", style))[0])
    for name in STYLE_LOSSES[1:]:
        ratio = float(np.exp(np.mean(np.log(np.divide(found[name], found["gram"])))))
        label = f"{name}: content distance at the same weights / gram's, or under it"
        yield Row("losses", label, max(ratio, 1 / ratio), 1.2, None, "lower")


def _run(content: str, style: str, settings: Settings) -> Run:
    paths = (SHARED / "contents" / f"{content}.jpg", SHARED / "paintings" / f"{style}.jpg")
    return Run(*paths, replace(settings, tile=0))
