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
    """x + d with d = −H g, H the limited-memory BFGS estimate of the inverse Hessian (Nocedal 1980), kept in [0, 1].

    H starts from γ P, with the preconditioner P a symmetric positive map of images. There is no line search: a step
    that raises the loss is taken back and tried at a quarter, so that every step costs one evaluation.
    """

    def __init__(
        self,
        x: tf.Tensor,
        *,
        memory: int = 8,
        first: float = 0.02,
        precondition: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
    ) -> None:
        self.x = tf.convert_to_tensor(x)
        size = int(tf.size(self.x))
        self._memory, self._first, self._precondition = memory, first, precondition
        self._s = tf.Variable(tf.zeros([memory, size]), trainable=False)
        self._y = tf.Variable(tf.zeros([memory, size]), trainable=False)
        self.forget()

    def forget(self) -> None:
        """Drop the curvature and the last gradient: the objective has changed."""
        self._pairs: list[int] = []  # rows of _s and _y in use, oldest first
        self._sy = np.zeros((self._memory, self._memory))  # s_i · y_j
        self._gamma, self._last, self._direction, self._length = 0.0, None, None, 1.0

    def step(self, objective: Objective) -> tuple[float, Any]:
        """One evaluation; a move is kept where it lowers the loss. Returns the trial's loss and report."""
        if self._last is None:
            loss, gradient, report = objective(self.x)
            self._last = _finite(loss), gradient, report
            self._aim()
            return self._last[0], report
        trial = _move(self.x, self._direction, tf.constant(self._length))
        loss, gradient, report = objective(trial)
        loss = float(loss)
        if not loss <= self._last[0]:  # higher, or not finite
            self._length *= 0.25
            kept = self._last
            if self._length < 1e-3:
                self.forget()
            return kept[0], kept[2]
        self._remember(trial - self.x, gradient - self._last[1])
        self.x, self._last = trial, (loss, gradient, report)
        self._aim()
        return loss, report

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, as arrays and numbers."""
        names = ("_sy", "_pairs", "_gamma", "_last", "_direction", "_length")
        kept = {name: copy.deepcopy(getattr(self, name)) for name in names}
        return {"x": self.x.numpy(), "s": self._s.numpy(), "y": self._y.numpy(), "kept": kept}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.x = tf.constant(state["x"])
        self._s.assign(state["s"])
        self._y.assign(state["y"])
        for name, value in state["kept"].items():
            setattr(self, name, copy.deepcopy(value))

    def _remember(self, s: tf.Tensor, y: tf.Tensor) -> None:
        s, y = tf.reshape(s, [-1]), tf.reshape(y, [-1])
        py = tf.reshape(self._precondition(tf.reshape(y, self.x.shape)), [-1])
        sy, ypy, ss = (float(tf.tensordot(a, b, 1)) for a, b in ((s, y), (y, py), (s, s)))
        if not sy > 1e-10 * ss:
            return
        row = len(self._pairs) if len(self._pairs) < self._memory else self._pairs.pop(0)
        self._pairs.append(row)
        self._s.scatter_nd_update([[row]], s[None])
        self._y.scatter_nd_update([[row]], y[None])
        self._sy[:, row] = tf.linalg.matvec(self._s, y).numpy()
        self._sy[row, :] = tf.linalg.matvec(self._y, s).numpy()
        self._gamma = sy / ypy

    def _aim(self) -> None:
        g = tf.reshape(_free(self.x, self._last[1]), [-1])
        if not self._pairs:
            d = self._precondition(tf.reshape(g, self.x.shape))
            rms = float(tf.sqrt(tf.reduce_mean(d * d))) or 1.0
            self._direction, self._length = -self._first / rms * d, 1.0
            return
        rho = {i: 1 / self._sy[i, i] for i in self._pairs}
        sg = tf.linalg.matvec(self._s, g).numpy()
        alpha, beta = np.zeros(self._memory), np.zeros(self._memory)
        for k in range(len(self._pairs) - 1, -1, -1):
            i = self._pairs[k]
            alpha[i] = rho[i] * (sg[i] - sum(alpha[j] * self._sy[i, j] for j in self._pairs[k + 1 :]))
        q = g - tf.linalg.matvec(self._y, tf.constant(alpha, tf.float32), transpose_a=True)
        r = self._gamma * tf.reshape(self._precondition(tf.reshape(q, self.x.shape)), [-1])
        yr = tf.linalg.matvec(self._y, r).numpy()
        for k, i in enumerate(self._pairs):
            beta[i] = rho[i] * (yr[i] + sum((alpha[j] - beta[j]) * self._sy[j, i] for j in self._pairs[:k]))
        d = r + tf.linalg.matvec(self._s, tf.constant(alpha - beta, tf.float32), transpose_a=True)
        self._direction, self._length = -tf.reshape(d, self.x.shape), 1.0


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


_BINOMIAL = np.outer([1, 3, 3, 1], [1, 3, 3, 1])[..., None, None] / 64 * np.eye(3)


@tf.function(reduce_retracing=True)
def _pyramid(x, gain, levels):
    kernel = tf.constant(_BINOMIAL, tf.float32)
    stack = [x[None]]
    for _ in range(levels):
        stack.append(tf.nn.conv2d(stack[-1], kernel, 2, "SAME"))
    total = stack.pop()
    while stack:
        finer = stack.pop()
        total = finer + gain * tf.nn.conv2d_transpose(total, kernel, tf.shape(finer), 2, "SAME")
    return total[0]
