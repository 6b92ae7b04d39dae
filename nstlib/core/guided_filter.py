"""A mask that follows the picture's edges: q = a g + b in every window, of the picture's luma g (He et al. 2010).

A hand-drawn or coarse region would leave a seam beside the roof that it is meant to end at. The coefficients are found
on a small picture and hold at every size (He and Sun 2015).
"""

from collections.abc import Sequence

import cv2
import numpy as np

from ..media import images
from ..media.colors import YIQ

FIT = 512  # px, at which the coefficients are found
WINDOW = 1 / 12  # of the longest side: twice as far as a mask may be from the edge that it means
TIMES = 2  # that the mask is filtered: once leaves half of what is missing between it and the edge
FLAT = 3e-4  # variance of luma below which there is no edge to follow


def regions(masks: Sequence[np.ndarray], content: np.ndarray) -> np.ndarray:
    """(H, W, K): the share of each of K masks, of any size, in each pixel of the content; of all together at most 1."""
    shares = np.stack([followed(mask, content) for mask in masks], axis=-1)
    return shares / np.maximum(1, shares.sum(-1, keepdims=True))


def followed(mask: np.ndarray, content: np.ndarray) -> np.ndarray:
    """The mask, of any size, with its border at the content's edges near it, (H, W) float32 in [0, 1]."""
    shape = images.fit(content.shape[:2], min(FIT, max(content.shape[:2])))
    guide, mask = images.resize(content, shape) @ YIQ[0], images.resize(mask, shape)
    side = 2 * round(max(shape) * WINDOW / 2) + 1

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, (side, side), borderType=cv2.BORDER_REFLECT_101)

    for _ in range(TIMES):
        covariance = mean(guide * mask) - mean(guide) * mean(mask)
        slope = covariance / (mean(guide * guide) - mean(guide) ** 2 + FLAT)
        slope, offset = mean(slope), mean(mean(mask) - slope * mean(guide))
        mask = np.clip(slope * guide + offset, 0, 1)

    size = content.shape[1::-1]
    slope, offset = (cv2.resize(x, size, interpolation=cv2.INTER_LINEAR) for x in (slope, offset))
    return np.clip(slope * (content @ YIQ[0]) + offset, 0, 1).astype(np.float32)
