"""The compact extractor against VGG19 (speed) and against its teacher (fidelity), as its issue asks.

Speed stands for itself; fidelity needs the reference teacher and pictures in ../shared, and is left out without them.
"""

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow as tf

from ...core.features import Extractor, Read, load_extractor
from ...core.losses import content_loss, gram_matrix, style_loss
from ...core.model import StyleContentModel, Targets, term_weights
from ...core.speed.lbfgs import LBFGS, laplacian_pyramid
from ...media import images
from ...networks import compact
from ...networks.vgg19 import CHANNELS
from ...settings import STYLE_LAYERS, Settings
from . import Row

SHARED = Path(__file__).parents[4] / "shared"
CONTENTS = ("tubingen", "golden_gate", "chicago", "green_sea_turtle")
PAINTINGS = ("starry_night", "kandinsky", "the_scream", "great_wave_crop", "udnie", "woman_with_hat_matisse")
PAIRS = [(content, PAINTINGS[(3 * i + j) % 6]) for i, content in enumerate(CONTENTS) for j in range(3)]
CONTENT = ("block4_conv1",)  # the layer of the judge's content distance
SIZE, STEPS = 256, 80
CONTENT_WEIGHT = 0.1  # a content distance of 0.3 to 0.5: photograph and painting both plain to see
BRACKET = (1, 2, 4, 8)  # times that weight, for compact: content distances on both sides of the teacher's
Judge = ModuleType


def rows() -> Iterator[Row]:
    """Every figure of the compact extractor."""
    yield Row("compact", "size in the repository, MB", compact.FILE.stat().st_size / 1e6, 4, 2, "lower")
    yield from speed()
    if not (SHARED / "teacher" / "judge.py").is_file():
        print(f"compact: fidelity left out, no reference teacher in {SHARED.name}/", file=sys.stderr)
        return
    judge = load_judge()
    ranks = rank_correlation(judge)
    yield Row("compact", "rank correlation of style distances, 200 pairs", ranks, 0.98, 0.995, "higher")
    yield from fidelity(judge)


def speed(shape: tuple[int, int] = (384, 512), rounds: int = 7) -> Iterator[Row]:
    """A loss-and-gradient step with the tutorial's layers: VGG19's time over compact's, in turn, medians."""
    image, layers = tf.random.stateless_uniform((*shape, 3), (0, 0)), (*STYLE_LAYERS, "block5_conv2")
    # VGG19's time does not depend on its weights: `random` is its layout where they cannot be had.
    vgg, exact, rough = (
        _step(load_extractor(name, layers, precision=precision), image)
        for name, precision in (("random", "float32"), ("compact", "float32"), ("compact", "bfloat16"))
    )
    times = np.array([[_clock(vgg), _clock(exact, 4), _clock(rough, 4)] for _ in range(rounds)])
    base, *slim = np.median(times, axis=0)
    yield Row("compact", "speed against vgg19, float32", base / slim[0], 12, 18, "higher")
    yield Row("compact", "speed against vgg19 (float32), bfloat16", base / slim[1], 20, 30, "higher")


def _step(extractor: Extractor, image: tf.Tensor) -> Callable[[], Any]:
    """Loss and gradient of style and content alone: total variation would cost every extractor the same."""
    targets = {n: gram_matrix(f) for n, f in extractor(1 - image[None]).items()}
    content = extractor(image[None])["block5_conv2"]

    @tf.function
    def loss_and_gradient(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            seen = extractor(x[None])
            style = [style_loss(gram_matrix(seen[n]), targets[n]) for n in STYLE_LAYERS]
            loss = tf.add_n(style) + content_loss(seen["block5_conv2"], content)
        return loss, tape.gradient(loss, x)

    loss_and_gradient(image)
    return lambda: loss_and_gradient(image)[1].numpy()


def _clock(step: Callable[[], Any], repeats: int = 1) -> float:
    """The mean time of some repeats, seconds."""
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - start) / repeats


@cache
def load_judge() -> Judge:
    """../shared/teacher/judge.py as a module."""
    spec = importlib.util.spec_from_file_location("judge", SHARED / "teacher" / "judge.py")
    judge = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(judge)
    return judge


def teacher(judge: Judge) -> StyleContentModel:
    """The judge's own network as a model to optimise with."""
    features = judge.features.python_function

    def network(image: tf.Tensor, read: Read | None) -> dict[str, Any]:
        seen = dict(zip(STYLE_LAYERS, features(image[0]), strict=True))
        return {name: read(name, f) for name, f in seen.items()} if read else seen

    return StyleContentModel(Extractor("teacher", STYLE_LAYERS, "", network, CHANNELS), STYLE_LAYERS, CONTENT)


def student() -> StyleContentModel:
    """The compact extractor as a model."""
    return StyleContentModel(load_extractor("compact", STYLE_LAYERS), STYLE_LAYERS, CONTENT)


def _objective(model: StyleContentModel, content: np.ndarray, style: np.ndarray, weight: float) -> Callable[[Any], Any]:
    settings = Settings(content_weight=weight, style_weight=1.0, tv_weight=0.0, content_layers=model.content_layers)
    targets = Targets(model(tf.constant(content))["content"], model(tf.constant(style))["style"], tf.ones(1))
    weights = {name: tf.constant(w, tf.float32) for name, w in term_weights(settings, targets.style).items()}
    return lambda image: model.loss(image, targets, weights)


def optimise(
    model: StyleContentModel, content: np.ndarray, style: np.ndarray, weight: float, steps: int = STEPS
) -> tuple[np.ndarray, np.ndarray]:
    """The picture after `steps` evaluations of L-BFGS from the content, and half-way."""
    objective = _objective(model, content, style, weight)
    optimizer = LBFGS(tf.constant(content), precondition=laplacian_pyramid())
    seen = []
    for _ in range(steps):
        optimizer.step(objective)
        seen.append(optimizer.x)
    return seen[-1].numpy(), seen[steps // 2].numpy()


def read(folder: str, name: str, size: int | None = SIZE) -> np.ndarray:
    """A picture of ../shared."""
    return images.load(SHARED / folder / f"{name}.jpg", size=size)


def fidelity(judge: Judge) -> Iterator[Row]:
    """Style distance by the judge at equal content distance, over the teacher's; and the gradients' cosine half-way."""
    models, ratios, cosines = (student(), teacher(judge)), [], []
    for content, style in ((read("contents", c), read("paintings", p)) for c, p in PAIRS):
        theirs, _ = optimise(models[1], content, style, CONTENT_WEIGHT)
        goal = judged(judge, theirs, content, style)
        runs = [optimise(models[0], content, style, CONTENT_WEIGHT * k) for k in BRACKET]
        ours = [judged(judge, final, content, style) for final, _ in runs]
        ratios.append(style_at(goal[0], ours) / goal[1])
        gradients = [_objective(m, content, style, 0.0)(tf.constant(runs[0][1]))[1].numpy().ravel() for m in models]
        cosines.append(gradients[0] @ gradients[1] / np.prod([np.linalg.norm(g) for g in gradients]))
    ratio, cosine = float(np.median(ratios)), float(np.median(cosines))
    yield Row("compact", "style distance over the teacher's, median of 12 pairs", ratio, 3, 1.5, "lower")
    yield Row("compact", "cosine of gradients half-way, median of 12 pairs", cosine, 0.4, 0.8, "higher")


def style_at(content: float, measured: list[tuple[float, float]]) -> float:
    """The style distance at a content distance, by lines through the logarithms of measured (content, style) pairs."""
    x, y = np.log(sorted(measured)).T
    end = int(np.clip(np.searchsorted(x, np.log(content)), 1, len(x) - 1))
    slope = (y[end] - y[end - 1]) / (x[end] - x[end - 1])
    return float(np.exp(y[end] + slope * (np.log(content) - x[end])))


def judged(judge: Judge, picture: np.ndarray, content: np.ndarray, style: np.ndarray) -> tuple[float, float]:
    """(content distance, style distance) by the judge."""
    picture, content, style = (tf.constant(x) for x in (picture, content, style))
    return judge.content_distance(picture, content), judge.style_distance(picture, style)


def rank_correlation(judge: Judge, count: int = 40, pairs: int = 200) -> float:
    """Spearman's ρ of compact's and the teacher's style distances between crops kept out of training."""
    rng = np.random.default_rng(5)
    crops = [tf.constant(_crop(rng, i)) for i in range(count)]
    chosen = [rng.choice(count, 2, replace=False) for _ in range(pairs)]
    model = student()
    each = (
        [[g[0].numpy() for g in model(x)["style"].values()] for x in crops],
        [[judge.gram(f).numpy() for f in judge.features(x)] for x in crops],
    )
    ranks = [np.argsort(np.argsort([_distance(grams[i], grams[j]) for i, j in chosen])) for grams in each]
    return float(np.corrcoef(ranks)[0, 1])


def _crop(rng: np.random.Generator, index: int, side: int = 192) -> np.ndarray:
    names = [("paintings", p) for p in PAINTINGS] + [("contents", c) for c in CONTENTS]
    image = read(*names[index % len(names)], size=None)
    k = rng.uniform(max(0.5, side / min(image.shape[:2])), 1)
    image = images.resize(image, tuple(max(side, round(n * k)) for n in image.shape[:2]))
    y, x = (rng.integers(n - side + 1) for n in image.shape[:2])
    return image[y : y + side, x : x + side]


def _distance(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    return float(np.mean([np.sum((a - b) ** 2) / np.sum(b**2) for a, b in zip(one, other, strict=True)]))
