"""Fractal noise and the few pixel tools that every drawing shares."""

from collections.abc import Sequence

import cv2
import numpy as np

Array = np.ndarray
Stops = Sequence[tuple[float, Sequence[float]]]


def fractal(
    shape: tuple[int, int],
    rng: np.random.Generator,
    *,
    wavelength: float,
    slope: float = 2.0,
    stretch: float = 1.0,
    finest: float = 2.0,
) -> Array:
    """Noise of amplitude ∝ (f² + 1/wavelength²)^(-slope/2), mean 0, deviation 1, and without a seam at its edges.

    shape: (H, W). wavelength: size of the largest features, pixels. stretch: how many times wider than tall they are.
    finest: size of the smallest ones, pixels. Returns (H, W) float32.
    """
    height, width = shape
    fy = np.fft.fftfreq(height)[:, None]
    fx = np.fft.rfftfreq(width)[None, :] * stretch
    f2 = fx**2 + fy**2
    gain = (f2 + wavelength**-2.0) ** (-slope / 2) * np.exp(-f2 * finest**2 / 2)
    gain[0, 0] = 0.0
    wave = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * gain, s=shape)
    return (wave / wave.std()).astype(np.float32)


def smoothstep(low: float, high: float, x: Array) -> Array:
    """3t² − 2t³ with t = (x − low) / (high − low) held to [0, 1]; low may lie above high."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def ramp(t: Array, stops: Stops) -> Array:
    """Colours interpolated between stops (position, (r, g, b)). t (...) -> (..., 3) float32."""
    places = [place for place, _ in stops]
    return np.stack([np.interp(t, places, [c[i] for _, c in stops]) for i in range(3)], -1).astype(np.float32)


def mix(a: Array, b: Array | Sequence[float], t: Array | float) -> Array:
    """a (1 − t) + b t, where a t (H, W) counts for all channels of a."""
    t = np.asarray(t, np.float32)
    t = t[..., None] if t.ndim == 2 and np.ndim(a) == 3 else t
    return (a * (1 - t) + np.asarray(b, np.float32) * t).astype(np.float32)


def grid(width: int, height: int, left: float = 0.0, top: float = 0.0) -> tuple[Array, Array]:
    """x, y of the pixel centres of a canvas whose corner lies at (left, top). Two (H, W) float32."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x + (left + 0.5), y + (top + 0.5)


def sample(image: Array, x: Array, y: Array) -> Array:
    """image at (x, y), repeated without end: the tile of a seamless noise laid over any surface."""
    height, width = image.shape[:2]
    x, y = np.mod(x, width).astype(np.float32), np.mod(y, height).astype(np.float32)
    return cv2.remap(np.pad(image, ((0, 2), (0, 2)), "wrap"), x, y, cv2.INTER_LINEAR)


def lit(height: Array, *, angle: float = 0.0, blur: float = 1.0) -> Array:
    """∂height along `angle` (degrees, 0 = light from the right, 90 = from above), blurred: light on a relief."""
    h = cv2.GaussianBlur(height, (0, 0), blur) if blur else height
    a = np.deg2rad(angle)
    slope = np.sin(a) * cv2.Scharr(h, cv2.CV_32F, 0, 1) - np.cos(a) * cv2.Scharr(h, cv2.CV_32F, 1, 0)
    return slope / 32
