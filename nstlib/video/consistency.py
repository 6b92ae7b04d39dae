"""What the frames before say about the next one: a start, and warped results with the trust that they deserve."""

from collections import deque
from collections.abc import Callable
from functools import reduce
from pathlib import Path

import cv2
import numpy as np

from ..engines.frames import Guide, enough
from ..errors import NstlibError
from ..media import images
from . import flow

# (number of the frame, of the other, frame, other) -> (flow from frame to other, flow from other to frame)
Motion = Callable[[int, int, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
STILL = 3 / 255  # what stands still differs from what was painted by less than this, smoothed against noise,
HARDLY = 0.25  # and moves by less than this many px
PATCH = 1.5  # σ of that smoothing, px
SETTLING = 8  # frames for which what comes to a stand is painted on, before it is held
STALE = 0.05  # paint made for what differs by more from what is there now, smoothed, is not carried on
SWIFT = 0.125  # of the picture's longest side, px: at so fast a motion by twice as much, since it is blurred
WIDE = 3.0  # σ of that smoothing, px: resampled texture differs too, but not on average
BEYOND = 1.0  # what was farther than so many px beyond the frame has no paint: the border's would be drawn to a streak
GROWN = 0.8  # of what is young in a frame is so still in the next one
FADE = 0.03  # of that difference is forgotten with every frame
ANEW = 0.7  # of the way to the frame is where it begins anew: a little of the strokes saves many evaluations
STAY = 10.0  # the weight in the temporal loss of what is drawn to another result: halfway it would not stay
HOLD = 30.0  # the weight of what is held in the temporal loss: nothing is to be built on its changing


class Shot:
    """The last frames of a shot and their results, as far back as `reach`; `advance` tells what they say of the next.

    Resampling a result at every frame would blur it away, so where a pixel's source stands still, its result is not
    resampled; and painting it for ever would let it drift, so what was painted in full, in the shot's first frame or
    for `SETTLING` frames, is held until its source changes. `anchor` (H, W, 3) is the source as it was last painted,
    `age` (H, W) for how many frames it has stood still.

    Flow does not see what a slow thing uncovers, and would leave a streak of its paint there: `made_for` (H, W, 3), the
    source that a result was made for, moves along with it, and where it is no longer what the frame shows, or what it
    shows comes from beyond the frame, the painting begins anew, near the content. A strip of it would stay there,
    nearly a photograph, since the frame as a whole has its style: `young` (H, W), where it is so, moves along too, and
    is compared with the style by itself for some frames.
    """

    def __init__(self, *, reach: int = 1, motion: Motion | None = None) -> None:
        self._past: deque[tuple[int, np.ndarray, np.ndarray]] = deque(maxlen=reach)
        self._motion = motion or estimated("fine")
        self.anchor: np.ndarray | None = None
        self.age: np.ndarray | None = None
        self.made_for: np.ndarray | None = None
        self.young: np.ndarray | None = None

    def add(self, number: int, frame: np.ndarray, result: np.ndarray) -> None:
        """Remember a finished frame."""
        self._past.append((number, frame, result))
        if self.anchor is None or self.age is None:
            self.anchor, self.age = frame, np.full(frame.shape[:2], SETTLING, np.uint8)
            self.made_for, self.young = frame, np.zeros(frame.shape[:2], np.float32)
        self.anchor = np.where((self.age >= SETTLING)[..., None], self.anchor, frame)

    def state(self) -> np.ndarray:
        """`anchor`, `made_for`, `young` and `age` as bytes (H, W, 8), which `restore` takes."""
        shares = np.dstack([self.anchor, self.made_for, self.young])
        return np.dstack([images.to_uint8(shares), self.age])

    def restore(self, state: np.ndarray) -> None:
        """Go on from `state()`. Raises NstlibError for that of another edition of the package."""
        if state.shape[2] != 8:
            raise NstlibError("this clip was begun by another edition of nstlib; start afresh with --fresh")
        shares, self.age = state[..., :7] / np.float32(255), state[..., 7]
        self.anchor, self.made_for, self.young = shares[..., :3], shares[..., 3:6], shares[..., 6]

    def advance(self, number: int, frame: np.ndarray) -> Guide:
        """Go on to frame `number`: how long its parts have stood still by now, and what the earlier frames say of it.

        Further back counts only where nearer does not: c_long(j) = max(c(j) − Σ_{k<j} c(k), 0), j = 1, 2, 4, … up to
        `reach` (Ruder et al. 2016, section 4.3). Where none is trusted the start is the last result, warped all the
        same: it begins in the style, unlike the content, and is repainted sooner. Where that is stale, it goes most
        of the way to the frame.
        """
        start, earlier, claimed = None, [], np.zeros(frame.shape[:2], np.float32)
        for back in _powers(len(self._past)):
            other, before, result = self._past[-back]
            w, opposite = self._motion(number, other, frame, before)
            warped = flow.warp(result, w, interpolation="lanczos")
            c = np.maximum(flow.reliability(w, opposite) - claimed, 0)
            claimed = claimed + c

            if start is None:
                start, warped, c, anew, young = self._begun(frame, w, result, warped, c)
            else:
                start = start + c[..., None] * (warped - start)
            earlier.append((warped, c))
            if claimed.min() > 0.5:
                break
        return Guide(start, tuple(earlier), self.age >= SETTLING, anew, young)

    def _begun(
        self, frame: np.ndarray, w: np.ndarray, result: np.ndarray, warped: np.ndarray, c: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
        """The start, the last result with its trust, what begins anew and is young, by what is known of its source."""
        still = self._still(frame, w)
        self.age = np.where(still, np.minimum(self.age, SETTLING - 1) + 1, 0).astype(np.uint8)
        stale = self._stale(frame, w, still)
        young = self._growing(stale, w, still)
        anew = stale if enough(stale, self.age >= SETTLING) else None

        kept = np.where(still[..., None], result, warped)
        start = kept + np.float32(ANEW) * stale[..., None] * (frame - kept)
        c = c * (1 - stale) + np.float32(HOLD) * (self.age >= SETTLING)
        return start, kept, c, anew, young

    def _still(self, frame: np.ndarray, w: np.ndarray) -> np.ndarray:
        change = _largest(cv2.GaussianBlur(frame - self.anchor, (0, 0), PATCH))
        moves = cv2.GaussianBlur(_largest(w), (0, 0), PATCH)
        still = ((change < STILL) & (moves < HARDLY)).astype(np.uint8)
        return cv2.erode(still, np.ones((3, 3), np.uint8)).astype(bool)

    def _stale(self, frame: np.ndarray, w: np.ndarray, still: np.ndarray) -> np.ndarray:
        """Where the last result was made for something else, or for nothing since it lay beyond the frame, from 0 to 1.

        A change of light does not count as that.
        """
        kept = np.where(still[..., None], self.made_for, flow.warp(self.made_for, w, interpolation="cubic"))
        box = (max(frame.shape) // 8 * 2 + 1,) * 2
        kept = kept + cv2.blur(cv2.blur(frame - kept, box), box)  # twice, since once has negative frequencies: unstable
        change = frame - kept
        blurred = 1 + np.hypot(w[..., 0], w[..., 1]) / (SWIFT * max(frame.shape))
        other = _largest(cv2.GaussianBlur(change, (0, 0), WIDE)) > STALE * blurred
        stale = (other | ~flow.within(w, margin=BEYOND)).astype(np.float32)
        stale = np.where(self.age >= SETTLING, np.float32(0), cv2.GaussianBlur(stale, (0, 0), PATCH))
        kept = np.where(stale[..., None] > 0.5, frame, kept + np.float32(FADE) * change)
        self.made_for = images.to_uint8(kept) / np.float32(255)
        return stale

    def _growing(self, stale: np.ndarray, w: np.ndarray, still: np.ndarray) -> np.ndarray | None:
        """Where it began anew in this frame, or some frames ago; None where that is not enough, or the rest is not.

        What is nearly all of a frame has its statistics anyway.
        """
        held = self.age >= SETTLING
        carried = np.where(still, self.young, flow.warp(self.young, w))
        young = np.where(held, np.float32(0), stale + (1 - stale) * carried)
        apart = enough(young, held)
        self.young = images.to_uint8(young * np.float32(GROWN if apart else 1)) / np.float32(255)
        return young if apart and enough(1 - young, held) else None


def between(
    own: np.ndarray, frame: np.ndarray, other: np.ndarray, result: np.ndarray, flows: tuple[np.ndarray, np.ndarray]
) -> Guide:
    """The guide of a later pass: own result and the neighbour's, warped, half and half where that is trusted.

    own: the pass before's result of `frame`; other, result: the neighbour and what this pass made of it; flows: from
    frame to other and back. x = c/2 w + (1 − c/2) own (Ruder et al. 2016, section 4.4, δ = 1/2).
    """
    warped, c = flow.warp(result, flows[0], interpolation="lanczos"), flow.reliability(*flows)
    return Guide(own + 0.5 * c[..., None] * (warped - own), ((warped, c),), np.zeros(frame.shape[:2], bool))


def drawn(guide: Guide, target: np.ndarray, share: float) -> Guide:
    """x = start + s (target − start): the guide, its start a share nearer to another result of its frame, (H, W, 3).

    What is held stays held where the two agree, and is painted on its way where they do not.
    """
    held = guide.held & (_largest(target - guide.start) < STILL)
    start = np.where(held[..., None], guide.start, guide.start + np.float32(share) * (target - guide.start))
    return Guide(start, ((start, np.full(held.shape, STAY, np.float32)),), held)


def _largest(vectors: np.ndarray) -> np.ndarray:
    """max |v| over the channels, (H, W, C) -> (H, W): channel by channel, several times as fast as along the axis."""
    return reduce(np.maximum, (np.abs(vectors[..., i]) for i in range(vectors.shape[-1])))


def _powers(count: int) -> list[int]:
    return [2**k for k in range(count.bit_length())]


def estimated(preset: str) -> Motion:
    """Motion by DIS; the opposite flow only checks the first, so that a coarser preset does."""
    check = {"fine": "medium", "best": "fine"}.get(preset, preset)

    def motion(number: int, other: int, frame: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return flow.optical_flow(frame, seen, preset=preset), flow.optical_flow(seen, frame, preset=check)

    return motion


def precomputed(folder: str | Path) -> Motion:
    """Motion from a folder of .flo files, forward_{i}_{j}.flo with i < j and backward_{j}_{i}.flo (Ruder's names).

    Frames are numbered from 1 as the clip yields them; flow is scaled to their size. NstlibError where one is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NstlibError(f"{folder} is no folder of .flo files")

    def read(here: int, there: int, shape: tuple[int, ...]) -> np.ndarray:
        way = "forward" if here < there else "backward"
        return flow.resize_flow(flow.read_flo(folder / f"{way}_{here + 1}_{there + 1}.flo"), shape[:2])

    def motion(number: int, other: int, frame: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return read(number, other, frame.shape), read(other, number, frame.shape)

    return motion
