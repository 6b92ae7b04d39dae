"""The paper's and the tutorial's own numbers make pictures on what ships."""

import pytest
from conftest import SHARED, needs_shared

from nstlib.core.run import Run
from nstlib.settings import Settings
from nstlib.workshop.bench.compact import judged, load_judge, read

GATYS = {"convention": "gatys", "optimizer": "lbfgs"}
TUTORIAL = {"convention": "tutorial", "optimizer": "adam", "learning_rate": 0.02, "content_layers": ("block5_conv2",)}


def judged_of(content, style, **settings):
    """The judge's (content distance, style distance) at 256 px."""
    run = Run(
        SHARED / "contents" / f"{content}.jpg",
        SHARED / "paintings" / f"{style}.jpg",
        Settings(size=256, scales=1, **settings),
    )
    return judged(load_judge(), run.finish(), read("contents", content), read("paintings", style))


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize(("init", "steps"), [("content", 300), ("noise", 500)])
def test_the_papers_numbers_make_a_picture(init, steps):
    content, style = judged_of("golden_gate", "starry_night", init=init, steps=steps, **GATYS)
    assert 0.2 < content < 0.95 and style < 0.08


@needs_shared
@pytest.mark.slow
def test_the_tutorials_numbers_make_a_picture():
    """Four layers of five come near; relu5_1 does not, since its content weight holds the fifth block in place."""
    content, style = judged_of("golden_gate", "starry_night", steps=1000, **TUTORIAL)
    assert 0.2 < content < 0.95 and style < 0.785 / 3  # the photograph's own
