"""The extractors: networks whose features the losses compare. VGG's scaling of pixels lives here alone."""

import contextlib
import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..errors import NstlibError, choose
from ..networks import compact
from ..settings import EXTRACTORS

# VGG19's convolutions a block and their channels N; names are Keras's, block1_conv1 to block5_conv4.
BLOCKS = {1: (2, 64), 2: (2, 128), 3: (4, 256), 4: (4, 512), 5: (4, 512)}
CHANNELS = {f"block{b}_conv{i}": n for b, (count, n) in BLOCKS.items() for i in range(1, count + 1)}

Read = Callable[[str, tf.Tensor], list[tf.Tensor]]  # what is made of a layer's features, where they arise
Network = Callable[[tf.Tensor, Read | None], dict[str, Any]]  # {layer: features in float32, or what `read` makes}

NO_WEIGHTS = (
    "VGG19's ImageNet weights cannot be had here ({why}). Three ways out: give a file with --weights FILE (Keras's "
    "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5); put that file into Keras's cache, models/ under ~/.keras or "
    "$KERAS_HOME; or choose the extractor compact, which needs no download"
)


@dataclass(frozen=True, eq=False)
class Extractor:
    """A picture's features by layer: `extractor(image)` -> {layer: (1, h, w, C) float32}.

    image (1, H, W, 3), RGB in [0, 1]. `channels` has the N of each layer in the formulas (VGG19's own, which C differs
    from where a head is folded); `checksum` is the SHA-256 of the weights in use.
    """

    name: str
    layers: tuple[str, ...]
    checksum: str
    network: Network
    channels: dict[str, int] = field(default_factory=dict)
    least: int = 1  # the shortest side of a map that its convolutions can take

    def __call__(self, image: tf.Tensor, read: Read | None = None) -> dict[str, Any]:
        """{layer: (1, h, w, C) float32} of an image (1, H, W, 3), or {layer: read(layer, features)}, a list."""
        return self.network(image, read)

    @property
    def smallest(self) -> int:
        """The shortest side, pixels, that still reaches the deepest layer: 2 a pooling before it."""
        return self.least * 2 ** (max(block_of(n) for n in self.layers) - 1)


def block_of(layer: str) -> int:
    """The block of a layer's name: 4 for block4_conv2."""
    return int(layer[len("block")])


def check_layers(layers: tuple[str, ...]) -> None:
    """Raises NstlibError for a name that is none of VGG19's convolutions."""
    for name in layers:
        if name not in CHANNELS:
            raise NstlibError(f"unknown layer {name!r}; VGG19 has block1_conv1, … block5_conv4: {', '.join(CHANNELS)}")


def preprocess(image: tf.Tensor) -> tf.Tensor:
    """255 · BGR − ImageNet's mean, as VGG19 was trained; image RGB in [0, 1]."""
    return image[..., ::-1] * 255.0 - tf.constant([103.939, 116.779, 123.68])


def vgg_layers(
    layer_names: tuple[str, ...],
    *,
    weights: str = "imagenet",
    pooling: str = "max",
    precision: str = "float32",
    seed: int = 0,
) -> keras.Model:
    """VGG19 as far as the deepest of `layer_names`, with their activations as outputs (the tutorial's `vgg_layers`).

    weights: `imagenet` (Keras's cache, or downloaded), `random` (He-scaled, from `seed`), or a notop .h5 file.
    Input (1, H, W, 3) through `preprocess`. Raises NstlibError for unknown layers and weights that cannot be had.
    """
    check_layers(layer_names)
    vgg = _vgg19(weights)
    dtype = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    deepest = max(vgg.layers.index(vgg.get_layer(name)) for name in layer_names)
    x = start = keras.Input((None, None, 3))
    outputs, rng = {}, np.random.default_rng(seed)
    for layer in vgg.layers[1 : deepest + 1]:
        copy = _copy(layer, pooling, dtype)
        x = outputs[layer.name] = copy(x)
        if layer.weights:
            copy.set_weights(_he_normal(layer, rng) if weights == "random" else layer.get_weights())
    model = keras.Model(start, [outputs[name] for name in layer_names])
    model.trainable = False
    return model


def load_extractor(
    name: str,
    layers: tuple[str, ...],
    *,
    weights: str = "",
    pooling: str = "max",
    precision: str = "float32",
    seed: int = 0,
) -> Extractor:
    """The extractor `vgg19`, `compact` or `random` with these layers; made once and kept.

    weights: a file, or empty for the extractor's own. Raises NstlibError for an unknown name, layer or weights.
    """
    return _load(name, tuple(layers), weights, pooling, precision, seed if name == "random" else 0)


@lru_cache(maxsize=16)
def _load(name: str, layers: tuple[str, ...], weights: str, pooling: str, precision: str, seed: int) -> Extractor:
    check_layers(layers)
    if name not in EXTRACTORS:
        raise choose("extractor", name, EXTRACTORS)
    if name == "compact":
        return _compact(layers, weights, pooling, precision)
    if name == "random" and weights:
        raise NstlibError(f"extractor random draws its weights from the seed; leave out weights={weights!r}")
    source = "random" if name == "random" else weights or "imagenet"
    model = vgg_layers(layers, weights=source, pooling=pooling, precision=precision, seed=seed)
    channels = {n: CHANNELS[n] for n in layers}
    return Extractor(name, layers, checksum(model.get_weights()), partial(_vgg, model, layers), channels)


def _compact(layers: tuple[str, ...], weights: str, pooling: str, precision: str) -> Extractor:
    if pooling != "max":
        raise NstlibError(f"extractor compact has learned max pooling; pooling={pooling!r} needs vgg19 or random")
    arrays = compact.load(weights or compact.FILE)
    for name in layers:
        compact.nearest(name)  # an unknown one is an error now, not at the first picture
    tensors = {name: tf.constant(array, precision) for name, array in arrays.items()}

    def features(image: tf.Tensor) -> list[tf.Tensor]:
        return compact.features(tensors, tf.cast(image, precision), layers, pad=_reflected)

    channels, digest = {n: CHANNELS[n] for n in layers}, checksum(list(arrays.values()))
    return Extractor("compact", layers, digest, reading(layers, features), channels, least=2)  # 1 cannot reflect


def reading(layers: tuple[str, ...], features: Callable[[tf.Tensor], list[tf.Tensor]]) -> Network:
    """The network of a function that gives all layers' features at once."""

    def network(image: tf.Tensor, read: Read | None) -> dict[str, Any]:
        seen = {name: tf.cast(f, tf.float32) for name, f in zip(layers, features(image), strict=True)}
        return {name: read(name, f) for name, f in seen.items()} if read else seen

    return network


@tf.custom_gradient
def _reflected(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """`compact.reflected`, and its gradient in one operation: that of its slices is a tenth of an evaluation's time."""

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.MirrorPadGrad(input=upstream, paddings=[[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT")

    return compact.reflected(x), gradient


def checksum(arrays: list[np.ndarray]) -> str:
    """SHA-256 over the arrays' bytes, in order."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _vgg(model: keras.Model, layers: tuple[str, ...], image: tf.Tensor, read: Read | None) -> dict[str, Any]:
    x, seen = preprocess(image), {}
    for layer in model.layers[1:]:
        x = layer(x)
        if layer.name not in layers:
            continue
        if read:
            x, seen[layer.name] = _forked(x, partial(read, layer.name))
        else:
            seen[layer.name] = tf.cast(x, tf.float32)
    return {name: seen[name] for name in layers}


def _forked(x: tf.Tensor, branch: Callable[[tf.Tensor], list[tf.Tensor]]) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """x and branch(x); the branch's gradient is computed only once that of x is there.

    TensorFlow would compute it as soon as it can, on the way forth, and keep it, as large as x, until the way back
    comes to x: at 1024 x 1024 pixels those of VGG19's five Gram matrices hold 0.55 GB.
    """

    @tf.custom_gradient
    def fork(x: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            made = branch(x)

        def gradient(upstream: tf.Tensor, *of_branch: tf.Tensor) -> tf.Tensor:
            with tf.control_dependencies([upstream]):
                return upstream + tape.gradient(made, x, list(of_branch))

        return (tf.identity(x), *made), gradient

    x, *made = fork(x)
    return x, made


def _copy(layer: keras.Layer, pooling: str, dtype: str) -> keras.Layer:
    config = {**layer.get_config(), "dtype": dtype}
    if isinstance(layer, keras.layers.MaxPooling2D) and pooling == "average":
        return keras.layers.AveragePooling2D.from_config(config)
    return type(layer).from_config(config)


def _he_normal(layer: keras.Layer, rng: np.random.Generator) -> list[np.ndarray]:
    kernel, bias = layer.get_weights()
    scale = np.sqrt(2.0 / np.prod(kernel.shape[:3]))
    return [rng.normal(0, scale, kernel.shape).astype(np.float32), np.zeros_like(bias)]


def _vgg19(weights: str) -> keras.Model:
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
