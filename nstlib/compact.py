"""The compact extractor's network: thirteen slim convolutions that answer by VGG19's layer names.

Plain Keras 3 (`keras.ops`), so that it is trained and run on any of its backends. Each 3x3 convolution has reflection
padding and a ReLU. Each layer's features leave through a 1x1 linear head, folded so that sums of squares and Gram
norms are those of the teacher's own channels.
"""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from .errors import NstlibError

# site: channels in, channels out, added to its input (residual), followed by 2x2 max pooling
LAYOUT = {
    "conv11": (3, 16, False, False),
    "conv12": (16, 16, False, True),
    "conv21": (16, 32, False, False),
    "conv22": (32, 32, False, True),
    "conv31": (32, 64, False, False),
    "conv32": (64, 64, True, False),
    "conv33": (64, 64, True, False),
    "conv34": (64, 64, False, True),
    "conv41": (64, 96, False, False),
    "conv42": (96, 96, True, False),
    "conv44": (96, 128, False, True),
    "conv51": (128, 128, False, False),
    "conv52": (128, 128, True, False),
}

# VGG19's name: the site whose head answers for it. A block's last convolution is seen after its pooling.
SITES = {
    "block1_conv1": "conv11",
    "block1_conv2": "conv12",
    "block2_conv1": "conv21",
    "block2_conv2": "conv22",
    "block3_conv1": "conv31",
    "block3_conv2": "conv32",
    "block3_conv3": "conv33",
    "block3_conv4": "conv34",
    "block4_conv1": "conv41",
    "block4_conv2": "conv42",
    "block4_conv3": "conv42",
    "block4_conv4": "conv44",
    "block5_conv1": "conv52",
}
POOLED = ("block1_conv2", "block2_conv2", "block3_conv4", "block4_conv4")
NEAREST = {"block5_conv2": "block5_conv1"}  # the teacher ends at block5_conv1, and so do we
FILE = Path(__file__).with_name("weights") / "compact.npz"
SHA256 = "eaaba4509f1c049bc00c771460620933ff775213c7af9957aa2d788c73245a16"
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
    for site, (_, _, residual, pooled) in LAYOUT.items():
        y = ops.relu(_convolve(weights, reflected(x), site, 3))
        x = x + y if residual else y
        x = ops.max_pool(x, 2, 2, "valid", data_format="channels_last") if pooled else x
        if site in sites:
            seen[site] = x
        if len(seen) == len(sites):
            break
    return seen


def _convolve(weights: Weights, x: Any, name: str, size: int) -> Any:
    kernel, bias = (ops.cast(weights[f"{name}/{part}"], x.dtype) for part in ("kernel", "bias"))
    kernel = ops.reshape(kernel, (size, size, -1, kernel.shape[-1]))
    return ops.conv(x, kernel, 1, "valid", data_format="channels_last") + bias


def _head(weights: Weights, x: Any, name: str) -> Any:
    return _convolve(weights, x, name, 1)


def reflected(x: Any) -> Any:
    """One more row and column on each side, mirrored; slices take two thirds of the time of `ops.pad`."""
    x = ops.concatenate([x[:, 1:2], x, x[:, -2:-1]], axis=1)
    return ops.concatenate([x[:, :, 1:2], x, x[:, :, -2:-1]], axis=2)


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
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        why = getattr(error, "strerror", None) or error
        raise NstlibError(f"compact's weights cannot be read: {path}: {why}; give an .npz file, or none") from None
    found = hashlib.sha256(data).hexdigest()
    if sha256 and found != sha256:
        raise NstlibError(f"compact's weights {path} are corrupted: SHA-256 {found}, expected {sha256}; install again")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            weights = {name: file[name].astype(np.float32) for name in file.files}
    except Exception as error:  # a damaged zip raises many kinds
        raise NstlibError(f"{path} is no .npz file of compact's weights ({type(error).__name__})") from None
    wrong = [site for site in (*LAYOUT, *SITES) if not _fits(weights, site)]
    if wrong:
        raise NstlibError(f"{path} has no fitting weights for {', '.join(wrong)}; it is of another layout or damaged")
    return weights


def _fits(weights: Mapping[str, np.ndarray], name: str) -> bool:
    """Whether a site or a head has a kernel (rows, columns), or as much, and a bias (columns,), of finite numbers."""
    rows = 9 * LAYOUT[name][0] if name in LAYOUT else LAYOUT[SITES[name]][1]
    kernel, bias = (weights.get(f"{name}/{part}", np.zeros(0)) for part in ("kernel", "bias"))
    columns = LAYOUT[name][1] if name in LAYOUT else bias.size
    fits = kernel.shape[-1:] == bias.shape == (columns,) and kernel.size == rows * columns > 0
    return fits and bool(np.isfinite(kernel).all() and np.isfinite(bias).all())


def initial(targets: Mapping[str, int], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random weights, He-scaled; targets: each layer's channels. Kernels are matrices (9 · in, out)."""
    weights: dict[str, np.ndarray] = {}
    shapes = {site: (9 * cin, cout) for site, (cin, cout, _, _) in LAYOUT.items()}
    shapes |= {name: (LAYOUT[SITES[name]][1], channels) for name, channels in targets.items()}
    for name, (rows, columns) in shapes.items():
        gain = 2.0 if name in LAYOUT else 0.1
        weights[f"{name}/kernel"] = rng.normal(0, np.sqrt(gain / rows), (rows, columns)).astype(np.float32)
        weights[f"{name}/bias"] = np.zeros(columns, np.float32)
    return weights
