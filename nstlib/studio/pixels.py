"""From pictures to what a page shows: JPEG bytes."""

import cv2
import numpy as np

from ..media import images


def jpeg(image: np.ndarray, *, longest: int = 720, quality: int = 92) -> bytes:
    """The image (H, W, 3) as JPEG, shrunk to `longest` pixels where it is larger."""
    shape = images.fit(image.shape[:2], min(longest, max(image.shape[:2])))
    pixels = images.to_uint8(images.resize(image, shape))
    return cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
