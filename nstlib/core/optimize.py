"""Adam and L-BFGS over one image, an evaluation at a time; they know nothing of style.

An objective is a function `x -> (loss, gradient, report)` of a tensor. An optimiser's `step(objective)` evaluates it
once; between two steps the terms of the objective may get other weights, after `reweigh()`. `state()` and `restore()`
are everything that the next step depends on.
"""

import copy
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

NUMBERS = 8_000_000  # of the past steps that L-BFGS keeps: 8 steps to 576 x 576 pixels; as many of gradients
BLOCKS = 4  # of these steps: the fewer there are in one, the less is copied when one more is added
REACH = (1.5, 4.0)  # of a step, at first and at most, in lengths that the last move's curvature gives
HUGE = 1e37  # more than any gradient, also times the least distance of a pixel from its bound
TINY = 1e-30  # keeps the first step finite where there is no gradient

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
        value = float(loss)
        _check(value)
        self._t += 1
        step = tf.constant(self._t, tf.float32)
        rate = tf.constant(self.learning_rate, tf.float32)
        self.x, self._m, self._v = _adam(self.x, gradient, self._m, self._v, step, rate, *self._betas, self._epsilon)
        return value, report

    def reweigh(self) -> None:
        """Nothing to change: the moments fade by themselves."""

    def refine(self) -> None:
        """Nothing to change: no loss is compared with another."""

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
    return _inside(x - rate * m / (tf.sqrt(v) + epsilon)), m, v


class LBFGS:
    """x − H g, kept in [0, 1], with H the limited-memory BFGS estimate of the inverse Hessian.

    H starts from ρ γ P, where the preconditioner P is a symmetric positive map of images. There is no line search: a
    step that raises the loss is taken back and tried at a quarter, so that every step costs one evaluation. γ errs
    on the short side: the reach ρ grows from 1.5 to 4, by 2 % with every step kept, and is halved by one taken back.
    first: the first step's root mean square, in pixel values; memory: the past steps that H knows, at most (None: 6 to
    8, as the picture's size allows); precondition: P on a batch of images.
    """

    def __init__(
        self,
        x: tf.Tensor,
        *,
        memory: int | None = None,
        first: float = 0.02,
        precondition: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
    ) -> None:
        self.x = tf.convert_to_tensor(x)
        self._memory = memory or max(6, min(8, NUMBERS // int(tf.size(self.x))))
        self._first, self._precondition = tf.constant(first), precondition
        self.forget()

    def forget(self) -> None:
        """Drop the curvature and the last gradient: begin anew where x is."""
        self._history, self._known, self._earlier = _no_history(self._memory, tf.size(self.x)), False, 0.0
        self._look()

    def reweigh(self) -> None:
        """The objective's terms have other weights: keep the curvature, to be scaled as the loss at x will be.

        The next evaluation is at x, which does not move before the one after it.
        """
        if self._last is not None:
            self._earlier = self._last[0]
        self._look()

    def _look(self) -> None:
        self._last, self._direction, self._trial = None, tf.zeros_like(self.x), self.x
        self._length, self._reach, self._slack = 1.0, REACH[0], 1.0

    def refine(self) -> None:
        """The objective is the same in finer arithmetic: keep the curvature, and let the next loss be 5 % higher."""
        self._slack = 1.05

    def step(self, objective: Objective) -> tuple[float, Any]:
        """One evaluation; a move is kept where it lowers the loss. Returns the loss and the report that then hold."""
        x = self._trial
        loss, gradient, report = objective(x)
        value = float(loss)
        if self._last is None:
            _check(value)
            if self._earlier > 0 < value:
                self._history = _scaled(self._history, self._earlier / value)
            before = x, gradient, gradient  # no move: it teaches nothing
        elif not value <= self._slack * self._last[0]:  # higher, or not finite
            return self._take_back()
        else:
            before = self.x, *self._last[2:]
        self._length, self._slack, self._reach = 1.0, 1.0, min(REACH[1], 1.02 * self._reach)
        reach = tf.constant(self._reach, tf.float64)
        advance = _advancer(len(self._history.blocks), self._precondition)
        history, learned, moved, free, pg = advance(self._history, x, gradient, *before, reach, self._first)
        self.x, self._last, (self._direction, self._trial) = x, (value, report, free, pg), moved
        self._history, self._known = _shifted(history, _longest(self._memory)), self._known or bool(learned)
        return value, report

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, as arrays and numbers."""
        return {"x": self.x.numpy(), "kept": {name: copy.deepcopy(getattr(self, name)) for name in self._KEPT}}

    _KEPT = ("_first", "_history", "_known", "_earlier", "_last", "_direction", "_trial", "_length", "_reach", "_slack")

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.x = tf.constant(state["x"])
        for name, value in copy.deepcopy(state["kept"]).items():
            setattr(self, name, value)

    def _take_back(self) -> tuple[float, Any]:
        self._length, self._reach = 0.25 * self._length, max(1.0, self._reach / 2)
        if not self._known:
            self._first = 0.25 * self._first  # so that one that is reweighed before it has moved is not held up again
        self._trial = _move(self.x, self._direction, tf.constant(self._length))
        loss, report = self._last[:2]
        if self._length < 1e-3 and self._known:  # without curvature to blame, a still smaller step will do
            self.forget()
        return loss, report


class History(NamedTuple):
    """The last moves, oldest first, in blocks: a new one is added to the last block, and the others are not copied.

    blocks: (2 k, N) each, rows of S and of Z = P Y in turn; sy, yz: the products Sᵀ Y and Yᵀ Z, (m, m) in float64,
    which may still begin with those of moves that are gone.
    """

    blocks: tuple[tf.Tensor, ...]
    sy: tf.Tensor
    yz: tf.Tensor


def _no_history(memory: int, size: int) -> History:
    """A move of length 0, which changes nothing; its sᵀ y is 1, so that Sᵀ Y has an inverse."""
    count = memory // _longest(memory)
    empty, one = _empty(int(size)), tf.eye(1, dtype=tf.float64)
    return History((*[empty] * (count - 2), tf.zeros((2, size)), empty), one, tf.zeros_like(one))


@lru_cache
def _empty(size: int) -> tf.Tensor:
    return tf.zeros((0, size))


def _scaled(history: History, factor: float) -> History:
    """That of an objective whose inverse Hessian is so many times this one's: its moves are as many times as long."""
    blocks = [block * tf.tile([[factor], [1.0]], [block.shape[0] // 2, 1]) for block in history.blocks]
    return History(tuple(blocks), factor * history.sy, history.yz)


def _longest(memory: int) -> int:
    """How many moves a block may have."""
    return memory // BLOCKS or 1


def _shifted(history: History, most: int) -> History:
    """With an empty block in the oldest one's place, where the last one has as many moves as it may have."""
    last = history.blocks[-1]
    if last.shape[0] < 2 * most:
        return history
    return history._replace(blocks=(*history.blocks[1:], _empty(last.shape[1])))


@lru_cache
def _advancer(count: int, precondition: Callable[[tf.Tensor], tf.Tensor]) -> Callable[..., Any]:
    """`_advance` for so many blocks, traced once for all their lengths and all sizes of pictures."""
    image, row, square = (tf.TensorSpec([None] * 3), tf.TensorSpec([None] * 2), tf.TensorSpec([None] * 2, tf.float64))
    signature = [
        History((row,) * count, square, square),
        *[image] * 5,
        tf.TensorSpec([], tf.float64),
        tf.TensorSpec([]),
    ]
    return tf.function(partial(_advance, precondition), input_signature=signature).get_concrete_function()


def _advance(precondition, history, x, g, last_x, last_free, last_pg, reach, first):
    """(history, learned, the direction and where it leads, the free gradient g and P g): the move is to x.

    It is added to the history if it has curvature, sᵀ y > 0. The rows, which are most of the memory's traffic, are
    read once for all products and once for the direction.
    """
    free = _free(x, g)
    pg = precondition(free[None])[0]
    kept = tf.add_n([tf.shape(block)[0] for block in history.blocks]) // 2
    old_sy, old_yz = (products[-kept:, -kept:] for products in history[1:])
    s, y, z, flat = (tf.reshape(v, [1, -1]) for v in (x - last_x, free - last_free, pg - last_pg, free))
    learned = tf.matmul(s, y, transpose_b=True)[0, 0] > 0
    last = tf.cond(learned, lambda: tf.concat([history.blocks[-1], s, z], axis=0), lambda: history.blocks[-1])
    blocks = (*history.blocks[:-1], last)
    columns = tf.concat([y, flat], axis=0)
    products = tf.concat([tf.matmul(columns, block, transpose_b=True) for block in blocks], axis=1)
    (sy, zy), (sg, zg) = (
        tf.unstack(p, 2, axis=1) for p in tf.unstack(tf.reshape(tf.cast(products, tf.float64), [2, -1, 2, 1]))
    )
    history = History(
        blocks,
        tf.cond(learned, lambda: _bordered(old_sy, sy), lambda: old_sy),
        tf.cond(learned, lambda: _bordered(old_yz, zy), lambda: old_yz),
    )
    direction = _aim(history, pg, sg, zg, reach, first)
    return history, learned, (direction, _inside(x + direction)), free, pg


def _aim(history, pg, sg, zg, reach, first):
    """d = −H g (Byrd, Nocedal, Schnabel 1994, eq. 3.1), for the free part of the gradient.

    With R the upper triangle of Sᵀ Y, D its diagonal, u = R⁻¹ Sᵀ g and γ = ρ sᵀ y / yᵀ P y of the last move,
    H g = γ P g + S R⁻ᵀ ((D + γ Yᵀ Z) u − γ Zᵀ g) − γ Z u. Before the first move γ makes d as long as `first`.
    """
    blocks, sy, yz = history

    def begin() -> tf.Tensor:
        return tf.cast(first / tf.maximum(tf.sqrt(tf.reduce_mean(pg * pg)), TINY), tf.float64)

    gamma = tf.cond(yz[-1, -1] > 0, lambda: reach * sy[-1, -1] / yz[-1, -1], begin)
    u = tf.linalg.triangular_solve(sy, sg, lower=False)
    p = tf.linalg.diag_part(sy)[:, None] * u + gamma * (yz @ u - zg)
    p = tf.linalg.triangular_solve(sy, p, lower=False, adjoint=True)
    along = tf.cast(tf.reshape(tf.concat([-p, gamma * u], axis=1), [1, -1]), tf.float32)
    parts = tf.split(along, [tf.shape(block)[0] for block in blocks], axis=1, num=len(blocks))
    moved = [tf.matmul(part, block) for part, block in zip(parts, blocks, strict=True)]
    moved.append(-tf.cast(gamma, tf.float32) * tf.reshape(pg, [1, -1]))
    return tf.reshape(tf.add_n(moved), tf.shape(pg))


def _bordered(matrix, products):
    """The matrix with the products as one more row and column."""
    top = tf.concat([matrix, products[:-1]], axis=1)
    return tf.concat([top, tf.transpose(products)], axis=0)


@tf.function(reduce_retracing=True)
def _move(x, direction, length):
    return _inside(x + length * direction)


def _inside(x):
    return tf.clip_by_value(x, 0.0, 1.0)


def _free(x, g):
    """The gradient without the parts that push out of [0, 1] where x is at its bound."""
    most = x * HUGE
    return tf.clip_by_value(g, most - HUGE, most)  # a quarter of the time of comparisons and `where`


def _check(loss: float) -> None:
    if not np.isfinite(loss):
        raise FloatingPointError(f"the loss is {loss}")


@lru_cache  # the same map each time, so that its traces are kept
def pyramid(levels: int = 4, gain: float = 8.0) -> Callable[[tf.Tensor], tf.Tensor]:
    """P = Σ_k gᵏ (Dᵏ)ᵀ Dᵏ, k = 0 … levels: a preconditioner that takes longer steps in coarser detail.

    D halves the picture with the binomial kernel (1 3 3 1) / 8 a side. L-BFGS with P in pixels is L-BFGS without it
    over the coefficients of a Laplacian pyramid. gain g = 8: the curvature of a style loss, measured a level, about
    halves with each level, and D Dᵀ is about 1/4.
    """

    def precondition(x: tf.Tensor) -> tf.Tensor:
        return _pyramid(x, levels, gain)

    return precondition


_BINOMIAL = np.repeat(np.outer([1, 3, 3, 1], [1, 3, 3, 1])[..., None, None] / 64, 3, axis=2)
_HALVED = (1, 2, 2, 1)


@tf.function(reduce_retracing=True)
def _pyramid(x, levels, gain):
    kernel, grow = (tf.constant(k, tf.float32) for k in (_BINOMIAL, gain * _BINOMIAL))
    stack = [x]
    for _ in range(levels):
        stack.append(tf.nn.depthwise_conv2d(stack[-1], kernel, _HALVED, "SAME"))
    total = stack.pop()
    while stack:
        finer = stack.pop()
        total = finer + tf.nn.depthwise_conv2d_backprop_input(tf.shape(finer), grow, total, _HALVED, "SAME")
    return total
