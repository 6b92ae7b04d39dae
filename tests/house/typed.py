"""A caller's program, for a type checker alone (`make lint`): the face's names are known, and so are their types."""

from pathlib import Path

import numpy as np

import nstlib as nst


def picture(content: Path, style: Path) -> np.ndarray:
    """A picture, by a run that is watched and saved."""
    run = nst.Run(content, [style], nst.Settings(size=256, style_weight=3.0))
    losses: list[float] = [step.losses["total"] for step in run]
    nst.loss_curves({"total": losses}).savefig("losses.png")
    saved: Path = nst.save("out.png", run.image, record=nst.record(run))
    return nst.resize(nst.load(saved), (128, 128))


def clip(path: Path, style: Path) -> float:
    """A clip, and how steady it is."""
    settings = nst.Settings(size=256)
    film = nst.Film(path, style, "out.mp4", settings)
    frames: list[np.ndarray] = [frame.image for frame in film]
    nst.write_frames("again.mp4", frames, fps=nst.probe(path).fps)
    mean: float = nst.measure(nst.read_frames(path, size=256), frames)["mean"]["warping_error"]
    return mean
