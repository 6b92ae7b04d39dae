"""Pictures: how much of a painting's large forms a picture has, beside the defaults before `forms`; needs ../shared.

Style at 96, 192 and 384 px is the judge's style distance of picture and painting scaled down to that longest side:
what a full-size distance cannot see. All are of what is inside the border: a line along it, where features meet zeros,
can make up for the rest of the picture (The Starry Night at 768 px: 0.0013 with it, 0.045 without its 16 pixels).
The pictures are kept in outputs/pictures/, to be looked at, old beside new.
PICTURES_PAIRS=2 takes two pairs for six.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
import tensorflow as tf

from ...core.run import Run
from ...media import images
from ...settings import Settings, from_record, to_dict
from . import Row
from .compact import SHARED, load_judge

PICTURES = Path("outputs/pictures")
PAIRS = [
    ("tubingen", "starry_night"),
    ("golden_gate", "woman_with_hat_matisse"),
    ("chicago", "great_wave_crop"),
    ("chicago", "kandinsky"),
    ("green_sea_turtle", "the_scream"),
    ("tubingen", "udnie"),
][: int(os.environ.get("PICTURES_PAIRS", "6"))]
SIDES = (96, 192, 384)
LINE = 16  # px at the border that are not judged


@dataclass(frozen=True)
class Judged:
    """A picture's style distance by longest side (0: its own), its content distance, and the seconds it took.

    They are the processors', which another program's load changes little.
    """

    style: dict[int, float]
    content: float
    seconds: float


def rows() -> Iterator[Row]:
    """Every figure, new over old or old over new, over the pairs."""
    if not (SHARED / "teacher" / "judge.py").is_file():
        print(f"pictures: left out, no reference teacher in {SHARED.name}/", file=sys.stderr)
        return
    yield from against_before(768)
    old, new = (made(*PAIRS[0], settings) for settings in (before(1536), Settings(size=1536)))
    yield Row("pictures", "1536 px: time, new / old", new.seconds / old.seconds, 1.0, 0.7, "lower")
    small, large = (made(*PAIRS[0], Settings(size=size)) for size in (512, 2048))
    ratio = large.style[192] / small.style[192]
    yield Row("pictures", "style at 192 px, 2048 px / 512 px", ratio, 1.5, 1.1, "lower")


def against_before(size: int) -> Iterator[Row]:
    """The defaults against those before `forms`, side by side."""
    made(*PAIRS[0], Settings(size=size, steps=8))  # the traces
    found = [(made(*pair, before(size)), made(*pair, Settings(size=size))) for pair in PAIRS]

    def mean(figure) -> float:
        return float(np.exp(np.mean([np.log(figure(old, new)) for old, new in found])))

    coarse = mean(lambda old, new: np.sqrt(old.style[96] * old.style[192] / new.style[96] / new.style[192]))
    yield Row("pictures", f"{size} px: style at 96 and 192 px, old / new", coarse, 3, 8, "higher")
    middle = mean(lambda old, new: old.style[384] / new.style[384])
    yield Row("pictures", f"{size} px: style at 384 px, old / new", middle, 2, 6, "higher")
    fine = mean(lambda old, new: new.style[0] / old.style[0])
    yield Row("pictures", f"{size} px: style at full size, new / old", fine, 1.5, 1.0, "lower")
    content = mean(lambda old, new: new.content / old.content)
    yield Row("pictures", f"{size} px: content distance, new / old", content, 1.2, 1.0, "lower")
    seconds = mean(lambda old, new: new.seconds / old.seconds)
    yield Row("pictures", f"{size} px: time, new / old", seconds, 1.0, 0.7, "lower")


def before(size: int) -> Settings:
    """The defaults before `forms`, at a size."""
    values = {**to_dict(Settings(size=size)), "steps": 150, "scales": 0}
    del values["forms"], values["border"]
    return from_record(values)


def made(content: str, style: str, settings: Settings) -> Judged:
    """A picture, judged and kept."""
    photo, painting = (
        images.load(SHARED / folder / f"{name}.jpg") for folder, name in (("contents", content), ("paintings", style))
    )
    began = process_time()
    picture = Run(photo, painting, settings).finish()
    seconds = process_time() - began

    PICTURES.mkdir(parents=True, exist_ok=True)
    kind = "new" if settings.forms else "old"
    images.save(PICTURES / f"{content}-{style}-{settings.size}-{kind}.png", picture)

    judge, inside = load_judge(), picture[LINE:-LINE, LINE:-LINE]
    style_at = {side: _style(judge, inside, painting, side or max(inside.shape)) for side in (0, *SIDES)}
    goal = tf.constant(images.resize(photo, picture.shape[:2]))
    return Judged(style_at, judge.content_distance(tf.constant(picture), goal), seconds)


def _style(judge, picture: np.ndarray, painting: np.ndarray, side: int) -> float:
    pair = [tf.constant(images.resize(p, images.fit(p.shape[:2], side))) for p in (picture, painting)]
    return judge.style_distance(*pair)
