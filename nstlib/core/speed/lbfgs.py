"""L-BFGS: the default optimiser, which reaches Adam's loss of 1000 steps in a third of the evaluations.

The method is one formula, x − H g; what is here is its bookkeeping. Its plain form is the two-loop recursion (Nocedal
1980), which the tests compare with. Here the past moves are rows of matrices, read once for all products and once for
the direction: half of the memory's traffic, which at small sizes costs as much as the network.
"""

import copy
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..optimize import Objective, finite
from .tracing import graph, traced

BLOCKS = 4  # of the past moves: the fewer there are in one, the less is copied when one more is added
HUGE = 1e37  # more than any gradient, also times the least distance of a pixel from its bound
TINY = 1e-30  # keeps the first step finite where there is no gradient
REACH = (1.5, 4.0)  # of a step, at first and at most, in lengths that the last move's curvature gives
NUMBERS = 8_000_000  # of the past moves that are kept: 8 moves to 576 x 576 pixels; as many of gradients

Precondition = Callable[[tf.Tensor], tf.Tensor]


class Point(NamedTuple):
    """Where a move was kept: x, its loss and report, the gradient's free part, and P times that.

    Until the next move is found both are the gradient as it came.
    """

    x: tf.Tensor
    loss: float
    report: Any
    free: tf.Tensor
    smooth: tf.Tensor


class LBFGS:
    """x − H g, with H the limited-memory BFGS estimate of the inverse Hessian (the algebra is below).

    H starts from ρ γ P, where the preconditioner P is a symmetric positive map of images. There is no line search: a
    move that raises the loss is taken back and tried at a quarter, so that every step costs one evaluation. γ errs
    on the short side: the reach ρ grows from 1.5 to 4, by 2 % with every move kept, and is halved by one taken back.
    first: the first move's root mean square, in values of x; memory: the past moves that H knows, at most (None: 6 to
    8, as the picture's size allows); precondition: P on a batch of images.

    >>> optimizer = nst.LBFGS(np.full((2, 2, 3), 0.5, np.float32))
    >>> losses = [optimizer.step(lambda x: ((x**2).numpy().sum(), 2 * x, None))[0] for _ in range(10)]
    >>> losses[-1] < losses[0]
    True
    """

    def __init__(
        self,
        x: tf.Tensor,
        *,
        memory: int | None = None,
        first: float = 0.02,
        precondition: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
        bounded: bool = True,
    ) -> None:
        self.x = tf.convert_to_tensor(x)
        self._memory = memory or max(6, min(8, NUMBERS // int(tf.size(self.x))))
        self._first, self._precondition, self._bounded = tf.constant(first), precondition, bounded
        self.forget()

    def step(self, objective: Objective) -> tuple[float, Any]:
        """One evaluation; a move is kept where it lowers the loss. Returns the loss and the report that then hold."""
        self._aim()
        x = self._trial
        loss, gradient, report = objective(x)
        value = float(loss)

        if self._last is None:
            finite(loss)
            self._rescale(value)
            before = Point(x, value, report, gradient, gradient)  # no move: it teaches nothing
        elif value <= self._slack * self._last.loss:
            before = self._last
        else:  # higher, or not finite
            return self._take_back()

        self._length, self._slack, self._reach = 1.0, 1.0, min(REACH[1], 1.02 * self._reach)
        self._before = before
        self.x, self._last = x, Point(x, value, report, gradient, gradient)
        return value, report

    def _aim(self) -> None:
        """Learn from the move to x and find the next one: only now that it is asked for, after the last step never."""
        if self._before is None:
            return
        before, self._before = self._before, None
        move = advance(
            self._history,
            self.x,
            self._last.free,
            before.x,
            before.free,
            before.smooth,
            tf.constant(self._reach, tf.float64),
            self._first,
            precondition=self._precondition,
            bounded=self._bounded,
        )
        self._history = shifted(move.history, self._memory)
        self._known = self._known or bool(move.learned)
        self._direction, self._trial = move.direction, move.target
        self._last = self._last._replace(free=move.free, smooth=move.smooth)

    def forget(self) -> None:
        """Drop the curvature and the last gradient: begin anew where x is."""
        self._history, self._known = no_history(self._memory, int(tf.size(self.x))), False
        self._earlier = 0.0
        self._look()

    def reweigh(self) -> None:
        """The objective's terms have other weights: keep the curvature, to be scaled as the loss at x will be.

        The next evaluation is at x, which does not move before the one after it.
        """
        self._aim()
        if self._last is not None:
            self._earlier = self._last.loss
        self._look()

    def refine(self) -> None:
        """The objective is the same in finer arithmetic: keep the curvature, and let the next loss be 5 % higher."""
        self._slack = 1.05

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, as arrays and numbers."""
        self._aim()
        return {"x": self.x.numpy(), "kept": {name: copy.deepcopy(getattr(self, name)) for name in self._KEPT}}

    _KEPT = ("_first", "_history", "_known", "_earlier", "_last", "_direction", "_trial", "_length", "_reach", "_slack")

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.x, self._before = tf.constant(state["x"]), None
        for name, value in copy.deepcopy(state["kept"]).items():
            setattr(self, name, value)

    def _look(self) -> None:
        """Have the next evaluation at x."""
        self._last, self._before, self._direction, self._trial = None, None, tf.zeros_like(self.x), self.x
        self._length, self._reach, self._slack = 1.0, REACH[0], 1.0

    def _rescale(self, value: float) -> None:
        """Scale the curvature as the loss at x has been scaled by other weights."""
        if self._earlier > 0 < value:
            self._history = scaled(self._history, self._earlier / value)

    def _take_back(self) -> tuple[float, Any]:
        """Try the last move again, at a quarter of its length."""
        self._length, self._reach = 0.25 * self._length, max(1.0, self._reach / 2)
        if not self._known:
            self._first = 0.25 * self._first  # so that one that is reweighed before it has moved is not held up again

        self._trial = moved(self.x, self._direction, tf.constant(self._length), bounded=self._bounded)
        loss, report = self._last.loss, self._last.report
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


class Move(NamedTuple):
    """What `advance` finds: the history with the last move, if it has taught something; the direction and where it
    leads; the gradient's free part, and P times that."""

    history: History
    learned: tf.Tensor
    direction: tf.Tensor
    target: tf.Tensor
    free: tf.Tensor
    smooth: tf.Tensor


def advance(*tensors: Any, precondition: Precondition, bounded: bool) -> Move:
    """The next move from (history, x, gradient, the last x, its free and smooth gradients, reach, first)."""
    return _advancer(len(tensors[0].blocks), precondition, bounded)(*tensors)


def no_history(memory: int, size: int) -> History:
    """A move of length 0, which changes nothing; its sᵀ y is 1, so that Sᵀ Y has an inverse."""
    count = memory // _longest(memory)
    empty, one = _empty(size), tf.eye(1, dtype=tf.float64)
    return History((*[empty] * (count - 2), tf.zeros((2, size)), empty), one, tf.zeros_like(one))


def scaled(history: History, factor: float) -> History:
    """That of an objective whose inverse Hessian is so many times this one's: its moves are as many times as long."""
    blocks = [block * tf.tile([[factor], [1.0]], [block.shape[0] // 2, 1]) for block in history.blocks]
    return History(tuple(blocks), factor * history.sy, history.yz)


def shifted(history: History, memory: int) -> History:
    """With an empty block in the oldest one's place, where the last one has as many moves as it may have."""
    last = history.blocks[-1]
    if last.shape[0] < 2 * _longest(memory):
        return history
    return history._replace(blocks=(*history.blocks[1:], _empty(last.shape[1])))


def moved(x: tf.Tensor, direction: tf.Tensor, length: tf.Tensor, *, bounded: bool) -> tf.Tensor:
    """x + length · direction, inside the bounds."""
    return _moved(x, direction, length) if bounded else x + length * direction


def inside(x: tf.Tensor) -> tf.Tensor:
    """x, cut to [0, 1]."""
    return tf.clip_by_value(x, 0.0, 1.0)


def _longest(memory: int) -> int:
    """How many moves a block may have."""
    return memory // BLOCKS or 1


@lru_cache
def _empty(size: int) -> tf.Tensor:
    return tf.zeros((0, size))


@lru_cache
def _advancer(count: int, precondition: Precondition, bounded: bool) -> Callable[..., Move]:
    """`_advance` for so many blocks, traced once for all their lengths and all sizes of pictures."""
    image, row, square = (tf.TensorSpec([None] * 3), tf.TensorSpec([None] * 2), tf.TensorSpec([None] * 2, tf.float64))
    signature = [
        History((row,) * count, square, square),
        *[image] * 5,
        tf.TensorSpec([], tf.float64),
        tf.TensorSpec([]),
    ]
    return traced(partial(_advance, precondition, bounded), signature)


def _advance(precondition, bounded, history, x, gradient, last_x, last_free, last_smooth, reach, first) -> Move:
    """The move to x is added to the history if it has curvature, sᵀ y > 0."""
    free = _free(x, gradient) if bounded else gradient
    smooth = precondition(free[None])[0]
    s, y, z, g = (tf.reshape(v, [1, -1]) for v in (x - last_x, free - last_free, smooth - last_smooth, free))

    learned = tf.matmul(s, y, transpose_b=True)[0, 0] > 0
    last = tf.cond(learned, lambda: tf.concat([history.blocks[-1], s, z], axis=0), lambda: history.blocks[-1])
    blocks = (*history.blocks[:-1], last)

    # y and g times every row: the products with S and with Z, in turn
    columns = tf.concat([y, g], axis=0)
    products = tf.concat([tf.matmul(columns, block, transpose_b=True) for block in blocks], axis=1)  # (2, 2 m)
    with_y, with_g = tf.unstack(tf.reshape(tf.cast(products, tf.float64), [2, -1, 2, 1]))  # (m, 2, 1) each
    (sy, zy), (sg, zg) = tf.unstack(with_y, axis=1), tf.unstack(with_g, axis=1)

    kept = tf.add_n([tf.shape(block)[0] for block in history.blocks]) // 2
    old_sy, old_yz = history.sy[-kept:, -kept:], history.yz[-kept:, -kept:]
    new_sy = tf.cond(learned, lambda: _bordered(old_sy, sy), lambda: old_sy)
    new_yz = tf.cond(learned, lambda: _bordered(old_yz, zy), lambda: old_yz)

    history = History(blocks, new_sy, new_yz)
    direction = _direction(history, smooth, sg, zg, reach, first)
    target = inside(x + direction) if bounded else x + direction
    return Move(history, learned, direction, target, free, smooth)


def _direction(history, smooth, sg, zg, reach, first):
    """d = −H g (Byrd, Nocedal, Schnabel 1994, eq. 3.1), for the free part of the gradient.

    With R the upper triangle of Sᵀ Y, D its diagonal, u = R⁻¹ Sᵀ g and γ = ρ sᵀ y / yᵀ P y of the last move,
    H g = γ P g + S R⁻ᵀ ((D + γ Yᵀ Z) u − γ Zᵀ g) − γ Z u. Before the first move γ makes d as long as `first`.
    """
    blocks, sy, yz = history

    def begin() -> tf.Tensor:
        return tf.cast(first / tf.maximum(tf.sqrt(tf.reduce_mean(smooth * smooth)), TINY), tf.float64)

    gamma = tf.cond(yz[-1, -1] > 0, lambda: reach * sy[-1, -1] / yz[-1, -1], begin)
    u = tf.linalg.triangular_solve(sy, sg, lower=False)
    p = tf.linalg.diag_part(sy)[:, None] * u + gamma * (yz @ u - zg)
    p = tf.linalg.triangular_solve(sy, p, lower=False, adjoint=True)

    shares = tf.cast(tf.reshape(tf.concat([-p, gamma * u], axis=1), [1, -1]), tf.float32)  # of the rows, (1, 2 m)
    parts = tf.split(shares, [tf.shape(block)[0] for block in blocks], axis=1, num=len(blocks))
    rows = [tf.matmul(part, block) for part, block in zip(parts, blocks, strict=True)]
    rows.append(-tf.cast(gamma, tf.float32) * tf.reshape(smooth, [1, -1]))
    return tf.reshape(tf.add_n(rows), tf.shape(smooth))


def _bordered(matrix, products):
    """The matrix with the products as one more row and column."""
    top = tf.concat([matrix, products[:-1]], axis=1)
    return tf.concat([top, tf.transpose(products)], axis=0)


@graph(reduce_retracing=True)
def _moved(x, direction, length):
    return inside(x + length * direction)


def _free(x, g):
    """The gradient without the parts that push out of [0, 1] where x is at its bound."""
    most = x * HUGE
    return tf.clip_by_value(g, most - HUGE, most)  # a quarter of the time of comparisons and `where`


@lru_cache  # the same map each time, so that its traces are kept
def laplacian_pyramid(levels: int = 4, gain: float = 8.0, *, mirrored: bool = True) -> Precondition:
    """P = Σ_k gᵏ (Dᵏ)ᵀ Dᵏ, k = 0 … levels: a preconditioner that takes longer steps in coarser detail.

    D halves the picture with the binomial kernel (1 3 3 1) / 8 a side. L-BFGS with P in pixels is L-BFGS without it
    over the coefficients of a Laplacian pyramid. gain g = 8: the curvature of a style loss, measured a level, about
    halves with each level, and D Dᵀ is about 1/4. mirrored: D sees the picture go on beyond its border; else black
    lies there, and a border 16 pixels wide takes shorter steps, and keeps less of the style's contrast.
    """
    halves = _mirrored if mirrored else _bare

    def precondition(x: tf.Tensor) -> tf.Tensor:
        return _pyramid(x, levels, gain, halves)

    return precondition


class _Halves(NamedTuple):
    """D, and g Dᵀ of what is half as large as `finer`."""

    down: Callable[[tf.Tensor], tf.Tensor]
    up: Callable[[tf.Tensor, tf.Tensor, float], tf.Tensor]


_BINOMIAL = np.repeat(np.outer([1, 3, 3, 1], [1, 3, 3, 1])[..., None, None] / 64, 3, axis=2)
_HALVED = (1, 2, 2, 1)


def _down(x, padding="SAME"):
    return tf.nn.depthwise_conv2d(x, tf.constant(_BINOMIAL, tf.float32), _HALVED, padding)


def _up(x, shape, gain, padding="SAME"):
    kernel = tf.constant(gain * _BINOMIAL, tf.float32)
    return tf.nn.depthwise_conv2d_backprop_input(shape, kernel, x, _HALVED, padding)


def _border(x):
    """One row and column on each side, and one more where a side is odd."""
    odd = tf.shape(x) % 2
    return tf.stack([[0, 0], [1, 1 + odd[1]], [1, 1 + odd[2]], [0, 0]])


def _mirrored_down(x):
    return _down(tf.pad(x, _border(x), "SYMMETRIC"), "VALID")


def _mirrored_up(x, finer, gain):
    border = _border(finer)
    padded = _up(x, tf.shape(finer) + tf.reduce_sum(border, axis=1), gain, "VALID")
    return tf.raw_ops.MirrorPadGrad(input=padded, paddings=border, mode="SYMMETRIC")


_bare = _Halves(_down, lambda x, finer, gain: _up(x, tf.shape(finer), gain))
_mirrored = _Halves(_mirrored_down, _mirrored_up)


@graph(reduce_retracing=True)
def _pyramid(x, levels, gain, halves):
    stack = [x]
    for _ in range(levels):
        stack.append(halves.down(stack[-1]))
    total = stack.pop()
    while stack:
        finer = stack.pop()
        total = finer + halves.up(total, finer, gain)
    return total
