"""Motion between two frames: frame(x) is seen in other(x + w), w = (dx, dy) in pixels, (H, W, 2) float32."""

from pathlib import Path

import cv2
import numpy as np

from ..errors import NstlibError, choose
from ..media import files

# finest scale, patch size, patch stride, descents, refinements, intensity weight, smoothness weight. 'fast' and
# 'medium' are OpenCV's own; 'fine' is the cheapest that was found to reach 0.12 / 0.21 px on RubberWhale / alley_1:
# working down to full resolution buys the accuracy, dense patches and many descents (in 'best') buy almost none.
PRESETS = {
    "fast": (2, 8, 4, 16, 0, 5.0, 20.0),
    "medium": (1, 8, 3, 25, 5, 5.0, 20.0),
    "fine": (0, 8, 4, 5, 6, 0.0, 30.0),
    "best": (0, 6, 2, 16, 12, 0.0, 30.0),
}
INTERPOLATIONS = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}
FLO_MAGIC = 202021.25
UNKNOWN_FLOW = 1e9  # Middlebury's mark for a pixel without ground truth
SMALLEST = 32  # px: DIS finds no patches on smaller pictures


def optical_flow(a: np.ndarray, b: np.ndarray, *, preset: str = "fine") -> np.ndarray:
    """w with a(x) = b(x + w), by dense inverse search (Kroeger et al. 2016).

    a, b: images (H, W, 3) in [0, 1] of one size. Returns (H, W, 2) float32, in a's grid.

    >>> a, b = nst.samples.frame(20), nst.samples.frame(22)
    >>> nst.optical_flow(a, b).shape
    (360, 640, 2)
    """
    if a.shape != b.shape:
        raise NstlibError(f"the two frames differ in size: {a.shape} and {b.shape}")
    if preset not in PRESETS:
        raise choose("preset", preset, PRESETS)
    height, width = a.shape[:2]
    pad = (0, max(0, SMALLEST - height), 0, max(0, SMALLEST - width))
    a, b = (cv2.copyMakeBorder(_gray(x), *pad, cv2.BORDER_REPLICATE) for x in (a, b))
    return np.ascontiguousarray(_dis(preset).calc(a, b, None)[:height, :width])


def _gray(image: np.ndarray) -> np.ndarray:
    gray = cv2.cvtColor(np.asarray(image, np.float32), cv2.COLOR_RGB2GRAY)
    return np.clip(gray * 255 + 0.5, 0, 255).astype(np.uint8)


def _dis(preset: str) -> cv2.DISOpticalFlow:
    finest, patch, stride, descents, refinements, delta, alpha = PRESETS[preset]
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(finest)
    dis.setPatchSize(patch)
    dis.setPatchStride(stride)
    dis.setGradientDescentIterations(descents)
    dis.setVariationalRefinementIterations(refinements)
    dis.setVariationalRefinementDelta(delta)
    dis.setVariationalRefinementAlpha(alpha)
    return dis


def warp(image: np.ndarray, flow: np.ndarray, *, interpolation: str = "linear") -> np.ndarray:
    """image(x + w): what `image` shows, moved into the grid of `flow`.

    image (H, W) or (H, W, C), flow (H, W, 2). Outside the frame the border's pixel is repeated. 'cubic' and
    'lanczos' keep the detail that 'linear' blurs away when a result is warped again and again; they never leave the
    image's range.

    >>> a, b = nst.samples.frame(20), nst.samples.frame(22)
    >>> moved = nst.warp(b, nst.optical_flow(a, b))
    >>> bool(abs(a - moved).mean() < abs(a - b).mean())
    True
    """
    if image.shape[:2] != flow.shape[:2] or flow.shape[2:] != (2,):
        raise NstlibError(f"flow is {flow.shape}, image is {image.shape}")
    if interpolation not in INTERPOLATIONS:
        raise choose("interpolation", interpolation, INTERPOLATIONS)
    image = np.asarray(image, np.float32)
    x, y = _targets(flow)
    moved = cv2.remap(image, x, y, INTERPOLATIONS[interpolation], borderMode=cv2.BORDER_REPLICATE)
    return np.clip(moved, image.min(), image.max()).reshape(image.shape)


def _targets(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return x.astype(np.float32), y.astype(np.float32)


def within(flow: np.ndarray, *, margin: float = 0.0) -> np.ndarray:
    """Where x + w lies in the frame, or at most `margin` pixels beyond it, (H, W) bool."""
    x, y = _targets(flow)
    height, width = flow.shape[:2]
    return (x >= -margin) & (x <= width - 1 + margin) & (y >= -margin) & (y <= height - 1 + margin)


def compose(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """w(x) = w₁(x) + w₂(x + w₁(x)): the flow to a third frame, by way of a second; all (H, W, 2)."""
    return first + warp(then, first)


def trusted(flow: np.ndarray, opposite: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(visible, smooth): no occlusion and no motion boundary, two bool maps (H, W) in the grid of `flow`.

    Occluded where |w + ŵ|² ≥ 0.01 (|w|² + |ŵ|²) + 0.5, ŵ the opposite flow sampled at x + w, or x + w is outside;
    a motion boundary where |∇u|² + |∇v|² > 0.01 |w|² + 0.002 (Ruder et al. 2016, section 4.2; Sundaram et al. 2010).

    >>> a, b = nst.samples.frame(20), nst.samples.frame(22)
    >>> visible, smooth = nst.trusted(nst.optical_flow(a, b), nst.optical_flow(b, a))
    >>> visible.dtype, smooth.shape
    (dtype('bool'), (360, 640))
    """
    if flow.shape != opposite.shape:
        raise NstlibError(f"flow is {flow.shape}, the opposite flow is {opposite.shape}")
    back = warp(opposite, flow)
    size = _square(flow)
    visible = _square(flow + back) < 0.01 * (size + _square(back)) + 0.5
    visible &= within(flow)
    edges = sum(_square(cv2.Sobel(flow, cv2.CV_32F, *d, ksize=1, scale=0.5)) for d in ((1, 0), (0, 1)))
    return visible, edges <= 0.01 * size + 0.002


def _square(flow: np.ndarray) -> np.ndarray:
    return flow[..., 0] ** 2 + flow[..., 1] ** 2  # several times as fast as a sum over an axis of two


def reliability(flow: np.ndarray, opposite: np.ndarray) -> np.ndarray:
    """c: 1 where `flow` is trusted, 0 where it is not, (H, W) float32 in [0, 1], in the grid of `flow`.

    Both flows (H, W, 2): frame to other and other to frame. Smoothed by a Gaussian of σ 0.8; occluded pixels enter it
    as -1, so that the zeros grow outward (Ruder et al. 2016, read in manuelruder/artistic-videos), and so do pixels
    that leave the frame, which Ruder's program enters as 0 and so smooths to a little trust.

    >>> a, b = nst.samples.frame(20), nst.samples.frame(22)
    >>> c = nst.reliability(nst.optical_flow(a, b), nst.optical_flow(b, a))
    >>> figure = nst.show({"frame": a, "reliability": c})
    """
    visible, smooth = trusted(flow, opposite)
    seed = np.where(visible, smooth.astype(np.float32), np.float32(-1))
    return np.clip(cv2.GaussianBlur(seed, (0, 0), 0.8, borderType=cv2.BORDER_REPLICATE), 0, 1)


def resize_flow(flow: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Flow at another size (height, width): the grid is resampled and the vectors scaled with it."""
    height, width = size
    moved = cv2.resize(np.asarray(flow, np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return moved * np.float32([width / flow.shape[1], height / flow.shape[0]])


def end_point_error(flow: np.ndarray, truth: np.ndarray) -> float:
    """Mean |w - w_true| in pixels, over the pixels whose truth is known.

    >>> exact, seen = nst.samples.exact_flow(20, 22)
    >>> found = nst.optical_flow(nst.samples.frame(20), nst.samples.frame(22))
    >>> nst.end_point_error(found[seen == 1][None], exact[seen == 1][None]) < 0.5
    True
    """
    if flow.shape != truth.shape:
        raise NstlibError(f"flow is {flow.shape}, the truth is {truth.shape}")
    known = (np.abs(truth) < UNKNOWN_FLOW).all(-1)
    if not known.any():
        raise NstlibError("the true flow is unknown at every pixel; nothing to compare")
    return float(np.linalg.norm(flow[known] - truth[known], axis=-1).mean())


def read_flo(path: str | Path) -> np.ndarray:
    """A Middlebury .flo file as (H, W, 2) float32; NstlibError for a file that is none or is cut short.

    What is unknown, no number, or beyond 1e9 becomes 1e9: it leads out of any frame, and is trusted nowhere.

    >>> exact, _ = nst.samples.exact_flow(20, 22)
    >>> nst.write_flo("20.flo", exact)
    >>> bool((nst.read_flo("20.flo") == exact).all())
    True
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise NstlibError(f"cannot read flow {path}: {error.strerror}") from error
    if len(data) < 12 or np.frombuffer(data, "<f4", 1)[0] != FLO_MAGIC:
        raise NstlibError(f"{path} is no .flo file")
    width, height = (int(n) for n in np.frombuffer(data, "<i4", 2, 4))
    if width < 1 or height < 1 or len(data) != 12 + 8 * width * height:
        raise NstlibError(f"{path} promises {width}x{height} flow vectors and holds {len(data) - 12} bytes of them")
    flow = np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2)
    return np.where(np.abs(flow) < UNKNOWN_FLOW, flow, np.float32(UNKNOWN_FLOW))


def write_flo(path: str | Path, flow: np.ndarray) -> None:
    """Flow (H, W, 2) as a Middlebury .flo file.

    >>> exact, _ = nst.samples.exact_flow(20, 22)
    >>> nst.write_flo("20.flo", exact)
    """
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise NstlibError(f"flow is {flow.shape}; expected (height, width, 2)")
    head = np.float32(FLO_MAGIC).astype("<f4").tobytes() + np.array([flow.shape[1], flow.shape[0]], "<i4").tobytes()
    with files.whole(Path(path)) as beside:
        beside.write_bytes(head + np.asarray(flow, "<f4").tobytes())
