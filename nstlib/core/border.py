"""A border around a picture while it is painted, mirrored at first and cut off at the end.

A pixel at the border takes part in fewer features than others, so that the painting's strongest colours harm least
there: a picture would get a coloured line along it.
"""

import numpy as np


def bordered(x: np.ndarray, width: int) -> np.ndarray:
    """x (H, W) or (H, W, C) with so many more rows and columns at each end, mirrored, or as many as it has."""
    more = min(width, *x.shape[:2])
    return np.pad(x, [[more, more], [more, more], *[[0, 0]] * (x.ndim - 2)], "symmetric")


def unbordered(x: np.ndarray, width: int) -> np.ndarray:
    """What was bordered by `width`, without its border."""
    more = min(width, min(x.shape[:2]) // 3)
    return x[more : x.shape[0] - more, more : x.shape[1] - more]
