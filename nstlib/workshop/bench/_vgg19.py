"""Speed on VGG19, whose weights need not be there: its layout's time and memory are the same with random ones.

What needs real features, the warm start, counts evaluations on the reference teacher in ../shared, a slim VGG19, and
takes VGG19's seconds for each.
"""

import sys
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from ... import samples
from ...core.model import StyleContentModel, load_model
from ...core.run import Run
from ...core.schedule import Stage
from ...media import images
from ...settings import Settings
from . import Row, compact
from ._peak import measured
from ._recipe import SHARED, Recipe, in_turn, pairs

SIDE = 256
GOAL = 1000  # the recipe's steps
WARM_STEPS = 500  # half of them compact's, which cost a tenth


def rows() -> Iterator[Row]:
    """Every figure that speaks of VGG19."""
    if (SHARED / "teacher" / "judge.py").is_file():
        yield warm_start()
    else:
        print(f"speed: the warm start left out, no reference teacher in {SHARED.name}/", file=sys.stderr)
    yield over_bare_pass()
    ours, recipe = (measured(kind, 1024, 3)[0] for kind in ("ours", "recipe"))
    yield Row("speed", "peak memory at 1024x1024, vgg19's layout: ours / recipe", ours / recipe, 1.0, 0.6, "lower")


def step_seconds(content: np.ndarray, style: np.ndarray, steps: int) -> float:
    """Seconds of a step of the recipe on VGG19's layout."""
    settings = Settings(extractor="random", size=max(content.shape), scales=1, forms=0, precision="float32")
    return Recipe(Run(content, style, settings)).train(steps)[1][-1] / steps


def warm_start() -> Row:
    """Recipe ÷ ours from compact's result: the teacher's evaluations to the recipe's last loss, VGG19's seconds."""
    content, style = (images.resize(picture, (SIDE, SIDE)) for picture in pairs()[0])
    settings = Settings(
        size=SIDE, scales=1, forms=0, steps=WARM_STEPS, content_layers=compact.CONTENT, precision="float32"
    )
    fast, teacher, quick = load_model(settings), compact.teacher(compact.load_judge()), WARM_STEPS // 2
    goal = Recipe(_staged(Run(content, style, settings), (teacher, np.inf))).train(GOAL)[0][-1]
    warm = _staged(Run(content, style, settings), (fast, quick), (teacher, np.inf))
    warm.extend(4 * GOAL)
    reached = (step.number for step in warm if warm._model is teacher and step.losses["total"] <= goal)
    slow = next(reached, np.inf) - quick
    each, run = step_seconds(content, style, 5), Run(content, style, settings)
    (seconds,) = in_turn(lambda: next(run), rounds=10)
    ratio = GOAL * each / (slow * each + quick * seconds)
    name = f"vgg19 from compact's result: recipe / ours, {SIDE}x{SIDE}, evaluations of the teacher"
    return Row("speed", name, ratio, 8, 15, "higher")


def over_bare_pass() -> Row:
    """A step of ours over a forward and a backward pass of the same layers, with nothing compared."""
    content = images.resize(samples.frame(30), (SIDE, SIDE))
    as_bare = {"extractor": "random", "precision": "float32", "forms": 0}
    settings = Settings(size=SIDE, steps=1000, scales=1, **as_bare)
    run = Run(content, samples.styles()["whirls"], settings)
    image, extractor = tf.constant(run.optimizer.x), run.model.extractor  # with its border

    @tf.function
    def bare(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.add_n([tf.reduce_sum(features) for features in extractor(x[None]).values()])
        return tape.gradient(total, x)

    bare(image)
    for _ in range(3):
        next(run)
    step, network = in_turn(lambda: next(run), lambda: bare(image).numpy(), rounds=9)
    name = f"a step on vgg19's layout / a bare forward and backward pass, {SIDE}x{SIDE}"
    return Row("speed", name, step / network, 1.10, 1.03, "lower")


def _staged(run: Run, *models: tuple[StyleContentModel, float]) -> Run:
    """The run, of these models one after the other, each until so many evaluations are made."""
    last = len(models) - 1
    made = {Stage(run.shape, "float32", until, warm=k < last): model for k, (model, until) in enumerate(models)}
    run.model, run.stages, run.model_of = models[-1][0], list(made), made.__getitem__
    run._enter(0)
    return run
