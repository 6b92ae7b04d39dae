"""The student and its lesson: the compact network with trainable weights, and its distance from a teacher."""

from typing import Any

import keras
import numpy as np
from keras import ops

from ..compact import LAYOUT, SITES, features, initial
from .distill_losses import difference_error, feature_error, gram_error
from .distill_teacher import Teacher

TAPS = tuple(f"block{i}_conv1" for i in range(1, 6))
# The deep layers lag behind and get most of the weight; layers that only guide get less (FitNets, Romero et al. 2015).
WEIGHTS = dict.fromkeys(SITES, 0.3) | dict.fromkeys(TAPS, 1.0) | {"block4_conv2": 0.7, "block5_conv1": 2.0}
GRAM, DIFFERENCE = 0.3, 0.4  # weights of the Gram and difference errors beside the feature error


class Student(keras.Model):
    """The compact network with trainable weights; `tap(image, layers)` is `compact.features` of unit mean energy."""

    def __init__(self, targets: dict[str, int], seed: int, dtype: str) -> None:
        super().__init__(name="student")
        self.kind, self.w, self.taught = dtype, {}, tuple(SITES)
        for name, value in initial(targets, np.random.default_rng(seed)).items():
            self.w[name] = self.add_weight(shape=value.shape, name=name.replace("/", "_"))
            self.w[name].assign(value)
        self.built = True

    def teach(self, frozen: str, until: str) -> None:
        """Trains the sites after `frozen` and up to `until`, with their heads; the others stay as they are."""
        sites = list(LAYOUT)
        taught = sites[sites.index(frozen) + 1 if frozen else 0 : sites.index(until) + 1 if until else None]
        self.taught = tuple(name for name, site in SITES.items() if site in taught)
        for name, variable in self.w.items():
            owner = name.split("/")[0]
            variable.trainable = SITES.get(owner, owner) in taught

    def tap(self, image: Any, layers: tuple[str, ...]) -> list[Any]:
        """float32 features by name, computed in the student's arithmetic."""
        return [ops.cast(f, "float32") for f in features(self.w, ops.cast(image, self.kind), layers)]

    def call(self, image: Any) -> list[Any]:
        """The layers that are taught, in the order of `SITES`."""
        return self.tap(image, self.taught)

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights as numpy arrays."""
        return {name: ops.convert_to_numpy(w) for name, w in self.w.items()}


class Distiller(keras.Model):
    """Student and teacher on one batch; the loss is the weighted sum of relative errors over the layers."""

    def __init__(self, student: Student, teacher: Teacher, scales: dict[str, float], pairs: int = 0) -> None:
        super().__init__()
        self.student, self.teacher, self.scales, self.pairs = student, teacher, scales, pairs
        self.built = True

    def call(self, image: Any) -> list[Any]:
        """The student's features."""
        return self.student(image)

    def targets(self, image: Any) -> list[Any]:
        """The teacher's features at unit mean energy, without a gradient."""
        seen = self.teacher(ops.cast(image, self.student.kind))
        return [ops.stop_gradient(ops.cast(seen[n], "float32") / self.scales[n]) for n in self.student.taught]

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Σ_layers w (feature error + 0.3 Gram error + 0.4 difference error)."""
        loss = 0.0
        for name, a, b in zip(self.student.taught, y_pred, self.targets(x), strict=True):
            error = feature_error(a, b) + (GRAM * gram_error(a, b) if name in TAPS else 0.0)
            if self.pairs:
                error = error + DIFFERENCE * difference_error(a, b, self.pairs)
            loss = loss + WEIGHTS[name] * error
        return loss


def measure_scales(teacher: Teacher, images: np.ndarray) -> dict[str, float]:
    """sqrt(mean |f|²) of each layer's features over the images: what makes them of unit mean energy."""
    seen = teacher(ops.convert_to_tensor(images))
    return {n: float(np.sqrt(np.mean(np.sum(ops.convert_to_numpy(seen[n]) ** 2, -1)))) for n in SITES}


def errors(distiller: Distiller, images: np.ndarray) -> dict[str, float]:
    """Relative feature error Σ |s − t|² / Σ |t|² of each layer that is taught, over the images."""
    pairs = zip(distiller.student.taught, distiller(images), distiller.targets(images), strict=True)
    return {n: float(ops.sum((a - b) ** 2) / ops.sum(b**2)) for n, a, b in pairs}
