"""The steps of a lesson as TensorFlow runs them: the network, its losses, its optimiser.

Kernels move by Muon (Jordan et al. 2024): by their momentum with all its singular values made one, so that no direction
of a matrix is learned late. It takes half of Adam's steps to the same loss; all other weights keep Adam.
"""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ..core.speed import gradients
from ..core.speed.arithmetic import has_bfloat16
from ..core.speed.tracing import graph
from ..networks import compact, single
from ._modules import instant_weights, padded, painted

STYLE_LAYERS = tuple(f"block{i}_conv1" for i in range(1, 6))
CONTENT_LAYER = "block4_conv1"
LEVELS = (1.0, 0.5, 0.25)  # weights of the style losses of the picture, of it halved, and halved twice
CLOSE = 0.02  # style distances well below this one count as they are, well above it by their ratios
STYLE, OUTSIDE, VARIATION = 0.3, 1.0, 0.02
MOMENTUM, MEMORY = 0.9, 0.99  # of the gradient, and of its square
MUON = 0.2  # root mean square of a kernel's direction; Adam's is about that
QUINTIC = (3.4445, -4.7750, 2.0315)  # p(s) = a s + b s³ + c s⁵ takes singular values in (0, 1] towards 1


class Graph:
    """All trainable weights are one vector; a step moves it, and its running average is what paints.

    paintings (H, W, 3) and sample (B, H, W, 3): what the network begins from; size: of the crops, pixels; twins: the
    weight of two pictures that differ where they show the same. shares (S,): of the paintings, which sum to 1.
    state: weights, the gradient's two moments and the weights' running average, vectors of one length.
    """

    def __init__(
        self, paintings: Sequence[np.ndarray], sample: np.ndarray, *, size: int, content_weight: float, twins: float
    ) -> None:
        pictures = [tf.constant(painting[None]) for painting in paintings]
        instant = instant_weights()
        start = single.together([single.fold(instant, padded(picture), tf.constant(sample)) for picture in pictures])
        taught = {name: w for name, w in start.items() if name.split("/")[0] not in compact.LAYOUT}
        self._fixed = {name: tf.constant(w) for name, w in start.items() if name not in taught}
        self._shapes = {name: w.shape for name, w in taught.items()}
        flat = np.concatenate([w.ravel() for w in taught.values()])
        self.state = {name: tf.Variable(flat if name in ("weights", "average") else 0 * flat) for name in STATE}
        self.average = self.state["average"]

        self._kind = tf.bfloat16 if has_bfloat16() and not tf.config.list_physical_devices("GPU") else tf.float32
        self._extractor = {name: tf.constant(w) for name, w in compact.load().items()}
        self._content_weight, self._twins = content_weight, twins
        self._levels = LEVELS if size >= 128 else LEVELS[:1]
        self._aims = []  # of each level and layer: (S, C, C)
        for _ in self._levels:
            grams = [[_gram(f) for f in self._see(picture, tf.float32)] for picture in pictures]
            self._aims.append([tf.concat(of_layer, 0) for of_layer in zip(*grams, strict=True)])
            pictures = [_halved(picture) for picture in pictures]
        crop, shares, number = tf.TensorSpec((None, size, size, 3)), tf.TensorSpec(len(paintings)), tf.TensorSpec(())
        specs = (crop, tf.TensorSpec((size, size, 2)), tf.TensorSpec((size, size)))
        self._step = graph(self._step_, input_signature=[*specs, shares, number, number])
        self._held_out = graph(self._held_out_, input_signature=[crop, shares])

    def named(self, flat: tf.Tensor) -> dict[str, tf.Tensor]:
        """The weights as `single` takes them, from the vector."""
        return {**self._fixed, **self._shaped(flat)}

    def _shaped(self, flat: tf.Tensor) -> dict[str, tf.Tensor]:
        """A vector as what is taught of the weights, by their names."""
        parts = tf.split(flat, [math.prod(shape) for shape in self._shapes.values()])
        shaped = zip(self._shapes.items(), parts, strict=True)
        return {name: tf.reshape(part, shape) for (name, shape), part in shaped}

    def step(self, batch: dict[str, np.ndarray], rate: float, number: int) -> tuple[float, float, float]:
        """One step; (loss, style distance, content distance)."""
        given = (*(batch[part] for part in BATCH), np.float32(rate), np.float32(number))
        return tuple(float(value) for value in self._step(*map(tf.constant, given)))

    def held_out(self, content: np.ndarray, shares: np.ndarray) -> float:
        """The averaged weights' loss on these contents."""
        return float(self._held_out(tf.constant(content), tf.constant(shares)))

    def paint(self, picture: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """A picture (H, W, 3) by the averaged weights."""
        weights = single.mixed(self.named(self.average), tf.constant(shares))
        return np.clip(painted(weights, tf.constant(picture[None]))[0], 0, 1)

    def _see(self, image: tf.Tensor, kind: tf.DType) -> list[tf.Tensor]:
        return compact.features(self._extractor, tf.cast(image, kind), STYLE_LAYERS, pad=gradients.reflected)

    def _judged(self, flat: tf.Tensor, content: tf.Tensor, shares: tf.Tensor, first: int = 0) -> tuple[tf.Tensor, ...]:
        """The pictures, and the mean loss of style and content of those from `first` on, with the mean distances."""
        weights = {name: tf.cast(w, self._kind) for name, w in single.mixed(self.named(flat), shares).items()}
        features = single.see(weights, content)
        picture = single.from_features(weights, content, features, gradients.reflected)
        level = tf.clip_by_value(picture[first:], 0.0, 1.0)
        seen = self._see(level, self._kind)
        layer = STYLE_LAYERS.index(CONTENT_LAYER)
        photo = tf.cast(compact.head(self._extractor, features[layer][first:], CONTENT_LAYER), tf.float32)
        change = tf.reduce_sum((tf.cast(seen[layer], tf.float32) - photo) ** 2, (1, 2, 3))
        distance = change / tf.reduce_sum(photo**2, (1, 2, 3))

        style = []
        for of_paintings in self._aims:
            aims = [tf.tensordot(shares, grams, 1) for grams in of_paintings]  # (C, C)
            style.append(tf.add_n([_relative(_gram(f), aim) for f, aim in zip(seen, aims, strict=True)]) / len(aims))
            if len(style) < len(self._aims):
                level = _halved(level)
                seen = self._see(level, self._kind)
        logs = [w * tf.math.log1p(d / CLOSE) for w, d in zip(self._levels, style, strict=True)]
        loss = STYLE * tf.add_n(logs) / sum(self._levels) + self._content_weight * distance
        return picture, tf.reduce_mean(loss), tf.reduce_mean(style[0]), tf.reduce_mean(distance)

    def _held_out_(self, content: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
        return self._judged(self.average, content, shares)[1]

    def _step_(
        self,
        content: tf.Tensor,
        flow: tf.Tensor,
        trusted: tf.Tensor,
        shares: tf.Tensor,
        rate: tf.Tensor,
        number: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
        weights, mean, square = (self.state[name] for name in ("weights", "mean", "square"))
        with tf.GradientTape() as tape:
            picture, loss, style, distance = self._judged(weights, content, shares, first=1)
            others = picture[1:]  # the first twin is only compared with the second
            outside = tf.reduce_mean(tf.nn.relu(tf.abs(others - 0.5) - 0.5) ** 2)
            variation = gradients.absolute_variation(others) / tf.cast(tf.size(others), tf.float32)
            apart = tf.reduce_mean((trusted * within(flow))[..., None] * (picture[0] - warped(picture[1], flow)) ** 2)
            total = loss + OUTSIDE * outside + VARIATION * variation + self._twins * apart
        gradient = tape.gradient(total, weights)
        gradient /= tf.maximum(1.0, tf.norm(gradient))
        mean.assign(MOMENTUM * mean + (1 - MOMENTUM) * gradient)
        square.assign(MEMORY * square + (1 - MEMORY) * gradient**2)
        weights.assign_sub(rate * self._direction(gradient, mean, square, number))
        remembered = tf.minimum(0.98, number / (number + 10))
        self.average.assign(remembered * self.average + (1 - remembered) * weights)
        return total, style, distance

    def _direction(self, gradient: tf.Tensor, mean: tf.Tensor, square: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        """What the weights go against: of kernels Muon's direction, one gradient ahead (Nesterov); of others Adam's."""
        spread = tf.sqrt(square / (1 - MEMORY**number)) + 1e-8
        parts = self._shaped(mean / (1 - MOMENTUM**number) / spread)
        ahead = self._shaped(MOMENTUM * mean + (1 - MOMENTUM) * gradient)
        for name, momentum in ahead.items():
            if name.endswith("/kernel") and name != "pixels/kernel":
                as_adams = MUON * math.sqrt(max(momentum.shape))
                parts[name] = as_adams * orthogonal(momentum)
        return tf.concat([tf.reshape(part, (-1,)) for part in parts.values()], 0)


BATCH = ("content", "flow", "trusted", "shares")
STATE = ("weights", "mean", "square", "average")


def orthogonal(matrix: tf.Tensor, iterations: int = 5) -> tf.Tensor:
    """U Vᵀ of U S Vᵀ, nearly: singular values of 0.7 to 1.2 for all that are not tiny; (m, n) -> (m, n)."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = tf.transpose(matrix) if tall else matrix  # (short, long)
    x /= tf.norm(x) + 1e-12
    a, b, c = QUINTIC
    for _ in range(iterations):
        square = tf.matmul(x, x, transpose_b=True)  # (short, short)
        x = a * x + tf.matmul(b * square + c * tf.matmul(square, square), x)
    return tf.transpose(x) if tall else x


def _gram(features: tf.Tensor) -> tf.Tensor:
    """G = Fᵀ F / M of each picture: (B, h, w, C) -> (B, C, C), float32."""
    flat = tf.reshape(features, (tf.shape(features)[0], -1, features.shape[-1]))
    return gradients.products(flat) / tf.cast(tf.shape(flat)[1], tf.float32)


def _relative(gram: tf.Tensor, aim: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum((gram - aim) ** 2, (1, 2)) / tf.reduce_sum(aim**2)


def _halved(image: tf.Tensor) -> tf.Tensor:
    return tf.nn.avg_pool2d(image, 2, 2, "VALID")


def within(flow: tf.Tensor) -> tf.Tensor:
    """1 where x + flow is in the picture, 0 elsewhere; (H, W, 2) -> (H, W)."""
    height, width = flow.shape[:2]
    x = flow[..., 0] + tf.range(width, dtype=tf.float32)
    y = flow[..., 1] + tf.range(height, dtype=tf.float32)[:, None]
    return tf.cast((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1), tf.float32)


def warped(picture: tf.Tensor, flow: tf.Tensor) -> tf.Tensor:
    """picture(x + flow), bilinear; (H, W, 3) by (H, W, 2)."""
    height, width = flow.shape[:2]
    x = tf.clip_by_value(flow[..., 0] + tf.range(width, dtype=tf.float32), 0.0, width - 1.001)
    y = tf.clip_by_value(flow[..., 1] + tf.range(height, dtype=tf.float32)[:, None], 0.0, height - 1.001)
    left, top = tf.floor(x), tf.floor(y)
    right, below = (x - left)[..., None], (y - top)[..., None]
    column, row = tf.cast(left, tf.int32), tf.cast(top, tf.int32)
    corner = [[tf.gather_nd(picture, tf.stack([row + i, column + j], -1)) for j in (0, 1)] for i in (0, 1)]
    upper, lower = (a + right * (b - a) for a, b in corner)
    return upper + below * (lower - upper)
