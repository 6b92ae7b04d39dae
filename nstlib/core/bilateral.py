"""A photograph's parametrisation: a bilateral grid of affine colour maps; every edge stays where it is.

x' = x + s B A(p, g) [Bᵀ (x − ½); 1]: the colour x of a pixel at p moves by an affine map A (3 x 4) of its light and two
chromas (the columns of B), s is the strength. A is interpolated in a grid of (rows, columns, bins) maps by where the
pixel is and by its luma g (Chen, Paris, Durand 2007; Gharbi et al. 2017). A = 0 is the source, to the bit; a map found
on a small picture holds at every size. With masks each region has a grid of its own, and a pixel the regions' maps by
their shares in it. Departs from Xia et al. 2020 in that no network is trained: the grid is what the style loss
optimises.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import tensorflow as tf

from ..media.colors import YIQ
from ..settings import Settings, check_blend
from .guided_filter import regions
from .light import light_loss, luma_quantiles
from .optimize import Objective
from .speed.lbfgs import Precondition
from .speed.slicing import applied
from .speed.tracing import graph

# Light (the mean of R, G, B) and two chromas, orthonormal: the columns of B.
OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float32).T / np.sqrt([3, 2, 6], dtype=np.float32)
MAP = (3, 4)  # light and chromas out; light and chromas in, and 1

# The weights of mean squared slopes over the whole width, height and range of luma, of light and of chroma out;
# and of what turns hues, or makes them purer or greyer than the light's own gain does: without it skies turn red.
SLOPES = (1.0, 1.0, 0.1)
LIGHT, CHROMA = 1.0, 4.0
HUE = 0.2
STIFF = 1.0  # of the loss itself, beside the roughness: what keeps the preconditioner finite
LEAVING = 1.0  # the weight of what is outside [0, 1], where no picture can be


class BilateralGrid:
    """The parametrisation of `rendering="photo"`: x (rows, columns, K · bins · 12), from the identity 0.

    content (H, W, 3): the picture that is fitted; styles: pictures that it is to be no darker than; masks: K regions
    (H, W) of any size, one a style, or none, and K is 1. `settings.smoothness` multiplies the penalties on x.
    """

    bounded, spread = False, 1.0

    def __init__(
        self,
        content: np.ndarray,
        settings: Settings,
        *,
        styles: Sequence[np.ndarray] = (),
        masks: Sequence[np.ndarray] = (),
    ) -> None:
        self.shape = (settings.spatial_bins, settings.spatial_bins, settings.luma_bins)
        self.strength = settings.strength
        self._weights = {name: tf.constant(getattr(settings, name)) for name in ("smoothness", "light_weight")}
        self.precondition = smoothing(self.shape)

        self._content, self._masks = tf.constant(content), masks if settings.regions == "own" else ()
        self._features = features(self._content, settings.luma_bins)  # (H, W, bins, 4)
        places = tf.constant(regions(masks, content)) if len(masks) else tf.ones((*content.shape[:2], len(styles)))
        if len(self._masks):
            each = places[..., None, None] * self._features[:, :, None]  # (H, W, K, bins, 4)
            self._features = tf.reshape(each, [*content.shape[:2], -1, 4])
        shares = tf.constant(check_blend(settings, len(styles)) if len(styles) else (), tf.float32)
        self._light = luma_quantiles(styles), shares, places
        rows, columns = (tf.constant(hats(side, settings.spatial_bins)) for side in content.shape[:2])
        self._place = rows, columns

    def begin(self, image: np.ndarray) -> tf.Tensor:
        """The identity, whatever the picture."""
        rows, columns, bins = self.shape
        return tf.zeros((rows, columns, max(1, len(self._masks)) * bins * MAP[0] * MAP[1]))

    def grown(self, x: tf.Tensor, shape: tuple[int, int], fine: np.ndarray | None) -> tf.Tensor:
        """x as it is: the maps hold at every size."""
        return x

    def whole(self, x: tf.Tensor) -> tf.Tensor:
        """x itself."""
        return x

    def picture(self, x: tf.Tensor) -> tf.Tensor:
        """The fitted picture (H, W, 3), at strength 1; it may leave [0, 1]."""
        return _sliced(x, self._content, self._features, *self._place)

    def objective(self, x: tf.Tensor, of_picture: Objective) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """The objective of pictures as one of x: (loss, gradient, terms), the grid's own penalties among them."""
        picture = self.picture(x)
        total, upstream, terms = of_picture(picture)
        own, gradient, own_terms = _penalised(
            x, picture, upstream, self._content, self._features, self._place, self._light, self._weights, self.shape[2]
        )
        return total + own, gradient, {**terms, **own_terms}

    def result(self, x: tf.Tensor, content: np.ndarray) -> np.ndarray:
        """The content (H, W, 3), of any size, with the maps at their strength; at strength 0 the content itself."""
        shares = regions(self._masks, content) if len(self._masks) else None
        return applied(maps(x, self.shape[2]), content, self.strength, hats=hats, regions=shares)

    def overall(self, x: tf.Tensor, content: np.ndarray) -> np.ndarray:
        """(1, 1, 1, bins, 3, 4): one map a bin for the whole picture, the mean by where the content has that luma."""
        rows, columns, bins = self.shape
        share = features(tf.constant(content), bins)[..., 3].numpy()  # (H, W, bins)
        shares = regions(self._masks, content) if len(self._masks) else np.ones((*content.shape[:2], 1), np.float32)
        down, across = hats(content.shape[0], rows), hats(content.shape[1], columns)
        weight = np.einsum("hr,wc,hwb,hwk->krcb", down, across, share, shares, optimize=True) + 1e-3  # none: equal
        weight /= weight.sum((0, 1, 2))
        return np.einsum("krcb,krcbij->bij", weight, maps(x, bins), optimize=True)[None, None, None]


def hats(count: int, nodes: int) -> np.ndarray:
    """(count, nodes): what each of `nodes` weighs at each of `count` pixels, linear between their centres.

    Pixel i of n is at (i + ½) / n, node k of m at (k + ½) / m: a picture's place does not depend on its size.
    """
    place = np.clip((np.arange(count) + 0.5) * nodes / count - 0.5, 0, nodes - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(nodes))).astype(np.float32)


def features(content: tf.Tensor, bins: int) -> tf.Tensor:
    """(H, W, bins, 4): what of [Bᵀ (x − ½); 1] goes to each bin; the nearest two bins of a pixel's luma share it.

    The first bin is at luma 0, the last at 1.
    """
    luma = tf.tensordot(content, tf.constant(YIQ[0]), 1)
    share = tf.nn.relu(1 - tf.abs(luma[..., None] * (bins - 1) - tf.range(bins, dtype=tf.float32)))
    opponent = tf.tensordot(content - 0.5, tf.constant(OPPONENT), 1)
    return share[..., None] * tf.concat([opponent, tf.ones_like(luma)[..., None]], -1)[..., None, :]


def maps(x: tf.Tensor, bins: int) -> np.ndarray:
    """(K, rows, columns, bins, 3, 4): of each node, from x − ½ and 1 to the change of R, G and B."""
    grid = np.reshape(x, (*x.shape[:2], -1, bins, MAP[1], MAP[0])) @ OPPONENT.T  # (rows, columns, K, bins, in, R G B)
    grid = np.concatenate([OPPONENT @ grid[..., :3, :], grid[..., 3:, :]], axis=-2)
    return np.moveaxis(np.moveaxis(grid, 2, 0), -1, -2)


def tones(x: tf.Tensor, bins: int) -> np.ndarray:
    """(bins, rows, columns, 3): what the maps make of grey, from black to white; the grid to be looked at.

    With K masks (K · bins, rows, columns, 3), one region after the other.

    >>> settings = nst.Settings(rendering="photo", size=64, steps=2, luma_bins=4)
    >>> run = nst.Run(nst.samples.frame(30), nst.samples.frame(0), settings)
    >>> nst.tones(run.optimizer.x, settings.luma_bins).shape
    (4, 16, 16, 3)
    """
    grid = np.moveaxis(maps(x, bins), 3, 1)  # (K, bins, rows, columns, 3, 4)
    grey = np.linspace(0, 1, bins, dtype=np.float32)[:, None, None, None]
    tones = np.clip(grey + grid[..., :3].sum(-1) * (grey - 0.5) + grid[..., 3], 0, 1)
    return tones.reshape(-1, *tones.shape[2:])


@graph(reduce_retracing=True)
def _sliced(x, content, features, rows, columns):
    """Σ over bins and inputs of the maps at each pixel, times its features: no `gather`, and so a plain gradient."""
    height, width, count = tf.shape(content)[0], tf.shape(content)[1], tf.shape(x)[1]
    maps = tf.reshape(tf.tensordot(tf.reshape(x, [-1, 3]), tf.constant(OPPONENT.T), 1), [tf.shape(x)[0], -1])

    along = tf.reshape(tf.matmul(rows, maps), [height, count, -1])  # (H, columns, bins · 12)
    at = tf.matmul(tf.broadcast_to(columns, [height, width, count]), along)  # (H, W, bins · 12)
    at = tf.reshape(at, [height, width, -1, 3])
    change = tf.reduce_sum(at * tf.reshape(features, [height, width, -1, 1]), axis=2)
    return content + change


@graph(reduce_retracing=True)
def _penalised(x, picture, upstream, content, features, place, light, weights, bins):
    """The penalties' sum, the gradient of everything with respect to x, the terms."""
    with tf.GradientTape() as tape:
        tape.watch(picture)
        leaving = LEAVING * tf.reduce_mean(tf.nn.relu(-picture) ** 2 + tf.nn.relu(picture - 1) ** 2)
        dark = light_loss(picture, *light)
        of_picture = leaving + weights["light_weight"] * dark
    upstream += tape.gradient(of_picture, picture)

    with tf.GradientTape() as tape:
        tape.watch(x)
        again = _sliced(x, content, features, *place)
    gradient = tape.gradient(again, x, output_gradients=upstream)

    with tf.GradientTape() as tape:
        tape.watch(x)
        rough = roughness(x, bins)
        own = weights["smoothness"] * rough
    terms = {"roughness": rough, "leaving": leaving, "light": dark}
    return own + of_picture, gradient + tape.gradient(own, x), terms


def roughness(x: tf.Tensor, bins: tf.Tensor) -> tf.Tensor:
    """The mean over nodes of squared slopes, of chroma more than of light, and of changed hues."""
    rows, columns = tf.unstack(tf.shape(x)[:2])
    grid = tf.reshape(x, [rows, columns, -1, bins, MAP[1], MAP[0]]) * tf.sqrt([LIGHT, CHROMA, CHROMA])
    down, right, up = grid[1:] - grid[:-1], grid[:, 1:] - grid[:, :-1], grid[:, :, :, 1:] - grid[:, :, :, :-1]

    rough = HUE * tf.reduce_sum(_recoloured(grid) ** 2)
    for slope, count, weight in zip((down, right, up), (rows, columns, bins), SLOPES, strict=True):
        rough += weight * tf.cast(count, tf.float32) ** 2 * tf.reduce_sum(slope**2)
    return rough / tf.cast(tf.size(grid[..., 0, 0]), tf.float32)


def _recoloured(grid: tf.Tensor) -> tf.Tensor:
    """What of the maps (…, in, out) is not one gain of light and chroma, which leaves every hue and its purity."""
    light, first, second = grid[..., 0, 0] * (CHROMA / LIGHT) ** 0.5, grid[..., 1, 1], grid[..., 2, 2]
    of_chroma = [first - light, second - light, grid[..., 1, 2], grid[..., 2, 1]]
    return tf.stack([*of_chroma, grid[..., 1, 0], grid[..., 2, 0]], -1)


@lru_cache  # the same map each time, so that its traces are kept
def smoothing(shape: tuple[int, int, int]) -> Precondition:
    """P = (R + δ)⁻¹, with R the Hessian of the roughness: a preconditioner that begins with what is smooth.

    R is diagonal in the cosines of each axis, whose squared slopes are 2 − 2 cos (π k / n) (the discrete cosine
    transform). It is coarse to fine within the grid: the first moves of L-BFGS are nearly global maps.
    """
    waves = [np.cos(np.pi * np.outer(np.arange(n), np.arange(n) + 0.5) / n) for n in shape]
    waves = [w / np.linalg.norm(w, axis=1, keepdims=True) for w in waves]

    slopes = [
        weight * n**2 * (2 - 2 * np.cos(np.pi * np.arange(n) / n)) for n, weight in zip(shape, SLOPES, strict=True)
    ]
    slopes = slopes[0][:, None, None] + slopes[1][:, None] + slopes[2]
    hue = np.array([0, HUE, HUE, 0])[:, None]
    hessian = np.array([LIGHT, CHROMA, CHROMA]) * (slopes[..., None, None] + hue)
    inverse = tf.constant(1 / (hessian + STIFF), tf.float32)  # (rows, columns, bins, 4, 3)
    rows, columns, bins = (tf.constant(w, tf.float32) for w in waves)

    def precondition(x: tf.Tensor) -> tf.Tensor:
        grid = tf.reshape(x, [shape[0], shape[1], -1, shape[2], MAP[1], MAP[0]])
        grid = tf.einsum("ai,bj,ck,ijrkmn->abrcmn", rows, columns, bins, grid)
        grid = tf.einsum("ai,bj,ck,abrcmn->ijrkmn", rows, columns, bins, inverse[:, :, None] * grid)
        return tf.reshape(grid, tf.shape(x))

    return precondition
