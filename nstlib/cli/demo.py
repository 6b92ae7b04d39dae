"""The demo: the bundled frame in each bundled style, and the bundled clip, steady, with figures and records."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm.auto import tqdm

from .. import samples
from ..core.run import Run
from ..core.styles import Picture, Styles
from ..engines import records
from ..media import clips, files, images
from ..research import metrics, plots
from ..settings import Settings
from ..video.film import Film

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAME = 30  # of the bundled clip
STYLE = "whirls"  # the clip's
PAIRS = range(FRAME, FRAME + 4)  # frames that are stylised independently too


def demo(folder: Path, settings: Settings | None = None, *, frames: int = samples.FRAMES) -> list[Path]:
    """Write pictures, a clip, figures and records to the folder, printing where. Returns their paths.

    frames: how many of the clip. Raises NstlibError where the folder cannot be written.
    """
    files.make_folder(folder)
    settings = settings or Settings()
    written = [*_pictures(folder, settings), *_clip(folder, replace(settings, size=min(settings.size, 320)), frames)]
    print("\n".join(map(str, written)))
    return written


def _pictures(folder: Path, settings: Settings) -> list[Path]:
    """The frame in each style, each with its record; all in one figure, and the last one's losses."""
    content = images.save(folder / "frame.png", samples.frame(FRAME))
    shown, written = {"a frame of the bundled clip": images.load(content, size=settings.size)}, [content]
    for name, run in in_each_style(content, settings):
        written.append(images.save(folder / f"{name}.png", run.image, record=records.record(run)))
        shown[name] = run.image
    figures = {
        "styles.png": plots.show(shown, columns=2),
        "losses.png": plots.loss_curves(run.curves, title=f"Losses of {name}", enlargements=run.enlargements),
    }
    return written + _saved(folder, figures)


def in_each_style(content: Picture, settings: Settings) -> Iterator[tuple[str, Run]]:
    """A picture in each bundled style: (the style's name, the finished run), behind a progress bar."""
    for name, style in samples.styles().items():
        run = Run(content, style, settings)
        for _ in tqdm(run, total=run.total_steps, desc=name, unit="step", leave=False, dynamic_ncols=True):
            pass
        yield name, run


def _clip(folder: Path, settings: Settings, frames: int) -> list[Path]:
    """The clip, the clip beside its source, and the warping error over its frames."""
    clip = clips.probe(samples.clip(), size=settings.size)
    clip = replace(clip, picks=clip.picks[:frames])
    film = Film(clip, samples.styles()[STYLE], folder / "clip.mp4", settings, fresh=True)
    for _ in tqdm(film, total=film.total, desc="clip", unit="frame", leave=False, dynamic_ncols=True):
        pass
    results = list(film.finished())
    written = [film.write().path, folder / "side-by-side.mp4"]
    pairs = (np.hstack(pair) for pair in zip(clips.read_frames(clip), results, strict=True))
    clips.write_frames(written[1], pairs, fps=clip.fps, audio=clip)
    return written + _saved(folder, {"steadiness.png": _steadiness(clip, results, settings)})


def _steadiness(clip: clips.Clip, results: list[np.ndarray], settings: Settings) -> "Figure":
    """E_warp of the clip, of its source, and of frames stylised each by itself."""
    motion, styles = metrics.motion_of(clip), Styles(samples.styles()[STYLE], settings)
    found = metrics.measure(clips.read_frames(clip), results, motion=motion)["per_frame"]
    curves = {name: [row.get(key) for row in found] for name, key in _CURVES.items()}
    alone = [i for i in PAIRS if i < clip.frames]
    source = list(islice(clips.read_frames(clip), alone[-1] + 1)) if alone else []
    for name, init in (("each frame from noise, as the paper", "noise"), ("each frame from its content", "content")):
        single = {
            i: Run(source[i], styles, replace(settings, init=init, steps=min(settings.steps, 100))).finish()
            for i in tqdm(alone, desc=name, unit="frame", leave=False, dynamic_ncols=True)
        }
        curves[name] = [None] * clip.frames
        for i in alone[:-1]:
            curves[name][i] = metrics.warping_error(single[i], single[i + 1], *motion(i, source[i], source[i + 1]))
    return plots.frame_curves(curves, title="Unsteadiness: the change that motion does not explain", label="E_warp")


_CURVES = {"steady": "warping_error", "the source itself": "source_warping_error"}


def _saved(folder: Path, figures: "dict[str, Figure]") -> list[Path]:
    for name, figure in figures.items():
        plots.save(figure, folder / name)
    return [folder / name for name in figures]
