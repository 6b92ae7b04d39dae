"""The network of one painting: content in, picture out; `instant` with all that depends on the style made constant.

Of several paintings too: what is a painting's own lies side by side (`together`), and their shares mix it (`mixed`).

What was computed of the style at each call is a weight here: the whitening's aim, folded into each level's 1x1 map, and
each block's gains and shifts. What remains of the normalisation is the content's own: features are whitened by the
picture's mean and covariance, so that a dim photograph is painted as boldly as a bright one.

The two largest levels grow by linear interpolation: repeated positions mirror the strokes' frequencies into a hatching
along the axes, three to four pixels from line to line, which the few layers after them do not undo.

On a processor a convolution with its bias and bend takes no longer than one sum over the same positions. So a block's
gain and shift are a convolution too, and what is added to a whole level is added before it grows. Plain Keras 3.

`fold` makes the weights that learning (`engines.lessons`) starts from; kernels are matrices, as instant's.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from . import instant
from .compact import LAYOUT, reflected, trunk
from .instant import LEVELS, OF_PIXELS, RIDGE, SLOPE, STRIDE, apply, convolve, grow

MAPS = ("pixels", *(f"skip{level}" for level in range(len(LEVELS))))  # of the pixels, and of each level's features
MARGIN = 8  # px at each border, within which zeros around the two largest levels are felt
SMALLEST = 2 * STRIDE  # px a side
BLOCKS = (1, 2, 3, 4, 4)  # residual convolutions a level: instant's, and one more where strokes are as fine as they get
SMOOTH = 2  # levels, from the largest, that grow by interpolation
ALONG = np.float32([[0.25, 0.75, 0], [0, 0.75, 0.25]])  # (corner, tap): three quarters here, a quarter of the neighbour
TAPS = np.einsum("py,qx->yxpq", ALONG, ALONG).reshape(3, 3, 1, 4, 1)
EDITION = 3  # of the network: what an older one has learned goes on only in an older one
ITERATIONS = 8  # of the square root: with instant's 15 the picture is the same to the eye

Weights = Mapping[str, Any]
Pad = Callable[[Any], Any]
Layer = Callable[[Weights, Any, str, Pad], Any]


def stylise(weights: Weights, content: Any, pad: Pad = reflected, largest: Pad | None = None) -> Any:
    """The pictures (B, H, W, 3), float32, not clipped, of contents whose sides are multiples of 16, 32 at least.

    The pixels' own path is float32; all else is in the weights' arithmetic. pad: what pads in the place of `reflected`,
    to the same values; largest: what pads the two largest levels. With `zero_padded` a picture takes less time, and
    what the zeros do stays within `MARGIN` of its border, which is to be cut off.
    """
    content = ops.cast(content, "float32")
    return from_features(weights, content, see(weights, content), pad, largest)


def from_features(
    weights: Weights, content: Any, features: list[Any], pad: Pad = reflected, largest: Pad | None = None
) -> Any:
    """The pictures of contents (B, H, W, 3), float32, whose features `see` has found."""
    coloured = apply(content, *change(weights, content, "pixels"))
    return coloured + ops.cast(decode(weights, features, layer, pad, largest), "float32")


def see(weights: Weights, image: Any) -> list[Any]:
    """Compact's activations (B, h, w, C) at five levels, each half the size of the one before."""
    seen = trunk(weights, ops.cast(image, weights["up0/kernel"].dtype), set(LEVELS))
    return [seen[site] for site in LEVELS]


def change(weights: Weights, features: Any, name: str) -> tuple[Any, Any]:
    """(A, b) of f A + b = (f − μ) Σ^−½ M + m: μ and Σ, the picture's own mean and covariance; M and m, weights."""
    mean, covariance = instant.moment(features)
    ridge = OF_PIXELS if name == "pixels" else RIDGE
    whitening = instant.square_root(covariance, ridge, ITERATIONS)[1]
    kernel, bias = (ops.cast(weights[f"{name}/{part}"], "float32") for part in ("kernel", "bias"))
    matrix = ops.matmul(whitening, kernel)  # (B, C, C')
    return matrix, bias - ops.matmul(mean[:, None], matrix)[:, 0]


def decode(
    weights: Weights, features: list[Any], layer: Layer, pad: Pad = reflected, largest: Pad | None = None
) -> Any:
    """What is added to the pixels (B, H, W, 3), from the five levels' features, the deepest first."""
    pads = [largest or pad if level < SMOOTH else pad for level in range(len(LEVELS))]
    changes = [change(weights, f, f"skip{level}") for level, f in enumerate(features)]
    x = apply(features[-1], *changes[-1])
    for level in reversed(range(len(LEVELS))):
        if level < len(LEVELS) - 1:
            matrix, offset = changes[level]
            below = convolve(weights, x, f"up{level}", pads[level + 1]) + ops.cast(offset[:, None, None], x.dtype)
            # (B, h, w, C) -> (B, 2h, 2w, C)
            larger = interpolated(below, pads[level + 1]) if level < SMOOTH else grow(below)
            x = larger + apply(features[level], matrix)
        for block in range(BLOCKS[level]):
            x = x + layer(weights, x, f"block{level}{block}", pads[level])
    return layer(weights, x, "out", pads[0])


def layer(weights: Weights, x: Any, name: str, pad: Pad) -> Any:
    """A 3x3 convolution of what is bent of g x + s; one gain and one shift a channel."""
    gain, shift = (ops.cast(weights[f"{name}/{part}"], x.dtype) for part in ("gain", "shift"))
    kernel = gain[:, None] * ops.eye(x.shape[-1], dtype=x.dtype)  # (C, C)
    scaled = ops.conv(x, kernel[None, None], 1, "valid", data_format="channels_last") + shift
    return convolve(weights, ops.leaky_relu(scaled, SLOPE), name, pad)


def zero_padded(x: Any) -> Any:
    """One more row and column on each side, of zeros: quicker than mirrored, since a convolution takes them in."""
    return ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))


def interpolated(x: Any, pad: Pad = reflected) -> Any:
    """Twice the size, linear between the positions: one convolution makes the 2x2 of each, which are then laid out."""
    count, height, width, channels = (*ops.shape(x)[:3], x.shape[-1])
    kernel = ops.cast(TAPS, x.dtype) * ops.eye(channels, dtype=x.dtype)[:, None]  # (3, 3, C, 4, C)
    kernel = ops.reshape(kernel, (3, 3, channels, 4 * channels))
    four = ops.conv(pad(x), kernel, 1, "valid", data_format="channels_last")
    four = ops.reshape(four, (count, height, width, 2, 2, channels))
    return ops.reshape(ops.transpose(four, (0, 1, 3, 2, 4, 5)), (count, 2 * height, 2 * width, channels))


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

    def measuring(_: Weights, x: Any, name: str, pad: Pad) -> Any:
        """`layer`, once its gain is known: (1 + γ) / rms(x), as instant has it for these contents."""
        width = x.shape[-1]
        if f"{name}/kernel" in weights:
            gamma, beta = np.split(_array(instant.dense(weights, code, f"{name}/film"))[0], 2)
            kernel, bias = (_array(weights[f"{name}/{part}"]) for part in ("kernel", "bias"))
        else:  # a block that instant lacks begins as no change
            gamma, beta, kernel, bias = (
                np.zeros(shape, np.float32) for shape in (width, width, (9 * width, width), width)
            )
        gain = (1 + gamma) / np.sqrt(np.mean(_array(x) ** 2) + 1e-6)
        folded.update({f"{name}/gain": gain, f"{name}/shift": beta, f"{name}/kernel": kernel, f"{name}/bias": bias})
        return layer(folded, x, name, pad)

    decode(folded, see(folded, contents), measuring)
    return {name: np.asarray(w, np.float32) for name, w in folded.items()}


def together(networks: Sequence[Weights]) -> dict[str, np.ndarray]:
    """Folded weights of several paintings as one network's: what is their own side by side, the rest the first's."""
    first = networks[0]
    return {n: np.concatenate([w[n] for w in networks], -1) if _of_a_painting(n) else first[n] for n in first}


def mixed(weights: Weights, shares: Any) -> dict[str, Any]:
    """The weights for shares (S,) of the paintings that lie side by side in them; of one painting as they are."""
    count = shares.shape[0]
    if count == 1:
        return dict(weights)
    return {n: _mix(w, shares, count) if _of_a_painting(n) else w for n, w in weights.items()}


def _mix(weight: Any, shares: Any, count: int) -> Any:
    apart = ops.reshape(weight, (*weight.shape[:-1], count, weight.shape[-1] // count))  # (…, S, C)
    return ops.sum(apart * ops.cast(shares, weight.dtype)[:, None], axis=-2)


def _of_a_painting(name: str) -> bool:
    of, part = name.split("/")
    return of in MAPS or part in ("gain", "shift")


def _array(tensor: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor), np.float32)
