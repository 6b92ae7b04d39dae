"""Where one shot of a film ends and the next begins, found from two frames, so that a clip can stream by."""

import cv2
import numpy as np

LONGEST = 96  # px: the detail that survives here is the scene's, not the grain's
BLOCK, REACH = 16, 20  # px of that: blocks that look for themselves in the other frame, as far as a fast pan goes
SAME = 0.62  # film matches by 0.66 and more, a pan by 0.78; unrelated photographs by 0.46, 99 in 100 by less than 0.6
FLAT = 0.004  # the contrast below which a block has nothing to look for


def is_cut(previous: np.ndarray, current: np.ndarray) -> bool:
    """Whether two successive frames (H, W, 3) in [0, 1] belong to different shots: `similarity` is below 0.62."""
    return similarity(previous, current) < SAME


def similarity(previous: np.ndarray, current: np.ndarray) -> float:
    """The mean best correlation of the current frame's blocks with the previous frame nearby, weighted by contrast.

    Motion is searched for and correlation ignores brightness, so that neither a pan nor a flash looks like a cut,
    unless it moves by more than a fifth of the frame or bleaches it white. Two frames without texture are compared by
    their colours.
    """
    if previous.shape != current.shape:
        return 0.0
    a, b = _detail(previous), _detail(current)
    a = cv2.copyMakeBorder(a, REACH, REACH, REACH, REACH, cv2.BORDER_CONSTANT)
    matches, contrasts = [], []
    for y in range(0, max(1, b.shape[0] - BLOCK + 1), BLOCK):
        for x in range(0, max(1, b.shape[1] - BLOCK + 1), BLOCK):
            block = b[y : y + BLOCK, x : x + BLOCK]
            if block.std() > FLAT:
                near = a[y : y + block.shape[0] + 2 * REACH, x : x + block.shape[1] + 2 * REACH]
                matches.append(float(cv2.matchTemplate(near, block, cv2.TM_CCOEFF_NORMED).max()))
                contrasts.append(float(block.std()))
    if matches:
        return float(np.average(matches, weights=contrasts))
    return 1.0 - float(np.abs(previous.mean((0, 1)) - current.mean((0, 1))).max()) * 3


def _detail(image: np.ndarray) -> np.ndarray:
    """Small, grey, without the slow shades that make any two pictures alike; (h, w) float32."""
    k = LONGEST / max(image.shape[:2])
    size = [max(1, round(side * k)) for side in image.shape[1::-1]]
    grey = cv2.cvtColor(
        cv2.resize(np.asarray(image, np.float32), size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY
    )
    return grey - cv2.GaussianBlur(grey, (0, 0), 4)
