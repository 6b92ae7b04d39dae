"""The instant network: content in, the painting's feature statistics in, the stylised picture out, in one pass.

Compact's trunk encodes; the pixels, and the features at each of five levels, get the style's mean and covariance (Li et
al. 2017, whitening and colouring); a decoder of the trunk's shape, trained here, makes of the features what is to be
added to the pixels. Plain Keras 3 (`keras.ops`), so that it is trained and exported on any of its backends.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from keras import ops

from .compact import LAYOUT, reflected, trunk

LEVELS = ("conv11", "conv21", "conv31", "conv41", "conv51")  # each at half the size of the one before
CHANNELS = (3, *(LAYOUT[site].cout for site in LEVELS))  # the pixels', then each level's
STRIDE = 16  # of the deepest level
BLOCKS = (1, 1, 3, 4, 4)  # residual convolutions a level: few where there are many pixels
SLOPE = 0.1  # of what is below zero
CODE = 128  # width of the style's code
# Of a covariance's norm, added to its diagonal: nothing is whitened that is hardly there, and no colour made of noise.
RIDGE, OF_PIXELS = 1e-4, 1e-2
ITERATIONS = 15  # of the square root: eigenvalues down to 1e-5 of the norm grow to 1, by 9/4 each time

Weights = Mapping[str, Any]
Statistics = list[tuple[Any, Any]]  # of each level: mean (B, C), square root of the covariance (B, C, C)


def encode(weights: Weights, image: Any) -> list[Any]:
    """The image (B, H, W, 3) itself, and compact's activations at the five levels, each divided by its usual size."""
    seen = trunk(weights, image, set(LEVELS))
    return [image] + [seen[site] / ops.cast(weights[f"{site}/scale"], image.dtype) for site in LEVELS]


def look(features: list[Any]) -> list[tuple[Any, Any, Any]]:
    """Each level's mean μ, Σ^½ and Σ^−½."""
    ridges = (OF_PIXELS, *(RIDGE for _ in LEVELS))
    return [(mean, *square_root(c, ridge)) for (mean, c), ridge in zip(map(moment, features), ridges, strict=True)]


def statistics(features: list[Any]) -> Statistics:
    """Each level's mean μ and Σ^½: what the network knows of a style."""
    return [(mean, root) for mean, root, _ in look(features)]


def mixed(shares: Any, all_of: list[Statistics]) -> Statistics:
    """Σ share · statistics: several styles blended; a style and the content, for a strength below 1.

    shares: one number each, or one (B,) each.
    """
    return [
        tuple(
            sum(_over(s, part) * part for s, part in zip(shares, parts, strict=True))
            for parts in zip(*level, strict=True)
        )
        for level in zip(*all_of, strict=True)
    ]


def _over(share: Any, part: Any) -> Any:
    return ops.reshape(share, (-1,) + (1,) * (len(part.shape) - 1))


def moment(features: Any) -> tuple[Any, Any]:
    """Mean (B, C) and covariance (B, C, C) over the positions, in float32; centred first, so that none is negative."""
    shape = ops.shape(features)
    flat = ops.cast(ops.reshape(features, (shape[0], -1, features.shape[-1])), "float32")
    mean = ops.mean(flat, axis=1)
    centred = flat - mean[:, None]
    return mean, ops.matmul(ops.swapaxes(centred, 1, 2), centred) / ops.cast(ops.shape(flat)[1], "float32")


def square_root(matrix: Any, ridge: float, iterations: int = ITERATIONS) -> tuple[Any, Any]:
    """A^½ and A^−½ of covariances (B, C, C), by the coupled Newton-Schulz iteration (Higham 2008, section 6.7)."""
    eye = ops.eye(matrix.shape[-1], dtype="float32")
    norm = ops.sqrt(ops.sum(matrix**2, axis=(1, 2), keepdims=True)) + 1e-6
    y, z = matrix / norm + ridge * eye, eye + 0 * matrix
    for _ in range(iterations):
        t = 1.5 * eye - 0.5 * ops.matmul(z, y)
        y, z = ops.matmul(y, t), ops.matmul(t, z)
    return y * ops.sqrt(norm), z / ops.sqrt(norm)


def transfer(own: list[tuple[Any, Any, Any]], style: Statistics) -> list[tuple[Any, Any]]:
    """Each level's (A, b) of the map f -> f A + b = S^½ C^−½ (f − μ_c) + μ_s: to the style's mean and covariance."""
    changes = [ops.matmul(inverse, root) for (_, _, inverse), (_, root) in zip(own, style, strict=True)]
    moved = zip(own, style, changes, strict=True)  # both symmetric: applied from the right
    return [(change, aim - ops.matmul(mean[:, None], change)[:, 0]) for (mean, _, _), (aim, _), change in moved]


def apply(features: Any, change: Any, offset: Any = None) -> Any:
    """f A + b at each position, in the features' arithmetic; f A without an offset."""
    shape, kind = ops.shape(features), features.dtype
    flat = ops.reshape(features, (shape[0], -1, features.shape[-1]))
    changed = ops.matmul(flat, ops.cast(change, kind))
    changed = changed if offset is None else changed + ops.cast(offset[:, None], kind)
    return ops.reshape(changed, (*shape[:3], change.shape[-1]))


def decode(weights: Weights, features: list[Any], changes: list[tuple[Any, Any]], style: Statistics) -> Any:
    """What is added to the pixels (B, H, W, 3): from the levels' features, what becomes of them, the style's code."""
    code = style_code(weights, style)
    x = apply(features[-1], *changes[-1])
    for level in reversed(range(len(LEVELS))):
        if level < len(LEVELS) - 1:
            change, offset = (dense(weights, part, f"skip{level}", bias) for bias, part in enumerate(changes[level]))
            x = grow(convolve(weights, x, f"up{level}")) + apply(features[level], change, offset)
        for block in range(BLOCKS[level]):
            x = x + layer(weights, x, code, f"block{level}{block}")
    return layer(weights, x, code, "out")


def layer(weights: Weights, x: Any, code: Any, name: str) -> Any:
    """A convolution of what is bent of the features, scaled to unit mean square and modulated by the style's code."""
    return convolve(weights, ops.leaky_relu(modulate(weights, x, code, name), SLOPE), name)


def style_code(weights: Weights, style: Statistics) -> Any:
    """relu(W [μ, diag Σ^½] + b): one vector a style, from which each block's scales and shifts are made."""
    parts = [part for mean, root in style for part in (mean, ops.diagonal(root, axis1=1, axis2=2))]
    return ops.relu(dense(weights, ops.concatenate(parts, axis=-1), "code"))


def modulate(weights: Weights, x: Any, code: Any, name: str) -> Any:
    """(1 + γ) x / rms(x) + β with γ, β linear in the code (Perez et al. 2018); rms over positions and channels."""
    gamma, beta = ops.split(dense(weights, code, f"{name}/film")[:, None, None], 2, axis=-1)
    square = ops.mean(ops.cast(x, "float32") ** 2, axis=(1, 2, 3), keepdims=True)
    return x * ops.cast((1 + gamma) * ops.rsqrt(square + 1e-6), x.dtype) + ops.cast(beta, x.dtype)


def dense(weights: Weights, x: Any, name: str, bias: bool = True) -> Any:
    """x W + b, or x W."""
    y = ops.matmul(x, weights[f"{name}/kernel"])
    return y + weights[f"{name}/bias"] if bias else y


def convolve(weights: Weights, x: Any, name: str, pad: Callable[[Any], Any] = reflected) -> Any:
    """A 3x3 convolution with reflection padding, in x's arithmetic; pad: what pads in the place of `reflected`."""
    kernel, bias = (ops.cast(weights[f"{name}/{part}"], x.dtype) for part in ("kernel", "bias"))
    kernel = ops.reshape(kernel, (3, 3, -1, kernel.shape[-1]))
    return ops.conv(pad(x), kernel, 1, "valid", data_format="channels_last") + bias


def grow(x: Any) -> Any:
    """Each position becomes 2x2: what follows is a convolution, so no checkerboard can arise."""
    count, height, width, channels = (*ops.shape(x)[:3], x.shape[-1])
    spread = ops.broadcast_to(x[:, :, None, :, None], (count, height, 2, width, 2, channels))
    return ops.reshape(spread, (count, 2 * height, 2 * width, channels))


def stylise(weights: Weights, content: Any, style: Statistics, strength: Any) -> Any:
    """The pictures (B, H, W, 3), float32, not clipped, of contents whose sides are multiples of 16.

    strength: the style's share; at 0 the content comes back.
    """
    features = encode(weights, content)
    own = look(features)
    blend = mixed((strength, 1 - strength), [style, [(mean, root) for mean, root, _ in own]])
    (pixels, *features), (of_pixels, *changes) = features, transfer(own, blend)
    added = ops.cast(decode(weights, features, changes, blend), "float32")
    return ops.cast(apply(pixels, *of_pixels), "float32") + strength * added


def initial(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The decoder's random weights, He-scaled; its blocks begin as no change. Kernels are matrices (9 · in, out)."""
    shapes = {"code": (2 * sum(CHANNELS), CODE), "out": (9 * CHANNELS[1], 3), "out/film": (CODE, 2 * CHANNELS[1])}
    for level, width in enumerate(CHANNELS[1:]):
        if level < len(LEVELS) - 1:
            shapes[f"up{level}"] = (9 * CHANNELS[level + 2], width)
            shapes[f"skip{level}"] = (width, width)
        for block in range(BLOCKS[level]):
            shapes[f"block{level}{block}"] = (9 * width, width)
            shapes[f"block{level}{block}/film"] = (CODE, 2 * width)
    weights: dict[str, np.ndarray] = {}
    for name, (rows, columns) in shapes.items():
        gain = 0.1 if name.startswith(("block", "out")) else 1.0
        weights[f"{name}/kernel"] = rng.normal(0, gain / np.sqrt(rows), (rows, columns)).astype(np.float32)
        weights[f"{name}/bias"] = np.zeros(columns, np.float32)
    return weights
