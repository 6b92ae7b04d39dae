"""How good a result is: steadiness, style, content, structure and drift, one number each, per frame and on average.

Steadiness alone rewards blur, so it is never shown without a style distance.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import cv2
import numpy as np

from .. import samples
from ..errors import NstlibError
from ..media import clips, images
from ..media.colors import YIQ
from ..settings import STYLE_LAYERS
from ..video import flow, shots

Motion = Callable[[int, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
Features = Callable[[Any], dict[str, Any]]  # (1, H, W, 3) -> {layer: (1, h, w, C)}, as `features.Extractor`
CONTENT_LAYER = "block4_conv1"
STILL = 0.02  # a pixel is still while its surroundings differ by less from those of the shot's first frame
HARDLY = 0.1  # px from frame to frame: estimated motion is never quite 0
FEWEST = 0.01  # of a frame's pixels must be still for drift to mean anything


def estimated_motion(index: int, frame: np.ndarray, following: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(flow from frame to following, M): M (H, W) bool, false where occluded or at a motion boundary."""
    forward, backward = flow.optical_flow(frame, following), flow.optical_flow(following, frame)
    visible, smooth = flow.trusted(forward, backward)
    return forward, visible & smooth


def motion_of(clip: clips.Clip) -> Motion:
    """The exact motion of the sample clip's frames, and the estimated motion of any other clip's.

    >>> motion = nst.motion_of(nst.probe(nst.samples.clip()))
    >>> flow, seen = motion(20, nst.samples.frame(20), nst.samples.frame(21))
    >>> flow.shape, seen.dtype
    ((360, 640, 2), dtype('bool'))
    """
    sample = samples.DATA / "clip.mp4"
    if not (sample.is_file() and clip.path.exists() and sample.samefile(clip.path)):
        return estimated_motion

    def exact(index: int, frame: np.ndarray, following: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        w, c = samples.exact_flow(clip.picks[index], clip.picks[index + 1], size=frame.shape[:2])
        return w, c == 1

    return exact


def warping_error(frame: np.ndarray, following: np.ndarray, forward: np.ndarray, mask: np.ndarray) -> float:
    """E = Σ M (V_t − warp(V_{t+1}))² / Σ M, M counted once a channel: the mean over unoccluded pixels and channels.

    frame V_t, following V_{t+1} (H, W, 3); forward: flow from t to t + 1; mask M (H, W), 1 where nothing is occluded.
    NaN if M is 0 throughout. Bilinear, as Lai et al. 2018 (evaluate_WarpError.py) measure it.

    >>> flow, seen = nst.samples.exact_flow(20, 21)
    >>> nst.warping_error(nst.samples.frame(20), nst.samples.frame(21), flow, seen == 1) < 0.001
    True
    """
    if frame.shape != following.shape or mask.shape != frame.shape[:2]:
        raise NstlibError(f"frames are {frame.shape} and {following.shape}, the mask is {mask.shape}")
    error = np.square(frame - flow.warp(following, forward)).mean(-1)
    weight = mask.astype(np.float64)
    return float((weight * error).sum() / weight.sum()) if weight.any() else float("nan")


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Mean of (2 μ_a μ_b + C1)(2 σ_ab + C2) / ((μ_a² + μ_b² + C1)(σ_a² + σ_b² + C2)) over pixels and channels.

    a, b (H, W, C) in [0, 1]; C1 = 0.01², C2 = 0.03²; moments under a Gaussian of σ 1.5, 11 x 11 px (Wang et al. 2004).

    >>> frame = nst.samples.frame(20)
    >>> nst.ssim(frame, frame), nst.ssim(frame, nst.samples.frame(40)) < 1
    (1.0, True)
    """
    if a.shape != b.shape:
        raise NstlibError(f"the two pictures differ in size: {a.shape} and {b.shape}")
    a, b = np.float64(a), np.float64(b)

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(x, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT_101)

    μa, μb = mean(a), mean(b)
    σaa, σbb, σab = mean(a * a) - μa * μa, mean(b * b) - μb * μb, mean(a * b) - μa * μb
    alike = (2 * μa * μb + 0.01**2) * (2 * σab + 0.03**2)
    return float((alike / ((μa * μa + μb * μb + 0.01**2) * (σaa + σbb + 0.03**2))).mean())


def brightness(image: np.ndarray, mask: np.ndarray) -> float:
    """Mean luma of the masked pixels."""
    return float((image @ YIQ[0])[mask].mean())


def sharpness(image: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Mean |Laplacian| of the luma, over the pixels of the mask where there is one: (H, W) bool.

    >>> frame = nst.samples.frame(20)
    >>> blurred = nst.resize(nst.resize(frame, (90, 160)), (360, 640))
    >>> nst.sharpness(blurred) < nst.sharpness(frame)
    True
    """
    laplacian = cv2.Laplacian(image @ YIQ[0], cv2.CV_32F, borderType=cv2.BORDER_REPLICATE)
    return float(np.abs(laplacian if mask is None else laplacian[mask]).mean())


class Drift:
    """How the still part of a shot changes: brightness_t / brightness_0 − 1, and so sharpness, over the same pixels.

    Still is what so far has moved by no more than 0.1 px from frame to frame, and has not left the source's first
    frame by more than 0.02, smoothed against noise.
    """

    def __init__(self, source: np.ndarray, stylised: np.ndarray) -> None:
        self._source, self._stylised = _smooth(source), stylised
        self._still = np.ones(source.shape[:2], bool)

    def __call__(self, source: np.ndarray, stylised: np.ndarray, w: np.ndarray | None = None) -> dict[str, float]:
        """{"brightness", "sharpness", "still": share of pixels}; empty where too little stands still.

        w: the flow (H, W, 2) from the frame before, in its grid.
        """
        if w is not None:
            self._still &= cv2.GaussianBlur(np.linalg.norm(w, axis=-1), (0, 0), 1.5) < HARDLY
        self._still &= np.abs(_smooth(source) - self._source).max(-1) < STILL
        still = cv2.erode(self._still.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
        if still.mean() < FEWEST:
            return {}
        change = {
            f.__name__: f(stylised, still) / max(f(self._stylised, still), 1e-6) - 1 for f in (brightness, sharpness)
        }
        return {**change, "still": float(still.mean())}


def _smooth(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), 1.5)


def style_distance(image: np.ndarray, grams: Sequence[np.ndarray], extractor: Features) -> float:
    """Mean over layers of |G(x) − G(s)|² / |G(s)|²; grams: `style_grams` of the style."""
    return float(np.mean([relative(g, s) for g, s in zip(style_grams(image, extractor), grams, strict=True)]))


def style_grams(image: np.ndarray, extractor: Features) -> list[np.ndarray]:
    """The Gram matrices (C, C) of relu1_1 to relu5_1."""
    from ..core.losses import gram_matrix

    features = extractor(image[None])
    return [gram_matrix(features[layer]).numpy() for layer in STYLE_LAYERS]


def content_distance(image: np.ndarray, content: np.ndarray, extractor: Features) -> float:
    """|F(x) − F(c)|² / |F(c)|² at relu4_1."""
    return relative(*(np.asarray(extractor(x[None])[CONTENT_LAYER]) for x in (image, content)))


def relative(a: np.ndarray, b: np.ndarray) -> float:
    """|a − b|² / |b|²."""
    return float(np.square(a - b).sum() / (np.square(b).sum() + 1e-12))


def measure(
    source: Iterable[np.ndarray],
    stylised: Iterable[np.ndarray],
    *,
    style: np.ndarray | None = None,
    extractor: Features | None = None,
    motion: Motion = estimated_motion,
) -> dict[str, Any]:
    """{"frames", "cuts", "mean": {name: value}, "drift": ..., "per_frame": [{name: value}]}, ready for JSON.

    Both clips stream, frame for frame; the source is scaled to the result's size. Names: `warping_error` of the result
    to the next frame and `source_warping_error`, its floor (none across a cut); `ssim` with the source; with an
    extractor `content_distance`, and with a style too `style_distance`. NstlibError if one clip ends early.

    >>> source = list(nst.read_frames(nst.samples.clip(), end=0.2, size=64))
    >>> found = nst.measure(source, [1 - frame for frame in source])
    >>> found["frames"], sorted(found["mean"])
    (5, ['source_warping_error', 'ssim', 'warping_error'])
    """
    rows, cuts, before, drift, grams = [], [], None, None, None
    begins = shots.CutDetector()
    for index, (content, result) in enumerate(_together(source, stylised)):
        row: dict[str, float] = {"ssim": ssim(result, content)}
        if extractor is not None:
            row["content_distance"] = content_distance(result, content, extractor)
        if extractor is not None and style is not None:
            grams = grams or style_grams(
                images.resize(style, images.fit(style.shape[:2], max(result.shape))), extractor
            )
            row["style_distance"] = style_distance(result, grams, extractor)
        if begins.advance(content):  # a shot's first frame has drifted from nothing
            cuts, drift = [*cuts, index], Drift(content, result)
        else:
            w, mask = motion(index - 1, before[0], content)
            rows[-1]["source_warping_error"] = warping_error(before[0], content, w, mask)
            rows[-1]["warping_error"] = warping_error(before[1], result, w, mask)
            row |= {f"drift_{name}": value for name, value in drift(content, result, w).items()}
        rows.append(row)
        before = content, result
    return {"frames": len(rows), "cuts": cuts[1:], "mean": _means(rows), "drift": _drift(rows), "per_frame": rows}


def _together(source: Iterable[np.ndarray], stylised: Iterable[np.ndarray]) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    for index, (content, result) in enumerate(itertools.zip_longest(source, stylised)):
        if content is None or result is None:
            which = "source" if content is None else "result"
            end = f"the {which} ends after {index} frames, and the other goes on"
            raise NstlibError(f"{end}; measure the frames that were stylised (--start, --end, --every)")
        yield images.resize(content, result.shape[:2]), result


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for row in rows for name in row if not name.startswith("drift"))
    values = {name: [row[name] for row in rows if np.isfinite(row.get(name, np.nan))] for name in names}
    return {name: float(np.mean(known)) for name, known in values.items() if known}


def _drift(rows: list[dict[str, float]]) -> dict[str, float] | None:
    """The largest |change| of any frame but a shot's first, and the share still in the last that has any; or None."""
    still = [row for row in rows if "drift_still" in row]
    if not still:
        return None
    worst = {name: max(abs(row[f"drift_{name}"]) for row in still) for name in ("brightness", "sharpness")}
    return {**worst, "still": still[-1]["drift_still"]}
