"""The network of one painting: content in, picture out; `instant` with all that depends on the style made constant.

What was computed of the style at each call is a weight here: the whitening's aim, folded into each level's 1x1 map, and
each block's gains and shifts. What remains of the normalisation is the content's own: features are whitened by the
picture's mean and covariance, so that a dim photograph is painted as boldly as a bright one. Plain Keras 3.

`fold` makes the weights that learning (`engines.lessons`) starts from; kernels are matrices, as instant's.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from keras import ops

from . import instant
from .compact import LAYOUT, trunk
from .instant import BLOCKS, LEVELS, SLOPE, STRIDE, apply, convolve, grow

MAPS = ("pixels", *(f"skip{level}" for level in range(len(LEVELS))))  # of the pixels, and of each level's features
SMALLEST = 2 * STRIDE  # px a side

Weights = Mapping[str, Any]
Layer = Callable[[Weights, Any, str], Any]


def stylise(weights: Weights, content: Any) -> Any:
    """The pictures (B, H, W, 3), float32, not clipped, of contents whose sides are multiples of 16, 32 at least."""
    pixels, *features = mapped(weights, see(weights, content))
    return ops.cast(pixels, "float32") + ops.cast(decode(weights, features, layer), "float32")


def see(weights: Weights, image: Any) -> list[Any]:
    """The image (B, H, W, 3) itself, and compact's activations at five levels, each half the size of the one before."""
    seen = trunk(weights, image, set(LEVELS))
    return [image, *(seen[site] for site in LEVELS)]


def mapped(weights: Weights, features: list[Any]) -> list[Any]:
    """(f − μ) Σ^−½ M + b at each level: the picture's own mean μ and covariance Σ; M and b are weights."""
    moved = []
    for name, f, (mean, _, whitening) in zip(MAPS, features, instant.look(features), strict=True):
        change = ops.matmul(whitening, ops.cast(weights[f"{name}/kernel"], "float32"))  # (B, C, C')
        offset = ops.cast(weights[f"{name}/bias"], "float32") - ops.matmul(mean[:, None], change)[:, 0]
        moved.append(apply(f, change, offset))
    return moved


def decode(weights: Weights, features: list[Any], layer: Layer) -> Any:
    """What is added to the pixels (B, H, W, 3), from the five levels' mapped features, the deepest first."""
    x = features[-1]
    for level in reversed(range(len(LEVELS))):
        if level < len(LEVELS) - 1:
            x = grow(convolve(weights, x, f"up{level}")) + features[level]  # (B, h, w, C) -> (B, 2h, 2w, C')
        for block in range(BLOCKS[level]):
            x = x + layer(weights, x, f"block{level}{block}")
    return layer(weights, x, "out")


def layer(weights: Weights, x: Any, name: str) -> Any:
    """A convolution of what is bent of g x + s; one gain and one shift a channel."""
    gain, shift = (ops.cast(weights[f"{name}/{part}"], x.dtype) for part in ("gain", "shift"))
    return convolve(weights, ops.leaky_relu(x * gain + shift, SLOPE), name)


def fold(weights: Weights, style: Any, contents: Any) -> dict[str, np.ndarray]:
    """Instant's weights for one style (1, H, W, 3), as this network's.

    contents (B, H, W, 3): each block's normalisation, which instant computes a picture, becomes their mean one.
    """
    aims = instant.statistics(instant.encode(weights, style))
    code = instant.style_code(weights, aims)
    folded = {name: _array(w) for name, w in weights.items() if name.split("/")[0] in LAYOUT and "scale" not in name}

    for name, (mean, root) in zip(MAPS, aims, strict=True):
        kernel, bias = _array(root)[0], _array(mean)[0]
        if f"{name}/kernel" in weights:
            skip, more = (_array(weights[f"{name}/{part}"]) for part in ("kernel", "bias"))
            kernel, bias = kernel @ skip, bias @ skip + more
        folded[f"{name}/kernel"], folded[f"{name}/bias"] = kernel, bias
    for level in range(len(LEVELS) - 1):
        folded |= {f"up{level}/{part}": _array(weights[f"up{level}/{part}"]) for part in ("kernel", "bias")}

    def measuring(_: Weights, x: Any, name: str) -> Any:
        """`layer`, once its gain is known: (1 + γ) / rms(x), as instant has it for these contents."""
        gamma, beta = np.split(_array(instant.dense(weights, code, f"{name}/film"))[0], 2)
        folded[f"{name}/gain"], folded[f"{name}/shift"] = (1 + gamma) / np.sqrt(np.mean(_array(x) ** 2) + 1e-6), beta
        folded.update({f"{name}/{part}": _array(weights[f"{name}/{part}"]) for part in ("kernel", "bias")})
        return layer(folded, x, name)

    decode(folded, mapped(folded, see(folded, contents))[1:], measuring)
    return {name: np.asarray(w, np.float32) for name, w in folded.items()}


def _array(tensor: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor), np.float32)
