"""The student and its lesson: the compact network with trainable weights, and its distance from a teacher."""

from typing import Any

import keras
import numpy as np
from keras import ops

from ...errors import NstlibError
from ...networks.compact import LAYOUT, SITES, features, head, initial, trunk
from .distill_losses import difference_error, feature_error, gram_error
from .distill_teacher import Teacher

TAPS = tuple(f"block{i}_conv1" for i in range(1, 6))
# The deep layers lag behind and get most of the weight; layers that only guide get less.
WEIGHTS = dict.fromkeys(SITES, 0.3) | dict.fromkeys(TAPS, 1.0) | {"block4_conv2": 0.7, "block5_conv1": 2.0}
GRAM, DIFFERENCE, HINT = 0.3, 0.4, 1.0  # weights of the other errors beside the features' through the heads


class Student(keras.Model):
    """The compact network with trainable weights; `tap(image, layers)` is `compact.features` of unit mean energy."""

    def __init__(self, targets: dict[str, int], seed: int, dtype: str) -> None:
        super().__init__(name="student")
        self.kind, self.w = dtype, {}
        for name, value in initial(targets, np.random.default_rng(seed)).items():
            self.w[name] = self.add_weight(shape=value.shape, name=name.replace("/", "_"))
            self.w[name].assign(value)
        self.built = True

    def tap(self, image: Any, layers: tuple[str, ...]) -> list[Any]:
        """float32 features by name, computed in the student's arithmetic."""
        return [ops.cast(f, "float32") for f in features(self.w, ops.cast(image, self.kind), layers)]

    def call(self, image: Any, given: dict[str, Any] | None = None) -> dict[str, Any]:
        """float32 activations of every site and features of every layer, by name.

        given: each site's activations, seen by the next site in the place of the student's own (teacher forcing).
        """
        given = {site: ops.cast(f, self.kind) for site, f in given.items()} if given else None
        seen = trunk(self.w, ops.cast(image, self.kind), set(LAYOUT), given=given)
        seen |= {name: head(self.w, seen[site], name) for name, site in SITES.items()}
        return {name: ops.cast(f, "float32") for name, f in seen.items()}

    def revive(self, channels: dict[str, np.ndarray], rng: np.random.Generator) -> None:
        """Draws these channels of each site anew, with a bias that lets them answer."""
        for site, dead in channels.items():
            kernel, bias = (ops.convert_to_numpy(self.w[f"{site}/{part}"]).copy() for part in ("kernel", "bias"))
            kernel[:, dead] = rng.normal(0, np.sqrt(2 / len(kernel)), (len(kernel), len(dead)))
            bias[dead] = 0.5
            self.w[f"{site}/kernel"].assign(kernel)
            self.w[f"{site}/bias"].assign(bias)

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights as numpy arrays."""
        return {name: ops.convert_to_numpy(w) for name, w in self.w.items()}


class Hints:
    """What the student's sites are to say: the teacher's most active channels, each at unit mean square.

    FitNets (Romero et al. 2015), channel by channel; what the teacher has too few of is to be silent. No site has a
    hint where the teacher does not tell its own channels.
    """

    def __init__(self, seen: dict[str, Any]) -> None:
        self.chosen, self.size = {}, {}
        for site in [name for name in LAYOUT if name in seen]:
            square = np.mean(ops.convert_to_numpy(seen[site]) ** 2, axis=(0, 1, 2))
            self.chosen[site] = np.argsort(-square, kind="stable")[: LAYOUT[site].cout]
            size = np.sqrt(square[self.chosen[site]])
            self.size[site] = np.where(size > 1e-3 * size.max(), size, 1).astype(np.float32)  # silent ones stay so

    def __call__(self, seen: dict[str, Any]) -> dict[str, Any]:
        """{site: (B, h, w, its channels)} of a teacher's features."""
        return {site: self._hint(site, seen[site]) for site in self.chosen}

    def arrays(self) -> dict[str, np.ndarray]:
        """Which channels they are, and their sizes."""
        return {f"{part}/{site}": a for part in ("chosen", "size") for site, a in getattr(self, part).items()}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """The channels and sizes of `arrays()`, for which a student was taught."""
        for part in ("chosen", "size"):
            setattr(self, part, {site: arrays[f"{part}/{site}"] for site in self.chosen})

    def _hint(self, site: str, features: Any) -> Any:
        chosen = self.chosen[site]
        active = ops.cast(ops.take(features, chosen, axis=-1), "float32") / self.size[site]
        return ops.pad(active, ((0, 0),) * 3 + ((0, LAYOUT[site].cout - len(chosen)),))


class Distiller(keras.Model):
    """Student and teacher on one batch; the loss is the weighted sum of relative errors over the layers.

    seen: the teacher's features of a sample, by which scales and hints are measured.
    """

    def __init__(self, student: Student, teacher: Teacher, seen: dict[str, Any], pairs: int, forced: bool) -> None:
        super().__init__()
        self.student, self.teacher, self.pairs, self.forced = student, teacher, pairs, forced
        self.scales, self.hints = measure_scales(seen), Hints(seen)
        if forced and not self.hints.chosen:
            raise NstlibError("this teacher does not tell its own channels, which --forced needs; leave it out")
        self.built = True

    def call(self, image: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The student's features and what they are to be, by layer and site."""
        targets = self.targets(image)
        hints = {site: targets[site] for site in self.hints.chosen}
        return self.student(image, hints if self.forced else None), targets

    def targets(self, image: Any) -> dict[str, Any]:
        """The teacher's features at unit mean energy and its hints, without a gradient."""
        seen = self.teacher(ops.cast(image, self.student.kind))
        targets = {n: ops.cast(seen[n], "float32") / self.scales[n] for n in SITES} | self.hints(seen)
        return {name: ops.stop_gradient(f) for name, f in targets.items()}

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Σ_layers w (feature error + 0.3 Gram error + 0.4 difference error) + the hints' errors."""
        loss, (ours, theirs) = 0.0, y_pred
        for name, weight in WEIGHTS.items():
            a, b = ours[name], theirs[name]
            error = feature_error(a, b) + (GRAM * gram_error(a, b) if name in TAPS else 0.0)
            if self.pairs:
                error = error + DIFFERENCE * difference_error(a, b, self.pairs)
            loss = loss + weight * error
        for site in self.hints.chosen:
            each = LAYOUT[site].cout ** 0.5
            loss = loss + HINT * feature_error(ours[site] / each, theirs[site] / each)
        return loss


def measure_scales(seen: dict[str, Any]) -> dict[str, float]:
    """sqrt(mean |f|²) of each layer's features: what makes them of unit mean energy."""
    return {n: float(np.sqrt(np.mean(np.sum(ops.convert_to_numpy(seen[n]) ** 2, -1)))) for n in SITES}


def silent(distiller: Distiller, images: np.ndarray) -> dict[str, np.ndarray]:
    """The channels of each site that answer nothing over the images where their hints do: dead ReLUs."""
    ours, theirs = distiller(images)
    found = {}
    for site in distiller.hints.chosen:
        most, due = (np.max(ops.convert_to_numpy(f[site]), axis=(0, 1, 2)) for f in (ours, theirs))
        found[site] = np.flatnonzero((most <= 0) & (due > 0))
    return found


def errors(distiller: Distiller, images: np.ndarray) -> dict[str, float]:
    """Relative feature error Σ |s − t|² / Σ |t|² of each layer over the images, none of them forced."""
    ours, theirs = distiller.student(images), distiller.targets(images)
    return {n: float(ops.sum((ours[n] - theirs[n]) ** 2) / ops.sum(theirs[n] ** 2)) for n in SITES}
