"""Pictures larger than memory: the loss and its gradient tile by tile, equal to those of the whole picture.

Two passes. The first adds up each tile's part of the style statistics, which are means over positions; the second takes
the gradient of the content loss and of Σ ⟨∂L/∂S, S_tile⟩, with ∂L/∂S from the whole picture's statistics S. A tile
carries a margin as wide as the deepest layer sees, so that its own positions are those of the whole picture, and there
is no seam to hide.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise, starmap
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ...errors import NstlibError
from ...networks.vgg19 import block_of
from ...settings import STYLE_LOSSES
from .. import losses
from ..levels import at_scale, pyramid
from ..model import StyleContentModel, Targets, Tensors
from ..style_losses import load_style_loss
from .heads import Headed, computed
from .tracing import graph

STRIDE = 16  # pixels, of the deepest layer
# Around a position, what a block's first two layers see in VGG19, pixels, rounded up to the stride.
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
    """Tiles of `side` pixels that cover (H, W) once, each with its margin where there is picture.

    The last ones are smaller, or larger by what is too little for the deepest layer to have a position in.
    """
    rows, columns = (list(starmap(slice, pairwise([*range(0, max(1, n - STRIDE + 1), side), n]))) for n in shape)
    for own in ((r, c) for r in rows for c in columns):
        wide = [slice(max(0, s.start - margin), min(n, s.stop + margin)) for s, n in zip(own, shape, strict=True)]
        yield Tile(own, tuple(wide))


class TiledModel:
    """A `StyleContentModel` in a tile's memory: same call, same loss, same gradient, at any size.

    side: pixels of a tile's side without its margin, a multiple of 16.
    Raises NstlibError for a style loss whose statistics are no means over positions.
    """

    def __init__(self, model: StyleContentModel, side: int = 1024) -> None:
        if not model.style_loss.AVERAGED:
            name = model.style_loss.__name__.rpartition(".")[2]
            others = ", ".join(n for n in STYLE_LOSSES if load_style_loss(n).AVERAGED)
            raise NstlibError(f"style_loss={name} does not work in tiles; choose from {others}, or a smaller size")
        self.model, self.extractor, self._side = model, model.extractor, side
        self.style_loss, self.levels = model.style_loss, model.levels
        self.style_layers, self.content_layers = model.style_layers, model.content_layers

        self._margin = MARGIN[max(block_of(layer) for layer in model.extractor.layers)]
        seen = self.extractor(tf.zeros((1, 64, 64, 3)))
        self._strides = {layer: 64 // features.shape[1] for layer, features in seen.items()}
        self._trace({layer: seen[layer].shape[-1] for layer in self.content_layers})

    def __call__(self, image: tf.Tensor, masks: tf.Tensor | None = None) -> dict[str, Tensors]:
        """Content features (1, h, w, C) of the whole picture, and its style statistics (1, …), or (K, …) of masks."""
        content: dict[str, np.ndarray] = {}
        for tile in self._tiles(image):
            features, _ = self._parts[False](image[tile.wide], self._boxes(tile), {})
            for layer in self.content_layers:
                stride, part = self._strides[layer], features[layer]
                shape = (image.shape[0] // stride, image.shape[1] // stride, part.shape[-1])
                content.setdefault(layer, np.zeros(shape, np.float32))[tile.whole(stride)] = part
        style = self._statistics(pyramid(image, self.levels), masks)
        return {"content": {layer: tf.constant(c)[None] for layer, c in content.items()}, "style": style}

    def loss(self, image: tf.Tensor, targets: Targets, weights: Tensors) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
        """As `StyleContentModel.loss`."""
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(image)
            sizes = pyramid(image, self.levels)
        statistics = self._statistics(sizes, targets.masks)

        # the terms of the whole picture, and ∂L/∂S
        with tf.GradientTape() as of_whole:
            of_whole.watch([statistics, image])
            terms = self.model.style_terms(statistics, targets) | self.model.picture_terms(image, targets)
            total = tf.add_n([weights[name] * term for name, term in terms.items()])
        slopes, gradient = of_whole.gradient(total, [statistics, image])

        # the terms that are sums over positions, tile by tile, at every size
        upstream = []
        for scale, smaller in sizes.items():
            here = {layer: slopes[at_scale(layer, scale)] for layer in self.style_layers}
            content = targets.content if scale == 1 else {}
            part, errors = self._gradient(smaller, here, targets.masks, content, weights)
            upstream.append(part)
            for layer, error in errors.items():
                terms[f"content/{layer}"] = error
                total += weights[f"content/{layer}"] * error
        gradient += tape.gradient(list(sizes.values()), image, output_gradients=upstream)
        return total, gradient, terms

    def _statistics(self, sizes: dict[int, tf.Tensor], masks: tf.Tensor | None) -> Tensors:
        """{layer: (1, …) or (K, …)}: the means of the tiles' statistics, by their positions, or by their masks."""
        means: Tensors = {}
        for scale, image in sizes.items():
            maps = self._maps(image, masks)
            for tile in self._tiles(image):
                own = self._own(tile, maps)
                _, parts = self._parts[bool(own)](image[tile.wide], self._boxes(tile), own)
                for layer, part in parts.items():
                    name, share = at_scale(layer, scale), self._share(tile, layer, image, maps)
                    means[name] = means.get(name, 0.0) + share * part
        return means

    def _gradient(
        self, image: tf.Tensor, slopes: Tensors, masks: tf.Tensor | None, content: Tensors, weights: Tensors
    ) -> tuple[tf.Tensor, Tensors]:
        """Σ over the tiles of the content's and the statistics' gradients, and each layer's content loss."""
        losses_of: Tensors = {}
        gradient = np.zeros(image.shape, np.float32)
        scales = {layer: self._content_scale(layer, content) for layer in self.content_layers}
        weighted = {layer: scales[layer] * weights[f"content/{layer}"] for layer in scales}
        maps = self._maps(image, masks)
        for tile in self._tiles(image):
            goals = {layer: self._goal(tile, layer, content) for layer in self.content_layers}
            shares = {layer: self._share(tile, layer, image, maps) * slope for layer, slope in slopes.items()}
            own = self._own(tile, maps)
            part, errors = self._slope[bool(own)](image[tile.wide], self._boxes(tile), own, shares, goals, weighted)
            gradient[tile.wide] += part.numpy()
            for layer in content:
                losses_of[layer] = losses_of.get(layer, 0.0) + scales[layer] * errors[layer]
        return tf.constant(gradient), losses_of

    def _content_scale(self, layer: str, content: Tensors) -> tf.Tensor:
        """What a layer's Σ (F − P)² is multiplied by; 0 at the sizes at which content does not count."""
        if layer not in content:
            return tf.constant(0.0)
        channels = self.extractor.channels[layer]
        return losses.content_scale(content[layer], convention=self.model.convention, channels=channels)

    def _goal(self, tile: Tile, layer: str, content: Tensors) -> tf.Tensor:
        """The content's features at the tile's own positions; of no positions where content does not count."""
        if layer in content:
            return content[layer][0][tile.whole(self._strides[layer])]
        return tf.zeros((0, 0, self._widths[layer]))

    def _maps(self, image: tf.Tensor, masks: tf.Tensor | None) -> Tensors:
        """{layer: the masks (K, h, w) at its stride}, as the whole picture has them; empty where there are none."""
        if masks is None:
            return {}
        shapes = {layer: [side // self._strides[layer] for side in image.shape[:2]] for layer in self.style_layers}
        return {layer: tf.image.resize(masks[..., None], shape, "area")[..., 0] for layer, shape in shapes.items()}

    def _own(self, tile: Tile, maps: Tensors) -> Tensors:
        """The masks at the tile's own positions."""
        return {layer: small[(slice(None), *tile.whole(self._strides[layer]))] for layer, small in maps.items()}

    def _share(self, tile: Tile, layer: str, image: tf.Tensor, maps: Tensors) -> float | tf.Tensor:
        """The tile's own positions, of all; (K, 1, 1) of masks."""
        stride = self._strides[layer]
        rows, columns = tile.whole(stride)
        if maps:
            small = maps[layer]
            of_tile, of_all = (tf.reduce_sum(m, (1, 2), keepdims=True) for m in (small[:, rows, columns], small))
            return of_tile / (of_all + losses.TINY)
        own = (rows.stop - rows.start) * (columns.stop - columns.start)
        return own / ((image.shape[0] // stride) * (image.shape[1] // stride))

    def _tiles(self, image: tf.Tensor) -> Iterator[Tile]:
        return cut(tuple(image.shape[:2]), self._side, self._margin)

    def _boxes(self, tile: Tile) -> dict[str, tf.Tensor]:
        return {layer: tile.inner(stride) for layer, stride in self._strides.items()}

    def _trace(self, widths: dict[str, int]) -> None:
        """Trace the two passes once, for tiles of any size; widths: the content layers' channels."""
        self._widths = widths
        image, box = tf.TensorSpec((None, None, 3)), tf.TensorSpec((2, 2), tf.int32)
        boxes = dict.fromkeys(self.extractor.layers, box)
        goals = {layer: tf.TensorSpec((None, None, width)) for layer, width in widths.items()}
        weights = {layer: tf.TensorSpec(()) for layer in self.content_layers}
        of_style = {layer: tf.TensorSpec((None, None, None)) for layer in self.style_layers}
        self._parts, self._slope = {}, {}  # with masks and without
        for masked, maps in ((True, of_style), (False, {})):
            self._parts[masked] = graph(self._statistics_of, input_signature=[image, boxes, maps])
            self._slope[masked] = graph(
                self._gradient_of, input_signature=[image, boxes, maps, of_style, goals, weights]
            )

    def _statistics_of(self, image: tf.Tensor, boxes: Tensors, maps: Tensors) -> tuple[Tensors, Tensors]:
        """A tile's own content features and style statistics."""
        inner = {n: _inner(features, boxes[n]) for n, features in self.extractor(image[None]).items()}
        statistics = {n: self.model.statistics(inner[n][None], maps.get(n)) for n in self.style_layers}
        return {n: inner[n] for n in self.content_layers}, statistics

    def _gradient_of(
        self, image: tf.Tensor, boxes: Tensors, maps: Tensors, slopes: Tensors, goals: Tensors, weights: Tensors
    ) -> tuple[tf.Tensor, Tensors]:
        """The gradient of a tile's share of the loss, with its margin, and its part of Σ (F − P)²."""

        def read(layer: str, features: tf.Tensor | Headed) -> list[tf.Tensor]:
            inner, found = _inner(computed(features), boxes[layer]), []
            if layer in goals:
                counts = tf.size(goals[layer]) > 0
                found.append(tf.cond(counts, lambda: tf.reduce_sum((inner - goals[layer]) ** 2), lambda: 0.0))
            if layer in slopes:
                found.append(tf.reduce_sum(slopes[layer] * self.model.statistics(inner[None], maps.get(layer))))
            return found

        with tf.GradientTape() as tape:
            tape.watch(image)
            seen = self.extractor(image[None], read)
            share = tf.add_n([weights[n] * seen[n][0] for n in goals]) + tf.add_n([seen[n][-1] for n in slopes])
        return tape.gradient(share, image), {n: seen[n][0] for n in goals}


def _inner(features: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """The features (h, w, C) of a tile's own positions."""
    return features[0, box[0, 0] : box[0, 1], box[1, 0] : box[1, 1]]


@lru_cache(maxsize=4)
def tiled(model: StyleContentModel, side: int) -> TiledModel:
    """The model in tiles of a side; made, and traced, once."""
    return TiledModel(model, side)
