"""A clip's neighbouring frames with their motion, for a network that learns to hold still on them."""

from pathlib import Path

import numpy as np

from ..engines.lessons import FramePair
from ..errors import NstlibError
from ..media import clips
from .flow import optical_flow, reliability

MOST = 64  # pairs, evenly over the clip


def frame_pairs(clip: str | Path | clips.Clip, *, size: int = 384, most: int = MOST) -> list[FramePair]:
    """Pairs of frames next to each other, with optical flow and reliability; at most so many, evenly over the clip.

    size: the frames' longest side. Raises NstlibError for a clip of fewer than two frames.

    >>> pairs = nst.frame_pairs(nst.samples.clip(), size=96, most=2)
    >>> len(pairs), pairs[0].flow.shape
    (2, (54, 96, 2))
    """
    clip = clip if isinstance(clip, clips.Clip) else clips.probe(clip, size=size)
    if clip.frames < 2:
        raise NstlibError(f"{clip.path} has {clip.frames} frame; neighbours take two at least")
    chosen = set(np.linspace(0, clip.frames - 2, min(most, clip.frames - 1)).round().astype(int).tolist())
    pairs, before = [], None
    for index, frame in enumerate(clips.read_frames(clip)):
        if index - 1 in chosen:
            there, back = (optical_flow(*pair, preset="medium") for pair in ((before, frame), (frame, before)))
            pairs.append(FramePair(before, frame, there, reliability(there, back)))
        before = frame
    return pairs
