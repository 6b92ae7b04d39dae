"""VGG19: its layers, and the ways to its weights: Keras's cache or download, a file, or drawn at random."""

import contextlib
import sys
from pathlib import Path

import keras
import numpy as np

from ..errors import NstlibError

# VGG19's convolutions a block and their channels N; names are Keras's, block1_conv1 to block5_conv4.
BLOCKS = {1: (2, 64), 2: (2, 128), 3: (4, 256), 4: (4, 512), 5: (4, 512)}
CHANNELS = {f"block{b}_conv{i}": n for b, (count, n) in BLOCKS.items() for i in range(1, count + 1)}

NO_WEIGHTS = (
    "VGG19's ImageNet weights cannot be had here ({why}). Three ways out: give a file with --weights FILE (Keras's "
    "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5); put that file into Keras's cache, models/ under ~/.keras or "
    "$KERAS_HOME; or choose the extractor compact, which needs no download"
)
# What puts the answers of He-scaled random kernels on the scale of the ImageNet ones', from a layer on to the next here
# (`workshop.training.calibrate` measures it); a kernel is multiplied by its layer's factor over the one before.
SCALES = {
    "block1_conv1": 0.5485,
    "block2_conv1": 2.921,
    "block3_conv1": 2.278,
    "block4_conv1": 9.739,
    "block5_conv1": 0.9309,
    "block5_conv2": 0.3352,
}
GAINS = {name: scale / last for (name, scale), last in zip(SCALES.items(), (1.0, *SCALES.values()), strict=False)}


def block_of(layer: str) -> int:
    """The block of a layer's name: 4 for block4_conv2."""
    return int(layer[len("block")])


def check_layers(layers: tuple[str, ...]) -> None:
    """Raises NstlibError for a name that is none of VGG19's convolutions."""
    for name in layers:
        if name not in CHANNELS:
            raise NstlibError(f"unknown layer {name!r}; VGG19 has block1_conv1, … block5_conv4: {', '.join(CHANNELS)}")


def he_normal(layer: keras.Layer, rng: np.random.Generator) -> list[np.ndarray]:
    """A convolution's random kernel, with which VGG19 answers on the scale of its ImageNet weights, and a bias of 0."""
    kernel, bias = layer.get_weights()
    scale = GAINS.get(layer.name, 1.0) * np.sqrt(2.0 / np.prod(kernel.shape[:3]))
    return [rng.normal(0, scale, kernel.shape).astype(np.float32), np.zeros_like(bias)]


def load(weights: str) -> keras.Model:
    """Keras's VGG19 without its classifier; `random` leaves its weights to the caller."""
    if weights == "random":
        return keras.applications.VGG19(include_top=False, weights=None)
    if weights != "imagenet" and not Path(weights).is_file():
        raise NstlibError(NO_WEIGHTS.format(why=f"no such file: {weights}"))
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Keras prints its download's progress
            return keras.applications.VGG19(include_top=False, weights=weights)
    except Exception as error:  # Keras raises a bare Exception offline, and many kinds for a file it cannot read
        why = "the download failed" if weights == "imagenet" else f"{weights} is no notop weights file of VGG19"
        raise NstlibError(NO_WEIGHTS.format(why=why)) from error
