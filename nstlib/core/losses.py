"""The losses of neural style transfer, as pure functions of tensors.

A convention says how a sum of squares is normalised; `content_scale` and `style_scale` are its whole difference.
With N channels and M positions in a layer, F the picture's features, P the content's, G and A the mean Gram
matrices (divided by M) of picture and style:

| convention | content | style |
|---|---|---|
| `gatys` | ½ Σ (F − P)² | 1 / (4 N²) Σ (G − A)², the paper's 1 / (4 N² M²) with G and A undivided |
| `tutorial` | mean (F − P)² | mean (G − A)² |
| `relative` | Σ (F − P)² / Σ P² | Σ (G − A)² / Σ A² |
"""

import tensorflow as tf

from ..errors import choose
from ..settings import CONVENTIONS
from .speed.gradients import absolute_variation, products
from .speed.heads import Headed, computed, mean_products

TINY = 1e-12  # keeps `relative` finite for a black picture, whose features may all be 0


def gram_matrix(features: tf.Tensor | Headed, mask: tf.Tensor | None = None) -> tf.Tensor:
    """G = Fᵀ F / M: the mean product of every two channels over the positions (Gatys et al. 2016, eq. 3).

    features (1, H, W, C) in any arithmetic, or `Headed` -> (C, C) in float32. With a mask (H, W) in [0, 1]:
    G = Σ m F Fᵀ / Σ m, the Gram matrix of a region.

    >>> features = np.float32([[[[1, 0], [1, 2]]]])  # (1, 1, 2, 2): two positions, two channels
    >>> nst.gram_matrix(features).numpy().tolist()
    [[1.0, 1.0], [1.0, 2.0]]
    """
    if mask is None and isinstance(features, Headed):
        return mean_products(features)[:-1, :-1]
    features = features if mask is None else computed(features)
    flat = tf.reshape(features, [-1, features.shape[-1]])  # (1, H, W, C) -> (M, C)
    if mask is None:
        return products(flat) / tf.cast(tf.shape(flat)[0], tf.float32)
    mask = tf.reshape(mask, [-1, 1])
    return products(tf.sqrt(mask) * flat) / (tf.reduce_sum(mask) + TINY)


def content_scale(target: tf.Tensor, *, convention: str, channels: int) -> tf.Tensor:
    """What Σ (F − P)² is multiplied by; target (1, H, W, C), channels N, which a folded head's C differs from."""
    if convention == "gatys":
        return tf.constant(0.5)
    if convention == "tutorial":
        return 1.0 / (tf.cast(tf.size(target) // target.shape[-1] * channels, tf.float32))
    if convention == "relative":
        return 1.0 / (tf.reduce_sum(target**2) + TINY)
    raise choose("convention", convention, CONVENTIONS)


def style_scale(target: tf.Tensor, *, convention: str, channels: int) -> tf.Tensor:
    """What Σ (G − A)² is multiplied by; target a Gram matrix (C, C), or K of them, channels N."""
    if convention == "gatys":
        return tf.constant(1.0 / (4 * channels**2))
    if convention == "tutorial":
        return tf.constant(1.0 / channels**2)
    if convention == "relative":
        return 1.0 / (tf.reduce_sum(target**2, axis=(-2, -1)) + TINY)
    raise choose("convention", convention, CONVENTIONS)


def total_variation_scale(image: tf.Tensor, *, convention: str) -> tf.Tensor:
    """What Σ |Δ| is multiplied by: 1 in `gatys` and `tutorial`, 1 / (H W 3) in `relative`."""
    if convention not in CONVENTIONS:
        raise choose("convention", convention, CONVENTIONS)
    return 1.0 / tf.cast(tf.size(image), tf.float32) if convention == "relative" else tf.constant(1.0)


def content_loss(
    features: tf.Tensor, target: tf.Tensor, *, convention: str = "relative", channels: int | None = None
) -> tf.Tensor:
    """Σ (F − P)², scaled by the convention (Gatys et al. 2016, eq. 1; the paper's L_content is `gatys`).

    features, target (1, H, W, C); channels: N where it is not C. Returns a scalar.

    >>> content, picture = np.ones((1, 2, 2, 3), np.float32), np.zeros((1, 2, 2, 3), np.float32)
    >>> [float(nst.content_loss(picture, content, convention=name)) for name in ("relative", "tutorial", "gatys")]
    [1.0, 1.0, 6.0]
    """
    scale = content_scale(target, convention=convention, channels=channels or target.shape[-1])
    return scale * tf.reduce_sum((features - target) ** 2)


def style_loss(
    gram: tf.Tensor, target: tf.Tensor, *, convention: str = "relative", channels: int | None = None
) -> tf.Tensor:
    """Σ (G − A)², scaled by the convention (Gatys et al. 2016, eq. 4); one layer's term.

    gram, target (C, C), as `gram_matrix` makes them; channels: N where it is not C. Returns a scalar, or (K,) for
    K styles' matrices (K, C, C).
    Departs from Gatys where picture and style differ in size: mean Gram matrices stay comparable, sums would not.

    >>> style, picture = np.ones((4, 4), np.float32), np.zeros((4, 4), np.float32)
    >>> [float(nst.style_loss(picture, style, convention=name)) for name in ("relative", "tutorial", "gatys")]
    [1.0, 1.0, 0.25]
    """
    scale = style_scale(target, convention=convention, channels=channels or target.shape[-1])
    return scale * tf.reduce_sum((gram - target) ** 2, axis=(-2, -1))


def total_variation_loss(image: tf.Tensor, *, convention: str = "relative") -> tf.Tensor:
    """Σ |Δx| + Σ |Δy|, the tutorial's `tf.image.total_variation`; in `relative` divided by the image's values.

    image (H, W, 3). Returns a scalar.

    >>> image = np.float32([[[0, 0, 0], [1, 1, 1]]])  # (1, 2, 3): black beside white
    >>> float(nst.total_variation_loss(image)), float(nst.total_variation_loss(image, convention="tutorial"))
    (0.5, 3.0)
    """
    return total_variation_scale(image, convention=convention) * absolute_variation(image)


def temporal_loss(image: tf.Tensor, warped: tf.Tensor, reliability: tf.Tensor) -> tf.Tensor:
    """(1 / D) Σ c (x − w)², D = 3 H W (Ruder et al. 2016, eq. 7).

    image (H, W, 3); warped (H, W, 3), an earlier result already warped; reliability c (H, W), 1 where motion is
    trusted. Returns a scalar; with warped (T, H, W, 3) and c (T, H, W), one value for each of T earlier results.

    >>> image, warped = np.ones((4, 4, 3), np.float32), np.zeros((4, 4, 3), np.float32)
    >>> float(nst.temporal_loss(image, warped, np.full((4, 4), 0.5, np.float32)))
    0.5
    """
    error = reliability[..., None] * (image - warped) ** 2
    return tf.reduce_sum(error, axis=(-3, -2, -1)) / tf.cast(tf.size(image), tf.float32)
