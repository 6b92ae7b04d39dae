"""A training as an iterator of losses, with averaged weights and a state from which it goes on as if never stopped."""

import argparse
import inspect
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from ...errors import NstlibError


def command(main: Callable[[], None]) -> None:
    """Runs it; what the user can mend is one line and exit code 1."""
    try:
        main()
    except NstlibError as error:
        sys.exit(f"nstlib: {error}")


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Rises over 200 steps and falls linearly to 0."""
    return peak * min((step + 1) / 200, max(0.0, 1 - step / steps))


def muon(rate: float, model: keras.Model) -> keras.optimizers.Optimizer:
    """Compiles the model with Muon in Jordan's scaling, and returns it.

    Every matrix moves by the same spectral norm a step, so that small first layers keep up with wide ones.
    """
    if "rms_rate" not in inspect.signature(keras.optimizers.Muon).parameters:
        line = f"training needs Muon as of Keras 3.13, and with it Python 3.11; this is Keras {keras.__version__}"
        raise NstlibError(line)
    optimizer = keras.optimizers.Muon(
        rate, weight_decay=None, adam_weight_decay=None, rms_rate=None, adam_lr_ratio=0.1, name="muon"
    )
    model.compile(optimizer=optimizer, jit_compile=keras.backend.backend() == "jax")
    optimizer.build(model.trainable_variables)
    return optimizer


class Course:
    """`for loss in course` trains `model` on `batch(rng)`; `average` is that of the weights `student.arrays()`.

    args: steps, rate, seed. remembered: how much of the average stays after ten steps, at most.
    """

    def __init__(self, args: argparse.Namespace, student: Any, model: keras.Model, remembered: float) -> None:
        self.args, self.student, self.model, self.step = args, student, model, 0
        self.rng = np.random.default_rng(args.seed)
        self.optimizer = muon(args.rate, model)
        self.average, self._remembered = student.arrays(), remembered

    def batch(self, rng: np.random.Generator) -> Any:
        """What one step learns from."""
        raise NotImplementedError

    def take(self) -> Any:
        """This step's batch."""
        return self.batch(self.rng)

    def __iter__(self) -> "Course":
        return self

    def __next__(self) -> float:
        """One step; returns its loss."""
        if self.step >= self.args.steps:
            raise StopIteration
        batch = self.take()
        self.optimizer.learning_rate = learning_rate(self.step, self.args.steps, self.args.rate)
        loss = float(self.model.train_on_batch(batch))
        self.step += 1
        if self.step % 10 == 0:
            keep = min(self._remembered, self.step / (self.step + 200))
            self.average = {n: keep * self.average[n] + (1 - keep) * w for n, w in self.student.arrays().items()}
        return loss

    @property
    def parts(self) -> Sequence[Any]:
        """What has variables that a resumed training needs."""
        return (self.student, self.optimizer)

    def variables(self) -> dict[str, keras.Variable]:
        """Everything that a resumed training needs, by name."""
        return {f"{i}/{v.path}": v for i, part in enumerate(self.parts) for v in part.variables}

    def save_state(self, path: Path, about: dict[str, Any] | None = None, **more: np.ndarray) -> None:
        """Variables, average, random state, step and more, in one file, replaced at once."""
        arrays = {name: ops.convert_to_numpy(v) for name, v in self.variables().items()} | more
        arrays |= {f"average/{n}": w for n, w in self.average.items()}
        text = json.dumps({"step": self.step, "rng": self.rng.bit_generator.state, **(about or {})})
        np.savez(path.with_suffix(".tmp.npz"), about=text, **arrays)
        path.with_suffix(".tmp.npz").replace(path)

    def load_state(self, path: Path) -> None:
        """Takes up a training that `save_state` left."""
        about, state = read_state(path)
        self.step, self.rng.bit_generator.state = about["step"], about["rng"]
        self.average = {n: state[f"average/{n}"] for n in self.average}
        for name, variable in self.variables().items():
            if name in state and state[name].shape == tuple(variable.shape):
                variable.assign(state[name])


def read_state(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(step, random state and the like; arrays) of a saved state."""
    with np.load(path) as file:
        state = dict(file)
    return json.loads(str(state.pop("about"))), state
