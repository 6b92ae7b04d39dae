"""Adam and L-BFGS over one image, an evaluation at a time; they know nothing of style.

An objective is a function `x -> (loss, gradient, report)` of a tensor. An optimiser's `step(objective)` evaluates it
once; between two steps the objective may be another one, after `forget()`. `state()` and `restore()` are everything
that the next step depends on.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

Objective = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor, Any]]


class Adam:
    """x − η m̂ / (√v̂ + ε), clipped to [0, 1]: the tutorial's optimiser (β₁ 0.99, β₂ 0.999, ε 0.1)."""

    def __init__(
        self,
        x: tf.Tensor,
        *,
        learning_rate: float = 0.02,
        beta_1: float = 0.99,
        beta_2: float = 0.999,
        epsilon: float = 0.1,
    ) -> None:
        self.x, self.learning_rate = tf.convert_to_tensor(x), learning_rate
        self._betas, self._epsilon = (beta_1, beta_2), epsilon
        self._m, self._v, self._t = tf.zeros_like(self.x), tf.zeros_like(self.x), 0

    def step(self, objective: Objective) -> tuple[float, Any]:
        """One evaluation and one move. Returns the loss before the move and the objective's report."""
        loss, gradient, report = objective(self.x)
        value = _finite(loss)
        self._t += 1
        step = tf.constant(self._t, tf.float32)
        rate = tf.constant(self.learning_rate, tf.float32)
        self.x, self._m, self._v = _adam(self.x, gradient, self._m, self._v, step, rate, *self._betas, self._epsilon)
        return value, report

    def forget(self) -> None:
        """Nothing to forget: the moments fade by themselves when the objective changes."""

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, as arrays and numbers."""
        return {"x": self.x.numpy(), "m": self._m.numpy(), "v": self._v.numpy(), "t": self._t}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.x, self._m, self._v = (tf.constant(state[k]) for k in "xmv")
        self._t = state["t"]


@tf.function(reduce_retracing=True)
def _adam(x, g, m, v, t, rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g * g
    rate = rate * tf.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return tf.clip_by_value(x - rate * m / (tf.sqrt(v) + epsilon), 0.0, 1.0), m, v


class LBFGS:
    """x − H g, kept in [0, 1], with H the limited-memory BFGS estimate of the inverse Hessian.

    H starts from γ P, where the preconditioner P is a symmetric positive map of images. There is no line search: a
    step that raises the loss is taken back and tried at a quarter, so that every step costs one evaluation.
    first: the first step's root mean square, in pixel values; memory: how many past steps H knows; precondition: P
    on a batch of images.
    """

    def __init__(
        self,
        x: tf.Tensor,
        *,
        memory: int = 6,
        first: float = 0.02,
        precondition: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
    ) -> None:
        self.x = tf.convert_to_tensor(x)
        self._memory, self._first, self._precondition = memory, first, precondition
        self._none = tf.zeros_like(self.x)  # stands for a step that H does not know yet
        self.forget()

    def forget(self) -> None:
        """Drop the curvature and the last gradient: the objective has changed."""
        self._s, self._z = [self._none] * self._memory, [self._none] * self._memory  # oldest first
        self._sy, self._yz = np.eye(self._memory), np.zeros((self._memory, self._memory))
        self._gamma, self._last, self._direction, self._length = 0.0, None, None, 1.0

    def step(self, objective: Objective) -> tuple[float, Any]:
        """One evaluation; a move is kept where it lowers the loss. Returns the loss and the report that then hold."""
        if self._last is None:
            loss, gradient, report = objective(self.x)
            self._last = _finite(loss), gradient, report
            self._begin(self.x, gradient)
            return self._last[0], report
        trial = _move(self.x, self._direction, tf.constant(self._length))
        loss, gradient, report = objective(trial)
        loss, kept = float(loss), self._last
        if not loss <= kept[0]:  # higher, or not finite
            self._length *= 0.25
            if self._length < 1e-3 and self._gamma:  # without curvature to blame, a still smaller step will do
                self.forget()
            return kept[0], kept[2]
        self._aim(trial, gradient)
        self.x, self._last = trial, (loss, gradient, report)
        return loss, report

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, as arrays and numbers."""
        return {"x": self.x.numpy(), "kept": {name: copy.deepcopy(getattr(self, name)) for name in self._KEPT}}

    _KEPT = ("_s", "_z", "_sy", "_yz", "_gamma", "_last", "_direction", "_length")

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.x = tf.constant(state["x"])
        for name, value in copy.deepcopy(state["kept"]).items():
            setattr(self, name, value)

    def _begin(self, x: tf.Tensor, gradient: tf.Tensor) -> None:
        """d = −P g, as long as `first`: nothing is known of H."""
        (d,) = self._precondition(_free(x, gradient)[None])
        self._direction, self._length = -self._first / (float(tf.sqrt(tf.reduce_mean(d * d))) or 1.0) * d, 1.0

    def _aim(self, x: tf.Tensor, gradient: tf.Tensor) -> None:
        """Learn from the move to x, then d = −H g by Byrd et al. 1994, with one pass over the history for all products.

        With Z = P Y, R the upper triangle of Sᵀ Y, D its diagonal, and u = R⁻¹ Sᵀ g,
        H g = γ P g + S R⁻ᵀ ((D + γ Yᵀ Z) u − γ Zᵀ g) − γ Z u.
        """
        s, y, g = x - self.x, gradient - self._last[1], _free(x, gradient)
        z, pg = self._precondition(tf.stack([y, g]))
        of_y, of_g = np.split(_products([*self._s, s, *self._z, z], [y, g]).numpy().astype(np.float64), 2, axis=1)
        sy, zy, sg, zg = (half[:, 0] for product in (of_y, of_g) for half in np.split(product, 2))
        old = not sy[-1] > 0  # a move without positive curvature teaches nothing
        if not old:
            self._s, self._z, self._gamma = [*self._s[1:], s], [*self._z[1:], z], float(sy[-1] / zy[-1])
            for matrix, column in ((self._sy, sy), (self._yz, zy)):
                matrix[:-1, :-1] = matrix[1:, 1:]
                matrix[:, -1] = matrix[-1] = column[1:]
        if not self._gamma:
            self._begin(x, gradient)
            return
        sg, zg = (product[:-1] if old else product[1:] for product in (sg, zg))
        r = np.triu(self._sy)
        u = np.linalg.solve(r, sg)
        p = np.linalg.solve(r.T, np.diag(r) * u + self._gamma * (self._yz @ u - zg))
        weights = np.concatenate([[self._gamma], p, -self._gamma * u]).astype(np.float32)
        self._direction, self._length = _combine([pg, *self._s, *self._z], -weights), 1.0


@tf.function(reduce_retracing=True)
def _products(vectors, others):
    """(V, O): the inner product of every vector with every other."""
    rows = tf.stack([tf.reshape(v, [-1]) for v in vectors])
    return tf.stack([tf.linalg.matvec(rows, tf.reshape(v, [-1])) for v in others], axis=1)


@tf.function(reduce_retracing=True)
def _combine(vectors, weights):
    rows = tf.stack([tf.reshape(v, [-1]) for v in vectors])
    return tf.reshape(tf.linalg.matvec(rows, weights, transpose_a=True), tf.shape(vectors[0]))


@tf.function(reduce_retracing=True)
def _move(x, direction, length):
    return tf.clip_by_value(x + length * direction, 0.0, 1.0)


@tf.function(reduce_retracing=True)
def _free(x, g):
    """The gradient without the parts that push out of [0, 1] where x is at its bound."""
    return tf.where((x <= 0) & (g > 0) | (x >= 1) & (g < 0), 0.0, g)


def _finite(loss: tf.Tensor) -> float:
    value = float(loss)
    if not np.isfinite(value):
        raise FloatingPointError(f"the loss is {value}")
    return value


def pyramid(levels: int = 4, gain: float = 8.0) -> Callable[[tf.Tensor], tf.Tensor]:
    """P = Σ_k gᵏ (Dᵏ)ᵀ Dᵏ, k = 0 … levels: a preconditioner that takes longer steps in coarser detail.

    D halves the picture with the binomial kernel (1 3 3 1) / 8 a side. L-BFGS with P in pixels is L-BFGS without it
    over the coefficients of a Laplacian pyramid. gain g = 8: the curvature of a style loss, measured a level, about
    halves with each level, and D Dᵀ is about 1/4.
    """

    def precondition(x: tf.Tensor) -> tf.Tensor:
        return _pyramid(x, tf.constant(gain), levels)

    return precondition


_BINOMIAL = np.repeat(np.outer([1, 3, 3, 1], [1, 3, 3, 1])[..., None, None] / 64, 3, axis=2)
_HALVED = (1, 2, 2, 1)


@tf.function(reduce_retracing=True)
def _pyramid(x, gain, levels):
    kernel = tf.constant(_BINOMIAL, tf.float32)
    stack = [x]
    for _ in range(levels):
        stack.append(tf.nn.depthwise_conv2d(stack[-1], kernel, _HALVED, "SAME"))
    total = stack.pop()
    while stack:
        finer = stack.pop()
        grown = tf.nn.depthwise_conv2d_backprop_input(tf.shape(finer), kernel, total, _HALVED, "SAME")
        total = finer + gain * grown
    return total
