"""Where one shot of a film ends and the next begins, found as the frames stream by."""

from typing import NamedTuple

import cv2
import numpy as np

LONGEST = 96  # px: the detail that survives here is the scene's, not the grain's
BLOCK, REACH = 16, 20  # px of that: blocks that look for themselves in the other frame, as far as a fast pan goes
FLAT = 0.004  # the contrast below which a block has nothing to look for
FOUND = 0.72  # correlation of a frame's best quarter of blocks; of unrelated photographs at most 0.68, of one shot 0.76
TOGETHER = 0.3  # blocks that move as a neighbour does; of unrelated photographs at most 0.18
CALM = 0.8  # so many blocks move together where nothing large and fast passes through
COLOURS = (
    0.65  # of a thing that tumbles through, two frames' colours have 0.7 in common; across a cut mostly 0.1 to 0.6
)
DARK, BRIGHT, BLANK = 0.03, 0.97, 0.8  # a frame of which so much is black or white shows no scene


class CutDetector:
    """Tells, frame after frame, where a shot begins.

    A frame that shows no scene, black or bleached white, begins none; what comes after it is compared with what was
    before, so that neither a flash nor a fade to black and back is a cut. While something large and fast passes
    through, two frames may have nothing in common but their colours: there a cut is where these differ too.

    >>> cuts = CutDetector()
    >>> [cuts.advance(nst.samples.frame(i)) for i in (0, 1, 2)]
    [True, False, False]
    """

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._begun, self._fast = False, False

    def advance(self, frame: np.ndarray) -> bool:
        """Go on to a frame (H, W, 3). Returns whether it begins a shot; the first one does."""
        begins, self._begun = not self._begun, True
        if is_blank(frame):
            return begins
        if self._last is not None:
            likeness = compare_frames(self._last, frame)
            begins |= likeness.apart and not (self._fast and likeness.colours > COLOURS)
            self._fast = likeness.together < CALM and not begins
        self._last = frame
        return begins


class Likeness(NamedTuple):
    """Of two frames: the correlation of the best quarter of blocks, the share of blocks that move as a neighbour does,
    and the share of colours in common; the larger of both directions."""

    found: float
    together: float
    colours: float

    @property
    def apart(self) -> bool:
        """Whether no part of the one frame is found in the other."""
        return self.found < FOUND and self.together < TOGETHER


def is_blank(frame: np.ndarray) -> bool:
    """Whether a frame shows no scene: four fifths of it are black or white, or it has no texture."""
    grey = _small(frame)
    extreme = ((grey < DARK) | (grey > BRIGHT)).mean()
    return bool(extreme > BLANK) or not (_contrasts(_detail(grey)) > FLAT).any()


def compare_frames(previous: np.ndarray, current: np.ndarray) -> Likeness:
    """How alike two frames (H, W, 3) in [0, 1] are, wherever their parts have moved.

    Blocks of the one look for themselves nearby in the other, in either direction, since what is uncovered in one is
    covered in the other. In one shot some are found, be it the background of a thing that tumbles through, or many move
    together, be it in a whip pan or under a flash; correlation ignores brightness. Frames without texture are compared
    by their mean colours.
    """
    if previous.shape != current.shape:
        return Likeness(0.0, 0.0, 0.0)
    colours = _common_colours(previous, current)
    a, b = _detail(_small(previous)), _detail(_small(current))
    if not all((_contrasts(x) > FLAT).any() for x in (a, b)):
        alike = float(np.abs(previous.mean((0, 1)) - current.mean((0, 1))).max() < 0.13)
        return Likeness(alike, alike, colours)
    there, back = _matched(a, b), _matched(b, a)
    return Likeness(max(there[0], back[0]), max(there[1], back[1]), colours)


def is_cut(previous: np.ndarray, current: np.ndarray) -> bool:
    """Whether two frames (H, W, 3) in [0, 1] belong to different shots; `CutDetector` knows more of a whole film."""
    return compare_frames(previous, current).apart


def _matched(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """(mean correlation of b's best quarter of blocks with a nearby, share of blocks that move as a neighbour does)."""
    rows, columns = _starts(b)
    near = cv2.copyMakeBorder(a, REACH, REACH, REACH, REACH, cv2.BORDER_CONSTANT)
    textured = _contrasts(b) > FLAT
    best = np.zeros(textured.shape)
    moves = np.zeros((*textured.shape, 2))
    for i, j in np.argwhere(textured):
        y, x = rows[i], columns[j]
        block = b[y : y + BLOCK, x : x + BLOCK]
        window = near[y : y + block.shape[0] + 2 * REACH, x : x + block.shape[1] + 2 * REACH]
        _, best[i, j], _, moves[i, j] = cv2.minMaxLoc(cv2.matchTemplate(window, block, cv2.TM_CCOEFF_NORMED))

    strongest = np.sort(best[textured])[::-1]
    found = strongest[: max(1, len(strongest) // 4)].mean()
    together = (_agree(moves, textured) & (best > 0.7)).sum() / textured.sum()
    return float(found), float(together)


def _agree(moves: np.ndarray, textured: np.ndarray) -> np.ndarray:
    """Where a block (rows, columns) moves within 2 px as its right or lower neighbour does, or left or upper one."""
    agree = np.zeros_like(textured)
    for axis in (0, 1):
        one, other = (np.take(moves, range(a, moves.shape[axis] - 1 + a), axis) for a in (0, 1))
        pair = (np.abs(one - other).max(-1) <= 2) & np.logical_and(
            *(np.take(textured, range(a, textured.shape[axis] - 1 + a), axis) for a in (0, 1))
        )
        first, second = ([slice(None)] * 2 for _ in range(2))
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        agree[tuple(first)] |= pair
        agree[tuple(second)] |= pair
    return agree


def _common_colours(a: np.ndarray, b: np.ndarray) -> float:
    """The share of their colours that two frames have in common: the intersection of histograms in Lab."""
    shares = []
    for frame in (a, b):
        small = cv2.resize(np.asarray(frame, np.float32), (LONGEST, LONGEST * 9 // 16), interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
        counts = cv2.calcHist([lab], [0, 1, 2], None, [8, 12, 12], [0, 100.1, -60, 60, -60, 60])
        shares.append(counts / max(counts.sum(), 1))
    return float(np.minimum(*shares).sum())


def _starts(image: np.ndarray) -> tuple[range, range]:
    """Where blocks begin, half a block apart."""
    return tuple(range(0, max(1, side - BLOCK + 1), BLOCK // 2) for side in image.shape)


def _contrasts(detail: np.ndarray) -> np.ndarray:
    """The standard deviation of each block, (rows, columns)."""
    rows, columns = _starts(detail)
    return np.array([[detail[y : y + BLOCK, x : x + BLOCK].std() for x in columns] for y in rows])


def _small(image: np.ndarray) -> np.ndarray:
    """Small and grey, (h, w) float32."""
    k = LONGEST / max(image.shape[:2])
    size = [max(1, round(side * k)) for side in image.shape[1::-1]]
    small = cv2.resize(np.asarray(image, np.float32), size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)


def _detail(grey: np.ndarray) -> np.ndarray:
    """Without the slow shades that make any two pictures alike."""
    return grey - cv2.GaussianBlur(grey, (0, 0), 4)
