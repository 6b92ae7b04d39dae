"""The compact extractor's network: thirteen slim convolutions that answer by VGG19's layer names.

Plain Keras 3 (`keras.ops`), so that it is trained and run on any of its backends. Each 3x3 convolution has reflection
padding and a ReLU. Each layer's features leave through a 1x1 linear head, folded so that sums of squares and Gram
norms are those of the teacher's own channels, times a factor a layer that makes them those of Keras's VGG19.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from ..errors import NstlibError
from ..media import files


class Site(NamedTuple):
    """A 3x3 convolution: channels in and out, and whether 2x2 max pooling follows."""

    cin: int
    cout: int
    pooled: bool = False


# VGG19's convolutions as far as block5_conv1, each as wide as its teacher has channels that ever answer.
LAYOUT = {
    "conv11": Site(3, 16),
    "conv12": Site(16, 16, pooled=True),
    "conv21": Site(16, 32),
    "conv22": Site(32, 32, pooled=True),
    "conv31": Site(32, 64),
    "conv32": Site(64, 48),
    "conv33": Site(48, 40),
    "conv34": Site(40, 40, pooled=True),
    "conv41": Site(40, 80),
    "conv42": Site(80, 80),
    "conv43": Site(80, 64),
    "conv44": Site(64, 112, pooled=True),
    "conv51": Site(112, 104),
}

# VGG19's name: the site whose head answers for it. A block's last convolution is seen after its pooling.
SITES = {f"block{site[4]}_conv{site[5]}": site for site in LAYOUT}
POOLED = tuple(name for name, site in SITES.items() if LAYOUT[site].pooled)
NEAREST = {"block5_conv2": "block5_conv1"}  # the teacher ends at block5_conv1, and so do we; its factor is its own
FILE = Path(__file__).with_name("weights") / "compact.npz"
SHA256 = "668c00350e3c856b14828cb916016dc6cf583a7d32ed249606f18cc863948957"
# What records from before the factors call these weights: the SHA-256 of the arrays without them.
FORMER = "c65bfd6d8972981efbde2f0ef71c5c9a8fb9ccf152ab9946d0b51946a1d37407"
MEAN, SCALE = 0.45, 4.0  # pixels of 0 to 1 become about zero mean, unit variance

Weights = Mapping[str, Any]


def features(
    weights: Weights, image: Any, layers: tuple[str, ...], pad: Callable[[Any], Any] | None = None
) -> list[Any]:
    """head(site(image)) for each of VGG19's names: tensors (B, h, w, C) in the image's dtype.

    image (B, H, W, 3), RGB in [0, 1]; weights `SITE/kernel`, `SITE/bias`, `LAYER/kernel`, `LAYER/bias`; pad: what
    pads in the place of `reflected`, to the same values.
    """
    return [head(weights, seen, name) for name, seen in before_heads(weights, image, layers, pad).items()]


def before_heads(
    weights: Weights, image: Any, layers: tuple[str, ...], pad: Callable[[Any], Any] | None = None
) -> dict[str, Any]:
    """What the layers' heads see, by VGG19's names."""
    sites = {name: SITES[nearest(name)] for name in layers}
    seen = trunk(weights, image, set(sites.values()), pad=pad)
    return {name: seen[sites[name]] for name in layers}


def head_weights(weights: Weights, layer: str) -> tuple[Any, Any]:
    """The kernel (c, C) and bias (C,) of a layer's head: its own, where it has one."""
    name = layer if f"{layer}/kernel" in weights else nearest(layer)
    return weights[f"{name}/kernel"], weights[f"{name}/bias"]


def nearest(layer: str) -> str:
    """The layer that answers for VGG19's `layer`: itself, or block5_conv1 for block5_conv2."""
    name = NEAREST.get(layer, layer)
    if name not in SITES:
        raise NstlibError(f"compact has no layer {layer!r}; choose from {', '.join((*SITES, *NEAREST))}")
    return name


def trunk(
    weights: Weights,
    image: Any,
    sites: set[str],
    given: Mapping[str, Any] | None = None,
    pad: Callable[[Any], Any] | None = None,
) -> dict[str, Any]:
    """The activations at these sites, computed no deeper than the deepest of them.

    given: what the next convolution sees in the place of a site's own activations (teacher forcing).
    """
    x, seen, pad = (image - MEAN) * SCALE, {}, pad or reflected
    for name, site in LAYOUT.items():
        x = ops.relu(_convolve(pad(x), weights[f"{name}/kernel"], weights[f"{name}/bias"], 3))
        x = ops.max_pool(x, 2, 2, "valid", data_format="channels_last") if site.pooled else x
        if name in sites:
            seen[name] = x
        if len(seen) == len(sites):
            break
        x = given[name] if given else x
    return seen


def _convolve(x: Any, kernel: Any, bias: Any, size: int) -> Any:
    kernel, bias = (ops.cast(part, x.dtype) for part in (kernel, bias))
    kernel = ops.reshape(kernel, (size, size, -1, kernel.shape[-1]))
    return ops.conv(x, kernel, 1, "valid", data_format="channels_last") + bias


def head(weights: Weights, x: Any, layer: str) -> Any:
    """A layer's features, of what its head sees."""
    return _convolve(x, *head_weights(weights, layer), 1)


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
    return files.checksum(Path(path))


def load(path: str | Path = FILE, sha256: str | None = None, *, scaled: bool = True) -> dict[str, np.ndarray]:
    """The float32 arrays of a file by `save`. Raises NstlibError where it is missing or corrupted.

    sha256: what the file's must be; for the package's own file it is known. scaled: with each head times its layer's
    factor, where the file has factors (`LAYER/scale`); else as they were trained, without factors.
    """
    sha256 = sha256 or (SHA256 if Path(path) == FILE else None)
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        why = getattr(error, "strerror", None) or error
        raise NstlibError(f"compact's weights cannot be read: {path}: {why}; give an .npz file, or none") from None
    found = files.checksum(data)
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
    return _scaled(weights, path) if scaled else {n: w for n, w in weights.items() if not n.endswith("/scale")}


def _scaled(weights: dict[str, np.ndarray], path: str | Path) -> dict[str, np.ndarray]:
    """The heads times their factors; a layer of NEAREST gets a head of its own. Without factors, as they are."""
    factors = {name.removesuffix("/scale"): w for name, w in weights.items() if name.endswith("/scale")}
    others = {name: w for name, w in weights.items() if not name.endswith("/scale")}
    for name, factor in factors.items():
        if factor.size != 1 or not 0 < factor < np.inf:
            raise NstlibError(f"{path} has no fitting factor for {name}; it is of another layout or damaged")
        for part in ("kernel", "bias"):
            others[f"{name}/{part}"] = weights[f"{nearest(name)}/{part}"] * factor
    return others


def _fits(weights: Mapping[str, np.ndarray], name: str) -> bool:
    """Whether a site or a head has a kernel (rows, columns), or as much, and a bias (columns,), of finite numbers."""
    rows = 9 * LAYOUT[name].cin if name in LAYOUT else LAYOUT[SITES[name]].cout
    kernel, bias = (weights.get(f"{name}/{part}", np.zeros(0)) for part in ("kernel", "bias"))
    columns = LAYOUT[name].cout if name in LAYOUT else bias.size
    fits = kernel.shape[-1:] == bias.shape == (columns,) and kernel.size == rows * columns > 0
    return fits and bool(np.isfinite(kernel).all() and np.isfinite(bias).all())


def initial(targets: Mapping[str, int], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random weights, He-scaled; targets: each layer's channels. Kernels are matrices (9 · in, out)."""
    weights: dict[str, np.ndarray] = {}
    shapes = {name: (9 * site.cin, site.cout) for name, site in LAYOUT.items()}
    shapes |= {name: (LAYOUT[SITES[name]].cout, channels) for name, channels in targets.items()}
    for name, (rows, columns) in shapes.items():
        gain = 2.0 if name in LAYOUT else 0.1
        weights[f"{name}/kernel"] = rng.normal(0, np.sqrt(gain / rows), (rows, columns)).astype(np.float32)
        weights[f"{name}/bias"] = np.zeros(columns, np.float32)
    return weights
