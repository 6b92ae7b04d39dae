"""The tutorial's recipe, the pairs that it is measured on, and its clock; the speed rows compare with these."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import keras
import numpy as np
import tensorflow as tf

from ... import samples
from ...core import losses
from ...core.run import Run
from ...media import images

SHARED = Path(__file__).parents[4] / "shared"
NAMES = (
    ("golden_gate", "starry_night"),
    ("tubingen", "the_scream"),
    ("chicago", "la_muse"),
    ("green_sea_turtle", "great_wave_crop"),
    ("tubingen", "kandinsky"),
    ("chicago", "mondrian"),
)
Pair = tuple[np.ndarray, np.ndarray]


def pairs() -> list[Pair]:
    """Six contents with six styles from ../shared, or the samples' frame with each bundled style."""
    if not SHARED.is_dir():
        return [(samples.frame(30), images.load(style)) for style in samples.styles().values()]
    folders = SHARED / "contents", SHARED / "paintings"
    return [tuple(images.load(f / f"{n}.jpg") for f, n in zip(folders, names, strict=True)) for names in NAMES]


class Recipe:
    """The tutorial's loop: from the content, Adam(0.02, 0.99, epsilon 0.1), max pooling, clipped to [0, 1].

    The loss is the run's, its gradient the tape's over features and Gram matrices, as there. It is multiplied by 1e6,
    about the size that it has in the tutorial, so that Adam's epsilon weighs as little. Its arithmetic is float32, as
    the tutorial's; raises ValueError for a run in another one.
    """

    def __init__(self, run: Run) -> None:
        if run.settings.precision != "float32":
            raise ValueError(f"the recipe is float32, and this run is {run.settings.precision}")
        self._image, self._run = tf.Variable(run.optimizer.x), run  # with its border
        self._optimizer = keras.optimizers.Adam(learning_rate=0.02, beta_1=0.99, epsilon=0.1)
        self._train_step = tf.function(self._step)

    def _loss(self) -> tf.Tensor:
        model, targets = self._run._model, self._run._targets
        features = model.extractor(self._image[None])
        terms = {"total_variation": losses.total_variation_loss(self._image)}
        for layer in model.content_layers:
            terms[f"content/{layer}"] = losses.content_loss(features[layer], targets.content[layer])
        for layer in model.style_layers:
            gram = losses.gram_matrix(features[layer])
            terms[f"style/{layer}"] = losses.style_loss(gram, targets.style[layer][0])
        return tf.add_n([self._run._weights[name] * term for name, term in terms.items()])

    def _step(self) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = self._loss()
        self._optimizer.apply_gradients([(1e6 * tape.gradient(loss, self._image), self._image)])
        self._image.assign(tf.clip_by_value(self._image, 0.0, 1.0))
        return loss

    def train(self, steps: int) -> tuple[list[float], list[float]]:
        """The loss of each step and the seconds until it was known; tracing and the first step are not counted."""
        self._train_step()
        began, losses, seconds = perf_counter(), [], []
        for _ in range(steps):
            losses.append(float(self._train_step()))
            seconds.append(perf_counter() - began)
        return losses, seconds

    @property
    def image(self) -> np.ndarray:
        """The picture so far."""
        return self._image.numpy()


def in_turn(*jobs: Callable[[], object], rounds: int = 15) -> list[float]:
    """The median seconds of each job, run in turn."""
    times: list[list[float]] = [[] for _ in jobs]
    for _ in range(rounds):
        for job, seconds in zip(jobs, times, strict=True):
            began = perf_counter()
            job()
            seconds.append(perf_counter() - began)
    return [median(seconds) for seconds in times]
