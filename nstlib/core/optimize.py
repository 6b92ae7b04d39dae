"""Adam over one tensor, an evaluation at a time; it knows nothing of style. `speed.lbfgs` has L-BFGS.

An objective is a function `x -> (loss, gradient, report)`. An optimiser's `step(objective)` evaluates it once; between
two steps the terms of the objective may get other weights, after `reweigh()`. `state()` and `restore()` are everything
that the next step depends on. bounded: x stays in [0, 1], as a picture does.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from .speed.tracing import graph

Objective = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor, Any]]


class Adam:
    """x − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε): the tutorial's (β₁ 0.99, β₂ 0.999, ε 0.1), with ε as Keras has it.

    >>> adam = nst.Adam([0.5], learning_rate=0.1)
    >>> adam.step(lambda x: (x[0] ** 2, 2 * x, None))
    (0.25, None)
    """

    def __init__(
        self,
        x: tf.Tensor,
        *,
        learning_rate: float = 0.02,
        beta_1: float = 0.99,
        beta_2: float = 0.999,
        epsilon: float = 0.1,
        bounded: bool = True,
    ) -> None:
        self.x, self.learning_rate = tf.convert_to_tensor(x), learning_rate
        self._betas, self._epsilon, self._bounded = (beta_1, beta_2), epsilon, bounded
        self._m, self._v, self._t = tf.zeros_like(self.x), tf.zeros_like(self.x), 0

    def step(self, objective: Objective) -> tuple[float, Any]:
        """One evaluation and one move. Returns the loss before the move and the objective's report."""
        loss, gradient, report = objective(self.x)
        value = finite(loss)

        self._t += 1
        t, rate = tf.constant(self._t, tf.float32), tf.constant(self.learning_rate, tf.float32)
        x, self._m, self._v = _adam(self.x, gradient, self._m, self._v, t, rate, *self._betas, self._epsilon)
        self.x = tf.clip_by_value(x, 0.0, 1.0) if self._bounded else x
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


@graph(reduce_retracing=True)
def _adam(x, g, m, v, t, rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g * g
    unbiased = tf.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return x - rate * unbiased * m / (tf.sqrt(v) + epsilon), m, v


def finite(loss: tf.Tensor) -> float:
    """The loss as a number. Raises FloatingPointError for one that is none."""
    value = float(loss)
    if not np.isfinite(value):
        raise FloatingPointError(f"the loss is {value}")
    return value
