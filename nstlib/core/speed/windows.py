"""A picture that changes inside one window: the whole picture's loss and gradient, for the work of the window.

What a layer has outside of where the window reaches is as it was, so that it is kept: each convolution is computed
where it answers otherwise, and sees what is kept around it. The window needs no margin, and grows by what the network
sees alone: by 2 pixels at its first layer, by 80 at its deepest. Statistics, which are means over positions, are those
that were kept, less the window's as it was, and its own.
"""

from functools import lru_cache, partial
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import NstlibError
from ...networks.vgg19 import CHANNELS
from .. import losses
from ..border import bordered
from ..levels import at_scale, pyramid
from ..model import StyleContentModel, Targets, Tensors
from ..optimize import Objective
from ..parameters import Parameters
from ..schedule import level_count
from .gradients import reflected
from .heads import Headed, computed
from .tracing import specs, traced

Window = tuple[slice, slice]  # rows and columns
REACH = 24  # pixels around a window that are computed too, as far as the dearest layers see
MOST = 0.6  # of the picture, with REACH: for more the whole picture takes no longer


def windowed(model: Any, part: "Part", targets: Targets) -> "WindowedModel | PatchedModel":
    """The model of the pictures of which this part changes.

    The whole picture is evaluated for a part that is spread too far, in tiles, for extractors other than compact, and
    for style losses whose statistics are no means over positions.
    """
    able = isinstance(model, StyleContentModel) and model.style_loss.AVERAGED and model.extractor.padded
    kind = WindowedModel if able and share(part.window, part.base.shape[:2]) <= MOST else PatchedModel
    return kind(model, tf.constant(part.base), part.window, targets)


def around(changes: np.ndarray, step: int = 1) -> Window | None:
    """The smallest window of what changes, (H, W) bool, from a multiple of `step` to one; None where nothing does."""
    spans = []
    for axis, side in enumerate(changes.shape):
        found = np.flatnonzero(changes.any(1 - axis))
        if not len(found):
            return None
        first, last = found[[0, -1]]
        spans.append(slice(int(first) // step * step, min(side, (int(last) // step + 1) * step)))
    return tuple(spans)


def share(window: Window, shape: tuple[int, int]) -> float:
    """The share of a picture (H, W) that a window has, with what is computed around it."""
    sides = [min(n, s.stop + REACH) - max(0, s.start - REACH) for s, n in zip(window, shape, strict=True)]
    return sides[0] * sides[1] / (shape[0] * shape[1])


class Part:
    """What may change of a picture, with its border: `free` (H, W, 1) in [0, 1] of `base` (H, W, 3), in `window`.

    The window is the smallest from a pixel to one that every halving of the picture has too; all where nothing is free.
    Raises NstlibError where the two differ in size.
    """

    def __init__(self, base: np.ndarray, free: np.ndarray, *, border: int = 0) -> None:
        if free.shape != base.shape[:2]:
            raise NstlibError(f"held is {free.shape} and the start {base.shape[:2]}; give both in the result's size")
        self.base, self.free = bordered(base, border), np.float32(bordered(free, border)[..., None])
        step = 2 ** (level_count(self.base.shape[:2], 1.0, 1) - 1)
        self.window = around(self.free[..., 0] > 0, step) or tuple(slice(0, n) for n in self.base.shape[:2])


class WindowedModel:
    """A `StyleContentModel` of the pictures that differ from `base` (H, W, 3) inside `window` alone.

    `loss` takes what is inside, (h, w, 3), and gives the loss of the whole picture and its gradient inside. targets:
    the whole picture's, whose masks and content hold; the window's corners are on multiples of 2ᵏ for k halvings.
    """

    def __init__(self, model: StyleContentModel, base: tf.Tensor, window: Window, targets: Targets) -> None:
        self.levels = model.levels
        self._passes = _passes(model)
        self._kept = self._passes.keep(base, window, targets)

    def loss(self, patch: tf.Tensor, targets: Targets, weights: Tensors) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
        """As `StyleContentModel.loss`, of the picture with `patch` inside the window."""
        compared = {name: value for name, value in targets.tensors().items() if name not in ("content", "masks")}
        return self._passes.loss(patch, self._kept, compared, weights)


class PatchedModel:
    """The same, by evaluating the whole picture; model: any, also in tiles."""

    def __init__(self, model: Any, base: tf.Tensor, window: Window, targets: Targets) -> None:
        self.levels, self._model, self._base, self._window = model.levels, model, base.numpy(), window

    def loss(self, patch: tf.Tensor, targets: Targets, weights: Tensors) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
        """As `WindowedModel.loss`."""
        image = self._base.copy()
        image[self._window] = patch
        loss, gradient, terms = self._model.loss(tf.constant(image), targets, weights)
        return loss, gradient[self._window], terms


class FreePixels:
    """Parameters of a picture of which a part alone changes; x is what is inside the part's window.

    The picture is base + r (x − base), r what of it is free; where nothing is, it stays as the base has it, to the bit.
    """

    bounded = True

    def __init__(self, whole: Parameters, part: Part) -> None:
        self._whole, self._part, self.precondition = whole, part, whole.precondition
        self._there, self._free = (tf.constant(x[part.window]) for x in (part.base, part.free))
        self.spread = float(np.sqrt(part.free.size / max(1.0, part.free.sum())))

    def begin(self, image: np.ndarray) -> tf.Tensor:
        """What the picture has inside the window."""
        return self._whole.begin(image)[self._part.window]

    def grown(self, x: tf.Tensor, shape: tuple[int, int], fine: np.ndarray | None) -> tf.Tensor:
        """What the whole picture x has inside, grown."""
        return self._whole.grown(x, shape, fine)[self._part.window]

    def objective(self, x: tf.Tensor, of_picture: Objective) -> tuple[tf.Tensor, tf.Tensor, Any]:
        """The objective of what is inside the window, with what stays there."""
        loss, gradient, report = of_picture(self._there + self._free * (x - self._there))
        return loss, self._free * gradient, report

    def whole(self, x: tf.Tensor) -> tf.Tensor:
        """The x of the whole picture: where something is free x itself, the base elsewhere."""
        image = self._part.base.copy()
        image[self._part.window] = np.where(self._free > 0, x, self._there)
        return tf.constant(image)

    def result(self, x: tf.Tensor, content: np.ndarray) -> np.ndarray:
        """The whole picture."""
        return self._whole.result(self.whole(x), content)


class _Passes:
    """What is traced once for all windows of a model: what is kept of a picture, and the loss inside."""

    def __init__(self, model: StyleContentModel) -> None:
        self.model = model
        self._traces: dict[tuple, Any] = {}

    def loss(self, patch: tf.Tensor, kept: dict[str, Any], compared: dict[str, Any], weights: Tensors) -> Any:
        """Loss, gradient (h, w, 3) and terms of the picture with `patch` (h, w, 3) inside the window."""
        kind = (*compared, bool(kept["scales"]["1"]["maps"]))
        total, gradient, terms = self._called(kind, self._loss, patch[None], kept, compared, weights)
        return total, gradient[0], terms

    def keep(self, base: tf.Tensor, window: Window, targets: Targets) -> dict[str, Any]:
        """What the loss inside needs of the picture as it was: what lies around each layer's window, and the sums."""
        scales, sums = {}, {}
        for scale, picture in pyramid(base, self.model.levels).items():
            content = targets.content if scale == 1 else {}
            own = tuple(slice(s.start // scale, s.stop // scale) for s in window)
            scales[str(scale)], outside = self._kept(picture, own, targets.masks, content)
            sums |= {at_scale(name, scale): value for name, value in outside.items()}

        convention, channels = self.model.convention, self.model.extractor.channels
        scaled = {
            n: losses.content_scale(p, convention=convention, channels=channels[n]) for n, p in targets.content.items()
        }
        rows, columns = ([s.start, n - s.stop] for s, n in zip(window, base.shape[:2], strict=True))
        hole = np.ones(base.shape, np.float32)
        hole[window] = 0
        place = tf.constant([rows, columns, [0, 0]])
        return {"scales": scales, "sums": sums, "content": scaled, "base": hole * base, "place": place}

    def _kept(
        self, picture: tf.Tensor, window: Window, masks: tf.Tensor | None, content: Tensors
    ) -> tuple[dict[str, Any], Tensors]:
        """At one size, what lies around the window's layers and what they are compared with, and the sums outside."""
        seen = (picture,) if masks is None else (picture, masks)
        inputs, features, whole = self._called(("all", len(seen)), self._all, *seen)
        rings, answers = _surroundings(inputs, window)
        own = {n: (slice(None), *_answers(n, f.seen, inputs, answers)) for n, f in features.items()}

        shares, maps = {}, {}
        inside = {n: features[n].seen[own[n]] for n in self.model.style_layers}
        for layer, part_seen in inside.items():
            shape = features[layer].seen.shape[1:3]
            part, every = float(np.prod(part_seen.shape[1:3])), float(np.prod(shape))
            if masks is not None:
                small = tf.image.resize(masks[..., None], shape, "area")[..., 0]  # (K, H, W) -> (K, h, w)
                maps[layer] = small[own[layer]]
                part, every = (tf.reduce_sum(m, (1, 2), keepdims=True) for m in (maps[layer], small))
            shares[layer] = tf.constant(part / (every + losses.TINY), tf.float32)
        of_inside = partial(self._inside, {n: features[n].head for n in inside})
        found = self._called(("inside", len(seen)), of_inside, inside, maps)
        outside = {layer: whole[layer] - shares[layer] * found[layer] for layer in inside}

        errors = {n: (computed(features[n]) - p) ** 2 for n, p in content.items()}
        outside |= {f"content/{n}": tf.reduce_sum(e) - tf.reduce_sum(e[own[n]]) for n, e in errors.items()}
        goals = {n: p[own[n]] for n, p in content.items()}
        return {"rings": rings, "shares": shares, "maps": maps, "goals": goals}, outside

    def _all(
        self, picture: tf.Tensor, masks: tf.Tensor | None = None
    ) -> tuple[list[tf.Tensor], dict[str, Headed], Tensors]:
        """What each convolution of a picture sees, the layers' features, and their style statistics."""
        inputs: list[tf.Tensor] = []

        def pad(x: tf.Tensor) -> tf.Tensor:
            inputs.append(x)
            return reflected(x)

        features = self._features(picture, pad)
        return inputs, features, {n: self.model.statistics(features[n], masks) for n in self.model.style_layers}

    def _inside(self, heads: Tensors, seen: Tensors, maps: Tensors) -> Tensors:
        """The style statistics inside a window, of what the layers' heads see there."""
        return {n: self.model.statistics(Headed(x, heads[n]), maps.get(n)) for n, x in seen.items()}

    def _called(self, kind: tuple, function: Any, *inputs: Any) -> Any:
        """function(*inputs); traced once for each kind."""
        if kind not in self._traces:
            self._traces[kind] = traced(function, [specs(each) for each in inputs])
        return self._traces[kind](*inputs)

    def _features(self, picture: tf.Tensor, pad: Any) -> dict[str, Headed]:
        """{layer: its features} of a picture (H, W, 3)."""
        return self.model.extractor.padded(tf.expand_dims(picture, 0), pad)

    def _loss(self, patch: tf.Tensor, kept: dict[str, Any], compared: dict[str, Any], weights: Tensors) -> Any:
        targets = Targets(content={}, **compared)
        with tf.GradientTape() as tape:
            tape.watch(patch)
            inside = self._sums(patch, kept["scales"])
            sums = {name: kept["sums"][name] + value for name, value in inside.items()}
            terms = {f"content/{n}": scale * sums.pop(f"content/{n}") for n, scale in kept["content"].items()}
            terms |= self.model.style_terms(sums, targets)
            terms |= self.model.picture_terms(kept["base"] + tf.pad(patch[0], kept["place"]), targets)
            total = tf.add_n([weights[name] * term for name, term in terms.items()])
        return total, tape.gradient(total, patch), terms

    def _sums(self, patch: tf.Tensor, scales: dict[str, Any]) -> Tensors:
        """The window's part of the style's statistics, and of each content layer's Σ (F − P)²."""
        sums = {}
        for scale, picture in pyramid(patch[0], self.model.levels).items():
            kept = scales[str(scale)]
            rings = iter([list(kept["rings"][str(k)].values()) for k in range(len(kept["rings"]))])
            features = self._features(picture, lambda x, rings=rings: _ringed(x, *next(rings)))
            for layer in self.model.style_layers:
                found = self.model.statistics(features[layer], kept["maps"].get(layer))
                sums[at_scale(layer, scale)] = kept["shares"][layer] * found
            for layer, goal in kept["goals"].items():
                sums[f"content/{layer}"] = tf.reduce_sum((computed(features[layer]) - goal) ** 2)
        return sums


def _surroundings(inputs: list[tf.Tensor], window: Window) -> tuple[dict[str, Any], list[Window]]:
    """What each convolution sees around its window, and where it answers otherwise, from an even pixel to one."""
    rings, answers = {}, []
    for k, seen in enumerate(inputs):
        shape = seen.shape[1:3]
        if k and shape != inputs[k - 1].shape[1:3]:
            window = _halved(window)
        box = tuple(
            slice(max(0, (s.start - 1) // 2 * 2), min(n, (s.stop + 2) // 2 * 2))
            for s, n in zip(window, shape, strict=True)
        )
        crop = tuple(slice(max(0, s.start - 1), min(n, s.stop + 1)) for s, n in zip(box, shape, strict=True))
        corner = tf.constant([w.start - c.start for w, c in zip(window, crop, strict=True)])
        edges = tf.constant([(int(s.start == 0), int(s.stop == n)) for s, n in zip(box, shape, strict=True)])
        rings[str(k)] = {"kept": seen[(slice(None), *crop)], "corner": corner, "edges": edges}
        answers.append(box)
        window = box
    return rings, answers


def _answers(layer: str, features: tf.Tensor, inputs: list[tf.Tensor], answers: list[Window]) -> Window:
    """Where a layer's features (1, h, w, C) are otherwise; a block's last are seen after its pooling."""
    k = min(list(CHANNELS).index(layer), len(inputs) - 1)
    return answers[k] if features.shape[1:3] == inputs[k].shape[1:3] else _halved(answers[k])


def _halved(window: Window) -> Window:
    return tuple(slice(s.start // 2, s.stop // 2) for s in window)


def _ringed(x: tf.Tensor, kept: tf.Tensor, corner: tf.Tensor, edges: tf.Tensor) -> tf.Tensor:
    """x (1, h, w, C) within what was kept around it, and one more row or column, mirrored, at the picture's edges.

    The gradient takes two operations; that of its slices takes a tenth of an evaluation's time.
    """
    top, left, rows, columns = corner[0], corner[1], tf.shape(x)[1], tf.shape(x)[2]
    height, width = tf.shape(kept)[1], tf.shape(kept)[2]

    @tf.custom_gradient
    def ringed(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            mirrored = tf.pad(edges, [[1, 1], [0, 0]])
            folded = tf.raw_ops.MirrorPadGrad(input=upstream, paddings=mirrored, mode="REFLECT")
            return folded[:, top : top + rows, left : left + columns]

        beside = kept[:, top : top + rows]
        x = tf.concat([beside[:, :, :left], x, beside[:, :, left + columns :]], axis=2)
        x = tf.concat([kept[:, :top], x, kept[:, top + rows :]], axis=1)
        above, below = x[:, 1 : 1 + edges[0, 0]], x[:, height - 1 - edges[0, 1] : height - 1]
        x = tf.concat([above, x, below], axis=1)
        before, after = x[:, :, 1 : 1 + edges[1, 0]], x[:, :, width - 1 - edges[1, 1] : width - 1]
        return tf.concat([before, x, after], axis=2), gradient

    return ringed(x)


_passes = lru_cache(maxsize=16)(_Passes)
