"""Trains the instant network's decoder: the style's Gram matrices, the content's features, the same picture for a twin.

    python -m nstlib.workshop.training.decoder \
        --photos PHOTOS --paintings PAINTINGS --teacher TEACHER.npz --out decoder.npz

Plain Keras 3, on any of its backends. Resumes from `--state` where that file exists; the same seed and steps give
the same training.
"""

import argparse
import io
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from ...errors import NstlibError
from ...networks import compact, instant
from .course import Course, command
from .decoder_data import StylePictures, drawn
from .distill_data import Pictures, read_folder
from .distill_losses import gram
from .distill_painter import relative
from .distill_teacher import Teacher, load_teacher

TAPS = tuple(f"block{i}_conv1" for i in range(1, 6))
CONTENT = "block4_conv1"
OUTSIDE, TWIN, VARIATION = 1.0, 20.0, 0.5  # weights: leaving [0, 1]; twins that differ; total variation
CLOSE = 0.1  # style distances well below this one count as they are, well above it by their ratios
AHEAD = 8  # batches drawn while a step is made
FAINT = 1e-3  # of a style's Gram norm: a flat style does not outweigh the others


class Instant(keras.Model):
    """The network with a trainable decoder; compact's trunk is fixed."""

    def __init__(self, fixed: dict[str, np.ndarray], seed: int, dtype: str) -> None:
        super().__init__(name="instant")
        self.fixed, self.kind, self.w = fixed, dtype, {}
        for name, value in instant.initial(np.random.default_rng(seed)).items():
            self.w[name] = self.add_weight(shape=value.shape, name=name.replace("/", "_"))
            self.w[name].assign(value)
        self.built = True

    def begin(self, path: str) -> None:
        """Takes up the weights of a file that a training wrote. NstlibError for any other file."""
        try:
            with np.load(io.BytesIO(Path(path).read_bytes())) as file:  # closed, also where it is damaged
                start = {name: file[name] for name in self.w}
        except Exception as error:  # a damaged zip raises many kinds
            raise NstlibError(f"{path} holds no weights of this decoder: {error}") from error
        for name, w in self.w.items():
            if start[name].shape != tuple(w.shape):
                raise NstlibError(f"{path}: {name} is {start[name].shape}, not {tuple(w.shape)}; another layout's")
            w.assign(start[name])

    def know(self, style: Any) -> instant.Statistics:
        """What the network knows of the styles (B, H, W, 3)."""
        return instant.statistics(instant.encode(self.fixed, ops.cast(style, self.kind)))

    def call(self, inputs: dict[str, Any]) -> Any:
        """The stylised pictures (B, H, W, 3)."""
        content = ops.cast(inputs["content"], self.kind)
        return instant.stylise({**self.fixed, **self.w}, content, inputs["style"], 1.0)

    def arrays(self) -> dict[str, np.ndarray]:
        """The decoder's weights as numpy arrays."""
        return {name: ops.convert_to_numpy(w) for name, w in self.w.items()}


class Lesson(keras.Model):
    """Network and teacher on one batch; its first two contents are twins, one shifted and noisier."""

    def __init__(self, network: Instant, teacher: Teacher, content_weight: float) -> None:
        super().__init__()
        self.network, self.teacher, self.content_weight = network, teacher, content_weight
        self.built = True

    def call(self, inputs: dict[str, Any]) -> Any:
        """The stylised pictures."""
        return self.network(inputs)

    def see(self, image: Any) -> dict[str, Any]:
        """The teacher's features in float32, computed in the network's arithmetic."""
        seen = self.teacher(ops.cast(ops.clip(image, 0.0, 1.0), self.network.kind))
        return {name: ops.cast(seen[name], "float32") for name in TAPS}

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """log(1 + style / 0.1) + weight · log(1 + content) + 20 twins + leaving [0, 1] + 0.5 total variation."""
        style, content = self.distances(x, y_pred)
        painted = ops.mean(ops.log1p(style / CLOSE) + self.content_weight * ops.log1p(content))
        outside = ops.mean(ops.relu(ops.abs(y_pred - 0.5) - 0.5) ** 2)
        apart = twins_apart(y_pred, x["shift"])
        return painted + OUTSIDE * outside + TWIN * apart + VARIATION * total_variation(y_pred)

    def distances(self, x: dict[str, Any], picture: Any) -> tuple[Any, Any]:
        """Style: mean over five layers of |G − A|² / |A|²; content: |F − P|² / |P|² at relu4_1; one each a picture."""
        now, photo = self.see(picture), self.see(x["content"])[CONTENT]
        style = 0.0
        for name in TAPS:
            aim = x["grams"][name]
            size = ops.sum(aim**2, axis=(1, 2))
            style = style + ops.sum((gram(now[name]) - aim) ** 2, axis=(1, 2)) / (size + FAINT * ops.mean(size)) / 5
        return style, relative(now[CONTENT], ops.stop_gradient(photo))


def total_variation(picture: Any) -> Any:
    """mean |x_{i+1} − x_i|, over both directions."""
    return sum(ops.mean(ops.abs(d)) for d in (picture[:, 1:] - picture[:, :-1], picture[:, :, 1:] - picture[:, :, :-1]))


def twins_apart(picture: Any, shift: Any) -> Any:
    """mean |x_0(p) − x_1(p + shift)|² over the first pair, away from the border; shift (B, 2) in 0 to 3 pixels."""
    size = picture.shape[1]
    dy, dx = (ops.cast(shift[0, k], "int32") for k in (0, 1))
    a = picture[0, 8 : size - 8, 8 : size - 8]
    b = ops.slice(picture[1], (8 + dy, 8 + dx, 0), (size - 16, size - 16, 3))
    return ops.mean((a - b) ** 2)


class Bank:
    """Styles as the lesson needs them, looked at once: the network's statistics and the teacher's Gram matrices."""

    def __init__(self, lesson: Lesson, pictures: StylePictures, count: int, seed: int) -> None:
        rng, parts = np.random.default_rng(seed), []
        for _ in tqdm(range(count // 8), desc="styles"):
            style = ops.convert_to_tensor(pictures.batch(rng, 8))
            grams = {name: gram(seen) for name, seen in lesson.see(style).items()}
            parts.append(keras.tree.map_structure(ops.convert_to_numpy, (lesson.network.know(style), grams)))
        self.count = 8 * len(parts)
        self._all = keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)

    def take(self, chosen: np.ndarray) -> tuple[instant.Statistics, dict[str, np.ndarray]]:
        """Statistics and Gram matrices of the chosen styles."""
        return keras.tree.map_structure(lambda array: array[chosen], self._all)


class Run(Course):
    """One training: network, teacher, pictures."""

    def __init__(self, args: argparse.Namespace, contents: Pictures, styles: StylePictures, teacher: Teacher) -> None:
        self.contents = contents
        self.network = Instant(trunk_weights(contents, args.compact), args.seed, args.precision)
        if args.start:
            self.network.begin(args.start)
        self.lesson = Lesson(self.network, teacher, args.content_weight)
        self.bank = Bank(self.lesson, styles, args.styles, args.seed)
        self._painters, self._drawn = ThreadPoolExecutor(AHEAD), deque()
        super().__init__(args, self.network, self.lesson, remembered=0.97)

    def take(self) -> dict[str, Any]:
        """This step's batch; those of the next steps are drawn meanwhile, each from seed and step alone."""
        while len(self._drawn) < AHEAD:
            rng = np.random.default_rng((self.args.seed, self.step + len(self._drawn)))
            self._drawn.append(self._painters.submit(self.batch, rng))
        return self._drawn.popleft().result()

    def batch(self, rng: np.random.Generator) -> dict[str, Any]:
        """Contents, styles, and how far the second content, a twin of the first, is shifted."""
        content = np.stack([self.contents.draw(rng, "photo") for _ in range(self.args.batch)])
        count = len(content)
        chosen, shift = rng.integers(self.bank.count, size=count), rng.integers(0, 4, (count, 2))
        noisy = content[0] + rng.normal(0, rng.uniform(0, 0.02), content[0].shape)
        content[1], chosen[1] = np.clip(np.roll(noisy, shift[0], (0, 1)), 0, 1), chosen[0]
        style, grams = self.bank.take(chosen)
        return {"content": content, "style": style, "grams": grams, "shift": shift.astype("f4")}

    def weights(self) -> dict[str, np.ndarray]:
        """Trunk, scales and averaged decoder: all that `instant.stylise` needs."""
        return {**self.network.fixed, **self.average}


def trunk_weights(contents: Pictures, path: str) -> dict[str, np.ndarray]:
    """Compact's convolutions, and each level's usual size: the root of its mean square over photographs."""
    weights = {n: w for n, w in compact.load(path or compact.FILE).items() if n.split("/")[0] in compact.LAYOUT}
    sample = ops.convert_to_tensor(contents.batch(np.random.default_rng(0), 16))
    for site, seen in compact.trunk(weights, sample, set(instant.LEVELS)).items():
        weights[f"{site}/scale"] = np.float32(np.sqrt(np.mean(ops.convert_to_numpy(seen) ** 2)))
    return weights


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's arguments."""
    ask = argparse.ArgumentParser(
        prog="python -m nstlib.workshop.training.decoder", description=__doc__.splitlines()[0]
    )
    ask.add_argument("--photos", required=True, help="folder of photographs")
    ask.add_argument("--paintings", required=True, help="folder of paintings")
    ask.add_argument("--leave-out", nargs="*", default=[], help="pictures (stems) kept out of training")
    ask.add_argument("--teacher", required=True, help="vgg19, or a .npz of a slim VGG19")
    ask.add_argument("--compact", default="", help="compact's weights (the package's own)")
    ask.add_argument("--out", default="outputs/decoder.npz", help="where the weights go")
    ask.add_argument("--start", default="", help="weights to begin with, as --out has them (random ones)")
    ask.add_argument("--state", default="outputs/decoder-state.npz", help="resumed from, and kept up to date")
    ask.add_argument("--steps", type=int, default=20000)
    ask.add_argument("--size", type=int, default=160, help="side of the training pictures, pixels; a multiple of 16")
    ask.add_argument("--batch", type=int, default=6, help="pictures a step, at least 3")
    ask.add_argument("--styles", type=int, default=2048, help="styles to learn from, a multiple of 8")
    ask.add_argument("--drawn", type=int, default=48, help="styles drawn by the samples' generator")
    ask.add_argument("--content-weight", type=float, default=0.7)
    ask.add_argument("--rate", type=float, default=0.005, help="peak learning rate (Muon)")
    ask.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    ask.add_argument("--save-every", type=int, default=250, help="steps between two saved states")
    ask.add_argument("--seed", type=int, default=0)
    return ask.parse_args(arguments)


def train(run: Run, args: argparse.Namespace) -> None:
    """Runs to the last step with a progress bar; saves state and weights now and then, and prints the distances."""
    bar, recent = tqdm(run, total=args.steps, initial=run.step, mininterval=10), []
    for loss in bar:
        recent.append(loss)
        if run.step % args.save_every == 0 or run.step == args.steps:
            run.save_state(Path(args.state))
            np.savez(args.out, **run.weights())
            batch = run.batch(np.random.default_rng(args.seed + 1))
            style, content = (ops.convert_to_numpy(d) for d in run.lesson.distances(batch, run.lesson(batch)))
            bar.write(
                f"{run.step} loss {np.mean(recent):.4f} style {np.median(style):.4f} content {content.mean():.3f}"
            )
            recent = []


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    args = parse(arguments)
    rng = np.random.default_rng(args.seed)
    photos, paintings = (read_folder(f, args.leave_out) for f in (args.photos, args.paintings))
    styles = {"photo": photos, "painting": paintings, "drawn": drawn(args.drawn, rng)}
    contents = Pictures(photos, paintings, args.size)
    run = Run(args, contents, StylePictures(styles, args.size), load_teacher(args.teacher))
    for file in (args.state, args.out):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    if Path(args.state).is_file():
        run.load_state(Path(args.state))
    train(run, args)


if __name__ == "__main__":
    command(main)
