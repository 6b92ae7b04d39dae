"""Pictures larger than memory: the loss and its gradient tile by tile, equal to those of the whole picture.

Two passes. The first adds up each tile's part of every Gram matrix; the second takes the gradient of the content loss
and of Σ ⟨∂L/∂G, G_tile⟩, with ∂L/∂G from the whole picture's matrices. A tile carries a margin as wide as the deepest
layer sees, so that its own positions are those of the whole picture, and there is no seam to hide.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ...errors import NstlibError
from .. import losses
from ..features import block_of
from ..model import StyleContentModel, Targets, Tensors

# Pixels around a position that a block's first two layers see in VGG19, rounded up to the deepest stride, 16.
MARGIN = {1: 16, 2: 16, 3: 32, 4: 64, 5: 96}


class Tile(NamedTuple):
    """A tile's own rows and columns, and those with its margin: slices of the picture."""

    own: tuple[slice, slice]
    wide: tuple[slice, slice]

    def whole(self, stride: int) -> tuple[slice, slice]:
        """Its own positions within the whole picture's features at a stride."""
        return tuple(slice(s.start // stride, s.stop // stride) for s in self.own)

    def inner(self, stride: int) -> tf.Tensor:
        """Its own positions within its own features at a stride: ((top, bottom), (left, right))."""
        first = [s.start // stride for s in self.wide]
        box = [(s.start - f, s.stop - f) for s, f in zip(self.whole(stride), first, strict=True)]
        return tf.constant(box)


def cut(shape: tuple[int, int], side: int, margin: int) -> Iterator[Tile]:
    """Tiles of at most `side` pixels that cover (H, W) once, each with its margin where there is picture."""
    rows, columns = ([slice(a, min(a + side, n)) for a in range(0, n, side)] for n in shape)
    for own in ((r, c) for r in rows for c in columns):
        wide = [slice(max(0, s.start - margin), min(n, s.stop + margin)) for s, n in zip(own, shape, strict=True)]
        yield Tile(own, tuple(wide))


def refuse_masks(masks: Any) -> None:
    """Raises NstlibError where there are masks: tiles add up the whole picture's matrices, not a region's."""
    if masks is not None:
        raise NstlibError("masks do not work in tiles; choose a smaller size, or leave out the masks")


class TiledModel:
    """A `StyleContentModel` in a tile's memory: same call, same loss, same gradient, at any size; without masks.

    side: pixels of a tile's side without its margin, a multiple of 16.
    """

    def __init__(self, model: StyleContentModel, side: int = 1024) -> None:
        self.extractor, self._side = model.extractor, side
        self.style_layers, self.content_layers = model.style_layers, model.content_layers
        self._margin = MARGIN[max(block_of(name) for name in model.extractor.layers)]
        seen = self.extractor(tf.zeros((1, 64, 64, 3)))
        self._strides = {name: 64 // features.shape[1] for name, features in seen.items()}
        image, box = tf.TensorSpec((None, None, 3)), tf.TensorSpec((2, 2), tf.int32)
        boxes = dict.fromkeys(self.extractor.layers, box)
        content = {name: tf.TensorSpec((None, None, seen[name].shape[-1])) for name in self.content_layers}
        slopes = {name: tf.TensorSpec((None, None)) for name in self.style_layers}
        scales = {name: tf.TensorSpec(()) for name in self.content_layers}
        self._parts = tf.function(self._parts, input_signature=[image, boxes])
        self._slope = tf.function(self._slope, input_signature=[image, boxes, slopes, content, scales])

    def __call__(self, image: tf.Tensor, masks: None = None) -> dict[str, Tensors]:
        """Content features (1, h, w, C) of the whole picture, and its Gram matrices (1, C, C)."""
        refuse_masks(masks)
        content = {}
        for tile in self._tiles(image):
            features, _ = self._parts(image[tile.wide], self._boxes(tile))
            for name, part in features.items():
                stride = self._strides[name]
                shape = (image.shape[0] // stride, image.shape[1] // stride, part.shape[-1])
                content.setdefault(name, np.zeros(shape, np.float32))[tile.whole(stride)] = part
        return {"content": {n: tf.constant(c)[None] for n, c in content.items()}, "style": self._grams(image)}

    def loss(self, image: tf.Tensor, targets: Targets, weights: dict[str, Any]) -> tuple[tf.Tensor, tf.Tensor, Any]:
        """As `StyleContentModel.loss`."""
        refuse_masks(targets.masks)
        errors, slopes = self._style(self._grams(image), targets, weights, tuple(image.shape[:2]))
        scales = {name: weights[f"content/{name}"][1] for name in self.content_layers}
        gradient = np.zeros(image.shape, np.float32)
        for tile in self._tiles(image):
            goals = {n: targets.content[n][0][tile.whole(self._strides[n])] for n in self.content_layers}
            part, content = self._slope(image[tile.wide], self._boxes(tile), slopes, goals, scales)
            gradient[tile.wide] += part.numpy()
            for name, error in content.items():
                errors[name] = errors.get(name, 0.0) + error
        with tf.GradientTape() as tape:
            tape.watch(image)
            smooth = {"total_variation": losses.absolute_variation(image)}
            if targets.warped is not None:
                smooth["temporal"] = losses.temporal_loss(image, targets.warped, targets.reliability)
            smoothness = tf.add_n([tf.reduce_sum(weights[name][1] * error) for name, error in smooth.items()])
        errors.update(smooth)
        terms = {name: tf.reduce_sum(weights[name][0] * error) for name, error in errors.items()}
        total = tf.add_n([tf.reduce_sum(weights[name][1] * error) for name, error in errors.items()])
        return total, gradient + tape.gradient(smoothness, image), terms

    def _tiles(self, image: tf.Tensor) -> Iterator[Tile]:
        return cut(tuple(image.shape[:2]), self._side, self._margin)

    def _boxes(self, tile: Tile) -> dict[str, tf.Tensor]:
        return {name: tile.inner(stride) for name, stride in self._strides.items()}

    def _grams(self, image: tf.Tensor) -> Tensors:
        """{layer: (1, C, C)}: the tiles' sums of products, over the whole picture's positions."""
        sums: Tensors = {}
        for tile in self._tiles(image):
            _, products = self._parts(image[tile.wide], self._boxes(tile))
            sums = {name: sums[name] + p if sums else p for name, p in products.items()}
        return {name: total[None] / self._positions(name, image.shape) for name, total in sums.items()}

    def _positions(self, name: str, shape: tuple[int, ...]) -> float:
        stride = self._strides[name]
        return float((shape[0] // stride) * (shape[1] // stride))

    def _style(
        self, grams: Tensors, targets: Targets, weights: dict[str, Any], shape: tuple[int, int]
    ) -> tuple[Tensors, Tensors]:
        """Each layer's Σ (G − A)², (K,), and ∂L/∂(sum of products), (C, C)."""
        errors, slopes = {}, {}
        for name, gram in grams.items():
            difference = gram - targets.style[name]  # (K, C, C)
            errors[f"style/{name}"] = tf.reduce_sum(difference**2, axis=(1, 2))
            weight = weights[f"style/{name}"][1][:, None, None]
            slopes[name] = tf.reduce_sum(2.0 * weight * difference, axis=0) / self._positions(name, shape)
        return errors, slopes

    def _parts(self, image: tf.Tensor, boxes: Tensors) -> tuple[Tensors, Tensors]:
        inner = {n: _inner(features, boxes[n]) for n, features in self.extractor(image[None]).items()}
        return {n: inner[n] for n in self.content_layers}, {n: _products(inner[n]) for n in self.style_layers}

    def _slope(
        self, image: tf.Tensor, boxes: Tensors, slopes: Tensors, goals: Tensors, scales: Tensors
    ) -> tuple[tf.Tensor, Tensors]:
        """The gradient of a tile's share of the loss, with its margin, and its part of Σ (F − P)²."""

        def read(name: str, features: tf.Tensor) -> list[tf.Tensor]:
            inner = _inner(features, boxes[name])
            of_style = [tf.reduce_sum(slopes[name] * _products(inner))] if name in slopes else []
            return [losses.squared_error(inner, goals[name]), *of_style] if name in goals else of_style

        with tf.GradientTape() as tape:
            tape.watch(image)
            seen = self.extractor(image[None], read)
            share = tf.add_n([scales[n] * seen[n][0] for n in goals]) + tf.add_n([seen[n][-1] for n in slopes])
        return tape.gradient(share, image), {f"content/{n}": seen[n][0] for n in goals}


def _inner(features: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """The features (h, w, C) of a tile's own positions, in float32."""
    return tf.cast(features[0, box[0, 0] : box[0, 1], box[1, 0] : box[1, 1]], tf.float32)


def _products(features: tf.Tensor) -> tf.Tensor:
    """Fᵀ F, (h, w, C) -> (C, C)."""
    return losses.products(tf.reshape(features, [-1, features.shape[-1]]))


@lru_cache(maxsize=4)
def tiled(model: StyleContentModel, side: int) -> TiledModel:
    """The model in tiles of a side; made, and traced, once."""
    return TiledModel(model, side)
