"""Pictures the student has painted: a pool under optimisation against the student, at all ages.

A picture optimised against a network leaves the region where that network is right; these pictures, labelled by the
teacher, bring the region back (on-policy learning).
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from .distill_data import Pictures, noise
from .distill_losses import gram

LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1", "block4_conv2")
LEVELS = (1, 2, 4, 8)


class Painter(keras.Model):
    """A pool of pictures, each the sum of a start and of coefficients at four scales, stepped by Adam.

    Each picture has a painting for its style and a photograph for its content; loss as in style transfer, relative.
    """

    def __init__(self, student: keras.Model, count: int, size: int) -> None:
        super().__init__(name="painter")
        self.student, self.count, self.size = student, count, size
        frozen = {"initializer": "zeros", "trainable": False}
        self.start = self.add_weight(shape=(count, size, size, 3), name="start", **frozen)
        self.style = self.add_weight(shape=(count, size, size, 3), name="style", **frozen)
        self.content = self.add_weight(shape=(count, size, size, 3), name="content", **frozen)
        self.share = self.add_weight(shape=(count,), name="share", **frozen)
        self.use = self.add_weight(shape=(len(LEVELS), count), name="use", **frozen)
        shapes = [(count, size // k, size // k, 3) for k in LEVELS]
        self.levels = [self.add_weight(shape=s, initializer="zeros", name=f"level{s[1]}") for s in shapes]
        self.built = True

    @property
    def trainable_variables(self) -> list:
        """The coefficients alone: the student is not taught here."""
        return self.levels

    @property
    def trainable_weights(self) -> list:
        """As `trainable_variables`."""
        return self.levels

    def call(self, unused: Any) -> Any:
        """The pictures now, (count, size, size, 3)."""
        image = ops.convert_to_tensor(self.start)
        for i, level in enumerate(self.levels):
            grown = ops.image.resize(level, (self.size, self.size), "bilinear") if i else ops.convert_to_tensor(level)
            image = image + grown * ops.reshape(self.use[i], (-1, 1, 1, 1))
        return ops.clip(image, 0.0, 1.0)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Σ |G(x) − G(style)|² / |G(style)|² + share · |F(x) − F(content)|² / |F(content)|², summed over the pool."""
        now = self.student.tap(y_pred, LAYERS)
        style = self.student.tap(ops.convert_to_tensor(self.style), LAYERS[:5])
        content = self.student.tap(ops.convert_to_tensor(self.content), LAYERS[5:])
        loss = ops.convert_to_tensor(self.share) * relative(now[5], ops.stop_gradient(content[0]))
        for a, b in zip(now[:5], style, strict=True):
            loss = loss + relative(gram(a), ops.stop_gradient(gram(b))) / 5
        return ops.sum(loss)


def relative(a: Any, b: Any) -> Any:
    """|a − b|² / |b|², one value a picture."""
    axes = tuple(range(1, len(a.shape)))
    return ops.sum((a - b) ** 2, axis=axes) / (ops.sum(b**2, axis=axes) + 1e-6)


class Pool:
    """The painter with its clock: `step` paints, `renew` replaces a picture by a new start, `images` shows them."""

    def __init__(self, student: keras.Model, pictures: Pictures, count: int, rate: float = 0.03) -> None:
        self.painter = Painter(student, count, pictures.size)
        adam = keras.optimizers.Adam(rate, name="adam", beta_1=0.9, beta_2=0.99, epsilon=1e-8)
        self.painter.compile(optimizer=adam, jit_compile=keras.backend.backend() == "jax")
        adam.build(self.painter.trainable_variables)
        self.pictures, self.count = pictures, count
        self.dummy = np.zeros((count, 1), np.float32)
        self.begun, self.loss = False, np.nan

    def step(self, rng: np.random.Generator, lifetime: int = 80) -> None:
        """One Adam step of every picture; each is first renewed with probability 1 / lifetime."""
        chosen = [i for i in range(self.count) if not self.begun or rng.random() < 1 / lifetime]
        self.begun = True
        if chosen:
            self._renew(rng, chosen)
        self.loss = float(self.painter.train_on_batch(self.dummy)) / self.count

    def images(self) -> np.ndarray:
        """The pictures now, (count, size, size, 3)."""
        return ops.convert_to_numpy(self.painter(self.dummy))

    def _renew(self, rng: np.random.Generator, chosen: list[int]) -> None:
        painter, size = self.painter, self.pictures.size
        new = {v.name: ops.convert_to_numpy(v).copy() for v in (painter.start, painter.style, painter.content)}
        share, use = ops.convert_to_numpy(painter.share).copy(), ops.convert_to_numpy(painter.use).copy()
        for i in chosen:
            new["style"][i] = self.pictures.draw(rng, "painting" if rng.random() < 0.7 else "photo")
            new["content"][i] = self.pictures.draw(rng, "photo")
            new["start"][i] = new["content"][i]
            if rng.random() < 0.4:
                new["start"][i] = np.clip(0.5 + noise(rng, size) * rng.uniform(0.05, 0.3), 0, 1)
            share[i] = 10 ** rng.uniform(-2.5, -0.5) if rng.random() < 0.8 else 0
            use[:, i] = (1, 0, 0, 0) if rng.random() < 0.5 else (1, 1, 1, 1)
        for variable in (painter.start, painter.style, painter.content):
            variable.assign(new[variable.name])
        painter.share.assign(share)
        painter.use.assign(use)
        self._forget(chosen)

    def _forget(self, chosen: list[int]) -> None:
        """Coefficients and Adam's moments of these pictures back to zero."""
        for variable in (*self.painter.levels, *self.painter.optimizer.variables):
            if len(variable.shape) == 4:
                value = ops.convert_to_numpy(variable).copy()
                value[chosen] = 0
                variable.assign(value)
