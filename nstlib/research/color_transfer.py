"""Transfers of colour that know no features: what a photograph by the style loss is compared with.

Each maps a content (H, W, 3) by a style of any size, in closed form. The linear one is `colors.match_colors`.
"""

import numpy as np

LMS = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
LAB = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])


def match_lab(content: np.ndarray, style: np.ndarray) -> np.ndarray:
    """σ_s / σ_c (c − μ_c) + μ_s in each channel of l α β, the logarithms of cones' answers (Reinhard et al. 2001)."""
    c, s = (np.log10(np.maximum(x @ LMS.T, 1 / 255)) @ LAB.T for x in (content, style))
    moved = (c - c.mean((0, 1))) * s.std((0, 1)) / np.maximum(c.std((0, 1)), 1e-6) + s.mean((0, 1))
    back = 10 ** (moved @ np.linalg.inv(LAB).T) @ np.linalg.inv(LMS).T
    return np.clip(back, 0, 1).astype(np.float32)


def match_histograms(content: np.ndarray, style: np.ndarray) -> np.ndarray:
    """Each channel's values replaced, in their order, by the style's at the same quantile."""
    result = np.empty_like(content)
    for channel in range(3):
        _, at = np.unique(content[..., channel], return_inverse=True)
        counts = np.bincount(at.ravel())
        quantiles = (np.cumsum(counts) - counts / 2) / at.size
        ordered = np.sort(style[..., channel], axis=None)
        found = np.interp(quantiles, (np.arange(ordered.size) + 0.5) / ordered.size, ordered)
        result[..., channel] = found[at].reshape(content.shape[:2])
    return result
