"""The extractors: networks whose features the losses compare. VGG's scaling of pixels lives here alone."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..errors import NstlibError, choose
from ..media import files
from ..networks import compact, vgg19
from ..networks.vgg19 import CHANNELS, block_of, check_layers
from ..settings import EXTRACTORS
from .speed.gradients import forked, reflected
from .speed.heads import Headed, computed, head_matrix
from .speed.tracing import graph

Read = Callable[[str, tf.Tensor | Headed], list[tf.Tensor]]  # what is made of a layer's features, where they arise
Pad = Callable[[tf.Tensor], tf.Tensor]
Network = Callable[[tf.Tensor, Read | None], dict[str, Any]]  # {layer: features in float32, or what `read` makes}


@dataclass(frozen=True, eq=False)
class Extractor:
    """A picture's features by layer: `extractor(image)` -> {layer: (1, h, w, C) float32}.

    image (1, H, W, 3), RGB in [0, 1]. `channels` has the N of each layer in the formulas: VGG19's own, where compact's
    folded heads have fewer, C, that keep the norms of differences and of Gram matrices. `checksum` is the SHA-256 of
    the weights in use.
    """

    name: str
    layers: tuple[str, ...]
    checksum: str
    network: Network
    channels: dict[str, int] = field(default_factory=dict)
    padded: Callable[[tf.Tensor, Pad], dict[str, Headed]] | None = None  # with another `pad`, for `speed.windows`
    least: int = 1  # the shortest side of a map that its convolutions can take

    def __call__(self, image: tf.Tensor, read: Read | None = None) -> dict[str, Any]:
        """{layer: (1, h, w, C) float32} of an image (1, H, W, 3), or {layer: read(layer, features)}, a list.

        read: makes what is wanted of a layer where it arises, so that the layer need not be kept (`speed.gradients`);
        compact's come as `Headed`, whose mean products need no features (`speed.heads`).
        """
        return self.network(image, read)

    @property
    def smallest(self) -> int:
        """The shortest side, pixels, that still reaches the deepest layer: 2 a pooling before it."""
        return self.least * 2 ** (max(block_of(n) for n in self.layers) - 1)


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
    vgg = vgg19.load(weights)
    dtype = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    deepest = max(vgg.layers.index(vgg.get_layer(name)) for name in layer_names)
    x = start = keras.Input((None, None, 3))
    outputs, rng = {}, np.random.default_rng(seed)
    for layer in vgg.layers[1 : deepest + 1]:
        copy = _copy(layer, pooling, dtype)
        x = outputs[layer.name] = copy(x)
        if layer.weights:
            copy.set_weights(vgg19.he_normal(layer, rng) if weights == "random" else layer.get_weights())
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

    >>> extract = nst.load_extractor("random", ("block1_conv1", "block2_conv1"))
    >>> features = extract(nst.samples.frame(30, size=(36, 64))[None])
    >>> {layer: tuple(f.shape) for layer, f in features.items()}
    {'block1_conv1': (1, 36, 64, 64), 'block2_conv1': (1, 18, 32, 128)}
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

    matrices = {name: head_matrix(*compact.head_weights(arrays, name)) for name in layers}
    heads = {name: tf.cast(tf.constant(matrix, precision), tf.float32) for name, matrix in matrices.items()}

    def padded(image: tf.Tensor, pad: Pad = reflected) -> dict[str, Headed]:
        found = compact.before_heads(tensors, tf.cast(image, precision), layers, pad=pad)
        return {name: Headed(seen, heads[name]) for name, seen in found.items()}

    # traced by itself: a trace of pictures at several sizes has it once, and the next trace has it already
    features = graph(lambda image: padded(image), input_signature=[tf.TensorSpec((None, None, None, 3))])

    def network(image: tf.Tensor, read: Read | None) -> dict[str, Any]:
        return {name: read(name, f) if read else computed(f) for name, f in features(image).items()}

    channels, digest = {n: CHANNELS[n] for n in layers}, checksum(list(arrays.values()))
    least = 2  # one cannot be reflected
    return Extractor("compact", layers, digest, network, channels, padded, least)


def checksum(arrays: list[np.ndarray]) -> str:
    """SHA-256 over the arrays' bytes, in order."""
    return files.checksum(*(np.ascontiguousarray(array).tobytes() for array in arrays))


def _vgg(model: keras.Model, layers: tuple[str, ...], image: tf.Tensor, read: Read | None) -> dict[str, Any]:
    x, seen = preprocess(image), {}
    for layer in model.layers[1:]:
        x = layer(x)
        if layer.name not in layers:
            continue
        if read:
            x, seen[layer.name] = forked(x, partial(read, layer.name))
        else:
            seen[layer.name] = tf.cast(x, tf.float32)
    return {name: seen[name] for name in layers}


def _copy(layer: keras.Layer, pooling: str, dtype: str) -> keras.Layer:
    config = {**layer.get_config(), "dtype": dtype}
    if isinstance(layer, keras.layers.MaxPooling2D) and pooling == "average":
        return keras.layers.AveragePooling2D.from_config(config)
    return type(layer).from_config(config)
