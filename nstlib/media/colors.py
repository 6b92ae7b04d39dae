"""Keeping the content's colours: luminance and chroma, and a style's colours matched to the content's."""

import numpy as np

# Gatys et al. 2016, "Preserving color in neural artistic style transfer": luminance-only transfer works in YIQ.
YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)


def with_chroma_of(image: np.ndarray, content: np.ndarray) -> np.ndarray:
    """Y of the image, I and Q of the content (Gatys et al. 2016, luminance-only transfer); both (H, W, 3)."""
    yiq = content @ YIQ.T
    yiq[..., 0] = image @ YIQ[0]
    return np.clip(yiq @ np.linalg.inv(YIQ).T, 0, 1).astype(np.float32)


def luminance(image: np.ndarray) -> np.ndarray:
    """Y of the image in all three channels, (H, W, 3)."""
    return np.repeat((image @ YIQ[0])[..., None], 3, axis=2)


def match_luminance(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    """σ_c / σ_s (Y_s − μ_s) + μ_c, in grey: the style with the content's mean and spread of luminance."""
    s, c = luminance(style), luminance(content)
    return np.clip((s - s.mean()) * c.std() / max(s.std(), 1e-3) + c.mean(), 0, 1)


def match_colors(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    """A (s − μ_s) + μ_c with A Σ_s Aᵀ = Σ_c: the style with the content's mean and covariance of colour.

    style, content (H, W, 3), of any sizes. A = Σ_c^½ Σ_s^−½ (Gatys et al. 2016, eq. 3).
    """
    s, c = style.reshape(-1, 3), content.reshape(-1, 3)
    root = _power(np.cov(c.T), 0.5) @ _power(np.cov(s.T), -0.5)
    return np.clip((style - s.mean(0)) @ root.T + c.mean(0), 0, 1).astype(np.float32)


def _power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.maximum(values, 1e-5) ** exponent) @ vectors.T
