"""One painting, learned, or several: a network of one's own in minutes, from the shipped weights of `instant`.

A step paints four crops of photographs and follows the gradient of

    0.3 mean(log(1 + style / 0.02)) + w content + leaving [0, 1] + 0.02 total variation + twins that differ,

style and content as the method has them (relative Gram losses, `compact`'s features), style also of the picture halved
and halved twice, which hold the large forms. Johnson et al. (2016) trained from random weights for 40,000 steps.

`for step in learn(painting, folder): …` computes; it prints nothing. What a next step depends on is saved beside the
folder now and then, and the same call goes on from there as if it had never been stopped.
"""

import io
import json
import math
import shutil
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

import cv2
import numpy as np
import tensorflow as tf

from .. import samples
from ..errors import NstlibError
from ..media import files, images
from ..media.images import Picture
from ..media.locks import Lock
from ..networks import single
from ._modules import export, write_onnx, write_tflite
from ._teaching import Graph

__all__ = ["FramePair", "Learning", "Learnt", "Lesson", "learn", "write_onnx", "write_tflite"]

RATE, WARM_UP = 0.0015, 30  # of both optimisers, whose steps have about the same size
TWINS, CLIP_TWINS = 3.0, 25.0  # weights of what differs in two pictures of the same; where a clip is given
CHECK, PATIENCE, BETTER = 50, 8, 0.995  # steps between two looks at what is held out; looks without a better one
SAVE_EVERY = 30.0  # seconds
MOST_PICTURES, LONGEST = 2000, 512  # of a folder, and the longest side that they are kept at
SMALLEST_PAINTING = 32  # px


@dataclass(frozen=True)
class Lesson:
    """How a painting is learned.

    style_size: the painting's longest side, pixels, at which its strokes are learned, best that of the pictures to be
    painted; steps: at most; size and batch: of the crops of a step.

    >>> nst.Lesson(style_size=512).steps
    2000
    """

    style_size: int = 384
    steps: int = 2000
    content_weight: float = 0.35
    size: int = 256
    batch: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        limits = {"style_size": (64, 2048), "steps": (1, 100000), "content_weight": (0, 100), "size": (64, 512)}
        for name, (low, high) in (limits | {"batch": (2, 64), "seed": (0, 2**31 - 1)}).items():
            if not low <= getattr(self, name) <= high:
                raise NstlibError(f"{name}={getattr(self, name)}; give a number from {low} to {high}")
        if self.size % single.STRIDE:
            raise NstlibError(f"size={self.size}; give a multiple of {single.STRIDE}")


class FramePair(NamedTuple):
    """Two frames of a clip with their motion: a(x) = b(x + flow) where c(x) is 1.

    a, b (H, W, 3), flow (H, W, 2), c (H, W), all float32.

    >>> a, b = nst.samples.frame(0), nst.samples.frame(1)
    >>> flow, c = nst.samples.exact_flow(0, 1)
    >>> pair = nst.FramePair(a, b, flow, c)
    """

    a: np.ndarray
    b: np.ndarray
    flow: np.ndarray
    c: np.ndarray


class Learnt(NamedTuple):
    """After a step: its number, the batch's loss and distances, and seconds left if all steps are taken, once known."""

    number: int
    loss: float
    style: float
    content: float
    seconds_left: float | None


def learn(
    painting: Picture | Sequence[Picture],
    output: str | Path,
    *,
    photos: str | Path | Sequence[Picture] = (),
    neighbours: Sequence[FramePair] = (),
    lesson: Lesson | None = None,
    fresh: bool = False,
) -> "Learning":
    """The learning of a painting, an iterator of steps; at its end `output` is a module for engine hub.

    Several paintings share one network, a painting a step: it paints each, and what lies between them by their blend.
    photos: a folder or pictures to learn from; neighbours: of a clip (`nstlib.video.pairs`), to hold still on;
    with neither, the samples. fresh: begin again. Raises NstlibError for what cannot be learned from.

    >>> lesson = nst.Lesson(steps=1, size=64, batch=2, style_size=64)
    >>> for step in nst.learn(nst.samples.styles()["ink"], "ink", lesson=lesson):
    ...     print(step.number)
    1
    """
    paintings = painting if isinstance(painting, list | tuple) else [painting]
    return Learning(paintings, Path(output), photos, neighbours, lesson or Lesson(), fresh)


class Learning:
    """`for step in learning`; `preview(photograph)` at any time; `keep()` writes the module with the best weights."""

    def __init__(
        self,
        paintings: Sequence[Picture],
        output: Path,
        photos: str | Path | Sequence[Picture],
        neighbours: Sequence[FramePair],
        lesson: Lesson,
        fresh: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.output, self.lesson, self._clock = output, lesson, clock
        if not paintings:
            raise NstlibError("no painting is given; give one at least")
        sources = [_source(painting) for painting in paintings]
        if len({source["sha256"] for source in sources}) < len(sources):
            raise NstlibError("a painting is given twice; give each once")
        self.paintings = [_painting(painting, lesson.style_size) for painting in paintings]
        self._contents = learned_from(photos, neighbours)
        self._neighbours = [_enlarged(pair, lesson.size) for pair in neighbours]
        self.record = {
            "kind": "learned",
            "paintings": sources,
            "lesson": asdict(lesson),
            "network": single.EDITION,
            "optimiser": "Muon",
            "contents": len(self._contents),
            "contents_sha256": files.checksum(*(picture.tobytes() for picture in self._contents)),
            "neighbours": len(self._neighbours),
        }

        self._folder = output.with_name(f"{output.name}.learning")
        self._lock = _prepare(self._folder, output, fresh)
        state = self._saved_state()
        held_out = np.random.default_rng((lesson.seed, 2**32))
        self._held_out = np.stack([_crop(held_out, self._contents, lesson.size) for _ in range(max(2, lesson.batch))])
        aims = {"size": lesson.size, "content_weight": lesson.content_weight}
        twins = CLIP_TWINS if neighbours else TWINS
        self._graph = Graph(self.paintings, self._held_out[:4], twins=twins, **aims)
        self.number, self.best, self._since, self._seconds, self._saved = 0, math.inf, 0, 0.0, clock()
        self._last: deque[float] = deque(maxlen=21)  # the seconds of the last steps
        self.best_weights = self._graph.average.numpy()
        if state:
            self._restore(*state)

    @property
    def finished(self) -> bool:
        """Whether all steps are taken, or the last ones have made nothing better."""
        return self.number >= self.lesson.steps or self._since >= PATIENCE

    def __iter__(self) -> "Learning":
        return self

    def __next__(self) -> Learnt:
        if self.finished:
            self._end()
            raise StopIteration
        began = self._clock()
        rate = _rate(self.number, self.lesson.steps)
        loss, style, content = self._graph.step(self._batch(self.number), rate, self.number + 1)
        if not math.isfinite(loss):
            raise NstlibError(f"the loss is no longer finite after {self.number} steps; the best so far is kept")
        self.number += 1
        if self.number % CHECK == 0 or self.number == self.lesson.steps:
            self._look()
        self._seconds += self._clock() - began
        if self._clock() - self._saved > SAVE_EVERY:
            self.save()
        self._last.append(self._clock() - began)
        known = len(self._last) > 2  # the first step traces, and takes far longer
        left = (self.lesson.steps - self.number) * median(self._last) if known else None
        return Learnt(self.number, loss, style, content, left)

    def _batch(self, number: int) -> dict[str, np.ndarray]:
        """The crops of a step, drawn from seed and number alone; the first two are twins, with their motion.

        The first is compared with its twin, which is judged for both.
        """
        rng, size = np.random.default_rng((self.lesson.seed, number)), self.lesson.size
        crops = [_crop(rng, self._contents, size) for _ in range(self.lesson.batch)]
        if self._neighbours and rng.random() < 0.75:
            pair = self._neighbours[rng.integers(len(self._neighbours))]
            y, x = (rng.integers(n - size + 1) for n in pair.a.shape[:2])
            crops[0], crops[1], flow, c = (part[y : y + size, x : x + size] for part in pair)
        else:
            dy, dx = rng.integers(-3, 4, 2)
            crops[1] = np.roll(crops[0], (dy, dx), (0, 1))
            flow, c = np.full((size, size, 2), (dx, dy), np.float32), np.zeros((size, size), np.float32)
            c[8:-8, 8:-8] = 1
        crops[0] = np.clip(crops[0] + rng.normal(0, rng.uniform(0, 0.02), crops[0].shape), 0, 1)
        shares = self._alone()[rng.integers(len(self.paintings))]
        return {"content": np.stack(crops).astype(np.float32), "flow": flow, "trusted": c, "shares": shares}

    def _alone(self) -> np.ndarray:
        """The shares of each painting alone, (S, S)."""
        return np.eye(len(self.paintings), dtype=np.float32)

    def _look(self) -> None:
        """The average's loss on what is held out; keeps it where it is the best."""
        loss = mean(self._graph.held_out(self._held_out, shares) for shares in self._alone())
        self._since = 0 if loss < BETTER * self.best else self._since + 1
        if loss < self.best:
            self.best, self.best_weights = loss, self._graph.average.numpy()

    def weights(self) -> dict[str, np.ndarray]:
        """The best so far, as `networks.single` takes them."""
        flat = self.best_weights if math.isfinite(self.best) else self._graph.average.numpy()
        return {name: np.asarray(w) for name, w in self._graph.named(tf.constant(flat)).items()}

    def preview(self, photograph: Picture | None = None) -> np.ndarray:
        """A photograph (the package's own where none is given) at 384 px, as `paint` paints it; (H, W, 3)."""
        return self.paint(images.load(samples.photograph() if photograph is None else photograph, size=384))

    def paint(self, picture: np.ndarray) -> np.ndarray:
        """The picture (H, W, 3) as it would be painted now; of several paintings in each, side by side."""
        return np.concatenate([self._graph.paint(picture, shares) for shares in self._alone()], 1)

    def save(self) -> None:
        """Write what the next step depends on, whole or not at all."""
        self._lock.check()
        about = {"record": self.record, "number": self.number, "best": self.best, "since": self._since}
        arrays = {name: v.numpy() for name, v in self._graph.state.items()} | {"best_weights": self.best_weights}
        file = io.BytesIO()
        np.savez(file, about=json.dumps(about | {"seconds": self._seconds}), **arrays)
        with files.whole(self._folder / "state.npz") as beside:
            beside.write_bytes(file.getvalue())
        self._saved = self._clock()

    def _saved_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """What `save` wrote: facts and arrays. NstlibError where it is damaged, or of another learning."""
        path = self._folder / "state.npz"
        if not path.is_file():
            return None
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                state = dict(file)
            about = json.loads(str(state.pop("about")))
            before = about["record"]
        except Exception as error:  # a damaged zip raises many kinds
            self._lock.release()
            raise NstlibError(f"{path} is damaged ({type(error).__name__}); start afresh with --fresh") from None
        differs = [name for name in self.record if before.get(name) != self.record[name]]
        if differs:
            self._lock.release()
            what = " and ".join(differs)
            line = f"{self.output} was begun with another {what}"
            raise NstlibError(f"{line}; give the same, or start afresh with --fresh")
        return about, state

    def _restore(self, about: dict[str, Any], state: dict[str, np.ndarray]) -> None:
        self.best_weights = state.pop("best_weights")
        for name, value in state.items():
            self._graph.state[name].assign(value)
        self.number, self._seconds = about["number"], about["seconds"]
        self.best, self._since = about["best"], about["since"]

    def keep(self) -> Path:
        """Write the module with the best weights so far; returns its folder."""
        if not math.isfinite(self.best) and self.number:
            self._look()
        figures = {"steps": self.number, "seconds": round(self._seconds, 1), "held_out_loss": round(self.best, 5)}
        export(self.weights(), self.paintings, self.output, {**self.record, **figures}, self._sheet())
        return self.output

    def _sheet(self) -> np.ndarray:
        """The painting and a photograph in it, side by side; of several, each above what it makes."""
        side = (288, 288)
        above = np.concatenate([images.resize(painting, side) for painting in self.paintings], 1)
        below = images.resize(self.preview(), above.shape[:2])
        return np.concatenate([above, below], 1 if len(self.paintings) == 1 else 0)

    def leave(self) -> Path:
        """Save, write the module as it is, and let the folder go: the same call goes on from here."""
        self.save()
        folder = self.keep()
        self._lock.release()
        return folder

    def _end(self) -> None:
        """Write the module once; what was saved on the way goes."""
        if self._lock.held:
            self.keep()
            self._lock.remove()


def _prepare(folder: Path, output: Path, fresh: bool) -> Lock:
    """The lock of the folder where the state is kept. NstlibError where the output is something else."""
    if not output.parent.is_dir():
        raise NstlibError(f"{output}: there is no folder {output.parent}; make it first")
    if output.exists() and not fresh and not folder.exists():
        raise NstlibError(f"{output} exists already; choose another output, or start afresh with --fresh")
    if output.exists() and not (output / "saved_model.pb").is_file():
        raise NstlibError(f"{output} is no module, and would be replaced; choose another output")
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    files.make_folder(folder)
    files.remove_torn(folder, "state.npz", "preview.png")
    return Lock(folder, output)


def _source(picture: Picture) -> dict[str, Any]:
    """What a record says of a painting."""
    return {"path": None if isinstance(picture, np.ndarray) else str(picture), "sha256": images.checksum(picture)}


def _painting(source: Picture, size: int) -> np.ndarray:
    picture = images.load(source)
    if min(picture.shape[:2]) < SMALLEST_PAINTING:
        height, width = picture.shape[:2]
        raise NstlibError(f"the painting is {width} x {height} pixels; give one of {SMALLEST_PAINTING} a side at least")
    if picture.std() < 0.01:
        raise NstlibError("the painting is of one colour; there is nothing to learn from it")
    height, width = images.fit(picture.shape[:2], size)
    return images.resize(picture, (max(SMALLEST_PAINTING, height), max(SMALLEST_PAINTING, width)))


def learned_from(photos: str | Path | Sequence[Picture], neighbours: Sequence[FramePair] = ()) -> list[np.ndarray]:
    """What is learned from, as uint8: a folder's pictures or the given ones, a clip's frames; or else the samples."""
    if isinstance(photos, str | Path):
        folder = Path(photos)
        if not folder.exists():
            raise files.missing(folder, "folder")
        if not folder.is_dir():
            raise NstlibError(f"{folder} is a file; give the folder of the photographs")
        pictures = (file for file in folder.rglob("*") if file.suffix.lower() in images.READ)
        photos = sorted(picture for picture in pictures if picture.name[0] != ".")
        if not photos:
            raise NstlibError(f"no pictures in {folder}; give a folder of photographs")
        photos = photos[:: math.ceil(len(photos) / MOST_PICTURES)]
    found = [images.to_uint8(images.load(photo, size=LONGEST)) for photo in photos]
    found += [images.to_uint8(pair.a) for pair in neighbours]
    if not found:
        found = [images.to_uint8(images.load(samples.photograph(), size=LONGEST))]
        found += [images.to_uint8(samples.frame(index)) for index in range(0, 60, 6)]
    return found


def _enlarged(pair: FramePair, size: int) -> FramePair:
    """The pair with its motion, its shorter side of this many pixels at least: a wide clip's is less than a crop's."""
    height, width = pair.a.shape[:2]
    if min(height, width) >= size:
        return pair
    wide, high = (max(size, round(n * size / min(height, width))) for n in (width, height))
    a, b, flow, c = (cv2.resize(part, (wide, high), interpolation=cv2.INTER_LINEAR) for part in pair)
    return FramePair(a, b, flow * np.float32((wide / width, high / height)), c)


def _crop(rng: np.random.Generator, pictures: Sequence[np.ndarray], size: int) -> np.ndarray:
    """A square of a picture at a scale of 0.6 to 1.2, mirrored and with its light changed half the time."""
    picture = pictures[rng.integers(len(pictures))]
    side = int(np.clip(size * 2 ** rng.uniform(-0.3, 0.8), 16, min(picture.shape[:2])))
    y, x = (rng.integers(n - side + 1) for n in picture.shape[:2])
    method = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    crop = cv2.resize(picture[y : y + side, x : x + side], (size, size), interpolation=method) / np.float32(255)
    crop = crop[:, ::-1] if rng.random() < 0.5 else crop
    if rng.random() < 0.5:
        crop = (crop - 0.5) * rng.uniform(0.7, 1.3) + 0.5 + rng.normal(0, 0.06, 3)
    return np.clip(crop, 0, 1).astype(np.float32)


def _rate(number: int, steps: int) -> float:
    """Rises over the first steps and falls to 0 as a cosine."""
    return RATE * min(1.0, (number + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * number / steps))
