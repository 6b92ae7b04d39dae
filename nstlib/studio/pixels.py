"""From pictures to what a page shows: JPEG bytes, and the wipe between before and after."""

import cv2
import numpy as np

from ..media import images


def jpeg(image: np.ndarray, *, longest: int = 720, quality: int = 92) -> bytes:
    """The image (H, W, 3) as JPEG, shrunk to `longest` pixels where it is larger."""
    shape = images.fit(image.shape[:2], min(longest, max(image.shape[:2])))
    pixels = images.to_uint8(images.resize(image, shape))
    return cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def wipe(before: np.ndarray, after: np.ndarray, percent: float) -> np.ndarray:
    """`before` in the left `percent` of the width, `after` in the rest, a white line between them."""
    if percent <= 0:
        return after
    edge = round(after.shape[1] * percent / 100)
    both = np.concatenate([before[:, :edge], after[:, edge:]], axis=1)
    if 0 < edge < after.shape[1]:
        both[:, edge : edge + max(1, after.shape[1] // 250)] = 1
    return both
