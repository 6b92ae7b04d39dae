"""The compact extractor's network: thirteen slim convolutions that answer by VGG19's layer names.

Plain Keras 3 (`keras.ops`), so that it is trained and run on any of its backends. Downsampling is a 4x4 convolution of
stride 2, which sees what VGG19's last 3x3 convolution of a block and its 2x2 pooling see together, at a quarter of the
positions. Each layer's features leave through a 1x1 linear head, folded so that sums of squares and Gram norms are
those of the teacher's own channels.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from .errors import NstlibError

# site: kernel size, stride, channels in, channels out, added to its input (residual)
LAYOUT = {
    "conv11": (3, 1, 3, 16, False),
    "down1": (4, 2, 16, 16, False),
    "conv21": (3, 1, 16, 32, False),
    "down2": (4, 2, 32, 48, False),
    "conv31": (3, 1, 48, 64, False),
    "conv32": (3, 1, 64, 64, True),
    "down3": (4, 2, 64, 96, False),
    "conv41": (3, 1, 96, 96, False),
    "conv42": (3, 1, 96, 96, True),
    "conv43": (3, 1, 96, 96, True),
    "down4": (4, 2, 96, 128, False),
    "conv51": (3, 1, 128, 128, False),
    "conv52": (3, 1, 128, 128, True),
}

# VGG19's name: the site whose head answers for it. A block's last convolution is seen after its pooling.
SITES = {
    "block1_conv1": "conv11",
    "block1_conv2": "down1",
    "block2_conv1": "conv21",
    "block2_conv2": "down2",
    "block3_conv1": "conv31",
    "block3_conv2": "conv32",
    "block3_conv3": "conv32",
    "block3_conv4": "down3",
    "block4_conv1": "conv41",
    "block4_conv2": "conv42",
    "block4_conv3": "conv43",
    "block4_conv4": "down4",
    "block5_conv1": "conv52",
}
POOLED = ("block1_conv2", "block2_conv2", "block3_conv4", "block4_conv4")
NEAREST = {"block5_conv2": "block5_conv1"}  # the teacher ends at block5_conv1, and so do we
FILE = Path(__file__).with_name("weights") / "compact.npz"
SHA256 = "c80ee09edc45e0e4a7adcf6c68296dff663c9bb50b4bc08ffc380ae71e4291bc"
MEAN, SCALE = 0.45, 4.0  # pixels of 0 to 1 become about zero mean, unit variance

Weights = Mapping[str, Any]


def features(weights: Weights, image: Any, layers: tuple[str, ...]) -> list[Any]:
    """head(site(image)) for each of VGG19's names: tensors (B, h, w, C) in the image's dtype.

    image (B, H, W, 3), RGB in [0, 1]; weights `SITE/kernel`, `SITE/bias`, `LAYER/kernel`, `LAYER/bias`.
    """
    names = [nearest(name) for name in layers]
    seen = trunk(weights, image, {SITES[name] for name in names})
    heads = {name: _head(weights, seen[SITES[name]], name) for name in dict.fromkeys(names)}
    return [heads[name] for name in names]


def nearest(layer: str) -> str:
    """The layer that answers for VGG19's `layer`: itself, or block5_conv1 for block5_conv2."""
    name = NEAREST.get(layer, layer)
    if name not in SITES:
        raise NstlibError(f"compact has no layer {layer!r}; choose from {', '.join((*SITES, *NEAREST))}")
    return name


def trunk(weights: Weights, image: Any, sites: set[str]) -> dict[str, Any]:
    """The activations at these sites, computed no deeper than the deepest of them."""
    x, seen = (image - MEAN) * SCALE, {}
    for site, (size, stride, _, _, residual) in LAYOUT.items():
        y = ops.relu(_convolve(weights, _even(x) if stride == 2 else _reflect(x), site, size, stride))
        x = x + y if residual else y
        if site in sites:
            seen[site] = x
        if len(seen) == len(sites):
            break
    return seen


def _convolve(weights: Weights, x: Any, site: str, size: int, stride: int) -> Any:
    kernel, bias = (ops.cast(weights[f"{site}/{part}"], x.dtype) for part in ("kernel", "bias"))
    kernel = ops.reshape(kernel, (size, size, -1, kernel.shape[-1]))
    padding = "same" if stride == 2 else "valid"
    return ops.conv(x, kernel, stride, padding, data_format="channels_last") + bias


def _head(weights: Weights, x: Any, name: str) -> Any:
    return _convolve(weights, x, name, 1, 1)


def _reflect(x: Any) -> Any:
    return ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")


def _even(x: Any) -> Any:
    """Without its last row or column where their number is odd, as 2x2 pooling leaves them out."""
    height, width = ops.shape(x)[1:3]
    return x[:, : height - height % 2, : width - width % 2]


def fold(
    kernel: np.ndarray, bias: np.ndarray, width: int | None = None, moment: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """R with Rᵀ R = A'ᵀ A', A' = [A b]: ‖R D Rᵀ‖ = ‖A' D A'ᵀ‖ and ‖R d‖ = ‖A' d‖, in few channels.

    kernel (c, C), bias (C,) of the head f = A s + b -> kernel (c, r), bias (r,), r the rank of A', at most c + 1.
    width: keep only so many channels, those of most energy under `moment`, the mean of t tᵀ for t = [s; 1] (the
    identity where not given); the equations then hold nearly.
    """
    stacked = np.concatenate([kernel, bias[None]]).astype(np.float64)  # (c + 1, C) = A'ᵀ
    weighed = stacked if moment is None else moment @ stacked
    energy, axes = np.linalg.eigh(stacked.T @ weighed)  # ascending
    rank = min(int(np.sum(energy > 1e-9 * energy[-1])), width or len(energy))
    r = (stacked @ axes[:, ::-1][:, :rank]).astype(np.float32)
    return r[:-1], r[-1]


def save(path: str | Path, weights: Mapping[str, np.ndarray]) -> str:
    """Writes float16 arrays as .npz; returns the file's SHA-256."""
    np.savez_compressed(path, **{name: np.asarray(w, np.float16) for name, w in weights.items()})
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def load(path: str | Path = FILE, sha256: str | None = None) -> dict[str, np.ndarray]:
    """The float32 arrays of a file by `save`. Raises NstlibError where it is missing or corrupted.

    sha256: what the file's must be; for the package's own file it is known.
    """
    sha256 = sha256 or (SHA256 if Path(path) == FILE else None)
    try:
        found = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise NstlibError(f"compact's weights cannot be read: {error}") from None
    if sha256 and found != sha256:
        raise NstlibError(f"compact's weights {path} are corrupted: SHA-256 {found}, expected {sha256}; install again")
    try:
        with np.load(path) as file:
            weights = {name: file[name].astype(np.float32) for name in file.files}
    except Exception as error:  # a damaged zip raises many kinds
        raise NstlibError(f"{path} is no .npz file of compact's weights: {error}") from None
    missing = [site for site in (*LAYOUT, *SITES) if f"{site}/kernel" not in weights]
    if missing:
        raise NstlibError(f"{path} has no weights for {', '.join(missing)}; it is of another layout")
    return weights


def initial(targets: Mapping[str, int], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random weights, He-scaled; targets: each layer's channels. Kernels are (size² · in, out) matrices."""
    weights: dict[str, np.ndarray] = {}
    shapes = {site: (size**2 * cin, cout) for site, (size, _, cin, cout, _) in LAYOUT.items()}
    shapes |= {name: (LAYOUT[SITES[name]][3], channels) for name, channels in targets.items()}
    for name, (rows, columns) in shapes.items():
        gain = 2.0 if name in LAYOUT else 0.1
        weights[f"{name}/kernel"] = rng.normal(0, np.sqrt(gain / rows), (rows, columns)).astype(np.float32)
        weights[f"{name}/bias"] = np.zeros(columns, np.float32)
    return weights
