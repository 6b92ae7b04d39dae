"""Teachers: functions of a picture that give the features a student is to have, by VGG19's layer names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from ...errors import NstlibError
from ...networks.compact import POOLED, SITES, fold

Teacher = Callable[[Any], dict[str, Any]]
CONVOLUTIONS = {1: 2, 2: 2, 3: 4, 4: 4, 5: 1}


def load_teacher(name: str) -> Teacher:
    """`vgg19` (Keras's ImageNet weights) or a .npz of a slim VGG19 with heads (Wang et al. 2020).

    The teacher maps images (B, H, W, 3), RGB in [0, 1], to {layer: (B, h, w, C)}. Raises NstlibError without weights.
    """
    if name == "vgg19":
        return _vgg19()
    if not Path(name).is_file():
        raise NstlibError(f"no such teacher: {name}; give vgg19 or a .npz of a slim VGG19")
    return slim(dict(np.load(name)))


def slim(weights: dict[str, np.ndarray]) -> Teacher:
    """Slim VGG19 with reflection padding: its relu*_1 through their folded heads, the others as they are.

    Its own channels are given by the names of compact's sites (`conv31`): hints for a student.
    """
    heads = {b: fold(weights[f"conv{b}1_aux/kernel"][0, 0], weights[f"conv{b}1_aux/bias"]) for b in CONVOLUTIONS}

    def teacher(image: Any) -> dict[str, Any]:
        x, seen = _convolve(weights, image, "conv0"), {}
        for block, count in CONVOLUTIONS.items():
            for i in range(1, count + 1):
                name = f"block{block}_conv{i}"
                x = ops.relu(_convolve(weights, x, f"conv{block}{i}"))
                x = pool(x) if name in POOLED else x
                seen[f"conv{block}{i}"], seen[name] = x, _head(x, *heads[block]) if i == 1 else x
        return seen

    return teacher


def pool(x: Any) -> Any:
    """2x2 max pooling; odd sizes round down."""
    return ops.max_pool(x, 2, 2, "valid", data_format="channels_last")


def _convolve(weights: dict[str, np.ndarray], x: Any, name: str) -> Any:
    kernel = weights[f"{name}/kernel"]
    if kernel.shape[0] == 3:
        x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    return ops.conv(x, _as(x, kernel), 1, "valid", data_format="channels_last") + _as(x, weights[f"{name}/bias"])


def _head(x: Any, kernel: np.ndarray, bias: np.ndarray) -> Any:
    return ops.matmul(x, _as(x, kernel)) + _as(x, bias)


def _as(x: Any, array: np.ndarray) -> Any:
    return ops.cast(ops.convert_to_tensor(array), x.dtype)


def _vgg19() -> Teacher:
    try:
        vgg = keras.applications.VGG19(include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception offline
        raise NstlibError("VGG19's ImageNet weights cannot be had here; give a slim VGG19's .npz as teacher") from error
    model = keras.Model(vgg.input, {name: vgg.get_layer(name).output for name in SITES})
    model.trainable = False
    mean = np.array([103.939, 116.779, 123.68], np.float32)

    def teacher(image: Any) -> dict[str, Any]:
        seen = model(ops.flip(image, -1) * 255.0 - mean)
        return {name: pool(seen[name]) if name in POOLED else seen[name] for name in SITES}

    return teacher
