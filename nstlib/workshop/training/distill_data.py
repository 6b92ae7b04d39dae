"""Pictures to learn from: crops of photographs and paintings, recoloured, rescaled, blended, drowned in noise."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ...errors import NstlibError

KINDS = {"photo": 0.4, "painting": 0.25, "blend": 0.15, "noisy": 0.15, "noise": 0.05}


def read_folder(folder: str, leave_out: Sequence[str] = (), short: int = 288, count: int = 0) -> list[np.ndarray]:
    """The pictures of a folder but those named in `leave_out` (stems), uint8 RGB, short side at least `short`.

    count: only so many of them, evenly picked; 0: all.
    """
    files = [f for f in sorted(Path(folder).glob("*")) if f.suffix in (".jpg", ".png") and f.stem not in leave_out]
    if not files:
        raise NstlibError(f"no pictures (.jpg, .png) in {folder}")
    files = files[:: max(1, len(files) // count)][:count] if count else files
    return [_enlarge(cv2.cvtColor(cv2.imread(str(f)), cv2.COLOR_BGR2RGB), short) for f in files]


def _enlarge(image: np.ndarray, short: int) -> np.ndarray:
    k = short / min(image.shape[:2])
    return cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_CUBIC) if k > 1 else image


class Pictures:
    """`draw(rng)` -> one training picture (size, size, 3), float32 RGB in [0, 1]."""

    def __init__(self, photos: list[np.ndarray], paintings: list[np.ndarray], size: int) -> None:
        self.photos, self.paintings, self.size = photos, paintings, size

    def draw(self, rng: np.random.Generator, kind: str | None = None) -> np.ndarray:
        """A crop of the given kind of `KINDS`, or of one drawn by their shares."""
        kind = kind or rng.choice(list(KINDS), p=list(KINDS.values()))
        if kind == "noise":
            return np.clip(noise(rng, self.size) * rng.uniform(0.1, 0.5) + rng.uniform(0.2, 0.8, 3), 0, 1).astype("f4")
        image = self._crop(rng, self.photos if kind in ("photo", "noisy") else self.paintings)
        if kind == "blend":
            share = rng.uniform(0.2, 0.8)
            image = share * image + (1 - share) * self._crop(rng, self.photos)
        if kind == "noisy":
            image = image * rng.uniform(0.3, 1) + noise(rng, self.size) * rng.uniform(0.02, 0.25)
        return np.clip(recolour(rng, image), 0, 1).astype(np.float32)

    def batch(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """(count, size, size, 3)."""
        return np.stack([self.draw(rng) for _ in range(count)])

    def _crop(self, rng: np.random.Generator, images: list[np.ndarray]) -> np.ndarray:
        """A square at a scale of 1/2 to 2, flipped, turned now and then."""
        image = images[rng.integers(len(images))]
        side = int(np.clip(self.size * 2 ** rng.uniform(-0.7, 1), 32, min(image.shape[:2])))
        y, x = (rng.integers(n - side + 1) for n in image.shape[:2])
        crop = image[y : y + side, x : x + side]
        shape = (self.size, self.size)
        crop = cv2.resize(crop, shape, interpolation=cv2.INTER_AREA if side > self.size else cv2.INTER_CUBIC)
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        crop = np.rot90(crop, rng.integers(4)) if rng.random() < 0.2 else crop
        return crop.astype(np.float32) / 255


def recolour(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Half the time: contrast, brightness, and a colour matrix near the identity; seldom grey."""
    if rng.random() < 0.5:
        return image
    matrix = np.eye(3) + rng.normal(0, 0.15, (3, 3))
    if rng.random() < 0.1:
        matrix = np.full((3, 3), 1 / 3)
    matrix = (matrix * rng.uniform(0.5, 1.5)).astype(np.float32)
    return (image.astype(np.float32) - 0.5) @ matrix + np.float32(0.5 + rng.normal(0, 0.1))


def noise(rng: np.random.Generator, size: int) -> np.ndarray:
    """Gaussian noise of one or several scales, zero mean and unit variance, coloured or grey."""
    channels = 3 if rng.random() < 0.7 else 1
    total = np.zeros((size, size, 3), np.float32)
    for level in range(rng.integers(1, 6)):
        small = rng.normal(0, rng.uniform(0.2, 1), (max(size >> level, 2),) * 2 + (channels,)).astype(np.float32)
        total += np.atleast_3d(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR))
    return total / (total.std() + 1e-6)
