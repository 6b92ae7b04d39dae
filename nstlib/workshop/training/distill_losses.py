"""How far a student's features are from its teacher's: the features, their Gram matrices, their differences.

Each is a mean over pictures of log(1 + e), e a relative error: e itself where it is small, while one picture on which
the student goes astray does not decide the whole step.
"""

from typing import Any

from keras import ops

FLOOR = 0.1  # of a layer's mean energy, so that a flat picture does not outweigh the others
CALM = 0.02  # the same for differences: pictures hardly changed say nothing


def gram(features: Any) -> Any:
    """G = Fᵀ F / M, one matrix a picture: (B, h, w, C) -> (B, C, C)."""
    flat = ops.reshape(features, (ops.shape(features)[0], -1, features.shape[-1]))
    return ops.matmul(ops.swapaxes(flat, 1, 2), flat) / ops.cast(ops.shape(flat)[1], flat.dtype)


def feature_error(student: Any, teacher: Any) -> Any:
    """e = |s − t|² / |t|², with t of unit mean energy; (B, h, w, C) -> a scalar."""
    error, energy = (ops.mean(ops.sum(d**2, axis=-1), axis=(1, 2)) for d in (student - teacher, teacher))
    return ops.mean(ops.log1p(error / (energy + FLOOR)))


def gram_error(student: Any, teacher: Any) -> Any:
    """e = |G(s) − G(t)|² / |G(t)|²."""
    a, b = gram(student), gram(teacher)
    error, energy = (ops.sum(d**2, axis=(1, 2)) for d in (a - b, b))
    return ops.mean(ops.log1p(error / (energy + FLOOR * ops.mean(energy))))


def difference_error(student: Any, teacher: Any, pairs: int) -> Any:
    """Relative error of f(y) − f(x) for the batch's last pictures, `pairs` x and then `pairs` y.

    Sobolev training (Czarnecki et al. 2017) matches derivatives; here by finite differences, along pictures' paths.
    """
    a, b = (f[-pairs:] - f[-2 * pairs : -pairs] for f in (student, teacher))
    error, energy = (ops.mean(ops.sum(d**2, axis=-1), axis=(1, 2)) for d in (a - b, b))
    return ops.mean(ops.log1p(error / (energy + 0.3 * ops.mean(energy) + CALM)))
