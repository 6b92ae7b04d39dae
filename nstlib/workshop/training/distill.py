"""Distils a teacher into the compact extractor: relative errors of features, Gram matrices, hints and differences.

    python -m nstlib.workshop.training.distill \
        --photos PHOTOS --paintings PAINTINGS --teacher TEACHER.npz --out compact.npz

Plain Keras 3, on any of its backends. Resumes from `--state` where that file exists; the same seed and steps give
the same training.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops
from tqdm.auto import tqdm

from ...networks.compact import LAYOUT, SITES, fold, save, trunk
from .course import Course, command, read_state
from .distill_data import Pictures, read_folder
from .distill_painter import Pool
from .distill_student import Distiller, Student, errors, silent
from .distill_teacher import Teacher, load_teacher


class Run(Course):
    """One distillation: student, teacher, pictures, painted pool."""

    def __init__(self, args: argparse.Namespace, pictures: Pictures, teacher: Teacher) -> None:
        self.pictures = pictures
        self.sample = pictures.batch(np.random.default_rng(args.seed + 1), 16)
        seen = teacher(ops.convert_to_tensor(self.sample))
        student = Student({name: seen[name].shape[-1] for name in SITES}, args.seed, args.precision)
        self.distiller = Distiller(student, teacher, seen, args.painted, args.forced)
        self.pool = Pool(student, pictures, args.painted) if args.painted else None
        self.earlier = self.pool.images() if self.pool else None
        super().__init__(args, student, self.distiller, remembered=0.96)

    def batch(self, rng: np.random.Generator) -> np.ndarray:
        """Pictures from the folders, and what the student has painted."""
        batch = self.pictures.batch(rng, self.args.crops)
        return np.concatenate([batch, self._painted()]) if self.pool else batch

    def _painted(self) -> np.ndarray:
        """The pool as it was some steps ago, then as it is: pairs whose difference is the student's own direction."""
        self.pool.step(self.rng)
        now = self.pool.images()
        before, self.earlier = self.earlier, self.earlier if self.step % 6 else now
        return np.concatenate([before, now])

    @property
    def parts(self) -> Sequence[Any]:
        """Student, optimiser, and the painter with its own."""
        return (*super().parts, *((self.pool.painter, self.pool.painter.optimizer) if self.pool else ()))

    def save_state(self, path: Path) -> None:
        """As a course's, with the stage, the pool's earlier pictures, and the measures that the lesson goes by."""
        about = {"forced": self.args.forced, "scales": self.distiller.scales}
        earlier = () if self.earlier is None else self.earlier
        super().save_state(path, about, earlier=earlier, **self.distiller.hints.arrays())

    def load_state(self, path: Path) -> None:
        """Takes up a run that `save_state` left; another stage begins at its step 0, from the averaged weights.

        The pool of painted pictures starts anew where its size differs.
        """
        about, state = read_state(path)
        self.distiller.scales = about["scales"]
        self.distiller.hints.restore(state)
        if about["forced"] != self.args.forced:
            self.average = {n: state[f"average/{n}"] for n in self.average}
            for name, variable in self.student.w.items():
                variable.assign(self.average[name])
            return
        super().load_state(path)
        if self.pool and state["earlier"].shape == self.earlier.shape:
            self.earlier, self.pool.begun = state["earlier"], self.step > 0

    def revive(self) -> None:
        """Draws dead channels anew, in the forced stage and while the rate can still teach them."""
        if self.args.forced and self.step < 0.9 * self.args.steps:
            self.student.revive(silent(self.distiller, self.sample), self.rng)

    def weights(self) -> dict[str, np.ndarray]:
        """The averaged weights as `compact.load` gives them: kernels (h, w, in, out), heads rescaled and folded."""
        sites = trunk(self.average, ops.convert_to_tensor(self.sample), set(LAYOUT))
        folded = {}
        for name, site in SITES.items():
            s = np.reshape(ops.convert_to_numpy(sites[site]), (-1, LAYOUT[site].cout))
            t = np.concatenate([s, np.ones_like(s[:, :1])], 1)
            kernel, bias = (self.average[f"{name}/{part}"] * self._scale(name) for part in ("kernel", "bias"))
            folded[f"{name}/kernel"], folded[f"{name}/bias"] = fold(kernel, bias, LAYOUT[site].cout, t.T @ t / len(t))
        for site, (cin, cout, *_) in LAYOUT.items():
            folded[f"{site}/kernel"] = self.average[f"{site}/kernel"].reshape(3, 3, cin, cout)
            folded[f"{site}/bias"] = self.average[f"{site}/bias"]
        return folded

    def _scale(self, name: str) -> float:
        """A tap's own scale; for a layer without head in the teacher, that of its block's tap."""
        return self.distiller.scales[f"{name[:-1]}1"]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's arguments."""
    ask = argparse.ArgumentParser(
        prog="python -m nstlib.workshop.training.distill", description=__doc__.splitlines()[0]
    )
    ask.add_argument("--photos", required=True, help="folder of photographs")
    ask.add_argument("--paintings", required=True, help="folder of paintings")
    ask.add_argument("--leave-out", nargs="*", default=[], help="pictures (stems) kept out of training")
    ask.add_argument("--teacher", required=True, help="vgg19, or a .npz of a slim VGG19")
    ask.add_argument("--out", default="outputs/compact.npz", help="where the weights go")
    ask.add_argument("--state", default="outputs/distill.npz", help="resumed from, and kept up to date")
    ask.add_argument("--steps", type=int, default=20000)
    ask.add_argument("--size", type=int, default=128, help="side of the training pictures, pixels")
    ask.add_argument("--crops", type=int, default=5, help="pictures from the folders, a batch")
    ask.add_argument("--painted", type=int, default=3, help="pictures painted against the student, a batch")
    ask.add_argument("--rate", type=float, default=0.02, help="peak learning rate (Muon)")
    ask.add_argument("--forced", action="store_true", help="each convolution sees the teacher's input, not its own")
    ask.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    ask.add_argument("--save-every", type=int, default=250, help="steps between two saved states")
    ask.add_argument("--seed", type=int, default=0)
    return ask.parse_args(arguments)


def train(run: Run, args: argparse.Namespace) -> None:
    """Runs to the last step with a progress bar; saves weights and state now and then, and prints the errors."""
    bar = tqdm(run, total=args.steps, initial=run.step, mininterval=10)
    for loss in bar:
        bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        if run.step % args.save_every == 0 or run.step == args.steps:
            run.revive()
            run.save_state(Path(args.state))
            digest = save(args.out, run.weights())
            measured = errors(run.distiller, run.sample)
            bar.write(f"{run.step} {show(measured)} loss {loss:.3f} {digest[:12]}")
            if run.pool:
                bar.write(f"painted {show(errors(run.distiller, run.earlier))} loss {run.pool.loss:.3f}")


def show(measured: dict[str, float]) -> str:
    """The errors of all layers, in the order of `SITES`."""
    return " ".join(f"{error:.4f}" for error in measured.values())


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    args = parse(arguments)
    photos, paintings = read_folder(args.photos, args.leave_out), read_folder(args.paintings, args.leave_out)
    run = Run(args, Pictures(photos, paintings, args.size), load_teacher(args.teacher))
    for file in (args.state, args.out):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    if Path(args.state).is_file():
        run.load_state(Path(args.state))
    train(run, args)


if __name__ == "__main__":
    command(main)
