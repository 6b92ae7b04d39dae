"""What of a film's brightness is flicker."""

import itertools

import numpy as np

from ..media.colors import YIQ

DARK = 0.02  # of luma, added before its logarithm: black has no brightness to compare
SMOOTH = np.array([1, 4, 6, 4, 1]) / 16  # over frames: of what changes to and fro nothing is left
MOST, LEAST = 0.05, 2e-4  # logarithms of flicker: more is a change of light, less is a measurement's


class Exposure:
    """How bright a film's frames are, from frame to frame: what of it is flicker, and no change of light.

    A map that adds contrast would make more of a flicker, measured against the brightness: a frame is mapped without
    its flicker, and gets it back as it was.
    """

    def __init__(self) -> None:
        self._logs: list[float] = []  # of each frame's brightness, over that of its shot's first
        self._firsts: list[int] = []  # frames that begin a shot
        self._last: np.ndarray | None = None

    def advance(self, frame: np.ndarray, *, begins: bool) -> None:
        """Go on to a frame (H, W, 3): its brightness over the last one's, by the pixel in the middle of them all."""
        luma = frame @ YIQ[0] + DARK
        if begins or self._last is None:
            self._firsts.append(len(self._logs))
            self._logs.append(0.0)
        else:
            self._logs.append(self._logs[-1] + float(np.median(np.log(luma / self._last))))
        self._last = luma

    def flicker(self) -> np.ndarray:
        """The factor of each frame by which it differs from a mean of its neighbours; within a shot."""
        factors = np.ones(len(self._logs), np.float32)
        for begin, end in itertools.pairwise([*self._firsts, len(self._logs)]):
            shot = np.array(self._logs[begin:end])
            around = np.pad(shot, 2, "reflect" if len(shot) > 2 else "edge")
            apart = np.clip(shot - np.convolve(around, SMOOTH, "valid"), -MOST, MOST)
            factors[begin:end] = np.exp(np.where(np.abs(apart) < LEAST, 0, apart))
        return factors
